"""Three-way merge of lines, bytes in and bytes out.

(base, local, other) -> lines all three share -> between them: one side changed, both alike, or a conflict -> Merged

Diff3 (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007) over difflib's matching. Not the package ``merge3``:
its licence (GPL) would bind whoever ships this.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LOCAL: Final = "local"
_OPEN, _MIDDLE, _CLOSE = b"<<<<<<< ", b"=======", b">>>>>>> "
Lines = list[bytes]
Region = tuple[slice, slice, slice]  # in base, local, other


@dataclass(frozen=True, slots=True)
class Merged:
    """`conflicts`: how many stretches are marked in `data`."""

    data: bytes
    conflicts: int


def merge(base: bytes, local: bytes, other: bytes, *, name: str) -> Merged:
    """What both sides made of `base`; where both changed the same lines, both stand between marks. `name`: the other side's.

    Line endings and a missing final newline stay as they are. A local file that is `base` with CRLF throughout (a checkout on
    Windows) keeps CRLF, and the others are read so.
    """
    if _only_crlf(local) and _only_lf(base) and _only_lf(other):
        base, other = base.replace(b"\n", b"\r\n"), other.replace(b"\n", b"\r\n")
    one, two, three = (side.splitlines(keepends=True) for side in (base, local, other))
    # Never a lone carriage return: with a line break behind it the two would be one.
    newline = b"\r\n" if _ending(next(iter((*two, *three)), b"")) == b"\r\n" else b"\n"
    done: Lines = []
    conflicts = 0
    for whole, mine, theirs in _regions(one, two, three):
        old, ours, new = one[whole], two[mine], three[theirs]
        if ours in (old, new):
            done.extend(new)
        elif new == old:
            done.extend(ours)
        else:
            head, tail = _shared(ours, new)
            done.extend(ours[:head])
            done.append(_OPEN + LOCAL.encode() + newline)
            done.extend(_closed(ours[head : len(ours) - tail], newline))
            done.append(_MIDDLE + newline)
            done.extend(_closed(new[head : len(new) - tail], newline))
            done.append(_CLOSE + name.encode() + newline)
            done.extend(ours[len(ours) - tail :])
            conflicts += 1
    return Merged(b"".join(done), conflicts)


def is_marked(data: bytes, primitive: str) -> bool:
    """Whether marks of a merge with some version of `primitive` still stand in `data`."""
    inside = False
    for line in data.splitlines():
        if line == _OPEN + LOCAL.encode():
            inside = True
        elif inside and line.startswith(_CLOSE + primitive.encode() + b"."):
            return True
    return False


def is_binary(data: bytes) -> bool:
    """Whether lines mean nothing in `data`."""
    return b"\0" in data


def _regions(base: Lines, local: Lines, other: Lines) -> Iterator[Region]:
    """Regions in order; together they are all of each side. Every second one is shared by all three."""
    at = (0, 0, 0)
    for start, mine, theirs, size in _synced(base, local, other):
        yield slice(at[0], start), slice(at[1], mine), slice(at[2], theirs)
        at = (start + size, mine + size, theirs + size)
        yield slice(start, at[0]), slice(mine, at[1]), slice(theirs, at[2])
    yield slice(at[0], len(base)), slice(at[1], len(local)), slice(at[2], len(other))


def _synced(base: Lines, local: Lines, other: Lines) -> Iterator[tuple[int, int, int, int]]:
    """Stretches of base that both sides kept: where they begin in the three, and how many lines."""
    ours, theirs = _matches(base, local), _matches(base, other)
    i = j = 0
    while i < len(ours) and j < len(theirs):
        (a, mine, m), (b, their, n) = ours[i], theirs[j]
        start, end = max(a, b), min(a + m, b + n)
        if start < end:
            yield start, mine + start - a, their + start - b, end - start
        if a + m < b + n:
            i += 1
        else:
            j += 1


def _matches(one: Lines, two: Lines) -> list[tuple[int, int, int]]:
    head, tail = _shared(one, two)
    inner = difflib.SequenceMatcher(None, one[head : len(one) - tail], two[head : len(two) - tail], autojunk=False)
    found = [(0, 0, head), *((a + head, b + head, size) for a, b, size in inner.get_matching_blocks())]
    found.append((len(one) - tail, len(two) - tail, tail))
    return [match for match in found if match[2]]


def _shared(one: Sequence[bytes], two: Sequence[bytes]) -> tuple[int, int]:
    """How many lines both begin with, and, of the rest, end with."""
    most = min(len(one), len(two))
    head = next((i for i in range(most) if one[i] != two[i]), most)
    tail = next((i for i in range(most - head) if one[-1 - i] != two[-1 - i]), most - head)
    return head, tail


def _closed(lines: Lines, newline: bytes) -> Lines:
    """`lines`, the last one ended, so that a mark can stand below it."""
    return lines if not lines or _ending(lines[-1]) else [*lines[:-1], lines[-1] + newline]


def _ending(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]


def _only_crlf(data: bytes) -> bool:
    return b"\r\n" in data and data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")


def _only_lf(data: bytes) -> bool:
    return b"\n" in data and b"\r" not in data
