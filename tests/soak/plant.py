"""The processes under test, each `fde ...` as it is deployed, with a supervisor that starts again what ended by itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from application import Application

from fde_local.process import LocalProcess

FEED = """apiVersion: fde.io/v1
kind: TelemetryFeed
metadata: {{name: {name}, namespace: customer-{customer}}}
spec:
  deploymentRef: {{name: {name}}}
  signals: [errors]
  sampling: {{full: 10000000}}
"""


class Plant:
    """Named processes: ``sidecar-<name>``, ``ingest-<n>``, ``fold-<n>``. `ended`: (name, exit code) that nobody asked for."""

    def __init__(self, brokers: str, directory: Path, fold: tuple[str, ...] = ()) -> None:
        self._brokers, self._directory, self._fold = brokers, directory, fold
        self._commands: dict[str, tuple[str, ...]] = {}
        self._running: dict[str, LocalProcess] = {}
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self.ended: list[tuple[str, int]] = []
        threading.Thread(target=self._supervise, daemon=True).start()

    def sidecar(self, application: Application) -> str:
        feed = self._directory / f"{application.name}.yaml"
        feed.write_text(FEED.format(name=application.name, customer=application.customer))
        name = f"sidecar-{application.name}"
        options = ("--feed", str(feed), "--logs", application.pattern, "--customer", application.customer)
        return self.start(
            name, "sidecar", *options, "--spool", str(self._directory / "spool"), "--brokers", self._brokers
        )

    def ingest(self, number: int) -> str:
        return self.start(f"ingest-{number}", "worker", "ingest", "--brokers", self._brokers)

    def fold(self, number: int) -> str:
        return self.start(f"fold-{number}", "worker", "fold", "--brokers", self._brokers, "--cluster", "0", *self._fold)

    def start(self, name: str, *arguments: str) -> str:
        command = (sys.executable, "-m", "fde_cli.main", *arguments)
        with self._lock:
            self._commands[name] = command
            self._running[name] = LocalProcess.start(name, command, self._directory)
        return name

    def again(self, name: str) -> None:
        """Start what was killed."""
        with self._lock:
            self._running[name] = LocalProcess.start(name, self._commands[name], self._directory)

    def kill(self, name: str) -> None:
        """SIGKILL; stays down until `again`."""
        with self._lock:
            self._running.pop(name).kill()

    def quit(self, name: str, limit_s: float = 30.0) -> int | None:
        """SIGTERM and wait; stays down. Its exit code; None when it had to be killed."""
        with self._lock:
            process = self._running.pop(name)
        process.terminate()
        code = process.wait(limit_s)
        if code is None:
            process.kill()
        return code

    def freeze(self, name: str) -> None:
        os.kill(self._running[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.kill(self._running[name].pid, signal.SIGCONT)

    def names(self, kind: str) -> list[str]:
        with self._lock:
            return sorted(name for name in self._running if name.startswith(kind))

    def down(self, name: str) -> bool:
        return name not in self._running

    def close(self) -> None:
        """End every process, whatever state it is in."""
        self._stop.set()
        with self._lock:
            for process in self._running.values():
                process.kill()
            self._running.clear()

    def _supervise(self) -> None:
        while not self._stop.wait(0.5):
            with self._lock:
                for name, process in list(self._running.items()):
                    if (code := process.exit_code) is not None:
                        self.ended.append((name, code))
                        print(f"soak: {name} ended by itself ({code}) at {time.strftime('%H:%M:%S')}", file=sys.stderr)
                        self._running[name] = LocalProcess.start(name, self._commands[name], self._directory)
