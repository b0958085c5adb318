"""Anchors: heads of chains kept outside Kafka, so that a tail that is cut or written anew is seen.

ConfigMapAnchors: the last 64 a chain in a ConfigMap of fde-system · FileAnchors: all of them, appended to a file
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from fde_events.chain import Anchor, canonical
from fde_events.errors import BadInput, Unavailable
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Conflicting
from fde_operator.key import Key

CONFIG_MAP: Final = Key("ConfigMap", "fde-system", "fde-audit-anchor")
KEPT: Final = 64
_TRIES: Final = 5
_KEPT_METADATA: Final = ("name", "namespace", "resourceVersion", "labels", "annotations")  # helm's, among them


class ConfigMapAnchors:
    """One entry ``<chain>.jsonl`` a chain, oldest first. `fde operator install` makes the ConfigMap empty.

    Policy audit-anchor.fde.io keeps everybody from taking the newest anchor away.
    """

    def __init__(self, cluster: Cluster, at: Key = CONFIG_MAP) -> None:
        self._cluster, self._at = cluster, at

    async def keep(self, anchor: Anchor) -> None:
        """Add `anchor`. Raises FdeError when the ConfigMap cannot be written."""
        for _ in range(_TRIES):
            held = await self._held()
            data = dict(held.get("data") or {})
            entry = f"{anchor.chain}.jsonl"
            lines = [*data.get(entry, "").splitlines(), canonical(anchor).decode()]
            data[entry] = "\n".join(lines[-KEPT:]) + "\n"
            metadata = {name: held["metadata"][name] for name in _KEPT_METADATA if name in held["metadata"]}
            try:
                await self._cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
            except Conflicting:  # another chain's writer
                continue
            return
        raise Unavailable(f"{self._at} changes faster than an anchor can be added to it.")

    async def read(self) -> list[Anchor]:
        """All anchors that are kept."""
        data = (await self._held()).get("data") or {}
        return [one for entry in sorted(data) for one in anchors_of(data[entry].splitlines(), f"{self._at} {entry}")]

    async def _held(self) -> Manifest:
        held = await self._cluster.get(self._at)
        if held is None:
            raise Unavailable(f"There is no {self._at}; `fde operator install` makes it.")
        return held


class FileAnchors:
    """Appended to one file, synced: best on a disk that only takes additions."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def keep(self, anchor: Anchor) -> None:
        """Add `anchor`. Raises :class:`Unavailable` when the file cannot be written."""
        try:
            with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), "wb") as file:
                file.write(canonical(anchor) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"The anchor file {self._path} cannot be written: {error.strerror or error}.") from error


def read_file(path: Path) -> list[Anchor]:
    """The anchors in a file, one a line. Raises :class:`BadInput`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return anchors_of(lines, str(path))


def anchors_of(lines: Iterable[str], where: str) -> list[Anchor]:
    """The anchors in `lines`. :class:`BadInput` names the one that is none."""
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=Anchor))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadInput(where, "is no anchor of an audit chain", line=number) from error
    return found
