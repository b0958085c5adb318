"""What one run of the loop found, and the counts that prove that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fde_api.candidate import PatternCandidate
from fde_events.challenge import Challenge
from fde_extraction.status import JoinStatus
from fde_streams.book import DeploymentAccount


@dataclass(frozen=True, slots=True)
class Findings:
    """Counts of events are of different stages: `read` by sidecars, `received` by ingest, `folded` by the fold."""

    deployments: int
    customers: int
    lines: int
    read: int
    received: int
    folded: int
    signatures: int
    groups: int
    challenges: Sequence[Challenge]
    accounts: Sequence[DeploymentAccount]
    solutions: int
    statuses: Sequence[JoinStatus]
    candidates: Sequence[PatternCandidate]

    @property
    def lost(self) -> int:
        """Events that a sidecar published and the fold does not hold."""
        return self.read - self.folded

    @property
    def whole(self) -> bool:
        """Every epoch closed, every sequence received, every event folded."""
        return self.lost == 0 and all(account.verdict == "whole" for account in self.accounts)


def as_record(found: Findings) -> dict[str, Any]:
    """The findings for programs."""
    return {
        "deployments": found.deployments,
        "customers": found.customers,
        "lines": found.lines,
        "events": {"published": found.read, "received": found.received, "folded": found.folded, "lost": found.lost},
        "whole": found.whole,
        "signatures": found.signatures,
        "groups": found.groups,
        "challenges": [
            {"id": c.id, "title": c.title, "deployments": c.deployments, "customers": c.customers, "events": c.events}
            for c in found.challenges
        ],
        "solutions": found.solutions,
        "forbidden": sum(status.forbidden for status in found.statuses),
        "statuses": [msgspec.to_builtins(status) for status in found.statuses],
        "candidates": [
            {
                "name": c.metadata.name,
                "primitive": c.spec.proposal.object_name,
                "challenge": c.spec.signal.challenge,
                "proof": c.spec.proof.line() if c.spec.proof else None,
                "parameters": [p.name for p in c.spec.proposal.parameters],
                "visibleTo": list(c.spec.proposal.provenance.visible_to),
            }
            for c in found.candidates
        ],
    }


def lines(found: Findings, *, library: str) -> list[str]:
    """The findings as people read them."""
    records = sum(account.received for account in found.accounts)
    twice = sum(account.duplicates for account in found.accounts)
    gaps = sum(end - start + 1 for a in found.accounts for spans in a.gaps.values() for start, end in spans)
    verdicts = sorted({account.verdict for account in found.accounts})
    told = [
        "",
        f"read        {found.lines} log lines of {found.deployments} deployments ({found.customers} customers): "
        f"{found.read} events",
        f"grouped     {found.signatures} signatures, {found.groups} groups",
        f"raised      {len(found.challenges)} challenges (3 deployments or more)",
        f"solutions   {found.solutions} handed in, "
        f"{sum(s.forbidden for s in found.statuses)} of them not to be reused and never opened",
        f"proposed    {len(found.candidates)} candidates",
        "",
        f"proof       {found.read} events published = {found.received} received = {found.folded} folded: "
        f"{'nothing lost' if found.lost == 0 else f'{found.lost} NOT ACCOUNTED FOR'}; "
        f"{records} records, {gaps} missing, {twice} delivered twice, ledger {'/'.join(verdicts) or 'empty'}",
        "",
        "candidates",
    ]
    for candidate in found.candidates:
        told += _candidate(candidate)
    held = [status for status in found.statuses if status.held_back or status.skipped]
    if held:
        told += ["", "held back"]
        told += [f"  {s.challenge}  {s.title}: {why}" for s in held for why in (*s.held_back, *s.skipped)]
    open_ones = [c for c in found.candidates if c.spec.review is None]
    if open_ones:
        name = next((c for c in open_ones if c.spec.proposal.parameters), open_ones[0]).metadata.name
        where = f"--registry directory:{library}"
        told += [
            "",
            "approve     as a person who is not a contributor, for example:",
            f"  fde review show {name} {where}",
            f"  fde review approve {name} {where} --library-only --acknowledge --reason 'read the template and the values'",
            f"which writes the DeploymentPrimitive manifest into {library}/primitives/",
        ]
    return told


def _candidate(candidate: PatternCandidate) -> list[str]:
    spec = candidate.spec
    proof = spec.proof.line() if spec.proof else "no proof"
    seen = f"{_counted(spec.signal.deployments, 'deployment')}, {_counted(spec.signal.customers, 'customer')}"
    languages = "/".join(sorted({file.language for file in spec.proposal.template.files}))
    whose = " (for its own customers alone)" if spec.proposal.provenance.visible_to else ""
    parameters = ", ".join(f"{p.name}: {p.type}" for p in spec.proposal.parameters)
    return [
        f"  {candidate.metadata.name}  {spec.proposal.object_name}  {languages}  {proof}{whose}",
        f"      {spec.signal.title} ({seen})",
        f"      {_counted(len(spec.proposal.parameters), 'parameter')}: {parameters}",
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
