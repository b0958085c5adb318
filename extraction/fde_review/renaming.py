"""Whether an edit changed names only, so that the proof of the text still holds.

(proposal before, proposal after) -> is_only_renamed()
"""

from __future__ import annotations

from msgspec.structs import replace

from fde_api.primitive import Each, Hole, PrimitiveSpec, Segment, When


def is_only_renamed(before: PrimitiveSpec, after: PrimitiveSpec) -> bool:
    """Whether both templates render the same bytes for the same values in the same order: names may differ, no text may."""
    if len(before.template.files) != len(after.template.files):
        return False
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for old, new in zip(before.template.files, after.template.files, strict=True):
        if replace(old, segments=()) != replace(new, segments=()) or len(old.segments) != len(new.segments):
            return False
        for mine, theirs in zip(old.segments, new.segments, strict=True):
            one, other = _named(mine), _named(theirs)
            if one is None or other is None or type(one) is not type(other):
                if mine != theirs:
                    return False
                continue
            if isinstance(one, Each) or isinstance(other, Each):
                same = isinstance(one, Each) and isinstance(other, Each)
                pair = (one.parameter, ""), (other.parameter, "")
            else:
                same = replace(one, parameter=other.parameter, field=other.field) == other
                pair = (one.parameter, one.field), (other.parameter, other.field)
            whole = (pair[0][0], ""), (pair[1][0], "")
            if not same or any(names.setdefault(was, now) != now for was, now in (pair, whole)):
                return False
    if len(set(names.values())) < len(names):
        return False
    types = {p.name: p.type for p in after.parameters}
    return all(types.get(names.get((p.name, ""), (p.name, ""))[0]) == p.type for p in before.parameters)


def _named(segment: Segment) -> Hole | When | Each | None:
    return segment.hole or segment.when or segment.each
