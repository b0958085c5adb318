"""The spec around a template: from what siblings share and nothing else, each value with its evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_api.primitive import Hole, Parameter, PrimitiveSpec, Segment, Template, TemplateFile, When
from fde_extraction.abstract import Sibling, abstract
from fde_extraction.inference import described, evidence_lines, infer

SYNC = """
import httpx
import psycopg
from simple_salesforce import Salesforce

UPSERT = '''
INSERT INTO @1@.accounts (id, name) VALUES (%s, %s)
ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name
'''

def sync(dsn):
    client = Salesforce(instance="@2@")
    rows = client.query_all("SELECT Id, Name FROM Account WHERE SystemModstamp > @3@")
    with psycopg.connect(dsn) as conn:
        for row in rows["records"]:
            conn.execute(UPSERT, (row["Id"], row["Name"]))
"""
HOOK = """
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';
import { Kafka } from 'kafkajs';

const kafka = new Kafka({ brokers: ['@1@'], sasl: { mechanism: 'scram-sha-512', username: '@2@' } });
const producer = kafka.producer();
const app = express();
app.post('/@3@', async (request, response) => {
  const expected = createHmac('sha256', process.env.HOOK_SECRET).update(request.body).digest();
  if (!timingSafeEqual(expected, Buffer.from(request.header('X-Signature') ?? ''))) return response.sendStatus(401);
  await producer.send({ topic: '@1@', messages: [{ value: request.body }] });
});
"""
LOAD = """
CREATE STAGE IF NOT EXISTS @1@.landing URL = 's3://@2@' STORAGE_INTEGRATION = @3@;
COPY INTO @1@.events FROM @landing MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT;
"""


def spec(*texts: str, suffix: str = "py", **changes: Any) -> PrimitiveSpec:
    """A primitive with a file a text; ``@1@`` and so on are holes."""
    languages = {"py": "python", "ts": "typescript", "sql": "sql", "yaml": "other"}
    files = []
    for number, text in enumerate(texts):
        segments = []
        for index, part in enumerate(text.split("@")):
            if part.isdigit() and index:
                segments.append(Segment(hole=Hole(parameter=f"p{part}", place="python.string")))
            elif part:
                glue = "@" if index and segments and segments[-1].text is not None else ""
                segments.append(Segment(text=glue + part))
        files.append(TemplateFile(path=f"f{number}.{suffix}", language=languages[suffix], segments=tuple(segments)))  # type: ignore[arg-type]
    return PrimitiveSpec(
        primitive_name="p", version="v0.1.0", domain="integration", template=Template(files=tuple(files)), **changes
    )


def test_a_client_that_reads_an_api_and_upserts_into_a_database_is_described_as_that() -> None:
    found = infer(spec(SYNC))
    source, destination = found.pattern.source, found.pattern.destination
    assert (source.type, source.load_strategy) == ("salesforce", "incremental")
    assert (destination.type, destination.load_strategy) == ("postgres", "merge")
    assert (found.domain, found.pattern.transform.type) == ("crm", "python")
    assert {"python", "salesforce", "postgres"} <= set(found.tags)


def test_a_receiver_that_verifies_and_produces_is_described_as_that() -> None:
    found = infer(spec(HOOK, suffix="ts"))
    assert (found.pattern.source.type, found.pattern.source.auth_method) == ("webhook", "hmac-signature")
    assert (found.pattern.destination.type, found.pattern.destination.auth_method) == ("kafka", "sasl-scram")
    assert found.domain == "streaming"


def test_sql_is_told_by_its_dialect_and_its_stage() -> None:
    found = infer(spec(LOAD, suffix="sql"))
    assert (found.pattern.source.type, found.pattern.source.auth_method) == ("s3", "storage-integration")
    assert (found.pattern.destination.type, found.pattern.destination.load_strategy) == ("snowflake", "copy")
    assert found.pattern.transform.schema_mapping == "by-column-name"
    assert found.domain == "data-warehouse"


def test_each_value_has_evidence_and_each_evidence_a_place_in_the_template() -> None:
    for one in (spec(SYNC), spec(HOOK, suffix="ts"), spec(LOAD, suffix="sql")):
        new, evidence, _ = described(one)
        said = {(item.field, item.value) for item in evidence}
        pattern = msgspec.to_builtins(new.pattern)
        for side, values in pattern.items():
            for name, value in values.items():
                for each in value if isinstance(value, (list, tuple)) else [value] if value else []:
                    assert (f"pattern.{side}.{name}", each) in said
        assert {("tags", tag) for tag in new.tags} <= said
        assert ("domain", new.domain) in said
        assert ("complexity", new.complexity) in said
        lines = sum((segment.text or "").count("\n") for segment in one.template.files[0].segments) + 1
        assert all(1 <= item.line <= lines for item in evidence if item.path)


def test_evidence_names_the_line_where_it_stands() -> None:
    evidence = infer(spec(SYNC)).evidence
    (imported,) = [e for e in evidence if e.field == "pattern.source.type" and e.why == "imports simple_salesforce"]
    assert (imported.entry, imported.path, imported.line) == ("salesforce", "f0.py", 4)
    assert any("imports simple_salesforce (f0.py:4, salesforce)" in line for line in evidence_lines(evidence))


@pytest.mark.parametrize(
    "text",
    [
        "# salesforce, servicenow: Retry-After\nx = 1\n",
        '"""Reads Salesforce by OAuth2 client_credentials and merges into Snowflake."""\nx = 1\n',
        "def f():\n    '''ServiceNow /api/now/table/incident'''\n    return 1\n",
        "import os\nKEY = os.environ['Retry-After'], os.environ.get('Retry-After'), os.getenv('Retry-After')\n",
    ],
)
def test_prose_and_names_of_environment_variables_say_nothing(text: str) -> None:
    found = infer(spec(text))
    assert found.tags == ("python",)
    assert (
        found.pattern.source.type == found.pattern.source.auth_method == found.pattern.source.rate_limit_handling == ""
    )


def test_the_name_of_an_environment_variable_in_typescript_says_nothing() -> None:
    found = infer(spec("const key = process.env.salesforce_key ?? process.env['/api/now/table'];\n", suffix="ts"))
    assert found.tags == ("typescript",)


def test_a_client_that_reads_and_writes_alike_is_neither_source_nor_destination() -> None:
    both = "import requests\nimport hubspot\nrequests.get(u)\nrequests.post(u)\n"
    assert infer(spec(both)).pattern.source.type == infer(spec(both)).pattern.destination.type == ""
    assert infer(spec(both + "requests.put(u)\n")).pattern.destination.type == "hubspot"


def test_two_sources_as_sure_as_each_other_leave_the_field_empty() -> None:
    text = "import jira\nimport okta\njira.search_issues(q)\nokta.list_users(q)\n"
    found = infer(spec(text))
    assert found.pattern.source.type == ""
    assert {"jira", "okta"} <= set(found.tags)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("if r.status_code == 429:\n    wait(r.headers['Retry-After'])\n    wait(2 ** n)\n", "retry-after"),
        ("wait(min(60, 2 ** attempt))\n", "exponential-backoff"),
        ("limit = TokenBucket(rate)\n", "token-bucket"),
        ("left = r.headers['X-RateLimit-Remaining']\n", "quota-headers"),
        ("if r.status_code == 429:\n    wait(1)\n", "retry-on-429"),
        ("wait(1)\n", ""),
    ],
)
def test_rate_limits_are_told_by_their_idioms(text: str, value: str) -> None:
    assert infer(spec("import requests\nr = requests.get(u)\n" + text)).pattern.source.rate_limit_handling == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'grant_type': 'client_credentials'}", "oauth2-client-credentials"),
        ("{'grant_type': 'urn:ietf:params:oauth:grant-type:jwt-bearer'}", "oauth2-jwt-bearer"),
        ("{'grant_type': 'refresh_token'}", "oauth2-refresh-token"),
        ("{'Authorization': f'Bearer {t}'}", "bearer-token"),
        ("{'X-Api-Key': t}", "api-key"),
        ("HTTPBasicAuth(u, t)", "basic"),
        ("{}", ""),
    ],
)
def test_authentication_is_told_by_its_idioms(text: str, value: str) -> None:
    found = infer(spec(f"import requests\nAUTH = {text}\nr = requests.get(u, auth=AUTH)\n"))
    assert found.pattern.source.auth_method == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1;", "merge"),
        ("INSERT INTO t SELECT a FROM s;", "append"),
        ("TRUNCATE TABLE t; INSERT INTO t SELECT a FROM s;", "full-refresh"),
        ("INSERT INTO t SELECT a FROM s ON CONFLICT (a) DO NOTHING;", "insert-if-absent"),
        ("UPDATE d SET valid_to = now(), is_current = false; INSERT INTO d SELECT a FROM s;", "scd2"),
        ("DELETE FROM t WHERE d = 1; INSERT INTO t SELECT a FROM s;", "delete-insert"),
        ("SELECT a FROM s;", ""),
    ],
)
def test_load_strategies_are_told_by_their_statements(text: str, value: str) -> None:
    assert infer(spec(text, suffix="sql")).pattern.destination.load_strategy == value


def test_checks_are_listed_in_order() -> None:
    text = "SELECT count(*) FILTER (WHERE a IS NULL) FROM t; SELECT a FROM t GROUP BY a HAVING COUNT(*) > 1;"
    assert infer(spec(text, suffix="sql")).pattern.transform.data_quality_checks == ("not-null", "uniqueness")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("def mask_pii(row): ...\n", "gdpr"),
        ("COLUMNS = ['patient_id', 'diagnosis_code']\n", "hipaa"),
        ("row['card_number'] = last4(row)\n", "pci-dss"),
    ],
)
def test_compliance_is_proposed_and_stands_in_no_spec(text: str, tag: str) -> None:
    new, evidence, proposed = described(spec(text))
    assert {item.value for item in proposed} == {tag}
    assert new.compliance == ()
    assert all(item.field != "compliance" for item in evidence)


def test_one_column_that_many_tables_have_proposes_nothing() -> None:
    assert infer(spec("row['first_name'] = x\n")).compliance == ()


def test_what_stands_in_an_optional_block_says_so() -> None:
    flag = Segment(when=When(parameter="dlq"))
    base = spec("import kafka\n")
    (file,) = base.template.files
    parts = (*file.segments, flag, Segment(text="DLQ = kafka.KafkaConsumer()\n"), Segment(mark="end"))
    one = msgspec.structs.replace(base, template=Template(files=(msgspec.structs.replace(file, segments=parts),)))
    evidence = infer(one).evidence
    assert any(e.why == "code: KafkaConsumer (in an optional block)" and e.line == 2 for e in evidence)
    assert any(e.why == "imports kafka" for e in evidence)


def test_complexity_counts_what_there_is_to_understand() -> None:
    few = spec("x = 1\n")
    many = spec("x = 1\n", parameters=tuple(Parameter(name=f"p{n}", type="string", required=True) for n in range(25)))
    assert (infer(few).complexity, infer(many).complexity) == ("low", "high")
    assert infer(spec("if a:\n    pass\n" * 60)).complexity == "medium"


def test_what_somebody_said_stays() -> None:
    new, _, _ = described(spec(SYNC, tags=("finance",)))
    assert "finance" in new.tags
    kept, _, _ = described(msgspec.structs.replace(new, domain="health", pattern=new.pattern))
    assert kept.domain == "health"
    assert kept.pattern == new.pattern


def test_describing_twice_changes_nothing() -> None:
    for one in (spec(SYNC), spec(HOOK, suffix="ts"), spec(LOAD, suffix="sql")):
        once = described(one)
        assert described(one) == once
        assert described(once[0])[0] == once[0]


def test_tags_are_bounded_and_lower_case() -> None:
    imports = (
        "import airflow, prefect, dagster, pandas, polars, pyspark, redis, pymongo, duckdb, hvac, flask, fastapi, "
    )
    imports += (
        "oracledb, pymysql, psycopg, pymssql, nats, pika, paramiko, stripe, plaid, jira, github, okta, sqlalchemy, "
    )
    imports += "elasticsearch, datadog, hubspot, shopify, zenpy, confluent_kafka, requests, jwt\n"
    tags = infer(spec(imports)).tags
    assert len(tags) == 32
    assert all(tag == tag.lower() for tag in tags)


@given(st.text(max_size=40), st.sampled_from(["py", "ts", "sql", "yaml"]))
def test_no_source_makes_it_fail(text: str, suffix: str) -> None:
    infer(spec(text, suffix=suffix))


SHARED = """import requests

