"""Rollout: whether what should stand there replaces pods of what does. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fde_api.meta import digest_of
from fde_operator.cluster import Manifest, key_of
from fde_operator.plan import holds


def same(wanted: Manifest, found: Sequence[Manifest]) -> Manifest | None:
    """The object of that kind and name."""
    return next((one for one in found if key_of(one) == key_of(wanted)), None)


def rolls_out(workload: Manifest, observed: Sequence[Manifest]) -> bool:
    """Whether pods will be replaced: those that stand there are from another template, or there is no such workload.

    A Job that stands there keeps its pods: see :mod:`fde_operator.job`.
    """
    found = same(workload, observed)
    if found is not None and found["kind"] == "Job":
        return False
    return found is None or not holds(_template(found), _template(workload))


def replaces(workload: Manifest, observed: Sequence[Manifest], *, begun: str | None) -> bool:
    """Whether there will be other pods. What somebody took away and comes back as it was begun is a repair.

    `begun`: the digest of what was begun last.
    """
    if workload["kind"] != "Job" and same(workload, observed) is None:
        return digest(workload) != begun
    return rolls_out(workload, observed)


def is_begun(workload: Manifest, observed: Sequence[Manifest], *, begun: str | None) -> bool:
    """Whether these very pods were begun before: those may be deleted, or suspended with a new template.

    `begun` None: a status of before it was noted, or none that came back; what runs there was begun.
    """
    if begun is not None:
        return begun == digest(workload)
    return not rolls_out(workload, observed) and not stopped(same(workload, observed))


def stopped(found: Manifest | None) -> bool:
    """Whether a workload stands there and is to run nothing: its template need not have run ever."""
    return found is not None and (found["spec"].get("suspend") is True or found["spec"].get("replicas") == 0)


def digest(workload: Manifest) -> str:
    """Of the pods that `workload` makes: equal for a repair, another one for whatever is new in them."""
    return digest_of(_template(workload))


def _template(workload: Manifest) -> Any:
    spec = workload["spec"].get("jobTemplate", workload)["spec"]
    return spec["template"]
