from __future__ import annotations

from typing import Any

import pytest

from fde_api.meta import Metadata
from fde_api.primitive import (
    DeploymentPrimitive,
    Parameter,
    PrimitiveSpec,
    Provenance,
    Segment,
    Template,
    TemplateFile,
)
from fde_library.index import Index, split


def a_primitive(
    name: str, version: str = "v1.0.0", *, text: str = "", says: str = "", **spec: Any
) -> DeploymentPrimitive:
    file = TemplateFile(path="a.py", language="python", segments=(Segment(text=text or "pass\n"),))
    given: dict[str, Any] = {
        "primitive_name": name,
        "version": version,
        "domain": "integration",
        "template": Template(files=(file,)),
        "parameters": (Parameter(name="apiHost", type="host", description=says),),
    }
    return DeploymentPrimitive(metadata=Metadata(name=f"{name}.{version}"), spec=PrimitiveSpec(**(given | spec)))


LIBRARY = [
    a_primitive("salesforce-rate-limit-python", tags=("salesforce",), says="Where the vendor answers."),
    a_primitive("kafka-dead-letter-python", says="Topic for records that failed."),
    a_primitive("snowflake-merge-sql", text="MERGE INTO target USING staged_orders\n"),
]


def found(words: str, library: Any = LIBRARY) -> list[str]:
    return [hit.primitive.metadata.name for hit in Index(library).search(words)]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("salesforce", "salesforce-rate-limit-python.v1.0.0"),
        ("Rate Limits", "salesforce-rate-limit-python.v1.0.0"),
        ("deadLetter topics", "kafka-dead-letter-python.v1.0.0"),
        ("stagedOrders", "snowflake-merge-sql.v1.0.0"),
    ],
)
def test_words_find_by_name_parameter_and_template_in_any_spelling(words: str, name: str) -> None:
    assert found(words)[0] == name


def test_the_name_weighs_more_than_the_text() -> None:
    library = [a_primitive("other", text="retry retry retry\n"), a_primitive("retry-policy")]
    assert found("retry", library) == ["retry-policy.v1.0.0", "other.v1.0.0"]


def test_a_hit_says_which_fields_matched_and_which_versions_there_are() -> None:
    library = [a_primitive("retry", v, text="backoff\n") for v in ("v1.2.0", "v1.10.0", "v1.10.0-rc1")]
    (hit,) = Index(library).search("retry backoff")
    assert hit.primitive.spec.version == "v1.10.0"
    assert hit.versions == ("v1.2.0", "v1.10.0-rc1", "v1.10.0")
    assert hit.matched == ("name", "template")


@pytest.mark.parametrize("words", ["", "   ", "zzzz", '"', "NEAR(", "a OR", "*", "name:x", "-", "'; DROP TABLE entry"])
def test_any_text_is_a_query_and_finds_something_or_nothing(words: str) -> None:
    assert isinstance(found(words), list)


def test_nothing_is_found_in_an_empty_library() -> None:
    assert found("anything", []) == []


def test_identifiers_are_taken_apart() -> None:
    assert split("retryAfter_ms HTTPServer2") == ["retry", "after", "ms", "http", "server", "2"]


def test_the_same_library_gives_the_same_order() -> None:
    assert found("python integration") == found("python integration", LIBRARY[::-1])


def test_provenance_is_not_searched() -> None:
    library = [a_primitive("x", provenance=Provenance(contributors=("salesforce@company.example",)))]
    assert found("salesforce", library) == []
