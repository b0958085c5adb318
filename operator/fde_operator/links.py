"""Links: the operator's own connections to Kafka, each as the rest of it sees them: counted, fenced, or not there.

settings -> recording(), decisions(), administration() -> process.py, which starts and stops them
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fde_events.connection import connection as kafka_connection
from fde_operator import kafka
from fde_operator.calls import CalledAdministration, CalledDecisions, Calls
from fde_operator.cluster import Cluster
from fde_operator.decisions import KafkaDecisions, NoDecisions
from fde_operator.fence import Fence, FencedAdministration, FencedDecisions
from fde_operator.metrics import Metrics
from fde_operator.mirror import Mirror
from fde_operator.primitive import Decisions
from fde_operator.queue import Backoff
from fde_operator.recording import Recording
from fde_operator.settings import OperatorSettings

_KAFKA_CAP_S: Final = 60.0  # between two questions to a Kafka that is away


def recording(
    settings: OperatorSettings, cluster: Cluster, mirror: Mirror, tell: Callable[[str], None]
) -> Recording | None:
    """The record of what the operator does to `cluster`; None, and told why, where it has no place."""
    if settings.brokers is None or settings.audit_state is None:
        missing = "FDE_BROKERS" if settings.brokers is None else "FDE_AUDIT_STATE"
        tell(f"fde operator: what it does is not recorded for audit: {missing} is not set")
        return None

    async def customer_of(namespace: str) -> str | None:
        return mirror.customer(namespace)

    return Recording(_connection(settings), Path(settings.audit_state), cluster, customer_of)


def _connection(settings: OperatorSettings) -> str:
    """The operator's own connection to Kafka."""
    file = Path(settings.kafka_config) if settings.kafka_config else None
    return kafka_connection(settings.brokers or "", file)


def decisions(settings: OperatorSettings, metrics: Metrics, fence: Fence) -> Decisions:
    """Where decisions are published; nowhere without brokers."""
    if settings.brokers is None:
        return FencedDecisions(NoDecisions(), fence)
    called = CalledDecisions(KafkaDecisions(_connection(settings)), Calls("decisions", metrics))
    return FencedDecisions(called, fence)


def administration(settings: OperatorSettings, metrics: Metrics, fence: Fence) -> kafka.Kafka | None:
    """Who makes feeds' users; None: nobody may."""
    if not settings.kafka_users:
        return None
    calls = Calls("kafka", metrics)

    def opened() -> kafka.Site:
        site = kafka.opened(settings)
        called = CalledAdministration(site.administration, calls)
        return kafka.Site(FencedAdministration(called, fence), site.shared)

    backoff = Backoff(settings.backoff_base_s, min(_KAFKA_CAP_S, settings.backoff_cap_s))
    return kafka.Kafka(opened, str(settings.brokers), backoff)
