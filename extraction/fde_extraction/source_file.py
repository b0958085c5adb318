"""Source files: one file of all siblings, read, aligned and, later, drafted.

siblings' bytes -> read() -> SourceFile: texts, pieces, secrets -> draft() fills in its parts
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fde_api.primitive import Language
from fde_extraction import leak, secrets
from fde_extraction.align import align
from fde_extraction.drafted import Part, spelled
from fde_extraction.language import language, language_of
from fde_extraction.members import Member
from fde_extraction.piece import Part as Aligned
from fde_extraction.piece import pieces
from fde_extraction.similarity import mean_similarity
from fde_extraction.slot import Slot
from fde_extraction.tree import Node
from fde_extraction.unparsable import NotAbstractable
from fde_template.place import is_source

LEAST_ALIKE: Final = 0.05  # mean similarity of siblings (shingles) below which aligning them is not even tried
# Share of a sibling's text that all have word by word, below which nothing is worth a template: unlike files of one language
# have less than 0.05, the least alike of 43 families by several authors has 0.43.
LEAST_SHARED: Final = 0.15
_REQUIRE: Final = 12  # nodes of require("m"), with what the tree holds beside them


@dataclass(slots=True)
class SourceFile:
    """`texts`: one per sibling; `secrets`: each sibling's secret spans, in characters; `parts`: empty until drafted; `shared`: see shared_text()."""

    path: str
    language: Language
    texts: list[str]
    encoding: str
    aligned: list[Aligned]
    parts: list[Part]
    secrets: list[list[tuple[int, int]]]
    imported: Sequence[frozenset[int]] = ()
    shared: float = 1.0


def read(path: str, sources: Sequence[tuple[str, bytes]], members: Sequence[Member]) -> SourceFile:
    """The file of all `members`, aligned; :class:`NotAbstractable` when they share too little."""
    kind = language_of(path)
    alike = mean_similarity([data for _, data in sources], kind)
    which = f"{path}: " if len(members[0].files) > 1 else ""
    if alike < LEAST_ALIKE:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"{which}share too little for a template ({alike:.0%} alike, {LEAST_ALIKE:.0%} needed)",
        )
    encoding = members[0].encoding
    texts = [data.decode(encoding) for _, data in sources]
    trees = [
        member.trees.get(where) or language(kind).parse(text, where)
        for member, text, (where, _) in zip(members, texts, sources, strict=True)
    ]
    spans = [
        [(start, end) for _, start, end, _ in secrets.find_text(text, tree)]
        for text, tree in zip(texts, trees, strict=True)
    ]
    aligned = align(trees, texts, spans)
    shared = shared_text(aligned, texts)
    if shared < LEAST_SHARED:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"{which}share too little for a template ({shared:.0%} of the text is the same, {LEAST_SHARED:.0%} needed)",
        )
    return SourceFile(path, kind, texts, encoding, aligned, [], spans, [imported_in(tree) for tree in trees], shared)


def shared_text(parts: Sequence[Aligned], texts: Sequence[str]) -> float:
    """The share of the text that all siblings have word by word, white space left out; of the one that has least of it."""
    same = [0] * len(texts)
    for piece in pieces(parts):
        siblings = piece.scope.siblings
        if piece.kind == "same" and len(set(siblings)) == len(texts):
            for k, text in zip(siblings, piece.texts, strict=True):
                same[k] += len(text.strip())
    sizes = [sum(len(word) for word in text.split()) for text in texts]
    return min((part / max(1, size) for part, size in zip(same, sizes, strict=True)), default=0.0)


def imported_in(tree: Node) -> frozenset[int]:
    """Where texts stand that name modules (``import x from "m"``, ``require("m")``), in characters."""
    found: set[int] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        called = node.kind == "call_expression" and node.first.text in ("require", "import")
        if node.kind in ("import_statement", "export_statement"):
            found |= {leaf.start for child in node.children if child.kind == "string" for leaf in child.leaves()}
        elif called and node.size < _REQUIRE:
            found |= {leaf.start for leaf in node.leaves() if leaf.kind == "string_text"}
        stack.extend(node.children)
    return frozenset(found)


def shows_secret(file: SourceFile, hidden: Callable[[Slot], bool]) -> bool:
    """Whether a secret of any sibling is not wholly in holes whose values are `hidden`, as those of a secretRef are."""
    for k, secret in enumerate(file.secrets):
        if not secret:
            continue
        at, shown = 0, []
        for part, text in spelled(file.parts, k):
            if isinstance(part, str) or not hidden(part):
                shown.append((at, at + len(text)))
            at += len(text)
        if any(start < last and first < end for start, end in secret for first, last in shown):
            return True
    return False


def source_share(files: Sequence[SourceFile]) -> float:
    """The share of the siblings' text that is in source blocks, 0..1."""
    total = block = 0
    for file in files:
        for k, text in enumerate(file.texts):
            total += len(text)
            block += sum(
                len(said) for part, said in spelled(file.parts, k) if isinstance(part, Slot) and is_source(part.place)
            )
    return block / max(1, total)


def vocabulary_of(files: Sequence[SourceFile]) -> frozenset[str]:
    """Words of the code that all siblings share: identifiers and keywords outside strings and comments, and paths."""
    shared = [
        piece.texts[0]
        for file in files
        for piece in pieces(file.aligned)
        if piece.kind == "same"
        and piece.leaves
        and not any(mark in piece.place for mark in ("string", "comment", "template"))
    ]
    return leak.vocabulary_of([shared])
