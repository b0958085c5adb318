"""Rendering: values into holes, or a refusal that names the parameter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Hole, Parameter, Segment, TemplateFile
from fde_template.errors import RenderRefused
from fde_template.render import render, render_all
from fde_template.shape import shape_of

SOURCE = 'class OrderFeed:\n    url = "https://api.example/order-feed"\n    timeout = 30\n'


def a_file(**changes: object) -> TemplateFile:
    def hole(parameter: str, place: str, *filters: str) -> Segment:
        return Segment(hole=Hole(parameter=parameter, place=place, filters=filters))

    fields: dict[str, object] = {
        "path": "feed.py",
        "language": "python",
        "segments": (
            Segment(text="class "), hole("feed", "python.identifier.part", "pascal"),
            Segment(text=':\n    url = "https://api.example/'), hole("feed", "python.string.double"),
            Segment(text='"\n    timeout = '), hole("timeout", "python.number"), Segment(text="\n"),
        ),
        "shape": shape_of("python", "feed.py", SOURCE),
    }  # fmt: skip
    return TemplateFile(**{**fields, **changes})  # type: ignore[arg-type]


FEED = Parameter(name="feed", type="string", required=True)
TIMEOUT = Parameter(name="timeout", type="int", default=30)
PARAMETERS = [FEED, TIMEOUT]


def test_values_go_through_their_filters() -> None:
    assert render(a_file(), {"feed": "order-feed"}, PARAMETERS) == SOURCE.encode()


def test_a_default_applies_and_a_value_overrides_it() -> None:
    assert b"timeout = 5" in render(a_file(), {"feed": "x", "timeout": 5}, PARAMETERS)


@pytest.mark.parametrize(
    ("values", "parameters", "named"),
    [
        ({}, PARAMETERS, "feed"),
        ({"feed": "x", "colour": 1}, PARAMETERS, "colour"),
        ({"feed": "x", "timeout": "soon"}, PARAMETERS, "timeout"),
        ({"feed": "x", "timeout": True}, PARAMETERS, "timeout"),
        ({"feed": ["x"]}, PARAMETERS, "feed"),
        ({"feed": "x"}, [Parameter(name="feed", type="enum", allowed_values=("a", "b")), TIMEOUT], "feed"),
        ({"feed": 'x"; import os; "'}, PARAMETERS, "feed"),
        ({"feed": "x"}, [Parameter(name="feed", type="secretRef"), TIMEOUT], "feed"),
    ],
)
def test_a_refusal_names_the_parameter(values: dict[str, object], parameters: list[Parameter], named: str) -> None:
    with pytest.raises(RenderRefused, match=named) as refused:
        render(a_file(), values, parameters)  # type: ignore[arg-type]
    assert refused.value.exit_code == 1
    assert named in refused.value.parameters


def test_the_text_of_a_secret_comes_apart_from_the_values() -> None:
    parameters = [Parameter(name="feed", type="secretRef"), TIMEOUT]
    assert b"order-feed" in render(a_file(), {}, parameters, secrets={"feed": "order-feed"})


def test_a_value_that_changes_the_structure_is_refused_even_where_its_place_lets_it_through() -> None:
    file = a_file(
        segments=(Segment(text="limit = "), Segment(hole=Hole(parameter="feed", place="python.source"))),
        shape=shape_of("python", "feed.py", "limit = 3"),
    )
    with pytest.raises(RenderRefused, match=r"structure|parse"):
        render(file, {"feed": "3\nimport os"}, PARAMETERS)


def test_a_source_block_must_parse() -> None:
    text = "def f():\n    a()\n    b()\n"
    file = a_file(
        segments=(
            Segment(text="def f():\n"), Segment(hole=Hole(parameter="feed", place="python.source")), Segment(text="    b()\n"),
        ),
        shape=shape_of("python", "feed.py", text, [(9, 17)]),
    )  # fmt: skip
    assert render(file, {"feed": "    c(1)\n"}, PARAMETERS) == b"def f():\n    c(1)\n    b()\n"
    with pytest.raises(RenderRefused, match="feed"):
        render(file, {"feed": "    c((\n"}, PARAMETERS)


def test_several_files_share_their_parameters() -> None:
    from fde_api.primitive import Template

    both = render_all(Template(files=(a_file(), a_file(path="other.py"))), {"feed": "x"}, PARAMETERS)
    assert sorted(both) == ["feed.py", "other.py"]


@given(st.text(max_size=30))
def test_whatever_the_value_the_program_keeps_its_shape_or_nothing_is_rendered(value: str) -> None:
    try:
        rendered = render(a_file(), {"feed": value}, PARAMETERS)
    except RenderRefused as refused:
        assert "feed" in refused.parameters
    else:
        assert shape_of("python", "feed.py", rendered.decode()) == a_file().shape
