"""Where people's acts come from: a log that is rotated under our eyes, and a listener that is posted to."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.errors import BadInput, Misuse, Unavailable
from fde_operator.audit.intake import Intake
from fde_operator.audit.journal import Journal
from fde_operator.audit.keys import DirectoryKeys
from fde_operator.audit.logfile import LogFile, Place
from fde_operator.audit.names import Names
from fde_operator.audit.webhook import Webhook


def line(number: int, text: str = "") -> str:
    return json.dumps({"kind": "Event", "auditID": str(number), "text": text}) + "\n"


class Log:
    """The API server's side: writes, and rotates as lumberjack does."""

    def __init__(self, folder: Path) -> None:
        self.path, self.written, self._rotations = folder / "audit.log", 0, 0

    def write(self, count: int = 1, text: str = "") -> None:
        with self.path.open("a") as file:
            for _ in range(count):
                file.write(line(self.written, text))
                self.written += 1

    def rotate(self) -> None:
        self._rotations += 1
        if self.path.exists():
            self.path.rename(self.path.with_name(f"audit-2026-11-21T10-00-{self._rotations:02d}.000.log"))


def all_of(source: LogFile) -> list[int]:
    found: list[int] = []
    while True:
        lines = source.read()
        found += [int(event["auditID"]) for event in lines.events]
        source.stand(lines.behind)
        if not lines.more:
            return found


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log, source = Log(tmp_path), LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    assert all_of(source) == []
    log.write(2)
    assert all_of(source) == [0, 1]


def test_only_whole_lines_are_read(tmp_path: Path) -> None:
    log, source = Log(tmp_path), LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    log.write()
    with log.path.open("a") as file:
        file.write(line(1)[:10])
    assert all_of(source) == [0]
    with log.path.open("a") as file:
        file.write(line(1)[10:])
    assert all_of(source) == [1]


def test_what_was_not_taken_care_of_comes_again(tmp_path: Path) -> None:
    log, source = Log(tmp_path), LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    log.write(3)
    assert source.read() == source.read()
    again = LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    assert all_of(again) == [0, 1, 2]
    assert all_of(LogFile(tmp_path / "audit.log", tmp_path / "place.json")) == []


def test_a_line_that_is_no_event_is_counted(tmp_path: Path) -> None:
    log, source = Log(tmp_path), LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    log.path.write_text("rubbish\n\n[]\n" + "[" * 50_000 + "\n")
    log.written = 0
    log.write()
    lines = source.read()
    assert (len(lines.events), lines.spoilt) == (1, 3)


def test_a_log_that_went_before_it_was_read_is_told(tmp_path: Path) -> None:
    log, source = Log(tmp_path), LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    log.write()
    all_of(source)
    (tmp_path / "other").write_text(line(5))  # while the old one is there: else its inode may be used again
    log.path.unlink()
    (tmp_path / "other").rename(log.path)
    assert all_of(source) == [5]
    assert source.missed == 1


def test_a_place_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "place.json").write_text("{")
    with pytest.raises(BadInput, match="is no place in a log"):
        LogFile(tmp_path / "audit.log", tmp_path / "place.json")


def test_a_log_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "audit.log").mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        LogFile(tmp_path / "audit.log", tmp_path / "place.json").read()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["write", "many", "rotate", "read", "step", "restart"]), max_size=30))
def test_whenever_it_is_rotated_read_or_restarted_every_line_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, source = Log(folder), LogFile(folder / "audit.log", folder / "place.json")
    found: list[int] = []
    for step in steps:
        if step == "write":
            log.write()
        elif step == "many":
            log.write(40, "x" * 50)
        elif step == "rotate":
            log.rotate()
        elif step == "read":
            found += all_of(source)
        elif step == "step":
            lines = source.read()
            found += [int(event["auditID"]) for event in lines.events]
            source.stand(lines.behind)
        else:
            source = LogFile(folder / "audit.log", folder / "place.json")
    found += all_of(source)
    assert found == list(range(log.written))


def test_a_place_is_kept_only_when_it_moved(tmp_path: Path) -> None:
    source = LogFile(tmp_path / "audit.log", tmp_path / "place.json")
    source.stand(Place())
    assert not (tmp_path / "place.json").exists()


