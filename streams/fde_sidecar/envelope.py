"""Envelopes: what a container runtime puts around every line, and lines that it cut in parts.

CRI     ``2026-10-10T06:00:00.000000000Z stderr P text``    containerd, CRI-O; P: the line goes on
Docker  ``{"log":"text\\n","stream":"stderr","time":"..."}``  json-file; no newline at the end: the line goes on

raw line -> open_envelope() -> Enveloped -> Parts.join() -> whole line with its stream, its time and the byte it began at
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

_CRI: Final = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?::[^ ]*)? ?"
)
_DOCKER_HEAD: Final = b'{"log":"'
_DOCKER_CUTS_AT: Final = 16_000  # Docker cuts at 16 KiB; a shorter text without a newline is a writer's last


class _Docker(msgspec.Struct):
    log: str
    stream: str
    time: str


_decode = msgspec.json.Decoder(_Docker).decode


@dataclass(frozen=True, slots=True)
class Enveloped:
    """One physical line without its envelope. `time` as the runtime wrote it (RFC 3339)."""

    content: bytes
    stream: str
    time: str
    goes_on: bool


def open_envelope(raw: bytes) -> Enveloped | None:
    """What is in it; None for a line without an envelope. A cheap look at its first bytes says so."""
    if raw[:2] == b"20" and raw[4:5] == b"-":
        found = _CRI.match(raw)
        if found is None:
            return None
        return Enveloped(raw[found.end() :], found[2].decode(), found[1].decode(), found[3] == b"P")
    if raw[:8] == _DOCKER_HEAD and raw.rstrip()[-1:] == b"}":
        try:
            line = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if line.stream not in ("stdout", "stderr"):
            return None
        content = line.log.encode("utf-8", "surrogatepass")
        if content.endswith(b"\n"):
            return Enveloped(content[:-1], line.stream, line.time, goes_on=False)
        return Enveloped(content, line.stream, line.time, goes_on=len(content) >= _DOCKER_CUTS_AT)
    return None


@dataclass(slots=True)
class Part:
    """The parts of one line that have come. `start` is the first one's byte, `line` its 1-based line."""

    start: int
    line: int
    time: str
    content: bytearray = field(default_factory=bytearray)


class Parts:
    """Lines that are still open, one a stream. Each is at most `limit` bytes; `cut` counts what was left out of it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[str, Part] = {}
        self.cut = 0

    @property
    def open(self) -> list[Part]:
        """What is not whole yet."""
        return list(self._open.values())

    def join(self, one: Enveloped, start: int, line: int) -> Part | None:
        """The whole line that `one` ends, or None while it goes on."""
        part = self._open.get(one.stream)
        if part is None:
            part = Part(start, line, one.time)
            if not one.goes_on:
                part.content += one.content
                return part
            self._open[one.stream] = part
        room = max(0, self._limit - len(part.content))
        part.content += one.content[:room]
        self.cut += max(0, len(one.content) - room)
        if one.goes_on:
            return None
        return self._open.pop(one.stream)

    def flush(self) -> list[tuple[str, Part]]:
        """What is open, given up as whole: nothing came for long."""
        left, self._open = self._open, {}
        return sorted(left.items(), key=lambda item: item[1].start)
