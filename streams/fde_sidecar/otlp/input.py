"""OTLP/HTTP as an input of the session.

SDKs -> Receiver (its thread) -> Queue -> OtlpInput.poll() -> Reading -> on disk -> the SDK's 200
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from fde_sidecar.otlp.guests import MAX_GUESTS
from fde_sidecar.otlp.queue import QUEUE_BYTES, Queue
from fde_sidecar.otlp.receiver import Patience, Receiver
from fde_sidecar.reading import Reading

HOST: Final = "127.0.0.1"
PORT: Final = 4318
_AT_ONCE: Final = 64  # readings a poll


class OtlpInput:
    """Listens from its making on. `wake` is called from its thread when something came, so that the session polls soon.

    `port` 0: a free one, see :attr:`port`. The containers of a pod share loopback; `host` is another address only where the
    application is in another pod, and payload bodies are not taken from there.
    """

    name = "otlp"

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        host: str = HOST,
        port: int = PORT,
        queue_bytes: int = QUEUE_BYTES,
        max_guests: int = MAX_GUESTS,
        patience: Patience | None = None,
    ) -> None:
        self._queue = Queue(wake, queue_bytes)
        self._receiver = Receiver(self._queue, host, port, patience=patience, max_guests=max_guests)

    def poll(self, *, final: bool) -> Iterator[Reading]:
        """What came since the last call, oldest first, 64 requests at most; with `final` all of it, and nothing comes in."""
        if final:
            self._queue.close()
        left = _AT_ONCE
        while (final or left) and (reading := self._queue.take()) is not None:
            left -= 1
            yield reading

    @property
    def pending(self) -> bool:
        """Whether something came and was not given out yet."""
        return self._queue.waiting[0] > 0

    @property
    def read_bytes(self) -> int:
        """Bytes of request bodies read so far, as they were sent."""
        return self._receiver.read_bytes

    @property
    def lag(self) -> tuple[int, float]:
        """Bytes that wait for a poll, and the seconds since the oldest of them came."""
        return self._queue.waiting

    @property
    def answers(self) -> Mapping[int, int]:
        """Answers so far, by HTTP status."""
        return dict(self._receiver.answers)

    @property
    def guests(self) -> int:
        """Connections open now."""
        return self._receiver.guests

    @property
    def port(self) -> int | None:
        """Where it listens; None while the port is not to be had."""
        return self._receiver.port

    def wait_bound(self, timeout_s: float = 5.0) -> bool:
        """Whether it listens, waiting for it so long."""
        return self._receiver.wait_bound(timeout_s)

    def close(self) -> None:
        """Stop listening. Who was not told 200 keeps what it sent and sends it again."""
        self._queue.close()
        self._receiver.close()
