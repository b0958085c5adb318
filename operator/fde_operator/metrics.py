"""Metrics: every number that Prometheus gets from the operator, declared in one place.

reconciler, queues, calls, breakers, events, lease -> Metrics -> /metrics (health.py)

Labels are kinds, verbs and outcomes: small closed sets. Never a namespace or a name: those are customers', and there are
thousands of them.

Wiring: one ``Metrics()`` for a process, passed on. Around each reconciliation ``with metrics.reconciling(key.kind)``, which
counts it by what its error means (errors.nature_of). ``metrics.queue_depth.labels("main").set_function(lambda: len(queue))``;
``metrics.queue_latency.labels("main").observe(seconds from due to begun)``; ``metrics.leader.set(1)`` after Lease.hold;
``metrics.watch_objects(breaker)`` once.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from fde_operator.breaker import Breaker
from fde_operator.errors import nature_of
from fde_operator.object_breaker import ObjectBreaker

# Seconds. A reconciliation is a few calls of a few milliseconds each, on an API server that may be busy.
_RECONCILE_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CALL_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAIT_S: Final = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_GUARDED: Final = ("FDEDeployment", "TelemetryFeed", "PatternCandidate")
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class Metrics:
    """All of them, in a registry of their own. Safe to use from any thread."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        self.reconciled = self._counter("reconcile", "Reconciliations, by what came of them.", "kind", "outcome")
        self.reconcile_seconds = self._histogram(
            "reconcile_duration_seconds", "From begun to done.", _RECONCILE_S, "kind"
        )
        self.queue_depth = self._gauge("queue_depth", "Keys that are due and not begun.", "queue")
        self.queue_latency = self._histogram("queue_latency_seconds", "From due to begun.", _WAIT_S, "queue")
        self.calls = self._counter("api_calls", "Calls to other systems.", "system", "verb", "kind", "outcome")
        self.call_seconds = self._histogram(
            "api_call_duration_seconds", "From sent to answered.", _CALL_S, "system", "verb"
        )
        self.throttled = self._counter("throttled", "Answers 429: too many requests.", "system")
        self.waited = self._counter("api_waited_seconds", "Time that calls waited for our own rate limit.", "system")
        self.breaker_state = self._gauge("breaker_state", "0 closed, 1 half-open, 2 open.", "system")
        self.breaker_opened = self._gauge("breaker_opened", "How often it opened since the start.", "system")
        self.objects_slowed = self._gauge(
            "objects_slowed", "Objects that something fights over, reconciled slowly.", "kind"
        )
        self.leader = self._gauge("leader", "1 if this process leads, 0 if it is a warm standby.")
        self.events = self._counter("events", "Kubernetes Events, by what came of them.", "outcome")
        self.audit_waiting = self._gauge("audit_waiting_bytes", "Acts in the journal that are not in the chain yet.")
        self.audit_dropped = self._gauge(
            "audit_dropped", "Acts that the journal had no room for; each is told by a gap."
        )
        self.audit_failures = self._gauge("audit_failures", "Attempts in a row to write the chain that failed.")
        self.mirror_objects = self._gauge("mirror_objects", "Objects that are kept in memory.")
        self.mirror_bytes = self._gauge("mirror_bytes", "What they take there, as JSON.")
        self.loop_lag = self._gauge("event_loop_lag_seconds", "By how much a timer of the event loop was late, last.")
        Info("fde_operator_build", "What runs.", registry=self.registry).info(
            {"version": _version(), "python": platform.python_version()}
        )
        ProcessCollector(registry=self.registry)
        self.leader.set(0)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"fde_operator_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"fde_operator_{name}", about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"fde_operator_{name}", about, labels, buckets=buckets, registry=self.registry)

    @contextmanager
    def reconciling(self, kind: str) -> Iterator[None]:
        """Counts and measures the reconciliation in this block; its error passes through. Cancelled, it is not counted."""
        began_s, outcome = self._clock(), "done"
        try:
            yield
        except Exception as error:
            outcome = nature_of(error)
            raise
        except BaseException:
            outcome = ""
            raise
        finally:
            if outcome:
                self.reconciled.labels(kind, outcome).inc()
                self.reconcile_seconds.labels(kind).observe(self._clock() - began_s)

    def watch_breaker(self, system: str, breaker: Breaker) -> None:
        """Tell of this breaker whenever Prometheus asks."""
        self.breaker_state.labels(system).set_function(lambda: float(breaker.state))
        self.breaker_opened.labels(system).set_function(lambda: float(breaker.opened))

    def watch_objects(self, breaker: ObjectBreaker) -> None:
        """Tell how many objects are slowed whenever Prometheus asks."""
        for kind in _GUARDED:
            self.objects_slowed.labels(kind).set_function(lambda kind=kind: float(breaker.count()[kind]))  # type: ignore[misc]

    def text(self) -> bytes:
        """What Prometheus reads, of type :data:`CONTENT_TYPE`."""
        return generate_latest(self.registry)


def _version() -> str:
    try:
        return version("fde")
    except PackageNotFoundError:
        return "unknown"
