"""Erasing one customer from the engine: topics, state, ledger, dead letters; in the order in which nothing comes back.

audit -> the customer's topics go -> Erase to every partition -> the fold follows and writes a snapshot -> what stood before it,
and before the orders, is cut -> ledger and challenges are compacted -> dead letters are written again without it

Done again it finds nothing to do. What it cannot reach is the customer's own: spools, egress logs and keys in its namespace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec
from confluent_kafka import KafkaException, Message

from fde_events.challenge import Challenge
from fde_events.deadletter import topic_of
from fde_events.errors import Unavailable
from fde_events.order import Erase, check_order
from fde_events.signed import SignedBatch
from fde_events.topics import AUDIT, CHALLENGES, DEAD_LETTER, LEDGER, SIGNATURES, STATE, solutions, telemetry
from fde_streams.book import AccountRecord
from fde_streams.erase_kafka import FILLER, TopicEraser
from fde_streams.orders import audit_of
from fde_streams.scan import scan
from fde_streams.state import Part
from fde_streams.state_kafka import read

Tell = Callable[[str], None]
_ORDERS_BLOCK: Final = ""  # an order about no block
_encode = msgspec.json.Encoder().encode


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. `dead_letters` counts records; `compacted` is False where the broker was not done in time."""

    customer: str
    order: str
    topics: tuple[str, ...]
    accounts: int
    dead_letters: int
    compacted: bool


def erase_customer(bootstrap: str, order: Erase, *, tell: Tell, limit_s: float) -> Erased:
    """Follow `order` through every topic of the engine. :class:`Unavailable` names the step that did not end in `limit_s`."""
    check_order(order)
    customer, eraser, until = order.customer, TopicEraser(bootstrap), time.monotonic() + limit_s
    audit = audit_of(order)
    eraser.send(AUDIT, {0: _encode(audit)}, key=audit.who.encode())
    names = [telemetry(customer).name, solutions(customer).name]
    gone = eraser.delete(names)
    tell(f"deleted {', '.join(gone) or 'no topic: there was none'}")
    with eraser.closing(STATE):
        # From here on every append to the state closes a segment: what stands before a snapshot can go from the disk.
        batch = _encode(SignedBatch(block=_ORDERS_BLOCK, events=(), orders=(order,)))
        ordered = eraser.send(
            SIGNATURES, dict.fromkeys(eraser.partitions(SIGNATURES), batch), key=_ORDERS_BLOCK.encode()
        )
        tell(f"ordered {order.id} in {len(ordered)} partitions; waiting for the fold")
        _await_followed(bootstrap, order, set(ordered), until)
    # With the orders themselves, which are followed: a segment goes whole, or not at all.
    behind = {partition: offset + 1 for partition, offset in ordered.items()}
    eraser.cut(SIGNATURES, behind, filler=_encode(SignedBatch(block=_ORDERS_BLOCK, events=())))
    tell(f"the fold has followed; {SIGNATURES} and {STATE} are cut before it")
    left = max(1.0, until - time.monotonic())
    keys = sorted({key for message in scan(bootstrap, LEDGER) if (key := _account_of(message, customer)) is not None})
    compacted = eraser.compact(LEDGER, keys, lambda message: False, limit_s=left) if keys else True
    tell(f"{len(keys)} accounts taken out of {LEDGER}")
    if any(_tells_of(message, customer) for message in scan(bootstrap, CHALLENGES)):
        left = max(1.0, until - time.monotonic())
        compacted &= eraser.compact(CHALLENGES, (), lambda message: _tells_of(message, customer), limit_s=left)
    tell(f"{CHALLENGES} say nothing of it")
    dead = eraser.rewrite(DEAD_LETTER, lambda message: topic_of(message.headers()) not in names)
    tell(f"{dead} dead letters taken out")
    return Erased(
        customer=customer,
        order=order.id,
        topics=tuple(gone),
        accounts=len(keys),
        dead_letters=dead,
        compacted=compacted,
    )


def _await_followed(bootstrap: str, order: Erase, partitions: set[int], until: float) -> None:
    """Until the order is settled in every partition and the state topic holds nothing from before."""
    while True:
        parts = {partition: Part() for partition in partitions}
        try:
            read(bootstrap, STATE, parts)
        except KafkaException as error:
            raise Unavailable(f"Kafka did not let {STATE} be read: {error.args[0].str()}.") from error
        waiting = sorted(partition for partition, part in parts.items() if order.id not in part.state.rulings)
        if not waiting:
            old = sorted({m.partition() or 0 for m in scan(bootstrap, STATE) if _names(m, order)})
            if not old:
                return
            waiting = old
        if time.monotonic() > until:
            raise Unavailable(
                f"The fold has not followed order {order.id} in partitions {waiting}. Is `fde worker fold` running? "
                "Erasing again goes on from here."
            )
        time.sleep(1.0)


def _names(message: Message, order: Erase) -> bool:
    """Whether a state record tells of the customer: in a place or an epoch. The order's own ruling names nobody."""
    value = message.value() or b""
    customer = order.customer.encode()
    return b'"' + customer + b":" in value or b'"' + customer + b"/" in value


def _account_of(message: Message, customer: str) -> bytes | None:
    """The key of an account of the customer, None for others'."""
    value, key = message.value(), message.key()
    if value is None or key is None or key == FILLER:
        return None
    try:
        account = msgspec.json.decode(value, type=AccountRecord)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return key if key.startswith(f"{customer}/".encode()) else None
    return key if account.customer == customer else None


def _tells_of(message: Message, customer: str) -> bool:
    value = message.value()
    if value is None:
        return False
    try:
        challenge = msgspec.json.decode(value, type=Challenge)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f'"{customer}"'.encode() in value
    return any(sighting.customer == customer for sighting in challenge.sightings)
