"""Complexity: how much whoever uses a primitive has to understand, by one small rule.

PrimitiveSpec, control flow -> complexity_of() -> low, medium, high
"""

from __future__ import annotations

from typing import Final, Literal

from fde_api.primitive import PrimitiveSpec

Complexity = Literal["low", "medium", "high"]
LOW: Final = 10
MEDIUM: Final = 24
_BRANCHES: Final = 4  # so many branches, loops and handlers weigh as one parameter


def complexity_of(spec: PrimitiveSpec, control: int) -> tuple[Complexity, str]:
    """The complexity and the sum behind it: a parameter counts 1, an optional block 2, a list 3, a further file 3, and
    four branches, loops or handlers of the shared code 1. Up to 10 is low, up to 24 medium.
    """
    blocks = {
        (w.parameter, w.field) for file in spec.template.files for s in file.segments if (w := s.when) is not None
    }
    lists = sum(parameter.type == "list" for parameter in spec.parameters)
    plain = (
        len(spec.parameters)
        - lists
        - len({name for name, field in blocks if not field} & {p.name for p in spec.parameters})
    )
    points = plain + 2 * len(blocks) + 3 * lists + 3 * (len(spec.template.files) - 1) + control // _BRANCHES
    why = (
        f"{plain} parameters, {len(blocks)} optional blocks, {lists} lists, {len(spec.template.files)} files, "
        f"{control} branches: {points} points"
    )
    return "low" if points <= LOW else "medium" if points <= MEDIUM else "high", why
