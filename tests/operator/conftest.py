"""A small primitive, a deployment of it, a cluster in memory; and the real API server, spoken to as different users."""

from __future__ import annotations

import asyncio
import copy
import functools
import importlib.util
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import msgspec
import pytest
import structlog
import yaml

from fde_api.kinds import KINDS
from fde_api.meta import digest_of
from fde_api.primitive import PrimitiveSpec
from fde_operator.cluster import Manifest, key_of
from fde_operator.errors import Conflicting, Denied
from fde_operator.install import manifests
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster

IMAGE = "python@sha256:" + "a" * 64
ENGINE = "system:serviceaccount:fde-system:pattern-engine"
NORTHGATE = {"fde.io/customer": "northgate"}


class Killed(Exception):
    """The process died here."""


@dataclass
class MemoryCluster:
    """A :class:`fde_operator.cluster.Cluster` without a server. `die_after`: writes until the process is killed."""

    objects: dict[Key, Manifest] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    die_after: int | None = None
    _uids: int = 0

    def store(self, manifest: Manifest) -> Manifest:
        found: Manifest = json.loads(msgspec.json.encode(manifest))
        self._uids += 1
        found["metadata"] = {"uid": f"uid-{self._uids}", "generation": 1, **found["metadata"]}
        self.objects[key_of(found)] = found
        return found

    async def get(self, key: Key) -> Manifest | None:
        return copy.deepcopy(self.objects.get(key))

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        found = []
        for key, one in self.objects.items():
            marks = one["metadata"].get("labels", {})
            if key.kind != kind or (namespace and key.namespace != namespace):
                continue
            if all(marks.get(k) == v for k, v in (labels or {}).items()) and all(
                _at(one, path) == value for path, value in (fields or {}).items()
            ):
                found.append(copy.deepcopy(one))
        return found

    async def create(self, manifest: Manifest) -> Manifest:
        if key_of(manifest) in self.objects:
            raise Conflicting("already exists")
        self._write(f"create {key_of(manifest)}")
        return copy.deepcopy(self.store(manifest))

    async def apply(self, manifest: Manifest) -> Manifest:
        key = key_of(manifest)
        old = self.objects.get(key)
        if manifest["metadata"].get("uid") not in (None, (old or manifest)["metadata"].get("uid")):
            raise Conflicting("another uid")
        self._write(f"apply {key}")
        if old is None:
            return copy.deepcopy(self.store(manifest))
        new = _merged(old, copy.deepcopy(manifest))
        if key.kind == "TelemetryFeed":  # a set: an apply takes away what it named before and names no more
            others = [one for one in old["metadata"].get("finalizers", ()) if not one.startswith("fde.io/")]
            new["metadata"]["finalizers"] = [*others, *manifest["metadata"].get("finalizers", ())]
        self.objects[key] = new
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            del self.objects[key]
        return copy.deepcopy(new)

    async def stands(self, manifest: Manifest) -> str | None:
        found = self.objects.get(key_of(manifest))
        if found is not None and found.get("type") != manifest.get("type"):
            raise Denied("another Secret has this name")
        version = manifest["metadata"].get("resourceVersion")
        if found is not None and version not in (None, found["metadata"].get("resourceVersion")):
            raise Conflicting("another resource version")
        return None if found is None else str(found["metadata"].get("resourceVersion", "0"))

    async def put(self, manifest: Manifest) -> str:
        await self.stands(manifest)
        self._write(f"put {key_of(manifest)}")
        version = str(len(self.writes))
        self.store({**manifest, "metadata": {**manifest["metadata"], "resourceVersion": version}})
        return version

    async def apply_status(self, manifest: Manifest) -> Manifest:
        if key_of(manifest) not in self.objects:
            raise Conflicting("gone")
        kinds = [one["type"] for one in manifest["status"].get("conditions", ())]
        assert len(kinds) == len(set(kinds)), f"the server refuses duplicate conditions: {kinds}"
        self._write(f"status {key_of(manifest)}")
        # As JSON, like every answer: a tuple that is a list when it is read again is news for ever.
        self.objects[key_of(manifest)]["status"] = json.loads(msgspec.json.encode(manifest["status"]))
        return manifest

    async def delete(self, key: Key, *, uid: str) -> None:
        self._write(f"delete {key}")
        if self.objects.get(key, {}).get("metadata", {}).get("uid") == uid:
            del self.objects[key]

    def _write(self, what: str) -> None:
        if self.die_after is not None and len(self.writes) >= self.die_after:
            raise Killed(what)
        self.writes.append(what)


