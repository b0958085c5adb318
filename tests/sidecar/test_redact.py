"""Redaction: what goes, what stays, and that twice is once. Secrets are put together here, never written whole."""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import ErrorEvent
from fde_events.token import TOKEN
from fde_sidecar.parse import parse_lines, parse_text
from fde_sidecar.redact import Redactor
from fde_sidecar.vendors import classify, vendor_of

KEY = b"0123456789abcdef0123456789abcdef"
REDACTOR = Redactor(KEY)
DATA = Path(__file__).parent / "data"
_chance = random.Random(7)


def made_up(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(_chance.choice(letters) for _ in range(length - 2)) + "7a"


def luhn(prefix: str, length: int) -> str:
    digits = prefix + "".join(_chance.choice(string.digits) for _ in range(length - len(prefix) - 1))
    total = sum(
        (int(d) * 2 - 9 if int(d) > 4 else int(d) * 2) if n % 2 == 0 else int(d) for n, d in enumerate(reversed(digits))
    )
    return digits + str(-total % 10)


def grouped(digits: str) -> str:
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


JWT = "eyJ" + made_up(20) + "." + made_up(40) + "." + made_up(40)
PASSWORD = made_up(14) + "!7"
PLAIN = "hunter" + "2SECRET"
SECRETS = [
    ("card-number", "refund issued to card {}", luhn("4", 16)),
    ("card-number", "card: {} declined", grouped(luhn("51", 16))),
    ("card-number", '{{"pan": "{}"}}', luhn("37", 15)),
    ("bearer-token", "outbound headers={{'Authorization': 'Bearer {}'}}", JWT),
    ("bearer-token", '{{"msg":"headers={{\\"Authorization\\": \\"Bearer {}\\"}}"}}', made_up(40)),
    ("bearer-token", "Authorization: Basic {}", made_up(24) + "=="),
    ("bearer-token", "      Authorization: 'Bearer {}',", JWT),
    ("jwt", "got {} from the portal", JWT),
    ("password", "dsn=postgresql://svc:{}@db.acme.internal:5432/prod", PASSWORD),
    ("password", "amqp://guest:{}@mq:5672/%2f", PASSWORD),
    ("password", "password={} rejected", PASSWORD),
    ("password", "pwd: {}", PASSWORD),
    ("password", '{{"password": "{}"}}', "with blank " + PASSWORD),
    ("password", "{{'db_password': '{}'}}", PASSWORD),
    ("password", "Server=tcp:x;User Id=sa;Password={};", PASSWORD),
    ("api-key", "GET /v1/x?apikey={}&page=2", "ak_" + made_up(28)),
    ("api-key", "x-api-key: {}", made_up(32)),
    ("api-key", "using key {} for slack", "xox" + "b-" + "5515126867" + "-" + made_up(24)),
    ("api-key", "stripe said: bad key {}", "sk_" + "live_" + made_up(24)),
    ("api-key", "pushing with {}", "gh" + "p_" + made_up(36)),
    ("api-key", "API key {} is disabled", made_up(32)),
    ("aws-access-key-id", "assumed role with access key {}", "AK" + "IA" + made_up(14, string.ascii_uppercase + "234567").upper()[:14] + "QX"),
    ("aws-secret-access-key", "aws_secret_access_key = {}", made_up(40)),
    ("secret", "client_secret={}", made_up(24)),
    ("secret", "body: a=b%26client_secret%3D{}%26grant_type%3Dx", PLAIN),
    ("secret", "client_secret%253D{}%2526x", PLAIN),
    ("password", "ran tool --password {} --dry-run", PLAIN),
    ("password", "['tool', '--password', '{}']", PLAIN),
    ("password", "passwd {}", PLAIN),
    ("password", "mysql -uroot -p{} prod", PLAIN),
    ("password", "PGPASSWORD={}", PLAIN),
    ("password", '{{"msg": "p\\u0061ssword={}"}}', PLAIN),
    ("password", "password={}", "correct " + PLAIN + " battery staple"),
    ("password", "2026-10-10 06:00:51,433 ERROR [a] password={}", PLAIN + " with spaces"),
    ("password", "Server=x;Password={};Database=y", PLAIN + " and more"),
    ("card-number", "card {}", "4" + "111 1111 1111 1111"),
    ("iban", "paid to {} today", "DE89 " + "3704 0044 0532 0130 00"),
    ("iban", "iban={}", "GB82" + "WEST12345698765432"),
    ("ssn", "ssn {}", "123-" + "45-6789"),
    ("token", '"refresh_token": "{}"', made_up(30)),
    ("token", "https://acme.blob.core.windows.net/c/f?se=2026&sig={}", made_up(40)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "template", "secret"), SECRETS, ids=[f"{k}-{n}" for n, (k, _, _) in enumerate(SECRETS)]
)
def test_a_secret_is_gone_and_its_kind_reported(kind: str, template: str, secret: str) -> None:
    ((clean, found),) = REDACTOR.lines([template.format(secret)])
    assert secret not in clean
    assert kind in [one.kind for one in found]
    assert f"<{kind}>" in clean


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("token for raj.pmahp@inboxly.example refreshed", "raj.pmahp"),
        ("user=raj%40inboxly.example", "inboxly"),
        ("connection to server at \"10.77.44.153\", port 5432 failed", "10.77.44.153"),
        ("connect ECONNREFUSED fd12:3456:789a:1::1:5432", "fd12"),
        ("getaddrinfo ENOTFOUND erp-gw.acme.invalid", "acme"),
        ("HTTPSConnectionPool(host='wms6.acme-logistics.example', port=443)", "acme"),
        ("GET https://erp.acme.example/sap/x failed", "acme"),
        ("https://acme.my.salesforce.com/services/data", "acme"),
        ("could not open /home/ralph/key.txt", "ralph"),
        ("The 'From' phone number +49 170 1234567 is not valid", "1234567"),
        ("call (415) 555-0132 now", "555-0132"),
    ],
)  # fmt: skip
def test_names_of_people_and_machines_are_replaced(text: str, gone: str) -> None:
    assert gone not in REDACTOR.redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "psycopg.errors.UniqueViolation: duplicate key value violates unique constraint",
        "SQLSTATE 23505 at column region_code",
        "HTTP 429 Too Many Requests",
        "KeyError: 'region_code'",
        "Error: 429 Rate limit reached for tokens per min (TPM): Limit 30000, Used 29776",
        "POST https://api.stripe.com/v1/invoices failed",
        "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/403",
        "refreshing access token, expires in 4412s",
        "Expired API Key provided: sk_live_*********",
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
        "2026-10-12T06:00:13+00:00 1791935650896588032",
        "password authentication failed",
        "tool: error: argument --password: expected one argument",
        "the following arguments are required: --password, --token",
        "mysql -uroot -p prod",
        "password reset for user42",
        "order DE89 3704 0044 0532 0130 01 is no account",
        "part 900-12-3456 of lot 123-00-4567",
        "caf\\u0065 was closed",
        "    return stripe.Invoice.list(api_key=settings.stripe_key, limit=100)",
        "connected to 127.0.0.1:5432 and localhost",
    ],
)
def test_what_signatures_live_on_stays(text: str) -> None:
    assert REDACTOR.redact(text) == text


