"""Every policy on the real API server: each of its rules refuses something, in its own sentence, and lets something through.

Marker `cluster`. The specification of deploy/policies; a rule without a case fails here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fde_operator.policies import shipped

LIBRARY = "fde-library"
ENGINE = "system:serviceaccount:fde-system:pattern-engine"
# A person whom somebody gave everything of ours by wildcard, and much of Kubernetes: no verb that a policy asks for.
SLOPPY = "sloppy@company.example"
OWNER = "owner@northgate.example"  # who consents
MOVER = "mover@company.example"  # who may patch namespaces, and assign customers case-a and case-b
COLLECTOR = "system:serviceaccount:kube-system:"
PLAIN_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
IMAGE = "registry.example/sidecar@sha256:" + "b" * 64
ALL_SIGNALS = ["errors", "performance", "rateLimit", "schemaDrift"]

Act = Callable[["World"], Any]


@dataclass
class World:
    """Two customers' namespaces, and builders. Each case has names of its own."""

    api: Any
    given: Any
    namespace: str
    names: Iterator[str]

    def name(self) -> str:
        return next(self.names)

    def make(self, body: dict[str, Any], who: str = "admin") -> Any:
        return self.api.create(body, user=who)

    def change(self, body: dict[str, Any], patch: Any, who: str, sub: str = "") -> Any:
        metadata = body["metadata"]
        return self.api.patch(body["kind"], metadata["name"], patch, metadata.get("namespace", ""), who, sub)

    def remove(self, body: dict[str, Any], who: str) -> None:
        metadata = body["metadata"]
        self.api.delete(body["kind"], metadata["name"], metadata.get("namespace", ""), who)

    # --- objects -------------------------------------------------------------------------------------------------------
    def candidate(self, **spec: Any) -> dict[str, Any]:
        name = self.name()
        proposal = self.given.spec(primitiveName=name, **spec.pop("proposal", {}))
        return self.given.candidate(proposal, name=name, **spec)

    def proposed(self, **spec: Any) -> dict[str, Any]:
        return self.make(self.candidate(**spec), "engine")

    def primitive(self, **spec: Any) -> dict[str, Any]:
        return self.given.primitive(self.given.spec(primitiveName=self.name(), **spec))

    def deployment(self, owner: str = "ben@company.example", **spec: Any) -> dict[str, Any]:
        body = self.given.deployment(name=self.name(), namespace=self.namespace, **spec)
        body["metadata"]["annotations"]["fde.io/owning-fde"] = owner
        return body

    def feed(self, **spec: Any) -> dict[str, Any]:
        name = self.name()
        spec = {"deploymentRef": {"name": name}, "signals": ["errors"], **spec}
        return self.ours("TelemetryFeed", name, spec=spec)

    def proposal(self, author: str = "ben@company.example") -> dict[str, Any]:
        files = [{"path": "a.py", "language": "python", "digest": "sha256:" + "0" * 64}]
        return self.ours("PatternProposal", spec={"author": {"username": author}, "files": files})

    def library(self, **gates: Any) -> dict[str, Any]:
        body = self.ours("PatternLibrary", spec={"gates": gates})
        del body["metadata"]["namespace"]
        return body

    def ours(self, kind: str, name: str = "", **rest: Any) -> dict[str, Any]:
        return {"apiVersion": "fde.io/v1", "kind": kind, "metadata": self._metadata(name), **rest}

    def config(self, name: str = "", **metadata: Any) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**self._metadata(name), **metadata}}

    def secret(self, name: str, kind: str = "fde.io/kafka", data: tuple[str, ...] = (), owned: bool = True) -> Any:
        owner = {
            "apiVersion": "fde.io/v1",
            "kind": "TelemetryFeed",
            "name": name.removeprefix("fde-kafka."),
            "uid": "u",
        }
        metadata = {**self._metadata(name), **({"ownerReferences": [owner]} if owned else {})}
        values = dict.fromkeys(data, "eA==")
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": values}

    def workload(self, pod: dict[str, Any] | None = None, container: Any = None, **metadata: Any) -> dict[str, Any]:
        app = {"name": "app", "image": IMAGE, "securityContext": {"allowPrivilegeEscalation": False}}
        spec = {"containers": [{**app, **(container or {})}], **(pod or {})}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**self._metadata(), **metadata},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}}, "spec": spec},
            },
        }

    def tenant(self, who: str = "admin", **labels: str) -> dict[str, Any]:
        return self.given.namespace(f"tenant-{self.name()}", {f"fde.io/{key}": one for key, one in labels.items()})

    def owner_of(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        metadata = deployment["metadata"]
        return [{"apiVersion": "fde.io/v1", "kind": "FDEDeployment", "name": metadata["name"], "uid": metadata["uid"]}]

    def _metadata(self, name: str = "") -> dict[str, Any]:
        return {"name": name or self.name(), "namespace": self.namespace}


@dataclass(frozen=True)
class Case:
    """`rule`: which validation of the policy refuses it, by position; None: it is let through."""

    policy: str
    rule: int | None
    what: str
    act: Act

    def __str__(self) -> str:
        return f"{self.policy.removesuffix('.fde.io')} {'takes' if self.rule is None else self.rule} {self.what}"


CASES: list[Case] = []


def case(policy: str, rule: int | None, what: str = "") -> Callable[[Act], Act]:
    def note(act: Act) -> Act:
        CASES.append(Case(f"{policy}.fde.io", rule, what or act.__name__.replace("_", " "), act))
        return act

    return note


def cases(policy: str, table: list[tuple[int | None, str, Act]]) -> None:
    for rule, what, act in table:
        case(policy, rule, what)(act)


def review(reviewer: str = "dana@company.example", generation: int = 1, **more: Any) -> dict[str, Any]:
    return {"decision": "Approved", "reviewer": reviewer, "reviewedGeneration": generation, **more}


def reviewed(who: str, spec: dict[str, Any] | None = None, **decision: Any) -> Act:
    return lambda w: w.change(w.proposed(**(spec or {})), {"spec": {"review": review(**decision)}}, who)


def _with(body: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**body, "spec": {**body["spec"], **spec}}


def _in(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


def _noted(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], **metadata}}


