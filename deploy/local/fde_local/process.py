"""A child process that never outlives us: its own group, tied to our death, stopped by its id.

The child's way: start() -> tether.py -> the command; stop() sends SIGTERM, then SIGKILL after a limit.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

_TETHER = Path(__file__).with_name("tether.py")

# Linux ties a child to the *thread* that started it. One thread that lives as long as we do starts them all,
# so that a test may start a server from a thread of its own.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fde-local-starter")


class LocalProcess:
    """One running command; its output goes to `<name>.log`, its id to `<name>.pid`, both in `directory`."""

    def __init__(self, name: str, log: Path, popen: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.log = log
        self._popen = popen

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str],
        directory: Path,
        *,
        working_directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Starts `command`; `environment` is added to ours. Earlier output in the log is kept."""
        log = directory / f"{name}.log"
        tied = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command]

        def spawn() -> "subprocess.Popen[bytes]":
            with log.open("ab") as output:
                return subprocess.Popen(
                    tied,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=working_directory or directory,
                    env={**os.environ, **(environment or {})},
                    process_group=0,  # Ctrl-C in a terminal reaches us only; we stop the child
                )

        popen = _starter.submit(spawn).result()
        (directory / f"{name}.pid").write_text(f"{popen.pid}\n")
        return cls(name, log, popen)

    @property
    def pid(self) -> int:
        """The command's process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the number of the signal that ended it."""
        return self._popen.poll()

    def wait(self, limit_s: float) -> int | None:
        """The exit code, or None when it still runs after `limit_s` seconds."""
        try:
            return self._popen.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Asks it to end (SIGTERM) and returns at once."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it with SIGKILL, and its children with it; returns when it is gone."""
        self._signal(signal.SIGKILL)
        self._popen.wait()

    def stop(self, limit_s: float = 5.0) -> None:
        """SIGTERM, and SIGKILL when it still runs after `limit_s` seconds. Stopping twice is fine."""
        self.terminate()
        if self.wait(limit_s) is None:
            self.kill()

    def last_words(self, lines: int = 20) -> str:
        """Where its log is, and the end of it."""
        text = self.log.read_text(errors="replace").splitlines()
        return f"Its log is {self.log}" + ("; it is empty." if not text else " and ends:\n" + "\n".join(text[-lines:]))

    def _signal(self, number: signal.Signals) -> None:
        # While the child is not waited for, its id (and so its group's) cannot be given to another process.
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, number)
