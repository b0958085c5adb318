import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.connection import (
    Connection,
    InsecureConnection,
    check_secure,
    connection,
    read_client_settings,
    tls_of,
)
from fde_events.errors import BadInput, Refused
from fde_events.kafka import client_settings, consumer_settings, producer_settings

TLS = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}


def settings_file(tmp_path, text):
    file = tmp_path / "kafka.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9092", "localhost:9092", "[::1]:9092", "PLAINTEXT://127.8.0.1:1,LOCALHOST:2"]
)
def test_on_loopback_a_plain_connection_is_made(address):
    assert connection(address) == address
    assert client_settings(address)["bootstrap.servers"] == address


@pytest.mark.parametrize(
    "address",
    [
        "kafka:9092",
        "10.0.0.7:9092",
        "127.0.0.1:9092,kafka:9092",
        "[2001:db8::1]:9092",
        "localhost.example:9092",
        "127.0.0.1.example:1",
    ],
)
def test_away_from_loopback_a_plain_connection_is_refused(address):
    for settings in (client_settings, producer_settings, lambda at: consumer_settings(at, "g"), connection):
        with pytest.raises(InsecureConnection, match=r"PLAINTEXT, which does not encrypt.*--kafka-config"):
            settings(address)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"security.protocol": "SASL_PLAINTEXT"}, "SASL_PLAINTEXT"),
        ({"security.protocol": "plaintext"}, "PLAINTEXT"),
        (TLS | {"enable.ssl.certificate.verification": False}, "whoever answers"),
        (TLS | {"enable.ssl.certificate.verification": "false"}, "whoever answers"),
        (TLS | {"enable.ssl.certificate.verification": "0"}, "whoever answers"),
        (TLS | {"ssl.endpoint.identification.algorithm": "none"}, "any certificate of the authority"),
    ],
)
def test_what_is_not_encrypted_and_verified_is_refused_away_from_loopback(more, why):
    with pytest.raises(InsecureConnection, match=why):
        producer_settings("kafka:9093", **more)
    assert producer_settings("localhost:9093", **more)


def test_encrypted_and_verified_is_let_through():
    assert client_settings("kafka:9093", **TLS)["security.protocol"] == "SASL_SSL"
    assert check_secure({"bootstrap.servers": "kafka:9093", "security.protocol": "ssl"}) is None


def test_an_address_cannot_say_otherwise_than_the_settings():
    with pytest.raises(InsecureConnection, match="SASL_PLAINTEXT"):
        client_settings("SASL_PLAINTEXT://kafka:9092", **TLS)


def test_a_settings_file_cannot_smuggle_in_another_broker():
    with pytest.raises(InsecureConnection, match="evil"):
        client_settings("127.0.0.1:9092", **{"metadata.broker.list": "evil:9092"})
    with pytest.raises(InsecureConnection, match="evil"):
        client_settings("127.0.0.1:9092", **{"bootstrap.servers": "evil:9092"})


def test_an_exception_names_its_reason():
    reason = {"allow_insecure": "the service mesh encrypts between nodes"}
    assert "allow_insecure" not in client_settings("kafka:9092", **reason)
    for no_reason in (True, "", "  ", 1):
        with pytest.raises(InsecureConnection):
            client_settings("kafka:9092", allow_insecure=no_reason)


def test_a_refusal_is_also_what_a_client_says_of_settings_it_does_not_take():
    """The sidecar takes a ValueError of its client for what it is: it spools, and says why."""
    assert issubclass(InsecureConnection, ValueError) and issubclass(InsecureConnection, Refused)


def test_a_connection_is_its_address_and_carries_its_settings(tmp_path):
    made = connection(
        "kafka:9093", settings_file(tmp_path, "security.protocol: SASL_SSL\nsasl.password: planted-secret\n")
    )
    assert made == "kafka:9093" and made.split(",") == ["kafka:9093"]
    assert producer_settings(made)["sasl.password"] == "planted-secret"
    assert producer_settings(made)["bootstrap.servers"] == "kafka:9093"
    assert "planted-secret" not in repr(made) + str(made) + f"{made}"


def test_ours_wins_over_the_connection_and_the_caller_over_ours():
    carried = Connection("127.0.0.1:1", {"acks": 0, "client.id": "x"})
    assert producer_settings(carried)["acks"] == "all"
    assert producer_settings(carried)["client.id"] == "x"
    assert producer_settings(carried, acks=1)["acks"] == 1


def test_an_authority_is_found_beside_its_file(tmp_path):
    (tmp_path / "ca.pem").write_text("x")
    settings = read_client_settings(settings_file(tmp_path, "ssl.ca.location: ca.pem\nssl.key.location: gone.pem\n"))
    assert settings == {"ssl.ca.location": str(tmp_path / "ca.pem"), "ssl.key.location": "gone.pem"}


@pytest.mark.parametrize("text", ["- a list", "a: {b: c}", "a: [1]", "1: b", "a: :", "a: null"])
def test_a_file_that_cannot_be_used_is_refused_without_its_text(tmp_path, text):
    with pytest.raises(BadInput) as told:
        connection("127.0.0.1:1", settings_file(tmp_path, text + "\n"))
    assert text not in str(told.value)


def test_other_clients_trust_the_same_authority(tmp_path):
    assert tls_of({}) is None
    assert tls_of({"security.protocol": "SSL"}).verify_mode is ssl.CERT_REQUIRED
    assert tls_of({"security.protocol": "SSL"}).check_hostname
    assert not tls_of({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"}).check_hostname
    with pytest.raises(BadInput, match="gone"):
        tls_of({"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "gone.pem")})


@given(st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True), st.integers(1, 65535))
def test_no_name_but_a_loopback_one_is_let_through_in_the_clear(host, port):
    if host == "localhost" or host.startswith("127."):
        return
    with pytest.raises(InsecureConnection):
        client_settings(f"{host}:{port}")
