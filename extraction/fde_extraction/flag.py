"""Names and descriptions of flags and lists: by the words of the code that stands in the block, never by a value.

Choice, loops -> flag_name(), list_name() -> candidates for Names.unique()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_api.primitive import Field
from fde_extraction.block import SWITCHES, Fragments, introduced, stem
from fde_extraction.candidate import empty
from fde_extraction.choice import STRUCTURE, Choice
from fde_extraction.drafted import Loop
from fde_extraction.label import Role, words_of
from fde_extraction.naming import Names
from fde_extraction.slot import Slot, singular

_STYLES: Final = {"quote": "quoteStyle", "case": "keywordCase", "order": "order"}
_NAMED: Final[tuple[Role, ...]] = ("assigned", "keyword", "key", "object")
_CONTAINERS: Final = frozenset("list dict set tuple frozenset map array object mapping".split())


def flag_name(choice: Choice, names: Names, written: Fragments) -> list[tuple[str, ...]]:
    """Candidates, best first: what the block brings in; the word that is in it and nowhere else as often; what is around it.

    Of two alternatives, the one that the name is of becomes the flag's true.
    """
    around = [words_of(label.text) for label in choice.labels if label.role in (*_NAMED, "scope", "call")]
    scopes = [parts for parts in around if parts and set(parts) <= names.shown]
    if choice.family != STRUCTURE:
        style = _STYLES.get(choice.family, "layout") if isinstance(choice.family, str) else "layout"
        return [*((*parts[:3], style) for parts in scopes[:2]), (style,)]
    if choice.is_flag:
        known = names.shown | SWITCHES | {singular(word) for word in names.shown}
        for parts, number in introduced(choice, written):
            if all(word in known or singular(word) in known for word in parts):
                choice.yes = number if len(written) > 1 else choice.yes
                parts = _shortest(parts, choice)
                return [parts, (*parts, "enabled")]
    ranked = sorted(
        (word for word in choice.words if word in names.shown and not empty(word)),
        key=lambda word: (-(choice.words[word] ** 2) / names.times(word), -choice.words[word], word),
    )
    found = [(word,) for word in ranked[:3] if choice.words[word] * 3 >= names.times(word)]
    suffix = () if choice.is_flag else ("variant",)
    return [*((*parts, *suffix) for parts in found), *((*parts[:3], "option") for parts in scopes[:2]), ("option",)]


def _shortest(parts: tuple[str, ...], choice: Choice) -> tuple[str, ...]:
    """A name of one word in its shortest form that the block has: trace, and not tracer."""
    if len(parts) != 1:
        return parts
    same = [word for word in choice.words if stem(word) == stem(parts[0]) and len(word) > 3 and not empty(word)]
    return (min([*same, *parts], key=lambda word: (len(word), word)),)


def described_flag(choice: Choice) -> str:
    """One sentence; no sibling's text is in it."""
    if choice.family == STRUCTURE:
        return (
            "Whether the optional block stands there."
            if choice.is_flag
            else "Which of the alternative blocks stands there."
        )
    if choice.family == "order":
        return "Which of the orders in which siblings wrote this."
    return "Which of the spellings that siblings used here; it changes nothing."


def list_name(
    loops: Sequence[Loop], slots: Sequence[Slot], names: Names, *, declares: bool = False
) -> list[tuple[str, ...]]:
    """Candidates, best first: what the list is assigned to or passed as, then the kind of thing its items are."""
    found: list[tuple[str, ...]] = []
    for role in _NAMED:
        for loop in loops:
            found += [
                parts
                for label in loop.labels
                if label.role == role
                and (parts := words_of(label.text))
                and set(parts) <= names.shown
                and not set(parts) <= _CONTAINERS
            ]
    called = [
        parts
        for loop in loops
        for label in loop.labels[:1]
        if label.role == "call" and (parts := words_of(label.text)) and set(parts) <= names.shown
        if singular(parts[-1]) != parts[-1] and not set(parts) <= _CONTAINERS
    ]
    columns = any(label.role == "column" for loop in loops for label in loop.labels[:1])
    if columns or (slots and all("sql.identifier" in slot.place or "sql.type" in slot.place for slot in slots)):
        keys = any(
            label[:2] == ("column", "key")
            or (
                label.role in ("assigned", "keyword", "key", "call")
                and singular((words_of(label.text) or ("",))[-1]) == "key"
            )
            for loop in loops
            for label in loop.labels
        )
        kind = ("key", "columns") if columns and keys else ("columns",)
        return [kind, *found, ("items",)] if columns else [*found[:1], kind, *found[1:], ("items",)]
    if declares:
        return [("fields",), *found, ("items",)]
    scopes = [
        (*parts[:3], "items")
        for loop in loops
        for label in loop.labels
        if label.role == "scope" and (parts := words_of(label.text)) and set(parts) <= names.shown
    ]
    return [*found, *called, *scopes[:2], ("items",)]


def described_list(fields: Sequence[Field]) -> str:
    """One sentence."""
    named = [item.name for item in fields if item.name]
    return f"One item for each repetition of the block{': ' + ', '.join(named) if named else ''}."
