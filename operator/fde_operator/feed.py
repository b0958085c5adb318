"""TelemetryFeed: whether a deployment carries it, and its user on Kafka, from the first write to the last.

observe (feed, namespace, Kafka, Secret) -> provision.steps() -> one by one -> conditions Ready, Synced, Error
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
from structlog import get_logger

from fde_api.deployment import KafkaAccess
from fde_events.errors import Refused
from fde_operator import attach, deployment_feed, left_behind, password, secret, workloads
from fde_operator.claim import Claim, claim_of
from fde_operator.cluster import Cluster, Manifest
from fde_operator.conditions import Condition, condition, status_patch
from fde_operator.errors import Conflicting, Denied, Held, Postponed
from fde_operator.feed_conditions import ready, staged, told
from fde_operator.kafka import Away, Kafka
from fde_operator.key import Key
from fde_operator.marks import Marks
from fde_operator.policies import Guard, refusal
from fde_operator.provision import (
    FINALIZER,
    FORCE,
    Blank,
    Change,
    Hold,
    Password,
    Record,
    Recorded,
    Release,
    Step,
    farewell,
    impossible,
    steps,
    trusted,
)
from fde_operator.settings import OperatorSettings
from fde_operator.surroundings import tags_of
from fde_operator.telemetry import secret_name

log = get_logger()


async def reconcile(
    cluster: Cluster,
    key: Key,
    settings: OperatorSettings,
    kafka: Kafka | None,
    *,
    now: str,
    guard: Guard | None = None,
) -> float | None:
    """Bring one feed nearer to its spec. `kafka` None: nobody may make users. Returns seconds until the next look.

    `guard`: while it finds a gap, nobody new gets a user or a sidecar; None: nobody looks.

    Raises Unavailable and Conflicting, and Postponed for what is to be tried later and later; the conditions say the rest.
    """
    raw = await cluster.get(key)
    if raw is None:  # who was left behind has a key of its own (routes.LEFT_BEHIND)
        return None
    found = await _Feed.read(cluster, raw, settings, kafka, now, guard)
    if raw["metadata"].get("deletionTimestamp"):
        return await found.leave()
    return await found.settle()


class _Feed:
    """One feed during one reconciliation."""

    def __init__(
        self,
        cluster: Cluster,
        raw: Manifest,
        settings: OperatorSettings,
        kafka: Kafka | None,
        now: str,
        wanted: Claim,
        guard: Guard | None,
        tags: dict[str, str],
    ) -> None:
        self._cluster, self._raw, self._kafka, self._now, self._wanted = cluster, raw, kafka, now, wanted
        self._settings, self._guard, self._tags = settings, guard, tags
        self._metadata = raw["metadata"]
        self._marks = Marks(cluster, raw, tags)
        self._name, self._namespace = str(self._metadata["name"]), str(self._metadata["namespace"])
        self._written = ""  # the resource version of the Secret, once it was written
        self._access = trusted(_access(raw), namespace=self._namespace, name=self._name)

    @classmethod
    async def read(
        cls,
        cluster: Cluster,
        raw: Manifest,
        settings: OperatorSettings,
        kafka: Kafka | None,
        now: str,
        guard: Guard | None,
    ) -> _Feed:
        wanted = await claim_of(cluster, raw, settings, administered=kafka is not None)
        return cls(cluster, raw, settings, kafka, now, wanted, guard, await tags_of(cluster, raw))

    # --- while it is there ---------------------------------------------------------------------------------------------
    async def settle(self) -> float | None:
        """What the feed needs is made; what it no longer needs goes."""
        wanted, again_s, later = self._wanted, None, ""
        if (
            self._kafka is not None
            and not wanted.ends
            and (wanted.feed or self._access or self._marks.holds(FINALIZER))
        ):
            try:
                wanted = await self._provision(self._kafka)
            except Held as held:
                wanted = replace(wanted, reason=held.reason, message=str(held), error=True)
                again_s = held.retry_after_s
            except Away as away:
                wanted = replace(wanted, reason=away.reason, message=str(away), error=away.ours)
                again_s = away.wait_s
            except Refused as refused:
                wanted = replace(wanted, reason="KafkaRefused", message=str(refused), error=True)
                later = str(refused)
            except (Denied, Postponed) as denied:
                wanted = replace(wanted, reason="Denied", message=str(denied), error=True)
                later = str(denied)
        try:
            attached = await self._attached()
        except Denied as denied:  # the default feed that it replaces
            attached = condition("Attached", False, "Denied", str(denied))
            later = later or str(denied)
        settled = bool(self._access and self._access.settled)
        await self._say([ready(attached, wanted, settled=settled), attached, *told(wanted)])
        await self._marks.tag()
        if later:
            raise Postponed(later)
        if workloads.selector_of(self._raw) is not None:
            return min(workloads.LOOK_S, again_s or workloads.LOOK_S)
        return again_s

    async def _provision(self, kafka: Kafka) -> Claim:
        observed = await kafka.observed()
        if self._wanted.feed is not None and self._wanted.feed.user not in observed.users:
            await self._admitted()
        recorded = await self._recorded()
        await self._carry_out(kafka, steps(observed, recorded, self._wanted.feed, secret_name(self._name)))
        if self._wanted.feed is None:
            return self._wanted
        if why := impossible(observed, self._wanted.feed):
            message = f"{why}. Keys would move: make a new topic, and move its readers"
            return replace(self._wanted, reason="TopicDiffers", message=message, error=True)
        message = f"user {self._wanted.feed.user}; its settings are in Secret {secret_name(self._name)}"
        return replace(self._wanted, reason="Provisioned", message=message, synced=True)

    async def _recorded(self) -> Recorded:
        """The feed's record, and whether its Secret is as it was written: the operator cannot read it."""
        if not self._may_write:
            return Recorded(self._marks.holds(FINALIZER), self._access)
        version = self._access.secret_version if self._access else ""
        try:
            stands = await self._cluster.stands(secret.manifest(self._raw, None, version=version))
        except Conflicting:
            log.info("secret_was_edited", feed=f"{self._namespace}/{self._name}")
            return Recorded(self._marks.holds(FINALIZER), self._access, secret=True, edited=True)
        access = self._access
        if stands is not None and access is not None and access.settled and not access.secret_version:
            self._access = msgspec.structs.replace(access, secret_version=stands)  # of before versions were noted
        return Recorded(self._marks.holds(FINALIZER), self._access, stands is not None)

    async def _admitted(self) -> None:
        """Held while admission does not stand as shipped: whose namespace this is, and who consented, is then not known."""
        if self._guard is not None and (stopped := refusal("rollout", await self._guard.gaps())):
            raise stopped

    @property
    def _may_write(self) -> bool:
        """Admission lets the operator write in customers' namespaces alone."""
        return self._wanted.reason != "NoCustomer"

    # --- on its way out ------------------------------------------------------------------------------------------------
    async def leave(self) -> float | None:
        """The user goes before the feed does; the Secret goes with the feed."""
        kept, forced = "", (self._metadata.get("annotations") or {}).get(FORCE) == "true"
        if self._marks.holds(attach.FINALIZER):
            try:
                await workloads.detach(self._cluster, self._raw)
            except Denied as denied:
                if not forced:
                    waits = replace(self._wanted, reason="RemovalWaits", message=str(denied), error=True, synced=False)
                    await self._say([condition("Ready", False, "Deleting"), *told(waits)])
                    raise Postponed(str(denied)) from denied
                log.warning("workloads_were_left_behind", feed=f"{self._namespace}/{self._name}")
            await self._marks.hold(attach.FINALIZER, False)
        if not self._marks.holds(FINALIZER):
            return None
        again_s, later = None, ""
        try:
            if self._kafka is not None:
                observed = await self._kafka.observed()
                recorded = Recorded(True, self._access)
                await self._carry_out(self._kafka, farewell(observed, recorded, self._wanted.feed))
                return None
            if self._access is None:
                await self._carry_out(None, (Release(),))  # nothing was ever made
                return None
            waits = replace(self._wanted, reason="RemovalWaits", message="the operator may not administer Kafka now")
        except Away as away:
            waits = replace(self._wanted, reason="RemovalWaits", message=str(away), error=away.ours)
            again_s = away.wait_s
        except Refused as refused:
            waits = replace(self._wanted, reason="RemovalWaits", message=str(refused), error=True)
            later = str(refused)
        if forced and not (kept := await self._let_go(waits)):
            return None
        message = (
            f'{waits.message}. Annotation {FORCE}: "true" is there, but {kept}'
            if forced
            else f"{waits.message}. The feed goes when its Kafka user has gone; whoever has verb consent on telemetryfeeds/consent "
            f'lets it go now by annotation {FORCE}: "true", and the user goes when Kafka is back'
        )
        waits = replace(waits, message=message, synced=False)
        await self._say([condition("Ready", False, "Deleting"), *told(waits)])
        if later:
            raise Postponed(later)
        return again_s

    async def _let_go(self, waits: Claim) -> str:
        """The feed goes though Kafka has its user, who is remembered and goes later. Returns why not, or nothing."""
        user = self._access.user if self._access else self._wanted.feed.user if self._wanted.feed else ""
        try:
            await self._admitted()  # else nobody checked who gave the annotation
            if user:
                await left_behind.remember(self._cluster, user=user, namespace=self._namespace, name=self._name)
        except (Held, Denied, Postponed) as error:
            return str(error)
        log.warning("kafka_user_was_left_behind", feed=f"{self._namespace}/{self._name}", user=user)
        message = f"Kafka user {user} is there still, and goes when Kafka is back: {waits.message}"
        left = replace(waits, reason="KafkaUserLeftBehind", message=message, error=True, synced=False)
        await self._say([condition("Ready", False, "Deleting"), *told(left)])  # an Event tells it
        await self._carry_out(None, (Release(),))
        return ""

    # --- one step after the other --------------------------------------------------------------------------------------
    async def _carry_out(self, kafka: Kafka | None, plan: tuple[Step, ...]) -> None:
        """In this order; whoever stops in between finds a record of what may be there."""
        for step in plan:
            if isinstance(step, Hold):
                await self._marks.hold(FINALIZER, True)
            elif isinstance(step, Release):
                await self._marks.hold(FINALIZER, False)
            elif isinstance(step, Record):
                self._access = step.access
                if step.access is not None and step.access.settled:
                    self._access = msgspec.structs.replace(step.access, secret_version=self._written)
                if step.access is None or not step.access.settled:
                    making = replace(self._wanted, reason="Provisioning", message="its Kafka user is being made")
                    state = making if step.access else self._wanted
                    await self._say([*self._old_ready(), *told(state)])
            elif isinstance(step, Blank):
                await self._cluster.put(secret.manifest(self._raw, None, tags=self._tags))
            elif kafka is not None:
                if isinstance(step, Change):
                    await kafka.execute(step.action)
                    log.info(
                        "kafka_changed", kind=step.action.kind, verdict=step.action.verdict, user=step.action.about
                    )
                elif isinstance(step, Password):
                    self._written = await password.renewed(self._cluster, kafka, self._raw, step.user, tags=self._tags)
                    log.info("kafka_password_made", user=step.user)

    # --- what it says --------------------------------------------------------------------------------------------------
    async def _say(self, conditions: list[Condition]) -> None:
        kafka = None
        if (access := self._access) is not None:  # every field, as the server fills in defaults
            kafka = msgspec.to_builtins(access)
        patch = status_patch(self._raw, staged(conditions), {"kafka": kafka}, now=self._now)
        if patch is not None:
            await self._cluster.apply_status(patch)
            self._raw = {**self._raw, "status": patch["status"]}

    def _old_ready(self) -> list[Condition]:
        """Ready and Attached as they were: a step in between does not take them away."""
        old = self._raw.get("status", {}).get("conditions", ())
        kept = [
            condition(c["type"], c["status"] == "True", c["reason"], c.get("message", ""))
            for c in old
            if c["type"] in ("Ready", "Attached")
        ]
        return kept or [condition("Ready", False, "Provisioning")]

    async def _attached(self) -> Condition:
        if workloads.selector_of(self._raw) is not None:
            hold = partial(self._marks.hold, attach.FINALIZER, True)
            return await workloads.attach_to(
                self._cluster, self._raw, self._wanted, self._settings, hold, self._admitted
            )
        return await deployment_feed.attached(self._cluster, self._raw)


def _access(raw: Manifest) -> KafkaAccess | None:
    found: Any = raw.get("status", {}).get("kafka")
    try:
        return msgspec.convert(found, KafkaAccess | None)
    except msgspec.ValidationError:
        return None
