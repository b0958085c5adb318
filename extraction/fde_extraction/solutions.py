"""A submitted solution as extraction sees it: its customer, and its files when its reuse right lets them be opened.

record of fde.<customer>.solutions -> received() -> Submitted -> open_files() -> SourceFile
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import msgspec

from fde_events.errors import BadInput, InvalidEvent, Refused
from fde_events.solution import Solution, SolutionFile
from fde_events.topics import customer_of

_decode: Final = msgspec.json.Decoder(Solution).decode


@dataclass(frozen=True, slots=True)
class Submitted:
    """A solution and the customer its topic says it belongs to."""

    customer: str
    solution: Solution

    @property
    def key(self) -> tuple[str, str]:
        """(customer, solution id): nobody overwrites another customer's solution, whatever id is claimed."""
        return self.customer, self.solution.id


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One opened file of one deployment. `digest`: ``sha256:<hex>`` of `data`. `time`: RFC 3339, when it was submitted."""

    customer: str
    deployment: str
    solution: str
    author: str
    time: str
    path: str
    language: str
    digest: str
    data: bytes

    @property
    def place(self) -> tuple[str, str, str]:
        """What stays the same when the deployment submits again: (customer, deployment, path)."""
        return self.customer, self.deployment, self.path


def received(topic: str, value: bytes | None) -> Submitted:
    """The solution in a record. Raises :class:`InvalidEvent`, naming what is wrong."""
    customer = customer_of(topic)
    if value is None:
        raise InvalidEvent(topic, "the record has no value")
    try:
        solution = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(topic, f"the value is not a solution: {error}") from error
    if not solution.id or not solution.files:
        raise InvalidEvent(topic, "a solution has an id and at least one file")
    for file in solution.files:
        if not is_inside(file.path):
            raise InvalidEvent(topic, "a file's path leaves the repository")
    return Submitted(customer, solution)


def is_inside(path: str) -> bool:
    """Whether a path is relative and stays below where it starts."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def digest(data: bytes) -> str:
    """``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def solution_id(deployment: str, challenge: str | None, signatures: Sequence[str], digests: Sequence[str]) -> str:
    """128 bits hex over what makes a solution the same one: submitting twice is one solution."""
    same = [deployment, challenge or "", sorted(signatures), sorted(digests)]
    return hashlib.sha256(msgspec.json.encode(same)).hexdigest()[:32]


def open_files(submitted: Submitted) -> tuple[list[SourceFile], list[BadInput]]:
    """The files of a solution that may be reused, and what is wrong with those that cannot be read.

    Raises :class:`Refused` for a forbidden one: it is counted, never opened, even if its record carries content.
    """
    solution = submitted.solution
    if solution.reuse == "forbidden":
        raise Refused(f"solution {solution.id} may not be reused: it is counted, never opened.")
    opened: list[SourceFile] = []
    wrong: list[BadInput] = []
    for file in solution.files:
        try:
            data = _content(file)
        except BadInput as error:
            wrong.append(error)
            continue
        opened.append(
            SourceFile(
                submitted.customer,
                solution.deployment,
                solution.id,
                solution.author,
                solution.time,
                file.path,
                file.language,
                file.digest,
                data,
            )
        )
    return opened, wrong


def _content(file: SolutionFile) -> bytes:
    try:
        data = base64.b64decode(file.content, validate=True)
    except binascii.Error as error:
        raise BadInput(file.path, f"its content is not base64: {error}") from error
    if digest(data) != file.digest:
        raise BadInput(file.path, "its content does not have the digest it was submitted under")
    return data
