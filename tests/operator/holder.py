"""A process that leads or waits, and writes ConfigMaps while it may. Told by test_lease_on_kubernetes.

argv: kubeconfig of the Lease's user, kubeconfig of the writer, namespace of the ConfigMaps, name, `slow` or `fast`
slow: ten writes a second under the usual terms; fast: as many as go, three at a time, under terms that are half as long
stdout: `leads`, `lost <why>`, `fenced <why>`, `stopped`
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys

from fde_events.errors import Unavailable
from fde_operator import alarm
from fde_operator.errors import Fenced
from fde_operator.fence import FencedCluster, fenced_transport
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.lease import KubernetesLeases, Lease
from fde_operator.tenure import Terms


def tell(text: str) -> None:
    print(text, flush=True)


async def main(leader: str, writer: str, namespace: str, name: str, pace: str) -> None:
    terms = Terms(lease_s=5.0, renew_s=3.5, retry_s=0.4, again_s=0.05) if pace == "fast" else Terms()
    leases = KubernetesLeases(leader, namespace="fde-system", name="fde-operator")
    lease = Lease(leases, name, terms=terms, alarm=alarm.alarm)
    plain = KubernetesCluster(
        writer, timeout_s=30.0, transport=lambda config: fenced_transport(config, lease.fence, connections=4)
    )
    cluster = FencedCluster(plain, lease.fence)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def end(why: str) -> None:
        tell(f"lost {why}")
        os._exit(1)

    alarm.ready()
    await lease.hold(lost=end)
    tell("leads")
    count = itertools.count()

    async def write() -> None:
        while not stop.is_set():
            about = {"name": f"{name}-{next(count)}", "namespace": namespace}
            try:
                await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"by": name}})
            except Unavailable:
                pass
            except Fenced as why:  # tried again and again, as a bad operator would
                tell(f"fenced {why}")
            await asyncio.sleep(0.002 if pace == "fast" else 0.1)

    await asyncio.gather(*(write() for _ in range(3 if pace == "fast" else 1)))
    await lease.release()
    tell("stopped")


asyncio.run(main(*sys.argv[1:]))
