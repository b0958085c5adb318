"""The evidence store: siblings and bindings, which never enter a resource. Extraction's own directory, mode 0700.

A candidate names its evidence by digest. Whoever reads it is noted first: a read that cannot be noted does not happen.

    <digest>.json      one piece of evidence        audit.jsonl      every read
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from fde_api.meta import canonical, digest_of
from fde_events.audit import Audit
from fde_events.errors import BadInput, Refused, Unavailable
from fde_extraction.explanation import Explained
from fde_extraction.solutions import SourceFile

_DIGEST_LENGTH: Final = len("sha256:") + 64


class FileEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One file as submitted, under `path`. `content` is base64 on the wire; `template`: its path in the template."""

    template: str
    path: str
    language: str
    digest: str
    content: bytes


class SiblingEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One sibling: a deployment's files, in the order of the template's. `name` is its key in the bindings."""

    name: str
    customer: str
    deployment: str
    solution: str
    author: str
    files: tuple[FileEvidence, ...]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, tag="evidence.v2"):
    """What a proposal was made from. `bindings`: sibling name -> parameter -> value. `explained`: the engine's reasons."""

    challenge: str
    language: str
    siblings: tuple[SiblingEvidence, ...]
    bindings: dict[str, dict[str, Any]]
    explained: tuple[Explained, ...] = ()

    @property
    def digest(self) -> str:
        """``sha256:<hex>``: the key it is kept under."""
        return digest_of(self)

    @property
    def customers(self) -> tuple[str, ...]:
        """Distinct, sorted."""
        return tuple(sorted({sibling.customer for sibling in self.siblings}))


def evidence_of(
    challenge: str,
    language: str,
    files: Mapping[str, Mapping[str, SourceFile]],
    bindings: Mapping[str, Mapping[str, Any]],
    *,
    explained: Sequence[Explained] = (),
) -> Evidence:
    """The evidence for siblings by name, each with its files by their path in the template."""
    siblings = []
    for name, own in sorted(files.items()):
        first = next(iter(own.values()))
        siblings.append(
            SiblingEvidence(
                name=name,
                customer=first.customer,
                deployment=first.deployment,
                solution=first.solution,
                author=first.author,
                files=tuple(
                    FileEvidence(
                        template=path, path=file.path, language=file.language, digest=file.digest, content=file.data
                    )
                    for path, file in own.items()
                ),
            )
        )
    return Evidence(
        challenge=challenge,
        language=language,
        siblings=tuple(siblings),
        bindings={name: dict(values) for name, values in sorted(bindings.items())},
        explained=tuple(explained),
    )


class EvidenceStore:
    """Evidence by digest. `publish` gets every audit record too (the worker sends it to `fde-engine.audit`)."""

    def __init__(self, folder: Path, *, publish: Callable[[Audit], None] | None = None) -> None:
        self.folder, self._publish = folder, publish
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        except OSError as error:
            raise Unavailable(f"The evidence directory {folder} cannot be used: {error.strerror or error}.") from error

    def put(self, evidence: Evidence) -> str:
        """Keep it; returns its digest. Idempotent."""
        digest = evidence.digest
        path = self._path(digest)
        if not path.exists():
            self._write(path, canonical(evidence))
        return digest

    def has(self, digest: str) -> bool:
        """Whether it is here. Not a read: says nothing about its content."""
        return self._path(digest).exists()

    def read(self, digest: str, *, who: str, why: str) -> Evidence:
        """The evidence, after the read was noted. :class:`Refused` when it is not here, :class:`Unavailable` unnoted."""
        path = self._path(digest)
        if not path.exists():
            raise Refused(f"evidence {digest} is not in {self.folder}.")
        record = Audit(at=_now(), who=who, what="evidence.read", of=digest, why=why)
        self._note(record)
        if self._publish is not None:
            self._publish(record)
        try:
            evidence = msgspec.json.decode(path.read_bytes(), type=Evidence)
        except msgspec.DecodeError as error:
            raise BadInput(str(path), f"not evidence: {error}") from error
        if evidence.digest != digest:
            raise BadInput(str(path), "its content does not have the digest it is kept under")
        return evidence

    def erase(self, customer: str, *, who: str, why: str) -> list[str]:
        """Take away every piece of evidence that holds a sibling of `customer`; the digests. Noted first, as a read is.

        Evidence is kept under its digest, so a piece without one sibling would be another one: extraction makes that anew
        from the solutions that are left.
        """
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                evidence = msgspec.json.decode(path.read_bytes(), type=Evidence)
            except (OSError, msgspec.DecodeError) as error:
                raise BadInput(str(path), f"not evidence, so nobody knows whose it is: {error}; remove it") from error
            if customer in evidence.customers:
                digest = f"sha256:{path.stem}"
                self._note(Audit(at=_now(), who=who, what="evidence.erase", of=digest, why=why))
                path.unlink()
                found.append(digest)
        return found

    def audits(self) -> Sequence[Audit]:
        """Every read so far, oldest first."""
        try:
            lines = (self.folder / "audit.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Audit) for line in lines]

    def _path(self, digest: str) -> Path:
        kind, _, number = digest.partition(":")
        if len(digest) != _DIGEST_LENGTH or kind != "sha256" or not number.isalnum():
            raise Refused(f"{digest[:80]!r} is not a digest.")
        return self.folder / f"{number}.json"

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise Unavailable(f"{path} was not written: {error.strerror or error}.") from error

    def _note(self, record: Audit) -> None:
        try:
            handle = os.open(self.folder / "audit.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(msgspec.json.encode(record) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(
                f"The read could not be noted, so it did not happen: {error.strerror or error}."
            ) from error


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
