"""A fleet on disk, ``<fleet>/<customer>/<deployment>/*.log``, and its sidecars, a thread each.

In a cluster a sidecar is a container of the pod it serves; on a laptop one process holds them all.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fde_cli.embedded.home import Home
from fde_events.errors import BadInput
from fde_events.topics import check_customer
from fde_sidecar.feed import read_feed
from fde_sidecar.sidecar import Settings, Sidecar, Summary


@dataclass(frozen=True, slots=True)
class Member:
    """One deployment of the fleet."""

    customer: str
    name: str
    logs: str  # a glob

    @property
    def namespace(self) -> str:
        """The customer's namespace."""
        return f"customer-{self.customer}"


def members(fleet: Path) -> list[Member]:
    """The fleet's deployments, by customer and name. :class:`BadInput` when there are none."""
    found = [
        Member(check_customer(customer.name), deployment.name, str(deployment / "*.log"))
        for customer in sorted(fleet.iterdir() if fleet.is_dir() else ())
        if customer.is_dir() and not customer.name.startswith(".")
        for deployment in sorted(customer.iterdir())
        if deployment.is_dir()
    ]
    if not found:
        raise BadInput(str(fleet), "no deployments: expected <customer>/<deployment>/*.log below it")
    return found


@dataclass(slots=True)
class Fleet:
    """The sidecars of `members`, running until `stop`."""

    home: Home
    members: Sequence[Member]
    brokers: str
    pace_group: str
    sidecars: list[Sidecar] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _errors: list[BaseException] = field(default_factory=list)

    def start(self, *, until_idle: float | None = None) -> None:
        """Start one sidecar a member; with `until_idle` seconds each leaves when nothing is new for so long."""
        for member in self.members:
            settings = Settings(
                feed=read_feed(self._manifest(member)),
                customer=member.customer,
                logs=(member.logs,),
                spool=self.home.spools / f"{member.namespace}.{member.name}",
                brokers=self.brokers,
                pace_group=self.pace_group,
                until_idle=until_idle,
            )
            self.sidecars.append(Sidecar(settings))
        for sidecar in self.sidecars:
            thread = threading.Thread(target=self._run, args=(sidecar,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Whether every sidecar has left within `timeout_s`. Raises what one of them raised."""
        for thread in self._threads:
            thread.join(max(0.0, timeout_s))
            timeout_s = 0.0 if thread.is_alive() else timeout_s
        if self._errors:
            raise self._errors[0]
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ask all to leave: each sends what it has and closes its epoch."""
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def summary(self) -> Summary:
        """The sum over sidecars that have left."""
        total = Summary()
        for sidecar in self.sidecars:
            total.add(sidecar.summary)
        return total

    def _run(self, sidecar: Sidecar) -> None:
        try:
            sidecar.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again by wait(), in the thread that can report it
            self._errors.append(error)

    def _manifest(self, member: Member) -> Path:
        path = self.home.feeds / f"{member.namespace}.{member.name}.yaml"
        if not path.exists():
            document = {
                "apiVersion": "fde.io/v1",
                "kind": "TelemetryFeed",
                "metadata": {"name": member.name, "namespace": member.namespace},
                "spec": {"deploymentRef": {"name": member.name}, "signals": ["errors", "rateLimit"]},
            }
            path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
        return path
