"""Explanation: why two events are together or apart, from the same parts that put them there.

Entry, Entry -> side_of() -> Side, Side -> explanation_of() -> Explanation -> lines_of() for a person
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from fde_events.event import ErrorEvent, kind_of
from fde_events.signed import Signature
from fde_streams.diagnosis import diagnosis_of
from fde_streams.evidence import evidence_of
from fde_streams.near import THRESHOLD, likeness_parts, outline_of, veto
from fde_streams.offline import Entry, Grouping
from fde_streams.signature import signature_of
from fde_streams.typed import MASKS_V2

_MEANS: Final = {
    "cause": "what the catalogue says the answer means",
    "finding": "what a validator found",
    "condition": "what happened to the connection",
    "text": "the words, masked",
    "code": "the vendor's code",
    "status": "the HTTP status",
    "type": "the type of the error",
    "anchor": "the library's place that raised it",
    "place": "where in one application, as a digest",
    "words": "an application's own words, as a digest",
    "limit": "the limit that was hit",
    "operation": "the operation",
    "field": "the field",
    "change": "what changed",
    "endpoint": "the endpoint, masked",
    "metric": "the metric",
    "direction": "the direction",
}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a signature, and what such a part is."""

    name: str
    value: str
    means: str


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of masked value, and why such values vary."""

    mask: str
    why: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of the catalogue that named the cause. `by`: code, phrase, type, condition or status; `said`: its word that matched."""

    cause: str
    by: str
    said: str
    vendor: str = ""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One event, and all that took part in its place. `chain`: types of its exceptions, root cause first."""

    index: int
    kind: str
    group: str
    signature: Signature
    parts: tuple[Said, ...]
    masked: tuple[Hidden, ...]
    chain: tuple[str, ...] = ()
    vendor: str = ""
    library: str = ""
    catalogue: Rule | None = None
    joined: str = ""  # digest of the founder that an unknown signature was near to
    joined_by: float = 0.0
    deployment: str = ""
    line: int = 0


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """How near two signatures are, 0..1. `veto`: why they may never meet; empty when nothing forbids it."""

    score: float
    threshold: float
    sentence: str
    veto: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why two events are together or apart. `differs`: the first thing that is not the same, empty for one signature."""

    together: bool
    why: str
    differs: str
    rules: str
    alike: Alike
    a: Side
    b: Side


def side_of(entry: Entry, grouping: Grouping) -> Side:
    """One event's side. Gives its signature a seat when it has none."""
    event = entry.event
    signature = signature_of(event)
    seat = grouping.seat(signature)
    chain: tuple[str, ...] = ()
    vendor = library = ""
    rule = None
    if isinstance(event, ErrorEvent):
        evidence = evidence_of(event)
        chain = tuple(link.type or "(no type)" for link in evidence.chain)
        vendor, library = evidence.vendor or "", evidence.library or ""
        if (why := diagnosis_of(event).why) is not None:
            rule = Rule(cause=why.name, by=why.by, said=why.said, vendor=why.vendor or "")
    return Side(
        index=entry.index,
        kind=kind_of(event),
        group=seat.group,
        signature=signature,
        parts=tuple(Said(name=name, value=value, means=_MEANS.get(name, name)) for name, value in signature.parts),
        masked=tuple(Hidden(mask=name, why=_why(name)) for name in signature.masked),
        chain=chain,
        vendor=vendor,
        library=library,
        catalogue=rule,
        joined=seat.near,
        joined_by=seat.score,
        deployment=entry.deployment,
        line=entry.line_start,
    )


def explanation_of(a: Side, b: Side) -> Explanation:
    """Why `a` and `b` are in one group, or in two."""
    ours, theirs = outline_of(a.signature), outline_of(b.signature)
    forbidden, alike = veto(ours, theirs) or "", likeness_parts(ours, theirs)
    near = Alike(score=round(alike.score, 4), threshold=THRESHOLD, sentence=alike.sentence, veto=forbidden)
    together, differs = a.group == b.group, _difference(a, b)
    return Explanation(
        together=together,
        why=_together(a, b) if together else _apart(differs, near),
        differs=differs,
        rules=a.signature.rules,
        alike=near,
        a=a,
        b=b,
    )


