"""From an error to its challenge, to the primitives that answer it, and to the people to ask.

signatures of a traceback -> challenges that hold one -> primitives published for them -> contributors and approvers
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fde_api.candidate import PatternCandidate
from fde_api.primitive import DeploymentPrimitive
from fde_events.challenge import Challenge
from fde_events.errors import BadInput


@dataclass(frozen=True, slots=True)
class Answer:
    """One challenge the error belongs to. `ask`: who contributed or approved, those of the newest primitive first."""

    challenge: Challenge
    primitives: tuple[DeploymentPrimitive, ...]
    candidates: tuple[PatternCandidate, ...]
    ask: tuple[str, ...]


def answers(
    signatures: Iterable[str],
    challenges: Iterable[Challenge],
    primitives: Sequence[DeploymentPrimitive],
    candidates: Sequence[PatternCandidate] = (),
) -> list[Answer]:
    """What is known about these signatures, the challenge seen in most deployments first."""
    wanted = set(signatures)
    found = []
    for challenge in sorted(challenges, key=lambda c: (-c.deployments, c.id)):
        if wanted.isdisjoint(challenge.signatures):
            continue
        ids = {challenge.id, *challenge.redirects}  # what answered a challenge that was merged answers this one
        published = [p for p in primitives if p.spec.provenance.challenge in ids]
        published.sort(key=lambda p: (p.spec.provenance.published_at, p.metadata.name), reverse=True)
        open_ones = [c for c in candidates if c.spec.signal.challenge in ids and c.spec.review is None]
        people = [name for p in published for name in (*p.spec.provenance.contributors, p.spec.provenance.approved_by)]
        people += [name for candidate in open_ones for name in candidate.spec.contributors]
        ask = tuple(dict.fromkeys(name for name in people if name))
        found.append(Answer(challenge, tuple(published), tuple(open_ones), ask))
    return found


def read_challenges(path: Path) -> list[Challenge]:
    """Exported challenges, one JSON object a line, the last one of an id counts. :class:`BadInput` names the line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
    found: dict[str, Challenge] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            challenge = msgspec.json.decode(line, type=Challenge)
        except msgspec.DecodeError as error:
            raise BadInput(str(path), f"not a challenge: {error}", line=number) from error
        found[challenge.id] = challenge
    return list(found.values())
