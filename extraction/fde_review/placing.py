"""What each hole of an edited view is part of: as in the candidate where it stood there, else as a parser says.

(candidate's file, Reading) -> holes matched by the text around them -> sample rendering, parsed -> a place a hole

A place decides how values are checked, so an edit around a hole may not keep a place that is not true any more: as soon as the
text changed, every hole is looked up again.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec.structs import replace

from fde_api.primitive import Hole, Language, Parameter, Segment, TemplateFile
from fde_events.errors import BadInput, FdeError
from fde_review.reading import Reading
from fde_review.sample import VARIANTS, Sample, choices
from fde_template.shape import shape_of
from fde_template.structure import Literal, Node, flat, holes, structure

_WORD: Final = re.compile(r"\w+|\W")
_OPEN_KINDS: Final = ("source", "layout", "text")


class Placing(Protocol):
    """The engine's knowledge of languages."""

    def __call__(
        self, language: Language, path: str, text: str, spans: Sequence[tuple[int, int]]
    ) -> list[tuple[str, str] | None]:
        """For each span the name or literal it is part of, and the narrowest place there; None: of no single one.

        :class:`FdeError` when the language does not take the text.
        """
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """The places of the holes, in order, and the shape that the edited file has."""

    places: tuple[str, ...]
    shape: str | None


def placed(
    file: TemplateFile,
    old: Sequence[Segment],
    reading: Reading,
    declared: Mapping[str, Parameter],
    placing: Placing | None,
) -> Placed:
    """Places for `reading`. `old`: the candidate's segments, named as the reading names them.

    :class:`BadInput` with the line of a hole that nothing can place.
    """
    new = list(flat(reading.nodes))
    found = list(holes(reading.nodes))
    was, removed = _matched(old, new)
    before = [segment.hole for segment in old if segment.hole is not None]
    known = {number: before[index].place for number, index in was.items()}
    if _bare(old) == _bare(new):
        return Placed(tuple(known[number] for number in range(len(found))), file.shape)
    if placing is None or file.language == "other":
        for number in range(len(found)):
            if number not in known:
                raise BadInput(
                    file.path,
                    "a hole that was not there before needs a place, and no parser says what this text is part of "
                    + ("(the engine is not at hand)" if file.language != "other" else "(no grammar takes the file)"),
                    line=reading.lines[number],
                )
        return Placed(tuple(known[number] for number in range(len(found))), file.shape)
    looked = _Looking(file, placing, declared)
    now = looked.up(reading.nodes, known, removed, reading.lines)
    then = _before(looked, file, old)
    places = {}
    for number in range(len(found)):
        index = was.get(number)
        place = _agreed(known.get(number), now.get(number), then.get(index) if index is not None else None)
        if place is None:
            raise BadInput(
                file.path,
                "this hole is no part of one name or literal: let it stand for a whole name or number, or inside one "
                "string or comment",
                line=reading.lines[number],
            )
        places[number] = place
    shape: str | None = None
    # A template with blocks has no one shape; without them it has again.
    had_blocks = any(segment.mark is not None for segment in old)
    if all(isinstance(node, Literal | Hole) for node in reading.nodes) and (file.shape is not None or had_blocks):
        sample = Sample(found, declared, {n: places[n] for n in places}, removed, {}, 0)
        sample.fill(reading.nodes)
        blocks = [sample.spans[n] for n, place in places.items() if place.endswith("source") and n in sample.spans]
        shape = shape_of(file.language, file.path, "".join(sample.parts), blocks)
        if shape is None and file.shape is not None:
            raise BadInput(file.path, "the edited file does not parse with sample values in its holes")
    return Placed(tuple(places[number] for number in range(len(found))), shape)


@dataclass(frozen=True, slots=True)
class _Looking:
    """Sample renderings of one file's nodes, parsed."""

    file: TemplateFile
    placing: Placing
    declared: Mapping[str, Parameter]

    def up(
        self, nodes: Sequence[Node], known: Mapping[int, str], removed: Mapping[int, str], lines: Sequence[int]
    ) -> dict[int, tuple[str, str]]:
        """What each hole is part of, by number, where it is part of one leaf. :class:`BadInput` when nothing parses."""
        found = list(holes(nodes))
        inferred: dict[int, tuple[str, str]] = {}
        for chosen, numbers in choices(nodes):
            if not numbers:
                continue
            why = ""
            for variant in range(VARIANTS):
                sample = Sample(found, self.declared, known, removed, chosen, variant)
                sample.fill(nodes)
                text = "".join(sample.parts)
                spans = {number: sample.spans[number] for number in numbers if number in sample.spans}
                try:
                    leaves = self.placing(self.file.language, self.file.path, text, list(spans.values()))
                except FdeError as error:
                    why = why or str(error)
                    continue
                inferred |= {number: leaf for number, leaf in zip(spans, leaves, strict=True) if leaf is not None}
                break
            else:
                first = next((number for number in numbers if number not in known), None)
                raise BadInput(
                    self.file.path,
                    f"with sample values in its holes the edited file does not parse ({why})",
                    line=lines[first] if first is not None and lines else None,
                )
        return inferred


