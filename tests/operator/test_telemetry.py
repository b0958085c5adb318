"""The sidecar's container: what asks whether it lives, what stops it from sending, and that both leave the app alone."""

from __future__ import annotations

from typing import Any

import msgspec

from fde_api.deployment import DeploymentRef, Egress, FDEDeployment, TelemetryFeed, TelemetryFeedSpec
from fde_api.meta import Metadata
from fde_events.retention import EGRESS_LOG, SPOOL
from fde_operator import telemetry
from fde_operator.profile import (
    APP,
    BIN_LIMIT_MIB,
    LOG_LIMIT_MIB,
    MIB,
    POD_GRACE_S,
    SIDECAR,
    SIDECAR_GRACE_S,
    SPOOL_CAP_MIB,
    SPOOL_LIMIT_MIB,
    TMP_LIMIT_MIB,
)
from fde_operator.settings import OperatorSettings
from fde_sidecar import egress, spool

FEED = TelemetryFeed(
    metadata=Metadata(name="sync", namespace="customer-northgate"),
    spec=TelemetryFeedSpec(deployment_ref=DeploymentRef(name="sync"), signals=("errors",), egress=Egress(state="off")),
)


def container() -> dict[str, Any]:
    return telemetry.sidecar(OperatorSettings(), customer="northgate", feed=FEED)


def test_a_sidecar_that_hangs_is_restarted_alone_and_one_that_cannot_start_keeps_nobody() -> None:
    side = container()
    assert side["livenessProbe"]["httpGet"] == {"path": "/livez", "port": telemetry.PROBES_PORT}
    assert "startupProbe" not in side and "readinessProbe" not in side
    environment = {one["name"]: one["value"] for one in side["env"]}
    assert environment["FDE_PROBES"] == f"0.0.0.0:{telemetry.PROBES_PORT}"


def test_the_kill_switch_is_the_customer_s_config_map_and_may_be_missing() -> None:
    side = container()
    environment = {one["name"]: one["value"] for one in side["env"]}
    (mount,) = [one for one in side["volumeMounts"] if one["name"] == "fde-switch"]
    assert environment["FDE_SWITCH"] == f"{mount['mountPath']}/egress"
    assert mount["readOnly"] and "subPath" not in mount  # a subPath is never updated
    (volume,) = [one for one in telemetry.volumes("feed", FEED, OperatorSettings()) if one["name"] == "fde-switch"]
    assert volume["configMap"] == {"name": "fde-egress", "optional": True}


def test_the_feed_that_is_mounted_says_off_as_text() -> None:
    assert msgspec.json.decode(telemetry.feed_document(FEED))["spec"]["egress"]["state"] == "off"


def test_the_spool_s_volume_has_room_for_the_log_of_what_left() -> None:
    needed = SPOOL_CAP_MIB * MIB + spool.SEGMENT_BYTES + egress.CAP_BYTES + egress.SEGMENT_BYTES
    assert needed < SPOOL_LIMIT_MIB * MIB


def test_every_store_of_the_sidecar_fits_and_a_pod_s_volumes_fit_its_containers() -> None:
    """Bundles have no place in a pod: their cap is above what it may write."""
    environment = {one["name"]: one["value"] for one in container()["env"]}
    assert "FDE_BUNDLES" not in environment
    assert int(environment["FDE_SPOOL_CAP_MIB"]) * MIB == SPOOL.cap_bytes
    stores = SPOOL.cap_bytes + EGRESS_LOG.cap_bytes + spool.SEGMENT_BYTES + egress.SEGMENT_BYTES
    assert stores < SPOOL_LIMIT_MIB * MIB
    volumes = BIN_LIMIT_MIB + LOG_LIMIT_MIB + SPOOL_LIMIT_MIB + TMP_LIMIT_MIB + 32
    for profile in APP.values():
        assert volumes < mib(profile["limits"]["ephemeral-storage"]) + mib(SIDECAR["limits"]["ephemeral-storage"])


def mib(quantity: str) -> int:
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def test_a_sidecar_of_96_mib_is_not_killed_for_its_memory() -> None:
    assert mib(SIDECAR["limits"]["memory"]) >= 96 * 1.25


def test_the_sidecar_has_time_to_send_what_it_read_before_the_pod_is_killed() -> None:
    from fde_cli.commands.sidecar import _GRACE_S

    environment = {one["name"]: one["value"] for one in container()["env"]}
    assert environment["FDE_GRACE_S"] == str(SIDECAR_GRACE_S)
    assert SIDECAR_GRACE_S + _GRACE_S < POD_GRACE_S


def test_kafka_settings_are_looked_for_only_where_somebody_puts_them() -> None:
    def of(**settings: Any) -> tuple[str | None, list[dict[str, Any]]]:
        given = OperatorSettings(brokers="kafka.example:9092", **settings)
        side = telemetry.sidecar(given, customer="northgate", feed=FEED)
        environment = {one["name"]: one["value"] for one in side["env"]}
        volumes = {one["name"]: one for one in telemetry.volumes("feed", FEED, given)}
        sources = volumes.get("fde-identity", {}).get("projected", {}).get("sources", [])
        assert ("fde-identity" in volumes) == ("fde-identity" in str(side["volumeMounts"]))
        return environment.get("FDE_KAFKA_CONFIG"), [one["secret"] for one in sources]

    assert of() == (None, [])  # a broker without passwords: as it always was
    by_hand = {"name": "fde-telemetry", "optional": True}
    item = {"key": "kafka.yaml", "path": "kafka.yaml"}
    own = {"name": "fde-kafka.sync", "items": [item], "optional": True}
    place = f"{telemetry.IDENTITY}/kafka.yaml"
    assert of(telemetry_secret="fde-telemetry") == (place, [by_hand])
    assert of(kafka_users=True) == (place, [own])
    assert of(kafka_users=True, telemetry_secret="fde-telemetry") == (place, [by_hand, own])  # the later one wins


def test_the_document_is_the_same_of_a_feed_as_made_and_as_the_api_server_gives_it_back(given: Any) -> None:
    deployment = msgspec.convert(given.deployment(), FDEDeployment)
    made = telemetry.default_feed(deployment)
    filled = {"redaction": {}, "egress": {}, "sampling": {"full": 100}, "sink": {}, "sidecar": {}}
    server = {**made, "metadata": {**made["metadata"], "uid": "u", "labels": {"a": "b"}}, "status": {}}
    server["spec"] = {**filled, **made["spec"]}
    document = telemetry.feed_document(msgspec.convert(made, TelemetryFeed))
    assert telemetry.feed_document(msgspec.convert(server, TelemetryFeed)) == document
    assert msgspec.json.decode(document)["kind"] == "TelemetryFeed"
    narrow = {**server, "spec": {**server["spec"], "signals": ["errors"]}}
    assert telemetry.feed_document(msgspec.convert(narrow, TelemetryFeed)) != document
