"""Where a process's structured log events go: configured once, by the command that is the process.

Whatever is bound to the context (the operator's reconcile_id) is in every line.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, Literal, TextIO, cast

import structlog


def to_stderr(level: int = logging.INFO) -> None:
    """Events from `level` on as lines for people. stderr is looked up per logger: it may be replaced meanwhile."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            # A traceback as Python prints it: the default shows what local variables hold, secrets too.
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(cast(TextIO, _Willing(sys.stderr))),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


def as_json(stream: TextIO, level: int = logging.NOTSET) -> None:
    """Every event from `level` on as one JSON object a line, for programs."""
    structlog.configure(
        processors=[*_FIELDS, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(
            file=cast(TextIO, _Willing(stream))
        ),  # write and flush are what it calls
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )


# A traceback is one string, as Python prints it: what local variables hold is not in it.
_FIELDS: Any = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def service(form: Literal["auto", "json", "text"] = "auto", level: int = logging.INFO) -> None:
    """Events of a long-running service to stderr: JSON lines, or lines for people. auto: for people on a terminal.

    As JSON, warnings of other libraries (asyncio, aiohttp) are JSON lines too, with their logger's name.
    """
    if form == "text" or (form == "auto" and sys.stderr.isatty()):
        to_stderr(level)
        return
    as_json(sys.stderr, level)
    handler = logging.StreamHandler(cast(TextIO, _Willing(sys.stderr)))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_FIELDS],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # an HTTP client tells each request, with its path, from INFO on


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
