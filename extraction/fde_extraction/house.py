"""House names: what the organisations behind the siblings are called, told by their hosts, mailboxes and directories.

aligned parts -> named_by() -> names that nothing published may say, as if they were customers' names

Nobody has to list them: who owns ``queue.millbank.internal`` is called so in a bucket, a class and a comment too, whether all
siblings say it (the house that wrote the code) or one (its customer). Words that anybody writes are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from fde_extraction import sensitive
from fde_extraction.catalogue import GENERIC, catalogue
from fde_extraction.ordinary import is_ordinary
from fde_extraction.piece import Part, Piece, pieces
from fde_extraction.public import TENANTED, VENDORS_OWN, is_public
from fde_extraction.slot import singular
from fde_template.words import words

_SHORTEST: Final = 4
_LABEL: Final = r"[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?"
# What follows the `@` of an address, the `://` of a URL, or is a host by itself.
_HOST: Final = re.compile(
    rf"(?:(?P<mail>[\w.+%-]+@)|(?P<url>://(?:[^\s/@'\"]*@)?)|(?<![\w.@/-]))(?P<host>(?:{_LABEL}\.)+[A-Za-z]{{2,}})(?![\w-]|\.\w|\()"
)
# A domain of a directory (RFC 4514), an organisation in it.
_DIRECTORY: Final = re.compile(rf"(?i)(?<![\w-])(?:dc|o)=(?P<name>{_LABEL})")
# Endings of names that are nobody's: of the registry (the usual ones; a second level before a country) and of inner networks.
_INNER: Final = frozenset(
    "internal local lan corp intra intranet private priv localdomain arpa home svc cluster ad".split()
)
_ENDINGS: Final = _INNER | frozenset(
    "com net org io co ac gov edu mil int info biz dev app cloud ai tech online site store xyz eu me test example invalid localhost".split()
)
_JOINED: Final = re.compile(r"[\w-]")
# Whose mailboxes are everybody's.
_MAILBOXES: Final = frozenset(
    "gmail googlemail google outlook hotmail live msn microsoft yahoo icloud apple proton protonmail gmx aol yandex mailbox github gitlab "
    "bitbucket amazonaws amazonses noreply users w3 schema python npmjs pypi apache mozilla".split()
)


def named_by(files: Iterable[Sequence[Part]]) -> tuple[str, ...]:
    """Names of organisations in the literals and comments of aligned `files`, sorted: each at least four letters, no ordinary word."""
    seen = dict[str, None]()
    for parts in files:
        for piece in pieces(parts):
            seen.update(dict.fromkeys(_of(piece)))
    return tuple(sorted(name for name in seen if not _is_everybodys(name)))


def widened(
    item: sensitive.Sensitive, text: str, others: Iterable[sensitive.Sensitive], houses: Collection[str]
) -> sensitive.Sensitive:
    """A house's name in a text with all that is joined to it, ``millbank-archive-20``; `item` itself if anything else is there."""
    if item.kind != "customer" or "".join(words(text[item.start : item.end])) not in {
        "".join(words(name)) for name in houses
    }:
        return item
    start, end = item.start, item.end
    while start and _JOINED.match(text[start - 1]):
        start -= 1
    while end < len(text) and _JOINED.match(text[end]):
        end += 1
    while text[start] in "-_" and start < item.start:
        start += 1
    while text[end - 1] in "-_" and end > item.end:
        end -= 1
    if any(start < other.end and other.start < end and other != item for other in others):
        return item
    return sensitive.Sensitive("resource" if (start, end) != (item.start, item.end) else item.kind, start, end)


def _of(piece: Piece) -> Iterator[str]:
    if not piece.leaves or piece.kind not in ("same", "leaf"):
        return
    texts = list(dict.fromkeys(piece.texts))
    if not any(mark in text for text in texts for mark in ".=@"):
        return
    each = [set(owners(text)) for text in texts]
    # A public host that all siblings call is a vendor's; where each has one of another's, it is the customer's own.
    yield from sorted({name for said in each for name, own in said if own})
    if len(texts) > 1 and ("string" in piece.place or "template" in piece.place):
        common = set.intersection(*each)
        yield from sorted({name for said in each for name, _ in said - common})


def owners(text: str) -> Iterator[tuple[str, bool]]:
    """(name, whether it is surely an organisation's own) of hosts, mailboxes and distinguished names in `text`."""
    for match in _HOST.finditer(text):
        host = match["host"].lower()
        if is_public("host", host) or is_public("email", text[match.start() : match.end()]):
            continue
        labels = host.split(".")
        tenanted = next((found for suffix, _ in TENANTED if (found := re.search(rf"\.(?:{suffix})\Z", host))), None)
        if tenanted is not None:
            first = host[: tenanted.start()].split(".")[-1]
            if first not in VENDORS_OWN:
                yield from ((name, True) for name in _names(first))
            continue
        inner = labels[-1] in _INNER
        kept = list(labels)
        while len(kept) > 1 and (kept[-1] in _ENDINGS or (len(kept) == len(labels) and len(kept[-1]) == 2)):
            kept.pop()
        if len(kept) == len(labels) or (inner and len(kept) < 2 and not match["mail"]):
            continue  # no host, or a machine's name and nothing else
        surely = bool(match["mail"]) or any(item.kind in ("host", "url") for item in sensitive.find(host))
        if surely or match["url"]:
            yield from ((name, surely) for name in _names(kept[-1]))
    if "=" in text:
        for match in _DIRECTORY.finditer(text):
            if match["name"].lower() not in _ENDINGS and re.search(r"(?i)\b(?:dc|ou|cn|uid)=", text):
                yield from ((name, True) for name in _names(match["name"].lower()))


def _names(label: str) -> Iterator[str]:
    """A label, and the first word in it that is nobody's: ``millbank-prod`` is Millbank's."""
    parts = words(label)
    telling = [part for part in parts if part.isalpha() and len(part) >= _SHORTEST and not is_ordinary(part)]
    if not telling:
        return
    if len(parts) > 1 and sum(map(len, parts)) > _SHORTEST:
        yield label
    yield telling[0]


def _is_everybodys(name: str) -> bool:
    return (
        name in _MAILBOXES
        or singular(name) in _known()
        or name in _known()
        or (not words(name)[1:] and is_ordinary(name))
    )


@cache
def _known() -> frozenset[str]:
    """Words of technologies and vendors that the catalogue knows, and what every compose file calls its services."""
    found = {*sensitive.SERVICES, *sensitive.PARTY, *GENERIC}
    for entry in catalogue().values():
        found.update(words(entry.name))
        for kind, sign in entry.recognise.each():
            if kind.startswith("imports") or kind == "hosts":
                found.update(words(sign))
    return frozenset(word for word in found if len(word) >= _SHORTEST)
