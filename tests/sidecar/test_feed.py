"""The manifest of a feed: what is read, and what is refused with the field's name."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog.testing

from fde_events.errors import BadInput
from fde_sidecar.feed import FeedFile, read_feed

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


@pytest.mark.parametrize(
    ("said", "egress", "source"),
    [
        ("{}", "on", False),
        ("{state: hold, source: true}", "hold", True),
        ("{state: 'off'}", "off", False),
        ("{state: off}", "off", False),  # YAML 1.1: a boolean
        ("{state: on}", "on", False),
    ],
)
def test_a_feed_says_whether_anything_leaves_and_whether_source_code_may(
    tmp_path: Path, said: str, egress: str, source: bool
) -> None:
    (tmp_path / "feed.yaml").write_text(GOOD + f"  egress: {said}\n")
    feed = read_feed(tmp_path / "feed.yaml")
    assert (feed.egress, feed.source) == (egress, source)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{state: maybe}", "spec.egress.state is on, hold or off"),
        ("{source: 1}", "spec.egress.source"),
        ("'on'", "mapp"),
    ],
)
def test_an_egress_that_says_nothing_we_know_is_refused(tmp_path: Path, said: str, says: str) -> None:
    (tmp_path / "feed.yaml").write_text(GOOD + f"  egress: {said}\n")
    with pytest.raises(BadInput, match=says):
        read_feed(tmp_path / "feed.yaml")


@pytest.fixture
def feed(tmp_path: Path) -> FeedFile:
    (tmp_path / "feed.yaml").write_text(GOOD.replace("strict", "standard"))
    return FeedFile(tmp_path / "feed.yaml")


def test_a_feed_that_changes_takes_effect_at_the_next_question(tmp_path: Path, feed: FeedFile) -> None:
    before = feed.current()
    assert feed.current() is before
    (tmp_path / "feed.yaml").write_text(GOOD.replace("errors, rateLimit", "errors, performance"))
    assert feed.current().signals == {"errors", "performance"}
    assert feed.current().mode == "strict"


def test_a_mounted_config_map_is_another_file_behind_the_same_name(tmp_path: Path) -> None:
    for number, signals in enumerate(("errors, rateLimit", "errors")):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}/feed.yaml").write_text(GOOD.replace("errors, rateLimit", signals))
    (tmp_path / "data").symlink_to("0")
    file = FeedFile(tmp_path / "data/feed.yaml")
    (tmp_path / "new").symlink_to("1")
    (tmp_path / "new").replace(tmp_path / "data")
    assert file.current().signals == {"errors"}


@pytest.mark.parametrize(
    ("changes", "signals", "mode", "egress"),
    [
        # Not valid as a whole: what it takes away holds, what it adds does not.
        ({"[errors, rateLimit]": "[]"}, set(), "standard", "on"),
        ({"[errors, rateLimit]": "[errors, performance]", "full: 7": "full: 0"}, {"errors"}, "standard", "on"),
        ({"[errors, rateLimit]": "[rateLimit, everything]"}, {"rateLimit"}, "standard", "on"),
        ({"mode: standard": "mode: strict", "full: 7": "full: 0"}, {"errors", "rateLimit"}, "strict", "on"),
        ({"  sink:": "  egress: {state: stop}\n  sink:"}, {"errors", "rateLimit"}, "standard", "hold"),
        ({"  sink:": "  egress: {state: off, source: 3}\n  sink:"}, {"errors", "rateLimit"}, "standard", "off"),
        # Another deployment's, or nothing that can be read: the feed stays as it was.
        (
            {"namespace: customer-northgate": "namespace: other", "[errors, rateLimit]": "[errors]"},
            None,
            "standard",
            "on",
        ),
        ({"spec:": "spec: ["}, None, "standard", "on"),
        ({"TelemetryFeed": "Pod"}, None, "standard", "on"),
    ],
)
def test_an_invalid_feed_opens_nothing_and_closes_what_it_closes(
    tmp_path: Path, feed: FeedFile, changes: dict[str, str], signals: set[str] | None, mode: str, egress: str
) -> None:
    text = GOOD.replace("strict", "standard")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "feed.yaml").write_text(text)
    found = feed.current()
    assert found.signals == ({"errors", "rateLimit"} if signals is None else signals)
    assert (found.mode, found.egress, found.full) == (mode, egress, 7)


def test_what_an_invalid_feed_closed_is_opened_by_the_next_valid_one(tmp_path: Path, feed: FeedFile) -> None:
    good = (tmp_path / "feed.yaml").read_text()
    (tmp_path / "feed.yaml").write_text(good.replace("[errors, rateLimit]", "[]"))
    assert not feed.current().signals
    (tmp_path / "feed.yaml").unlink()
    assert not feed.current().signals
    (tmp_path / "feed.yaml").write_text(good)
    assert feed.current().signals == {"errors", "rateLimit"}


def test_a_refused_feed_is_told_once(tmp_path: Path, feed: FeedFile) -> None:
    (tmp_path / "feed.yaml").write_text("spec: [")
    with structlog.testing.capture_logs() as told:
        feed.current()
        feed.current()
    assert [one["event"] for one in told] == ["feed_refused"]
