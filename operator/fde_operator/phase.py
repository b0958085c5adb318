"""Phases: what spec.lifecycle.phase means. Pure.

============ =================================================================================================================
development  any version runs without a word; auto-update takes versions of any maturity: here they earn their numbers
staging      auto-update takes only versions at least as mature as the one that runs
production   auto-update, and a first deployment, take by themselves only what is of production grade; else exactly the version
             that a person names is run, whatever its grade: a library that grades nothing must not stop anybody. Condition
             MaturityFits says when what runs is less
retired      for good: every object made for it is deleted, and with them every access to secrets; status keeps the history
============ =================================================================================================================

`spec.suspend` stops what runs in any phase and keeps all objects: a Deployment has no pods, CronJobs and Jobs are suspended.
"""

from __future__ import annotations

from typing import Final

from fde_api.deployment import FDEDeploymentSpec
from fde_operator.cluster import Manifest
from fde_operator.conditions import Condition, condition
from fde_operator.maturity import DEPRECATED, PRODUCTION, SUCCESSOR, deprecation, maturity_of

RETIRED: Final = "retired"
_KIND: Final = "MaturityFits"


def retired(spec: FDEDeploymentSpec) -> bool:
    """Whether nothing of it is to be left."""
    return spec.lifecycle.phase == RETIRED


def fitting(spec: FDEDeploymentSpec, primitive: Manifest) -> Condition:
    """Condition MaturityFits: False where a person should think again. It holds nothing back."""
    name, reached = primitive["metadata"]["name"], maturity_of(primitive)
    if reached == DEPRECATED:
        why = deprecation(primitive) or "its status says so"
        better = (primitive["metadata"].get("annotations") or {}).get(SUCCESSOR, "another version")
        told = f"{name} is deprecated: {why}. Name {better} in spec.primitiveRef"
        return condition(_KIND, False, "Deprecated", told)
    if spec.lifecycle.phase == PRODUCTION and reached != PRODUCTION:
        told = (
            f"{name} is {reached}, and the phase is production; the PatternLibrary that selects it says what it lacks"
        )
        return condition(_KIND, False, "NotProductionGrade", told)
    return condition(_KIND, True, "Fits", f"{reached} fits phase {spec.lifecycle.phase}")
