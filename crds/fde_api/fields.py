"""Field names of the models by path: what a refusal of an unknown field offers instead."""

from __future__ import annotations

import difflib
import re
from typing import Any, Final

import msgspec

_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`(?: - at `(?P<path>[^`]*)`)?$")
_STEP: Final = re.compile(r"\.([A-Za-z]\w*)|\[[^\]]*\]")


def advice(model: type, message: str) -> str:
    """What to write instead of an unknown field, as a sentence beginning with a space; empty for any other message."""
    found = _UNKNOWN.match(message)
    if found is None:
        return ""
    known = sorted(_fields_at(msgspec.inspect.type_info(model), found["path"] or "$"))
    if not known:
        return ""
    near = difflib.get_close_matches(found["field"], known, n=1)
    return (f" Did you mean `{near[0]}`?" if near else "") + f" Fields here: {', '.join(known)}."


def _fields_at(node: Any, path: str) -> list[str]:
    for step in _STEP.finditer(path.removeprefix("$")):
        node = _step(_struct(node), step.group(1))
    struct = _struct(node)
    return [field.encode_name for field in struct.fields] if isinstance(struct, msgspec.inspect.StructType) else []


def _step(node: Any, field: str | None) -> Any:
    """One step down: into a named field, or into the items of a list or the values of a mapping."""
    if isinstance(node, msgspec.inspect.StructType):
        return next((f.type for f in node.fields if f.encode_name == field), None)
    return getattr(node, "item_type", None) or getattr(node, "value_type", None)


def _struct(node: Any) -> Any:
    """The struct inside ``X | None`` or a union with scalars; anything else as it is."""
    while isinstance(node, msgspec.inspect.Metadata):
        node = node.type
    if isinstance(node, msgspec.inspect.UnionType):
        inner = [t for t in node.types if not isinstance(t, msgspec.inspect.NoneType)]
        structs = [t for t in inner if isinstance(t, msgspec.inspect.StructType)]
        return structs[0] if structs else inner[0]
    return node
