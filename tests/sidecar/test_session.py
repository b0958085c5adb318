"""One session by itself: what a changed feed, a switch, a full disk and a record nobody can read do to what it takes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fde_events.errors import Unavailable
from fde_events.event import ErrorEvent, Event, EventBatch, RateLimitEvent
from fde_sidecar.batch import MAX_COUNTED, Batch
from fde_sidecar.derive import Derivation
from fde_sidecar.entry import encode_frame
from fde_sidecar.feed import Feed
from fde_sidecar.probes import Vitals
from fde_sidecar.reading import Reading
from fde_sidecar.redact import Redactor
from fde_sidecar.session import Parts, Session
from fde_sidecar.settings import Settings
from fde_sidecar.spool import Disk, Position, Spool, Withheld
from fde_sidecar.switch import Switch

FEED = Feed("customer-acme", "sync", "sync", frozenset({"errors", "rateLimit"}), full=2)
TIME = "2026-10-10T06:00:00.000Z"


def an_error(body: str = "it failed", **more: object) -> ErrorEvent:
    return ErrorEvent(**{"time": TIME, "severity": "ERROR", "body": body, **more})  # type: ignore[arg-type]


class Told:
    """An input that gives out what it is told. Not a file's: its senders wait."""

    name = "told"

    def __init__(self, *readings: Reading) -> None:
        self.readings, self.polled, self.read_bytes = list(readings), 0, 0

    def poll(self, *, final: bool) -> Iterator[Reading]:
        self.polled += 1
        while self.readings:
            self.read_bytes += 1
            yield self.readings.pop(0)

    @property
    def pending(self) -> bool:
        return bool(self.readings)

    @property
    def lag(self) -> tuple[int, float]:
        return 0, 0.0

    def close(self) -> None: ...


class Kept:
    """A sink that lets nothing out, and what was asked of it."""

    acknowledged = 0
    idle, trouble = False, None

    def __init__(self) -> None:
        self.last_acknowledged: float | None = None
        self.asked: list[str] = []

    def turn(self, current_epoch: str) -> None:
        self.asked.append("turn")

    def hold(self) -> None:
        self.asked.append("hold")

    def finish(self, current_epoch: str, timeout_s: float) -> bool:
        return False

    def close(self) -> None: ...


class Stand:
    """A session with an input and a sink of ours; `feed` and `key` may be changed between two turns."""

    def __init__(self, tmp_path: Path, told: Told, disk: Disk | None = None) -> None:
        self.feed, self.key, self.told, self.sink = FEED, b"k" * 32, told, Kept()
        self.directory = tmp_path / "spool"
        self.spool = Spool(self.directory, disk=disk)
        self.switch = tmp_path / "switch"
        self._made: tuple[Feed, bytes, Redactor] | None = None
        self.parts = Parts(
            spool=self.spool,
            inputs=(told,),
            sink=self.sink,
            redactor=self._redactor,
            derivation=Derivation(self.directory, lambda value: value),
            switch=Switch(self.switch),
            feed=lambda: self.feed,
            wake=threading.Event(),
            vitals=Vitals(),
            tend=lambda: None,
        )
        settings = Settings(feed=FEED, customer="acme", logs=(), spool=self.directory, stdin=True)
        self.session = Session(settings, self.parts)

    def _redactor(self, feed: Feed) -> tuple[Redactor, str]:
        if self._made is None or self._made[0] is not feed or self._made[1] is not self.key:
            strict = lambda event: msgspec.structs.replace(event, body=None, diagnosed=None)  # noqa: E731
            self._made = (feed, self.key, Redactor(self.key, feed.mode, strict))
        return self._made[2], f"{feed.mode}/{self.key[:1].decode()}"

    def turns(self, count: int = 1) -> Stand:
        for _ in range(count):
            self.session._turn(final=False)
        return self

    def ends(self) -> Stand:
        """What a session does on its way out."""
        stop = threading.Event()
        stop.set()
        self.session.run(stop)
        return self

    def spooled(self) -> list[tuple[str, Event]]:
        """Every event in the spool with what its batch says of its redaction."""
        found = []
        for _, _, entry in self.spool.read(self.spool.cursor, 1 << 40):
            if entry.value is not None:
                batch = msgspec.json.decode(entry.value, type=EventBatch)
                found += [(batch.redaction, event) for event in batch.events]
        return found


def a_storm(count: int, body: str = "step 1 of ann@acme.example failed") -> Reading:
    return Reading(events=tuple(an_error(body) for _ in range(count)))


