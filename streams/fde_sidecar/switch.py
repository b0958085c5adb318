"""The kill switch: one word in a file says whether anything leaves. Whoever may write that file has the last say.

file (made by hand, or a key of a mounted ConfigMap) -> Switch.state() -> on | hold | off, asked every turn

on     everything the feed lists may leave
hold   nothing leaves; reading and spooling go on up to the spool's cap
off    nothing is read and nothing leaves; what is spooled stays. ``off purge`` destroys that as well, and counts it

While it is off log files wait where they are and are read on when it is on again; senders are told to come again, and what
comes by pipe is dropped and counted, since neither may be made to wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import structlog

log = structlog.get_logger(__name__)

State = Literal["on", "hold", "off"]
_STRICTNESS: Final[Mapping[State, int]] = {"on": 0, "hold": 1, "off": 2}
_WORDS: Final[Mapping[bytes, tuple[State, bool]]] = {
    b"on": ("on", False),
    b"hold": ("hold", False),
    b"off": ("off", False),
    b"off purge": ("off", True),
}
_MAX_BYTES: Final = 256


def strictest(*states: State) -> State:
    """The one that lets the least out: where the feed and the switch differ, neither opens what the other closed."""
    return max(states, key=_STRICTNESS.__getitem__, default="on")


class Switch:
    """The word in `path`, read again only when the file changed: one stat a question (2 us).

    What cannot be read, or says something else, is hold, told once. A file that was never there is nobody's word: `absent`
    holds then. One that was there and is gone is hold: a control that was taken away does not let anything out.
    """

    def __init__(self, path: Path | None, *, absent: State = "on") -> None:
        self._path, self._absent = path, absent
        self._state: State = absent
        self._purge = False
        self._stamp: tuple[int, int, int] | None = None
        self._seen = False
        self._told = ""

    @property
    def purges(self) -> bool:
        """Whether what is spooled is to be destroyed, as of the last :meth:`state`."""
        return self._purge

    def state(self) -> State:
        """What holds now."""
        if self._path is None:
            return self._absent
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._stamp = None
            return self._hold("the file is gone") if self._seen else self._absent
        except OSError as error:
            self._stamp = None
            return self._hold(error.strerror or "it cannot be read")
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp != self._stamp:
            self._read()
            # A file as young as this may change again within the clock's tick: its stamp proves nothing yet.
            self._stamp = stamp if _settled(found.st_mtime_ns) else None
        return self._state

    # --- inside ------------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except OSError as error:
            self._hold(error.strerror or "it cannot be read")
            return
        self._seen = True
        word = b" ".join(raw.lower().split())
        if word not in _WORDS:
            self._hold("it says none of on, hold, off, off purge")
            return
        before, (self._state, self._purge) = self._state, _WORDS[word]
        self._told = ""
        if self._state != before:
            log.info("switch_thrown", state=self._state, purge=self._purge)

    def _hold(self, why: str) -> State:
        self._seen = True
        self._state, self._purge = "hold", False
        if why != self._told:
            self._told = why
            log.warning(
                "switch_unusable",
                path=str(self._path),
                reason=why,
                state="hold",
                next_step="write on, hold, off or off purge into it; nothing leaves until then",
            )
        return self._state


def _settled(mtime_ns: int) -> bool:
    return abs(time.time_ns() - mtime_ns) > 50_000_000
