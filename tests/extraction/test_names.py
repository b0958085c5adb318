"""Names and descriptions: from the code's own words, and never from a word that only values have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fde_api.primitive import Parameter
from fde_extraction import leak
from fde_extraction.abstract import Abstraction, Sibling, abstract

CUSTOMERS = ("alderpost", "birchway", "cedarlin")


def abstracted(source: str, values: Sequence[Sequence[str]], suffix: str = "py") -> Abstraction:
    """One sibling per row of `values`, which fill the ``{0}``, ``{1}`` of `source`."""
    siblings = []
    for customer, row in zip(CUSTOMERS, values, strict=True):
        text = source
        for index, value in enumerate(row):
            text = text.replace(f"{{{index}}}", value)
        siblings.append(Sibling(customer, f"{customer}.{suffix}", text.encode()))
    return abstract(siblings, name="case")


def named(source: str, *values: str, suffix: str = "py") -> Parameter:
    (parameter,) = abstracted(source, [[value] for value in values], suffix).spec.parameters
    return parameter


REST = "import os\n\n\ndef run(fetch):\n    return fetch(LIMITS)\n\n\n"


def test_a_word_that_all_siblings_share_as_code_names_a_value_that_holds_it_too() -> None:
    parameter = named(REST + 'CURSOR_FIELD = "{0}"\n', "next_cursor", "continuation", "page_token")
    assert (parameter.name, parameter.description) == ("cursorField", "Value of CURSOR_FIELD (string).")


@pytest.mark.parametrize(
    ("line", "name", "description"),
    [
        ("LAG = timedelta(minutes={0})\n", "lagMinutes", "Value of LAG, in minutes."),
        ("x = connect(retries={0})\n", "retries", "Argument retries of connect() (whole number)."),
        ("CONFIG = {'batch.size': {0}}\n", "batchSize", "Value of key batch.size (whole number)."),
        ("def run(stale_after_ms={0}):\n    pass\n", "staleAfterMs", "Value of stale_after_ms, in milliseconds."),
    ],
)
def test_the_code_around_names_and_describes_a_value(line: str, name: str, description: str) -> None:
    parameter = named(REST + line, "12", "30", "45")
    assert (parameter.name, parameter.description) == (name, description)


@pytest.mark.parametrize(
    ("clause", "values", "name"),
    [
        ("where seen_at >= dateadd(hour, -{0}, now())", ("6", "24", "72"), "lookbackHours"),
        ("where hits >= {0}", ("2", "5", "9"), "minHits"),
        ("qualify row_number() over (partition by {0} order by seen_at) = 1", ("vin", "tag", "ref_no"), "keyColumn"),
        ("where zone = '{0}'", ("north", "upper", "remote"), "zone"),
    ],
)
def test_sql_names_what_a_clause_is_for(clause: str, values: tuple[str, ...], name: str) -> None:
    source = f"create table audit.seen as\nselect seen_at, hits, zone\nfrom raw.visits\n{clause};\n"
    assert named(source, *values, suffix="sql").name == name


def test_the_parts_of_a_relation_are_named_by_their_place() -> None:
    source = "select seen_at, hits\nfrom [{0}].[{1}].dbo.visits as v\nwhere v.hits > 0;\n"
    rows = [("SRV-A1", "Depot"), ("QX7", "Fleet"), ("NODE9", "Yard")]
    found = abstracted(source, rows, "sql")
    assert [parameter.name for parameter in found.spec.parameters] == ["server", "database"]


def test_a_constant_in_an_insert_is_named_by_its_column() -> None:
    source = "insert into ops.log (step, owner_team, at)\nselect 'load', '{0}', now()\nfrom raw.visits;\n"
    assert named(source, "night crew", "data desk", "blue group", suffix="sql").name == "ownerTeam"


def test_two_values_of_one_name_are_told_apart_by_their_scope() -> None:
    source = "def read(get):\n    return get(timeout={0})\n\n\ndef write(put):\n    return put(timeout={1})\n"
    found = abstracted(source, [("5", "60"), ("7", "90"), ("9", "30")])
    assert [parameter.name for parameter in found.spec.parameters] == ["timeout", "writeTimeout"]


def test_a_word_that_only_values_have_is_in_no_name_and_no_description() -> None:
    source = "SESSION = open_session()\nSESSION.send('{0}')\nSESSION.close()\n"
    parameter = named(source, "parcel manifest", "pallet manifest two", "wagon manifest nine")
    assert "parcel" not in (parameter.name + parameter.description).lower()


def test_the_gate_lets_a_shared_word_stand_in_a_name_and_a_value_word_not() -> None:
    found = abstracted(REST + 'CURSOR = "{0}"\n', [["cursor"], ["continuation"], ["position"]])
    assert found.spec.parameters[0].name == "cursor"
    shared = leak.scan(found.spec, found.bindings, shown=frozenset({"cursor"}))
    assert not {"parameters[0].name"} & {item.where for item in shared}
    assert {"parameters[0].name"} & {item.where for item in leak.scan(found.spec, found.bindings)}


def test_a_source_block_says_where_it_stands_and_how_long_it_gets() -> None:
    head = "def main(rows):\n    kept = []\n    for row in rows:\n        kept.append(row)\n"
    tail = "    print(kept)\n    return kept\n"
    blocks = (
        "    if len(kept) > 9:\n        raise ValueError(kept)\n",
        "    rows.sort(key=str)\n",
        "    for one in set(rows): rows.remove(one)\n",
    )
    siblings = [
        Sibling(customer, f"{customer}.py", (head + block + tail).encode())
        for customer, block in zip(CUSTOMERS, blocks, strict=True)
    ]
    (parameter,) = abstract(siblings, name="case").spec.parameters
    assert parameter.name == "mainBlock"
    assert parameter.description == "Source block in main(), 2 lines in the longest sibling."
