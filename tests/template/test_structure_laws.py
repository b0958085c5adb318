"""Optional blocks and repeats: fit and render are inverse over templates nobody wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Each, Field, Hole, Parameter, Template, TemplateFile, When
from fde_template.errors import DoesNotFit, RenderRefused
from fde_template.fit import fit_all
from fde_template.render import render_all
from fde_template.structure import Literal, Node, Optional, Repeat, flat, structure

pytestmark = pytest.mark.seconds  # together they take seconds: part of `make test`

WORD = st.text("bcdxz", min_size=1, max_size=5)  # no word of these letters is one of SQL's
RECORDS = ("columns", "endpoints")
PARAMETERS = [
    Parameter(name="one", type="identifier", required=True),
    Parameter(name="two", type="string", required=True, when=When(parameter="flag")),
    Parameter(name="flag", type="bool", required=True),
    Parameter(name="other", type="bool", default=False),
    Parameter(name="mode", type="enum", allowed_values=("full", "daily", "none"), required=True),
    *(
        Parameter(
            name=name,
            type="list",
            fields=(
                Field(name="name", type="identifier"),
                Field(name="size", type="int"),
                Field(name="on", type="bool"),
            ),
        )
        for name in RECORDS
    ),
    Parameter(name="hosts", type="list", fields=(Field(type="identifier"),)),
]
RECORD = st.fixed_dictionaries({"name": WORD, "size": st.integers(0, 99), "on": st.booleans()})
VALUES = st.fixed_dictionaries(
    {
        "one": WORD,
        "two": WORD,
        "flag": st.booleans(),
        "other": st.booleans(),
        "mode": st.sampled_from(["full", "daily", "none"]),
        "columns": st.lists(RECORD, max_size=3),
        "endpoints": st.lists(RECORD, max_size=3),
        "hosts": st.lists(WORD, max_size=3),
    }
)
FILTERS = st.sampled_from([(), ("upper",), ("plural",), ("capital",)])
TEXT = st.text(" ;=é\r\n{%#'\"", max_size=4)


def _holes(parameter: str, field: str, place: str) -> st.SearchStrategy[tuple[Node, ...]]:
    """A plain hole and, before or after it, one that spells the same value."""
    plain = Hole(parameter=parameter, field=field, place=place)
    if place == "sql.number":
        return st.just((plain,))

    def both(drawn: tuple[tuple[str, ...], bool, bool]) -> tuple[Node, ...]:
        filters, beside, first = drawn
        spelled = Hole(parameter=parameter, field=field, place=place, filters=filters)
        if not beside:
            return (plain,)
        return (spelled, Literal("~"), plain) if first else (plain, Literal("~"), spelled)

    return st.tuples(FILTERS, st.booleans(), st.booleans()).map(both)


NAME, NUMBER = "sql.identifier.bare", "sql.number"
scalars = st.sampled_from(["one", "two"]).flatmap(lambda name: _holes(name, "", NAME))
literals = TEXT.map(lambda text: (Literal(text),))


def _bodies(inside: st.SearchStrategy[tuple[Node, ...]], size: int = 3) -> st.SearchStrategy[tuple[Node, ...]]:
    """Nodes one after the other. What begins a body or follows a part is told apart by the marks set afterwards."""
    return st.lists(inside, max_size=size).map(
        lambda parts: (Literal("<>"), *(node for part in parts for node in (*part, Literal("<>"))))
    )


def _flags(inside: st.SearchStrategy[tuple[Node, ...]], own: str = "") -> st.SearchStrategy[tuple[Node, ...]]:
    body = _bodies(inside, 2)
    bools = st.tuples(st.sampled_from(["flag", "other"]), st.sampled_from(["true", "false"]), body).map(
        lambda drawn: (Optional(When(parameter=drawn[0], equals=drawn[1]), drawn[2]),)
    )
    enums = st.tuples(body, body, body, st.booleans()).map(
        lambda drawn: tuple(
            Optional(When(parameter="mode", equals=equals), one)
            for equals, one in zip(("full", "daily", "none")[: 3 if drawn[3] else 2], drawn[:3], strict=False)
        )
    )
    if not own:
        return bools | enums
    mine = body.map(lambda inner: (Optional(When(parameter=own, field="on"), inner),))
    return bools | enums | mine


def _repeat(name: str) -> st.SearchStrategy[tuple[Node, ...]]:
    if name == "hosts":
        own: st.SearchStrategy[tuple[Node, ...]] = _holes(name, "", NAME)
        record = own | scalars | literals
        body = st.tuples(own, _bodies(record | _flags(record), 2)).map(lambda d: (Literal("<>"), *d[0], *d[1]))
    else:
        own = _holes(name, "name", NAME) | _holes(name, "size", NUMBER)
        record = own | scalars | literals
        body = _bodies(record | _flags(record, name))
    between = st.just(()) | _bodies(record, 1)
    return st.tuples(body, between).map(lambda drawn: (Repeat(Each(parameter=name), drawn[0], drawn[1]),))


repeats = st.sampled_from([*RECORDS, "hosts"]).flatmap(_repeat)
deep = scalars | literals | repeats | _flags(scalars | literals | repeats)
trees = _bodies(deep | _flags(deep), 5)


def _marked(nodes: Sequence[Node], count: list[int], *, told: bool) -> tuple[Node, ...]:
    """Every mark another one, so that the text says which way it was made; all the same when `told` is false."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Literal) and node.text == "<>":
            count[0] += 1
            found.append(Literal(f"<{count[0]}>" if told else ";"))
        elif isinstance(node, Optional):
            found.append(Optional(node.when, _marked(node.body, count, told=told)))
        elif isinstance(node, Repeat):
            found.append(
                Repeat(node.each, _marked(node.body, count, told=told), _marked(node.between, count, told=told))
            )
        else:
            found.append(node)
    return tuple(found)


