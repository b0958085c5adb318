"""Calls: which request a log record tells of, how it ended and how long it took.

Record -> calls_of() -> Call, Call, ...

Access logs (nginx, Apache, Envoy, HAProxy, load balancers), HTTP clients (urllib3, httpx, requests, OkHttp), web frameworks
(morgan, pino-http, Spring, Gin, ASP.NET, Rails) and whoever logs fields. A record tells of a call when it names what was
requested and how it ended: a status, a duration, or that it failed. :mod:`fde_sidecar.calltext` reads lines,
:mod:`fde_sidecar.callfields` documents. Most lines of most logs tell of none: those must cost next to nothing.
"""

from __future__ import annotations

from typing import Final

from fde_sidecar.callfields import call_in_fields, may_have_fields, read_fields
from fde_sidecar.calltext import call_in_line, may_tell
from fde_sidecar.clock import Clock, now
from fde_sidecar.frame import Record
from fde_sidecar.reading import Call

_MAX_LINE: Final = 8192  # characters of a line that are read
_MAX_LINES: Final = 1000  # of one record: a log without headers may be framed as one


def calls_of(record: Record, clock: Clock | None = None) -> tuple[Call, ...]:
    """The calls that `record` tells of, in its order; () nearly always. Never raises, whatever is in the record.

    `clock` is the file's: it reads timestamps without a date or a zone. Without one such a record takes the present time.
    """
    document = record.document
    if document is not None:
        call = None
        if may_have_fields(document):
            call = call_in_fields(document, clock or Clock(now()))
        if call is None and isinstance(text := _message(document), str) and may_tell(text):
            call = call_in_line(text[:_MAX_LINE], None, clock or Clock(now()), document)
        return () if call is None else (call,)
    text = record.text
    if not may_tell(text):
        return ()
    clock = clock or Clock(now())
    header = record.header
    if "\n" not in text:
        call = _in_line(text, header.time if header else None, clock)
        return () if call is None else (call,)
    found = []
    for number, line in enumerate(text.split("\n", _MAX_LINES)[:_MAX_LINES]):
        if line and may_tell(line):
            call = _in_line(line, header.time if header and not number else None, clock)
            if call is not None:
                found.append(call)
    return tuple(found)


def _in_line(line: str, time: str | None, clock: Clock) -> Call | None:
    fields = read_fields(line) if len(line) < 64 * 1024 else None
    if fields is not None:
        return call_in_fields(fields, clock) if may_have_fields(fields) else None
    return call_in_line(line[:_MAX_LINE], time, clock)


def _message(document: dict[str, object]) -> object:
    return document.get("event") or document.get("msg") or document.get("message") or document.get("body")
