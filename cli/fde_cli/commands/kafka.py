"""`fde kafka`: the topics of the engine and of customers, planned and created."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fde_cli.options import Brokers, Positive

if TYPE_CHECKING:
    from fde_events.topics import Topic

app = App(name="kafka", help="The topics of the engine and of customers: plan, apply.")

Customers = Annotated[tuple[str, ...], Parameter(env_var="FDE_CUSTOMERS", consume_multiple=True, negative=())]


@app.command
def plan(*, brokers: Brokers, customers: Customers = ()) -> int:
    """What `apply` would do, topic by topic; nothing is changed. Exit 1 when something is to do or differs.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    customers
        Customers whose topics are wanted too.
    """
    from fde_events.kafka import plan_topics

    plans = plan_topics(brokers, _wanted(customers))
    for found in plans:
        topic = found.topic
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // 86_400_000} days"
        has = f" (it has {found.partitions})" if found.verdict == "differs" else ""
        print(f"{found.verdict:8} {topic.name:40} {topic.partitions} partitions{has}, kept {kept}, holds {topic.holds}")
    return 1 if any(found.verdict != "keep" for found in plans) else 0


@app.command
def apply(*, brokers: Brokers, customers: Customers = (), replication: Positive = 1) -> int:
    """Create the topics that are missing. Run again it changes nothing.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    customers
        Customers whose topics are wanted too.
    replication
        Copies of each partition; 3 in production.
    """
    from fde_events.errors import Refused
    from fde_events.kafka import create_topics, plan_topics

    wanted = _wanted(customers)
    for name in create_topics(brokers, wanted, replication=replication):
        print(name)
    differing = [found for found in plan_topics(brokers, wanted) if found.verdict == "differs"]
    if differing:
        told = ", ".join(f"{d.topic.name} has {d.partitions}, not {d.topic.partitions}" for d in differing)
        raise Refused(
            f"partition counts are fixed, since keys would move: {told}. Make a new topic and move its readers."
        )
    print(f"fde kafka: {len(wanted)} topics are there", file=sys.stderr)
    return 0


def _wanted(customers: tuple[str, ...]) -> list[Topic]:
    from fde_events.topics import ENGINE, solutions, telemetry

    return [*ENGINE, *(topic(customer) for customer in customers for topic in (telemetry, solutions))]
