"""The leak gate over the whole contract: every place a text can be in, every way it can be written, and its cost."""

from __future__ import annotations

import base64
import codecs
import gzip
import html
import json
import random
import urllib.parse
import zlib
from collections.abc import Callable
from time import process_time
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_api.primitive import (
    Each,
    Field,
    Hole,
    Parameter,
    PrimitiveSpec,
    Provenance,
    Segment,
    Template,
    TemplateFile,
    When,
)
from fde_extraction.leak import scan, vocabulary_of
from fde_template.words import pieces

PLACE: Final = "python.string.double"
VALUE: Final = "northgate-orchard"
BINDINGS: Final = {"a": {"site": VALUE}, "b": {"site": "elm-dairy"}}


def a_spec(*segments: Segment, **changes: Any) -> PrimitiveSpec:
    file = TemplateFile(path="feed.py", language="python", segments=segments or (Segment(text="x = 1\n"),))
    fields: dict[str, Any] = {
        "primitive_name": "feed", "version": "v0.1.0", "domain": "integration", "template": Template(files=(file,)),
        "parameters": (Parameter(name="site", type="string"),),
    }  # fmt: skip
    return PrimitiveSpec(**{**fields, **changes})


def camel(text: str) -> str:
    first, *rest = pieces(text)
    return first.lower() + "".join(piece.capitalize() for piece in rest)


def b64(text: str | bytes, before: bytes = b"") -> str:
    return base64.b64encode(before + (text.encode() if isinstance(text, str) else text)).decode()


SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "upper": str.upper,
    "title": str.title,
    "snake": lambda text: text.replace("-", "_"),
    "camel": camel,
    "camel in a name": lambda text: "load" + camel(text)[0].upper() + camel(text)[1:] + "Rows",
    "spaces": lambda text: text.replace("-", "  "),
    "dotted": lambda text: text.replace("-", "."),
    "joined": lambda text: text.replace("-", ""),
    "inside a word": lambda text: "pre" + text.replace("-", "") + "post",
    "broken anyhow": lambda text: "/".join(text.replace("-", "")),
    "over lines": lambda text: text.replace("-", '" \\\n    "'),
    "url": lambda text: urllib.parse.quote(text, safe="").replace("-", "%2D"),
    "all url": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "url twice": lambda text: urllib.parse.quote(urllib.parse.quote("".join(f"%{ord(c):02X}" for c in text))),
    "json": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "escaped bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hex": lambda text: text.encode().hex(),
    "hex in hex": lambda text: "f" + text.encode().hex().upper() + "0",
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex literals": lambda text: ", ".join(hex(byte) for byte in text.encode()),
    "base64": b64,
    "base64, one byte on": lambda text: b64(text, b"x"),
    "base64, two bytes on": lambda text: b64(text, b"xy"),
    "base64 after letters": lambda text: "abc" + b64(text),
    "base64 of upper": lambda text: b64(text.upper()),
    "urlsafe": lambda text: base64.urlsafe_b64encode(b"\xfb\xff\xfe" + text.encode()).decode().rstrip("="),
    "zlib": lambda text: b64(zlib.compress(text.encode())),
    "gzip": lambda text: b64(gzip.compress(text.encode(), mtime=0)),
    "base64 twice": lambda text: b64(b64(text)),
    "wide letters": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text),
    "accents": lambda text: text.replace("o", "\u00f6").replace("e", "\u00e9"),
    "sql": lambda text: text.replace("-", "''"),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("frame", ["{}", "# see {} now\n", "x = '{}'\n"])
