"""What no value may do, whatever its characters: judged by parsers, not by the rules themselves."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fde_api.primitive import Hole, Parameter, Segment, Template, TemplateFile
from fde_template.errors import RenderRefused
from fde_template.place import reach, refusal
from fde_template.render import render, render_all
from fde_template.shape import shape_of

STYLES = {"single": "'", "double": '"', "triple-single": "'''", "triple-double": '"""'}
KINDS = {"": "", "raw": "r", "bytes": "b", "rawbytes": "rb", "f": "f", "rawf": "rf"}
nasty = st.text(st.sampled_from("\\'\"{}%#$`xuUN0aé²½٣ \n\0*/-;!"), max_size=8) | st.text(max_size=8)


def _rendered(language: str, before: str, place: str, after: str, value: object, **fields: object) -> str:
    file = TemplateFile(
        path=f"f.{language}", language=language,  # type: ignore[arg-type]
        segments=(Segment(text=before), Segment(hole=Hole(parameter="given", place=place)), Segment(text=after)), **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    encoding = "latin-1" if fields.get("encoding") == "latin-1" else "utf-8"
    return render(file, {"given": value}, [Parameter(name="given", type="string", required=True)]).decode(encoding)  # type: ignore[dict-item]


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(STYLES)), st.booleans(), nasty)
@example("", "double", True, "\\N{no such}")
@example("bytes", "single", False, "é")
@example("", "double", True, "\\x4")
def test_an_accepted_python_string_is_read_by_python_as_one_string(
    kind: str, style: str, raw: bool, value: str
) -> None:
    place = f"python.{kind}string.{style}" + ("+raw" if raw else "")
    if refusal(place, value) is None:
        source = f"x = {KINDS[kind]}{STYLES[style]}{value}{STYLES[style]}\n"
        (statement,) = ast.parse(source).body
        assert isinstance(statement, ast.Assign)
        joined = statement.value
        assert isinstance(joined, ast.Constant) or (
            isinstance(joined, ast.JoinedStr) and all(isinstance(part, ast.Constant) for part in joined.values)
        )


@given(st.text("0123456789._xXobeE+-aAjn٣", max_size=8))
@example("007")
@example("1__0")
@example("1_")
@example("٣")
@example("1" * 5000)
def test_an_accepted_python_number_is_read_by_python_as_one_number(value: str) -> None:
    if refusal("python.number", value) is None:
        parsed = ast.parse(f"x = {value}\n").body[0]
        assert isinstance(parsed, ast.Assign) and isinstance(parsed.value, ast.Constant)


@pytest.mark.parametrize("value", ["0", "00", "30", "0.10", "007.5", "1e5", "1_000", "0x_1F", ".5", "5."])
def test_every_spelling_that_python_has_may_stand(value: str) -> None:
    assert refusal("python.number", value) is None
    assert reach("python.number", value, 0) == len(value)


@pytest.mark.parametrize("value", ["007", "08.5", "1__0", "1_"])
def test_a_number_that_typescript_cannot_read_is_refused(value: str) -> None:
    assert refusal("typescript.number", value) is not None


@given(nasty)
@example("²")
@example("½a")
@example("None")
def test_an_accepted_identifier_is_one_for_python(value: str) -> None:
    if refusal("python.identifier", value) is None:
        assert value.isidentifier()
        ast.parse(f"{value} = 1")
    if refusal("python.identifier.part", value) is None:
        ast.parse(f"x{value} = 1")


@pytest.mark.parametrize(("value", "good"), [("True", True), ("true", False), ("TRUE", False)])
def test_true_and_false_are_spelled_as_the_language_does(value: str, good: bool) -> None:
    assert (refusal("python.bool", value) is None) is good


