"""Flags, alternatives and lists: what is rendered, what is refused and what it is called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fde_api.primitive import Each, Field, Hole, Parameter, Segment, TemplateFile, When
from fde_template.errors import DoesNotFit, RenderRefused, TemplateError
from fde_template.fit import fit
from fde_template.place import refusal
from fde_template.placeholder import placeholder
from fde_template.render import render
from fde_template.shape import shape_of

END, BETWEEN = Segment(mark="end"), Segment(mark="between")


def text(given_text: str) -> Segment:
    return Segment(text=given_text)


def hole(parameter: str, place: str, *filters: str, field: str = "") -> Segment:
    return Segment(hole=Hole(parameter=parameter, field=field, place=place, filters=filters))


def when(parameter: str, equals: str = "true", field: str = "") -> Segment:
    return Segment(when=When(parameter=parameter, field=field, equals=equals))


def each(parameter: str) -> Segment:
    return Segment(each=Each(parameter=parameter))


STRING = "python.string.double"
PARAMETERS = [
    Parameter(name="table", type="identifier", required=True),
    Parameter(name="audit", type="bool", default=False),
    Parameter(name="auditor", type="string", required=True, when=When(parameter="audit")),
    Parameter(name="mode", type="enum", allowed_values=("full", "daily"), required=True),
    Parameter(
        name="columns",
        type="list",
        required=True,
        fields=(
            Field(name="name", type="identifier"),
            Field(name="type", type="enum", allowed_values=("int", "text")),
            Field(name="key", type="bool"),
        ),
    ),
    Parameter(name="hosts", type="list", fields=(Field(type="host"),)),
    Parameter(name="token", type="secretRef"),
]
FILE = TemplateFile(
    path="feed.py",
    language="python",
    segments=(
        text("def "), hole("table", "python.identifier.part", "snake"), text("_feed():\n"),
        when("audit"), text('    log("'), hole("auditor", STRING), text('")\n'), END,
        when("mode", "full"), text("    drop()\n"), END, when("mode", "daily"), text("    append()\n"), END,
        text("    columns = ["),
        each("columns"), text('("'), hole("columns", STRING, field="name"), text('", "'), hole("columns", STRING, field="type"),
        text('"'), when("columns", field="key"), text(", KEY"), END, text(")"), BETWEEN, text(", "), END,
        text("]\n    hosts = ["), each("hosts"), text('"'), hole("hosts", STRING + "/url.host"), text('/'),
        hole("table", STRING), text('"'), BETWEEN, text(", "), END, text("]\n"),
    ),
)  # fmt: skip
VALUES: dict[str, Any] = {
    "table": "orders",
    "mode": "daily",
    "columns": [{"name": "id", "type": "int", "key": True}, {"name": "note", "type": "text", "key": False}],
    "hosts": ["a.example", "b.example"],
}


def test_flags_alternatives_and_items_stand_where_they_should() -> None:
    data = render(FILE, VALUES, PARAMETERS)
    assert data.decode() == (
        'def orders_feed():\n    append()\n    columns = [("id", "int", KEY), ("note", "text")]\n'
        '    hosts = ["a.example/orders", "b.example/orders"]\n'
    )
    assert fit(FILE, data, PARAMETERS) == {**VALUES, "audit": False}


def test_a_flag_opens_its_block_and_lists_may_be_empty() -> None:
    values = {**VALUES, "audit": True, "auditor": "Ana", "mode": "full", "columns": [], "hosts": []}
    data = render(FILE, values, PARAMETERS)
    assert data.decode() == 'def orders_feed():\n    log("Ana")\n    drop()\n    columns = []\n    hosts = []\n'
    assert fit(FILE, data, PARAMETERS) == values


@pytest.mark.parametrize(
    ("change", "message", "named"),
    [
        ({"audit": True}, r"^parameter auditor: needs a value \(string\)$", "auditor"),
        ({"mode": None}, "parameter mode: needs a value", "mode"),
        ({"mode": "other"}, r"parameter mode: is not one of the allowed values \(full, daily\)", "mode"),
        ({"columns": None}, r"parameter columns: needs a value \(list\)", "columns"),
        ({"columns": "id"}, "parameter columns: takes a list, not str", "columns"),
        ({"columns": {"name": "id"}}, "parameter columns: takes a list, not dict", "columns"),
        ({"columns": ["id"]}, "parameter columns, item 1: takes a record of name, type, key, not str", "columns"),
        ({"columns": [{"name": "id", "type": "int"}]}, r"parameter columns, item 1, field key: needs a value \(bool\)", "columns"),
        (
            {"columns": [VALUES["columns"][0], {"name": "x", "type": "blob", "key": False}]},
            r"parameter columns, item 2, field type: is not one of the allowed values \(int, text\)", "columns",
        ),
        ({"columns": [{**VALUES["columns"][0], "size": 3}]}, "parameter columns, item 1, field size: is not known", "columns"),
        ({"columns": [{**VALUES["columns"][0], "name": ["x"]}]}, "item 1, field name: takes one identifier, not list", "columns"),
        ({"hosts": ["a.example", "no host"]}, "parameter hosts, item 2: takes a host name", "hosts"),
        ({"hosts": [{"name": "a"}]}, "parameter hosts, item 1: takes one host, not dict", "hosts"),
        ({"hosts": ["a.example", "a:80"]}, r"feed.py: parameter hosts, item 2: must be a host name or address \(place", "hosts"),
        ({"table": ["orders"]}, "parameter table: takes one identifier, not list", "table"),
    ],
)  # fmt: skip
def test_a_refusal_names_parameter_item_and_field_and_no_value(
    change: dict[str, Any], message: str, named: str
) -> None:
    values = {name: value for name, value in {**VALUES, **change}.items() if value is not None}
    with pytest.raises(RenderRefused, match=message) as refused:
        render(FILE, values, PARAMETERS)
    assert refused.value.parameters == (named,)
    assert not any(word in str(refused.value) for word in ("blob", "no host", "a:80"))


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ((hole("columns", STRING, field="name"),), "columns: an item stands outside a repeat"),
        ((each("hosts"), hole("columns", STRING, field="name"), END), "columns: an item stands outside a repeat"),
        ((each("table"), text("x"), END), "parameter table: is repeated over, and is no list"),
        ((each("columns"), hole("columns", STRING, field="colour"), END), "columns, item 1, field colour: the template uses"),
        ((when("unheard"), text("x"), END), "parameter unheard is not declared"),
        ((when("audit"), text("x")), "a block is not closed"),
    ],
)  # fmt: skip
def test_a_template_that_says_what_its_schema_does_not_is_refused(segments: tuple[Segment, ...], message: str) -> None:
    file = TemplateFile(path="feed.py", language="other", segments=segments)
    with pytest.raises(TemplateError, match=message):
        render(file, VALUES, PARAMETERS)
    with pytest.raises(TemplateError):
        fit(file, b"x", PARAMETERS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"type": "list"}, "a list has fields"),
        ({"type": "int", "fields": (Field(name="a", type="int"),)}, "a list has fields"),
        ({"type": "list", "fields": (Field(type="int"),), "default": 1}, "its items have no default"),
    ],
)
def test_a_schema_that_no_value_could_satisfy_is_none(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Parameter(name="a", **wrong)
    for kind in ("list", "secretRef"):
        with pytest.raises(ValueError, match="a list holds plain values only"):
            Field(name="b", type=kind)  # type: ignore[arg-type]


def test_two_lists_are_linked_by_their_parameter() -> None:
    file = TemplateFile(
        path="load.sql",
        language="sql",
        segments=(
            text("select "), each("columns"), hole("columns", "sql.identifier.bare", "upper", field="name"), BETWEEN, text(", "), END,
            text(" from t; insert into u ("), each("columns"), hole("columns", "sql.identifier.bare", field="name"), text(" /* "),
            hole("columns", "sql.comment.block", field="type"), text(" */"), BETWEEN, text(", "), END, text(")"),
        ),
    )  # fmt: skip
    data = b"select ID, NOTE from t; insert into u (id /* int */, note /* text */)"
    found = fit(file, data, PARAMETERS)
    assert found == {"columns": [{"name": "id", "type": "int"}, {"name": "note", "type": "text"}]}
    assert render(file, found, PARAMETERS) == data
    for other in (
        b"select ID from t; insert into u (id /* int */, note /* text */)",
        b"select ID, NOTE from t; insert into u (id /* int */)",
        b"select ID, NOTE from t; insert into u (id /* int */, notes /* text */)",
        b"select ID, NOTE from t; insert into u (id /* int */, note /* blob */)",
    ):
        with pytest.raises(DoesNotFit, match=r"load.sql:1:\d\d"):
            fit(file, other, PARAMETERS)


def test_a_later_hole_decides_what_a_skipped_block_left_open() -> None:
    modes = [Parameter(name="mode", type="enum", allowed_values=("full", "daily", "none"))]
    file = TemplateFile(
        path="a.sql", language="sql", segments=(when("mode", "full"), text("drop; "), END, text("-- "), hole("mode", "sql.comment.line")),
    )  # fmt: skip
    assert fit(file, b"-- none", modes) == {"mode": "none"}
    assert fit(file, b"drop; -- full", modes) == {"mode": "full"}
    for other in (b"-- full", b"drop; -- daily", b"-- weekly"):
        with pytest.raises(DoesNotFit):
            fit(file, other, modes)


def test_a_flag_that_is_only_skipped_gets_what_is_left() -> None:
    def found(kind: Parameter, *equals: str) -> dict[str, Any]:
        blocks = tuple(part for one in equals for part in (when("mode", one), text(one), END))
        return fit(TemplateFile(path="a.sql", language="sql", segments=(text("-- "), *blocks)), b"-- ", [kind])

    three = ("full", "daily", "none")
    assert found(Parameter(name="mode", type="bool"), "true") == {"mode": False}
    assert found(Parameter(name="mode", type="bool"), "false") == {"mode": True}
    assert found(Parameter(name="mode", type="enum", allowed_values=three), "full", "none") == {"mode": "daily"}
    assert found(Parameter(name="mode", type="enum", allowed_values=three), "full") == {"mode": "daily"}
    assert found(Parameter(name="mode", type="enum", allowed_values=three, default="none"), "full") == {"mode": "none"}
    assert found(Parameter(name="mode", type="string", default="none"), "full") == {"mode": "none"}
    for kind in (Parameter(name="mode", type="enum", allowed_values=three), Parameter(name="mode", type="string")):
        with pytest.raises(DoesNotFit):
            found(kind, *three)


def test_what_does_not_fit_in_an_item_is_placed_there() -> None:
    data = render(FILE, VALUES, PARAMETERS).replace(b'"text")', b'"blob")')
    with pytest.raises(DoesNotFit, match="parameter columns, item 2, field type") as misfit:
        fit(FILE, data, PARAMETERS)
    assert (misfit.value.line, misfit.value.column) == (3, 46)


@pytest.mark.seconds
def test_many_items_and_segments_are_no_recursion() -> None:
    rows = [{"name": f"c{number}", "type": "int", "key": number % 2 == 0} for number in range(3000)]
    data = render(FILE, {**VALUES, "columns": rows}, PARAMETERS)
    assert fit(FILE, data, PARAMETERS)["columns"] == rows
    with pytest.raises(DoesNotFit, match=":4:"):
        fit(FILE, data.replace(b"hosts", b"boats"), PARAMETERS)


def test_an_endless_repeat_of_nothing_ends() -> None:
    file = TemplateFile(
        path="a.sql", language="sql", segments=(each("columns"), when("columns", field="key"), text("x"), END, END)
    )
    with pytest.raises(DoesNotFit):
        fit(file, b"xxy", PARAMETERS)
    assert fit(file, b"", PARAMETERS) == {"columns": []}
    assert fit(file, b"xx", PARAMETERS) == {"columns": [{"key": True}, {"key": True}]}


def test_a_value_whose_plain_hole_is_absent_is_one_that_spells_the_others() -> None:
    file = TemplateFile(
        path="a.sql", language="sql",
        segments=(
            hole("table", "sql.identifier.bare", "pascal"), text(" "), hole("table", "sql.identifier.bare", "snake"),
            when("audit"), text(" "), hole("table", "sql.identifier.bare"), END,
        ),
    )  # fmt: skip
    assert fit(file, b"OrderLine order_line", PARAMETERS) == {"table": "OrderLine", "audit": False}
    assert fit(file, b"OrderLine order_line orderLine", PARAMETERS) == {"table": "orderLine", "audit": True}
    with pytest.raises(DoesNotFit):
        fit(file, b"OrderLine order_lines", PARAMETERS)


def test_a_secret_in_an_absent_block_is_not_needed() -> None:
    file = TemplateFile(
        path="a.sql", language="sql", segments=(when("audit"), hole("token", "sql.string.single"), END, text("--"))
    )
    assert render(file, {}, PARAMETERS) == b"--"
    with pytest.raises(RenderRefused, match="token"):
        render(file, {"audit": True}, PARAMETERS)
    assert render(file, {"audit": True}, PARAMETERS, secrets={"token": "t"}) == b"t--"


# ----- the tree of what is rendered is the tree of the same blocks with harmless texts in them

nasty = st.text(st.sampled_from("\\'\"{}%#$`xuN0a.é² \n\0*/-;()=,"), max_size=8) | st.sampled_from(
    ["if", "x if y else z", "None", "import os", "a, b", 'x")', "x*/", "string", "undefined", "await", "1_0", "a.b"]
)
LANGUAGES: dict[str, tuple[str, tuple[Segment, ...], dict[str, str]]] = {
    "python": (
        "a.py",
        (
            text("import "), hole("p0", "python.identifier.dotted"), text("\nx = {"), each("rows"), text('"'),
            hole("rows", "python.string.double", field="a"), text('": f(b'), hole("rows", "python.identifier.part", field="b"),
            text("=+"), hole("rows", "python.number", field="c"), text(")"), when("rows", field="on"), text(" + 1"), END,
            BETWEEN, text(", "), END, text("}\n"), when("flag"), text("# "), hole("p1", "python.comment.line"), text("\n"), END,
        ),
        {"p0": "os.path", "p1": "x", "a": "x", "b": "x", "c": "1"},
    ),
    "typescript": (
        "a.ts",
        (
            text("const x = ["), each("rows"), text("`a"), hole("rows", "typescript.template+raw", field="a"), text("` as "),
            hole("rows", "typescript.identifier", field="b"), text(" /* "), hole("rows", "typescript.comment.block", field="c"),
            text(" */"), when("rows", field="on"), text(" + 1"), END, BETWEEN, text(", "), END, text("];\n"),
            when("flag"), text("const "), hole("p0", "typescript.identifier"), text(" = 1;\n"), END, text("// "),
            hole("p1", "typescript.comment.line"), text("\n"),
        ),
        {"p0": "x", "p1": "x", "a": "x", "b": "X", "c": "x"},
    ),
    "sql": (
        "a.sql",
        (
            text("select "), each("rows"), hole("rows", "sql.identifier.bare", field="a"), text(" as '"),
            hole("rows", "sql.string.single+raw", field="b"), text("' -- "), hole("rows", "sql.comment.line", field="c"), text("\n"),
            when("rows", field="on"), text(" + 1"), END, BETWEEN, text(", "), END, text(" from "),
            hole("p0", "sql.identifier.bare"), when("flag"), text(" limit "), hole("p1", "sql.number"), END, text(";\n"),
        ),
        {"p0": "x", "p1": "1", "a": "x", "b": "x", "c": "x"},
    ),
}  # fmt: skip
SCHEMA = [
    Parameter(name="p0", type="string"),
    Parameter(name="p1", type="string"),
    Parameter(name="flag", type="bool"),
    Parameter(
        name="rows",
        type="list",
        fields=(*(Field(name=name, type="string") for name in "abc"), Field(name="on", type="bool")),
    ),
]


@given(
    st.sampled_from(sorted(LANGUAGES)), st.booleans(), nasty, nasty,
    st.lists(st.fixed_dictionaries({"a": nasty, "b": nasty, "c": nasty | st.just("1"), "on": st.booleans()}), max_size=2),
)  # fmt: skip
@example("typescript", True, "undefined", "x", [{"a": "x", "b": "string", "c": "x", "on": True}])
@example("python", False, "a.b", "x", [{"a": "x", "b": "x", "c": "1", "on": True}])
@example("sql", True, "x", "1_0", [{"a": "x", "b": "it''s", "c": "x", "on": False}])
def test_whatever_the_values_the_tree_is_the_one_with_harmless_ones_or_nothing_is_rendered(
    language: str, flag: bool, p0: str, p1: str, rows: list[dict[str, Any]]
) -> None:
    path, segments, harmless = LANGUAGES[language]
    file = TemplateFile(path=path, language=language, segments=segments)  # type: ignore[arg-type]

    def shape(values: dict[str, Any]) -> str | None:
        found = shape_of(file.language, path, render(file, values, SCHEMA).decode())
        assert found is not None
        return found

    values = {"flag": flag, "p0": p0, "p1": p1, "rows": rows}
    try:
        got = shape(values)
    except RenderRefused as refused:
        assert refused.parameters
        return
    if language == "python":
        harmless = {**harmless, "p0": ".".join("x" for _ in p0.split("."))}
    if {"string", "undefined"} & {p0, *(row["b"] for row in rows)}:
        return  # nodes of their own; that they may stand is in the examples
    if language == "sql" and not p1.isdigit():
        return  # `1_0` is another kind of token
    again = {
        "flag": flag, "p0": harmless["p0"], "p1": harmless["p1"],
        "rows": [{**{name: harmless[name] for name in "abc"}, "on": row["on"]} for row in rows],
    }  # fmt: skip
    assert got == shape(again)


@pytest.mark.parametrize(
    "values",
    [
        {"flag": False, "p0": "os", "p1": "x", "rows": [{"a": "x", "b": "=1)+f(c", "c": "1", "on": False}]},
        {"flag": True, "p0": "os", "p1": "x\nimport os", "rows": []},
        {"flag": False, "p0": "os, sys", "p1": "x", "rows": []},
    ],
)
def test_a_value_does_not_leave_its_item_or_its_block(values: dict[str, Any]) -> None:
    path, segments, _ = LANGUAGES["python"]
    with pytest.raises(RenderRefused):
        render(TemplateFile(path=path, language="python", segments=segments), values, SCHEMA)


def test_a_word_that_place_and_neighbours_make_syntax_is_refused_by_the_reference() -> None:
    file = TemplateFile(
        path="a.py", language="python",
        segments=(text("i"), hole("p0", "python.identifier.part"), text(" (x)\n"), when("flag"), text("y = 1\n"), END),
    )  # fmt: skip
    assert render(file, {"p0": "g", "flag": True}, SCHEMA) == b"ig (x)\ny = 1\n"
    with pytest.raises(RenderRefused, match="another structure") as refused:
        render(file, {"p0": "n", "flag": True}, SCHEMA)
    assert refused.value.parameters == ("p0",)


def test_what_no_grammar_takes_is_rendered_as_a_template_without_shape_is() -> None:
    file = TemplateFile(
        path="a.py",
        language="python",
        segments=(text("def ("), when("flag"), text("x"), END, hole("p0", "python.identifier")),
    )
    assert render(file, {"p0": "g", "flag": True}, SCHEMA) == b"def (xg"


@pytest.mark.parametrize(
    "place",
    ["python.string.double", "python.identifier", "python.number", "python.bool", "typescript.bool", "sql.bool", "url.host",
     "python.string.single/url.host", "env.name", "sql.identifier.bracket", "typescript.regex", "python.bytesstring.double+raw",
     "sql.string.single/sql.identifier.bare", "python.identifier.dotted", "sql.number", "comment.jinja"],
)  # fmt: skip
def test_every_place_takes_its_placeholder(place: str) -> None:
    assert refusal(place, placeholder(place, "x.x" if "dotted" in place else "5")) is None
    assert placeholder(place, "7") != "7"
