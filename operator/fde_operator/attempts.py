"""Attempts: each try to run a version, and how it went. What PatternLibrary's success rate and deploy time are measured from.

status.attempts -> begun() when something new is rolled out -> judged() at each look -> status.attempts; due(): the next look

An attempt is

* ready    when its workload is Ready for the first time (a Deployment's own word for when, if it gives one); a CronJob's when
           its first run has ended, and until then it is Scheduled: nothing waits for it, and it is neither good nor bad;
* failed   before that, when the workload says that waiting is of no use, or READY_WITHIN after the rollout began; or when
           the primitive itself is at fault, and nothing could be made (FAULTS);
* failed   after it, when too few pods are left for LOST_FOR, or a run or Job fails, within WATCHED of `ready_at`. LOST_FOR is
           shorter than the longest pause of a crash loop (5 min), so that a loop crosses it, and longer than a pod's move to
           another node takes;
* left     without a verdict, when it was neither yet and another one came (Superseded), or when nothing runs any more
           (Suspended, Retired); one that was ready before stays ready, and is not watched further.

Pure. A suspended deployment's attempts are not judged: nothing runs that could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from fde_api.deployment import Attempt
from fde_operator.clock import rfc3339
from fde_operator.readiness import Readiness

KEPT: Final = 20
READY_WITHIN: Final = timedelta(minutes=15)
LOST_FOR: Final = timedelta(minutes=3)
WATCHED: Final = timedelta(hours=24)
EXCEEDED: Final = "ProgressDeadlineExceeded"
SUSPENDED: Final = "Suspended"
SCHEDULED: Final = "Scheduled"
# Reasons of Held that no edit of a deployment's mends: the version is tried, and fails, though nothing is ever made.
FAULTS: Final = frozenset(
    {"TemplateInvalid", "TemplateTooLarge", "PrimitiveInvalid", "MountPathTaken", "SecretsStoreUnsupported"}
)
ROLLED_BACK: Final = "RolledBack"  # a person named an older version while this one ran

_REASON: Final = 253  # characters, as the schema has it

Attempts = tuple[Attempt, ...]


def moment(text: str) -> datetime:
    """An RFC 3339 time, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def read(found: Any) -> Attempts:
    """As a status has them; none, where somebody wrote something else there by hand: no times, or some that nothing comes after."""
    try:
        attempts = msgspec.convert(found or (), Attempts)
        for one in attempts:
            for at in (one.started_at, one.rollout_at, one.run_at, one.ready_at, one.failed_at):
                if at is not None:
                    moment(at) + 2 * WATCHED
    except (msgspec.ValidationError, ValueError, OverflowError):
        return ()
    return attempts


def written(attempts: Attempts) -> list[dict[str, Any]] | None:
    """As a status has them; None when there are none."""
    return list(msgspec.to_builtins(attempts)) or None  # a list, as it is read: a tuple would never be equal to it


def open_(attempt: Attempt) -> bool:
    """Whether it may still become anything: neither ready nor failed nor left."""
    return attempt.ready_at is None and attempt.failed_at is None and attempt.reason in (None, SCHEDULED)


def is_fault(attempt: Attempt) -> bool:
    """Whether nothing was ever made for it, for the primitive's own fault."""
    return attempt.ready_at is None and attempt.reason in FAULTS


def under_way(attempts: Attempts) -> bool:
    """Whether the newest is being rolled out. A CronJob that waits for its first run is not."""
    return bool(attempts) and open_(attempts[0]) and attempts[0].reason is None


def begins(attempts: Attempts, version: str, generation: int, *, rolls_out: bool, again: bool = False) -> bool:
    """Whether running `version` now is a new attempt: another version, a spec that replaces the pods, or a resumption.

    `rolls_out`: the pods will be replaced. That alone is none: a repair, or new images of the operator's own. `again`: it is
    a Job that somebody took away and that is made anew, which tries again what failed.
    """
    if not attempts:
        return True
    last = attempts[0]
    if last.version != version or last.reason == SUSPENDED or is_fault(last):
        return True
    if again and last.failed_at is not None:
        return True
    return rolls_out and last.generation != generation


def begun(attempts: Attempts, version: str, generation: int, now: str, *, asked: str | None = None) -> Attempts:
    """With a new one on top; one that was under way is superseded. `asked`: since when somebody waits for the first."""
    if attempts and open_(attempts[0]):
        attempts = (replace(attempts[0], reason="Superseded"), *attempts[1:])
    return (_new(attempts, version, generation, now, asked), *attempts)[:KEPT]


def carried(attempts: Attempts, generation: int) -> Attempts:
    """The newest goes on with a spec that replaced no pods: what replaces them later is not that spec's doing."""
    if not attempts or attempts[0].generation == generation:
        return attempts
    return (replace(attempts[0], generation=generation), *attempts[1:])


def faulted(
    attempts: Attempts, version: str, generation: int, reason: str, now: str, *, asked: str | None = None
) -> Attempts:
    """With a failure of `version`, once, that is the primitive's own: `reason` is one of :data:`FAULTS`.

    Below what runs: that goes on, and is what the newest is about.
    """
    if any(is_fault(one) and one.version == version for one in attempts):
        return attempts
    failure = replace(_new(attempts, version, generation, now, asked), rollout_at=None, failed_at=now, reason=reason)
    at = 1 if attempts and not is_fault(attempts[0]) else 0
    return (*attempts[:at], failure, *attempts[at:])[:KEPT]