def _ends(text: str, *, backslash: bool, triple: bool) -> int:
    """Where a SQL string that `text` begins with ends, in one dialect's reading."""
    quote = "'''" if triple and text.startswith("'''") else "'"
    at = len(quote)
    while at < len(text):
        if backslash and text[at] == "\\":
            at += 2
        elif text.startswith(quote, at):
            if triple or not text.startswith("''", at):
                return at + len(quote)
            at += 2
        else:
            at += 1
    return -1


@given(st.text(st.sampled_from("\\'{}%# -;ax"), max_size=10), st.booleans())
@example("x\\'; DROP TABLE accounts; --", True)
@example("ends\\", True)
@example("a''''b", True)
def test_a_sql_string_ends_where_it_should_in_every_dialect(value: str, raw: bool) -> None:
    try:
        text = _rendered("sql", "select 'a", "sql.string.single" + ("+raw" if raw else ""), "z' as x;", value)
    except RenderRefused:
        return
    string = text.removeprefix("select ")
    for backslash in (False, True):
        assert string[_ends(string, backslash=backslash, triple=False) :] == " as x;"
    if "'" not in value:
        assert string[_ends(string, backslash=True, triple=True) :] == " as x;"
    wide = f"'''a{value}z''' as x;"
    assert wide[_ends(wide, backslash=True, triple=True) :] == " as x;"
    assert wide[_ends(wide, backslash=False, triple=True) :] == " as x;"


@given(
    st.text(st.sampled_from("{}%#ax"), max_size=4),
    st.sampled_from(["{", "%", "}", "#", ""]),
    st.sampled_from(["{", "%", "}", "#", ""]),
)
@example("x{", "", "%")
@example("%", "{", "")
def test_a_value_opens_no_jinja_bracket_with_its_neighbours(value: str, before: str, after: str) -> None:
    for place, opening, closing in (
        ("sql.string.single", "select '", "'"),
        ("sql.string.single+raw", "select '", "'"),
        ("sql.comment.line", "-- ", "\n"),
        ("sql.comment.block", "/* ", " */"),
    ):
        try:
            text = _rendered("sql", opening + before, place, after + closing, value)
        except RenderRefused:
            continue
        assert not any(mark in text for mark in ("{{", "{%", "{#")), place


def test_two_values_side_by_side_make_no_bracket_either() -> None:
    file = TemplateFile(
        path="f.sql", language="sql",
        segments=(
            Segment(text="-- "), Segment(hole=Hole(parameter="one", place="sql.comment.line")),
            Segment(hole=Hole(parameter="two", place="sql.comment.line")), Segment(text="\n"),
        ),
    )  # fmt: skip
    parameters = [Parameter(name=name, type="string") for name in ("one", "two")]
    assert render(file, {"one": "a", "two": "b"}, parameters) == b"-- ab\n"
    with pytest.raises(RenderRefused, match=r"one|two"):
        render(file, {"one": "{", "two": "{ x"}, parameters)


@pytest.mark.parametrize("place", ["sql.comment.line", "sql.comment.block"])
@pytest.mark.parametrize("value", ["{{ run_query('drop table x') }}", "{% do x %}", "{# x", "a }}", "a %}", "a #}"])
def test_jinja_in_a_sql_comment_is_refused(place: str, value: str) -> None:
    assert refusal(place, value) is not None


