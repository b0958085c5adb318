"""A control plane with `fde operator` on it, for the benchmark: requests, watches, processes and what they took.

plane -> Site (admin's requests) -> Operator (a process as its own account)
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import yaml

LIMIT_S: Final = 900.0
_USER: Final = "system:serviceaccount:fde-system:fde-operator"
_TOLD_S: Final = 10.0


class Condition(msgspec.Struct, frozen=True):
    """One of a status's."""

    type: str
    status: str


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """What a status says of readiness."""

    conditions: tuple[Condition, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it is Ready (ours) or Available (a Deployment)."""
        return any(one.type in ("Ready", "Available") and one.status == "True" for one in self.conditions)


class _Metadata(msgspec.Struct, frozen=True):
    uid: str


class _Seen(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: Status = Status()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: _Seen


@dataclass
class Site:
    """A control plane with our definitions, and operators on it."""

    plane: Any
    directory: Path
    count: int
    operators: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.plane.kubeconfig("admin").read_text())
        context = ssl.create_default_context(cafile=str(self.plane.certificate_authority))
        token = config["users"][0]["user"]["token"]
        self.client = httpx2.AsyncClient(
            base_url=self.plane.url,
            verify=context,
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )

    def operator(self, *more: str) -> Operator:
        """A new process; ended with the site."""
        found = Operator(self, len(self.operators), more)
        self.operators.append(found)
        return found

    def end(self) -> None:
        """No process is left."""
        for one in self.operators:
            one.kill()

    async def get(self, path: str) -> Any:
        """An object or a list; None for 404."""
        answer = await self.client.get(f"/{path}")
        if answer.status_code == 404:
            return None
        return checked(answer).json()

    async def create(self, path: str, body: dict[str, Any]) -> None:
        """POST; there already is fine."""
        answer = await self.client.post(f"/{path}", content=json.dumps(body))
        if answer.status_code != 409:
            checked(answer)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """A merge patch."""
        kind = {"Content-Type": "application/merge-patch+json"}
        return checked(await self.client.patch(f"/{path}", content=json.dumps(body), headers=kind)).json()

    async def apply(self, path: str, body: dict[str, Any], manager: str) -> None:
        """Server-side apply, by force."""
        kind = {"Content-Type": "application/apply-patch+yaml"}
        where = {"fieldManager": manager, "force": "true"}
        checked(await self.client.patch(f"/{path}", content=json.dumps(body), headers=kind, params=where))

    async def all_ready(self, path: str, tell: Callable[[str], None], **selector: str) -> None:
        """Return when as many objects of `path` as are asked for are Ready: by one watch, for a list of a thousand costs the
        API server itself a third of a second."""
        ready: set[str] = set()
        told = time.monotonic()
        where = {"watch": "1", **selector}
        async with (
            asyncio.timeout(LIMIT_S),
            self.client.stream("GET", f"/{path}", params=where, timeout=LIMIT_S) as answer,
        ):
            async for line in answer.aiter_lines():
                event = msgspec.json.decode(line, type=_Event)
                (ready.add if event.object.status.ready else ready.discard)(event.object.metadata.uid)
                if len(ready) >= self.count:
                    return
                if time.monotonic() > told + _TOLD_S:
                    told = time.monotonic()
                    tell(f"{len(ready)} of {self.count} ready")
        raise RuntimeError(f"the API server ended the watch of {path}")

    async def delete(self, path: str) -> None:
        """DELETE."""
        checked(await self.client.delete(f"/{path}"))

    def written(self) -> int:
        """Writes of the operator's account so far, by the API server's own audit log; without Leases and Events."""
        with self.plane.audit_log.open() as lines:
            return sum(1 for line in lines if f'"username":"{_USER}"' in line and '"requestURI"' in line)


class Took:
    """Since it was made: seconds of the wall, of this process, and of the control plane's processes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._wall_s, self._own_s, self._plane_s = time.monotonic(), time.process_time(), _plane_s(site)

    @property
    def wall_s(self) -> float:
        """Seconds."""
        return time.monotonic() - self._wall_s

    @property
    def own_s(self) -> float:
        """Processor seconds of this process."""
        return time.process_time() - self._own_s

    @property
    def plane_s(self) -> dict[str, float]:
        """Processor seconds of each program of the control plane."""
        return {name: now_s - self._plane_s[name] for name, now_s in _plane_s(self._site).items()}


class Operator:
    """`fde operator` as a process, as its own account."""

    def __init__(self, site: Site, number: int, more: Iterable[str]) -> None:
        self._log = site.directory / f"operator-{number}.log"
        self._began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "fde_cli.main",
            "operator",
            "--kubeconfig",
            str(site.plane.kubeconfig("operator")),
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--health", "127.0.0.1:0", *more], stdout=subprocess.DEVNULL, stderr=log
            )

    async def ready(self) -> float:
        """Seconds from its start until it watches."""
        await until(lambda: now("ready, watching" in self._log.read_text()), "the operator to be ready")
        return time.monotonic() - self._began

    async def steady(self) -> float:
        """Seconds from its start until nothing is due."""
        await self.ready()

        async def calm() -> bool:
            text = await self.metrics()
            depth = re.findall(r"^fde_operator_queue_depth\{.*\} (\S+)", text, re.MULTILINE)
            return bool(depth) and not any(map(float, depth))

        await until(calm, "the queues to be empty", pause_s=0.1)
        return time.monotonic() - self._began

    async def metrics(self) -> str:
        """What Prometheus would read."""
        port = re.search(r"probes and metrics at port (\d+)", self._log.read_text())
        assert port is not None
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            return (await client.get(f"http://127.0.0.1:{port[1]}/metrics")).text

    @property
    def rss_mib(self) -> float:
        """Resident memory, its highest so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", status)
        assert found is not None
        return int(found[1]) / 1024

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return cpu_s(self.process.pid)

    def stop(self) -> None:
        """SIGTERM."""
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL, also of one that is stopped."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)


def told(taken: Mapping[str, float]) -> str:
    """Processor seconds of several, as a sentence."""
    return ", ".join(f"{name} {one:.0f}" for name, one in taken.items())


def _plane_s(site: Site) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in site.plane.pids.items()}


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def side_by_side(work: Callable[[int], Awaitable[None]], count: int, at_once: int = 8) -> None:
    """`work` of 0 to `count` - 1, so many at a time."""
    numbers = iter(range(count))

    async def one() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(one() for _ in range(at_once)))


async def until(holds: Callable[[], Awaitable[bool]], what: str, *, pause_s: float = 0.05) -> None:
    """Return when it holds. TimeoutError after :data:`LIMIT_S`."""
    deadline = time.monotonic() + LIMIT_S
    while not await holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting for {what} after {LIMIT_S:.0f} s")
        await asyncio.sleep(pause_s)


async def now(value: bool) -> bool:
    """What is known already, for :func:`until`."""
    return value


def checked(answer: httpx2.Response) -> httpx2.Response:
    """The answer, if it is a good one."""
    if not answer.is_success:
        raise RuntimeError(f"the API server answered {answer.status_code}: {answer.text[:300]}")
    return answer
