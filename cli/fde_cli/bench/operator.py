"""`operator`: `fde operator` on a real control plane: a thousand deployments, one change among them, a restart, a standstill.

create N -> all Ready | change one -> observed | repair by kind | idle writes by the audit log | restart -> steady | takeover
| the same objects without an operator, which is the floor
"""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from fde_cli.bench.operator_site import Site, Took, side_by_side, told, until
from fde_cli.bench.peers_operator import applied_alone, kopf_alone_s
from fde_cli.bench.transport import Row

Tell = Callable[[str], None]
_NAMESPACES: Final = 20
_CHANGES: Final = 100
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


async def _rows(site: Site, tell: Tell, idle_s: float) -> AsyncIterator[Row]:
    install = [sys.executable, "-m", "fde_cli.main", "operator", "install", "--kubeconfig"]
    subprocess.run([*install, str(site.plane.kubeconfig("admin"))], check=True, capture_output=True)
    await site.create("apis/fde.io/v1/deploymentprimitives", _PRIMITIVE)
    for number in range(_NAMESPACES):
        labels = {"fde.io/customer": f"bench{number}", "pod-security.kubernetes.io/enforce": "restricted"}
        await site.create("api/v1/namespaces", {"metadata": {"name": _namespace(number), "labels": labels}})
    first = site.operator("--no-leader-election")
    await first.ready()
    took, began_s = Took(site), first.cpu_s
    seeing = asyncio.create_task(site.all_ready("apis/fde.io/v1/fdedeployments", tell))
    await side_by_side(lambda number: _deploy(site, number), site.count)
    created_s = took.wall_s
    await seeing
    ours_s = round(took.wall_s, 1)
    ours_cpu_s = {"operator": first.cpu_s - began_s, **took.plane_s}
    yield Row(
        what=f"{site.count} deployments, create to Ready",
        unit="s",
        ours=ours_s,
        bar="< 60",
        note=f"made in {created_s:.0f} s; CPU-s: {told(ours_cpu_s)}; on {os.cpu_count()} processors",
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
    site.end()
    tell("the peer: the same objects, applied by a loop, without an operator")
    alone = await applied_alone(site, "bench-sync.v1.0.0", (_namespace(0), "d0"), tell)
    yield Row(
        what=f"{site.count} deployments, everything",
        unit="CPU-s",
        ours=round(sum(ours_cpu_s.values())),
        peer=round(sum(alone.cpu_s.values())),
        peer_name="server-side apply in a loop",
        ratio=round(sum(ours_cpu_s.values()) / sum(alone.cpu_s.values()), 2),
        note=f"what Kubernetes alone takes for the same objects: {told(alone.cpu_s)}; {alone.wall_s:.0f} s",
    )


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


async def _changed(site: Site, which: int, number: int) -> float:
    """Seconds from the answer to an edit until the status has seen it and the files are the new ones."""
    path = f"{_PATHS['FDEDeployment'].format(_namespace(which))}/d{which}"
    old = (await site.get(path))["status"]["filesDigest"]
    edited = await site.patch(path, {"spec": {"parameters": {"instanceHost": f"c{number}.example"}}})
    began = time.monotonic()

    async def seen() -> bool:
        status = (await site.get(path))["status"]
        return bool(status["observedGeneration"] == edited["metadata"]["generation"] and status["filesDigest"] != old)

    await until(seen, "the change to be observed", pause_s=0.01)
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

        await until(back, f"the {kind} to be repaired", pause_s=0.02)
        taken.append(time.monotonic() - began)
    return Row(what=f"{kind} deleted by hand, back", unit="s", ours=round(max(taken), 2), bar="< 5", note="worst of 5")


def _namespace(number: int) -> str:
    return f"customer-bench{number % _NAMESPACES}"
