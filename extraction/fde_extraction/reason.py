"""Reasons: why each parameter is one, has its type and its name, for the review page and for machines.

Declaration, slots -> explained() -> explanation.Explained, one a parameter. No sibling's text is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fde_api.primitive import Parameter
from fde_extraction.candidate import WEIGHT
from fde_extraction.choice import STRUCTURE
from fde_extraction.declaration import Declaration
from fde_extraction.explanation import Code, Explained, HoleUse, Reason
from fde_extraction.label import words_of
from fde_extraction.schema import catalogued
from fde_extraction.slot import Slot
from fde_extraction.source_file import SourceFile
from fde_extraction.template_file import Use, placed
from fde_template.words import words

_TYPES: Final[Mapping[str, Code]] = {
    "int": "numbers", "float": "decimals", "bool": "truths", "duration": "unit", "enum": "closed set", "host": "form", "url": "form",
    "email": "form", "identifier": "only", "secretRef": "secret", "list": "items", "string": "plain",
}  # fmt: skip


def explained(files: Sequence[SourceFile], declaration: Declaration) -> tuple[Explained, ...]:
    """One entry a parameter, in order; holes in order of the text."""
    used: dict[str, list[Slot]] = {parameter.name: [] for parameter in declaration.parameters}
    holes: dict[str, list[HoleUse]] = {parameter.name: [] for parameter in declaration.parameters}
    for name, use, slot in placed(files, declaration):
        if slot is not None:
            used[name].append(slot)
        holes[name].append(HoleUse(use.path, use.line, use.place, use.filters, _hole_reason(use, slot)))
    chosen = {named.parameter: choice for choice, named in declaration.of_choice.items() if not named.field}
    found = []
    for parameter in declaration.parameters:
        choice = chosen.get(parameter.name)
        if choice is not None:
            type_reason = Reason("block" if choice.is_flag and choice.family == STRUCTURE else "alternatives")
            name_reason = Reason("guessed", tuple(words(parameter.name)))
        else:
            type_reason = _type_reason(parameter, used[parameter.name])
            name_reason = _name_reason(parameter, used[parameter.name])
        found.append(Explained(parameter.name, type_reason, name_reason, tuple(holes[parameter.name])))
    return tuple(found)


def _hole_reason(use: Use, slot: Slot | None) -> Reason:
    if slot is None:
        return Reason("flag" if use.place == "when" else "list")
    if use.field:
        return Reason("field", (use.field,))
    if slot.sensitive:
        return Reason("lifted", (slot.sensitive,))
    return Reason("filtered", use.filters) if use.filters else Reason("root")


def _type_reason(parameter: Parameter, used: Sequence[Slot]) -> Reason:
    if any(slot.kind == "source" for slot in used):
        return Reason("block")
    code = _TYPES[parameter.type]
    if code == "closed set":
        return Reason(code, (catalogued([text for slot in used for text in slot.texts]) or "values",))
    if code in ("form", "only"):
        return Reason(code, (parameter.type,))
    if code == "unit":
        return Reason(code, tuple(words(parameter.name))[-1:])
    return Reason(code)


def _name_reason(parameter: Parameter, used: Sequence[Slot]) -> Reason:
    """The strongest label whose words the name has."""
    said = set(words(parameter.name))
    labels = [label for slot in used for label in slot.labels if label.role != "scope"]
    fitting = [label for label in labels if (parts := set(words_of(label.text))) and parts & said]
    if not fitting:
        scope = next((label.text for slot in used for label in slot.labels if label.role == "scope"), "")
        return Reason("scope", (scope,)) if scope and set(words_of(scope)) & said else Reason("type")
    best = max(fitting, key=lambda label: (len(set(words_of(label.text)) & said), WEIGHT[label.role]))
    return Reason(best.role, (best.text,))
