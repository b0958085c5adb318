"""Fitting is the exact inverse of rendering."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Hole, Parameter, Segment, TemplateFile
from fde_template.errors import DoesNotFit, RenderRefused
from fde_template.fit import fit
from fde_template.render import render

NAME = Parameter(name="name", type="string", required=True)
HOST = Parameter(name="host", type="string", required=True)
SIZE = Parameter(name="size", type="int", required=True)
PARAMETERS = [NAME, HOST, SIZE]


def _hole(parameter: str, place: str, *filters: str) -> Segment:
    return Segment(hole=Hole(parameter=parameter, place=place, filters=filters))


FILE = TemplateFile(
    path="feed.sql",
    language="sql",
    segments=(
        Segment(text="-- "), _hole("name", "sql.comment.line", "title"),
        Segment(text="\ncreate table raw."), _hole("name", "sql.identifier.bare", "snake"), Segment(text="_rows as\nselect '"),
        _hole("name", "sql.string.single"), Segment(text="-"), _hole("host", "sql.string.single"), Segment(text="' as origin from src limit "),
        _hole("size", "sql.number"), Segment(text=";\n"),
    ),
)  # fmt: skip
values = st.fixed_dictionaries(
    {
        "name": st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=3).map("-".join),
        "host": st.text("abc.-09", max_size=12),
        "size": st.integers(0, 10**9),
    }
)


@given(values)
def test_fit_after_render_gives_the_values_back(given_values: dict[str, object]) -> None:
    data = render(FILE, given_values, PARAMETERS)  # type: ignore[arg-type]
    found = fit(FILE, data, PARAMETERS)
    assert render(FILE, found, PARAMETERS) == data
    assert found["name"] == given_values["name"]


@given(values, st.integers(0, 120), st.text(max_size=3), st.integers(0, 3))
def test_what_fits_renders_back_byte_for_byte(given_values: dict[str, object], at: int, put: str, cut: int) -> None:
    text = render(FILE, given_values, PARAMETERS).decode()  # type: ignore[arg-type]
    data = (text[:at] + put + text[at + cut :]).encode("utf-8", "surrogatepass")
    try:
        found = fit(FILE, data, PARAMETERS)
    except DoesNotFit:
        return
    assert render(FILE, found, PARAMETERS) == data


def _data(title: str = "Acme", table: str = "acme", name: str = "acme") -> bytes:
    return f"-- {title}\ncreate table raw.{table}_rows as\nselect '{name}-db.x' as origin from src limit 5;\n".encode()


def test_one_value_in_three_spellings() -> None:
    assert fit(FILE, _data(), PARAMETERS) == {"name": "acme", "host": "db.x", "size": 5}


@pytest.mark.parametrize("changed", [{"title": "Acmes"}, {"table": "other"}, {"name": "other"}])
def test_a_value_that_does_not_agree_everywhere_does_not_fit(changed: dict[str, str]) -> None:
    with pytest.raises(DoesNotFit):
        fit(FILE, _data(**changed), PARAMETERS)


def test_the_first_place_that_differs_is_named() -> None:
    with pytest.raises(DoesNotFit) as misfit:
        fit(FILE, _data().replace(b"origin", b"Origin"), PARAMETERS)
    assert (misfit.value.line, misfit.value.column) == (3, 23)
    assert misfit.value.exit_code == 1


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"\xef\xbb\xbf" + _data(), _data() + b"\n", _data().replace(b"\n", b"\r\n")]
)
def test_other_bytes_do_not_fit(data: bytes) -> None:
    with pytest.raises(DoesNotFit):
        fit(FILE, data, PARAMETERS)


def test_numbers_that_would_come_back_as_other_text_stay_text() -> None:
    found = fit(FILE, _data().replace(b"limit 5", b"limit 007"), PARAMETERS)
    assert found["size"] == "007"


def test_many_ambiguous_holes_end_in_a_refusal_not_in_a_search_without_end() -> None:
    count = 40
    segments = tuple(
        part for index in range(count) for part in (_hole(f"p{index}", "sql.comment.line"), Segment(text="a"))
    )
    parameters = [Parameter(name=f"p{index}", type="string") for index in range(count)]
    file = TemplateFile(path="x.sql", language="sql", segments=(Segment(text="--"), *segments, Segment(text="!")))
    with pytest.raises(DoesNotFit, match="tries"):
        fit(file, b"--" + b"a" * 400 + b"?", parameters)


def test_a_default_is_no_value_that_fit_invents() -> None:
    with pytest.raises(RenderRefused):
        render(FILE, {"name": "acme"}, PARAMETERS)
