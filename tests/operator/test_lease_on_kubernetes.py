"""Processes that lead one after the other, on the real API server: what it stored, in its own order, has never two at a time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

HOLDER = Path(__file__).with_name("holder.py")
LEASE = ("fde-operator", "fde-system")


class Holder:
    """One process of holder.py."""

    def __init__(self, plane: Any, namespace: str, log: Path, pace: str) -> None:
        self.name = f"h-{uuid.uuid4().hex[:6]}"
        self._log = log / f"{self.name}.log"
        command = [sys.executable, str(HOLDER), str(plane.kubeconfig("operator")), str(plane.kubeconfig("admin"))]
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, namespace, self.name, pace], stdout=out, stderr=subprocess.STDOUT
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def leads(self) -> bool:
        return "leads\n" in self.said

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


@pytest.fixture
def api(bare_api: Any) -> Any:
    return bare_api


@pytest.fixture
def customer(api: Any) -> Iterator[str]:
    name = f"customer-{uuid.uuid4().hex[:8]}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    api.delete("Namespace", name)


@pytest.fixture
def start(api: Any, control_plane: Any, tmp_path: Path, customer: str, given: Any) -> Iterator[Callable[..., Any]]:
    """start(): one more process. Begins with a Lease that was given back."""
    found: list[Holder] = []
    if api.get("Lease", *LEASE) is not None:
        api.delete("Lease", *LEASE)
    metadata = {"name": LEASE[0], "namespace": LEASE[1], "annotations": {"fde.io/lease": "unused"}}
    api.create({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata})

    def begin(*, leading: bool = False, pace: str = "slow") -> Holder:
        holder = Holder(control_plane, customer, tmp_path, pace)
        found.append(holder)
        if leading:
            given.eventually(lambda: holder.leads or _dead(holder), 60)
        else:
            given.eventually(lambda: "lease_awaited" in holder.said or _dead(holder), 60)
        return holder

    yield begin
    for holder in found:
        if holder.process.poll() is None:
            holder.process.kill()
            holder.process.wait(10)


def _dead(holder: Holder) -> bool:
    assert holder.process.poll() is None, holder.said
    return False


@pytest.fixture
def ledger(api: Any, customer: str) -> Callable[[], list[str]]:
    """Who wrote, in the order in which the API server stored it; one name for each stretch."""

    def read() -> list[str]:
        made = [one for one in api.list("ConfigMap", customer) if "by" in one.get("data", {})]
        made.sort(key=lambda one: int(one["metadata"]["resourceVersion"]))
        return [name for name, _ in groupby(one["data"]["by"] for one in made)]

    return read


def holder_of(api: Any) -> str:
    return str((api.get("Lease", *LEASE) or {}).get("spec", {}).get("holderIdentity", ""))


def seconds(given: Any, until: Callable[[], Any], limit_s: float = 60.0) -> float:
    began = time.monotonic()
    given.eventually(until, limit_s)
    took_s = time.monotonic() - began
    print(f"after {took_s:.1f} s")
    return took_s


def test_a_leader_stopped_for_thirty_seconds_writes_nothing_after_the_other_began(
    start: Any, ledger: Any, given: Any
) -> None:
    first, second = start(leading=True), start()
    given.eventually(lambda: ledger() == [first.name])
    first.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    took_s = seconds(given, lambda: ledger()[-1:] == [second.name])
    assert took_s < 20
    time.sleep(max(0.0, 30 - (time.monotonic() - stopped)))  # the case is a process that was away this long
    first.signal(signal.SIGCONT)
    assert first.process.wait(30) == -signal.SIGALRM
    given.eventually(lambda: second.process.poll() is None and ledger() == [first.name, second.name])
    assert second.said.count("leads") == 1


def test_leaders_stopped_at_any_moment_of_their_writing_write_nothing_later(
    start: Any, ledger: Any, given: Any, customer: str
) -> None:
    draw, order = random.Random(8), []
    leader, standby = start(leading=True, pace="fast"), start(pace="fast")
    for _ in range(int(os.environ.get("FDE_STOPS", "4"))):
        given.eventually(lambda name=leader.name: name in ledger())
        order.append(leader.name)
        time.sleep(draw.uniform(0.0, 0.3))  # anywhere between two renewals, in any write
        leader.signal(signal.SIGSTOP)
        given.eventually(lambda name=standby.name: name in ledger(), 60)
        leader.signal(signal.SIGCONT)
        assert leader.process.wait(30) == -signal.SIGALRM
        leader, standby = standby, start(pace="fast")
    assert ledger() == [*order, leader.name]


def test_a_killed_leader_is_followed_and_a_stopped_one_hands_over_within_three_seconds(
    start: Any, ledger: Any, given: Any
) -> None:
    first, second = start(leading=True), start()
    given.eventually(lambda: ledger() == [first.name])
    first.process.kill()
    assert seconds(given, lambda: ledger()[-1:] == [second.name]) < 20
    third = start()
    second.signal(signal.SIGTERM)
    given.eventually(lambda: "stopped" in second.said)
    assert seconds(given, lambda: third.leads) < 3
    given.eventually(lambda: ledger() == [first.name, second.name, third.name])
    assert second.process.wait(20) == 0


def test_an_api_server_that_hangs_for_four_seconds_keeps_its_leader_one_away_for_twenty_does_not(
    start: Any, ledger: Any, given: Any, control_plane: Any
) -> None:
    first, second = start(leading=True), start()
    server = control_plane.pids["kube-apiserver"]
    os.kill(server, signal.SIGSTOP)
    try:
        time.sleep(4)
    finally:
        os.kill(server, signal.SIGCONT)
    given.eventually(lambda: ledger() == [first.name])
    time.sleep(3)
    assert first.process.poll() is None and not second.leads
    control_plane.kill_api_server()
    try:
        gone = time.monotonic()
        assert first.process.wait(30) in (1, -signal.SIGALRM)  # the latter, if the machine is busy
        assert time.monotonic() - gone < 12
        time.sleep(max(0.0, 20 - (time.monotonic() - gone)))
        assert not second.leads
    finally:
        control_plane.start_api_server()
    assert seconds(given, lambda: second.leads) < 20
    given.eventually(lambda: ledger() == [first.name, second.name])


def test_a_lease_deleted_by_hand_stays_its_holder_s_and_one_given_to_a_stranger_ends_it(
    start: Any, ledger: Any, given: Any, api: Any
) -> None:
    first, second = start(leading=True), start()
    api.delete("Lease", *LEASE)
    given.eventually(lambda: holder_of(api) == first.name)
    time.sleep(3)
    assert first.process.poll() is None and not second.leads
    api.patch("Lease", LEASE[0], {"spec": {"holderIdentity": "mallory"}}, LEASE[1])
    assert first.process.wait(30) == 1
    assert "lost mallory holds the Lease now" in first.said
    given.eventually(lambda: second.leads, 60)
    given.eventually(lambda: ledger() == [first.name, second.name])


def test_the_operator_s_rights_end_at_its_own_lease(api: Any, given: Any) -> None:
    metadata = {"name": "another", "namespace": "fde-system"}
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {}}
    if api.get("Lease", "another", "fde-system") is None:
        api.create(body)
    with pytest.raises(given.refused, match="cannot update"):
        api.replace(body, user="operator")
    with pytest.raises(given.refused, match="cannot delete"):
        api.delete("Lease", LEASE[0], LEASE[1], user="operator")
    with pytest.raises(given.refused, match="cannot create"):
        api.create({**body, "metadata": {"name": "x", "namespace": "kube-system"}}, user="operator")
