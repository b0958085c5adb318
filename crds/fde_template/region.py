"""Regions: templates that are a part of a file, and where in a file they stand.

file's text -> candidates: runs of neighbours in one block -> cut() each without its indentation -> fit() -> values, places

A region is kept at the left margin, whatever it was indented by, so that it reads and parses by itself; the indentation is
a fact of the place. ``text[:start] + indented(region, indent) + text[end:]`` is the file again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING, Any, Final

from fde_api.primitive import Parameter, Template, TemplateFile, Value
from fde_template import grammar
from fde_template.encoding import decode, encode, encoding_of
from fde_template.errors import DoesNotFit, TemplateError
from fde_template.fit import fit, fit_all
from fde_template.sqltoken import tokens

if TYPE_CHECKING:
    from tree_sitter import Node

TRIES: Final = 4000  # slices of one file that are fitted against one region; only those that hold its fixed texts count
_NEAR: Final = 50  # places that were no fit and are looked at again for what to tell
_WAYS: Final = 64  # combinations of places of several regions
_BODIES: Final = ("module", "program", "block", "class_body", "class_definition", "class_declaration")


@dataclass(frozen=True, slots=True)
class Place:
    """Characters [start, end) of the file, what the region's lines are indented by there, and its lines, from 1."""

    start: int
    end: int
    indent: str
    first: int
    last: int


def is_regions(template: Template) -> bool:
    """Whether all that the template has are regions: they are looked for in one file."""
    return bool(template.files) and all(file.region for file in template.files)


def cut(text: str, start: int, end: int) -> tuple[str, str]:
    """The text [start, end) at the left margin, and its indentation; ``indented(*cut(...))`` is that text again.

    Where a line of it is indented less than its first, it stays as it is and the indentation is empty.
    """
    raw = text[start:end]
    line = text.rfind("\n", 0, start) + 1
    indent = text[line:start]
    if not indent or indent.strip():
        return raw, ""
    lines = raw.split("\n")
    moved = [lines[0], *(rest.removeprefix(indent) for rest in lines[1:])]
    margin = "\n".join(moved)
    return (margin, indent) if indented(margin, indent) == raw else (raw, "")


def indented(region: str, indent: str) -> str:
    """`region` with `indent` before each of its lines but the first (it stands before that one already) and empty ones."""
    first, *rest = region.split("\n")
    return "\n".join([first, *(line if line in ("", "\r") else indent + line for line in rest)])


def fit_regions(
    template: Template, path: str, data: bytes, parameters: Sequence[Parameter]
) -> tuple[dict[str, Value], tuple[tuple[Place, ...], ...]]:
    """The values that give every region of the template back inside the file, and where each stands (the first is the one
    the values are of, others fit as well). :class:`DoesNotFit` with the furthest place else.
    """
    text = decode(data, encoding_of(data))
    found = [_places(file, path, text, parameters) for file in template.files]
    misfit: DoesNotFit | None = None
    for way in islice(product(*found), _WAYS):
        if not _apart(way):
            continue
        slices = {
            file.path: encode(cut(text, place.start, place.end)[0], file.encoding)
            for file, place in zip(template.files, way, strict=True)
        }
        try:
            values = fit_all(template, slices, parameters)
        except DoesNotFit as error:
            misfit = misfit or error
            continue
        return values, tuple(
            (place, *(other for other in places if other != place)) for place, places in zip(way, found, strict=True)
        )
    why = misfit.expected if misfit else "regions that do not overlap"
    raise DoesNotFit(path, found[-1][0].first, 1, f"the same values as in the template's other regions ({why})")


def placed(text: str, place: Place, region: str) -> str:
    """The file's text with `region` at `place`."""
    return text[: place.start] + indented(region, place.indent) + text[place.end :]


def joined(regions: Sequence[bytes]) -> bytes:
    """Regions one below the other, a blank line between two."""
    return b"".join(
        part
        + (b"" if part.endswith(b"\n") or len(regions) == 1 else b"\n")
        + (b"\n" if number + 1 < len(regions) else b"")
        for number, part in enumerate(regions)
    )


def _apart(places: Sequence[Place]) -> bool:
    ordered = sorted(places, key=lambda place: place.start)
    return all(one.end <= other.start for one, other in pairwise(ordered))


def _places(file: TemplateFile, path: str, text: str, parameters: Sequence[Parameter]) -> list[Place]:
    """Where `file` fits, in order of the text; :class:`DoesNotFit` when nowhere, with the furthest line it was followed to."""
    fixed = _fixed(file)
    opening = file.segments[0].text or ""
    closing = file.segments[-1].text or ""
    found: list[Place] = []
    near: list[Place] = []
    tried = 0
    for start, end in _candidates(file, text):
        region, indent = cut(text, start, end)
        if not region.startswith(opening) or not region.endswith(closing):
            continue
        first = text.count("\n", 0, start) + 1
        place = Place(start, end, indent, first, first + text.count("\n", start, max(start, end - 1)))
        if not _holds(region, fixed):
            near.append(place)
            continue
        tried += 1
        if tried > TRIES:
            break
        if _misfit(file, path, text, place, parameters) is None:
            found.append(place)
        else:
            near.append(place)
    if found:
        return found
    misfits = [_misfit(file, path, text, place, parameters) for place in near[:_NEAR]]
    begins = next((line for line in opening.splitlines() if line.strip()), "")
    raise max(
        (misfit for misfit in misfits if misfit is not None),
        key=lambda misfit: (misfit.line, misfit.column),
        default=DoesNotFit(path, 1, 1, f"somewhere the region {file.path}{f', {begins[:60]!r}' if begins else ''}"),
    )


