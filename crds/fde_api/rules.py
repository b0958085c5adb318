"""What a CRD says beyond types: CEL rules, list types, printer columns. Tables only; the reason is each rule's message.

CRD CEL sees one object and its former self, never the user or the namespace: those rules are in deploy/policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One CEL rule. With `oldSelf` it is a transition rule: not evaluated when the object is created."""

    cel: str
    message: str
    field: str | None = None
    reason: str = "FieldValueInvalid"

    def as_validation(self) -> dict[str, Any]:
        """The rule as it stands under x-kubernetes-validations."""
        found: dict[str, Any] = {"rule": self.cel, "message": self.message, "reason": self.reason}
        return found | ({"fieldPath": self.field} if self.field else {})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


# List types by field name: one name means one thing in every kind. Duplicates in a map or a set are refused by the server.
MAP_KEYS: Final[Mapping[str, str]] = {
    "conditions": "type",
    "parameters": "name",
    "files": "path",
    "env": "name",
}
SETS: Final = frozenset(
    {
        "tags",
        "compliance",
        "complianceRequirements",
        "appliedCompliance",
        "contributors",
        "sources",
        "visibleTo",
        "signals",
        "signatures",
        "solutionPaths",
        "dataQualityChecks",
    }
)
# A proposal is replaced as a whole: one owner, and not one managed field for each of its parts.
ATOMIC: Final = frozenset({"proposal"})

_SPEC: Final = ("spec",)
_WINDOW: Final = "^(mon|tue|wed|thu|fri|sat|sun|daily) ([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"  # sun 02:00-04:00


_RANGE: Final = (
    Rule(
        "!(has(self.minimum) || has(self.maximum)) || self.type in ['int', 'float']",
        "only an int or a float has a minimum or a maximum",
    ),
    Rule(
        "!(has(self.minimum) && has(self.maximum)) || self.minimum <= self.maximum",
        "the minimum is greater than the maximum",
    ),
)


def _template_rules(at: tuple[str, ...]) -> dict[tuple[str, ...], tuple[Rule, ...]]:
    """The rules of a primitive's spec; a candidate's proposal has the same."""
    return {
        (*at, "template", "files", "*", "path"): (
            Rule(
                "!self.contains('..') && !self.contains('//') && !self.endsWith('/')",
                "path must name a file below the mount path, without '..' or '//'",
            ),
        ),
        (*at, "template", "files", "*", "segments", "*"): (
            Rule(
                "[has(self.text), has(self.hole), has(self.when), has(self.each), has(self.mark)].exists_one(x, x)",
                "a segment holds exactly one of text, hole, when, each and mark",
            ),
        ),
        (*at, "parameters", "*"): _RANGE,
        (*at, "parameters", "*", "fields", "*"): _RANGE,
        (*at, "runtime", "workload"): (
            Rule(
                "self.kind != 'CronJob' || has(self.schedule)",
                "a CronJob needs a schedule (five cron fields, or a duration such as 30m)",
                ".schedule",
                "FieldValueRequired",
            ),
        ),
    }


PRIMITIVE: Final[Mapping[tuple[str, ...], tuple[Rule, ...]]] = {
    (): (
        Rule(
            "self.metadata.name == self.spec.primitiveName + '.' + self.spec.version",
            "metadata.name must be <spec.primitiveName>.<spec.version>",
        ),
    ),
    _SPEC: (Rule("self == oldSelf", "a published primitive version is immutable; publish a new version"),),
    **_template_rules(_SPEC),
}

CANDIDATE: Final[Mapping[tuple[str, ...], tuple[Rule, ...]]] = {
    _SPEC: (
        Rule("!has(oldSelf.review) || self.proposal == oldSelf.proposal", "proposal is frozen once reviewed"),
        Rule(
            "!has(oldSelf.review) || (has(self.review) && self.review == oldSelf.review)",
            "a review decision is final; propose a new candidate instead",
        ),
        Rule(
            "!has(oldSelf.review) || (has(self.proof) == has(oldSelf.proof) && (!has(self.proof) || self.proof == "
            "oldSelf.proof) && has(self.evidenceDigest) == has(oldSelf.evidenceDigest) && (!has(self.evidenceDigest) || "
            "self.evidenceDigest == oldSelf.evidenceDigest) && self.signal == oldSelf.signal)",
            "signal, proof and evidenceDigest are frozen once reviewed",
        ),
        # That the digest is the proposal's own is checked at publication: CEL cannot compute it.
        Rule(
            "self.proposal == oldSelf.proposal || !has(self.proof) || !has(oldSelf.proof) || (has(self.proof.proposalDigest) "
            "&& (!has(oldSelf.proof.proposalDigest) || self.proof.proposalDigest != oldSelf.proof.proposalDigest))",
            "a changed proposal needs a proof of its own; run the checks again, or drop the proof",
        ),
        Rule(
            "!has(self.review) || self.review.decision != 'Approved' || !has(self.proof) || !has(self.proof.acknowledge) || "
            "size(self.proof.acknowledge) == 0 || (has(self.review.acknowledged) && self.review.acknowledged)",
            "an approval must say that what the proof lists was acknowledged (review.acknowledged: true)",
        ),
        Rule("!has(self.review) || self.review.reviewer != self.author.username", "the author may not review"),
        Rule(
            "!has(self.review) || !has(self.contributors) || !(self.review.reviewer in self.contributors)",
            "a contributor may not review",
        ),
        Rule(
            "!has(oldSelf.contributors) || size(oldSelf.contributors) == 0 || has(self.contributors)",
            "contributors can only be added",
        ),
    ),
    (*_SPEC, "author"): (Rule("self == oldSelf", "author is immutable"),),
    (*_SPEC, "contributors"): (Rule("oldSelf.all(c, c in self)", "contributors can only be added"),),
    (*_SPEC, "review"): (
        Rule(
            "self.decision != 'Rejected' || (has(self.reason) && size(self.reason) >= 10)",
            "a rejection needs a reason of at least 10 characters",
            ".reason",
            "FieldValueRequired",
        ),
    ),
    **_template_rules((*_SPEC, "proposal")),
}

