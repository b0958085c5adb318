"""Metrics and probes: OpenMetrics text, nothing of the customer's in it, and answers whoever else is slow."""

from __future__ import annotations

import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import Misuse, Unavailable
from fde_sidecar import probes
from fde_sidecar.metrics import CONTENT_TYPE, render
from fde_sidecar.probes import Answer, Probes, Vitals
from fde_sidecar.status import Status

SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z_]+)="([^"\\\n]*)"\})? (-?[0-9.e+-]+|NaN|[+-]Inf)')


def samples(text: bytes) -> dict[tuple[str, str], float]:
    """A strict reader of what OpenMetrics 1.0 allows of it."""
    lines = text.decode().split("\n")
    assert lines[-2:] == ["# EOF", ""]
    found: dict[tuple[str, str], float] = {}
    family = kind = ""
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert not any(name.startswith(family + "{") for name, _ in found)
        elif line.startswith("# UNIT "):
            assert family.endswith("_" + line.split(" ")[3])
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == family + ("_total" if kind == "counter" else "")
            assert (match[1], match[3] or "") not in found
            found[match[1], match[3] or ""] = float(match[4])
    return found


def test_a_status_is_shown_in_openmetrics() -> None:
    status = Status(
        read_bytes=12,
        lag_bytes=7,
        lag_s=1.5,
        spool_bytes=99,
        events={"error": 3},
        dropped={"spool-full:performance": 2},
        redactions={"email": 4, "ann@acme.example": 1},
        trouble="no broker",
        switch="hold",
        acknowledged_ago_s=0.25,
    )
    shown = samples(render(status, rules=("email", "ip")))
    assert shown["fde_sidecar_read_bytes_total", ""] == 12
    assert shown["fde_sidecar_lag_bytes", ""] == 7
    assert shown["fde_sidecar_lag_seconds", ""] == 1.5
    assert shown["fde_sidecar_events_total", "error"] == 3
    assert shown["fde_sidecar_dropped_total", "spool-full"] == 2
    assert shown["fde_sidecar_redactions_total", "email"] == 4
    assert shown["fde_sidecar_redactions_total", "ip"] == 0
    assert shown["fde_sidecar_redactions_total", "other"] == 1
    assert shown["fde_sidecar_sink_trouble", ""] == 1
    assert [shown["fde_sidecar_switch", state] for state in ("on", "hold", "off")] == [0, 1, 0]
    assert shown["fde_sidecar_acknowledged_ago_seconds", ""] == 0.25
    assert shown["process_resident_memory_bytes", ""] > 1_000_000


@given(name=st.text(min_size=1), trouble=st.text())
def test_no_text_of_the_customer_s_gets_into_it(name: str, trouble: str) -> None:
    plain = Status(dropped={"y": 1}, redactions={"y": 1}, events={"y": 1}, trouble="x", epoch="x")
    shown = samples(render(plain))
    said = Status(
        dropped={f"{name}\0": 1}, redactions={f"{name}\0": 1}, events={f"{name}\0": 1}, trouble=trouble, epoch=name
    )
    assert samples(render(said)).keys() == shown.keys()


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


@pytest.fixture
def served(vitals: Vitals) -> Iterator[Probes]:
    pages = probes.pages(lambda: [vitals], lambda: Answer(200, render(Status()), CONTENT_TYPE))
    server = Probes("127.0.0.1:0", pages)
    yield server
    server.close()


def get(server: Probes, path: str) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def test_metrics_are_served_with_their_content_type(served: Probes) -> None:
    status, kind, body = get(served, "/metrics?name[]=x")
    assert (status, kind) == (200, CONTENT_TYPE)
    assert ("fde_sidecar_lines_total", "") in samples(body)


def test_it_has_started_when_inputs_and_spool_are_open_and_is_ready_until_it_drains(
    served: Probes, vitals: Vitals
) -> None:
    assert get(served, "/startupz")[0] == get(served, "/readyz")[0] == 503
    vitals.open = True
    assert get(served, "/startupz")[0] == get(served, "/readyz")[0] == 200
    vitals.draining = True
    assert (get(served, "/startupz")[0], get(served, "/readyz")[0], get(served, "/livez")[0]) == (200, 503, 200)


def test_it_is_alive_while_its_loop_turns(served: Probes, vitals: Vitals) -> None:
    vitals.turned = time.monotonic() - 2 * probes.STUCK_AFTER_S
    status, _, body = get(served, "/livez")
    assert status == 503
    assert b"has not turned for 12" in body
    vitals.turn()
    assert get(served, "/livez")[0] == 200


def test_the_feed_that_is_not_well_speaks_for_all() -> None:
    well, ill = Vitals(open=True), Vitals()
    answers = probes.pages(lambda: [well, ill], lambda: Answer(200, b""))
    assert answers["/startupz"]().status == 503
    assert probes.pages(lambda: [], lambda: Answer(200, b""))["/readyz"]().status == 503


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"HEAD /livez HTTP/1.1\r\n\r\n", 200),
    ],
)
def test_other_questions_are_answered_too(served: Probes, said: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(said)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.endswith(b"\r\n\r\n") == said.startswith(b"HEAD")


@pytest.mark.seconds
def test_those_who_say_nothing_keep_nobody_waiting_and_are_let_go(served: Probes, vitals: Vitals) -> None:
    idle = [socket.create_connection(("127.0.0.1", served.port), timeout=5) for _ in range(40)]
    try:
        assert get(served, "/livez")[0] == 200
        for one in idle:
            assert one.recv(1) == b""  # closed by the server, within the socket's time-out
    finally:
        for one in idle:
            one.close()


def test_an_endless_request_is_cut(served: Probes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(b"GET /" + b"a" * 65536)
    assert get(served, "/metrics")[0] == 200


def test_a_large_answer_arrives_whole() -> None:
    server = Probes("127.0.0.1:0", {"/metrics": lambda: Answer(200, b"x" * 3_000_000)})
    try:
        assert len(get(server, "/metrics")[2]) == 3_000_000
    finally:
        server.close()


def test_a_page_that_fails_costs_one_answer() -> None:
    answers = iter([RuntimeError("dictionary changed size during iteration")])

    def page() -> Answer:
        for error in answers:
            raise error
        return Answer(200, b"")

    server = Probes("127.0.0.1:0", {"/metrics": page})
    try:
        assert [get(server, "/metrics")[0] for _ in range(2)] == [503, 200]
    finally:
        server.close()


def test_closing_ends_its_thread_and_frees_the_port(vitals: Vitals) -> None:
    server = Probes("127.0.0.1:0", {})
    with pytest.raises(Unavailable, match="cannot listen"):
        Probes(f"127.0.0.1:{server.port}", {})
    server.close()
    assert not [one for one in threading.enumerate() if one.name == "probes"]
    Probes(f"127.0.0.1:{server.port}", {}).close()


@pytest.mark.parametrize("address", ["9464", "localhost", ":9464", "host:port", "host:99999"])
def test_an_address_that_is_none_is_wrong_use(address: str) -> None:
    with pytest.raises(Misuse, match="host:port"):
        Probes(address, {})
