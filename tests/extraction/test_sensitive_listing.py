"""What a reviewer must acknowledge: each text that stays and that no standard vouches for, with its place and the reason."""

from __future__ import annotations

from fde_api.primitive import Each, Hole, Language, Parameter, PrimitiveSpec, Segment, Template, TemplateFile, When
from fde_extraction.vouched import Listed, listed, vocabulary_of

SITE = Segment(hole=Hole(parameter="site", place="python.string.double"))
PLACE = "python.string.double"


def a_spec(*segments: Segment | str, language: Language = "python", path: str = "feed.py") -> PrimitiveSpec:
    parts = tuple(Segment(text=part) if isinstance(part, str) else part for part in segments)
    return PrimitiveSpec(
        primitive_name="feed", version="v0.1.0", domain="integration",
        template=Template(files=(TemplateFile(path=path, language=language, segments=parts),)),
        parameters=(Parameter(name="site", type="string", required=True),),
    )  # fmt: skip


def test_texts_comments_and_names_come_with_place_and_reason() -> None:
    found = listed(a_spec('import os\n# yard rows only\nyard = read("yard/', SITE, '/north")\nlog(yard)\n'))
    assert [(item.text, item.line, item.why.split()[1], item.times) for item in found] == [
        ("yard rows only", 2, "comment", 1),
        ("yard", 3, "name", 2),
        ("yard/\u2026/north", 3, "text", 1),
        ("log", 4, "name", 1),
    ]
    assert {item.path for item in found} == {"feed.py"}


def test_what_a_standard_vouches_for_is_not_listed() -> None:
    found = listed(a_spec('headers = {"Content-Type": "application/json", "Retry-After": "x"}\nreturn None\n'))
    assert {item.text for item in found} == {"headers"}


def test_with_enough_customers_only_blocks_are_listed() -> None:
    spec = a_spec(
        "yard = 1\n", Segment(when=When(parameter="deep")), 'audit("kestrel rows")\n', Segment(mark="end"),
        Segment(each=Each(parameter="rows")), "gravel()\n", Segment(mark="end"),
    )  # fmt: skip
    assert [item.text for item in listed(spec, blocks_only=True)] == ["audit", "kestrel rows"]
    assert {"yard", "gravel"} <= {item.text for item in listed(spec)}


def test_a_file_that_no_grammar_takes_is_listed_line_by_line() -> None:
    found = listed(a_spec("the yard\nof json\n", language="other", path="feed.txt"))
    assert found == (Listed("the yard", "feed.txt", 1, "stands in a file that no grammar takes"),)


def test_names_of_interfaces_are_vocabulary() -> None:
    known = vocabulary_of(["row"])
    for text in (
        "timestamp_ntz",
        "DATEADD",
        "row_number",
        "X-RateLimit-Reset",
        "client_credentials",
        "PATCH",
        "string_agg",
        "nvarchar",
    ):
        assert known.takes(text, PLACE), text
    for text in ("kestrel", "yard_north", "harbor-7", "obermueller", "Apple"):
        assert not known.takes(text, PLACE), text
