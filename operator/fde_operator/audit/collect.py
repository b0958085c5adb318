"""The collector: people's acts, from Kubernetes' audit log into a chain of their own.

webhook or log file -> Intake -> Journal -> ChainWriter -> `fde-engine.audit`, chain ``people``

A process of its own, so that what people did is recorded while the operator is away, and by another than the operator.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from structlog import get_logger

from fde_events.errors import FdeError, Unavailable
from fde_operator.audit.intake import OWN, Full, Intake
from fde_operator.audit.journal import Journal
from fde_operator.audit.keys import Keys
from fde_operator.audit.logfile import LogFile
from fde_operator.audit.names import CustomerOf, Names
from fde_operator.audit.topic import KafkaChain, read_recent
from fde_operator.audit.webhook import Webhook
from fde_operator.audit.witness import Witness
from fde_operator.audit.writer import AnchorStore, ChainWriter

log = get_logger()
_POLL_S: Final = 0.5
_AGAIN_S: Final = 5.0


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What one collector does. `state`: its directory; `file` or `listen` (host, port): the sources.

    `own`: user names whose acts are not recorded from here: the operator's (it does itself) and the collector's.
    """

    state: Path
    chain: str = "people"
    file: Path | None = None
    listen: tuple[str, int] | None = None
    certificate: tuple[Path, Path] | None = None
    token: str | None = None
    own: tuple[str, ...] = OWN
    anchor_s: float = 60.0
    witness: bool = True  # records of other writers on the topic are chained too


async def collect(
    brokers: str,
    collection: Collection,
    keys: Keys,
    customer_of: CustomerOf,
    anchors: Sequence[AnchorStore],
    *,
    tell: Callable[[str], None],
) -> None:
    """Until SIGTERM or SIGINT, or another process writes the chain. What was taken by then is written, or stays in `state`."""
    journal = Journal(collection.state / "journal")
    try:
        writer = ChainWriter(journal, KafkaChain(brokers, collection.chain), anchors, anchor_s=collection.anchor_s)
        tell(f"fde audit collect: asking Kafka what chain {collection.chain} holds")
        known = await asyncio.to_thread(_known, brokers, collection.chain)
        intake = Intake(journal, Names(keys, customer_of), own=collection.own, known=known)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        with ExitStack() as stack:
            sources: list[asyncio.Task[None]] = []
            if collection.file is not None:
                followed = LogFile(collection.file, collection.state / "place.json")
                sources.append(asyncio.create_task(follow(followed, intake), name="audit log"))
                waits = "" if collection.file.exists() else ", which is not there yet"
                tell(f"fde audit collect: reading {collection.file}{waits}")
            if collection.listen is not None:
                host, port = collection.listen
                webhook = Webhook(intake, host, port, certificate=collection.certificate, token=collection.token)
                stack.enter_context(webhook)
                tell(f"fde audit collect: listening at {host}:{webhook.port}")
            if collection.witness:
                witness = Witness(brokers, collection.state / "offset")
                sources.append(asyncio.create_task(witness.follow(journal.add), name="audit topic"))
            writing = asyncio.create_task(writer.run(), name="audit chain")
            stopping = asyncio.create_task(stopped.wait(), name="stop")
            await asyncio.wait([writing, stopping, *sources], return_when=asyncio.FIRST_COMPLETED)
            for task in (*sources, writing, stopping):
                task.cancel()
            done = await asyncio.gather(*sources, writing, stopping, return_exceptions=True)
        for found in done:
            if isinstance(found, Exception):
                raise found
        if stopped.is_set():
            whole = await writer.stop()
            tell(f"fde audit collect: stopped; {'everything is written' if whole else 'the rest waits in the journal'}")
        else:
            raise Unavailable(f"Another process writes the audit chain {collection.chain}; give each its own --chain.")
    finally:
        journal.close()


async def follow(source: LogFile, intake: Intake) -> None:
    """Hand over what the log gets, for ever."""
    while True:
        try:
            lines = await asyncio.to_thread(source.read)
            await intake.take(lines.events)
            source.stand(lines.behind)
        except Full:
            await asyncio.sleep(_AGAIN_S)
            continue
        except FdeError as error:
            log.warning("audit_log_postponed", why=str(error))
            await asyncio.sleep(_AGAIN_S)
            continue
        if lines.spoilt:
            log.error("audit_lines_spoilt", lines=lines.spoilt)
        if not lines.more:
            await asyncio.sleep(_POLL_S)


def _known(brokers: str, chain: str) -> frozenset[str]:
    """Ids that the chain holds at its end: what a source tells again after a crash. Kafka away: none, told when it matters."""
    try:
        return read_recent(brokers, chain)
    except FdeError as error:
        log.warning("audit_tail_unread", why=error.what if isinstance(error, Unavailable) else str(error))
        return frozenset()
