"""Recording: the operator's own acts, from the journal in its state directory to the chain ``operator`` on Kafka.

AuditedCluster -> Journal -> ChainWriter -> `fde-engine.audit`; heads into ConfigMap fde-system/fde-audit-anchor
"""

from __future__ import annotations

from pathlib import Path

from structlog import get_logger

from fde_operator.audit.anchors import ConfigMapAnchors
from fde_operator.audit.audited import AuditedCluster
from fde_operator.audit.journal import Journal
from fde_operator.audit.keys import SecretKeys
from fde_operator.audit.names import CustomerOf, Names
from fde_operator.audit.topic import KafkaChain
from fde_operator.audit.writer import ChainWriter
from fde_operator.cluster import Cluster
from fde_operator.metrics import Metrics

log = get_logger()
_CHAIN = "operator"


class Recording:
    """`cluster`: as the operator's account, for keys and anchors alone. Raises Misuse and Unavailable if `state` cannot be used."""

    def __init__(self, brokers: str, state: Path, cluster: Cluster, customer_of: CustomerOf) -> None:
        self._journal = Journal(state / "journal")
        self._writer = ChainWriter(self._journal, KafkaChain(brokers, _CHAIN), (ConfigMapAnchors(cluster),))
        self._names = Names(SecretKeys(cluster), customer_of)

    def tell(self, metrics: Metrics) -> None:
        """What waits, what was lost, and whether the chain can be written, whenever Prometheus asks."""
        metrics.audit_waiting.set_function(lambda: float(self._journal.waiting()))
        metrics.audit_dropped.set_function(lambda: float(self._journal.dropped))
        metrics.audit_failures.set_function(lambda: float(self._writer.failures))

    def recorded(self, cluster: Cluster) -> AuditedCluster:
        """`cluster`, every write of which is an act."""
        return AuditedCluster(cluster, self._journal, self._names)

    async def run(self) -> None:
        """Write as acts come. Returns only when another process writes the chain: this one no longer leads."""
        await self._writer.run()

    async def stop(self) -> None:
        """Write what is there; what cannot be written stays in the journal."""
        await self._writer.stop()
        self._journal.close()
