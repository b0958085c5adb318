"""Formats of dates: every change from one to another is told as such, with the kind and the place, and steady ones are silent."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.drift.format import format_of
from fde_sidecar.reading import Payload

pytestmark = pytest.mark.seconds

FORMATS = {
    "ISO date": "%Y-%m-%d",
    "ISO moment": "%Y-%m-%dT%H:%M:%SZ",
    "ISO with offset": "%Y-%m-%dT%H:%M:%S+02:00",
    "ISO without zone": "%Y-%m-%dT%H:%M:%S",
    "ISO with fraction": "%Y-%m-%dT%H:%M:%S.%fZ",
    "ISO with a space": "%Y-%m-%d %H:%M:%S",
    "day/month/year": "%d/%m/%Y",
    "month/day/year": "%m/%d/%Y",
    "day-month-year": "%d-%m-%Y",
    "dots": "%d.%m.%Y",
    "dots with a clock": "%d.%m.%Y %H:%M",
    "month by name": "%d-%b-%Y",
    "RFC 2822": "%a, %d %b %Y %H:%M:%S +0000",
    "compact": "%Y%m%d",
    "compact with a clock": "%Y%m%d%H%M%S",
    "FIX": "%Y%m%d-%H:%M:%S",
}
EPOCHS = ("epoch seconds", "epoch milliseconds", "epoch seconds as text", "epoch milliseconds as text")
ALL = (*FORMATS, *EPOCHS)
ORDERS = {"day/month/year", "month/day/year"}


def written(name: str, moment: datetime) -> object:
    if name in FORMATS:
        return moment.strftime(FORMATS[name])
    number = int(moment.timestamp()) * (1000 if "milli" in name else 1)
    return str(number) if name.endswith("text") else number


def told(values: list[object]) -> list[tuple[str, str]]:
    drift = Drift(lambda value: str(hash(value)))
    found = []
    for value in values:
        body = json.dumps({"id": "A-17", "at": value}).encode()
        found += drift.observe(Payload("2026-10-10T06:00:00Z", "shop", "operation", "response", body))
    return [(kind_of(event), event.field) for event in found]


def moments(count: int, *, days: int, seed: int = 3) -> list[datetime]:
    rng = random.Random(seed)
    return [
        datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=rng.randrange(days), seconds=rng.randrange(86_400))
        for _ in range(count)
    ]


def expected(old: str, new: str) -> str:
    """The same digits as a number or as text are another type, and no other format."""
    return "type-changed" if old.removesuffix(" as text") == new.removesuffix(" as text") else "date-format-changed"


@pytest.mark.parametrize("old", ALL)
def test_every_change_of_a_date_s_format_is_told_once(old: str) -> None:
    for new in ALL:
        if new == old:
            continue
        values = [written(old, one) for one in moments(26, days=29)] + [
            written(new, one) for one in moments(24, days=29, seed=4)
        ]
        assert told(values) == [(expected(old, new), "at")], new


@pytest.mark.parametrize(
    ("old", "new"), [pair for pair in permutations(ALL, 2) if ORDERS & {*pair} and not ORDERS >= {*pair}]
)
def test_a_change_to_or_from_slashes_is_told_also_while_no_day_tells_their_order(old: str, new: str) -> None:
    values = [written(old, one) for one in moments(26, days=9)] + [
        written(new, one) for one in moments(20, days=9, seed=4)
    ]
    assert told(values) == [("date-format-changed", "at")]


@pytest.mark.parametrize("name", ALL)
def test_dates_that_go_on_from_day_to_day_are_no_change(name: str) -> None:
    first = datetime(2026, 3, 1, 5, 10, 20, 123456, tzinfo=UTC)
    assert told([written(name, first + timedelta(hours=9 * index)) for index in range(160)]) == []


@pytest.mark.parametrize("text", ["2.3.10", "1.12.99", "v2.10.3", "17.4.1-rc2"])
def test_a_version_is_no_date(text: str) -> None:
    assert format_of(text).startswith("code:")
