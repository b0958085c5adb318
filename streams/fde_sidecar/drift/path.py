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


def joined(path: str, name: str) -> str:
    """The path of `name` (a field, :data:`ANY` or :data:`EACH`) under `path`; the root's path is empty."""
    if name == EACH:
        return path + EACH
    return f"{path}.{name}" if path else name


_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a field's name, lower case: ``customerId``, ``customer_id`` -> customer, id."""
    return tuple(part.lower() for part in _PARTS.findall(name))
