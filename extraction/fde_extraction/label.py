"""A label: one word of the code that says what a leaf is, and how it says so.

code around a leaf -> labels, innermost first -> names and descriptions of parameters

Labels come from the tree, so they are code; only those that every sibling has reach a parameter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from fde_template.words import words

Role = Literal[
    "assigned",  # NAME = x, a default, a field
    "keyword",  # call(NAME=x)
    "key",  # {"NAME": x}
    "alias",  # x AS NAME
    "relation",  # what a relation's part is: table, schema, database, server
    "object",  # CREATE STAGE x: what kind of thing x names
    "column",  # what a column is for: key, filter, order
    "first",  # call("NAME", x)
    "operand",  # NAME > x, NAME or x
    "least",  # WHERE NAME >= x
    "most",  # WHERE NAME <= x
    "interval",  # a span of time back from now; the text is its unit, or empty
    "place",  # what the language or a well-known function calls this place; the words are ours
    "inside",  # `NAME=x` within one text
    "element",  # one of NAME
    "keyword case",  # a word of the language in another case; the text is that word
    "call",  # NAME(x)
    "clause",  # NAME x, in SQL
    "scope",  # the function, class or WITH query around
]


class Label(NamedTuple):
    """`text` as the code spells it."""

    role: Role
    text: str


Labels = tuple[Label, ...]
MOST = 8  # labels of one leaf; the outermost are the weakest


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a label; the same few names are asked for again and again."""
    return words(text)


def inner(labels: Labels, *said: Label) -> Labels:
    """`labels` with what is said nearer put first; scopes stay at the end and are never lost."""
    if not said:
        return labels
    near = [label for label in (*said, *labels) if label.role != "scope"]
    scopes = [label for label in (*said, *labels) if label.role == "scope"]
    return (*near[: MOST - 2], *scopes[:2])


def within(labels: Labels, scope: str) -> Labels:
    """Inside a function or class, what is said outside it names nothing any more."""
    return (Label("scope", scope), *(label for label in labels if label.role == "scope"))[:2]


def common(each: list[Labels]) -> Labels:
    """The labels that all siblings have, in the order of the first."""
    if not each:
        return ()
    others = [set(labels) for labels in each[1:]]
    return tuple(dict.fromkeys(label for label in each[0] if all(label in other for other in others)))
