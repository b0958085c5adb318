"""Changes that begin in a source's first records, and things that begin there and are none."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.drift.path import is_data, may_be_fixed
from fde_sidecar.reading import Payload

pytestmark = pytest.mark.seconds

Record = dict[str, Any]


def digest(value: str) -> str:
    return blake2b(value.encode(), key=b"a key", digest_size=8).hexdigest()


def told(records: list[Record]) -> list[tuple[str, str]]:
    drift = Drift(digest)
    return [
        (kind_of(event), event.field)
        for record in records
        for event in drift.observe(
            Payload("2026-10-10T06:00:00Z", "lab", "operation", "response", json.dumps(record).encode())
        )
    ]


def samples(
    count: int, change: Callable[[Record, random.Random, int], object], *, first: int = 0, seed: int = 1
) -> list[Record]:
    rng = random.Random(seed)
    made = []
    for index in range(count):
        record: Record = {
            "sample": f"LAB-{rng.randrange(10**5, 10**6)}",
            "state": rng.choice(["taken", "tested"]),
            "volume": rng.randint(5, 90),
            "site": {"room": rng.choice("ABC"), "shelf": rng.randint(1, 9)},
        }
        if index >= first:
            change(record, rng, index)
        made.append(record)
    return made


EARLY: dict[str, tuple[Callable[[Record, random.Random, int], object], tuple[str, str]]] = {
    "a field more": (lambda o, r, i: o.update(colour="red"), ("field-added", "colour")),
    "a field less": (lambda o, r, i: o.pop("volume"), ("field-removed", "volume")),
    "another name": (lambda o, r, i: o["site"].update(roomCode=o["site"].pop("room")), ("field-renamed", "site.room")),
    "another type": (lambda o, r, i: o.update(volume=str(o["volume"])), ("type-changed", "volume")),
    "null": (lambda o, r, i: o["site"].update(shelf=None), ("null-in-required", "site.shelf")),
}  # fmt: skip


@pytest.mark.parametrize("first", [9, 13, 17])
@pytest.mark.parametrize("name", EARLY)
def test_a_change_among_the_first_20_records_is_told(name: str, first: int) -> None:
    change, expected = EARLY[name]
    assert told(samples(40, change, first=first)) == [expected]


@pytest.mark.parametrize("seed", range(5))
def test_a_new_value_in_a_fifth_of_the_records_is_told_where_only_two_were_known(seed: int) -> None:
    def sometimes(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < 0.2:
            record["state"] = "spoiled"

    assert told(samples(240, sometimes, first=100, seed=seed)) == [("new-enum-value", "state")]


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_rare_from_the_start_is_told_by_nobody_s_luck(rate: float, seed: int) -> None:
    def rarely(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < rate:
            record["state"] = "lost"
        if rng.random() < rate:
            record["note"] = "x"
        if rng.random() < rate:
            record["volume"] = None

    assert told(samples(300, rarely, seed=seed)) == []


@pytest.mark.parametrize("keys", [("002", "010"), ("1-8-0", "2-8-0"), ("2025", "2026"), ("30d", "7d")])
def test_short_codes_that_every_record_has_are_fields(keys: tuple[str, str]) -> None:
    first, second = keys

    def dated(record: Record, rng: random.Random, index: int) -> None:
        record["codes"] = {first: rng.randint(1, 50), second: rng.randint(1, 50)}
        if index >= 60:
            record["codes"][first] = "n/a"

    assert told(samples(90, dated)) == [("type-changed", f"codes.{first}")]


def test_short_codes_that_come_and_go_are_data() -> None:
    def counted(record: Record, rng: random.Random, index: int) -> None:
        record["by_code"] = {str(code): {"n": rng.randint(1, 9)} for code in rng.sample(range(200, 260), 4)}
        if index >= 60:
            record["by_code"] = {code: {"n": str(one["n"])} for code, one in record["by_code"].items()}

    assert told(samples(120, counted)) == [("type-changed", "by_code.{*}.n")]


@pytest.mark.parametrize(
    "key", ["ada@example.com", "10293", "a1b2c3d4e5", "4f3a91bc", "cus_x9y8z7w6", "12-34-56", "+4930123"]
)
def test_a_key_that_looks_like_a_person_or_an_id_is_never_a_field_however_steady_it_is(key: str) -> None:
    assert is_data(key)
    assert not may_be_fixed(key)
    drift = Drift(digest)
    for index in range(90):
        body = json.dumps({"by": {key: index if index < 60 else "x"}}).encode()
        assert key not in repr(drift.observe(Payload("2026-10-10T06:00:00Z", "lab", "operation", "response", body)))
    assert key.encode() not in drift.save()


def test_objects_under_names_that_come_and_go_are_told_of_once() -> None:
    def flagged(record: Record, rng: random.Random, index: int) -> None:
        names = rng.sample(["dark-mode", "beta-search", "eu-banner", "promo", "fast-path", "new-cart"], 4)
        record["flags"] = {name: {"on": rng.random() < 0.5, "why": rng.choice(["rule", "off"])} for name in names}
        if index >= 70:
            for flag in record["flags"].values():
                flag["tracked"] = True

    assert told(samples(130, flagged)) == [("field-added", "flags.{*}.tracked")]


def test_numbered_answers_of_any_type_are_no_change() -> None:
    def answered(record: Record, rng: random.Random, index: int) -> None:
        numbers = rng.sample(range(1, 25), rng.randint(4, 12))
        record["answers"] = {f"Q{number}": rng.choice([3, "good", None, [1, 2]]) for number in numbers}

    assert told(samples(300, answered)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_temperature_that_passes_through_zero_is_no_change(seed: int) -> None:
    def warm(record: Record, rng: random.Random, index: int) -> None:
        record["celsius"] = round(8 + 12 * math.sin(index / 60) + rng.gauss(0, 2), 1)

    assert told(samples(500, warm, seed=seed)) == []


def test_versions_that_roll_on_are_no_vocabulary() -> None:
    def versioned(record: Record, rng: random.Random, index: int) -> None:
        record["firmware"] = f"2.{3 + index // 60}.{rng.randint(0, 3)}"

    assert told(samples(300, versioned)) == []
