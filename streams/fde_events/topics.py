"""Every topic, in one table. Created by us; nobody auto-creates (the embedded broker is the stated exception)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fde_events.errors import InvalidEvent, Misuse

MAX_RECORD_BYTES: Final = 512 * 1024
PARTITIONER: Final = "murmur2_random"  # librdkafka's name for the Java client's default: one placement in every client
_DAY_MS: Final = 86_400_000

# A customer is a DNS label (RFC 1123): it holds no dot, so the prefix `fde.<customer>.` covers exactly one customer.
CUSTOMER: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `retention_ms` -1 keeps for ever; `compacted` topics keep the newest record a key."""

    name: str
    partitions: int
    retention_ms: int
    compacted: bool
    key: str
    holds: str

    def config(self) -> dict[str, str]:
        """The topic's broker settings, as CreateTopics takes them."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_RECORD_BYTES * 2),  # the record's cap is ours; the broker leaves room
        }


SIGNATURES: Final = "fde-engine.signatures"
STATE: Final = "fde-engine.state"
CHALLENGES: Final = "fde-engine.challenges"
CANDIDATES: Final = "fde-engine.candidates"
DECISIONS: Final = "fde-engine.decisions"
AUDIT: Final = "fde-engine.audit"
LEDGER: Final = "fde-engine.ledger"
DEAD_LETTER: Final = "fde-engine.dead-letter"

# The librdkafka mock cluster cannot create topics: it makes every topic with this many partitions.
EMBEDDED_PARTITIONS: Final = 4

ENGINE: Final[tuple[Topic, ...]] = (
    # signatures is neither compacted nor written in transactions: the fold's proof needs contiguous offsets.
    Topic(SIGNATURES, 8, 14 * _DAY_MS, False, "block", "signed events"),
    Topic(STATE, 8, -1, False, "last covered offset", "fold deltas with the source offsets they cover"),
    Topic(CHALLENGES, 4, -1, True, "challenge id", "challenges as they stand"),
    Topic(CANDIDATES, 4, -1, True, "candidate id", "candidates as they stand"),
    Topic(DECISIONS, 1, -1, False, "candidate id", "decisions of people"),
    Topic(AUDIT, 1, -1, False, "who", "reads of evidence, publications, overrides"),
    Topic(LEDGER, 4, 90 * _DAY_MS, True, "producer epoch", "what was published and received"),
    Topic(DEAD_LETTER, 1, 14 * _DAY_MS, False, "source coordinate", "records off contract, whole, with the reason"),
)

TELEMETRY_PATTERN: Final = r"^fde\.[a-z0-9][-a-z0-9]*\.telemetry$"
SOLUTIONS_PATTERN: Final = r"^fde\.[a-z0-9][-a-z0-9]*\.solutions$"


def check_customer(customer: str) -> str:
    """`customer` itself, if it is a DNS label; otherwise :class:`Misuse`."""
    if not CUSTOMER.fullmatch(customer):
        raise Misuse(
            f"customer {customer!r} is not a DNS label (lower-case letters, digits, '-', at most 63 characters, no dot)"
        )
    return customer


def telemetry(customer: str) -> Topic:
    """The topic one customer's sidecars write."""
    name = f"fde.{check_customer(customer)}.telemetry"
    return Topic(name, 4, 3 * _DAY_MS, False, "deployment", "event batches")


def solutions(customer: str) -> Topic:
    """The topic one customer's engineers submit solutions to; readable by extraction alone."""
    name = f"fde.{check_customer(customer)}.solutions"
    return Topic(name, 1, 365 * _DAY_MS, False, "solution id", "submitted solutions")


def customer_of(topic: str) -> str:
    """The customer a record belongs to: from its topic, never from its payload."""
    parts = topic.split(".")
    if (
        len(parts) == 3
        and parts[0] == "fde"
        and parts[2] in ("telemetry", "solutions")
        and CUSTOMER.fullmatch(parts[1])
    ):
        return parts[1]
    raise InvalidEvent(topic, "not a customer's topic (fde.<customer>.telemetry or fde.<customer>.solutions)")