def _at(manifest: Manifest, path: str) -> Any:
    found: Any = manifest
    for step in path.split("."):
        found = found.get(step, {})
    return found


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(old.get(name), value) for name, value in new.items()}}
    return new


def _primitive_spec(**changes: Any) -> dict[str, Any]:
    return {
        "primitiveName": "incident-sync",
        "version": "v1.0.0",
        "domain": "data-integration",
        "compliance": ["gdpr", "soc2"],
        "template": {
            "files": [
                {
                    "path": "sync.py",
                    "language": "python",
                    "segments": [
                        {"text": 'HOST = "'},
                        {"hole": {"parameter": "instanceHost", "place": "python.string.double"}},
                        {"text": '"\r\nprint("é", HOST)\n'},
                    ],
                }
            ]
        },
        "parameters": [
            {"name": "instanceHost", "type": "host", "required": True},
            {"name": "syncFrequency", "type": "duration", "default": "30m", "allowedValues": ["15m", "30m", "1h"]},
            {"name": "ratio", "type": "float", "default": 0.5},
            {"name": "verbose", "type": "bool", "default": True},
        ],
        "runtime": {
            "resourceProfile": "small",
            "workload": {
                "kind": "Deployment",
                "image": IMAGE,
                "command": ["python", "/app/sync.py"],
                "env": [{"name": "HOST", "value": "https://{{ instanceHost }}/"}],
            },
        },
        **changes,
    }


