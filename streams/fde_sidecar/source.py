"""Sources: the bytes of one log, in a file or in the archive it was compressed to after its rotation.

path -> open_source() -> Source.read(offset, count)
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

HEAD_BYTES: Final = 1024
MIN_HEAD_BYTES: Final = 48  # fewer first bytes do not tell one log from another
FileKey = tuple[int, int]
_CHUNK: Final = 256 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, /) -> int: ...
    def close(self) -> None: ...


_OPENERS: Final[Mapping[str, Callable[[str], _Readable]]] = {
    ".gz": lambda path: gzip.GzipFile(path, "rb"),
    ".bz2": lambda path: bz2.BZ2File(path, "rb"),
    ".xz": lambda path: lzma.LZMAFile(path, "rb"),
}
COMPRESSED: Final = (".gz", ".zst", ".bz2", ".xz", ".zip")
_BROKEN: Final = (OSError, EOFError, zlib.error, lzma.LZMAError)


class Source(Protocol):
    """One open log. `key`: device and inode of what is on the disk."""

    key: FileKey

    def state(self) -> tuple[int | None, int]:
        """Bytes there are now (None where only reading tells), and when it was written last, in nanoseconds."""
        ...

    def read(self, offset: int, count: int) -> bytes:
        """At most `count` bytes at `offset`; empty at the end."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class PlainSource:
    """A file."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self.key: FileKey = (status.st_dev, status.st_ino)

    def state(self) -> tuple[int | None, int]:
        """Of the file, whatever its name is now."""
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def read(self, offset: int, count: int) -> bytes:
        """As pread does it."""
        try:
            return os.pread(self._descriptor, count, offset)
        except OSError:  # a file system that went away: nothing new, and what was read stays read
            return b""

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class ArchiveSource:
    """A compressed log, read forwards. What cannot be decompressed ends it."""

    def __init__(self, path: str) -> None:
        status = Path(path).stat()
        self.key: FileKey = (status.st_dev, status.st_ino)
        self._modified = status.st_mtime_ns
        self._file = _OPENERS[Path(path).suffix](path)
        self._at = 0

    def state(self) -> tuple[int | None, int]:
        """No size; the archive's time, which gzip takes from the log."""
        return None, self._modified

    def read(self, offset: int, count: int) -> bytes:
        """Forwards; reading before what was read begins anew."""
        try:
            if offset < self._at:
                self._file.seek(0)
                self._at = 0
            while self._at < offset:
                skipped = len(self._file.read(min(_CHUNK, offset - self._at)))
                if not skipped:
                    return b""
                self._at += skipped
            data = self._file.read(count)
        except _BROKEN:
            return b""
        self._at += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()


def open_source(path: str) -> Source:
    """What stands at `path`, decompressed where it is an archive. OSError when it cannot be opened."""
    return ArchiveSource(path) if Path(path).suffix in _OPENERS else PlainSource(path)


def readable(path: str) -> bool:
    """Whether we can read what kind of file this is: zstd and zip are not in Python's library."""
    return not path.endswith(COMPRESSED) or Path(path).suffix in _OPENERS


def digest(data: bytes) -> str:
    """Of a log's first bytes: what it is known by."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def head_of(path: str, size: int) -> str | None:
    """The digest of the first `size` bytes; None when they cannot be read or are fewer."""
    try:
        source = open_source(path)
    except OSError:
        return None
    try:
        data = source.read(0, size)
    finally:
        source.close()
    return digest(data) if len(data) == size else None
