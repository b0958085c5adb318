"""Structure: what siblings have more or fewer of, have only some of, or have elsewhere."""

from __future__ import annotations

from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_template.errors import DoesNotFit
from fde_template.fit import fit_all
from fde_template.render import render_all

CUSTOMERS = ("north-mill", "east-yard", "west-quay")


def abstracted(*sources: str, suffix: str = "py") -> Abstraction:
    siblings = [
        Sibling(customer, f"{customer}.{suffix}", source.encode())
        for customer, source in zip(CUSTOMERS, sources, strict=False)
    ]
    found = abstract(siblings, name="case")
    for sibling in siblings:
        again = render_all(found.spec.template, found.bindings[sibling.customer], found.spec.parameters)
        assert list(again.values()) == [sibling.data]
    return found


def fits(found: Abstraction, source: str) -> bool:
    (file,) = found.spec.template.files
    try:
        fit_all(found.spec.template, {file.path: source.encode()}, found.spec.parameters)
    except DoesNotFit:
        return False
    return True


def lists(found: Abstraction) -> dict[str, list[object]]:
    named = [p.name for p in found.spec.parameters if p.type == "list"]
    return {name: [found.bindings[customer][name] for customer in CUSTOMERS] for name in named}


def test_a_column_list_in_three_clauses_is_one_list() -> None:
    def load(*columns: str) -> str:
        names = ",\n    ".join(columns)
        values = ", ".join(f"s.{column}" for column in columns)
        return (
            f"insert into core.rows (\n    {names},\n    loaded_at\n)\n"
            f"select {values}, now()\nfrom landing.rows s\nwhere s.deleted_at is null;\n"
        )

    found = abstracted(
        load("vessel", "berth"), load("lot", "grade", "weight"), load("meter", "reading", "unit", "taken"), suffix="sql"
    )
    assert lists(found) == {
        "columns": [["vessel", "berth"], ["lot", "grade", "weight"], ["meter", "reading", "unit", "taken"]]
    }
    assert fits(found, load("one", "two", "three", "four", "five"))
    assert not fits(found, load("one", "two").replace("s.two", "s.three"))


def test_statements_that_repeat_together_are_one_item() -> None:
    def run(*steps: str) -> str:
        body = "".join(
            f'    totals["{step}"] = load(client, "{step}", limit=page)\n'
            f'    log.info("{step} loaded", extra={{"rows": totals["{step}"]}})\n'
            for step in steps
        )
        return f"def run(client, totals, log, page=50):\n    check(client)\n{body}    return totals\n"

    found = abstracted(run("vessels", "berths"), run("lots"), run("meters", "readings", "units"))
    assert list(lists(found).values()) == [[["vessels", "berths"], ["lots"], ["meters", "readings", "units"]]]
    assert fits(found, run("pumps", "valves", "tanks", "pipes"))


def test_a_key_before_its_columns_is_no_item() -> None:
    def table(key: str, *columns: str) -> str:
        return f"COLUMNS = ({', '.join(repr(c) for c in (key, *columns))})\n\n\ndef key_of(row):\n    return row[{key!r}]\n"

    found = abstracted(table("imo", "name", "flag"), table("lot", "grade"), table("mpan", "kwh", "at", "unit"))
    assert [len(items) for items in next(iter(lists(found).values()))] == [2, 1, 3]  # type: ignore[arg-type]


def test_a_keyword_argument_that_stands_elsewhere_keeps_its_parameter() -> None:
    def call(*arguments: str) -> str:
        return (
            "import client\n\n\ndef connect():\n    return client.open(\n        "
            + ",\n        ".join(arguments)
            + ",\n    )\n"
        )

    found = abstracted(
        call('account="mill"', "timeout=30", "retries=4"),
        call("timeout=45", 'account="yard"', "retries=5"),
        call('account="quay"', "timeout=60", "retries=9"),
    )
    kinds = {parameter.name: parameter.type for parameter in found.spec.parameters}
    assert {"account", "timeout", "retries"} <= set(kinds)
    assert sorted(kinds.values()) == sorted(["string", "duration", "int", "bool"])
    assert fits(found, call("timeout=7", 'account="dock"', "retries=1"))


