"""Jobs: one that is at work is let be, and one that is done is not made again. Pure.

what the app is -> digest() -> the Job's name; the Job that stands there, status.completedJob -> standing() -> plan()

A Job's pod cannot be changed, so another pod would be another Job, and that does the work once more. Its name is therefore
made of what the app is: version, values, files, references to secrets. What the platform puts around it (sidecar, brokers,
labels, places) is not in it: a Job gets that when it is made, and keeps it; labels, annotations and places from when it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from fde_api.meta import digest_of
from fde_api.primitive import PrimitiveSpec, Workload
from fde_operator.cluster import Manifest
from fde_operator.files import Files
from fde_operator.parameters import Values
from fde_operator.plan import Desired, holds
from fde_operator.readiness import Readiness
from fde_operator.rollout import same

KIND: Final = "Job"
DIGEST: Final = "fde.io/app-digest"  # an annotation: of what the Job runs
SUCCEEDED: Final = "Succeeded"
_DIGITS: Final = 8
_PLACES: Final = ("nodeSelector", "tolerations", "schedulingGates")  # with nodeAffinity: KEP-2926

Completed = Mapping[str, str]


def digest(primitive: PrimitiveSpec, runs: Workload, values: Values, files: Files) -> str:
    """``sha256:<hex>`` of what the app is. Another one means that every Job in the field does its work again."""
    references = {**values.secrets, **values.outside}  # as they were given: a Secret made for one is the landscape's
    return digest_of(
        {
            "primitive": primitive.primitive_name,
            "version": primitive.version,
            "workload": runs,
            "values": dict(values.texts),
            "lists": {name: value for name, value in values.plain.items() if isinstance(value, list)},
            "secrets": references,
            "files": files.digest,
        }
    )


def metadata(given: Mapping[str, Any], app_digest: str) -> dict[str, Any]:
    """A Job's, from its deployment's other objects': its name says what it runs."""
    short = app_digest.removeprefix("sha256:")[:_DIGITS]
    notes = {**given["annotations"], DIGEST: app_digest}
    return {**given, "name": f"{given['name']}-{short}", "annotations": notes}


def done(workload: Manifest, completed: Completed | None) -> bool:
    """Whether `workload` is a Job that has succeeded already, be it there or not. `completed`: status.completedJob."""
    if workload["kind"] != KIND or not completed:
        return False
    return _app(workload) == completed["digest"]


def begun(found: Manifest | None) -> bool:
    """Whether `found` is a Job whose pod is what it is: the API server lets nobody change it any more."""
    if found is None or found["kind"] != KIND:
        return False
    return not found["spec"].get("suspend") or bool(found.get("status", {}).get("startTime"))


def standing(
    objects: Sequence[Desired], observed: Sequence[Manifest], completed: Completed | None
) -> tuple[Desired, ...]:
    """`objects`, but a Job that stands there keeps its pod, and one that is done and has gone stays gone.

    Of one that never began the API server lets everybody change labels, annotations and places: those are put back.
    """
    found: list[Desired] = []
    for one in objects:
        if one.manifest["kind"] == KIND:
            there = same(one.manifest, observed)
            if there is None and done(one.manifest, completed):
                continue
            if there is not None:
                spec = {**one.manifest["spec"], "template": _template(one.manifest, there)}
                one = replace(one, manifest={**one.manifest, "spec": spec})
        found.append(one)
    return tuple(found)


def mounts_others(workload: Manifest, observed: Sequence[Manifest], completed: Completed | None) -> bool:
    """Whether a Job that is not done stands there with another pod than `workload` has: what that mounts has to stay."""
    there = same(workload, observed)
    if there is None or there["kind"] != KIND or done(workload, completed):
        return False
    return not holds(there["spec"]["template"], workload["spec"]["template"])


def _template(wanted: Manifest, there: Manifest) -> dict[str, Any]:
    """What `there` has, but for what of `wanted` can still be had."""
    found: dict[str, Any] = there["spec"]["template"]
    if begun(there):
        return found
    ours, spec = wanted["spec"]["template"], dict(found["spec"])
    metadata = dict(found.get("metadata") or {})
    for name in ("labels", "annotations"):  # beside ours those of the Job's own selector, without which it is refused
        metadata[name] = {**(metadata.get(name) or {}), **ours["metadata"][name]}
    places = {name: value for name, value in (spec.pop("affinity", None) or {}).items() if name != "nodeAffinity"}
    places |= ours["spec"].get("affinity", {})
    for name in _PLACES:
        spec.pop(name, None)
    mine = {name: ours["spec"][name] for name in _PLACES if name in ours["spec"]}
    return {"metadata": metadata, "spec": {**spec, **mine, **({"affinity": places} if places else {})}}


def completion(workload: Manifest, found: Manifest | None, before: Completed | None, now: str) -> Completed | None:
    """status.completedJob once `workload`, of which `found` stands there, has succeeded; until then as it was."""
    if workload["kind"] != KIND or found is None or done(workload, before):
        return before
    status, app = found.get("status", {}), _app(workload)
    ended = {one["type"]: one for one in status.get("conditions", ()) if one.get("status") == "True"}
    if "Complete" not in ended or app is None:
        return before
    return {"name": workload["metadata"]["name"], "digest": app, "at": status.get("completionTime") or now}


def left(found: Sequence[Manifest], before: Completed | None, now: str) -> Completed | None:
    """status.completedJob where nothing new is begun, of the workloads that stand there: to take back the edit that is held
    runs nothing again, unless another Job has begun meanwhile."""
    there = [one for one in found if one["kind"] == KIND]
    if not there:
        return before
    if len(there) > 1:
        return None
    (one,) = there
    return completion(one, one, before if done(one, before) else None, now)


def _app(workload: Manifest) -> str | None:
    """What a Job runs; None where somebody took the note away from it."""
    noted: str | None = (workload["metadata"].get("annotations") or {}).get(DIGEST)
    return noted


def gone(completed: Completed) -> Readiness:
    """The state of a Job that succeeded, and that somebody took away since."""
    told = f"Job {completed['name']} was done at {completed['at']}; it is not there any more, and is not run again"
    return Readiness(True, SUCCEEDED, told)


def read(found: Any) -> Completed | None:
    """As a status has it; None, where somebody wrote something else there by hand."""
    try:
        completed = msgspec.convert(found, dict[str, str])
    except msgspec.ValidationError:
        return None
    return completed if completed.keys() >= {"name", "digest", "at"} else None
