"""AuditedCluster: every write of the operator to a customer's objects, or to the library's, into the journal.

begin(act) -> the inner cluster's write -> end(act with its outcome). Reads pass; so do rehearsals, which change nothing.

Status writes say what the operator saw; they are recorded only when they hold a decision that others rely on (what was published,
a maturity, a resolved version). No value is recorded: an object's identity, and a digest of what was asked for that is keyed
with the customer's audit key; of a Secret without its data.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from fde_events.act import Act, Outcome
from fde_events.chain import body_digest, canonical
from fde_operator import reconciliation
from fde_operator.audit.journal import Journal, now
from fde_operator.audit.names import Names, Sealing
from fde_operator.audit.reason import brief, policy_of
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.errors import Conflicting, Denied, Fenced, Throttled, Tripped
from fde_operator.key import Key
from fde_operator.layer import Answer, Layer
from fde_operator.settings import FIELD_MANAGER

OPERATOR: Final = f"system:serviceaccount:fde-system:{FIELD_MANAGER}"
_DECISIVE: Final = ("publishedAs", "maturity", "resolvedVersion")
_UNSEEN: Final = ("Lease", "Event")  # heartbeats, and what is told to people
_SECRETS: Final = ("data", "stringData")


class AuditedCluster(Layer):
    """A :class:`fde_operator.cluster.Cluster` whose writes are journaled. `who`: as whom the inner one writes.

    Never blocks on Kafka. Raises what the inner cluster raises.
    """

    def __init__(self, inner: Cluster, journal: Journal, names: Names, *, who: str = OPERATOR) -> None:
        super().__init__(inner)
        self._journal, self._names, self._who = journal, names, who

    async def create(self, manifest: Manifest) -> Manifest:
        """See :class:`Cluster`."""
        return await self._done("create", manifest, self._inner.create)

    async def apply(self, manifest: Manifest) -> Manifest:
        """See :class:`Cluster`."""
        return await self._done("apply", manifest, self._inner.apply)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """See :class:`Cluster`."""
        status = manifest.get("status") or {}
        decided = {name: str(status[name]) for name in _DECISIVE if status.get(name)}
        if not decided:
            return await self._inner.apply_status(manifest)
        return await self._done("apply", manifest, self._inner.apply_status, sub="status", decided=decided)

    async def put(self, manifest: Manifest) -> str:
        """See :class:`Cluster`."""
        return await self._done("put", manifest, self._inner.put)

    async def delete(self, key: Key, *, uid: str) -> None:
        """See :class:`Cluster`."""
        if (act := await self._act("delete", key, uid=uid)) is None:
            await self._inner.delete(key, uid=uid)
            return
        await self._seen(act[0], act[1], self._inner.delete(key, uid=uid))

    async def _done(
        self,
        verb: str,
        manifest: Manifest,
        write: Callable[[Manifest], Awaitable[Answer]],
        *,
        sub: str = "",
        decided: dict[str, str] | None = None,
    ) -> Answer:
        uid = str(manifest["metadata"].get("uid", ""))
        act = await self._act(verb, key_of(manifest), uid=uid, sub=sub, manifest=manifest, decided=decided or {})
        if act is None:
            return await write(manifest)
        return await self._seen(act[0], act[1], write(manifest))

    async def _act(
        self,
        verb: str,
        key: Key,
        *,
        uid: str,
        sub: str = "",
        manifest: Manifest | None = None,
        decided: dict[str, str] | None = None,
    ) -> tuple[Act, Sealing] | None:
        """The act that is about to be done, with how its names are written; None when it is not one to record."""
        if key.kind in _UNSEEN:
            return None
        attempt = reconciliation.current()
        namespace = key.name if key.kind == "Namespace" else key.namespace
        sealing = await self._names.of(await self._names.owner(namespace))
        about = attempt.key if attempt else None
        cause = sealing
        if about is not None and about.namespace != namespace:
            cause = await self._names.of(await self._names.owner(about.namespace))
        group = str((manifest or {}).get("apiVersion", "")).rpartition("/")[0]
        act = Act(
            id=uuid.uuid4().hex,
            at=now(),
            source="operator",
            who=self._who,
            verb=verb,
            group=group,
            kind=f"{key.kind}/{sub}" if sub else key.kind,
            outcome="unknown",
            customer=sealing.seal("customer", sealing.customer),
            namespace=sealing.seal("namespace", key.namespace),
            name=sealing.seal("name", key.name),
            uid=uid,
            reconcile=attempt.id if attempt else "",
            cause=cause.seal("cause", str(about)) if about else "",
            decided=decided or {},
            digest=_digest(manifest, sealing) if manifest is not None else "",
        )
        self._journal.begin(act)
        return act, sealing

    async def _seen(self, act: Act, sealing: Sealing, write: Awaitable[Answer]) -> Answer:
        outcome: Outcome | None = "unknown"
        found: Any = None
        why, policy = "", ""
        try:
            answer = found = await write
            outcome = "allowed"
            return answer
        except Denied as error:
            outcome, policy, why = "denied", policy_of(str(error)), sealing.seal("why", brief(str(error)))
            raise
        except Conflicting:
            outcome = "conflict"
            raise
        except (Fenced, Throttled, Tripped):
            outcome = None  # the server was not asked, or did not look: nothing happened
            raise
        finally:  # whatever else was raised: nobody knows whether the server did it
            self._end(act, outcome, found, policy, why)

    def _end(self, act: Act, outcome: Outcome | None, found: Any, policy: str, why: str) -> None:
        if outcome is None:
            self._journal.forget(act)
            return
        metadata = found.get("metadata", {}) if isinstance(found, dict) else {}
        self._journal.end(
            msgspec.structs.replace(
                act,
                outcome=outcome,
                uid=str(metadata.get("uid") or act.uid),
                generation=int(metadata.get("generation") or 0),
                policy=policy,
                why=why,
            )
        )


def _digest(manifest: Manifest, sealing: Sealing) -> str:
    shown = manifest
    if manifest["kind"] == "Secret":
        shown = {name: value for name, value in manifest.items() if name not in _SECRETS}
    return sealing.digest(canonical(shown)) if sealing.key else body_digest(shown)
