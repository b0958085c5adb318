"""Attribution: where each parameter stands in each sibling's own files. Private, as the siblings are.

(proposal, a sibling's values and files) -> the template walked with them -> Attributed, one a hole
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fde_api.primitive import Hole, PrimitiveSpec, Value
from fde_extraction.evidence import SiblingEvidence
from fde_template.filters import apply
from fde_template.given import Given, given
from fde_template.structure import Literal, Node, Optional, Repeat, structure


@dataclass(frozen=True, slots=True)
class Attributed:
    """One hole in one sibling. `part`: which item and field of a list (``[2].name``); empty for what is no list.

    `path` and `line` (1-based) in the sibling's own file. `text` as it stands there; empty for a secret, even a placeholder.
    """

    parameter: str
    part: str
    sibling: str
    customer: str
    path: str
    line: int
    text: str


def attributed(
    proposal: PrimitiveSpec, sibling: SiblingEvidence, values: Mapping[str, Value], *, first: Mapping[str, int]
) -> Iterator[Attributed]:
    """Every hole of `proposal` in `sibling`, in order of the template. `first`: the line that each file's text begins in."""
    hidden = {parameter.name for parameter in proposal.parameters if parameter.type == "secretRef"}
    have = given(
        {name: value for name, value in values.items() if name not in hidden},
        proposal.parameters,
        secrets={name: str(value) for name, value in values.items() if name in hidden},
    )
    own = {file.template: file.path for file in sibling.files}
    for file in proposal.template.files:
        line = first.get(file.path, 1)
        path = own.get(file.path, sibling.files[0].path)
        for hole, item, text in _walk(structure(file), have, None, ""):
            if hole is not None:
                shown = "" if hole.parameter in hidden else text
                yield Attributed(hole.parameter, _part(hole, item), sibling.name, sibling.customer, path, line, shown)
            line += text.count("\n")


def _walk(
    nodes: Sequence[Node], have: Given, item: int | None, of: str
) -> Iterator[tuple[Hole | None, int | None, str]]:
    """Each text in order: the hole it fills and of which item, or None where it is constant."""
    for node in nodes:
        match node:
            case Literal(text):
                yield None, None, text
            case Hole():
                yield node, item if node.parameter == of else None, apply(node.filters, have.text(node, item, of))
            case Optional(when, body):
                if have.holds(when, item, of):
                    yield from _walk(body, have, item, of)
            case Repeat(each, body, between):
                count = have.count(each)
                for number in range(count):
                    yield from _walk(body, have, number, each.parameter)
                    if number + 1 < count:
                        yield from _walk(between, have, number, each.parameter)


def _part(hole: Hole, item: int | None) -> str:
    return "" if item is None else f"[{item + 1}]" + (f".{hole.field}" if hole.field else "")
