"""kill -9 right before or right after any write of a whole life: the same end, nothing orphaned. Marker `cluster`.

One undisturbed life is written down, write by write. Then lives side by side, of one operator that is killed at writes of
theirs, and started again each time. FDE_KILLS=all kills at every write, before and after; without it, at some of them.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.seconds,
    pytest.mark.timeout(3600 if os.environ.get("FDE_KILLS") else 400),
]
LIBRARY = "fde-library"
DANA = "dana@company.example"
SIDE_BY_SIDE = 4
SOME = 10  # kills, when not all are asked for
KINDS = (
    "FDEDeployment",
    "TelemetryFeed",
    "ServiceAccount",
    "ConfigMap",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Deployment",
    "CronJob",
    "Job",
    "Secret",
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")


class Forked:
    """`fde operator` by way of the proxy, from a process that has imported it already."""

    def __init__(self, kubeconfig: Path, log: Path, brokers: str) -> None:
        self.log, self.pid, self.starts = log, 0, 0
        self._arguments = ["operator", "--kubeconfig", str(kubeconfig), "--no-leader-election", "--brokers", brokers]
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forked_operator.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write("\t".join([str(self.log), *self._arguments]) + "\n")
        self._server.stdin.flush()
        self.pid = int(self._server.stdout.readline())
        self.starts += 1

    @property
    def runs(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def kill(self) -> None:
        """SIGKILL, from whatever thread."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        while self.runs:
            time.sleep(0.001)

    def end(self) -> None:
        self.kill()
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(10)


@dataclass
class Life:
    """One customer with one primitive of its own and one deployment of it."""

    api: Any
    given: Any
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    writes: list[str] = field(default_factory=list)
    kills: dict[int, bool] = field(default_factory=dict)  # the n-th write: before it, or after it

    @property
    def namespace(self) -> str:
        return f"customer-{self.token}"

    @property
    def primitive(self) -> str:
        return f"sync-{self.token}"

    # --- what people do ------------------------------------------------------------------------------------------------
    def candidate(self) -> None:
        self._publish("v1.0.0", self.primitive)

    def create(self) -> None:
        reference = {"name": self.primitive, "version": "v1.0.0"}
        self.api.create(self.given.deployment(namespace=self.namespace, primitiveRef=reference), user="ben")

    def edit(self) -> None:
        self._patch({"parameters": {"instanceHost": "other.example"}})

    def version(self) -> None:
        self._publish("v1.0.1", f"{self.primitive}-b")
        self._patch({"primitiveRef": {"version": "v1.0.1"}})

    def suspend(self) -> None:
        self._patch({"suspend": True})

    def delete(self) -> None:
        self.api.delete("FDEDeployment", "sync", self.namespace, "ben")

    def _publish(self, version: str, name: str) -> None:
        spec = self.given.spec(primitiveName=self.primitive, version=version)
        self.api.create(self.given.candidate(spec, name=name), user="engine")
        review = {"decision": "Approved", "reviewer": DANA, "reviewedGeneration": 1, "at": "2026-11-20T10:00:00Z"}
        self.api.patch("PatternCandidate", name, {"spec": {"review": review}}, LIBRARY, "dana")

    def _patch(self, spec: dict[str, Any]) -> None:
        self.api.patch("FDEDeployment", "sync", {"spec": spec}, self.namespace, "ben")

    # --- what there is -------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Every object, with nothing in it that differs between two lives."""
        found = [one | {"kind": kind} for kind in KINDS for one in self.api.list(kind, self.namespace)]
        for kind, name, namespace in (
            ("PatternCandidate", self.primitive, LIBRARY),
            ("PatternCandidate", f"{self.primitive}-b", LIBRARY),
            ("DeploymentPrimitive", f"{self.primitive}.v1.0.0", ""),
            ("DeploymentPrimitive", f"{self.primitive}.v1.0.1", ""),
        ):
            if one := self.api.get(kind, name, namespace):
                found.append(one | {"kind": kind})
        owners = {one["metadata"]["uid"]: f"{one['kind']} {one['metadata']['name']}" for one in found}
        plain = {owners[one["metadata"]["uid"]]: self._plain(one) for one in found}
        text = _TIME.sub("TIME", json.dumps(plain, sort_keys=True)).replace(self.token, "TOKEN")
        text = text.replace('"rolloutAt": "TIME", ', "")  # is there if a second had gone by since it was asked for
        text = re.sub(r'("templateDigest": "sha256:)[0-9a-f]{64}', r"\1of names that differ", text)
        for uid, name in owners.items():
            text = text.replace(uid, f"uid of {name}".replace(self.token, "TOKEN"))
        state: dict[str, Any] = json.loads(text)
        return state

    @staticmethod
    def _plain(one: dict[str, Any]) -> dict[str, Any]:
        metadata = {name: value for name, value in one["metadata"].items() if name not in _SERVERS}
        generation = one["metadata"].get("generation")
        ours = one["kind"] in ("FDEDeployment", "TelemetryFeed", "PatternCandidate")  # a primitive's numbers come later
        status = dict(one.get("status", {})) if ours else {}
        if "conditions" in status:
            status["conditions"] = {
                c["type"]: [c["status"], c["reason"], c.get("message", ""), c["observedGeneration"] == generation]
                for c in status["conditions"]
            }
        rest = {name: value for name, value in one.items() if name not in ("metadata", "status", "apiVersion")}
        plain = {**rest, "metadata": metadata, "status": status}
        if one["kind"] in (
            "PatternCandidate",
            "DeploymentPrimitive",
        ):  # their digests have the primitive's name in them
            plain = json.loads(_DIGEST.sub("DIGEST", json.dumps(plain)))
        return plain

    def is_at(self, step: str) -> bool:
        """Whether the undisturbed life has come to the end of this step."""
        candidate = self.api.get("PatternCandidate", self.primitive, LIBRARY)
        deployment = self.api.get("FDEDeployment", "sync", self.namespace)
        if step == "candidate":
            return bool((candidate or {}).get("status", {}).get("publishedAs"))
        if step == "delete":
            return not any(self.state_of(kind) for kind in KINDS)
        status = (deployment or {}).get("status", {})
        ready = next((c for c in status.get("conditions", ()) if c["type"] == "Ready"), {})
        wanted = {"version": "v1.0.1", "suspend": "v1.0.1"}.get(step, "v1.0.0")
        return bool(
            ready.get("status") == "True"
            and ready["observedGeneration"] == (deployment or {})["metadata"]["generation"]
            and status["resolvedVersion"] == wanted
        )

    def state_of(self, kind: str) -> list[str]:
        """Names, but those that every namespace has."""
        found = [one["metadata"]["name"] for one in self.api.list(kind, self.namespace)]
        return [name for name in found if name not in ("kube-root-ca.crt", "default")]


