"""Log text to error events, as the application printed them and before anything is redacted.

text -> Framer -> Record -> event_of() -> ErrorEvent

INFO says nothing here. WARN becomes an event when it carries an exception or tells of a failure, and keeps its severity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from fde_events.event import ErrorEvent
from fde_sidecar.clock import Clock
from fde_sidecar.document import LoggedFields, level_and_time, logged
from fde_sidecar.facts import Facts, facts_of, split_url
from fde_sidecar.frame import Framer, Record
from fde_sidecar.header import ERROR, SEVERITY, WARN
from fde_sidecar.stack import Stack, find_inline, find_stack, is_error_line, is_type

_MAX_BODY: Final = 8_000
_MAX_STACK: Final = 64_000
_CHUNK: Final = 256 * 1024
_FAILURE: Final = re.compile(
    r"\b(?:fail(?:s|ed|ure|ing)?|errors?|exceptions?|refused|denied|aborted|unavailable|unreachable|rejected|"
    r"timed? ?out|could not|cannot|can't|unable to|giving up|gave up|unhandled|uncaught|hang up|reset by peer)\b",
    re.IGNORECASE,
)
_NAMED_ERROR: Final = re.compile(r"\b[Ee]rror(?: \[[\w.-]+\])?: ?$")
_OVERCOME: Final = re.compile(
    r"\b(?:succeeded|recovered|0 (?:failed|errors|failures)|no (?:errors|failures))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One event and the lines it stands on (1-based, inclusive)."""

    event: ErrorEvent
    line_start: int
    line_end: int


def parse_text(text: str, *, default_time: str | None = None) -> list[ErrorEvent]:
    """Every error event in `text`, in its order. `default_time` (RFC 3339) stands where a record has no date of its own."""
    return [parsed.event for parsed in parse_lines(text.split("\n"), default_time=default_time)]


def parse_lines(
    lines: Iterable[str | bytes], *, default_time: str | None = None, log_file: str | None = None
) -> Iterator[ParsedEvent]:
    """The same with line numbers, incrementally; `lines` with or without their line ends."""
    framer, clock = Framer(), Clock(default_time)
    for line in lines:
        raw = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
        raw = raw if raw.endswith(b"\n") else raw + b"\n"
        for record in framer.feed(raw):
            yield from _parsed(record, clock, log_file)
    for record in framer.flush():
        yield from _parsed(record, clock, log_file)


def parse_stream(
    stream: BinaryIO, *, framer: Framer | None = None, default_time: str | None = None, log_file: str | None = None
) -> Iterator[ParsedEvent]:
    """The same for a file however long its lines are. `framer` counts what was replaced and what was left out."""
    framer, clock = framer or Framer(), Clock(default_time)
    while chunk := stream.read(_CHUNK):
        for record in framer.feed(chunk):
            yield from _parsed(record, clock, log_file)
    for record in framer.flush():
        yield from _parsed(record, clock, log_file)


def _parsed(record: Record, clock: Clock, log_file: str | None) -> Iterator[ParsedEvent]:
    event = event_of(record, clock, log_file)
    if event is not None:
        yield ParsedEvent(event, record.line_start, record.line_end)


def event_of(record: Record, clock: Clock, log_file: str | None = None) -> ErrorEvent | None:
    """The event a record tells of, or None when it is no error."""
    if record.document is not None:
        level, when = level_and_time(record.document)
        if level is not None and level < WARN:
            clock.pass_by(when)
            return None
        return _from_document(logged(record.document), clock, log_file)
    header = record.header
    if header is None:
        return _bare(record.text, clock, log_file)
    level = header.level
    if level is not None and level < WARN:
        clock.pass_by(header.time)
        return None
    time = clock.read(header.time)
    _, newline, rest = record.text.partition("\n")
    text = header.message + newline + rest
    stack = find_stack(text) if newline else None
    if stack is not None and (stack.type is None or not is_type(stack.type)):
        lead = _NAMED_ERROR.search(record.text[: len(record.text) - len(text)])
        if lead is not None and "Traceback (most" not in text and (lead[0][0] == "E" or not header.strong):
            # `Error: no` above frames: the word is the type, as Node prints it, and no level.
            text = lead[0] + text
            stack = find_stack(text)
    if level is None:
        if stack is None:
            return None
        level = ERROR  # a timestamped line without a level, and frames below it
    found = stack or find_inline(text)
    if level < ERROR and not (stack or _tells_of_failure(text, found)):
        return None
    body = found.before if stack is not None and found is not None else text.strip()
    return _event(time, level, header.scope, None, body, found, facts_of(_spoken(body, found)), log_file)


