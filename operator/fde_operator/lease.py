"""Lease: one process leads; it knows when it may no longer write, and the others when they may begin.

KubernetesLeases (get, create, update) <- Lease.hold() -> renewing in the background -> lost(why)   |   Lease.fence()

A leader may write until `renew_s` after it *sent* its last successful renewal, by a clock that runs on while the machine is
suspended and while the process is stopped. Others begin `lease_s` after they saw the last change. What remains: a write
whose last byte was handed to the kernel before the deadline may reach the API server after it; the process ends when it
loses the Lease, which closes its connections. The kernel sees to that too: each renewal sets an alarm (`alarm`) a little behind the
deadline, which ends a process that was stopped before its next instruction. Not covered: a machine whose clocks all stand
still (a virtual machine that is paused), until its first renewal fails with a conflict.

Wiring (process.py), one of these for a process; `hold` returns when it leads, and waits as a warm standby until then::

    leases = KubernetesLeases(kubeconfig, namespace="fde-system", name="fde-operator")
    lease = Lease(leases, new_identity(), alarm=alarm.alarm)
    await lease.hold(lost=end_at_once)      # end_at_once(why): tell it, then os._exit(1): nothing of this process may go on
    ...                                     # workers, whose cluster is fence.FencedCluster(cluster, lease.fence)
    await lease.release()                   # after the last worker has ended: another one leads within 3 s
    await leases.aclose()
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import httpx2
from lightkube import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import GenericNamespacedResource, create_api_info
from structlog import get_logger

from fde_events.errors import FdeError, Unavailable
from fde_operator.cluster import Manifest
from fde_operator.errors import Conflicting, Denied, Fenced
from fde_operator.kubernetes import config_of
from fde_operator.tenure import Sighting, Terms, holder_of, reborn, released, renewable, renewed, taken

log = get_logger()
_ATTEMPT_S: Final = 2.0  # one request; a server that hangs is asked three times before the deadline
_RELEASE_S: Final = 2.0


def running_s() -> float:
    """Seconds on a clock that no one sets, and that counts a suspended machine's time where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def new_identity() -> str:
    """A name no other process has, a restarted one of this pod included; it begins with the host's (the pod's) name."""
    return f"{socket.gethostname()}_{secrets.token_hex(8)}"


def _no_alarm(_: float) -> None:
    """For tests, whose process must not end."""


class Leases(Protocol):
    """The one Lease object. Each call may raise Unavailable and Denied."""

    name: str
    namespace: str

    async def read(self) -> Manifest | None:
        """As it is; None when it is not there."""
        ...

    async def make(self, lease: Manifest) -> Manifest:
        """Make it; Conflicting when it is there."""
        ...

    async def replace(self, lease: Manifest) -> Manifest:
        """Replace exactly the version that `lease` was read as; Conflicting when there is another, or none."""
        ...