def _file(path: str, nodes: tuple[Node, ...], encoding: Any, end: str, *, told: bool) -> TemplateFile:
    segments = tuple(flat((*_marked(nodes, [0], told=told), Literal(end))))
    return TemplateFile(path=path, language="sql", segments=segments, encoding=encoding)


def _templates(*, told: bool) -> st.SearchStrategy[Template]:
    file = st.tuples(trees, st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]), st.sampled_from(["", "\n", "\r\n"]))
    return st.lists(file, min_size=1, max_size=2).map(
        lambda drawn: Template(files=tuple(_file(f"f{k}.sql", *one, told=told) for k, one in enumerate(drawn)))
    )


templates = _templates(told=True)


def _seen(template: Template, values: dict[str, Any]) -> dict[str, Any]:
    """`values` without what stands nowhere in the rendered files: an interpreter of its own, not the renderer's."""
    names: set[str] = set()
    fields: set[tuple[str, int, str]] = set()

    def walk(nodes: Sequence[Node], item: int, of: str) -> None:
        for node in nodes:
            if isinstance(node, Hole):
                see(node, item, of)
            elif isinstance(node, Optional):
                value = see(node.when, item, of)
                if (str(value).lower() if isinstance(value, bool) else value) == node.when.equals:
                    walk(node.body, item, of)
            elif isinstance(node, Repeat):
                names.add(node.each.parameter)
                count = len(values[node.each.parameter])
                for number in range(count):
                    walk(node.body, number, node.each.parameter)
                    if number + 1 < count:
                        walk(node.between, number, node.each.parameter)

    def see(part: Hole | When, item: int, of: str) -> Any:
        names.add(part.parameter)
        value = values[part.parameter]
        if part.parameter != of:
            return value
        fields.add((of, item, part.field))
        return value[item][part.field] if part.field else value[item]

    for file in template.files:
        walk(structure(file), -1, "")
    return {
        name: [
            {key: text for key, text in one.items() if (name, number, key) in fields}
            for number, one in enumerate(value)
        ]
        if name in RECORDS
        else value
        for name, value in values.items()
        if name in names
    }


@given(templates, VALUES)
def test_fit_after_render_gives_back_every_value_that_stands_somewhere(
    template: Template, values: dict[str, Any]
) -> None:
    files = render_all(template, values, PARAMETERS)
    found = fit_all(template, files, PARAMETERS)
    assert found == _seen(template, values)
    assert render_all(template, found, PARAMETERS) == files


@given(templates, VALUES, st.integers(0, 60), st.text("<>12a ;\n", max_size=3), st.integers(0, 3))
def test_whatever_fits_renders_back_byte_for_byte(
    template: Template, values: dict[str, Any], at: int, put: str, cut: int
) -> None:
    files = render_all(template, values, PARAMETERS)
    data = files["f0.sql"]
    changed = {**files, "f0.sql": data[:at] + put.encode() + data[at + cut :]}
    try:
        found = fit_all(template, changed, PARAMETERS)
    except DoesNotFit:
        return
    assert render_all(template, found, PARAMETERS) == changed


@given(_templates(told=False), VALUES)
def test_what_was_rendered_fits_though_the_text_does_not_tell_its_blocks_apart(
    template: Template, values: dict[str, Any]
) -> None:
    try:
        files = render_all(template, values, PARAMETERS)
    except RenderRefused:  # a value and what happens to stand beside it
        return
    assert render_all(template, fit_all(template, files, PARAMETERS), PARAMETERS) == files


@given(templates)
def test_the_flat_segments_are_the_tree(template: Template) -> None:
    for file in template.files:
        assert tuple(flat(structure(file))) == file.segments
