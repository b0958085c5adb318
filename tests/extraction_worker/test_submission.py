from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fde_cli.main import run
from fde_events.errors import BadInput, Misuse, Refused
from fde_events.solution import Solution
from fde_extraction import secrets
from fde_extraction.repository import Repository, Tracked
from fde_extraction.submission import check_egress, egress_of, prepare

TRACE = (
    "2026-10-12 15:58:16,001 ERROR sync failed\n"
    "Traceback (most recent call last):\n"
    '  File "/srv/app/sync.py", line 20, in pull\n    answer.raise_for_status()\n'
    '  File "/usr/lib/python3.11/site-packages/requests/models.py", line 1021, in raise_for_status\n'
    "    raise HTTPError(http_error_msg, response=self)\n"
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://api.northgate.example/v2\n"
)
PASSWORD = "kiwi-" + "fern-" + "4417-ox"  # in no issuer's format


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FDE_BROKERS", "FDE_CUSTOMER", "FDE_REGISTRY", "FDE_SOURCE_EGRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "ticket-sync"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.email", "ana@company.example")
    git(folder, "config", "user.name", "Ana")
    (folder / "sync.py").write_text(f'PASSWORD = "{PASSWORD}"\nprint(PASSWORD)\n')
    (folder / "query.sql").write_text("SELECT 1;\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def dry_run(repository: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Solution, str]]:
    def go(*arguments: str) -> tuple[Solution, str]:
        capsys.readouterr()
        code = run(["submit", *arguments, "--customer", "northgate", "--dry-run", "-C", str(repository)])
        out, err = capsys.readouterr()
        assert code == 0, err
        (line,) = out.splitlines()
        return msgspec.json.decode(line.encode(), type=Solution), err

    return go


def test_a_dry_run_prints_exactly_the_record_and_sends_nothing(dry_run: Any) -> None:
    solution, said = dry_run("sync.py", "--challenge", "ch-1", "--reuse", "allowed")
    assert solution.challenge == "ch-1"
    assert solution.author == "ana@company.example"
    assert solution.deployment == "customer-northgate/ticket-sync"
    assert "nothing was sent" in said


def test_secrets_become_typed_placeholders_and_the_list_says_where(dry_run: Any) -> None:
    solution, said = dry_run("sync.py", "--challenge", "ch-1", "--reuse", "allowed")
    content = base64.b64decode(solution.files[0].content).decode()
    assert PASSWORD not in content
    assert "fde-secret:password:1" in content
    assert [(p.path, p.line, p.kind) for p in solution.placeholders] == [("sync.py", 1, "password")]
    assert "sync.py:1: password PASSWORD replaced" in said
    assert PASSWORD not in said


def test_unset_reuse_is_forbidden_and_only_digests_travel(dry_run: Any) -> None:
    solution, said = dry_run("sync.py", "--challenge", "ch-1")
    assert solution.reuse == "forbidden"
    assert solution.files[0].content == ""
    assert solution.files[0].digest.startswith("sha256:")
    assert "counted, never opened" in said


def test_an_error_sample_travels_as_signatures_only(dry_run: Any, tmp_path: Path) -> None:
    sample = tmp_path / "error.log"
    sample.write_text(TRACE)
    solution, _ = dry_run("sync.py", "--error-sample", str(sample))
    assert solution.challenge is None
    assert len(solution.signatures) == 1
    assert "northgate.example" not in msgspec.json.encode(solution).decode()


def test_a_range_takes_the_changed_files_as_they_are_at_its_end(dry_run: Any, repository: Path) -> None:
    start = git(repository, "rev-parse", "HEAD")
    (repository / "sync.py").write_text("print('fixed')\n")
    (repository / "logo.png").write_bytes(b"\x89PNG\0\0")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "fix")
    (repository / "sync.py").write_text("print('later, not committed')\n")
    solution, said = dry_run("--range", f"{start}..HEAD", "--challenge", "ch-1", "--reuse", "allowed")
    assert [base64.b64decode(file.content) for file in solution.files] == [b"print('fixed')\n"]
    assert solution.commit == git(repository, "rev-parse", "HEAD")
    assert "left out logo.png: a binary file" in said