def test_library_frames_stay_relative_and_the_applications_own_path_goes() -> None:
    text = "\n".join(
        [
            '  File "/home/ralph/acme/venv/lib/python3.11/site-packages/botocore/client.py", line 606, in _api_call',
            '  File "/usr/lib/python3.11/ssl.py", line 517, in wrap_socket',
            '  File "/srv/acme/jobs.py", line 3, in run',
            '  File "pandas/_libs/index.pyx", line 172, in get_loc',
            "    at fetchWrapper (file:///srv/acme/node_modules/@octokit/request/dist/index.js:124:11)",
            "    at async run (file:///srv/acme/lib/jobs.mjs:154:5)",
        ]
    )
    assert REDACTOR.redact(text).split("\n") == [
        '  File "/site-packages/botocore/client.py", line 606, in _api_call',
        '  File "/lib/python3.11/ssl.py", line 517, in wrap_socket',
        '  File "/<app>/jobs.py", line 3, in run',
        '  File "pandas/_libs/index.pyx", line 172, in get_loc',
        "    at fetchWrapper (/node_modules/@octokit/request/dist/index.js:124:11)",
        "    at async run (/<app>/jobs.mjs:154:5)",
    ]


def test_a_private_key_over_many_lines_goes_and_the_lines_stay_counted() -> None:
    key = [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        *(made_up(64) for _ in range(12)),
        "-----END RSA " + "PRIVATE KEY-----",
    ]
    clean = REDACTOR.redact("\n".join(["before", *key, "after"])).split("\n")
    assert clean == ["before", *["<private-key>"] * 14, "after"]
    one_line = "key: " + "\\n".join(key) + " end"
    assert REDACTOR.redact(one_line) == "key: <private-key> end"


