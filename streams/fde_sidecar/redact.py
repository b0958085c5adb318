"""Redaction: nothing leaves, and nothing is written to the spool, before it went through here.

text -> Redactor.redact() -> the same number of lines, values replaced by typed tokens (fde_events.token)

A line is redacted again until nothing changes, so that redacting twice is redacting once. Exception types, codes, status,
field names and library frames stay: signatures live on them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from fde_events.event import ErrorEvent, Event
from fde_sidecar.awaited import Awaited
from fde_sidecar.custom import CustomRule, labels
from fde_sidecar.rules import RULES, VERSION, Marks, Rule, host_text
from fde_sidecar.trigger import Triggers

Mode = Literal["standard", "strict"]
Withhold = Callable[[ErrorEvent], ErrorEvent]
_BEGIN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_END: Final = re.compile(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
# A terminal's colours, as bytes and as writers escape them: they stand between a name and its value.
_COLOURED: Final = re.compile(r"(?:\x1b|\\{1,3}(?:u001[bB]|x1[bB]|033|e)|#033|\^\[)\[[\d;]{0,12}m")
_MATERIAL: Final = re.compile(r"[A-Za-z0-9+/=]{16}")
_ESCAPED: Final = re.compile(r"\\{1,3}u00([2-7][0-9A-Fa-f])")
_PASSES: Final = 8
_CACHED_LINES: Final = 4096
_CACHED_LENGTH: Final = 300
_MAX_KEY_LINES: Final = 400  # an END that never comes must not swallow the log
_PLAIN: Final = re.compile(r"<[a-z][a-z0-9-]{0,30}(?::[0-9a-f]{8,16})?>")


@dataclass(frozen=True, slots=True)
class Redaction:
    """One replacement, for the report: never the value."""

    line: int
    kind: str


class Redactor:
    """The rules with one customer's pseudonym key. Equal values of one customer get equal pseudonyms, others' do not."""

    def __init__(
        self,
        key: bytes,
        mode: Mode = "standard",
        withhold: Withhold | None = None,
        *,
        custom: Sequence[CustomRule] = (),
    ) -> None:
        """`withhold` takes what the application wrote out of an event; strict mode lets no event out without it.

        `custom` rules come first: what a customer named is taken out before anything else is read into it.
        """
        self._key, self.mode, self._withhold = key, mode, withhold
        self.counts: dict[str, int] = {}  # replacements so far, by kind
        # A diagnosis reads what standard mode leaves.
        self._plainly = Redactor(key, custom=custom) if mode == "strict" else self
        self._plainly.counts = self.counts
        # Frames repeat: most lines of a stack have been seen. Bounded; the process holds the raw log anyway.
        self._seen: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._rules: tuple[Rule, ...] = (
            *(_custom(rule) for rule in custom),
            *(rule for rule in RULES if mode == "strict" or not rule.strict),
        )
        self._triggers = Triggers(self._rules)
        self._suffix = labels(custom)

    @property
    def label(self) -> str:
        """What a batch says of its redaction: mode and rule version."""
        return f"{self.mode}/{VERSION}{self._suffix}"

    def redact(self, text: str) -> str:
        """`text` with every value replaced; as many lines as before."""
        return "\n".join(line for line, _ in self.lines(text.split("\n")))

    def lines(self, lines: Iterable[str]) -> Iterator[tuple[str, list[Redaction]]]:
        """Line by line, with what was replaced; a private key over several lines is followed. Lines without their ends."""
        inside, awaited = 0, Awaited()
        for number, line in enumerate(lines, start=1):
            found: list[str] = []
            if inside or "-----BEGIN" in line:
                line, inside = _private_key(line, inside, found)
            if line:
                line = self._line(awaited.line(line, found), found)
            for kind in found:
                self.counts[kind] = self.counts.get(kind, 0) + 1
            yield line, [Redaction(number, kind) for kind in found]

    def event(self, event: Event) -> Event:
        """An event with every text of it redacted; types, status, method, times and kinds stay.

        In strict mode what the application wrote does not leave at all. ValueError if nobody said how to withhold it.
        """
        if isinstance(event, ErrorEvent):
            if self.mode == "standard":
                return self._error(event)
            if self._withhold is None:
                raise ValueError("strict mode lets no event out without `withhold`")
            return self._withhold(self._plainly._error(event))
        changes: dict[str, str | None] = {
            name: self.address(value) if name == "server_address" else self.redact(value)
            for name in ("scope", "service", "server_address", "endpoint", "operation", "before", "after")
            if isinstance(value := getattr(event, name, None), str)
        }
        if self.mode == "strict":  # names that the application gave to itself and to its loggers
            changes |= dict.fromkeys({"scope", "service"}.intersection(event.__struct_fields__))
        return msgspec.structs.replace(event, **changes)

    def _error(self, event: ErrorEvent) -> ErrorEvent:
        return msgspec.structs.replace(
            event,
            service=self._maybe(event.service),
            scope=self._maybe(event.scope),
            body=self._maybe(event.body),
            exception_message=self._maybe(event.exception_message),
            exception_stacktrace=self._maybe(event.exception_stacktrace),
            server_address=self.address(event.server_address),
            url_path=self._maybe(event.url_path),
            log_file=self._maybe(event.log_file),
        )

    def address(self, host: str | None) -> str | None:
        """A host alone, as `server.address` has it."""
        if not host or _PLAIN.search(host):
            return host
        text = self.redact(host)
        if text != host or _PLAIN.search(text):
            return text
        kept = host_text(host, Marks(self.pseudonym, []))
        return host if kept is None else kept

    def pseudonym(self, kind: str, value: str) -> str:
        """8 hex digits of HMAC-SHA256 over kind and value."""
        return hmac.new(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]

    def _maybe(self, text: str | None) -> str | None:
        return None if text is None else self.redact(text)

    def _line(self, line: str, found: list[str]) -> str:
        known = self._seen.get(line)
        if known is not None:
            found.extend(known[1])
            return known[0]
        kinds: list[str] = []
        # A name may be hidden behind JSON's escapes: `p\\u0061ssword`. They are read only where that finds something.
        plain = _COLOURED.sub("", line) if "[" in line and _COLOURED.search(line) else line
        if "\\u00" in plain:
            plain = _ESCAPED.sub(_unescaped, plain)
        clean = self._fixed(plain, kinds)
        if plain != line and clean == plain:
            clean = line
        if len(line) <= _CACHED_LENGTH:
            if len(self._seen) >= _CACHED_LINES:
                self._seen.clear()
            self._seen[line] = (clean, tuple(kinds))
        found.extend(kinds)
        return clean

    def _fixed(self, line: str, found: list[str]) -> str:
        for _ in range(_PASSES):
            redacted = self._pass(line, found)
            if redacted == line:
                break
            line = redacted
        return line

    def _pass(self, line: str, found: list[str]) -> str:
        wanted = self._triggers.wanted(line)
        while wanted:
            number = wanted.pop(0)
            rule, marks = self._rules[number], Marks(self.pseudonym, found)
            redacted = rule.rewrite(line, marks)
            if redacted != line:
                line = redacted
                wanted = self._triggers.wanted(line, number)  # a placeholder may be what a later rule looks for
        return line


def _custom(rule: CustomRule) -> Rule:
    """A customer's rule among ours. A placeholder inside a match is no value, so a rule never takes its own apart."""

    def replace(found: re.Match[str], marks: Marks) -> str | None:
        return None if _PLAIN.search(found[0]) or _inside(found) else marks.plain(rule.kind)

    return Rule(rule.name, rule.kind, (), rule.pattern, replace, "the customer's", always=True)


