"""What a reviewer is shown of a candidate: the template by lines, each parameter's holes and why, what is to acknowledge.

PatternCandidate -> lines_of(), parameters_of(), acknowledge_of() -> page; told() -> `fde review show`

Where a hole stands is read from the template itself, so it is right after an edit too; why it stands there is what the engine
said of the proposal it made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from fde_api.candidate import Acknowledgement, Explanation, PatternCandidate
from fde_api.primitive import Each, Hole, Parameter, PrimitiveSpec, TemplateFile, When
from fde_review import view

_UNSAID = Explanation(parameter="")


class Fact(Protocol):
    """One thing inferred of a template, and why (see fde_extraction.inference). `line` 0: no place."""

    @property
    def field(self) -> str:
        """Of the spec."""
        ...

    @property
    def value(self) -> str:
        """What it is."""
        ...

    @property
    def why(self) -> str:
        """What was seen."""
        ...

    @property
    def path(self) -> str:
        """In the template."""
        ...

    @property
    def line(self) -> int:
        """1-based."""
        ...


class Standing(Protocol):
    """One hole in one sibling's own file (see fde_extraction.attribution)."""

    @property
    def parameter(self) -> str:
        """Its name."""
        ...

    @property
    def part(self) -> str:
        """Which item and field of a list."""
        ...

    @property
    def sibling(self) -> str:
        """Its name in the evidence."""
        ...

    @property
    def customer(self) -> str:
        """Whose it is."""
        ...

    @property
    def path(self) -> str:
        """As submitted."""
        ...

    @property
    def line(self) -> int:
        """1-based."""
        ...

    @property
    def text(self) -> str:
        """Empty for a secret."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line: constant text, a hole (`parameter` and `place`), or a block's mark (`parameter`, no `place`)."""

    text: str
    parameter: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """``between`` or ``end`` of the block that `parameter` opened."""

    parameter: str
    text: str


@dataclass(slots=True)
class Line:
    """One line of a template's text; a hole is one token, a mark none. `anchor`: its id on the page."""

    number: int
    anchor: str
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a parameter stands. `spelled`: how the value is written there; `why`: empty when nobody said."""

    path: str
    line: int
    anchor: str
    spelled: str
    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One parameter with its uses in order of the template, and why it has this type and this name."""

    parameter: Parameter
    uses: tuple[Use, ...]
    type_reason: str
    name_reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What is to acknowledge of one kind; `anchor` of each is where it stands on the page, empty when nowhere."""

    kind: str
    entries: tuple[tuple[Acknowledgement, str], ...]


def lines_of(index: int, file: TemplateFile) -> list[Line]:
    """The template's text as numbered lines. `index`: of the file in the template."""
    lines = [Line(1, _anchor(index, 1))]

    def said(piece: Piece) -> None:
        lines[-1].pieces.append(piece)

    for part in _parts(file):
        if isinstance(part, str):
            for number, text in enumerate(part.split("\n")):
                if number:
                    lines.append(Line(lines[-1].number + 1, _anchor(index, lines[-1].number + 1)))
                if text:
                    said(Piece(text))
        elif isinstance(part, Hole):
            said(Piece(view.spelled(part), part.parameter, part.place))
        else:
            said(Piece(part.text if isinstance(part, Mark) else _mark(part), part.parameter))
    if len(lines) > 1 and not lines[-1].pieces:  # behind the last line break there is no line
        lines.pop()
    return lines


def parameters_of(candidate: PatternCandidate) -> list[Shown]:
    """The parameters as the schema orders them."""
    spec = candidate.spec
    said = {item.parameter: item for item in spec.explained}
    uses = _uses(spec.proposal, said)
    return [
        Shown(
            parameter,
            tuple(uses.get(parameter.name, ())),
            said.get(parameter.name, _UNSAID).type_reason,
            said.get(parameter.name, _UNSAID).name_reason,
        )
        for parameter in spec.proposal.parameters
    ]


