"""Shape: a digest of what kinds of nodes a file's syntax tree has, so that a value cannot become program.

source text -> tree-sitter -> kinds of named nodes in order -> sha256

Left out, because values of one kind differ in them: escapes and content of strings, integer or float, true or false, and
whole source blocks. SQL that the grammar does not take is digested as kinds of tokens; configuration too, and by what its own
parser reads in it (fde_template.plainshape).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fde_api.primitive import Language, TemplateFile
from fde_template import grammar, plainshape
from fde_template.errors import RenderRefused
from fde_template.joint import Filled
from fde_template.place import SQL_WORDS
from fde_template.sqltoken import tokens

Span = tuple[int, int]

_SAME: Final = {"integer": "number", "float": "number", "true": "boolean", "false": "boolean"}
_CONTENT: Final = frozenset(
    {"string_content", "string_fragment", "escape_sequence", "escape_interpolation", "regex_flags"}
)
# A reference holds one made-up name where values may be words that the grammar knows. Not for digests: those are stored.
_ALIKE: Final = {**_SAME, "predefined_type": "type_identifier", "undefined": "identifier"}
_INERT: Final = _CONTENT | {"html_character_reference"}
# A region may be a method, which parses in a class only.
CLASS: Final = ("class Region {\n", "\n}\n")


def shape_of(language: Language, path: str, text: str, blocks: Sequence[Span] = ()) -> str | None:
    """``sha256:<hex>``, or None when no grammar takes the text. `blocks`: character spans that are left out."""
    if language == "sql":
        return _digest(_sql_kinds(text, blocks))
    if language == "other":
        kinds = plainshape.kinds(path, text, blocks)
        return None if kinds is None else _digest(kinds)
    kinds = _kinds(language, path, text, blocks)
    return None if kinds is None else _digest(kinds)


def check(file: TemplateFile, text: str, blocks: Sequence[Span], holes: Sequence[Filled]) -> None:
    """:class:`RenderRefused` when `text` has another shape than the template, naming the parameters of its `holes`."""
    if file.shape is not None and file.shape not in _shapes(file, text, blocks):
        raise _refused(file, holes, "has another structure than the template", only_source=False)
    _parses(file, text, blocks, holes)


def compare(
    file: TemplateFile,
    text: str,
    blocks: Sequence[Span],
    reference: str,
    places: Sequence[Span],
    holes: Sequence[Filled],
) -> None:
    """:class:`RenderRefused` when `text` has another shape than `reference`: the same blocks with placeholders in them.

    `blocks` and `places` are where whole statements stand in the one and in the other. Where no grammar takes the
    reference nothing can be compared, as with a template that has no shape.
    """
    wanted = _loose(file, reference, places)
    if wanted is not None and _loose(file, text, blocks) != wanted:
        raise _refused(file, holes, "has another structure than the template", only_source=False)
    _parses(file, text, blocks, holes)


def _parses(file: TemplateFile, text: str, blocks: Sequence[Span], holes: Sequence[Filled]) -> None:
    """Whole statements are left out of a shape, so with them the file must at least be one that the grammar takes."""
    if blocks and file.language in ("python", "typescript") and not any(_shapes(file, text, ())):
        raise _refused(file, holes, "does not parse", only_source=True)


def _shapes(file: TemplateFile, text: str, blocks: Sequence[Span]) -> Iterator[str | None]:
    """The shape of `text`; of a region also the one it has in a class."""
    yield shape_of(file.language, file.path, text, blocks)
    if _may_be_method(file):
        yield shape_of(file.language, file.path, *_in_class(text, blocks))


def _may_be_method(file: TemplateFile) -> bool:
    return file.region and file.language == "typescript"


def _in_class(text: str, blocks: Sequence[Span]) -> tuple[str, list[Span]]:
    shift = len(CLASS[0])
    return CLASS[0] + text + CLASS[1], [(start + shift, end + shift) for start, end in blocks]


def _loose(file: TemplateFile, text: str, blocks: Sequence[Span]) -> list[str] | None:
    """The kinds of :func:`shape_of`, but a name is a name whichever word it is (``string`` is a type, ``undefined`` a constant)."""
    if file.language == "sql":
        return list(_sql_kinds(text, blocks))
    if file.language == "other":
        return plainshape.kinds(file.path, text, blocks)
    kinds = _kinds(file.language, file.path, text, blocks, same=_ALIKE, content=_INERT)
    if kinds is None and _may_be_method(file):
        kinds = _kinds(file.language, file.path, *_in_class(text, blocks), same=_ALIKE, content=_INERT)
    return kinds


def _refused(file: TemplateFile, filled: Sequence[Filled], why: str, *, only_source: bool) -> RenderRefused:
    names = sorted({one.hole.parameter for one in filled if not only_source or one.hole.place.endswith("source")})
    return RenderRefused(f"{file.path}: the rendered file {why}; check parameter {', '.join(names)}", *names)


def _kinds(
    language: str,
    path: str,
    text: str,
    blocks: Sequence[Span],
    *,
    same: Mapping[str, str] = _SAME,
    content: frozenset[str] = _CONTENT,
) -> list[str] | None:
    data = text.encode("utf-8", "surrogatepass")
    tree = grammar.parse(language, path, data)
    if tree.root_node.has_error:
        return None
    spans = _byte_spans(text, blocks)
    kinds: list[str] = []
    cursor = tree.walk()
    descend = True
    while True:
        node = cursor.node
        assert node is not None
        if descend:
            hidden = any(start <= node.start_byte and node.end_byte <= end for start, end in spans)
            if node.is_named and not hidden and node.type not in content:
                kinds.append("(" + same.get(node.type, node.type))
            if not hidden and cursor.goto_first_child():
                continue
        node = cursor.node
        assert node is not None
        if node.is_named and node.type not in content and not _hidden(node.start_byte, node.end_byte, spans):
            kinds.append(")")
        if cursor.goto_next_sibling():
            descend = True
        elif cursor.goto_parent():
            descend = False
        else:
            return kinds


def _hidden(start: int, end: int, spans: Sequence[Span]) -> bool:
    return any(first <= start and end <= last for first, last in spans)


def _sql_kinds(text: str, blocks: Sequence[Span]) -> Iterator[str]:
    for token in tokens(text):
        if not _hidden(token.start, token.end, blocks):
            word = token.text.lower()
            yield word if token.kind == "punctuation" or (token.kind == "word" and word in SQL_WORDS) else token.kind


def _byte_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    if text.isascii():
        return list(spans)
    return [(_size(text[:start]), _size(text[:end])) for start, end in spans]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _digest(kinds: Sequence[str] | Iterator[str]) -> str:
    return "sha256:" + hashlib.sha256("\n".join(kinds).encode()).hexdigest()
