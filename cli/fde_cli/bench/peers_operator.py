"""The operator's peer: kopf as most operators use it, with nothing to do. What it takes to see each object once."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_LIMIT_S: Final = 600.0
# kopf's defaults (idle_timeout 5 s), and a limit, without which it opens a connection for each object.
_PROGRAM: Final = """
import sys, kopf
count, seen = int(sys.argv[1]), set()

@kopf.on.startup()
def configure(settings, **_):
    settings.queueing.worker_limit = 50
    settings.posting.enabled = False

@kopf.on.event("fde.io", "v1", "fdedeployments")
def saw(uid, **_):
    seen.add(uid)
    if len(seen) == count:
        print("seen", flush=True)

kopf.run(clusterwide=True, standalone=True)
"""


def kopf_alone_s(kubeconfig: Path, count: int, directory: Path) -> float:
    """Seconds until it has seen `count` FDEDeployments. TimeoutError after ten minutes."""
    program = directory / "peer.py"
    program.write_text(_PROGRAM)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(program), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin", "HOME": str(directory)},
    )
    try:
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], _LIMIT_S)[0]:
            raise TimeoutError(f"kopf did not see {count} objects within {_LIMIT_S:.0f} s")
        if process.stdout.readline() != b"seen\n":
            raise RuntimeError("kopf ended before it had seen the objects")
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait(30)
