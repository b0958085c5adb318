"""What must not leave: secrets at the source, sensitive classes, and the leak gate over a finished proposal."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Hole, Parameter, PrimitiveSpec, Segment, Template, TemplateFile
from fde_extraction import secrets, sensitive
from fde_extraction.leak import scan

KEY = "k9" + "Qz4Lw8Tb2Xn6Rt"  # built from parts, so that no scanner takes this file for a leak


@pytest.mark.parametrize(
    ("language", "source", "kind"),
    [
        ("python", f'PASSWORD = "{KEY}"\n', "password"),
        ("python", 'connect(host="h", password="gravel+Otter_71")\n', "password"),
        ("python", f'config = {{"api_key": "{KEY}"}}\n', "api-key"),
        ("python", f'TOKEN = os.environ.get("SERVICE_TOKEN", "{KEY}")\n', "token"),
        ("python", f'headers = {{"X-Bus-Key": "bk-{KEY}"}}\n', "api-key"),
        ("python", 'DSN = "postgresql://loader:' + 'gravelOtter71@db.example/x"\n', "password"),
        ("python", 'KEY = """-----BEGIN ' + 'PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"""\n', "private-key"),
        ("typescript", f"const secret = process.env.GATEWAY_SECRET ?? '{KEY}';\n", "secret"),
        ("typescript", f"const c = new Client({{ clientSecret: '{KEY}' }});\n", "secret"),
        ("typescript", "const jwt = 'ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0.abc';\n", "token"),
        ("sql", f"create secret siem secret_string = '{KEY}';\n", "secret"),
        ("sql", "create user loader password = 'gravel+Otter_71';\n", "password"),
    ],
)
def test_a_hard_coded_secret_is_found(language: str, source: str, kind: str) -> None:
    (found,) = secrets.find(source.encode(), language)
    assert found.kind == kind
    assert found.line == 1


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", 'password = os.environ["BW_SNOWFLAKE_PASSWORD"]\n'),
        ("python", 'TOKEN_URL = "https://id.example/oauth/token"\n'),
        ("python", 'SECRET_NAME = "prod/loader/login-7"\n'),
        ("python", 'reply = {"token_type": "Bearer1234"}\n'),
        ("python", 'digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"\n'),
        ("python", 'run_id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"\n'),
        ("typescript", "const s = secrets.fromSecretNameV2(this, 'Credentials', 'ingest/scada-login');\n"),
        ("sql", "select sha2(mail || '{{ env_var(\"PII_SALT\") }}', 256) from t;\n"),
        ("sql", "create masking policy mask_iban as (val varchar) returns varchar -> 'a';\n"),
    ],
)
def test_a_reference_to_a_secret_is_none(language: str, source: str) -> None:
    assert secrets.find(source.encode(), language) == []


def test_a_secret_is_replaced_by_a_typed_placeholder_in_the_same_literal() -> None:
    source = f'# naïve\nPASSWORD = "{KEY}"\nagain = connect(password="{KEY}")\ntoken = "x7{KEY}"\n'.encode()
    replaced, found = secrets.replace(source, "python")
    assert replaced.decode() == (
        '# naïve\nPASSWORD = "fde-secret:password:1"\nagain = connect(password="fde-secret:password:1")\n'
        'token = "fde-secret:token:2"\n'
    )
    assert [source[item.start : item.end].decode() for item in found] == [KEY, KEY, "x7" + KEY]
    assert [item.line for item in found] == [2, 3, 4]


@given(st.binary(max_size=80))
def test_any_bytes_can_be_searched_and_replacing_twice_changes_nothing(data: bytes) -> None:
    for language in ("python", "sql", "other"):
        once, _ = secrets.replace(data, language)
        assert secrets.replace(once, language)[0] == once


def test_a_file_that_does_not_parse_is_searched_all_the_same() -> None:
    (found,) = secrets.find(f'def broken(:\n    password = "{KEY}"\n'.encode(), "python")
    assert found.line == 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ask duty@team.example", "email"),
        ("redis://cache-1.ops.internal:6379/0", "host"),
        ("10.20.30.40", "host"),
        ("account 448210973365", "account"),
        ("arn:aws:iam::448210973365:role/reader", "account"),
        ("https://id.ops.internal/realms/one", "url"),
        ("Hartwell_Foods loader", "customer"),
    ],
)
def test_sensitive_classes(text: str, kind: str) -> None:
    (found,) = sensitive.find(text, customers=["hartwell-foods"])
    assert found.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "v1.2.3.4-beta",
        "www.postgresql.org",
        "127.0.0.1",
        "select 123456 from t",
        "a@b",
        "index.internal_name",
    ],
)
def test_ordinary_text_is_not_sensitive(text: str) -> None:
    assert sensitive.find(text) == []


def a_spec(text: str = "x = ", **changes: object) -> PrimitiveSpec:
    file = TemplateFile(
        path="feed.py",
        language="python",
        segments=(Segment(text=text), Segment(hole=Hole(parameter="tenant", place="python.string.double"))),
    )
    fields: dict[str, object] = {
        "primitive_name": "feed", "version": "v0.1.0", "domain": "integration", "template": Template(files=(file,)),
        "parameters": (Parameter(name="tenant", type="string", required=True),),
    }  # fmt: skip
    return PrimitiveSpec(**{**fields, **changes})  # type: ignore[arg-type]


BINDINGS = {"a": {"tenant": "hartwell-foods"}, "b": {"tenant": "oak-bank"}}


def test_a_clean_proposal_has_no_leak() -> None:
    assert scan(a_spec(), BINDINGS) == []


@pytest.mark.parametrize(
    "shown",
    [
        "hartwell-foods", "Hartwell Foods", "HARTWELL_FOODS", "HartwellFoods", "see hartwell.foods/x", "hartwell%2Dfoods",
        b"hartwell-foods".hex(), base64.b64encode(b"--hartwell-foods--").decode(), base64.b64encode(b"id:hartwell-foods").decode(),
    ],
)  # fmt: skip
def test_a_value_is_found_in_every_spelling_and_encoding(shown: str) -> None:
    (leak,) = scan(a_spec(text=f"# {shown} \nx = "), BINDINGS)
    assert (leak.kind, leak.parameter) == ("value", "tenant")
    assert "hartwell" not in str(leak).lower()


@pytest.mark.parametrize(
    "changes",
    [
        {"primitive_name": "hartwell-foods-feed"},
        {"tags": ("hartwell foods",)},
        {"parameters": (Parameter(name="tenant", type="string", default="hartwell-foods"),)},
        {"parameters": (Parameter(name="tenant", type="string", description="like HARTWELL_FOODS"),)},
        {"parameters": (Parameter(name="tenant", type="string", allowed_values=("oak-bank",)),)},
        {"parameters": (Parameter(name="hartwellFoods", type="string"),)},
    ],
)
def test_every_field_of_the_proposal_is_searched(changes: dict[str, object]) -> None:
    assert scan(a_spec(**changes), BINDINGS)


def test_a_customers_name_is_found_without_any_value() -> None:
    assert {leak.kind for leak in scan(a_spec(text="# for Quarryfield\n"), {}, customers=["quarryfield"])} == {
        "customer"
    }


def test_shared_code_words_are_no_leak_but_a_party_named_so_is() -> None:
    spec, bindings = a_spec(text="orders = load_orders()\n"), {"a": {"tenant": "orders"}}
    assert scan(spec, bindings)
    assert scan(spec, bindings, vocabulary=frozenset({"orders", "load"})) == []
    assert scan(spec, bindings, shared=True) == []
    assert scan(spec, bindings, shared=True, owned=frozenset({"tenant"}))
