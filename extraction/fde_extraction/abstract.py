"""Abstraction: sibling files to one primitive with a typed schema, and each sibling's private values.

siblings -> parse -> align -> draft -> unify -> names, types -> template -> every sibling rebuilt -> leak gate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Literal

from fde_api.candidate import Proof
from fde_api.primitive import (
    Parameter,
    PrimitiveSpec,
    Scalar,
    Template,
)
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import leak, sensitive
from fde_extraction.description import describe
from fde_extraction.draft import Source, draft
from fde_extraction.label import words_of
from fde_extraction.language import language_of
from fde_extraction.members import Member, Skipped, members_of, paired, sized
from fde_extraction.naming import Names
from fde_extraction.schema import type_of
from fde_extraction.slot import Slot
from fde_extraction.source_file import SourceFile, read, shows_secret, source_share, vocabulary_of
from fde_extraction.template_file import Use, templates, uses
from fde_extraction.unify import Value, unify
from fde_extraction.unparsable import Leaking, NotAbstractable
from fde_extraction.vouched import acknowledged
from fde_template.errors import TemplateError
from fde_template.place import is_source
from fde_template.render import render
from fde_template.values import typed
from fde_template.words import words

MOST_PARAMETERS: Final = 256  # as the resource's schema
MOST_SEGMENTS: Final = 4096
MOST_SOURCE: Final = 0.5  # share of the siblings' text that may be free source blocks

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
    standard vouches for; empty otherwise.
    """

    skipped: tuple[Skipped, ...] = ()
    source_blocks: int = 0
    source_share: float = 0.0
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)
    acknowledge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Abstraction:
    """The publishable `spec`, the private `bindings` (member -> parameter -> value), the proof and the report."""

    spec: PrimitiveSpec
    bindings: dict[str, dict[str, Scalar]]
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
    shared_by = customers_of(members)
    few = shared_by < MIN_CUSTOMERS
    sources = [Source(file.pieces, file.secrets, file.language, file.imported) for file in files]
    for file, parts in zip(files, draft(sources, named, few=few, said=name), strict=True):
        file.parts = parts
    slots = [part for file in files for part in file.parts if isinstance(part, Slot)]
    values = unify(slots)
    shown = frozenset(
        word for file in files for part in file.parts if isinstance(part, str) for word in words(part)
    ) | {label.text for slot in slots for label in slot.labels if label.role == "keyword case"}
    parties = any(sensitive.PARTY & set(words_of(label.text)) for slot in slots for label in slot.labels)
    names = Names(shown, named, guess=not parties)
    parameters, texts = _schema(slots, values, names)
    template = Template(files=tuple(templates(files, values, [p.name for p in parameters])))
    if len(parameters) > MOST_PARAMETERS:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"would need {len(parameters)} parameters ({MOST_PARAMETERS} at most): nobody fills in such a schema; split the files",
        )
    if any(len(file.segments) > MOST_SEGMENTS for file in template.files):
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"would need a template of more than {MOST_SEGMENTS} segments in one file; split the files",
        )
    free = source_share(files)
    if free > MOST_SOURCE:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"{free:.0%} of them would be source blocks: the siblings share too little structure for a template",
        )
    spec = PrimitiveSpec(
        primitive_name=name, version="v0.1.0", domain=domain, template=template, parameters=tuple(parameters),
        complexity=_complexity(parameters), tags=tuple(sorted({file.language for file in files})),
    )  # fmt: skip
    bindings = {
        member.name: {p.name: typed(p, texts[p.name][k]) for p in parameters} for k, member in enumerate(members)
    }
    rebuilt = sum(_rebuilds(spec, member, texts, k, files) for k, member in enumerate(members))
    if rebuilt != len(members):
        raise NotAbstractable(members[0].name, f"only {rebuilt} of {len(members)} siblings come back byte for byte")
    vocabulary = vocabulary_of(files)
    leaks = [
        *leak.scan(
            spec,
            bindings,
            customers=named,
            vocabulary=vocabulary,
            shown=names.shown,
            owned=_owned(slots, values, parameters, named, by_name=parties),
            shared=not few,
        ),
        *(leak.Leak("secret", f"template.files[{index}]") for index, file in enumerate(files) if shows_secret(file)),
    ]
    if leaks:
        raise Leaking(leaks)
    proof = Proof(
        siblings=len(members),
        rebuilt=rebuilt,
        sibling_customers=shared_by,
        leaks=0,
        gate=leak.GATE,
    )
    blocks = sum(slot.kind == "source" or is_source(slot.place) for slot in slots)
    report = Report(tuple(skipped), blocks, free, uses(files, values, parameters), _kept(files) if few else ())
    return Abstraction(spec, bindings, proof, report)


