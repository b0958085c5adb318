"""Issued codes: keys of no known format, told by how they look and by where they stand.

tree -> string literals, what is passed beside them, whom it is passed to -> spans of keys without a name

A key that somebody issued is drawn: groups of letters and digits that are no word, no unit and no version. Several such groups
are a key wherever they stand (of 2 500 files of installed packages 10 have such a text); one is where keys stand: beside an
address that is called, in a call that signs or logs in, in the path of a webhook, as a query's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fde_extraction.tree import Node, walked
from fde_template.words import words

_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_CHANGE: Final = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+~-]{7,}[A-Za-z0-9=]")
# Letters and digits that people write: a word with its number, a number with its unit, versions, quarters, names of standards.
_WRITTEN: Final = re.compile(
    r"(?i)[a-z]{2,}\d+|[a-z]\d{1,3}|[a-z]{3,}\d{1,2}[a-z]{3,}|v\d+(?:(?:alpha|beta|rc|p|a|b)\d*)?|(?:19|20)\d\d(?:q[1-4]|h[12]|w\d\d?)|\d{8}t\d{4,6}z?|"
    r"\d+(?:st|nd|rd|th|[dhmswyxkg]|ms|min|mins|sec|secs|hr|hrs|gb|mb|kb|tb|gib|mib|kib|px|am|pm|bit|xl|xlarge|large|medium|mo|yr|days?|hours?)|"
    r"[a-z]+2[a-z]+|i18n|l10n|k8s|utf8mb4|e2e|s3a|x86|x64|arm64v8|[a-z]*\d{1,4}x\d{1,4}[a-z]*|sha\d+\w*|md5\w*|base64\w*|h26[45]\w*|aes\d+\w*|rs256\w*|oauth2\w*|ec2\w*|s3\w*"
)
# Moments, numbers of a program and identities (RFC 4122) are drawn too, and no keys.
_PUBLIC: Final = re.compile(
    r"(?i)(?:.*[@:])?(?:sha\d{1,3}|md5)[:-].*|\d{4}-?\d\d?-?\d\d?[tx ]\d\d?:?\d\d.*|0x[0-9a-f_]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+|(?:[\w-]+\.){2,}[a-z]{2,}(?::\d+)?(?:/\S*)?")
# The parts of a path after which a hook's token stands.
_HOOK: Final = re.compile(r"(?i)/(?:[\w-]*(?:web)?hooks?|catch|incoming|workflows|services)/(?P<rest>[^\s?#\"']+)")
_BEGINS: Final = re.compile(r"[a-z][a-z0-9+.-]*://")
_QUERY: Final = re.compile(r"[?&;](?P<name>[\w.-]{1,40})=(?P<value>[^&#\s;{}$]{6,})")
_QUERIED: Final = frozenset("sig signature token key apikey secret password pass pwd auth code hmac access".split())
# Calls whose arguments are credentials as often as not.
_ASKING: Final = frozenset(
    "auth authenticate authorize authorise login logon signin connect bearer basic credential credentials hmac sign signer token key secret "
    "apikey password unlock decrypt encrypt cipher subscribe enroll enrol".split()
)
_LISTS: Final = frozenset({"argument_list", "arguments", "tuple", "array", "list", "object", "dictionary", "group"})
_LONG: Final = 16
_ODD: Final = 2  # groups that nobody writes, in a key that is known by nothing else


def drawn_groups(text: str) -> int:
    """How many groups of letters and digits in `text` are no word with a number, no unit, no version."""
    found = 0
    for run in _RUN.findall(text):
        changes = len(_CHANGE.findall(run))
        if changes and len(run) > 2 and not _WRITTEN.fullmatch(run):
            found += 1 + (changes > 2 and len(run) > 7)
    return found


def is_code(text: str, least: int = _ODD) -> bool:
    """Whether `text` looks like one issued key: `least` groups that nobody writes, and nothing that is read."""
    shaped = _CODE.fullmatch(text) and not _ADDRESS.fullmatch(text) and not _PUBLIC.fullmatch(text)
    return bool(shaped) and drawn_groups(text) >= least


def in_address(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, name) of keys in URLs: a hook's, which is a key as a whole, or in a query under a key's name."""
    if "/" not in text:
        return
    for match in _HOOK.finditer(text):
        parts = [
            part for part in match["rest"].split("/") if is_code(part) or (len(part) >= _LONG and drawn_groups(part))
        ]
        begins = next((begin.start() for begin in _BEGINS.finditer(text) if begin.end() <= match.start()), None)
        if parts and begins is not None and not any(map(str.isspace, text[begins : match.start()])):
            yield begins, match.end(), "hook"
        elif parts:
            at = text.index(parts[0], match.start("rest"))
            yield at, text.index(parts[-1], at) + len(parts[-1]), "hook"
    for match in _QUERY.finditer(text):
        said = words(match["name"])
        if said and said[-1] in _QUERIED and (drawn_groups(match["value"]) or _is_long(match["value"])):
            yield *match.span("value"), match["name"]


def _is_long(text: str) -> bool:
    return len(text) >= _LONG and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def beside_addresses(root: Node) -> Iterator[Node]:
    """Literals that look issued and are passed together with an address, or to something that signs or logs in."""
    for node in walked(root):
        if node.kind not in _LISTS or not node.children:
            continue
        texts = [leaf for child in node.children for leaf in _literals(child)]
        addressed = any(_ADDRESS.fullmatch(leaf.text) for leaf in texts)
        for leaf in texts:
            asked = any(_ASKING & set(words(hint)[-2:]) for hint in leaf.hints[:2])
            if (addressed or asked) and is_code(leaf.text, 1):
                yield leaf


def _literals(node: Node) -> Iterator[Node]:
    """The text of a string, alone or as what a keyword or key names."""
    if node.kind in ("keyword_argument", "pair", "item", "field") and node.children:
        for child in node.children:
            yield from _literals(child) if child.kind not in ("keyword_argument", "pair", "item", "field") else ()
    elif node.kind.partition(":")[0] in ("string", "template_string"):
        inside = [child for child in node.children if child.kind == "string_text" and child.text]
        if len(inside) == 1 and len(node.children) <= 3:
            yield inside[0]
