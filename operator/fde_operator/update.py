"""Which version a deployment runs, and which one waits. Pure; the spec is never rewritten: it is somebody's GitOps source.

spec, versions, what is known of before, the time -> choose() -> Choice -> status.resolvedVersion, condition UpdatePending

* The first time, the highest version that the policy allows is run at once: a window guards what runs. One that nobody
  named must be usable (fde_operator.maturity): in phase production it is of production grade. One that nothing could be made
  of here is passed over for the next one, unless it is the only one.
* An edit of spec.primitiveRef.version is followed at once, up or down, or waited for when it names what is not published.
  The version left by a way down is not taken again. Raising the floor is none: under an auto-update policy an edit to what
  lies between the version named before and the one that runs leaves that one, unless it failed here.
* Auto-update takes the highest allowed version above the running one that is neither refused here (it failed, or a person
  went back from it) nor unusable (fde_operator.maturity), inside the maintenance window, when no rollout is under way.
* Policy ``none`` runs exactly what the spec names: to turn auto-update off is to go back to it, if something else runs, in
  the maintenance window if there is one. What is left so did not fail.
* A running version that is published no more cannot be looked after: at once the choice is made as the first time, without
  what was refused here.
* Annotation ``fde.io/update-now: vX.Y.Z`` lets that version through outside the window, once, and again if it was refused.
  ``true`` lets through what is pending at that time, and is spent with it, or at once when nothing is: to use it again,
  remove it and set it again.
  Whoever may edit the deployment may set it.
* A suspended deployment is not updated; its spec is followed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fde_api.deployment import FDEDeploymentSpec
from fde_operator.errors import Held
from fde_operator.maturity import unusable
from fde_operator.version import Published, above, newest, released, within
from fde_operator.window import Opening

UPDATE_NOW: Final = "fde.io/update-now"
FIRST: Final = "FirstDeployment"
EDITED: Final = "SpecEdited"
AUTOMATIC: Final = "AutoUpdate"
OVERRIDDEN: Final = "UpdateNow"
TURNED_OFF: Final = "AutoUpdateOff"
WITHDRAWN: Final = "Withdrawn"
UNDER_WAY: Final = "RolloutUnderWay"
OUTSIDE: Final = "OutsideWindow"
_ANY: Final = "true"
_TOLD: Final = 3  # versions whose reasons a message gives

Versions = Mapping[str, Published]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known from before. `refused`: versions not to take by themselves. `asked`: the annotation; `handled`: its value
    that has had its effect."""

    running: str | None = None
    requested: str | None = None
    refused: Collection[str] = frozenset()
    under_way: bool = False
    asked: str | None = None
    handled: str | None = None

    @property
    def open_request(self) -> str | None:
        """What the annotation asks for, if it does and has not been answered yet."""
        asked = (self.asked or "").strip()
        return asked if asked not in ("", "false") and asked != self.handled else None


@dataclass(frozen=True, slots=True)
class Pending:
    """Condition UpdatePending. `opening`: the window it waits for. `retry_after_s`: what it waits for tells nobody."""

    waits: bool
    reason: str
    message: str = ""
    opening: Opening | None = None
    retry_after_s: float | None = None

    @property
    def next_window(self) -> str | None:
        """For status.nextWindow: when the update is taken, if a window decides that."""
        return str(self.opening) if self.opening else None


@dataclass(frozen=True, slots=True)
class Choice:
    """`version` to run; None: there is none. `reason`: why it is another than before; empty when it is not."""

    version: str | None
    reason: str
    pending: Pending
    available: str | None = None
    handled: str | None = None


