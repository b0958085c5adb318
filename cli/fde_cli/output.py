"""Files that a command writes: opened here, so that a path that cannot be written is a sentence and exit 3."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fde_events.errors import BadInput


def opened(path: Path, *, name: Path | None = None) -> BinaryIO:
    """`path`, emptied, for writing bytes. :class:`BadInput` names it (or `name`) when that is not possible."""
    try:
        return path.open("wb")
    except OSError as error:
        raise BadInput(str(name or path), f"cannot be written: {error.strerror or error}") from error


def write(path: Path, data: bytes) -> None:
    """Replace what `path` holds. :class:`BadInput` names it when that is not possible."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(str(path), f"cannot be written: {error.strerror or error}") from error


def folder(path: Path, *, mode: int = 0o777) -> Path:
    """`path` as a directory, made with its parents if need be. :class:`BadInput` names it when that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        why = "it is a file" if isinstance(error, FileExistsError) else error.strerror or error
        raise BadInput(str(path), f"cannot be a directory: {why}") from error
    return path


@contextmanager
def replaced(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or `path`, which is replaced when all was written and left as it was when that failed.

    What is no ordinary file (a pipe, a terminal) is written to directly. :class:`BadInput` when it cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    if path.exists() and not path.is_file():
        with opened(path) as stream:
            yield stream
        return
    target = path.resolve()  # a link stays one
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with opened(part, name=path) as stream:
            yield stream
        part.replace(target)
    except OSError as error:
        raise BadInput(str(path), f"cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
