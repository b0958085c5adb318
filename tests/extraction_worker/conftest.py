from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, Proof
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec, Segment, Template, TemplateFile
from fde_events.challenge import Challenge, Sighting
from fde_events.errors import BadInput, Unavailable
from fde_events.solution import Solution, SolutionFile
from fde_extraction.assignment import Assignments
from fde_extraction.desk import Desk, Thresholds
from fde_extraction.evidence import EvidenceStore
from fde_extraction.join import Group
from fde_extraction.proposal import Abstracted
from fde_extraction.solutions import SourceFile, Submitted, digest, solution_id
from fde_registry.pseudonym import Pseudonyms

PSEUDONYMS = Pseudonyms(bytes(32))


def a_challenge(**changes: Any) -> Challenge:
    challenge = Challenge(
        id="ch-aaaa",
        title="HTTP 429 too many requests",
        kind="error",
        block="error/salesforce",
        signatures=("d1", "d2"),
        deployments=4,
        customers=3,
        events=40,
        first_seen="2026-10-03T08:11:00Z",
        last_seen="2026-10-20T08:11:00Z",
        raised_at="2026-10-19T14:02:00Z",
        sightings=(
            Sighting(deployment="n/a", customer="north", count=1, first_seen="", last_seen=""),
            Sighting(deployment="s/a", customer="south", count=1, first_seen="", last_seen=""),
        ),
    )
    return replace(challenge, **changes)


def a_solution(
    customer: str,
    number: int = 1,
    *,
    text: str | None = None,
    path: str = "sync.py",
    language: str = "python",
    reuse: Any = "allowed",
    files: Sequence[tuple[str, str, str]] = (),
    **changes: Any,
) -> Submitted:
    """One solution of deployment `<customer>/app-<number>`; files are (path, language, text)."""
    given = files or ((path, language, text if text is not None else f"HOST = '{customer}-{number}'\n"),)
    packed = tuple(
        SolutionFile(
            path=p,
            language=lang,
            digest=digest(t.encode()),
            content="" if reuse == "forbidden" else base64.b64encode(t.encode()).decode(),
        )
        for p, lang, t in given
    )
    deployment = f"{customer}/app-{number}"
    fields: dict[str, Any] = {
        "deployment": deployment,
        "author": f"{customer}-{number}@company.example",
        "time": f"2026-10-2{number}T10:00:00Z",
        "files": packed,
        "reuse": reuse,
        "challenge": None,
        "signatures": ("d1",),
    } | changes
    identity = solution_id(deployment, fields["challenge"], fields["signatures"], [f.digest for f in packed])
    return Submitted(customer, Solution(**({"id": identity} | fields)))


@dataclass
class FakeEngine:
    """Groups by the first line's first word, abstracts to a template of the first file; keeps what it saw."""

    seen: list[Group] = field(default_factory=list)
    found_leaks: list[str] = field(default_factory=list)
    error: Exception | None = None

    def group(self, files: Sequence[SourceFile]) -> list[list[SourceFile]]:
        families: dict[bytes, list[SourceFile]] = {}
        for file in files:
            families.setdefault(file.data.split()[0], []).append(file)
        return [families[key] for key in sorted(families)]

    def similarity(self, one: SourceFile, other: SourceFile) -> float:
        return 1.0 if one.path == other.path else 0.5

    def check(self, file: SourceFile) -> None:
        if b"(((" in file.data:
            raise BadInput(file.path, "not valid python: '(' was never closed", line=3)

    def abstract(self, group: Group, *, name: str, customers: Sequence[str]) -> Abstracted:
        self.seen.append(group)
        if self.error is not None:
            raise self.error
        siblings = {f"s{number}": files for number, files in enumerate(group.siblings, 1)}
        paths = [f"{number}-{column[0].path}" for number, column in enumerate(group.columns)]
        text = f"template of {len(siblings)}"
        template = Template(
            files=tuple(
                TemplateFile(path=path, language=column[0].language, segments=(Segment(text=text),))  # type: ignore[arg-type]
                for path, column in zip(paths, group.columns, strict=True)
            )
        )
        return Abstracted(
            spec=PrimitiveSpec(primitive_name=name, version="v0.0.1", domain="", template=template),
            proof=Proof(siblings=len(siblings), rebuilt=len(siblings), sibling_customers=len(group.customers), leaks=0),
            files={key: dict(zip(paths, files, strict=True)) for key, files in siblings.items()},
            bindings={key: {"host": files[0].customer} for key, files in siblings.items()},
        )

    def leaks(self, spec: PrimitiveSpec, abstracted: Abstracted, *, customers: Sequence[str]) -> Sequence[str]:
        return self.found_leaks


@dataclass
class FakeRegistry:
    """A registry in memory that can be away."""

    stored: dict[str, PatternCandidate] = field(default_factory=dict)
    published: list[DeploymentPrimitive] = field(default_factory=list)
    away: bool = False

    def whoami(self) -> str:
        return "system:fde:pattern-engine"

    def propose(self, candidate: PatternCandidate) -> PatternCandidate:
        if self.away:
            raise Unavailable("The API server did not answer.", retry_after_s=0.1)
        current = self.stored.get(candidate.metadata.name)
        if current is not None and current.spec.review is not None:
            return current
        self.stored[candidate.metadata.name] = candidate
        return candidate

    def candidates(self) -> Sequence[PatternCandidate]:
        return list(self.stored.values())

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        return self.published


@pytest.fixture
def challenge() -> Callable[..., Challenge]:
    return a_challenge


@pytest.fixture
def solution() -> Callable[..., Submitted]:
    return a_solution


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def desk(tmp_path: Path, engine: FakeEngine, registry: FakeRegistry) -> Desk:
    return make_desk(tmp_path, engine, registry)


@pytest.fixture
def desk_in() -> Callable[..., Desk]:
    return make_desk


def make_desk(folder: Path, engine: Any, registry: Any, **thresholds: Any) -> Desk:
    return Desk(
        registry,
        EvidenceStore(folder),
        engine,
        PSEUDONYMS,
        Assignments(folder / "assignments.json"),
        lambda: "2026-11-02T10:00:00Z",
        Thresholds(**thresholds),
    )


@pytest.fixture(autouse=True)
def quiet_structlog() -> Iterator[None]:
    """Commands configure logging for their process; here the process goes on."""
    import structlog

    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
