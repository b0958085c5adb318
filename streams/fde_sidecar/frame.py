"""Framing: bytes of a log to records, one record a thing that was said, whatever its number of lines.

bytes -> Framer.feed() -> Record, Record, ...   Framer.flush() closes the last one after a pause.

Every record knows the bytes it stands on, so that a checkpoint can stand between two records.

A container runtime's envelope is taken off first (:mod:`fde_sidecar.envelope`): its parts of a line are one line, and the two
streams of a container are framed by themselves.

Several writers may share one file (containers under compose, processes under syslog, `kubectl logs --prefix`): where every
line says whose it is, each writer's lines are framed by themselves (:mod:`fde_sidecar.label`).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from fde_sidecar.document import read_document
from fde_sidecar.envelope import Parts, open_envelope
from fde_sidecar.header import Header, read_header
from fde_sidecar.label import Label, goes_on, may_be_labelled, read_label
from fde_sidecar.stack import is_error_line
from fde_sidecar.unfinished import Unfinished

MAX_RECORD_BYTES: Final = 256 * 1024
MAX_WRITERS: Final = 32  # records open at once, one a writer
_STALE: Final = 500  # lines of others after which a writer's record is taken for complete
IDLE_S: Final = 1.0  # a record with nothing after it for this long is complete
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Record(msgspec.Struct, frozen=True):
    """One complete record: a struct, for one is made for every line.

    `start`/`end` are byte offsets, `line_start`/`line_end` 1-based and inclusive.

    `line_next` is the line that begins at `end`: blank lines at a record's end belong to its bytes, not to its text. Where
    another writer's record began earlier and is still open, `end` is where that one begins: nothing is lost by going on there.
    """

    text: str
    start: int
    end: int
    line_start: int
    line_end: int
    line_next: int
    header: Header | None = None
    document: dict[str, Any] | None = None
    time: str | None = None  # when a container runtime took its first line; for a record that names no time itself


class Framer:
    """Cuts one file's bytes into records. `undecodable` and `cut` count what was replaced and left out, in bytes."""

    def __init__(self, *, offset: int = 0, line: int = 1) -> None:
        self._tail = b""
        self._offset = offset  # of the first byte of _tail
        self._line = line
        self._open: dict[str, Unfinished] = {}  # by writer, the one whose line came last at the end
        self._current: Unfinished | None = None  # the last of them: what an indented line without a label goes on with
        self._labelled = self._stamped = False
        self._timed = False
        self._discard = False
        self._parts = Parts(MAX_RECORD_BYTES)
        self._stream = ""  # of the line under way
        self._time: str | None = None
        self.undecodable = 0
        self._cut = 0
        self.lines = 0

    @property
    def cut(self) -> int:
        """Bytes left out."""
        return self._cut + self._parts.cut

    @property
    def safe_offset(self) -> int:
        """Everything before this byte has been given out: where a checkpoint may stand."""
        starts = [current.start for current in self._open.values()] + [part.start for part in self._parts.open]
        return min(starts, default=self._offset)

    @property
    def safe_line(self) -> int:
        """The 1-based line that begins at `safe_offset`."""
        lines = [current.line_start for current in self._open.values()] + [part.line for part in self._parts.open]
        return min(lines, default=self._line)

    @property
    def pending(self) -> bool:
        """Whether something was read and not yet given out."""
        return bool(self._open or self._tail or self._parts.open)

    def feed(self, data: bytes) -> list[Record]:
        """The records that `data` completes."""
        done: list[Record] = []
        *whole, tail = (self._tail + data).split(b"\n")
        for raw in whole:
            end = self._offset + len(raw) + 1
            if not self._discard:
                self._unwrap(raw, self._offset, end, done)
            self._discard = False
            self._offset = end
            self._line += 1
        self._tail = tail
        if len(tail) > MAX_RECORD_BYTES:  # one endless line: its head is the record, the rest is counted
            if not self._discard:
                self._unwrap(tail[:MAX_RECORD_BYTES], self._offset, self._offset + len(tail), done)
                self._cut += len(tail) - MAX_RECORD_BYTES
                self._discard = True
            else:
                self._cut += len(tail)
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
                self._unwrap(raw, self._offset, end, done)
            self._offset = end
            # The rest of this line, should it come, goes on at the same line number.
        for stream, part in self._parts.flush():
            self._stream, self._time = stream, part.time
            self._take(bytes(part.content), part.start, self._offset, done, part.line)
        for writer in sorted(self._open, key=lambda name: self._open[name].start):
            self._close(writer, done)
        return done

    def _unwrap(self, raw: bytes, start: int, end: int, done: list[Record]) -> None:
        """A line of the file, without its envelope; parts of a line wait for the last one."""
        self.lines += 1
        self._stream, self._time = "", None
        one = open_envelope(raw)
        if one is None:
            self._take(raw, start, end, done, self._line)
            return
        part = self._parts.join(one, start, self._line)
        if part is not None:
            self._stream, self._time = one.stream, part.time
            self._take(bytes(part.content), part.start, end, done, part.line)

    def _take(self, raw: bytes, start: int, end: int, done: list[Record], first: int) -> None:
        """A whole line, which begins in line `first` of the file."""
        if len(raw) > MAX_RECORD_BYTES:
            self._cut += len(raw) - MAX_RECORD_BYTES
            raw = raw[:MAX_RECORD_BYTES]
        line = self._decode(raw)
        stream = self._stream
        last = self._open.get(stream) if stream else self._current
        if (
            last is not None
            and line[:1] in (" ", "\t", "")
            and not ("+ Exception" in line and last.ends_before_group(line))
        ):
            self._join(last, line, end)
            return
        label = self._label(line) if self._stamped or may_be_labelled(line) else None
        writer, text = (stream, line) if label is None else (label.writer or stream, label.rest)
        current = self._open.get(writer)
        if label is not None and current is not None and text[:1] in (" ", "\t", ""):
            self._touch(current)
            self._join(current, text, end)
            return
        for said in (line, text) if label is not None else (line,):
            if (document := read_document(said)) is not None:
                self._close(writer, done)
                at = self._line
                where = self._safe_end(end, at + 1, at, first)
                done.append(Record(said, start, *where, None, document, self._time))
                return
        within = label is not None and goes_on(text)
        header = None if within else read_header(line, brief=line[:1] != "[")
        if within:
            pass
        elif header is not None and header.level is not None:
            text = line
        elif label is not None:
            header = read_header(text)
        if header is not None and (
            header.strong or not self._timed or (line[0] == "[" and is_error_line(header.message))
        ):
            self._timed = self._timed or header.time is not None
            self._close(writer, done)
            self._begin(text, start, end, header, writer, done, first)
        elif current is not None and current.takes(text):
            self._touch(current)
            self._join(current, text, end)
        else:
            self._close(writer, done)
            if text.strip():
                self._begin(text, start, end, None, writer, done, first)

    def _touch(self, current: Unfinished) -> None:
        """`current` is now the one whose line came last."""
        if current is not self._current:
            self._open[current.writer] = self._open.pop(current.writer)
            self._current = current

    def _label(self, line: str) -> Label | None:
        """Whose line it is, where that is certain by its form or by what follows it; None for a line of the file itself."""
        label = read_label(line)
        if label is None:
            return None
        follows = goes_on(label.rest)
        if not (label.certain or follows or (self._labelled if label.writer else self._stamped)):
            return None
        if not label.certain and follows:
            self._labelled, self._stamped = self._labelled or bool(label.writer), self._stamped or not label.writer
        if label.timed and not follows:
            # A line with a time of its own is a record of its own, unless its writer's traceback waits for it.
            current = self._open.get(label.writer)
            if current is None or not current.awaits(label.rest):
                return (
                    Label(label.writer, line, label.certain, label.timed) if label.certain or self._labelled else None
                )
        return label

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
        return line

    def _begin(
        self, line: str, start: int, end: int, header: Header | None, writer: str, done: list[Record], first: int
    ) -> None:
        oldest = next(iter(self._open), None)
        if oldest is not None and (len(self._open) >= MAX_WRITERS or self._line - self._open[oldest].line_end > _STALE):
            self._close(oldest, done)
        current = Unfinished(start, end, first, self._line, header, writer=writer, time=self._time)
        self._open[writer] = current
        self._current = current
        self._join(current, line, end)

    def _join(self, current: Unfinished, line: str, end: int) -> None:
        current.end, current.line_end = end, self._line
        if current.size and current.size + len(line) > MAX_RECORD_BYTES:
            self._cut += len(line)
        else:
            current.add(line)

    def _close(self, writer: str, done: list[Record]) -> None:
        current = self._open.pop(writer, None)
        if current is None:
            return
        if current is self._current:
            self._current = next(reversed(self._open.values()), None)
        lines, last = current.finished()
        if lines:
            text = "\n".join(lines)
            where = self._safe_end(current.end, current.line_end + 1, last, current.line_start)
            done.append(Record(text, current.start, *where, current.header, None, current.time))

    def _safe_end(self, end: int, after: int, last: int, first: int | None = None) -> tuple[int, int, int, int]:
        """`end`, `line_start`, `line_end`, `line_next` of a record: reading goes on where no open record has begun."""
        for current in self._open.values():
            if current.start < end:
                end, after = current.start, current.line_start
        for part in self._parts.open:
            if part.start < end:
                end, after = part.start, part.line
        return end, last if first is None else first, last, after
