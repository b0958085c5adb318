"""Matching: which parameter of a side is which of the truth's, by the values that the learning siblings have.

(wanted, columns of values) -> pairs that agree -> a largest one-to-one assignment

Values are compared with case, separators and punctuation left out; a value over several lines agrees with none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fde_cli.bench.abstraction.truth import Wanted

YES: Final = frozenset({"true", "yes", "on", "1"})
NO: Final = frozenset({"false", "no", "off", "0", "none", "null"})
_WORD: Final = re.compile(r"[A-Za-z][\w-]{1,39}")
_NAME_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# At the end of a name they say how the value is written, not what it is.
TRAILING: Final = frozenset(
    "s sec secs seconds ms milliseconds min mins minutes hours days name value ref env id".split()
)
# What the truth calls a type -> the types of a primitive that say it; all others say themselves.
ALSO: Final = {"string": {"string", "identifier"}, "identifier": {"identifier", "string"}}
ENUM_BASES: Final = frozenset({"enum", "string", "int", "identifier"})


def text_of(value: Any) -> str | None:
    """A scalar's text; of a record with one scalar that one's; None of what is absent or has several parts."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            parts = [part for part in value.values() if part is not None and not isinstance(part, (dict, list, tuple))]
            return text_of(parts[0]) if len(parts) == len(value) == 1 else None
        case None | list() | tuple():
            return None
        case _:
            return str(value)


def bare(text: object) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(character for character in str(text) if character.isalnum()).lower()


def _same(want: str, got: str) -> bool:
    left = bare(want)
    return left == bare(got) if left else want == got  # a delimiter has no letters: it must be the very one


def _values_agree(wanted: Wanted, column: Sequence[Any], learn: Sequence[str]) -> bool:
    rows = [row for row, sibling in enumerate(learn) if text_of(wanted.values[sibling]) is not None]
    got = [text_of(column[row]) for row in rows]
    if not rows or any(text is None or "\n" in text for text in got):
        return False
    spellings = [wanted.values, *(form for form in wanted.forms if all(learn[row] in form for row in rows))]
    return any(
        all(_same(str(text_of(spelling[learn[row]])), str(text)) for row, text in zip(rows, got, strict=True))
        for spelling in spellings
    )


def _on(value: Any) -> bool | None:
    """Whether a flag's value is on; None when it says neither."""
    if value in (None, "", [], {}, ()):
        return False
    said = str(value).lower()
    return True if said in YES else False if said in NO else None


def _flag_agrees(wanted: Wanted, column: Sequence[Any], learn: Sequence[str]) -> bool:
    present = [bool(wanted.values[sibling]) for sibling in learn]
    told = [_on(value) for value in column]
    if None not in told:
        if told in (present, [not one for one in present]):
            return True
    words = [text_of(value) or "" for value in column]
    if not all(_WORD.fullmatch(word) for word in words) or len(set(words)) != 2:
        return False
    return [word == words[0] for word in words] == [one == present[0] for one in present]


def _scalars(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _scalars(part)]
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in _scalars(part)]
    text = text_of(value)
    return [] if text is None else [text]


def _list_agrees(wanted: Wanted, column: Sequence[Any], learn: Sequence[str]) -> bool:
    if not any(isinstance(value, (list, tuple)) for value in column):
        return False
    want = [wanted.values[sibling] or [] for sibling in learn]
    got = [value if isinstance(value, (list, tuple)) else [] for value in column]
    counts = [len(items) for items in want]
    if counts != [len(items) for items in got]:
        return False
    if len(set(counts)) > 1:
        return True
    return all(
        {bare(text) for text in _scalars(item[wanted.key] if wanted.key and isinstance(item, dict) else item)}
        <= {bare(text) for text in _scalars(other)}
        for items, others in zip(want, got, strict=True)
        for item, other in zip(items, others, strict=True)
    )


_AGREES: Final = {"value": _values_agree, "flag": _flag_agrees, "list": _list_agrees}


def agrees(wanted: Wanted, column: Sequence[Any], learn: Sequence[str]) -> bool:
    """Whether a parameter with these values, one a learning sibling, is the wanted one."""
    return _AGREES[wanted.kind](wanted, column, learn)


def is_named(wanted: Wanted, name: str) -> bool:
    """Whether a parameter's name is the true one or as good."""
    accepted = (wanted.name, *wanted.aliases)
    return bare(name) in map(bare, accepted) or _stem(name) in map(_stem, accepted)


def _stem(name: str) -> str:
    words = [word.lower() for word in _NAME_WORDS.findall(name)]
    while len(words) > 1 and words[-1] in TRAILING:
        words.pop()
    return "".join(words)


def is_typed(wanted: Wanted, declared: str, *, closed: bool) -> bool:
    """Whether a declared type is right. `closed`: it comes with its allowed values."""
    if wanted.type == "enum" and closed and declared in ENUM_BASES:
        return True
    return any(declared in ALSO.get(kind, {kind}) for kind in (wanted.type, *wanted.types))


def assign(wanted: Sequence[Wanted], columns: Mapping[str, Sequence[Any]], learn: Sequence[str]) -> dict[str, str]:
    """Name in the truth -> parameter: as many pairs as can be, those whose names agree first (augmenting paths)."""
    choices = {
        one.name: sorted(
            (name for name in columns if agrees(one, columns[name], learn)),
            key=lambda name, one=one: (not is_named(one, name), name),  # type: ignore[misc]
        )
        for one in wanted
    }
    holder: dict[str, str] = {}

    def settle(name: str, asked: set[str]) -> bool:
        for choice in choices[name]:
            if choice in asked:
                continue
            asked.add(choice)
            if choice not in holder or settle(holder[choice], asked):
                holder[choice] = name
                return True
        return False

    def ease(one: Wanted) -> tuple[bool, bool]:
        return not any(is_named(one, name) for name in choices[one.name]), one.kind == "flag"

    for one in sorted(wanted, key=ease):
        settle(one.name, set())
    return {name: choice for choice, name in holder.items()}
