"""The generated definitions: fresh, structural, and holding the rules the models hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml

from fde_api.crd import definitions, files
from fde_api.errors import InvalidResource
from fde_api.explain import FIELDS
from fde_api.kinds import BY_NAME, KINDS, parse
from fde_api.meta import Part
from fde_api.rule import Rule
from fde_api.rules import RULES
from fde_api.schema import structural

MANIFESTS = Path(__file__).parents[2] / "crds/manifests"


def schema_of(kind: str) -> dict[str, Any]:
    found = next(d for d in definitions() if d["spec"]["names"]["kind"] == kind)
    schema: dict[str, Any] = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema node with its path (values of `properties` are nodes, `properties` itself is none)."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


def test_the_committed_manifests_are_what_the_models_say() -> None:
    committed = {path.name: path.read_text() for path in MANIFESTS.glob("*.yaml")}
    assert committed == dict(files()), "run `python -m fde_api.crd`"


def test_there_is_one_definition_a_kind_with_status_columns_and_category() -> None:
    assert [d["spec"]["names"]["kind"] for d in definitions()] == [kind.name for kind in KINDS]
    for found in definitions():
        (version,) = found["spec"]["versions"]
        assert version["subresources"] == {"status": {}}
        assert version["additionalPrinterColumns"]
        assert found["spec"]["names"]["categories"] == ["fde"]


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_schema_holds_nothing_that_a_structural_schema_may_not(kind: str) -> None:
    for path, node in nodes(schema_of(kind)):
        assert not {"$ref", "anyOf", "oneOf", "title"} & set(node), path
        assert "type" in node or set(node) <= {"x-kubernetes-preserve-unknown-fields", "description"}, path
        if node.get("type") == "array" and path.startswith(".spec"):
            assert "maxItems" in node, f"{path}: CEL's cost is estimated from maxItems"
            assert "x-kubernetes-list-type" in node, path


@pytest.mark.parametrize("kind", ["DeploymentPrimitive", "FDEDeployment", "PatternCandidate", "PatternProposal"])
def test_every_text_in_a_spec_has_a_greatest_length(kind: str) -> None:
    open_ended = [
        path
        for path, node in nodes(schema_of(kind))
        if path.startswith(".spec") and node.get("type") == "string" and not {"maxLength", "enum"} & set(node)
    ]
    assert open_ended == []


def test_every_rule_tells_a_person_what_to_do() -> None:
    rules = {rule.message: rule for table in RULES.values() for several in table.values() for rule in several}
    assert len(rules) >= 30
    assert sum(rule.of_a_change for rule in rules.values()) >= 10
    assert all(len(message.split()) >= 6 for message in rules)


def test_two_rules_of_one_field_are_told_apart_by_their_sentences() -> None:
    for kind, table in RULES.items():
        for path, rules in table.items():
            assert len({rule.message for rule in rules}) == len(rules), (kind, path)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_kubectl_explain_has_a_sentence_for_every_field(kind: str) -> None:
    """A field that fails here gets its sentence in crds/fde_api/explain.py; one that is no more loses it there."""
    silent = [
        f"{path}.{name}"
        for path, node in nodes(schema_of(kind))
        for name, child in node.get("properties", {}).items()
        if path and not child.get("description")
    ]
    assert silent == []


def test_no_sentence_is_about_a_field_that_is_not_there() -> None:
    fields: dict[str, set[str]] = {}
    for kind in KINDS:
        _, components = msgspec.json.schema_components((kind.model,), ref_template="{name}")
        fields |= {name: set(found.get("properties", {})) for name, found in components.items()}
    assert {name: set(said) - fields.get(name, set()) for name, said in FIELDS.items()} == {
        name: set() for name in FIELDS
    }


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_conditions_are_those_of_kubernetes(kind: str) -> None:
    status = schema_of(kind)["properties"]["status"]["properties"]
    condition = status["conditions"]["items"]
    assert condition["required"] == ["type", "status", "reason", "message", "lastTransitionTime"]
    assert condition["properties"]["lastTransitionTime"]["format"] == "date-time"
    assert condition["properties"]["observedGeneration"]["minimum"] == 0
    assert status["observedGeneration"]["format"] == "int64"


def test_an_explanation_names_fields_as_yaml_does() -> None:
    told = [node.get("description", "") for kind in KINDS for _, node in nodes(schema_of(kind.name))]
    assert [text for text in told if re.search("`[a-z]+_[a-z_]+`|\n|``", text)] == []


def test_a_default_for_an_object_that_is_not_there_is_an_error() -> None:
    class Thing(Part, frozen=True, kw_only=True):
        size: int = 1

    with pytest.raises(KeyError, match="depth"):
        structural(Thing, {}, [("depth",)])


def test_a_rule_for_a_field_that_is_not_there_is_an_error() -> None:
    class Thing(Part, frozen=True, kw_only=True):
        size: Annotated[int, msgspec.Meta(ge=1)]

    assert structural(Thing, {("size",): (Rule("self < 9", "size must be small"),)})["properties"]["size"] == {
        "type": "integer",
        "format": "int64",
        "minimum": 1,
        "x-kubernetes-validations": [
            {"rule": "self < 9", "message": "size must be small", "reason": "FieldValueInvalid"}
        ],
    }
    with pytest.raises(KeyError, match="siez"):
        structural(Thing, {("siez",): (Rule("true", "a b c"),)})


def test_an_optional_field_is_left_out_rather_than_null() -> None:
    review = schema_of("PatternCandidate")["properties"]["spec"]["properties"]["review"]
    assert review["type"] == "object"
    assert "nullable" not in review


def test_a_scalar_of_any_type_is_open_for_the_admission_policy_to_check() -> None:
    parameter = schema_of("DeploymentPrimitive")["properties"]["spec"]["properties"]["parameters"]["items"]
    assert parameter["properties"]["default"]["x-kubernetes-preserve-unknown-fields"] is True
    assert "type" not in parameter["properties"]["default"]


def test_descriptions_of_the_models_reach_kubectl_explain() -> None:
    assert (
        "person's decision"
        in schema_of("PatternCandidate")["properties"]["spec"]["properties"]["review"]["description"]
    )


def a_deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "fde.io/v1",
        "kind": "FDEDeployment",
        "metadata": {"name": "sync", "namespace": "customer-a"},
        "spec": {
            "primitiveRef": {"name": "sync", "version": "v1.0.0"},
            "environment": {"networkZone": "dmz"},
            "lifecycle": {"phase": "production"},
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"environment": {"networkZoen": "dmz"}}, "Did you mean `networkZone`? Fields here: complianceRequirements"),
        (
            {"parameters": {"key": {"secretRef": {"nam": "s", "key": "k"}}}},
            "Did you mean `name`? Fields here: key, name.",
        ),
        ({"lifecycle": {"phase": "live"}}, r"`\$.spec.lifecycle.phase`"),
        ({"primitiveRef": {"name": "sync", "version": "1.0"}}, r"`\$.spec.primitiveRef.version`"),
    ],
)
def test_a_wrong_field_is_refused_with_a_sentence_that_helps(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidResource, match=sentence.replace("?", r"\?")):
        parse(a_deployment(**spec))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"parameters": [{"name": "a", "type": "string", "required": True, "default": "x"}]},
            "required and has a default",
        ),
        ({"parameters": [{"name": "a", "type": "secretRef", "default": "x"}]}, "a secret has no default"),
        ({"parameters": [{"name": "a", "type": "secretRef", "allowedValues": ["x"]}]}, "would tell the secret"),
        ({"template": {"files": [{"path": "a/../b", "language": "sql", "segments": []}]}}, "without '..'"),
        (
            {"template": {"files": [{"path": "a", "language": "sql", "segments": [{}]}]}},
            "exactly one of text, hole, when, each and mark",
        ),
        (
            {"runtime": {"workload": {"kind": "CronJob", "image": "a@sha256:" + "0" * 64, "command": ["a"]}}},
            "a CronJob needs a schedule",
        ),
    ],
)
def test_the_models_hold_the_rules_that_the_api_server_holds(change: dict[str, Any], sentence: str) -> None:
    spec = {"primitiveName": "a", "version": "v1.0.0", "domain": "d", "template": {"files": []}, **change}
    document = {
        "apiVersion": "fde.io/v1",
        "kind": "DeploymentPrimitive",
        "metadata": {"name": "a.v1.0.0"},
        "spec": spec,
    }
    with pytest.raises(InvalidResource, match=sentence):
        parse(document)


def test_the_committed_manifests_are_yaml_that_names_every_kind() -> None:
    kinds = {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in MANIFESTS.glob("*.yaml")}
    assert kinds == set(BY_NAME)