def test_a_private_key_is_told_where_it_stands_and_its_markers_are_none() -> None:
    lines = ["12:00 -----BEGIN " + "PRIVATE KEY-----", made_up(64), "x7==", "12:00 -----END " + "PRIVATE KEY-----"]
    assert [bool(found) for _, found in REDACTOR.lines(lines)] == [False, True, True, False]


def test_a_private_key_that_never_ends_does_not_swallow_the_log() -> None:
    lines = ["-----BEGIN " + "PRIVATE KEY-----", *["line"] * 1000]
    assert REDACTOR.redact("\n".join(lines)).split("\n").count("line") > 500


def test_equal_values_stay_equal_inside_a_customer_and_differ_between_customers() -> None:
    text = "a@b.example a@b.example c@b.example"
    one, two, three = REDACTOR.redact(text).split(" ")
    assert one == two != three
    assert Redactor(b"another customer's key, 32 bytes").redact(text).split(" ")[0] != one


def test_vendors_tell_their_own_hosts_from_their_tenants() -> None:
    assert REDACTOR.redact("https://api.stripe.com/v1") == "https://api.stripe.com/v1"
    kept = classify("acme.my.salesforce.com")
    assert kept is not None and (kept.tenant, kept.suffix) == ("acme", "my.salesforce.com")
    assert (classify("erp.acme.example"), vendor_of("docs.python.org")) == (None, None)
    assert classify("bucket-acme.s3.eu-west-1.amazonaws.com").tenant == "bucket-acme"  # type: ignore[union-attr]
    assert classify("sqs.eu-west-1.amazonaws.com").tenant == ""  # type: ignore[union-attr]


def test_the_class_of_an_internal_system_stays_readable() -> None:
    clean = REDACTOR.redact("https://wms6.acme.example/api")
    assert clean.startswith("https://wms.<host:") and "acme" not in clean


def test_strict_mode_takes_paths_and_long_numbers_as_well() -> None:
    text = "cannot open /mnt/acme/in/orders.csv of order 30472935"
    assert Redactor(KEY, "strict").redact(text) == "cannot open <path> of order <number>"
    assert "30472935" in REDACTOR.redact(text)


_pieces = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from([template.format(secret) for _, template, secret in SECRETS]),
        st.sampled_from(["--password ", "mysql -p", "passwd ", "%3D", "%26", "\\u0061", " and more", ";", "password=<password>", "DE89 3704 0044 0532 0130 00", "123-45-6789", "password=", "token: ", "https://", "://u:", "@h.example", "Bearer ", "<email>", "<host:3fa9c2d1>", ".my.salesforce.com", " ", "\n", "'", '"', "\\\"", "Authorization:", "host='", "/home/", "pin=4829", "your code is 482913", "recovery codes: a1b2-c3d4", "signature ", "?t=", "/reset/", "\x1b[3m", "\\x22", "&quot;", "Key (", "credentials bob:", "form-data; name=\"password\""]),
        st.emails(),
        st.ip_addresses().map(str),
    ),
    max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(_pieces)