@pytest.mark.parametrize(
    ("language", "before", "place", "after", "value"),
    [
        ("python", "# ", "python.comment.line", "\nx = 1\n", "coding:utf-7 +AAo-import os"),
        ("python", "#!/usr/bin/env python\n# ", "python.comment.line", "\nx = 1\n", "vim: set fileencoding=utf-7"),
        ("python", "\n# ", "python.comment.line", "\nx = 1\n", "coding=utf_16"),
        ("python", "# cod", "python.comment.line", ": utf-7\n", "ing"),
        ("python", "#", "python.comment.line", "\nx = 1\n", "!/bin/sh"),
        ("sql", "/*", "sql.comment.block", "*/ select 1;", "!50000 drop table t "),
        ("sql", "/* *", "sql.comment.block", " */ select 1;", "/ drop table t; "),
        ("typescript", "/* *", "typescript.comment.block", " */", "/ evil() "),
        ("typescript", "`$", "typescript.template", "`", "{evil()"),
        ("python", 'x = "\\', "python.string.double", '"\n', "x4"),
        ("python", 'x = "\\', "python.string.double+raw", '"\n', '\\" + evil() + \\"'),
        ("sql", "select '", "sql.string.single+raw", "';", "''; drop table t; --"),
    ],
)  # fmt: skip
def test_a_value_makes_nothing_with_what_stands_beside_it(
    language: str, before: str, place: str, after: str, value: str
) -> None:
    with pytest.raises(RenderRefused, match="given"):
        _rendered(language, before, place, after, value)


@pytest.mark.parametrize(
    ("before", "value"),
    [("# -*- coding: ", "utf-8"), ("# -*- coding: utf-8 -*- ", "acme"), ("x = 1\n# ", "coding:utf-7"), ("\n\n# ", "coding:utf-7")],
)  # fmt: skip
def test_a_comment_that_python_takes_for_no_other_encoding_may_stand(before: str, value: str) -> None:
    assert value in _rendered("python", before, "python.comment.line", "\ny = 2\n", value)


def test_what_siblings_escaped_may_still_stand() -> None:
    for value in ("it''s", "\\N", "C:\\data\\x", "^\\d+$", "%acme%"):
        assert refusal("sql.string.single+raw", value) is None
        assert reach("sql.string.single+raw", value + "' as x", 0) == len(value)
    assert _rendered("python", 'x = "a\\', "python.string.double", '"\n', "n") == 'x = "a\\n"\n'


@pytest.mark.parametrize(("value", "encoding"), [("\ud800", "utf-8"), ("\u20ac", "latin-1")])
def test_a_character_that_the_file_cannot_hold_is_refused_by_name(value: str, encoding: str) -> None:
    file = TemplateFile(
        path="f.sql", language="sql", encoding=encoding, segments=(Segment(hole=Hole(parameter="given", place="sql.source")),),  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(RenderRefused, match="given") as refused:
        render_all(Template(files=(file,)), {"given": value}, [Parameter(name="given", type="string")])
    assert refused.value.parameters == ("given",)


PROGRAM = ("# for ", "\nclass C", ':\n    url = "', '"\n    raw = b"', '"\n    size = ', "\n")
PLACES = ("python.comment.line", "python.identifier.part", "python.string.double+raw", "python.bytesstring.double", "python.number")  # fmt: skip


@given(st.tuples(nasty, nasty, nasty, nasty, nasty | st.text("0123456789_.e", max_size=5)))
@example(("coding:utf-7 x", "A", "u", "b", "1"))
def test_whatever_the_values_python_reads_the_same_tree(values: tuple[str, ...]) -> None:
    parts = [
        part
        for index, text in enumerate(PROGRAM)
        for part in (
            Segment(text=text),
            *([Segment(hole=Hole(parameter=f"p{index}", place=PLACES[index]))] if index < len(PLACES) else []),
        )
    ]
    sample = '# for x\nclass CA:\n    url = "u"\n    raw = b"b"\n    size = 1\n'
    file = TemplateFile(path="f.py", language="python", segments=tuple(parts), shape=shape_of("python", "f.py", sample))
    try:
        data = render(
            file,
            {f"p{index}": value for index, value in enumerate(values)},
            [Parameter(name=f"p{index}", type="string") for index in range(len(PLACES))],
        )
    except RenderRefused:
        return
    # `data` as bytes: the encoding is found as the interpreter finds it.
    assert _kinds(ast.parse(data)) == _kinds(ast.parse(sample))


def _kinds(tree: ast.AST) -> list[str]:
    return [type(node).__name__ for node in ast.walk(tree)]
