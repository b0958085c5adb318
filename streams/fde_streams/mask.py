"""Typed masks: what of a message varies from one occurrence to the next, and what never may.

The message's way: raw text -> masked() -> "column <quoted> of relation <quoted> does not exist" -> template() -> signature.

A mask leaves a typed token (``<uuid>``), the same form that redaction leaves, so that masked text is a fixed point:
``mask(mask(text)) == mask(text)``. Masks are ordered (a UUID holds hex, a URL holds a host), named and versioned: a change
to one changes signatures, so it is a new table and the old one stays.

Discriminators are never masked, wherever they stand: HTTP statuses, SQLSTATEs, ``UPPER_SNAKE`` vendor codes, names of
fields in field position. Their patterns are `KEPT`; they are cut out before any mask runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_events.token import TOKEN

RULES: Final = "masks-v1"


@dataclass(frozen=True, slots=True)
class Mask:
    """One kind of variable text. `why` it varies; `misses` is what it is known to leave or to take wrongly."""

    name: str
    pattern: re.Pattern[str]
    why: str
    misses: str
    keep: Callable[[re.Match[str]], bool] = lambda _: False

    def apply(self, text: str) -> tuple[str, bool]:
        """`text` with every occurrence replaced, and whether there was one."""
        hit = False

        def replace(found: re.Match[str]) -> str:
            nonlocal hit
            if self.keep(found):
                return found.group()
            hit = True
            lead = found.groupdict().get("lead") or ""
            tail = found.groupdict().get("tail") or ""
            return f"{lead}<{self.name}>{tail}"

        return self.pattern.sub(replace, text), hit


# Words before a quoted name that say it is a field, not somebody's data.
_FIELD_WORD: Final = re.compile(
    r"(?:\b(?:field|fields|column|property|properties|attribute|attributes|key|parameter|param|argument|header|member|"
    r"option|keyword|element)s?:? ?|\[|\.get\()$",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_.\[\]-]{0,63}")  # no digit: `customfield_10483` is somebody's
_AFTER_NAME: Final = re.compile(r"^(?: is a required|\]? not in|\s*:|\])")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[45]\d\d(?: [A-Z][A-Za-z ]+)?|[A-Z]\d{4}|\d[0-9A-Z]{4}")


_HELD_CODE: Final = re.compile("\ue000[\ue100-\ue8ff]\ue001(?: [A-Z][A-Za-z ]+)?")  # a discriminator, cut out before


def _is_field(found: re.Match[str]) -> bool:
    inner = found.group()[1:-1]
    if _CODE.fullmatch(inner) or _HELD_CODE.fullmatch(inner):
        return True
    if not _NAME.fullmatch(inner):
        return False
    before, after = (
        found.string[max(0, found.start() - 40) : found.start()],
        found.string[found.end() : found.end() + 40],
    )
    if not before.strip() and not after.strip():
        return True  # the whole message is a name: a missing key
    return bool(_FIELD_WORD.search(before)) or bool(_AFTER_NAME.match(after))


_TLD: Final = (
    r"com|net|org|io|dev|app|cloud|ai|co|edu|gov|mil|info|biz|example|invalid|test|local|localhost|internal|intra|"
    r"lan|corp|home|svc|de|uk|fr|nl|ch|at|eu|us|jp|cn|in|au|br|es|it|pl|se|no|dk|fi|be"
)
# Names that hold a digit and are words: encodings, digests, protocols, number types.
_VOCABULARY: Final = re.compile(
    r"(?:utf|sha|base|md|x|http|ipv|int|uint|float|latin|iso|cp|es|rs|hs|ps|oauth|tls|tlsv|ssl|sslv|s|ec|h|v|python|py|sql|win|amd|arm|aes|"
    r"blake|ed|crc|murmur|i|layer|level|windows|ascii|ucs|big)[-_]?\d{1,5}(?:[._-]\d{1,2})*",
    re.IGNORECASE,
)

MASKS_V1: Final[tuple[Mask, ...]] = (
    Mask(
        "uuid",
        re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])"),
        "an identifier of one object",
        "UUIDs without hyphens are taken by hex",
    ),
    Mask(
        "timestamp",
        re.compile(
            r"(?<![\w<])(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
            r"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}(?: \d\d:\d\d:\d\d)?(?: GMT| UTC)?"
            r"|\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{4}/\d\d/\d\d|\d\d:\d\d:\d\d(?:[.,]\d+)?)(?!\w)"
        ),
        "when it happened",
        "dates written with month names in other languages; 1.2.2026 may be a version",
    ),
    Mask(
        "email",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
        "a person or an account",
        "quoted local parts",
    ),
    Mask(
        "url",
        re.compile(r"(?<![\w])[a-z][a-z0-9+.-]{1,20}://[^\s'\"`,;)\]}]*[^\s'\"`,;)\]}.:]"),
        "host, path and query of one call",
        "URLs that hold a quote or a comma are cut there",
    ),
    Mask(
        "ip",
        re.compile(
            r"(?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?<=[0-9a-fA-F]))(?::\d{1,5})?(?![\w])"
        ),
        "where one machine is",
        "four-part versions are taken too",
    ),
    Mask(
        "quoted",
        re.compile(r"(?<![\w\\'])'(?:[^'\n\\]|\\.){0,300}'(?!\w)|(?<![\w\\])\"(?:[^\"\n\\]|\\.){0,300}\"(?!\w)|`[^`\n]{1,300}`"),
        "what somebody sent or called their things",
        "names in field position stay; apostrophes of two words on one line may pair",
        _is_field,
    ),
    Mask(
        "host",
        re.compile(
            rf"(?<![\w@./\\-])(?:[A-Za-z0-9-]+\.)+<host>(?::\d{{1,5}})?|<host>(?:\.[A-Za-z0-9-]+)+(?::\d{{1,5}})?|(?<![\w@./\\-])(?:(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{{0,62}})\.)+(?:{_TLD})|[a-z0-9][a-z0-9-]*(?=:\d{{2,5}}\b))\.?(?::\d{{1,5}})?(?![\w(.-])"
        ),
        "where one machine is",
        "hosts under top-level domains not listed and without a port",
    ),
    Mask(
        "path",
        re.compile(r"(?<![\w<>.)\]/])(?:[A-Za-z]:\\[^\s'\",;)]+|(?:~|\.{1,2})?/[\w.@%+~=:-]*[\w](?:/[\w.@%+~=:-]*)*)"),
        "where something lies on one machine, or one call's route",
        "paths with blanks are cut at the blank",
    ),
    Mask(
        "partial",
        re.compile(r"(?<![\w*])[\w-]*\*{3,}[\w*-]*"),
        "a secret that the vendor already starred out",
        "fewer than three stars",
    ),
    Mask(
        "hex",
        re.compile(r"(?<![\w<-])(?:0x[0-9a-fA-F]+|(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,})(?![\w-])"),
        "addresses, digests, bytes",
        "short hex without 0x",
    ),
    Mask(
        "id",
        re.compile(
            r"(?<![\w<-])(?!(?:[45]\d\d)(?!\w))(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9][\w-]{4,}[A-Za-z0-9*](?![\w>])"
        ),
        "an opaque identifier: prefixed (req_..., cus_...), a ticket, a random token",
        "random tokens without a digit; names of encodings and digests stay by vocabulary",
        lambda found: bool(_VOCABULARY.fullmatch(found.group()) or re.fullmatch(r"\d+(?:ms|s|m|h|d|kb|mb|gb|kib|mib|gib|x)", found.group(), re.I)),
    ),
    Mask(
        "value",
        re.compile(r"(?P<lead>\b(?!(?:type|code|status|reason|error|errno|sqlstate|kind)=)[A-Za-z_]\w*=)(?!<)[^\s,;)\]}'\"<>]+"),
        "the value of a key",
        "values with blanks; keys that name a code keep theirs",
    ),
    Mask(
        "number",
        re.compile(r"(?<![\w<.-])[-+]?\d+(?:[.,_:/]\d+)*(?:[eE][-+]?\d+)?(?P<tail>%|(?:ms|[smhdx]|[kmgt]i?b|bytes?|rows?)\b)?(?![\w])", re.IGNORECASE),
        "counts, sizes, positions, amounts",
        "numbers glued to letters",
    ),
)  # fmt: skip

# Discriminators: what tells two causes apart although it looks like a value.
KEPT: Final = re.compile(
    r"(?<![\w.])(?:(?:HTTP(?:/\d(?:\.\d)?)?|status(?: ?code)?|error ?code|code)[ :=]{1,3}[\"']?)[1-5]\d\d(?![\w.])"
    r"|(?<![\w.,:#-])[45]\d\d(?= (?:Client|Server) Error| [A-Z{\[]| -)"
    r"|(?<=\()[45]\d\d(?=\))"
    r"|^[45]\d\d(?= )"
    r"|\bSQLSTATE\W{0,3}[0-9A-Z]{5}\b"
    r"|\[?(?<!\w)Errno -?\d+\]?"
    r"|(?<![\w-])(?:ORA|PLS|TNS|SQL|DB2|MSG|CPF)-?\d{3,6}\w?(?!\w)"
    r"|(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w-])",
)
_PLAIN_TOKEN: Final = re.compile(r"<([a-z][a-z0-9-]{0,30}):[0-9a-f]{8,16}>")
_ANY_TOKEN: Final = re.compile(r"<[a-z][a-z0-9-]{0,30}>")
_HELD: Final = re.compile("\ue000([\ue100-\ue8ff])\ue001")


@dataclass(frozen=True, slots=True)
class Masked:
    """Masked text, and the names of the masks (and of redaction's tokens) that stand in it, sorted."""

    text: str
    names: tuple[str, ...]


@lru_cache(maxsize=16_384)
def masked(text: str) -> Masked:
    """`text` under `MASKS_V1`. Memoised: the same message comes back; a miss costs tens of microseconds per KiB."""
    names = {found.group(1) for found in TOKEN.finditer(text)}
    text = _PLAIN_TOKEN.sub(r"<\1>", text.replace("\ue000", " ").replace("\ue001", " "))
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        if len(held) >= 0x700:
            return found.group()
        held.append(found.group())
        return f"\ue000{chr(0xE100 + len(held) - 1)}\ue001"

    text = KEPT.sub(hold, text)
    for mask in MASKS_V1:
        text, hit = mask.apply(text)
        if hit:
            names.add(mask.name)
    text = _HELD.sub(lambda found: held[ord(found.group(1)) - 0xE100], text)
    return Masked(text, tuple(sorted(names)))


def mask(text: str) -> str:
    """`text` with its variable parts as typed tokens, to a fixed point: masking again changes nothing."""
    for _ in range(
        4
    ):  # a token put in may complete a pair of quotes around it; two rounds settle what tests have found
        after = masked(text).text
        if after == text:
            return text
        text = after
    return text


def template(text: str) -> str:
    """Masked text as a signature reads it: kinds are forgotten, so redacted and plain text give the same template.

    >>> template("user <email:3fa9c2d1> not found") == template("user a@b.example not found")
    True
    """
    collapsed = _ANY_TOKEN.sub("<*>", mask(text))
    collapsed = re.sub(r"<\*>(?:[\s,;:/=&.-]*<\*>)+", "<*>", collapsed)
    return " ".join(collapsed.split())
