"""FDEDeployment: one primitive, running for one customer; and TelemetryFeed, its way back into the loop."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fde_api.meta import Condition, Metadata, Name63, Part, SemVer, Text, Time
from fde_api.primitive import Item, Scalar


class SecretKeyRef(Part, frozen=True, kw_only=True):
    """A key of a Secret in the same namespace. The operator never reads it."""

    name: Annotated[str, msgspec.Meta(max_length=253)]
    key: Annotated[str, msgspec.Meta(max_length=253)]


class VaultKeyRef(Part, frozen=True, kw_only=True):
    """A key of a secret in the customer's own part of an outside store: `path` is ``tenants/<namespace>/...``.

    Read by External Secrets or by the pod's Vault Agent, never by the operator.
    """

    path: Annotated[
        str,
        msgspec.Meta(pattern=r"^tenants/[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$", max_length=253),
    ]
    key: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=253)]


class SecretValue(Part, frozen=True, kw_only=True):
    """The value of a secretRef parameter: where it lies. Which form it takes, the primitive's secretsStore says."""

    secret_ref: SecretKeyRef | None = None
    vault_ref: VaultKeyRef | None = None

    def __post_init__(self) -> None:
        """The same rule as the admission policy's."""
        if (self.secret_ref is None) == (self.vault_ref is None):
            raise ValueError("a secret is one of secretRef: {name, key} and vaultRef: {path, key}")


ParameterValue = Scalar | SecretValue | list[Item]
"""A plain value, a reference to a secret, or the items of a list parameter."""


class PrimitiveRef(Part, frozen=True, kw_only=True):
    """Which primitive, and from which version on."""

    name: Name63
    version: SemVer


class Environment(Part, frozen=True, kw_only=True):
    """Where it runs."""

    network_zone: Literal["dmz", "internal", "restricted", "airgapped"]
    compliance_requirements: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=32)], ...], msgspec.Meta(max_length=16)
    ] = ()
    data_residency: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class Lifecycle(Part, frozen=True, kw_only=True):
    """When it may change by itself. `maintenance_window`: ``sun 02:00-04:00`` or ``daily 23:00-01:00``, wall clock in
    `time_zone` (IANA; unset: UTC), read as RFC 5545 does when the clocks change. `auto_update_policy`: patch-only follows
    vX.Y.*, minor vX.*, both inside the window alone; none runs exactly the named version. Annotation fde.io/update-now
    (a version, or true) lets one update through outside the window. `phase`: in development versions of any maturity are
    followed, in production those of production grade; retired is for good, and deletes what was made."""

    phase: Literal["development", "staging", "production", "retired"]
    maintenance_window: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    auto_update_policy: Literal["none", "patch-only", "minor"] = "none"


class Canary(Part, frozen=True, kw_only=True):
    """A share of replicas that moves first."""

    percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class Rollout(Part, frozen=True, kw_only=True):
    """How a new version is taken in."""

    canary: Canary = Canary()
    auto_rollback: bool = False


class FDEDeploymentSpec(Part, frozen=True, kw_only=True):
    """What a field engineer writes."""

    primitive_ref: PrimitiveRef
    environment: Environment
    lifecycle: Lifecycle
    parameters: Annotated[dict[str, ParameterValue], msgspec.Meta(max_length=256)] = {}
    rollout: Rollout = Rollout()
    suspend: bool = False


class InventoryEntry(Part, frozen=True, kw_only=True):
    """One object made for this deployment."""

    kind: str
    name: str


class Attempt(Part, frozen=True, kw_only=True):
    """One try to run one version with one spec. Times are RFC 3339, UTC.

    `ready_at`: the first time it was Ready. `failed_at`: when it was given up before that, or when it stopped being Ready
    for longer than a restart takes, within 24 hours of `ready_at`. With neither it is under way, or `reason` says why it
    was left: Superseded by another version or spec, Suspended, Retired; or that it waits: a CronJob's is Scheduled until
    its first run has ended. A success: ready, and not failed within 24 hours, whatever its reason says: RolledBack is a
    person's going back to an older version.

    `rollout_at`: when something was made for it, where that was later: the first one starts when the deployment is created.
    `run_at`: of a CronJob, when the run began whose end is `ready_at`.
    """

    version: str
    generation: int = 0
    started_at: Time
    rollout_at: Time | None = None
    run_at: Time | None = None
    ready_at: Time | None = None
    failed_at: Time | None = None
    reason: Text | None = None


class CompletedJob(Part, frozen=True, kw_only=True):
    """The Job that has done its work. `digest`: of what it ran (fde_operator.job); one that is done is not made again."""

    name: str
    digest: str
    at: Time


class VersionChange(Part, frozen=True, kw_only=True):
    """From when on which version ran, and why: FirstDeployment, SpecEdited, AutoUpdate, AutoUpdateOff, UpdateNow or Withdrawn."""

    version: str
    at: Time
    reason: Text


