"""The operator's peers: kopf as most operators use it, with nothing to do; and no operator at all.

kopf_alone_s(): what it takes to see each object once | applied_alone(): what Kubernetes takes for the objects themselves
"""

from __future__ import annotations

import asyncio
import json
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from fde_cli.bench.operator_site import Site, Took, side_by_side

_NAMESPACES: Final = 20
_MANAGER: Final = "fde-bench"
_LIMIT_S: Final = 600.0
# kopf's defaults (idle_timeout 5 s), and a limit, without which it opens a connection for each object.
_PROGRAM: Final = """
import sys, kopf
count, seen = int(sys.argv[1]), set()

@kopf.on.startup()
def configure(settings, **_):
    settings.queueing.worker_limit = 50
    settings.posting.enabled = False

@kopf.on.event("fde.io", "v1", "fdedeployments")
def saw(uid, **_):
    seen.add(uid)
    if len(seen) == count:
        print("seen", flush=True)

kopf.run(clusterwide=True, standalone=True)
"""


def kopf_alone_s(kubeconfig: Path, count: int, directory: Path) -> float:
    """Seconds until it has seen `count` FDEDeployments. TimeoutError after ten minutes."""
    program = directory / "peer.py"
    program.write_text(_PROGRAM)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(program), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
    )
    try:
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], _LIMIT_S)[0]:
            raise TimeoutError(f"kopf did not see {count} objects within {_LIMIT_S:.0f} s")
        if process.stdout.readline() != b"seen\n":
            raise RuntimeError("kopf ended before it had seen the objects")
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait(30)


@dataclass(frozen=True, slots=True)
class Alone:
    """Seconds of the wall, and processor seconds: of the loop and of each program of the control plane."""

    wall_s: float
    cpu_s: dict[str, float]


async def applied_alone(site: Site, primitive: str, like: tuple[str, str], tell: Callable[[str], None]) -> Alone:
    """The children of as many deployments as `site` has, put in place by server-side apply and nothing else, until every
    Deployment is available. They are those of the FDEDeployment `like` (namespace, name), as the operator plans them."""
    children = await _children(site, primitive, *like)
    for number in range(_NAMESPACES):
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        await site.create("api/v1/namespaces", {"metadata": {"name": f"peer{number}", "labels": labels}})

    async def put(number: int) -> None:
        namespace, name = f"peer{number % _NAMESPACES}", f"p{number}"
        for path, text in children:
            body = re.sub(rf"\b{like[1]}\b", name, text.replace(f'"{like[0]}"', f'"{namespace}"'))
            found = json.loads(body)
            await site.apply(f"{path.format(namespace)}/{found['metadata']['name']}", found, _MANAGER)

    took = Took(site)
    seeing = asyncio.create_task(
        site.all_ready("apis/apps/v1/deployments", tell, labelSelector=f"app.kubernetes.io/managed-by={_MANAGER}")
    )
    await side_by_side(put, site.count)
    await seeing
    return Alone(took.wall_s, {"the loop": took.own_s, **took.plane_s})


async def _children(site: Site, primitive: str, namespace: str, name: str) -> list[tuple[str, str]]:
    """(path of the kind, with a place for the namespace; manifest as JSON), in the operator's order, nobody's property."""
    from fde_api.deployment import FDEDeployment, TelemetryFeed
    from fde_api.primitive import DeploymentPrimitive
    from fde_operator.desired import desired
    from fde_operator.settings import MANAGED_BY, OperatorSettings

    where = f"apis/fde.io/v1/namespaces/{namespace}"
    deployment = msgspec.convert(await site.get(f"{where}/fdedeployments/{name}"), FDEDeployment)
    feed = msgspec.convert(await site.get(f"{where}/telemetryfeeds/{name}"), TelemetryFeed)
    spec = msgspec.convert(await site.get(f"apis/fde.io/v1/deploymentprimitives/{primitive}"), DeploymentPrimitive)
    customer = (await site.get(f"api/v1/namespaces/{namespace}"))["metadata"]["labels"]["fde.io/customer"]
    objects, _ = desired(deployment, spec, [feed], customer, OperatorSettings())
    found = []
    for one in objects:
        manifest: dict[str, Any] = dict(one.manifest)
        manifest["metadata"] = {n: v for n, v in manifest["metadata"].items() if n != "ownerReferences"}
        text = json.dumps(manifest).replace(f'"{MANAGED_BY}"', f'"{_MANAGER}"')
        found.append((_path(manifest), text))
    return found


def _path(manifest: dict[str, Any]) -> str:
    group = manifest["apiVersion"]
    plural = re.sub("y$", "ie", manifest["kind"].lower()) + "s"
    return f"{'api' if '/' not in group else 'apis'}/{group}/namespaces/{{}}/{plural}"
