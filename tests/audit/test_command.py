"""`fde audit`: the words people type, on a topic of the embedded broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from fde_cli.main import run
from fde_events.act import Act
from fde_events.audit import Audit
from fde_events.chain import Head, canonical, link
from fde_events.seal import seal
from fde_operator.audit.anchors import FileAnchors, read_file
from fde_operator.audit.keys import DirectoryKeys
from fde_operator.audit.topic import KafkaChain
from fde_operator.audit.witness import Witness, Witnessed, witnessed

pytestmark = pytest.mark.seconds
CUSTOMERS = ("northgate", "southgate", "northgate", "", "northgate")


class Record:
    """Five links of two customers and nobody, one an hour from ten o'clock on, and a record of another writer."""

    def __init__(self, brokers: str, folder: Path) -> None:
        self.brokers, self.folder, self.keys = brokers, folder, folder / "keys"
        self.anchors = folder / "anchors.jsonl"
        chain = KafkaChain(brokers, "operator")
        chain.open()
        self.head: Head = chain.append([self._act(number, customer) for number, customer in enumerate(CUSTOMERS)])
        producer = Producer({"bootstrap.servers": brokers})
        other = Audit(at="2026-11-21T10:00:00Z", who="dana@company.example", what="evidence.read", of="c-1")
        producer.produce("fde-engine.audit", msgspec.json.encode(other), partition=0)
        producer.flush(20)
        asyncio.run(FileAnchors(self.anchors).keep(self.head.anchor("2026-11-21T15:00:00.000Z")))

    def _act(self, number: int, customer: str) -> Act:
        def sealed(field: str, text: str) -> str:
            return seal(asyncio.run(DirectoryKeys(self.keys).of(customer))[-1], field, text) if customer else text

        return Act(
            id=f"{number:032x}",
            at=f"2026-11-21T1{number}:00:00.000Z",
            source="operator",
            who="ben@company.example",
            verb="apply",
            kind="ConfigMap",
            outcome="allowed",
            customer=sealed("customer", customer),
            namespace=sealed("namespace", f"customer-{customer}"),
            name=sealed("name", f"files-{number}"),
        )

    def export(self, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = run(
            ["audit", "export", "--customer", "northgate", "--brokers", self.brokers, "--keys", str(self.keys), *more]
        )
        return code, capsys.readouterr().out.splitlines()


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    for name in ("KUBECONFIG", "FDE_BROKERS", "FDE_AUDIT_KEYS", "FDE_AUDIT_ANCHORS", "FDE_KAFKA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1})
    brokers = ",".join(f"{one.host}:{one.port}" for one in producer.list_topics(timeout=20).brokers.values())
    yield Record(brokers, tmp_path)
    del producer


def test_a_whole_record_is_told_with_how_far_anchors_reach(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "verify", "--brokers", record.brokers, "--anchors", str(record.anchors)]) == 0
    told = capsys.readouterr()
    assert told.out == (
        f"whole   chain operator: up to link 4, {record.head.hash[:16]}; 1 anchors, the last of link 4 at 2026-11-21T15:00:00.000Z\n"
    )
    assert "1 records of the topic are in no chain" in told.err
    assert run(["audit", "verify", "--brokers", record.brokers, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["head"] == 4
    assert "a tail that was cut would not be seen" in told.err


def test_a_record_of_another_writer_is_chained_by_the_collector_and_cannot_be_changed_after(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    acts: list[Act] = []
    enough = asyncio.Event()

    async def follow() -> None:
        loop = asyncio.get_running_loop()

        def add(act: Act) -> bool:
            acts.append(act)
            loop.call_soon_threadsafe(enough.set)
            return True

        following = asyncio.create_task(Witness(record.brokers, record.folder / "offset").follow(add))
        await asyncio.wait_for(enough.wait(), 60)
        deadline = loop.time() + 60
        while not (record.folder / "offset").exists():
            assert loop.time() < deadline
            await asyncio.sleep(0.05)
        following.cancel()

    asyncio.run(follow())
    (act,) = acts
    assert (act.who, act.verb, act.name, act.source) == ("dana@company.example", "evidence.read", "c-1", "topic")
    chain = KafkaChain(record.brokers, "people")
    chain.open()
    chain.append([act])
    assert run(["audit", "verify", "--brokers", record.brokers]) == 0
    assert "in no chain" not in capsys.readouterr().err
    assert int((record.folder / "offset").read_text()) > int(act.cause.rpartition("@")[2])
    chain.append([msgspec.structs.replace(act, id="2", digest="0" * 64)])
    assert run(["audit", "verify", "--brokers", record.brokers]) == 1
    assert "a record that this link tells of was changed" in capsys.readouterr().out


def test_a_record_that_a_link_tells_of_and_that_is_gone_is_named() -> None:
    raw = msgspec.json.encode(Audit(at="2026-11-21T10:00:00Z", who="dana", what="evidence.read", of="c-1"))
    act = witnessed(raw, 7)
    assert act is not None
    link_, _ = link(Head("people"), act)
    whole, gone = Witnessed(), Witnessed()
    for one in (whole, gone):
        one.take(link_, "fde-engine.audit[0]@8")
    whole.take(raw, "fde-engine.audit[0]@7")
    assert whole.breaks() == []
    assert [one.why for one in gone.breaks()] == ["a record that this link tells of is gone"]
    assert witnessed(link_, 8) is None
    assert witnessed(b"[" * 50_000, 9) is None


def test_a_tail_that_is_missing_is_exit_1_with_its_place(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    beyond = Head("operator", 9, "0" * 64).anchor("2026-11-21T16:00:00.000Z")
    record.anchors.write_bytes(canonical(beyond) + b"\n")
    assert run(["audit", "verify", "--brokers", record.brokers, "--anchors", str(record.anchors)]) == 1
    assert capsys.readouterr().out.startswith(
        "broken  anchors: chain operator, link 5: the tail was cut: the anchor of 2026-11-21T16"
    )


def test_an_export_holds_the_customers_links_and_the_others_as_digests(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = record.export(capsys, "--anchors", str(record.anchors))
    assert code == 0
    found = [json.loads(line) for line in lines]
    assert [one["type"] for one in found] == [
        "audit.export.v1",
        "audit.anchor.v1",
        *("audit.link.v1", "audit.opened.v1", "audit.skip.v1", "audit.link.v1", "audit.opened.v1"),
        *("audit.skip.v1", "audit.link.v1", "audit.opened.v1"),
        "audit.anchor.v1",
    ]
    assert [one["name"] for one in found if one["type"] == "audit.opened.v1"] == ["files-0", "files-2", "files-4"]
    assert "southgate" not in "".join(lines)
    file = record.folder / "export.jsonl"
    file.write_text("\n".join(lines) + "\n")
    assert run(["audit", "verify", str(file)]) == 0
    for spoilt in (lines[:-1], [*lines[:4], *lines[5:]], [line for line in lines if "skip" not in line]):
        file.write_text("\n".join(spoilt) + "\n")
        assert run(["audit", "verify", str(file)]) == 1
    assert record.export(capsys, "--sealed")[1][1].startswith('{"body"')


def test_since_and_until_choose_by_time_and_what_is_handed_out_still_verifies(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = record.export(capsys, "--since", "2026-11-21T12:00:00+01:00", "--until", "2026-11-21T14:00:00Z")
    assert code == 0
    found = [json.loads(line) for line in lines]
    assert found[1] == {"type": "audit.start.v1", "chain": "operator", "seq": 1, "previous": found[1]["previous"]}
    assert [one["name"] for one in found if one["type"] == "audit.opened.v1"] == ["files-2"]
    file = record.folder / "export.jsonl"
    file.write_text("\n".join(lines) + "\n")
    assert run(["audit", "verify", str(file)]) == 0
    assert "begins in the middle" in capsys.readouterr().err
    assert record.export(capsys, "--since", "2027-01-01T00:00:00Z")[0] == 1


def test_without_its_key_nobody_tells_which_records_are_a_customers(
    record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", "forget", "--customer", "northgate", "--keys", str(record.keys)]) == 1, "not confirmed"
    assert record.export(capsys)[0] == 0
    assert (
        run(["audit", "forget", "--customer", "northgate", "--confirm", "northgate", "--keys", str(record.keys)]) == 0
    )
    assert record.export(capsys) == (1, [])
    assert run(["audit", "verify", "--brokers", record.brokers, "--anchors", str(record.anchors)]) == 0


def test_erase_destroys_the_audit_key(record: Record, capsys: pytest.CaptureFixture[str]) -> None:
    (record.folder / "registry" / "candidates").mkdir(parents=True)
    said = [
        "--reason",
        "the contract ended",
        "--audit-keys",
        str(record.keys),
        "--registry",
        f"directory:{record.folder / 'registry'}",
    ]
    assert run(["erase", "--customer", "northgate", *said]) == 1
    assert "destroy its audit keys" in capsys.readouterr().out
    assert run(["erase", "--customer", "northgate", "--confirm", "northgate", *said]) == 0
    assert record.export(capsys)[0] == 1


EXPORT = ["audit", "export", "--brokers", "127.0.0.1:1", "--customer", "a", "--keys", "."]
LISTEN = ["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "x", "--keys", ".", "--listen"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["audit", "verify"], 2, "nothing to verify"),
        (["audit", "verify", "nowhere.jsonl"], 3, "cannot be read"),
        (["audit", "verify", "--brokers", "127.0.0.1:1", "--anchors", "nowhere"], 3, "cannot be read"),
        (["audit", "verify", "--brokers", "127.0.0.1:1", "--kubeconfig", "nowhere"], 2, "there is no kubeconfig"),
        (["audit", "export", "--brokers", "127.0.0.1:1", "--customer", "No.Name"], 2, "is not a DNS label"),
        (
            ["audit", "export", "--brokers", "127.0.0.1:1", "--customer", "a", "--keys", "nowhere"],
            2,
            "--keys nowhere",
        ),
        (
            [*EXPORT, "--since", "yesterday"],
            2,
            "--since is a moment",
        ),
        (
            [*EXPORT, "--since", "2026-02-01", "--until", "2026-01-01"],
            2,
            "--since is after --until",
        ),
        (["audit", "forget", "--customer", "a", "--confirm", "a", "--keys", "nowhere"], 2, "--keys nowhere"),
        ([*LISTEN, "0.0.0.0:8443"], 2, "which is not this machine alone"),
        ([*LISTEN, "127.0.0.1:0", "--tls-cert", "a", "--tls-key", "b"], 3, "is no certificate with its key"),
        (["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "x"], 2, "nothing to collect from"),
        (["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "x", "--listen", "8080"], 2, "host:port"),
        (
            ["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "x", "--file", "a", "--chain", "A b"],
            2,
            "--chain is a name",
        ),
        (
            ["audit", "collect", "--brokers", "127.0.0.1:1", "--state", "x", "--file", "a", "--tls-cert", "b"],
            2,
            "go together",
        ),
    ],
)
def test_a_mistake_is_a_sentence(
    words: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("FDE_BROKERS", raising=False)
    assert run(words) == code
    assert said in capsys.readouterr().err


def test_spoilt_anchors_are_named_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "anchors"
    good = Head("operator", 1, "0" * 64).anchor("2026-11-21T16:00:00.000Z")
    file.write_bytes(canonical(good) + b"\nrubbish\n")
    assert run(["audit", "verify", "--brokers", "127.0.0.1:1", "--anchors", str(file)]) == 3
    assert f"{file}:2: is no anchor" in capsys.readouterr().err
    file.write_bytes(canonical(good) + b"\n\n")
    assert read_file(file) == [good]