ROBOT = "system:serviceaccount:fde-library:robot|fde-reviewers"
LOOKALIKE = "d\u0430na@company.example"  # a Cyrillic letter
cases(
    "patterncandidate-author",
    [
        (None, "the engine's own", lambda w: w.proposed()),
        (0, "another's name", lambda w: w.make(w.candidate(author={"username": "ana@company.example"}), "engine")),
        (1, "decided from the start", lambda w: w.make(w.candidate(review=review()), "engine")),
        (
            2,
            "outside of the library",
            lambda w: w.make(_in(w.candidate(author={"username": SLOPPY}), w.namespace), SLOPPY),
        ),
    ],
)
cases(
    "patterncandidate-review",
    [
        (None, "a reviewer", reviewed("dana")),
        (0, "who may only update", reviewed("cem", reviewer="cem@company.example")),
        (1, "in another's name", reviewed("dana", reviewer="eve@company.example")),
        (2, "a contributor under other capitals", reviewed("dana", {"contributors": ["Dana@Company.example"]})),
        (3, "a look-alike of a name", reviewed(f"{LOOKALIKE}|fde-reviewers", reviewer=LOOKALIKE)),
        (4, "a program", reviewed(ROBOT, reviewer=ROBOT.split("|")[0])),
        (5, "another generation", reviewed("dana", generation=7)),
        (
            6,
            "a contributor added with it",
            lambda w: w.change(
                w.proposed(contributors=[]),
                {"spec": {"review": review(), "contributors": ["eve@company.example"]}},
                "dana",
            ),
        ),
    ],
)
EDIT = {"proposal": {"domain": "finance"}, "proof": None}
cases(
    "patterncandidate-edit",
    [
        (0, "unnamed", lambda w: w.change(w.proposed(contributors=[]), {"spec": EDIT}, "cem")),
        (
            None,
            "who says so",
            lambda w: w.change(
                w.proposed(contributors=[]), {"spec": {**EDIT, "contributors": ["cem@company.example"]}}, "cem"
            ),
        ),
    ],
)


