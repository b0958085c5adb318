"""The judges of the chart, and a Kubernetes of its own: what Helm takes away at the end, other tests need."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fde_local.component import HELM, KUBE_SCORE, KUBECONFORM, Component
from fde_local.gate import require
from fde_local.kubernetes import ControlPlane

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart/fde"
EVERYTHING = Path(__file__).parent / "data/everything.yaml"
NAMESPACE = "fde-system"


@dataclass(frozen=True)
class Judge:
    """A program, run to its end."""

    program: Path

    def __call__(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program), *arguments], input=stdin, capture_output=True, text=True, timeout=240, check=False
        )

    def said(self, *arguments: str, stdin: str | None = None) -> str:
        """What it wrote to stdout; an AssertionError when it did not end well."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout


def judge(component: Component) -> Judge:
    (program,) = require(component)
    return Judge(program)


@pytest.fixture(scope="session")
def helm() -> Judge:
    return judge(HELM)


@pytest.fixture(scope="session")
def kubeconform() -> Judge:
    return judge(KUBECONFORM)


@pytest.fixture(scope="session")
def kube_score() -> Judge:
    return judge(KUBE_SCORE)


@pytest.fixture(scope="session")
def rendered(helm: Judge) -> str:
    """The chart with everything on."""
    return helm.said("template", "fde", str(CHART), "-n", NAMESPACE, "-f", str(EVERYTHING))


class Server:
    """The API server, as its administrator, by path."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._context = ssl.create_default_context(cafile=str(plane.certificate_authority))

    def __call__(self, method: str, path: str, body: Any = None, what: str = "application/json") -> Any:
        """The answer; None for 404. AssertionError with the server's sentence for every other refusal."""
        headers = {"Authorization": f"Bearer {self.plane.token('admin')}", "Content-Type": what}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.plane.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from None

    def apply(self, path: str, body: Any) -> Any:
        """Server-side apply."""
        return self("PATCH", f"{path}?fieldManager=test&force=true", body, "application/apply-patch+yaml")


_planes: list[ControlPlane] = []


@pytest.fixture(scope="session")
def server(cluster_toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ControlPlane.start(tmp_path_factory.mktemp("chart")) as plane:
        _planes.append(plane)
        yield Server(plane)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of this folder nobody needs the control plane, and it would go on costing to the end of the session."""
    if nextitem is None or nextitem.path.parent != item.path.parent:
        while _planes:
            _planes.pop().stop()


@pytest.fixture(scope="session")
def installed(helm: Judge, server: Server) -> Iterator[Sequence[str]]:
    """The chart, installed by its own instructions; what every further `helm` needs to reach the release."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "app.kubernetes.io/part-of": "fde"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    server.apply(f"/api/v1/namespaces/{NAMESPACE}", namespace)
    where = ("--kubeconfig", str(server.plane.kubeconfig("admin")), "-n", NAMESPACE)
    values = ("-f", str(EVERYTHING), "--set", "monitoring.serviceMonitor.enabled=false")
    helm.said("install", "fde", str(CHART), *where, *values)
    yield where
