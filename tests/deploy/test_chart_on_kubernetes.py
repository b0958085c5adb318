"""The chart on a real API server, by Helm itself: installed, upgraded with another definition, rolled back, taken away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fde_local.ports import free_ports
from fde_local.users import write_kubeconfig

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart/fde"
EVERYTHING = str(Path(__file__).parent / "data/everything.yaml")
VALUES = ("-f", EVERYTHING, "--set", "monitoring.serviceMonitor.enabled=false")
SYSTEM = "/apis/apps/v1/namespaces/fde-system"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/fdedeployments.fde.io"
DEPLOYMENTS = "/apis/fde.io/v1/namespaces/customer-northgate/fdedeployments"
SYNC = f"{DEPLOYMENTS}/sync"


def eventually(what: Callable[[], Any], limit_s: float = 90.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"still not after {limit_s:g} s; last seen: {found!r}"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def account(server: Any, installed: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A kubeconfig of a ServiceAccount that the chart made, with a token that the API server issued for it."""
    folder: Path = tmp_path_factory.mktemp("account")

    def of(name: str) -> Path:
        path = f"/api/v1/namespaces/fde-system/serviceaccounts/{name}/token"
        spec = {"expirationSeconds": 3600}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token = server("POST", path, request)["status"]["token"]
        authority = server.plane.certificate_authority
        file = folder / name
        write_kubeconfig(file, url=server.plane.url, certificate_authority=authority, user=name, token=token)
        return file

    return of


