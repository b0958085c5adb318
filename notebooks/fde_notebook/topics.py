"""A running loop's topics, read from their beginning to their end. Joins no group, commits nothing: workers notice nothing.

fde.<customer>.telemetry -> decode() -> ReceivedBatch; fde-engine.challenges -> Challenge. Topics forget (fde_events.topics):
what is older than their retention is not here. The only module of fde_notebook that knows confluent-kafka.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from structlog import get_logger

from fde_events.challenge import Challenge
from fde_events.errors import InvalidEvent, Unavailable
from fde_events.kafka import client_settings
from fde_events.record import ReceivedBatch, decode, header_map, is_mark
from fde_events.topics import TELEMETRY_PATTERN
from fde_streams.reader import read_challenges
from fde_streams.scan import scan

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics at one broker. `brokers`: host:port[,host:port]."""

    brokers: str
    timeout_s: float = 60.0

    def batches(self) -> Iterator[ReceivedBatch]:
        """Every batch of every customer's topic that this client may see. Records off contract are passed over and logged.

        A record may come twice; its events have the same ids then. :class:`Unavailable` if the broker does not answer.
        """
        for topic in self._telemetry():
            for message in scan(self.brokers, topic, timeout_s=self.timeout_s):
                headers = header_map(message.headers())
                if is_mark(headers):
                    continue
                try:
                    yield decode(topic, headers, message.value())
                except InvalidEvent as error:
                    place = f"{topic}/{message.partition()}/{message.offset()}"
                    log.warning("record_passed_over", record=place, error=type(error).__name__)

    def challenges(self) -> Sequence[Challenge]:
        """The engine's challenges as they stand, by id."""
        found = read_challenges(self.brokers, timeout_s=self.timeout_s)
        return [found[name] for name in sorted(found)]

    def _telemetry(self) -> list[str]:
        try:
            topics = AdminClient(client_settings(self.brokers)).list_topics(timeout=min(self.timeout_s, 20)).topics
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self.brokers} did not answer: {error.args[0].str()}.") from error
        return sorted(name for name in topics if re.match(TELEMETRY_PATTERN, name))
