from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fde_api.candidate import Acknowledgement, Identity, PatternCandidate, PatternCandidateSpec, Signal
from fde_api.meta import Metadata
from fde_api.primitive import PrimitiveSpec
from fde_extraction.acknowledge import acknowledgements
from fde_extraction.engine import AbstractionEngine
from fde_extraction.evidence import EvidenceStore, evidence_of
from fde_extraction.explanation import Explained, HoleUse, Reason, explanations
from fde_extraction.join import Group
from fde_extraction.recheck import EvidenceChecker
from fde_extraction.solutions import SourceFile, digest
from fde_registry.directory import DirectoryRegistry
from fde_registry.viewer import ENGINE, DirectorySettings, write_settings

DANA, BEN = "dana@company.example", "ben@company.example"
SOURCE = """\
import time

import requests

BASE_URL = "https://{host}/api/v2"
PAGE_SIZE = {size}
REGION = "EU"


def fetch(path):
    while True:
        answer = requests.get(BASE_URL + path, params={{"limit": PAGE_SIZE, "region": REGION}})
        if answer.status_code != 429:
            return answer.json()
        time.sleep(float(answer.headers["Retry-After"]))
"""
CUSTOMERS = (("northgate", "api.northgate.example", 50), ("southgate", "sync.southgate.example", 200))
CUSTOMERS += (("westgate", "data.westgate.example", 75),)


def the_files() -> tuple[SourceFile, ...]:
    files = []
    for number, (customer, host, size) in enumerate(CUSTOMERS, 1):
        data = SOURCE.format(host=host, size=size).encode()
        files.append(
            SourceFile(
                customer,
                f"{customer}/app",
                f"solution-{number}",
                f"{customer}@company.example",
                f"2026-10-2{number}T10:00:00Z",
                "sync.py",
                "python",
                digest(data),
                data,
            )
        )
    return tuple(files)


@pytest.fixture(scope="session")
def abstracted() -> Any:
    return AbstractionEngine().abstract(
        Group("ch-1", "python", None, (the_files(),)), name="rate-limit-sync", customers=[c for c, _, _ in CUSTOMERS]
    )


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


@pytest.fixture
def library(tmp_path: Path, store: EvidenceStore, abstracted: Any) -> Path:
    """A library with one candidate, c-0000aaaa, really abstracted, with its evidence kept; dana looks at it."""
    path = tmp_path / "library"
    evidence = store.put(evidence_of("ch-1", "python", abstracted.files, abstracted.bindings))
    proposal: PrimitiveSpec = replace(abstracted.spec, version="v1.0.0", tags=("salesforce", "python"))
    candidate = PatternCandidate(
        metadata=Metadata(name="c-0000aaaa"),
        spec=PatternCandidateSpec(
            author=Identity(username=ENGINE),
            signal=Signal(
                challenge="ch-1",
                title="HTTP 429 <script>alert(1)</script>",
                deployments=5,
                customers=3,
                events=40,
                first_seen="2026-10-03T08:11:00Z",
                last_seen="2026-10-20T08:11:00Z",
                threshold_met="2026-10-19T14:02:00Z",
            ),
            proposal=proposal,
            contributors=("ana@company.example",),
            evidence_digest=evidence,
            proof=replace(abstracted.proof, acknowledge=acknowledgements(proposal, customers=len(CUSTOMERS))).of(
                proposal
            ),
        ),
    )
    DirectoryRegistry.engine(path).propose(candidate)
    write_settings(path, DirectorySettings(identity=DANA))
    return path


@pytest.fixture
def listed(library: Path, abstracted: Any) -> str:
    """Another candidate of the same siblings, whose proof lists two things, with the engine's reasons; its name."""
    engine = DirectoryRegistry.engine(library)
    first = engine.candidate("c-0000aaaa")
    proposal = replace(first.spec.proposal, primitive_name="rate-limit-other")
    (parameter, *_) = proposal.parameters
    file = proposal.template.files[0].path
    explained = Explained(
        parameter.name,
        Reason("form", ("url",)),
        Reason("assigned", ("BASE_URL",)),
        (HoleUse(file, 5, "python.string.double", (), Reason("root")),),
    )
    proof = replace(
        first.spec.proof,
        acknowledge=(
            Acknowledgement(kind="word", what="limit", path=file, line=12),
            Acknowledgement(kind="shell", what="subprocess.run", path=file, line=14),
            *first.spec.proof.acknowledge,
        ),
    )
    spec = replace(
        first.spec, proposal=proposal, proof=proof.of(proposal), explained=explanations([explained]), review=None
    )
    name = "c-0000bbbb"
    engine.propose(PatternCandidate(metadata=Metadata(name=name), spec=spec))
    return name


@pytest.fixture
def dana(library: Path) -> DirectoryRegistry:
    return DirectoryRegistry(library, DANA)


@pytest.fixture
def checker(store: EvidenceStore) -> EvidenceChecker:
    return EvidenceChecker(store)


@pytest.fixture
def fde(library: Path, store: EvidenceStore, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `fde review ...` against the library, as its settings say who."""
    from fde_cli.main import run

    def go(*arguments: str, evidence: bool = True, identity: str = DANA, seen: bool = True) -> tuple[int, str, str]:
        write_settings(library, DirectorySettings(identity=identity))
        capsys.readouterr()
        more = ["--evidence", str(store.folder)] if evidence and arguments[0] in ("approve", "resubmit", "list") else []
        more += ["--acknowledge"] if seen and arguments[0] == "approve" else []
        code = run(["review", *arguments, "--registry", f"directory:{library}", *more])
        out, err = capsys.readouterr()
        return code, out, err

    return go


@pytest.fixture(autouse=True)
def quiet_structlog() -> Iterator[None]:
    """Commands configure logging for their process; here the process goes on."""
    import structlog

    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
