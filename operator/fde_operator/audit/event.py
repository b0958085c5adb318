"""Event: one entry of Kubernetes' audit log (audit.k8s.io/v1), and whether it is an act that we record. Pure.

JSON -> seen() -> Seen | None -> record(seen, sealing) -> Act

Recorded: writes, and what hands out data or a shell (secrets, logs, exec, attach, port-forward, proxies), of everybody but
Kubernetes' own components, and of the operator (it records its own writes, with more) and the collector only what was refused:
in customers' namespaces, of every fde.io kind, in fde-system and fde-library, and of whatever decides for the whole cluster
(roles and their bindings, webhooks, admission policies, definitions, APIs), whatever its name; elsewhere bindings that give one of
our cluster roles: the namespace may become a customer's, and they stay. Rehearsals (dry runs) only when they were refused.

What stays open (a shell, a log, a watch on secrets) is recorded when it opens; the end of a shell, and of whatever was open for
long, is an act of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from fde_events.act import Act, Outcome
from fde_events.chain import body_digest
from fde_operator.audit.names import OURS, Sealing
from fde_operator.audit.reason import brief, policy_of

GROUP: Final = "fde.io"
OBJECT_POLICY: Final = "audit-object.fde.io"  # its annotations say uid, generation and customer of what was written
REHEARSAL: Final = "fde-audit-rehearsal-"  # `fde doctor` looks for what it did itself
_AUDITS: Final = ("fde-audit-anchor", "fde-audit-keys")  # an anchor that is refused must not lead to another
_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_SESSIONS: Final = frozenset(
    {"pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"}
)
_HANDED_OUT: Final = _SESSIONS | {"secrets", "pods/log"}
_SWITCHED: Final = 101  # from HTTP to a stream, both ways: it lasts until one of both lets go
_LONG_S: Final = 660  # clients of Kubernetes watch for ten minutes at most, and then anew
_SCRAPED: Final = (
    "metrics",
    "stats",
    "healthz",
)  # of nodes, again and again, by who measures; its other paths enter pods
_NOISE: Final = frozenset(
    {"events", "leases", "endpoints", "endpointslices", "subjectaccessreviews", "selfsubjectreviews"}
)
_COMPONENTS: Final = ("system:node:", "system:kube-", "system:apiserver", "system:serviceaccount:kube-system:")
# Of the whole cluster: whoever writes one of these can be above all of ours, or see all of it, by any name.
_CLUSTER_WIDE: Final = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "customresourcedefinitions",
        "apiservices",
        "clusterroles",
        "clusterrolebindings",
    }
)
_GUARDS: Final = frozenset(
    {"roles", "rolebindings"}
)  # outside of ours and customers': told by its name, or what it gives
_OUR_ROLES: Final = "ClusterRole fde-"  # every one that we ship; a Role of that name is of whoever's namespace it is in
_DENIED: Final = (401, 403, 422)


@dataclass(frozen=True, slots=True)
class Seen:
    """One act as the API server tells it. `scope`: ours always, or only if the namespace is a customer's."""

    scope: Literal["ours", "customer"]
    id: str
    at: str
    who: str
    acting_as: str
    verb: str
    group: str
    kind: str
    namespace: str
    name: str
    customer: str
    uid: str
    generation: int
    outcome: Outcome
    said: str
    decided: dict[str, str]
    digest: str
    dry_run: bool


def seen(event: Mapping[str, Any], *, own: Collection[str]) -> Seen | None:
    """The act in one event; None for what is not recorded. `own`: user names of the operator and of the collector."""
    about = _mapping(event.get("objectRef"))
    who, verb = _text(_mapping(event.get("user")).get("username")), _text(event.get("verb"))
    resource, sub = _text(about.get("resource")), _text(about.get("subresource"))
    kind = f"{resource}/{sub}" if sub else resource
    stage = event.get("stage")
    if stage not in ("ResponseComplete", "Panic") and (stage != "ResponseStarted" or kind not in _HANDED_OUT):
        return None
    if not resource or resource in _NOISE:
        return None
    acting_as = _text(_mapping(event.get("impersonatedUser")).get("username"))
    if who.startswith(_COMPONENTS):
        return None
    if verb not in _WRITES and kind not in _HANDED_OUT:
        return None
    group, namespace, name = (_text(about.get(field)) for field in ("apiGroup", "namespace", "name"))
    notes, asked = _mapping(event.get("annotations")), event.get("requestObject")
    role = _role(notes, asked) if resource == "rolebindings" else ""
    ours = _is_ours(group, resource, namespace, name) or bool(role)
    if not ours and not namespace and kind not in _HANDED_OUT:
        return None
    if kind == "nodes/proxy" and verb == "get" and _is_scraped(_text(event.get("requestURI"))):
        return None
    outcome, said = _outcome(event)
    # Of our own accounts what was refused: a token of theirs in other hands shows by what it tries.
    if who in own and not acting_as and (outcome != "denied" or name in _AUDITS):
        return None
    dry_run = "All" in parse_qs(urlsplit(_text(event.get("requestURI"))).query).get("dryRun", ())
    if dry_run and outcome != "denied" and not name.startswith(REHEARSAL):
        return None
    answered = _mapping(_mapping(event.get("responseObject")).get("metadata"))
    decision, reason = _review(event) if resource == "patterncandidates" and outcome == "allowed" else ("", "")
    session = _session(event) if kind in _HANDED_OUT and outcome == "allowed" else {}
    decided = {"review": decision} if decision else {"role": role} if role and outcome == "allowed" else session
    identity = _text(event.get("auditID"))
    unmade = verb == "create" and outcome != "allowed"  # admission gave it a uid all the same
    return Seen(
        scope="ours" if ours or not namespace else "customer",
        id=f"{identity}.ended" if identity and session.get("session") == "ended" else identity,
        at=_moment(_text(event.get("requestReceivedTimestamp"))),
        who=who,
        acting_as=acting_as,
        verb=verb,
        group=group,
        kind=kind,
        namespace="" if resource == "namespaces" else namespace,
        name=name,
        customer=_text(notes.get(f"{OBJECT_POLICY}/customer")),
        uid="" if unmade else _text(notes.get(f"{OBJECT_POLICY}/uid")) or _text(answered.get("uid")),
        generation=0
        if unmade
        else _number(notes.get(f"{OBJECT_POLICY}/generation")) or _number(answered.get("generation")),
        outcome=outcome,
        said=said or reason,
        decided=decided,
        digest=body_digest(asked) if asked is not None else "",
        dry_run=dry_run,
    )


