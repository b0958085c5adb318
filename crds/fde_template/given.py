"""What a template is given: every value as text, looked up by what stands in the template.

values, secrets, schema -> given() -> Given -> text() at a hole or a flag, count() at a repeat

A value is needed only where it is reached: a parameter that stands in a skipped block only may be absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fde_api.primitive import Each, Hole, Parameter, Value, When
from fde_template.errors import RenderRefused
from fde_template.structure import Literal, Node, Optional, Repeat
from fde_template.values import Record, items_of, label, text_of


@dataclass(frozen=True, slots=True)
class Given:
    """Texts of scalar parameters and records of list parameters, defaults applied; what was not given is in neither."""

    texts: Mapping[str, str]
    lists: Mapping[str, tuple[Record, ...]]
    declared: Mapping[str, Parameter]

    def text(self, part: Hole | When, item: int | None = None, of: str = "") -> str:
        """The text of the parameter that `part` names or, within the repeat over list `of`, of number `item`'s field.

        :class:`RenderRefused` names what is not given.
        """
        name = part.parameter
        parameter = self._declared(name)
        if item is not None and name == of:
            record = self.lists[name][item]
            if part.field in record:
                return record[part.field]
            kinds = {field.name: field.type for field in parameter.fields}
            called = label(name, item, part.field)
            if part.field not in kinds:
                raise RenderRefused(f"{called}: the template uses it, and the schema does not have it", name)
            raise RenderRefused(f"{called}: needs a value ({kinds[part.field]})", name)
        if part.field or parameter.type == "list":
            raise RenderRefused(f"parameter {name}: an item stands outside a repeat over its list", name)
        if name not in self.texts:
            where = "a secret's text, given apart from the values" if parameter.type == "secretRef" else "a value"
            raise RenderRefused(f"parameter {name}: needs {where} ({parameter.type})", name)
        return self.texts[name]

    def holds(self, when: When, item: int | None = None, of: str = "") -> bool:
        """Whether a block stands there."""
        return self.text(when, item, of) == when.equals

    def count(self, each: Each) -> int:
        """How many items a repeat has."""
        name = each.parameter
        if self._declared(name).type != "list":
            raise RenderRefused(f"parameter {name}: is repeated over, and is no list", name)
        if name not in self.lists:
            raise RenderRefused(f"parameter {name}: needs a value (list)", name)
        return len(self.lists[name])

    def wanted(self, parameter: Parameter) -> bool:
        """Whether the schema's own `when` lets `parameter` be needed; a flag that is not given holds no block open."""
        return parameter.when is None or self.texts.get(parameter.when.parameter) == parameter.when.equals

    def _declared(self, name: str) -> Parameter:
        if name not in self.declared:
            raise RenderRefused(f"parameter {name} is not declared", name)
        return self.declared[name]


def given(
    values: Mapping[str, Value], parameters: Iterable[Parameter], *, secrets: Mapping[str, str] | None = None
) -> Given:
    """`values` checked against the schema, `secrets` being the texts of secretRef parameters.

    :class:`RenderRefused` for a name that the schema does not have and a value that its type does not take.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    for name in [*values, *(secrets or {})]:
        if name not in declared:
            raise RenderRefused(f"parameter {name} is not known; known are {', '.join(sorted(declared))}", name)
    texts: dict[str, str] = {}
    lists: dict[str, tuple[Record, ...]] = {}
    for name, parameter in declared.items():
        value = (secrets or {}).get(name) if parameter.type == "secretRef" else values.get(name, parameter.default)
        if value is None:
            continue
        if parameter.type == "list":
            lists[name] = items_of(parameter, value)
        else:
            texts[name] = text_of(parameter, value)
    return Given(texts, lists, declared)


def reached(nodes: Sequence[Node], have: Given, *, item: int | None = None, of: str = "") -> frozenset[str]:
    """The parameters that rendering `nodes` would ask `have` for; of what stands behind a missing flag nothing is known."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case Literal():
                pass
            case Hole(parameter=name):
                found.add(name)
            case Optional(when, body):
                found.add(when.parameter)
                if when.parameter == of and item is not None:
                    stands = have.lists[of][item].get(when.field) == when.equals
                else:
                    stands = have.texts.get(when.parameter) == when.equals
                if stands:
                    found |= reached(body, have, item=item, of=of)
            case Repeat(each, body, between):
                name = each.parameter
                found.add(name)
                count = len(have.lists.get(name, ()))
                for number in range(count):
                    found |= reached(body, have, item=number, of=name)
                    if number + 1 < count:
                        found |= reached(between, have, item=number, of=name)
    return frozenset(found)
