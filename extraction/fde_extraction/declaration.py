"""Declaration: values, choices and repeats as the primitive's parameters, and each sibling's bindings.

slots, values (unify), choices, frames -> Declaration -> Parameter, Hole, When; bindings()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fde_api.primitive import Each, Field, Hole, Item, Parameter, ParameterType, Scalar, When
from fde_api.primitive import Value as Given
from fde_extraction.block import fragments
from fde_extraction.choice import Choice, Choices
from fde_extraction.description import describe
from fde_extraction.drafted import Edge, Loop, Open, Part
from fde_extraction.flag import described_flag, described_list, flag_name, list_name
from fde_extraction.frame import Frame
from fde_extraction.naming import Names, is_table
from fde_extraction.party import running
from fde_extraction.schema import type_of
from fde_extraction.slot import Slot
from fde_extraction.unify import Value
from fde_template.values import typed


@dataclass(frozen=True, slots=True)
class Named:
    """How a template names something: a parameter, or a field of a list's items."""

    parameter: str
    field: str = ""


@dataclass(slots=True)
class Declaration:
    """`parameters` in order of first use. `of_slot`: by index, with the filters of the hole; `of_choice`, `of_list`."""

    parameters: list[Parameter] = field(default_factory=list)
    of_slot: dict[int, tuple[Named, tuple[str, ...]]] = field(default_factory=dict)
    of_choice: dict[Choice, Named] = field(default_factory=dict)
    of_list: dict[Frame, str] = field(default_factory=dict)
    of_value: list[tuple[Value, Named, Parameter | Field]] = field(default_factory=list)

    def hole(self, index: int, slot: Slot) -> Hole:
        """The hole of the slot number `index`."""
        named, filters = self.of_slot[index]
        return Hole(parameter=named.parameter, field=named.field, place=slot.place, filters=filters)

    def when(self, opened: Open) -> When:
        """The condition of an optional block."""
        named = self.of_choice[opened.choice]
        return When(parameter=named.parameter, field=named.field, equals=opened.choice.value(opened.number))

    def each(self, loop: Loop) -> Each:
        """The list of a repeat."""
        return Each(parameter=self.of_list[loop.frame])

    def bindings(self, sibling: int) -> dict[str, Given]:
        """The sibling's values; what stands in blocks that it lacks is left out."""
        found: dict[str, Given] = {}
        rows: dict[Frame, dict[int, dict[str, Scalar]]] = {
            frame: {index: {} for index, k in enumerate(frame.siblings) if k == sibling} for frame in self.of_list
        }
        entries: list[tuple[Frame, Named, Parameter | Field, Callable[[int], str]]] = [
            (value.frame, named, kind, value.texts.__getitem__) for value, named, kind in self.of_value
        ]
        flags = {parameter.name: parameter for parameter in self.parameters}
        for choice, named in self.of_choice.items():
            kind: Parameter | Field = flags[named.parameter]
            if named.field:
                kind = next(item for item in flags[named.parameter].fields if item.name == named.field)
            entries.append((choice.frame, named, kind, _chosen(choice)))
        for frame, named, kind, text in entries:
            owner = frame.repeat()
            for index, k in enumerate(frame.siblings):
                if k != sibling:
                    continue
                scalar = typed(kind, text(index).lower() if kind.type == "bool" else text(index))
                if owner is None:
                    found[named.parameter] = scalar
                else:
                    rows[owner][_up(frame, index, owner)][named.field] = scalar
        for frame, items in rows.items():
            there = frame.parent is None or sibling in frame.parent.siblings
            if there:
                listed: list[Item] = [
                    item[""] if set(item) == {""} else item for _, item in sorted(items.items(), key=lambda row: row[0])
                ]
                found[self.of_list[frame]] = listed
        return {parameter.name: found[parameter.name] for parameter in self.parameters if parameter.name in found}


def _chosen(choice: Choice) -> Callable[[int], str]:
    return lambda index: choice.value(choice.classes[index])


