"""Laws of a deployment's life: whatever people, libraries and pods do, in whatever order, and whenever the operator dies."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fde_api.deployment import FDEDeployment, FDEDeploymentStatus
from fde_operator import deployment
from fde_operator.clock import rfc3339
from fde_operator.cluster import Manifest, key_of
from fde_operator.key import Key
from fde_operator.settings import OperatorSettings
from fde_operator.version import released
from fde_operator.window import window_of

KEY = Key("FDEDeployment", "customer-northgate", "sync")
WORKLOAD = Key("Deployment", KEY.namespace, "sync")
SETTINGS = OperatorSettings()
VERSIONS = ("v1.0.0", "v1.0.1", "v1.0.2", "v1.0.3-rc.1", "v1.1.0", "v2.0.0")
LEVELS = ("experimental", "beta", "production")
WINDOWS = ("daily 23:00-01:00", "sun 02:00-04:00", "daily 06:00-06:30")
WAITS = (None, 1, 5, 20, 6 * 60, 24 * 60)
edits = (
    st.sampled_from(VERSIONS).map(lambda version: {"primitiveRef": {"name": "incident-sync", "version": version}})
    | st.sampled_from(["a.example", "b.example", 7]).map(lambda host: {"parameters": {"instanceHost": host}})
    | st.booleans().map(lambda suspend: {"suspend": suspend})
)
events = (
    st.tuples(st.just("publish"), st.tuples(st.sampled_from(VERSIONS), st.sampled_from(LEVELS)))
    | st.tuples(st.just("edit"), edits)
    | st.tuples(st.just("annotate"), st.sampled_from([None, "true", "v1.0.2", "v1.1.0", "soon"]))
    | st.just(("nothing", None))
)


def machine(cluster: Any, given: Any) -> type[RuleBasedStateMachine]:
    """The machine, on clusters of the kind of `cluster`."""

    class Cluster(type(cluster)):  # type: ignore[misc]
        async def apply(self, manifest: Manifest) -> Manifest:
            """As the API server: a changed workload has a new generation, which its controller has not seen yet."""
            before = self.objects.get(key_of(manifest), {}).get("spec")
            found: Manifest = await super().apply(manifest)
            if manifest["kind"] == "Deployment" and before is not None and found["spec"] != before:
                found["metadata"]["generation"] += 1
                self.objects[key_of(manifest)]["metadata"] = copy.deepcopy(found["metadata"])
            return found

    class Life(RuleBasedStateMachine):
        @initialize(policy=st.sampled_from(["patch-only", "minor", "none"]), window=st.sampled_from(WINDOWS))
        def begin(self, policy: str, window: str) -> None:
            self.cluster = Cluster(objects={})
            self.cluster.store(given.namespace())
            self.now = datetime(2026, 10, 24, 12, tzinfo=UTC)  # the clocks change the night after
            self._publish(("v1.0.0", "experimental"))
            lifecycle = {"phase": "staging", "autoUpdatePolicy": policy, "maintenanceWindow": window}
            self.cluster.store(given.deployment(lifecycle={**lifecycle, "timeZone": "Europe/Berlin"}))
            self._look()
            self._pods(up=True)
            self._look_and_check(None)

        @property
        def raw(self) -> Manifest:
            found: Manifest = self.cluster.objects[KEY]
            return found

        def _look(self) -> float | None:
            return asyncio.run(deployment.reconcile(self.cluster, KEY, SETTINGS, now=rfc3339(self.now)))

        @rule(event=events, wait=st.sampled_from(WAITS), up=st.booleans(), die_after=st.none() | st.integers(0, 5))
        def step(self, event: tuple[str, Any], wait: int | None, up: bool, die_after: int | None) -> None:
            """Something happens, time passes (None: until the window is open), pods come up or go down, and we look."""
            kind, value = event
            getattr(self, f"_{kind}")(value)
            window = window_of(msgspec.convert(self.raw, FDEDeployment).spec.lifecycle)
            assert window is not None
            opens = max(self.now, window.opening(self.now).starts + timedelta(minutes=5))
            self.now = opens if wait is None else self.now + timedelta(minutes=wait)
            self._pods(up=up)
            self._look_and_check(die_after)

        def _look_and_check(self, die_after: int | None) -> None:
            spec = msgspec.json.encode(self.raw["spec"])
            before = self.raw.get("status", {}).get("resolvedVersion")
            asked = self.raw["metadata"]["annotations"].get("fde.io/update-now")
            if die_after is not None:
                self.cluster.die_after = len(self.cluster.writes) + die_after
            try:
                self._look()
            except given.killed:
                self.cluster.die_after = None
                self._look()
            self.cluster.die_after = None
            assert msgspec.json.encode(self.raw["spec"]) == spec, "the spec is somebody's source, never ours to write"
            self._check_move(before, asked)
            for _ in range(3):  # what has to be looked at again at once settles
                if self._look() != 0:
                    break
            written = len(self.cluster.writes)
            self._look()
            assert self.cluster.writes[written:] == [], "nothing has changed, and something was written"

        def _check_move(self, before: str | None, asked: str | None) -> None:
            status = self.raw["status"]
            after = status.get("resolvedVersion")
            if before is None or after in (None, before):
                return
            reason = status["history"][0]["reason"]
            one, two = released(before), released(after)
            if reason in ("AutoUpdate", "UpdateNow"):
                assert one and two and two > one
                assert not self.raw["spec"].get("suspend")
            if reason == "AutoUpdate":
                found = window_of(msgspec.convert(self.raw, FDEDeployment).spec.lifecycle)
                assert found is not None
                assert found.opening(self.now).holds(self.now), "taken outside the window"
            if reason == "UpdateNow":
                assert asked in ("true", after)

        def _publish(self, what: tuple[str, str]) -> None:
            version, maturity = what
            if Key("DeploymentPrimitive", "", f"incident-sync.{version}") not in self.cluster.objects:
                self.cluster.store(given.primitive(given.spec(version=version)))["status"] = {"maturity": maturity}

        def _nothing(self, _: None) -> None:
            """Only time passes."""

        def _annotate(self, value: str | None) -> None:
            marks = self.raw["metadata"]["annotations"]
            marks.pop("fde.io/update-now", None)
            if value is not None:
                marks["fde.io/update-now"] = value

        def _edit(self, spec: dict[str, Any]) -> None:
            if any(self.raw["spec"].get(name) != value for name, value in spec.items()):
                self.raw["spec"] |= spec
                self.raw["metadata"]["generation"] += 1

        def _pods(self, up: bool) -> None:
            if WORKLOAD not in self.cluster.objects:
                return
            found = self.cluster.objects[WORKLOAD]
            wanted = found["spec"]["replicas"]
            serving = wanted if up else 0
            state = {"type": "Available", "status": str(serving >= wanted), "lastTransitionTime": rfc3339(self.now)}
            for before in found.get("status", {}).get("conditions", ()):
                if before["status"] == state["status"]:
                    state = before
            found["status"] = {
                "observedGeneration": found["metadata"]["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "availableReplicas": serving,
                "conditions": [state],
            }

        @invariant()
        def status_is_whole(self) -> None:
            if "cluster" not in self.__dict__ or "status" not in self.raw:
                return
            status = msgspec.convert(self.raw["status"], FDEDeploymentStatus)
            assert len(status.attempts) <= 20
            assert len(status.history) <= 10
            starts = [one.started_at for one in status.attempts]
            assert starts == sorted(starts, reverse=True)
            for attempt in status.attempts[1:]:
                assert attempt.ready_at or attempt.failed_at or attempt.reason, "two attempts under way at once"
            if status.resolved_version and WORKLOAD in self.cluster.objects:
                labels = self.cluster.objects[WORKLOAD]["spec"]["template"]["metadata"]["labels"]
                assert labels["fde.io/version"] == status.resolved_version
            pending = next((one for one in status.conditions if one.type == "UpdatePending"), None)
            if status.next_window is not None:
                assert pending is not None
                assert pending.reason == "OutsideWindow"
                assert status.next_window in pending.message

    return Life


@pytest.mark.seconds
def test_a_deployment_s_life_keeps_its_laws(cluster: Any, given: Any) -> None:
    run_state_machine_as_test(
        machine(cluster, given),
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            phases=(
                Phase.explicit,
                Phase.reuse,
                Phase.generate,
            ),  # to shrink a life takes minutes, and tells little more
            suppress_health_check=list(HealthCheck),
        ),
    )