def event(number: int, name: str = "sync") -> dict[str, Any]:
    about = {"resource": "fdedeployments", "namespace": "customer-northgate", "name": name, "apiGroup": "fde.io"}
    return {
        "kind": "Event",
        "auditID": f"a-{number}",
        "stage": "ResponseComplete",
        "verb": "patch",
        "user": {"username": "ben@company.example"},
        "objectRef": about,
        "responseStatus": {"code": 200},
    }


def batch(*events: dict[str, Any]) -> bytes:
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": list(events)}).encode()


class Listening:
    def __init__(self, journal: Journal, port: int, away: list[bool]) -> None:
        self.journal, self.port, self.away = journal, port, away

    def post(self, body: bytes, *, context: ssl.SSLContext | None = None, **headers: str) -> int:
        kind: Callable[..., HTTPConnection] = HTTPConnection
        more: dict[str, Any] = {}
        if context is not None:
            kind, more = HTTPSConnection, {"context": context}
        connection = kind("localhost", self.port, timeout=20, **more)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def ids(self) -> list[str]:
        return [entry.id for entry in self.journal.batch().entries]


@contextmanager
def listening(folder: Path, *, cap_bytes: int = 1_000_000, **more: Any) -> Iterator[Listening]:
    """A webhook with its event loop in a thread."""
    journal = Journal(folder / "journal", cap_bytes=cap_bytes)
    away: list[bool] = []
    ready, done = threading.Event(), threading.Event()
    found: list[Listening] = []

    async def customer_of(namespace: str) -> str | None:
        if away:
            raise Unavailable("away.")
        return "northgate"

    async def serve() -> None:
        intake = Intake(journal, Names(DirectoryKeys(folder / "keys"), customer_of))
        with Webhook(intake, "127.0.0.1", 0, **more) as webhook:
            found.append(Listening(journal, webhook.port, away))
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        done.set()
        thread.join(20)


def test_what_is_answered_with_200_is_journaled_and_a_repeat_is_not_doubled(tmp_path: Path) -> None:
    with listening(tmp_path) as there:
        assert there.post(batch(event(1), event(2))) == 200
        assert there.post(batch(event(2), event(3))) == 200
        assert there.ids() == ["a-1", "a-2", "a-3"]


def test_what_is_no_batch_is_refused(tmp_path: Path) -> None:
    with listening(tmp_path) as there:
        for body in (b"", b"{", b'{"kind": "Event"}', b'{"kind": "EventList", "items": [1]}', b"[" * 50_000):
            assert there.post(body) == 400
        assert there.post(b"", **{"Content-Length": "99999999999"}) == 413
        assert there.post(batch(event(1))) == 200, "and it goes on"


def test_the_sender_comes_again_while_there_is_no_room_or_it_is_not_known_whose_it_is(tmp_path: Path) -> None:
    with listening(tmp_path, cap_bytes=2000) as there:
        there.away.append(True)
        assert there.post(batch(event(1))) == 503
        there.away.clear()
        assert there.post(batch(event(1))) == 200
        number = 2
        deadline = time.monotonic() + 60
        while there.post(batch(event(number))) == 200:
            assert time.monotonic() < deadline
            number += 1
        there.journal.done(there.journal.batch(), number)
        assert there.post(batch(event(number))) == 200


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    with listening(tmp_path, token="s" * 20) as there:
        assert there.post(batch(event(1))) == 401
        assert there.post(batch(event(1)), Authorization="Bearer other") == 401
        assert there.post(batch(event(1)), Authorization="Bearer " + "s" * 20) == 200


def test_over_tls_and_a_connection_that_never_speaks_holds_up_nobody(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with (
        listening(tmp_path, certificate=(certificate, key)) as there,
        socket.create_connection(("127.0.0.1", there.port)),
    ):
        context = ssl.create_default_context(cafile=str(certificate))
        assert there.post(batch(event(1)), context=context) == 200


def test_off_loopback_it_takes_tls_and_a_token() -> None:
    async def try_() -> None:
        with pytest.raises(Misuse, match="give --tls-cert, --tls-key and --token-file"):
            Webhook(None, "0.0.0.0", 0)  # type: ignore[arg-type]

    asyncio.run(try_())
