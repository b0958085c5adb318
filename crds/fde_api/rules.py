"""What a CRD says beyond types: the rules of each kind, list types, which objects the server fills in. Tables only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fde_api.rule import Path, Rules
from fde_api.rules_of_customers import DEPLOYMENT, FEED
from fde_api.rules_of_patterns import CANDIDATE, LIBRARY, PRIMITIVE, PROPOSAL

RULES: Final[Mapping[str, Rules]] = {
    "DeploymentPrimitive": PRIMITIVE,
    "FDEDeployment": DEPLOYMENT,
    "PatternLibrary": LIBRARY,
    "TelemetryFeed": FEED,
    "PatternCandidate": CANDIDATE,
    "PatternProposal": PROPOSAL,
}

# Objects that the API server puts in where they are left out, so that the defaults within them apply, show in `kubectl get`
# and can be relied upon by rules. A parent stands before what is in it.
FILLED: Final[Mapping[str, tuple[Path, ...]]] = {
    "TelemetryFeed": (("spec", "redaction"), ("spec", "egress")),
    "PatternLibrary": (
        ("spec", "selector"),
        ("spec", "gates"),
        ("spec", "gates", "beta"),
        ("spec", "gates", "production"),
        ("spec", "demotion"),
    ),
}

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
        "appliedCompliance",
        "complianceRequirements",
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
