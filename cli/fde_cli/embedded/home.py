"""Where the embedded loop keeps what is its own: one directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fde_cli.output import folder
from fde_registry.directory import DirectoryRegistry


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one directory. `library` is a directory registry: a git checkout of it works."""

    directory: Path

    @property
    def state(self) -> Path:
        """The fold's state log (SQLite)."""
        return self.directory / "state.sqlite"

    @property
    def spools(self) -> Path:
        """One spool a deployment; outlives the embedded broker."""
        return self.directory / "spools"

    @property
    def feeds(self) -> Path:
        """The feeds of the fleet, as manifests."""
        return self.directory / "feeds"

    @property
    def library(self) -> Path:
        """Candidates, primitives, decisions."""
        return self.directory / "library"

    @property
    def evidence(self) -> Path:
        """Extraction's own: sibling source and bindings. Never published."""
        return self.directory / "evidence"

    @property
    def logs(self) -> Path:
        """What the workers said."""
        return self.directory / "logs"

    def make(self) -> Home:
        """Create the directory, private to its owner. :class:`BadInput` when it cannot be one."""
        for path in (self.directory, self.spools, self.feeds, self.library, self.evidence, self.logs):
            folder(path, mode=0o700)
        DirectoryRegistry.make(self.library)
        return self
