"""Exceptions inside log text: Python tracebacks, Node and Java stacks, and one-line ``Type: message``.

text -> find_stack() -> Stack(before, type, message, text) | find_inline() -> the same without a stack
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TRACEBACK: Final = re.compile(r"^[ |+]*(?:Exception Group )?Traceback \(most recent call last\):\s*$")
# Only the ends of the two sentences: a log agent may have cut the line's beginning.
_CHAINS: Final = ("direct cause of the following exception:", "another exception occurred:")
_CHAIN: Final = re.compile(rf"^.{{0,80}}(?:{'|'.join(_CHAINS)})\s*$")
FRAME: Final = re.compile(r"^\s+at\s+(?:async\s+|new\s+)?\S")
CAUSED: Final = re.compile(
    r"^\s*(?:[Cc]aused by:|Wrapped by:|Suppressed:|\.\.\. \d+ (?:more|common frames)|\[cause\]:|\[errors\]:)"
)
SOURCE: Final = re.compile(r'^[ |]*File "[^"\n]+", line \d+')  # a Python frame, where its traceback's head was cut off
# A traceback's last line: `package.Type: message`, or the bare type. Names of types hold no blank.
_PYTHON_TYPE: Final = re.compile(r"^([A-Za-z_][\w.]*(?:\[[\w., ]+\])?)(?::(?: |$)(.*))?$", re.DOTALL)
_SUFFIX: Final = r"(?:Error|Exception|Fault|Failed|Failure|Timeout|Interrupt|Exit|Warning|Denied|Exceeded|Rejected)"
_TYPE: Final = re.compile(
    rf"(?:[\w$]++\.)*+(?:[A-Za-z_$]?[\w$]*{_SUFFIX}\w*|[A-Z][a-z0-9]+[A-Z]\w*|(?:Error|Exception)\w*)"
)
# `word: message` or `word [CODE]: message` after a blank, or the word at a line's end. Whether the word is a type is asked
# of the word alone: one expression for both backtracks over every long line.
_INLINE: Final = re.compile(
    r"(?<![^\s(\[\"'`])([A-Za-z_$][\w$.]{0,200}+)(?: \[[A-Z][A-Z0-9_]+\])?(?::(?=[ \n])|:?$)", re.MULTILINE
)
# In front of frames anything may be the name: `error: duplicate key`, `SlowDown: reduce`, `API_DISABLED: ...`.
_NODE_HEAD: Final = re.compile(r"(?:^|(?<=\s))([A-Za-z_$][\w$.]*)(?: \[[A-Z][A-Z0-9_]+\])?:(?: |$)", re.MULTILINE)
_UNCAUGHT: Final = re.compile(
    r"^(?:Uncaught(?: \(in promise\))? |Unhandled (?:promise )?rejection:? ?|Exception in thread \"[^\"]*\" )"
)
# How one-line records chain causes; what stands left of the first is the outer exception's own message.
_CAUSES: Final = re.compile(r" <- |; caused by:? | caused by: |; nested exception is ", re.IGNORECASE)
_PROSE: Final = frozenset({"Traceback", "Caused", "Note", "Warning", "TypeScript", "JavaScript", "GitHub", "OpenAI"})


@dataclass(frozen=True, slots=True)
class Stack:
    """An exception in a text. `before` is what was said ahead of it; `text` the stack as printed, None without frames."""

    before: str
    type: str | None
    message: str | None
    text: str | None


def says_that_another_follows(line: str) -> bool:
    """Whether a line stands between two tracebacks of a chain. Asked of every line: its end is looked at first."""
    return line.rstrip().endswith(_CHAINS) and _CHAIN.match(line) is not None


def find_stack(text: str) -> Stack | None:
    """The exception with its frames, or None when the text has no frames."""
    lines = text.split("\n")
    headless = -1
    for number, line in enumerate(lines):
        if TRACEBACK.match(line):
            return _python(lines, number)
        if FRAME.match(line):
            return _node(lines, number)
        if headless < 0 and 'File "' in line and SOURCE.match(line):
            headless = number
    return _python(lines, headless) if headless >= 0 else None


def find_inline(text: str) -> Stack | None:
    """``... Type: message`` without frames; the outermost of a chain written on one line."""
    for found in _INLINE.finditer(text):
        if not _names_a_type(text, found):
            continue
        message = _CAUSES.split(text[found.end() :].strip(), maxsplit=1)[0].strip()
        if text[found.start() - 1 : found.start()] == "[":  # as Node inspects an error that has no frames: `[Error: x]`
            message = message.partition("\n")[0].removesuffix(" {").removesuffix("]")
        before = text[: found.start()].strip().rstrip(":-[").rstrip()
        return Stack(before, found[1], message or None, None)
    return None


def is_type(name: str) -> bool:
    """Whether a word is an exception type's name by its form."""
    return _TYPE.fullmatch(name) is not None


