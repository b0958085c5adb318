"""The registry in a directory of manifests. A git checkout works: each resource is a file, a decision is a line.

    candidates/<name>.yaml            primitives/<primitive>.<vX.Y.Z>.yaml            decisions/decisions.jsonl
    own-customer/...                  the same three, of what some customers alone may see; git does not take it along
    .fde/                             settings, lock and pseudonym key of this checkout; git does not take it along

A library is made by the engine alone (:meth:`DirectoryRegistry.make`); whoever opens a directory that is none is told so,
and nothing is written there. A reader needs no lock (files are replaced whole); writers take turns by a lock on `.fde/lock`. What a crash left half done
(an approval that was recorded but not published) is finished by the next writer.
"""

from __future__ import annotations

import fcntl
import secrets
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace
from structlog import get_logger

from fde_api.candidate import PatternCandidate, PatternCandidateStatus, Proof, Review
from fde_api.errors import NotPublishable
from fde_api.meta import digest_of
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_api.publish import publish
from fde_events.errors import BadInput, Refused, Unavailable
from fde_registry import transition
from fde_registry.pseudonym import Pseudonyms, from_key_file
from fde_registry.shelf import Shelf, append_line
from fde_registry.viewer import ENGINE, SETTINGS, Viewer, viewer_of

NAMESPACE: Final = "fde-library"
PRIVATE: Final = "own-customer"
_LOCAL: Final = ".fde"
_KEY: Final = Path(_LOCAL, "pseudonym.key")
# `.fde` alone is no sign: a repository of source has one for its egress settings, and `fde up` keeps its home there.
_SIGNS: Final = (_KEY, SETTINGS, Path("candidates"), Path("primitives"), Path("decisions"), Path(PRIVATE))

