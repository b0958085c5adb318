"""Constants that fewer than three customers share: vocabulary stays and is listed, all else becomes a parameter."""

from __future__ import annotations

import pytest

from fde_events.errors import BadInput
from fde_extraction import sensitive
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.members import MAX_BYTES, MAX_TOTAL
from fde_extraction.report import as_json, lines
from fde_extraction.vouched import ordinary, vocabulary_of
from fde_template.render import render_all

PYTHON = b'''# Frau Hildegard Obermueller of Kestrel Freight asked for this
import requests

CODE = "kestrel-8841-qx"
SITE = "Kaufdorf Werk Nord"
HEADER = "Retry-After"
DEPTH = 48213
LIMIT = 100


def fetch(client, code):
    """Rows of one page."""
    reply = client.get("https://api.plain.example/v1/%s", params={"code": code, "limit": LIMIT}, timeout=TIMEOUT)
    return reply.headers[HEADER]  # type: ignore
'''
TYPESCRIPT = b"""import { Client } from "kestrel-sdk";
const queue = require("bull");
/**
 * Drains the Kaufdorf yard.
 * Runs the queue.
 */
export function run(client: Client): string {
  const code = 'kestrel-8841-qx';
  return client.send(`yard/${code}/north-gate`, TIMEOUT);
}
"""
SQL = b"""-- nightly for the Kaufdorf yard
select code, sum(amount) as "Kaufdorf Total" from yard_orders where site = 'Kaufdorf Werk Nord' and code > TIMEOUT group by code;
"""
SECRETS = ("obermueller", "kaufdorf", "8841", "48213", "north-gate")


def abstracted(source: bytes, suffix: str, customers: list[str]) -> Abstraction:
    siblings = [
        Sibling(customer, f"s{number}.{suffix}", source.replace(b"TIMEOUT", str(31 + number).encode()))
        for number, customer in enumerate(customers)
    ]
    return abstract(siblings, name="case")


def constants(found: Abstraction) -> str:
    return "".join(segment.text or "" for file in found.spec.template.files for segment in file.segments)


@pytest.mark.parametrize(("source", "suffix"), [(PYTHON, "py"), (TYPESCRIPT, "ts"), (SQL, "sql")])
@pytest.mark.parametrize("customers", [["one", "two"], ["one", "one", "one"], ["one", "One", "two"]])
def test_what_no_vocabulary_vouches_for_is_a_required_parameter(
    source: bytes, suffix: str, customers: list[str]
) -> None:
    found = abstracted(source, suffix, customers)
    text = constants(found).lower()
    assert not [word for word in SECRETS if word in text]
    assert not [word for word in SECRETS if word in as_json(found).lower() + " ".join(lines(found)).lower()]
    assert all(parameter.required and parameter.default is None for parameter in found.spec.parameters)
    assert found.proof.leaks == 0
    assert found.proof.rebuilt == len(customers)
    for number in range(len(customers)):
        (given,) = render_all(found.spec.template, found.bindings[f"s{number}"], found.spec.parameters).values()
        assert given == source.replace(b"TIMEOUT", str(31 + number).encode())


def test_vocabulary_stays_and_is_listed_for_the_reviewer() -> None:
    found = abstracted(PYTHON, "py", ["one", "two"])
    text = constants(found)
    for kept in ('"Retry-After"', '"code"', "LIMIT = 100", "# type: ignore"):
        assert kept in text
    assert {"code", "reply"} <= set(found.report.acknowledge)
    assert "acknowledge" in lines(found)[-1]
    assert '"acknowledge":["' in as_json(found)


def test_an_imported_module_stays_and_a_comment_goes_line_by_line() -> None:
    text = constants(abstracted(TYPESCRIPT, "ts", ["one", "two"]))
    assert 'from "kestrel-sdk"' in text
    assert 'require("bull")' in text
    assert "/**\n * " in text


def test_names_of_such_parameters_come_from_the_code() -> None:
    names = {parameter.name for parameter in abstracted(PYTHON, "py", ["one", "two"]).spec.parameters}
    assert {"code", "site", "depth"} <= names


def test_what_three_customers_share_stays_but_a_person_never() -> None:
    found = abstracted(PYTHON, "py", ["one", "two", "three"])
    assert "Kaufdorf Werk Nord" in constants(found)
    assert "Obermueller" not in constants(found)
    assert "personName" in {parameter.name for parameter in found.spec.parameters}
    assert found.report.acknowledge == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ask Mrs. Amara Okonkwo-Lind first", "Mrs. Amara Okonkwo-Lind"),
        ("Herr Dr. von Tiefenbach signs", "Herr Dr. von Tiefenbach"),
        ("* @author Jo\u00e3o Silvestre", "Jo\u00e3o Silvestre"),
        ("Owner: Petra Lindqvist, yard 4", "Petra Lindqvist"),
        ("contact: Siobhan O'Malley", "Siobhan O'Malley"),
    ],
)
def test_a_person_is_found_by_what_stands_before_the_name(text: str, name: str) -> None:
    (found,) = sensitive.find(text)
    assert (found.kind, text[found.start : found.end]) == ("person", name)


@pytest.mark.parametrize(
    "text",
    [
        "MS SQL Server",
        "owner: postgres",
        "author: str",
        "the owner of Rows",
        "dr Backup",
        "contact: Optional",
        "@author",
    ],
)
def test_ordinary_text_names_nobody(text: str) -> None:
    assert sensitive.find(text) == []


def test_a_word_of_the_code_vouches_for_its_other_spellings() -> None:
    known = vocabulary_of(["RateLimit", "row"])
    place = "python.string.double"
    assert all(known.takes(text, place) for text in ("rate-limit", "ratelimit", "rows", "%s row", "", "\\n", "utf-8"))
    assert not any(known.takes(text, place) for text in ("kestrel", "row 8841", "ratelimits-qx"))


@pytest.mark.parametrize("number", ["0", "3600", "86_400", "65535", "1e6", "0.25", "0xFFFF", "1000000"])
def test_a_number_that_anybody_writes_is_ordinary(number: str) -> None:
    assert ordinary(number)


@pytest.mark.parametrize("number", ["48213", "884121", "3.14159", "0xbeef77"])
def test_a_number_that_somebody_chose_is_not(number: str) -> None:
    assert not ordinary(number)


def test_a_file_over_the_limit_is_refused_by_name_before_parsing() -> None:
    large = b"(" * (MAX_BYTES + 1)  # would not parse
    with pytest.raises(BadInput, match=r"b\.py.*256 KiB") as refused:
        abstract([Sibling("a", "a.py", b"x = 1\n"), Sibling("b", "b.py", large)], name="case")
    assert refused.value.exit_code == 3


def test_siblings_over_the_total_are_refused() -> None:
    count = MAX_TOTAL // MAX_BYTES + 1
    siblings = [Sibling(f"c{n}", f"s{n}.py", b"(" * MAX_BYTES) for n in range(count)]
    with pytest.raises(BadInput, match="2,048 KiB at most"):
        abstract(siblings, name="case")


def test_a_sibling_left_out_for_one_of_its_files_is_named() -> None:
    siblings = [
        Sibling(member, path, data, member)
        for member in ("d1", "d2", "d3")
        for path, data in (
            ("x.py", f"x = {member[1]}\n".encode()),
            ("z.py", b"y = 1\n\n\n\0" if member == "d3" else b"y = 1\n"),
        )
    ]
    found = abstract(siblings, name="case")
    (line,) = [str(item) for item in found.report.skipped]
    assert line.startswith("d3 (the whole sibling is left out): d3/z.py:4 ")
