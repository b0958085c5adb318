"""The first line of a text record: when, how bad, who, what.

line -> read_header() -> Header(level, time, scope, message)

Layouts are not listed one by one: a line's prefix is read as a run of timestamps, level words, bracketed groups, process
numbers and logger names in any order, which covers the layouts of logging, loguru, gunicorn, celery, Airflow, log4j, Spring,
winston, pino-pretty, syslog and most home-made ones. klog and ``LEVEL:logger:message`` have their own expression.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

# Syslog's scale, thinned: what a level word means to us.
DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50
LEVELS: Final[dict[str, int]] = {
    "trace": DEBUG,
    "debug": DEBUG,
    "verbose": DEBUG,
    "info": INFO,
    "information": INFO,
    "notice": INFO,
    "log": INFO,
    "warn": WARN,
    "warning": WARN,
    "error": ERROR,
    "err": ERROR,
    "severe": ERROR,
    "critical": FATAL,
    "crit": FATAL,
    "fatal": FATAL,
    "panic": FATAL,
    "emergency": FATAL,
    "emerg": FATAL,
    "alert": FATAL,
}
SEVERITY: Final = {DEBUG: "DEBUG", INFO: "INFO", WARN: "WARN", ERROR: "ERROR", FATAL: "FATAL"}

_TIME: Final = (
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    r"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
)
_WORD: Final = (
    r"(trace|debug|verbose|information|info|notice|warning|warn|error|err|severe|critical|crit|fatal|panic)"
    r"(?=[\s:\]|/,)\-]|$)"
)
_WHEN: Final = re.compile(_TIME)
_LEVEL: Final = re.compile(_WORD, re.IGNORECASE)
_GROUP: Final = re.compile(r"\[([^\[\]]{0,160})\]|\{([^{}\"]{0,160})\}|\(([^()]{0,160})\)")
_NUMBER: Final = re.compile(r"\d+(?=[\s|:\]])")
_NAME: Final = re.compile(r"[A-Za-z_][\w.$\-/:@]{0,160}(?=[\s\[|]|$)")
_SEPARATOR: Final = re.compile(r"[\s|:,>–—-]+")
# The first two turns of `_read_prefix` at once, for the layout that most lines have: a time, and a level after it.
_PLAIN: Final = re.compile(rf"(?>({_TIME}))(?>{_SEPARATOR.pattern})(?i:{_WORD})")
_KLOG: Final = re.compile(r"([IWEF])(\d{4} \d\d:\d\d:\d\d(?:\.\d+)?)\s+\d+ ([^\]\s]+)\] ?(.*)", re.DOTALL)
_KLOG_LEVEL: Final = {"I": INFO, "W": WARN, "E": ERROR, "F": FATAL}
_COLONS: Final = re.compile(r"([A-Z]{4,8}):([A-Za-z_][\w.$-]*):(.*)", re.DOTALL)
_LOGGER: Final = re.compile(r"[A-Za-z_][\w.$:/@-]*")

# What may stand between the level and the message, widest first. Each has one group, the logger.
_SCOPES: Final[tuple[re.Pattern[str], ...]] = (
    re.compile(r"\s+\d+\s+---\s+\[[^\]]*\]\s+([\w.$]+)\s*:\s+"),  # Spring Boot
    re.compile(r"\s*\|\s*([\w.$<>]+):[\w<>.]+:\d+\s+-\s+"),  # loguru
    re.compile(r"\]?:?\s*\[([A-Za-z_][\w.$:/@-]*)\]\s*(?:[-:|]\s+)?"),
    re.compile(r"\s+([\w.$/<>-]+):\d+\s+[-|]\s+"),
    re.compile(r"\s+in\s+(\w+):\s+"),  # Flask
    re.compile(r"\s*\(([\w.@-]+)(?:/\d+)?(?: on [\w.-]+)?\):\s*"),  # pino-pretty, bunyan
    re.compile(r"\]?\s*[-|]\s+([A-Za-z_][\w.$]*)\s+[-|:]\s+"),
    re.compile(r"\s+([a-z_][\w.$/-]*(?::[\w.$/-]+)*|(?:\w+\.)+\w+):\s+"),
    re.compile(r"\s+((?:[a-z_]\w*\.){2,}\w+)\s+-\s+"),  # log4j: logger - message
)


class Header(msgspec.Struct, frozen=True):
    """A record's first line: a struct, for one is made for every line. `level` is None for a timestamped one without a level word.

    `strong` headers always begin a record; a weak one (``error: ...`` without a time) only in a log that has no others.
    """

    level: int | None
    time: str | None
    scope: str | None
    message: str
    strong: bool = True


def read_header(line: str, *, brief: bool = False) -> Header | None:
    """The header at the start of `line`, or None when the line is a continuation or plain text.

    `brief`: below WARN, where nobody asks for more than level and time, scope and message may be left unread.
    """
    if not line or line[0] in " \t})":
        return None
    if (plain := _PLAIN.match(line)) is not None:
        level = LEVELS[plain[2].lower()]
        if brief and level < WARN:
            return Header(level, plain[1], None, "")
        return _finish(line, plain.end(), level, plain[1], None)
    if (klog := _KLOG.match(line)) is not None:
        return Header(_KLOG_LEVEL[klog[1]], klog[2], klog[3], klog[4])
    if (colons := _COLONS.match(line)) is not None and colons[1].lower() in LEVELS:
        return Header(LEVELS[colons[1].lower()], None, colons[2], colons[3])
    return _read_prefix(line)


def _read_prefix(line: str) -> Header | None:
    at, time, scope, names = 0, None, None, 0
    dotted = punctuated = False
    for _ in range(12):
        if at > 300:
            break
        if time is None and (found := _WHEN.match(line, at)):
            time, at = found[0], found.end()
        elif found := _LEVEL.match(line, at):
            if names and not (found[1].isupper() or dotted or punctuated):
                break  # prose: "worker error"; a level after a plain word is written in capitals
            return _finish(line, found.end(), LEVELS[found[1].lower()], time, scope)
        elif found := _GROUP.match(line, at):
            content = next(part for part in found.groups() if part is not None)
            inner = _WHEN.match(content)
            if inner and time is None:
                time = inner[0]
                rest = content[inner.end() :].lstrip(" :,")
                if level := _LEVEL.match(rest):  # celery: [time: ERROR/worker]
                    return _finish(line, found.end(), LEVELS[level[1].lower()], time, scope)
            elif content.strip().lower() in LEVELS:
                return _finish(line, found.end(), LEVELS[content.strip().lower()], time, scope)
            elif scope is None and _LOGGER.fullmatch(content):
                scope = content
            at = found.end()
        elif found := _NUMBER.match(line, at):
            at = found.end()
        elif time is not None and names < 3 and (found := _NAME.match(line, at)):
            names += 1
            name = found[0].rstrip(":")
            dotted = dotted or any(mark in name for mark in ".:/_")
            scope = scope or name
            at = found.end()
            punctuated = line[at - 1] == ":" or line[at : at + 3].strip() in ("-", "|", "- ", "| ")
        else:
            break
        if separator := _SEPARATOR.match(line, at):
            at = separator.end()
    if time is not None and not line[0].isspace() and _WHEN.match(line.lstrip("[")):
        rest = line.lstrip("[")
        start = _WHEN.match(rest)
        message = rest[start.end() :].lstrip("] :,|-") if start else line
        return Header(None, time, None, message)
    return None


def _finish(line: str, at: int, level: int, time: str | None, scope: str | None) -> Header:
    rest = line[at:]
    for pattern in _SCOPES:
        if (found := pattern.match(rest)) is None:
            continue
        if _is_type(found[1]):
            continue
        return Header(level, time, found[1], rest[found.end() :], strong=time is not None)
    return Header(level, time, scope, rest.lstrip("]").lstrip(" \t:|-"), strong=time is not None)


def _is_type(name: str) -> bool:
    """A name that is an exception's, or the `error` with which some Node clients begin, is no logger."""
    return name in ("error", "Error") or name.endswith(("Error", "Exception", "Warning"))
