"""`operator`: `fde operator` on a real control plane: a thousand deployments, one change among them, a restart, a standstill.

create N -> all Ready | change one -> observed | repair by kind | idle writes by the audit log | restart -> steady | takeover
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import httpx2
import yaml

from fde_cli.bench.peers_operator import kopf_alone_s
from fde_cli.bench.transport import Row

Tell = Callable[[str], None]
_NAMESPACES: Final = 20
_LIMIT_S: Final = 600.0
_CHANGES: Final = 100
_LOOK_S: Final = 5.0  # a list of a thousand costs the API server itself a third of a second
_USER: Final = "system:serviceaccount:fde-system:fde-operator"
_PATHS: Final = {
    "FDEDeployment": "apis/fde.io/v1/namespaces/{}/fdedeployments",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "NetworkPolicy": "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}
_REPAIRED: Final = ("ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "ConfigMap")
_FILLER: Final = "# what a connector of some size has besides\n" * 100
_PRIMITIVE: Final[dict[str, Any]] = {
    "apiVersion": "fde.io/v1",
    "kind": "DeploymentPrimitive",
    "metadata": {"name": "bench-sync.v1.0.0"},
    "spec": {
        "primitiveName": "bench-sync",
        "version": "v1.0.0",
        "domain": "data-integration",
        "template": {
            "files": [
                {
                    "path": "sync.py",
                    "language": "python",
                    "segments": [
                        {"text": 'HOST = "'},
                        {"hole": {"parameter": "instanceHost", "place": "python.string.double"}},
                        {"text": f'"\n{_FILLER}'},
                    ],
                }
            ]
        },
        "parameters": [{"name": "instanceHost", "type": "host", "required": True}],
        "runtime": {
            "resourceProfile": "small",
            "workload": {
                "kind": "Deployment",
                "image": "python@sha256:" + "a" * 64,
                "command": ["python", "/app/sync.py"],
            },
        },
    },
}


def run(tell: Tell, *, count: int, idle_s: float, kopf_too: bool) -> list[Row]:
    """The rows, measured in one run on a control plane of its own; without one, a row that says so."""
    return asyncio.run(_measured(tell, count, idle_s, kopf_too))


async def _measured(tell: Tell, count: int, idle_s: float, kopf_too: bool) -> list[Row]:
    beside = Path(__file__).resolve().parents[3] / "deploy" / "local"
    if beside.is_dir() and str(beside) not in sys.path:
        sys.path.append(str(beside))
    try:
        plane_type = importlib.import_module("fde_local.kubernetes").ControlPlane
    except ImportError:
        return [Row(what="fde operator", unit="", note="no local Kubernetes: run it in a checkout, after `make test`")]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fde-bench-") as directory:
        tell("a control plane")
        with plane_type.start(Path(directory) / "plane") as plane:
            async with AsyncExitStack() as stack:
                site = Site(plane, Path(directory), count)
                await stack.enter_async_context(site.client)
                stack.callback(site.end)
                async for row in _rows(site, tell, idle_s):
                    tell(f"{row.what}: {row.ours} {row.unit} {row.note}")
                    rows.append(row)
                if kopf_too:
                    tell("the peer: kopf with its defaults and a limit of 50 workers, one event for each object")
                    peer_s = await asyncio.to_thread(kopf_alone_s, plane.kubeconfig("admin"), count, Path(directory))
                    rows.append(
                        Row(
                            what=f"{count} objects seen once",
                            unit="s",
                            peer=round(peer_s, 1),
                            peer_name="kopf, worker_limit 50, nothing done",
                        )
                    )
    return rows


@dataclass
class Site:
    """A control plane with our definitions, and operators on it."""

    plane: Any
    directory: Path
    count: int
    operators: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.plane.kubeconfig("admin").read_text())
        context = ssl.create_default_context(cafile=str(self.plane.certificate_authority))
        token = config["users"][0]["user"]["token"]
        self.client = httpx2.AsyncClient(
            base_url=self.plane.url,
            verify=context,
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )

    def operator(self, *more: str) -> Operator:
        """A new process; ended with the site."""
        found = Operator(self, len(self.operators), more)
        self.operators.append(found)
        return found

    def end(self) -> None:
        """No process is left."""
        for one in self.operators:
            one.kill()

    async def get(self, path: str) -> Any:
        """An object or a list; None for 404."""
        answer = await self.client.get(f"/{path}")
        if answer.status_code == 404:
            return None
        return _checked(answer).json()

    async def create(self, path: str, body: dict[str, Any]) -> None:
        """POST; there already is fine."""
        answer = await self.client.post(f"/{path}", content=json.dumps(body))
        if answer.status_code != 409:
            _checked(answer)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """A merge patch."""
        kind = {"Content-Type": "application/merge-patch+json"}
        return _checked(await self.client.patch(f"/{path}", content=json.dumps(body), headers=kind)).json()

    async def delete(self, path: str) -> None:
        """DELETE."""
        _checked(await self.client.delete(f"/{path}"))

    def written(self) -> int:
        """Writes of the operator's account so far, by the API server's own audit log; without Leases and Events."""
        with self.plane.audit_log.open() as lines:
            return sum(1 for line in lines if f'"username":"{_USER}"' in line and '"requestURI"' in line)


class Operator:
    """`fde operator` as a process, as its own account."""

    def __init__(self, site: Site, number: int, more: Iterable[str]) -> None:
        self._log = site.directory / f"operator-{number}.log"
        self._began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "fde_cli.main",
            "operator",
            "--kubeconfig",
            str(site.plane.kubeconfig("operator")),
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--health", "127.0.0.1:0", *more], stdout=subprocess.DEVNULL, stderr=log
            )

    async def ready(self) -> float:
        """Seconds from its start until it watches."""
        await _until(lambda: _now("ready, watching" in self._log.read_text()), "the operator to be ready")
        return time.monotonic() - self._began

    async def steady(self) -> float:
        """Seconds from its start until nothing is due."""
        await self.ready()

        async def calm() -> bool:
            text = await self.metrics()
            depth = re.findall(r"^fde_operator_queue_depth\{.*\} (\S+)", text, re.MULTILINE)
            return bool(depth) and not any(map(float, depth))

        await _until(calm, "the queues to be empty", pause_s=0.1)
        return time.monotonic() - self._began

    async def metrics(self) -> str:
        """What Prometheus would read."""
        port = re.search(r"probes and metrics at port (\d+)", self._log.read_text())
        assert port is not None
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            return (await client.get(f"http://127.0.0.1:{port[1]}/metrics")).text

    @property
    def rss_mib(self) -> float:
        """Resident memory, its highest so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", status)
        assert found is not None
        return int(found[1]) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return _cpu_s(self.process.pid)

    def stop(self) -> None:
        """SIGTERM."""
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL, also of one that is stopped."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)


