"""A fleet on disk, ``<fleet>/<customer>/<deployment>/*.log``, and its sidecars, a thread each.

In a cluster a sidecar is a container of the pod it serves; on a laptop one process holds them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from fde_cli.embedded.home import Home
from fde_events.errors import BadInput
from fde_events.topics import check_customer, telemetry
from fde_sidecar.feed import read_feed
from fde_sidecar.pace import GroupPace
from fde_sidecar.settings import Settings, Summary
from fde_sidecar.sidecar import Sidecar
from fde_streams.withhold import withheld

_STOP_S: Final = 15.0


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
    # Events and not join(): Python 3.11 takes a thread for ended when a signal interrupts joining it.
    _left: list[threading.Event] = field(default_factory=list)
    _paces: dict[str, GroupPace] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _errors: list[BaseException] = field(default_factory=list)

    def start(self, *, until_idle: float | None = None) -> None:
        """Start one sidecar a member; with `until_idle` seconds each leaves when nothing is new for so long."""
        for member in self.members:
            settings = Settings(
                feed=read_feed(manifest := self._manifest(member)),
                feed_file=manifest,
                customer=member.customer,
                logs=(member.logs,),
                spool=self.home.spools / f"{member.namespace}.{member.name}",
                brokers=self.brokers,
                until_idle=until_idle,
                withhold=withheld,
            )
            self.sidecars.append(Sidecar(settings, pace=self._pace(member.customer)))
        for sidecar in self.sidecars:
            left = threading.Event()
            self._left.append(left)
            threading.Thread(target=self._run, args=(sidecar, left), daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Whether every sidecar has left within `timeout_s`. Raises what one of them raised."""
        until = time.monotonic() + timeout_s
        left = all([left.wait(max(0.0, until - time.monotonic())) for left in self._left])
        if self._errors:
            raise self._errors[0]
        return left

    def stop(self) -> None:
        """Ask all to leave: each sends what it has and closes its epoch."""
        self._stop.set()
        until = time.monotonic() + _STOP_S
        for left in self._left:
            left.wait(max(0.0, until - time.monotonic()))
        for pace in self._paces.values():
            pace.close()
        self._paces.clear()

    def summary(self) -> Summary:
        """The sum over sidecars that have left."""
        total = Summary()
        for sidecar in self.sidecars:
            total.add(sidecar.summary)
        return total

    def _run(self, sidecar: Sidecar, left: threading.Event) -> None:
        try:
            sidecar.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again by wait(), in the thread that can report it
            self._errors.append(error)
        finally:
            left.set()

    def _pace(self, customer: str) -> GroupPace:
        """One a topic: what a customer's sidecars send together must fit the embedded broker."""
        if customer not in self._paces:
            self._paces[customer] = GroupPace(self.brokers, self.pace_group, telemetry(customer).name)
        return self._paces[customer]

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