def acknowledge_of(candidate: PatternCandidate) -> list[Listed]:
    """What the proof leaves to the reviewer, by kind; what may do harm before mere words."""
    proof = candidate.spec.proof
    if proof is None:
        return []
    index = {file.path: number for number, file in enumerate(candidate.spec.proposal.template.files)}
    listed = sorted(proof.acknowledge, key=lambda item: (item.kind == "word", item.kind))
    return [
        Listed(
            kind,
            tuple(
                (item, _anchor(index[item.path], item.line) if item.path in index and item.line else "")
                for item in items
            ),
        )
        for kind, items in groupby(listed, key=lambda item: item.kind)
    ]


def told(candidate: PatternCandidate) -> Iterator[str]:
    """Parameters, template and what is to acknowledge, as `fde review show` prints them."""
    spec = candidate.spec
    yield "parameters"
    width = max((len(parameter.name) for parameter in spec.proposal.parameters), default=0)
    for shown in parameters_of(candidate):
        parameter = shown.parameter
        default = "" if parameter.default is None else f" = {parameter.default}"
        allowed = f" one of {', '.join(map(str, parameter.allowed_values))}" if parameter.allowed_values else ""
        need = "required" if parameter.required else "optional"
        yield f"  {parameter.name:<{width}}  {parameter.type:<10} {need}{default}{allowed}  {parameter.description}".rstrip()
        if shown.name_reason:
            yield f"  {'':<{width}}  name: {shown.name_reason}; type: {shown.type_reason}"
        for use in shown.uses:
            why = f", {use.why}" if use.why else ""
            yield f"  {'':<{width}}  {use.path}:{use.line} {use.spelled} in {use.place}{why}"
    for file in spec.proposal.template.files:
        yield f"\n--- {file.path} ({file.language})\n{view.written(file)}"
    listed = acknowledge_of(candidate)
    if listed:
        yield "\nto acknowledge (approve with --acknowledge when you have looked at every one)"
    for group in listed:
        for item, _ in group.entries:
            yield f"  {item}"


def by_field(facts: Sequence[Fact]) -> list[tuple[str, str, list[Fact]]]:
    """(field, value, why), in the order in which each is said first."""
    found: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        found.setdefault((fact.field, fact.value), []).append(fact)
    return [(field, value, why) for (field, value), why in found.items()]


def by_sibling(standings: Sequence[Standing]) -> list[tuple[str, str, list[Standing]]]:
    """(sibling, customer, its holes), in the order given."""
    return [
        (sibling, customer, list(own))
        for (sibling, customer), own in groupby(standings, key=lambda item: (item.sibling, item.customer))
    ]


def _uses(proposal: PrimitiveSpec, said: Mapping[str, Explanation]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for index, file in enumerate(proposal.template.files):
        line = 1
        for part in _parts(file):
            if isinstance(part, str):
                line += part.count("\n")
            if isinstance(part, str | Mark):
                continue
            spelled, place = (view.spelled(part), part.place) if isinstance(part, Hole) else (_mark(part), "a block")
            why = next(
                (
                    hole.reason
                    for hole in said.get(part.parameter, _UNSAID).holes
                    if (hole.path, hole.line) == (file.path, line)
                ),
                "",
            )
            found.setdefault(part.parameter, []).append(Use(file.path, line, _anchor(index, line), spelled, place, why))
    return found


def _parts(file: TemplateFile) -> Iterator[str | Hole | When | Each | Mark]:
    """Texts, holes, and what begins, parts and ends blocks, in order; a mark says whose block it is in."""
    opened: list[str] = []
    for segment in file.segments:
        if segment.mark is not None:
            owner = opened[-1] if opened else ""
            yield Mark(owner, segment.mark)
            if segment.mark == "end" and opened:
                opened.pop()
        elif segment.text is not None:
            yield segment.text
        elif segment.hole is not None:
            yield segment.hole
        elif (block := segment.when or segment.each) is not None:
            opened.append(block.parameter)
            yield block


def _mark(part: When | Each) -> str:
    if isinstance(part, Each):
        return f"for each of {part.parameter}:"
    name = f"{part.parameter}.{part.field}" if part.field else part.parameter
    if part.equals in ("true", "false"):
        return f"if {'' if part.equals == 'true' else 'not '}{name}:"
    return f"if {name} is {part.equals}:"


def _anchor(index: int, line: int) -> str:
    return f"f{index}l{line}"