STEPS = ("candidate", "create", "edit", "version", "suspend", "delete")


@pytest.fixture
def broker() -> Iterator[str]:
    host = Producer({"test.mock.num.brokers": 1, "log_level": 0})  # lives as long as this client
    (one,) = host.list_topics(timeout=30).brokers.values()
    yield f"{one.host}:{one.port}"
    del host


@pytest.fixture
def operator(proxy: Any, broker: str, tmp_path: Path) -> Iterator[Forked]:
    found = Forked(proxy.kubeconfig("operator"), tmp_path / "operator.log", broker)
    found.start()
    yield found
    found.end()


@pytest.fixture
def born(api: Any, given: Any) -> Iterator[Callable[[], Life]]:
    lives: list[Life] = []

    def new() -> Life:
        life = Life(api, given)
        labels = {"fde.io/customer": life.token, "pod-security.kubernetes.io/enforce": "restricted"}
        api.create(given.namespace(life.namespace, labels))
        given.eventually(lambda: api.get("ConfigMap", "kube-root-ca.crt", life.namespace), 60)
        given.eventually(lambda: api.get("ServiceAccount", "default", life.namespace), 60)
        lives.append(life)
        return life

    yield new
    for life in lives:
        api.delete("Namespace", life.namespace)


def decisions(brokers: str) -> list[dict[str, Any]]:
    """Everything on the topic."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "kills", "enable.auto.commit": False})
    partitions = consumer.list_topics("fde-engine.decisions", timeout=30).topics["fde-engine.decisions"].partitions
    found = []
    for number in partitions:
        at = TopicPartition("fde-engine.decisions", number)
        low, high = consumer.get_watermark_offsets(at, timeout=30)
        consumer.assign([TopicPartition(at.topic, number, low)])
        while low < high:
            message = consumer.poll(30)
            assert message is not None and message.error() is None
            found.append(json.loads(message.value()))
            low = message.offset() + 1
    consumer.close()
    return found


def some(points: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """All of them if asked for (FDE_KILLS=all), else a few from everywhere in the life, the same ones each time."""
    if os.environ.get("FDE_KILLS") == "all":
        return points
    apart = len(points) / SOME
    first = 0.37
    return [points[int((number + first) * apart)] for number in range(SOME)]


def test_killed_at_any_write_of_a_life_it_comes_to_the_same_end_and_leaves_nothing_behind(
    proxy: Any, faults: Any, operator: Forked, born: Callable[[], Life], broker: str, given: Any
) -> None:
    undisturbed = born()
    lives = {undisturbed.token.encode(): undisturbed}
    killed: list[str] = []

    def fault(request: Any) -> Any:
        if not request.writes:
            return None
        said = request.path.encode() + (request.body if request.method == "POST" else b"")
        life = next((life for token, life in lives.items() if token in said), None)
        if life is None:
            return None
        life.writes.append(request.named.replace(life.token, "TOKEN"))
        if (after := life.kills.pop(len(life.writes), None)) is None:
            return None
        killed.append(f"{'after' if after else 'before'} {life.writes[-1]}")
        return faults.Fault(forwarded=after, then=operator.kill)

    proxy.fault = fault
    ends: dict[str, dict[str, Any]] = {}
    for step in STEPS:
        getattr(undisturbed, step)()
        given.eventually(lambda step=step: undisturbed.is_at(step), 90)
        ends[step] = stands_still(undisturbed)
    points = [(n, after) for n in range(1, len(undisturbed.writes) + 1) for after in (False, True)]
    chosen = some(points)
    others = [born() for _ in range(SIDE_BY_SIDE)]
    for number, (n, after) in enumerate(chosen):
        others[number % SIDE_BY_SIDE].kills[n] = after
    lives |= {life.token.encode(): life for life in others}
    for step in STEPS:
        for life in others:
            getattr(life, step)()
        reached(others, ends[step], operator, step)
    print(f"\n{len(undisturbed.writes)} writes in a life; {len(killed)} of {len(chosen)} kills:", *killed, sep="\n  ")
    assert len(killed) >= 0.7 * len(chosen)  # a life that was killed may have a write less
    assert 0.7 * len(killed) < operator.starts <= len(killed) + 1  # two lives' kills may hit one process
    for life in (undisturbed, *others):
        recorded = [one for one in decisions(broker) if one["candidate"].startswith(life.primitive)]
        assert {one["candidate"] for one in recorded} == {life.primitive, f"{life.primitive}-b"}
        assert (
            len({json.dumps(one, sort_keys=True) for one in recorded}) == 2
        )  # told again, it is word for word the same
    log = operator.log.read_text()
    assert "Traceback" not in log, log


def stands_still(life: Life, calm_s: float = 3.0) -> dict[str, Any]:
    """Its state when nothing has moved for a while."""
    state, since = life.state(), time.monotonic()
    while time.monotonic() - since < calm_s:
        time.sleep(0.1)
        if (now := life.state()) != state:
            state, since = now, time.monotonic()
    return state


def reached(lives: list[Life], end: dict[str, Any], operator: Forked, step: str) -> None:
    """All of them are where the undisturbed one was; the operator is started as often as it dies."""
    deadline = time.monotonic() + 60
    open_ = list(lives)
    while open_:
        if not operator.runs:
            operator.start()
            deadline = time.monotonic() + 60
        open_ = [life for life in open_ if life.state() != end]
        if open_ and time.monotonic() > deadline:
            told = difflib.unified_diff(*(json.dumps(s, indent=1).splitlines() for s in (end, open_[0].state())), n=4)
            pytest.fail("\n".join([f"after {step}: {open_[0].token}", *told, operator.log.read_text()[-2000:]]))
        time.sleep(0.1)
    if not operator.runs:
        operator.start()
