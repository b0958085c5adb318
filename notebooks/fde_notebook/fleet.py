"""A fleet in a directory: logs to received batches, by the sidecar's code; solutions as `fde submit` would hand them in.

    fleet/<customer>/<deployment>/app.log                 parse -> redact -> ReceivedBatch
    solutions/<family>/<n>/{solution.yaml, error.log, the files}    error sample -> signatures -> Submitted

A log may date its lines without a year, or not at all; such lines are read as of the newest dated event of the fleet, as a
sidecar would have read them then. Without any date in the fleet they stay in 1970.

Nothing unredacted goes beyond this module. Pseudonyms are under a fresh key a customer: equal values of one customer are
equal inside one `Fleet` and tell nothing outside of it. No sampling: every event is there with its own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import yaml

from fde_events.challenge import Challenge
from fde_events.errors import BadInput, Refused
from fde_events.event import Event, EventBatch
from fde_events.record import ReceivedBatch
from fde_events.solution import Reuse
from fde_events.topics import check_customer
from fde_sidecar.parse import parse_lines
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.ratelimit import rate_limit_of
from fde_sidecar.redact import Redactor
from fde_streams.signature import signature_of

if TYPE_CHECKING:
    from fde_extraction.solutions import Submitted

NO_DATE: Final = "1970-01-01T00:00:00Z"
_DATED: Final = "1971"  # what a log dates itself is later than this; a year counted back from NO_DATE is not


class SolutionNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`solution.yaml`: whose solution it is, what may be done with it, and which files beside it belong to it."""

    customer: str
    deployment: str
    author: str
    paths: tuple[str, ...]
    reuse: Reuse = "forbidden"


def shipped() -> Path:
    """The directory of the fleet that comes with the program (package data of fde_cli)."""
    place = Path(str(files("fde_cli") / "sample"))
    if not place.is_dir():
        raise Refused(f"The sample fleet is not at {place}: the package is not installed as files on disk.")
    return place


@dataclass(slots=True)
class Fleet:
    """One directory. A log is read whenever `batches` is asked for; keys are kept."""

    directory: Path
    _redactors: dict[str, Redactor] = field(default_factory=dict)

    def batches(self) -> Iterator[ReceivedBatch]:
        """One batch a deployment, named ``customer-<customer>/<deployment>``, in name order; those without events too."""
        logs = sorted(self.directory.glob("fleet/*/*/app.log"))
        if not logs:
            raise BadInput(str(self.directory), "holds no fleet/<customer>/<deployment>/app.log")
        read = {path: list(_events(path, NO_DATE)) for path in logs}
        newest = max((time for found in read.values() for time in _times(found) if time > _DATED), default=NO_DATE)
        for path, found in read.items():
            customer, name = check_customer(path.parent.parent.name), path.parent.name
            redactor = self._redactor(customer)
            dated = found if all(time > _DATED for time in _times(found)) else _events(path, newest)
            events = tuple(redactor.event(event) for raw in dated for event in raw)
            batch = EventBatch(deployment=f"customer-{customer}/{name}", events=events, redaction=redactor.label)
            yield ReceivedBatch(customer, name, 0, batch)

    def challenges(self) -> Sequence[Challenge] | None:
        """None: a directory holds none; they are what the fold makes of the batches."""
        return None

    def solutions(self) -> list[Submitted]:
        """Every solution, as extraction would receive it; those that may not be reused carry digests only."""
        return [self._solution(path) for path in sorted(self.directory.glob("solutions/*/*/solution.yaml"))]

    def _redactor(self, customer: str) -> Redactor:
        return self._redactors.setdefault(customer, Redactor(fresh_key()))

    def _solution(self, path: Path) -> Submitted:
        from fde_extraction.repository import Tracked
        from fde_extraction.secrets import replace
        from fde_extraction.solutions import is_inside, received
        from fde_extraction.submission import prepare

        note = _note(path)
        if outside := [name for name in note.paths if not is_inside(name)]:
            raise BadInput(str(path), f"path {outside[0]!r} leaves the solution's folder")
        customer = check_customer(note.customer)
        sample = [self._redactor(customer).event(raw[0]) for raw in _events(path.parent / "error.log", NO_DATE)]
        if not sample:
            raise BadInput(str(path.parent / "error.log"), "holds no error event, so the solution answers nothing")
        submission = prepare(
            [Tracked(name, _bytes(path.parent / name)) for name in note.paths],
            customer=customer,
            deployment=note.deployment,
            author=note.author,
            time=max(event.time for event in sample),
            replace=replace,
            reuse=note.reuse,
            signatures=[signature_of(event).digest for event in sample],
        )
        return received(submission.topic, submission.value)


def _times(found: Iterable[tuple[Event, ...]]) -> Iterator[str]:
    return (event.time for derived in found for event in derived)


def _events(path: Path, now: str) -> Iterator[tuple[Event, ...]]:
    """Each error as it was printed, and the quota it tells of if it does: what the sidecar derives before it redacts."""
    try:
        with path.open("rb") as lines:
            for parsed in parse_lines(lines, default_time=now, log_file=path.name):
                limit = rate_limit_of(parsed.event)
                yield (parsed.event,) if limit is None else (parsed.event, limit)
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from error


def _note(path: Path) -> SolutionNote:
    try:
        return msgspec.convert(yaml.safe_load(_bytes(path)), SolutionNote)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInput(str(path), f"{error}; it takes customer, deployment, author, reuse, paths") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from error
