"""Labels: what a collector writes in front of every line to say whose it is, when several writers share one file.

line -> read_label() -> Label(writer, rest)

docker compose and foreman (``web_1  | ``), PM2 (``0|web  | ``), syslog and Heroku (``Oct 10 06:00:51 host web[12]: ``), kubectl
(``[pod/web-5d/app] ``), and what stands in brackets or before a bar (``[Thread-1] ``, ``worker | ``). The first ones are certain
by their form. The last two are also how records begin that span several lines, so they are labels only in a file where one
was seen in front of a stack's line; so is a bare timestamp.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TIME: Final = r"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d)"
_LABEL: Final = re.compile(
    rf"(?P<time>{_TIME} )?(?:"
    r"(?P<certain>(?=[\w./-]{0,80}[A-Za-z])[\w./-]{1,80}[-_.]\d{1,6} *\| ?|\d{1,4}\|[\w.-]{1,60} *\| ?"
    r"|\[pod/[\w./:@-]{1,160}\] )"
    r"|(?P<process>(?:[\w.-]{1,80} )?[A-Za-z][\w./-]{0,60}\[[\w.-]{1,20}\]: ?)"
    r"|(?P<perhaps>\[[\w./:@# -]{1,100}\] ?|\([\w./:@#-]{1,100}\) |[A-Za-z][\w.-]{0,60} *\| ?)"
    r")?"
)
# What only stands inside a stack.
_GOES_ON: Final = re.compile(
    r"[ \t]+at \S|[ |]*File \"[^\"]+\", line \d|[ |+]*(?:Exception Group )?Traceback \(most recent call last\)"
    r"|[ \t]*(?:[Cc]aused by|Suppressed|Wrapped by): |[ \t]+\.\.\. \d+ (?:more|common)"
    r"|The above exception was the direct cause|During handling of the above exception"
)


@dataclass(frozen=True, slots=True)
class Label:
    """Whose line it is ("" when only a time stands before it), and the line without the label.

    `certain`: by its form alone. `timed`: a time stands before it, so that it may be a record of its own.
    """

    writer: str
    rest: str
    certain: bool
    timed: bool


def may_be_labelled(line: str) -> bool:
    """A cheap question before the expensive one; False is certain, as long as no bare time is a label."""
    head = line[:160]
    if "|" in head or "]:" in head or head[:1] in ("[", "("):
        return True
    # A time alone is a label in front of a stack's own words only.
    return head[:1].isalnum() and (
        " at " in head
        or "\tat " in head
        or 'File "' in head
        or "Traceback" in head
        or "aused by" in head
        or " exception" in head
        or "Suppressed" in head
        or "Wrapped" in head
        or "... " in head
    )


def read_label(line: str) -> Label | None:
    """What may be a label at the start of `line`, or None."""
    found = _LABEL.match(line)
    if found is None or not found.end():
        return None
    timed = found["time"] is not None
    process = found["process"] if timed else None  # `name[3]: ` alone is also how messages begin
    writer = found["certain"] or process or found["perhaps"]
    end = found.end() if writer else found.end("time")
    if end <= 0:
        return None
    certain = bool(found["certain"] or process)
    return Label((writer or "").strip(), line[end:], certain, timed)


def goes_on(rest: str) -> bool:
    """Whether a line's text can only stand inside a stack."""
    return _GOES_ON.match(rest) is not None
