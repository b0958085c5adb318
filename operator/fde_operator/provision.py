"""What a TelemetryFeed needs on Kafka, and what it leaves behind: planned purely, from what is recorded and what is there.

Kafka, the feed's record (finalizer, status.kafka), its Secret -> steps() -> carried out in order by `feed`

A process may die between any two steps. So whatever is made is recorded before (finalizer, user), and a password counts only
once both have it: `settled` is taken away before the Secret is written, and given back after Kafka took the password. Found
unsettled, nobody knows who has what: both get a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fde_api.deployment import KafkaAccess
from fde_events.errors import Misuse
from fde_events.tenancy import plan as tenancy
from fde_events.tenancy.plan import Action, Observed
from fde_events.tenancy.user import FeedRef, feed_of

FINALIZER: Final = "fde.io/kafka-user"
FORCE: Final = "fde.io/force-removal"  # an annotation, "true": the feed goes though Kafka still has its user


@dataclass(frozen=True, slots=True)
class Hold:
    """The feed stays until its user has gone."""


@dataclass(frozen=True, slots=True)
class Record:
    """status.kafka as it is from here on."""

    access: KafkaAccess | None


@dataclass(frozen=True, slots=True)
class Change:
    """One action on Kafka."""

    action: Action


@dataclass(frozen=True, slots=True)
class Password:
    """A new password: into the Secret, then into Kafka, where nobody else learns it."""

    user: str


@dataclass(frozen=True, slots=True)
class Blank:
    """The Secret loses its settings."""


@dataclass(frozen=True, slots=True)
class Release:
    """The feed may go."""


Step = Hold | Record | Change | Password | Blank | Release


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the feed itself says. `held`: it has our finalizer. `secret`: its Secret is there, `edited` by somebody since."""

    held: bool
    access: KafkaAccess | None = None
    secret: bool = False
    edited: bool = False


def steps(observed: Observed, recorded: Recorded, wanted: FeedRef | None, secret: str) -> tuple[Step, ...]:
    """What makes Kafka, Secret and record as they should be; nothing, when they are. `wanted` None: no user at all."""
    return tuple(_steps(observed, recorded, wanted, secret))


def _steps(observed: Observed, recorded: Recorded, wanted: FeedRef | None, secret: str) -> Iterator[Step]:
    access = recorded.access
    if access is not None and (wanted is None or access.user != wanted.user):
        yield from map(Change, tenancy.removal(observed, access.user))
        if wanted is None and recorded.secret:
            yield Blank()
    if wanted is None:
        if access is not None:
            yield Record(None)
        if recorded.held:
            yield Release()
        return
    if not recorded.held:
        yield Hold()
    actions = _of(observed, wanted)
    settled = (
        access is not None
        and (access.user, access.secret, access.settled) == (wanted.user, secret, True)
        and recorded.secret
        and not recorded.edited
        and not any(action.kind == "user" and action.changes for action in actions)
    )
    pending = KafkaAccess(user=wanted.user, secret=secret)
    if not settled and access != pending:
        yield Record(pending)
    for action in actions:  # quota, then password, then rules: nobody is let in who is not held back
        if action.kind == "user":
            if not settled:
                yield Password(wanted.user)
        elif action.possible:
            yield Change(action)
    if not settled:
        yield Record(KafkaAccess(user=wanted.user, secret=secret, settled=True))


def farewell(observed: Observed, recorded: Recorded, wanted: FeedRef | None) -> tuple[Step, ...]:
    """What is to be done before the feed goes: that user, its rules and its quota, and nobody else's; no topic.

    The record may have been lost with the status (a restored cluster): then it is the user that the namespace says.
    """
    users = {recorded.access.user} if recorded.access else {wanted.user} if wanted else set()
    gone = [Change(action) for user in sorted(users) for action in tenancy.removal(observed, user)]
    return (*gone, Release())


def impossible(observed: Observed, wanted: FeedRef) -> str:
    """What Kafka has otherwise and nobody changes, as a sentence; empty when there is nothing."""
    told = [f"{a.about} has {a.why}" for a in _of(observed, wanted) if a.changes and not a.possible]
    return "; ".join(told)


def trusted(access: KafkaAccess | None, *, namespace: str, name: str) -> KafkaAccess | None:
    """The record, if it names a user that is this feed's to have: nobody is removed because of what was written there."""
    if access is None:
        return None
    try:
        named = feed_of(access.user)
    except Misuse:
        return None
    return access if (named.namespace, named.name) == (namespace, name) else None


def _of(observed: Observed, wanted: FeedRef) -> list[Action]:
    """The plan of the customer's topics and this one user. A plan has the customer's submitter too: that is not a feed's."""
    whole = tenancy.plan(observed, tenancy.desired([], [wanted], engine=False))
    return [a for a in whole if a.verdict != "foreign" and (a.kind == "topic" or a.about == wanted.user)]