def test_a_value_is_found_however_it_is_written(spelling: str, frame: str) -> None:
    text = frame.format(SPELLINGS[spelling](VALUE))
    found = scan(a_spec(Segment(text=text)), BINDINGS)
    assert [(leak.kind, leak.parameter, leak.where) for leak in found] == [
        ("value", "site", "template.files[0].segments[0].text")
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_customers_name_is_found_however_it_is_written(spelling: str) -> None:
    text = f"# {SPELLINGS[spelling]('Quarryfield Mills')} \n"
    assert "customer" in {leak.kind for leak in scan(a_spec(Segment(text=text)), {}, customers=["quarryfield-mills"])}


FILTER: Final = Hole(parameter="site", place=PLACE)
RECORDS: Final = Parameter(name="rows", type="list", fields=(Field(name="column", type="identifier"),))


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        (a_spec(primitive_name="northgate-orchard-feed"), "primitiveName"),
        (a_spec(domain="northgate-orchard"), "domain"),
        (a_spec(tags=("python", "northgate orchard")), "tags[1]"),
        (a_spec(compliance=("NorthgateOrchard",)), "compliance[0]"),
        (a_spec(provenance=Provenance(sources=("northgate-orchard",))), "provenance.sources[0]"),
        (a_spec(provenance=Provenance(approved_by="ann@northgate-orchard")), "provenance.approvedBy"),
        (a_spec(parameters=(Parameter(name="site", type="string", default=VALUE),)), "parameters[0].default"),
        (a_spec(parameters=(Parameter(name="northgateOrchard", type="string"),)), "parameters[0].name"),
        (a_spec(parameters=(Parameter(name="s", type="string", description="as Northgate Orchard"),)), "parameters[0].description"),
        (a_spec(parameters=(Parameter(name="s", type="enum", allowed_values=("a", VALUE)),)), "parameters[0].allowedValues[1]"),
        (a_spec(parameters=(Parameter(name="s", type="string", when=When(parameter="kind", equals=VALUE)),)), "parameters[0].when.equals"),
        (a_spec(parameters=(Parameter(name="l", type="list", fields=(Field(name="northgateOrchard", type="string"),)),)), "parameters[0].fields[0].name"),
        (a_spec(parameters=(Parameter(name="l", type="list", fields=(Field(type="string", description=VALUE),)),)), "parameters[0].fields[0].description"),
        (a_spec(parameters=(Parameter(name="l", type="list", fields=(Field(type="enum", allowed_values=(VALUE,)),)),)), "parameters[0].fields[0].allowedValues[0]"),
        (a_spec(Segment(when=When(parameter="northgateOrchard")), Segment(mark="end")), "template.files[0].segments[0].when.parameter"),
        (a_spec(Segment(when=When(parameter="kind", equals=VALUE)), Segment(mark="end")), "template.files[0].segments[0].when.equals"),
        (a_spec(Segment(each=Each(parameter="northgateOrchards")), Segment(mark="end")), "template.files[0].segments[0].each.parameter"),
        (a_spec(Segment(hole=Hole(parameter="rows", field="northgateOrchard", place=PLACE))), "template.files[0].segments[0].hole.field"),
        (a_spec(Segment(hole=Hole(parameter="site", place=PLACE, filters=("prefix:northgate-orchard",)))), "template.files[0].segments[0].hole.filters[0]"),
        (a_spec(template=Template(files=(TemplateFile(path="northgate/orchard.py", language="python", segments=()),))), "template.files[0].path"),
    ],
)  # fmt: skip
def test_every_field_of_the_contract_is_looked_through(spec: PrimitiveSpec, where: str) -> None:
    assert where in {leak.where for leak in scan(spec, BINDINGS) if leak.kind == "value"}


@pytest.mark.parametrize(
    "bindings",
    [
        {"a": {"sites": ["elm-dairy", VALUE]}, "b": {"sites": []}},
        {"a": {"sites": [{"name": "x", "site": VALUE}]}, "b": {}},
        {"a": {"sites": [{"name": VALUE}, {"name": "elm"}]}, "b": {"sites": None}},
    ],
)
def test_values_in_lists_and_records_are_values(bindings: dict[str, dict[str, Any]]) -> None:
    (leak,) = scan(a_spec(Segment(text="# for Northgate_Orchard\n")), bindings)
    assert (leak.kind, leak.parameter) == ("value", "sites")


def test_a_records_field_of_plain_type_tells_nothing() -> None:
    rows = Parameter(
        name="rows", type="list", fields=(Field(name="kind", type="enum"), Field(name="column", type="identifier"))
    )
    spec = a_spec(Segment(text="read_upsert(kestrel_total)\n"), parameters=(rows,))
    bindings = {"a": {"rows": [{"kind": "read_upsert", "column": "kestrel_total"}]}}
    assert [leak.parameter for leak in scan(spec, bindings)] == ["rows"]
    assert scan(spec, {"a": {"rows": [{"kind": "read_upsert", "column": "oak_sum"}]}}) == []


def test_a_value_that_segments_part_is_found() -> None:
    parted = a_spec(
        Segment(text="# north"), Segment(text="gate-"), Segment(when=When(parameter="deep")), Segment(text="orch"),
        Segment(mark="end"), Segment(text="ard\n"),
    )  # fmt: skip
    assert {leak.where for leak in scan(parted, BINDINGS)} == {"template.files[0].segments[0].text"}
    held = a_spec(Segment(text="# northgate-"), Segment(hole=FILTER), Segment(text="orchard\n"))
    assert scan(held, BINDINGS) == []


def test_a_number_in_a_default_is_a_text_too() -> None:
    spec = a_spec(parameters=(Parameter(name="account", type="int", default=884_120_557_301),))
    assert {leak.kind for leak in scan(spec, {})} == {"account"}
    assert {leak.kind for leak in scan(spec, {"a": {"site": "884120557301"}})} == {"account", "value"}


def test_short_values_must_stand_as_words() -> None:
    bindings = {"a": {"site": "elmo"}}
    assert scan(a_spec(Segment(text="helmont, elmore\n")), bindings) == []
    for text in ("of elmo\n", "loadElmoRows\n", "ELMO_KEY\n", "elmo2\n"):
        assert scan(a_spec(Segment(text=text)), bindings)


