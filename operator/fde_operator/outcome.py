"""Outcome: what one look at a deployment found, as conditions and the rest of its status. Pure.

Readiness, Pending, Held -> running() | held() | retired() -> Outcome -> status_patch()

Ready, Reconciling and Stalled are as kstatus reads them: one of Reconciling and Stalled is True while Ready is not. Suspended
and retired are Ready: what was asked for is reached, and nobody waits for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fde_operator.attempts import moment
from fde_operator.conditions import Condition, condition
from fde_operator.errors import Held
from fde_operator.parameters import REASON as PARAMETERS
from fde_operator.readiness import Readiness
from fde_operator.update import FIRST, Pending

KEPT: Final = (
    "resolvedVersion",
    "requestedVersion",
    "availableVersion",
    "nextWindow",
    "handledUpdateNow",
    "filesDigest",
    "templateDigest",
    "appliedCompliance",
    "completedJob",
    "attempts",
    "history",
    "inventory",
)
_HISTORY: Final = 10
_OF_WHAT_RUNS: Final = ("MaturityFits", "SecretsReady", "IsolationReady", "FeedInUse")
_BEFORE: Final = "something before it holds the deployment back"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`: all fields beside conditions and observedGeneration; None takes one away."""

    conditions: tuple[Condition, ...]
    status: dict[str, Any]
    requeue_after_s: float | None = None


def running(state: Readiness) -> tuple[Condition, ...]:
    """The conditions of a deployment that nothing holds back."""
    settled = state.ready or state.stalled
    return (
        condition("Ready", state.ready, state.reason, state.message),
        condition("Reconciling", not settled, state.reason, "" if settled else state.message),
        condition("Stalled", state.stalled, state.reason, state.message if state.stalled else ""),
        condition("ParametersValid", True, "Valid"),
    )


def held(why: Held, *, valid: bool | None = None, pending: Pending | None = None) -> tuple[Condition, ...]:
    """The conditions of one that waits for an edit. `valid`: of the parameters, None when nobody looked at them."""
    message = str(why)
    if why.reason == PARAMETERS:
        parameters = condition("ParametersValid", False, why.reason, message)
    elif valid:
        parameters = condition("ParametersValid", True, "Valid")
    else:
        parameters = condition("ParametersValid", None, "NotChecked", _BEFORE)
    update = updating(pending) if pending else condition("UpdatePending", None, "NotChecked", _BEFORE)
    return (
        condition("Ready", False, why.reason, message),
        condition("Reconciling", False, why.reason),
        condition("Stalled", True, why.reason, message),
        parameters,
        update,
        *(condition(kind, None, "NotChecked", _BEFORE) for kind in _OF_WHAT_RUNS),
    )


def retired() -> tuple[Condition, ...]:
    """The conditions of one that ended for good."""
    return (
        condition(
            "Ready",
            True,
            "Retired",
            "nothing runs, and what was made for it is gone or going: the phase is retired, for good",
        ),
        condition("Reconciling", False, "Retired"),
        condition("Stalled", False, "Retired"),
        condition("UpdatePending", False, "Retired"),
    )


def updating(pending: Pending) -> Condition:
    """Condition UpdatePending."""
    return condition("UpdatePending", pending.waits, pending.reason, pending.message)


def opens_s(pending: Pending | None, now: str) -> float | None:
    """Seconds until the window that an update waits for."""
    if pending is None or pending.opening is None:
        return pending.retry_after_s if pending else None
    return (pending.opening.starts - moment(now)).total_seconds()


def soonest(*delays_s: float | None) -> float | None:
    """The first time at which there is something to look at again."""
    return min((one for one in delays_s if one is not None), default=None)


def kept(status: dict[str, Any]) -> dict[str, Any]:
    """The fields of a status as it stands, for an outcome that changes some of them."""
    return {name: status.get(name) for name in KEPT}


def history(before: Sequence[dict[str, str]], version: str, *, at: str, reason: str) -> list[dict[str, str]]:
    """Newest first, with `version` on top; `reason` empty: nobody said why it is another one."""
    entries = list(before)
    if not entries or entries[0]["version"] != version:
        entries.insert(0, {"version": version, "at": at, "reason": reason if entries and reason else FIRST})
    return entries[:_HISTORY]
