"""Records that come in batches: what comes and goes again is no drift, what lasts is, and the sidecar takes back what it told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_cli.main import run
from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.drift.runs import Runs
from fde_sidecar.drift.trace import Trace
from fde_sidecar.reading import Payload

pytestmark = pytest.mark.seconds

Record = dict[str, Any]
Change = Callable[[Record, random.Random, int], object]


def digest(value: str) -> str:
    return blake2b(value.encode(), key=b"a key", digest_size=8).hexdigest()


def payload(record: object) -> Payload:
    return Payload("2026-10-10T06:00:00Z", "ward", "operation", "request", json.dumps(record).encode())


def lasting(records: list[Record]) -> list[tuple[str, str]]:
    """What `fde drift` tells of a file."""
    drift = Drift(digest, to_the_end=True)
    for record in records:
        assert drift.observe(payload(record)) == ()
    return [(kind_of(event), event.field) for _, event in drift.lasting(payload({}))]


def told(records: list[Record], drift: Drift | None = None) -> list[tuple[int, str, str]]:
    """What a sidecar tells while they come."""
    drift = drift or Drift(digest)
    return [
        (index, kind_of(event), event.field)
        for index, record in enumerate(records)
        for event in drift.observe(payload(record))
    ]


def visits(count: int, *changes: Change, seed: int = 1) -> list[Record]:
    rng = random.Random(seed)
    made = []
    for index in range(count):
        record: Record = {
            "visit": f"V{rng.randrange(10**6):06d}",
            "ward": rng.choice(["north", "south", "east"]),
            "minutes": rng.randint(5, 90),
            "nurse": {"shift": rng.choice(["day", "night"]), "level": rng.randint(1, 5)},
        }
        for change in changes:
            change(record, rng, index)
        made.append(record)
    return made


def during(first: int, last: int, change: Callable[[Record, random.Random], object]) -> Change:
    return lambda record, rng, index: change(record, rng) if first <= index < last else None


PASSING: dict[str, Callable[[Record, random.Random], object]] = {
    "a field more": lambda o, r: o.update(study="S"),
    "a field more in most records": lambda o, r: o.update(study="S") if r.random() < 0.7 else None,
    "an object more": lambda o, r: o["nurse"].update(trainee={"year": 2}),
    "a field less": lambda o, r: o.pop("minutes"),
    "a nested field less": lambda o, r: o["nurse"].pop("level"),
    "another name": lambda o, r: o.update(duration=o.pop("minutes")),
    "null": lambda o, r: o.update(minutes=None),
    "another type": lambda o, r: o.update(minutes=str(o["minutes"])),
    "a guest": lambda o, r: o.update(ward="visiting hospital"),
}


@pytest.mark.parametrize("batch", [(40, 60), (70, 140), (100, 170)])
@pytest.mark.parametrize("name", PASSING)
def test_what_a_file_takes_back_is_no_drift(name: str, batch: tuple[int, int]) -> None:
    assert lasting(visits(200, during(*batch, PASSING[name]))) == []


@pytest.mark.parametrize("name", PASSING)
def test_the_same_that_lasts_is_told_once(name: str) -> None:
    found = lasting(visits(200, during(100, 200, PASSING[name])))
    assert len(found) == 1


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_a_rollout_in_a_share_of_the_records_is_no_batch(share: float, seed: int) -> None:
    def rolled(record: Record, rng: random.Random, index: int) -> None:
        if index >= 90 and rng.random() < share:
            record["study"] = "S"

    assert lasting(visits(260, rolled, seed=seed)) == [("field-added", "study")]


def test_an_optional_field_missing_from_one_import_is_no_drift() -> None:
    def optional(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < 0.6 and not 80 <= index < 130:
            record["note"] = "x"

    assert lasting(visits(220, optional)) == []


def test_a_sidecar_tells_the_first_batch_and_its_end_and_then_waits_longer_than_a_batch() -> None:
    batches = [during(first, first + 40, PASSING["a field more"]) for first in (100, 240)]
    others = [during(first, first + 30, lambda o, r: o.update(trial=7)) for first in (400, 520)]
    found = told(visits(700, *batches, *others))
    assert [(kind, field) for _, kind, field in found if field == "study"] == [
        ("field-added", "study"),
        ("field-removed", "study"),
    ]
    assert [field for _, _, field in found if field == "trial"] == []


def test_a_sidecar_that_waits_tells_what_lasts() -> None:
    batches = [during(first, first + 20, PASSING["a field more"]) for first in (60, 110, 160)]
    found = told(visits(400, *batches, during(260, 400, lambda o, r: o.update(trial=7))))
    (index,) = [index for index, kind, field in found if (kind, field) == ("field-added", "trial")]
    assert 260 + 2 * 20 <= index < 260 + 2 * 20 + 16


def test_what_waits_is_saved() -> None:
    batches = [during(first, first + 20, PASSING["a field more"]) for first in (60, 110, 160)]
    records = visits(400, *batches, during(260, 400, lambda o, r: o.update(trial=7)))
    drift = Drift(digest)
    before = told(records[:280], drift)
    after = told(records[280:], Drift.restored(drift.save(), digest))
    assert [*before, *((index + 280, *rest) for index, *rest in after)] == told(records)


@pytest.mark.parametrize("seed", range(4))
def test_names_that_go_on_coming_are_no_vocabulary(seed: int) -> None:
    used = [f"patient {letter}" for letter in "abcdef"]

    def named(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < 6 / (6 + len(used)):
            used.append(f"patient {len(used)} {rng.choice('xyz')}")
        record["who"] = used[-1] if rng.random() < 0.3 else rng.choice(used)

    assert lasting(visits(300, named, seed=seed)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_new_word_in_a_closed_set_is_told_also_beside_rare_ones(seed: int) -> None:
    def worded(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < 0.02 or index == 5:
            record["ward"] = rng.choice(["roof", "gate"])
        if index >= 120 and rng.random() < 0.3:
            record["ward"] = "annex"

    assert lasting(visits(260, worded, seed=seed)) == [("new-enum-value", "ward")]


@pytest.mark.parametrize("start", [0, 950, 10**6])
def test_a_sequence_that_begins_again_is_no_drift(start: int) -> None:
    def counted(record: Record, rng: random.Random, index: int) -> None:
        record["seq"] = start + 3 * index if index < 120 else index - 119

    assert lasting(visits(300, counted)) == []
    assert told(visits(300, counted)) == []


@pytest.mark.parametrize("seed", range(3))
def test_sequences_of_several_senders_of_which_one_begins_again_are_no_drift(seed: int) -> None:
    counts = [5000, 9000, 2500]

    def counted(record: Record, rng: random.Random, index: int) -> None:
        sender = rng.randrange(3)
        counts[sender] = 1 if index == 110 else counts[sender] + 1
        record["offset"] = counts[sender]

    assert lasting(visits(260, counted, seed=seed)) == []


def test_a_kind_of_record_with_fields_of_its_own_is_no_drift() -> None:
    def kinds(record: Record, rng: random.Random, index: int) -> None:
        record["kind"] = "discharge" if index == 4 or (60 <= index < 90 and rng.random() < 0.6) else "round"
        if record["kind"] == "discharge":
            record.update(letter="sent", transport="taxi")

    assert lasting(visits(260, kinds)) == []


def test_fde_drift_writes_the_record_at_which_a_lasting_change_was_found(
    tmp_path: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "visits.jsonl"
    records = visits(
        200, during(30, 60, PASSING["a field more"]), during(120, 200, lambda o, r: o["nurse"].pop("level"))
    )
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert run(["drift", str(path), "--json"]) == 0
    (finding,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (finding["kind"], finding["field"]) == ("field-removed", "nurse.level")
    assert 120 <= finding["index"] < 125


@given(st.integers(1, 40), st.integers(3, 60), st.sampled_from(sorted(PASSING)), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_a_stream_that_ends_as_it_began_did_not_change(first: int, length: int, name: str, seed: int) -> None:
    first += 30
    assert lasting(visits(first + length + 80, during(first, first + length, PASSING[name]), seed=seed)) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=30))
def test_runs_are_the_same_whether_records_are_counted_one_by_one_or_together(steps: list[tuple[bool, int]]) -> None:
    together, singly = Runs(), Runs()
    for here, trials in steps:
        together.step(here, trials)
        for _ in range(trials):
            singly.step(here, 1)
    assert together == singly
    shown = together.lead + together.present + together.absent + together.run
    assert shown == sum(trials for _, trials in steps)


@given(st.lists(st.booleans(), min_size=1, max_size=3000), st.integers(0, 50))
def test_a_trace_forgets_no_record_and_keeps_few_blocks(shown: list[bool], before: int) -> None:
    trace = Trace("added", "f", None, "string", 0, ["present"], before)
    for one in shown:
        trace.note({"present"} if one else {"absent"})
    assert trace.trials == len(shown)
    assert sum(hits for _, hits in trace.blocks) == sum(shown)
    assert len(trace.blocks) <= 64
