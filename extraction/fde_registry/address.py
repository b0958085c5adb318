"""Where a registry is, as people write it: ``directory:PATH`` or ``kubernetes[:NAMESPACE]``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fde_events.errors import Misuse

if TYPE_CHECKING:
    from fde_registry.registry import Registry


def open_registry(address: str, *, engine: bool = False, kubeconfig: str | None = None) -> Registry:
    """The registry at `address`. `engine`: opened by the extraction worker, in its own name; a directory is made then.
    `kubeconfig`: a file, for the other form; None: the pod's own account, KUBECONFIG or ~/.kube/config.

    In a cluster the identity is the credential's either way. Raises :class:`Misuse` for an address that is neither form, :class:`BadInput` for a directory that is no library.
    """
    kind, _, rest = address.partition(":")
    if kind == "directory" and rest:
        from fde_registry.directory import DirectoryRegistry

        path = Path(rest).expanduser()
        return DirectoryRegistry.engine(path) if engine else DirectoryRegistry(path)
    if kind == "kubernetes":
        from fde_registry.kubernetes import NAMESPACE, KubernetesRegistry

        return KubernetesRegistry(Path(kubeconfig) if kubeconfig else None, namespace=rest or NAMESPACE)
    raise Misuse(f"registry {address!r}: expected directory:PATH or kubernetes[:NAMESPACE].")
