"""Where a process's structured log events go: configured once, by the command that is the process."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog


def to_stderr(level: int = logging.INFO) -> None:
    """Events from `level` on as lines for people. stderr is looked up per logger: it may be replaced meanwhile."""
    structlog.configure(
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
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
        logger_factory=structlog.WriteLoggerFactory(file=stream),
    )
