"""The files input: one reading a record, with its position; containers' envelopes; what was left out is told."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from fde_events.event import ErrorEvent
from fde_sidecar import follow
from fde_sidecar.clock import Clock
from fde_sidecar.files import FilesInput
from fde_sidecar.frame import Record
from fde_sidecar.reading import Call, Input, Reading
from fde_sidecar.spool import Position


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_DRAIN_S", 0.0)


def errors(readings: list[Reading]) -> list[ErrorEvent]:
    return [event for one in readings for event in one.events if isinstance(event, ErrorEvent)]


def everything(path: Path, **more: object) -> list[Reading]:
    one = FilesInput([str(path)], {}, **more)  # type: ignore[arg-type]
    found = list(one.poll(final=True))
    one.close()
    return found


def positions(readings: list[Reading], saved: dict[tuple[int, int], Position]) -> dict[tuple[int, int], Position]:
    kept = dict(saved)
    for one in readings:
        if one.position is not None:
            kept[(one.position.device, one.position.inode)] = one.position
        for key in one.forgotten:
            kept.pop(key, None)
    return kept


def test_a_reading_is_one_record_with_its_position_and_a_restart_goes_on_behind_it(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("".join(f"2026-10-10 06:00:0{n},000 ERROR [a] failed {n}\n" for n in range(6)))
    first: Input = FilesInput([str(log)], {})
    seen = []
    for one in first.poll(final=True):
        seen.append(one)
        if len(errors(seen)) == 3:
            break  # killed here
    rest = FilesInput([str(log)], positions(seen, {}))
    again = list(rest.poll(final=True))
    assert [event.body for event in errors(seen + again)] == [f"failed {n}" for n in range(6)]
    assert all(event.log_file == "app.log" for event in errors(seen))
    assert rest.read_bytes == 3 * len("2026-10-10 06:00:00,000 ERROR [a] failed 0\n") and not rest.pending
    assert rest.lag == (0, 0.0) and first.name == "files"


def test_calls_are_asked_of_every_record(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("2026-10-10 06:00:00,000 INFO [a] GET /x 200 12ms\n2026-10-10 06:00:01,000 INFO [a] nothing\n")

    def calls_of(record: Record, _clock: Clock) -> tuple[Call, ...]:
        return (Call(time="t", endpoint="GET /x", duration_ms=12.0),) if "GET" in record.text else ()

    found = everything(log, calls_of=calls_of)
    assert [len(one.calls) for one in found if one.position and one.position.offset] == [1, 0] and not errors(found)


def test_what_was_replaced_or_cut_is_told_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(
        b"2026-10-10 06:00:00,000 ERROR [a] bad \xff\xfe byte\n"
        + b"2026-10-10 06:00:01,000 ERROR [a] x"
        + b"y" * 300_000
        + b"\n"
    )
    one = FilesInput([str(log)], {})
    found = list(one.poll(final=True)) + list(one.poll(final=True))
    told: dict[str, int] = {}
    for reading in found:
        for reason, count in reading.dropped.items():
            told[reason] = told.get(reason, 0) + count
    assert told["undecodable-bytes"] == 2 and 35_000 < told["cut-bytes"] < 45_000
    assert len(errors(found)) == 2


CRI = "2026-10-10T06:00:0{}.000000000Z {} {} {}\n"


def test_parts_of_a_line_are_one_line_whatever_the_other_stream_says_between(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text(
        CRI.format(0, "stderr", "P", "ERROR: the first half, ")
        + CRI.format(1, "stdout", "F", "GET /health 200")
        + CRI.format(1, "stderr", "P", "the second half, ")
        + CRI.format(2, "stdout", "P", "INFO: some")
        + CRI.format(3, "stderr", "F", "and the end")
        + CRI.format(4, "stdout", "F", "thing")
    )
    (event,) = errors(everything(log))
    assert event.body == "the first half, the second half, and the end"
    assert event.time == "2026-10-10T06:00:00.000Z"  # the runtime's, for the line names none


def test_a_stack_on_one_stream_is_not_broken_by_the_other(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    stack = ["Traceback (most recent call last):", '  File "a.py", line 3, in f', "    g()", "ValueError: no"]
    lines = []
    for number, text in enumerate(stack):
        lines.append(CRI.format(number, "stderr", "F", text))
        lines.append(CRI.format(number, "stdout", "F", f"2026-10-10 06:00:00,000 INFO [access] request {number}"))
    log.write_text("".join(lines))
    (event,) = errors(everything(log))
    assert event.exception_type == "ValueError" and event.exception_stacktrace is not None
    assert event.exception_stacktrace.count("\n") == 3


def test_a_position_never_stands_behind_the_first_part_of_an_open_line(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text(CRI.format(0, "stderr", "P", "ERROR: half "))
    with log.open("a") as file:
        for number in range(3):
            file.write(CRI.format(1, "stdout", "F", f"ERROR: other {number}"))
    one = FilesInput([str(log)], {})
    seen = list(one.poll(final=False))
    with log.open("a") as file:
        file.write(CRI.format(2, "stderr", "F", "whole"))
    again = FilesInput([str(log)], positions(seen, {}))
    assert "half whole" in [event.body for event in errors(list(again.poll(final=True)))]


def test_the_endless_parts_of_a_line_are_bounded_and_counted(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    with log.open("w") as file:
        file.write(CRI.format(0, "stderr", "P", "ERROR: long "))
        for _ in range(200):
            file.write(CRI.format(0, "stderr", "P", "z" * 16_000))
        file.write(CRI.format(0, "stderr", "F", "end"))
        file.write(CRI.format(1, "stderr", "F", "ERROR: next"))
    found = everything(log)
    assert len(errors(found)) == 2 and errors(found)[1].body == "next"
    assert sum(one.dropped.get("cut-bytes", 0) for one in found) > 2_500_000


def test_dockers_json_lines_are_framed_as_what_stands_in_them(tmp_path: Path) -> None:
    log = tmp_path / "x-json.log"

    def docker(text: str, second: int, stream: str = "stderr") -> str:
        return (
            json.dumps({"log": text, "stream": stream, "time": f"2026-10-10T06:00:0{second}.5Z"}, separators=(",", ":"))
            + "\n"
        )

    log.write_text(
        docker("Traceback (most recent call last):\n", 0)
        + docker('  File "a.py", line 3, in f\n', 0)
        + docker("ok\n", 0, "stdout")
        + docker("ValueError: no\n", 0)
        + docker("ERROR: " + "a" * 16_377, 1)
        + docker("tail of it\n", 1)
        + docker('{"level":"error","msg":"inner document"}\n', 2)
    )
    stack, long, inner = errors(everything(log))
    assert stack.exception_type == "ValueError" and stack.time == "2026-10-10T06:00:00.500Z"
    assert (long.body or "").endswith("tail of it") and long.time == "2026-10-10T06:00:01.500Z"
    assert inner.body == "inner document" and inner.time == "2026-10-10T06:00:02.500Z"


def test_rotations_while_a_writer_writes_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """Renamed again and again under a reader, which is restarted now and then."""
    log = tmp_path / "app.log"
    log.touch()
    stop = threading.Event()
    written = [0]

    def write() -> None:
        while not stop.is_set() and written[0] < 3000:
            with log.open("a") as file:
                for _ in range(10):
                    file.write(f"2026-10-10 06:00:00,000 ERROR [a] failed {written[0]}\n")
                    written[0] += 1
            if written[0] % 150 == 0:
                for number in range(30, 0, -1):
                    old = log.with_name(f"app.log.{number}")
                    if old.exists():
                        old.rename(log.with_name(f"app.log.{number + 1}"))
                log.rename(log.with_name("app.log.1"))
                log.touch()
            time.sleep(0.002)

    thread = threading.Thread(target=write)
    saved: dict[tuple[int, int], Position] = {}
    bodies: list[str | None] = []
    new = FilesInput([str(log)], {})  # it is empty, and known
    saved = positions(list(new.poll(final=False)), saved)
    new.close()
    thread.start()
    try:
        for _ in range(4):
            one = FilesInput([str(log)], saved)
            for turn in range(6):
                found = list(one.poll(final=False))
                bodies += [event.body for event in errors(found)]
                saved = positions(found, saved)
                time.sleep(0.03 * (turn % 3))
            one.close()
        thread.join(30)
        last = FilesInput([str(log)], saved)
        for _ in range(12):
            bodies += [event.body for event in errors(list(last.poll(final=True)))]
        last.close()
    finally:
        stop.set()
        thread.join(10)
    assert sorted(bodies, key=lambda body: int((body or "").split()[1])) == [f"failed {n}" for n in range(written[0])]
