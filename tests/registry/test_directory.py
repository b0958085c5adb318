from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, Proof, Review
from fde_api.primitive import PrimitiveSpec
from fde_events.errors import BadInput, Refused, Unavailable
from fde_registry.address import open_registry
from fde_registry.directory import DirectoryRegistry
from fde_registry.shelf import dump
from fde_registry.viewer import DirectorySettings, identity_of, write_settings

DANA = "dana@company.example"


def test_an_approval_publishes_at_once_under_name_and_version(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], approval: Callable[..., Review]
) -> None:
    DirectoryRegistry.engine(tmp_path).propose(a_candidate())
    done = DirectoryRegistry(tmp_path, DANA).decide("c-0000aaaa", approval())
    assert done.status is not None
    assert done.status.published_as == "rate-limit-sync.v1.0.0"
    manifest = yaml.safe_load((tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_text())
    assert manifest["kind"] == "DeploymentPrimitive"
    assert manifest["spec"]["provenance"]["approvedBy"] == DANA
    assert manifest["spec"]["provenance"]["candidateRef"]["name"] == "c-0000aaaa"
    primitive = DirectoryRegistry(tmp_path, DANA).primitive("rate-limit-sync", "v1.0.0")
    assert primitive.spec.template == done.spec.proposal.template


def test_a_published_version_is_never_overwritten(
    tmp_path: Path,
    a_candidate: Callable[..., PatternCandidate],
    approval: Callable[..., Review],
    proposal: Callable[..., PrimitiveSpec],
) -> None:
    registry, dana = DirectoryRegistry.engine(tmp_path), DirectoryRegistry(tmp_path, DANA)
    registry.propose(a_candidate())
    dana.decide("c-0000aaaa", approval())
    before = (tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_bytes()
    registry.propose(a_candidate(name="c-0000bbbb", proposal=proposal(tags=("other",))))
    with pytest.raises(Refused, match="a version never changes"):
        dana.decide("c-0000bbbb", approval())
    assert (tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_bytes() == before
    assert dana.candidate("c-0000bbbb").spec.review is None


def test_decisions_are_lines_that_are_only_added(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], approval: Callable[..., Review]
) -> None:
    registry, dana = DirectoryRegistry.engine(tmp_path), DirectoryRegistry(tmp_path, DANA)
    for name, decision in (("c-0000aaaa", "Approved"), ("c-0000bbbb", "Rejected")):
        registry.propose(a_candidate(name=name))
        dana.decide(name, approval(decision=decision, reason="two patterns in one"))
    lines = [json.loads(line) for line in (tmp_path / "decisions" / "decisions.jsonl").read_text().splitlines()]
    assert [(line["candidate"], line["decision"], line["reviewer"]) for line in lines] == [
        ("c-0000aaaa", "Approved", DANA),
        ("c-0000bbbb", "Rejected", DANA),
    ]
    assert all(line["proposal_digest"].startswith("sha256:") for line in lines)


def test_an_approval_that_a_crash_left_unpublished_is_published_by_the_next_writer(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], approval: Callable[..., Review]
) -> None:
    registry, dana = DirectoryRegistry.engine(tmp_path), DirectoryRegistry(tmp_path, DANA)
    registry.propose(a_candidate())
    dana.decide("c-0000aaaa", approval())
    published = (tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_bytes()
    # as after a kill between the first write and the rest: decided, nothing else
    path = tmp_path / "candidates" / "c-0000aaaa.yaml"
    document = yaml.safe_load(path.read_text())
    del document["status"]
    path.write_text(yaml.safe_dump(document))
    (tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").unlink()
    log = tmp_path / "decisions" / "decisions.jsonl"
    log.write_text(log.read_text()[:20])
    registry.propose(a_candidate(name="c-0000cccc"))
    assert (tmp_path / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_bytes() == published
    assert [decision.candidate for decision in dana.decisions()] == ["c-0000aaaa"]


def test_a_hand_written_approval_by_a_contributor_is_not_published(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], approval: Callable[..., Review]
) -> None:
    registry = DirectoryRegistry.engine(tmp_path)
    registry.propose(a_candidate())
    path = tmp_path / "candidates" / "c-0000aaaa.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"]["review"] = {"decision": "Approved", "reviewer": "ana@company.example", "reviewedGeneration": 1}
    path.write_text(yaml.safe_dump(document))
    registry.propose(a_candidate(name="c-0000cccc"))
    assert registry.primitives() == []


def test_two_writers_take_turns(tmp_path: Path, a_candidate: Callable[..., PatternCandidate]) -> None:
    import fcntl

    DirectoryRegistry.make(tmp_path)
    registry = DirectoryRegistry(tmp_path, DANA, lock_timeout_s=0.05)
    with (tmp_path / ".fde" / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="Another process is writing"):
            registry.propose(a_candidate())
    registry.propose(a_candidate())


def test_customers_see_their_own_and_names_appear_nowhere(
    tmp_path: Path,
    a_candidate: Callable[..., PatternCandidate],
    for_customers: Callable[..., PrimitiveSpec],
    approval: Callable[..., Review],
) -> None:
    engine = DirectoryRegistry.engine(tmp_path)
    own = for_customers(engine.pseudonyms.of("northgate"))
    proof = Proof(siblings=3, rebuilt=3, sibling_customers=1, leaks=0)
    engine.propose(a_candidate(proposal=own, proof=proof))
    write_settings(tmp_path, DirectorySettings(identity=DANA, customers=("southgate",)))
    with pytest.raises(Refused, match="no candidate"):
        DirectoryRegistry(tmp_path).decide("c-0000aaaa", approval())
    write_settings(tmp_path, DirectorySettings(identity=DANA, customers=("northgate",)))
    northgate = DirectoryRegistry(tmp_path)
    northgate.decide("c-0000aaaa", approval())
    assert [p.metadata.name for p in northgate.primitives()] == ["rate-limit-sync.v1.0.0"]
    assert DirectoryRegistry(tmp_path, viewer=None).primitives()
    write_settings(tmp_path, DirectorySettings(identity=DANA))
    assert DirectoryRegistry(tmp_path).primitives() == []
    written = [p for p in tmp_path.rglob("*") if p.is_file() and ".fde" not in p.parts]
    assert not any(b"northgate" in path.read_bytes() for path in written)


def test_what_some_customers_alone_may_see_is_not_taken_along_by_git(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], for_customers: Callable[..., PrimitiveSpec]
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True, timeout=30)
    engine = DirectoryRegistry.engine(tmp_path)
    engine.propose(a_candidate(name="c-0000aaaa"))
    engine.propose(a_candidate(name="c-0000bbbb", proposal=for_customers("src-00000000000000aa")))
    seen = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "-uall"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout
    assert "candidates/c-0000aaaa.yaml" in seen
    assert "c-0000bbbb" not in seen
    assert ".fde/" not in seen


def test_a_candidate_that_reaches_a_third_customer_moves_into_the_open(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], for_customers: Callable[..., PrimitiveSpec]
) -> None:
    engine = DirectoryRegistry.engine(tmp_path)
    engine.propose(a_candidate(proposal=for_customers("src-00000000000000aa", "src-00000000000000bb")))
    assert DirectoryRegistry(tmp_path, DANA).candidates() == []
    engine.propose(a_candidate())
    assert len(DirectoryRegistry(tmp_path, DANA).candidates()) == 1
    assert len(engine.candidates()) == 1


