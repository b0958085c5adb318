"""Places: what may stand where."""

from __future__ import annotations

import pytest

from fde_template.errors import TemplateError
from fde_template.place import reach, refusal

STRING_LIKE = [
    *(f"python.{kind}string.{style}" for kind in ("", "raw", "bytes", "rawbytes", "f", "rawf")
      for style in ("single", "double", "triple-single", "triple-double")),
    "typescript.string.single", "typescript.string.double", "typescript.template",
    "sql.string.single", "jinja.string.single", "jinja.string.double",
    "sql.identifier.quoted", "sql.identifier.backtick", "sql.identifier.bracket", "sql.identifier.bare",
    "python.identifier", "typescript.identifier", "python.number", "python.string.double/url.host",
    "python.string.triple-double/sql.identifier.bare", "python.string.triple-double/sql.string.single",
]  # fmt: skip
INJECTIONS = [
    "\"; os.system('x')#", "'; drop table t; --", "\"\"\"\nimport os", "a\\", "a\nb", "`rm -rf /`", "x\u2028y", "x\x00y", "a\u202eb",
]  # fmt: skip


@pytest.mark.parametrize("place", STRING_LIKE)
@pytest.mark.parametrize("value", INJECTIONS)
def test_a_value_that_would_leave_its_place_is_refused_whatever_the_quotes(place: str, value: str) -> None:
    assert refusal(place, value) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("python.fstring.double", "{__import__('os')}"),
        ("typescript.template", "${process.exit()}"),
        ("typescript.template", "cost $"),
        ("sql.string.single", "{{ run_query() }}"),
        ("sql.comment.block", "*/ drop table t; /*"),
        ("sql.comment.line", "ok\ndrop table t"),
        ("comment.jinja", "#}{{ evil() }}"),
        ("python.identifier", "class"),
        ("python.identifier", "a.b"),
        ("sql.identifier.bare", "t; drop"),
        ("sql.identifier.bare", "SELECT"),
        ("sql.identifier.quoted", "a--b"),
        ("python.number", "1 or 2"),
        ("python.string.double/url.host", "evil.example/path"),
        ("python.string.double+raw", 'a" + evil() + "'),
        ("python.string.double+raw", "ends with \\"),
        ("python.string.triple-double+raw", 'a"""'),
        ("python.fstring.double+raw", "{evil()}"),
        ("typescript.template+raw", "${evil()}"),
        ("sql.string.single+raw", "a' or '1'='1"),
        ("python.layout", " x"),
        ("typescript.regex", "a/; evil(); /b"),
    ],
)
def test_each_place_has_its_own_way_out_closed(place: str, value: str) -> None:
    assert refusal(place, value) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("python.string.double", "north-mill.example:443"),
        ("python.string.double+raw", r"^W\d{8}\"$"),
        ("python.string.triple-double+raw", "it's\ntwo lines"),
        ("typescript.template", "a $5 b"),
        ("sql.identifier.bare", "#Temp_1"),
        ("sql.string.single+raw", "it''s"),
        ("python.number", "0x1F"),
        ("typescript.regex", r"^[/]\d+$"),
        ("python.fstring.double+raw", "{{literal}}"),
    ],
)
def test_ordinary_values_may_stand(place: str, value: str) -> None:
    assert refusal(place, value) is None
    assert reach(place, value, 0) == len(value)


def test_the_refusal_never_quotes_the_value() -> None:
    assert "hunter" not in str(refusal("python.string.double", "hunter'"))


def test_an_unknown_place_is_an_error_not_a_free_pass() -> None:
    with pytest.raises(TemplateError):
        refusal("python.sting.double", "x")