def _before(looking: _Looking, file: TemplateFile, old: Sequence[Segment]) -> dict[int, tuple[str, str]]:
    """As the parser saw the candidate with the same samples; nothing when it took none of them."""
    places = dict(enumerate(segment.hole.place for segment in old if segment.hole is not None))
    try:
        return looking.up(structure(replace(file, segments=tuple(_numbered(old)))), places, {}, ())
    except BadInput:
        return {}


def _numbered(segments: Sequence[Segment]) -> list[Segment]:
    """`segments` with the holes' numbers for their places, as a reading has them."""
    found: list[Segment] = []
    number = 0
    for segment in segments:
        if segment.hole is not None:
            found.append(Segment(hole=replace(segment.hole, place=f"#{number}")))
            number += 1
        else:
            found.append(segment)
    return found


def _agreed(known: str | None, now: tuple[str, str] | None, then: tuple[str, str] | None) -> str | None:
    """The known place as long as the hole stands in what it stood in; else what the parser says."""
    if known is None:
        return now[1] if now is not None else None
    if known.rsplit(".", 1)[-1] in _OPEN_KINDS or known.endswith(".dotted"):
        return known
    if now is not None and (_root(known) == _root(now[0]) or (then is not None and then[0] == now[0])):
        return known
    return now[1] if now is not None else None


def _root(place: str) -> str:
    """The outermost level, whatever part of it the hole is."""
    level = place.split("/")[0].removesuffix("+raw")
    return re.sub(r"(identifier)\.(part|dotted|bare)$", r"\1", level)


def _bare(segments: Sequence[Segment]) -> list[tuple[object, ...]]:
    return [_token(segment) for segment in segments]


def _token(segment: Segment) -> tuple[object, ...]:
    if segment.hole is not None:
        return "hole", segment.hole.parameter, segment.hole.field, segment.hole.filters
    if segment.when is not None:
        return "when", segment.when
    if segment.each is not None:
        return "each", segment.each
    return "text", segment.text, segment.mark


def _matched(old: Sequence[Segment], new: Sequence[Segment]) -> tuple[dict[int, int], dict[int, str]]:
    """Numbers of new holes to the numbers of the holes they were, and to the text that stood there for those that were none."""
    before, after = list(_rows(_numbered(old))), list(_rows(new))
    keys = [[tuple(token for token, _ in row) for row in side] for side in (before, after)]
    known: dict[int, int] = {}
    removed: dict[int, str] = {}
    for tag, a, b, c, d in difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        one = [token for row in before[a:b] for token in row]
        two = [token for row in after[c:d] for token in row]
        _within(one, two, known, removed, same=tag == "equal")
    return known, removed


Row = list[tuple[tuple[object, ...], Hole | None]]


def _within(one: Row, two: Row, known: dict[int, int], removed: dict[int, str], *, same: bool) -> None:
    if same:
        codes = [("equal", 0, len(one), 0, len(two))]
    else:
        texts = [token for token, _ in one], [token for token, _ in two]
        codes = list(difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes())
    for tag, a, b, c, d in codes:
        if tag == "equal":
            for (_, was), (_, now) in zip(one[a:b], two[c:d], strict=True):
                if was is not None and now is not None:
                    known[_number(now)] = _number(was)
        elif d - c == 1 and (hole := two[c][1]) is not None and all(was is None for _, was in one[a:b]):
            removed[_number(hole)] = "".join(str(token[1]) for token, _ in one[a:b] if token[0] == "text")


def _number(hole: Hole) -> int:
    return int(hole.place.removeprefix("#"))


def _rows(segments: Sequence[Segment]) -> Iterator[Row]:
    """Tokens by line; texts are cut into words."""
    row: Row = []
    for segment in segments:
        if segment.text is None:
            row.append((_token(segment), segment.hole))
            continue
        for word in _WORD.findall(segment.text):
            row.append((("text", word), None))
            if word == "\n":
                yield row
                row = []
    yield row