def _misfit(
    file: TemplateFile, path: str, text: str, place: Place, parameters: Sequence[Parameter]
) -> DoesNotFit | None:
    """Why `file` does not fit there; None when it does."""
    try:
        fit(file, encode(cut(text, place.start, place.end)[0], file.encoding), parameters)
    except DoesNotFit as misfit:
        return DoesNotFit(path, misfit.line + place.first - 1, misfit.column + len(place.indent), misfit.expected)
    except TemplateError as error:
        return DoesNotFit(path, place.first, 1, str(error))
    return None


def _fixed(file: TemplateFile) -> list[str]:
    """Texts that every rendering holds, in order: those outside of blocks."""
    found, depth = [], 0
    for segment in file.segments:
        depth += (segment.when is not None or segment.each is not None) - (segment.mark == "end")
        if depth == 0 and segment.text:
            found.append(segment.text)
    return found


def _holds(region: str, fixed: Sequence[str]) -> bool:
    at = 0
    for text in fixed:
        at = region.find(text, at)
        if at < 0:
            return False
        at += len(text)
    return True


def _candidates(file: TemplateFile, text: str) -> Iterator[tuple[int, int]]:
    """Slices that are runs of neighbours: from a statement, or a comment line above one, to the end of one in its block."""
    if file.language == "sql":
        blocks = [_sql_bounds(text)]
    elif file.language in ("python", "typescript"):
        blocks = list(_blocks(file, text))
    else:
        raise TemplateError(f"{file.path}: regions of language {file.language} cannot be looked for")
    for starts, ends in blocks:
        for start in starts:
            yield from ((start, end) for end in ends if end > start)


def _blocks(file: TemplateFile, text: str) -> Iterator[tuple[list[int], list[int]]]:
    """(starts, ends) of the statements of each block, in characters."""
    data = text.encode("utf-8", "surrogatepass")
    at = _characters(text, data)
    todo = [grammar.parse(file.language, file.path, data).root_node]
    while todo:
        holder = todo.pop(0)
        children = [child for child in holder.children if child.is_named]
        statements = [child for child in children if child.type != "comment"]
        if holder.type in ("module", "program", "block", "class_body"):
            begins = sorted({int(at(child.start_byte)) for child in children if not _trails(text, at, child)})
            yield begins, sorted({end for child in statements for end in _ends(text, at(child.end_byte))})
        for child in statements:
            inner = child
            while inner.type in ("decorated_definition", "export_statement") and inner.named_children:
                inner = inner.named_children[-1]
            if inner.type in ("class_definition", "class_declaration", "abstract_class_declaration"):
                # A comment above the first method belongs to the class, not to its block.
                todo.extend(body for body in inner.named_children if body.type in _BODIES)


def _trails(text: str, at: Any, node: Node) -> bool:
    """Whether a comment stands behind code."""
    start = at(node.start_byte)
    return node.type == "comment" and bool(text[text.rfind("\n", 0, start) + 1 : start].strip())


def _ends(text: str, end: int) -> Iterator[int]:
    """After a statement, after its semicolon or comment on the same line, and after the line break."""
    yield end
    line_end = text.find("\n", end)
    stop = len(text) if line_end < 0 else line_end
    rest = text[end:stop]
    if rest.startswith(";"):
        yield end + 1
    if rest.strip(" \t\r;") == "" or rest.strip(" \t\r;").startswith(("#", "//", "/*")):
        yield end + len(rest.rstrip())
        if line_end >= 0:
            yield line_end + 1


def _sql_bounds(text: str) -> tuple[list[int], list[int]]:
    """Starts: tokens that begin a line or follow a semicolon, a comma or a bracket, or WITH; ends: semicolons, closing
    brackets, the last token."""
    starts: list[int] = []
    ends: list[int] = []
    before = ";"
    found = list(tokens(text))
    for index, token in enumerate(found):
        opens_line = not text[text.rfind("\n", 0, token.start) + 1 : token.start].strip()
        if opens_line or before in (";", ",", "(", "with", "recursive"):
            starts.append(token.start)
        if token.text in (";", ")") or index + 1 == len(found):
            ends.extend(_ends(text, token.end))
        before = token.text.lower()
    return starts, sorted(set(ends))


def _characters(text: str, data: bytes) -> Any:
    """Byte offset -> character offset."""
    if len(text) == len(data):
        return lambda byte: byte
    offsets: list[int] = []
    for index, char in enumerate(text):
        offsets.extend([index] * len(char.encode("utf-8", "surrogatepass")))
    offsets.append(len(text))
    return offsets.__getitem__
