"""A service's log: one JSON object a line, whoever wrote it, with the reconciliation it belongs to and no local variable."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fde_cli import log
from fde_operator.key import Key
from fde_operator.reconciliation import begin


@pytest.fixture(autouse=True)
def _own_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def replaced(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """stderr from here on; not a fixture: pytest puts its own in its place between the two."""
    found = io.StringIO()
    monkeypatch.setattr(sys, "stderr", found)
    return found


def lines(stderr: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.getvalue().splitlines()]


def test_a_line_carries_the_reconciliation_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("json")
    with begin(Key("FDEDeployment", "n", "sync")) as attempt:
        structlog.get_logger().info("object_applied", object="ConfigMap n/files")
    structlog.get_logger().info("resynced")
    first, second = lines(stderr)
    assert first["event"] == "object_applied" and first["level"] == "info" and first["timestamp"].endswith("Z")
    assert first["reconcile_id"] == attempt.id
    assert "reconcile_id" not in second


def test_a_traceback_is_one_field_of_one_line_and_shows_no_local_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("json")
    try:
        password = "hunter" + "2"
        raise ValueError(f"{len(password)} characters")
    except ValueError:
        structlog.get_logger().exception("reconciliation_failed")
    (line,) = lines(stderr)
    assert "ValueError: 7 characters" in line["exception"] and "Traceback" in line["exception"]
    assert "hunter" not in stderr.getvalue().replace('"hunter" + "2"', "").replace('\\"hunter\\" + \\"2\\"', "")


def test_other_libraries_warnings_are_lines_too_and_their_talk_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("json")
    logging.getLogger("asyncio").error("Task was %s", "destroyed")
    logging.getLogger("httpx2").info("HTTP Request: GET /namespaces/customer-northgate")
    (line,) = lines(stderr)
    assert (line["event"], line["logger"], line["level"]) == ("Task was destroyed", "asyncio", "error")


def test_levels_below_the_one_asked_for_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("json", logging.WARNING)
    structlog.get_logger().info("reconciled")
    structlog.get_logger().warning("resync_postponed")
    assert [line["event"] for line in lines(stderr)] == ["resync_postponed"]


def test_people_get_text_and_programs_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("text")
    structlog.get_logger().info("reconciled", key="a")
    assert "reconciled" in stderr.getvalue() and not stderr.getvalue().startswith("{")
    stderr.truncate(0)
    stderr.seek(0)
    log.service("auto")  # a pipe
    structlog.get_logger().info("reconciled")
    assert lines(stderr)[0]["event"] == "reconciled"
    monkeypatch.setattr(stderr, "isatty", lambda: True)
    log.service("auto")
    structlog.get_logger().info("on a terminal")
    assert stderr.getvalue().splitlines()[-1].endswith("on a terminal")


def test_a_closed_stream_costs_lines_and_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = replaced(monkeypatch)
    log.service("json")
    stderr.close()
    structlog.get_logger().info("reconciled")
    logging.getLogger("asyncio").error("late")