def test_what_a_rotated_key_finds_counted_leaves_under_the_key_it_was_redacted_with(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Told(a_storm(5))).turns()
    stand.key = b"n" * 32
    stand.told.readings.append(a_storm(1))
    found = stand.turns().ends().spooled()
    by_label: dict[str, set[str]] = {}
    for label, event in found:
        assert isinstance(event, ErrorEvent) and event.body is not None
        by_label.setdefault(label, set()).add(event.body)
    assert len(by_label) == 2 and not by_label["standard/k"] & by_label["standard/n"]
    assert [event.count for label, event in found if label == "standard/k" and isinstance(event, ErrorEvent)] == [
        1,
        1,
        3,
    ]


def test_a_signal_that_is_taken_away_does_not_leave_as_a_count_or_from_the_batch_either(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Told(a_storm(5)))
    stand.session._take_up_feed()
    stand.session._read(final=False, off=False)  # in the batch, and nothing of it written down yet
    stand.feed = replace(FEED, signals=frozenset({"rateLimit"}))
    assert stand.ends().spooled() == []
    assert stand.session.summary().dropped == {"not-allowed": 5}


def test_counts_of_a_process_before_are_withheld_as_strictly_as_the_feed_says_now(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Told(a_storm(4, "step of mallory failed"))).turns()
    stand.session._write()
    stand.session._commit()
    stand.feed = replace(FEED, mode="strict")
    late = [event for label, event in stand.turns().ends().spooled() if label.startswith("strict")]
    assert [(event.body, event.count) for event in late if isinstance(event, ErrorEvent)] == [(None, 2)]


def test_another_number_of_events_in_full_holds_from_the_next_reading_on(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Told(a_storm(4))).turns()
    stand.feed = replace(FEED, full=10)
    stand.told.readings.append(a_storm(8))
    counts = [event.count for _, event in stand.turns().ends().spooled() if isinstance(event, ErrorEvent)]
    assert counts == [1, 1, 2] + [1] * 8


def test_off_sends_senders_away_at_once_counts_what_came_by_pipe_and_lets_files_wait(tmp_path: Path) -> None:
    answers: list[bool] = []
    asks = Reading(events=(an_error(),), settled=answers.append)
    told, files = Told(asks, a_storm(3)), Told(a_storm(7))
    files.name = "files"
    stand = Stand(tmp_path, told)
    stand.session._parts = replace(stand.parts, inputs=(told, files))
    stand.switch.write_text("off")
    stand.turns()
    assert (answers, files.polled, stand.sink.asked) == ([False], 0, ["hold"])
    assert stand.session.summary().dropped == {"switched-off": 3}
    assert stand.session.status().switch == "off"
    stand.switch.write_text("on")
    assert len(stand.turns().ends().spooled()) == 3  # two in full and a count: nothing of a log is lost
    assert stand.sink.asked[-1] == "turn"


def test_a_purge_takes_what_waits_in_memory_too_counts_all_of_it_and_happens_once(tmp_path: Path) -> None:
    answers: list[bool] = []
    stand = Stand(tmp_path, Told(a_storm(5), Reading(events=(an_error("other"),), settled=answers.append)))
    stand.session._read(final=False, off=False)
    stand.switch.write_text("off purge")
    stand.turns()
    assert stand.spooled() == [] and answers == [True]
    assert stand.session.summary().dropped == {"purged": 6}
    segments = sorted(path.name for path in stand.directory.glob("*.wal"))
    stand.turns(3)
    assert sorted(path.name for path in stand.directory.glob("*.wal")) == segments
    assert stand.ends().spooled() == [] and not stand.spool.state.withheld
    kept = b"".join(path.read_bytes() for path in stand.directory.glob("*.wal"))
    assert b"failed" not in kept and b"other" not in kept


class Refusing(Disk):
    """A disk that takes nothing while `full`."""

    def __init__(self) -> None:
        self.full = False

    def sync(self, file: int) -> None:
        if self.full:
            raise OSError(28, os.strerror(28))
        super().sync(file)


def test_whoever_waits_is_told_when_it_is_on_disk_and_nothing_is_read_while_the_disk_refuses(tmp_path: Path) -> None:
    answers: list[bool] = []
    disk = Refusing()
    stand = Stand(tmp_path, Told(Reading(events=(an_error(),), settled=answers.append)), disk)
    disk.full = True
    stand.session._read(final=False, off=False)
    stand.session._write()
    stand.told.readings.append(a_storm(2))
    stand.turns(3)
    assert answers == [] and stand.told.pending
    disk.full = False
    stand.turns()
    assert answers == [True]
    assert len(stand.ends().spooled()) == 3


def test_a_batch_that_is_committed_on_the_way_and_refused_is_pending_and_nobody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fde_sidecar.spool._PENDING_BYTES", 1)
    answers: list[bool] = []
    disk = Refusing()
    stand = Stand(tmp_path, Told(Reading(events=(an_error(),), settled=answers.append)), disk)
    disk.full = True
    stand.session._read(final=False, off=False)
    stand.session._write()
    assert answers == []
    disk.full = False
    stand.turns()
    assert answers == [True] and len(stand.spooled()) == 1


