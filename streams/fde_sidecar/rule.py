"""Rule: what one redaction rule is, and what it writes.

rules.RULES -> Rule -> Redactor; a module beside this one holds the rules of one grammar (assignment, markup, statement, shell, calls, prose, codes, signed, links, numbers, places).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Pseudonym = Callable[[str, str], str]  # (kind, value) -> 8 hex digits
Replace = Callable[[re.Match[str], "Marks"], str | None]

TOKEN: Final = r"<[a-z][a-z0-9-]{0,30}(?::[0-9a-f]{8,16})?>"  # noqa: S105  the form of our own placeholder
# A quote as it stands in plain text, in JSON, and in JSON inside JSON; as .NET and nginx escape it; as HTML does.
QUOTE: Final = r"(?:\\{0,3}[\"'`]|\\{1,4}(?:u00(?:22|27|60)|x2[27])|&(?:quot|apos|#(?:34|39|x2[27]));)"
# Where a value may begin: behind no letter, an escaped line end, or a percent-encoded character.
START: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))"
Q: Final = rf"(?:{QUOTE})?"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `hints`: lower-case literals, one of which must be in the line; () for a digit, or for anything if `always`.

    `trigger` is a simpler expression found wherever the pattern matches (:mod:`fde_sidecar.trigger`); `why` is for the reader.
    `begins`, in lower case, matches wherever the pattern can begin: literals are found several times faster than without case.
    With `resume` (a group of the pattern) a match that is left alone takes no more of the line than up to that group's end.
    """

    name: str
    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: Replace
    why: str
    strict: bool = False
    trigger: str = ""
    always: bool = False
    resume: str = ""
    begins: re.Pattern[str] | None = None

    def rewrite(self, line: str, marks: Marks) -> str:
        """`line` with every match replaced that is a value."""
        if not self.resume and self.begins is None:

            def replacement(found: re.Match[str]) -> str:
                text = self.replace(found, marks)
                return found[0] if text is None else text

            return self.pattern.sub(replacement, line)
        parts: list[str] = []
        kept = at = 0
        lower = line.lower() if self.begins is not None and line.isascii() else ""
        while (found := self._next(line, lower, at)) is not None:
            text = self.replace(found, marks)
            if text is None:
                at = max(found.end(self.resume or 0), at + 1)
                continue
            parts += (line[kept : found.start()], text)
            kept = at = found.end()
        return "".join((*parts, line[kept:])) if parts else line

    def _next(self, line: str, lower: str, at: int) -> re.Match[str] | None:
        """The pattern's next match; `lower` empty if it is to be searched for itself."""
        if not lower or self.begins is None:
            return self.pattern.search(line, at)
        while (word := self.begins.search(lower, at)) is not None:
            at = word.start()
            if (found := self.pattern.match(line, at)) is not None:
                return found
            at += 1
        return None


@dataclass(frozen=True, slots=True)
class Marks:
    """What a rule writes. `plain` for secrets, `comparable` where equal values must stay equal inside one customer."""

    pseudonym: Pseudonym
    found: list[str]

    def plain(self, kind: str) -> str:
        """``<kind>``; noted in the report."""
        self.found.append(kind)
        return f"<{kind}>"

    def comparable(self, kind: str, value: str) -> str:
        """``<kind:3fa9c2d1>``; noted in the report."""
        self.found.append(kind)
        return f"<{kind}:{self.pseudonym(kind, value.lower())}>"


def group(kind: str, number: int | str = 1) -> Replace:
    """Replace one group of the match by its plain token."""
    return lambda found, marks: instead(found, number, marks.plain(kind))


def instead(found: re.Match[str], name: int | str, text: str) -> str:
    """The match with one of its groups replaced."""
    start, end = found.start(name) - found.start(), found.end(name) - found.start()
    return found[0][:start] + text + found[0][end:]


def whole(kind: str) -> Replace:
    """Replace the whole match by its plain token."""
    return lambda found, marks: marks.plain(kind)
