"""The catalogue is data: every file valid, names unique, and nothing in it takes a word of any code for a vendor."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise

import pytest

from fde_api.primitive import PrimitiveSpec, Segment, Template, TemplateFile
from fde_events.errors import BadInput
from fde_extraction.catalogue import GENERIC, Entry, catalogue, entry_of
from fde_extraction.inference import infer

GOOD = (
    "name: acme\nkinds: [source]\ndocumentation: https://docs.acme.example/\nrecognise:\n  hosts: [api.acme.example]\n"
)


def test_every_file_of_the_folder_is_an_entry_and_is_named_as_it() -> None:
    folder = files("fde_extraction") / "catalogue"
    on_disk = sorted(item.name for item in folder.iterdir())
    assert on_disk == [f"{name}.yaml" for name in sorted(catalogue())]
    assert len(on_disk) > 40


def test_entries_come_in_the_order_of_their_names() -> None:
    assert all(first < second for first, second in pairwise(catalogue()))


def test_whatever_is_a_source_or_destination_says_how_it_is_one() -> None:
    """Itself or by its transport: an entry that no role word reaches would never be an endpoint."""
    for entry in catalogue().values():
        reached = [entry, *(catalogue()[via] for via in entry.via)]
        if "source" in entry.kinds:
            assert any(e.reads for e in reached), entry.name
        if "destination" in entry.kinds:
            assert any(e.writes for e in reached), entry.name


def test_what_a_claim_includes_is_a_value_that_some_entry_claims() -> None:
    for field in ("auth", "rate_limit", "load", "schema_mapping", "checks"):
        claims = [(e.name, claim) for e in catalogue().values() for name, claim in e.claims() if name == field]
        values = {claim.value for _, claim in claims}
        unknown = {(entry, over) for entry, claim in claims for over in claim.over if over not in values}
        assert unknown == set()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: {]", "acme.yaml:1: is no YAML"),
        (GOOD + "colour: red\n", "colour"),
        (GOOD.replace("[source]", "[fountain]"), "kinds"),
        (GOOD.replace("api.acme.example", "x"), "recognise.hosts"),
        (GOOD.replace("name: acme", "name: other"), "name: is other"),
        (GOOD.replace("https://docs", "docs"), "documentation"),
        (GOOD.split("recognise")[0], "recognise: is empty"),
        (GOOD + "  code: [client]\n", "recognise.code: 'client'"),
        (GOOD + "  names: [order]\n", "recognise.names: 'order'"),
        (GOOD + "  names: [ServiceNow]\n", "not one lower-case word"),
        (GOOD + '  code: ["... get"]\n', "begins with what takes anything"),
        (GOOD + "auth:\n  - {value: jwt, needs: 2, signs: {code: [jwt.encode]}}\n", "auth jwt: needs 2"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_file_and_field(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        entry_of("acme.yaml", text)
    assert "catalogue/acme.yaml" in str(caught.value)
    assert says in str(caught.value)


def test_a_well_formed_file_is_read_as_it_says() -> None:
    entry = entry_of("acme.yaml", GOOD)
    assert isinstance(entry, Entry)
    assert list(entry.recognise.each()) == [("hosts", "api.acme.example")]


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_no_entry_recognises_generic_words(language: str) -> None:
    """Each as a variable, as a string and as a call: whatever they say, it is not a vendor, an idiom or a duty."""
    words = sorted(
        GENERIC
        - {
            "async",
            "class",
            "delete",
            "export",
            "extract",
            "from",
            "function",
            "import",
            "with",
            "where",
            "raise",
            "method",
            "init",
        }
    )
    text = "".join(f"{word}_ = '{word}'\nx.{word}({word}_)\n" for word in words)
    path = "a.py" if language == "python" else "a.ts"
    file = TemplateFile(path=path, language=language, segments=(Segment(text=text),))  # type: ignore[arg-type]
    found = infer(
        PrimitiveSpec(primitive_name="p", version="v0.1.0", domain="integration", template=Template(files=(file,)))
    )
    assert {e.field for e in found.evidence} == {"complexity", "tags", "pattern.transform.type"}
    assert found.tags == (language,)
    assert found.compliance == ()
