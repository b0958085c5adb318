"""Checkup: whether the cluster is as the operator needs it, and what the one who asks may do there.

definitions, policies, the operator's Lease and Deployment, SelfSubjectAccessReviews -> Finding each

What this person may not read is no fault of the cluster's: it is said, and not wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol

from fde_api.kinds import KINDS
from fde_api.meta import GROUP
from fde_cli.kube.election import elects
from fde_cli.kube.finding import Finding
from fde_cli.kube.rehearsal import why
from fde_events.errors import FdeError
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.policies import Guard

LEASE: Final = ("fde-system", "fde-operator")  # where the operator's leader says that it lives
DEPLOYMENT: Final = Key("Deployment", "fde-system", "fde-operator")  # as the chart makes it
_ALONE: Final = "--no-leader-election"
_PODS: Final = f"`kubectl -n {LEASE[0]} get pods` shows whether one runs, and its log what it waits for"
_INSTALL: Final = "an administrator runs `fde operator install`, or upgrades the chart"
_ADMIN: Final = "somebody who may read it (an administrator) runs `fde doctor --registry kubernetes`"
_LATE_S: Final = 30.0  # this machine's clock may go otherwise than the operator's
_TOLD: Final = 5
_READ: Final = ("get", "list")
_WRITE: Final = ("create", "update", "patch", "delete")


class Allows(Protocol):
    """SelfSubjectAccessReview for fde.io; `namespace` empty: cluster-wide."""

    def __call__(self, verb: str, resource: str, *, namespace: str) -> bool:
        """Whether the one who asks may."""
        ...


async def checkup(
    cluster: Cluster, lease: Callable[[], Awaitable[Manifest | None]], *, at: datetime | None = None
) -> list[Finding]:
    """What stands: definitions, policies, and somebody who leads."""
    return [
        await _seen("definitions", lambda: _definitions(cluster)),
        await _seen("policies", lambda: _policies(cluster)),
        await _seen("operator", lambda: _operator(cluster, lease, at or datetime.now(UTC))),
    ]


def rights(allows: Allows, namespace: str, *, named: bool) -> list[Finding]:
    """What this person may do in `namespace`, and with what is the cluster's. `named`: they asked about this one, so that a
    right that lacks is wrong."""
    role = f"`kubectl -n {namespace} create rolebinding NAME --clusterrole=fde-field-engineer --user=YOU`"
    reader = "group fde-engineers, or `kubectl create clusterrolebinding NAME --clusterrole=fde-reader --user=YOU`"
    lack = "wrong" if named else "unset"
    return [
        _may(allows, "deployments", (*_READ, *_WRITE), "fdedeployments", namespace, lack, f"an engineer needs {role}"),
        _may(allows, "feeds", (*_READ, *_WRITE), "telemetryfeeds", namespace, lack, f"an engineer needs {role}"),
        _may(allows, "primitives", _READ, "deploymentprimitives", "", lack, f"no RoleBinding gives it: {reader}"),
        _may(allows, "libraries", _READ, "patternlibraries", "", lack, f"no RoleBinding gives it: {reader}"),
    ]


async def _seen(what: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except Denied as denied:
        return Finding(what, "unset", f"not looked at: {why(denied)}", _ADMIN)
    except FdeError as error:
        return Finding(what, "wrong", str(error), "check the API server, and look again")


async def _definitions(cluster: Cluster) -> Finding:
    missing, waiting = [], []
    for kind in KINDS:
        name = f"{kind.plural}.{GROUP}"
        found = await cluster.get(Key("CustomResourceDefinition", "", name))
        if found is None:
            missing.append(name)
        elif not any(
            (one["type"], one["status"]) == ("Established", "True")
            for one in (found.get("status") or {}).get("conditions", ())
        ):
            waiting.append(name)
    if missing:
        return Finding("definitions", "wrong", f"missing: {', '.join(missing)}", _INSTALL)
    if waiting:
        step = f"`kubectl describe crd {waiting[0]}` says what it waits for"
        return Finding("definitions", "wrong", f"not served yet: {', '.join(waiting)}", step)
    return Finding("definitions", "ok", f"all {len(KINDS)} are served")


async def _policies(cluster: Cluster) -> Finding:
    gaps = await Guard(cluster, looking_on=True).gaps(fresh=True)
    if not gaps:
        return Finding("policies", "ok", "all stand as this version ships them")
    more = f"; and {len(gaps) - _TOLD} more" if len(gaps) > _TOLD else ""
    stops = "until then nothing is published and nothing new is rolled out"
    return Finding("policies", "wrong", f"{'; '.join(gaps[:_TOLD])}{more}", f"{_INSTALL}; {stops}")


async def _operator(cluster: Cluster, lease: Callable[[], Awaitable[Manifest | None]], at: datetime) -> Finding:
    leads = _leads(await lease(), at)
    try:
        deployment = await cluster.get(DEPLOYMENT)
        if deployment is None:
            also = (
                f"; there is no {DEPLOYMENT}: one that somebody started otherwise with {_ALONE} is not seen from here"
            )
        elif not await elects(cluster, deployment):
            return _alone(deployment, leads)
        else:
            also = ""
    except Denied:  # who leads is known all the same
        also = f"; you may not read {DEPLOYMENT}: with {_ALONE} it would need no Lease"
    return leads if leads.state == "ok" else replace(leads, next_step=leads.next_step + also)


def _alone(deployment: Manifest, leads: Finding) -> Finding:
    """Of an operator that takes itself for the only one. The Lease says nothing of it."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    wanted, ready = spec.get("replicas", 1), int(status.get("readyReplicas") or 0)
    mode = f"{DEPLOYMENT} runs it with {_ALONE}"
    several = "each of them writes as if it were the only one"
    if leads.state == "ok":
        step = f"take {_ALONE} away, or stop the other one: {several}"
        return Finding("operator", "wrong", f"{mode}, and {leads.saw} by the Lease beside it", step)
    if wanted > 1 or ready > 1:
        step = f"take {_ALONE} away, or scale it to 1: {several}"
        return Finding("operator", "wrong", f"{mode}, and has {max(wanted, ready)} replicas", step)
    if not ready:
        return Finding("operator", "wrong", f"{mode}, and none is ready", _PODS)
    return Finding("operator", "ok", f"{mode}: one is ready, and no Lease is held")