def _together(a: Side, b: Side) -> str:
    if a.signature.digest == b.signature.digest:
        names = ", ".join(dict.fromkeys(part.name for part in a.parts)) or "nothing but their block"
        return f"they have one signature: in block {a.signature.block}, the same {names}"
    joined = [side for side in (a, b) if side.joined]
    if not joined:
        return "their signatures differ, and a merge put them into one group"
    said = "; ".join(
        f"event {side.index}'s is near ({side.joined_by:.2f}) to {side.joined[:12]}, which founded the group"
        for side in joined
    )
    return f"their signatures differ, but {said}"


def _apart(differs: str, near: Alike) -> str:
    if near.veto:
        return f"{differs}; they may not meet: {near.veto}"
    if near.score < near.threshold:
        return f"{differs}; they are not near enough: {near.score:.2f} of {near.threshold:g}"
    return f"{differs}; they are as near as {near.score:.2f}, yet each was joined to a founder of its own or may only be equal"


def _difference(a: Side, b: Side) -> str:
    """The first thing that differs, in the order in which it is decided: kind, owner, then part by part."""
    if a.signature.digest == b.signature.digest:
        return ""
    if a.kind != b.kind:
        return f"the kinds differ: {a.kind} against {b.kind}"
    if a.signature.block != b.signature.block:
        return f"the blocks differ: {a.signature.block} against {b.signature.block}"
    if a.signature.rules != b.signature.rules:
        return f"the rules differ: {a.signature.rules} against {b.signature.rules}"
    mine, yours = list(a.signature.parts), list(b.signature.parts)
    for (name, value), (other, theirs) in zip(mine, yours, strict=False):
        if name != other:
            return f"one is told by its {name} ({value}), the other by its {other} ({theirs})"
        if value != theirs:
            return f"{_MEANS.get(name, name)} ({name}) differs: {_cut(value)} against {_cut(theirs)}"
    longer = mine if len(mine) > len(yours) else yours
    name, value = longer[min(len(mine), len(yours))]
    return f"only one has {_MEANS.get(name, name)} ({name}): {_cut(value)}"


def _why(name: str) -> str:
    reasons = dict.fromkeys(mask.why for mask in MASKS_V2 if mask.name == name)
    return "; ".join(reasons) or "redaction took it before it left the customer"


def lines_of(found: Explanation) -> Iterator[str]:
    """The explanation for a person, line by line."""
    place = "together" if found.together else "apart"
    yield f"Events {found.a.index} and {found.b.index} are {place}: {found.why}."
    if not found.alike.veto and found.a.signature.digest != found.b.signature.digest:
        yield f"Likeness {found.alike.sentence}."
    elif found.together and found.alike.veto:
        yield f"Against it speaks: {found.alike.veto}."
    yield f"Rules {found.rules}."
    for side in (found.a, found.b):
        yield ""
        yield from _lines_of_side(side)


def _lines_of_side(side: Side) -> Iterator[str]:
    where = " ".join(filter(None, (side.deployment, f"line {side.line}" if side.line else "")))
    yield f"Event {side.index}{f' ({where})' if where else ''}: {side.signature.title}"
    yield f"  group {side.group}, signature {side.signature.digest}, block {side.signature.block}"
    if side.chain:
        yield f"  chain    {' <- '.join(reversed(side.chain))} (the last is the root cause)"
        yield f"  owner    vendor {side.vendor or 'unknown'}, library {side.library or 'unknown'}"
    for part in side.parts:
        yield f"  part     {part.name} = {_cut(part.value)}   ({part.means})"
    if side.catalogue is not None:
        rule = side.catalogue
        yield f"  by rule  {rule.vendor or 'any vendor'}: {rule.by} {rule.said!r} means {rule.cause}"
    for hidden in side.masked:
        yield f"  masked   {hidden.mask}: {hidden.why}"
    if side.joined:
        yield f"  joined   {side.joined} by likeness {side.joined_by:.2f}"


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
