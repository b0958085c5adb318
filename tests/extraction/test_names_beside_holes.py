"""Names by the constants right beside a hole, by what well-known functions call their arguments, and by what a block brings in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fde_api.primitive import Parameter
from fde_extraction.abstract import Sibling, abstract

CUSTOMERS = ("alderpost", "birchway", "cedarlin")
HEAD = {
    "py": "import os\n\n\ndef run(fetch, rows):\n    return fetch(LIMITS, rows)\n\n\n",
    "ts": "import { run } from './run';\n\nexport function start(rows: string[]): void {\n  run(rows, LIMITS);\n}\n\n",
    "sql": "create table audit.seen as\nselect seen_at, hits, zone\nfrom raw.visits;\n\n",
}


def parameters(source: str, rows: Sequence[Sequence[str]], suffix: str) -> tuple[Parameter, ...]:
    """Of one sibling per row of `rows`, which fill the ``{0}``, ``{1}`` of `source`."""
    siblings = []
    for customer, row in zip(CUSTOMERS, rows, strict=True):
        text = HEAD[suffix] + source
        for index, value in enumerate(row):
            text = text.replace(f"{{{index}}}", value)
        siblings.append(Sibling(customer, f"{customer}.{suffix}", text.encode()))
    return abstract(siblings, name="case").spec.parameters


def named(source: str, suffix: str, *values: str) -> str:
    (parameter,) = parameters(source, [[value] for value in values], suffix)
    return parameter.name


WORDS = ("north", "upper", "remote")
NUMBERS = ("12", "30", "45")
VARIABLES = ("ALDER_SIGN_KEY", "BIRCH_KEY", "CDR_API_KEY")


@pytest.mark.parametrize(
    ("source", "values", "name"),
    [
        ('open_door("AuthMode=APP;Tenancy={0}")\n', WORDS, "tenancy"),
        ("PAIRS = make([('squad', '{0}')])\n", WORDS, "squad"),
        ("rounded = total(rows).round({0})\n", ("2", "3", "4"), "digits"),
        ("for at in range(0, len(rows), {0}):\n    run(None, rows[at:])\n", NUMBERS, "chunkSize"),
        ('kept = [row for row in rows if row.startswith("{0}")]\n', ("qa-", "sim-", "demo-"), "prefix"),
        ('mac = hmac.new(body, hashlib.md5().digest(), "{0}")\n', ("sha256", "sha512", "sha1"), "algorithm"),
        ('given = request.headers["{0}"]\n', ("x-alder-mac", "x-birch-sign", "cdr-proof"), "header"),
        ('ZONES = ["core", "{0}"]\n', WORDS, "zone"),
        ('CHAT = "{0}"\n', ("https://a.example/x", "https://b.example/yy", "https://c.example/zzz"), "chatUrl"),
        ('hop.connect("{0}")\n', ("a.alder.example", "b.birch.example", "c.cedar.example"), "hopHost"),
        ('client = read(os.environ["{0}"])\n', VARIABLES, "keyEnv"),
    ],
)
def test_python_names_what_stands_beside_the_hole(source: str, values: tuple[str, ...], name: str) -> None:
    assert named(source, "py", *values) == name


@pytest.mark.parametrize(
    ("source", "values", "name"),
    [
        ("const sum = createHmac('{0}', body);\n", ("sha256", "sha512", "sha1"), "algorithm"),
        ("const auth = `Bearer ${process.env.{0}}`;\n", ("ALDER_TOKEN", "BIRCH_JWT", "CDR_SIGN_KEY"), "tokenEnv"),
        ("const sink = createWriteStream('{0}');\n", ("/a/x.csv", "/data/yy.csv", "/zzz.txt"), "path"),
        ("app.post('{0}', run);\n", ("/hooks/a", "/v1/bb", "/in/ccc"), "route"),
        ("const shape = check({ ref: text().regex(/{0}/) });\n", ("^A[0-9]+$", "^BB-[0-9]$", "^C{3}$"), "refPattern"),
        ("const made = ask({ bodyWait: {0}, headersWait: {0} });\n", NUMBERS, "wait"),
    ],
)
def test_typescript_names_what_stands_beside_the_hole(source: str, values: tuple[str, ...], name: str) -> None:
    assert named(source, "ts", *values) == name


@pytest.mark.parametrize(
    ("source", "values", "name"),
    [
        ("declare first_night date default date '{0}';\n", ("2021-01-01", "2022-02-03", "2023-04-05"), "firstNight"),
        ("grant select on audit.seen to {0};\n", ("alder_app", "birch_reader", "cdr_bi"), "role"),
        ("select seen_at from raw.visits order by seen_at limit {0};\n", NUMBERS, "limit"),
        ("copy audit.seen from '{0}' format csv;\n", ("s3://a-in/x/", "s3://b/y/", "s3://c-in/zz/"), "sourceUri"),
        ("delete from audit.seen where seen_at < dateadd(day, -{0}, now());\n", NUMBERS, "retentionDays"),
        ("insert into {0} select seen_at from raw.visits;\n", ("a.seen", "b.seen_all", "core.visits"), "table"),
    ],
)
def test_sql_names_the_role_in_its_clause(source: str, values: tuple[str, ...], name: str) -> None:
    assert named(source, "sql", *values) == name


def test_of_two_tables_one_is_the_source_and_one_the_target() -> None:
    source = "insert into {0} (seen_at)\nselect v.seen_at\nfrom {1} as v\nwhere v.hits > 1;\n"
    rows = [("a.seen", "raw.visits"), ("b.seen_all", "land.calls"), ("core.day", "stage.walks")]
    assert [item.name for item in parameters(source, rows, "sql")] == ["targetTable", "sourceTable"]


def test_what_classes_and_functions_begin_with_is_the_entity_and_not_what_it_is_assigned_to() -> None:
    source = (
        'class {0}Row:\n    """One row of {1}."""\n\n\ndef load_{1}(rows):\n    tags = ["{1}"]\n    return {0}Row(rows, tags)\n\n\n'
        'def store_{1}(rows):\n    return "{1}.csv", rows\n\n\nQUEUE = "{1}-in"\n'
    )
    rows = [("Parcel", "parcel"), ("Invoice", "invoice"), ("Meter", "meter")]
    assert [item.name for item in parameters(source, rows, "py")] == ["entity"]


def flag(block: str, suffix: str) -> str:
    """The name of the flag for `block`, which two of three siblings have."""
    rest = {"py": "\n\ndef close(rows):\n    return sorted(rows)\n", "ts": "\nexport const done = true;\n", "sql": ""}[
        suffix
    ]
    siblings = [
        Sibling(customer, f"{customer}.{suffix}", (HEAD[suffix] + (block if there else "") + rest).encode())
        for customer, there in zip(CUSTOMERS, (True, False, True), strict=True)
    ]
    (parameter,) = (item for item in abstract(siblings, name="case").spec.parameters if item.type == "bool")
    return parameter.name


@pytest.mark.parametrize(
    ("block", "suffix", "name"),
    [
        ("def to_quarantine(row, why):\n    row.why = why\n    return row\n\n\n", "py", "quarantine"),
        ("export function withBackoff(task: string): string {\n  return task + task;\n}\n", "ts", "backoff"),
        ("alter table audit.seen enable row level security;\n", "sql", "rowLevelSecurity"),
    ],
)
def test_a_flag_is_called_after_the_function_or_the_feature_that_its_block_brings_in(
    block: str, suffix: str, name: str
) -> None:
    assert flag(block, suffix) == name


def test_a_flag_over_settings_of_one_family_is_called_after_the_family() -> None:
    shared = 'consumer = Consumer({\n    "group.id": "g1",\n    "client.id": "c1"{0}\n})\n'
    block = ',\n    "sasl.mechanism": "PLAIN",\n    "sasl.username": "svc",\n    "security.protocol": "SASL_SSL"'
    found = parameters(shared, [(block,), ("",), (block,)], "py")
    assert [item.name for item in found if item.type == "bool"] == ["sasl"]


def test_a_single_negated_condition_excludes() -> None:
    source = "select hits\nfrom raw.visits as v\nwhere v.hits > 0{0}\norder by v.hits;\n"
    found = parameters(source, [("\n  and v.zone <> 'lab'",), ("",), ("\n  and v.zone <> 'lab'",)], "sql")
    assert [item.name for item in found if item.type == "bool"] == ["exclude"]


def test_names_beside_holes_are_of_the_template_and_never_of_a_value() -> None:
    found = parameters('open_door("{0}={1}")\n', [("alpha", "x1"), ("beta", "y22"), ("gamma", "z3")], "py")
    assert not {"alpha", "beta", "gamma"} & {item.name for item in found}


@pytest.mark.parametrize(
    ("source", "suffix", "values", "name"),
    [
        ("for attempt in range({0}):\n    run(None, attempt)\n", "py", ("3", "5", "8"), "maxAttempts"),
        ("if len(rows) < {0}:\n    run(None, rows)\n", "py", NUMBERS, "minRows"),
        ("kept = rows[:{0}]\n", "py", NUMBERS, "limit"),
        ('SPOOL = Path("{0}")\n', "py", ("/a/x", "/var/yy", "/data/zzz"), "spoolPath"),
        ("const first = rows.slice(0, {0});\n", "ts", NUMBERS, "limit"),
        ("while (batch.length < {0}) {\n  run(batch);\n}\n", "ts", NUMBERS, "batchSize"),
        ("alter table audit.seen owner to {0};\n", "sql", ("alder_app", "birch_dba", "cdr_root"), "owner"),
    ],
)
def test_bounds_and_owners_are_called_so(source: str, suffix: str, values: tuple[str, ...], name: str) -> None:
    assert named(source, suffix, *values) == name


def test_a_second_value_of_one_name_is_told_apart_by_what_holds_it() -> None:
    source = "const retry = { limit: {0} };\nconst search = { limit: {1}, desk: 'core' };\n"
    found = parameters(source, [("3", "200"), ("4", "500"), ("7", "75")], "ts")
    assert [item.name for item in found] == ["limit", "searchLimit"]