def _leads(lease: Manifest | None, at: datetime) -> Finding:
    """What the Lease says."""
    where = "/".join(LEASE)
    spec = (lease or {}).get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    if not holder:
        return Finding("operator", "wrong", f"nobody leads: the Lease {where} has no holder", _PODS)
    try:
        age_s = (at - datetime.fromisoformat(str(spec.get("renewTime")))).total_seconds()
    except (ValueError, TypeError):  # no time, or one without its zone
        return Finding("operator", "wrong", f"the Lease {where} of {holder} says not when it was renewed", _PODS)
    if age_s > float(spec.get("leaseDurationSeconds") or 0) + _LATE_S:
        return Finding("operator", "wrong", f"{holder} led, and renewed its Lease {where} {age_s:.0f} s ago", _PODS)
    return Finding("operator", "ok", f"{holder} leads")


def _may(
    allows: Allows, what: str, verbs: tuple[str, ...], resource: str, namespace: str, lack: str, step: str
) -> Finding:
    where = f"in namespace {namespace}" if namespace else "in the cluster"
    try:
        lacking = [verb for verb in verbs if not allows(verb, resource, namespace=namespace)]
    except FdeError as error:
        return Finding(what, "wrong", str(error), "check the API server")
    if lacking:
        return Finding(what, lack, f"you may not {', '.join(lacking)} {resource} {where}", step)
    return Finding(what, "ok", f"you may {', '.join(verbs)} {resource} {where}")