def fed(before: dict[str, Any], change: dict[str, Any], who: str = "ben") -> Act:
    return lambda w: w.change(w.make(w.feed(**before), OWNER), {"spec": change}, who)


FORCED: dict[str, Any] = {"metadata": {"annotations": {"fde.io/force-removal": "true"}}}
RULED = {"redaction": {"rules": [{"name": "badge", "pattern": "B-\\d{5}"}]}}
cases(
    "telemetryfeed-consent",
    [
        (None, "narrower", fed({"signals": ["errors", "performance"]}, {"signals": ["errors"]})),
        (None, "an image by digest, consented to", fed({}, {"sidecar": {"image": IMAGE}}, OWNER)),
        (
            None,
            "removed with its owner",
            lambda w: w.remove(w.make(w.feed(egress={"state": "off"}), OWNER), f"{COLLECTOR}generic-garbage-collector"),
        ),
        (0, "source code", fed({}, {"egress": {"source": True}})),
        (1, "what was held", fed({"egress": {"state": "hold"}}, {"egress": {"state": "on"}})),
        (2, "strict ended", fed({"redaction": {"mode": "strict"}}, {"redaction": {"mode": "standard"}})),
        (3, "another broker", fed({}, {"sink": {"bootstrapServers": "evil.example:9092"}})),
        (4, "a rule less", fed(RULED, {"redaction": {"rules": []}})),
        (5, "a stranger's sidecar", fed({}, {"sidecar": {"image": IMAGE}})),
        (6, "more files", fed({}, {"solutionPaths": ["src"]})),
        (7, "let go with its login", lambda w: w.change(w.make(w.feed(), "ben"), FORCED, "ben")),
        (7, "made to be let go", lambda w: w.make(_noted(w.feed(), **FORCED["metadata"]), "ben")),
        (None, "let go by the customer", lambda w: w.change(w.make(w.feed(), "ben"), FORCED, OWNER)),
        (8, "more signals", fed({}, {"signals": ["errors", "performance"]})),
    ],
)


def switched(before: str, after: str | None) -> Act:
    """In a namespace of its own: a switch has one name."""

    def act(w: World) -> Any:
        place = w.make(w.tenant(customer="other"))["metadata"]["name"]
        made = w.make(_in({**w.config("fde-egress"), "data": {"egress": before}}, place))
        return w.remove(made, SLOPPY) if after is None else w.change(made, {"data": {"egress": after}}, SLOPPY)

    return act


cases(
    "egress-switch",
    [
        (None, "pulled", switched("on", "off")),
        (None, "held", switched("on", "hold")),
        (0, "let go", switched("off", "on")),
        (0, "half let go", switched("off", "hold")),
        (0, "removed", switched("hold", None)),
        (0, "with what was spooled", switched("hold", "off purge")),
    ],
)


def a_second_feed(who: str) -> Act:
    def act(w: World) -> Any:
        first = w.make(w.feed(egress={"state": "hold"}), OWNER)
        second = _with(w.feed(signals=ALL_SIGNALS), deploymentRef=first["spec"]["deploymentRef"])
        if who == OWNER:
            return w.make(second, who)
        return _until_refused(w, second, who)

    return act


def _until_refused(w: World, body: dict[str, Any], who: str) -> Any:
    """The API server knows of a parameter a moment after it was made."""

    def refused() -> Any:
        try:
            w.api.create(body, user=who, dryRun="All")
        except w.given.refused:
            return True
        return False

    w.given.eventually(refused, 60)
    return w.make(body, who)


def beside_the_operators(w: World) -> Any:
    first = w.make(_noted(w.feed(signals=ALL_SIGNALS), labels={"app.kubernetes.io/managed-by": "fde-operator"}))
    return w.make(_with(w.feed(), deploymentRef=first["spec"]["deploymentRef"]), "ben")