def _new(before: Attempts, version: str, generation: int, now: str, asked: str | None) -> Attempt:
    if before or asked is None or moment(asked) >= moment(now):
        return Attempt(version=version, generation=generation, started_at=now)
    return Attempt(version=version, generation=generation, started_at=rfc3339(moment(asked)), rollout_at=now)


def stopped(attempts: Attempts, reason: str) -> Attempts:
    """Nothing runs any more, on purpose: the newest ends, with the verdict it has or none."""
    if not attempts or attempts[0].failed_at is not None or attempts[0].reason not in (None, SCHEDULED):
        return attempts
    return (replace(attempts[0], reason=reason), *attempts[1:])


def rolled_back(attempts: Attempts, version: str) -> Attempts:
    """A person went back from `version`: it is not taken again by itself. What it has achieved stays."""
    for at, attempt in enumerate(attempts):
        if attempt.version == version:
            marked = attempt if attempt.failed_at else replace(attempt, reason=ROLLED_BACK)
            return (*attempts[:at], marked, *attempts[at + 1 :])
    return attempts


def judged(attempts: Attempts, state: Readiness, now: str) -> Attempts:
    """The newest attempt as `state` shows it. Verdicts once given stay."""
    if not attempts or state.idle:
        return attempts
    last = attempts[0]
    if open_(last):
        if state.ready and state.untried:
            verdict = replace(last, reason=SCHEDULED)
        elif state.ready:
            since, run_at = _within(state.since, last.started_at, now), state.run_at
            verdict = replace(
                last, ready_at=since, run_at=run_at and _within(run_at, last.started_at, since), reason=None
            )
        elif state.stalled:
            verdict = replace(last, failed_at=now, reason=state.reason[:_REASON])
        elif last.reason is None and moment(now) >= _deadline(last):
            verdict = replace(last, failed_at=now, reason=EXCEEDED)
        else:
            return attempts
    else:
        lost_at = _lost_at(last, state, now)
        if lost_at is None or moment(now) < lost_at + _patience(state):
            return attempts
        reason = state.reason[:_REASON] if state.stalled else "ReadyLost"
        verdict = replace(last, failed_at=rfc3339(lost_at), reason=reason)
    return (verdict, *attempts[1:])


def due(attempts: Attempts, state: Readiness, now: str) -> float | None:
    """Seconds until time alone may change the verdict; None when it cannot."""
    if not attempts or state.idle or state.ready:
        return None
    last = attempts[0]
    if open_(last) and last.reason is None:
        ends = _deadline(last)
    elif (lost_at := _lost_at(last, state, now)) is not None:
        ends = lost_at + _patience(state)
    else:
        return None
    return max(0.0, (ends - moment(now)).total_seconds())


def overdue(attempts: Attempts, state: Readiness) -> Readiness:
    """`state`, stalled when its attempt was given up before it was ever ready: nobody needs to wait for it any more."""
    if state.ready or state.stalled or not attempts:
        return state
    last = attempts[0]
    if last.failed_at is None or last.ready_at is not None:
        return state
    minutes = int(READY_WITHIN.total_seconds() // 60)
    said = f"not Ready within {minutes} minutes of {last.rollout_at or last.started_at}: {state.message}. `kubectl describe pod` says why"
    return Readiness(False, EXCEEDED, said, stalled=True, lost_at=state.lost_at)


def refused(attempts: Sequence[Attempt]) -> frozenset[str]:
    """Versions that are not taken here by themselves: the last that was heard of them is a failure, or a way back."""
    verdicts: dict[str, bool] = {}
    for attempt in attempts:
        if attempt.ready_at or attempt.failed_at:  # one that was left says nothing
            verdicts.setdefault(attempt.version, bool(attempt.failed_at) or attempt.reason == ROLLED_BACK)
        elif attempt.reason == ROLLED_BACK:
            verdicts.setdefault(attempt.version, True)
    return frozenset(version for version, is_refused in verdicts.items() if is_refused)


def _lost_at(attempt: Attempt, state: Readiness, now: str) -> datetime | None:
    """When the newest attempt stopped being Ready, if that is within its time and nobody has said so yet."""
    if attempt.ready_at is None or attempt.failed_at is not None or state.ready or state.idle:
        return None
    if state.lost_at is None and not state.stalled:
        return None  # pods of before serve
    ready_at = moment(attempt.ready_at)
    lost_at = max(ready_at, min(moment(state.lost_at or now), moment(now)))
    return lost_at if lost_at < ready_at + WATCHED else None


def _deadline(attempt: Attempt) -> datetime:
    return moment(attempt.rollout_at or attempt.started_at) + READY_WITHIN


def took_s(attempt: Attempt) -> int | None:
    """Seconds from start to Ready, without a CronJob's wait for its time; None of what never was."""
    if attempt.ready_at is None:
        return None
    took = moment(attempt.ready_at) - moment(attempt.started_at)
    if attempt.run_at is not None:
        took -= moment(attempt.run_at) - moment(attempt.rollout_at or attempt.started_at)
    return max(0, round(took.total_seconds()))


def _patience(state: Readiness) -> timedelta:
    return timedelta(0) if state.stalled else LOST_FOR


def _within(said: str | None, after: str, now: str) -> str:
    """The time that the workload says, if it can be about this attempt."""
    if said is None or not moment(after) <= moment(said) <= moment(now):
        return now
    return rfc3339(moment(said))
