"""Operators in quick succession: `fde operator` imported once, then forked for each start. Each is a process of its own.

A line on stdin `LOG<tab>argument<tab>...` -> fork -> its process id on stdout
"""

from __future__ import annotations

import gc
import os
import signal
import sys

import kopf  # noqa: F401 - so that the children need not

import fde_operator.process  # noqa: F401
from fde_cli.main import main


def serve() -> None:
    """Until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that are killed
    gc.freeze()
    for line in sys.stdin:
        log, *arguments = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            os.dup2(out, 2)
            main(arguments)
        print(child, flush=True)


if __name__ == "__main__":
    serve()
