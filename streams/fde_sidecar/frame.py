"""Framing: bytes of a log to records, one record a thing that was said, whatever its number of lines.

bytes -> Framer.feed() -> Record, Record, ...   Framer.flush() closes the last one after a pause.

Every record knows the bytes it stands on, so that a checkpoint can stand between two records.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from fde_sidecar.document import read_document
from fde_sidecar.header import INFO, WARN, Header, read_header
from fde_sidecar.stack import CAUSED, CHAIN, FRAME, TRACEBACK, is_error_line

MAX_RECORD_BYTES: Final = 256 * 1024
IDLE_S: Final = 1.0  # a record with nothing after it for this long is complete
_CRI: Final = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (?:stdout|stderr) [FP] ")
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# How the later lines of one exception's message begin: SQLAlchemy, PostgreSQL, printed objects.
_MESSAGE_GOES_ON: Final = re.compile(r"^(?:[\[({<)}\]]|[A-Z]{4,}:\s)")


@dataclass(frozen=True, slots=True)
class Record:
    """One complete record. `start`/`end` are byte offsets, `line_start`/`line_end` 1-based and inclusive.

    `line_next` is the line that begins at `end`: blank lines at a record's end belong to its bytes, not to its text.
    """

    text: str
    start: int
    end: int
    line_start: int
    line_end: int
    line_next: int
    header: Header | None = None
    document: dict[str, Any] | None = None


@dataclass(slots=True)
class _Open:
    start: int
    end: int
    line_start: int
    line_end: int
    header: Header | None
    lines: list[str] = field(default_factory=list)
    size: int = 0
    python: bool = False  # holds a traceback
    awaiting: bool = False  # inside a traceback whose exception line has not come
    chained: bool = False  # the last line said that another traceback follows
    node: bool = False  # holds `    at ` frames
    open_message: bool = False  # the exception line announced more lines

    @property
    def grave(self) -> bool:
        return self.header is not None and (self.header.level or INFO) >= WARN


class Framer:
    """Cuts one file's bytes into records. `undecodable` and `cut` count what was replaced and left out, in bytes."""

    def __init__(self, *, offset: int = 0, line: int = 1) -> None:
        self._tail = b""
        self._offset = offset  # of the first byte of _tail
        self._line = line
        self._open: _Open | None = None
        self._timed = False
        self._discard = False
        self.undecodable = 0
        self.cut = 0
        self.lines = 0

    @property
    def safe_offset(self) -> int:
        """Everything before this byte has been given out: where a checkpoint may stand."""
        return self._open.start if self._open is not None else self._offset

    @property
    def safe_line(self) -> int:
        """The 1-based line that begins at `safe_offset`."""
        return self._open.line_start if self._open is not None else self._line

    @property
    def pending(self) -> bool:
        """Whether something was read and not yet given out."""
        return self._open is not None or bool(self._tail)

    def feed(self, data: bytes) -> list[Record]:
        """The records that `data` completes."""
        done: list[Record] = []
        *whole, tail = (self._tail + data).split(b"\n")
        for raw in whole:
            end = self._offset + len(raw) + 1
            if not self._discard:
                self._take(raw, self._offset, end, done)
            self._discard = False
            self._offset = end
            self._line += 1
        self._tail = tail
        if len(tail) > MAX_RECORD_BYTES:  # one endless line: its head is the record, the rest is counted
            if not self._discard:
                self._take(tail[:MAX_RECORD_BYTES], self._offset, self._offset + len(tail), done)
                self.cut += len(tail) - MAX_RECORD_BYTES
                self._discard = True
            else:
                self.cut += len(tail)
            self._offset += len(tail)
            self._tail = b""
        return done

    def flush(self) -> list[Record]:
        """Close what is open: the file ended, or nothing came for `IDLE_S`. An unfinished line counts as a line."""
        done: list[Record] = []
        if self._tail:
            raw, self._tail = self._tail, b""
            end = self._offset + len(raw)
            if not self._discard:
                self._take(raw, self._offset, end, done)
            self._offset = end
            # The rest of this line, should it come, goes on at the same line number.
        self._close(done)
        return done

    def _take(self, raw: bytes, start: int, end: int, done: list[Record]) -> None:
        self.lines += 1
        if len(raw) > MAX_RECORD_BYTES:
            self.cut += len(raw) - MAX_RECORD_BYTES
            raw = raw[:MAX_RECORD_BYTES]
        line = self._decode(raw)
        current = self._open
        if current is not None and line[:1] in (" ", "\t", ""):
            self._join(current, line, end)
            return
        if (document := read_document(line)) is not None:
            self._close(done)
            done.append(Record(line, start, end, self._line, self._line, self._line + 1, None, document))
            return
        header = read_header(line)
        if header is not None and (header.strong or not self._timed):
            self._timed = self._timed or header.time is not None
            self._close(done)
            self._begin(line, start, end, header)
        elif current is not None and self._belongs(current, line):
            self._join(current, line, end)
        else:
            self._close(done)
            if line.strip():
                self._begin(line, start, end, None)

    def _decode(self, raw: bytes) -> str:
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = raw.decode(errors="replace")
            self.undecodable += line.count("\ufffd")
        if line.endswith("\r"):
            line = line[:-1]
        if "\x1b" in line:
            line = _ANSI.sub("", line)
        if line[:2] == "20" and (cri := _CRI.match(line)):
            line = line[cri.end() :]
        return line

    @staticmethod
    def _belongs(current: _Open, line: str) -> bool:
        """Whether a line at the margin, without a header, goes on with the open record."""
        if CHAIN.match(line) or CAUSED.match(line):
            return True
        if TRACEBACK.match(line):
            if current.chained:
                return True
            return current.grave and not current.python
        if current.header is not None and current.grave:
            return not (current.node and not current.python and is_error_line(line))
        if current.awaiting or current.chained:
            return True
        if current.header is not None:
            return not is_error_line(line)
        if current.python or current.node:
            return current.open_message or _MESSAGE_GOES_ON.match(line) is not None
        return current.size > 0 and is_error_line(current.lines[0]) and line[0] in "[]{}()"

    def _begin(self, line: str, start: int, end: int, header: Header | None) -> None:
        self._open = _Open(start, end, self._line, self._line, header)
        self._join(self._open, line, end)

    def _join(self, current: _Open, line: str, end: int) -> None:
        current.end, current.line_end = end, self._line
        if current.size and current.size + len(line) > MAX_RECORD_BYTES:
            self.cut += len(line)
            return
        current.lines.append(line)
        current.size += len(line) + 1
        if not line:
            return
        if CHAIN.match(line):
            current.chained = True
        elif "Traceback (most" in line and TRACEBACK.match(line):
            current.python, current.awaiting, current.chained, current.open_message = True, True, False, False
        elif line[0] not in " \t":
            if current.awaiting:
                current.awaiting = False
                current.open_message = line.endswith((":", "\\")) or "validation error" in line
        elif FRAME.match(line):
            current.node = True

    def _close(self, done: list[Record]) -> None:
        current, self._open = self._open, None
        if current is None:
            return
        lines = current.lines
        last = current.line_end
        while lines and not lines[-1].strip():
            lines.pop()
            last -= 1
        if lines:
            text = "\n".join(lines)
            done.append(
                Record(text, current.start, current.end, current.line_start, last, current.line_end + 1, current.header)
            )