def _where(sibling: Sibling) -> str:
    return (
        f"{sibling.member}/{sibling.path}"
        if sibling.member not in ("", PurePosixPath(sibling.path).stem)
        else sibling.path
    )


def customers_of(members: Sequence[Member]) -> int:
    """How many distinct customers they are of; one name in two spellings is one."""
    return len({"".join(words(member.customer)) or member.customer for member in members})


def _kept(files: Sequence[SourceFile]) -> tuple[str, ...]:
    return acknowledged(part for file in files for part in file.parts if isinstance(part, str))


def _enough(members: Sequence[Member], skipped: Sequence[Skipped]) -> None:
    if len(members) < 2:
        why = "; ".join(str(item) for item in skipped)
        raise NotAbstractable(
            "siblings", f"{len(members)} can be used, a template needs 2 or more{': ' + why if why else ''}"
        )
    first = [next(iter(member.files.items())) for member in members]
    languages = {language_of(path) for path, _ in first if len(members[0].files) == 1}
    if len(languages) > 1:
        raise NotAbstractable("siblings", f"are in different languages ({', '.join(sorted(languages))})")


def _schema(
    slots: Sequence[Slot], values: Sequence[Value], names: Names
) -> tuple[list[Parameter], dict[str, tuple[str, ...]]]:
    parameters, texts = list[Parameter](), dict[str, tuple[str, ...]]()
    for value in values:
        used = [names.shows(slots[index]) for index in sorted(value.uses)]
        name = names.give(used, value.texts)
        kind, allowed = type_of(used, value.texts, name)
        description = describe(used, value.texts, name, kind)
        parameters.append(
            Parameter(name=name, type=kind, required=True, description=description, allowed_values=allowed)
        )
        texts[name] = tuple(text.lower() for text in value.texts) if kind == "bool" else value.texts
    return parameters, texts


def _owned(
    slots: Sequence[Slot],
    values: Sequence[Value],
    parameters: Sequence[Parameter],
    customers: Sequence[str],
    *,
    by_name: bool,
) -> frozenset[str]:
    """Parameters that hold a customer's or person's name: by what the code calls them, or because they spell one.

    `by_name`: names count too, because they are the code's; a name that was guessed proves nothing.
    """
    names = {"".join(words(customer)) for customer in customers}
    return frozenset(
        parameter.name
        for parameter, value in zip(parameters, values, strict=True)
        if parameter.type in ("secretRef", "email", "host", "url")
        or any(
            sensitive.PARTY & set(words(hint))
            for index in value.uses
            for hint in (*slots[index].hints[:2], *([parameter.name] if by_name else []))
        )
        or any(slots[index].sensitive == "person" for index in value.uses)
        or any("".join(words(text)) in names for text in value.texts)
    )


def _complexity(parameters: Sequence[Parameter]) -> Literal["low", "medium", "high"]:
    return "low" if len(parameters) <= 6 else "medium" if len(parameters) <= 15 else "high"


def _rebuilds(
    spec: PrimitiveSpec, member: Member, texts: Mapping[str, tuple[str, ...]], k: int, files: Sequence[SourceFile]
) -> bool:
    values: dict[str, Scalar] = {}
    secret: dict[str, str] = {}
    for parameter in spec.parameters:
        text = texts[parameter.name][k]
        if parameter.type == "secretRef":
            secret[parameter.name] = text
        else:
            values[parameter.name] = typed(parameter, text)
    try:
        return all(
            render(file, values, spec.parameters, secrets=secret) == read.texts[k].encode(read.encoding)
            for file, read in zip(spec.template.files, files, strict=True)
        )
    except TemplateError as error:
        raise NotAbstractable(member.name, f"cannot be rebuilt: {error}") from error