async def _rows(site: Site, tell: Tell, idle_s: float) -> AsyncIterator[Row]:
    install = [sys.executable, "-m", "fde_cli.main", "operator", "install", "--kubeconfig"]
    subprocess.run([*install, str(site.plane.kubeconfig("admin"))], check=True, capture_output=True)
    await site.create("apis/fde.io/v1/deploymentprimitives", _PRIMITIVE)
    for number in range(_NAMESPACES):
        labels = {"fde.io/customer": f"bench{number}", "pod-security.kubernetes.io/enforce": "restricted"}
        await site.create("api/v1/namespaces", {"metadata": {"name": _namespace(number), "labels": labels}})
    first = site.operator("--no-leader-election")
    await first.ready()
    plane_s = sum(map(_cpu_s, site.plane.pids.values()))
    began = time.monotonic()
    await _side_by_side(lambda number: _deploy(site, number), site.count)
    created_s = time.monotonic() - began
    await _until(lambda: _all_ready(site, tell), "all deployments to be Ready", pause_s=_LOOK_S)
    yield Row(
        what=f"{site.count} deployments, create to Ready",
        unit="s",
        ours=round(time.monotonic() - began, 1),
        bar="< 60",
        note=f"made in {created_s:.0f} s; CPU-s: operator {first.cpu_s:.0f}, API server, controllers, etcd and kwok "
        f"{sum(map(_cpu_s, site.plane.pids.values())) - plane_s:.0f}; on {os.cpu_count()} processors",
    )
    await first.steady()
    changes = [await _changed(site, random.randrange(site.count), number) for number in range(_CHANGES)]  # noqa: S311
    yield Row(what="one change, to observed, p95", unit="s", ours=round(quantiles(changes, n=20)[-1], 3), bar="< 1",
              note=f"median {median(changes):.3f}, worst {max(changes):.3f}")  # fmt: skip
    for kind in _REPAIRED:
        yield await _repaired(site, kind)
    await first.steady()
    await asyncio.sleep(15)
    before = site.written()
    tell(f"nothing happens for {idle_s:.0f} s")
    await asyncio.sleep(idle_s)
    yield Row(what=f"idle writes in {idle_s:.0f} s", unit="", ours=float(site.written() - before), bar="0")
    yield Row(what=f"memory with {site.count}, highest", unit="MiB", ours=round(first.rss_mib), bar="< 150")
    first.stop()
    second = site.operator("--leader-election")
    yield Row(what=f"restart with {site.count}, to steady", unit="s", ours=round(await second.steady(), 1), bar="< 15",
              note=f"{second.cpu_s:.1f} CPU-s, {second.rss_mib:.0f} MiB")  # fmt: skip
    third = site.operator("--leader-election")
    await asyncio.sleep(3)
    second.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    await third.ready()
    yield Row(what="leader stopped, another one works", unit="s", ours=round(time.monotonic() - began, 1), bar="< 20")


