"""A msgspec model as a Kubernetes structural schema.

model -> JSON Schema (msgspec) -> no $ref, no anyOf, list types, CEL rules -> the schema of a CRD

What a structural schema cannot say stays open here and is said elsewhere: a scalar of any type (`anyOf` is not allowed to
carry types) becomes `x-kubernetes-preserve-unknown-fields`, which CRD CEL cannot see; deploy/policies checks those values,
because an admission policy reads the object untyped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from fde_api.explain import FIELDS
from fde_api.rule import THE_PATTERN, Path, Rules
from fde_api.rules import ATOMIC, MAP_KEYS, SETS

Schema = dict[str, Any]

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


# metav1.Condition, which the models say more loosely: a directory's conditions have no times, an API server's always have.
_CONDITION: Final[Mapping[str, Schema]] = {
    "type": {"pattern": r"^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$"},
    "reason": {"pattern": r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
    "observedGeneration": {"minimum": 0},
    "lastTransitionTime": {"format": "date-time"},
}
_CONDITION_REQUIRED: Final = ["type", "status", "reason", "message", "lastTransitionTime"]
_SNAKE: Final = re.compile(r"`[a-z]+(_[a-z]+)+`")


def structural(model: type, rules: Rules, filled: Collection[Path] = ()) -> Schema:
    """The schema of `model`, with `rules` by path: a field name each step, ``*`` for an array's items.

    `filled`: paths of objects that the server puts in where they are left out. A rule or a default at a path that the
    schema does not have is a KeyError: a renamed field cannot silently lose its rule.
    """
    (root,), definitions = msgspec.json.schema_components((model,), ref_template="{name}")
    reading = _Reading(definitions, dict(rules), set(filled))
    schema = reading.structure(root, ())
    if left := [*reading.rules, *reading.filled]:
        raise KeyError(f"{model.__name__} has no field at {sorted('.'.join(path) for path in left)}")
    return schema


class _Reading:
    """One schema being made. `rules` and `filled` hold what no path has asked for yet."""

    def __init__(self, definitions: Mapping[str, Any], rules: dict[Path, Any], filled: set[Path]) -> None:
        self._definitions, self.rules, self.filled = definitions, rules, filled

    def structure(self, node: Mapping[str, Any], path: Path, said: str = "") -> Schema:
        """The structural schema of one node. `said`: what the table of descriptions says of the field it stands in."""
        name = ""
        if "$ref" in node:
            name = str(node["$ref"])
            node = self._definitions[name] | {key: value for key, value in node.items() if key != "$ref"}
        choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
        if len(choices) == 1:  # X | None: None is written by leaving the field out
            return self.structure(choices[0], path, said)
        if choices:
            return ({"description": said} if said else {}) | {"x-kubernetes-preserve-unknown-fields": True}
        result: Schema = {key: node[key] for key in _KEPT if key in node}
        if said or "description" in result:
            result["description"] = said or _told(result["description"])
        if "enum" in result:
            result.setdefault("type", "string")
        if result["type"] == "integer":
            result["format"] = "int64"
        if "default" in node and isinstance(node["default"], bool | int | float | str) and node["default"] != "":
            result["default"] = node["default"]
        if "properties" in node:
            self._properties(result, node, name, path)
        elif isinstance(node.get("additionalProperties"), Mapping):
            result["additionalProperties"] = self.structure(node["additionalProperties"], (*path, "*"))
        if path in self.filled:
            self.filled.remove(path)
            # Spelled out: the server holds a default against the rules before it fills in what is below it.
            fields = result["properties"].items()
            result["default"] = {field: schema["default"] for field, schema in fields if "default" in schema}
        if "items" in node:
            result["items"] = self.structure(node["items"], (*path, "*"))
            result |= _list_type(path[-1])
        if path and path[-1] in ATOMIC:
            result["x-kubernetes-map-type"] = "atomic"
        if path in self.rules:
            rules = self.rules.pop(path)
            pattern = result.pop("pattern") if any(rule.cel == THE_PATTERN for rule in rules) else ""
            result["x-kubernetes-validations"] = [rule.as_validation(pattern) for rule in rules]
        return result

    def _properties(self, result: Schema, node: Mapping[str, Any], name: str, path: Path) -> None:
        sentences = FIELDS.get(name, {})
        properties: dict[str, Schema] = {
            field: (
                dict(_OF_THE_SERVER[field])
                if not path and field in _OF_THE_SERVER
                else self.structure(child, (*path, field), sentences.get(field, ""))
            )
            for field, child in node["properties"].items()
        }
        required = [field for field in node.get("required", ()) if path or field not in _OF_THE_SERVER]
        if name == "Condition":
            properties = {field: schema | _CONDITION.get(field, {}) for field, schema in properties.items()}
            required = list(_CONDITION_REQUIRED)
        result["properties"] = properties
        if required:
            result["required"] = required


def _told(docstring: str) -> str:
    """A model's docstring as `kubectl explain` should have it: one paragraph, fields named as they are written in YAML."""
    camel = _SNAKE.sub(lambda found: re.sub("_([a-z])", lambda letter: letter[1].upper(), found[0]), docstring)
    return " ".join(camel.replace("``", "`").split())


def _list_type(name: str) -> Schema:
    if name in MAP_KEYS:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [MAP_KEYS[name]]}
    return {"x-kubernetes-list-type": "set" if name in SETS else "atomic"}
