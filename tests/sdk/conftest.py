"""A sidecar's OTLP input with a session that takes everything at once, or refuses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fde_events.event import ErrorEvent
from fde_sidecar.otlp.input import OtlpInput
from fde_sidecar.reading import Call, Payload, Reading


class Desk:
    """What came. `takes` False: nothing is stored, every sender is told to come again."""

    def __init__(self) -> None:
        self.takes = True
        self.readings: list[Reading] = []
        self._news, self._stop = threading.Event(), threading.Event()
        self.input = OtlpInput(self._news.set, port=0)
        assert self.input.wait_bound()
        self.url = f"http://127.0.0.1:{self.input.port}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.wait(0.05)
            self._news.clear()
            for reading in self.input.poll(final=False):
                takes = self.takes
                if takes:
                    self.readings.append(reading)
                assert reading.settled is not None
                reading.settled(takes)

    @property
    def events(self) -> list[ErrorEvent]:
        return [event for reading in self.readings for event in reading.events if isinstance(event, ErrorEvent)]

    @property
    def calls(self) -> list[Call]:
        return [call for reading in self.readings for call in reading.calls]

    @property
    def payloads(self) -> list[Payload]:
        return [payload for reading in self.readings for payload in reading.payloads]

    @property
    def dropped(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for reading in self.readings:
            for reason, count in reading.dropped.items():
                total[reason] = total.get(reason, 0) + count
        return total

    def wait(self, done: Callable[[], bool], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, f"waited in vain; answers were {self.input.answers}"
            time.sleep(0.01)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.input.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    open_desk = Desk()
    yield open_desk
    open_desk.close()
