"""The three standard streams: what stands in for one that is closed, and what is said when one cannot be used.

A closed descriptor is filled first, so that no file which is opened later becomes standard output by accident.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, Final

OUTPUT: Final = "standard output"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class _Closed(io.RawIOBase):
    """Fails as a closed descriptor does, by name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise OSError(errno.EBADF, "it is closed", self._name)

    def write(self, _: Any) -> int:
        raise OSError(errno.EBADF, "it is closed", self._name)


def fill() -> None:
    """Put something in the place of streams that were closed before the process began."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed("standard input")))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed(OUTPUT)), write_through=True)
    if sys.stderr is None:  # talk that nobody hears
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123 - as long as the process


def flushed() -> OSError | None:
    """Why what was written to standard output did not all get there; None when it did."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def said(error: OSError) -> str:
    """What of a failed read or write to tell: of which file, and why."""
    why = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {why}"
    # What is named by nobody and full is where the data goes: files of ours are opened by name and say it.
    return f"{OUTPUT}: {why}" if error.errno in _FULL else f"reading or writing failed: {why}"


def let_go() -> None:
    """Give up on standard output, so that the interpreter's own flush at the end says nothing more."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # a stand-in without a descriptor
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123 - as long as the process
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, number)
    os.close(sink)
