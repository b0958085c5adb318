"""`fde kafka`: topics, users, access rules and quotas of the engine, of customers and their feeds: planned, and applied."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from fde_cli.options import Brokers, KafkaConfig, Positive, Seconds, reached

if TYPE_CHECKING:
    from fde_events.connection import Connection
    from fde_events.tenancy.broker import Tenancy
    from fde_events.tenancy.credential import CredentialFolder
    from fde_events.tenancy.plan import Action, TenantPlan
    from fde_events.tenancy.quota import Quota
    from fde_events.tenancy.user import FeedRef

app = App(name="kafka", help="Topics, users, access rules and quotas: plan, apply, revoke.")

Customers = Annotated[tuple[str, ...], Parameter(env_var="FDE_CUSTOMERS", consume_multiple=True, negative=())]
Feeds = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())]
Flag = Annotated[bool, Parameter(negative=())]
Users = Literal["auto", "yes", "no"]


@app.command
def plan(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    customers: Customers = (),
    feeds: Feeds = (),
    rate: Positive | None = None,
    requests: Positive | None = None,
    users: Users = "auto",
    prune: Flag = False,
    json_: Annotated[Flag, Parameter(name="--json")] = False,
) -> int:
    """What `apply` would do, one line each; nothing is changed. Exit 1 when something is to do or differs.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        The administrator's Kafka client settings, a YAML mapping; needed for a broker on another machine.
    customers
        Customers whose topics and users are wanted too.
    feeds
        CUSTOMER/NAMESPACE/NAME of a TelemetryFeed, or its manifest, CUSTOMER=FILE.yaml (FILE.yaml with one --customers).
    rate
        Bytes a second that one feed may write to one broker.
    requests
        Per cent of one broker thread's time that one feed may take.
    users
        Users, rules and quotas too: yes; topics alone: no; auto: yes when --kafka-config logs in.
    prune
        Users of ours that are named here by nobody are to go.
    json_
        One JSON object a line.
    """
    from fde_events.tenancy.plan import plan as compare

    at, wanted = _wanted(brokers, kafka_config, customers, feeds, rate, requests, users)
    if not wanted.tenants:
        return _plan_topics(at, wanted)
    actions = compare(_tenancy(at).observe(), wanted, prune=prune)
    _tell(actions, json_)
    return 1 if any(action.changes for action in actions) else 0


@app.command
def apply(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    customers: Customers = (),
    feeds: Feeds = (),
    credentials: Path | None = None,
    rotate: Feeds = (),
    rate: Positive | None = None,
    requests: Positive | None = None,
    replication: Positive = 1,
    users: Users = "auto",
    prune: Flag = False,
) -> int:
    """Make it so: topics, then each user's quota, password and rules. Run again it changes nothing.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        The administrator's Kafka client settings, a YAML mapping; needed for a broker on another machine.
    customers
        Customers whose topics and users are wanted too.
    feeds
        CUSTOMER/NAMESPACE/NAME of a TelemetryFeed, or its manifest, CUSTOMER=FILE.yaml (FILE.yaml with one --customers).
    credentials
        A directory for the new users' client settings, USER.yaml, readable by you alone. Passwords are never printed.
    rotate
        Users that get a new password.
    rate
        Bytes a second that one feed may write to one broker.
    requests
        Per cent of one broker thread's time that one feed may take.
    replication
        Copies of each partition; 3 in production.
    users
        Users, rules and quotas too: yes; topics alone: no; auto: yes when --kafka-config logs in.
    prune
        Users of ours that are named here by nobody go, with their rules and quotas.
    """
    from fde_events.errors import Misuse, Refused
    from fde_events.tenancy.credential import CredentialFolder
    from fde_events.tenancy.plan import plan as compare

    at, wanted = _wanted(brokers, kafka_config, customers, feeds, rate, requests, users)
    if not wanted.tenants:
        return _create_topics(at, wanted, replication)
    if credentials is None:
        raise Misuse("where do the new users' passwords go? Give --credentials DIR; they are not printed.")
    known = {tenant.user for tenant in wanted.tenants}
    if unknown := sorted(set(rotate) - known):
        raise Misuse(f"--rotate {unknown[0]}: no such user is named by --customers or --feeds.")
    folder = CredentialFolder(credentials)
    tenancy = _tenancy(at, replication)
    again = {*rotate, *(user for user in known if folder.interrupted(user))}
    actions = compare(tenancy.observe(), wanted, rotate=again, prune=prune)
    for action in actions:
        if action.possible:
            _carry_out(tenancy, action, folder, at)
    kept = [a.about for a in actions if a.kind == "user" and a.verdict == "keep" and not folder.has(a.about)]
    if kept:
        print(
            f"fde kafka: {len(kept)} users have passwords that are not in {credentials}: {', '.join(kept)}. "
            "--rotate USER makes a new one.",
            file=sys.stderr,
        )
    impossible = [action for action in actions if action.changes and not action.possible]
    if impossible:
        told = "; ".join(f"{action.about} has {action.why}" for action in impossible)
        raise Refused(
            f"partition counts are fixed, since keys would move: {told}. Make a new topic and move its readers."
        )
    print(
        f"fde kafka: {len(wanted.topics)} topics and {len(wanted.tenants)} users are as they should be", file=sys.stderr
    )
    return 0


@app.command
def revoke(
    feed: str,
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    credentials: Path | None = None,
    timeout: Seconds = 20.0,
) -> int:
    """Take one feed's user, rules and quota away; nobody else's, and no topic. Exit 1 when there is nothing of it.

    Parameters
    ----------
    feed
        CUSTOMER/NAMESPACE/NAME, or the user's name (fde-feed.CUSTOMER.NAMESPACE.NAME).
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        The administrator's Kafka client settings, a YAML mapping; needed for a broker on another machine.
    credentials
        The directory with the feed's client settings; its file goes too.
    timeout
        Seconds to wait for Kafka.
    """
    from fde_events.tenancy.broker import Tenancy
    from fde_events.tenancy.credential import CredentialFolder
    from fde_events.tenancy.plan import removal
    from fde_events.tenancy.user import FEED_USER, feed_of

    user = (feed_of(feed) if feed.startswith(FEED_USER) else _feed(feed)).user
    tenancy = Tenancy(reached(brokers, kafka_config), timeout_s=timeout)
    actions = removal(tenancy.observe(), user)
    for action in actions:  # in this order: the rules first, since a connection that is open outlives a password
        tenancy.execute(action)
        print(_line(action))
    if credentials is not None:
        CredentialFolder(credentials).forget(user)
    if not actions:
        print(f"fde kafka: there is no user {user}", file=sys.stderr)
    return 0 if actions else 1


@app.command
def retention(*, json_: Annotated[Flag, Parameter(name="--json")] = False) -> None:
    """How long every topic and every other store keeps what, and what erases it.

    Parameters
    ----------
    json_
        One JSON object a line.
    """
    import json
    from dataclasses import asdict

    from fde_events.topics import ENGINE, STORES, Store, Topic, solutions, telemetry

    table: tuple[Topic | Store, ...] = (
        telemetry("customer"),
        solutions("customer"),
        *ENGINE,
        *STORES,
    )
    for kept in table:
        days = kept.retention_ms // 86_400_000
        until = getattr(kept, "until", "for ever")
        cap = getattr(kept, "cap_bytes", None)
        told = (until if days < 0 else f"{days} days") + (f", at most {cap // 1_048_576} MiB" if cap else "")
        print(json.dumps(asdict(kept)) if json_ else f"{kept.name:26} {kept.holds:46} {told:46} {kept.erased}")


def _carry_out(tenancy: Tenancy, action: Action, folder: CredentialFolder, at: Connection) -> None:
    from fde_events.tenancy.credential import carried, generate

    if action.kind == "user" and action.verdict != "remove":
        made = generate(action.about)
        folder.draft(
            made, carried(at.settings)
        )  # before Kafka knows it: a password that nobody holds is worse than a file
        tenancy.upsert(made)
        folder.settle(made.user)
    else:
        tenancy.execute(action)
        if action.kind == "user":
            folder.forget(action.about)
    print(_line(action), flush=True)


def _wanted(
    brokers: str,
    kafka_config: Path | None,
    customers: Sequence[str],
    feeds: Sequence[str],
    rate: int | None,
    requests: int | None,
    users: Users,
) -> tuple[Connection, TenantPlan]:
    """The connection, and what there should be; without tenants where users are not wanted."""
    from fde_events.errors import Misuse
    from fde_events.tenancy.plan import TenantPlan, desired
    from fde_events.topics import check_customer

    at = reached(brokers, kafka_config)
    served = [check_customer(customer) for customer in customers]
    named = [_feed(feed, served[0] if len(served) == 1 else None) for feed in feeds]
    wanted = desired(served, named, quota=_quota(rate, requests))
    logs_in = str(at.settings.get("security.protocol", "")).upper().startswith("SASL_")
    if users == "yes" or (users == "auto" and logs_in):
        return at, wanted
    if feeds:
        raise Misuse(
            "a feed's user needs a Kafka that asks for passwords: give --kafka-config with the administrator's."
        )
    return at, TenantPlan(wanted.topics)


def _quota(rate: int | None, requests: int | None) -> Quota:
    from fde_events.tenancy.quota import FEED_QUOTA, Quota

    return Quota(rate or FEED_QUOTA.producer_byte_rate, requests or FEED_QUOTA.request_percentage)


def _feed(said: str, only: str | None = None) -> FeedRef:
    """CUSTOMER/NAMESPACE/NAME; CUSTOMER=FILE with the manifest; or FILE, of the `only` customer. :class:`Misuse` else."""
    from fde_events.errors import Misuse
    from fde_events.tenancy.user import FeedRef

    customer, names_customer, file = said.rpartition("=")
    if names_customer or Path(file).suffix in (".yaml", ".yml"):
        from fde_sidecar.feed import read_feed

        if not (customer or only):
            raise Misuse(f"whose feed is {said}? Give CUSTOMER={said}: a manifest does not say it.")
        feed = read_feed(Path(file))
        return FeedRef(customer or str(only), feed.namespace, feed.name)
    parts = said.split("/")
    if len(parts) != 3:
        raise Misuse(f"{said!r} is no feed: CUSTOMER/NAMESPACE/NAME, or CUSTOMER=FILE.yaml")
    return FeedRef(*parts)


def _tenancy(at: Connection, replication: int = 1) -> Tenancy:
    from fde_events.tenancy.broker import Tenancy

    return Tenancy(at, replication=replication)


def _tell(actions: Sequence[Action], as_json: bool) -> None:
    import json

    for action in actions:
        if as_json:
            told = {"what": action.kind, "verdict": action.verdict, "about": action.about, "why": action.why}
            print(json.dumps(told))
        else:
            print(_line(action))


def _line(action: Action) -> str:
    kept = ""
    if action.topic is not None:
        days = action.topic.retention_ms // 86_400_000
        kept = ", kept for ever" if days < 0 else f", kept {days} days"
    return f"{action.verdict:8} {action.kind:6} {action.about:40} {action.why}{kept}".rstrip()


def _plan_topics(at: Connection, wanted: TenantPlan) -> int:
    from fde_events.kafka import plan_topics

    plans = plan_topics(at, wanted.topics)
    for found in plans:
        topic = found.topic
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // 86_400_000} days"
        has = f" (it has {found.partitions})" if found.verdict == "differs" else ""
        print(f"{found.verdict:8} {topic.name:40} {topic.partitions} partitions{has}, kept {kept}, holds {topic.holds}")
    return 1 if any(found.verdict != "keep" for found in plans) else 0


def _create_topics(at: Connection, wanted: TenantPlan, replication: int) -> int:
    from fde_events.errors import Refused
    from fde_events.kafka import create_topics, plan_topics

    for name in create_topics(at, wanted.topics, replication=replication):
        print(name)
    differing = [found for found in plan_topics(at, wanted.topics) if found.verdict == "differs"]
    if differing:
        told = ", ".join(f"{d.topic.name} has {d.partitions}, not {d.topic.partitions}" for d in differing)
        raise Refused(
            f"partition counts are fixed, since keys would move: {told}. Make a new topic and move its readers."
        )
    print(f"fde kafka: {len(wanted.topics)} topics are there", file=sys.stderr)
    return 0