def declare(
    files: Sequence[Sequence[Part]], slots: Sequence[Slot], values: Sequence[Value], choices: Choices, names: Names
) -> Declaration:
    """The parameters of all files' parts. Names are given in order of the text, values before flags before lists."""
    made = Declaration()
    first, lists = _first_uses(files)
    fields: dict[Frame, list[tuple[int, Field]]] = {frame: [] for frame in lists}
    inner = {frame: names.fresh() for frame in lists}
    scalar = {frame for frame in lists if _is_scalar(frame, values, choices)}
    found: list[tuple[int, Parameter]] = []
    declared: list[tuple[Value, str, Parameter | Field, Frame | None]] = []
    roles = running([([slots[index] for index in sorted(value.uses)], value.texts) for value in values])
    names.tables = sum(is_table([slots[index] for index in value.uses]) for value in values)
    for value, runs in zip(values, roles, strict=True):
        used = [names.shows(slots[index]) for index in sorted(value.uses)]
        owner = value.frame.repeat()
        giver = names if owner is None else inner[owner]
        name = "" if owner in scalar else giver.give(used, value.texts, runs if owner is None else "")
        kind, allowed = type_of(used, value.texts, name)
        if owner is not None and kind == "secretRef":
            kind = "string"  # a list holds plain values; the leak gate judges what stands in it
        about = describe(used, value.texts, name or "item", kind)
        at = min(value.uses)
        if owner is None:
            parameter = Parameter(name=name, type=kind, required=True, description=about, allowed_values=allowed)
            found.append((first.get(("slot", at), 0), parameter))
            declared.append((value, name, parameter, None))
        else:
            item = Field(name=name, type=kind, description=about, allowed_values=allowed)
            fields[owner].append((first.get(("slot", at), 0), item))
            declared.append((value, name, item, owner))
    written = fragments(files)
    for choice in choices.all:
        at = first.get(("choice", choice.number), 0)
        owner = choice.frame.repeat()
        giver = names if owner is None else inner[owner]
        name = giver.unique(flag_name(choice, names, written.get(choice, {})))
        kind_of: ParameterType = "bool" if choice.is_flag else "enum"
        allowed = () if choice.is_flag else tuple(choice.value(number) for number in range(max(choice.classes) + 1))
        about = described_flag(choice)
        if owner is None:
            found.append(
                (at, Parameter(name=name, type=kind_of, required=True, description=about, allowed_values=allowed))
            )
            made.of_choice[choice] = Named(name)
        else:
            fields[owner].append((at, Field(name=name, type=kind_of, description=about, allowed_values=allowed)))
            made.of_choice[choice] = Named("", name)
    declaring = _declaring(files)
    for frame, (at, loops) in lists.items():
        own = [slots[index] for value in values if value.frame.repeat() is frame for index in value.uses]
        name = names.unique(list_name(loops, own, names, declares=frame in declaring))
        made.of_list[frame] = name
        columns = tuple(item for _, item in sorted(fields[frame], key=lambda entry: entry[0]))
        found.append(
            (at, Parameter(name=name, type="list", required=True, description=described_list(columns), fields=columns))
        )
    made.of_choice = {
        choice: Named(made.of_list[owner], named.field) if (owner := choice.frame.repeat()) is not None else named
        for choice, named in made.of_choice.items()
    }
    placed = _conditional(found, declared, made, choices.blocks)
    made.parameters = placed
    by_name = {parameter.name: parameter for parameter in placed}
    for value, name, kind_made, owner in declared:
        named = Named(name) if owner is None else Named(made.of_list[owner], name)
        made.of_value.append((value, named, by_name[name] if owner is None else kind_made))
        for index, chain in value.uses.items():
            made.of_slot[index] = (named, chain)
    return made


def _conditional(
    found: Sequence[tuple[int, Parameter]],
    declared: Sequence[tuple[Value, str, Parameter | Field, Frame | None]],
    made: Declaration,
    blocks: Mapping[Frame, tuple[Choice, int]],
) -> list[Parameter]:
    """The parameters in order; those that stand in optional blocks only say in which."""
    frames: dict[str, Frame] = {name: value.frame for value, name, _, owner in declared if owner is None}
    frames |= {named.parameter: choice.frame for choice, named in made.of_choice.items() if not named.field}
    frames |= {name: frame.parent for frame, name in made.of_list.items() if frame.parent is not None}
    placed = []
    for _, parameter in sorted(found, key=lambda entry: entry[0]):
        block = blocks.get(frames[parameter.name]) if parameter.name in frames else None
        if block is not None:
            choice, number = block
            named = made.of_choice[choice]
            when = When(parameter=named.parameter, equals=choice.value(number))
            parameter = Parameter(
                name=parameter.name, type=parameter.type, description=parameter.description, required=True,
                allowed_values=parameter.allowed_values, fields=parameter.fields, when=when,
            )  # fmt: skip
        placed.append(parameter)
    return placed


def _first_uses(
    files: Sequence[Sequence[Part]],
) -> tuple[dict[tuple[str, int], int], dict[Frame, tuple[int, tuple[Loop, ...]]]]:
    """Where, counted in parts, each slot and each choice is first used; the loops of each list."""
    first: dict[tuple[str, int], int] = {}
    lists: dict[Frame, tuple[int, tuple[Loop, ...]]] = {}
    at = slot = 0
    for parts in files:
        for part in parts:
            at += 1
            if isinstance(part, Slot):
                first[("slot", slot)] = at
                slot += 1
            elif isinstance(part, Open):
                first.setdefault(("choice", part.choice.number), at)
            elif isinstance(part, Loop):
                place, loops = lists.get(part.frame, (at, ()))
                lists[part.frame] = (place, (*loops, part))
    return first, lists


def _declaring(files: Sequence[Sequence[Part]]) -> set[Frame]:
    """The lists whose items are fields that code declares: a name, a colon and more, in a block that has no name."""
    found = set()
    for parts in files:
        stack: list[Part] = []
        for part, after in zip(parts, [*parts[1:], ""], strict=True):
            if isinstance(part, (Open, Loop)):
                stack.append(part)
            elif isinstance(part, Edge) and part.mark == "end":
                stack.pop()
            elif isinstance(part, Slot) and part.whole and part.leaf in ("identifier", "property_identifier"):
                loop = next((item for item in reversed(stack) if isinstance(item, Loop)), None)
                if loop is not None and str(after).startswith((": ", "?: ")):
                    named = any(label.role in ("assigned", "keyword", "key") for label in loop.labels[:1])
                    found |= set() if named else {loop.frame}
    return found


def _is_scalar(frame: Frame, values: Sequence[Value], choices: Choices) -> bool:
    """Whether the items of a list have one value each and nothing else."""
    mine = [value for value in values if value.frame.repeat() is frame]
    chosen = [choice for choice in choices.all if choice.frame.repeat() is frame]
    return len(mine) == 1 and not chosen and mine[0].frame is frame


def _up(frame: Frame, index: int, owner: Frame) -> int:
    """The instance of the outer frame `owner` that the instance `index` of `frame` is in."""
    while frame is not owner:
        index = frame.rows[index]
        assert frame.parent is not None
        frame = frame.parent
    return index