cases(
    "telemetryfeed-second",
    [
        (0, "an engineer", a_second_feed("ben")),
        (None, "the customer", a_second_feed(OWNER)),
        (None, "beside one that the operator made", beside_the_operators),
    ],
)


def a_removal(feed: dict[str, Any], who: str) -> Act:
    def act(w: World) -> Any:
        made = w.make(w.deployment(), "ben")
        body = _with(w.feed(signals=ALL_SIGNALS, **feed), deploymentRef={"name": made["metadata"]["name"]})
        w.make(_noted(body, ownerReferences=w.owner_of(made)))
        if not feed or who.startswith(COLLECTOR):
            return w.remove(made, who)

        def refused() -> Any:
            answer = w.api.ask(
                "DELETE", "FDEDeployment", w.namespace, made["metadata"]["name"], user=who, query={"dryRun": "All"}
            )
            return answer.status_code != 200

        w.given.eventually(refused, 60)
        return w.remove(made, who)

    return act


cases(
    "fdedeployment-removal",
    [
        (0, "with a feed that keeps in", a_removal({"egress": {"state": "hold"}}, "ben")),
        (None, "with the feed every deployment has", a_removal({}, "ben")),
        (None, "with its namespace", a_removal({"egress": {"state": "hold"}}, f"{COLLECTOR}namespace-controller")),
    ],
)
cases(
    "operator-secrets",
    [
        (
            None,
            "a feed's settings",
            lambda w: w.make(w.secret(f"fde-kafka.{w.name()}", data=("kafka.yaml",)), "operator"),
        ),
        (0, "of another type", lambda w: w.make(w.secret("fde-kafka.a", kind="Opaque"), "operator")),
        (1, "another key", lambda w: w.make(w.secret("fde-kafka.a", data=("other",)), "operator")),
        (2, "nobody's", lambda w: w.make(w.secret("fde-kafka.a", owned=False), "operator")),
    ],
)
cases(
    "operator-feeds",
    [
        (0, "its spec", lambda w: w.change(w.make(w.feed(), "ben"), {"spec": {"sampling": {"full": 7}}}, "operator")),
        (
            None,
            "its finalizer",
            lambda w: w.change(
                w.make(w.feed(), "ben"), {"metadata": {"finalizers": ["fde.io/kafka-user"]}}, "operator"
            ),
        ),
        (1, "somebody's", lambda w: w.remove(w.make(w.feed(signals=ALL_SIGNALS), "ben"), "operator")),
    ],
)


def touched(annotations: dict[str, str], patch: Callable[[World], dict[str, Any]]) -> Act:
    return lambda w: w.change(w.make(w.workload(annotations=annotations)), patch(w), "operator")


OPTED_IN = {"fde.io/telemetry": "true"}
cases(
    "operator-workloads",
    [
        (None, "opted in", touched(OPTED_IN, lambda w: {"metadata": {"labels": {"fde.io/telemetryfeed-uid": "u"}}})),
        (
            0,
            "a namesake taken over",
            touched(
                OPTED_IN,
                lambda w: {"metadata": {"ownerReferences": w.owner_of(w.make(w.deployment(), "ben"))}},
            ),
        ),
        (1, "not opted in", touched({}, lambda w: {"metadata": {"labels": {"a": "b"}}})),
    ],
)


def declared(**parameter: Any) -> Act:
    return lambda w: w.make(w.primitive(parameters=[{"name": "a", "type": "string", **parameter}]))


cases(
    "parameter-schema",
    [
        (None, "plain ones", declared(default="x", allowedValues=["x", "y"])),
        (0, "required with a default", declared(required=True, default="x")),
        (1, "a secret's default", declared(type="secretRef", default="x")),
        (2, "a list's default", declared(type="list", fields=[{"type": "int"}], default=1)),
        (3, "a map as default", declared(default={"b": 1})),
        (4, "a list among values", declared(allowedValues=[["b"]])),
        (5, "a list among a field's values", declared(type="list", fields=[{"type": "int", "allowedValues": [["b"]]}])),
        (6, "a secret among values", declared(type="secretRef", allowedValues=["b"])),
    ],
)