def _inside(found: re.Match[str]) -> bool:
    """Whether a match lies inside a placeholder, like the name of a kind."""
    start = found.string.rfind("<", max(0, found.start() - 50), found.start() + 1)
    token = _PLAIN.match(found.string, start) if start >= 0 else None
    return token is not None and token.end() >= found.end()


def _unescaped(found: re.Match[str]) -> str:
    """A visible character; quotes, backslashes and what marks a token stay escaped, so that JSON stays JSON."""
    character = chr(int(found[1], 16))
    return found[0] if character in "\"'\\<>`\x7f" else character


def _private_key(line: str, inside: int, found: list[str]) -> tuple[str, int]:
    """One line of, or with, a private key; `inside` counts the lines since BEGIN."""
    begin = None if inside else _BEGIN.search(line)
    if not inside and begin is None:
        return line, 0
    ends = list(_END.finditer(line))
    end = ends[-1] if ends else None
    head = line[: begin.start()] if begin else ""
    if end is None and inside >= _MAX_KEY_LINES:
        return line, 0
    inner = line[begin.end() if begin else 0 : end.start() if end else len(line)]
    if _MATERIAL.search(inner) or (
        begin is None and end is None and inner.strip()
    ):  # its markers alone are no secret, and a key is told where it stands
        found.append("private-key")
    if end is not None:
        return f"{head}<private-key>{line[end.end() :]}", 0
    return f"{head}<private-key>", inside + 1