def test_the_commit_trailer_names_the_challenge(dry_run: Any, repository: Path) -> None:
    (repository / "query.sql").write_text("SELECT 2;\n")
    git(repository, "commit", "-qam", "fix rollup\n\nFde-Challenge: ch-77")
    solution, _ = dry_run()
    assert solution.challenge == "ch-77"
    assert [file.path for file in solution.files] == ["query.sql"]


def test_files_that_are_not_committed_name_no_commit(dry_run: Any, repository: Path) -> None:
    (repository / "sync.py").write_text("print('edited')\n")
    solution, _ = dry_run("sync.py", "--challenge", "ch-1")
    assert solution.commit is None


def test_submitting_twice_is_the_same_solution_and_another_file_is_another(dry_run: Any, repository: Path) -> None:
    first, _ = dry_run("sync.py", "--challenge", "ch-1", "--reuse", "allowed")
    again, _ = dry_run("sync.py", "--challenge", "ch-1", "--reuse", "allowed")
    (repository / "sync.py").write_text("print('other')\n")
    other, _ = dry_run("sync.py", "--challenge", "ch-1", "--reuse", "allowed")
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["sync.py"], 2, "which challenge does this answer"),
        (["gone.py", "--challenge", "c"], 3, "there is no such file"),
        (["../outside.py", "--challenge", "c"], 3, "not inside the repository"),
        (["blob.bin", "--challenge", "c"], 3, "a binary file"),
        (["sync.py", "--challenge", "c", "--range", "A..B"], 2, "not both"),
        (["--range", "nowhere..HEAD", "--challenge", "c"], 2, "'nowhere' is not a commit"),
        (["sync.py", "--error-sample", "no-such.log"], 3, "cannot be read"),
        (["sync.py", "--error-sample", "empty.log"], 3, "no error was found"),
        (["sync.py", "--challenge", "c", "--reuse", "perhaps"], 2, "reuse"),
        (["sync.py", "--challenge", "c", "--customer", "North.Gate"], 2, "DNS label"),
        (["sync.py", "--challenge", "x; y"], 2, "no challenge's id"),
        (["sync.py", "--challenge", "c", "--deployment", "foo"], 2, "NAMESPACE/NAME"),
        (["sync.py", "--challenge", "c", "--deployment", "Foo Bar/x/y"], 2, "NAMESPACE/NAME"),
        (["sync.py", "--challenge", "c", "--namespace", "Foo Bar"], 2, "not a DNS label"),
        ([".git/config", "--challenge", "c"], 2, "git's own"),
        (["huge.py", "--challenge", "c"], 3, "are read at most"),
        (["big.py", "--challenge", "c"], 1, "the largest file is big.py"),
    ],
)
def test_bad_input_is_a_sentence_and_the_right_exit_code(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    (repository / "blob.bin").write_bytes(b"a\0b")
    (repository / "big.py").write_text("token = 'a'\n" * 400_000)
    with (repository / "huge.py").open("wb") as huge:
        huge.truncate(30_000_000)
    (repository / "empty.log").write_text("all is well\n")
    (repository.parent / "outside.py").write_text("x = 1\n")
    monkeypatch.chdir(repository)
    customer = [] if "--customer" in arguments else ["--customer", "northgate"]
    assert run(["submit", *arguments, *customer, "--dry-run"]) == code
    out, err = capsys.readouterr()
    assert sentence in err
    assert out == ""
    assert "Traceback" not in err


def test_outside_a_git_repository_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert run(["submit", "a.py", "--challenge", "c", "--customer", "north", "-C", str(tmp_path)]) == 2
    assert "not in a git repository" in capsys.readouterr().err


def test_nothing_leaves_until_the_customers_role_turns_egress_on(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["submit", "sync.py", "--challenge", "c", "--customer", "northgate", "-C", str(repository)]
    arguments += ["--brokers", "127.0.0.1:1"]
    assert run(arguments) == 1
    said = capsys.readouterr().err
    assert "source egress of customer northgate is off" in said
    assert "data owner turns it on" in said
    (repository / ".fde").mkdir()
    (repository / ".fde" / "egress.yaml").write_text("sourceEgress: on\n")
    assert run(arguments) == 1
    assert "not committed, so it turns nothing on" in capsys.readouterr().err


def test_a_committed_setting_or_the_ci_turns_egress_on() -> None:
    off, on = egress_of(None), egress_of(b"sourceEgress: on\nreuse: own-customer\n")
    assert on.reuse == "own-customer"
    check_egress(on, {}, customer="n")
    check_egress(off, {"FDE_SOURCE_EGRESS": "on"}, customer="n")
    with pytest.raises(Refused):
        check_egress(off, {}, customer="n")
    with pytest.raises(Refused):
        check_egress(on, {"FDE_SOURCE_EGRESS": "off"}, customer="n")
    with pytest.raises(BadInput, match="sourceEgress: true"):
        egress_of(b"sourceEgres: on\n")


def test_a_record_that_is_too_large_names_the_largest_file() -> None:
    files = [Tracked("big.py", b"x = 1\n" * 100_000), Tracked("small.py", b"y = 2\n")]
    with pytest.raises(Refused, match=r"largest file is big\.py"):
        prepare(
            files,
            customer="n",
            deployment="n/a",
            author="a@x.example",
            time="2026-10-20T10:00:00Z",
            replace=lambda data, language: (data, ()),
            reuse="allowed",
            challenge="c",
        )


def test_files_that_are_too_large_are_never_searched_for_secrets() -> None:
    def search(data: bytes, language: str) -> tuple[bytes, tuple[()]]:
        raise AssertionError("searched")

    for reuse, files in (
        ("forbidden", [Tracked("a.py", b"x" * 400_000)]),
        ("allowed", [Tracked("a.py", b"x" * 300_000), Tracked("b.py", b"x" * 200_000)]),
    ):
        with pytest.raises(Refused, match=r"largest file is a\.py"):
            prepare(
                files,
                customer="n",
                deployment="n/a",
                author="a@x.example",
                time="2026-10-20T10:00:00Z",
                replace=search,
                reuse=reuse,  # type: ignore[arg-type]
                challenge="c",
            )


def test_a_repository_with_any_name_is_a_deployment(dry_run: Any, repository: Path) -> None:
    moved = repository.rename(repository.with_name("My_Sync.Job"))
    repository.symlink_to(moved)
    solution, _ = dry_run("sync.py", "--challenge", "c")
    assert solution.deployment.endswith("/my-sync-job")


def test_egress_off_is_told_before_the_broker_is_asked(repository: Path) -> None:
    with pytest.raises(Misuse, match="no files"):
        prepare([], customer="n", deployment="n/a", author="a", time="", replace=secrets.replace, challenge="c")


def test_git_history_is_read_without_running_what_a_path_says(repository: Path) -> None:
    odd = repository / "--exec=touch x.py"
    odd.write_text("print(1)\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "odd")
    source = Repository(repository)
    commit, changed = source.changed("HEAD")
    assert changed == ["--exec=touch x.py"]
    assert source.file_at(commit, changed[0]) == Tracked(changed[0], b"print(1)\n")
    with pytest.raises(Misuse):
        source.commit("--output=/nowhere")


def test_submitted_to_a_broker_it_is_there_under_its_id(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from confluent_kafka import Consumer, TopicPartition

    from fde_cli.embedded.broker import EmbeddedBroker

    monkeypatch.setenv("FDE_SOURCE_EGRESS", "on")
    with EmbeddedBroker() as broker:
        arguments = ["submit", "sync.py", "--challenge", "ch-1", "--customer", "northgate", "--reuse", "allowed"]
        code = run([*arguments, "-C", str(repository), "--brokers", broker.bootstrap_servers])
        out, err = capsys.readouterr()
        assert code == 0, err
        consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "t"})
        topic = "fde.northgate.solutions"
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        message = consumer.poll(10)
        consumer.close()
    assert message is not None
    assert message.key().decode() == out.strip()
    assert json.loads(message.value())["id"] == out.strip()
