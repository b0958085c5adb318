"""Waiting for the broker and for the engine's topics before a worker starts."""

from __future__ import annotations

import time
from typing import Final

from confluent_kafka import KafkaException, Producer
from structlog import get_logger

from fde_events.errors import Unavailable
from fde_events.kafka import client_settings, metadata
from fde_events.topics import CHALLENGES, DEAD_LETTER, LEDGER, SIGNATURES, STATE

log = get_logger()
NEEDED: Final = (SIGNATURES, STATE, CHALLENGES, LEDGER, DEAD_LETTER)


def await_topics(bootstrap: str, *, embedded: bool, patience_s: float = 60.0) -> None:
    """Return when the broker answers and has the engine's topics; tries again with growing pauses up to `patience_s`.

    The embedded broker makes a topic when it is asked about it; a real one is never asked in a way that would.
    :class:`Unavailable`, naming what is missing, when patience ends. :class:`Refused` at once for a wrong password or certificate.
    """
    pause, until = 0.25, time.monotonic() + patience_s
    while True:
        try:
            missing = _missing(bootstrap, embedded, min(5.0, max(1.0, patience_s)))
            if not missing:
                return
            why = f"Kafka at {bootstrap} has no topic {missing[0]}. Create the engine's topics: fde kafka apply --brokers {bootstrap}"
        except Unavailable as error:
            why = error.what
        except KafkaException as error:
            why = f"Kafka at {bootstrap} does not answer: {error.args[0].str()}."
        if time.monotonic() + pause > until:
            raise Unavailable(f"{why} Gave up after {patience_s:g} s.")
        log.warning("broker_was_awaited", retry_in_s=pause, why=why)
        time.sleep(pause)
        pause = min(pause * 2, 10.0)


def _missing(bootstrap: str, embedded: bool, timeout_s: float) -> list[str]:
    if embedded:
        producer = Producer(client_settings(bootstrap))
        return [name for name in NEEDED if producer.list_topics(name, timeout=timeout_s).topics[name].error is not None]
    present = metadata(bootstrap, timeout_s=timeout_s).topics
    return [name for name in NEEDED if name not in present]
