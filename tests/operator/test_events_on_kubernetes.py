"""Events as the real API server stores them: valid, counted up in place, by somebody who may read none of them."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from fde_operator.events import Events, News
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.metrics import Metrics

STALLED = News("Warning", "PrimitiveMissing", "Stalled is True: PrimitiveMissing. The condition's message says more.")


def test_an_event_is_stored_counts_up_and_is_what_kubectl_describe_reads(bare_api: Any, control_plane: Any) -> None:
    namespace = f"customer-{uuid.uuid4().hex[:8]}"
    bare_api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    place = {"name": "sync", "namespace": namespace}
    about = bare_api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": place})
    whole = {"apiVersion": "fde.io/v1", "kind": "DeploymentPrimitive", "metadata": {"name": f"{namespace}.v1.0.0"}}
    now_s, metrics = 0.0, Metrics()

    async def story() -> None:
        nonlocal now_s
        cluster = KubernetesCluster(str(control_plane.kubeconfig("operator")))
        events = Events(cluster, metrics, instance="pod-1", clock=lambda: now_s)
        worker = asyncio.create_task(events.work())
        for at_s in (0.0, 1.0, 601.0, 1300.0):
            now_s = at_s
            events.tell(about, STALLED)
            await events.drain(60)
        events.tell(whole, STALLED)
        await events.drain(60)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        await cluster.aclose()

    asyncio.run(story())
    assert metrics.registry.get_sample_value("fde_operator_events_total", {"outcome": "failed"}) is None
    (event,) = bare_api.list("Event", namespace)
    assert event["series"]["count"] == 4
    assert event["type"] == "Warning" and event["reason"] == "PrimitiveMissing"
    assert event["regarding"]["uid"] == about["metadata"]["uid"]
    assert any(one["regarding"]["name"] == f"{namespace}.v1.0.0" for one in bare_api.list("Event", "default"))
    bare_api.delete("Namespace", namespace)


def test_the_operator_reads_no_events(bare_api: Any, given: Any) -> None:
    with pytest.raises(given.refused, match="cannot list"):
        bare_api.list("Event", "default", user="operator")
    with pytest.raises(given.refused, match="cannot get"):
        bare_api.get(*Key("Event", "x", "default"), user="operator")
