"""Abstraction: sibling files to one primitive with a typed schema, and each sibling's private values.

siblings -> parse -> align -> draft -> unify -> names, types -> template -> every sibling rebuilt -> leak gate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from fde_api.candidate import Proof
from fde_api.primitive import PrimitiveSpec, Value
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import house, leak
from fde_extraction.attempt import attempt, owner
from fde_extraction.drafted import END, Loop, Open
from fde_extraction.explanation import Explained
from fde_extraction.inference import Evidence
from fde_extraction.language import kind_of
from fde_extraction.members import Member, Skipped, members_of, paired, sized
from fde_extraction.reason import explained
from fde_extraction.source_file import SourceFile, read
from fde_extraction.template_file import Use, uses
from fde_extraction.unparsable import Leaking, NotAbstractable
from fde_extraction.vouched import acknowledged
from fde_template.errors import TemplateError
from fde_template.place import is_source
from fde_template.render import render

LIFTS: Final = 2  # times that what leaked is forced out and the template drafted again

__all__ = ["Abstraction", "Report", "Sibling", "Use", "abstract"]


@dataclass(frozen=True, slots=True)
class Sibling:
    """One file of one solution. Files of one solution share `member`; by default each file is a solution of its own."""

    customer: str
    path: str
    data: bytes
    member: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a reviewer asks first. `source_share`: share of the siblings' text in source blocks, 0..1.

    `acknowledge`: with siblings of fewer than three customers, the words of code that stay in the template and that no
    standard vouches for; with more, those of blocks that siblings of fewer have. `explained`: why each parameter is one;
    `evidence`: what the template says of itself by the catalogue; `compliance`: tags proposed, in no spec. `shared`: share of the text that all
    siblings have word by word, 0..1.
    """

    skipped: tuple[Skipped, ...] = ()
    source_blocks: int = 0
    source_share: float = 0.0
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)
    acknowledge: tuple[str, ...] = ()
    explained: tuple[Explained, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    compliance: tuple[Evidence, ...] = ()
    shared: float = 1.0


@dataclass(frozen=True, slots=True)
class Abstraction:
    """The publishable `spec`, the private `bindings` (member -> parameter -> value), the proof and the report."""

    spec: PrimitiveSpec
    bindings: dict[str, dict[str, Value]]
    proof: Proof
    report: Report


def abstract(
    siblings: Sequence[Sibling], *, name: str, customers: Sequence[str] = (), domain: str = "integration"
) -> Abstraction:
    """One primitive that gives every sibling back byte for byte.

    `customers`: names that must not be published, beside the siblings' own. A sibling that does not parse is skipped and
    reported. :class:`NotAbstractable` when fewer than two are left or they share too little; :class:`Leaking` when the
    leak gate finds anything in the finished proposal.
    """
    sized([(_where(s), s.data) for s in siblings])
    members, skipped = members_of([(s.member, s.customer, s.path, s.data) for s in siblings])
    members = sorted(members, key=lambda member: (sorted(member.files.values()), member.name))
    _enough(members, skipped)
    named = tuple(dict.fromkeys([*customers, *(member.customer for member in members)]))
    files = [read(path, [texts[0] for texts in column], members) for path, column in paired(members, name)]
    houses = house.named_by(file.aligned for file in files)
    named = tuple(dict.fromkeys([*named, *houses]))
    shared_by = customers_of(members)
    few = shared_by < MIN_CUSTOMERS
    made = attempt(files, members, named, name=name, domain=domain, houses=houses)
    rounds = 0
    # A value that the code shows elsewhere by chance is lifted there too; what cannot be lifted blocks publication.
    while made.leaks and rounds < LIFTS and (texts := made.liftable()):
        made = attempt(files, members, named, name=name, domain=domain, lifted=made.lifted | texts, houses=houses)
        rounds += 1
    if made.leaks:
        raise Leaking(made.leaks)
    rebuilt = sum(_rebuilds(made.spec, made.bindings[m.name], k, files) for k, m in enumerate(members))
    if rebuilt != len(members):
        raise NotAbstractable(members[0].name, f"only {rebuilt} of {len(members)} siblings come back byte for byte")
    proof = Proof(siblings=len(members), rebuilt=rebuilt, sibling_customers=shared_by, leaks=0, gate=leak.GATE)
    report = Report(
        tuple(skipped),
        sum(slot.kind == "source" or is_source(slot.place) for slot in made.slots),
        made.source_share,
        uses(files, made.declaration),
        _kept(files) if few else _in_blocks(files, [owner(member) for member in members]),
        explained(files, made.declaration),
        made.evidence,
        made.compliance,
        min(file.shared for file in files),
    )
    return Abstraction(made.spec, made.bindings, proof, report)


def _where(sibling: Sibling) -> str:
    return (
        f"{sibling.member}/{sibling.path}"
        if sibling.member not in ("", PurePosixPath(sibling.path).stem)
        else sibling.path
    )


def customers_of(members: Sequence[Member]) -> int:
    """How many distinct customers they are of; one name in two spellings is one."""
    return len({owner(member) for member in members})


def _kept(files: Sequence[SourceFile]) -> tuple[str, ...]:
    return acknowledged(part for file in files for part in file.parts if isinstance(part, str))


def _enough(members: Sequence[Member], skipped: Sequence[Skipped]) -> None:
    if len(members) < 2:
        why = "; ".join(str(item) for item in skipped)
        raise NotAbstractable(
            "siblings", f"{len(members)} can be used, a template needs 2 or more{': ' + why if why else ''}"
        )
    first = [next(iter(member.files.items())) for member in members]
    languages = {kind_of(path) for path, _ in first if len(members[0].files) == 1}
    if len(languages) > 1:
        raise NotAbstractable("siblings", f"are in different languages ({', '.join(sorted(languages))})")


def _in_blocks(files: Sequence[SourceFile], owners: Sequence[str]) -> tuple[str, ...]:
    """The words that no standard vouches for in blocks that siblings of too few customers have."""
    kept: list[str] = []
    for file in files:
        depth = 0  # of the outermost block that few have
        for part in file.parts:
            if depth or (isinstance(part, Open) and _is_rare(part, owners)):
                depth += isinstance(part, (Open, Loop)) - (part is END)
                if isinstance(part, str):
                    kept.append(part)
    return acknowledged(kept)


def _is_rare(part: Open, owners: Sequence[str]) -> bool:
    frame = part.choice.frame
    rows = [k for k, number in zip(frame.siblings, part.choice.classes, strict=True) if number == part.number]
    return len({owners[k] for k in rows}) < MIN_CUSTOMERS


def _rebuilds(spec: PrimitiveSpec, bindings: Mapping[str, Value], k: int, files: Sequence[SourceFile]) -> bool:
    hidden = {parameter.name for parameter in spec.parameters if parameter.type == "secretRef"}
    values = {name: value for name, value in bindings.items() if name not in hidden}
    secret = {name: str(value) for name, value in bindings.items() if name in hidden}
    try:
        return all(
            render(file, values, spec.parameters, secrets=secret) == read.texts[k].encode(read.encoding)
            for file, read in zip(spec.template.files, files, strict=True)
        )
    except TemplateError as error:
        raise NotAbstractable("siblings", f"cannot be rebuilt: {error}") from error
