"""Everything the operator reads from its environment, once, at the entry point."""

from __future__ import annotations

from typing import Final

import msgspec

from fde_operator.landscape import Landscape

FIELD_MANAGER: Final = "fde-operator"
MANAGED_BY: Final = "fde-operator"


class OperatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Printed at start; holds no secret."""

    brokers: str | None = None  # FDE_BROKERS: bootstrap servers; None: no decision records, sidecars spool
    kafka_config: str | None = None  # a file of the operator's own client settings; sidecars have theirs in the Secret
    kafka_admin_config: str | None = None  # the same of a user who may make users (role tenancy); None: kafka_config's
    kafka_users: bool = False  # each feed gets a user of its own: the administrator logs in with a password
    kafka_replication: int | None = None  # copies of a customer's topics; None: 3, or as many as there are brokers
    broker_networks: tuple[str, ...] = ()  # CIDRs of the brokers; empty: their ports, at any address
    sidecar_image: str = "fde/sidecar:0.1.0"
    runtime_image: str = "fde/runtime:0.1.0"  # runs `python -m fde_template.pod`, in pods whose files hold secrets
    telemetry_secret: str | None = (
        None  # a Secret of each customer's namespace: pseudonym.key, and kafka.yaml if needed
    )
    landscape: Landscape = Landscape()  # FDE_LANDSCAPE: a YAML file; regions, zones, networks, secret stores
    leader_election: bool = True  # False: the only one there is, which writes as soon as it starts
    namespace: str = "fde-system"  # of the Lease, the audit's keys and anchors
    health: str | None = None  # FDE_OPERATOR_HEALTH: host:port of /healthz, /readyz and /metrics
    audit_state: str | None = None  # FDE_AUDIT_STATE: a directory; what is done is journaled there, and then on Kafka
    workers: int = 8
    resync_s: float = 600.0
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 300.0