def choose(
    spec: FDEDeploymentSpec, versions: Versions, standing: Standing, *, at: datetime, opening: Opening | None
) -> Choice:
    """The decision of this moment. `opening`: the maintenance window's, under way or next; None when there is no window."""
    policy, wanted = spec.lifecycle.auto_update_policy, spec.primitive_ref.version
    followed, reason = _followed(spec, versions, standing)
    if followed is None:
        return Choice(None, "", Pending(False, "NoVersion"), handled=_handled(standing, None, looked=False))
    if policy == "none":
        if reason == TURNED_OFF and (waits := _waits_to_go_back(spec, versions, standing, at=at, opening=opening)):
            return _chosen(standing.running or followed, "", waits, versions, standing)
        pending = Pending(False, TURNED_OFF, "lifecycle.autoUpdatePolicy is none: spec.primitiveRef.version is run")
        return _chosen(followed, reason, pending, versions, standing)
    fit, retriable, notes = _candidates(spec, versions, standing, followed)
    request = standing.open_request
    if request == _handled(standing, followed, looked=False):
        request = None  # what runs, or is above it, answers it
    best = fit[-1] if fit else None
    if request in (*fit, *retriable):
        best = request
    if best is None:
        pending = Pending(False, "NotTaken" if notes else "UpToDate", _sentence(notes, request))
        return _chosen(followed, reason, pending, versions, standing)
    if reason or standing.under_way:
        pending = Pending(True, UNDER_WAY, f"{best} waits until the rollout of {followed} has ended")
        return _chosen(followed, reason, pending, versions, standing, looked=False)
    if spec.suspend:
        pending = Pending(True, "Suspended", f"{best} waits: a suspended deployment is not updated")
        return _chosen(followed, reason, pending, versions, standing)
    if request in (_ANY, best):
        return _taken(best, OVERRIDDEN, spec, versions, standing, at=at, opening=opening)
    if opening is None:
        pending = Pending(True, "NoWindow", f"{best} waits: set lifecycle.maintenanceWindow, or name it in the spec")
    elif opening.holds(at):
        return _taken(best, AUTOMATIC, spec, versions, standing, at=at, opening=opening)
    else:
        told = f"{best} is taken when the maintenance window opens, at {opening}; annotation {UPDATE_NOW}: {best} takes it now"
        pending = Pending(True, OUTSIDE, _joined(told, _misread(request, wanted)), opening)
    return _chosen(followed, reason, pending, versions, standing)


def held_back(choice: Choice, held: Held, standing: Standing, versions: Versions) -> Choice:
    """`choice` when the version it takes cannot be run with this spec: what runs goes on."""
    message = f"{choice.version} is not taken: {held}"
    available = newest(versions.values(), standing.running)
    return Choice(
        standing.running,
        "",
        Pending(True, held.reason, message, retry_after_s=held.retry_after_s),
        available,
        standing.handled,
    )


def _followed(spec: FDEDeploymentSpec, versions: Versions, standing: Standing) -> tuple[str | None, str]:
    """The version without any update, and why it is not the one that runs, if it is not."""
    wanted, runs = spec.primitive_ref.version, standing.running
    if runs is None:
        return _first(spec, versions, standing.refused) or _first(spec, versions), FIRST
    edited = standing.requested not in (None, wanted)
    if wanted != runs and edited and not _raises_floor(spec, versions, standing):
        return (wanted if wanted in versions else None), EDITED
    if wanted != runs and spec.lifecycle.auto_update_policy == "none":
        return (wanted if wanted in versions else None), TURNED_OFF
    return (runs, "") if runs in versions else (_first(spec, versions, standing.refused), WITHDRAWN)


def _raises_floor(spec: FDEDeploymentSpec, versions: Versions, standing: Standing) -> bool:
    """Whether the edit only names a later version to begin at, and what runs goes on being one that the policy takes."""
    runs, wanted = versions.get(standing.running or ""), spec.primitive_ref.version
    before, now = released(standing.requested or ""), released(wanted)
    if runs is None or runs.name in standing.refused or before is None or now is None or now < before:
        return False
    return bool(within([runs], wanted, spec.lifecycle.auto_update_policy))


