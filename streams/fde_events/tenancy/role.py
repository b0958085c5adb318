"""The engine's own users: which process reads and writes which topics, groups and transactional ids. The whole table.

Customers' topics are named one by one, since a rule cannot say `fde.*.telemetry`: whoever reads telemetry does not read
solutions, and a customer that is not applied is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fde_events.tenancy.acl import CLUSTER, LITERAL, PREFIXED, Rule
from fde_events.tenancy.user import engine_user
from fde_events.topics import (
    AUDIT,
    CANDIDATES,
    CHALLENGES,
    DEAD_LETTER,
    DECISIONS,
    LEDGER,
    SIGNATURES,
    STATE,
    solutions,
    telemetry,
)

_CUSTOMERS: Final = {"telemetry": telemetry, "solutions": solutions}


@dataclass(frozen=True, slots=True)
class Role:
    """One process (or person's task) of the engine. `of_customers`: which of each customer's topics it `reads`/`writes`.

    `groups` and `transactions` are prefixes: every name of the process begins so. `topics` and `cluster` are for
    administrators alone: operations on every topic of ours by prefix, and on the cluster.
    """

    name: str
    what: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    reads_of_customers: tuple[str, ...] = ()
    writes_of_customers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()


_STARTS: Final = (SIGNATURES, STATE, CHALLENGES, LEDGER, DEAD_LETTER)  # a worker waits until these are there

ROLES: Final[tuple[Role, ...]] = (
    Role(
        "ingest",
        "fde worker ingest",
        reads=(LEDGER,),
        writes=(SIGNATURES, DEAD_LETTER, LEDGER),
        sees=_STARTS,
        reads_of_customers=("telemetry",),
        groups=("fde-ingest", "fde-scan"),
    ),
    Role(
        "fold",
        "fde worker fold",
        reads=(SIGNATURES, STATE),
        writes=(STATE, CHALLENGES),
        sees=_STARTS,
        groups=("fde-fold",),
        transactions=("fde-fold",),
    ),
    Role(
        "extraction",
        "fde worker extraction",
        reads=(CHALLENGES,),
        writes=(CANDIDATES, AUDIT, DEAD_LETTER),
        reads_of_customers=("solutions",),
        groups=("fde-extraction",),
    ),
    Role(
        "review",
        "fde challenge: reads challenges, and orders (merge, split, pin, ignore), each audited first",
        reads=(CHALLENGES, CANDIDATES),
        writes=(AUDIT, SIGNATURES),
        groups=("fde-scan", "fde-challenges"),
    ),
    # A chain's transactional id is its writer's alone: no other user of ours can push it out and go on in its place.
    Role(
        "operator",
        "fde operator: decision records, and the audit chain of what it does",
        reads=(AUDIT,),
        writes=(DECISIONS, AUDIT),
        groups=("fde-audit-tail",),
        transactions=("fde-audit-operator",),
    ),
    Role(
        "audit",
        "fde audit collect: the audit chain of what people do",
        reads=(AUDIT,),
        writes=(AUDIT,),
        groups=("fde-audit-tail",),
        transactions=("fde-audit-people",),
    ),
    Role("auditor", "fde audit verify and export: reads the audit record", reads=(AUDIT,), groups=("fde-scan",)),
    Role(
        "reader",
        "fde ledger, notebooks, dashboards: nothing to write",
        reads=(CHALLENGES, CANDIDATES, DECISIONS, LEDGER),
        groups=("fde-scan", "fde-challenges"),
    ),
    Role(
        "keeper",
        "fde dead-letter: reads what was buried, and gives it back to its customer's topic",
        reads=(DEAD_LETTER,),
        writes_of_customers=("telemetry", "solutions"),
        groups=("fde-dead-letter", "fde-scan"),
    ),
    Role(
        "eraser",
        "fde erase: one customer out of every topic; lend it for the while",
        topics=("read", "write", "delete", "describe", "describe_configs", "alter_configs"),
        groups=("fde-scan", "fde-fold"),
    ),
    Role(
        "tenancy",
        "fde kafka apply: may give anybody any right, so keep it as you keep a super user's",
        topics=("create", "describe", "describe_configs", "alter_configs"),
        cluster=("alter", "alter_configs", "describe", "describe_configs"),
    ),
)


def rules_of(role: Role, customers: Iterable[str]) -> Iterator[Rule]:
    """Every rule of one role, for these customers. Read and write imply describe; it is written out for the reader."""
    user, served = engine_user(role.name), tuple(customers)

    def named(of_customers: tuple[str, ...]) -> list[str]:
        return [_CUSTOMERS[kind](customer).name for kind in of_customers for customer in served]

    reads = [*role.reads, *named(role.reads_of_customers)]
    writes = [*role.writes, *named(role.writes_of_customers)]
    for operation, topics in (("read", reads), ("write", writes), ("describe", [*reads, *writes, *role.sees])):
        for topic in topics:
            yield Rule(user, "topic", LITERAL, topic, operation)
    for group in role.groups:
        yield Rule(user, "group", PREFIXED, group, "read")
    for name in role.transactions:
        yield Rule(user, "transactional_id", PREFIXED, name, "write")
        yield Rule(user, "transactional_id", PREFIXED, name, "describe")
    for operation in role.topics:
        for prefix in ("fde.", "fde-engine."):
            yield Rule(user, "topic", PREFIXED, prefix, operation)
    for operation in role.cluster:
        yield Rule(user, "cluster", LITERAL, CLUSTER, operation)
