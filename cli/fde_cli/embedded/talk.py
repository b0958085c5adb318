"""Where this process's own log events go: a file, so that the terminal shows findings."""

from __future__ import annotations

from pathlib import Path

import structlog


def quiet(path: Path) -> None:
    """Write structured events of this process to `path`, one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=path.open("a", encoding="utf-8", buffering=1)),
    )
