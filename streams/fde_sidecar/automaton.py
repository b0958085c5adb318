"""An automaton of many expressions, made once a machine: compiling it takes half a second, taking it from a file a millisecond.

expressions -> automaton() -> a Hyperscan database, from `cache()` where the same one was made before

The file is named by what it was made of and begins with the digest of what follows; a file that is not ours or root's, or that
others may write, is not read, for who changes it decides what is redacted. What cannot be read or kept is compiled anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

hyperscan: Any
try:
    import hyperscan
except ImportError:  # a platform without a wheel
    hyperscan = None

_DIGEST_BYTES: Final = 32
_KEPT: Final = 8  # files; older versions' go


def cache() -> Path | None:
    """Where automata are kept: ``$FDE_CACHE``, else ``fde`` in the user's cache directory. None without a home."""
    if own := os.environ.get("FDE_CACHE"):
        return Path(own) / "automata"
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "fde" / "automata"
    try:
        return Path.home() / ".cache" / "fde" / "automata"
    except RuntimeError:
        return None


@lru_cache(maxsize=16)
def automaton(expressions: tuple[tuple[int, str], ...]) -> Any:
    """The database of expressions by their ids, one for a whole process; the first match of each is enough.

    None without the package, or without expressions.
    """
    if hyperscan is None or not expressions:
        return None
    directory, name = cache(), _name(expressions)
    if directory is not None and (kept := _read(directory / name)) is not None:
        with contextlib.suppress(hyperscan.HyperscanError, ValueError):  # another processor's, or another version's
            return hyperscan.loadb(kept, mode=hyperscan.HS_MODE_BLOCK)
    database = _compiled(expressions)
    if directory is not None:
        with contextlib.suppress(OSError):  # a read-only root: the next start compiles again
            _keep(directory, name, hyperscan.dumpb(database))
    return database


def _compiled(expressions: Sequence[tuple[int, str]]) -> Any:
    database = hyperscan.Database()
    database.compile(
        expressions=[text.encode() for _, text in expressions],
        ids=[number for number, _ in expressions],
        elements=len(expressions),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(expressions),
    )
    return database


def _name(expressions: Sequence[tuple[int, str]]) -> str:
    made_of = repr((hyperscan.__version__, os.uname().machine, expressions))
    return hashlib.sha256(made_of.encode()).hexdigest()


def _read(path: Path) -> bytes | None:
    """What was kept, whole and untouched; None otherwise."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o022 or about.st_uid not in (0, os.geteuid()):
                return None
            content = file.read()
    except OSError:
        return None
    digest, kept = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return kept if _digest(path.name, kept) == digest else None


def _digest(name: str, database: bytes) -> bytes:
    """Of what is kept and of what it was made of: another automaton of ours under this name is refused as well."""
    return hashlib.sha256(name.encode() + database).digest()


def _keep(directory: Path, name: str, database: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    handle, beside = tempfile.mkstemp(dir=directory)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(name, database) + database)
            os.fchmod(file.fileno(), 0o644)
        os.replace(beside, directory / name)  # noqa: PTH105
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
    by_age = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        old.unlink(missing_ok=True)
