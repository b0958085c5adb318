"""The files of a directory that an upgrade reads and replaces: inside it, regular, each replaced in one step.

path -> local_bytes() -> merged -> replace_file() / remove_file()
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from fde_events.errors import BadInput


def local_bytes(folder: Path, path: str) -> bytes | None:
    """What `path` holds below `folder`; None when there is no such file. :class:`BadInput` for what is no file of it."""
    target = _inside(folder, path)
    try:
        if not stat.S_ISREG(target.stat().st_mode):
            raise BadInput(str(folder / path), "is not a regular file, and a file of the primitive belongs there")
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadInput(str(folder / path), f"cannot be read: {error.strerror or error}") from error


def replace_file(folder: Path, path: str, data: bytes) -> None:
    """`data` to `path`, whole or not at all; a file that is there keeps its mode."""
    target = _inside(folder, path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(str(folder / path), f"cannot be written: {error.strerror or error}") from error


def remove_file(folder: Path, path: str) -> None:
    """Take `path` away, and the directories that are empty then."""
    target = _inside(folder, path)
    try:
        target.unlink(missing_ok=True)
        for parent in target.parents:
            if parent == folder.resolve() or any(parent.iterdir()):
                break
            parent.rmdir()
    except OSError as error:
        raise BadInput(str(folder / path), f"cannot be removed: {error.strerror or error}") from error


def _inside(folder: Path, path: str) -> Path:
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise BadInput(str(folder / path), f"leads out of {folder}")
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