def set_to(**parameters: Any) -> Act:
    return lambda w: w.make(w.deployment(parameters=parameters), "ben")


cases(
    "parameter-values",
    [
        (None, "each form", set_to(a="x", b=3, c={"secretRef": {"name": "s", "key": "k"}}, d=[{"e": 1}])),
        (0, "a map", set_to(a={"name": "b"})),
        (1, "a list of lists", set_to(a=[["b"]])),
    ],
)


def secret_of(**ref: Any) -> Act:
    return set_to(key={"secretRef": {"name": "s", "key": "k", **ref}})


def vault_of(path: str, key: str = "token") -> Act:
    def act(w: World) -> Any:
        ref = {"path": path.replace("NS", w.namespace), "key": key}
        return w.make(w.deployment(parameters={"key": {"vaultRef": ref}}), "ben")

    return act


cases(
    "secret-reference",
    [
        (None, "a Secret of the namespace", secret_of()),
        (None, "a path of the namespace", vault_of("tenants/NS/tracker")),
        (0, "a path to another namespace", secret_of(name="customer-other/keys")),
        (0, "steps upwards", secret_of(name="../keys")),
        (1, "the sidecar's password", secret_of(name="fde-kafka.sync")),
        (2, "a key that is a path", secret_of(key="../../token")),
        (3, "another tenant's path", vault_of("tenants/customer-other/tracker")),
        (3, "a namesake's path", vault_of("tenants/NS-2/tracker")),
        (4, "steps upwards in Vault", vault_of("tenants/NS/../customer-other/tracker")),
        (4, "an empty step", vault_of("tenants/NS//tracker")),
        (4, "an escaped step", vault_of("tenants/NS/%2e%2e/customer-other")),
        (5, "a key that is a template", vault_of("tenants/NS/tracker", "{{ .Data }}")),
    ],
)
cases(
    "customer-namespace",
    [
        (None, "a customer's", lambda w: w.make(w.feed(), "ben")),
        (0, "nobody's", lambda w: w.make(_in(w.feed(), "default"), "ben")),
    ],
)
cases(
    "fdedeployment-owner",
    [
        (None, "one's own", lambda w: w.make(w.deployment(), "ben")),
        (0, "another's", lambda w: w.make(w.deployment(), "ana")),
        (
            1,
            "given away",
            lambda w: w.change(
                w.make(w.deployment(), "ben"), {"metadata": {"annotations": {"fde.io/owning-fde": "eve"}}}, "ben"
            ),
        ),
    ],
)
cases(
    "patternproposal-author",
    [
        (None, "one's own", lambda w: w.make(w.proposal(), "ben")),
        (0, "another's", lambda w: w.make(w.proposal(), "ana")),
        (
            0,
            "edited by another",
            lambda w: w.change(w.make(w.proposal(), "ben"), {"spec": {"reuse": "allowed"}}, "ana"),
        ),
    ],
)
cases(
    "operator-confined",
    [
        (None, "a customer's", lambda w: w.make(w.config(), "operator")),
        (0, "the system's", lambda w: w.make(_in(w.config(), "kube-system"), "operator")),
    ],
)


def relabelled(before: dict[str, str], after: dict[str, Any]) -> Act:
    def act(w: World) -> Any:
        made = w.make(w.tenant(**before))
        return w.change(made, {"metadata": {"labels": {f"fde.io/{key}": one for key, one in after.items()}}}, MOVER)

    return act


