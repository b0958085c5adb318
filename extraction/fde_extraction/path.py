"""Paths that a person gives: regular files are read, private files are written for the owner alone, no input is overwritten.

path -> read() -> bytes; outputs, inputs -> apart() -> write()
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from fde_events.errors import BadInput, Misuse


def read(path: Path) -> bytes:
    """The bytes of a regular file. :class:`BadInput` for anything else: a pipe may never end, a device never does."""
    try:
        # Opened without waiting, so that a pipe nobody writes to is seen to be one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadInput(str(path), "is not a regular file")
            return file.read()
    except IsADirectoryError as error:
        raise BadInput(str(path), "is a directory, not a file") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        raise BadInput(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def write(path: Path, text: str, *, private: bool = False) -> None:
    """`text` in UTF-8 to `path`; `private`: readable by the owner alone, also where the file was there before."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600 if private else 0o666)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                if private:
                    os.fchmod(descriptor, 0o600)  # before the first byte
                file.truncate()
            file.write(text)
    except (OSError, ValueError) as error:
        raise BadInput(str(path), f"cannot be written: {getattr(error, 'strerror', None) or error}") from error


def apart(outputs: Mapping[str, Path], inputs: Iterable[Path]) -> None:
    """:class:`Misuse` when two outputs (by their name for the reader) are one file, or an output is an input."""
    read_from = list(inputs)
    seen: dict[str, Path] = {}
    for name, path in outputs.items():
        for other, there in seen.items():
            if _same(path, there):
                raise Misuse(f"{other} and {name} are the same file, {path}: give each its own.")
        if any(_same(path, source) for source in read_from):
            raise Misuse(f"{name} {path} is an input, which would be overwritten: give another file.")
        seen[name] = path


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, by links as well. Streams and devices are nobody's input."""
    try:
        if one.exists() and other.exists():
            return one.is_file() and one.samefile(other)
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError):
        return False
