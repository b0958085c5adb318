"""Sensitive classes: what may never be a constant although every sibling has it, and what only looks like that."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_extraction import sensitive
from fde_extraction.public import _TABLE, is_public

# (text, the stretches that are sensitive, in order)
FOUND: list[tuple[str, list[tuple[str, str]]]] = [
    # hosts
    ("redis://cache01:6379/2", [("host", "cache01")]),
    ("http://billing/api", [("host", "billing")]),
    ("jdbc:sqlserver://edw-sql3:1433;database=x", [("host", "edw-sql3")]),
    ("postgresql://loader@pg7/orders", [("host", "pg7")]),
    ("bootstrap=kafka-3:9092", [("host", "kafka-3")]),
    ("# via jump.yard.corp, port 22", [("host", "jump.yard.corp")]),
    ("-- mirrored to nas.lan nightly", [("host", "nas.lan")]),
    ("vault.prod.svc.cluster.local", [("host", "vault.prod.svc.cluster.local")]),
    ("db7.internal.harbor.io:5432", [("host", "db7.internal.harbor.io")]),
    ("10.41.7.9", [("host", "10.41.7.9")]),
    ("allow 192.168.14.0/24", [("host", "192.168.14.0/24")]),
    ("100.77.1.4:8080", [("host", "100.77.1.4")]),
    ("vpce-0a12b34c56d78e90f-x1.s3.eu-west-1.vpce.amazonaws.com", [("host", "vpce-0a12b34c56d78e90f-x1.s3.eu-west-1.vpce.amazonaws.com")]),
    ("orders.cjq3x.eu-west-1.rds.amazonaws.com", [("host", "orders.cjq3x.eu-west-1.rds.amazonaws.com")]),
    ("https://yard-raw.s3.eu-central-1.amazonaws.com/x", [("host", "yard-raw.s3.eu-central-1.amazonaws.com")]),
    ("https://yardlake.dfs.core.windows.net/raw", [("host", "yardlake.dfs.core.windows.net")]),
    ("https://yardvault.vault.azure.net/", [("host", "yardvault.vault.azure.net")]),
    ("yx48210.eu-central-1.snowflakecomputing.com", [("host", "yx48210.eu-central-1.snowflakecomputing.com")]),
    ("https://yard.my.salesforce.com/services", [("host", "yard.my.salesforce.com")]),
    ("https://yard.service-now.com/api/now", [("host", "yard.service-now.com")]),
    ("pkc-4r8xk.eu-central-1.aws.confluent.cloud:9092", [("host", "pkc-4r8xk.eu-central-1.aws.confluent.cloud")]),
    (r"open(\\filer4\drops\in)", [("host", r"\\filer4\drops")]),
    # accounts of services, directories, connection strings, stores
    ("svc-brook-mover", [("user", "svc-brook-mover")]),
    ('login("svc_brook_mover")', [("user", "svc_brook_mover")]),
    ("uid=brookreader,ou=people,dc=brookmill,dc=net", [("account", "uid=brookreader,ou=people,dc=brookmill,dc=net")]),
    ("(memberOf=cn=Brook Fillers,ou=groups,dc=brookmill,dc=net)", [("account", "cn=Brook Fillers,ou=groups,dc=brookmill,dc=net")]),
    ("Server=tcp:brooksql;Database=orders;User Id=brookload;", [("host", "brooksql"), ("user", "brookload")]),
    ("DefaultEndpointsProtocol=https;AccountName=brookstore;EndpointSuffix=x", [("account", "brookstore")]),
    ("host=brookdb port=5432 user=brookload dbname=orders", [("host", "brookdb"), ("user", "brookload")]),
    ("s3://brookmill-landing/in", [("account", "brookmill-landing")]),
    ("arn:aws:s3:::brookmill-landing/*", [("account", "brookmill-landing")]),
    ("projects/brookmill-data/secrets/x", [("account", "brookmill-data")]),
    ("brook-state-4821", [("account", "brook-state-4821")]),
    ("ftp://brookpull:{}@files.net".format("pw"), [("user", "brookpull"), ("email", "pw@files.net")]),
    # addresses of people
    ("# or write to wanda at brookmill dot net", [("email", "wanda at brookmill dot net")]),
    ("wanda [at] brookmill.net", [("email", "wanda [at] brookmill.net")]),
    ("duty@team.example", [("email", "duty@team.example")]),
    ("mailto:ops+eu@yard.co.uk?subject=x", [("email", "ops+eu@yard.co.uk")]),
    ("noreply@yard.com", [("email", "noreply@yard.com")]),
    # accounts
    ("account 884120557301", [("account", "884120557301")]),
    ("8841-2055-7301", [("account", "8841-2055-7301")]),
    ("arn:aws:sqs:eu-west-1:884120557301:in", [("account", "arn:aws:sqs:eu-west-1:884120557301:in")]),
    ("projects/yard-prod-4821/topics/in", [("account", "yard-prod-4821")]),
    ("`yard-lake-482193.raw.orders`", [("account", "yard-lake-482193")]),
    ("subnet-0fe12ab9", [("account", "subnet-0fe12ab9")]),
    ("/subscriptions/7c1f0b52-93d4-4e0a-8b7e-2f6a51c0d9e3/x", [("account", "7c1f0b52-93d4-4e0a-8b7e-2f6a51c0d9e3")]),
    ("YX48210.EU_CENTRAL", [("account", "YX48210.EU_CENTRAL")]),
    # phones
    ("call +49 40 8821 4490 at night", [("phone", "+49 40 8821 4490")]),
    ("tel:+442079460111", [("phone", "+442079460111")]),
    ("(212) 736-4410", [("phone", "(212) 736-4410")]),
    ("312-736-4410", [("phone", "312-736-4410")]),
    # people and where they talk
    ("# ask Jane before changing this", [("person", "Jane")]),
    ("// ping Siobhan O'Malley for access", [("person", "Siobhan O'Malley")]),
    ("-- requested by Petra Lindqvist", [("person", "Petra Lindqvist")]),
    ("# TODO(jlind): drop this", [("person", "jlind")]),
    ("// FIXME (@amara.o) slow", [("person", "amara.o")]),
    ("# cc @jlind-ops", [("person", "@jlind-ops")]),
    ("Reviewed-by: Amara Okonkwo", [("person", "Amara Okonkwo")]),
    ("post to '#yard-alerts' on failure", [("channel", "#yard-alerts")]),
    ("slack: #oncall", [("channel", "#oncall")]),
    ("# see YARD-482 for why", [("ticket", "YARD-482")]),
    ("-- OPS-77: cut off at midnight", [("ticket", "OPS-77")]),
    ("change CHG0042117", [("ticket", "CHG0042117")]),
    ("/home/jlind/drops", [("user", "jlind")]),
    (r"C:\\Users\\amara\\drop", [("user", "amara")]),
    ("/Users/jane.doe/work", [("user", "jane.doe")]),
    (r"YARD\svc_loader", [("user", r"YARD\svc_loader")]),
]  # fmt: skip

ORDINARY = (
    # vendors' and standards' own
    "https://api.github.com/repos", "https://www.zendesk.com", "login.microsoftonline.com", "https://api.stripe.com/v1",
    "https://developer.service-now.com/docs", "https://sts.eu-west-1.amazonaws.com", "s3.amazonaws.com", "sqs.us-east-1.amazonaws.com",
    "http://localhost:8080/health", "redis://redis:6379/0", "postgresql://user:{}@db:5432/x", "http://169.254.169.254/latest/meta-data",
    "http://metadata.google.internal/computeMetadata", "host.docker.internal", "kubernetes.default.svc", "10.0.0.0/8", "192.168.0.0/16",
    "127.0.0.1", "0.0.0.0", "8.8.8.8", "version 10.2.1.3", "Chrome/10.0.0.1", "s3://bucket/key", "gs://raw/x", "file:///tmp/x", "urn:ietf:params:oauth",
    "git@github.com:org/x.git", "noreply@github.com", "1+me@users.noreply.github.com", "logo@2x.png", "@angular/core", "react@18.2.0",
    "123456789012", "000000000000", "100000000000", "202403112359", "1700000000000", "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "00000000-0000-0000-0000-000000000000", "b24988ac-6180-42a0-ab88-20f7382dd24c", "arn:aws:iam::aws:policy/ReadOnlyAccess", "ISO20022",
    "EPSG25832", "ORA12154", "SHA-256", "UTF-8", "ISO-8859-1", "RFC-7231", "# see RFC-7231, CVE-2021-44228", "(212) 555-0143", "+15", "x+12345678",
    "application/vnd.api+json", "text/csv; charset=utf-8", "v1.2.3-rc.4", "%Y-%m-%d %H:%M", "eu-central-1a", "2024-03-11T10:00:00Z", "E-1234",
    # code that has the words of a host
    "if pattern.test(line):", "state = threading.local()", "const ok = /x/.test(text) && rx.test(text);", "this.private = config.local;",
    "12345678-1234-5678-1234-567812345678", "from plumbum.machines.local import x", "describe.test('a', run)", "index.internal_name", "self.intranet.private",
    # words that are no names
    "ask the server", "# ask Snowflake for more", "ping Redis", "contact support", "created by Airflow", "per Request", "thanks to caching",
    "# TODO: drop", "# TODO(security): rotate", "NOTE(1): x", "@author", "@param name the row", "@dataclass", "@app.get('/x')",
    "owner: postgres", "from @angular/core", "with @types/node", "select * into #tmp_orders from #stage", "color: #ff00aa", "page#anchor-one", "ask: Decimal", "copy from @landing.stage", "set @x = @y by @key", "elif args.test:", "docs.io/projects/readme",
    "gs://landing/raw", "/projects/archive-jobs/list", "svc = make(-1)", "value = self.svc - 1", "ou=people,dc=example,dc=com", "host=db port=5432 user=postgres",
    "Server=localhost;Database=orders;User Id=sa;", "retry-after-120", "uid=root,gid=0", "connect(host=brook, user=name, port=1)", "en-us-2024", "cn=admin,dc=example,dc=org",
    "fetch at startup. It", "look at this.path",
    "#region load-data", "# type: ignore", "this.#rows", "issue #123", "/home/airflow/dags", "/home/node/app", "/home/", "C:\\temp\\x",
    r"\\d{4}-\\d{2}", r"\\w+\\.", r"[^\\x20-\\x7e]", r"a\\nb\\nc", r"line\\r\\n", "total-1234", "PART-2", "TOP-10 rows", "for x in rows: # PHASE-2",
)  # fmt: skip


@pytest.mark.parametrize(("text", "spans"), FOUND)
def test_a_sensitive_text_is_found_where_it_stands(text: str, spans: list[tuple[str, str]]) -> None:
    assert [(item.kind, text[item.start : item.end]) for item in sensitive.find(text)] == spans


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert [(item.kind, text[item.start : item.end]) for item in sensitive.find(text)] == []


@pytest.mark.parametrize(
    ("hint", "text", "kind"),
    [
        ("ACCOUNT_ID", "acct-4471", "account"),
        ("azureTenantId", "yard4821", "account"),
        ("workspace_id", "7781", "account"),
        ("GCP_PROJECT_ID", "yard-prod-4821", "account"),
        ("client_id", "3MVG9" + "brQ7wZk2LxT0aYc1", "account"),
        ("slack_channel", "yard-alerts", "channel"),
        ("channelId", "C04QX81KD2", "channel"),
        ("on_call_phone", "0040 8821 4490", "phone"),
        ("db_user", "svc_yard_07", "user"),
        ("owner", "Petra Lindqvist", "person"),
    ],
)
def test_what_the_code_calls_a_text_tells_its_class(hint: str, text: str, kind: str) -> None:
    (found,) = sensitive.find(text, (hint,))
    assert (found.kind, found.start, found.end) == (kind, 0, len(text))


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        ("account_id", "account_id"), ("tenant_id", "default"), ("account_id", "123456789012"), ("channel", "email"), ("open_channel", "direct-tcpip"),
        ("channel", "listener_channel"), ("user", "postgres"), ("owner", "postgres"), ("order_id", "order_id"), ("phone", "phone"),
        ("client_id", "my-client"), ("locator", "css"),
    ],
)  # fmt: skip
def test_a_name_alone_makes_nothing_sensitive(hint: str, text: str) -> None:
    assert sensitive.find(text, (hint,)) == []


@pytest.mark.parametrize(
    ("customer", "text", "spans"),
    [
        ("hartwell-foods", "HartwellFoodsLoader", ["HartwellFoods"]),
        ("hartwell-foods", "s3://raw-hartwell_foods/x", ["hartwell_foods"]),
        ("hartwell-foods", "# for Hartwell Foods, nightly", ["Hartwell Foods"]),
        ("quarry", "quarrydata", ["quarry"]),
        ("gate", "openGateRows, GATE_KEY", ["Gate", "GATE"]),
        ("gate", "delegate, aggregate, investigate", []),
        ("HF", "HF_ORDERS and raw.HF.rows", ["HF", "HF"]),
        ("hf", "hf = shelf.half", []),
        ("hf", "FOR HF ONLY", ["HF"]),
        ("HF", "SHELF, HFX", []),
        ("and", "A AND B", []),
        ("i1", "for i1 in I1", []),
        ("a", "A = a", []),
    ],
)
def test_a_customers_name_is_found_in_any_spelling(customer: str, text: str, spans: list[str]) -> None:
    found = sensitive.find(text, customers=[customer])
    assert [text[item.start : item.end] for item in found if item.kind == "customer"] == spans


def test_every_public_text_has_a_class_and_a_reason() -> None:
    for kind, pattern, reason in _TABLE:
        assert kind in {"host", "email", "account", "phone", "user", "ticket", "person"}
        assert len(reason.split()) >= 3
        re.compile(pattern)
    assert not is_public("account", "884120557301")


@given(st.text(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_spans_are_in_order_and_never_overlap(text: str, hint: str, customer: str) -> None:
    found = sensitive.find(text, (hint,), (customer,))
    assert all(0 <= item.start < item.end <= len(text) for item in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
