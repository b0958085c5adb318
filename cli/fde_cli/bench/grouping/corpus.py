"""Labelled errors: what was printed, at which deployment, and which challenge it was."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from fde_events.errors import BadInput
from fde_events.event import ErrorEvent

SHIPPED: Final = Path(__file__).parents[1] / "fleets"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One error and its truth. `version` tells apart versions of one library, "" where the corpus has one only."""

    event: ErrorEvent
    deployment: str
    challenge: str
    version: str


def corpora(directory: Path | None = None) -> dict[str, list[Labelled]]:
    """The errors of each corpus, by name. `directory`: one with `events.jsonl` and `labels.jsonl`; the shipped ones by default.

    Retries that succeeded and benign records are left out. :class:`BadInput` names file and line of what is no event.
    """
    if directory is None:
        return {path.name.split(".")[0]: list(_shipped(path)) for path in sorted(SHIPPED.glob("*.jsonl.gz"))}
    return {directory.name: list(_pair(directory))}


def _shipped(path: Path) -> Iterator[Labelled]:
    with gzip.open(path, "rb") as lines:
        for line in lines:
            fields = msgspec.json.decode(line)
            if fields["role"] == "error":
                yield _labelled(fields["event"], fields["challenge"], fields.get("set") or "")


def _pair(directory: Path) -> Iterator[Labelled]:
    events, labels = directory / "events.jsonl", directory / "labels.jsonl"
    try:
        truth = {one["id"]: one for one in map(msgspec.json.decode, labels.read_bytes().splitlines())}
        lines = events.read_bytes().splitlines()
    except OSError as error:
        raise BadInput(str(directory), f"{error.filename} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise BadInput(str(labels), f"a line is no label with an id: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            fields = msgspec.json.decode(line)
            label = truth[fields["id"]]
            if label.get("role", "error") == "error":
                yield _labelled(fields, label["challenge"], label.get("libset") or "")
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
            raise BadInput(str(events), f"no labelled event: {error}", line=number) from error


def _labelled(fields: dict[str, Any], challenge: str, version: str) -> Labelled:
    kept = {key: value for key, value in fields.items() if value is not None}
    event = msgspec.convert({"time": "", **kept, "type": "error"}, ErrorEvent)
    return Labelled(event, fields["deployment"], challenge, version)
