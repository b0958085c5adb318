"""`fde egress` and `fde key`: what the owner of the data can ask at the source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from fde_cli.main import run
from fde_events.event import ErrorEvent, EventBatch
from fde_sidecar.departure import departure, pack
from fde_sidecar.egress import EgressLog
from fde_sidecar.history import segments
from fde_sidecar.spool import Entry

TIME = "2026-10-10T06:00:00.000Z"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fde(capfdbinary: pytest.CaptureFixture[bytes]) -> Say:
    def say(*arguments: object) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        code = run([str(one) for one in arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return say


def an_entry(sequence: int, body: str = "failed") -> Entry:
    events = (ErrorEvent(time=TIME, body=body),)
    value = msgspec.json.encode(EventBatch(deployment="customer-acme/sync", events=events))
    return Entry(epoch="e1", sequence=sequence, events=1, time=TIME, value=value)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    log = EgressLog(tmp_path / "customer-acme.sync", destination="fde.acme.telemetry")
    log.left([an_entry(0), an_entry(1, "other")])
    log.left([an_entry(1, "other")])
    log.close()
    return tmp_path


def test_it_lists_what_left_when_and_where_to(spool: Path, fde: Say) -> None:
    code, out, _ = fde("egress", "list", spool)
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[1:3] for line in lines] == [["fde.acme.telemetry", f"e1/{n}"] for n in (0, 1, 1)]
    assert [line.endswith("again") for line in lines] == [False, False, True]
    code, out, _ = fde("egress", "list", spool / "customer-acme.sync", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["id"], row["kinds"], row["again"]) for row in rows] == [
        ("e1/0", {"error": 1}, False),
        ("e1/1", {"error": 1}, False),
        ("e1/1", {"error": 1}, True),
    ]


def test_since_takes_a_time_or_an_age(spool: Path, fde: Say) -> None:
    assert fde("egress", "list", spool, "--since", "1h")[0] == 0
    code, out, err = fde("egress", "list", spool, "--since", "2999-01-01T00:00:00Z")
    assert (code, out) == (1, "")
    assert "nothing left since" in err
    assert fde("egress", "list", spool, "--since", "yesterday")[0] == 2


def test_it_shows_the_very_events(spool: Path, fde: Say) -> None:
    code, out, _ = fde("egress", "show", spool, "e1/1")
    assert code == 0
    assert [json.loads(line)["body"] for line in out.splitlines()] == ["other"]
    code, out, _ = fde("egress", "show", spool, "e1/1", "--json")
    assert out.encode() == (an_entry(1, "other").value or b"") + b"\n"
    assert fde("egress", "show", spool, "e1/7")[0] == 1


def test_it_verifies_digests_and_contents(spool: Path, fde: Say) -> None:
    code, _, err = fde("egress", "verify", spool)
    assert (code, "3 records (1 of them again)" in err) == (0, True)
    (path,) = segments(spool / "customer-acme.sync/egress")
    forged = departure(an_entry(0, "forged"), "t", TIME)
    with path.open("ab") as file:
        file.write(pack(forged))
        file.write(pack(msgspec.structs.replace(forged, sequence=5, packed=departure(an_entry(5), "t", TIME).packed)))
        file.write(pack(msgspec.structs.replace(forged, sequence=6, kinds={"error": 9})))
    code, out, _ = fde("egress", "verify", spool, "--json")
    findings = {one["place"]: one["why"] for one in map(json.loads, out.splitlines()) if "place" in one}
    assert code == 3
    assert findings == {
        "e1/0": "left twice with two contents",
        "e1/5": "is not what its digest says",
        "e1/6": "holds other events than its line says",
    }


def test_damage_is_named_with_its_place(spool: Path, fde: Say) -> None:
    (path,) = segments(spool / "customer-acme.sync/egress")
    data = bytearray(path.read_bytes())
    data[-300] ^= 1
    path.write_bytes(data)
    code, out, _ = fde("egress", "verify", spool)
    assert code == 3
    assert "segment-00000001.log:" in out


def test_a_place_without_a_log_is_said(tmp_path: Path, fde: Say) -> None:
    code, _, err = fde("egress", "list", tmp_path)
    assert code == 3
    assert "nothing has left yet" in err


def test_keys_are_rotated_listed_and_destroyed_and_never_shown(tmp_path: Path, fde: Say) -> None:
    file = tmp_path / "pseudonym.key"
    secret = "0123456789abcdef" * 2
    file.write_text(secret)
    code, first, _ = fde("key", "list", file)
    assert (code, first.split()[1:]) == (0, ["since", "ever", "in", "use"])
    code, new, _ = fde("key", "rotate", file)
    assert code == 0
    _, listed, _ = fde("key", "list", file)
    assert [line.split()[0] for line in listed.splitlines()] == [first.split()[0], new.strip()]
    assert listed.splitlines()[1].endswith("in use")
    assert secret not in first + new + listed
    assert fde("key", "destroy", file)[0] == 2
    assert fde("key", "destroy", file, first.split()[0])[:2] == (0, first.split()[0] + "\n")
    assert fde("key", "destroy", file, first.split()[0])[0] == 1
    assert fde("key", "destroy", file, "--all")[:2] == (0, new)
    assert fde("key", "list", file)[0] == 3
