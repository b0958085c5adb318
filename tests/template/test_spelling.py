"""Words, filters, encodings and types of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Parameter
from fde_template.encoding import decode, encode, encoding_of, newline_of
from fde_template.errors import RenderRefused, TemplateError
from fde_template.filters import CHAINS, apply
from fde_template.values import text_of, typed
from fde_template.words import pieces, words


@pytest.mark.parametrize(
    "text",
    [
        "order-shipped",
        "order_shipped",
        "OrderShipped",
        "orderShipped",
        "Order Shipped",
        "ORDER_SHIPPED",
        "order.shipped",
    ],
)
def test_a_name_has_the_same_words_in_every_spelling(text: str) -> None:
    assert words(text) == ("order", "shipped")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("HTTPServer2_new", ["HTTP", "Server2", "new"]), ("sha256", ["sha256"]), ("", []), ("--", [])],
)
def test_pieces(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(st.lists(st.text("abcxyz", min_size=2, max_size=6), min_size=1, max_size=4))
def test_every_spelling_with_word_marks_leads_back_to_the_words(parts: list[str]) -> None:
    root = "-".join(parts)
    for chain in CHAINS:
        if "flat" not in chain:
            assert words(apply(chain, root)) == tuple(parts)


@pytest.mark.parametrize(
    ("one", "many"),
    [("delivery", "deliveries"), ("BATCH", "BATCHES"), ("key", "keys"), ("Invoice", "Invoices"), ("", "")],
)
def test_plural(one: str, many: str) -> None:
    assert apply(["plural"], one) == many


def test_an_unknown_filter_is_named() -> None:
    with pytest.raises(TemplateError, match="rot13"):
        apply(["rot13"], "x")


@given(st.binary(max_size=60))
def test_any_bytes_come_back(data: bytes) -> None:
    encoding = encoding_of(data)
    assert encode(decode(data, encoding), encoding) == data


@pytest.mark.parametrize(
    ("text", "kind"), [("a\nb\n", "lf"), ("a\r\nb", "crlf"), ("a\rb", "cr"), ("a\r\nb\n", "mixed"), ("a", "none")]
)
def test_line_endings_are_recorded(text: str, kind: str) -> None:
    assert newline_of(text) == kind


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", "42", "4.2"), ("float", "0.10", "ten"), ("duration", "15m", "soon"), ("host", "db-1.example:5432", "a b"),
        ("url", "https://a.example/x", "a.example"), ("email", "a@b.example", "a b@c"), ("identifier", "Order_1", "1' or"), ("bool", "TRUE", "yes"),
    ],
)  # fmt: skip
def test_a_type_takes_its_values_and_no_others(kind: str, good: str, bad: str) -> None:
    parameter = Parameter(name="p", type=kind)  # type: ignore[arg-type]
    assert text_of(parameter, good).lower() == good.lower()
    with pytest.raises(RenderRefused, match="p"):
        text_of(parameter, bad)


@given(st.text("0123456789.-", max_size=8))
def test_a_scalar_is_used_only_where_it_keeps_the_text(text: str) -> None:
    for kind in ("int", "float", "duration"):
        scalar = typed(Parameter(name="p", type=kind), text)  # type: ignore[arg-type]
        assert isinstance(scalar, str) or repr(scalar) == text


def _through_the_api_server(value: object) -> object:
    """JSON has one kind of number: what is integral comes back without its point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@given(st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.text("0123456789.-", min_size=1, max_size=8))
def test_a_float_comes_back_from_the_api_server_as_the_sibling_wrote_it(text: str) -> None:
    parameter = Parameter(name="p", type="float")
    try:
        wanted = text_of(parameter, text)
    except RenderRefused:
        return
    assert text_of(parameter, _through_the_api_server(typed(parameter, text))) == wanted == text


@pytest.mark.parametrize("value", [1, 1.0])
def test_an_integral_number_for_a_float_renders_the_same_whatever_json_made_of_it(value: float) -> None:
    assert text_of(Parameter(name="p", type="float"), value) == "1.0"
    assert text_of(Parameter(name="p", type="float", allowed_values=(1, 2.5)), value) == "1.0"


def test_a_whole_number_too_large_for_a_float_is_refused_by_name() -> None:
    with pytest.raises(RenderRefused, match="parameter p"):
        text_of(Parameter(name="p", type="float"), 10**400)
