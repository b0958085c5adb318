"""The option `--registry`, and quiet logging for commands that people read."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from fde_cli import log

if TYPE_CHECKING:
    from fde_registry.registry import Registry


def registry_at(address: str | None) -> Registry:
    """The registry that --registry or FDE_REGISTRY names. Misuse when neither does. Logs go to stderr from here on."""
    from fde_events.errors import Misuse
    from fde_registry.address import open_registry

    log.to_stderr(logging.WARNING)
    if address is None:
        raise Misuse(
            "where is the registry? Give --registry directory:PATH or kubernetes[:NAMESPACE], or set FDE_REGISTRY."
        )
    kubeconfig = None
    if address.partition(":")[0] == "kubernetes":
        from fde_cli.kube.kubeconfig import checked

        kubeconfig = checked(os.environ.get("KUBECONFIG")).file
    return open_registry(address, kubeconfig=kubeconfig)
