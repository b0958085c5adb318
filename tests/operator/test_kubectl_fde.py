"""`kubectl fde` on the real API server, as the people who use it. Marker `cluster`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHILDREN = ("ServiceAccount", "NetworkPolicy", "ConfigMap", "Deployment")


@pytest.fixture(scope="module")
def operator(api: Any, control_plane: Any, tmp_path_factory: pytest.TempPathFactory, given: Any) -> Iterator[Any]:
    found = given.operator(control_plane.kubeconfig("operator"), tmp_path_factory.mktemp("operator") / "operator.log")
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def kubectl(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`kubectl fde ...` as a user; where there is no kubectl, the plugin as the program that it is."""
    folder: Path = tmp_path_factory.mktemp("bin")
    plugin = folder / "kubectl-fde"
    plugin.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fde_cli.kubectl "$@"\n')
    plugin.chmod(0o755)
    begins = ["kubectl", "fde"] if shutil.which("kubectl") else [str(plugin)]

    def run(user: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "KUBECONFIG": str(control_plane.kubeconfig(user))}
        command = [*begins, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)

    return run


@pytest.fixture
def place(api: Any, given: Any, customer: str, unique: str) -> tuple[str, str]:
    """A customer's namespace where ben works, and a primitive for it."""
    for role in ("fde-field-engineer", "view"):
        api.create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": role, "namespace": customer},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ben@company.example"}],
            }
        )
    api.create(given.primitive(given.spec(primitiveName=unique, compliance=["gdpr", "soc2"])))
    return customer, unique


def a_file(given: Any, place: tuple[str, str], folder: Path, host: str = "northgate.example") -> Path:
    customer, primitive = place
    reference = {"name": primitive, "version": "v1.0.0"}
    environment = {"networkZone": "dmz", "complianceRequirements": ["soc2", "gdpr"]}
    parameters = {"instanceHost": host}
    manifest = given.deployment(
        namespace=customer, primitiveRef=reference, parameters=parameters, environment=environment
    )
    path = folder / "deployment.yaml"
    path.write_text(yaml.safe_dump(manifest))
    return path


def versions(api: Any, customer: str) -> dict[str, str]:
    found = [one for kind in CHILDREN for one in api.list(kind, customer)]
    return {
        one["metadata"]["name"]: one["metadata"]["resourceVersion"]
        for one in found
        if one["metadata"].get("labels", {}).get("fde.io/deployment")
    }


def test_from_a_plan_to_a_deployment_that_is_explained(
    api: Any, operator: Any, kubectl: Any, given: Any, place: tuple[str, str], tmp_path: Path
) -> None:
    customer, primitive = place
    file = a_file(given, place, tmp_path)

    planned = kubectl("ben", "plan", "-f", str(file), "-n", customer)
    assert planned.returncode == 0, planned.stderr
    assert "create  Deployment" in planned.stdout.replace("create   ", "create  ")
    assert "you may not patch deployments here" in planned.stdout, "an engineer's rights end before the workload"
    assert api.list("FDEDeployment", customer) == []
    assert versions(api, customer) == {}

    api.create(yaml.safe_load(file.read_text()), user="ben")
    given.eventually(lambda: "True" in kubectl("ben", "status", "-n", customer).stdout, 90)

    row = kubectl("ben", "status", "-n", customer).stdout.splitlines()[1].split()
    assert row[:4] == [customer, "sync", primitive, "v1.0.0"]
    one = json.loads(kubectl("ben", "status", "sync", "-n", customer, "--json").stdout)
    assert (one["name"], one["runs"], one["ready"]) == ("sync", "v1.0.0", "True")
    assert {"Ready", "Reconciling", "Stalled"} <= {told["type"] for told in one["conditions"]}

    told = json.loads(kubectl("ben", "history", "sync", "-n", customer, "--json").stdout)
    assert [version["version"] for version in told["versions"]] == ["v1.0.0"]
    given.eventually(lambda: "startedAt" in kubectl("ben", "history", "sync", "-n", customer, "--json").stdout)
    assert f"{customer}/sync runs as it should" in kubectl("ben", "explain", "sync", "-n", customer).stdout

    stood = versions(api, customer)
    same = kubectl("admin", "plan", "sync", "-n", customer)
    assert (same.returncode, same.stdout) == (0, "nothing would change\n"), same.stderr
    edited = kubectl("admin", "plan", "-f", str(a_file(given, place, tmp_path, "southgate.example")), "-n", customer)
    assert edited.returncode == 0, edited.stderr
    assert "not checked by the server" not in edited.stdout
    assert "southgate.example" in edited.stdout
    assert "object_applied" not in edited.stdout + edited.stderr, "the operator's log would say what is not true"
    assert "+++ Deployment" in edited.stdout
    assert versions(api, customer) == stood, "a plan writes nothing"


