"""The option `--registry`, and quiet logging for commands that people read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fde_registry.registry import Registry

_WARNING = 30


def registry_at(address: str | None) -> Registry:
    """The registry that --registry or FDE_REGISTRY names. Misuse when neither does. Logs go to stderr from here on."""
    import structlog

    from fde_events.errors import Misuse
    from fde_registry.address import open_registry

    structlog.configure(
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(_WARNING),
    )
    if address is None:
        raise Misuse(
            "where is the registry? Give --registry directory:PATH or kubernetes[:NAMESPACE], or set FDE_REGISTRY."
        )
    return open_registry(address)