BASE = "https://{host}"


def pull(session):
    response = session.get(f"{{BASE}}/api/now/table/{table}", params={{"sysparm_limit": {limit}}})
    if response.status_code == 429:
        return response.headers["Retry-After"]
    return response.json()
"""
NAMES = st.sampled_from(["alderpost", "stripe", "birchway", "snowflake", "okta", "cedarlin", "hubspot", "juniper"])


@settings(max_examples=10, deadline=None)
@given(
    st.lists(NAMES, min_size=3, max_size=3, unique=True),
    st.permutations(["kiln", "loom", "mast", "oar", "stripe_x"]),
    st.permutations([11, 23, 37, 59]),
)
def test_renaming_a_customer_or_a_value_changes_no_inference(
    customers: list[str], tables: list[str], limits: list[int]
) -> None:
    """Even to a vendor's name: what siblings do not share is not read."""
    siblings = [
        Sibling(
            customer, f"s{n}.py", SHARED.format(host=f"{customer}.service.example", table=table, limit=limit).encode()
        )
        for n, (customer, table, limit) in enumerate(zip(customers, tables, limits, strict=False))
    ]
    found = infer(abstract(siblings, name="case").spec)
    pattern = found.pattern
    assert (pattern.source.type, pattern.source.rate_limit_handling, pattern.destination.type) == (
        "servicenow",
        "retry-after",
        "",
    )
    assert (found.domain, found.tags) == ("itsm", ("http", "itsm", "python", "rest", "retry-after", "servicenow"))
