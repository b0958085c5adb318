"""Abstraction: sibling files to one primitive with a typed schema, and each sibling's private values.

siblings -> parse -> align -> draft -> unify -> names, types -> template -> every sibling rebuilt -> leak gate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from fde_api.candidate import Proof
from fde_api.primitive import (
    Hole,
    Language,
    Parameter,
    PrimitiveSpec,
    Scalar,
    Segment,
    Template,
    TemplateFile,
)
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import leak, secrets, sensitive
from fde_extraction.align import Piece, align
from fde_extraction.description import describe
from fde_extraction.draft import Part, Source, draft
from fde_extraction.language import language, language_of
from fde_extraction.members import Member, Skipped, members_of, paired
from fde_extraction.naming import Names
from fde_extraction.schema import type_of
from fde_extraction.similarity import similarity
from fde_extraction.slot import Slot
from fde_extraction.unify import Value, unify
from fde_extraction.unparsable import Leaking, NotAbstractable
from fde_template.encoding import newline_of
from fde_template.errors import TemplateError
from fde_template.place import is_source
from fde_template.render import render
from fde_template.shape import shape_of
from fde_template.values import typed
from fde_template.words import words

LEAST_ALIKE: Final = 0.25  # mean similarity of siblings below which nothing is worth a template
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
class Use:
    """One hole of a parameter, for explanation: file, line in the first sibling, place, filters."""

    path: str
    line: int
    place: str
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a reviewer asks first. `source_share`: share of the siblings' text in source blocks, 0..1."""

    skipped: tuple[Skipped, ...] = ()
    source_blocks: int = 0
    source_share: float = 0.0
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Abstraction:
    """The publishable `spec`, the private `bindings` (member -> parameter -> value), the proof and the report."""

    spec: PrimitiveSpec
    bindings: dict[str, dict[str, Scalar]]
    proof: Proof
    report: Report


@dataclass(slots=True)
class _File:
    path: str
    language: Language
    texts: list[str]
    encoding: str
    pieces: list[Piece]
    parts: list[Part]
    secrets: list[list[tuple[int, int]]]


def abstract(
    siblings: Sequence[Sibling], *, name: str, customers: Sequence[str] = (), domain: str = "integration"
) -> Abstraction:
    """One primitive that gives every sibling back byte for byte.

    `customers`: names that must not be published, beside the siblings' own. A sibling that does not parse is skipped and
    reported. :class:`NotAbstractable` when fewer than two are left or they share too little; :class:`Leaking` when the
    leak gate finds anything in the finished proposal.
    """
    members, skipped = members_of([(s.member, s.customer, s.path, s.data) for s in siblings])
    members = sorted(members, key=lambda member: (sorted(member.files.values()), member.name))
    _enough(members, skipped)
    named = tuple(dict.fromkeys([*customers, *(member.customer for member in members)]))
    files = [_read(path, [texts[0] for texts in column], members) for path, column in paired(members, name)]
    for file, parts in zip(files, draft([Source(f.pieces, f.secrets, f.language) for f in files], named), strict=True):
        file.parts = parts
    slots = [part for file in files for part in file.parts if isinstance(part, Slot)]
    values = unify(slots)
    shown = frozenset(
        word for file in files for part in file.parts if isinstance(part, str) for word in words(part)
    ) | {label.text for slot in slots for label in slot.labels if label.role == "keyword case"}
    parties = any(sensitive.PARTY & set(words(label.text)) for slot in slots for label in slot.labels)
    names = Names(shown, named, guess=not parties)
    parameters, texts = _schema(slots, values, names)
    template = Template(files=tuple(_templates(files, values, [p.name for p in parameters])))
    if len(parameters) > MOST_PARAMETERS or any(len(file.segments) > MOST_SEGMENTS for file in template.files):
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"would need {len(parameters)} parameters ({MOST_PARAMETERS} at most): nobody fills in such a schema; split the files",
        )
    source_share = _source_share(files)
    if source_share > MOST_SOURCE:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"{source_share:.0%} of them would be source blocks: the siblings share too little structure for a template",
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
    vocabulary = _vocabulary(files)
    leaks = [
        *leak.scan(
            spec,
            bindings,
            customers=named,
            vocabulary=vocabulary,
            shown=names.shown,
            owned=_owned(slots, values, parameters, named, by_name=parties),
            shared=len({member.customer for member in members}) >= MIN_CUSTOMERS,
        ),
        *(leak.Leak("secret", f"template.files[{index}]") for index, file in enumerate(files) if _shows_secret(file)),
    ]
    if leaks:
        raise Leaking(leaks)
    proof = Proof(
        siblings=len(members),
        rebuilt=rebuilt,
        sibling_customers=len({m.customer for m in members}),
        leaks=0,
        gate=leak.GATE,
    )
    blocks = sum(slot.kind == "source" or is_source(slot.place) for slot in slots)
    report = Report(tuple(skipped), blocks, source_share, _uses(files, values, parameters))
    return Abstraction(spec, bindings, proof, report)


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


