"""The difference between two manifests, as people read differences. No Secret is ever part of one.

Step -> before, after without what the server writes -> YAML -> unified diff
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final

import yaml

from fde_cli.kube.rehearsal import Step
from fde_operator.cluster import Manifest

# What the server writes by itself. It differs between any two readings, and says nothing.
_SERVER: Final = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")
_CONTENT: Final = ("data", "stringData", "immutable")


def difference(step: Step) -> str:
    """A unified diff of what `step` changes; empty when it changes nothing that anybody would see."""
    title = str(step.key)
    before, after = _lines(step.before), _lines(step.after)
    return "".join(difflib.unified_diff(before, after, f"{title} (as it is)", f"{title} (as it would be)", n=3))


def is_change(step: Step) -> bool:
    """Whether anything differs: the operator applies again what others touched, and the server may make nothing of it."""
    return step.verb == "delete" or step.before is None or bool(difference(step))


def _lines(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    text = yaml.dump(_shown(manifest), Dumper=_Readable, sort_keys=True, allow_unicode=True, width=120)
    return text.splitlines(keepends=True)


def _shown(manifest: Manifest) -> dict[str, Any]:
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _SERVER}
    if owners := metadata.get("ownerReferences"):
        metadata["ownerReferences"] = [{n: v for n, v in owner.items() if n != "uid"} for owner in owners]
    found = {**{name: value for name, value in manifest.items() if name != "status"}, "metadata": metadata}
    if manifest["kind"] == "Secret":
        found = {name: value for name, value in found.items() if name not in _CONTENT}
    return found


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks: a file in a ConfigMap differs by line, and not as a whole."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def summary(steps: list[Step]) -> Iterator[str]:
    """One line a step."""
    width = max((len(step.verb) for step in steps), default=0)
    for step in steps:
        told = f" ({step.unchecked}: put together here, not checked by the server)" if step.unchecked else ""
        yield f"{step.verb:<{width}}  {step.key}{told}"