class Lease:
    """One process's part in the election, on one event loop. :meth:`fence` may be asked from any thread."""

    def __init__(
        self,
        leases: Leases,
        identity: str,
        *,
        terms: Terms | None = None,
        clock: Callable[[], float] = running_s,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        alarm: Callable[[float], None] = _no_alarm,
    ) -> None:
        self._alarm = alarm
        self._leases, self.identity, self.terms = leases, identity, terms or Terms()
        self._clock, self._sleep = clock, sleep
        self._lease: Manifest = {}
        self._sent_s: float | None = None  # when the last renewal that succeeded was sent
        self._ended = ""
        self._keeper: asyncio.Task[None] | None = None

    @property
    def leads(self) -> bool:
        """Whether this process may write now."""
        return self._why_not() == ""

    def fence(self) -> None:
        """Returns if this process may write now, else raises :class:`Fenced`. Once lost it stays lost."""
        if why := self._why_not():
            raise Fenced(why)

    def _why_not(self) -> str:
        if self._ended:
            return self._ended
        if self._sent_s is None:
            return "this process does not lead; another one does the work"
        if (silent_s := self._clock() - self._sent_s) >= self.terms.renew_s:
            self._ended = f"the Lease was not renewed for {silent_s:.1f} s: another process may lead by now"
        return self._ended

    async def hold(self, *, lost: Callable[[str], None]) -> None:
        """Return when this process leads. From then on it renews, until `lost` is called, once, with the reason.

        Waits for as long as somebody else leads or the API server is away. `lost` must end the process.
        """
        sighting, told = Sighting(), ""
        while True:
            pause_s = self.terms.retry_s * random.uniform(1.0, 1.2)  # noqa: S311 - jitter, not a secret
            try:
                async with asyncio.timeout(_ATTEMPT_S):
                    seen = await self._leases.read()
                sighting = sighting.see(seen, self._clock())
                wait_s = sighting.wait_s(self.terms, self._clock())
                if wait_s == 0 or holder_of(seen) == self.identity:
                    await self._take(seen)
                    break
                pause_s = min(pause_s, wait_s)
                why = f"{holder_of(seen) or 'nobody'} holds it"
            except (FdeError, TimeoutError) as error:
                why = str(error) or "the API server did not answer in time"
            except Exception as error:  # noqa: BLE001 - a token file that is gone, an answer that is no JSON: it may pass
                why = f"asking for it failed with {type(error).__name__}"
            if why != told:
                log.info("lease_awaited", why=why, identity=self.identity)
                told = why
            await self._sleep(pause_s)
        log.info("lease_acquired", identity=self.identity, transitions=self._lease["spec"].get("leaseTransitions"))
        self._keeper = asyncio.create_task(self._keep(lost), name="lease")

    async def _take(self, seen: Manifest | None) -> None:
        place = {"name": self._leases.name, "namespace": self._leases.namespace}
        mine = taken(seen, **place, identity=self.identity, terms=self.terms, now=_now())
        sent_s = self._clock()
        async with asyncio.timeout(_ATTEMPT_S):
            self._lease = await (self._leases.make(mine) if seen is None else self._leases.replace(mine))
        self._led_since(sent_s)

    def _led_since(self, sent_s: float) -> None:
        self._sent_s = sent_s
        # Behind the deadline by a part of what the others wait longer: this process may still say why it ends.
        last_s = self.terms.renew_s + (self.terms.lease_s - self.terms.renew_s) / 4
        self._alarm(max(0.001, sent_s + last_s - self._clock()))

    async def _keep(self, lost: Callable[[str], None]) -> None:
        pause_s = self.terms.retry_s
        while True:
            await self._sleep(pause_s)
            if not self._why_not():
                pause_s = self.terms.retry_s if await self._renew() else self.terms.again_s
            if why := self._why_not():
                log.error("lease_lost", why=why, identity=self.identity)
                lost(why)
                return

    async def _renew(self) -> bool:
        """Whether it is renewed. Sets the end when another one has it."""
        sent_s = self._clock()
        left_s = self.terms.renew_s - (sent_s - (self._sent_s or 0.0))
        try:
            async with asyncio.timeout(max(0.0, min(_ATTEMPT_S, left_s))):
                try:
                    self._lease = await self._leases.replace(renewed(self._lease, terms=self.terms, now=_now()))
                except Conflicting:
                    seen = await self._leases.read()
                    if not renewable(seen, self.identity):
                        self._ended = f"{holder_of(seen) or 'nobody'} holds the Lease now"
                        return False
                    sent_s = self._clock()
                    again = renewed(seen or reborn(self._lease), terms=self.terms, now=_now())
                    self._lease = await (self._leases.make(again) if seen is None else self._leases.replace(again))
        except (FdeError, TimeoutError) as error:
            log.warning("lease_not_renewed", why=str(error) or "no answer in time", silent_s=round(self._silent_s(), 1))
            return False
        except Exception:
            # Whatever it is, the deadline decides: whoever kept the Lease must not die of it unheard.
            log.exception("lease_not_renewed", silent_s=round(self._silent_s(), 1))
            return False
        self._led_since(sent_s)
        return True

    def _silent_s(self) -> float:
        return self._clock() - (self._sent_s or 0.0)

    async def release(self) -> None:
        """Write no more, and let another one lead at once. For the end of a process whose work has stopped.

        Nothing happens if it does not lead. If the API server is away, the others wait for the Lease to run out.
        """
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._why_not():
            return
        self._ended = "this process gave the Lease back"  # before it is: nothing may be written in between
        self._alarm(0.0)
        try:
            async with asyncio.timeout(_RELEASE_S):
                try:
                    await self._leases.replace(released(self._lease, now=_now()))
                except Conflicting:  # a renewal that was under way arrived, and nobody heard the answer
                    seen = await self._leases.read()
                    if seen is None or holder_of(seen) != self.identity:
                        return
                    await self._leases.replace(released(seen, now=_now()))
            log.info("lease_released", identity=self.identity)
        except Exception as error:  # noqa: BLE001 - the process ends anyway, and the Lease runs out
            log.warning("lease_not_released", why=str(error) or "no answer in time")


class KubernetesLeases:
    """The Lease `namespace`/`name` on lightkube, by connections of its own: it waits for no other request."""

    def __init__(self, kubeconfig: str | None, *, namespace: str, name: str) -> None:
        self.namespace, self.name = namespace, name
        self._where: dict[str, Any] = {"namespace": namespace}
        info = create_api_info("coordination.k8s.io", "v1", "Lease", "leases")
        self._kind: Any = type("Lease", (GenericNamespacedResource,), {"_api_info": info})
        self._client = AsyncClient(
            config=config_of(kubeconfig), timeout=httpx2.Timeout(_ATTEMPT_S + 1), trust_env=False
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def read(self) -> Manifest | None:
        """GET."""
        try:
            return await self._asked("reading", self._client.get(self._kind, self.name, **self._where))
        except _Missing:
            return None

    async def make(self, lease: Manifest) -> Manifest:
        """POST."""
        return await self._asked("making", self._client.create(self._kind(lease), **self._where))

    async def replace(self, lease: Manifest) -> Manifest:
        """PUT; the resourceVersion in it decides."""
        return await self._asked("renewing", self._client.replace(self._kind(lease), **self._where))

    async def _asked(self, doing: str, request: Awaitable[Any]) -> Manifest:
        where = f"{doing} Lease {self.namespace}/{self.name}"
        try:
            return dict(await request)
        except httpx2.HTTPError as error:
            code = error.status.code if isinstance(error, ApiError) else None
            if code is None and isinstance(error, httpx2.HTTPStatusError):
                code = error.response.status_code
            said = f"{where}: {str(error).strip() or type(error).__name__}"
            if code == 404:
                raise _Missing(said) from error
            if code == 409:
                raise Conflicting(said) from error
            if code in (400, 403, 422):
                raise Denied(f"{said}; role fde-operator-lease of deploy/policies/lease.yaml has the rights") from error
            raise Unavailable(said) from error


class _Missing(Conflicting):
    """There is no such Lease."""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
