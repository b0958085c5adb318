"""Streams of payloads with one planted drift or none, and the truth about them.

seed -> stream() -> Stream(lines, drift, traps): what an integration's two sides would send each other, records in order.

Written before the detector was tuned, from what interfaces do and not from what the detector can: six domains, flat and
nested, arrays, unions, objects with ids as keys, changes at once or in a share of the records, and things that look like a
change and are none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fde_cli.bench.batches import batches

Make = Callable[[random.Random], Any]
Record = dict[str, Any]

KINDS: Final = (
    "field-added", "field-removed", "field-renamed", "type-changed", "null-in-required",
    "new-enum-value", "date-format-changed", "format-changed", "range-changed",
)  # fmt: skip
_EPOCH: Final = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Planted:
    """What changed: the kind, the field's path, its new name for a rename, and the first record that shows it (0-based)."""

    kind: str
    field: str
    renamed: str | None
    first: int
    share: float  # of the records from there on that show it


@dataclass(frozen=True, slots=True)
class Stream:
    """One source's payloads, a JSON line each, with the truth. `traps` are named for people only."""

    seed: int
    domain: str
    lines: tuple[bytes, ...]
    drift: Planted | None
    traps: tuple[str, ...]


def _moment(rng: random.Random) -> datetime:
    return _EPOCH + timedelta(seconds=rng.randrange(200 * 86_400))


def _id(prefix: str, digits: int) -> Make:
    return lambda rng: f"{prefix}{rng.randrange(10 ** (digits - 1), 10**digits)}"


def _whole(low: int, high: int) -> Make:
    return lambda rng: rng.randint(low, high)


def _money(top: float) -> Make:
    return lambda rng: round(rng.uniform(top / 50, top), 2)


def _choice(*values: str) -> Make:
    weights = [1.0 / (place + 1) for place in range(len(values))]
    return lambda rng: rng.choices(values, weights)[0]


def _hexes(length: int) -> Make:
    return lambda rng: "".join(rng.choice("0123456789abcdef") for _ in range(length))


def _uuid(rng: random.Random) -> str:
    text = _hexes(32)(rng)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


_NAMES: Final = (
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Tanaka",
    "Novak",
    "Abebe",
    "Silva",
    "Haddad",
    "Moreau",
    "Kowalska",
    "Iyer",
    "Brandt",
)
_FIRST: Final = (
    "Ada",
    "Bo",
    "Chidi",
    "Dana",
    "Eli",
    "Fen",
    "Gita",
    "Hugo",
    "Ines",
    "Jun",
    "Kai",
    "Lea",
    "Mo",
    "Nia",
    "Oz",
    "Pia",
)
_WORDS: Final = (
    "please",
    "call",
    "before",
    "door",
    "leave",
    "with",
    "guard",
    "fragile",
    "urgent",
    "second",
    "floor",
    "thanks",
    "gate",
)


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_NAMES)}"


def _email(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST).lower()}.{rng.choice(_NAMES).lower()}{rng.randrange(90)}@example.{rng.choice(('com', 'org'))}"


def _words(rng: random.Random) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(1, 7)))


def _rfc(rng: random.Random) -> str:
    return _moment(rng).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(rng: random.Random) -> str:
    return _moment(rng).strftime("%Y-%m-%d")


def _epoch(rng: random.Random) -> int:
    return int(_moment(rng).timestamp())


def _flag(rng: random.Random) -> bool:
    return rng.random() < 0.6


