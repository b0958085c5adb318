"""Rehearsal: the operator's own reconciliation, by a person, with every write taken down instead of done.

reconcile(Rehearsal(cluster)) -> get, list: as they are; apply, create: asked of the server with dryRun=All -> steps
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from fde_api.kinds import BY_NAME
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.errors import Denied
from fde_operator.key import Key

Verb = Literal["create", "update", "apply", "delete"]
# The server's verdict on the object, whoever sends it. Every other refusal may be about the person who asks.
_ABOUT_THE_OBJECT: Final = re.compile(r"is invalid|exceeded quota|violates PodSecurity|field not declared in schema")
_NO_RIGHT: Final = re.compile(r"cannot (\w+) resource \"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Step:
    """One write that the operator would do. `apply`: what stands there could not be read. `unchecked`: why the server was
    not asked for the result, which is then put together here; empty when it was."""

    verb: Verb
    key: Key
    before: Manifest | None
    after: Manifest | None
    unchecked: str = ""


@dataclass
class Rehearsal:
    """A :class:`fde_operator.cluster.Cluster`. `given`: objects as if they stood there, for a file not applied yet."""

    cluster: Cluster
    given: Mapping[Key, Manifest] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    status: Manifest | None = None
    hidden: dict[str, str] = field(default_factory=dict)  # kind: why it could not be listed
    _seen: dict[Key, Manifest] = field(default_factory=dict)
    _unseen: list[str] = field(default_factory=list)  # Secrets that it asked for

    async def get(self, key: Key) -> Manifest | None:
        """As it is, or as given."""
        found = self.given.get(key) or await self.cluster.get(key)
        return self._noted(found) if found else None

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> list[Manifest]:
        """As they are. Kinds that this person may not list are noted in `hidden`; ours are refused."""
        try:
            found = await self.cluster.list(kind, namespace=namespace, labels=labels, fields=fields)
        except Denied as denied:
            if kind in BY_NAME:
                raise
            self.hidden[kind] = why(denied)
            return []
        return [self._noted(one) for one in found]

    async def apply(self, manifest: Manifest) -> Manifest:
        """What would come of it."""
        key = key_of(manifest)
        before = self._seen.get(key)
        after, unchecked = await self._asked(manifest, before)
        verb: Verb = "apply" if before is None and key.kind in self.hidden else "update" if before else "create"
        self.steps.append(Step(verb, key, before, after, unchecked))
        return self._noted(after)

    async def create(self, manifest: Manifest) -> Manifest:
        """As :meth:`apply`: with nothing there, it comes to the same."""
        return await self.apply(manifest)

    async def rehearse(self, manifest: Manifest) -> None:
        """The same question, already a rehearsal."""
        await self.cluster.rehearse(manifest)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Taken down; what is given is as if it had it. What hangs on a Secret is left open."""
        self.status = manifest
        if self._unseen:
            conditions = [self._open(one) for one in manifest["status"].get("conditions", ())]
            self.status = {**manifest, "status": {**manifest["status"], "conditions": conditions}}
        return self.status

    async def stands(self, manifest: Manifest) -> str:
        """Taken for there, and noted that nobody looked: what it asks about is a Secret, and the question would be a write,
        recorded as a person's try at it."""
        self._unseen.append(manifest["metadata"]["name"])
        return ""  # no version

    def _open(self, one: Manifest) -> Manifest:
        if one["type"] != "SecretsReady":
            return one
        which = ", ".join(sorted(set(self._unseen)))
        told = f"a plan looks at no Secret; whether {which} is there, the operator sees when it is applied"
        return {**one, "status": "Unknown", "reason": "NotChecked", "message": told}

    async def put(self, manifest: Manifest) -> str:
        """Taken down by name alone: what the operator puts is a Secret."""
        self.steps.append(Step("apply", key_of(manifest), None, None, "a Secret is never shown"))
        return ""

    async def delete(self, key: Key, *, uid: str) -> None:
        """Taken down."""
        self.steps.append(Step("delete", key, self._seen.get(key), None))

    async def _asked(self, manifest: Manifest, before: Manifest | None) -> tuple[Manifest, str]:
        try:
            return await self.cluster.apply(manifest), ""
        except Denied as denied:
            if _ABOUT_THE_OBJECT.search(str(denied)):
                raise  # so it would be for the operator, who would say so in the deployment's conditions
            return _overlaid(before, manifest), why(denied)

    def _noted(self, manifest: Manifest) -> Manifest:
        self._seen[key_of(manifest)] = manifest
        return manifest


def why(denied: Denied) -> str:
    """The missing right in a few words, or the server's sentence."""
    found = _NO_RIGHT.search(str(denied))
    return f"you may not {found[1]} {found[2]} here" if found else str(denied)


def _overlaid(before: Any, applied: Any) -> Any:
    """`applied` laid over `before`: what a server makes of it, but for lists that it would merge and defaults."""
    if isinstance(before, dict) and isinstance(applied, dict):
        return {**before, **{name: _overlaid(before.get(name), value) for name, value in applied.items()}}
    return applied
