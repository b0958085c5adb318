"""The sidecar's container: what asks whether it lives, what stops it from sending, and that both leave the app alone."""

from __future__ import annotations

from typing import Any

import msgspec

from fde_api.deployment import DeploymentRef, Egress, TelemetryFeed, TelemetryFeedSpec
from fde_api.meta import Metadata
from fde_operator import telemetry
from fde_operator.profile import MIB, SPOOL_CAP_MIB, SPOOL_LIMIT_MIB
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
    (volume,) = [one for one in telemetry.volumes("feed", OperatorSettings()) if one["name"] == "fde-switch"]
    assert volume["configMap"] == {"name": "fde-egress", "optional": True}


def test_the_feed_that_is_mounted_says_off_as_text() -> None:
    assert msgspec.json.decode(telemetry.feed_document(FEED))["spec"]["egress"]["state"] == "off"


def test_the_spool_s_volume_has_room_for_the_log_of_what_left() -> None:
    needed = SPOOL_CAP_MIB * MIB + spool.SEGMENT_BYTES + egress.CAP_BYTES + egress.SEGMENT_BYTES
    assert needed < SPOOL_LIMIT_MIB * MIB
