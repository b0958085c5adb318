"""`fde sidecar` used wrongly: a sentence that names the option or the place, the right exit code, and nothing written."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from fde_cli.main import run

FEED = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {name: sync, namespace: customer-acme}
spec: {deploymentRef: {name: sync}, signals: [errors]}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FDE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    Path("feed.yaml").write_text(FEED)
    Path("other.yaml").write_text(FEED.replace("sync", "other"))
    Path("notyaml.yaml").write_bytes(b"\xff\xfe")
    Path("kind.yaml").write_text(FEED.replace("TelemetryFeed", "FDEDeployment"))
    Path("signals.yaml").write_text(FEED.replace("errors", "everything"))
    Path("short.key").write_text("short")


USUAL = ("--feed", "feed.yaml", "--customer", "acme", "--spool", "spool", "--logs", "x.log")
OWN = ("--customer", "acme", "--spool", "spool")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--feed", "feed.yaml", *OWN), 2, "give --logs, --otlp or --stdin"),
        (("--feed", "feed.yaml", "--customer", "acme", "--logs", "x"), 2, "--spool"),
        (("--logs", "x", *OWN), 2, "--feed"),
        ((*USUAL, "--otlp", "nonsense"), 2, "--otlp is host:port"),
        ((*USUAL, "--otlp", "127.0.0.1:99999"), 2, "--otlp is host:port"),
        ((*USUAL, "--probes", ":9464"), 2, "--probes is host:port"),
        ((*USUAL, "--brokers", "kafka"), 2, "--brokers"),
        ((*USUAL, "--brokers", "kafka.example:9092"), 1, "does not encrypt"),
        ((*USUAL, "--brokers", "127.0.0.1:9", "--bundles", "out"), 2, "one of --bundles and --brokers"),
        ((*USUAL, "--pace-group", "g", "--kafka-config", "k.yaml"), 2, "--pace-group"),
        ((*USUAL, "--spool-cap-mib", "0"), 2, "--spool-cap-mib"),
        ((*USUAL, "--grace", "-1"), 2, "--grace"),
        ((*USUAL, "--until-idle", "nan"), 2, "--until-idle"),
        ((*USUAL, "--key-file", "absent.key"), 3, "absent.key: the pseudonym key cannot be read"),
        ((*USUAL, "--key-file", "short.key"), 3, "fewer than 16 bytes"),
        ((*USUAL, "--feed", "other.yaml", "--otlp", "127.0.0.1:0"), 2, "one --feed"),
        ((*USUAL, "--feed", "other.yaml", "--logs", "y", "--logs", "z"), 2, "2 feeds, 3 globs"),
        ((*USUAL, "--feed", "feed.yaml"), 2, "same deployment"),
        (("--feed", "absent.yaml", "--logs", "x", *OWN), 3, "absent.yaml: cannot be read"),
        (("--feed", ".", "--logs", "x", *OWN), 3, "cannot be read"),
        (("--feed", "notyaml.yaml", "--logs", "x", *OWN), 3, "is not YAML"),
        (("--feed", "kind.yaml", "--logs", "x", *OWN), 3, "takes fde.io/v1 TelemetryFeed"),
        (("--feed", "signals.yaml", "--logs", "x", *OWN), 3, "'everything' is none of errors"),
        (("--feed", "feed.yaml", "--logs", "x", "--customer", "A b", "--spool", "spool"), 2, "DNS label"),
        (
            ("--feed", "feed.yaml", "--logs", "x", "--customer", "a", "--spool", "feed.yaml"),
            2,
            "--spool is a directory",
        ),
    ],
)
def test_wrong_use_is_a_sentence(
    arguments: tuple[str, ...], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["sidecar", *arguments]) == code
    out, err = capfd.readouterr()
    assert words in err and "Traceback" not in err and out == ""
    assert not Path("spool").exists()


def test_a_port_that_is_taken_by_another_is_told_before_anything_is_read(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(["sidecar", *USUAL, "--probes", address]) == 1
    err = capfd.readouterr().err
    assert f"The probes cannot listen at {address}" in err and "Traceback" not in err