def test_senders_that_are_not_on_disk_when_it_ends_are_told_so(tmp_path: Path) -> None:
    answers: list[bool] = []
    disk = Refusing()
    stand = Stand(tmp_path, Told(Reading(events=(an_error(),), settled=answers.append)), disk)
    stand.session._read(final=False, off=False)
    disk.full = True
    stand.ends()
    assert answers == [False]


def test_a_sender_of_nothing_that_may_leave_is_answered_too(tmp_path: Path) -> None:
    answers: list[bool] = []
    stand = Stand(tmp_path, Told(Reading(events=(an_error(),), settled=answers.append)))
    stand.feed = replace(FEED, signals=frozenset({"performance"}))
    stand.turns().ends()
    assert answers == [True] and stand.spooled() == []


def test_a_text_that_the_rules_cannot_read_is_dropped_and_counted_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Redactor.event

    def fails(self: Redactor, event: Event) -> Event:
        if "poison" in str(event):
            raise RecursionError
        return whole(self, event)

    monkeypatch.setattr(Redactor, "event", fails)
    answers: list[bool] = []
    reading = Reading(events=(an_error("poison"), an_error("well")), settled=answers.append)
    stand = Stand(tmp_path, Told(reading)).turns().ends()
    assert [event.body for _, event in stand.spooled() if isinstance(event, ErrorEvent)] == ["well"]
    assert stand.session.summary().dropped == {"not-redacted": 1} and answers == [True]


def test_a_detector_that_fails_loses_its_finding_and_not_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> tuple[RateLimitEvent, ...]:
        raise KeyError("x")

    monkeypatch.setattr("fde_sidecar.ratelimit.Quotas.of_error", fails)
    stand = Stand(tmp_path, Told(Reading(events=(an_error("HTTP 429 too many requests"),)))).turns().ends()
    assert len(stand.spooled()) == 1


def test_what_lasting_inputs_had_read_before_is_not_counted_again(tmp_path: Path) -> None:
    told = Told(a_storm(1))
    told.read_bytes = 1000
    assert Stand(tmp_path, told).turns().ends().session.summary().read_bytes == 1


def test_figures_can_be_asked_for_while_files_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand, asked = Stand(tmp_path, Told()), []

    def lag(_: object) -> tuple[int, float]:
        asked.append(1)
        if len(asked) < 3:
            raise RuntimeError("dictionary changed size during iteration")
        return 7, 1.0

    monkeypatch.setattr(Told, "lag", property(lag))
    assert stand.session.status().lag_bytes == 7


def test_a_storm_of_one_shape_takes_the_place_of_one(tmp_path: Path) -> None:
    batch = Batch()
    for number in range(300_000):
        batch.withhold(Withheld("s", 1, b"sample" if not number else b""))
    assert not batch.full
    (entry,) = batch.entries(epoch="e", sequence=0, time=TIME, deployment="a/b", redaction="r")
    assert entry.withheld == [Withheld("s", 300_000, b"sample")]
    assert len(encode_frame(entry)) < 200


@pytest.mark.parametrize(
    "fill",
    [
        lambda batch, n: batch.positions.update({(1, n): Position("/x" * 500, 1, n, "", 0, 0, 1)}),
        lambda batch, n: batch.withhold(Withheld(str(n), 1, b"x" * 1000)),
        lambda batch, n: batch.forgotten.append((1, n)),
    ],
)
def test_many_files_and_many_shapes_are_written_before_an_entry_would_be_too_large(
    fill: Callable[[Batch, int], None],
) -> None:
    batch = Batch()
    number = 0
    while not batch.full:
        number += 1
        fill(batch, number)
    assert number <= MAX_COUNTED
    (entry,) = batch.entries(epoch="e", sequence=0, time=TIME, deployment="a/b", redaction="r")
    encode_frame(entry)  # ValueError beyond any size


def test_an_event_that_fits_into_no_record_is_counted_where_it_is_shown(tmp_path: Path) -> None:
    wide = an_error("\x01" * 200_000)
    stand = Stand(tmp_path, Told(Reading(events=(wide, an_error())))).turns().ends()
    assert len(stand.spooled()) == 1
    assert stand.session.summary().dropped == {"too-large": 1}


def test_a_log_that_cannot_be_tended_is_no_reason_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses() -> None:
        raise Unavailable("The egress log cannot be written.")

    monkeypatch.setattr("fde_sidecar.session._TEND_EVERY_S", 0.0)
    stand = Stand(tmp_path, Told())
    stand.session._parts = replace(stand.parts, tend=refuses)
    assert stand.turns().sink.asked == ["turn"]
