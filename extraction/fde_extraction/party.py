"""Party and topic: whose code it is, and what it is about, by how a value runs through it.

slots and texts of each value -> running() -> "customer", "entity", "topic" or "", one a value
"""

from __future__ import annotations

from collections.abc import Sequence

from fde_extraction.slot import Slot
from fde_template.words import words

Used = tuple[Sequence[Slot], Sequence[str]]


def running(values: Sequence[Used]) -> list[str]:
    """For each value: customer, entity, topic (perhaps one) or empty. What is part of several names and texts runs through the code; the one that
    stands in hosts, variables' names and comments most is whose code it is, the others are what it is about."""
    runs = [len(set(texts)) == len(texts) > 1 and sum(not slot.whole for slot in slots) > 1 for slots, texts in values]
    scores = [
        (_party(slots) + _addressed(texts, values), _topic(slots, texts)) if through else (0.0, 0.0)
        for through, (slots, texts) in zip(runs, values, strict=True)
    ]
    best = max(range(len(scores)), key=lambda index: (scores[index][0] - scores[index][1], -index), default=0)
    found = [
        "customer"
        if index == best and party > topic and party > 2
        else "entity"
        if topic > 1
        else "topic"
        if topic == 1
        else ""
        for index, (party, topic) in enumerate(scores)
    ]
    if "entity" not in found:
        # Names of the code that all begin with it: it is what they are about, when nothing else is.
        named = [
            sum("identifier" in slot.place and not slot.place.split("/")[-1].startswith("sql.") for slot in slots)
            if through and said != "customer" and not _called(slots)
            else 0
            for through, said, (slots, _) in zip(runs, found, values, strict=True)
        ]
        most = max(range(len(named)), key=lambda index: (named[index], -index), default=0)
        if named and named[most] > 1:
            found[most] = "entity"
    return found


def _called(slots: Sequence[Slot]) -> bool:
    """Whether the code gives it a name of its own: PREFIX = "x"."""
    near = [slot.labels[0] for slot in slots if slot.whole and slot.labels]
    return any(label.role in ("assigned", "keyword") and not label.text.lower().endswith("s") for label in near)


def _party(slots: Sequence[Slot]) -> float:
    """How much speaks for a value that names whose code this is: said in comments, part of hosts, variables and routes."""
    parts = [slot for slot in slots if not slot.whole]
    said = sum("comment" in slot.place or "triple" in slot.place for slot in parts)
    hosts = sum("url.host" in slot.place for slot in parts)
    upper = sum(
        slot.head and bool(slot.context) and not slot.place.startswith("sql.") and all(map(str.isupper, slot.texts))
        for slot in parts
    )
    heads = {slot.context for slot in parts if slot.head and (slot.leaf.endswith("_text") or "sql." in slot.place)}
    return min(said, 2) + 2 * min(hosts, 2) + 2 * min(upper, 2) + min(len(heads), 8) / 2


def _addressed(texts: Sequence[str], values: Sequence[Used]) -> float:
    """How much speaks for a value because hosts and addresses that vary with it hold its first word."""
    firsts = [(words(text) or ("",))[0] for text in texts]
    if not all(firsts):
        return 0.0
    found = 0
    for _, others in values:
        if len(others) == len(texts) and others is not texts and any("." in other for other in others):
            held = sum(
                "." in other and other.lower() != text.lower() and first in words(other)
                for first, text, other in zip(firsts, texts, others, strict=True)
            )
            found += 2 * held > len(texts)
    return min(found, 2) * 1.5


def _topic(slots: Sequence[Slot], texts: Sequence[str]) -> float:
    """How much speaks for a value that names what the code is about: in several identifiers, as a plural, as a table."""
    inside = sum("identifier" in slot.place and (slot.whole or not slot.head) for slot in slots)
    singular_root = not any(text.lower().endswith("s") for text in texts)
    plural = any(all(text.lower().endswith("s") for text in slot.texts) for slot in slots) and singular_root
    table = any(slot.whole and slot.labels[:1] and slot.labels[0][:2] == ("relation", "table") for slot in slots)
    return min(inside, 4) / 2 + 3 * plural + 2 * table