log = get_logger(__name__)


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of decisions.jsonl."""

    candidate: str
    decision: str
    reviewer: str
    reviewed_generation: int
    proposal_digest: str
    reason: str = ""
    at: str = ""


class DirectoryRegistry:
    """A :class:`fde_registry.registry.Registry` over files.

    `identity` None: as the directory's settings, git or the operating system say (see :mod:`fde_registry.viewer`). It is an
    argument for programs that act in their own name and for tests; no command takes it from its caller.
    """

    def __init__(
        self, path: Path, identity: str | None = None, *, viewer: Viewer | None = None, lock_timeout_s: float = 10.0
    ) -> None:
        self.path = path
        self._lock_timeout_s = lock_timeout_s
        self._pseudonyms: Pseudonyms | None = None
        if not is_library(path):
            raise BadInput(
                str(path),
                "there is no library there (no candidates, primitives or settings). Check the path; a library is made by "
                "`fde worker extraction`, `fde up` or `fde demo`.",
            )
        self._viewer = viewer or viewer_of(path, self.pseudonyms)
        if identity is not None:
            self._viewer = Viewer(identity, self._viewer.sources)
        self._candidates = (Shelf(path / "candidates"), Shelf(path / PRIVATE / "candidates", private=True))
        self._primitives = (Shelf(path / "primitives"), Shelf(path / PRIVATE / "primitives", private=True))

    @staticmethod
    def make(path: Path) -> None:
        """Make a library of `path`, or leave the one that is there. :class:`Unavailable` when the disk says no."""
        try:
            _make_private(path)
            from_key_file(path / _KEY)
        except OSError as error:
            raise Unavailable(f"The library directory {path} cannot be made: {error.strerror or error}.") from error

    @classmethod
    def engine(cls, path: Path) -> DirectoryRegistry:
        """The registry as the extraction engine uses it: made if need be, in its own name, seeing everything it wrote."""
        cls.make(path)
        return cls(path, viewer=Viewer(ENGINE, None))

    @property
    def pseudonyms(self) -> Pseudonyms:
        """Under this library's key. A checkout without one has a key of this process: it recognises nobody, and is not kept."""
        if self._pseudonyms is None:
            key = self.path / _KEY
            self._pseudonyms = from_key_file(key) if key.exists() else Pseudonyms(secrets.token_bytes(32))
        return self._pseudonyms

    def whoami(self) -> str:
        """See :class:`~fde_registry.registry.Registry`."""
        return self._viewer.identity

    def candidates(self) -> Sequence[PatternCandidate]:
        """Those this viewer may see, by name."""
        found = [c for shelf in self._candidates for c in shelf.all() if isinstance(c, PatternCandidate)]
        return sorted((c for c in found if self._sees(c.spec.proposal)), key=lambda c: c.metadata.name)

    def candidate(self, name: str) -> PatternCandidate:
        """One candidate. One that is not to be seen is refused as one that is not there."""
        candidate = self._find(name)
        if candidate is None or not self._sees(candidate.spec.proposal):
            raise Refused(f"There is no candidate {name} in {self.path}. `fde review list` names those there are.")
        return candidate

    def propose(self, candidate: PatternCandidate) -> PatternCandidate:
        """Create or renew; a decided or unchanged one is returned as it is."""
        with self._lock():
            self._settle()
            current = self._find(candidate.metadata.name)
            if current is None:
                metadata = replace(
                    candidate.metadata,
                    namespace=candidate.metadata.namespace or NAMESPACE,
                    uid=str(uuid.uuid4()),
                    creation_timestamp=_now(),
                )
                spec = replace(candidate.spec, review=None)
                return self._write(None, replace(candidate, metadata=metadata, spec=spec, status=None))
            return self._write(current, transition.renewed(current, candidate))

    def edit(
        self, name: str, proposal: PrimitiveSpec, *, proof: Proof | None = None, generation: int | None = None
    ) -> PatternCandidate:
        """Replace the proposal of an undecided candidate."""
        with self._lock():
            self._settle()
            current = self.candidate(name)
            after = transition.edited(current, proposal, proof, editor=self.whoami(), generation=generation)
            return self._write(current, after)

    def decide(self, name: str, review: Review) -> PatternCandidate:
        """Record the decision; an approval is published at once."""
        with self._lock():
            self._settle()
            current = self.candidate(name)
            review = replace(review, at=review.at or _now())
            after = transition.decided(current, review, reviewer=self.whoami())
            if review.decision == "Approved":
                self._check_free(_published(after))
            self._write(current, after)
            self._settle()
            return self.candidate(name)

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        """Those this viewer may see, by object name."""
        found = [p for shelf in self._primitives for p in shelf.all() if isinstance(p, DeploymentPrimitive)]
        return sorted((p for p in found if self._sees(p.spec)), key=lambda p: p.metadata.name)

    def primitive(self, name: str, version: str) -> DeploymentPrimitive:
        """Exactly this version."""
        wanted = DeploymentPrimitive.object_name(name, version)
        for shelf in self._primitives:
            found = shelf.get(wanted)
            if isinstance(found, DeploymentPrimitive) and self._sees(found.spec):
                return found
        versions = [p.spec.version for p in self.primitives() if p.spec.primitive_name == name]
        there = f"there are {', '.join(versions)}" if versions else f"no version of {name} is published"
        raise Refused(f"There is no primitive {wanted} in {self.path}; {there}.")

    def decisions(self) -> list[Decision]:
        """Every decision on what this viewer may see, in the order they were made."""
        seen = {candidate.metadata.name for candidate in self.candidates()}
        lines = [d for private in (False, True) for d in self._decisions(private) if d.candidate in seen]
        return sorted(lines, key=lambda d: d.at)

    def _sees(self, proposal: PrimitiveSpec) -> bool:
        return self._viewer.sees(proposal.provenance.visible_to)

    def _find(self, name: str) -> PatternCandidate | None:
        for shelf in self._candidates:
            found = shelf.get(name)
            if isinstance(found, PatternCandidate):
                return found
        return None

    def _write(self, current: PatternCandidate | None, after: PatternCandidate) -> PatternCandidate:
        """Store `after`; generation counts changes of spec, as an API server does."""
        if after == current:
            return after
        metadata, status = after.metadata, after.status
        if current is None or after.spec != current.spec:
            metadata = replace(metadata, generation=(metadata.generation or 0) + 1 if current else 1)
        metadata = replace(metadata, resource_version=str(int(metadata.resource_version or 0) + 1))
        stored = replace(after, metadata=metadata, status=status)
        private = bool(stored.spec.proposal.provenance.visible_to)
        self._candidates[private].put(stored)
        self._candidates[not private].drop(metadata.name)  # it became visible to more, or to fewer
        log.info("candidate_written", candidate=metadata.name, generation=metadata.generation, private=private)
        return stored

    def _settle(self) -> None:
        """Publish what is approved and not yet published, note decisions not yet noted. Called with the lock held."""
        noted = {(d.candidate, d.at) for private in (False, True) for d in self._decisions(private)}
        for shelf in self._candidates:
            for candidate in list(shelf.all()):
                if not isinstance(candidate, PatternCandidate) or candidate.spec.review is None:
                    continue
                review = candidate.spec.review
                if review.decision == "Approved" and (candidate.status is None or not candidate.status.published_as):
                    self._publish(candidate)
                if (candidate.metadata.name, review.at) not in noted:
                    self._note(candidate, review)

    def _publish(self, candidate: PatternCandidate) -> None:
        try:
            primitive = _published(candidate)
            self._check_free(primitive)
        except Refused as refused:  # approved by hand-editing the file: it stays unpublished, the others go on
            log.warning("approval_not_published", candidate=candidate.metadata.name, why=str(refused))
            return
        self._primitives[bool(primitive.spec.provenance.visible_to)].put(primitive)
        status = PatternCandidateStatus(
            observed_generation=candidate.metadata.generation or 1, published_as=primitive.metadata.name
        )
        self._write(candidate, replace(candidate, status=status))
        log.info("primitive_published", primitive=primitive.metadata.name, candidate=candidate.metadata.name)

    def _check_free(self, primitive: DeploymentPrimitive) -> None:
        for shelf in self._primitives:
            there = shelf.get(primitive.metadata.name)
            if there is not None and there != primitive:
                raise Refused(
                    f"primitive {primitive.metadata.name} is published already with another content, and a version never "
                    "changes: give the candidate the next version (fde review checkout, resubmit)."
                )

    def _note(self, candidate: PatternCandidate, review: Review) -> None:
        private = bool(candidate.spec.proposal.provenance.visible_to)
        path = self._decisions_path(private)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = Decision(
            candidate=candidate.metadata.name,
            decision=review.decision,
            reviewer=review.reviewer,
            reviewed_generation=review.reviewed_generation,
            proposal_digest=digest_of(candidate.spec.proposal),
            reason=review.reason,
            at=review.at,
        )
        append_line(path, msgspec.json.encode(line).decode(), mode=0o600 if private else 0o644)

    def _decisions_path(self, private: bool) -> Path:
        root = self.path / PRIVATE if private else self.path
        return root / "decisions" / "decisions.jsonl"

    def _decisions(self, private: bool) -> list[Decision]:
        try:
            lines = self._decisions_path(private).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Decision))
            except msgspec.DecodeError:  # the half line of a crash: the decision is noted again from its candidate
                continue
        return found

    @contextmanager
    def _lock(self) -> Iterator[None]:
        deadline = time.monotonic() + self._lock_timeout_s
        try:
            _make_private(self.path)  # a git checkout brings neither folder along
        except OSError as error:
            raise Unavailable(f"The library {self.path} cannot be written: {error.strerror or error}.") from error
        with (self.path / _LOCAL / "lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Unavailable(f"Another process is writing to {self.path}.") from None
                    time.sleep(0.01)
            yield


def is_library(path: Path) -> bool:
    """Whether a directory holds what only a library holds. :class:`Unavailable` when it may not be looked at."""
    try:
        return any((path / sign).exists() for sign in _SIGNS)
    except OSError as error:
        raise Unavailable(f"The library directory {path} cannot be read: {error.strerror or error}.") from error


def _make_private(path: Path) -> None:
    for folder in (path / _LOCAL, path / PRIVATE):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")


def _published(candidate: PatternCandidate) -> DeploymentPrimitive:
    review = candidate.spec.review
    try:
        return publish(candidate, at=review.at if review else "")
    except NotPublishable as error:
        raise Refused(str(error)) from error


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
