"""Hands in solutions that lie in folders, each with the error sample it answers: the demo's engineers.

The same preparation as `fde submit`, without a git repository: secrets are replaced at the source, and a solution without
a right of reuse travels as digests only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml
from confluent_kafka import Producer

from fde_events.errors import BadInput, Unavailable
from fde_events.kafka import producer_settings
from fde_events.solution import Reuse
from fde_extraction.repository import Tracked
from fde_extraction.secrets import replace
from fde_extraction.submission import Submission, prepare


class Handed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``solution.yaml``: whose it is, who wrote it, what may be done with it, which files of the folder it is."""

    customer: str
    deployment: str
    author: str
    reuse: Reuse
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """One solution's folder: ``solution.yaml``, ``error.log``, the files."""

    path: Path
    handed: Handed


def folders(directory: Path) -> list[Folder]:
    """Every solution below `directory`, by path. :class:`BadInput` names the file that is wrong."""
    found = []
    for manifest in sorted(directory.glob("**/solution.yaml")):
        try:
            found.append(Folder(manifest.parent, msgspec.convert(yaml.safe_load(manifest.read_text("utf-8")), Handed)))
        except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise BadInput(str(manifest), str(error)) from error
    return found


def submissions(found: list[Folder]) -> Iterator[Submission]:
    """Each folder as the record that leaves."""
    from fde_sidecar.parse import parse_text
    from fde_streams.signature import signature_of

    for folder in found:
        sample = (folder.path / "error.log").read_text("utf-8", "replace")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        events = parse_text(sample, default_time=now)
        if not events:
            raise BadInput(str(folder.path / "error.log"), "no error found in it")
        files = [Tracked(path=name, data=(folder.path / name).read_bytes()) for name in folder.handed.paths]
        yield prepare(
            files,
            customer=folder.handed.customer,
            deployment=folder.handed.deployment,
            author=folder.handed.author,
            time=now,
            replace=replace,
            reuse=folder.handed.reuse,
            signatures=[signature_of(event).digest for event in events],
        )


def hand_in(brokers: str, found: list[Folder]) -> list[Submission]:
    """Publish every solution; returns what left. :class:`Unavailable` when the broker did not acknowledge them all."""
    producer = Producer(producer_settings(brokers))
    failed: list[str] = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failed.append(error.str())

    sent = []
    for submission in submissions(found):
        producer.produce(submission.topic, submission.value, key=submission.key, on_delivery=delivered)
        sent.append(submission)
    if producer.flush(30) or failed:
        raise Unavailable(f"Kafka at {brokers} did not take all solutions: {failed[0] if failed else 'no answer'}.")
    return sent
