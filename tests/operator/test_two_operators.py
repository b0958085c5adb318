"""Two operators, one cluster: one works, one is warm; what the first left undone the second does. Marker `cluster`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

READY = "ready, watching"
WAITING = "waiting for the Lease"


class Operator:
    """`fde operator`, leading or not."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self._log = log
        command = [sys.executable, "-m", "fde_cli.main", "operator", "--kubeconfig", str(kubeconfig)]
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=out,
                env={**os.environ, "FDE_OPERATOR_HEALTH": "127.0.0.1:0"},
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def works(self) -> bool:
        assert self.process.poll() is None, self.log
        return READY in self.log

    def asks(self, path: str) -> tuple[int, str]:
        """What its probes say."""
        port = self.log.partition("probes and metrics at port ")[2].split()[0].strip('",')
        answer = httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=30, trust_env=False)
        return answer.status_code, answer.text


@pytest.fixture
def start(api: Any, control_plane: Any, tmp_path: Path, given: Any) -> Iterator[Callable[..., Operator]]:
    found: list[Operator] = []

    def begin(*, until: str) -> Operator:
        operator = Operator(control_plane.kubeconfig("operator"), tmp_path / f"operator-{len(found)}.log")
        found.append(operator)
        given.eventually(lambda: until in operator.log or _dead(operator), 90)
        return operator

    yield begin
    for operator in found:
        if operator.process.poll() is None:
            operator.process.kill()
            operator.process.wait(10)


def _dead(operator: Operator) -> bool:
    assert operator.process.poll() is None, operator.log
    return False


def told(api: Any, customer: str, name: str) -> bool:
    """Whether the operator has said anything about this deployment."""
    return bool((api.get("FDEDeployment", name, customer) or {}).get("status", {}).get("conditions"))


def test_a_stopped_operator_s_work_is_done_by_the_other_within_twenty_seconds_and_it_ends_when_it_goes_on(
    api: Any, start: Any, given: Any, customer: str
) -> None:
    first = start(until=READY)
    second = start(until=WAITING)
    given.eventually(lambda: second.asks("/readyz")[0] == 200)  # a warm standby is ready: a rollout goes on
    assert "fde_operator_leader 0.0" in second.asks("/metrics")[1]
    assert "fde_operator_leader 1.0" in first.asks("/metrics")[1]
    first.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    api.create(given.deployment(name="after", namespace=customer), user="ben")
    given.eventually(lambda: told(api, customer, "after"), 60)
    took_s = time.monotonic() - began
    print(f"after {took_s:.1f} s")
    assert took_s < 20
    time.sleep(max(0.0, 30 - took_s))
    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(30) == -signal.SIGALRM
    assert second.works
    third = start(until=WAITING)
    second.process.send_signal(signal.SIGTERM)
    stopping = time.monotonic()
    given.eventually(lambda: third.works, 60)
    print(f"after {time.monotonic() - stopping:.1f} s")
    assert second.process.wait(30) == 0
    api.create(given.deployment(name="later", namespace=customer), user="ben")
    given.eventually(lambda: told(api, customer, "later"), 60)
    metrics = third.asks("/metrics")[1]
    assert 'fde_operator_reconcile_total{kind="FDEDeployment"' in metrics
    assert customer not in metrics
