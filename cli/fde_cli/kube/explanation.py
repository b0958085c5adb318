"""Why an object is where it is, in sentences, each with what to do next. Pure.

manifest (and the feeds, or the libraries' entries, around it) -> explanation() -> paragraphs
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fde_cli.kube.standing import Told, conditions, standing
from fde_operator.cluster import Manifest
from fde_operator.conditions import TROUBLE_WHEN_TRUE

# What a condition means when all is not well with it. The reason and the message are the operator's own.
_MEANS: Final[Mapping[str, str]] = {
    "Ready": "It does not do its work yet",
    "Stalled": "Waiting will not help",
    "Reconciling": "The operator is at work on it",
    "ParametersValid": "Its parameters do not fit the primitive",
    "SecretsReady": "What its secrets refer to is not all there",
    "IsolationReady": "Its isolation is not in place",
    "FeedInUse": "Its sidecar has no feed of its own, and sends nothing",
    "UpdatePending": "A newer version waits",
    "Synced": "What it needs outside of the cluster is not as it should be",
    "Attached": "It reads no workload",
    "Published": "It is not published",
    "Error": "Something outside refuses",
    "Contended": "Something else changes what the operator makes",
    "Deprecated": "It should not be used any more",
}
# What to do, where the message does not say it. NAMESPACE, NAME, PRIMITIVE and VERSION are filled in.
_NEXT: Final[Mapping[str, str]] = {
    "PrimitiveNotFound": "`kubectl get dprim` lists the published versions; name one in spec.primitiveRef.",
    "NoCustomer": "an administrator runs `kubectl label namespace NAMESPACE fde.io/customer=CUSTOMER`.",
    "ParametersInvalid": "`kubectl get dprim PRIMITIVE -o yaml` shows each parameter; edit spec.parameters.",
    "Denied": "read the API server's sentence above; `fde doctor --registry kubernetes -n NAMESPACE` says which policy is missing, "
    "and which right you lack.",
    "PolicyMissing": "an administrator runs `fde operator install`, or upgrades the chart.",
    "ProgressDeadlineExceeded": "`kubectl -n NAMESPACE describe pods -l fde.io/deployment=NAME` says what the pods wait for.",
    "JobFailed": "`kubectl -n NAMESPACE logs -l fde.io/deployment=NAME --tail=50` shows what it wrote last.",
    "FailedCreate": "the message is what admission said to the pods: quota, pod security, or a policy.",
    "SecretNotFound": "make the Secret in NAMESPACE with the key that the message names; nothing else needs to be done.",
    "NotSynced": "look at the ExternalSecret: `kubectl -n NAMESPACE describe externalsecret`.",
    "NoWindow": "set lifecycle.maintenanceWindow and timeZone, or name the version in spec.primitiveRef.version.",
    "OutsideWindow": "`kubectl -n NAMESPACE annotate --overwrite fded NAME fde.io/update-now=VERSION` takes that version now, once.",
    "AwaitingReview": "a reviewer who had no part in it runs `fde review approve NAME`.",
    "Suspended": "set spec.suspend to false to run it again.",
    "SpecInvalid": "`kubectl explain` of the field that the message names says what it takes.",
}


def is_well(told: Told) -> bool:
    """Whether a condition asks for nobody's attention."""
    return told.status == ("False" if told.type in TROUBLE_WHEN_TRUE else "True")


def explanation(manifest: Manifest, *, feeds: Iterable[Manifest] = (), libraries: Iterable[Manifest] = ()) -> list[str]:
    """Paragraphs, the most important first. `feeds`: of the same namespace; `libraries`: for a primitive."""
    kind = manifest["kind"]
    if kind == "PatternLibrary":
        return [*_library(manifest), *_conditions(manifest)]
    if kind == "DeploymentPrimitive":
        return [*_primitive(manifest, libraries), *_conditions(manifest)]
    if kind == "FDEDeployment":
        return [*_deployment(manifest), *_conditions(manifest), *_attempt(manifest), *_feed_of(manifest, feeds)]
    metadata = manifest["metadata"]
    where = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return [f"{kind} {where}{metadata['name']}{_seen(manifest)}", *_conditions(manifest)]


def _deployment(manifest: Manifest) -> Iterator[str]:
    one = standing(manifest, ())
    does = {"True": "runs as it should", "False": "does not run as it should"}.get(
        one.ready, "is in a state nobody has told"
    )
    yield f"{one.namespace}/{one.name} {does}: {one.reason}.{_seen(manifest)}"
    chosen = f"It runs {one.primitive} {one.runs}" if one.runs else f"No version of {one.primitive} runs"
    if one.runs == one.asked:
        why = "the version that its spec names"
    elif one.runs:
        why = f"its spec names {one.asked}, and policy {one.policy} lets it move on"
    else:
        why = f"its spec names {one.asked}"
    more = f" {one.available} is available." if one.available and one.available != one.runs else ""
    window = f" The next window opens at {one.next_window}." if one.next_window else ""
    yield f"{chosen}: {why}.{more}{window}"


