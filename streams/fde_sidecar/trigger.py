"""Triggers: which rules can match in a line at all, found in one pass over it, so that the others cost nothing.

line -> Triggers.wanted() -> indices of the rules worth running, in their order

A trigger is a simpler expression that is found wherever its rule's pattern matches (a test holds that over the corpora); where
none is written the rule's literal hints stand for it. All of them are one automaton (Hyperscan, through the package
``hyperscan``): 7 microseconds a KiB with 4 MiB of memory, where asking for each literal takes 100, and of 35 rules two are left
to run where literals leave six. docs/decisions/0014 has the comparison. Without the package, and in a line that is not ASCII,
the literals are asked one by one: slower, with the same outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from fde_sidecar import issuers
from fde_sidecar.automaton import automaton, hyperscan

if TYPE_CHECKING:
    from fde_sidecar.rules import Rule

_QUOTE: Final = r"(?:\\{0,3}[\"'`]|\\{1,4}(?:u00(?:22|27|60)|x2[27])|&(?:quot|apos|#(?:34|39|x2[27]));)"
# By rule. Case counts unless it begins with (?i); no look-around and no groups that mean something.
TRIGGERS: Final[dict[str, str]] = {
    "url-password": r"://\S*@",
    "bearer": r"(?i)(?:bearer|basic)\s",
    "spoken-sql": r"(?i)identified\s|password=?\s|password\s=",
    "issuer-key": "|".join(form.trigger or form.pattern for form in issuers.FORMS),
    "vendor-key": r"(?:[sprat]k|key|pat|token|secret|api|apikey)_[A-Za-z0-9_]{16}|whsec_|sk-[\w-]{20}|gh[oprsu]_|github_pat_|glpat-|xox|AIza"
    r"|SG\.[\w-]{10}|ya29\.|npm_|pypi-|shp(?:at|ca|pa|ss)_|dop_v1_|hf_|(?:key|pat)-[A-Za-z0-9]{20}|lin_api_|dapi|[a-z]_(?:live|prod|test|sandbox)_[A-Za-z0-9]{20}|ATATT|EAA[A-Za-z0-9]{30}",
    "card": r"[2-6]\d{3}(?:[ -]?\d){9}|[2-6]\d{3}(?:(?:[.+_]|%20)\d{4}){3}",
    "iban": r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2}",
    "ssn": r"\d{3}-\d{2}-\d{4}",
    "mac": r"[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})",
    "ipv4": r"\d(?:\.\d{1,3}){3}",
    # An address has two colons and a group of three digits at least; a time of day has not.
    "ipv6": r"(?i)[0-9a-f]{3,4}:[0-9a-f]{0,4}:|:[0-9a-f]{0,4}:[0-9a-f]{3}|:[0-9a-f]{3,4}:|::",
    "keyed-host": rf"(?i)(?:host(?:name)?|server(?:[._]address)?|server_name|altname|upstream|broker|bootstrap[._]servers){_QUOTE}?\s*[:=]"
    r"|ENOTFOUND|EAI_AGAIN|server at|connecting to|connect to|resolve host|host name|DNS:",
    "phone": r"\+[1-9](?:[ .()-]{0,2}\d){8}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4}",
    "strict-path": r"/[\w.@+-]+/",
    "strict-number": r"\d{6}",
}  # fmt: skip


class Triggers:
    """The triggers of some rules. One thread at a time has the automaton; another one asks for the literals."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._always = [number for number, rule in enumerate(rules) if rule.always]  # a customer's own: kept nowhere
        self._database = automaton(tuple((n, _text(rule)) for n, rule in enumerate(rules) if not rule.always))
        self._scratch = hyperscan.Scratch(self._database) if self._database is not None else None

    def wanted(self, line: str, after: int = -1) -> list[int]:
        """Indices of the rules that may match, behind `after`, ascending."""
        if self._database is None or not line.isascii():
            return self.asked(line, after)
        found = self._always.copy()
        try:
            self._database.scan(line.encode(), match_event_handler=_note, scratch=self._scratch, context=found)
        except hyperscan.ScratchInUseError:
            return self.asked(line, after)
        found.sort()
        return found if after < 0 else [number for number in found if number > after]

    def asked(self, line: str, after: int = -1) -> list[int]:
        """The same by the literals alone; it lets more rules through."""
        lower = line.lower()
        digits = any(character.isdigit() for character in line)
        return [
            number
            for number, rule in enumerate(self._rules)
            if number > after and (any(hint in lower for hint in rule.hints) if rule.hints else digits or rule.always)
        ]


class Mentions:
    """Whether any of many literals stands in a text, by the same automaton."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._literals = tuple(sorted(set(literals)))
        self._database: Any = automaton(((0, "|".join(_escaped(literal) for literal in self._literals)),))
        self._scratch = hyperscan.Scratch(self._database) if self._database is not None else None

    def any_in(self, text: str) -> bool:
        """Whether there is one. Case counts."""
        if self._database is not None and text.isascii():
            found: list[int] = []
            try:
                self._database.scan(text.encode(), match_event_handler=_note, scratch=self._scratch, context=found)
            except hyperscan.ScratchInUseError:  # another thread has it
                pass
            else:
                return bool(found)
        return any(literal in text for literal in self._literals)


def _note(number: int, start: int, end: int, flags: int, found: Any) -> None:
    found.append(number)


def _text(rule: Rule) -> str:
    r"""What stands for a rule in the automaton. ``\w`` and ``\s`` as in the patterns."""
    return rule.trigger or TRIGGERS.get(rule.name) or "(?i)" + "|".join(_escaped(hint) for hint in rule.hints)


def _escaped(literal: str) -> str:
    return re.escape(literal).replace("/", r"\/")
