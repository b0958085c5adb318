"""Options that make no sense are refused before anything runs: exit 2, one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_cli.main import run
from fde_cli.options import check_brokers

SIDECAR = ["sidecar", "--feed", "f", "--logs", "l", "--customer", "c", "--spool", "s"]
EXTRACTION = ["worker", "extraction", "--registry", "directory:x", "--evidence", "e", "--brokers", "h:1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "--timeout", "-1"],
        ["doctor", "--timeout", "nan"],
        ["doctor", "--brokers", ""],
        ["search", "x", "--limit", "0"],
        ["search", "x", "--limit", "-3"],
        ["search", "--error", "--brokers", ""],
        ["ledger", "--brokers", ""],
        ["ledger", "--brokers", "nohost"],
        ["kafka", "plan", "--brokers", "h:1,"],
        ["kafka", "apply", "--brokers", "h:1", "--replication", "0"],
        ["submit", "--customer", "c", "--brokers", ""],
        ["operator", "--brokers", ""],
        [*SIDECAR, "--brokers", ""],
        [*SIDECAR, "--spool-cap-mib", "-1"],
        [*SIDECAR, "--spool-cap-mib", "0"],
        [*SIDECAR, "--until-idle", "-1"],
        ["worker", "ingest", "--brokers", "h:1", "--patience", "-1"],
        ["worker", "fold", "--brokers", "h:1", "--patience", "inf"],
        ["worker", "fold", "--brokers", "h:1", "--threshold", "0"],
        [*EXTRACTION, "--patience", "-1"],
        [*EXTRACTION, "--once-idle", "-1"],
        ["tee", "--log", "l", "--max-bytes", "-1", "--", "true"],
        ["tee", "--log", "l", "--keep", "-1", "--", "true"],
        ["up", "--fleet", ".", "--port", "65536"],
        ["demo", "--port", "-1"],
        ["review", "serve", "--registry", "directory:x", "--port", "70000"],
        ["bench", "redact", "--rounds", "0"],
    ],
    ids=" ".join,
)
def test_a_value_that_makes_no_sense_is_wrong_use(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("fde: Invalid value")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "brokers", ["localhost:9092", "a.b-c.svc:1,10.0.0.1:65535", "[::1]:9092", "SASL_SSL://k:9093", "a:1, b:2"]
)
def test_brokers_as_kafka_clients_take_them_are_taken(brokers: str) -> None:
    check_brokers(str, brokers)


@pytest.mark.parametrize("brokers", ["", ",", "h", "h:", ":1", "h:0", "h:70000", "h:1,,h:2", "h h:1", "http://h:1"])
def test_brokers_without_host_or_port_are_refused(brokers: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        check_brokers(str, brokers)
