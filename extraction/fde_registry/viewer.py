"""Who works on a directory of manifests, and which customers that person belongs to.

``.fde/settings.yaml`` of the directory -> ``git config user.email`` there -> ``<user>@<host>``: the first that is set.
A directory takes a person's word, as git does: it records who decided, it does not prove it. Where that must be proven,
the Kubernetes registry asks the API server.
"""

from __future__ import annotations

import getpass
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml

from fde_events.errors import BadInput
from fde_registry.pseudonym import Pseudonyms

SETTINGS: Final = Path(".fde/settings.yaml")
ENGINE: Final = "system:fde:pattern-engine"
_EVERYTHING: Final = "*"


class DirectorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`.fde/settings.yaml`. `customers`: names or pseudonyms whose own patterns this person may see; ``*`` is all."""

    identity: Annotated[str, msgspec.Meta(min_length=1, max_length=253)] | None = None
    customers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Viewer:
    """An identity, and the pseudonyms of its customers; None sees everything (the engine, a library's owner)."""

    identity: str
    sources: frozenset[str] | None = frozenset()

    def sees(self, visible_to: tuple[str, ...]) -> bool:
        """Whether something visible to these pseudonyms (none: everyone) is shown to this viewer."""
        return not visible_to or self.sources is None or not self.sources.isdisjoint(visible_to)


def settings_of(directory: Path) -> DirectorySettings:
    """The directory's settings; empty ones when there is no file. :class:`BadInput` names the field that is wrong."""
    path = directory / SETTINGS
    try:
        text = path.read_text()
    except FileNotFoundError:
        return DirectorySettings()
    try:
        return msgspec.convert(yaml.safe_load(text) or {}, DirectorySettings)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInput(str(path), f"{error}; it takes `identity: NAME` and `customers: [NAME, ...]`") from error


def write_settings(directory: Path, settings: DirectorySettings) -> None:
    """Write the directory's settings file (a local file: git does not take it along)."""
    path = directory / SETTINGS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(msgspec.to_builtins(settings), sort_keys=False))


def identity_of(directory: Path) -> tuple[str, str]:
    """(identity, where it comes from) for work on `directory`."""
    settings = settings_of(directory)
    if settings.identity:
        return settings.identity, str(SETTINGS)
    if email := _git_email(directory):
        return email, "git config user.email"
    return f"{getpass.getuser()}@{socket.gethostname()}", "the operating system's user"


def viewer_of(directory: Path, pseudonyms: Pseudonyms) -> Viewer:
    """The viewer that the directory's settings describe."""
    customers = settings_of(directory).customers
    everything = _EVERYTHING in customers
    return Viewer(identity_of(directory)[0], None if everything else frozenset(pseudonyms.all_of(customers)))


def _git_email(directory: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), "config", "user.email"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or one that hangs: the next source answers
        return None
    return done.stdout.strip() or None
