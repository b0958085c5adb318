"""The second net: a maintained scanner's rules over texts, for secrets that our own rules do not know.

text -> keywords that stand in it -> rules, near those keywords -> entropy and allowlists -> spans

Rules and their order of work are gitleaks' (see fde_extraction.ruleset); its command is not needed. Work grows with the text
and with the keywords in it: 3 files of 100 lines take 3 ms, 25 000 lines 0.15 s.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Final

from fde_extraction.ruleset import Allowed, Rule, read

# Characters around a keyword that a rule looks at; keys over several lines (PEM) are longer.
_BEFORE: Final = 200
_AFTER: Final = 600
_LONG: Final = 8000
_LEAD: Final = re.compile(r"[\w.-]{0,50}\Z", re.ASCII)


def scan(text: str) -> list[tuple[str, int, int, bool]]:
    """(rule, start, end, by name) of what looks like secrets of known issuers, in characters, in order of the text.

    `by name`: the rule goes by the words that stand before, not by the format alone.
    """
    low = text.lower()
    if len(low) != len(text):  # a few letters are longer in lower case; keywords are ASCII
        low = "".join(char.lower() if char.isascii() else char for char in text)
    places = {word: found for word in _keywords() if (found := _places(word, low))}
    hits = set()
    for rule in read().rules:
        at = sorted({place for word in rule.keywords for place in places.get(word, ())})
        for start, end in _windows(at, len(text), _LONG if "[\\s" in rule.regex else _AFTER):
            for match in _compiled(rule.regex).finditer(text, start, end):
                span = _secret(rule, match)
                if span is not None and not _harmless(rule, text, match, *span):
                    hits.add((rule.id, *span, rule.lead))
    return sorted(hits, key=lambda hit: hit[1:])


@cache
def _keywords() -> tuple[str, ...]:
    return tuple(sorted({word for rule in read().rules for word in rule.keywords}))


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.ASCII)


@cache
def _stopwords(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)))


def _places(word: str, low: str) -> list[int]:
    found, at = [], low.find(word)
    while at >= 0:
        found.append(at)
        at = low.find(word, at + len(word))
    return found


def _windows(places: list[int], size: int, after: int) -> Iterator[tuple[int, int]]:
    start, end = 0, -1
    for place in places:
        if place - _BEFORE > end:
            if end >= 0:
                yield start, end
            start = max(0, place - _BEFORE)
        end = min(size, place + after)
    if end >= 0:
        yield start, end


def _secret(rule: Rule, match: re.Match[str]) -> tuple[int, int] | None:
    groups = [rule.group] if rule.group else range(1, (match.re.groups or 0) + 1)
    span = next((match.span(group) for group in groups if match[group]), match.span())
    return span if span[0] < span[1] else None


def _harmless(rule: Rule, text: str, match: re.Match[str], start: int, end: int) -> bool:
    secret = text[start:end]
    if rule.entropy and entropy(secret) <= rule.entropy:
        return True
    first = match.start()
    if rule.lead and (lead := _LEAD.search(text, max(0, first - 50), first)):
        first = lead.start()
    line = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    shown = {
        "secret": secret,
        "match": text[first : match.end()],
        "line": text[line[0] : line[1] if line[1] >= 0 else len(text)],
    }
    return any(_lets(allowed, shown, secret) for allowed in (*read().allowed, *rule.allowed))


def _lets(allowed: Allowed, shown: dict[str, str], secret: str) -> bool:
    if any(_compiled(regex).search(shown[allowed.target]) for regex in allowed.regexes):
        return True
    return bool(allowed.stopwords) and _stopwords(allowed.stopwords).search(secret.lower()) is not None


def entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
