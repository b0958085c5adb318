"""The alarm: at a deadline the kernel ends this process, also one that is stopped, before its next instruction.

lease (each renewal) -> alarm(seconds)   |   process (once, at its start) -> ready()

No check of a process's own can promise that it does nothing after a deadline: it can be stopped between the check and what
was checked. A timer's signal whose action is the default one ends all threads at once, and a stopped process where it
stands (POSIX.1-2017 2.4.3; Linux, `complete_signal`). Process 1 of a container is the exception: signals with a default
action do not reach it, so its handler is the C library's `_exit` itself, which takes the signal's number for its status.
"""

from __future__ import annotations

import ctypes
import os
import signal


def ready(*, first: bool | None = None) -> None:
    """Make SIGALRM end this process whatever it inherited. From the main thread. `first`: it is process 1; None: look."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    if first if first is not None else os.getpid() == 1:
        library = ctypes.CDLL(None)
        library.signal.argtypes, library.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
        library.signal(signal.SIGALRM, ctypes.cast(library._exit, ctypes.c_void_p))
    else:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def alarm(in_s: float) -> None:
    """The process ends in `in_s` seconds, by SIGALRM (exit code 142 for a shell; 14 as process 1), unless set anew. 0: never.

    From any thread. Counts as CLOCK_MONOTONIC does, so not while the machine sleeps.
    """
    signal.setitimer(signal.ITIMER_REAL, in_s)
