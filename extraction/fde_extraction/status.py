"""How far each challenge has come on its way to a candidate, as people read it: `status.jsonl`, one line a challenge."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from fde_events.errors import BadInput, Unavailable

State = Literal["AwaitingSolutions", "Proposed", "HeldBack", "Ignored"]


class CandidateStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One candidate of a challenge as the worker last left it. `proof`: ``5/5 byte-exact, 0 leaks``."""

    name: str
    state: str
    language: str
    primitive: str
    proof: str


class JoinStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One challenge. `solutions`: deployments that handed one in, `forbidden` of them may not be opened.

    `held_back` and `skipped` are sentences: why a group was not proposed, which file takes no part and why (with its line).
    `relieved`: of which versions the effect alone says that they are solutions, with the evidence. A customer stands in them
    as a pseudonym.
    """

    challenge: str
    title: str
    state: State
    solutions: int
    needed: int
    forbidden: int = 0
    candidates: tuple[CandidateStatus, ...] = ()
    held_back: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    relieved: tuple[str, ...] = ()

    def line(self) -> str:
        """``AwaitingSolutions 2/3``, ``Proposed c-4be1d2aa``, ``HeldBack: <why>``."""
        if self.state == "AwaitingSolutions":
            return f"AwaitingSolutions {self.solutions}/{self.needed}"
        if self.state == "Proposed":
            return "Proposed " + ", ".join(candidate.name for candidate in self.candidates)
        if self.state == "Ignored":
            return "Ignored, because a person said so"
        return "HeldBack: " + "; ".join(self.held_back)


def write(path: Path, statuses: Sequence[JoinStatus]) -> None:
    """Replace the file in one step. :class:`Unavailable` when the disk says no."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"".join(msgspec.json.encode(status) + b"\n" for status in statuses))
        temporary.replace(path)
    except OSError as error:
        raise Unavailable(f"{path} was not written: {error.strerror or error}.") from error


def read(path: Path) -> list[JoinStatus]:
    """The statuses in a file; none when there is no file yet. :class:`BadInput` names the line that is wrong."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(msgspec.json.decode(line, type=JoinStatus))
        except msgspec.DecodeError as error:
            raise BadInput(str(path), f"not a status: {error}", line=number) from error
    return found
