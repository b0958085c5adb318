from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from fde_cli.main import run
from fde_events.decision import Decision
from fde_events.errors import Unavailable
from fde_operator.decisions import KafkaDecisions, NoDecisions
from fde_operator.install import manifests

DECISION = Decision(
    candidate="c-1",
    challenge="rate-limit",
    decision="Rejected",
    reviewer="dana@company.example",
    reason="values leak",
    reviewed_generation=1,
    proposal_digest="sha256:" + "0" * 64,
    decided_at="2026-11-20T10:00:00Z",
)


@pytest.mark.parametrize("command", [["operator"], ["operator", "install"]])
def test_a_kubeconfig_that_is_not_there_is_a_sentence_and_wrong_use(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--kubeconfig", str(tmp_path / "none")]) == 2
    assert "there is no kubeconfig file" in capsys.readouterr().err


def test_a_kubeconfig_without_a_context_is_a_sentence_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config").write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    assert run(["operator", "install", "--kubeconfig", str(tmp_path / "config")]) == 2
    assert "kubeconfig" in capsys.readouterr().err


def test_every_policy_has_a_binding_that_denies() -> None:
    shipped = manifests("policies")
    # One refuses nothing: it says in the audit log which object was written.
    refusing = [m for m in shipped if m["kind"] == "ValidatingAdmissionPolicy" and m["spec"].get("validations")]
    policies = {m["metadata"]["name"] for m in refusing}
    denying = {
        m["spec"]["policyName"]
        for m in shipped
        if m["kind"] == "ValidatingAdmissionPolicyBinding" and "Deny" in m["spec"]["validationActions"]
    }
    assert policies == denying
    assert all(m["spec"]["failurePolicy"] == "Fail" for m in refusing)


def test_no_role_reads_secrets_impersonates_or_takes_everything() -> None:
    for role in (m for m in manifests("policies") if m["kind"] == "ClusterRole"):
        for rule in role["rules"]:
            if "secrets" in rule["resources"]:  # whoever patches one is told all of it; these verbs tell nothing
                assert (role["metadata"]["name"], set(rule["verbs"])) == ("fde-operator", {"create", "update"})
            assert "impersonate" not in rule["verbs"]
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]


def test_a_decision_is_on_the_topic_when_record_returns() -> None:
    host = Producer({"test.mock.num.brokers": 1, "log_level": 0})  # the embedded broker lives as long as this client
    brokers = ",".join(f"{b.host}:{b.port}" for b in host.list_topics(timeout=10).brokers.values())
    asyncio.run(KafkaDecisions(brokers).record(DECISION))
    reader = Consumer({"bootstrap.servers": brokers, "group.id": "t", "auto.offset.reset": "earliest"})
    partitions = reader.list_topics("fde-engine.decisions", timeout=10).topics["fde-engine.decisions"].partitions
    reader.assign([TopicPartition("fde-engine.decisions", number, 0) for number in partitions])
    message = reader.poll(20)
    reader.close()
    assert message is not None and message.error() is None
    assert message.key() == b"c-1"
    assert b'"type":"candidate.decision.v1"' in (message.value() or b"")


def test_a_broker_that_is_away_is_told_and_nothing_is_lost_silently() -> None:
    with pytest.raises(Unavailable, match="did not take the decision"):
        asyncio.run(KafkaDecisions("127.0.0.1:9", timeout_s=0.5).record(DECISION))
    asyncio.run(NoDecisions().record(DECISION))


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Of an API server that is away."""
    context = {"name": "here", "context": {"cluster": "one", "user": "ana"}}
    config = {
        "current-context": "here",
        "contexts": [context],
        "clusters": [{"name": "one", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "ana", "user": {"token": "none"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    return str(tmp_path / "config")


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--resync-seconds", "0"], 2, "--resync-seconds"),
        (["--resync-seconds", "0.5"], 2, "--resync-seconds"),
        (["--namespace", "Bad Name"], 2, "--namespace"),
        (["--namespace", "a.b"], 2, "--namespace"),
        (["--telemetry-secret", "Bad Name"], 2, "--telemetry-secret"),
        (["--brokers", "127.0.0.1:1", "--kafka-config", "nowhere"], 3, "nowhere"),
        (["--brokers", "127.0.0.1:1", "--kafka-admin-config", "nowhere"], 3, "nowhere"),
        (["--brokers", "kafka.example:9092"], 1, "does not encrypt"),
        (["--brokers", "127.0.0.1:1", "--audit-state", "config"], 2, "--audit-state config"),
        (["--brokers", "127.0.0.1:1", "--audit-state", "config/deeper"], 2, "--audit-state config/deeper"),
        (["--landscape", "nowhere"], 3, "nowhere"),
    ],
)
def test_what_cannot_be_run_with_is_said_before_it_waits_to_lead(
    options: list[str],
    code: int,
    sentence: str,
    kubeconfig: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A standby that would fail only when it leads is found out by nobody before that."""

    async def ran(*_: object, **__: object) -> None:
        raise AssertionError("it runs")

    monkeypatch.setattr("fde_operator.process.run", ran)
    monkeypatch.chdir(Path(kubeconfig).parent)
    assert run(["operator", "--kubeconfig", kubeconfig, *options]) == code
    assert sentence in capsys.readouterr().err
