"""Where a process's structured log events go: configured once, by the command that is the process."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


def to_stderr(level: int = logging.INFO) -> None:
    """Events from `level` on as lines for people. stderr is looked up per logger: it may be replaced meanwhile."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            # A traceback as Python prints it: the default shows what local variables hold, secrets too.
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(cast(TextIO, _Willing(sys.stderr))),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def as_json(stream: TextIO) -> None:
    """Every event as one JSON object a line, for programs."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(
            file=cast(TextIO, _Willing(stream))
        ),  # write and flush are what it calls
    )


class _Willing:
    """A stream that never refuses: a closed pipe or a full disk costs log lines, and no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