cases(
    "namespace-customer",
    [
        (None, "whom one may assign", relabelled({"customer": "case-a"}, {"customer": "case-b"})),
        (None, "a label that is not ours", relabelled({"customer": "other"}, {"colour": "blue"})),
        (0, "to another customer", relabelled({}, {"customer": "other"})),
        (1, "from another customer", relabelled({"customer": "other"}, {"customer": "case-a"})),
        (1, "out of tenancy", relabelled({"customer": "other"}, {"customer": None})),
        (2, "another pseudonym", relabelled({"customer": "other"}, {"customer-pseudonym": "src-0"})),
        (3, "a library", relabelled({}, {"library": "true"})),
    ],
)


def moved(occupied: bool) -> Act:
    def act(w: World) -> Any:
        made = w.make(w.tenant(customer="case-a"))
        patch = {"metadata": {"labels": {"fde.io/customer": "case-b"}}}
        if occupied:
            name = made["metadata"]["name"]
            w.make(_in(w.deployment(), name), "ben")

            def refused() -> Any:
                answer = w.api.ask(
                    "PATCH", "Namespace", "", name, user=MOVER, body=patch,
                    what="application/merge-patch+json", query={"dryRun": "All"},
                )  # fmt: skip
                return answer.status_code != 200

            w.given.eventually(refused, 60)
        return w.change(made, patch, MOVER)

    return act


cases("namespace-move", [(None, "an empty one", moved(False)), (0, "with what runs in it", moved(True))])


READY = {"status": {"conditions": []}}
cases(
    "status-author",
    [
        (None, "the operator", lambda w: w.change(w.make(w.deployment(), "ben"), READY, "operator", "status")),
        (
            0,
            "somebody with every right of ours",
            lambda w: w.change(w.make(w.deployment(), "ben"), READY, SLOPPY, "status"),
        ),
        (
            0,
            "of a proposal, too",
            lambda w: w.change(w.make(w.proposal(), "ben"), READY, SLOPPY, "status"),
        ),
    ],
)


def held(before: list[str], after: list[str], who: str = "ben") -> Act:
    return lambda w: w.change(w.make(_noted(w.feed(), finalizers=before)), {"metadata": {"finalizers": after}}, who)


cases(
    "finalizers",
    [
        (None, "somebody else's", held([], ["example.org/mine"])),
        (0, "one of ours added", held([], ["fde.io/kafka-user"])),
        (1, "one of ours taken away", held(["fde.io/kafka-user"], [])),
    ],
)
MINE = {"labels": {"app.kubernetes.io/managed-by": "fde-operator"}}
cases(
    "ownership-marks",
    [
        (
            None,
            "an object of one's own",
            lambda w: w.make(w.config(labels={"app.kubernetes.io/managed-by": "me"}), SLOPPY),
        ),
        (
            None,
            "one of ours edited by hand",
            lambda w: w.change(w.make(w.config(**MINE)), {"data": {"a": "b"}}, SLOPPY),
        ),
        (0, "our label", lambda w: w.make(w.config(**MINE), SLOPPY)),
        (0, "our label taken", lambda w: w.change(w.make(w.config(**MINE)), {"metadata": {"labels": None}}, SLOPPY)),
        (
            1,
            "our owner",
            lambda w: w.make(w.config(ownerReferences=w.owner_of(w.make(w.deployment(), "ben"))), SLOPPY),
        ),
        (2, "a feed's mark", lambda w: w.make(w.workload(labels={"fde.io/telemetryfeed-uid": "u"}), SLOPPY)),
    ],
)


def namesake(mine: bool) -> Act:
    def act(w: World) -> Any:
        owners = {"ownerReferences": w.owner_of(w.make(w.deployment(), "ben"))} if mine else {}
        return w.change(w.make(w.config(**owners)), {"data": {"a": "b"}}, "operator")

    return act


cases("operator-children", [(None, "its own", namesake(True)), (0, "a namesake", namesake(False))])


def started(pod: dict[str, Any] | None = None, container: dict[str, Any] | None = None) -> Act:
    return lambda w: w.make(w.workload(pod, container), "operator")


