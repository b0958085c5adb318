"""Documents in strings: GraphQL, JSON, markup, YAML, settings and scripts inside a program's string, as trees.

a string's text leaves and the program's nodes between them -> the dialect that the text says -> languages.plain.read() ->
the same tree, at its offsets, with the program's nodes back in their places

A document's leaf has two levels of place: it must be right in the document and in the string around it. Text with escapes
is not read: what it says is not what stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from fde_extraction.label import inner, within
from fde_extraction.languages.plain import read
from fde_extraction.languages.plainlabel import label
from fde_extraction.tree import Node
from fde_template.dialect import DIALECTS, Dialect

KIND: Final = "document:"
_MASK: Final = "\ua66e"  # a letter that nobody writes stands for each character of a program's node
_HINTS: Final = 6
_LEAST: Final = 2  # lines of settings; one is a sentence with a colon as often as not
_GRAPHQL: Final = re.compile(
    r"\s*(?:#[^\n]*\n\s*)*(?:(?:query|mutation|subscription|fragment|type|interface|enum|input|union|scalar|schema|extend|directive)\b"
    r"[^{}\n]*[{=]|\{\s*\n?\s*[A-Za-z_]\w*\s*[\n({:])"
)
_MARKUP: Final = re.compile(r"\s*<(?:[?!][^>]*>\s*<)?[A-Za-z][\w:.-]*[^<>]*>.*(?:</[\w:.-]+\s*|/)>\s*", re.DOTALL)
_SCRIPT: Final = re.compile(r"\s*#!\s*/\S*(?:/env\s+)?/?(?:ba|z|k|da)?sh\b")
_YAML: Final = re.compile(r"\s*(?:(?:- )*[\w./${}-]+:(?:\s.*)?|- .*|#.*|---)")
_KEYED: Final = re.compile(r"\s*(?:- )*[\w./-]+:(?:\s.*)?")
_INI: Final = re.compile(r"\s*(?:[\w.-]+\s*=(?!=)[^;{}()]*|\[[\w. -]+\]|[#;].*)")
_SET: Final = re.compile(r"\s*[\w.-]+\s*=(?!=).*")


def document(parts: Sequence[Node], text: str, *, doubled: bool = False) -> Node | None:
    """The document that the string of `parts` (text leaves, with the program's nodes between) holds; None if it holds none.

    Without program's nodes in it its `place` is the string's. `doubled`: braces of the text are written twice.
    """
    start, end = parts[0].start, parts[-1].end
    holes = [part for part in parts if part.kind != "string_text"]
    written = "".join(part.text for part in parts if part.kind == "string_text")
    if _MASK in written or "\\" in written or (doubled and ("{{" in written or "}}" in written)):
        return None
    masked, at = list[str](), start
    for hole in holes:
        masked += [text[at : hole.start], _MASK * (hole.end - hole.start)]
        at = hole.end
    content = "".join([*masked, text[at:end]])
    dialect = dialect_in(content)
    if dialect is None:
        return None
    children = read(content, dialect)
    if not children:
        return None
    root = Node(f"{KIND}{dialect.name}", 0, len(content), children)
    if not label(root, dialect):
        return None
    return root if _placed(root, parts[0], holes, text) else None


def dialect_in(content: str) -> Dialect | None:
    """What kind of document a text is, by its own form alone; None for prose, one value, and all that is not sure."""
    body = content.strip()
    if len(body) < 2 or body[0].isdigit():
        return None
    if body[0] in "{[" and body[-1] in "}]" and _is_json(body):
        return DIALECTS["json"]
    if _GRAPHQL.match(content) and content.count("{") == content.count("}"):
        return DIALECTS["graphql"]
    if body[0] == "<" and _MARKUP.fullmatch(content):
        return DIALECTS["markup"]
    if _SCRIPT.match(content):
        return DIALECTS["shell"]
    lines = [line for line in body.splitlines() if line.strip()]
    for name, line, told in (("yaml", _YAML, _KEYED), ("ini", _INI, _SET)):
        if all(map(line.fullmatch, lines)) and sum(told.fullmatch(said) is not None for said in lines) >= _LEAST:
            return DIALECTS[name]
    return None


def _is_json(body: str) -> bool:
    """Whether it is an object or a list with something in it."""
    try:
        return bool(json.loads(re.sub(f"{_MASK}+", "0", body)))
    except (ValueError, RecursionError):
        return False


def _placed(root: Node, host: Node, holes: Sequence[Node], text: str) -> bool:
    """Move a document to where it stands; False when something other than white space is between its leaves."""
    named = next((item.text for item in host.labels if item.role in ("assigned", "keyword", "key")), "")
    around = within(host.labels, named) if named else host.labels
    stack = [root]
    while stack:
        node = stack.pop()
        node.start, node.end = node.start + host.start, node.end + host.start
        node.kind = re.sub(f"{_MASK}+", "*", node.kind)
        if node.children:
            stack.extend(node.children)
            continue
        node.place = f"{host.place}/{node.place}" if node.place else ""
        node.labels = inner(around, *node.labels)
        node.hints = (*node.hints, *host.hints)[:_HINTS]
    root.place = "" if holes else host.place
    root.hints, root.labels = host.hints, host.labels
    if holes:
        _filled(root, holes, text)
    at = root.start
    for leaf in root.leaves():
        if text[at : leaf.start].strip():
            return False
        at = leaf.end
    root.start, root.end = root.first.start, at
    return True


def _filled(root: Node, holes: Sequence[Node], text: str) -> None:
    """The program's nodes in the places that were kept for them."""
    stack = [root]
    while stack:
        node = stack.pop()
        children = list[Node]()
        for child in node.children:
            inside = [hole for hole in holes if child.start <= hole.start and hole.end <= child.end]
            if child.children or not inside:
                children.append(child)
                stack.extend([child] if child.children else [])
                continue
            parts = list(_parted(child, inside, text))
            if child.kind.endswith("_text"):
                children.extend(parts)
            else:
                parts = [part for part in parts if part.start < part.end]
                children.append(parts[0] if len(parts) == 1 else Node("filled", child.start, child.end, parts))
        node.children = children


def _parted(leaf: Node, holes: Sequence[Node], text: str) -> Iterator[Node]:
    at = leaf.start
    for end, hole in [*((hole.start, hole) for hole in holes), (leaf.end, None)]:
        yield Node(leaf.kind, at, end, text=text[at:end], place=leaf.place, hints=leaf.hints, labels=leaf.labels)
        if hole is not None:
            yield hole
            at = hole.end