class FDEDeploymentStatus(Part, frozen=True, kw_only=True):
    """Written by the operator.

    `resolved_version`: what runs, or is being rolled out. `requested_version`: spec.primitiveRef.version when that was
    chosen; another one in the spec is an edit to follow. `available_version`: the highest that this customer could run, if
    it is higher. `next_window`: when a pending update is taken (RFC 3339 with the zone's offset); absent when nothing waits
    for it. `handled_update_now`: the value of annotation fde.io/update-now that has had its effect. `template_digest`: of the
    pods that were begun last while it was not suspended; what makes the same ones again is a repair. `attempts`, `history`:
    newest first.
    """

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    resolved_version: str | None = None
    applied_compliance: tuple[str, ...] = ()
    requested_version: str | None = None
    available_version: str | None = None
    next_window: str | None = None
    handled_update_now: Text | None = None
    files_digest: str | None = None
    template_digest: str | None = None
    completed_job: CompletedJob | None = None
    attempts: Annotated[tuple[Attempt, ...], msgspec.Meta(max_length=20)] = ()
    history: Annotated[tuple[VersionChange, ...], msgspec.Meta(max_length=10)] = ()
    inventory: tuple[InventoryEntry, ...] = ()


class FDEDeployment(Part, frozen=True, kw_only=True):
    """Namespaced, in a namespace labelled ``fde.io/customer``."""

    metadata: Metadata
    spec: FDEDeploymentSpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["FDEDeployment"] = "FDEDeployment"
    status: FDEDeploymentStatus | None = None


class DeploymentRef(Part, frozen=True, kw_only=True):
    """An FDEDeployment of the same namespace."""

    name: Name63


class WorkloadSelector(Part, frozen=True, kw_only=True):
    """Deployments of the same namespace that are not ours, by their labels. Each must be opted in: see `fde_operator.attach`."""

    match_labels: Annotated[
        dict[str, Annotated[str, msgspec.Meta(max_length=63)]], msgspec.Meta(min_length=1, max_length=16)
    ]


class RedactionRule(Part, frozen=True, kw_only=True):
    """A rule of the customer's own: what matches `pattern` in a line becomes ``<kind>`` (the name, where none is given).

    A pattern costs no more than a line's length: what could cost more is refused by the sidecar, which says why.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,30}$", max_length=31)]
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    kind: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,30}$", max_length=31)] | None = None


class Redaction(Part, frozen=True, kw_only=True):
    """How much leaves."""

    mode: Literal["standard", "strict"] = "standard"
    rules: Annotated[tuple[RedactionRule, ...], msgspec.Meta(max_length=32)] = ()


class Sampling(Part, frozen=True, kw_only=True):
    """First `full` events of a signature in full, then counts."""

    full: Annotated[int, msgspec.Meta(ge=1)] = 100


class Sink(Part, frozen=True, kw_only=True):
    """Where the sidecar publishes; unset: the operator's broker."""

    bootstrap_servers: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class SidecarImage(Part, frozen=True, kw_only=True):
    """The sidecar's container."""

    image: Annotated[str, msgspec.Meta(max_length=512)] | None = None


class Egress(Part, frozen=True, kw_only=True):
    """Whether anything leaves. `state` hold: reads and spools; off: neither (quoted: a bare off is false in YAML 1.1).
    `source`: whether `fde submit` may send this deployment's source code. Only the customer's role may widen them."""

    state: Literal["on", "hold", "off"] = "on"
    source: bool = False


Signal = Literal["errors", "performance", "rateLimit", "schemaDrift"]


class TelemetryFeedSpec(Part, frozen=True, kw_only=True):
    """Which signals leave, of one of `deployment_ref` and `workload_selector`, how they are redacted. `solution_paths` is
    opt-in and empty by default."""

    deployment_ref: DeploymentRef | None = None
    workload_selector: WorkloadSelector | None = None
    signals: Annotated[tuple[Signal, ...], msgspec.Meta(min_length=1, max_length=4)]
    redaction: Redaction = Redaction()
    sampling: Sampling = Sampling()
    egress: Egress = Egress()
    solution_paths: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=253)], ...], msgspec.Meta(max_length=64)
    ] = ()
    sink: Sink = Sink()
    sidecar: SidecarImage = SidecarImage()


class KafkaAccess(Part, frozen=True, kw_only=True):
    """What the operator made for a feed on Kafka. `secret`: where the user's client settings are, in the feed's namespace.

    `settled`: Kafka and the Secret have the same password. It is false from before either gets a new one until both have it.
    `secret_version`: the resource version of the Secret as the operator wrote it; another one was written by somebody else.
    """

    user: Annotated[str, msgspec.Meta(max_length=512)]
    secret: Annotated[str, msgspec.Meta(max_length=253)]
    settled: bool = False
    secret_version: Annotated[str, msgspec.Meta(max_length=64)] = ""


class TelemetryFeedStatus(Part, frozen=True, kw_only=True):
    """Written by the operator."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    kafka: KafkaAccess | None = None


class TelemetryFeed(Part, frozen=True, kw_only=True):
    """Namespaced; a default one is made for each FDEDeployment."""

    metadata: Metadata
    spec: TelemetryFeedSpec
    api_version: Literal["fde.io/v1"] = "fde.io/v1"
    kind: Literal["TelemetryFeed"] = "TelemetryFeed"
    status: TelemetryFeedStatus | None = None
