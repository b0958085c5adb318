"""Explanation: why a parameter is one, has its type and its name, and where it stands. No sibling's value is in it.

the engine's reasons (code, words of the code) -> Explained, one a parameter -> sentence() -> candidate, evidence, page

The words of a reason are the siblings' shared code, safe to show as those of names and descriptions are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from fde_api.candidate import Explanation, HoleReason
from fde_api.meta import canonical

Code = Literal[
    # Why this type.
    "numbers", "decimals", "truths", "closed set", "repeated", "called", "unit", "form", "only", "secret", "sensitive", "block",
    "alternatives", "items", "plain",
    # Why this name: the role of the label that gave it (fde_extraction.label.Role), or how it was found without one.
    "assigned", "keyword", "key", "alias", "relation", "object", "column", "first", "operand", "least", "most", "interval",
    "place", "inside", "element", "keyword case", "call", "clause", "scope", "type", "context", "guessed",
    # Why this hole.
    "root", "same", "filtered", "lifted", "flag", "list", "field",
]  # fmt: skip

_SAID: Final[Mapping[Code, str]] = {
    "numbers": "every sibling has a whole number here",
    "decimals": "every sibling has a number here",
    "truths": "every sibling has true or false here",
    "closed set": "every sibling's text is of a known set: {}",
    "repeated": "the siblings have the same few texts again and again",
    "called": "the code calls it {}",
    "unit": "the code gives it a unit: {}",
    "form": "every sibling's text has the form of this: {}",
    "only": "it stands where only this may: {}",
    "secret": "it is a secret: {}",
    "sensitive": "it is of a sensitive class: {}",
    "block": "some siblings have the block, others do not",
    "alternatives": "each sibling has one of several blocks here",
    "items": "the block repeats, a different number of times in each sibling",
    "plain": "no narrower type holds in every sibling",
    "assigned": "what is assigned to {}",
    "keyword": "keyword argument {}",
    "key": "value of key {}",
    "alias": "value for column {}",
    "relation": "name of a {}",
    "object": "name of a {}",
    "column": "column: {}",
    "first": "argument for {}",
    "operand": "used with {}",
    "least": "least {} that a filter keeps",
    "most": "greatest {} that a filter keeps",
    "interval": "span of time {}",
    "place": "what stands in this place is called {}",
    "inside": "stands after {}= in a text",
    "element": "one of {}",
    "keyword case": "spelling of the keyword {}",
    "call": "argument of {}()",
    "clause": "stands after {}",
    "scope": "stands in {}",
    "type": "the code gives it no name: called after its type",
    "context": "after the words beside it: {}",
    "guessed": "the code gives it no name: after words that the template shows elsewhere: {}",
    "root": "the value as it is",
    "same": "the same text as the value, in every sibling",
    "filtered": "the value's words in another spelling, in every sibling: {}",
    "lifted": "equal in all siblings, but of a class that is never published: {}",
    "flag": "the block stands where the flag says so, in every sibling",
    "list": "the block stands once for each item, in every sibling",
    "field": "of each item, in every sibling: {}",
}
_LONGEST: Final = 253  # as fde_api.meta.Text
_MOST_HOLES: Final = 64
_BUDGET: Final = 128 * 1024  # bytes of a candidate; a resource may have 1 MiB, and the template comes first


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """`words` as the code spells them. `within`: what is around them (``connect()``, ``class Client``), or empty."""

    code: Code
    words: tuple[str, ...] = ()
    within: str = ""


class HoleUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hole. `line` 1-based in the template's text, where a hole is one token and a block's mark is nothing."""

    path: str
    line: int
    place: str
    filters: tuple[str, ...] = ()
    reason: Reason = Reason("root")


class Explained(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter. `holes` in order of the template's files and text; a block's or repeat's own mark counts as one."""

    parameter: str
    type_reason: Reason
    name_reason: Reason
    holes: tuple[HoleUse, ...] = ()


def sentence(reason: Reason) -> str:
    """One clause for people: ``keyword argument timeout of connect()``; at most 253 characters."""
    said = _SAID[reason.code].format(", ".join(reason.words)).rstrip(" :")
    text = said + (f" of {reason.within}" if reason.within else "")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def explanations(explained: Sequence[Explained], *, budget: int = _BUDGET) -> tuple[Explanation, ...]:
    """What a candidate carries: the sentences; without those of holes when all together are larger than `budget` bytes."""
    whole = tuple(
        Explanation(
            parameter=item.parameter,
            type_reason=sentence(item.type_reason),
            name_reason=sentence(item.name_reason),
            holes=tuple(
                HoleReason(path=hole.path, line=hole.line, reason=sentence(hole.reason))
                for hole in item.holes[:_MOST_HOLES]
            ),
        )
        for item in explained
    )
    if len(canonical(whole)) <= budget:
        return whole
    return tuple(msgspec.structs.replace(item, holes=()) for item in whole)
