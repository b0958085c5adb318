"""The disk as the spool uses it: each method is one system call, or the one that undoes it.

A seam of its own so that every one of them can be made to fail, or be the last one, in a test.
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """The real one. Every method may raise OSError."""

    def open(self, path: Path) -> int:
        """A descriptor to append to `path` with; it is created where it is missing."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Append; how many of the bytes were taken."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """What was written is on the disk. After an error it may be gone: the kernel forgets what it could not write."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut off what stands beyond `size`."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Let go."""
        os.close(descriptor)

    def write_new(self, path: Path, data: bytes) -> None:
        """A small file with `data`, not synced: whoever reads it must cope with less."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Take the other's place."""
        old.replace(new)

    def unlink(self, path: Path) -> None:
        """Remove; fine when it is gone."""
        path.unlink(missing_ok=True)

    def sync_directory(self, directory: Path) -> None:
        """Names that were made or removed are on the disk."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def put(disk: Disk, descriptor: int, data: bytes) -> None:
    """Append all of it. OSError when not everything was taken; how much was is not told."""
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(descriptor, rest) :]
