"""Routes: which keys a change makes due, and how soon.

object, as it is now or was when it went -> now(): what depends on it directly; soon(): what is counted over many
"""

from __future__ import annotations

from typing import Final

from fde_operator.cluster import Manifest
from fde_operator.key import Key
from fde_operator.labels import DEPLOYMENT

# Keys of the queue's own.
PRIMITIVE_CHANGED: Final = "PrimitiveChanged"  # by primitive name: its versions, and deployments that wait for one
POLICY_CHANGED: Final = "PolicyChanged"  # everything that admission guards
CUSTOMER_CHANGED: Final = "CustomerChanged"  # by namespace: everything in it
FEEDS: Final = "FeedsOfDeployment"  # by deployment
ATTACHED: Final = "FeedsAstray"  # by deployment: those that wait for it, or for another feed, and need not any more
PROPOSALS_OF: Final = "ProposalsOf"  # by challenge: a candidate says what became of them
LEFT_BEHIND: Final = "KafkaUsersLeftBehind"  # of feeds that were let go while Kafka was away
GRADES_CHANGED: Final = "GradesChanged"  # the libraries, and the versions whose maturity is not what they say

SOON_S: Final = 5.0  # counting a thousand deployments again for each change of one would cost more than it tells
COMPARED: Final = ("PodDisruptionBudget",)  # its status counts pods
OURS: Final = (
    "PatternCandidate",
    "DeploymentPrimitive",
    "FDEDeployment",
    "TelemetryFeed",
    "PatternLibrary",
    "PatternProposal",
)  # reconciled
POLICIES: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def now(manifest: Manifest) -> tuple[Key, ...]:
    """Due at once."""
    metadata, kind = manifest["metadata"], manifest.get("kind", "")
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    spec = manifest.get("spec") or {}
    if kind == "FDEDeployment" and spec.get("lifecycle", {}).get("phase") == "retired":
        return (Key(kind, namespace, name), Key(FEEDS, namespace, name))  # nobody logs in for it any more
    if kind == "PatternCandidate":
        return (Key(kind, namespace, name), Key(PROPOSALS_OF, "", str(spec.get("signal", {}).get("challenge", ""))))
    if kind == "FDEDeployment":
        return (Key(kind, namespace, name), Key(ATTACHED, namespace, name))
    if kind in ("PatternLibrary", "PatternProposal"):
        return (Key(kind, namespace, name),)
    if kind == "TelemetryFeed":
        # Of its deployment, and of the one whose default feed would have its name.
        of = spec.get("deploymentRef", {}).get("name")
        carrying = [Key("FDEDeployment", namespace, one) for one in dict.fromkeys((of, name)) if one]
        gone = (Key(LEFT_BEHIND, "", "all"),) if metadata.get("deletionTimestamp") else ()
        return (Key(kind, namespace, name), *carrying, *((Key(ATTACHED, namespace, of),) if of else ()), *gone)
    if kind == "DeploymentPrimitive":
        return (Key(kind, "", name), Key(PRIMITIVE_CHANGED, "", spec.get("primitiveName", "")))
    if kind in POLICIES:
        return (Key(POLICY_CHANGED, "", "all"),)
    if kind == "Namespace":
        return (Key(CUSTOMER_CHANGED, name, "all"),)
    # By label and by owner: either may have been edited by hand, and whose it is puts it back.
    named = [(metadata.get("labels") or {}).get(DEPLOYMENT)]
    owners = metadata.get("ownerReferences") or ()
    named += [one["name"] for one in owners if one["kind"] == "FDEDeployment"]
    feeds = [Key("TelemetryFeed", namespace, one["name"]) for one in owners if one["kind"] == "TelemetryFeed"]
    return (*(Key("FDEDeployment", namespace, owner) for owner in dict.fromkeys(named) if owner), *feeds)


def after_status(before: Manifest, after: Manifest) -> tuple[Key, ...]:
    """Due at once after we applied a status: what a version is good for decides who is moved onto it; feeds carry labels of it.

    A feed that says something else than before is compared with what is: that may have changed while it looked.
    """
    if after.get("kind") == "TelemetryFeed" and _attached(before) != _attached(after):
        of = (after.get("spec") or {}).get("deploymentRef", {}).get("name")
        return (Key(ATTACHED, after["metadata"]["namespace"], of),) if of else ()
    if after.get("kind") == "FDEDeployment" and _runs(before) != _runs(after):
        return (Key(FEEDS, after["metadata"]["namespace"], after["metadata"]["name"]),)
    if after.get("kind") != "DeploymentPrimitive" or _maturity(before) == _maturity(after):
        return ()
    return (Key(PRIMITIVE_CHANGED, "", after["spec"].get("primitiveName", "")),)


def _runs(manifest: Manifest) -> object:
    status = manifest.get("status") or {}
    return status.get("resolvedVersion"), status.get("appliedCompliance") or []


def _attached(manifest: Manifest) -> object:
    said = (manifest.get("status") or {}).get("conditions") or ()
    return next(((one["reason"], one.get("message")) for one in said if one["type"] == "Attached"), None)


def _maturity(manifest: Manifest) -> object:
    return (manifest.get("status") or {}).get("maturity")


def matters(before: Manifest | None, after: Manifest) -> bool:
    """Whether a watched child's change is one for its deployment. What a disruption budget counts is none."""
    if before is None or after.get("kind") not in COMPARED:
        return True
    return _wanted(before) != _wanted(after)


def _wanted(manifest: Manifest) -> Manifest:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    return {**{k: v for k, v in manifest.items() if k != "status"}, "metadata": metadata}


def soon(manifest: Manifest) -> tuple[Key, ...]:
    """Due within :data:`SOON_S`: the numbers of the versions that a deployment names, runs and tried; and grades."""
    kind, status = manifest.get("kind"), manifest.get("status") or {}
    if kind in ("DeploymentPrimitive", "PatternLibrary"):
        return (Key(GRADES_CHANGED, "", "all"),)
    if kind != "FDEDeployment":
        return ()
    reference = (manifest.get("spec") or {}).get("primitiveRef") or {}
    tried = {attempt.get("version") for attempt in status.get("attempts") or ()}
    versions = (tried | {reference.get("version"), status.get("resolvedVersion")}) - {None}
    return tuple(
        Key("DeploymentPrimitive", "", f"{reference.get('name')}.{version}") for version in sorted(map(str, versions))
    )
