"""The chart as files: copies that are fresh, values that a schema holds, variables that the commands read."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest
import yaml
from cyclopts import Parameter

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart/fde"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = {path.name: path.read_text() for path in (CHART / "templates").iterdir()}


def generator(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_charts_copies_are_what_the_sources_say() -> None:
    folder = CHART / "files"
    committed = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}
    assert committed == dict(generator("deploy/chart/generate.py").files()), "run `python deploy/chart/generate.py`"


@cache
def copies() -> tuple[dict[str, Any], ...]:
    """Every object that the chart has from elsewhere."""
    return tuple(one for path in (CHART / "files").rglob("*.yaml") for one in yaml.safe_load_all(path.read_text()))


def test_every_definition_policy_and_role_is_in_the_chart() -> None:
    def names(paths: Iterator[Path]) -> set[tuple[str, str]]:
        documents = (one for path in paths for one in yaml.safe_load_all(path.read_text()) if one)
        return {(one["kind"], one["metadata"]["name"]) for one in documents}

    sources = [p for f in ("crds/manifests", "deploy/policies", "deploy/operator") for p in (ROOT / f).glob("*.yaml")]
    missing = names(iter(sources)) - {(one["kind"], one["metadata"]["name"]) for one in copies()}
    assert missing == {("Namespace", "fde-system")}, "the release's namespace is made before the release"


def test_what_people_made_is_kept_when_the_chart_goes() -> None:
    for one in copies():
        kept = one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        assert kept == (one["kind"] in ("CustomResourceDefinition", "Namespace", "ConfigMap", "Secret")), one
        assert not {"data", "stringData"} & set(one), "made empty: an upgrade touches no entry"


def places(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value that is no mapping, with the schema that holds it."""
    if reference := schema.get("$ref"):
        schema = SCHEMA["definitions"][reference.rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        assert schema["additionalProperties"] is False, f"{path}: a misspelt name would be taken"
        for name, inner in value.items():
            assert name in schema["properties"], f"{path}.{name} is not in values.schema.json"
            yield from places(inner, schema["properties"][name], f"{path}.{name}")
    else:
        yield path, schema


def test_the_schema_holds_every_value_by_name_and_type() -> None:
    found = dict(places(VALUES, SCHEMA))
    assert len(found) > 40
    assert all({"type", "enum"} & set(schema) for schema in found.values())


def test_the_schema_has_no_value_that_values_yaml_does_not_tell_of() -> None:
    def names(schema: dict[str, Any], values: Any, path: str = "") -> Iterator[str]:
        if reference := schema.get("$ref"):
            schema = SCHEMA["definitions"][reference.rpartition("/")[2]]
        for name, inner in schema.get("properties", {}).items():
            if name != "global":  # Helm's own
                assert name in values, f"{path}.{name} is in values.schema.json alone"
                yield f"{path}.{name}"
                yield from names(inner, values[name], f"{path}.{name}")

    assert len(list(names(SCHEMA, VALUES))) > 40


def test_every_value_is_used_by_a_template() -> None:
    text = "".join(TEMPLATES.values())
    for path, _ in places(VALUES, SCHEMA):
        *_, last = path.split(".")
        assert re.search(rf"\b{last}\b", text) or last in ("cpu", "memory", "ephemeral-storage"), path
    images = set(VALUES["images"]) - {"pullPolicy", "pullSecrets"}
    assert images == set(re.findall(r'"image" "(\w+)"', text))


def test_no_value_is_a_secret() -> None:
    names = [path.rpartition(".")[2].lower() for path, _ in places(VALUES, SCHEMA)]
    assert not [name for name in names if re.search(r"password|token$|credential|key$", name)]
    assert "kind: Secret" not in "".join(TEMPLATES.values())
    secrets = [one for one in copies() if one["kind"] == "Secret"]
    assert not [one for one in secrets if {"data", "stringData"} & set(one)]


NAMES = TEMPLATES["_names.tpl"]
ENVIRONMENTS = ("fde.kafkaEnv", "fde.operatorSettings")
COMMANDS = {
    "operator.yaml": ["operator:operator"],
    "workers.yaml": ["worker:ingest", "worker:fold", "worker_extraction:extraction"],
    "audit.yaml": ["audit:collect"],
    "review.yaml": ["review:serve"],
}


@pytest.mark.parametrize("template", COMMANDS)
def test_every_variable_that_a_template_sets_is_one_its_command_reads(template: str) -> None:
    read: set[str] = set()
    for place in COMMANDS[template]:
        module, _, name = place.partition(":")
        function = getattr(importlib.import_module(f"fde_cli.commands.{module}"), name)
        for hint in get_type_hints(function, include_extras=True).values():
            read |= set(variables(hint))
        assert inspect.isfunction(function)
    defined = dict(re.findall(r'define "(fde\.\w+)" -}}(.*?)\n{{- end }}\n(?=\n|{{-? ?define|{{/|$)', NAMES, re.DOTALL))
    text = TEMPLATES[template]
    text += "".join(body for name, body in defined.items() if name in ENVIRONMENTS and name in text)
    set_here = set(re.findall(r"name: (FDE_[A-Z_]+)", text)) | set(re.findall(r"^(FDE_[A-Z_]+):", text, re.MULTILINE))
    assert set_here
    assert set_here <= read


def variables(hint: Any) -> Iterator[str]:
    for one in getattr(hint, "__metadata__", ()):
        if isinstance(one, Parameter) and one.env_var:
            yield from [one.env_var] if isinstance(one.env_var, str) else one.env_var
    for inner in getattr(hint, "__args__", ()):
        yield from variables(inner)
    if origin := getattr(hint, "__origin__", None):
        yield from variables(origin)
