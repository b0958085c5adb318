"""Members: solutions of one or several files, read, checked for use, and their files matched across members.

(member, customer, path, bytes) -> members and what was skipped -> one column of files per template file
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from fde_extraction.language import kind_of, language, language_of
from fde_extraction.similarity import similarity
from fde_extraction.tree import Node
from fde_extraction.unparsable import NotAbstractable, UnparsableSource
from fde_template.encoding import Encoding, decode, encoding_of

MAX_BYTES: Final = 256 * 1024  # of one file, as the record that carries it; a larger one was not written by a person
MAX_TOTAL: Final = 2 * 1024 * 1024  # of all siblings together: aligning them takes minutes beyond


@dataclass(frozen=True, slots=True)
class Skipped:
    """A member that could not be used, with the place and the reason; `line` 1-based or None.

    `member`: the solution of several files that is left out because of this one, empty for a file by itself.
    """

    path: str
    why: str
    line: int | None = None
    member: str = ""

    def __str__(self) -> str:
        place = f"{self.path}{'' if self.line is None else f':{self.line}'}"
        if not self.member:
            return f"{place}: {self.why}"
        return f"{self.member} (the whole sibling is left out): {self.member}/{place} {self.why}"


@dataclass(frozen=True, slots=True)
class Member:
    """One solution: its files by path, all in one encoding; `trees` of those that were parsed in it."""

    name: str
    customer: str
    files: dict[str, bytes]
    encoding: Encoding
    trees: dict[str, Node] = field(default_factory=dict)


def members_of(entries: Sequence[tuple[str, str, str, bytes]]) -> tuple[list[Member], list[Skipped]]:
    """Members from (member, customer, path, bytes). One whose file cannot be used is skipped, the others go on."""
    grouped: dict[str, list[tuple[str, str, bytes]]] = defaultdict(list)
    for member, customer, path, data in entries:
        grouped[member or PurePosixPath(path).stem].append((customer, path, data))
    found, skipped = [], []
    for name, files in sorted(grouped.items()):
        if len({path for _, path, _ in files}) < len(files):
            raise NotAbstractable(name, "is the name of two siblings; give each its own file stem")
        try:
            checked = {path: _checked(path, data) for _, path, data in files}
            encoding = Counter(own for own, _ in checked.values()).most_common(1)[0][0]
        except UnparsableSource as error:
            skipped.append(Skipped(error.where, error.why, error.line, _solution(name, files[0][1], len(files))))
            continue
        trees = {path: tree for path, (own, tree) in checked.items() if own == encoding}
        found.append(Member(name, files[0][0], {path: data for _, path, data in files}, encoding, trees))
    return _of_one_encoding(found, skipped), skipped


def sized(entries: Sequence[tuple[str, bytes]]) -> None:
    """Nothing, or :class:`NotAbstractable` for the (path, bytes) that are too large, before anything is parsed."""
    for path, data in entries:
        if len(data) > MAX_BYTES:
            raise NotAbstractable(path, _too_large(len(data)))
    total = sum(len(data) for _, data in entries)
    if total > MAX_TOTAL:
        raise NotAbstractable(
            "siblings", f"are {_size(total)} together, {_size(MAX_TOTAL)} at most; give fewer or smaller files"
        )


def _too_large(size: int) -> str:
    return (
        f"is {_size(size)}, a file may have {_size(MAX_BYTES)} at most: generated or minified; leave it out or split it"
    )


def _size(count: int) -> str:
    return f"{count / 1024:,.0f} KiB" if count % 1024 == 0 else f"{count:,} bytes"


def _solution(name: str, path: str, files: int) -> str:
    """The member's name where it says more than the file's."""
    return name if files > 1 or "/" in path or PurePosixPath(path).stem != name else ""


def _checked(path: str, data: bytes) -> tuple[Encoding, Node]:
    """The encoding of a file that can be used, and its tree; :class:`UnparsableSource` says where it cannot."""
    if len(data) > MAX_BYTES:
        raise UnparsableSource(path, _too_large(len(data)))
    if b"\0" in data:
        raise UnparsableSource(
            path, "holds a NUL byte, so it is no source text", line=data[: data.index(b"\0")].count(b"\n") + 1
        )
    if not data.strip():
        raise UnparsableSource(path, "is empty")
    encoding = encoding_of(data)
    return encoding, language(language_of(path)).parse(decode(data, encoding), path)


def _of_one_encoding(members: Sequence[Member], skipped: list[Skipped]) -> list[Member]:
    counts = Counter(member.encoding for member in members)
    if len(counts) < 2:
        return list(members)
    usual = min(counts, key=lambda encoding: (-counts[encoding], ("utf-8", "utf-8-sig", "latin-1").index(encoding)))
    for member in members:
        if member.encoding != usual:
            path = next(iter(member.files))
            skipped.append(
                Skipped(
                    path,
                    f"is {member.encoding}, the others are {usual}",
                    member=_solution(member.name, path, len(member.files)),
                )
            )
    return [member for member in members if member.encoding == usual]


def paired(members: Sequence[Member], name: str) -> Iterator[tuple[str, list[list[tuple[str, bytes]]]]]:
    """(path in the template, each member's file as a list of one), for every file that all members have.

    Paths that all members share are kept; single files with names of their own become ``<name>.<suffix>``.
    """
    if all(len(member.files) == 1 for member in members):
        column = [next(iter(member.files.items())) for member in members]
        yield f"{name.replace('-', '_')}{_ending(column[0][0])}", [[entry] for entry in column]
        return
    shared = set.intersection(*(set(member.files) for member in members))
    left = [{path: data for path, data in member.files.items() if path not in shared} for member in members]
    for path in sorted(shared):
        yield path, [[(path, member.files[path])] for member in members]
    if any(len(files) != len(left[0]) for files in left):
        raise NotAbstractable(
            ", ".join(m.name for m in members), "have different files; those with one counterpart each are needed"
        )
    for number, (path, data) in enumerate(sorted(left[0].items()), 1):
        column_rest = [[(path, data)]]
        for files in left[1:]:
            same = [other for other in files if kind_of(other) == kind_of(path)]
            if not same:
                raise NotAbstractable(path, "has no counterpart in another sibling")
            best = max(sorted(same), key=lambda other, files=files: similarity(data, files[other], ""))  # type: ignore[misc]
            column_rest.append([(best, files.pop(best))])
        yield f"{name.replace('-', '_')}_{number}{_ending(path)}", column_rest


def _ending(path: str) -> str:
    """What tells the language: the suffixes (``.yaml.j2``), or the whole name of ``.env`` and ``Dockerfile``."""
    file = PurePosixPath(path)
    if not file.suffix or file.stem.startswith("."):
        return "." + file.name.removeprefix(".") if kind_of(path) != "text" else file.suffix
    before = PurePosixPath(file.stem).suffix
    templated = kind_of(file.stem) == kind_of(path) != kind_of("x" + file.suffix)
    return before + file.suffix if before and templated else file.suffix
