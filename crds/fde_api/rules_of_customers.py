"""CEL rules of what runs in customers' namespaces: deployments and feeds."""

from __future__ import annotations

from typing import Final

from fde_api.rule import Rule, Rules, reads
from fde_api.rules_of_patterns import NAME, TAG, VERSION

_SPEC: Final = ("spec",)
_WINDOW: Final = "^(mon|tue|wed|thu|fri|sat|sun|daily) ([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"  # sun 02:00-04:00
# The API server knows the zones itself (it validates those of CronJobs by the same database): a name that it does not know
# is an error of the rule, told with the rule's message. An offset, and the server's own zone, it would take.
_ZONE: Final = (
    "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$') && self != 'Local' "
    "&& timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0"
)
_LABEL: Final = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
_BROKER: Final = r"([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}"
_WORD: Final = reads("a redaction rule's name and kind are lower-case letters, digits and dashes, such as iban-de")

DEPLOYMENT: Final[Rules] = {
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
            "autoUpdatePolicy other than none needs lifecycle.maintenanceWindow, such as 'sun 02:00-04:00'",
            ".lifecycle.maintenanceWindow",
            "FieldValueRequired",
        ),
        Rule(
            "self.lifecycle.autoUpdatePolicy == 'none' || !self.primitiveRef.version.contains('-')",
            "a pre-release is never updated by itself: make autoUpdatePolicy none, or name a released version",
            ".lifecycle.autoUpdatePolicy",
        ),
        Rule(
            "self.lifecycle.phase != 'production' || !self.primitiveRef.version.contains('-')",
            "a pre-release does not run in phase production: name a released version, or run it in development or staging",
            ".primitiveRef.version",
        ),
        # A transition rule does not run on a field that was removed: removal is caught at the parent.
        Rule(
            "!(has(oldSelf.environment.dataResidency) && !has(self.environment.dataResidency))",
            "dataResidency cannot be removed; make a new FDEDeployment for another place",
            ".environment.dataResidency",
        ),
    ),
    (*_SPEC, "primitiveRef", "version"): (VERSION,),
    (*_SPEC, "primitiveRef", "name"): (
        NAME,
        Rule("self == oldSelf", "primitiveRef.name is immutable; make a new FDEDeployment for another primitive"),
    ),
    (*_SPEC, "environment", "complianceRequirements", "*"): (TAG,),
    (*_SPEC, "environment", "dataResidency"): (
        Rule("self == oldSelf", "dataResidency is immutable; make a new FDEDeployment for another place"),
        Rule(
            f"self.matches('{_LABEL}')",
            "dataResidency is matched with nodes' labels: write letters, digits, dots and dashes, such as eu-west",
        ),
    ),
    (*_SPEC, "lifecycle", "phase"): (
        Rule("oldSelf != 'retired' || self == 'retired'", "retired is terminal; make a new FDEDeployment"),
    ),
    (*_SPEC, "lifecycle", "maintenanceWindow"): (
        Rule(f"self.matches('{_WINDOW}')", "a window reads like 'sun 02:00-04:00' or 'daily 01:30-03:00'"),
        Rule(
            "!self.matches('^[a-z]+ [0-9:]+-[0-9:]+$') || "
            "self.split(' ')[1].split('-')[0] != self.split(' ')[1].split('-')[1]",
            "the window is empty: it starts when it ends; write a later end",
        ),
    ),
    (*_SPEC, "lifecycle", "timeZone"): (
        Rule(_ZONE, "timeZone must be the IANA name of a time zone, such as Europe/Dublin, America/New_York or UTC"),
    ),
}

FEED: Final[Rules] = {
    _SPEC: (
        Rule(
            "has(self.deploymentRef) != has(self.workloadSelector)",
            "a feed is of one of deploymentRef and workloadSelector; name exactly one",
        ),
        Rule(
            "has(self.deploymentRef) == has(oldSelf.deploymentRef)",
            "a feed of a deployment stays one; make a new TelemetryFeed",
        ),
    ),
    (*_SPEC, "deploymentRef"): (Rule("self == oldSelf", "deploymentRef is immutable; make a new TelemetryFeed"),),
    (*_SPEC, "deploymentRef", "name"): (
        reads("an FDEDeployment's name is lower-case letters, digits and dashes, such as incident-sync"),
    ),
    (*_SPEC, "redaction", "rules", "*", "name"): (_WORD,),
    (*_SPEC, "redaction", "rules", "*", "kind"): (_WORD,),
    (*_SPEC, "workloadSelector"): (
        Rule("self == oldSelf", "workloadSelector is immutable; make a new TelemetryFeed"),
        Rule("size(self.matchLabels) > 0", "matchLabels must name at least one label"),
        Rule(
            f"self.matchLabels.all(key, self.matchLabels[key] == '' || self.matchLabels[key].matches('{_LABEL}'))",
            "a label's value is letters, digits, dots, dashes and underscores, such as shop-frontend",
        ),
    ),
    (*_SPEC, "redaction"): (
        Rule(
            "!has(self.rules) || self.rules.all(r, self.rules.exists_one(other, other.name == r.name))",
            "two redaction rules have one name; give each its own",
        ),
    ),
    (*_SPEC, "solutionPaths", "*"): (
        Rule("size(self) > 0 && !self.contains('..')", "a solution path names a directory or file, without '..'"),
    ),
    (*_SPEC, "sink", "bootstrapServers"): (
        Rule(
            f"self.matches('^{_BROKER}(,{_BROKER})*$')",
            "bootstrapServers reads like kafka-0.example:9092,kafka-1.example:9092, without scheme and blanks",
        ),
    ),
    (*_SPEC, "sidecar", "image"): (
        Rule(
            "self.matches('^[^@ ]+@sha256:[0-9a-f]{64}$')",
            "the sidecar's image must be pinned by digest: name@sha256:<64 hexadecimal digits>",
        ),
    ),
}