async def _deploy(site: Site, number: int) -> None:
    namespace = _namespace(number)
    metadata = {"name": f"d{number}", "namespace": namespace, "annotations": {"fde.io/owning-fde": "admin"}}
    spec = {
        "primitiveRef": {"name": "bench-sync", "version": "v1.0.0"},
        "parameters": {"instanceHost": f"h{number}.example"},
        "environment": {"networkZone": "dmz"},
        "lifecycle": {"phase": "development"},
    }
    body = {"apiVersion": "fde.io/v1", "kind": "FDEDeployment", "metadata": metadata, "spec": spec}
    await site.create(_PATHS["FDEDeployment"].format(namespace), body)


async def _all_ready(site: Site, tell: Tell) -> bool:
    found = (await site.get("apis/fde.io/v1/fdedeployments"))["items"]
    ready = sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in one.get("status", {}).get("conditions", ()))
        for one in found
    )
    tell(f"{ready} of {site.count} Ready")
    return ready >= site.count


async def _changed(site: Site, which: int, number: int) -> float:
    """Seconds from the answer to an edit until the status has seen it and the files are the new ones."""
    path = f"{_PATHS['FDEDeployment'].format(_namespace(which))}/d{which}"
    old = (await site.get(path))["status"]["filesDigest"]
    edited = await site.patch(path, {"spec": {"parameters": {"instanceHost": f"c{number}.example"}}})
    began = time.monotonic()

    async def seen() -> bool:
        status = (await site.get(path))["status"]
        return bool(status["observedGeneration"] == edited["metadata"]["generation"] and status["filesDigest"] != old)

    await _until(seen, "the change to be observed", pause_s=0.01)
    return time.monotonic() - began


async def _repaired(site: Site, kind: str) -> Row:
    """One object of `kind` deleted by hand: seconds until it is there again; the worst of five."""
    taken = []
    for which in range(min(5, site.count)):
        namespace = _namespace(which)
        selector = f"labelSelector=fde.io/deployment%3Dd{which}"
        place = _PATHS[kind].format(namespace)
        (found, *_) = (await site.get(f"{place}?{selector}"))["items"]
        path, uid = f"{place}/{found['metadata']['name']}", found["metadata"]["uid"]
        await site.delete(path)
        began = time.monotonic()

        async def back(path: str = path, uid: str = uid) -> bool:
            there = await site.get(path)
            return there is not None and there["metadata"]["uid"] != uid

        await _until(back, f"the {kind} to be repaired", pause_s=0.02)
        taken.append(time.monotonic() - began)
    return Row(what=f"{kind} deleted by hand, back", unit="s", ours=round(max(taken), 2), bar="< 5", note="worst of 5")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _namespace(number: int) -> str:
    return f"customer-bench{number % _NAMESPACES}"


async def _side_by_side(work: Callable[[int], Awaitable[None]], count: int, at_once: int = 8) -> None:
    numbers = iter(range(count))

    async def one() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(one() for _ in range(at_once)))


async def _until(holds: Callable[[], Awaitable[bool]], what: str, *, pause_s: float = 0.05) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while not await holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting for {what} after {_LIMIT_S:.0f} s")
        await asyncio.sleep(pause_s)


async def _now(value: bool) -> bool:
    return value


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_success:
        raise RuntimeError(f"the API server answered {answer.status_code}: {answer.text[:300]}")
    return answer
