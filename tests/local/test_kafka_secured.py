import stat
from pathlib import Path

import pytest
import yaml
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from fde_local.kafka import KafkaBroker

pytestmark = pytest.mark.kafka


def listed(broker: KafkaBroker, settings: dict[str, object], timeout_s: float = 3.0) -> bool:
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
        assert not listed(broker, {})
        assert not listed(broker, admin | {"sasl.password": "wrong"})
        assert not listed(broker, {name: value for name, value in admin.items() if name != "ssl.ca.location"})
        broker.create_topic("kept")
        broker.restart()
        assert listed(broker, admin)