def is_error_line(line: str) -> bool:
    """Whether a line is an exception's own: ``Type: message``, or the bare type, from its first character on."""
    found = _INLINE.match(line, 1 if line[:1] == "[" else _uncaught(line))
    return found is not None and found[1] not in _PROSE and _TYPE.fullmatch(found[1]) is not None


def _uncaught(line: str) -> int:
    """The length of ``Uncaught `` and its like at the start."""
    found = _UNCAUGHT.match(line)
    return found.end() if found else 0


def _names_a_type(text: str, found: re.Match[str]) -> bool:
    """Not a word of prose: ``503 Server Error: ...`` names no type, ``failed Error: ...`` does."""
    if found[1] in _PROSE or not _TYPE.fullmatch(found[1]):
        return False
    if found[1] not in ("Error", "Exception", "Warning", "Failed", "Failure", "Timeout"):
        return True
    before = text[: found.start()].split()
    return not before or not before[-1][:1].isupper() or before[-1].endswith(":")


def _python(lines: list[str], first: int) -> Stack:
    last = max((number for number, line in enumerate(lines) if TRACEBACK.match(line)), default=first)
    group = lines[last].lstrip(" +|").startswith("Exception Group") or lines[last][:1] in " |+"
    if group:  # sub-exceptions follow; the group itself is the first exception line
        last = first
    name = message = None
    for number in range(last + 1, len(lines)):
        line = re.sub(r"^ *[|+] ?", "", lines[number]) if group else lines[number]
        if not line or line[0] in " \t":
            continue
        found = _PYTHON_TYPE.match(line)
        rest = [] if group else lines[number + 1 :]
        if found:
            name = found[1]
            message = "\n".join([found[2] or "", *rest]).strip() or None
        else:
            message = "\n".join([line, *rest]).strip()
        break
    before, text = "\n".join(lines[:first]).strip(), "\n".join(lines[first:]).rstrip()
    if name is None and message is None:
        # Its last line was cut off, or stands first: AWS Lambda prints `[ERROR] Type: message` above the frames.
        said = find_inline(before.rpartition("\n")[2])
        if said is not None:
            name, message = said.type, said.message
            text = f"{text}\n{name}: {message}" if message else f"{text}\n{name}"
            before = "\n".join([*before.split("\n")[:-1], said.before]).strip()
    return Stack(before, name, message, text)


def _node(lines: list[str], first_frame: int) -> Stack:
    head = "\n".join(lines[:first_frame])
    start, name = 0, None
    message: str | None
    head_offset = _uncaught(head)
    searched = head[head_offset:]
    found = next((m for m in _INLINE.finditer(searched) if _names_a_type(searched, m)), None) or _NODE_HEAD.search(
        searched
    )
    if found:
        name, start = found[1], found.start() + head_offset
        message = searched[found.end() :].strip() or None
        if message and searched[found.start() - 1 : found.start()] == "[":
            message = message.partition("] {\n")[0].removesuffix("]")
            start -= 1
        # `Type` alone on the header's line, its causes below
        if message and CAUSED.match(message):
            message = None
    else:
        # Frames below words that name no type: the words are both what was said and the message.
        said = head.strip()
        return Stack(said, None, said or None, "\n".join(lines).rstrip())
    before = head[:start].strip()
    text = "\n".join([head[start:], *lines[first_frame:]]).rstrip()
    return Stack(before.rstrip(":-").rstrip() if before else "", name, message, text)