@dataclass(frozen=True)
class Running:
    """`fde operator`, as the chart would start it."""

    log: Path
    port: int

    def answers(self, path: str) -> int:
        """The HTTP status of a probe; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture(scope="module")
def operator(
    server: Any, account: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """`fde operator` with that account's rights and the variables of the chart, but for Kafka: there is none here."""
    folder: Path = tmp_path_factory.mktemp("operator")
    maps = "/api/v1/namespaces/fde-system/configmaps"
    settings = server("GET", f"{maps}/fde-operator-settings")["data"]
    landscape = folder / "landscape.yaml"
    landscape.write_text(server("GET", f"{maps}/fde-operator-landscape")["data"]["landscape.yaml"])
    (port,) = free_ports(1)
    here = {
        "POD_NAME": "fde-operator-0",
        "POD_NAMESPACE": "fde-system",
        "FDE_LANDSCAPE": str(landscape),
        "FDE_AUDIT_STATE": str(folder / "audit"),
        "FDE_OPERATOR_HEALTH": f"127.0.0.1:{port}",
        "OTEL_SDK_DISABLED": "true",
    }
    told = {name: value for name, value in settings.items() if "KAFKA" not in name and "BROKER" not in name}
    command = [sys.executable, "-m", "fde_cli.main", "operator", "--kubeconfig", str(account("fde-operator"))]
    log = folder / "operator.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=out, env={**os.environ, **told, **here}, cwd=folder
        )
    found = Running(log, port)
    try:
        eventually(lambda: "ready, watching" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield found
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def sync(server: Any, installed: Any) -> str:
    """A customer's namespace with an FDEDeployment of a published primitive."""
    labels = {"fde.io/customer": "northgate", "pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "customer-northgate", "labels": labels}}
    server.apply("/api/v1/namespaces/customer-northgate", namespace)
    primitive, deployment = yaml.safe_load_all((Path(__file__).parent / "data/sync.yaml").read_text())
    server.apply(f"/apis/fde.io/v1/deploymentprimitives/{primitive['metadata']['name']}", primitive)
    server.apply(SYNC, deployment)
    return SYNC


def test_restricted_pod_security_admits_every_pod_of_the_system(server: Any, installed: Any) -> None:
    wanted = {"fde-operator": 2, "fde-worker-ingest": 2, "fde-worker-fold": 2, "fde-worker-extraction": 1}
    wanted |= {"fde-review": 1, "fde-audit": 1}

    def made() -> dict[str, int]:
        pods = server("GET", "/api/v1/namespaces/fde-system/pods")["items"]
        names = [pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods]
        return {name: names.count(name) for name in sorted(set(names))}

    eventually(lambda: made() == wanted or None)
    sets = server("GET", f"{SYSTEM}/replicasets")["items"]
    failures = [c for one in sets for c in one["status"].get("conditions", ()) if c["type"] == "ReplicaFailure"]
    assert failures == []


def test_an_engineer_who_was_given_what_the_notes_say_can_do_what_the_notes_say(
    server: Any, helm: Any, installed: Any
) -> None:
    group = "rbac.authorization.k8s.io"
    notes = helm.said("get", "notes", "fde", *installed).replace("customer-NAME", "notes-northgate")
    server.apply("/api/v1/namespaces/notes-northgate", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "notes-northgate"}})  # fmt: skip
    given = re.findall(
        r"kubectl (?:-n (\S+) )?create (rolebinding|clusterrolebinding) (\S+) --clusterrole=(\S+) --user=(\S+)", notes
    )
    assert given
    for namespace, kind, name, role, user in given:
        body = {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding" if kind == "rolebinding" else "ClusterRoleBinding",
            "metadata": {"name": name.lower()},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        server("POST", f"/apis/{group}/v1/{f'namespaces/{namespace}/' if namespace else ''}{kind}s", body)

    def may(verb: str, resource: str, namespace: str, *groups: str) -> bool:
        asked = {"verb": verb, "group": "fde.io", "resource": resource, "namespace": namespace}
        spec = {"user": "ENGINEER" if not groups else "zoe", "groups": list(groups), "resourceAttributes": asked}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        return bool(server("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])

    # The cluster's own role view takes ours in a moment after it is made.
    eventually(lambda: may("create", "fdedeployments", "notes-northgate"))
    for resource in ("deploymentprimitives", "patternlibraries"):
        assert may("get", resource, ""), f"{resource} are chosen from, and a RoleBinding does not show them"
        assert may("list", resource, "")
        assert may("get", resource, "", "fde-engineers")
    assert "fde-engineers" in notes
    assert not may("list", "fdedeployments", "")


def test_the_operator_works_with_the_rights_and_settings_that_the_chart_gave_it(
    server: Any, operator: Running, sync: str
) -> None:
    def ready() -> bool:
        found = server("GET", sync).get("status", {}).get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in found)

    eventually(ready)
    assert "is forbidden" not in operator.log.read_text()
    workload = server("GET", "/apis/apps/v1/namespaces/customer-northgate/deployments/sync")
    images = {one["image"] for one in workload["spec"]["template"]["spec"]["initContainers"]}
    sidecar = yaml.safe_load(Path(EVERYTHING).read_text())["images"]["sidecar"]
    assert f"{sidecar['repository']}@{sidecar['digest']}" in images


def test_the_probes_of_the_chart_are_answered_by_the_operator(server: Any, operator: Running) -> None:
    container = server("GET", f"{SYSTEM}/deployments/fde-operator")["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        eventually(lambda path=path: operator.answers(path) == 200)
    assert operator.answers("/metrics") == 200


def test_the_review_page_shows_with_the_rights_that_the_chart_gave_it(
    server: Any, account: Callable[[str], Path], tmp_path: Path
) -> None:
    (container,) = server("GET", f"{SYSTEM}/deployments/fde-review")["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    (port,) = free_ports(1)
    here = {"KUBECONFIG": str(account("fde-review")), "FDE_REVIEW_PORT": str(port)}
    log = tmp_path / "review.log"
    with log.open("ab") as out:
        command = [sys.executable, "-m", "fde_cli.main", *container["args"]]
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **told, **here})
    try:
        page = Running(log, port)
        eventually(lambda: page.answers("/") or process.poll() is not None)
        assert page.answers("/") == 200, log.read_text()
        assert "as system:serviceaccount:fde-system:fde-review" in log.read_text()
        probe = container["readinessProbe"]["exec"]["command"]
        assert probe[-1] == told["FDE_REVIEW_PORT"]
        done = subprocess.run([sys.executable, *probe[1:-1], str(port)], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        process.terminate()
        process.wait(30)


def test_an_upgrade_changes_definitions_and_a_rollback_changes_them_back(
    helm: Any, server: Any, installed: Any, sync: str, tmp_path: Path
) -> None:
    newer = tmp_path / "fde"
    shutil.copytree(CHART, newer)
    path = newer / "files/crds/fdedeployments.yaml"
    definition = yaml.safe_load(path.read_text())
    version = definition["spec"]["versions"][0]
    version["additionalPrinterColumns"].append({"name": "Later", "type": "string", "jsonPath": ".spec.later"})
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["later"] = {"type": "string"}
    path.write_text(yaml.safe_dump(definition))
    uid = server("GET", sync)["metadata"]["uid"]

    def columns() -> list[str]:
        return [c["name"] for c in server("GET", CRD)["spec"]["versions"][0]["additionalPrinterColumns"]]

    assert "Later" not in columns()
    helm.said("upgrade", "fde", str(newer), *installed, *VALUES)
    assert "Later" in columns()
    helm.said("rollback", "fde", *installed)
    assert "Later" not in columns()
    assert server("GET", sync)["metadata"]["uid"] == uid


def test_a_cluster_set_up_by_the_command_is_taken_over(helm: Any, server: Any, installed: Any) -> None:
    command = [sys.executable, "-m", "fde_cli.main", "operator", "install", "--kubeconfig", installed[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    helm.said("upgrade", "fde", str(CHART), *installed, *VALUES, "--take-ownership", "--force-conflicts")


def test_what_people_made_outlives_the_chart(helm: Any, server: Any, installed: Any, sync: str) -> None:
    uid = server("GET", sync)["metadata"]["uid"]
    helm.said("uninstall", "fde", *installed)
    assert server("GET", sync)["metadata"]["uid"] == uid
    assert server("GET", "/api/v1/namespaces/fde-library")["status"]["phase"] == "Active"
    assert server("GET", "/api/v1/namespaces/fde-system/persistentvolumeclaims/fde-evidence")
    assert server("GET", "/api/v1/namespaces/fde-system/persistentvolumeclaims/fde-audit")
    assert server("GET", f"{SYSTEM}/deployments")["items"] == []
    for kind, name in (("configmaps", "fde-audit-anchor"), ("secrets", "fde-audit-keys")):
        assert server("GET", f"/api/v1/namespaces/fde-system/{kind}/{name}")
    helm.said("install", "fde", str(CHART), *installed, *VALUES)
    assert server("GET", sync)["metadata"]["uid"] == uid
