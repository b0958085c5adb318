"""Kafka's administration as reconciliations see it: off the event loop, one call at a time, left alone while it is away.

reconcile -> Kafka.observed() / execute() / upsert() -> Tenancy, in a thread
                 \\-> Away (for so many seconds nobody asks again)
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from structlog import get_logger

from fde_events.connection import connection, settings_of
from fde_events.errors import BadInput, FdeError, Misuse, Refused, Unavailable
from fde_events.tenancy.credential import Credential, carried
from fde_events.tenancy.plan import Action, Observed
from fde_operator.queue import Backoff
from fde_operator.settings import OperatorSettings

log = get_logger()
Answer = TypeVar("Answer")
_FRESH_S: Final = 5.0
_TIMEOUT_S: Final = 10.0  # a thread that waits for Kafka keeps the process from ending
_COPIES: Final = 3


class Administration(Protocol):
    """What is needed of :class:`fde_events.tenancy.broker.Tenancy`. Calls block, and raise its errors."""

    def observe(self) -> Observed:
        """Kafka as it stands."""
        ...

    def execute(self, action: Action) -> object:
        """Carry out one action."""
        ...

    def upsert(self, credential: Credential) -> None:
        """Make it the user's one password."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster. `shared`: the administrator's settings, for what a feed's own have in common with them."""

    administration: Administration
    shared: Mapping[str, Any] = field(repr=False)  # the administrator's password is among them


class Away(FdeError):
    """Kafka cannot be administered now, and is asked again in `wait_s` seconds.

    `reason` is a CamelCase word for conditions, the message one that stays the same from try to try; `ours`: waiting does
    not help, a person does.
    """

    def __init__(self, reason: str, message: str, *, ours: bool, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.reason, self.ours, self.wait_s = reason, ours, wait_s


class Kafka:
    """One cluster's administration, for one event loop. `open` is called again after every failure of the cluster.

    What is observed is kept for `fresh_s` seconds, or until something is changed. While Kafka is away only one caller after
    each delay of `backoff` asks; the others are told :class:`Away` at once. No password is kept.
    """

    def __init__(
        self,
        open: Callable[[], Site],  # noqa: A002 - what it does
        where: str,
        backoff: Backoff,
        *,
        clock: Callable[[], float] = time.monotonic,
        fresh_s: float = _FRESH_S,
    ) -> None:
        self._open, self.where, self._backoff, self._clock, self._fresh_s = open, where, backoff, clock, fresh_s
        self._site: Site | None = None
        self._seen: tuple[float, Observed] | None = None
        self._failures, self._until, self._why = 0, 0.0, Away("", "", ours=False)
        self._turn = asyncio.Lock()

    async def observed(self) -> Observed:
        """Kafka as it stands, or stood a moment ago. Raises :class:`Away`."""
        async with self._turn:
            if self._seen is not None and self._clock() - self._seen[0] < self._fresh_s:
                return self._seen[1]
            found = await self._asked(lambda site: site.administration.observe(), all_=True)
            self._seen = (self._clock(), found)
            return found

    async def execute(self, action: Action) -> None:
        """Carry out one action. :class:`Away`, or :class:`Refused` for what this cluster does not do."""
        async with self._turn:
            self._seen = None
            await self._asked(lambda site: site.administration.execute(action))

    async def upsert(self, credential: Credential) -> None:
        """Make it the user's one password. Raises as :meth:`execute`."""
        async with self._turn:
            self._seen = None
            await self._asked(lambda site: site.administration.upsert(credential))

    async def document(self, credential: Credential) -> bytes:
        """kafka.yaml for whoever logs in as this user (JSON is YAML). Raises :class:`Away`."""
        async with self._turn:
            shared = await self._asked(lambda site: carried(site.shared), all_=True)
            return json.dumps(credential.settings(shared), indent=2).encode() + b"\n"

    async def _asked(self, question: Callable[[Site], Answer], *, all_: bool = False) -> Answer:
        """The answer. `all_`: a refusal is about the cluster, not about what was asked for."""
        if (wait_s := self._until - self._clock()) > 0:
            raise Away(self._why.reason, str(self._why), ours=self._why.ours, wait_s=wait_s)
        try:
            try:
                if self._site is None:
                    self._site = await asyncio.to_thread(self._open)
            except Refused as error:
                raise self._fail(error) from error
            answer = await asyncio.to_thread(question, self._site)
        except Refused as error:
            if all_:
                raise self._fail(error) from error
            raise
        except (Unavailable, BadInput, Misuse) as error:
            raise self._fail(error) from error
        except Exception as error:  # noqa: BLE001 - told by its name alone: a traceback would show its frames, with passwords in them
            raise self._fail(
                Unavailable(f"asking Kafka failed with {type(error).__name__} ({_place(error)})")
            ) from None
        self._failures = 0
        return answer

    def _fail(self, error: FdeError) -> Away:
        self._site = self._seen = None
        self._failures += 1
        wait_s = self._backoff.delay_s(self._failures, random.random())  # noqa: S311 - jitter, not a secret
        self._until = self._clock() + wait_s
        if isinstance(error, Unavailable):
            # A sentence that never changes: librdkafka's has times in it, and each new one would be a write a feed.
            said = f"Kafka at {self.where} does not answer; it is asked again and again"
            self._why = Away("KafkaUnavailable", said, ours=False, wait_s=wait_s)
        else:
            reason = "KafkaRefused" if isinstance(error, Refused) else "KafkaSettingsInvalid"
            self._why = Away(reason, str(error), ours=True, wait_s=wait_s)
        why = error.what if isinstance(error, Unavailable) else str(error)
        log.warning("kafka_postponed", where=self.where, why=why, retry_s=round(wait_s, 1), failures=self._failures)
        return self._why


def _place(error: BaseException) -> str:
    """Where it was raised: file name and line."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return "?" if at is None else f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}"


def administered(settings: OperatorSettings) -> bool:
    """Whether feeds get users: there is a broker, and its administrator logs in. Raises as :func:`connection`."""
    if not settings.brokers:
        return False
    protocol = settings_of(connection(settings.brokers, _file(settings))).get("security.protocol", "")
    return str(protocol).upper().startswith("SASL_")


def opened(settings: OperatorSettings) -> Site:
    """The cluster, by its administrator. The file is read each time: a password may have changed. Blocks, for seconds."""
    from fde_events.kafka import metadata
    from fde_events.tenancy.broker import Tenancy

    at = connection(settings.brokers or "", _file(settings))
    copies = settings.kafka_replication or min(_COPIES, len(metadata(at, timeout_s=_TIMEOUT_S).brokers))
    return Site(Tenancy(at, replication=copies, timeout_s=_TIMEOUT_S), settings_of(at))


def _file(settings: OperatorSettings) -> Path | None:
    file = settings.kafka_admin_config or settings.kafka_config
    return Path(file) if file else None
