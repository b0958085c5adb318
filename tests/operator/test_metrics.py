"""What Prometheus reads: valid, by convention, about reconciliations and what holds them back."""

from __future__ import annotations

import asyncio
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fde_operator.errors import Conflicting, Held, Postponed
from fde_operator.key import Key
from fde_operator.metrics import Metrics
from fde_operator.object_breaker import ObjectBreaker


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Postponed("p"), "transient"), (Conflicting("c"), "raced"), (Held("R", "m"), "permanent"), (KeyError(), "defect")],
)
def test_a_reconciliation_is_counted_by_what_its_error_means(error: Exception, outcome: str) -> None:
    metrics = Metrics()
    with pytest.raises(type(error)), metrics.reconciling("FDEDeployment"):
        raise error
    assert value(metrics, "fde_operator_reconcile_total", kind="FDEDeployment", outcome=outcome) == 1


def test_one_that_went_well_is_counted_and_timed_and_a_cancelled_one_is_not() -> None:
    now = iter([1.0, 1.25, 2.0])
    metrics = Metrics(clock=lambda: next(now))
    with metrics.reconciling("FDEDeployment"):
        pass
    with pytest.raises(asyncio.CancelledError), metrics.reconciling("FDEDeployment"):
        raise asyncio.CancelledError
    assert value(metrics, "fde_operator_reconcile_total", kind="FDEDeployment", outcome="done") == 1
    assert value(metrics, "fde_operator_reconcile_duration_seconds_sum", kind="FDEDeployment") == 0.25
    assert value(metrics, "fde_operator_reconcile_duration_seconds_count", kind="FDEDeployment") == 1


def test_slowed_objects_are_told_as_they_are() -> None:
    metrics, breaker = Metrics(), ObjectBreaker(rate=0.1, burst=1.0)
    metrics.watch_objects(breaker)
    for name in ("a", "b"):
        for _ in range(3):
            breaker.admit(Key("TelemetryFeed", "n", name), 0.0)
    assert value(metrics, "fde_operator_objects_slowed", kind="TelemetryFeed") == 2
    assert value(metrics, "fde_operator_objects_slowed", kind="FDEDeployment") == 0
    for now_s in (30.0, 60.0):  # looked at slowly once more, and then nothing else had asked for it
        breaker.admit(Key("TelemetryFeed", "n", "a"), now_s)
    assert value(metrics, "fde_operator_objects_slowed", kind="TelemetryFeed") == 1


def test_the_text_is_what_prometheus_parses_and_says_what_runs() -> None:
    metrics = Metrics()
    with metrics.reconciling("FDEDeployment"):
        pass
    families = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}
    ours = {name for name in families if name.startswith("fde_operator_")}
    assert {"fde_operator_reconcile", "fde_operator_leader", "fde_operator_build_info"} <= ours
    assert "process_resident_memory_bytes" in families
    assert all(families[name].documentation.endswith(".") for name in ours)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in ours)
    (build,) = families["fde_operator_build_info"].samples
    assert set(build.labels) == {"version", "python"} and build.value == 1


def test_two_processes_in_one_test_do_not_meet() -> None:
    one, other = Metrics(), Metrics()
    one.leader.set(1)
    assert value(other, "fde_operator_leader") == 0
