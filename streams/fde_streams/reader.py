"""Challenges as others see them: the compacted topic as a table, and as an endless sequence of changes.

A challenge is raised once: by id. A record repeated by a worker that took over says nothing new, and one that arrives late
from a worker that was shut out is older than what is known already (`newer`), so both are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog import get_logger

from fde_events.challenge import Challenge, newer
from fde_events.errors import Unavailable
from fde_events.kafka import client_settings
from fde_events.topics import CHALLENGES
from fde_streams.scan import scan

log = get_logger()
_decode: Final = msgspec.json.Decoder(Challenge).decode


def decode_challenge(value: bytes | None) -> Challenge | None:
    """The challenge in a record; None for a deletion or a record off contract, which is logged."""
    if value is None:
        return None
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("challenge_undecodable", error=str(error)[:200])
        return None


def read_challenges(bootstrap: str, *, timeout_s: float = 60.0) -> dict[str, Challenge]:
    """Every challenge as it stands, by id; one that was merged is not there. :class:`Unavailable` if the broker is away."""
    found: dict[str, Challenge] = {}
    for message in scan(bootstrap, CHALLENGES, timeout_s=timeout_s):
        challenge = decode_challenge(message.value())
        if challenge is not None and newer(found.get(challenge.id), challenge):
            found[challenge.id] = challenge
    return {name: challenge for name, challenge in found.items() if not (challenge.merged_into or challenge.erased)}


def follow_challenges(
    bootstrap: str, *, stop: Callable[[], bool] = lambda: False, poll_s: float = 0.5
) -> Iterator[Challenge]:
    """Every challenge from the first, then each change as it comes; blocks until `stop()` says so.

    The same challenge comes again whenever it has more evidence; the first time an id appears is when it was raised. One that
    was merged comes once more, with `merged_into`.
    Stateless: who restarts sees all challenges again, and tells new from known by id. :class:`Unavailable` when the broker
    or the topic is away at the start; later outages are waited out by the client.
    """
    settings = client_settings(bootstrap) | {
        "group.id": "fde-challenges",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(settings)
    try:
        found = consumer.list_topics(timeout=20).topics.get(CHALLENGES)
        if found is None or not found.partitions:
            raise Unavailable(f"{CHALLENGES} does not exist yet at {bootstrap}.")
        consumer.assign([TopicPartition(CHALLENGES, partition, 0) for partition in found.partitions])
        known: dict[str, Challenge] = {}
        while not stop():
            message = consumer.poll(poll_s)
            if message is None:
                continue
            if (error := message.error()) is not None:
                if error.fatal() or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise Unavailable(f"Kafka at {bootstrap} does not serve {CHALLENGES}: {error.str()}.")
                continue
            challenge = decode_challenge(message.value())
            if challenge is not None and newer(known.get(challenge.id), challenge):
                known[challenge.id] = challenge
                yield challenge
    finally:
        consumer.close()