cases(
    "operator-pods",
    [
        (None, "a plain one", started()),
        (0, "a path of the node", started({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]})),
        (1, "the node's network", started({"hostNetwork": True})),
        (2, "a privileged one", started(container={"securityContext": {"privileged": True}})),
        (2, "one that says nothing", started(container={"securityContext": {}})),
    ],
)
DEPRECATED = {"metadata": {"annotations": {"fde.io/deprecated": "has a leak", "fde.io/superseded-by": "v2.0.0"}}}
cases(
    "primitive-change",
    [
        (None, "deprecated by a librarian", lambda w: w.change(w.make(w.primitive()), DEPRECATED, "dana")),
        (0, "made by hand", lambda w: w.make(w.primitive(), SLOPPY)),
        (0, "removed", lambda w: w.remove(w.make(w.primitive()), SLOPPY)),
        (1, "deprecated by anybody", lambda w: w.change(w.make(w.primitive()), DEPRECATED, SLOPPY)),
        (2, "another mark", lambda w: w.change(w.make(w.primitive()), {"metadata": {"labels": {"a": "b"}}}, "dana")),
    ],
)


def running(env: dict[str, str] | None = None, **workload: Any) -> Act:
    def act(w: World) -> Any:
        runtime = w.given.spec()["runtime"]
        variables = [{"name": name, "value": value} for name, value in (env or {}).items()]
        return w.make(
            w.primitive(runtime={**runtime, "workload": {**runtime["workload"], "env": variables, **workload}})
        )

    return act


def written(size: int, segments: int, files: int = 1) -> Act:
    found = [
        {"path": f"{n}.sql", "language": "sql", "segments": [{"text": "x" * size}] * segments} for n in range(files)
    ]
    return lambda w: w.make(w.primitive(template={"files": found}))


cases(
    "primitive-workload",
    [
        (None, "a variable and a path as written", running({"HOST": "{{ instanceHost }}", "PYTHONPATH": "/app"}, mountPath="/srv/app")),
        (0, "LD_PRELOAD", running({"LD_PRELOAD": "/app/evil.so"})),
        (0, "BASH_ENV", running({"BASH_ENV": "/app/x"})),
        (1, "PATH from a parameter", running({"PATH": "{{ instanceHost }}"})),
        (3, "more text than a deployment holds", written(250_000, 4)),
        (None, "as much as it holds", written(225_000, 4)),
        (None, "in as many pieces as it takes", written(20, 4096, 4)),
        (2, "over the system's files", running(mountPath="/etc")),
        (2, "over the sidecar's", running(mountPath="/fde/bin")),
    ],
)  # fmt: skip
cases(
    "library-gates",
    [
        (
            None,
            "a librarian's",
            lambda w: w.make(w.library(beta={"minUsageCount": 3}), "x@company.example|fde-librarians"),
        ),
        (0, "anybody's", lambda w: w.make(w.library(), SLOPPY)),
        (
            0,
            "lowered",
            lambda w: w.change(w.make(w.library()), {"spec": {"gates": {"beta": {"minUsageCount": 0}}}}, SLOPPY),
        ),
    ],
)


ANCHOR = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fde-audit-anchor", "namespace": "fde-system"}}


def anchored(patch: dict[str, str] | None) -> Act:
    """The newest line of a chain of this case's own."""

    def act(w: World) -> Any:
        chain = w.name()
        w.change(ANCHOR, {"data": {chain: "1 aa\n2 bb\n"}}, "admin")
        if patch is None:
            return w.remove(ANCHOR, "admin")
        return w.change(ANCHOR, {"data": {chain: patch["to"]}}, "admin")

    return act


cases(
    "audit-anchor",
    [
        (None, "one more", anchored({"to": "2 bb\n3 cc\n"})),
        (0, "all of it", anchored(None)),
        (1, "the newest", anchored({"to": "1 aa\n"})),
    ],
)


