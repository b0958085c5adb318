"""Compliance: which tags apply to a deployment, and whether its primitive carries what it requires.

primitive.compliance, environment.complianceRequirements -> Applied -> labels and annotations of everything, status
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fde_operator.errors import Held

REASON: Final = "ComplianceNotCarried"


@dataclass(frozen=True, slots=True)
class Applied:
    """`tags`: the union, sorted, spelled as the primitive does. `required`: those that the deployment asks for."""

    tags: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()


def applied(carried: Iterable[str], required: Iterable[str]) -> Applied:
    """The tags that apply. Capitals do not tell two tags apart. :class:`Held` names what the primitive does not carry."""
    spelled = {_same(tag): tag.strip() for tag in sorted(carried, reverse=True)}
    asked = {_same(tag): tag.strip() for tag in required}
    if missing := sorted(asked[key] for key in asked.keys() - spelled.keys()):
        has = ", ".join(sorted(spelled.values())) or "none"
        raise Held(
            REASON,
            f"environment.complianceRequirements names {', '.join(missing)}, and this version of the primitive carries {has}. "
            "Take a version that carries it, or drop the requirement",
        )
    return Applied(tuple(sorted(spelled.values())), frozenset(spelled[key] for key in asked))


def _same(tag: str) -> str:
    return tag.strip().casefold()
