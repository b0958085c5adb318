"""Sensitive classes: texts that may never be constants of a published template, even when every sibling has them.

leaf's text and names -> find() -> spans with a class

Classes: host (internal names, private addresses), email, account (cloud account ids, locators, ARNs), user,
person (after an honorific or a word like author), customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fde_template.words import words

_INTERNAL: Final = (
    r"(?:[\w-]+\.)+(?:internal|corp|local|lan|intra|intranet|private|priv|test|example|invalid|home\.arpa)"
)
# Documentation addresses (RFC 5737) stand for real ones in samples; loopback and any-address say nothing of anyone.
_ADDRESS: Final = (
    r"(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|169\.254(?:\.\d{1,3}){2}|"
    r"192\.0\.2\.\d{1,3}|198\.51\.100\.\d{1,3}|203\.0\.113\.\d{1,3}|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])(?:\.\d{1,3}){2})"
)
_CAPITAL: Final = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100\u010c\u0106\u0160\u017d\u0141\u0130\u015e"
# A capital, then small letters: neither an acronym nor an initial alone.
_NAME: Final = rf"(?:[{_CAPITAL}]['\u2019])?[{_CAPITAL}][^\W\d_A-Z]+(?:['\u2019-]?[{_CAPITAL}][^\W\d_A-Z]+)*"
_NEXT: Final = rf"[ \t]+(?:(?:von|van|de|der|den|della|di|da|zu|bin|al|[{_CAPITAL}]\.)[ \t]+)*{_NAME}"
_PERSON: Final = (
    rf"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Frau|Herrn?|Mme|Mlle|Monsieur|Madame|Se\u00f1ora?)\b\.?"
    rf"(?:[ \t]+(?:Dr|Prof)\b\.?)*{_NEXT}(?:{_NEXT}){{0,2}}"
)
_SIGNED: Final = re.compile(
    rf"(?:@author[ \t:]+(?P<one>{_NAME}(?:{_NEXT}){{0,3}})|"
    rf"\b(?i:author|owner|contact|maintainer|maintained by|written by)[ \t]*(?::[ \t]*|(?<=by)[ \t]+)(?P<two>{_NAME}(?:{_NEXT}){{1,3}}))"
)
_SIGNING: Final = frozenset("author authors owner contact maintainer maintainers".split())
# Order matters: the wider text first, so that an address in an ARN is part of it.
_CLASSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")),
    ("account", re.compile(r"arn:aws[\w-]*:[\w-]*:[\w-]*:\d{12}:[^\s\"'`$,;{}]+")),
    (
        "url",
        re.compile(
            rf"[a-z][a-z0-9+.-]*://(?:{_INTERNAL}|{_ADDRESS})(?::\d+)?/(?=[^\s\"'`]*[A-Za-z])[^\s\"'`${{}}<>?#]*"
        ),
    ),
    ("host", re.compile(rf"(?<![\w.@-]){_INTERNAL}(?![\w-])")),
    ("host", re.compile(rf"(?<![\w.]){_ADDRESS}(?![\w.])")),
    ("account", re.compile(r"(?<![\w.])\d{12}(?![\w]|\.\d)")),
    ("account", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)),
    ("account", re.compile(r"\b[A-Z]{2,4}\d{5,}(?:\.[A-Za-z][A-Za-z0-9_]*)?\b|\b[a-z]{2}\d{5}\.[a-z]+-[a-z]+-\d\b")),
    (
        "user",
        re.compile(
            r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?:BREAKGLASS|ADMIN|SVC|USER|LOGIN|SERVICE)(?:_[A-Z0-9]+)*_\d{2,}\b"
        ),
    ),
)
_USERS: Final = frozenset("user username login owner principal assignee".split())
_ACCOUNTS: Final = frozenset("account accountid tenantid subscription projectid".split())
# What code calls the parties it serves: a value of that name is somebody's name.
PARTY: Final = frozenset(
    "customer tenant client company organization organisation org brand partner merchant owner firm".split()
)
_PLAIN: Final = frozenset(
    "root admin postgres system user default guest anonymous public sa dbo nobody self current_user".split()
)


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A span of a text, in characters."""

    kind: str
    start: int
    end: int


def find(
    text: str,
    hints: Sequence[str] = (),
    customers: Sequence[str] = (),
    *,
    bare: frozenset[str] = frozenset(),
    wide: bool = True,
) -> list[Sensitive]:
    """Sensitive spans in the text of one literal or comment, called `hints`; never overlapping, in order.

    `wide` false, or a text of `bare` in it: no whole URL or ARN, only the sensitive text within.
    """
    found = [
        Sensitive(kind, *match.span())
        for kind, pattern in _CLASSES
        for match in pattern.finditer(text)
        if not (kind == "url" or match.group().startswith("arn:"))
        or (wide and not any(part in match.group() for part in bare))
    ]
    found += _persons(text)
    found += _named(text, hints)
    found += [Sensitive("customer", *span) for name in customers for span in spelled(name, text)]
    kept: list[Sensitive] = []
    for item in found:  # in order of the classes: the first one that takes a stretch has it
        if all(item.end <= other.start or other.end <= item.start for other in kept):
            kept.append(item)
    return sorted(kept, key=lambda item: item.start)


def _persons(text: str) -> Iterator[Sensitive]:
    """People's names by what stands before them; there is no list of names, so a name by itself is not seen."""
    for match in re.finditer(_PERSON, text):
        yield Sensitive("person", *match.span())
    for match in _SIGNED.finditer(text):
        yield Sensitive("person", *match.span("one" if match["one"] else "two"))


def _named(text: str, hints: Sequence[str]) -> Iterator[Sensitive]:
    for hint in hints[:1]:
        parts = set(words(hint)) | {"".join(words(hint))}
        if (
            parts & _USERS
            and re.fullmatch(r"[\w.@\\-]{3,64}", text)
            and text.lower() not in _PLAIN
            and re.search(r"\d", text)
        ):
            yield Sensitive("user", 0, len(text))
        if parts & _SIGNING and re.fullmatch(rf"{_NAME}(?:{_NEXT}){{1,3}}", text):
            yield Sensitive("person", 0, len(text))
        if parts & _ACCOUNTS and re.fullmatch(r"[\w.-]{4,64}", text) and re.search(r"\d", text):
            yield Sensitive("account", 0, len(text))


def spelled(name: str, text: str) -> Iterator[tuple[int, int]]:
    """Where `name` stands in `text` in any case and with any separators between its words; four letters at least."""
    parts = words(name)
    if sum(map(len, parts)) < 4:
        return
    pattern = r"[\W_]*".join(map(re.escape, parts))
    for match in re.finditer(pattern, text, re.IGNORECASE):
        yield match.span()