def _bare(text: str, clock: Clock, log_file: str | None) -> ErrorEvent | None:
    """Text without a header is an error only with frames, or as a lone ``Type: message``."""
    found = find_stack(text)
    if found is None and is_error_line(text):
        found = find_inline(text)
    if found is None:
        return None
    time = clock.read(None)
    return _event(time, ERROR, None, None, found.before or None, found, facts_of(_spoken(text, found)), log_file)


def _from_document(fields: LoggedFields, clock: Clock, log_file: str | None) -> ErrorEvent | None:
    time = clock.read(fields.time)
    message = fields.message or ""
    stack = find_stack(fields.stack) if fields.stack else None
    in_message = find_stack(message) if "\n" in message else None
    if stack is None and in_message is not None:
        stack, message = in_message, in_message.before
    level = fields.level
    if level is None:
        level = ERROR if stack is not None else 0
    if level < WARN:
        return None
    found = _told(fields, stack, message)
    if level < ERROR and not (stack or fields.type or _tells_of_failure(f"{message} {fields.said or ''}", found)):
        return None
    body = message
    if stack is None and fields.said and fields.said not in message:
        body = f"{message}: {fields.said}" if message else fields.said
    facts = facts_of(_spoken(body, found))
    host, path = split_url(fields.url)
    facts = Facts(
        status=fields.status or facts.status,
        method=fields.method if fields.method and fields.method.isupper() else facts.method,
        address=fields.address or host or facts.address,
        path=fields.path or path or facts.path,
    )
    return _event(time, level, fields.scope, fields.service, body or None, found, facts, log_file)


def _told(fields: LoggedFields, stack: Stack | None, message: str) -> Stack | None:
    """The exception, from the fields where they name it, else from the stack, else from the words."""
    said, kind = fields.said, fields.type
    words = find_inline(said) if said else None
    if words is not None and words.before == "" and kind in (None, words.type):  # `error: "Type: message"`
        kind, said = words.type, words.message
    found = stack or words or find_inline(message)
    if kind is None and stack is None and fields.stack is None:
        return found
    return Stack(
        found.before if found else "",
        kind or (found.type if found else None),
        said or (found.message if found else None),
        (found.text if found else None) or fields.stack,
    )


def _spoken(body: str | None, found: Stack | None) -> str:
    """What was said in words, without the frames: the place where status and host are plain."""
    return "\n".join(part for part in (body, found.message if found else None) if part)


def _tells_of_failure(text: str, found: Stack | None) -> bool:
    if _OVERCOME.search(text):
        return False
    return found is not None or _FAILURE.search(text) is not None


def _event(
    time: str,
    level: int,
    scope: str | None,
    service: str | None,
    body: str | None,
    found: Stack | None,
    facts: Facts,
    log_file: str | None,
) -> ErrorEvent:
    return ErrorEvent(
        time=time,
        severity=SEVERITY[level],
        service=service,
        scope=scope,
        body=_cut(body, _MAX_BODY) or None,
        exception_type=found.type if found else None,
        exception_message=_cut(found.message, _MAX_BODY) if found else None,
        exception_stacktrace=_cut(found.text, _MAX_STACK) if found else None,
        http_status=facts.status,
        http_method=facts.method,
        server_address=facts.address,
        url_path=facts.path,
        log_file=log_file,
    )


def _cut(text: str | None, limit: int) -> str | None:
    """Head and tail: a traceback says what failed at its end."""
    if text is None or len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n  [...]\n{text[-limit // 2 :]}"
