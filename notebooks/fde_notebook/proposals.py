"""Candidates without a running loop: challenges and solutions meet at the worker's own desk, in a directory that is gone after.

The candidates are the ones the worker would propose; nobody can decide on them, they are in no registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from fde_api.candidate import PatternCandidate
from fde_events.challenge import Challenge
from fde_extraction.assignment import Assignments
from fde_extraction.desk import Desk
from fde_extraction.engine import AbstractionEngine
from fde_extraction.evidence import EvidenceStore
from fde_extraction.solutions import Submitted
from fde_registry.directory import DirectoryRegistry


def propose(challenges: Iterable[Challenge], solutions: Iterable[Submitted]) -> Sequence[PatternCandidate]:
    """What the extraction worker would propose, by name. Sibling source is on disk (mode 0700) while this runs."""
    with TemporaryDirectory(prefix="fde-notebook-") as folder:
        registry = DirectoryRegistry.engine(Path(folder) / "library")
        evidence = EvidenceStore(Path(folder) / "evidence")
        desk = Desk(registry, evidence, AbstractionEngine(), registry.pseudonyms, Assignments(), _now)
        for challenge in challenges:
            desk.take_challenge(challenge)
        for solution in solutions:
            desk.take_solution(solution)
        desk.work()
        return registry.candidates()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
