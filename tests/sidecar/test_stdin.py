"""The standard input: read by a thread into a bounded queue, ended by its end, holding its writer back when nobody takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from fde_events.event import ErrorEvent
from fde_sidecar import stdin
from fde_sidecar.reading import Input
from fde_sidecar.stdin import StdinInput

LINE = "2026-10-10 06:00:00,000 ERROR [a] failed {}\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)


def bodies(one: Input, *, final: bool = False) -> list[str | None]:
    return [event.body for found in one.poll(final=final) for event in found.events if isinstance(event, ErrorEvent)]


def test_lines_come_out_as_readings_and_the_end_is_the_end(pipe: tuple[int, int]) -> None:
    one = StdinInput(pipe[0])
    os.write(pipe[1], (LINE.format(1) + LINE.format(2)).encode())
    until(lambda: one.lag[0] > 0)
    assert bodies(one) == ["failed 1"] and one.pending and not one.finished
    os.close(pipe[1])
    until(lambda: not one._thread.is_alive())
    assert bodies(one) == ["failed 2"]
    assert one.finished and not one.pending and one.lag == (0, 0.0)
    assert one.read_bytes == 2 * len(LINE.format(1)) and one.lines == 2
    one.close()


def test_a_writer_is_held_back_when_nobody_takes(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin, "_QUEUE_BYTES", 100_000)
    one = StdinInput(pipe[0])
    os.set_blocking(pipe[1], False)
    text = "".join(LINE.format(number) for number in range(20_000)).encode()
    sent = 0
    found: list[str | None] = []
    held = 0
    deadline = time.monotonic() + 20
    while sent < len(text):
        assert time.monotonic() < deadline
        try:
            sent += os.write(pipe[1], text[sent : sent + 65536])
        except BlockingIOError:
            assert one.lag[0] < 100_000 + 2 * 65536
            if one.lag[0] < 100_000:
                time.sleep(0.002)  # its thread has not come to it yet
                continue
            held += 1
            found += bodies(one)
    os.close(pipe[1])
    until(lambda: not one._thread.is_alive() or one.lag[0] > 0)
    while not one.finished:
        found += bodies(one)
    assert held > 2 and found == [f"failed {number}" for number in range(20_000)]
    one.close()


def test_on_the_way_out_what_the_pipe_holds_is_read(pipe: tuple[int, int]) -> None:
    one = StdinInput(pipe[0])
    os.write(pipe[1], "".join(LINE.format(number) for number in range(1000)).encode())
    assert bodies(one, final=True) == [f"failed {number}" for number in range(1000)]
    one.close()
    one.close()


def test_closing_stops_a_thread_that_waits(pipe: tuple[int, int]) -> None:
    one = StdinInput(pipe[0])
    one.close()
    assert not one._thread.is_alive()
    os.write(pipe[1], b"x")  # the descriptor is not ours to close
