"""Unfinished: a record whose last line may not have come yet, and which of the following lines are its own.

line -> Unfinished.takes() -> Unfinished.add(); Unfinished.finished() -> the lines of a Record
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from fde_sidecar.header import INFO, WARN, Header, read_header
from fde_sidecar.stack import CAUSED, FRAME, SOURCE, TRACEBACK, is_error_line, says_that_another_follows

_WORDS: Final = 20  # plain lines between an exception's first line and its frames
# How the later lines of one exception's message begin: SQLAlchemy, PostgreSQL, printed objects.
_MESSAGE_GOES_ON: Final = re.compile(r"^(?:[\[({<)}\]]|[A-Z]{4,}:\s)")


class Unfinished(msgspec.Struct):
    """One open record: a struct, for one is made for every line. `start`/`end` are byte offsets, lines 1-based.

    `size` counts characters.
    """

    start: int
    end: int
    line_start: int
    line_end: int
    header: Header | None
    writer: str = ""
    lines: list[str] = []
    size: int = 0
    python: bool = False  # holds a traceback
    awaiting: bool = False  # inside a traceback whose exception line has not come
    chained: bool = False  # the last line said that another traceback follows
    node: bool = False  # holds `    at ` frames
    open_message: bool = False  # the exception line announced more lines
    # What was certain before plain lines joined an exception's first line: how many lines, and the last one's number.
    firm: tuple[int, int] | None = None
    time: str | None = None  # when a container runtime took its first line

    @property
    def grave(self) -> bool:
        """Whether its header says WARN or worse."""
        return self.header is not None and (self.header.level or INFO) >= WARN

    def takes(self, line: str) -> bool:
        """Whether a line at the margin, without a header, goes on with it."""
        if says_that_another_follows(line) or CAUSED.match(line):
            return True
        if TRACEBACK.match(line):
            return self.chained or (self.grave and not self.python)
        if self.header is not None and self.grave:
            return not (self.node and not self.python and is_error_line(line))
        if self.awaiting or self.chained:
            return True
        if self.header is not None:
            return not is_error_line(line)
        if self.python or self.node:
            return self.open_message or _MESSAGE_GOES_ON.match(line) is not None
        if not self.lines or not is_error_line(self.lines[0]) or is_error_line(line):
            return False
        if line[0] in "[]{}()":
            return True
        # A message of several lines, if frames follow it; what joins here is let go when none do.
        if self.firm is None:
            self.firm = (len(self.lines), self.line_end)
        return len(self.lines) - self.firm[0] < _WORDS

    def awaits(self, line: str) -> bool:
        """Whether a line that a collector stamped with a time of its own goes on with it; every other one begins a record."""
        stack = self.python or self.node
        if line[:2].isspace():
            return stack or (self.grave and _is_inner(line.lstrip()))
        if stack and not line:
            return True
        if self.awaiting and read_header(line) is None:
            return True
        return self.grave and not stack and is_error_line(line)

    def ends_before_group(self, line: str) -> bool:
        """Whether an indented line begins a traceback that this record did not lead to: a group's, after an INFO line."""
        return not self.grave and not self.chained and TRACEBACK.match(line) is not None

    def add(self, line: str) -> None:
        """The next line."""
        self.lines.append(line)
        self.size += len(line) + 1
        if not line:
            return
        if says_that_another_follows(line):
            self.chained = True
        elif "Traceback (most" in line and TRACEBACK.match(line):
            self.python, self.awaiting, self.chained, self.open_message = True, True, False, False
        elif line[0] not in " \t":
            if self.awaiting:
                self.awaiting = False
                self.open_message = line.endswith((":", "\\")) or "validation error" in line
        elif FRAME.match(line):
            self.node, self.firm = True, None
        elif not self.python and 'File "' in line and SOURCE.match(line):  # the head of this traceback was cut off
            self.python, self.awaiting = True, True

    def finished(self) -> tuple[list[str], int]:
        """Its lines, without blank ones at the end, and the number of the last one."""
        lines, last = self.lines, self.line_end
        if self.firm is not None:
            count, last = self.firm
            del lines[count:]
        while lines and not lines[-1].strip():
            lines.pop()
            last -= 1
        return lines, last


def _is_inner(text: str) -> bool:
    """Whether an indented line is no record that its layout indents: it names no level, or an error."""
    header = read_header(text)
    return header is None or header.level is None or is_error_line(text)