PROPOSAL: Final[Mapping[tuple[str, ...], tuple[Rule, ...]]] = {
    _SPEC: (
        Rule(
            "self.author == oldSelf.author && self.files == oldSelf.files",
            "what was submitted is immutable; submit again",
        ),
    ),
}

DEPLOYMENT: Final[Mapping[tuple[str, ...], tuple[Rule, ...]]] = {
    (): (
        Rule(
            "size(self.metadata.name) <= 52",
            "metadata.name must be at most 52 characters (a CronJob's name is, and children are named after it)",
        ),
        Rule(
            "!self.metadata.name.contains('.')",
            "metadata.name must hold no dot (it becomes a label and a container's host name)",
        ),
    ),
    _SPEC: (
        Rule(
            "self.lifecycle.autoUpdatePolicy == 'none' || has(self.lifecycle.maintenanceWindow)",
            "autoUpdatePolicy other than none needs lifecycle.maintenanceWindow",
            ".lifecycle.maintenanceWindow",
            "FieldValueRequired",
        ),
        # A transition rule does not run on a field that was removed: removal is caught at the parent.
        Rule(
            "!(has(oldSelf.environment.dataResidency) && !has(self.environment.dataResidency))",
            "dataResidency cannot be removed",
        ),
    ),
    (*_SPEC, "primitiveRef", "name"): (
        Rule("self == oldSelf", "primitiveRef.name is immutable; make a new FDEDeployment for another primitive"),
    ),
    (*_SPEC, "environment", "dataResidency"): (Rule("self == oldSelf", "dataResidency is immutable"),),
    (*_SPEC, "lifecycle", "phase"): (Rule("oldSelf != 'retired' || self == 'retired'", "retired is terminal"),),
    (*_SPEC, "lifecycle", "maintenanceWindow"): (
        Rule(f"self.matches('{_WINDOW}')", "a window reads like 'sun 02:00-04:00' or 'daily 01:30-03:00'"),
        Rule(
            "!self.matches('^[a-z]+ [0-9:]+-[0-9:]+$') || "
            "self.split(' ')[1].split('-')[0] != self.split(' ')[1].split('-')[1]",
            "the window is empty: it starts when it ends",
        ),
    ),
}

FEED: Final[Mapping[tuple[str, ...], tuple[Rule, ...]]] = {
    _SPEC: (
        Rule(
            "has(self.deploymentRef) != has(self.workloadSelector)",
            "a feed is of one of deploymentRef and workloadSelector",
        ),
        Rule(
            "has(self.deploymentRef) == has(oldSelf.deploymentRef)",
            "a feed of a deployment stays one; make a new TelemetryFeed",
        ),
    ),
    (*_SPEC, "deploymentRef"): (Rule("self == oldSelf", "deploymentRef is immutable; make a new TelemetryFeed"),),
    (*_SPEC, "workloadSelector"): (Rule("size(self.matchLabels) > 0", "matchLabels must name at least one label"),),
}

RULES: Final[Mapping[str, Mapping[tuple[str, ...], tuple[Rule, ...]]]] = {
    "DeploymentPrimitive": PRIMITIVE,
    "FDEDeployment": DEPLOYMENT,
    "PatternLibrary": {},
    "TelemetryFeed": FEED,
    "PatternCandidate": CANDIDATE,
    "PatternProposal": PROPOSAL,
}

_READY: Final = Column("Ready", ".status.conditions[?(@.type=='Ready')].status")
_REASON: Final = Column("Reason", ".status.conditions[?(@.type=='Ready')].reason")
_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "DeploymentPrimitive": (
        Column("Primitive", ".spec.primitiveName"),
        Column("Version", ".spec.version"),
        Column("Maturity", ".status.maturity"),
        Column("Used", ".status.usage.deployments", "integer"),
        Column("Approved-By", ".spec.provenance.approvedBy", priority=1),
        _READY,
        _AGE,
    ),
    "FDEDeployment": (
        Column("Primitive", ".spec.primitiveRef.name"),
        Column("Running", ".status.resolvedVersion"),
        Column("Phase", ".spec.lifecycle.phase"),
        Column("Zone", ".spec.environment.networkZone", priority=1),
        _READY,
        _REASON,
        _AGE,
    ),
    "PatternLibrary": (Column("Domain", ".spec.selector.domain"), _READY, _AGE),
    "TelemetryFeed": (
        Column("Deployment", ".spec.deploymentRef.name"),
        Column("Redaction", ".spec.redaction.mode"),
        _READY,
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
    "FDEDeployment": (".spec.primitiveRef.name", ".spec.lifecycle.phase"),
    "PatternLibrary": (),
    "TelemetryFeed": (".spec.deploymentRef.name",),
    "PatternCandidate": (".spec.signal.challenge", ".spec.review.decision"),
    "PatternProposal": (".spec.challenge", ".spec.reuse"),
}
