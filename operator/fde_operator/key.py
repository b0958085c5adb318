"""Key: which object a reconciliation is about. All that an event tells us; the object itself is read anew."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One object. `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
