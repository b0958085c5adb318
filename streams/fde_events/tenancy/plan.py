"""What is to be done on Kafka so that it is as desired: a pure comparison.

desired(customers, feeds) -> TenantPlan;  plan(observed, TenantPlan) -> Actions;  broker.execute(action), one by one

Only users with names of ours are looked at. A user that is planned for has exactly its rules: one too many is removed. A plan
may be of one customer alone, so users of ours that it does not name, and the engine's rules on the topics of customers that
it does not name, are kept unless `prune` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from fde_events.errors import InvalidEvent
from fde_events.tenancy.acl import Rule, feed_rules, reaches_in, submit_rules
from fde_events.tenancy.quota import FEED_QUOTA, Quota, told
from fde_events.tenancy.role import ROLES, rules_of
from fde_events.tenancy.user import ENGINE_USER, FeedRef, engine_user, is_ours, submitter
from fde_events.topics import ENGINE, Topic, customer_of, solutions, telemetry

MECHANISM: Final = "SCRAM-SHA-512"
Verdict = Literal["create", "keep", "differs", "remove", "rotate", "foreign"]
Kind = Literal["topic", "quota", "user", "rule"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A topic as it stands."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """Kafka as it stands. `users`: mechanisms by user. `quotas`: values by user. `rules`: everybody's."""

    topics: Mapping[str, Seen] = field(default_factory=dict)
    users: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rules: frozenset[Rule] = frozenset()
    quotas: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One user as it should be. `quota` None: the user is the engine's, and is not held back."""

    user: str
    rules: frozenset[Rule]
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """Kafka as it should be."""

    topics: tuple[Topic, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    customers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, or to leave. `about`: the topic, user, or rule in words; `why`: what differs, or what it is."""

    kind: Kind
    verdict: Verdict
    about: str
    why: str = ""
    topic: Topic | None = None
    rule: Rule | None = None
    quota: Quota | None = None

    @property
    def changes(self) -> bool:
        """Whether it is something to do."""
        return self.verdict not in ("keep", "foreign")

    @property
    def possible(self) -> bool:
        """Whether it can be done: the number of a topic's partitions is never changed, since keys would move."""
        return self.changes and not (self.kind == "topic" and self.verdict == "differs" and "partitions" in self.why)


def desired(
    customers: Iterable[str], feeds: Iterable[FeedRef] = (), *, quota: Quota = FEED_QUOTA, engine: bool = True
) -> TenantPlan:
    """All that these customers and feeds need; a feed's customer is one of the customers.

    `engine` False leaves out the engine's topics and users: for one who provisions a feed.
    """
    named = tuple(feeds)
    served = sorted({*customers, *(feed.customer for feed in named)})
    topics = [topic(customer) for customer in served for topic in (telemetry, solutions)]
    tenants = [Tenant(feed.user, frozenset(feed_rules(feed)), quota) for feed in sorted(set(named))]
    tenants += [Tenant(submitter(customer), frozenset(submit_rules(customer)), quota) for customer in served]
    if engine:
        topics = [*ENGINE, *topics]
        tenants += [Tenant(engine_user(role.name), frozenset(rules_of(role, served))) for role in ROLES]
    return TenantPlan(tuple(topics), tuple(tenants), frozenset(served))


def plan(
    observed: Observed, wanted: TenantPlan, *, rotate: Iterable[str] = (), prune: bool = False
) -> tuple[Action, ...]:
    """Every action in the order it is to be carried out; a second plan, after them, has none that changes anything.

    `rotate`: users who get a new password. `prune`: users of ours that are not wanted go, with their rules and quotas.
    """
    anew = frozenset(rotate)
    actions = [_topic(observed, topic) for topic in wanted.topics]
    for tenant in wanted.tenants:
        # The quota first and the rules last: nobody is let in who is not held back.
        actions += _quota(observed, tenant)
        actions.append(_user(observed, tenant, anew))
        actions += _rules(observed, tenant, None if prune else wanted.customers)
    known = {tenant.user for tenant in wanted.tenants}
    if prune:
        for user in sorted(_present(observed) - known):
            actions += removal(observed, user)
    actions += [Action("rule", "foreign", rule.user, str(rule)) for rule in sorted(observed.rules) if reaches_in(rule)]
    return tuple(actions)


def removal(observed: Observed, user: str) -> tuple[Action, ...]:
    """All of one user, and nothing else. Its rules first: an open connection outlives a password, and no rule."""
    rules = [
        Action("rule", "remove", user, str(rule), rule=rule) for rule in sorted(observed.rules) if rule.user == user
    ]
    there = [Action("user", "remove", user)] if user in observed.users else []
    limits = observed.quotas.get(user)
    return (*rules, *there, *([Action("quota", "remove", user, told(limits))] if limits else []))


def _present(observed: Observed) -> set[str]:
    named = {*observed.users, *observed.quotas, *(rule.user for rule in observed.rules)}
    return {user for user in named if is_ours(user)}


def _topic(observed: Observed, topic: Topic) -> Action:
    seen = observed.topics.get(topic.name)
    if seen is None:
        return Action("topic", "create", topic.name, f"{topic.partitions} partitions, {topic.holds}", topic=topic)
    if seen.partitions != topic.partitions:
        return Action(
            "topic", "differs", topic.name, f"{seen.partitions} partitions, not {topic.partitions}", topic=topic
        )
    other = {name: value for name, value in topic.config().items() if seen.config.get(name) != value}
    if other:
        why = ", ".join(f"{name} is {seen.config.get(name, 'not set')}, not {value}" for name, value in other.items())
        return Action("topic", "differs", topic.name, why, topic=topic)
    return Action("topic", "keep", topic.name, f"{topic.partitions} partitions, {topic.holds}", topic=topic)


def _quota(observed: Observed, tenant: Tenant) -> Iterator[Action]:
    has = dict(observed.quotas.get(tenant.user, {}))
    if tenant.quota is None:
        if has:
            yield Action("quota", "remove", tenant.user, told(has))
    elif not has:
        yield Action("quota", "create", tenant.user, str(tenant.quota), quota=tenant.quota)
    elif any(has.get(name) != value for name, value in tenant.quota.values().items()):
        yield Action("quota", "differs", tenant.user, f"{told(has)}; not {tenant.quota}", quota=tenant.quota)
    else:
        yield Action("quota", "keep", tenant.user, str(tenant.quota), quota=tenant.quota)


def _user(observed: Observed, tenant: Tenant, anew: frozenset[str]) -> Action:
    if tenant.user in anew and tenant.user in observed.users:
        return Action("user", "rotate", tenant.user, "a new password")
    verdict: Verdict = "keep" if MECHANISM in observed.users.get(tenant.user, ()) else "create"
    return Action("user", verdict, tenant.user, MECHANISM)


def _rules(observed: Observed, tenant: Tenant, customers: frozenset[str] | None) -> Iterator[Action]:
    has = {rule for rule in observed.rules if rule.user == tenant.user}
    for rule in sorted(has - tenant.rules):
        if customers is not None and tenant.user.startswith(ENGINE_USER) and _is_of_another(rule, customers):
            continue
        yield Action("rule", "remove", tenant.user, str(rule), rule=rule)
    for rule in sorted(tenant.rules):
        yield Action("rule", "keep" if rule in has else "create", tenant.user, str(rule), rule=rule)


def _is_of_another(rule: Rule, customers: frozenset[str]) -> bool:
    try:
        return rule.resource == "topic" and customer_of(rule.name) not in customers
    except InvalidEvent:
        return False
