import stat
from pathlib import Path

import pytest
import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from fde_local.kafka import KafkaBroker

pytestmark = pytest.mark.kafka


def listed(broker: KafkaBroker, settings: dict[str, object], timeout_s: float = 30.0) -> bool:
    client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0, **settings})
    try:
        return bool(client.list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False


def test_a_secured_broker_lets_in_who_knows_the_password_and_nobody_else(kafka_toolchain: None, tmp_path: Path):
    with KafkaBroker.start(tmp_path / "one", secured=True) as broker:
        admin = yaml.safe_load(broker.admin_settings.read_text())
        assert stat.S_IMODE(broker.admin_settings.stat().st_mode) == 0o600
        assert admin["security.protocol"] == "SASL_SSL"
        assert listed(broker, admin)
        assert not listed(broker, {}, 3.0)
        assert not listed(broker, admin | {"sasl.password": "wrong"}, 3.0)
        assert not listed(broker, {name: value for name, value in admin.items() if name != "ssl.ca.location"}, 3.0)
        broker.create_topic("kept")
        broker.restart()
        assert listed(broker, admin)


def test_a_broker_that_was_killed_after_a_user_was_removed_knows_the_others(kafka_toolchain: None, tmp_path: Path):
    with KafkaBroker.start(tmp_path / "one", secured=True) as broker:
        admin = yaml.safe_load(broker.admin_settings.read_text())
        client = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0, **admin})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        for change in (
            UserScramCredentialUpsertion("a", info, b"first"),  # in a table of Kafka's it comes before `admin`
            UserScramCredentialUpsertion("b", info, b"second"),
            UserScramCredentialDeletion("a", ScramMechanism.SCRAM_SHA_512),
        ):
            client.alter_user_scram_credentials([change])[change.user].result(timeout=30)
        broker.kill()
        assert not broker.is_running
        broker.restart()
        assert broker.is_running
        assert listed(broker, admin)
        assert listed(broker, admin | {"sasl.username": "b", "sasl.password": "second"})
        assert not listed(broker, admin | {"sasl.username": "a", "sasl.password": "first"}, 3.0)
