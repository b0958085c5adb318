from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fde_api.candidate import Identity, PatternCandidate, PatternCandidateSpec, Proof, Review, Signal
from fde_api.meta import Metadata
from fde_api.primitive import PrimitiveSpec, Runtime, Segment, Template, TemplateFile
from fde_cli.main import run
from fde_events.challenge import Challenge
from fde_events.errors import Misuse, Refused
from fde_library.lookup import from_library, from_manifest
from fde_registry.directory import DirectoryRegistry
from fde_registry.viewer import ENGINE
from fde_sidecar.parse import parse_text
from fde_streams.signature import signature_of

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/srv/{customer}/sync.py", line 20, in pull\n    answer.raise_for_status()\n'
    '  File "/usr/lib/python3.11/site-packages/requests/models.py", line 1021, in raise_for_status\n'
    "    raise HTTPError(http_error_msg, response=self)\n"
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://api.{customer}.example/v2\n"
)


def a_candidate(name: str, version: str = "v1.0.0") -> PatternCandidate:
    file = TemplateFile(path="sync.py", language="python", segments=(Segment(text="print(1)\n"),))
    proposal = PrimitiveSpec(
        primitive_name="rate-limit-sync",
        version=version,
        domain="integration",
        tags=("salesforce",),
        template=Template(files=(file,)),
        runtime=Runtime(deployable=False),
    )
    return PatternCandidate(
        metadata=Metadata(name=name),
        spec=PatternCandidateSpec(
            author=Identity(username=ENGINE),
            signal=Signal(challenge="ch-1", title="HTTP 429", deployments=5, customers=4),
            proposal=proposal,
            contributors=("ana@company.example",),
            proof=Proof(siblings=5, rebuilt=5, sibling_customers=4, leaks=0).of(proposal),
        ),
    )


def publish(path: Path, name: str, version: str = "v1.0.0") -> None:
    DirectoryRegistry.engine(path).propose(a_candidate(name, version))
    review = Review(
        decision="Approved", reviewer="dana@company.example", reviewed_generation=1, at="2026-11-02T10:00:00Z"
    )
    DirectoryRegistry(path, "dana@company.example").decide(name, review)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FDE_BROKERS", "FDE_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "library"
    publish(path, "c-0000aaaa")
    return path


@pytest.fixture
def search(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    def go(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run(["search", *arguments, "--registry", f"directory:{library}"])
        return code, *capsys.readouterr()

    return go


def challenge_of(trace: str, **changes: Any) -> Challenge:
    (event,) = parse_text(trace)
    challenge = Challenge(
        id="ch-1",
        title="HTTP 429 too many requests",
        kind="error",
        block="error/requests",
        signatures=(signature_of(event).digest,),
        deployments=5,
        customers=4,
        events=40,
        first_seen="",
        last_seen="",
        raised_at="",
    )
    return replace(challenge, **changes)


def test_words_find_a_published_primitive(search: Any) -> None:
    code, out, _ = search("salesforce", "limit")
    assert code == 0
    assert out.startswith("rate-limit-sync.v1.0.0")
    assert "ana@company.example" in out
    code, out, _ = search("salesforce", "--json")
    assert json.loads(out)["primitive"] == "rate-limit-sync.v1.0.0"


def test_nothing_found_is_exit_code_one_and_nothing_on_stdout(search: Any) -> None:
    assert search("zzzz") == (1, "", "fde search: no published primitive matches\n")


def test_an_error_of_another_customer_leads_to_the_primitive_and_whom_to_ask(search: Any, library: Path) -> None:
    known = challenge_of(TRACE.format(customer="northgate"))
    (library / "challenges.jsonl").write_bytes(msgspec.json.encode(known) + b"\n")
    code, out, err = search("--error", stdin=TRACE.format(customer="westgate"))
    assert code == 0, err
    assert "ch-1" in out
    assert "rate-limit-sync.v1.0.0" in out
    assert "ask ana@company.example, dana@company.example" in out


def test_a_challenge_without_a_primitive_is_told_with_its_candidates(search: Any, library: Path) -> None:
    other = a_candidate("c-0000bbbb")
    other = replace(other, spec=replace(other.spec, signal=replace(other.spec.signal, challenge="ch-2")))
    DirectoryRegistry.engine(library).propose(other)
    known = challenge_of(TRACE.format(customer="northgate"), id="ch-2")
    (library / "challenges.jsonl").write_bytes(msgspec.json.encode(known) + b"\n")
    code, out, _ = search("--error", "--json", stdin=TRACE.format(customer="westgate"))
    assert code == 0
    found = json.loads(out)
    assert (found["primitives"], found["candidates"]) == ([], ["c-0000bbbb"])


def test_an_error_nobody_saw_is_exit_code_one(search: Any, library: Path) -> None:
    known = challenge_of(TRACE.format(customer="northgate"), signatures=("else",))
    (library / "challenges.jsonl").write_bytes(msgspec.json.encode(known) + b"\n")
    assert search("--error", stdin=TRACE.format(customer="west"))[0] == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "why"),
    [
        ([], "", 2, "give words"),
        (["word", "--error"], TRACE, 2, "give words"),
        (["--error"], "all is well\n", 3, "no error was found"),
        (["--error"], TRACE, 2, "--challenges FILE"),
        (["--error", "--challenges", "no-such-file"], TRACE, 3, "cannot be read"),
    ],
)
def test_wrong_use_and_bad_input_are_sentences(
    search: Any, arguments: list[str], stdin: str, code: int, why: str
) -> None:
    got, out, err = search(*arguments, stdin=stdin)
    assert (got, out) == (code, "")
    assert why in err


def test_a_bad_line_of_exported_challenges_is_named(search: Any, tmp_path: Path) -> None:
    file = tmp_path / "challenges.jsonl"
    file.write_bytes(b"\n{}\n")
    code, _, err = search("--error", "--challenges", str(file), stdin=TRACE)
    assert code == 3
    assert "challenges.jsonl:2:" in err


def test_exactly_the_version_asked_for_and_never_another(library: Path) -> None:
    registry = DirectoryRegistry(library, "dana@company.example")
    assert from_library(registry, "rate-limit-sync").spec.version == "v1.0.0"
    assert from_library(registry, "rate-limit-sync.v1.0.0").spec.version == "v1.0.0"
    with pytest.raises(Refused, match=r"there are v1\.0\.0"):
        from_library(registry, "rate-limit-sync.v1.1.0")
    publish(library, "c-0000cccc", "v1.1.0")
    with pytest.raises(Misuse, match=r"say which, e\.g\. rate-limit-sync\.v1\.1\.0"):
        from_library(registry, "rate-limit-sync")
    with pytest.raises(Refused, match="no version of nothing"):
        from_library(registry, "nothing")


def test_a_manifest_of_another_kind_is_wrong_use(library: Path) -> None:
    assert from_manifest(library / "primitives" / "rate-limit-sync.v1.0.0.yaml").spec.version == "v1.0.0"
    with pytest.raises(Misuse, match="PatternCandidate"):
        from_manifest(library / "candidates" / "c-0000aaaa.yaml")
