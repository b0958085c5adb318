"""A git repository at the place where a solution is handed in: who, which commit, which files. The only module that runs git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from fde_events.errors import BadInput, Misuse, Unavailable

MAX_READ_BYTES: Final = 16 * 1024 * 1024  # of a working tree's file; how much of it may leave is the submission's rule
TRAILER: Final = "Fde-Challenge"
_REGULAR: Final = frozenset({"100644", "100755"})


@dataclass(frozen=True, slots=True)
class Tracked:
    """One file as it is handed in. `path` is relative to the repository's root, with ``/``."""

    path: str
    data: bytes


class Repository:
    """The repository that `start` lies in. :class:`Misuse` when there is none."""

    def __init__(self, start: Path) -> None:
        self._start = start
        self.root = start
        done = self._run("rev-parse", "--show-toplevel")
        if done.returncode != 0:
            raise Misuse(
                f"{start} is not in a git repository: a solution is handed in from one (its author and commit say whose it is)."
            )
        self.root = Path(done.stdout.decode().strip())

    def author(self) -> str:
        """`git config user.email`."""
        email = self._run("config", "user.email").stdout.decode().strip()
        if not email:
            raise Misuse(
                "git does not know who you are: run `git config user.email you@company.example`, then submit again."
            )
        return email

    def commit(self, revision: str = "HEAD") -> str:
        """The commit's id. :class:`Misuse` when there is no such revision."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode != 0:
            raise Misuse(f"{revision!r} is not a commit of {self.root}.")
        return done.stdout.decode().strip()

    def has_commits(self) -> bool:
        """Whether anything was committed yet."""
        return self._run("rev-parse", "--verify", "--quiet", "HEAD").returncode == 0

    def trailer(self, revision: str = "HEAD") -> str | None:
        """The challenge that the commit's message names in its `Fde-Challenge:` trailer."""
        if not self.has_commits():
            return None
        form = f"--format=%(trailers:key={TRAILER},valueonly,unfold)"
        values = self._run("log", "-1", form, "--end-of-options", revision).stdout.decode().split()
        return values[-1] if values else None

    def changed(self, revisions: str) -> tuple[str, list[str]]:
        """(commit, files) of a range ``A..B``, or of one commit: the files it added or changed, as they are at its end."""
        first, dots, last = revisions.partition("..")
        last = last.lstrip(".") or "HEAD"
        if dots:
            end = self.commit(last)
            start = self.commit(first or "HEAD")
            names = self._run("diff", "--name-only", "-z", "--diff-filter=d", "--no-renames", start, end)
        else:
            end = self.commit(revisions)
            names = self._run(
                "diff-tree",
                "--no-commit-id",
                "--name-only",
                "-r",
                "-z",
                "--root",
                "--diff-filter=d",
                "--no-renames",
                end,
            )
        if names.returncode != 0:
            raise Misuse(f"git does not take the range {revisions!r}: {names.stderr.decode(errors='replace').strip()}")
        return end, sorted(name for name in names.stdout.decode(errors="surrogateescape").split("\0") if name)

    def file_at(self, commit: str, path: str) -> Tracked | None:
        """The file at that commit; None for what is not a regular file (a link, a submodule) or not there."""
        listed = self._run("ls-tree", "-z", "--full-tree", commit, "--", path).stdout.decode(errors="replace")
        if not listed or listed.split(" ", 1)[0] not in _REGULAR:
            return None
        shown = self._run("cat-file", "blob", f"{commit}:{path}")
        return Tracked(path, shown.stdout) if shown.returncode == 0 else None

    def file_here(self, path: Path) -> Tracked:
        """A file of the working tree. :class:`BadInput` when it is not there, not a file, not in the repository or huge.

        :class:`Misuse` for what is git's own.
        """
        place = Path(os.path.normpath(self._start / path))
        try:
            inside = PurePosixPath(place.resolve().relative_to(self.root.resolve()).as_posix())
            if not place.is_file():
                raise BadInput(str(path), "there is no such file" if not place.exists() else "not a file")
            if ".git" in inside.parts:
                raise Misuse(f"{path} is git's own and no source file; name the files that hold the fix.")
            if (size := place.stat().st_size) > MAX_READ_BYTES:
                raise BadInput(
                    str(path), f"it has {size} bytes, {MAX_READ_BYTES} are read at most; no source file is so large"
                )
            return Tracked(str(inside), place.read_bytes())
        except ValueError as error:
            raise BadInput(str(path), f"not inside the repository {self.root}") from error
        except OSError as error:
            raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error

    def is_as_committed(self, tracked: Tracked) -> bool:
        """Whether HEAD holds exactly this file."""
        return self.has_commits() and self.file_at(self.commit(), tracked.path) == tracked

    def committer_of(self, path: str) -> str:
        """Who last committed a change of the file; empty when nobody did."""
        return self._run("log", "-1", "--format=%ce", "--", path).stdout.decode().strip()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", "-C", str(self.root), "--literal-pathspecs", *arguments],
                capture_output=True,
                timeout=60,
                check=False,
            )
        except FileNotFoundError as error:
            raise Misuse("git is not installed, or not on PATH.") from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"git did not answer within 60 s in {self.root}.") from error
