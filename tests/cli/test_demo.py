"""The demo is the loop on real failures: what it must find, and what must not leave."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

FORBIDDEN: dict[str, list[str]] = json.loads((Path(__file__).parent / "data/must_not_publish.json").read_text())
SAMPLE = Path(__file__).parents[2] / "cli/fde_cli/sample"


@dataclass(frozen=True)
class Demo:
    home: Path
    found: dict[str, Any]
    talk: str

    def fde(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fde_cli.main", *arguments], capture_output=True, text=True, timeout=60
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo") / "home"
    done = subprocess.run(
        [sys.executable, "-m", "fde_cli.main", "demo", "--home", str(home), "--no-page", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    yield Demo(home, json.loads(done.stdout), done.stderr)


def test_nothing_is_lost_and_every_count_agrees(demo: Demo) -> None:
    events = demo.found["events"]
    assert events["published"] == events["received"] == events["folded"] > 1000
    assert events["lost"] == 0
    assert demo.found["whole"]


def test_every_sample_family_is_proposed_with_every_sibling_rebuilt(demo: Demo) -> None:
    families = [folder for folder in (SAMPLE / "solutions").iterdir() if folder.is_dir()]
    candidates = demo.found["candidates"]
    assert len(candidates) == len(families)
    for candidate in candidates:
        proof = candidate["proof"]
        rebuilt, siblings = proof.split(" ")[0].split("/")
        assert rebuilt == siblings
        assert int(siblings) >= 3
        assert proof.endswith("byte-exact, 0 leaks")
        assert candidate["parameters"]
    assert not [status for status in demo.found["statuses"] if status.get("held_back")]


def test_a_solution_that_may_not_be_reused_is_counted_and_never_opened(demo: Demo) -> None:
    assert demo.found["forbidden"] == 1
    marks = [b"consignments", base64.b64encode(b"consignments")]
    for path in demo.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(mark in content for mark in marks), path


def test_three_deployments_of_one_customer_raise_a_challenge_and_publish_nothing_to_others(demo: Demo) -> None:
    (own,) = [c for c in demo.found["challenges"] if c["customers"] == 1 and c["deployments"] == 3]
    (candidate,) = [c for c in demo.found["candidates"] if c["challenge"] == own["id"]]
    assert candidate["visibleTo"]
    assert "oakhurst" not in json.dumps(candidate)
    others = [c for c in demo.found["candidates"] if c["challenge"] != own["id"]]
    assert not any(c["visibleTo"] for c in others)


def test_no_proposal_contains_what_must_not_be_published(demo: Demo) -> None:
    published = [p for p in (demo.home / "library").rglob("*.yaml") if ".fde" not in p.parts]
    assert len(published) == len(demo.found["candidates"])
    text = "\n".join(p.read_text() for p in published)
    texts = [
        value for document in map(yaml.safe_load, (p.read_text() for p in published)) for value in scalars(document)
    ]
    for family, strings in FORBIDDEN.items():
        for string in strings:
            assert string not in text, f"{family}: a text that must not be published"
            assert not any(string in value for value in texts), family
            assert base64.b64encode(string.encode()).decode().rstrip("=") not in text, family


def test_a_person_approves_and_finds_the_primitive_by_words_and_by_an_error(demo: Demo) -> None:
    registry = f"directory:{demo.home / 'library'}"
    (chosen,) = [c for c in demo.found["candidates"] if c["primitive"].startswith("jira-")]
    approved = demo.fde(
        *("review", "approve", chosen["name"], "--registry", registry, "--library-only", "--acknowledge"),
        *("--reason", "read the template and the values"),
    )
    assert approved.returncode == 0, approved.stderr
    assert (demo.home / "library/primitives" / f"{chosen['primitive']}.yaml").is_file()
    again = demo.fde("review", "reject", chosen["name"], "--registry", registry, "--reason", "changed my mind on it")
    assert again.returncode == 1
    found = demo.fde("search", "rate", "limit", "--registry", registry, "--json")
    assert found.returncode == 0, found.stderr
    assert chosen["primitive"].split(".")[0] in found.stdout
    nothing = demo.fde("search", "zebrafish", "--registry", registry)
    assert nothing.returncode == 1


def test_progress_goes_to_stderr_and_the_broker_says_what_it_is(demo: Demo) -> None:
    assert "embedded" in demo.talk
    assert "keeps nothing on disk" in demo.talk


def test_it_leaves_no_process_behind(demo: Demo) -> None:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        assert str(demo.home).encode() not in command, command


def test_a_home_that_no_demo_made_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    done = subprocess.run(
        [sys.executable, "-m", "fde_cli.main", "demo", "--home", str(tmp_path), "--no-page"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "no demo made" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "keep"


def scalars(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from scalars(value)
    elif isinstance(document, list):
        for value in document:
            yield from scalars(value)
    elif document is not None:
        yield str(document)