def test_a_plan_that_would_be_held_back_says_why_and_ends_with_1(
    api: Any, kubectl: Any, given: Any, place: tuple[str, str], tmp_path: Path
) -> None:
    customer, _ = place
    path = a_file(given, place, tmp_path)
    manifest = yaml.safe_load(path.read_text())
    manifest["spec"]["primitiveRef"]["version"] = "v9.9.9"
    path.write_text(yaml.safe_dump(manifest))
    done = kubectl("ben", "plan", "-f", str(path), "-n", customer)
    assert done.returncode == 1
    assert "held back: PrimitiveNotFound" in done.stderr


def test_what_admission_would_refuse_is_refused_with_its_sentence(
    kubectl: Any, given: Any, place: tuple[str, str], tmp_path: Path
) -> None:
    customer, _ = place
    path = a_file(given, place, tmp_path)
    manifest = yaml.safe_load(path.read_text())
    manifest["metadata"]["annotations"]["fde.io/owning-fde"] = "somebody-else@company.example"
    path.write_text(yaml.safe_dump(manifest))
    done = kubectl("ben", "plan", "-f", str(path), "-n", customer)
    assert done.returncode == 1
    assert "The file would be refused" in done.stderr
    assert "owning-fde" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["status", "-A"], 1, "forbidden"),
        (["explain", "fded/sync"], 1, "forbidden"),
        (["explain", "pods/sync"], 2, "names nothing of ours"),
        (["plan"], 2, "give the NAME of an FDEDeployment, or --file FILE"),
        (["plan", "-f", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["status", "--kubeconfig", "nowhere"], 2, "there is no kubeconfig file nowhere"),
    ],
)
def test_who_may_not_or_asks_wrongly_is_told_so(
    api: Any, kubectl: Any, arguments: list[str], code: int, sentence: str
) -> None:
    done = kubectl("nobody", *arguments)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_library_and_a_primitive_are_explained(
    api: Any, operator: Any, kubectl: Any, given: Any, place: tuple[str, str], unique: str
) -> None:
    _, primitive = place
    library = {"apiVersion": "fde.io/v1", "kind": "PatternLibrary", "metadata": {"name": unique}, "spec": {}}
    api.create(library)
    try:
        told = kubectl("ben", "explain", f"plib/{unique}")
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(f"PatternLibrary {unique} holds")
        told = kubectl("ben", "explain", f"dprim/{primitive}.v1.0.0")
        assert f"{primitive}.v1.0.0 is experimental" in told.stdout
    finally:
        api.delete("PatternLibrary", unique)


def test_the_doctor_names_the_policy_and_the_right_that_lack(
    api: Any, control_plane: Any, place: tuple[str, str], given: Any
) -> None:
    """What `explain` sends people to it for."""

    def doctor(user: str, *more: str) -> dict[str, Any]:
        environment = {**os.environ, "KUBECONFIG": str(control_plane.kubeconfig(user))}
        command = [sys.executable, "-m", "fde_cli.main", "doctor", "--registry", "kubernetes", "--json", *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        return {found["check"]: found for line in done.stdout.splitlines() if (found := json.loads(line))}

    customer, _ = place
    engineer = doctor("ben", "-n", customer)
    assert {engineer[name]["state"] for name in ("deployments", "feeds", "primitives", "libraries")} == {"ok"}
    assert engineer["policies"]["state"] == "unset"
    assert "you may not list validatingadmissionpolicies" in engineer["policies"]["saw"]
    nobody = doctor("nobody", "-n", customer)
    assert nobody["deployments"]["state"] == "wrong"
    assert f"fdedeployments in namespace {customer}" in nobody["deployments"]["saw"]
    assert nobody["primitives"]["state"] == "wrong"

    whole = doctor("admin")
    assert (whole["policies"]["state"], whole["definitions"]["state"]) == ("ok", "ok"), whole
    kind, name = "ValidatingAdmissionPolicyBinding", "secret-reference.fde.io"
    binding = api.get(kind, name)
    kept = {field: value for field, value in binding["metadata"].items() if field in ("name", "labels")}
    api.delete(kind, name)
    try:
        broken = doctor("admin")["policies"]
    finally:
        api.create({**binding, "metadata": kept})
    assert broken["state"] == "wrong"
    assert name in broken["saw"]
    assert given.eventually(lambda: doctor("admin")["policies"]["state"] == "ok")