def _waits_to_go_back(
    spec: FDEDeploymentSpec, versions: Versions, standing: Standing, *, at: datetime, opening: Opening | None
) -> Pending | None:
    """What a way back to the named version waits for, as auto-update is turned off; None: it is gone at once."""
    wanted = spec.primitive_ref.version
    if opening is None or opening.holds(at) or spec.suspend or standing.running not in versions:
        return None
    if standing.open_request in (_ANY, wanted):
        return None
    told = (
        f"{wanted}, which the spec names, runs again when the maintenance window opens, at {opening}; "
        f"annotation {UPDATE_NOW}: {wanted} runs it now"
    )
    return Pending(True, OUTSIDE, told, opening)


def _first(spec: FDEDeploymentSpec, versions: Versions, refused: Collection[str] = ()) -> str | None:
    """The highest version that the policy allows, or the one named. `refused`: not taken unless named."""
    wanted, policy = spec.primitive_ref.version, spec.lifecycle.auto_update_policy
    allowed = within(versions.values(), wanted, policy)
    named = versions.get(wanted)
    against = named.manifest if named else None
    phase = spec.lifecycle.phase
    others = [one for one in allowed if one.name not in refused]
    fit = {one.name for one in others if not unusable(one.manifest, against, phase=phase)}
    usable = [one.name for one in allowed if one is named or one.name in fit]
    return usable[-1] if usable else wanted if named else None


def _candidates(
    spec: FDEDeploymentSpec, versions: Versions, standing: Standing, running: str
) -> tuple[list[str], list[str], list[str]]:
    """Versions that may be taken, lowest first; those that only a person may ask for again; and what is said of the rest."""
    fit, retriable, notes = [], [], []
    allowed = within(versions.values(), spec.primitive_ref.version, spec.lifecycle.auto_update_policy)
    for one in above(allowed, running):
        if why := unusable(one.manifest, versions[running].manifest, phase=spec.lifecycle.phase):
            notes.append(why)
        elif one.name in standing.refused:
            retriable.append(one.name)
            notes.append(
                f"{one.name} failed here, or was gone back from: annotation {UPDATE_NOW}: {one.name} tries it again"
            )
        else:
            fit.append(one.name)
    return fit, retriable, notes


def _taken(
    version: str,
    reason: str,
    spec: FDEDeploymentSpec,
    versions: Versions,
    standing: Standing,
    *,
    at: datetime,
    opening: Opening | None,
) -> Choice:
    """An update to `version`, and of what is pending then already what the next look will say of it."""
    handled = _handled(standing, version, looked=True)
    after = replace(standing, running=version, under_way=True, handled=handled)
    pending = choose(spec, versions, after, at=at, opening=opening).pending
    return Choice(version, reason, pending, newest(versions.values(), version), handled)


def _chosen(
    version: str, reason: str, pending: Pending, versions: Versions, standing: Standing, *, looked: bool = True
) -> Choice:
    available = newest(versions.values(), version)
    if reason == WITHDRAWN:
        why = f"{standing.running} is not published for this customer any more: {version} runs in its place"
        pending = replace(pending, message=_joined(why, pending.message))
    return Choice(version, reason, pending, available, _handled(standing, version, looked=looked))


def _handled(standing: Standing, version: str | None, *, looked: bool) -> str | None:
    """The annotation's value if it has had its effect: ``true`` by a look, a version when it (or a higher one) runs."""
    request = standing.open_request
    if request is None:
        return standing.handled if standing.asked is not None and standing.asked.strip() == standing.handled else None
    if request == _ANY:
        return _ANY if looked else None
    named, runs = released(request), released(version or "")
    return request if request == version or (named and runs and named <= runs) else None


def _misread(request: str | None, wanted: str) -> str:
    """What is wrong with an annotation that nothing can be made of."""
    if request in (None, _ANY):
        return ""
    if released(str(request)) is None:
        return f"Annotation {UPDATE_NOW} is neither `true` nor a released version such as {wanted}"
    return f"Annotation {UPDATE_NOW} names {request}, which is not one that may be taken"


def _sentence(notes: list[str], request: str | None) -> str:
    told = "; ".join(reversed(notes[-_TOLD:]))
    return _joined(told, _misread(request, "v1.2.3"))


def _joined(*sentences: str) -> str:
    return ". ".join(sentence for sentence in sentences if sentence)
