"""Child processes that never outlive their parent: stopped by pid, and by the kernel if the parent is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Children:
    """Processes started under one roof. Each writes stdout and stderr to ``<logs>/<name>.log``."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
        """Start ``fde ARGUMENTS`` as `name`; returns its pid."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "fde_cli.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # the terminal's Ctrl-C reaches the parent only, which stops all in order
                preexec_fn=_die_with_parent,
            )
        self.running[name] = process
        return process.pid

    def dead(self) -> dict[str, int]:
        """Exit codes of those that ended."""
        found = {name: process.poll() for name, process in self.running.items()}
        return {name: code for name, code in found.items() if code is not None}

    def stop(self, *, limit_s: float = 10.0) -> None:
        """SIGTERM to all, SIGKILL to who is still there after `limit_s` seconds."""
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + limit_s
        for process in self.running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
