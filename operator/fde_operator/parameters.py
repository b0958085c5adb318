"""A deployment's parameters against its primitive's: plain values and references to secrets, never mixed up.

spec.parameters, primitive.parameters -> Values; what does not fit is Held(ParametersInvalid), naming the parameter
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fde_api.deployment import ParameterValue, SecretKeyRef, SecretValue
from fde_api.primitive import EnvVar, Parameter, Template, Value, Workload
from fde_operator.errors import Held

if TYPE_CHECKING:
    from fde_template.given import Given

REASON: Final = "ParametersInvalid"
_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Values:
    """`plain` as given, without defaults, lists among them. `texts`: every plain scalar's text, defaults applied."""

    plain: Mapping[str, Value]
    texts: Mapping[str, str]
    secrets: Mapping[str, SecretKeyRef]


def values_of(
    given: Mapping[str, ParameterValue], parameters: Sequence[Parameter], template: Template, workload: Workload | None
) -> Values:
    """Check and split. A refused value is never quoted.

    Needed is what the schema requires while its `when` holds, and what the files, with these flags and items, the env and
    the schedule are rendered from.
    """
    from fde_template.errors import TemplateError
    from fde_template.given import given as checked

    declared = {parameter.name: parameter for parameter in parameters}
    plain: dict[str, Value] = {}
    secrets: dict[str, SecretKeyRef] = {}
    for name, value in given.items():
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise Held(REASON, f"parameter {name} is not one of the primitive's; it has: {known}")
        is_secret = declared[name].type == "secretRef"
        if isinstance(value, SecretValue):
            if not is_secret:
                raise Held(REASON, f"parameter {name} takes a plain {declared[name].type}, not a secretRef")
            secrets[name] = value.secret_ref
        elif is_secret:
            raise Held(REASON, f"parameter {name} is a secret: give secretRef: {{name, key}}, never the value itself")
        else:
            plain[name] = value
    try:
        have = checked(plain, parameters)
        needed = used(template, workload, have)
    except TemplateError as refused:
        raise Held(REASON, str(refused)) from refused
    for parameter in parameters:
        must = parameter.name in needed or (parameter.required and have.wanted(parameter))
        if must and parameter.default is None and parameter.name not in given:
            shape = "a secretRef: {name, key}" if parameter.type == "secretRef" else f"a value ({parameter.type})"
            raise Held(REASON, f"parameter {parameter.name} needs {shape}")
    return Values(plain, have.texts, secrets)


def used(template: Template, workload: Workload | None, have: Given) -> frozenset[str]:
    """The names of all parameters that something would be rendered from, a block that is not there left out."""
    from fde_template.given import reached
    from fde_template.structure import structure

    texts = [variable.value for variable in workload.env] + [workload.schedule or ""] if workload else []
    named = frozenset(name for text in texts for name in _PLACE.findall(text))
    return named.union(*(reached(structure(file), have) for file in template.files))


def filled(text: str, values: Values, *, where: str) -> str:
    """`text` with every ``{{ parameter }}`` replaced. A secret cannot be part of it."""

    def put(found: re.Match[str]) -> str:
        name = found[1]
        if name in values.secrets:
            raise Held(
                REASON, f"{where}: parameter {name} is a secret and must stand alone, as the value of an env variable"
            )
        if isinstance(values.plain.get(name), list):
            raise Held(REASON, f"{where}: parameter {name} is a list and cannot be part of a text")
        if name not in values.texts:
            raise Held(REASON, f"{where}: parameter {name} is not one of the primitive's")
        return values.texts[name]

    return _PLACE.sub(put, text)


def env_entry(variable: EnvVar, values: Values) -> dict[str, Any]:
    """One entry of a container's env: a value, or for a lone secret parameter a reference to its Secret."""
    alone = _PLACE.fullmatch(variable.value.strip())
    if alone and alone[1] in values.secrets:
        ref = values.secrets[alone[1]]
        return {"name": variable.name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
    return {"name": variable.name, "value": filled(variable.value, values, where=f"env {variable.name}")}
