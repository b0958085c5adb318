"""The manifest of a feed: what is read, and what is refused with the field's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_events.errors import BadInput
from fde_sidecar.feed import read_feed

GOOD = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {name: incident-sync, namespace: customer-northgate}
spec:
  deploymentRef: {name: incident-sync}
  signals: [errors, rateLimit]
  redaction: {mode: strict}
  sampling: {full: 7}
  sink: {bootstrapServers: "kafka:9092"}
"""


def test_a_feed_says_which_signals_leave_and_how(tmp_path: Path) -> None:
    (tmp_path / "feed.yaml").write_text(GOOD)
    feed = read_feed(tmp_path / "feed.yaml")
    assert (feed.deployment, feed.mode, feed.full, feed.brokers) == (
        "customer-northgate/incident-sync",
        "strict",
        7,
        "kafka:9092",
    )
    assert feed.signals == {"errors", "rateLimit"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("TelemetryFeed", "Pod", "TelemetryFeed"),
        ("fde.io/v1", "fde.io/v9", "fde.io/v1"),
        ("[errors, rateLimit]", "[errors, everything]", "'everything' is none of"),
        ("[errors, rateLimit]", "[]", "spec.signals must list"),
        ("strict", "loose", "spec.redaction.mode is standard or strict"),
        ("{mode: strict}", "strict", "spec.redaction must be a mapping, not 'strict'"),
        ("{full: 7}", "7", "spec.sampling must be a mapping"),
        ("{name: incident-sync}", "incident-sync", "spec.deploymentRef must be a mapping"),
        ("full: 7", "full: 0", "spec.sampling.full"),
        ("namespace: customer-northgate", "namespace: ../up", "metadata.namespace"),
        ("spec:", "spec: [", "is not YAML"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "feed.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(BadInput, match=says.replace("[", r"\[")) as refused:
        read_feed(tmp_path / "feed.yaml")
    assert refused.value.exit_code == 3
