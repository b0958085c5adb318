"""People and the places where they talk: names after words that announce them, handles, channels, tickets, home folders.

text of a comment or literal -> persons() -> (kind, start, end)

There is no list of names: a name by itself is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fde_extraction.public import is_public

_CAPITAL: Final = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100\u010c\u0106\u0160\u017d\u0141\u0130\u015e"
# A capital, then small letters: neither an acronym nor an initial alone.
NAME: Final = rf"(?:[{_CAPITAL}]['\u2019])?[{_CAPITAL}][^\W\d_A-Z]+(?:['\u2019-]?[{_CAPITAL}][^\W\d_A-Z]+)*"
NEXT: Final = rf"[ \t]+(?:(?:von|van|de|der|den|della|di|da|zu|bin|al|[{_CAPITAL}]\.)[ \t]+)*{NAME}"
_PERSON: Final = (
    rf"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Frau|Herrn?|Mme|Mlle|Monsieur|Madame|Se\u00f1ora?)\b\.?"
    rf"(?:[ \t]+(?:Dr|Prof)\b\.?)*{NEXT}(?:{NEXT}){{0,2}}"
)
_BY: Final = (
    r"(?:maintained|written|requested|reviewed|approved|reported|suggested|added|changed|fixed|created|signed[ -]off|co-authored|owned|set up|"
    r"prepared|drafted|validated|tested)[ -]by"
)
# A word that announces a person; the second group alone may be followed by one name without a surname.
_SIGNED: Final = re.compile(
    rf"(?:@author[ \t:]+(?P<one>{NAME}(?:{NEXT}){{0,3}})|"
    rf"\b(?i:author|owner|contact|maintainer|on behalf of|{_BY})[ \t]*(?::[ \t]*|(?<=by)[ \t]+|(?<=of)[ \t]+)(?P<two>{NAME}(?:{NEXT}){{1,3}})|"
    rf"\b(?i:ask|ping|poke|cc|thanks to|thx to|thank|kudos to|courtesy of|talk to|speak to|check with|agreed with|sync with)"
    rf"(?:(?<=cc):)?[ \t]+(?P<three>{NAME}(?:{NEXT}){{0,2}}))"
)
# What is asked, pinged and thanked in comments beside people.
_NOBODY: Final = frozenset(
    "support ops platform security finance sales legal slack snowflake google amazon azure kafka redis postgres stripe salesforce "
    "github gitlab jira airflow dbt data engineering infra team admin the this that for if it its all any server client host user "
    "permission first before again decimal numeric optional string integer float date boolean number list dict mypy ruff eslint monday tuesday wednesday thursday friday saturday sunday true false none null".split()
)
_TAGGED: Final = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|NOTE|NB)[ \t]?\([ \t]*@?([A-Za-z][\w.-]{1,38})[ \t]*\)")
_HANDLE: Final = re.compile(
    r"\b(?i:ask|ping|poke|cc|contact|owners?|thanks|thx|fyi|notify|reviewers?|assignees?)[ \t]*:?[ \t]+"
    r"(@[A-Za-z][\w.-]{1,38}[A-Za-z0-9])(?![\w/(@.-])|(<[@!][A-Z^a-z0-9|]{6,}>)"
)
_CHANNEL: Final = re.compile(
    r"(?<=[ \t'\"`(\[:,])(#[a-z0-9]+(?:-[a-z0-9_]+)+)(?![\w-])|"
    r"\b(?i:slack|channel|mattermost|teams|discord)\b[^\n#]{0,24}(#[a-z0-9][a-z0-9_-]{1,79})"
)
_TICKET: Final = re.compile(
    r"(?:(?:#|//|--|/\*|^[ \t]*\*)[^\n\"'`]{0,120}?|\b(?i:see|fix(?:es|ed)?|clos(?:es|ed)|ref(?:s|erences)?|ticket|jira|issue|task|incident|change|per|under)\b"
    r"[ \t]*[:#(\[]?[ \t]*)(?<![\w/.-])([A-Z][A-Z0-9]{1,9}-\d{1,6})(?![\w-]|\.\d)|\b((?:INC|CHG|RITM|REQ|PRB|SCTASK|TASK)\d{7,10})\b",
    re.MULTILINE,
)
_HOME: Final = re.compile(r"(?:/home/|/Users/|\b[A-Za-z]:\\{1,2}Users\\{1,2})([A-Za-z][\w.-]*)")
_SHARE: Final = re.compile(r"(?<![\\\w])\\{2,4}([A-Za-z][\w-]+(?:\.[\w-]+)*)\\{1,2}[\w$][\w$.-]+")
_DOMAIN_USER: Final = re.compile(r"\b[A-Z][A-Z0-9-]{1,14}\\{1,2}(?i:svc|srv|sa|adm|app|usr)[-_.]?\w+")


def persons(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of people, channels, tickets and what names them in paths; may overlap."""
    for match in re.finditer(_PERSON, text):
        yield "person", *match.span()
    for match in _SIGNED.finditer(text):
        group = "one" if match["one"] else "two" if match["two"] else "three"
        if group != "three" or not _NOBODY & set(match["three"].lower().split()):
            yield "person", *match.span(group)
    for kind, pattern in (("person", _TAGGED), ("person", _HANDLE), ("channel", _CHANNEL), ("ticket", _TICKET)):
        for match in pattern.finditer(text):
            number = next(index for index, found in enumerate(match.groups(), 1) if found)
            if not is_public(kind, match[number].strip("@")):
                yield kind, *match.span(number)
    for match in _HOME.finditer(text):
        if not is_public("user", match[1]):
            yield "user", *match.span(1)
    for match in _SHARE.finditer(text):
        # Backslashes of a regular expression's own letters, doubled.
        if not re.match(r"[bBdDsSwWntrAZ](?=[\W_]|$)|[ntr][a-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}", match[1]):
            yield "host", *match.span()
    for match in _DOMAIN_USER.finditer(text):
        yield "user", *match.span()
