"""What `kubectl get` shows of each kind, and which fields `--field-selector` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``. `priority` above 0: with ``-o wide`` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


_READY: Final = Column("Ready", ".status.conditions[?(@.type=='Ready')].status")
_REASON: Final = Column("Reason", ".status.conditions[?(@.type=='Ready')].reason")
_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "DeploymentPrimitive": (
        Column("Primitive", ".spec.primitiveName"),
        Column("Version", ".spec.version"),
        Column("Maturity", ".status.maturity"),
        Column("Used", ".status.usage.deployments", "integer"),
        Column("Success", ".status.usage.successRate", "number", priority=1),
        Column("Superseded-By", ".status.supersededBy", priority=1),
        Column("Approved-By", ".spec.provenance.approvedBy", priority=1),
        _READY,
        _AGE,
    ),
    "FDEDeployment": (
        Column("Primitive", ".spec.primitiveRef.name"),
        Column("Running", ".status.resolvedVersion"),
        Column("Phase", ".spec.lifecycle.phase"),
        Column("Zone", ".spec.environment.networkZone", priority=1),
        Column("Updates", ".spec.lifecycle.autoUpdatePolicy", priority=1),
        Column("Available", ".status.availableVersion", priority=1),
        Column("Next-Window", ".status.nextWindow", priority=1),
        _READY,
        _REASON,
        _AGE,
    ),
    "PatternLibrary": (
        Column("Domain", ".spec.selector.domain"),
        Column("Experimental", ".status.counts.experimental", "integer"),
        Column("Beta", ".status.counts.beta", "integer"),
        Column("Production", ".status.counts.production", "integer"),
        Column("Deprecated", ".status.counts.deprecated", "integer", priority=1),
        _READY,
        _AGE,
    ),
    "TelemetryFeed": (
        Column("Deployment", ".spec.deploymentRef.name"),
        Column("Redaction", ".spec.redaction.mode"),
        Column("Egress", ".spec.egress.state", priority=1),
        _READY,
        _REASON,
        _AGE,
    ),
    "PatternCandidate": (
        Column("Challenge", ".spec.signal.challenge"),
        Column("Deployments", ".spec.signal.deployments", "integer"),
        Column("Customers", ".spec.signal.customers", "integer"),
        Column("Decision", ".spec.review.decision"),
        Column("Published", ".status.publishedAs"),
        _REASON,
        _AGE,
    ),
    "PatternProposal": (
        Column("Author", ".spec.author.username"),
        Column("Challenge", ".spec.challenge"),
        Column("Reuse", ".spec.reuse"),
        Column("Joined", ".status.joinedTo"),
        _AGE,
    ),
}

SELECTABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "DeploymentPrimitive": (".spec.primitiveName", ".spec.version", ".spec.domain"),
    "FDEDeployment": (
        ".spec.primitiveRef.name",
        ".spec.primitiveRef.version",
        ".spec.lifecycle.phase",
        ".spec.environment.networkZone",
    ),
    "PatternLibrary": (".spec.selector.domain",),
    "TelemetryFeed": (".spec.deploymentRef.name",),
    "PatternCandidate": (".spec.signal.challenge", ".spec.review.decision", ".spec.proposal.primitiveName"),
    "PatternProposal": (".spec.challenge", ".spec.reuse"),
}
