"""Typed masks: what of a message varies from one occurrence to the next, and what never may.

The message's way: raw text -> masked() -> "column <quoted> of relation <quoted> does not exist" -> template() -> signature.

A mask leaves a typed token (``<uuid>``), the same form that redaction leaves, so that masked text is a fixed point:
``mask(mask(text)) == mask(text)``. Masks are ordered, named and versioned (`fde_streams.typed`): a change to one changes
signatures, so it changes `RULES`.

Discriminators are never masked, wherever they stand: HTTP statuses, SQLSTATEs, ``UPPER_SNAKE`` vendor codes, names of
fields in field position. They are cut out before any mask runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_streams.masking import ANY_TOKEN, Held, apply_all, plain
from fde_streams.typed import MASKS_V2

RULES: Final = "masks-v2"
_REMEMBERED: Final = 4_096  # longer texts are not memoised: 16 384 of them must not fill the memory
_ROUNDS: Final = 8
_BESIDE: Final = re.compile(r"<\*>(?:[\s,;:/=&.-]*<\*>)+")

# Discriminators: what tells two causes apart although it looks like a value.
STATUS: Final = (
    r"(?<![\w.])(?:(?:HTTP(?:/\d(?:\.\d)?)?|status(?: ?code)?|error ?code|code)[ :=]{1,3}[\"']?)[1-5]\d\d(?![\w.])"
    r"|(?<![\w.,:#-])[45]\d\d(?= (?:Client|Server) Error| (?![KMGTkmgt]?i?[Bb](?:ytes?)?\b|[kMG]?Hz\b)[A-Z{\[]| -)"
    r"|(?<=\()[45]\d\d(?=\))"
    r"|^[45]\d\d(?= )"
)
VENDOR_CODE: Final = (
    r"\bSQLSTATE\W{0,3}[0-9A-Z]{5}\b"
    r"|\[?(?<!\w)Errno -?\d+(?!\w|\.\d)\]?"
    r"|(?<![\w-])(?:ORA|PLS|TNS|SQL|DB2|MSG|CPF)-?\d{3,6}\w?(?!\w)"
)
UPPER_SNAKE: Final = r"(?<![\w-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w-])"
CODES: Final = re.compile(f"{STATUS}|{VENDOR_CODE}")
CODE_NAMES: Final = re.compile(UPPER_SNAKE)


@dataclass(frozen=True, slots=True)
class Masked:
    """Masked text, and the names of the masks (and of redaction's tokens) that stand in it, sorted."""

    text: str
    names: tuple[str, ...]


def masked(text: str) -> Masked:
    """`text` once under `MASKS_V2`. Memoised up to 4 096 characters."""
    return _known(text) if len(text) <= _REMEMBERED else _masked(text)


def _masked(text: str) -> Masked:
    names: set[str] = set()
    text = plain(text, names)
    held = Held(CODES, CODE_NAMES)
    text = apply_all(MASKS_V2, held.out(text), names)
    return Masked(held.back(text), tuple(sorted(names)))


_known: Final = lru_cache(maxsize=16_384)(_masked)


def mask(text: str) -> str:
    """`text` with its variable parts as typed tokens, to a fixed point: masking again changes nothing."""
    return _known_fixed(text) if len(text) <= _REMEMBERED else _fixed(text)


def _fixed(text: str) -> str:
    for _ in range(_ROUNDS):  # a token put in may complete a pair of quotes around it
        after = masked(text).text
        if after == text:
            return text
        text = after
    return text


_known_fixed: Final = lru_cache(maxsize=16_384)(_fixed)


def template(text: str) -> str:
    """Masked text as a signature reads it: kinds are forgotten, so redacted and plain text give the same template.

    >>> template("user <email:3fa9c2d1> not found") == template("user a@b.example not found")
    True
    """
    return _without_kinds(mask(text))


def _without_kinds(text: str) -> str:
    return " ".join(_BESIDE.sub("<*>", ANY_TOKEN.sub("<*>", text)).split())
