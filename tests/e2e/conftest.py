"""What the end-to-end tests share: `fde` as a process, and a customer's system that fails on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Fde:
    """Runs `fde`, in the foreground or as a child that is stopped when the test ends."""

    logs: Path
    environment: dict[str, str] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(
        self, *arguments: str, cwd: Path | None = None, timeout: float = 120, **more: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to the end; the caller looks at the exit code."""
        return subprocess.run(
            [sys.executable, "-m", "fde_cli.main", *arguments],
            capture_output=True,
            cwd=cwd,
            timeout=timeout,
            env={**os.environ, **self.environment, **more},
        )

    def start(self, name: str, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a child; its output goes to a file that a failing test prints."""
        with (self.logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "fde_cli.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, **more},
            )
        self.children[name] = child
        return child

    def kill(self, name: str) -> None:
        """SIGKILL, as a node that loses power."""
        self.children[name].kill()
        self.children[name].wait(10)

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to who stays."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        for child in self.children.values():
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)

    def told(self) -> str:
        """The last lines of every child, for the message of a failing test."""
        parts = []
        for path in sorted(self.logs.glob("*.log")):
            lines = path.read_text("utf-8", "replace").splitlines()[-25:]
            parts.append(f"--- {path.name}\n" + "\n".join(lines))
        return "\n".join(parts)

    def until(self, what: str, check: Callable[[], object], *, limit_s: float = 60.0) -> object:
        """Poll until `check` gives something true; fails saying what was awaited and what the children said."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            found = check()
            if found:
                return found
            time.sleep(0.25)
        pytest.fail(f"not seen within {limit_s:g} s: {what}\n{self.told()}")


@pytest.fixture
def fde(tmp_path: Path) -> Iterator[Fde]:
    logs = tmp_path / "logs"
    logs.mkdir()
    runner = Fde(logs)
    yield runner
    runner.stop()


@dataclass
class Tracker:
    """A customer's issue tracker on loopback: answers pages, or 429 when told to."""

    server: ThreadingHTTPServer
    limited: bool = False
    asked: int = 0

    @property
    def url(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}/rest/api/2"


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            if told.limited:
                body, status = b'{"errorMessages": ["Rate limit exceeded."]}', 429
            else:
                body, status = json.dumps({"issues": [{"key": "GRID-1"}, {"key": "GRID-2"}], "total": 2}).encode(), 200
            self.send_response(status, "Too Many Requests" if status == 429 else None)
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing: the test reads what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Tracker(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
