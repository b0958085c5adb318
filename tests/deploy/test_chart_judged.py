"""What helm lint, kube-score and kubeconform say of the chart. Marker `cluster`: the judges are built like the servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
CHART = str(ROOT / "deploy/chart/fde")
EVERYTHING = str(Path(__file__).parent / "data/everything.yaml")
DIGESTS = [f"images.{name}.digest=sha256:{'a' * 64}" for name in ("operator", "sidecar", "runtime")]
LEAST = [argument for one in DIGESTS for argument in ("--set", one)]


def test_helm_lint_finds_no_error_and_no_warning(helm: Any) -> None:
    assert "0 chart(s) failed" in helm.said("lint", "--strict", CHART, "-n", "fde-system", "-f", EVERYTHING)
    assert "0 chart(s) failed" in helm.said("lint", CHART)


@pytest.mark.parametrize("values", [["-f", EVERYTHING], LEAST], ids=["everything", "least"])
def test_kube_score_finds_nothing_critical_and_nothing_to_warn_of(
    helm: Any, kube_score: Any, values: list[str]
) -> None:
    text = helm.said("template", "fde", CHART, "-n", "fde-system", *values)
    options = ["--kubernetes-version", "v1.35", "--enable-optional-test", "container-seccomp-profile", "-o", "json"]
    scored = json.loads(kube_score("score", *options, "-", stdin=text).stdout)
    checks = [(o["object_name"], c["check"]["id"], c["grade"]) for o in scored for c in o["checks"] if not c["skipped"]]
    assert len(checks) > 20
    assert [check for check in checks if check[2] < 10] == []  # 10: ok; 7: almost; 5: warning; 1: critical


class OneOfEachLoader(yaml.SafeLoader):
    """YAML, where a key of a mapping is there once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in one mapping: {sorted({k for k in keys if keys.count(k) > 1})}"
        return super().construct_mapping(node, deep)


def test_a_variable_that_the_chart_sets_may_be_set_otherwise_and_is_there_once(helm: Any) -> None:
    more = {"FDE_LOG_FORMAT": "text", "FDE_OPERATOR_WORKERS": "3", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:4318"}
    options = [f"--set-string=operator.extraEnv.{name}={value}" for name, value in more.items()]
    text = helm.said("template", "fde", CHART, "-n", "fde-system", "-f", EVERYTHING, *options)
    objects = [one for one in yaml.load_all(text, OneOfEachLoader) if one]
    named = [one for one in objects if one["metadata"]["name"] == "fde-operator-settings"]
    (told,) = (one["data"] for one in named if one["kind"] == "ConfigMap")
    assert told | more == told
    assert told["FDE_AUDIT_STATE"] == "/fde/audit"
    assert all(isinstance(value, str) for value in told.values())
    for one in objects:
        for container in one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            names = [variable["name"] for variable in container.get("env", ())]
            assert len(names) == len(set(names))


def test_kubeconform_finds_every_object_as_the_real_api_server_describes_it(
    rendered: str, kubeconform: Any, server: Any, installed: Any, tmp_path: Path
) -> None:
    written = schemas(server, tmp_path)
    assert {"deployment-apps-v1", "fdedeployment-fde-v1", "customresourcedefinition-apiextensions-v1"} <= written
    place = f"{tmp_path}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    options = ["-strict", "-schema-location", place, "-output", "json", "-summary", "-skip", "ServiceMonitor"]
    answer = json.loads(kubeconform.said(*options, "-", stdin=rendered))
    objects = [one for one in yaml.safe_load_all(rendered) if one]
    assert answer["summary"] == {"valid": len(objects) - 1, "invalid": 0, "errors": 0, "skipped": 1}, answer
    broken = rendered.replace("terminationGracePeriodSeconds: 30", "terminationGracePeriod: 30")
    assert broken != rendered
    assert kubeconform(*options, "-", stdin=broken).returncode == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], ".digest is empty: give the sha256:... that your registry answered"),
        ([*LEAST, "--set", "images.operator.digest=v1.0.0"], "does not match pattern"),
        ([*LEAST, "--set", "operator.replica=3"], "additional properties 'replica' not allowed"),
        ([*LEAST, "--set", "kafka.brokers=nowhere"], "does not match pattern"),
        ([*LEAST, "--set", "workers.fold.replicas=2"], "workers read Kafka: give kafka.brokers"),
        ([*LEAST, "--set", "workers.extraction.minCustomers=1"], "minimum: got 1, want 2"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_with_a_sentence(helm: Any, values: list[str], sentence: str) -> None:
    done = helm("template", "fde", CHART, "-n", "fde-system", *values)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_another_namespace_is_refused_because_the_policies_name_this_one(helm: Any) -> None:
    done = helm("template", "fde", CHART, "-n", "elsewhere", *LEAST)
    assert "install with --namespace fde-system" in done.stderr


def test_a_packaged_chart_holds_all_that_the_folder_holds(helm: Any, tmp_path: Path) -> None:
    helm.said("package", CHART, "-d", str(tmp_path))
    (archive,) = tmp_path.glob("fde-*.tgz")
    here = helm.said("template", "fde", CHART, "-n", "fde-system", *LEAST)
    assert helm.said("template", "fde", str(archive), "-n", "fde-system", *LEAST) == here


def schemas(server: Any, folder: Path) -> set[str]:
    """One JSON Schema a kind, made of what the API server says of itself: nothing is fetched from anywhere."""
    made: set[str] = set()
    for path in server("GET", "/openapi/v3")["paths"]:
        if not path.startswith(("api/v1", "apis/")):
            continue
        components = server("GET", f"/openapi/v3/{path}").get("components", {}).get("schemas", {})
        definitions = {name: closed(node) for name, node in components.items()}
        for name, node in components.items():
            for gvk in node.get("x-kubernetes-group-version-kind", ()):
                group = gvk["group"].split(".")[0]
                title = "-".join(part for part in (gvk["kind"].lower(), group, gvk["version"].lower()) if part)
                whole = {"$ref": f"#/definitions/{name}", "definitions": definitions}
                (folder / f"{title}.json").write_text(json.dumps(whole))
                made.add(title)
    return made


def closed(node: Any) -> Any:
    """OpenAPI to JSON Schema: references to here, and no property that is not named."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {
        # A property may be called as a keyword is: the definition of definitions has a property `format`.
        name: {inner: closed(one) for inner, one in value.items()} if name == "properties" else closed(value)
        for name, value in node.items()
        if name not in ("default", "format")
    }
    if isinstance(reference := found.get("$ref"), str):
        found["$ref"] = reference.replace("#/components/schemas/", "#/definitions/")
    is_open = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
    if isinstance(node.get("properties"), dict) and not is_open and node.get("type") == "object":
        found["additionalProperties"] = False
    return found
