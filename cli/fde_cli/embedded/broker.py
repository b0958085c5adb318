"""The embedded broker: librdkafka's mock cluster, which speaks the Kafka protocol to every client of ours.

It keeps nothing on disk and only about 5 MiB a partition, silently. It is for trying and for laptops.
"""

from __future__ import annotations

from types import TracebackType

from confluent_kafka import Producer

from fde_events.errors import Unavailable


class EmbeddedBroker:
    """One mock broker, alive as long as this object. Other processes reach it at `bootstrap_servers`."""

    def __init__(self) -> None:
        # The mock cluster lives inside this client's instance.
        self._host = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        metadata = self._host.list_topics(timeout=10)
        addresses = [f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()]
        if not addresses:
            raise Unavailable("The embedded broker did not start: librdkafka reported no address.")
        self.bootstrap_servers = ",".join(addresses)

    def create_topics(self, names: list[str]) -> None:
        """Ask for each topic once: the mock cluster creates what it is asked for."""
        for name in names:
            self._host.list_topics(name, timeout=10)

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._host.flush(1)
