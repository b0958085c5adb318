"""A msgspec model as a Kubernetes structural schema.

model -> JSON Schema (msgspec) -> no $ref, no anyOf, list types, CEL rules -> the schema of a CRD

What a structural schema cannot say stays open here and is said elsewhere: a scalar of any type (`anyOf` is not allowed to
carry types) becomes `x-kubernetes-preserve-unknown-fields`, which CRD CEL cannot see; deploy/policies checks those values,
because an admission policy reads the object untyped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fde_api.rules import ATOMIC, MAP_KEYS, SETS, Rule

Schema = dict[str, Any]
Path = tuple[str, ...]

# Kept from JSON Schema as they are; everything else is translated or dropped (title, additionalProperties: false: the API
# server refuses unknown fields by itself, strictly for kubectl).
_KEPT: Final = (
    "type",
    "description",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "enum",
)
_OF_THE_SERVER: Final[Mapping[str, Schema]] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object"},
}


def structural(model: type, rules: Mapping[Path, tuple[Rule, ...]]) -> Schema:
    """The schema of `model`, with `rules` by path: a field name each step, ``*`` for an array's items.

    A rule at a path that the schema does not have is a KeyError: a renamed field cannot silently lose its rule.
    """
    (root,), definitions = msgspec.json.schema_components((model,), ref_template="{name}")
    pending = dict(rules)
    schema = _structure(root, (), definitions, pending)
    if pending:
        raise KeyError(f"{model.__name__} has no field at {sorted('.'.join(path) for path in pending)}")
    return schema


def _structure(
    node: Mapping[str, Any], path: Path, definitions: Mapping[str, Any], rules: dict[Path, tuple[Rule, ...]]
) -> Schema:
    if "$ref" in node:
        node = definitions[node["$ref"]] | {key: value for key, value in node.items() if key != "$ref"}
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:  # X | None: None is written by leaving the field out
        return _structure(choices[0], path, definitions, rules)
    if choices:
        return {"x-kubernetes-preserve-unknown-fields": True}
    result: Schema = {key: node[key] for key in _KEPT if key in node}
    if "enum" in result:
        result.setdefault("type", "string")
    if result["type"] == "integer":
        result["format"] = "int64"
    if "default" in node and isinstance(node["default"], bool | int | float | str) and node["default"] != "":
        result["default"] = node["default"]
    if "properties" in node:
        result["properties"] = {
            name: (
                dict(_OF_THE_SERVER[name])
                if not path and name in _OF_THE_SERVER
                else _structure(child, (*path, name), definitions, rules)
            )
            for name, child in node["properties"].items()
        }
        if required := [name for name in node.get("required", ()) if path or name not in _OF_THE_SERVER]:
            result["required"] = required
    elif isinstance(node.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _structure(node["additionalProperties"], (*path, "*"), definitions, rules)
    if "items" in node:
        result["items"] = _structure(node["items"], (*path, "*"), definitions, rules)
        result |= _list_type(path[-1])
    if path and path[-1] in ATOMIC:
        result["x-kubernetes-map-type"] = "atomic"
    if path in rules:
        result["x-kubernetes-validations"] = [rule.as_validation() for rule in rules.pop(path)]
    return result


def _list_type(name: str) -> Schema:
    if name in MAP_KEYS:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [MAP_KEYS[name]]}
    return {"x-kubernetes-list-type": "set" if name in SETS else "atomic"}