def _seen(manifest: Manifest) -> str:
    """A sentence when what is said is not of the object as it stands."""
    generation, status = manifest["metadata"].get("generation", 0), manifest.get("status", {})
    observed = status.get("observedGeneration", 0)
    if not status:
        return " The operator has said nothing of it: is it running? `kubectl -n fde-system get lease,pods` tells."
    if observed < generation:
        return f" The operator has not looked at the last edit yet (generation {generation}, looked at {observed})."
    return ""


def _conditions(manifest: Manifest) -> Iterator[str]:
    said: set[tuple[str, str]] = set()
    every = conditions(manifest)
    works = any(one.type == "Ready" and one.status == "True" for one in every)
    for told in sorted(every, key=lambda one: one.type not in ("Stalled", "Ready")):
        # What the operator cannot know (a secret that is read in the pod) is no trouble of one that works.
        open_question = told.reason == "NotChecked" or (works and told.status == "Unknown")
        if is_well(told) or open_question or (told.reason, told.message) in said:
            continue
        said.add((told.reason, told.message))
        unknown = told.status == "Unknown" and told.type not in TROUBLE_WHEN_TRUE
        means = f"{told.type} is not known" if unknown else _MEANS.get(told.type, f"{told.type} is {told.status}")
        since = f", since {told.since}" if told.since else ""
        yield f"{means} ({told.type}: {told.reason}{since}).{_sentence(told.message)}{_next(told.reason, manifest)}"


def _next(reason: str, manifest: Manifest) -> str:
    step = _NEXT.get(reason)
    if step is None:
        return ""
    metadata, spec = manifest["metadata"], manifest.get("spec", {})
    reference = spec.get("primitiveRef", {})
    filled = step.replace("NAMESPACE", metadata.get("namespace", "")).replace("PRIMITIVE", _primitive_name(reference))
    filled = filled.replace("VERSION", (manifest.get("status") or {}).get("availableVersion") or "VERSION")
    return f"\n  Next: {filled.replace('NAME', metadata['name'])}"


def _primitive_name(reference: Mapping[str, Any]) -> str:
    return f"{reference.get('name', '')}.{reference.get('version', '')}"


def _attempt(manifest: Manifest) -> Iterator[str]:
    attempts: Sequence[Manifest] = manifest.get("status", {}).get("attempts", ())
    if attempts and isinstance(attempts[0], dict):
        newest = attempts[0]
        ended = (
            f"failed at {newest['failedAt']}: {newest.get('reason', 'no reason was told')}"
            if newest.get("failedAt")
            else f"was ready at {newest['readyAt']}"
            if newest.get("readyAt")
            else f"was left: {newest['reason']}"
            if newest.get("reason")
            else "is under way"
        )
        yield f"The last attempt, {newest['version']} begun at {newest['startedAt']}, {ended}."


def _feed_of(manifest: Manifest, feeds: Iterable[Manifest]) -> Iterator[str]:
    name = manifest["metadata"]["name"]
    for feed in feeds:
        if feed["spec"].get("deploymentRef", {}).get("name") == name:
            bad = [one for one in conditions(feed) if not is_well(one)]
            for told in bad[:1]:
                yield (
                    f"Its telemetry, TelemetryFeed {feed['metadata']['name']}, is not all there "
                    f"({told.type}: {told.reason}).{_sentence(told.message)} The deployment runs all the same."
                )


def _primitive(manifest: Manifest, libraries: Iterable[Manifest]) -> Iterator[str]:
    status, spec = manifest.get("status", {}), manifest["spec"]
    used = status.get("usage", {})
    yield (
        f"{manifest['metadata']['name']} is {status.get('maturity', 'experimental')}: "
        f"{used.get('deployments', 0)} deployments run it, {used.get('ready', 0)} of them are ready.{_seen(manifest)}"
    )
    found = False
    for library in libraries:
        for entry in library.get("status", {}).get("entries", ()):
            if (entry["name"], entry["version"]) == (spec["primitiveName"], spec["version"]):
                found = True
                yield f"In library {library['metadata']['name']}: {_entry(entry)}"
    if not found:
        yield "No library that you see holds it: a PatternLibrary whose selector matches its domain and tags would grade it."


def _library(manifest: Manifest) -> Iterator[str]:
    entries = manifest.get("status", {}).get("entries", ())
    yield f"PatternLibrary {manifest['metadata']['name']} holds {len(entries)} versions.{_seen(manifest)}"
    for entry in entries:
        yield _entry(entry)


def _entry(entry: Manifest) -> str:
    numbers = [
        f"{entry.get('usageCount', 0)} customers",
        f"{entry.get('attempts', 0)} attempts"
        + (f" and {entry['pending']} not settled" if entry.get("pending") else ""),
    ]
    if entry.get("successRate") is not None:
        numbers.append(f"success rate {entry['successRate']:.2f}")
    if entry.get("deploySeconds") is not None:
        numbers.append(f"ready after {entry['deploySeconds']} s")
    why = f" ({entry['reason']})" if entry.get("reason") else ""
    lacks = "".join(f"\n  Lacks: {one}" for one in entry.get("lacks", ()))
    return f"{entry['name']} {entry['version']} is {entry['maturity']}{why}: {', '.join(numbers)}.{lacks}"


def _sentence(message: str) -> str:
    text = message.strip()
    if not text:
        return ""
    return f" {text[0].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
