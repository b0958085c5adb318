"""Election: whether the operator's Deployment tells it to lead by the Lease, or to be the only one there is.

Deployment's arguments > its variables > ConfigMaps that it takes variables from > the operator's default
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fde_operator.cluster import Cluster, Manifest
from fde_operator.key import Key

_OPTION: Final = "leader-election"
_VARIABLE: Final = "FDE_LEADER_ELECTION"
_FALSE: Final = frozenset({"no", "n", "0", "false", "f"})  # as the command line reads them, in any case


async def elects(cluster: Cluster, deployment: Manifest) -> bool:
    """Whether those that this Deployment starts wait for the Lease. Raises Denied where a ConfigMap of it may not be read."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or [{}]
    container = next((one for one in containers if "operator" in _words(one)), containers[0])
    said = _argument(_words(container))
    if said is not None:
        return said
    for one in container.get("env") or ():
        if one["name"] == _VARIABLE and "value" in one:
            return _true(one["value"])
    namespace = str(deployment["metadata"]["namespace"])
    for source in reversed(container.get("envFrom") or ()):  # of two that say it the last one counts
        name = (source.get("configMapRef") or {}).get("name")
        found = await cluster.get(Key("ConfigMap", namespace, name)) if name else None
        data: Mapping[str, Any] = (found or {}).get("data") or {}
        variable = _VARIABLE.removeprefix(source.get("prefix") or "")
        if variable in data:
            return _true(data[variable])
    return True


def _words(container: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in (*(container.get("command") or ()), *(container.get("args") or ()))]


def _argument(words: list[str]) -> bool | None:
    """What the last one says; None when none does."""
    said = None
    for word in words:
        option, given, value = word.partition("=")
        if option in (f"--{_OPTION}", f"--no-{_OPTION}"):
            said = (not given or _true(value)) is (option == f"--{_OPTION}")
    return said


def _true(text: str) -> bool:
    return text.strip().lower() not in _FALSE
