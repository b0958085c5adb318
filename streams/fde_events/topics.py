"""Every topic and every other store, with how long it keeps what, in one table. Topics are created by us; nobody auto-creates (the embedded broker is the stated exception)."""

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
    """One topic. `retention_ms` -1 keeps for ever; `compacted` topics keep the newest record a key.

    `erased`: what `fde erase --customer` does with it.
    """

    name: str
    partitions: int
    retention_ms: int
    compacted: bool
    key: str
    holds: str
    erased: str = ""

    def config(self) -> dict[str, str]:
        """The topic's broker settings, as CreateTopics takes them."""
        # A policy of compact alone never looks at the time.
        policy = "delete" if not self.compacted else "compact,delete" if self.retention_ms > 0 else "compact"
        return {
            "cleanup.policy": policy,
            "retention.ms": str(self.retention_ms),
            # Segments go whole: with Kafka's seven days a quiet topic would keep a record that much longer.
            "segment.ms": str(_DAY_MS),
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

_CUT: Final = "cut, once the fold has taken the customer out of what it sums up"
_DELETED: Final = "deleted, with its files"
_PSEUDONYMS: Final = "stays: pseudonyms, which nobody can read once the customer's key is destroyed"
_SEALED: Final = "stays: names sealed with the customer's audit key, which fde erase --audit-keys destroys"

ENGINE: Final[tuple[Topic, ...]] = (
    # signatures is neither compacted nor written in transactions: the fold's proof needs contiguous offsets.
    Topic(SIGNATURES, 8, 14 * _DAY_MS, False, "block", "signed events", _CUT),
    Topic(STATE, 8, -1, False, "last covered offset", "fold deltas with the source offsets they cover", _CUT),
    Topic(CHALLENGES, 4, -1, True, "challenge id", "challenges as they stand", "written anew without it, compacted"),
    Topic(CANDIDATES, 4, -1, True, "candidate id", "candidates as they stand", _PSEUDONYMS),
    Topic(DECISIONS, 1, -1, False, "candidate id", "decisions of people", _PSEUDONYMS),
    # One partition: chains of acts (`fde_events.chain`) stand in it link after link, beside the records of other writers.
    Topic(AUDIT, 1, -1, False, "who, or chain", "acts of people and the operator, chained; reads of evidence", _SEALED),
    Topic(LEDGER, 4, 90 * _DAY_MS, True, "producer epoch", "what was published and received", "tombstones, compacted"),
    Topic(
        DEAD_LETTER,
        1,
        14 * _DAY_MS,
        False,
        "source coordinate",
        "records off contract, whole, with the reason",
        "written again without it, cut",
    ),
)


@dataclass(frozen=True, slots=True)
class Store:
    """What is kept outside Kafka. `retention_ms` -1 keeps until `until`; `cap_bytes` None has no cap of its own."""

    name: str
    where: str
    holds: str
    retention_ms: int
    cap_bytes: int | None
    until: str
    erased: str


_MIB: Final = 1024 * 1024
_WITH_SPOOLS: Final = "fde erase --spools, or the pod's end: it is the customer's own volume"
_WITH_EVIDENCE: Final = "fde erase --evidence"

STORES: Final[tuple[Store, ...]] = (
    Store(
        "log",
        "the pod's log volume",
        "what the app printed, unredacted",
        -1,
        3 * 16 * _MIB,
        "rotated away",
        _WITH_SPOOLS,
    ),
    Store(
        "spool", "--spool", "redacted events on their way", -1, 256 * _MIB, "Kafka has acknowledged it", _WITH_SPOOLS
    ),
    Store(
        "egress", "--spool, egress/", "what left, as it left", 30 * _DAY_MS, 32 * _MIB, "the oldest first", _WITH_SPOOLS
    ),
    Store(
        "bundles", "the bundle directory", "what is to be carried", -1, 1024 * _MIB, "it is carried away", _WITH_SPOOLS
    ),
    Store(
        "archive", "where bundles were carried to", "bundles taken in", -1, None, "somebody removes it", _WITH_SPOOLS
    ),
    Store("key", "the customer's namespace", "the keys of pseudonyms", -1, None, "it is destroyed", "fde erase --keys"),
    Store("evidence", "--evidence", "siblings and bindings", -1, None, "its customer is erased", _WITH_EVIDENCE),
    Store("audit", "--evidence, audit.jsonl", "every read of evidence", -1, None, "for ever", _PSEUDONYMS),
    Store(
        "audit-keys",
        "Secret fde-system/fde-audit-keys, or a directory",
        "the keys of customers' names in audit records",
        -1,
        None,
        "its customer is erased",
        "fde erase --audit-keys",
    ),
    Store(
        "audit-journal",
        "--audit-state, fde audit collect --state",
        "acts on their way, sealed",
        -1,
        64 * _MIB,
        "Kafka has them",
        _SEALED,
    ),
    Store(
        "desk",
        "--evidence, status and assignments",
        "how far challenges are",
        -1,
        None,
        "its customer is erased",
        _WITH_EVIDENCE,
    ),
    Store(
        "state",
        "--state sqlite:PATH",
        "the fold's state, embedded",
        -1,
        None,
        "fde up starts anew",
        "with the fold's state",
    ),
    Store(
        "credentials",
        "fde kafka apply --credentials",
        "passwords of users",
        -1,
        None,
        "fde kafka revoke",
        "fde kafka revoke",
    ),
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
    return Topic(name, 4, 3 * _DAY_MS, False, "deployment", "event batches", _DELETED)


def solutions(customer: str) -> Topic:
    """The topic one customer's engineers submit solutions to; readable by extraction alone."""
    name = f"fde.{check_customer(customer)}.solutions"
    return Topic(name, 1, 365 * _DAY_MS, False, "solution id", "submitted solutions", _DELETED)


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