def _with_secret(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec` with a second file that holds a secret, and an env variable that is one."""
    spec = copy.deepcopy(spec)
    segments = [
        {"text": 'KEY = "'},
        {"hole": {"parameter": "clientSecret", "place": "python.string.double"}},
        {"text": '"\nHOST = "'},
        {"hole": {"parameter": "instanceHost", "place": "python.string.double"}},
        {"text": '"\n'},
    ]
    spec["template"]["files"].append({"path": "conf/key.py", "language": "python", "segments": segments})
    spec["parameters"].append({"name": "clientSecret", "type": "secretRef", "required": True})
    spec["runtime"]["workload"]["env"].append({"name": "CLIENT_SECRET", "value": "{{ clientSecret }}"})
    return spec


def _primitive(spec: dict[str, Any]) -> Manifest:
    name = f"{spec['primitiveName']}.{spec['version']}"
    return {"apiVersion": "fde.io/v1", "kind": "DeploymentPrimitive", "metadata": {"name": name}, "spec": spec}


def _deployment(name: str = "sync", namespace: str = "customer-northgate", **spec: Any) -> Manifest:
    return {
        "apiVersion": "fde.io/v1",
        "kind": "FDEDeployment",
        "metadata": {"name": name, "namespace": namespace, "annotations": {"fde.io/owning-fde": "ben@company.example"}},
        "spec": {
            "primitiveRef": {"name": "incident-sync", "version": "v1.0.0"},
            "parameters": {"instanceHost": "northgate.example"},
            "environment": {
                "networkZone": "dmz",
                "complianceRequirements": ["soc2", "gdpr"],
                "dataResidency": "eu-west",
            },
            "lifecycle": {"phase": "production"},
            **spec,
        },
    }


def _candidate(proposal: dict[str, Any], name: str = "c-1", **spec: Any) -> Manifest:
    return {
        "apiVersion": "fde.io/v1",
        "kind": "PatternCandidate",
        "metadata": {"name": name, "namespace": "fde-library"},
        "spec": {
            "author": {"username": ENGINE},
            "contributors": ["ana@company.example", "ben@company.example"],
            "signal": {"challenge": "rate-limit", "deployments": 5, "customers": 4},
            "proposal": proposal,
            **spec,
            "proof": {
                "siblings": 5,
                "rebuilt": 5,
                "siblingCustomers": 4,
                "leaks": 0,
                "proposalDigest": digest_of(msgspec.convert(proposal, PrimitiveSpec)),
                **spec.get("proof", {}),
            },
        },
    }


def _namespace(name: str = "customer-northgate", labels: dict[str, str] | None = None) -> Manifest:
    marks = NORTHGATE if labels is None else labels
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}


_PATHS = {
    "Namespace": "api/v1/namespaces",
    "Node": "api/v1/nodes",
    "ConfigMap": "api/v1/configmaps",
    "Pod": "api/v1/pods",
    "Secret": "api/v1/secrets",
    "ServiceAccount": "api/v1/serviceaccounts",
    "Deployment": "apis/apps/v1/deployments",
    "CronJob": "apis/batch/v1/cronjobs",
    "Job": "apis/batch/v1/jobs",
    "PodDisruptionBudget": "apis/policy/v1/poddisruptionbudgets",
    "Role": "apis/rbac.authorization.k8s.io/v1/roles",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "SubjectAccessReview": "apis/authorization.k8s.io/v1/subjectaccessreviews",
    "ValidatingAdmissionPolicy": "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/rolebindings",
    "NetworkPolicy": "apis/networking.k8s.io/v1/networkpolicies",
    "Lease": "apis/coordination.k8s.io/v1/leases",
    "Event": "apis/events.k8s.io/v1/events",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ValidatingAdmissionPolicyBinding": "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    **{kind.name: f"apis/fde.io/v1/{kind.plural}" for kind in KINDS},
}


_STARTING = ("failed to configure policy", "not yet ready to handle request")


class Refused(Exception):
    """The API server said no; the message is its own."""


class Api:
    """The real API server, as the user named in each call."""

    def __init__(self, plane: Any) -> None:
        context = ssl.create_default_context(cafile=str(plane.certificate_authority))
        self._client = httpx2.Client(base_url=plane.url, verify=context, timeout=20, trust_env=False)
        self._plane = plane

    def get(self, kind: str, name: str, namespace: str = "", user: str = "admin") -> Manifest | None:
        answer = self._send("GET", kind, namespace, name, user=user)
        return None if answer.status_code == 404 else self._checked(answer)

    def list(self, kind: str, namespace: str = "", user: str = "admin", **query: str) -> list[Manifest]:
        found: list[Manifest] = self._checked(self._send("GET", kind, namespace, user=user, query=query))["items"]
        return found

    def create(self, manifest: Manifest, user: str = "admin", **query: str) -> Manifest:
        namespace = manifest["metadata"].get("namespace", "")
        query = {"fieldValidation": "Strict", **query}
        return self._checked(self._send("POST", manifest["kind"], namespace, user=user, body=manifest, query=query))

    def patch(
        self, kind: str, name: str, body: Any, namespace: str = "", user: str = "admin", sub: str = ""
    ) -> Manifest:
        what = "application/merge-patch+json" if isinstance(body, dict) else "application/json-patch+json"
        query = {"fieldValidation": "Strict"}
        return self._checked(
            self._send("PATCH", kind, namespace, name, sub, user=user, body=body, what=what, query=query)
        )

    def replace(self, manifest: Manifest, user: str = "admin") -> Manifest:
        metadata = manifest["metadata"]
        where = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._checked(self._send("PUT", *where, user=user, body=manifest))

    def delete(self, kind: str, name: str, namespace: str = "", user: str = "admin") -> None:
        self._checked(self._send("DELETE", kind, namespace, name, user=user, query={"propagationPolicy": "Background"}))

    def _send(
        self,
        method: str,
        kind: str,
        namespace: str,
        name: str = "",
        sub: str = "",
        *,
        user: str,
        body: Any = None,
        what: str = "application/json",
        query: dict[str, str] | None = None,
    ) -> httpx2.Response:
        prefix, _, plural = _PATHS[kind].rpartition("/")
        place = f"{prefix}/namespaces/{namespace}/{plural}" if namespace else _PATHS[kind]
        path = "/".join(part for part in (place, name, sub) if part)
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = [*self._as(user), ("Content-Type", what)]
        deadline = time.monotonic() + 120  # it looks for the kinds of policies' parameters twice a minute
        while True:
            answer = self._client.request(method, f"/{path}", content=content, headers=headers, params=query)
            # An API server that has just started knows its policies before it can judge by them, its kinds before it has them.
            starting = answer.status_code in (403, 422) and any(words in answer.text for words in _STARTING)
            loading = answer.status_code in (429, 503) and "initializing" in answer.text
            if not (starting or loading) or time.monotonic() > deadline:
                return answer
            time.sleep(0.2)

    ask = _send  # the answer itself, whatever it says

    def _as(self, user: str) -> list[tuple[str, str | bytes]]:
        """A user of the local plane by short name; anybody else as ``name`` or ``name|group|group``, impersonated by the
        administrator, or by another user: ``user>name``."""
        by, _, name = user.rpartition(">")
        name, *groups = name.split("|")
        if not by and "@" not in name and ":" not in name:
            return [("Authorization", f"Bearer {self._plane.token(name)}")]
        return [
            ("Authorization", f"Bearer {self._plane.token(by or 'admin')}"),
            ("Impersonate-User", name.encode()),
            *(("Impersonate-Group", group) for group in groups),
        ]

    @staticmethod
    def _checked(answer: httpx2.Response) -> Manifest:
        if answer.is_success:
            found: Manifest = answer.json()
            return found
        raise Refused(answer.json().get("message", answer.text) if answer.content else str(answer.status_code))


def eventually(what: Callable[[], Any], limit_s: float = 30.0) -> Any:
    """The first true value of `what`, polled; an AssertionError with the last one after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"still not after {limit_s:g} s; last seen: {found!r}"
        time.sleep(0.1)
    return found


class Operator:
    """`fde operator`, started and ended by tests."""

    def __init__(self, kubeconfig: Path, log: Path, *more: str) -> None:
        # The only one there is, unless a test says otherwise: one that was killed holds its Lease for ten seconds more.
        election = () if "--leader-election" in more else ("--no-leader-election",)
        self._command = [
            sys.executable,
            "-m",
            "fde_cli.main",
            "operator",
            "--kubeconfig",
            str(kubeconfig),
            *election,
            *more,
        ]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it says that it is ready."""
        before = self.log().count("ready, watching")
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=out, env={**os.environ})
        eventually(lambda: self.log().count("ready, watching") > before, 60)

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(60)
        self._process = None
        return code


class Given:
    """Builders of manifests, as one fixture."""

    spec = staticmethod(_primitive_spec)
    with_secret = staticmethod(_with_secret)
    primitive = staticmethod(_primitive)
    deployment = staticmethod(_deployment)
    candidate = staticmethod(_candidate)
    namespace = staticmethod(_namespace)
    killed = Killed
    refused = Refused
    eventually = staticmethod(eventually)
    operator = Operator


@pytest.fixture(autouse=True)
def _own_log() -> None:
    """Commands run in this process by other tests configure structlog to streams that are closed by now."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def given() -> type[Given]:
    return Given


@functools.cache
def _policies() -> list[Manifest]:
    return manifests("policies")


@pytest.fixture
def cluster() -> MemoryCluster:
    """A cluster with the admission policies in place and northgate's namespace."""
    found = MemoryCluster()
    for manifest in _policies():
        found.store(manifest)
    found.store(_namespace())
    return found


@pytest.fixture(scope="session")
def api(control_plane: Any) -> Api:
    """The API server after `fde operator install`, run twice. It returns once the policies are in force."""
    command = [sys.executable, "-m", "fde_cli.main", "operator", "install", "--kubeconfig"]
    for _ in range(2):  # idempotent
        done = subprocess.run(
            [*command, str(control_plane.kubeconfig("admin"))], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
    return Api(control_plane)


@pytest.fixture(scope="session")
def bare_api(control_plane: Any) -> Api:
    """The API server with nothing of ours but namespaces, accounts, and what lets the operator lead and tell."""

    deploy = Path(__file__).parents[2] / "deploy"
    parts = ("operator/namespaces", "operator/turn", "policies/lease", "policies/events")

    async def apply() -> None:
        cluster = KubernetesCluster(str(control_plane.kubeconfig("admin")))
        for part in parts:
            for manifest in yaml.safe_load_all((deploy / f"{part}.yaml").read_text()):
                await cluster.apply(manifest)
        await cluster.aclose()

    asyncio.run(apply())
    return Api(control_plane)


@pytest.fixture
def customer(api: Api) -> Iterator[str]:
    """A new customer's namespace, with pod security restricted enforced."""
    name = f"customer-{uuid.uuid4().hex[:8]}"
    labels = {"fde.io/customer": name.removeprefix("customer-"), "pod-security.kubernetes.io/enforce": "restricted"}
    api.create(_namespace(name, labels))
    yield name
    api.delete("Namespace", name)


@pytest.fixture
def unique() -> str:
    """A name of this test's own: primitives are the cluster's, and never change."""
    return f"sync-{uuid.uuid4().hex[:8]}"


def _beside(name: str) -> ModuleType:
    """A module of this folder that is no test."""
    spec = importlib.util.spec_from_file_location(f"fde_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def faults() -> ModuleType:
    """fault_proxy.py."""
    return _beside("fault_proxy")


@pytest.fixture(scope="module")
def proxy(api: Api, control_plane: Any, faults: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API server by way of a :class:`fault_proxy.FaultProxy` that does nothing yet."""
    with faults.FaultProxy(control_plane, tmp_path_factory.mktemp("proxy")) as found:
        yield found
