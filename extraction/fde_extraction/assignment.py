"""Which group is which candidate and which primitive: remembered, so that one more sibling renames nothing.

A name is minted from the group's earliest file; a group that later shares a file's place with a known one keeps its names.
The memory is a file in extraction's own directory; without it the names are minted again, and come out the same unless
solutions had arrived in another order than they were submitted.
"""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

import msgspec

from fde_events.challenge import Challenge
from fde_events.errors import BadInput, Unavailable
from fde_extraction.join import Group
from fde_extraction.proposal import candidate_name, primitive_name


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`owner`: the pool's customer as a pseudonym, empty for the common pool. `places`: (customer, deployment, path)."""

    challenge: str
    language: str
    owner: str
    candidate: str
    primitive: str
    places: tuple[tuple[str, str, str], ...]


class Assignments:
    """All of them. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Assignment] = {}
        if path is not None and path.exists():
            try:
                found = msgspec.json.decode(path.read_bytes(), type=list[Assignment])
            except msgspec.DecodeError as error:
                raise BadInput(str(path), f"not a list of assignments: {error}; remove it to start anew") from error
            self._known = {assignment.candidate: assignment for assignment in found}

    def of(
        self,
        challenge: Challenge,
        group: Group,
        owner: str,
        *,
        taken: Set[str] = frozenset(),
        foreign: Set[str] = frozenset(),
    ) -> Assignment:
        """The group's names: those of the known group it shares most places with, or new ones.

        `taken`: candidates that other groups of the same look have already. `foreign`: primitive names that are published
        for another challenge.
        """
        places = frozenset(file.place for file in group.files)
        ids = {challenge.id, *challenge.redirects}  # what was known of a challenge that was merged is known of this one
        same = [
            (len(places.intersection(known.places)), name)
            for name, known in self._known.items()
            if known.challenge in ids and known.owner == owner and name not in taken
        ]
        shared, name = max(same, default=(0, ""), key=lambda item: (item[0], item[1]))
        if shared:
            old = self._known[name]
            assignment = msgspec.structs.replace(old, places=tuple(sorted(places.union(old.places))))
        else:
            candidate = candidate_name(group, owner)
            assignment = Assignment(
                challenge=challenge.id,
                language=group.language,
                owner=owner,
                candidate=candidate,
                primitive=self._primitive(challenge, group.language, owner, candidate, foreign),
                places=tuple(sorted(places)),
            )
        if self._known.get(assignment.candidate) != assignment:
            self._known[assignment.candidate] = assignment
            self._write()
        return assignment

    def others(self, challenge: Challenge, group: Group, mine: Assignment) -> frozenset[str]:
        """The names of other candidates of this challenge's, or of those merged into it, that share a place with the group."""
        ids = {challenge.id, *challenge.redirects}
        places = frozenset(file.place for file in group.files)
        return frozenset(
            name
            for name, known in self._known.items()
            if name != mine.candidate
            and known.challenge in ids
            and known.owner == mine.owner
            and not places.isdisjoint(known.places)
        )

    def _primitive(self, challenge: Challenge, language: str, owner: str, candidate: str, foreign: Set[str]) -> str:
        """The plain name if it is free and everyone's; otherwise with the candidate's own digits."""
        plain = primitive_name(challenge, language)
        taken = plain in foreign or any(known.primitive == plain for known in self._known.values())
        if owner or taken:
            return primitive_name(challenge, language, distinct=candidate.removeprefix("c-"))
        return plain

    def _write(self) -> None:
        if self._path is None:
            return
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(list(self._known.values())))
            temporary.replace(self._path)
        except OSError as error:
            raise Unavailable(f"{self._path} was not written: {error.strerror or error}.") from error
