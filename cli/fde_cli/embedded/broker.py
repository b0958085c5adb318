"""The embedded broker: librdkafka's mock cluster, which speaks the Kafka protocol to every client of ours.

It keeps nothing on disk and only about 5 MiB a partition, silently. It is for trying and for laptops.

confluent-kafka offers it as a client setting (``test.mock.num.brokers``), where every consumer group waits three seconds
for its first members. The library's own functions (rdkafka_mock.h, in the same shared object) have that delay as a setting
and create topics, so they are used where they are found, and the client setting where they are not.
"""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import Any, Final, Protocol

from confluent_kafka import Producer, cimpl

from fde_events.errors import Unavailable
from fde_events.topics import EMBEDDED_PARTITIONS

_FIRST_JOIN_MS: Final = 100
_PRODUCER: Final = 0  # rd_kafka_type_t


class _Cluster(Protocol):
    bootstrap_servers: str

    def create_topic(self, name: str) -> None: ...

    def close(self) -> None: ...


class EmbeddedBroker:
    """One mock broker, alive as long as this object. Other processes reach it at `bootstrap_servers`."""

    def __init__(self) -> None:
        library = _library()
        self._cluster: _Cluster = _ByFunctions(library) if library is not None else _BySetting()
        self.bootstrap_servers = self._cluster.bootstrap_servers

    def create_topics(self, names: list[str]) -> None:
        """Create each topic, with as many partitions as the mock cluster gives by itself."""
        for name in names:
            self._cluster.create_topic(name)

    def close(self) -> None:
        """Stop it. Closing twice is fine."""
        self._cluster.close()

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _ByFunctions:
    """The mock cluster through its C functions."""

    def __init__(self, library: Any) -> None:
        self._library = library
        why = ctypes.create_string_buffer(256)
        settings = library.rd_kafka_conf_new()  # the client takes it over
        library.rd_kafka_conf_set(settings, b"log_level", b"3", why, len(why))
        self._client = library.rd_kafka_new(_PRODUCER, settings, why, len(why))
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1) if self._client else None
        if not self._cluster:
            raise Unavailable(f"The embedded broker did not start: {why.value.decode() or 'librdkafka made none'}.")
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _FIRST_JOIN_MS)
        self.bootstrap_servers: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str) -> None:
        # A topic that is there already is answered with an error that says so: nothing to do.
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), EMBEDDED_PARTITIONS, 1)

    def close(self) -> None:
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = self._client = None

    def __del__(self) -> None:
        self.close()


class _BySetting:
    """The mock cluster inside a client that was asked for it."""

    def __init__(self) -> None:
        self._host: Producer | None = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        metadata = self._host.list_topics(timeout=10)
        addresses = [f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()]
        if not addresses:
            raise Unavailable("The embedded broker did not start: librdkafka reported no address.")
        self.bootstrap_servers = ",".join(addresses)

    def create_topic(self, name: str) -> None:
        if self._host is not None:
            self._host.list_topics(name, timeout=10)  # it makes what it is asked for

    def close(self) -> None:
        if self._host is not None:
            self._host.flush(1)
            self._host = None


def _library() -> Any | None:
    """librdkafka as confluent-kafka has loaded it, with the types of what is called; None where it keeps them to itself."""
    try:
        library = ctypes.CDLL(cimpl.__file__)  # a symbol is looked for in what it depends on, too
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        for name, returns, takes in (
            ("rd_kafka_conf_new", pointer, ()),
            ("rd_kafka_conf_set", number, (pointer, text, text, text, ctypes.c_size_t)),
            ("rd_kafka_new", pointer, (number, pointer, text, ctypes.c_size_t)),
            ("rd_kafka_destroy", None, (pointer,)),
            ("rd_kafka_mock_cluster_new", pointer, (pointer, number)),
            ("rd_kafka_mock_cluster_destroy", None, (pointer,)),
            ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
            ("rd_kafka_mock_topic_create", number, (pointer, text, number, number)),
            ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, (pointer, ctypes.c_int32)),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = returns, takes
    except (OSError, AttributeError):
        return None
    return library