def _read(path: str, sources: Sequence[tuple[str, bytes]], members: Sequence[Member]) -> _File:
    kind = language_of(path)
    alike = [similarity(a[1], b[1], kind) for index, a in enumerate(sources) for b in sources[index + 1 :]]
    if alike and sum(alike) / len(alike) < LEAST_ALIKE:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"share too little for a template ({sum(alike) / len(alike):.0%} alike, {LEAST_ALIKE:.0%} needed)",
        )
    encoding = members[0].encoding
    texts = [data.decode(encoding) for _, data in sources]
    if kind == "other":
        raise NotAbstractable(path, "is in no language the engine reads (python, typescript, sql)")
    trees = [language(kind).parse(text, where) for text, (where, _) in zip(texts, sources, strict=True)]
    pieces = align(trees, texts)
    spans = [
        [(start, end) for _, start, end, _ in secrets.find_text(text, tree)]
        for text, tree in zip(texts, trees, strict=True)
    ]
    return _File(path, kind, texts, encoding, pieces, [], spans)


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


def _templates(files: Sequence[_File], values: Sequence[Value], names: Sequence[str]) -> list[TemplateFile]:
    owner = {
        index: (name, chain) for name, value in zip(names, values, strict=True) for index, chain in value.uses.items()
    }
    found, index = [], 0
    for file in files:
        segments: list[Segment] = []
        spans: list[list[tuple[int, int]]] = [[] for _ in file.texts]
        ends = [0] * len(file.texts)
        for part in file.parts:
            if isinstance(part, str):
                segments.append(Segment(text=part))
                ends = [end + len(part) for end in ends]
                continue
            name, chain = owner[index]
            index += 1
            segments.append(Segment(hole=Hole(parameter=name, place=part.place, filters=chain)))
            for k, text in enumerate(part.texts):
                if is_source(part.place):
                    spans[k].append((ends[k], ends[k] + len(text)))
                ends[k] += len(text)
        shapes = {
            shape_of(file.language, file.path, text, blocks) for text, blocks in zip(file.texts, spans, strict=True)
        }
        found.append(
            TemplateFile(
                path=file.path, language=file.language, segments=tuple(segments), encoding=file.encoding,  # type: ignore[arg-type]
                newline=newline_of(file.texts[0]) if len({newline_of(t) for t in file.texts}) == 1 else "mixed",
                shape=shapes.pop() if len(shapes) == 1 else None,
            )
        )  # fmt: skip
    return found


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
        or any("".join(words(text)) in names for text in value.texts)
    )


def _shows_secret(file: _File) -> bool:
    """Whether a secret of any sibling is not wholly in holes."""
    for k, secret in enumerate(file.secrets):
        at, constant = 0, []
        for part in file.parts:
            size = len(part) if isinstance(part, str) else len(part.texts[k])
            if isinstance(part, str):
                constant.append((at, at + size))
            at += size
        if any(start < last and first < end for start, end in secret for first, last in constant):
            return True
    return False


def _source_share(files: Sequence[_File]) -> float:
    total = [0] * len(files[0].texts)
    block = [0] * len(files[0].texts)
    for file in files:
        for k, text in enumerate(file.texts):
            total[k] += len(text)
        for part in file.parts:
            if isinstance(part, Slot) and is_source(part.place):
                for k, text in enumerate(part.texts):
                    block[k] += len(text)
    return sum(block) / max(1, sum(total))


def _complexity(parameters: Sequence[Parameter]) -> Literal["low", "medium", "high"]:
    return "low" if len(parameters) <= 6 else "medium" if len(parameters) <= 15 else "high"


def _rebuilds(
    spec: PrimitiveSpec, member: Member, texts: Mapping[str, tuple[str, ...]], k: int, files: Sequence[_File]
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


def _vocabulary(files: Sequence[_File]) -> frozenset[str]:
    """Words of the code that all siblings share: identifiers and keywords outside strings and comments, and paths."""
    shared = [
        piece.texts[0]
        for file in files
        for piece in file.pieces
        if piece.kind == "same"
        and piece.leaves
        and not any(mark in piece.place for mark in ("string", "comment", "template"))
    ]
    return leak.vocabulary_of([shared])


def _uses(
    files: Sequence[_File], values: Sequence[Value], parameters: Sequence[Parameter]
) -> dict[str, tuple[Use, ...]]:
    where: list[tuple[str, int]] = []
    for file in files:
        line = 1
        for part in file.parts:
            if isinstance(part, Slot):
                where.append((file.path, line))
            line += (part if isinstance(part, str) else part.texts[0]).count("\n")
    slots = [part for file in files for part in file.parts if isinstance(part, Slot)]
    return {
        parameter.name: tuple(
            Use(*where[index], slots[index].place, chain) for index, chain in sorted(value.uses.items())
        )
        for parameter, value in zip(parameters, values, strict=True)
    }
