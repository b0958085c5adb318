"""Orders of people, on their way: first audited, then published to the partition of the block they are about.

Order -> Audit (fde-engine.audit) -> SignedBatch of the block (fde-engine.signatures) -> the fold settles it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fde_events.audit import Audit
from fde_events.challenge import Challenge
from fde_events.errors import Refused, Unavailable
from fde_events.kafka import producer_settings
from fde_events.order import Erase, Order, check_order
from fde_events.signed import SignedBatch
from fde_events.topics import AUDIT, SIGNATURES

_ACKNOWLEDGED_S: Final = 20.0


def audit_of(order: Order) -> Audit:
    """The audit record of an order: who said what of which, and why."""
    act = type(order).__struct_config__.tag
    kind = "customer" if isinstance(order, Erase) else "challenge"
    return Audit(at=order.time, who=order.author, what=f"{kind}.{act}", of=order.id, why=order.reason)


def known_as(challenges: Mapping[str, Challenge], name: str) -> Challenge:
    """The challenge that `name` leads to, through merges. :class:`Refused` if there is none."""
    found = challenges.get(name)
    if found is None:
        found = next((each for each in challenges.values() if name in each.redirects), None)
    if found is None:
        raise Refused(f"There is no challenge {name}. `fde challenge list` names those there are.")
    return found


def block_of(challenges: Iterable[Challenge]) -> str:
    """The one block of these challenges. :class:`Refused` if they are of several: their groups live apart."""
    found = sorted({challenge.block for challenge in challenges})
    if len(found) != 1:
        raise Refused(
            f"The challenges are of different blocks ({', '.join(found)}): only those of one vendor or library and one kind can "
            "be one. Nothing was ordered."
        )
    return found[0]


def publish_order(bootstrap: str, block: str, order: Order) -> None:
    """Audit `order`, then give it to the fold. :class:`Unavailable` when Kafka keeps either not: then nothing was ordered.

    An order that cannot be audited is not published. Publishing the same order again changes nothing.
    """
    check_order(order)
    failed: list[str] = []

    def landed(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error.str())

    producer = Producer(producer_settings(bootstrap, **{"message.timeout.ms": 15_000, "linger.ms": 0}))
    batch = SignedBatch(block=block, events=(), orders=(order,))
    audit = audit_of(order)
    for topic, key, value in (
        (AUDIT, audit.who, msgspec.json.encode(audit)),
        (SIGNATURES, block, msgspec.json.encode(batch)),
    ):
        try:
            producer.produce(topic, value, key=key, on_delivery=landed)
        except (KafkaException, BufferError) as error:
            raise Unavailable(
                f"Kafka at {bootstrap} took no record of {topic}: {error}. Nothing was ordered."
            ) from error
        if producer.flush(_ACKNOWLEDGED_S) or failed:
            why = failed[0] if failed else f"no answer within {_ACKNOWLEDGED_S:g} s"
            raise Unavailable(
                f"Kafka at {bootstrap} did not keep a record of {topic}: {why}. Nothing was ordered; order again."
            )
