"""The users of Kafka: one a TelemetryFeed, one a customer for handing in solutions, one a process of the engine.

A customer is a DNS label and a namespace too, so the dots in `fde-feed.<customer>.<namespace>.<name>` read one way only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fde_events.errors import Misuse
from fde_events.topics import CUSTOMER, check_customer

FEED_USER: Final = "fde-feed."
SUBMIT_USER: Final = "fde-submit."
ENGINE_USER: Final = "fde-engine."
_OURS: Final = (FEED_USER, SUBMIT_USER, ENGINE_USER)
_LABEL: Final = CUSTOMER
_NAME: Final = re.compile(rf"{CUSTOMER.pattern}(?:\.{CUSTOMER.pattern})*")
_MAX_NAME: Final = 253


@dataclass(frozen=True, slots=True, order=True)
class FeedRef:
    """A TelemetryFeed and the customer whose namespace it lives in. The customer comes from the namespace, never from the feed."""

    customer: str
    namespace: str
    name: str

    def __post_init__(self) -> None:
        check_customer(self.customer)
        if not _LABEL.fullmatch(self.namespace):
            raise Misuse(f"namespace {self.namespace!r} is not a DNS label")
        if len(self.name) > _MAX_NAME or not _NAME.fullmatch(self.name):
            raise Misuse(f"feed {self.name!r} is not a Kubernetes name")

    @property
    def user(self) -> str:
        """The feed's Kafka user."""
        return f"{FEED_USER}{self.customer}.{self.namespace}.{self.name}"


def feed_of(user: str) -> FeedRef:
    """The feed whose user this is. :class:`Misuse` for any other user."""
    parts = user.removeprefix(FEED_USER).split(".", 2)
    if not user.startswith(FEED_USER) or len(parts) != 3:
        raise Misuse(f"{user!r} is no feed's user ({FEED_USER}<customer>.<namespace>.<name>)")
    return FeedRef(*parts)


def submitter(customer: str) -> str:
    """The user a customer's engineers hand in solutions with."""
    return f"{SUBMIT_USER}{check_customer(customer)}"


def engine_user(role: str) -> str:
    """The user of one of the engine's roles (:data:`~fde_events.tenancy.role.ROLES`)."""
    return f"{ENGINE_USER}{role}"


def is_ours(user: str) -> bool:
    """Whether the user's name is one that this plan gives out. Others are never touched."""
    return user.startswith(_OURS)
