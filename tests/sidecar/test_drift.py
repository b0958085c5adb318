"""Schema drift: what is told, what is not, and that no value is kept or leaves."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import SchemaDriftEvent
from fde_sidecar.drift.detector import Drift
from fde_sidecar.drift.finding import kind_of
from fde_sidecar.reading import Payload

Record = dict[str, Any]


def digest(value: str) -> str:
    return blake2b(value.encode(errors="surrogatepass"), key=b"a customer's key", digest_size=8).hexdigest()


def a_payload(body: object, **changes: object) -> Payload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    values: dict[str, Any] = {
        "time": "2026-10-10T06:00:00Z",
        "source": "shop",
        "operation": "GET /orders/{id}",
        "direction": "response",
        "body": raw,
    }
    return Payload(**{**values, **changes})


def an_order(rng: random.Random, **changes: object) -> Record:
    values: Record = {
        "id": f"ORD-{rng.randrange(10**5, 10**6)}",
        "state": rng.choice(["open", "paid", "sent"]),
        "created_at": f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T0{rng.randint(0, 9)}:15:00Z",
        "total": rng.choice([rng.randint(10, 900), round(rng.uniform(10, 900), 2)]),
        "customer": {"name": rng.choice(["Ada", "Bo", "Chi"]) + " " + rng.choice("KLMNOPQRST"), "vip": rng.random() < 0.5},
        "lines": [{"sku": f"S{rng.randrange(10**4, 10**5)}", "count": rng.randint(1, 9)} for _ in range(rng.randint(1, 3))],
    }  # fmt: skip
    return {**values, **changes}


def found_in(records: list[Record], drift: Drift | None = None) -> list[tuple[int, SchemaDriftEvent]]:
    drift = drift or Drift(digest)
    return [(index, event) for index, record in enumerate(records) for event in drift.observe(a_payload(record))]


def told(records: list[Record]) -> list[tuple[str, str]]:
    return [(kind_of(event), event.field) for _, event in found_in(records)]


def orders(
    count: int,
    change: Callable[[Record, random.Random], object] = lambda order, rng: None,
    *,
    first: int = 60,
    share: float = 1.0,
    seed: int = 1,
) -> list[Record]:
    rng = random.Random(seed)
    made = []
    for index in range(count):
        order = an_order(rng)
        if index >= first and rng.random() < share:
            change(order, rng)
        made.append(order)
    return made


CHANGES: dict[str, tuple[Callable[[Record, random.Random], object], tuple[str, str]]] = {
    "a field more": (lambda o, _: o.update(channel="web"), ("field-added", "channel")),
    "an object more": (lambda o, _: o.update(audit={"by": "x", "at": 3}), ("field-added", "audit")),
    "a field less": (lambda o, _: o.pop("total"), ("field-removed", "total")),
    "an object less": (lambda o, _: o.pop("customer"), ("field-removed", "customer")),
    "a nested field less": (lambda o, _: o["customer"].pop("vip"), ("field-removed", "customer.vip")),
    "a field less in an array": (lambda o, _: [line.pop("sku") for line in o["lines"]], ("field-removed", "lines[].sku")),
    "another name": (lambda o, _: o.update(createdAt=o.pop("created_at")), ("field-renamed", "created_at")),
    "a quite other name": (lambda o, _: o.update(amount_due=o.pop("total")), ("field-renamed", "total")),
    "a nested other name": (lambda o, _: o["customer"].update(fullName=o["customer"].pop("name")), ("field-renamed", "customer.name")),
    "a number as text": (lambda o, _: o.update(total=f"{o['total']} EUR"), ("type-changed", "total")),
    "an object in place of text": (lambda o, _: o.update(id={"value": o["id"]}), ("type-changed", "id")),
    "an array in place of a flag": (lambda o, _: o["customer"].update(vip=[True]), ("type-changed", "customer.vip")),
    "null": (lambda o, _: o.update(customer=None), ("null-in-required", "customer")),
    "null in an array": (lambda o, _: [line.update(count=None) for line in o["lines"]], ("null-in-required", "lines[].count")),
    "a new word": (lambda o, _: o.update(state="on hold"), ("new-enum-value", "state")),
    "a day in place of a moment": (lambda o, _: o.update(created_at="14.03.2026"), ("date-format-changed", "created_at")),
    "seconds since 1970": (lambda o, r: o.update(created_at=1_770_000_000 + r.randrange(10**6)), ("date-format-changed", "created_at")),
    "another zone": (lambda o, _: o.update(created_at=o["created_at"].replace("Z", "+01:00")), ("date-format-changed", "created_at")),
    "another kind of id": (lambda o, r: o.update(id=f"{r.randrange(16**8):08x}-aaaa-4bbb-8ccc-{r.randrange(16**12):012x}"), ("format-changed", "id")),
    "cents": (lambda o, _: o.update(total=o["total"] * 100), ("range-changed", "total")),
    "a sign": (lambda o, _: o.update(total=-o["total"]), ("range-changed", "total")),
}  # fmt: skip


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_once_with_its_kind_and_place_also_when_only_half_of_the_records_have_it(
    name: str, share: float
) -> None:
    change, expected = CHANGES[name]
    assert told(orders(260, change, share=share)) == [expected]


def test_a_change_is_told_a_few_records_after_its_first() -> None:
    (index, event), = found_in(orders(120, lambda o, _: o.pop("total"), first=60))  # fmt: skip
    assert 60 <= index <= 63
    assert (event.change, event.before, event.after) == ("removed", "number", "presence 0.00")


def test_a_rename_names_both() -> None:
    (_, event), = found_in(orders(120, lambda o, _: o.update(createdAt=o.pop("created_at"))))  # fmt: skip
    assert (event.change, event.field, event.before, event.after) == (
        "renamed",
        "created_at",
        "created_at",
        "createdAt",
    )


def test_six_renames_at_once_find_their_pairs() -> None:
    def change(order: Record, _: random.Random) -> None:
        for name in list(order):
            order[name.upper()] = order.pop(name)

    found = {(event.before, event.after) for _, event in found_in(orders(120, change))}
    assert found == {(name, name.upper()) for name in ("id", "state", "created_at", "total", "customer", "lines")}


@pytest.mark.parametrize("rate", [0.04, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_an_optional_field_is_no_drift(rate: float, seed: int) -> None:
    def sometimes(order: Record, rng: random.Random) -> None:
        if rng.random() < rate:
            order["note"] = rng.choice(["x", "n/a", ""])

    assert told(orders(300, sometimes, first=0, seed=seed)) == []


def test_an_optional_field_that_stays_away_is_removed() -> None:
    rng = random.Random(5)
    records = [
        an_order(rng, **({"note": "text"} if index < 120 and rng.random() < 0.7 else {})) for index in range(220)
    ]
    assert told(records) == [("field-removed", "note")]


@pytest.mark.parametrize(
    "sometimes",
    [
        lambda o, r: o.update(state="voided"),
        lambda o, r: o.update(id=""),
        lambda o, r: o.update(customer=None),
        lambda o, r: o.update(total=str(o["total"])),
        lambda o, r: o.update(lines=[]),
        lambda o, r: o.update(total=o["total"] * 30),
    ],
)
def test_what_is_rare_from_the_start_is_no_drift(sometimes: Callable[[Record, random.Random], object]) -> None:
    rng = random.Random(11)
    records = []
    for index in range(400):
        order = an_order(rng)
        if index == 7 or rng.random() < 0.05:
            sometimes(order, rng)
        records.append(order)
    assert told(records) == []


@pytest.mark.seconds
def test_numbers_that_only_grow_do_not_change_their_range() -> None:
    rng = random.Random(2)
    assert told([an_order(rng, sequence=1000 + 17 * index) for index in range(3000)]) == []


@pytest.mark.parametrize(
    "key", ["{n}", "user{n}@example.com", "ORD-{n}", "{n:08x}-0000-4000-8000-000000000000", "cus_{n:x}a9b8c7d6"]
)
def test_keys_that_are_data_never_leave_and_are_not_saved(key: str) -> None:
    rng, drift = random.Random(3), Drift(digest)
    keys = []

    def mapped(value: object) -> Record:
        keys.extend(key.format(n=rng.randrange(10**5, 10**6)) for _ in range(3))
        return dict.fromkeys(keys[-3:], value)

    records = [an_order(rng, prices=mapped({"net": 3})) for _ in range(60)]
    records += [an_order(rng, prices=mapped({"net": "3"})) for _ in range(40)]
    found = found_in(records, drift)
    assert [(kind_of(event), event.field) for _, event in found] == [("type-changed", "prices.{*}.net")]
    kept = drift.save()
    assert not any(one.encode() in kept for one in keys)


def test_an_object_whose_keys_are_the_customers_words_is_a_map() -> None:
    rng = random.Random(4)
    words = ["".join(rng.choice("abcdefghijklmnop") for _ in range(6)) for _ in range(400)]
    stock = [an_order(rng, stock={word: 3 for word in rng.sample(words[: 100 + index], 3)}) for index in range(300)]
    assert told(stock) == []


def test_a_new_key_that_looks_like_an_address_is_never_told() -> None:
    found = found_in(orders(140, lambda o, _: o["customer"].update({"ada@example.com": 1})))
    assert "example" not in repr(found)


def test_a_source_is_an_operation_a_direction_and_a_class_of_status() -> None:
    drift, rng = Drift(digest), random.Random(6)
    for index in range(200):
        assert drift.observe(a_payload(an_order(rng), status_class=2)) == ()
        assert drift.observe(a_payload({"error": "text", "n": index}, status_class=4)) == ()
        assert drift.observe(a_payload([index], direction="request")) == ()


@pytest.mark.seconds
def test_after_a_long_time_of_sampling_changes_of_values_are_found_too() -> None:
    records = orders(6000, lambda o, _: o.update(state="on hold"), first=5000)
    (index, event), = found_in(records)  # fmt: skip
    assert kind_of(event) == "new-enum-value"
    assert index < 5400


def test_a_change_is_not_told_again_after_a_restart() -> None:
    records = orders(200, lambda o, _: o.pop("total"), first=60, share=0.6)
    drift = Drift(digest)
    assert len(found_in(records[:90], drift)) == 1
    assert found_in(records[90:], Drift.restored(drift.save(), digest)) == []


@pytest.mark.parametrize("saved", [b"", b"\x00", b"damaged", b"\x93\xa1x\x90\x80", b"\xff" * 90])
def test_a_damaged_save_starts_anew(saved: bytes) -> None:
    drift = Drift.restored(saved, digest)
    assert drift.observe(a_payload({"a": 1})) == ()
    assert drift.counted == ({"state-not-restored": 1} if saved else {})


HOSTILE = {
    "not JSON": b"{oops",
    "nothing": b"",
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "deep arrays": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "not a number": b'{"a": NaN, "b": -Infinity}',
    "out of range": b'{"a": 1e999}',
    "a huge whole number": b'{"a": ' + b"9" * 6000 + b"}",
    "a large whole number": b'{"a": ' + b"9" * 400 + b"}",
    "two of a name": b'{"a": 1, "a": "2"}',
    "very many names": json.dumps({f"k{n}": n for n in range(50_000)}).encode(),
    "too long": b'"' + b"x" * (1 << 20) + b'"',
    "a lone surrogate": b'{"\\ud800": "\\udfff"}',
    "an empty name": b'{"": {"": [[], [[]], {}]}}',
    "a scalar": b"12",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_payload_raises_or_spoils_the_source(name: str) -> None:
    drift, rng = Drift(digest), random.Random(8)
    for index in range(130):
        drift.observe(a_payload(HOSTILE[name] if index % 40 == 3 else an_order(rng)))
    assert len(drift.save()) < 200_000
    assert Drift.restored(drift.save(), digest).counted == drift.counted
    (_, event), *_ = found_in(orders(60, lambda o, _: o.pop("state"), first=0), drift)
    assert event.field == "state"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("not JSON", "not-json"),
        ("too long", "too-large"),
        ("deep arrays", "too-deep"),
        ("not a number", "irregular-json"),
    ],
)
def test_what_could_not_be_used_is_counted(name: str, reason: str) -> None:
    drift = Drift(digest)
    drift.observe(a_payload(HOSTILE[name]))
    assert drift.counted == {reason: 1}


def test_memory_is_bounded_in_sources_and_in_fields() -> None:
    drift = Drift(digest, most_sources=8)
    for number in range(40):
        drift.observe(a_payload({"a": 1}, source=f"s{number}"))
    assert drift.counted == {"source-forgotten": 32}
    rng = random.Random(9)
    drift = Drift(digest)
    for _ in range(400):
        drift.observe(
            a_payload(
                {"".join(rng.choices("abcdefgh", k=9)): {"".join(rng.choices("abcdefgh", k=9)): 1} for _ in range(90)}
            )
        )
    assert len(drift.save()) < 300_000


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(10**7, 10**8).map(lambda n: n * 7)
    | st.text(st.sampled_from("xyzXYZ0189"), min_size=8, max_size=14),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "bee", "sea_2", "Dee"]), inner, max_size=3)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from(["one", "two", "three", "four"]), values, max_size=4)


@given(records, st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_stream_of_one_shape_never_drifts(record: Record, seed: int) -> None:
    assert found_in([record] * 120) == []


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(name, _shuffled(inner, rng)) for name, inner in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [_shuffled(inner, rng) for inner in value] if isinstance(value, list) else value


@pytest.mark.seconds
@given(
    st.lists(records, min_size=1, max_size=4),
    st.lists(records, min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None)
def test_the_order_of_names_does_not_matter(before: list[Record], after: list[Record], rng: random.Random) -> None:
    stream = [rng.choice(before) for _ in range(60)] + [rng.choice(after) for _ in range(40)]
    as_is = {(index, kind_of(event), event.field) for index, event in found_in(stream)}
    assert {
        (index, kind_of(event), event.field) for index, event in found_in([_shuffled(one, rng) for one in stream])
    } == as_is


@given(st.sampled_from(sorted(CHANGES)), st.integers(0, 1500), st.integers(0, 30))
@settings(max_examples=12, deadline=None)
@pytest.mark.seconds
def test_a_restart_changes_nothing(name: str, cut: int, seed: int) -> None:
    stream = orders(1500, CHANGES[name][0], first=1200, share=0.7, seed=seed)
    whole = found_in(stream)
    drift = Drift(digest)
    found = found_in(stream[:cut], drift)
    found += [(index + cut, event) for index, event in found_in(stream[cut:], Drift.restored(drift.save(), digest))]
    assert found == whole


def _scalars(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {one for inner in value.values() for one in _scalars(inner)}
    if isinstance(value, list):
        return {one for inner in value for one in _scalars(inner)}
    return {str(value)} if isinstance(value, str | int) and not isinstance(value, bool) else set()


@given(st.lists(records, min_size=1, max_size=4), st.lists(records, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_no_value_is_saved_or_told(before: list[Record], after: list[Record]) -> None:
    drift = Drift(digest)
    stream = before * 20 + after * 20
    told_of = repr(found_in(stream, drift)) + repr(Drift.restored(drift.save(), digest).save()) + repr(drift.save())
    kept = drift.save()
    for value in _scalars(stream):
        assert value not in told_of
        assert value.encode() not in kept
