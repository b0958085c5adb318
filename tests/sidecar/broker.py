"""The embedded broker: as a process of its own (prints its address, lives until standard input closes), and one that fails
on demand (librdkafka's mock cluster over ctypes: down, slow, or with errors for the next requests)."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import TracebackType

import confluent_kafka
from confluent_kafka import Producer

PRODUCE = 0  # the request's number in the protocol
METADATA = 3


class FailingBroker:
    """One broker of librdkafka's mock cluster. A context manager that ends it."""

    def __init__(self, topic: str | None = None) -> None:
        libs = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
        (path,) = libs.glob("librdkafka-*.so*")
        self._lib = lib = ctypes.CDLL(str(path))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        conf = lib.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(256)
        lib.rd_kafka_conf_set(ctypes.c_void_p(conf), b"log_level", b"0", error, 256)
        self._client = ctypes.c_void_p(lib.rd_kafka_new(0, ctypes.c_void_p(conf), error, 256))
        self._cluster = ctypes.c_void_p(lib.rd_kafka_mock_cluster_new(self._client, 1))
        self.address: str = lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        if topic is not None:
            lib.rd_kafka_mock_topic_create(self._cluster, topic.encode(), 4, 1)

    def __enter__(self) -> FailingBroker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._client)

    def down(self) -> None:
        """Connections end, new ones are refused."""
        self._lib.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        """It is there again, with what it had."""
        self._lib.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def answers_after(self, milliseconds: int) -> None:
        """It accepts connections and takes that long for every answer."""
        self._lib.rd_kafka_mock_broker_set_rtt(self._cluster, -1, milliseconds)

    def fails(self, request: int, *errors: int) -> None:
        """The next requests of this kind get these errors, one each."""
        self._lib.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), (ctypes.c_int * len(errors))(*errors)
        )

    def topic_fails(self, topic: str, error: int) -> None:
        """Metadata says this of the topic; 0: it is well."""
        self._lib.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), error)


def main() -> None:
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
