"""Abstraction: laws over siblings, and what it says no to."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_api.primitive import PrimitiveSpec
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.unparsable import Leaking, NotAbstractable
from fde_template.errors import TemplateError
from fde_template.fit import fit_all
from fde_template.render import render_all

SOURCE = '''"""Feed of {title}."""
import os

LIMIT = {limit}
URL = "https://{host}/feeds/{slug}"


class {pascal}Feed:
    """Rows of {title}, newest first."""

    def read(self, client) -> list:
        reply = client.get(URL, timeout={timeout}, params={{"limit": LIMIT, "tenant": "{slug}"}})
        if reply.status_code == 429:
            raise RuntimeError("{slug} is slow today")
        return [row for row in reply.json()["rows"] if row["id"]]
'''


def a_sibling(slug: str = "north-mill", host: str = "api.mill.example", limit: int = 100, timeout: int = 30) -> bytes:
    parts = slug.split("-")
    title, pascal = " ".join(p.capitalize() for p in parts), "".join(p.capitalize() for p in parts)
    return SOURCE.format(slug=slug, host=host, limit=limit, timeout=timeout, title=title, pascal=pascal).encode()


def siblings_of(*sources: bytes, suffix: str = "py") -> list[Sibling]:
    return [Sibling(f"customer-{index}", f"s{index}.{suffix}", source) for index, source in enumerate(sources)]


THREE = (a_sibling(), a_sibling("east-yard", "10.2.0.9", 250, 5), a_sibling("west-quay", "feeds.quay.example", 75, 12))


def rendered(found: Abstraction, member: str) -> dict[str, bytes]:
    secret = {parameter.name for parameter in found.spec.parameters if parameter.type == "secretRef"}
    bound = found.bindings[member]
    return render_all(
        found.spec.template,
        {name: value for name, value in bound.items() if name not in secret},
        found.spec.parameters,
        secrets={name: str(bound[name]) for name in secret},
    )


def shape_of(spec: PrimitiveSpec) -> object:
    """The template without names of files."""
    return [file.segments for file in spec.template.files], spec.parameters


def test_one_value_is_one_parameter_wherever_it_stands() -> None:
    found = abstract(siblings_of(*THREE), name="feed")
    assert len(found.spec.parameters) == 4
    assert found.proof.line() == "3/3 byte-exact, 0 leaks"
    slug = next(name for name, value in found.bindings["s0"].items() if value == "north-mill")
    assert len(found.report.uses[slug]) == 6


words = st.lists(
    st.sampled_from(["north", "mill", "oak", "river", "stone", "vale"]), min_size=2, max_size=3, unique=True
).map("-".join)
hosts = st.sampled_from(["a.one.example", "b-2.two.example", "10.0.0.7", "three.example:8443"])
sources = st.builds(a_sibling, words, hosts, st.integers(1, 10**6), st.integers(1, 900))


@pytest.mark.seconds
@settings(max_examples=40, deadline=None)
@given(st.lists(sources, min_size=2, max_size=5))
def test_every_sibling_is_given_back_and_fits(data: list[bytes]) -> None:
    try:
        found = abstract(siblings_of(*data), name="feed")
    except Leaking:
        return  # a name that two customers share is held back: never published is right as well
    for index, source in enumerate(data):
        assert list(rendered(found, f"s{index}").values()) == [source]
        path = found.spec.template.files[0].path
        values = fit_all(found.spec.template, {path: source}, found.spec.parameters)
        assert render_all(found.spec.template, values, found.spec.parameters) == {path: source}


@pytest.mark.seconds
@settings(max_examples=25, deadline=None)
@given(st.lists(sources, min_size=3, max_size=4, unique=True), st.randoms())
def test_the_order_of_siblings_does_not_matter(data: list[bytes], rng) -> None:  # type: ignore[no-untyped-def]
    given_order = siblings_of(*data)
    other = list(given_order)
    rng.shuffle(other)
    try:
        one = abstract(given_order, name="feed")
    except Leaking:
        return
    two = abstract(other, name="feed")
    assert shape_of(one.spec) == shape_of(two.spec)
    assert one.bindings == two.bindings


def of_strangers(count: int) -> st.SearchStrategy[list[bytes]]:
    """Siblings of customers whose values have no word in common, so that nothing is shared by chance."""
    word = st.text("bcdfghjklmnpqrtvwz", min_size=4, max_size=7)
    return st.lists(word, min_size=3 * count, max_size=3 * count, unique=True).map(
        lambda drawn: [
            a_sibling(f"{drawn[3 * k]}-{drawn[3 * k + 1]}", f"{drawn[3 * k + 2]}.io", 10 + k, 70 + k)
            for k in range(count)
        ]
    )


@pytest.mark.seconds
@settings(max_examples=25, deadline=None)
@given(st.integers(3, 5).flatmap(lambda count: of_strangers(count + 1)))
def test_one_more_sibling_of_enough_customers_never_makes_the_template_more_specific(data: list[bytes]) -> None:
    few, many = abstract(siblings_of(*data[:-1]), name="feed"), abstract(siblings_of(*data), name="feed")
    for source in data:  # what the template of fewer gives back, the template of more gives back
        path = many.spec.template.files[0].path
        assert fit_all(many.spec.template, {path: source}, many.spec.parameters)
    assert len(_constants(many.spec)) <= len(_constants(few.spec))


def _constants(spec: PrimitiveSpec) -> str:
    return "".join(segment.text or "" for file in spec.template.files for segment in file.segments)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.rstrip(b"\n"),
        lambda data: data.replace(b"newest", b"neu\xdfte"),
        lambda data: data.replace(b"\n\n", b"\n   \t\n"),
        lambda data: data.replace(b"\n", b"\r"),
    ],
    ids=["crlf", "bom", "no-final-newline", "latin-1", "blanks", "cr"],
)
def test_bytes_are_kept(change) -> None:  # type: ignore[no-untyped-def]
    data = [change(source) for source in THREE]
    found = abstract(siblings_of(*data), name="feed")
    assert [next(iter(rendered(found, f"s{index}").values())) for index in range(3)] == data


def test_siblings_may_differ_in_line_endings_and_layout() -> None:
    data = [THREE[0], THREE[1].replace(b"\n", b"\r\n"), THREE[2].replace(b", timeout", b",\n            timeout")]
    found = abstract(siblings_of(*data), name="feed")
    assert [next(iter(rendered(found, f"s{index}").values())) for index in range(3)] == data


def test_a_file_that_does_not_parse_is_skipped_with_file_line_and_reason() -> None:
    broken = b"def broken(:\n    pass\n"
    found = abstract([*siblings_of(*THREE), Sibling("x", "bad.py", broken)], name="feed")
    assert found.proof.siblings == 3
    (skipped,) = found.report.skipped
    assert (skipped.path, skipped.line) == ("bad.py", 1)
    assert "python" in skipped.why


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        ((THREE[0],), "needs 2"),
        ((THREE[0], b""), "empty"),
        ((THREE[0], b"x = 1\0"), "NUL"),
        ((THREE[0], b"import sys\nprint(sys.argv)\n"), "share too little"),
        ((THREE[0], b"x = 1  # " + b"a" * 3_000_000), "256 KiB"),
    ],
)
def test_what_cannot_be_used_is_said(sources: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(NotAbstractable, match=why) as refused:
        abstract(siblings_of(*sources), name="feed")
    assert refused.value.exit_code == 3


def test_siblings_in_two_languages_are_refused() -> None:
    with pytest.raises(NotAbstractable, match="different languages"):
        abstract([Sibling("a", "a.py", THREE[0]), Sibling("b", "b.sql", b"select 1 from t;\n")], name="feed")


def test_deeply_nested_source_is_no_crash() -> None:
    deep = b"x = " + b"(" * 150 + b"1" + b")" * 150 + b"\n"
    found = abstract(siblings_of(*(source + deep for source in THREE)), name="feed")
    assert found.proof.rebuilt == 3
    too_deep = b"x = " + b"[" * 20000 + b"]" * 20000 + b"\n"
    with pytest.raises(NotAbstractable):
        abstract(siblings_of(too_deep, too_deep + b"\n"), name="feed")


def test_a_secret_becomes_a_reference_without_default() -> None:
    def with_key(source: bytes, key: str) -> bytes:
        return source.replace(b"import os\n", f'import os\n\nAPI_KEY = "{key}"\n'.encode())

    keys = ["k9" + "Qz4Lw8Tb2Xn6", "v3" + "Rm7Yc1Hs5Jd0", "p8" + "Gf2Kt6Wa4Uz9"]
    found = abstract(siblings_of(*(with_key(s, k) for s, k in zip(THREE, keys, strict=True))), name="feed")
    (parameter,) = [p for p in found.spec.parameters if p.type == "secretRef"]
    assert parameter.default is None and not parameter.allowed_values and parameter.required
    assert found.bindings["s0"][parameter.name] == keys[0]


def test_placeholders_of_secrets_become_references_too() -> None:
    data = [s.replace(b"import os\n", b'import os\n\nLOGIN = "fde-secret:password:1"\n') for s in THREE]
    found = abstract(siblings_of(*data), name="feed")
    assert [p.type for p in found.spec.parameters].count("secretRef") == 1


def test_a_customers_name_in_every_sibling_is_lifted_or_held_back() -> None:
    data = [s.replace(b"newest first", b"as for Hartwell Foods") for s in THREE]
    found = abstract(siblings_of(*data), name="feed", customers=["hartwell-foods"])
    assert "hartwell" not in _constants(found.spec).lower()
    assert any("Hartwell Foods" in str(value) for value in found.bindings["s0"].values())


def test_a_name_in_the_primitives_own_name_is_held_back() -> None:
    with pytest.raises(Leaking) as held:
        abstract(siblings_of(*THREE), name="north-mill-feed")
    assert held.value.exit_code == 1
    assert "mill" not in str(held.value)


def test_a_block_that_some_siblings_have_is_a_flag() -> None:
    extra = THREE[1].replace(b"        return [", b"        client.close()\n        return [")
    found = abstract(siblings_of(THREE[0], extra, THREE[2]), name="feed")
    (flag,) = [p for p in found.spec.parameters if p.type == "bool"]
    assert [found.bindings[member][flag.name] for member in ("s0", "s1", "s2")] == [False, True, False]
    assert found.report.source_blocks == 0
    bound = dict(found.bindings["s0"]) | {flag.name: True}
    data = render_all(found.spec.template, bound, found.spec.parameters)["feed.py"]
    assert data == THREE[0].replace(b"        return [", b"        client.close()\n        return [")


def test_statements_that_have_nothing_in_common_are_a_required_source_block() -> None:
    blocks = (b"client.close()", b"if reply.stale: raise ValueError(reply)", b"for row in reply: log(row.number + 1)")
    siblings = [
        source.replace(b"        return [", b"        " + block + b"\n        return [")
        for source, block in zip(THREE, blocks, strict=True)
    ]
    found = abstract(siblings_of(*siblings), name="feed")
    assert found.report.source_blocks == 1
    (block,) = [p for p in found.spec.parameters if "source block" in p.description.lower()]
    assert block.required and block.default is None
    bound = dict(found.bindings["s0"])
    bound[block.name] = "\n        return [[["
    with pytest.raises(TemplateError, match=block.name):
        render_all(found.spec.template, bound, found.spec.parameters)


def test_several_files_share_one_schema() -> None:
    def query(slug: str, days: int) -> bytes:
        return (
            f"select id, total\nfrom raw.{slug.replace('-', '_')}_rows\nwhere day > current_date - {days};\n".encode()
        )

    files = [("north-mill", 3), ("east-yard", 7), ("west-quay", 30)]
    given_files = [
        Sibling(slug, path, data, slug)
        for (slug, days), source in zip(files, THREE, strict=True)
        for path, data in (("feed.py", source), ("sql/rows.sql", query(slug, days)))
    ]
    found = abstract(given_files, name="feed")
    assert [file.path for file in found.spec.template.files] == ["feed.py", "sql/rows.sql"]
    slug = next(name for name, value in found.bindings["north-mill"].items() if value == "north-mill")
    assert {use.path for use in found.report.uses[slug]} == {"feed.py", "sql/rows.sql"}
    assert rendered(found, "east-yard")["sql/rows.sql"] == query("east-yard", 7)


def test_five_files_of_a_hundred_lines_take_less_than_two_seconds() -> None:
    body = "\n".join(
        f"def step_{n}(row, limit={n}):\n    return [row['{{slug}}_{n}'], limit * {{limit}}]\n" for n in range(33)
    )
    data = [
        source + body.format(slug=f"k{index}x", limit=index + 2).encode()
        for index, source in enumerate([*THREE, a_sibling("oak-vale"), a_sibling("stone-river")])
    ]
    started = time.process_time()
    found = abstract(siblings_of(*data), name="feed")
    assert time.process_time() - started < 2
    assert found.proof.rebuilt == 5


def test_a_name_that_ends_in_anothers_words_is_read_to_its_end() -> None:
    shorter = a_sibling("north-mill-stone", "a.one.example", 1, 1)
    longer = a_sibling("mill-vale-stone", "a.one.example", 1, 1)
    assert abstract(siblings_of(shorter, longer), name="feed").proof.rebuilt == 2
