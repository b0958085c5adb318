from __future__ import annotations

import itertools
from typing import Any

import kopf
import pytest

from fde_operator import handlers
from fde_operator.key import Key


@pytest.mark.parametrize(
    ("manifest", "keys"),
    [
        (
            {
                "kind": "FDEDeployment",
                "metadata": {"name": "a", "namespace": "n"},
                "spec": {"primitiveRef": {"name": "p"}},
            },
            {Key("FDEDeployment", "n", "a"), Key(handlers.PRIMITIVE_CHANGED, "", "p")},
        ),
        (
            {
                "kind": "TelemetryFeed",
                "metadata": {"name": "f", "namespace": "n"},
                "spec": {"deploymentRef": {"name": "a"}},
            },
            {Key("TelemetryFeed", "n", "f"), Key("FDEDeployment", "n", "a")},
        ),
        (
            {"kind": "TelemetryFeed", "metadata": {"name": "f", "namespace": "n"}, "spec": {"workloadSelector": {}}},
            {Key("TelemetryFeed", "n", "f")},
        ),
        (
            {"kind": "Deployment", "metadata": {"name": "a", "namespace": "n", "labels": {"fde.io/deployment": "a"}}},
            {Key("FDEDeployment", "n", "a")},
        ),
        ({"kind": "Deployment", "metadata": {"name": "foreign", "namespace": "n"}}, set()),
    ],
)
def test_an_event_makes_due_what_depends_on_its_object(manifest: dict[str, Any], keys: set[Key]) -> None:
    assert set(handlers.keys_of(manifest)) == keys


def test_kopf_writes_nothing_and_gives_up_never() -> None:
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    assert settings.posting.enabled is False
    assert settings.queueing.worker_limit is None
    assert settings.queueing.idle_timeout < 1
    backoffs: Any = settings.networking.error_backoffs
    for _ in range(2):  # anew for each request
        assert list(itertools.islice(backoffs, 1000))[-1] <= 10
