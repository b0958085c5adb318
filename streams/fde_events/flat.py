"""Flat TOML: tables of one-line texts and lists, as the catalogue is written.

The catalogue's way: file -> read_flat() -> vendors.

Every process that reads the catalogue at its start pays for it. Such a line is JSON too, whose scanner is an order of magnitude
faster than tomllib; whatever is written in another form is left to tomllib, so that both give the same or the same refusal.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

import msgspec

_PART: Final = r"(?:[A-Za-z0-9_-]+|\"[^\"\\]+\")"
_TABLE: Final = re.compile(rf"\[({_PART}(?:\.{_PART})*)\]")
_PARTS: Final = re.compile(_PART)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_DECODED: Final = msgspec.json.Decoder()
_FOREIGN: Final = re.compile(r"\\/|\\u[dD][89a-fA-F]")  # escapes of JSON alone


def read_flat(text: str) -> dict[str, Any]:
    """What tomllib.loads(text) gives. tomllib.TOMLDecodeError where `text` is not TOML."""
    found = _read(text)
    return tomllib.loads(text) if found is None else found


def _read(text: str) -> dict[str, Any] | None:
    if _FOREIGN.search(text):
        return None
    whole: dict[str, Any] = {}
    table = whole
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        if line[0] == "[":
            if (head := _TABLE.fullmatch(line)) is None:
                return None
            opened = _opened(whole, [part.strip('"') for part in _PARTS.findall(head.group(1))])
            if opened is None:
                return None
            table = opened
            continue
        key, _, value = line.partition(" = ")
        if value[:1] not in ("[", '"') or key in table or _KEY.fullmatch(key) is None:
            return None
        try:
            table[key] = _DECODED.decode(value)
        except msgspec.DecodeError:
            return None
    return whole


def _opened(whole: dict[str, Any], names: list[str]) -> dict[str, Any] | None:
    """The new table called `names`; None if the name is taken."""
    table = whole
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            return None
    if names[-1] in table:
        return None
    opened: dict[str, Any] = {}
    table[names[-1]] = opened
    return opened
