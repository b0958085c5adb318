"""People's acts on the real API server, and the operator's, in the record on the real Kafka: who, what, and why not."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fde_events.act import Act
from fde_events.chain import Stored, stored
from fde_events.kafka import create_topics
from fde_events.seal import opened
from fde_events.topics import AUDIT, ENGINE
from fde_operator.audit.event import seen
from fde_operator.audit.intake import OWN
from fde_operator.audit.topic import between, ends

pytestmark = pytest.mark.seconds
LIMIT_S = 90.0


def fde(
    *arguments: str | Path, timeout: float = 120, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fde_cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=env)


class Collector:
    """`fde audit collect`, started and ended by tests."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command, self._log = command, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=out)

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def kill(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(40)
        self._process = None
        return code


class Scene:
    """One customer's namespace, one chain, and who reads them."""

    def __init__(self, api: Any, plane: Any, brokers: str, customer: str, folder: Path) -> None:
        self.api, self.plane, self.brokers, self.folder = api, plane, brokers, folder
        self.namespace, self.customer = customer, customer.removeprefix("customer-")
        self.chain = f"people-{self.customer}"
        self.kubeconfig = plane.kubeconfig("operator")
        self.begin = ends(brokers, AUDIT, 20)[1]

    def collector(self, *source: str | Path) -> Collector:
        command = [
            *(sys.executable, "-m", "fde_cli.main", "audit", "collect", "--brokers", self.brokers),
            *("--state", self.folder / "state", "--chain", self.chain, "--kubeconfig", self.kubeconfig),
            *("--anchors", self.folder / "anchors.jsonl", *source),
        ]
        return Collector([str(part) for part in command], self.folder / "collect.log")

    def links(self) -> list[Stored]:
        _, high = ends(self.brokers, AUDIT, 20)
        raws = between(self.brokers, AUDIT, self.begin, high, time.monotonic() + 60)
        return [one for raw in raws if (one := stored(raw)) is not None]

    def keys(self) -> list[bytes]:
        import base64

        data = self.api.get("Secret", "fde-audit-keys", "fde-system").get("data", {})
        raw = data.get(f"{self.customer}.key")
        return [base64.b64decode(raw)] if raw else []

    def acts(self, chain: str) -> list[Act]:
        """The acts against this customer, and against candidates; names opened."""
        import msgspec

        keys, found = self.keys(), []
        for one in self.links():
            if one.chain != chain or one.body.get("type") != "act.v1":
                continue
            act = msgspec.convert(dict(one.body), Act)
            read = {field: opened(keys, field, getattr(act, field)) for field in ("customer", "namespace", "name", "why", "cause")}  # fmt: skip
            if act.customer == "" or read["customer"] == self.customer:
                found.append(msgspec.structs.replace(act, **{name: text or "" for name, text in read.items()}))
        return found

    def await_act(self, chain: str = "", **wanted: Any) -> Act:
        deadline = time.monotonic() + LIMIT_S
        while True:
            acts = self.acts(chain or self.chain)
            for act in acts:
                if all(getattr(act, name) == value for name, value in wanted.items()):
                    return act
            assert time.monotonic() < deadline, f"no {wanted} among {acts}"
            time.sleep(0.3)


def without_strangers(api: Any, given: Any) -> None:
    """The cluster's anchors without what other files tried there: nobody may take it away while the policy stands."""
    place, policy = ("fde-audit-anchor", "fde-system"), "audit-anchor.fde.io"
    strange = {one: None for one in api.get("ConfigMap", *place).get("data", {}) if not one.endswith(".jsonl")}
    if not strange:
        return
    binding = api.get("ValidatingAdmissionPolicyBinding", policy)
    api.delete("ValidatingAdmissionPolicyBinding", policy)

    def taken() -> bool:
        body = json.dumps({"data": strange})
        merge = "application/merge-patch+json"
        answer = api.ask("PATCH", "ConfigMap", place[1], place[0], user="admin", body=body, what=merge)
        return bool(answer.is_success)

    def in_force() -> bool:
        dry = {"dryRun": "All"}
        return not api.ask("DELETE", "ConfigMap", place[1], place[0], user="admin", query=dry).is_success

    given.eventually(taken, 60)
    marks = {name: binding["metadata"].get(name, {}) for name in ("name", "labels", "annotations")}
    api.create({**binding, "metadata": marks})
    given.eventually(in_force, 60)


@pytest.fixture
def scene(api: Any, control_plane: Any, kafka: Any, given: Any, customer: str, tmp_path: Path) -> Scene:
    without_strangers(api, given)
    create_topics(kafka.bootstrap_servers, [topic for topic in ENGINE if topic.name == AUDIT])
    return Scene(api, control_plane, kafka.bootstrap_servers, customer, tmp_path)


@pytest.fixture
def collector(scene: Scene) -> Iterator[Collector]:
    found = scene.collector("--file", scene.plane.audit_log)
    found.start()
    yield found
    found.kill()


def test_what_people_did_and_were_refused_is_recorded_verifies_and_can_be_handed_out(
    scene: Scene, collector: Collector, given: Any, unique: str
) -> None:
    api, space = scene.api, scene.namespace
    value = f"{uuid.uuid4().hex}.example"  # this test's own: who does something in another may be of northgate.example
    api.create(given.deployment(namespace=space, parameters={"instanceHost": value}), user="ben")
    api.patch("FDEDeployment", "sync", {"spec": {"suspend": True}}, space, user="ben")
    with pytest.raises(given.refused):  # a forged owner
        api.patch(
            "FDEDeployment", "sync", {"metadata": {"annotations": {"fde.io/owning-fde": "eve"}}}, space, user="ben"
        )
    with pytest.raises(given.refused):  # no rights at all
        api.patch("FDEDeployment", "sync", {"spec": {"suspend": False}}, space, user="nobody")
    with pytest.raises(given.refused):
        api.list("Secret", space, user="nobody")
    api.create(given.candidate(given.spec(primitiveName=unique), name=unique), user="engine")
    review = {"decision": "Approved", "reviewer": "dana@company.example", "reason": "it holds for five customers", "reviewedGeneration": 1}  # fmt: skip
    with pytest.raises(given.refused):  # a contributor's own
        api.patch("PatternCandidate", unique, {"spec": {"review": {**review, "reviewer": "ana@company.example"}}}, "fde-library", user="ana")  # fmt: skip
    asked = time.monotonic()
    api.patch("PatternCandidate", unique, {"spec": {"review": review}}, "fde-library", user="dana")

    approved = scene.await_act(who="dana@company.example", kind="patterncandidates", name=unique)
    print(f"recorded {time.monotonic() - asked:.2f} s after it was asked for")
    assert (approved.decided, approved.why) == ({"review": "Approved"}, "it holds for five customers")
    assert approved.outcome == "allowed"
    created = scene.await_act(
        namespace=scene.namespace, who="ben@company.example", verb="create", kind="fdedeployments"
    )
    assert (created.name, created.namespace, created.generation) == ("sync", space, 1)
    edited = scene.await_act(namespace=scene.namespace, who="ben@company.example", verb="patch", outcome="allowed")
    assert (edited.uid, edited.generation) == (created.uid, 2)
    forged = scene.await_act(namespace=scene.namespace, who="ben@company.example", outcome="denied")
    assert "owning-fde" in forged.why
    assert forged.policy.endswith(".fde.io")
    refused = scene.await_act(namespace=scene.namespace, who="nobody@company.example", kind="fdedeployments")
    assert (refused.outcome, refused.policy) == ("denied", "")
    assert 'User "nobody@company.example" cannot patch' in refused.why
    assert (
        scene.await_act(namespace=scene.namespace, who="nobody@company.example", kind="secrets", verb="list").outcome
        == "denied"
    )
    assert scene.await_act(who="ana@company.example", name=unique).outcome == "denied"

    # Killed: what happened meanwhile is read from the log, and nothing twice.
    collector.kill()
    api.delete("FDEDeployment", "sync", space, user="ben")
    collector.start()
    gone = scene.await_act(namespace=scene.namespace, who="ben@company.example", verb="delete")
    assert (gone.uid, gone.outcome) == (created.uid, "allowed")
    ids = [str(one.body["id"]) for one in scene.links() if one.chain == scene.chain]
    assert len(ids) == len(set(ids))
    assert collector.stop() == 0, collector.log()

    raws = json.dumps([dict(one.body) for one in scene.links() if one.chain == scene.chain])
    assert scene.customer not in raws, "no record names the customer"
    assert value not in raws, "no record holds a value"

    # Whole, by the anchors in the cluster and in the file.
    anchored = ("--anchors", scene.folder / "anchors.jsonl", "--kubeconfig", scene.kubeconfig)
    verified = fde("audit", "verify", "--brokers", scene.brokers, *anchored, "--json")
    assert verified.stdout, verified.stderr
    (ours,) = [found for line in verified.stdout.splitlines() if (found := json.loads(line))["chain"] == scene.chain]
    assert ours["whole"] is True
    assert ours["anchors"] >= 2
    assert ours["head"] == len(ids) - 1

    exported = fde("audit", "export", "--customer", scene.customer, "--brokers", scene.brokers, *anchored)
    assert exported.returncode == 0, exported.stderr
    file = scene.folder / "export.jsonl"
    file.write_text(exported.stdout)
    assert fde("audit", "verify", file).returncode == 0
    names = [found for line in exported.stdout.splitlines() if (found := json.loads(line))["type"] == "audit.opened.v1"]
    assert {found["name"] for found in names if "name" in found} == {"sync"}
    file.write_text(exported.stdout.replace("nobody@company", "somebody@company", 1))
    spoilt = fde("audit", "verify", file)
    assert spoilt.returncode == 1
    assert "changed" in spoilt.stdout

    # The key destroyed: the record verifies, and names nobody.
    forgot = fde(
        "audit", "forget", "--customer", scene.customer, "--confirm", scene.customer, "--kubeconfig", scene.kubeconfig
    )
    assert forgot.returncode == 0, forgot.stderr
    again = fde(
        "audit", "export", "--customer", scene.customer, "--brokers", scene.brokers, "--kubeconfig", scene.kubeconfig
    )
    assert again.returncode == 1
    assert "destroyed" in again.stderr


class Kubelet:
    """What a node answers when somebody wants a shell: yes. It holds the connection until it is closed."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._context.wrap_socket(self._listener.accept()[0], server_side=True)
            except OSError:
                return
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += connection.recv(4096)
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
            self._held.append(connection)

    def close(self) -> None:
        for one in (self._listener, *self._held):
            one.close()


def test_a_shell_is_recorded_while_it_is_open_and_a_binding_to_everything_by_any_name(
    scene: Scene, collector: Collector, given: Any, unique: str
) -> None:
    api, plane, space = scene.api, scene.plane, scene.namespace
    kubelet = Kubelet(plane.certificate_authority)
    api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": unique}, "spec": {"unschedulable": True}})
    group = "rbac.authorization.k8s.io"
    try:
        node = {"addresses": [{"type": "Hostname", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}}}  # fmt: skip
        # kwok says once where its nodes are, with the conditions.
        given.eventually(lambda: (api.get("Node", unique) or {}).get("status", {}).get("conditions"), 60)
        api.patch("Node", unique, {"status": node}, sub="status")
        closed = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
        pod = {"nodeName": unique, "containers": [{"name": "app", "image": "app", "securityContext": closed}]}
        api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sync-1", "namespace": space}, "spec": pod})

        host, _, port = plane.url.removeprefix("https://").partition(":")
        trusted = ssl.create_default_context(cafile=str(plane.certificate_authority))
        shell = http.client.HTTPSConnection(host, int(port), context=trusted, timeout=30)
        shell.putrequest("POST", f"/api/v1/namespaces/{space}/pods/sync-1/exec?command=sh&container=app&stdin=true&stdout=true")  # fmt: skip
        for name, value in (("Authorization", f"Bearer {plane.token('admin')}"), ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("Content-Length", "0")):  # fmt: skip
            shell.putheader(name, value)
        shell.endheaders()
        assert b"101 Switching Protocols" in shell.sock.recv(4096)

        opened_ = scene.await_act(namespace=space, kind="pods/exec", name="sync-1")
        assert (opened_.outcome, opened_.decided) == ("allowed", {"session": "opened"})
        shell.close()
        ended = scene.await_act(namespace=space, id=f"{opened_.id}.ended")
        assert (ended.who, ended.decided["session"]) == (opened_.who, "ended")

        subjects = [{"apiGroup": group, "kind": "User", "name": "eve@company.example"}]
        everything = {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"}
        api.create({"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": unique}, "roleRef": everything, "subjects": subjects})  # fmt: skip
        bound = scene.await_act(kind="clusterrolebindings", name=unique)
        assert (bound.verb, bound.outcome, bound.customer) == ("create", "allowed", "")
    finally:
        kubelet.close()
        api.delete("Node", unique)
        if api.get("ClusterRoleBinding", unique):
            api.delete("ClusterRoleBinding", unique)


def test_the_newest_anchor_is_taken_away_by_nobody(scene: Scene, given: Any) -> None:
    entry = f"{uuid.uuid4().hex[:8]}.jsonl"

    def patched(text: str | None) -> None:
        scene.api.patch("ConfigMap", "fde-audit-anchor", {"data": {entry: text}}, "fde-system")

    patched('{"seq":1}\n')
    patched('{"seq":1}\n{"seq":2}\n')
    patched('{"seq":2}\n{"seq":3}\n')
    for forged in ('{"seq":2}\n', '{"seq":4}\n', "", None):
        with pytest.raises(given.refused, match="newest anchor of an audit chain is not taken away"):
            patched(forged)
    with pytest.raises(given.refused, match="are not deleted"):
        scene.api.delete("ConfigMap", "fde-audit-anchor", "fde-system")


@pytest.mark.parametrize("user", ["ana", "dana", "engine", "nobody"])
def test_nobody_else_reads_the_keys(scene: Scene, given: Any, user: str) -> None:
    with pytest.raises(given.refused, match="cannot get resource"):
        scene.api.get("Secret", "fde-audit-keys", "fde-system", user=user)


def test_the_operators_own_writes_are_recorded_with_the_attempt_they_belong_to(
    scene: Scene, given: Any, unique: str
) -> None:
    state = scene.folder / "operator-audit"
    more = ("--brokers", scene.brokers, "--audit-state", str(state))
    operator = given.operator(scene.kubeconfig, scene.folder / "operator.log", *more)
    scene.api.create(given.primitive(given.spec(primitiveName=unique)), user="operator")
    manifest = given.deployment(namespace=scene.namespace, primitiveRef={"name": unique, "version": "v1.0.0"})
    operator.start()
    try:
        made = scene.api.create(manifest, user="ben")
        act = scene.await_act("operator", kind="Deployment", namespace=scene.namespace)
        assert act.outcome == "allowed"
        assert act.generation == 1
        assert len(act.reconcile) == 16
        assert act.cause == f"FDEDeployment {scene.namespace}/sync"
        assert act.uid and act.uid != made["metadata"]["uid"]
    finally:
        operator.stop()
    assert scene.await_act("operator", kind="NetworkPolicy", namespace=scene.namespace).outcome == "allowed"


def test_the_api_server_posts_to_the_collector_and_says_again_what_it_could_not_take(
    scene: Scene, given: Any, free_port: int
) -> None:
    """The webhook, with TLS and a token (client-go sends none without TLS); the collector comes up only after the API server began to post."""
    token, config = scene.folder / "token", scene.folder / "webhook.yaml"
    token.write_text(uuid.uuid4().hex)
    certificate = scene.plane.certificate_authority  # the API server's own: it names 127.0.0.1
    config.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "a",
                "clusters": [
                    {
                        "name": "a",
                        "cluster": {
                            "server": f"https://127.0.0.1:{free_port}/",
                            "certificate-authority": str(certificate),
                        },
                    }
                ],
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "users": [{"name": "a", "user": {"token": token.read_text()}}],
            }
        )
    )
    more = (
        f"--audit-webhook-config-file={config}",
        "--audit-webhook-batch-max-wait=1s",
        "--audit-webhook-initial-backoff=1s",
    )
    tls = ("--tls-cert", certificate, "--tls-key", certificate.with_suffix(".key"), "--token-file", token)
    collector = scene.collector("--listen", f"127.0.0.1:{free_port}", *tls)
    scene.plane.kill_api_server()
    scene.plane.start_api_server(120, more=more)
    try:
        scene.api.create(given.deployment(namespace=scene.namespace), user="ben")
        collector.start()
        act = scene.await_act(
            namespace=scene.namespace, who="ben@company.example", verb="create", kind="fdedeployments"
        )
        assert (act.name, act.outcome) == ("sync", "allowed")
        scene.api.delete("FDEDeployment", "sync", scene.namespace, user="ben")
        assert scene.await_act(namespace=scene.namespace, who="ben@company.example", verb="delete").uid == act.uid
        assert collector.stop() == 0, collector.log()
    finally:
        collector.kill()
        scene.plane.kill_api_server()
        scene.plane.start_api_server(120)


def test_the_doctor_says_whether_people_are_recorded(scene: Scene, collector: Collector) -> None:
    def audit(wait: int) -> dict[str, str]:
        env = {**os.environ, "KUBECONFIG": str(scene.plane.kubeconfig("ben"))}
        done = fde(
            "doctor",
            "--brokers",
            scene.brokers,
            "--registry",
            "kubernetes",
            "--audit-wait",
            str(wait),
            "--json",
            env=env,
        )
        (found,) = [each for line in done.stdout.splitlines() if (each := json.loads(line))["check"] == "audit"]
        return dict(found)

    assert audit(90)["state"] == "ok"
    assert collector.stop() == 0
    found = audit(2)
    assert found["state"] == "wrong"
    assert "people's acts are not recorded" in found["saw"]
    assert "--audit-policy-file" in found["next"]


def test_a_binding_of_a_role_of_ours_in_nobody_s_namespace_is_recorded_and_no_other_one(
    api: Any, control_plane: Any, given: Any, unique: str
) -> None:
    """By admission's note, in the log that the shipped policy makes; a refusal that admission does not see, by its body."""
    group = "rbac.authorization.k8s.io"

    def binding(name: str, role: str, kind: str = "ClusterRole", to: str = "sam") -> dict[str, Any]:
        metadata = {"name": name, "namespace": unique}
        subjects = [{"apiGroup": group, "kind": "User", "name": f"{to}@company.example"}]
        head = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": metadata, "subjects": subjects}
        return {**head, "roleRef": {"apiGroup": group, "kind": kind, "name": role}}

    def told() -> list[Any]:
        with control_plane.audit_log.open() as log:
            events = [event for line in log if unique in line and (event := json.loads(line))["objectRef"]]
        found = [one for event in events if (one := seen(event, own=OWN)) is not None]
        ours = [one for one in found if one.kind == "rolebindings" and one.scope == "ours"]  # else: if a customer's
        return [(one.verb, one.name, one.outcome, one.decided) for one in ours]

    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}})
    try:
        for name, role in (("one", "fde-field-engineer"), ("two", "view"), ("three", "cluster-admin")):
            api.create(binding(name, role))
        rules = [{"apiGroups": [group], "resources": ["rolebindings"], "verbs": ["create", "update"]}]
        metadata = {"name": "fde-field-engineer", "namespace": unique}  # theirs, whatever its name
        api.create({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
        api.create(binding("four", "fde-field-engineer", kind="Role", to="eve"))
        for name in ("one", "two"):
            api.patch("RoleBinding", name, {"subjects": []}, unique)
        for role in ("fde-field-engineer", "edit"):
            with pytest.raises(given.refused, match="attempting to grant RBAC permissions"):
                api.create(binding("five", role), user="eve@company.example")
        for name in ("one", "two", "three", "four"):
            api.delete("RoleBinding", name, unique)
        decided = {"role": "ClusterRole fde-field-engineer"}
        given.eventually(lambda: any(one[:2] == ("delete", "one") for one in told()))
        assert told() == [
            ("create", "one", "allowed", decided),
            ("patch", "one", "allowed", decided),
            ("create", "five", "denied", {}),
            ("delete", "one", "allowed", decided),
        ]
    finally:
        api.delete("Namespace", unique)