def test_redacting_twice_is_redacting_once_and_lines_keep_their_number(text: str) -> None:
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once
    assert once.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "4-",
        "a.com.",
        "a@b.",
        "https://a:b",
        "a-token-",
        "password=",
        "host=",
        'File "/',
        "cookie: a=b",
        "\\",
        "--password ",
        "mysql -",
        "password%3D",
        "password=<password> a",
        "DE89 3704 ",
        "apassword",
        "\\u0061",
        'password="',
        'key=\\"',
        "token ",
        "secret\t",
        "password is a ",
        'name="password" ',
        '<a name="password" b="c" ',
        'value="x" ',
        "insert into t (password",
        "INSERT INTO t (password) VALUES ('a','",
        "login('",
        "auth=('a', ",
        "credentials(a,",
        "echo password",
        "echo a | ",
        "htpasswd -b f ",
        "curl -u ",
        "net use ",
        "set password ",
        "x auth login ",
        "/reset/",
        "AUTH LOGIN ",
        "user/password",
        "<password> -> ",
        "$6$a$",
        "<secret>",
        "%3Dpassword%3D",
        "sess",
        "cookie a=",
        "eyJpdiI6",
        "API-",
        "live_",
        "B4111111111111^",
        "LS0tLS1CRUdJTi",
        "code is ",
        "SecureString ",
        "mc alias set a ",
        "your code for ",
        "pin ",
        "recovery codes a1b2-c3d4 ",
        "signature ",
        "hmac mismatch a",
        "a%--",
        'kty "d":"a',
        "?t=",
        "://a:",
        "://a",
        "://a.:@",
        "update t set password=?,",
        "insert into t (password) values (?) [",
        "license key A123-",
        "seed: abc ",
        "credentials a:",
        "as a/",
        "password old=",
        "pre-shared-key ",
        "expdp a/",
        "openssl passwd -1 -a ",
        "&lt;password&gt;",
        "password\\r\\n",
        "password ...",
        "password%5D%3D",
        "\\x22password\\x22:",
        "&quot;password&quot;:",
        'key: "password" value { a: [{ b: ',
        "\x1b[3",
        "4111.",
        "cookie: [",
        "wordpress_logged_in_",
        "token for a b ",
        "api key generated for ",
    ],
)
def test_a_hostile_line_costs_no_more_than_its_length(piece: str) -> None:
    line = piece * (32_000 // len(piece))
    start = time.process_time()
    REDACTOR.redact(line)
    parse_text(f"2026-10-10 06:00:51,433 ERROR [a] {line}\n    at f\n{line}")
    assert time.process_time() - start < 2.0


def test_events_of_real_logs_come_out_without_their_customers_hosts() -> None:
    for path in sorted(DATA.glob("*.log")):
        for parsed in parse_lines(path.read_bytes().split(b"\n"), default_time="2026-10-20T00:00:00Z"):
            clean = REDACTOR.event(parsed.event)
            assert isinstance(clean, ErrorEvent)
            said = " ".join(filter(None, (clean.body, clean.exception_message, clean.server_address)))
            assert f"{path.stem}.example" not in said and f"{path.stem}.internal" not in said
            assert clean.exception_type == parsed.event.exception_type


def test_a_host_alone_is_replaced_in_its_field() -> None:
    assert TOKEN.fullmatch(REDACTOR.address("db-7") or "")
    assert REDACTOR.address("api.stripe.com") == "api.stripe.com"


def test_the_command_keeps_bytes_and_line_ends_and_reports_kinds_never_values(tmp_path: Path) -> None:
    secret = made_up(20)
    log = b"first \xff line\r\npassword=" + secret.encode() + b"\nlast without an end"
    report = tmp_path / "report.jsonl"
    run = subprocess.run(
        [sys.executable, "-m", "fde_cli.main", "redact", "--report", str(report)],
        input=log,
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == b"first \xff line\r\npassword=<password>\nlast without an end"
    assert [json.loads(line) for line in report.read_text().splitlines()] == [{"line": 2, "kind": "password"}]
