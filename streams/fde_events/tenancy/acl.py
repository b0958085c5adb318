"""Access rules: who may do what on which topic, group, or transactional id. What no rule allows is denied.

A prefix ends where no other name can go on: `fde.acme.telemetry`, since a customer's name holds no dot. `fde.acme` alone
would let acme write the topics of acme-2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fde_events.tenancy.user import FeedRef, is_ours, submitter
from fde_events.topics import solutions, telemetry

LITERAL: Final = "literal"
PREFIXED: Final = "prefixed"
CLUSTER: Final = "kafka-cluster"  # Kafka's own name for the one cluster there is


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One access rule, in Kafka's words, lower case. `resource`: topic, group, transactional_id, cluster."""

    user: str
    resource: str
    pattern: str
    name: str
    operation: str
    permission: str = "allow"
    host: str = "*"

    def __str__(self) -> str:
        where = f"{self.resource} {self.name}" + ("*" if self.pattern == PREFIXED else "")
        at = "" if self.host == "*" else f" from {self.host}"
        return f"{self.permission} {self.operation} {where}{at}"


def feed_rules(feed: FeedRef) -> Iterator[Rule]:
    """Write and describe that customer's telemetry; nothing to read.

    Kafka since 2.8 lets whoever may write any topic write idempotently, so there is no rule on the cluster.
    """
    yield from _writes(feed.user, telemetry(feed.customer).name)


def submit_rules(customer: str) -> Iterator[Rule]:
    """Write and describe that customer's solutions; nothing to read."""
    yield from _writes(submitter(customer), solutions(customer).name)


def _writes(user: str, topic: str) -> Iterator[Rule]:
    for operation in ("describe", "write"):
        yield Rule(user, "topic", PREFIXED, topic, operation)


def reaches_in(rule: Rule) -> bool:
    """Whether a rule of somebody else opens a topic of ours: it is told, and never touched."""
    if is_ours(rule.user) or rule.permission != "allow" or rule.resource != "topic":
        return False
    if rule.name == "*" and rule.pattern == LITERAL:
        return True
    ours = ("fde.", "fde-engine.")
    if rule.pattern == PREFIXED:
        return any(rule.name.startswith(one) or one.startswith(rule.name) for one in ours)
    return rule.name.startswith(ours)