def test_longer_values_are_found_inside_words_that_the_code_does_not_share() -> None:
    bindings = {"a": {"site": "kestrel"}}
    spec = a_spec(Segment(text="x = kestrelize()\n"))
    assert scan(spec, bindings)
    assert scan(spec, bindings, vocabulary=vocabulary_of([["kestrelize"], ["x", "kestrelize()"]])) == []


def test_a_secret_of_a_sibling_is_never_plain() -> None:
    secret = Parameter(name="site", type="secretRef")
    spec = a_spec(Segment(text="# was gravelotter\n"), parameters=(secret,))
    assert scan(spec, {"a": {"site": "gravelotter"}}, shared=True)
    plain = a_spec(Segment(text="# was gravelotter\n"))
    assert scan(plain, {"a": {"site": "gravelotter"}}, shared=True) == []


def test_what_only_the_second_net_knows_blocks_wherever_it_stands() -> None:
    key = "shp" + "at_" + "0f3a9c" * 5 + "d1"
    assert scan(a_spec(Segment(text=f"client = connect('{key}')\n")), {}) == [
        *scan(a_spec(), {}), *scan(a_spec(Segment(text=f"client = connect('{key}')\n")), {}),
    ]  # fmt: skip
    for spec in (
        a_spec(Segment(text=f"client = connect('{key}')\n")),
        a_spec(Segment(text="ok\n"), Segment(text=f"# {b64(key)}\n")),
        a_spec(parameters=(Parameter(name="s", type="string", description=f"like {key}"),)),
    ):
        assert {leak.kind for leak in scan(spec, {})} == {"secret"}


def test_a_leak_never_says_what_it_is() -> None:
    spec = a_spec(Segment(text=f"# {VALUE} for Quarryfield, ask ann@elm.example\n"))
    found = scan(spec, BINDINGS, customers=["quarryfield"])
    assert {leak.kind for leak in found} == {"value", "customer", "email"}
    assert not [word for word in ("north", "orchard", "quarry", "ann", "elm") if word in str(found).lower()]


@pytest.mark.parametrize(
    "text",
    [
        "total = sum(order.amount for order in orders)\n",
        "SELECT id, updated_at FROM staging WHERE loaded_at > %s\n",
        f"digest = 'sha256:{'9f86d081884c7d65' * 4}'\n",
        "\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2} %Y-%m-%d &amp; %20\n",
        f"icon = 'data:image/png;base64,{b64(bytes(range(7, 250, 3)) * 4)}'\n",
    ],
)
def test_ordinary_code_is_clean(text: str) -> None:
    values = ["northgate-orchard", "elm-dairy", "kestrel", "2024-03-11", "eu-west-1", "orders_by_site", "12", "a b c"]
    assert scan(a_spec(Segment(text=text)), {"a": {f"v{n}": value for n, value in enumerate(values)}}) == []


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(sorted(SPELLINGS)))
@settings(max_examples=150)
def test_whatever_stands_around_it_a_value_is_found(around: str, spelling: str) -> None:
    text = f"{around}\n{SPELLINGS[spelling](VALUE)}\n{around}"
    assert ("value", "site") in {(leak.kind, leak.parameter) for leak in scan(a_spec(Segment(text=text)), BINDINGS)}


@given(st.text(max_size=80))
def test_any_text_can_be_looked_through(text: str) -> None:
    scan(a_spec(Segment(text=text)), {"a": {"site": text}}, customers=[text])
    json.dumps(text), html.unescape(text), codecs.encode(text, "unicode_escape")


def test_many_values_against_many_segments_take_less_than_a_second() -> None:
    rng = random.Random(7)
    syllables = ["ka", "to", "mi", "re", "su", "no", "pel", "dra", "vin", "gor", "hul", "zem"]

    def word(size: int) -> str:
        return "".join(rng.choices(syllables, k=size))

    segments = tuple(
        Segment(text=f'    {word(3)}_{word(2)} = read("{word(2)}/{word(3)}", limit={n})\n') if n % 2 else
        Segment(hole=Hole(parameter=f"p{n // 2 % 256}", place=PLACE))
        for n in range(4096)
    )  # fmt: skip
    parameters = tuple(
        Parameter(name=f"p{n}", type="string", description="the value that stands there") for n in range(256)
    )
    bindings = {f"s{k}": {f"p{n}": f"{word(3)}-{word(4)}" for n in range(256)} for k in range(5)}
    spec = a_spec(*segments, parameters=parameters)
    start = process_time()
    found = scan(spec, bindings, customers=["quarryfield"])
    assert process_time() - start < 3  # some 0.5 s alone; the machine of the tests may be busy
    assert [leak for leak in found if leak.kind != "value"] == []
