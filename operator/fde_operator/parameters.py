"""A deployment's parameters against its primitive's: plain values and references to secrets, never mixed up.

spec.parameters, primitive.parameters -> Values; what does not fit is Held(ParametersInvalid), naming every wrong parameter
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from fde_api.deployment import ParameterValue, SecretKeyRef, SecretValue, VaultKeyRef
from fde_api.primitive import EnvVar, Parameter, Template, Value, Workload
from fde_operator.errors import Held

if TYPE_CHECKING:
    from fde_template.given import Given

REASON: Final = "ParametersInvalid"
Store = Literal["kubernetes", "external-secrets", "vault"]
_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z][A-Za-z0-9]*)\s*\}\}")
# What the kubelet would expand, or a lone dollar that could become a part of it with what follows.
_DOLLAR: Final = re.compile(r"\$\$|\$\([^)]*\)|\$(?=\(|\Z)")
_FORM: Final[Mapping[str, str]] = {
    "kubernetes": "secretRef: {name, key}",
    "external-secrets": "vaultRef: {path, key}",
    "vault": "vaultRef: {path, key}",
}


@dataclass(frozen=True, slots=True)
class Values:
    """`plain` as given, without defaults, lists among them. `texts`: every plain scalar's text, defaults applied.

    `secrets`: Secrets of the namespace, by parameter. `outside`: what lies in an outside store.
    """

    plain: Mapping[str, Value]
    texts: Mapping[str, str]
    secrets: Mapping[str, SecretKeyRef]
    outside: Mapping[str, VaultKeyRef] = field(default_factory=dict)

    @property
    def hidden(self) -> frozenset[str]:
        """The parameters whose values nobody here knows."""
        return frozenset(self.secrets) | frozenset(self.outside)


def refused(problems: Iterable[str]) -> Held:
    """All that is wrong, as one message."""
    listed = list(dict.fromkeys(problems))
    return Held(REASON, listed[0] if len(listed) == 1 else f"{len(listed)} things are wrong: {'; '.join(listed)}")


def values_of(
    given: Mapping[str, ParameterValue],
    parameters: Sequence[Parameter],
    template: Template,
    workload: Workload | None,
    *,
    namespace: str = "",
    store: Store = "kubernetes",
) -> Values:
    """Check and split. All that is wrong is named, and a refused value is never quoted.

    Needed is what the schema requires while its `when` holds, and what the files, with these flags and items, the env and
    the schedule are rendered from. `store`: the primitive's secretsStore, which says how secrets are referred to.
    """
    from fde_template.errors import TemplateError
    from fde_template.given import given as checked

    declared = {parameter.name: parameter for parameter in parameters}
    plain: dict[str, Value] = {}
    secrets: dict[str, SecretKeyRef] = {}
    outside: dict[str, VaultKeyRef] = {}
    problems: list[str] = []
    for name, value in given.items():
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            problems.append(f"parameter {name} is not one of the primitive's; it has: {known}")
        elif isinstance(value, SecretValue):
            if wrong := _misplaced(declared[name], value, store, namespace):
                problems.append(wrong)
            elif value.secret_ref is not None:
                secrets[name] = value.secret_ref
            elif value.vault_ref is not None:
                outside[name] = value.vault_ref
        elif declared[name].type == "secretRef":
            problems.append(f"parameter {name} is a secret: give {_FORM[store]}, never the value itself")
        else:
            try:
                checked({name: value}, [declared[name]])
                plain[name] = value
            except TemplateError as wrong_value:
                problems.append(str(wrong_value))
    fitting = [one for one in parameters if one.name in plain]
    for parameter in parameters:
        if parameter.name not in given:
            try:
                checked({}, [parameter])
                fitting.append(parameter)
            except TemplateError as own:
                told = f"the primitive's own default does not fit its schema: {own}. Give a value, or publish a mended version"
                problems.append(told)
    have = checked(plain, fitting)
    try:
        needed = used(template, workload, have)
    except TemplateError as broken:
        if problems:
            raise refused([*problems, str(broken)]) from broken
        told = f"the primitive's template cannot be rendered: {broken}. Publish a mended version"
        raise Held("TemplateInvalid", told) from broken
    for parameter in parameters:
        must = parameter.name in needed or (parameter.required and have.wanted(parameter))
        if must and parameter.default is None and parameter.name not in given:
            shape = f"a {_FORM[store]}" if parameter.type == "secretRef" else f"a value ({parameter.type})"
            problems.append(f"parameter {parameter.name} needs {shape}")
    if problems:
        raise refused(problems)
    return Values(plain, have.texts, secrets, outside)


def _misplaced(parameter: Parameter, value: SecretValue, store: Store, namespace: str) -> str | None:
    """What is wrong with a reference to a secret, or None."""
    name = parameter.name
    if parameter.type != "secretRef":
        form = "secretRef" if value.secret_ref is not None else "vaultRef"
        return f"parameter {name} takes a plain {parameter.type}, not a {form}"
    if (value.secret_ref is not None) != (store == "kubernetes"):
        return f"parameter {name}: the primitive's secretsStore is {store}, which takes {_FORM[store]}"
    if value.vault_ref is None:
        return None
    own = f"tenants/{namespace}/"
    steps = value.vault_ref.path.split("/")
    if not value.vault_ref.path.startswith(own) or any(step in ("", ".", "..") for step in steps):
        return f"parameter {name}: vaultRef.path must lie under {own}, the part of this namespace's customer"
    return None


def used(template: Template, workload: Workload | None, have: Given) -> frozenset[str]:
    """The names of all parameters that something would be rendered from, a block that is not there left out."""
    from fde_template.given import reached
    from fde_template.structure import structure

    texts = [variable.value for variable in workload.env] + [workload.schedule or ""] if workload else []
    named = frozenset(name for text in texts for name in _PLACE.findall(text))
    return named.union(*(reached(structure(file), have) for file in template.files))


def filled(text: str, values: Values, *, where: str) -> str:
    """`text` with every ``{{ parameter }}`` replaced. A secret cannot be part of it."""
    return "".join(_pieces(text, values, where=where))


def _pieces(text: str, values: Values, *, where: str) -> list[str]:
    """The text's own parts and the parameters' values in turn, the first and the last the text's own."""

    def put(name: str) -> str:
        if name in values.hidden:
            raise Held(
                REASON, f"{where}: parameter {name} is a secret and must stand alone, as the value of an env variable"
            )
        if isinstance(values.plain.get(name), list):
            raise Held(REASON, f"{where}: parameter {name} is a list and cannot be part of a text")
        if name not in values.texts:
            raise Held(REASON, f"{where}: parameter {name} is not one of the primitive's")
        return values.texts[name]

    return [put(part) if at % 2 else part for at, part in enumerate(_PLACE.split(text))]


def alone(variable: EnvVar) -> str | None:
    """The parameter that an env variable is, and nothing beside."""
    found = _PLACE.fullmatch(variable.value.strip())
    return found[1] if found else None


def env_entry(variable: EnvVar, values: Values) -> dict[str, Any]:
    """One entry of a container's env: a value, or for a lone secret parameter a reference to its Secret."""
    name = alone(variable)
    if name is not None and name in values.secrets:
        ref = values.secrets[name]
        return {"name": variable.name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}
    pieces = _pieces(variable.value, values, where=f"env {variable.name}")
    return {"name": variable.name, "value": unexpanded(pieces)}


def unexpanded(pieces: Sequence[str]) -> str:
    """`pieces` as one value that the kubelet gives the app as they are.

    It puts another variable's value, be it a secret, for ``$(NAME)``, and ``$`` for ``$$``. The author of a primitive may
    mean that, within one piece of the text; who fills in a parameter may not, and neither may the two together.
    """
    if len(pieces) == 1:
        return pieces[0]
    told = (part.replace("$", "$$") if at % 2 else _DOLLAR.sub(_own, part) for at, part in enumerate(pieces))
    return "".join(told)


def _own(found: re.Match[str]) -> str:
    return "$$" if found[0] == "$" else found[0]