DATES: Final[dict[str, Make]] = {
    "rfc3339": _rfc,
    "day": _day,
    "dotted": lambda rng: _moment(rng).strftime("%d.%m.%Y %H:%M"),
    "slashed": lambda rng: _moment(rng).strftime("%m/%d/%Y"),
    "epoch": _epoch,
    "epoch-ms": lambda rng: _epoch(rng) * 1000 + rng.randrange(1000),
    "compact": lambda rng: _moment(rng).strftime("%Y%m%d"),
    "rfc2822": lambda rng: _moment(rng).strftime("%a, %d %b %Y %H:%M:%S +0000"),
    "offset": lambda rng: _moment(rng).strftime("%Y-%m-%dT%H:%M:%S+02:00"),
    "spaced": lambda rng: _moment(rng).strftime("%Y-%m-%d %H:%M:%S"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a domain: where it stands, what it holds, and the sort of it that decides what can happen to it.

    sort: id, text, number, enum, date, flag. An enum names its new value, a date the format it is in.
    """

    path: str  # a.b for nested, a[].b for elements of an array
    make: Make
    sort: str
    extra: str = ""
    also: str = ""  # its name after a rename


@dataclass(frozen=True, slots=True)
class Domain:
    """What one interface carries. `maps`: paths of objects whose keys are ids or words of the customer's."""

    name: str
    fields: tuple[Field, ...]
    maps: tuple[tuple[str, Make, Make], ...] = ()


def _of(*rows: tuple[Any, ...]) -> tuple[Field, ...]:
    return tuple(Field(*row) for row in rows)


DOMAINS: Final[tuple[Domain, ...]] = (
    Domain("invoice", _of(
        ("invoice_number", _id("INV-", 6), "id", "", "invoiceNumber"), ("customer.id", _whole(10_000, 99_999), "number", "", "customer_id"),
        ("customer.email", _email, "id", "", "contact_email"), ("customer.name", _person, "text", "", "display_name"),
        ("issued_at", _rfc, "date", "rfc3339", "issue_date"), ("due_on", _day, "date", "day", "dueDate"),
        ("total", _money(5_000), "number", "", "total_amount"), ("state", _choice("open", "paid", "void", "draft"), "enum", "disputed", "status"),
        ("currency", _choice("EUR", "USD", "GBP"), "enum", "CHF", "currency_code"),
        ("lines[].sku", _id("S", 5), "id", "", "product_code"), ("lines[].quantity", _whole(1, 40), "number", "", "qty"),
        ("lines[].unit_price", _money(300), "number", "", "unitPrice"), ("paid", _flag, "flag", "", "is_paid"),
    )),
    Domain("shipment", _of(
        ("trackingNo", _id("1Z", 9), "id", "", "trackingNumber"), ("carrier", _choice("dhl", "ups", "fedex", "gls"), "enum", "dpd", "carrierCode"),
        ("event", _choice("PICKUP", "TRANSIT", "DELIVERED"), "enum", "CUSTOMS_HOLD", "eventType"), ("ts", _epoch, "date", "epoch", "timestamp"),
        ("weightKg", _money(60), "number", "", "weight"), ("destination.city", _person, "text", "", "town"),
        ("destination.postcode", _whole(10_000, 99_999), "number", "", "zip"), ("destination.country", _choice("DE", "FR", "PL", "NL"), "enum", "SE", "countryCode"),
        ("signedBy", _person, "text", "", "signatory"), ("pieces[].id", _uuid, "id", "", "pieceId"), ("pieces[].grams", _whole(50, 9_000), "number", "", "weight_g"),
    )),
    Domain("telemetry", _of(
        ("device", _hexes(16), "id", "", "device_id"), ("reading.celsius", lambda rng: round(rng.gauss(21, 4), 1), "number", "", "temperature"),
        ("reading.humidity", _whole(20, 90), "number", "", "relative_humidity"), ("reading.status", _choice("ok", "warn", "fault"), "enum", "calibrating", "state"),
        ("firmware", _choice("2.1.0", "2.1.1", "2.2.0"), "text", "", "fw_version"), ("at", DATES["epoch-ms"], "date", "epoch-ms", "observed_at"),
        ("battery", _whole(1, 100), "number", "", "battery_pct"), ("online", _flag, "flag", "", "connected"),
    ), maps=(("channels", _hexes(8), _whole(0, 4_000)),)),
    Domain("payment", _of(
        ("id", lambda rng: "pay_" + _hexes(14)(rng), "id", "", "payment_id"), ("amount", _whole(500, 90_000), "number", "", "amount_minor"),
        ("method.type", _choice("card", "sepa", "wallet"), "enum", "instant", "kind"), ("method.brand", _choice("visa", "mastercard", "amex"), "enum", "unionpay", "scheme"),
        ("created", DATES["spaced"], "date", "spaced", "created_at"), ("payer.address.street", _words, "text", "", "line1"),
        ("payer.address.city", _person, "text", "", "locality"), ("payer.reference", _uuid, "id", "", "external_id"),
        ("outcome", _choice("succeeded", "pending", "failed", "refunded"), "enum", "requires_action", "result"), ("captured", _flag, "flag", "", "is_captured"),
        ("fee", _money(20), "number", "", "processing_fee"),
    ), maps=(("metadata", _choice(*_WORDS), _words),)),
    Domain("crm", _of(
        ("Id", lambda rng: "003" + _hexes(15)(rng).upper(), "id", "", "RecordId"), ("Name", _person, "text", "", "FullName"), ("Email", _email, "id", "", "EmailAddress"),
        ("Stage", _choice("Prospecting", "Qualified", "Proposal", "Closed Won", "Closed Lost"), "enum", "Negotiation", "StageName"),
        ("Amount", _money(90_000), "number", "", "DealAmount"), ("CloseDate", DATES["slashed"], "date", "slashed", "ExpectedClose"),
        ("Owner.Name", _person, "text", "", "FullName"), ("Owner.Site", lambda rng: f"https://{rng.choice(_NAMES).lower()}.example.com/{rng.randrange(99)}", "id", "", "Website"),
        ("Tags[].Label", _choice("hot", "cold", "partner", "renewal"), "enum", "churn", "Text"), ("Employees", _whole(5, 800), "number", "", "Headcount"), ("Description", _words, "text", "", "Notes"),
    )),
    Domain("booking", _of(
        ("bookingRef", lambda rng: "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(6)), "id", "", "reference"), ("guest.fullName", _person, "text", "", "name"),
        ("guest.loyalty", _choice("none", "silver", "gold"), "enum", "platinum", "tier"), ("checkIn", _day, "date", "day", "arrival"),
        ("nights", _whole(1, 14), "number", "", "night_count"), ("rate.amount", _money(400), "number", "", "price"), ("rate.plan", _choice("BAR", "CORP", "PROMO"), "enum", "LOYAL", "code"),
        ("rooms[].kind", _choice("single", "double", "suite"), "enum", "studio", "type"), ("rooms[].floor", _whole(1, 12), "number", "", "level"),
        ("bookedAt", DATES["offset"], "date", "offset", "createdAt"), ("prepaid", _flag, "flag", "", "paidInAdvance"),
    ), maps=(("extras", lambda rng: str(rng.randrange(10**6)), _money(50)),)),
)  # fmt: skip

ADDED: Final[tuple[tuple[str, Make], ...]] = (
    ("schema_version", lambda rng: 2), ("tax_rate", _money(1)), ("correlationId", _uuid), ("region", _choice("eu-1", "us-1")),
    ("audit", lambda rng: {"by": _person(rng), "at": _rfc(rng)}), ("labels", lambda rng: [_words(rng)]), ("archived", _flag),
)  # fmt: skip
OPTIONAL: Final[tuple[tuple[str, Make], ...]] = (
    ("note", _words), ("ref2", _choice("n/a", "x", "")), ("fax", _id("+49", 8)), ("discount", _money(50)), ("parent", lambda rng: {"id": _uuid(rng)}), ("legacy", _flag),
)  # fmt: skip


def stream(seed: int, *, batched: bool = False) -> Stream:
    """The stream of a seed, always the same. Three in ten hold no drift. `batched`: its records come in batches besides."""
    rng = random.Random(f"drift/{seed}")  # noqa: S311  repeatable on purpose
    domain = DOMAINS[seed % len(DOMAINS)]
    length = rng.choice((100, 140, 180, 260, 400))
    kind = None if rng.random() < 0.3 else rng.choice(KINDS)
    first = rng.randint(int(length * 0.38), int(length * 0.72))
    share = 1.0 if rng.random() < 0.6 else rng.uniform(0.35, 0.8)
    change, planted = _change(rng, domain, kind, first, share) if kind else (None, None)
    traps = _traps(rng, domain, planted)
    if batched:
        taken = {
            (planted.field if planted else "").partition(".")[0],
            *(name.split(":")[1] for name, _ in traps if ":" in name),
        }
        free = [
            (field.path, field.make) for field in domain.fields if "." not in field.path and field.path not in taken
        ]
        traps += batches(random.Random(f"batches/{seed}"), length, free)  # noqa: S311  repeatable on purpose
    made: list[Record] = []
    shown = None
    for index in range(length):
        record: Record = {}
        for field in domain.fields:
            _put(record, field.path, field.make, rng)
        for path, key, value in domain.maps:
            record[path] = {key(rng): value(rng) for _ in range(rng.randint(0, 5))}
        for _, trap in traps:
            trap(record, rng, index)
        if change and index >= first and (index == first or rng.random() < share):
            shown = index if shown is None else shown
            change(record, rng)
        if rng.random() < 0.1:  # some writers do not keep an order
            record = dict(sorted(record.items()))
        made.append(record)
    lines = tuple(json.dumps(record, ensure_ascii=False).encode() for record in made)
    return Stream(seed, domain.name, lines, planted, tuple(name for name, _ in traps))


def _put(record: Record, path: str, make: Make, rng: random.Random) -> None:
    head, dot, rest = path.partition(".")
    if head.endswith("[]"):
        elements = record.setdefault(head[:-2], [{} for _ in range(rng.randint(1, 4))])
        for element in elements:
            _put(element, rest, make, rng)
    elif dot:
        _put(record.setdefault(head, {}), rest, make, rng)
    else:
        record[head] = make(rng)


def _holders(record: Record, path: str) -> tuple[list[Record], str]:
    """The objects that hold the field at `path`, and its name in them."""
    *parents, name = path.split(".")
    holders: list[Record] = [record]
    for parent in parents:
        if parent.endswith("[]"):
            holders = [element for holder in holders for element in holder.get(parent[:-2]) or []]
        else:
            holders = [child for holder in holders if isinstance(child := holder.get(parent), dict)]
    return holders, name


Change = Callable[[Record, random.Random], None]


def _at(path: str, do: Callable[[Record, str, random.Random], None]) -> Change:
    def change(record: Record, rng: random.Random) -> None:
        holders, name = _holders(record, path)
        for holder in holders:
            if name in holder:
                do(holder, name, rng)

    return change


def _change(rng: random.Random, domain: Domain, kind: str, first: int, share: float) -> tuple[Change, Planted]:
    def fields(*sorts: str) -> Field:
        return rng.choice([field for field in domain.fields if field.sort in sorts])

    def planted(path: str, renamed: str | None = None) -> Planted:
        return Planted(kind, path, renamed, first, share)

    if kind == "field-added":
        name, make = rng.choice(ADDED)
        parents = sorted({field.path.rpartition(".")[0] for field in domain.fields})
        parent = rng.choice(parents)
        path = f"{parent}.{name}" if parent else name

        def add(record: Record, rng: random.Random) -> None:
            holders, leaf = _holders(record, path)
            for holder in holders:
                holder[leaf] = make(rng)

        return add, planted(path)
    if kind == "field-removed":
        field = fields("id", "text", "number", "enum", "date", "flag")
        return _at(field.path, lambda holder, name, _: holder.pop(name)), planted(field.path)
    if kind == "field-renamed":
        field = fields("id", "text", "number", "enum", "date", "flag")
        renamed = field.path.rpartition(".")[0]
        new = field.also
        path = f"{renamed}.{new}" if renamed else new
        return _at(field.path, lambda holder, name, _: holder.__setitem__(new, holder.pop(name))), planted(
            field.path, path
        )
    if kind == "null-in-required":
        field = fields("id", "text", "number", "enum", "flag")
        return _at(field.path, lambda holder, name, _: holder.__setitem__(name, None)), planted(field.path)
    if kind == "new-enum-value":
        field = fields("enum")
        return _at(field.path, lambda holder, name, _: holder.__setitem__(name, field.extra)), planted(field.path)
    if kind == "date-format-changed":
        field = fields("date")
        make = DATES[rng.choice([name for name in DATES if name != field.extra])]
        return _at(field.path, lambda holder, name, rng: holder.__setitem__(name, make(rng))), planted(field.path)
    if kind == "range-changed":
        field = fields("number")
        factor = rng.choice((100, 1_000, 0.001, -1))
        return _at(
            field.path, lambda holder, name, _: holder.__setitem__(name, round(holder[name] * factor, 6))
        ), planted(field.path)
    if kind == "format-changed":
        field = fields("id")
        make = _hexes(24) if "-" in str(field.make(rng)) or "@" in str(field.make(rng)) else _uuid
        return _at(field.path, lambda holder, name, rng: holder.__setitem__(name, make(rng))), planted(field.path)
    field = fields("number", "flag", "text")
    unit = rng.choice(("", "", " EUR", " pcs"))
    if field.sort == "text":
        return _at(field.path, lambda holder, name, _: holder.__setitem__(name, {"value": holder[name]})), planted(
            field.path
        )
    turn = rng.choice((lambda value: f"{value}{unit}", lambda value: [value], lambda value: str(value)))
    return _at(field.path, lambda holder, name, _: holder.__setitem__(name, turn(holder[name]))), planted(field.path)


Trap = Callable[[Record, random.Random, int], None]


def _traps(rng: random.Random, domain: Domain, planted: Planted | None) -> list[tuple[str, Trap]]:
    """Up to five things that are there from the start and are no drift; never on the field that changes."""
    taken = {planted.field} if planted else set()
    free = [field for field in domain.fields if field.path not in taken]
    found: list[tuple[str, Trap]] = []
    name, make = rng.choice(OPTIONAL)
    rate = rng.choice((0.04, 0.05, 0.1, 0.3, 0.5, 0.8, 0.95))

    def optional(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < rate:
            record[name] = make(rng)

    found.append((f"optional:{name}:{rate}", optional))

    def some(
        field: Field, label: str, share: float, do: Callable[[Any, random.Random], Any], early: bool = True
    ) -> None:
        def trap(record: Record, rng: random.Random, index: int) -> None:
            if rng.random() < share or (early and index == 6):
                holders, leaf = _holders(record, field.path)
                for holder in holders:
                    holder[leaf] = do(holder[leaf], rng)

        found.append((f"{label}:{field.path}", trap))

    def one(*sorts: str) -> Field | None:
        fitting = [field for field in free if field.sort in sorts]
        if not fitting:
            return None
        field = rng.choice(fitting)
        free.remove(field)
        return field

    if rng.random() < 0.7 and (field := one("number")):
        some(field, "int-or-float", 0.3, lambda value, _: int(value) if value == value // 1 else float(value))
    if rng.random() < 0.6 and (field := one("enum")):
        some(field, "rare-value", 0.04, lambda *_: "legacy_other")
    if rng.random() < 0.5 and (field := one("text", "id")):
        some(field, "empty-string", 0.07, lambda *_: "", early=False)
    if rng.random() < 0.4 and (field := one("text", "id", "number")):
        some(field, "nullable", rng.choice((0.1, 0.4)), lambda *_: None)
    if rng.random() < 0.2 and (field := one("number")):
        some(field, "union", 0.3, lambda value, _: str(value))
    if rng.random() < 0.3 and (field := one("number")):
        some(field, "outliers", 0.02, lambda value, rng: value * rng.choice((3, 30)), early=False)
    if rng.random() < 0.3:
        start = rng.randrange(10**6)
        found.append(("counter", lambda record, _, index: record.__setitem__("sequence", start + index * 7)))
    return found