def record(one: Seen, sealing: Sealing) -> Act:
    """The act as it is chained, with names as `sealing` writes them."""
    return Act(
        id=one.id,
        at=one.at,
        source="kubernetes",
        who=one.who,
        acting_as=one.acting_as,
        verb=one.verb,
        group=one.group,
        kind=one.kind,
        outcome=one.outcome,
        customer=sealing.seal("customer", sealing.customer),
        namespace=sealing.seal("namespace", one.namespace),
        name=sealing.seal("name", one.name),
        uid=one.uid,
        generation=one.generation,
        policy=policy_of(one.said),
        why=sealing.seal("why", brief(one.said)),
        decided=one.decided,
        digest=one.digest if not sealing.key or not one.digest else sealing.digest(one.digest.encode()),
        dry_run=one.dry_run,
    )


def _is_ours(group: str, resource: str, namespace: str, name: str) -> bool:
    if namespace in OURS or (group == GROUP and not namespace):
        return True
    if resource in _CLUSTER_WIDE and not namespace:
        return True
    if resource in _GUARDS:
        return name.endswith(f".{GROUP}") or name.startswith("fde-")
    return False


def _role(notes: Mapping[str, Any], asked: Any) -> str:
    """Which cluster role of ours a binding gives, by admission's note, or else by what was asked for; empty: none."""
    wanted = _mapping(_mapping(asked).get("roleRef"))
    found = _text(notes.get(f"{OBJECT_POLICY}/role")) or f"{_text(wanted.get('kind'))} {_text(wanted.get('name'))}"
    return found if found.startswith(_OUR_ROLES) else ""


def _is_scraped(uri: str) -> bool:
    return urlsplit(uri).path.partition("/proxy/")[2].partition("/")[0] in _SCRAPED


def _session(event: Mapping[str, Any]) -> dict[str, str]:
    """Of a connection that became a stream: that it opened, or that it ended and after how many seconds. Of one that did not,
    the beginning and the end have one id, and are one act as long as that id is remembered: not for as long as it may last."""
    switched = _number(_mapping(event.get("responseStatus")).get("code")) == _SWITCHED
    if event.get("stage") == "ResponseStarted":
        return {"session": "opened"} if switched else {}
    lasted_s = _lasted_s(event)
    if not switched and (lasted_s is None or lasted_s < _LONG_S):
        return {}
    return {"session": "ended", **({} if lasted_s is None else {"seconds": str(lasted_s)})}


def _lasted_s(event: Mapping[str, Any]) -> int | None:
    try:
        begun, ended = (
            datetime.fromisoformat(_text(event.get(field))) for field in ("requestReceivedTimestamp", "stageTimestamp")
        )
        return int((ended - begun).total_seconds())
    except (ValueError, TypeError):  # no time, or one without its zone
        return None


def _outcome(event: Mapping[str, Any]) -> tuple[Outcome, str]:
    """What became of it, and the server's words if it was refused."""
    status = _mapping(event.get("responseStatus"))
    code = _number(status.get("code"))
    if not code:
        return "unknown", ""
    if code < 400:
        return "allowed", ""
    said = _text(status.get("message")) or _text(_mapping(event.get("annotations")).get("authorization.k8s.io/reason"))
    return ("denied" if code in _DENIED else "conflict" if code == 409 else "failed"), said


def _review(event: Mapping[str, Any]) -> tuple[str, str]:
    """What this very request decided about a candidate, and why. Admission's note says that it did: the answer alone would
    tell of a review that was there before."""
    noted = _text(_mapping(event.get("annotations")).get("patterncandidate-review.fde.io/review"))
    answered = _mapping(_mapping(_mapping(event.get("responseObject")).get("spec")).get("review"))
    return (noted.partition(" ")[0], _text(answered.get("reason"))) if noted else ("", "")


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _number(found: Any) -> int:
    if isinstance(found, str) and found.isdecimal() and len(found) <= 18:
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _moment(text: str) -> str:
    """RFC 3339 in UTC with milliseconds; as it came when it is no time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text[:40]
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
