"""Paths: where a field stands in a payload, and which keys are data and not names.

A key that is data (an id, an e-mail, a hash, a date) is never kept and never told: it stands as ``{*}``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

ANY: Final = "{*}"  # every key of an object whose keys are data
EACH: Final = "[]"  # every element of an array

_NAME_LENGTH: Final = 64
_DATA: Final = re.compile(
    r"\d.*"  # no language lets a name begin so
    r"|.*\d{4}.*"  # order-10293, a year, a port
    r"|.*\d.*\d.*\d.*\d.*\d.*"
    r"|[0-9a-fA-F]*(?:\d[a-fA-F]+\d|[a-fA-F]\d+[a-fA-F])[0-9a-fA-F]*"  # short hashes
    r"|(?=[^\s_-]{7,}$)(?=.*[a-z])(?=.*[A-Z]).*\d.*[A-Za-z].*\d.*"  # base 62
    r"|.*[@/\\:?&=#%\"'<>{}\[\]()|\x00-\x1f\x7f].*"
    r"|.*\.(?:com|org|net|io|local|internal|dev|de|eu|uk)",
    re.DOTALL,
)  # fmt: skip
_PREFIXED: Final = re.compile(r"[A-Za-z]{1,8}[_-](?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{7,}")
_LETTERS: Final = re.compile(r"[a-z]{26,}|[A-Z]{21,}", re.ASCII)
# Names that carry numbers and are still names: sha256, x_amz_1, http://schema.org is none.
_KNOWN: Final = re.compile(r"@(?:type|id|context|value|version|timestamp)|\$(?:ref|type|id)|[A-Za-z_]+(?:sha|md|utf|base|iso|rfc|int|float|oauth|ipv?|http|v)[-_]?\d{1,4}[A-Za-z_]*|(?:sha|md|utf|base|iso|rfc|int|float|oauth|ipv?)[-_]?\d{1,5}[A-Za-z_]*", re.IGNORECASE)  # fmt: skip


@lru_cache(maxsize=8192)
def is_data(key: str) -> bool:
    """Whether an object's key looks like a value and not like a field's name. Total; errs towards data."""
    if not key.isprintable() or not 0 < len(key) <= _NAME_LENGTH:
        return True
    if _KNOWN.fullmatch(key):
        return False
    return bool(_DATA.fullmatch(key) or _PREFIXED.fullmatch(key) or _LETTERS.fullmatch(key))


_SHORT: Final = re.compile(r"[A-Za-z]{0,3}\d{1,3}(?:[-._:]\d{1,3}){0,3}[A-Za-z]{0,3}|(?:19|20)\d{2}")
_MOST_DIGITS: Final = 4


@lru_cache(maxsize=1024)
def may_be_fixed(key: str) -> bool:
    """Whether a key that :func:`is_data` is short enough to be a code of a standard (002, 1-8-0, 30d, 2026) and nobody's id.

    Such keys are fields where every object has them, and data where they come and go.
    """
    return len(key) <= 8 and sum(map(str.isdigit, key)) <= _MOST_DIGITS and bool(_SHORT.fullmatch(key))


def family_of(name: str) -> str:
    """A name without its number: Q1, Q2 and Q13 are of one family. Empty where it has none."""
    bare = name.rstrip("0123456789")
    return bare if bare != name else ""


def joined(path: str, name: str) -> str:
    """The path of `name` (a field, :data:`ANY` or :data:`EACH`) under `path`; the root's path is empty."""
    if name == EACH:
        return path + EACH
    return f"{path}.{name}" if path else name


_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a field's name, lower case: ``customerId``, ``customer_id`` -> customer, id."""
    return tuple(part.lower() for part in _PARTS.findall(name))
