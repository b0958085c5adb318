"""Record: how the attempts at one version ended, kept where it outlives the deployments they were of. Pure.

FDEDeployment.status.attempts -> verdicts() -> merged() with what is recorded -> Sample

* A success is an attempt that became Ready and did not fail within 24 hours; it counts when they are over, and a little more,
  for a loss that began within them is told a few minutes later. Until then it is pending, and counts as nothing. A CronJob
  that has not run yet is neither.
* A failure counts at once, also of a version that nothing could be made of. Going back to an older version by hand within the 24 hours is one.
* What was left before its 24 hours were over, for another spec or version, suspended or retired, counts as neither: nobody
  saw whether it would have held.

The record is a set of outcomes by id, cut to the newest. Merging is therefore idempotent, does not depend on order, and
whatever was killed, repeated or deleted in between changes nothing about it. Ids and tokens are digests over uids, which are
random: who cannot read a deployment or a customer's namespace learns nothing from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low
from typing import Any, Final

import msgspec

from fde_api.deployment import Attempt
from fde_api.primitive import Outcome
from fde_operator.attempts import LOST_FOR, ROLLED_BACK, WATCHED, is_fault, moment, read, took_s
from fde_operator.clock import rfc3339
from fde_operator.cluster import Manifest

KEPT: Final = 100  # outcomes of one version
CUSTOMERS: Final = 1000  # of one version: as many as a gate can ask for
ALIASES: Final = 20  # tokens of one customer: of its oldest namespaces
# A loss that began within the 24 hours is written down LOST_FOR later, or when a CronJob's next run failed as well.
SETTLED_AFTER: Final = WATCHED + 5 * LOST_FOR
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one deployment's attempts at one version came to. `pending`: when each of the others settles."""

    outcomes: tuple[Outcome, ...]
    pending: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Outcomes, counted. `deploy_s`: the median of start to first Ready, of those that became Ready."""

    attempts: int
    successes: int
    deploy_s: int | None

    @property
    def rate(self) -> float | None:
        """Share of successes; None of nothing."""
        return self.successes / self.attempts if self.attempts else None


def verdicts(deployment: Manifest, primitive: str, version: str, *, now: str) -> Verdicts:
    """The outcomes of `deployment`'s attempts at `version`, and what is still pending. `primitive`: the object's name."""
    outcomes: list[Outcome] = []
    pending: list[datetime] = []
    left_at: str | None = None  # when the next one took over; attempts are newest first
    for attempt in read(deployment.get("status", {}).get("attempts")):
        if attempt.version == version:
            found = _verdict(attempt, None if left_at is None else moment(left_at), moment(now))
            if isinstance(found, datetime):
                pending.append(found)
            elif found is not None:
                uid = str(deployment["metadata"].get("uid", ""))
                outcomes.append(msgspec.structs.replace(found, id=token(primitive, uid, attempt.started_at)))
        if not is_fault(attempt):  # of what could not be made, nothing took over
            left_at = attempt.rollout_at or attempt.started_at
    return Verdicts(tuple(outcomes), tuple(pending))


def _verdict(attempt: Attempt, left_at: datetime | None, now: datetime) -> Outcome | datetime | None:
    """An outcome without an id; when there will be one; or None: there is none, and there may never be."""
    if attempt.ready_at is None:
        return None if attempt.failed_at is None else Outcome(id="", at=_normal(attempt.failed_at), ok=False)
    ready = moment(attempt.ready_at)
    took = took_s(attempt)
    if attempt.failed_at is not None and moment(attempt.failed_at) < ready + WATCHED:
        return Outcome(id="", at=_normal(attempt.failed_at), ok=False, deploy_seconds=took)
    if attempt.failed_at is None and attempt.reason not in (None, ROLLED_BACK):
        return None  # suspended or retired: it is not said when
    if left_at is not None and left_at < ready + WATCHED:
        if attempt.reason != ROLLED_BACK:
            return None
        return Outcome(id="", at=rfc3339(left_at), ok=False, deploy_seconds=took)
    if now < ready + SETTLED_AFTER:
        return ready + SETTLED_AFTER
    return Outcome(id="", at=rfc3339(ready + WATCHED), ok=True, deploy_seconds=took)


def _normal(at: str) -> str:
    """In the one form in which texts compare as times do."""
    return rfc3339(moment(at))


def token(*parts: str) -> str:
    """Equal for equal parts, and nothing else."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:_DIGITS]


def merged(recorded: Iterable[Outcome], seen: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Both, each id once, newest first, no more than are kept. What is recorded stays as it is."""
    by_id = {one.id: one for one in (*seen, *recorded)}
    return tuple(sorted(by_id.values(), key=lambda one: (one.at, one.id), reverse=True)[:KEPT])


def fresh(recorded: Sequence[Outcome], seen: Iterable[Outcome]) -> list[Outcome]:
    """Those of `seen` that are news: not recorded, and not older than all that a full record holds."""
    known = {one.id for one in recorded}
    floor = recorded[-1].at if len(recorded) >= KEPT else ""
    return [one for one in seen if one.id not in known and one.at >= floor]


def sample(outcomes: Sequence[Outcome]) -> Sample:
    """What they are, counted."""
    took = [one.deploy_seconds for one in outcomes if one.deploy_seconds is not None]
    return Sample(len(outcomes), sum(one.ok for one in outcomes), median_low(took) if took else None)


def recorded(primitive: Manifest) -> tuple[Outcome, ...]:
    """The record in a DeploymentPrimitive's status."""
    return tuple(msgspec.convert(one, Outcome) for one in primitive.get("status", {}).get("outcomes") or ())


def written(outcomes: Iterable[Outcome]) -> list[dict[str, Any]] | None:
    """The record as it stands in a status; None for an empty one."""
    return [msgspec.to_builtins(one) for one in outcomes] or None
