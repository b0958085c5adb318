"""What a feed says of itself: whether it is read, whether it has its user, and whether waiting helps. Pure.

Claim, condition Attached -> ready(), told() -> staged() -> status_patch()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_operator.claim import Claim
from fde_operator.conditions import Condition, condition
from fde_operator.policies import REASON as POLICY_MISSING

# Of what is not attached: somebody has to edit or delete something. The rest comes with another object, or with time.
_A_PERSON: Final = frozenset({"NotOptedIn", "Taken", "Superseded", "FeedInvalid", "Denied", POLICY_MISSING})


def told(state: Claim) -> list[Condition]:
    """Conditions Synced and Error."""
    return [
        condition("Synced", state.synced, state.reason, state.message),
        condition(
            "Error", state.error, state.reason if state.error else "NoError", state.message if state.error else ""
        ),
    ]


def ready(attached: Condition, wanted: Claim, *, settled: bool) -> Condition:
    """Condition Ready. `settled`: the sidecar can log in."""
    if attached["status"] == "True" and wanted.error:
        return condition("Ready", False, wanted.reason, wanted.message)
    if attached["status"] == "True" and wanted.feed is not None and not settled:
        return condition("Ready", False, wanted.reason, f"its sidecar spools: {wanted.message}")
    return {**attached, "type": "Ready"}


def staged(conditions: Sequence[Condition]) -> list[Condition]:
    """With Reconciling and Stalled, as kstatus reads them: one of them is True while Ready is not."""
    found = {one["type"]: one for one in conditions}
    well, error = found["Ready"], found["Error"]
    reason = well["reason"]
    if well["status"] == "True":
        return [*conditions, condition("Reconciling", False, reason), condition("Stalled", False, reason)]
    stuck = error if error["status"] == "True" else well
    if error["status"] == "True" or reason in _A_PERSON:
        said = (stuck["reason"], stuck.get("message", ""))
        return [*conditions, condition("Reconciling", False, said[0]), condition("Stalled", True, *said)]
    message = well.get("message") or found["Synced"].get("message", "")
    return [*conditions, condition("Reconciling", True, reason, message), condition("Stalled", False, reason)]
