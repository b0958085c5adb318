"""Pieces: the JSON objects of a stream, whether one stands on each line, in an array, or over many lines.

bytes -> pieces() -> Piece -> decoded() -> the importers (:mod:`fde_streams.flat`, `sentry`, `otel`)

Memory is bounded by the largest object, and that by `LIMIT`: an array of a million events is never held whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

import msgspec

LIMIT: Final = 64 * 1024 * 1024  # bytes of one object; a longer one is named and left out
_CHUNK: Final = 1024 * 1024
_AHEAD: Final = 64  # lines that are read before it is decided what a line is
_MARK: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_BETWEEN: Final = b" \t\r\n,"
_decode = msgspec.json.decode


class Stream(Protocol):
    """What is read of a file: at most `size` bytes at a time."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        ...

    def readline(self, size: int = -1, /) -> bytes:
        """The next line, or as much of it."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One object as it stands in the file from `line` (1-based) on; `why` says in a sentence what makes it unusable."""

    line: int
    data: bytes
    why: str = ""


class Unusable(ValueError):
    """A record that says nothing we can read; its words are the reason. Importers raise it, readers count it."""


def pieces(stream: Stream) -> Iterator[Piece]:
    """Every object of `stream`, in its order. Blank lines are none; what is no object is a piece with its reason."""
    first: list[bytes] = []
    by_line = None
    while by_line is None and len(first) < _AHEAD:
        line = stream.readline(LIMIT)
        if not line:
            break
        if not first:
            line = line.removeprefix(b"\xef\xbb\xbf")
        first.append(line)
        if by_line is None and line.strip() and not any(before.strip() for before in first[:-1]):
            start = line.strip()[:1]
            by_line = False if start == b"[" else True if start != b"{" else None
        if line[:1] == b"{" and line.strip() != b"{}" and _is_object(line):
            by_line = True
    if by_line:
        yield from _of_lines(first, stream)
    else:
        yield from _of_values(b"".join(first), stream)


def _is_object(line: bytes) -> bool:
    try:
        _decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    except RecursionError:
        return True  # as far as it can be read; `decoded` says what is wrong with it
    return True


def _of_lines(first: list[bytes], stream: Stream) -> Iterator[Piece]:
    rest = iter(lambda: stream.readline(LIMIT), b"")
    number, whole = 1, True
    for line in chain(first, rest):
        begins, whole = whole, line.endswith(b"\n")
        if begins and line.strip():
            if len(line) >= LIMIT and not whole:
                yield Piece(number, b"", f"the line is longer than {LIMIT >> 20} MiB")
            else:
                yield Piece(number, line)
        number += whole


def _of_values(data: bytes, stream: Stream) -> Iterator[Piece]:
    at, begin, depth, line = 0, -1, 0, 1  # `line` is that of `data[0]`
    while True:
        end_of_marks = at
        for mark in _MARK.finditer(data, at):
            token = mark.group()
            if token == b'"':
                break  # its end has not been read yet
            end_of_marks = mark.end()
            if token in (b"{", b"["):
                if token == b"{" and begin < 0:
                    yield from _junk(data, at, mark.start(), line)
                    begin, depth = mark.start(), 0
                depth += begin >= 0
                at = mark.end()
            elif token in (b"}", b"]"):
                at = mark.end()
                if begin < 0:
                    continue
                depth -= 1
                if depth == 0:
                    yield Piece(line + data.count(b"\n", 0, begin), data[begin : mark.end()])
                    begin = -1
        if begin >= 0:
            at = max(at, end_of_marks)
        done = at if begin < 0 else begin
        line += data.count(b"\n", 0, done)
        data, at, begin = data[done:], at - done, begin - done if begin >= 0 else -1
        if len(data) > LIMIT:
            yield Piece(line, b"", f"one object is longer than {LIMIT >> 20} MiB; nothing after it was read")
            return
        more = stream.read(max(_CHUNK, len(data)))
        if not more:
            break
        data += more
    if begin >= 0:
        yield Piece(line, b"", "the file ends before this object does")
    else:
        yield from _junk(data, 0, len(data), line)


def _junk(data: bytes, start: int, end: int, line: int) -> Iterator[Piece]:
    """What stands between two objects and is neither a comma nor a blank."""
    rest = data[start:end].lstrip(_BETWEEN)
    if rest:
        before = end - len(rest)
        yield Piece(line + data.count(b"\n", 0, before), b"", "this is no JSON object")


def decoded(piece: Piece) -> dict[str, Any]:
    """The object. :class:`Unusable` says why it is none. Bytes that are no UTF-8 are replaced, raw control characters kept."""
    if piece.why:
        raise Unusable(piece.why)
    found: Any
    try:
        found = _decode(piece.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            found = _leniently(piece.data)
        except (ValueError, RecursionError):
            raise Unusable(f"not JSON: {error}") from None
    except RecursionError:
        raise Unusable("not JSON that can be read: nested too deep") from None
    if not isinstance(found, dict):
        raise Unusable(f"an event is a JSON object, this is {type(found).__name__}")
    return found


def _leniently(data: bytes) -> Any:
    found = json.loads(data.decode("utf-8", "replace"), strict=False)
    # Halves of surrogate pairs can be read and not be written again.
    return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode())