def test_identity_is_the_settings_then_git_then_the_system_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    assert "@" in identity_of(tmp_path)[0]
    assert identity_of(tmp_path)[1] == "the operating system's user"
    subprocess.run(["git", "init", "-q", tmp_path], check=True, timeout=30)
    subprocess.run(["git", "-C", tmp_path, "config", "user.email", "git@company.example"], check=True, timeout=30)
    assert identity_of(tmp_path) == ("git@company.example", "git config user.email")
    write_settings(tmp_path, DirectorySettings(identity=DANA))
    assert identity_of(tmp_path)[0] == DANA
    assert open_registry(f"directory:{tmp_path}").whoami() == DANA


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: [", "not YAML"),
        ("kind: PatternCandidate\napiVersion: fde.io/v1\nmetadata: {name: c-bad}\nspec: {autor: x}\n", "autor"),
        ("apiVersion: fde.io/v1\nkind: Poem\n", "expected fde.io/v1"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "candidates").mkdir()
    registry = DirectoryRegistry(tmp_path, DANA)
    (tmp_path / "candidates" / "c-bad.yaml").write_text(text)
    with pytest.raises(BadInput, match=why) as caught:
        registry.candidates()
    assert "c-bad.yaml" in str(caught.value)
    assert caught.value.exit_code == 3


def test_settings_with_an_unknown_field_are_refused_with_what_they_take(tmp_path: Path) -> None:
    (tmp_path / ".fde").mkdir()
    (tmp_path / ".fde" / "settings.yaml").write_text("identiti: x\n")
    with pytest.raises(BadInput, match="identity: NAME"):
        DirectoryRegistry(tmp_path)


@pytest.mark.parametrize("what", ["missing", "empty", "source-repository", "file"])
def test_a_directory_that_is_no_library_is_refused_and_nothing_is_written(tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    if what == "file":
        place.write_text("x")
    elif what != "missing":
        place.mkdir()
    if what == "source-repository":
        (place / ".fde").mkdir()
        (place / ".fde" / "egress.yaml").write_text("sourceEgress: true\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="no library there") as caught:
        open_registry(f"directory:{place}").candidates()
    assert caught.value.exit_code == 3
    assert sorted(tmp_path.rglob("*")) == before


def test_reading_a_checkout_writes_nothing_and_the_first_writer_makes_what_is_local(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], approval: Callable[..., Review]
) -> None:
    DirectoryRegistry.engine(tmp_path / "library").propose(a_candidate())
    checkout = tmp_path / "checkout"
    (checkout / "candidates").mkdir(parents=True)
    for path in (tmp_path / "library" / "candidates").iterdir():
        (checkout / "candidates" / path.name).write_bytes(path.read_bytes())
    before = sorted(checkout.rglob("*"))
    registry = DirectoryRegistry(checkout, DANA)
    assert [candidate.metadata.name for candidate in registry.candidates()] == ["c-0000aaaa"]
    assert sorted(checkout.rglob("*")) == before
    registry.decide("c-0000aaaa", approval())
    assert (checkout / ".fde" / ".gitignore").read_text() == "*\n"


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=6))
def test_any_text_survives_the_manifest(document: object) -> None:
    assert yaml.safe_load(dump(document)) == document


def test_a_template_is_written_as_a_block_that_people_can_read(
    tmp_path: Path, a_candidate: Callable[..., PatternCandidate], proposal: Callable[..., PrimitiveSpec]
) -> None:
    import fde_api.primitive as api

    file = api.TemplateFile(path="a.sql", language="sql", segments=(api.Segment(text="SELECT 1;\nSELECT 2;\n"),))
    candidate = a_candidate(proposal=proposal(template=api.Template(files=(file,)), parameters=()))
    DirectoryRegistry.engine(tmp_path).propose(replace(candidate))
    assert "SELECT 1;\n" in (tmp_path / "candidates" / "c-0000aaaa.yaml").read_text()
