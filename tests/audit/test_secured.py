"""On a Kafka with passwords and its authorizer on: each chain's writer writes its own chain, and an auditor reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer

from fde_cli.main import run
from fde_events.act import Act
from fde_events.connection import Connection, connection
from fde_events.errors import FdeError
from fde_events.kafka import producer_settings
from fde_events.topics import AUDIT
from fde_local.kafka import KafkaBroker
from fde_operator.audit.topic import KafkaChain

pytestmark = [pytest.mark.kafka, pytest.mark.seconds]


def act(number: int) -> Act:
    return Act(id=f"{number:032x}", at="2026-11-21T10:00:00.000Z", source="operator", who="o", verb="apply", kind="Job", outcome="allowed")  # fmt: skip


@pytest.fixture(scope="module")
def credentials(kafka_toolchain: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("secured-audit")
    with KafkaBroker.start(folder / "broker", secured=True) as broker:
        where = ("--brokers", broker.bootstrap_servers, "--kafka-config", str(broker.admin_settings))
        assert run(["kafka", "apply", *where, "--customers", "acme", "--credentials", str(folder / "users")]) == 0
        yield broker.bootstrap_servers, folder / "users"


def at(credentials: tuple[str, Path], role: str) -> Connection:
    brokers, users = credentials
    (file,) = [one for one in users.glob("*.yaml") if one.stem.endswith(f".{role}") or one.stem.endswith(f"-{role}")]
    return connection(brokers, file)


def test_each_writes_its_own_chain_and_an_auditor_verifies(
    credentials: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for role, chain in (("operator", "operator"), ("audit", "people")):
        writer = KafkaChain(at(credentials, role), chain)
        writer.open()
        writer.append([act(1), act(2)])
        assert KafkaChain(at(credentials, role), chain).open(0).head.seq == 1
    (file,) = [one for one in credentials[1].glob("*auditor.yaml")]
    capsys.readouterr()
    assert run(["audit", "verify", "--brokers", credentials[0], "--kafka-config", str(file)]) == 0
    assert capsys.readouterr().out.count("whole ") == 2


@pytest.mark.parametrize(("role", "chain"), [("operator", "people"), ("audit", "operator"), ("extraction", "operator")])
def test_nobody_pushes_anothers_writer_out(credentials: tuple[str, Path], role: str, chain: str) -> None:
    with pytest.raises(FdeError, match=r"(?i)authoriz"):
        KafkaChain(at(credentials, role), chain, timeout_s=5.0).open()


def test_an_auditor_writes_nothing(credentials: tuple[str, Path]) -> None:
    told: list[Any] = []
    producer = Producer(
        producer_settings(at(credentials, "auditor"), **{"message.timeout.ms": 10_000, "enable.idempotence": False})
    )
    producer.produce(AUDIT, b"forged", on_delivery=lambda error, _: told.append(error.code() if error else None))
    producer.flush(15)
    assert told == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
