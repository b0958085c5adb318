"""Decision records on Kafka. Without a broker there are none: the resource is the truth, the topic is its echo."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from confluent_kafka import KafkaException, Producer

from fde_events.decision import Decision
from fde_events.errors import Unavailable
from fde_events.kafka import producer_settings
from fde_events.topics import DECISIONS


class KafkaDecisions:
    """Writes to ``fde-engine.decisions``."""

    def __init__(self, brokers: str, *, timeout_s: float = 15.0) -> None:
        self._brokers = brokers
        self._timeout_s = timeout_s
        self._producer = Producer(producer_settings(brokers, **{"message.timeout.ms": int(timeout_s * 1000)}))

    async def record(self, decision: Decision) -> None:
        """Returns when the broker has it."""
        await asyncio.to_thread(self._send, decision)

    def _send(self, decision: Decision) -> None:
        refused: list[str] = []

        def delivered(error: Any, _: Any) -> None:
            if error is not None:
                refused.append(str(error))

        try:
            self._producer.produce(
                DECISIONS, key=decision.candidate.encode(), value=msgspec.json.encode(decision), on_delivery=delivered
            )
            left = self._producer.flush(self._timeout_s + 1)
        except (KafkaException, BufferError) as error:
            refused, left = [str(error)], 0
        if refused or left:
            raise Unavailable(
                f"Kafka at {self._brokers} did not take the decision: {', '.join(refused) or 'no answer'}."
            )


class NoDecisions:
    """No broker is configured."""

    async def record(self, decision: Decision) -> None:
        """Does nothing."""
