from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fde_api.candidate import Identity, PatternCandidate, PatternCandidateSpec, Proof, Review, Signal
from fde_api.meta import Metadata
from fde_api.primitive import (
    Hole,
    Parameter,
    PrimitiveSpec,
    Provenance,
    Runtime,
    Segment,
    Template,
    TemplateFile,
    Workload,
)
from fde_registry.directory import DirectoryRegistry
from fde_registry.registry import Registry
from fde_registry.viewer import ENGINE

PEOPLE = {person: f"{person}@company.example" for person in ("ana", "ben", "cem", "dana")}


def a_workload() -> Workload:
    return Workload(kind="Job", image="python@sha256:" + "0" * 64, command=("python", "/app/sync.py"))


def a_proposal(**changes: Any) -> PrimitiveSpec:
    segments = (
        Segment(text='HOST = "'),
        Segment(hole=Hole(parameter="apiHost", place="string/host")),
        Segment(text='"\n\tprint(HOST)  \n'),
    )
    proposal = PrimitiveSpec(
        primitive_name="rate-limit-sync",
        version="v1.0.0",
        domain="integration",
        template=Template(files=(TemplateFile(path="sync.py", language="python", segments=segments),)),
        parameters=(Parameter(name="apiHost", type="host", required=True),),
        runtime=Runtime(workload=a_workload()),
    )
    return replace(proposal, **changes)


def make_candidate(
    *, name: str = "c-0000aaaa", author: str = ENGINE, proposal: PrimitiveSpec | None = None, **spec: Any
) -> PatternCandidate:
    given: dict[str, Any] = {
        "author": Identity(username=author),
        "signal": Signal(challenge="ch-1", title="HTTP 429", deployments=5, customers=4),
        "proposal": proposal or a_proposal(),
        "contributors": (PEOPLE["ana"], PEOPLE["ben"], PEOPLE["cem"]),
        "evidence_digest": "sha256:" + "1" * 64,
        "proof": Proof(siblings=5, rebuilt=5, sibling_customers=4, leaks=0, gate="gate/1"),
    }
    given |= spec
    if given["proof"] is not None and given["proof"].proposal_digest is None:
        given["proof"] = given["proof"].of(given["proposal"])
    return PatternCandidate(metadata=Metadata(name=name), spec=PatternCandidateSpec(**given))


@pytest.fixture
def a_candidate() -> Callable[..., PatternCandidate]:
    return make_candidate


@pytest.fixture
def proposal() -> Callable[..., PrimitiveSpec]:
    return a_proposal


@pytest.fixture
def for_customers() -> Callable[..., PrimitiveSpec]:
    def build(*pseudonyms: str) -> PrimitiveSpec:
        return a_proposal(provenance=Provenance(visible_to=pseudonyms, sources=pseudonyms))

    return build


@pytest.fixture
def approval() -> Callable[..., Review]:
    def build(person: str = "dana", generation: int = 1, **changes: Any) -> Review:
        review = Review(
            decision="Approved",
            reviewer=PEOPLE[person],
            reviewed_generation=generation,
            reason="values checked",
            at="2026-11-02T10:00:00Z",
        )
        return replace(review, **changes)

    return build


class Home:
    """Where a registry lives, opened as whoever is asked for."""

    def __init__(self, open_as: Callable[[str], Registry], engine: str) -> None:
        self._open_as, self.engine_name = open_as, engine
        self._open: dict[str, Registry] = {}

    def as_(self, person: str) -> Registry:
        if person not in self._open:
            self._open[person] = self._open_as(person)
        return self._open[person]

    @property
    def engine(self) -> Registry:
        return self.as_("engine")

    def candidate(self, name: str, **spec: Any) -> PatternCandidate:
        return make_candidate(name=name, author=self.engine_name, **spec)


def directory_home(path: Path) -> Home:
    DirectoryRegistry.make(path)

    def open_as(person: str) -> Registry:
        return DirectoryRegistry.engine(path) if person == "engine" else DirectoryRegistry(path, PEOPLE[person])

    return Home(open_as, ENGINE)


def cluster_home(control_plane: Any) -> Home:
    from fde_registry.kubernetes import KubernetesRegistry

    def open_as(person: str) -> Registry:
        return KubernetesRegistry(Path(control_plane.kubeconfig(person)))

    return Home(open_as, "system:serviceaccount:fde-system:pattern-engine")


@pytest.fixture(params=["directory", pytest.param("kubernetes", marks=pytest.mark.cluster)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "directory":
        return directory_home(tmp_path / "library")
    return cluster_home(request.getfixturevalue("installed_control_plane"))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A candidate name of this test alone: the cluster is shared."""
    import zlib

    return f"c-{zlib.crc32(request.node.nodeid.encode()):08x}"


@pytest.fixture(scope="session")
def installed_control_plane(control_plane: Any) -> Any:
    """The test run's Kubernetes with our definitions, policies, roles and namespaces in it."""
    import asyncio

    from fde_operator.install import install
    from fde_operator.kubernetes import KubernetesCluster

    async def apply() -> None:
        cluster = KubernetesCluster(str(control_plane.kubeconfig("admin")))
        try:
            await install(cluster, tell=lambda _: None)
        finally:
            await cluster.aclose()

    asyncio.run(apply())
    return control_plane


@pytest.fixture(autouse=True)
def quiet_structlog() -> Iterator[None]:
    """Commands configure logging for their process; here the process goes on."""
    import structlog

    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