def test_blocks_that_the_same_siblings_have_are_one_flag() -> None:
    def module(*, audited: bool, name: str) -> str:
        imported = "from audit import trail\n" if audited else ""
        traced = '    trail("run started")\n' if audited else ""
        return (
            f'{imported}import work\n\nNAME = "{name}"\n\n\ndef run(rows):\n{traced}    return work.load(NAME, rows)\n'
        )

    found = abstracted(
        module(audited=True, name="vessels"), module(audited=False, name="lots"), module(audited=True, name="meters")
    )
    flags = [p.name for p in found.spec.parameters if p.type == "bool"]
    assert [[found.bindings[c][flag] for c in CUSTOMERS] for flag in flags] == [[True, False, True]]


def test_two_ways_to_do_it_are_alternatives_of_one_flag() -> None:
    def send(*, queue: bool, name: str) -> str:
        body = (
            f'    channel.publish(exchange="{name}", body=encode(row))\n    channel.confirm(timeout=5)\n'
            if queue
            else f'    with open("{name}.out", "ab") as target:\n        target.write(encode(row))\n'
        )
        return f"def send(row, channel=None):\n    check(row)\n{body}    count(row)\n    return True\n"

    found = abstracted(
        send(queue=True, name="vessels"), send(queue=False, name="lots"), send(queue=True, name="meters")
    )
    assert found.report.source_blocks == 0
    assert [p.type for p in found.spec.parameters].count("bool") == 1
    assert fits(found, send(queue=True, name="pumps"))


def test_types_of_two_words_and_with_brackets_are_one_value_wherever_they_stand() -> None:
    def load(*columns: tuple[str, str]) -> str:
        declared = ",\n    ".join(f"{name} {kind}" for name, kind in columns)
        cast = ",\n    ".join(f"{name}::{kind}" for name, kind in columns)
        checked = ",\n    ".join(f"TRY_CONVERT({kind}, raw.{name})" for name, kind in columns)
        return f"CREATE TABLE core.rows (\n    {declared}\n);\nSELECT\n    {cast}\nFROM landing.rows;\nSELECT\n    {checked}\nFROM landing.raw AS raw;\n"

    found = abstracted(
        load(("berth", "numeric(5,2)"), ("vessel", "text")),
        load(("lot", "bigint"), ("grade", "char(3)"), ("weight", "numeric(12,3)")),
        load(("meter", "varchar(24)")),
        suffix="sql",
    )
    assert [p.type for p in found.spec.parameters] == ["list"]
    assert len(found.spec.parameters[0].fields) == 2
    assert fits(found, load(("dose", "double precision"), ("ward", "character varying(9)")))


def test_a_dotted_name_is_cut_at_its_dots_before_its_words() -> None:
    def procedure(schema: str, entity: str) -> str:
        return (
            f"CREATE PROCEDURE {schema}.Load{entity} AS\nMERGE {schema}.{entity} AS tgt\nUSING landing.{entity} AS src\n"
            f"ON tgt.id = src.id;\nGRANT EXECUTE ON {schema}.Load{entity} TO loader;\n"
        )

    found = abstracted(
        procedure("ops_air", "CabinWaste"),
        procedure("risk", "LoanArrears"),
        procedure("parks", "TreeSurvey"),
        suffix="sql",
    )
    assert len(found.spec.parameters) == 2
    assert not fits(found, procedure("port", "DockSensor").replace("MERGE port", "MERGE ports"))


def test_an_optional_key_of_a_small_map_is_a_flag_and_no_alternative() -> None:
    def source(ttl: bool) -> str:
        option = ", ttl: 300" if ttl else ""
        return f"import {{ cache }} from './cache'\n\nexport const options = {{ store: cache{option} }}\nrun(options, cache)\n"

    found = abstracted(source(True), source(False), source(True), suffix="ts")
    assert [p.type for p in found.spec.parameters] == ["bool"]


def test_a_statement_that_stands_elsewhere_in_some_is_one_statement() -> None:
    def source(months: int, late: bool) -> str:
        kept = f"PERFORM core.drop_partitions('rows', months => {months});\n"
        said = "RAISE NOTICE 'rows moved';\n"
        return (
            "INSERT INTO core.rows SELECT * FROM landing.rows;\n"
            f"{said + kept if late else kept + said}DELETE FROM landing.rows WHERE done;\n"
        )

    found = abstracted(source(18, False), source(6, True), source(36, False), suffix="sql")
    assert sorted(p.type for p in found.spec.parameters if p.name != "") in (["bool", "duration"], ["bool", "int"])
    assert fits(found, source(3, True))
