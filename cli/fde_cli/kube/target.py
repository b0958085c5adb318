"""What a command is asked about: ``NAME`` is an FDEDeployment, ``KIND/NAME`` anything of ours, by any of its names."""

from __future__ import annotations

import re
from typing import Final

from fde_api.kinds import KINDS
from fde_events.errors import Misuse, Refused
from fde_operator.cluster import Cluster, Manifest
from fde_operator.key import Key

_NAMES: Final = {
    name: kind
    for kind in KINDS
    for name in (kind.name, kind.name.lower(), kind.plural, kind.short, f"{kind.plural}.fde.io")
}


def key_of_target(text: str, namespace: str) -> Key:
    """The key that `text` names; Misuse for a kind that is not ours."""
    word, _, name = text.rpartition("/")
    kind = _NAMES.get(word or "FDEDeployment")
    if kind is None or not name:
        names = ", ".join(f"{one.short}/NAME" for one in KINDS)
        raise Misuse(f"{text!r} names nothing of ours: give the NAME of an FDEDeployment, or one of {names}")
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", name):
        raise Misuse(f"{name!r} is no name of an object: lower-case letters, digits, '-' and '.'")
    return Key(kind.name, namespace if kind.namespaced else "", name)


def deployment_of(text: str | None, namespace: str) -> Key:
    """The FDEDeployment that `text` names, by its NAME or as ``fded/NAME``; Misuse for another kind."""
    key = key_of_target(text or "", namespace)
    if key.kind != "FDEDeployment":
        raise Misuse(
            f"{text!r} is a {key.kind}: this command is about FDEDeployments; `kubectl fde explain` takes every kind"
        )
    return key


async def found(cluster: Cluster, key: Key) -> Manifest:
    """The object; Refused when it is not there, with what to look at."""
    manifest = await cluster.get(key)
    if manifest is None:
        where = f" -n {key.namespace}" if key.namespace else ""
        kind = next(kind for kind in KINDS if kind.name == key.kind)
        raise Refused(f"there is no {key}; `kubectl get {kind.short}{where}` lists what there is")
    return manifest
