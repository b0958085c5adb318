from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from fde_events.errors import BadInput, Refused, Unavailable
from fde_extraction.evidence import EvidenceStore, evidence_of
from fde_extraction.solutions import open_files


@pytest.fixture
def evidence(solution: Any) -> Any:
    (file,), _ = open_files(solution("north"))
    return evidence_of("ch-aaaa", "python", {"s1": {"sync.py": file}}, {"s1": {"apiHost": "api.north.example"}})


def test_evidence_comes_back_as_it_was_kept(tmp_path: Path, evidence: Any) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    digest = store.put(evidence)
    assert store.put(evidence) == digest == evidence.digest
    assert store.read(digest, who="dana", why="review") == evidence


def test_nobody_but_extraction_may_look_into_the_directory(tmp_path: Path, evidence: Any) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    store.put(evidence)
    store.read(evidence.digest, who="dana", why="review")
    assert stat.S_IMODE((tmp_path / "evidence").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "evidence").iterdir()} == {0o600}


def test_every_read_is_noted_with_who_and_why_here_and_on_the_topic(tmp_path: Path, evidence: Any) -> None:
    told: list[Any] = []
    store = EvidenceStore(tmp_path, publish=told.append)
    store.put(evidence)
    store.read(evidence.digest, who="dana@company.example", why="recheck of c-1")
    store.has(evidence.digest)
    (noted,) = store.audits()
    assert (noted.who, noted.what, noted.of, noted.why) == (
        "dana@company.example",
        "evidence.read",
        evidence.digest,
        "recheck of c-1",
    )
    assert told == [noted]


def test_a_read_that_cannot_be_noted_does_not_happen(tmp_path: Path, evidence: Any) -> None:
    store = EvidenceStore(tmp_path)
    store.put(evidence)
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(Unavailable, match="could not be noted"):
        store.read(evidence.digest, who="dana", why="review")


def test_evidence_that_was_changed_is_not_believed(tmp_path: Path, evidence: Any) -> None:
    store = EvidenceStore(tmp_path)
    store.put(evidence)
    path = tmp_path / f"{evidence.digest.removeprefix('sha256:')}.json"
    path.write_bytes(path.read_bytes().replace(b"api.north.example", b"api.south.example"))
    with pytest.raises(BadInput, match="does not have the digest"):
        store.read(evidence.digest, who="dana", why="review")


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha256:../../etc/passwd", "nonsense"])
def test_what_is_not_there_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(Refused):
        EvidenceStore(tmp_path).read(digest, who="dana", why="review")