@pytest.fixture(scope="module")
def world(api: Any, given: Any) -> Iterator[World]:
    namespace = "customer-admission"
    api.create(given.namespace(namespace, {"fde.io/customer": "admission"}))
    core = {
        "": ["configmaps", "secrets", "serviceaccounts", "namespaces"],
        "apps": ["deployments"],
        "batch": ["jobs", "cronjobs"],
        "networking.k8s.io": ["networkpolicies"],
        "fde.io": ["*"],
    }
    everything = [{"apiGroups": [group], "resources": kinds, "verbs": PLAIN_VERBS} for group, kinds in core.items()]
    mover = [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "create", "update", "patch"]},
        {
            "apiGroups": ["fde.io"],
            "resources": ["customers"],
            "resourceNames": ["case-a", "case-b"],
            "verbs": ["assign"],
        },
    ]
    customers = [
        {"apiGroups": ["fde.io"], "resources": ["telemetryfeeds/consent"], "verbs": ["consent"]},
        everything[-1],
    ]
    group = "rbac.authorization.k8s.io"
    for user, rules in ((SLOPPY, everything), (MOVER, mover), (OWNER, customers)):
        name = f"admission-{user.partition('@')[0]}"
        role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        api.create({**role, "rules": rules})
        subject = {"apiGroup": group, "kind": "User", "name": user}
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": name}
        api.create({**role, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]})
    yield World(api, given, namespace, (f"case-{n}" for n in range(10_000)))
    for user in (SLOPPY, MOVER, OWNER):
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            api.delete(kind, f"admission-{user.partition('@')[0]}")
    api.delete("Namespace", namespace)
    for library in api.list("PatternLibrary"):  # each of them would grade the versions of every other test
        if library["metadata"]["name"].startswith("case-"):
            api.delete("PatternLibrary", library["metadata"]["name"])


@pytest.mark.parametrize("one", CASES, ids=str)
def test_a_policy_refuses_in_its_own_sentence_or_takes_it(world: World, one: Case) -> None:
    if one.rule is None:
        one.act(world)
        return
    with pytest.raises(world.given.refused) as refused:
        one.act(world)
    said = str(refused.value)
    assert f"ValidatingAdmissionPolicy '{one.policy}'" in said, said
    rule = POLICIES[one.policy]["spec"]["validations"][one.rule]
    assert all(part in said for part in told(rule)), (said, told(rule))


POLICIES = {key.name: policy for key, policy in shipped().items() if key.kind == "ValidatingAdmissionPolicy"}
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def told(rule: dict[str, Any]) -> list[str]:
    """What a rule's sentence always says: its message, or the longest text of the expression that makes it."""
    if "message" in rule:
        return [rule["message"]]
    texts = [(a or b).replace("\\'", "'").replace('\\"', '"') for a, b in _LITERAL.findall(rule["messageExpression"])]
    return [max((text for text in texts if not text.startswith("^")), key=len)]


def test_every_rule_of_every_policy_has_a_case_and_every_policy_lets_something_through() -> None:
    refused = {(one.policy, one.rule) for one in CASES if one.rule is not None}
    taken = {one.policy for one in CASES if one.rule is None}
    rules = {
        (name, at) for name, policy in POLICIES.items() for at in range(len(policy["spec"].get("validations", ())))
    }
    assert rules - refused == set()
    assert refused - rules == set()
    assert {name for name, _ in rules} - taken == set()


def test_every_policy_is_bound_to_deny_and_fails_closed() -> None:
    bound = {key.name: one["spec"] for key, one in shipped().items() if key.kind == "ValidatingAdmissionPolicyBinding"}
    assert {spec["policyName"] for spec in bound.values()} == set(POLICIES)
    refusing = {name: policy for name, policy in POLICIES.items() if policy["spec"].get("validations")}
    assert set(POLICIES) - set(refusing) == {"audit-object.fde.io"}  # records, and refuses nothing
    for spec in bound.values():
        assert ("Deny" in spec["validationActions"]) == (spec["policyName"] in refusing)
        assert set(spec) <= {"policyName", "validationActions", "paramRef"}
    for policy in refusing.values():
        assert policy["spec"]["failurePolicy"] == "Fail"
        for rule in policy["spec"]["validations"]:
            assert len(rule.get("message", "") or rule.get("messageExpression", "")) >= 30
