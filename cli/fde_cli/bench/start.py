"""`start`: from `fde up` to the first event that is grouped, with everything embedded.

a log of twenty errors -> Loop.start() -> the fold's state covers the first offset
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

_LIMIT_S: Final = 60.0
_LOOK_S: Final = 0.05


def run(rounds: int = 3) -> float:
    """Seconds, the median of `rounds`. TimeoutError when nothing was grouped within a minute."""
    return median(_once() for _ in range(rounds))


def _once() -> float:
    from fde_events.errors import Unavailable
    from fde_streams.state_sqlite import broker_of, covered_offsets

    with TemporaryDirectory(prefix="fde-start-") as directory:
        fleet, home = Path(directory) / "fleet" / "acme" / "sync", Path(directory) / "home"
        fleet.mkdir(parents=True)
        lines = (
            f"2026-10-10 06:00:{second:02d},000 ERROR [app.jobs] sync failed: ConnectionError: refused\n"
            for second in range(20)
        )
        (fleet / "app.log").write_text("".join(lines))
        began = time.monotonic()
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fde_cli.main",
                "up",
                "--fleet",
                str(fleet.parents[1]),
                "--home",
                str(home),
                "--port",
                "0",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            state = home / "state.sqlite"
            while True:
                try:
                    broker = broker_of(state)
                    if broker is not None and any(at >= 0 for at in covered_offsets(state, broker).values()):
                        return time.monotonic() - began
                except Unavailable:
                    pass  # being made at this moment
                if time.monotonic() - began > _LIMIT_S or process.poll() is not None:
                    raise TimeoutError(f"nothing was grouped within {_LIMIT_S:g} s")
                time.sleep(_LOOK_S)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
