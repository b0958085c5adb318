"""The second net: keys in issuers' published formats, made up at test time, so that no file of this repository holds one."""

from __future__ import annotations

import random
import re
import string
import tomllib
from time import process_time
from typing import Final

import pytest

from fde_extraction import scanner, secrets
from fde_extraction.ruleset import for_python, read, rules_of

_LOWER: Final = string.ascii_lowercase + string.digits
_MIXED: Final = string.ascii_letters + string.digits
_HEX: Final = "0123456789abcdef"
_UPPER: Final = string.ascii_uppercase + string.digits
_BASE32: Final = string.ascii_uppercase + "234567"
_BECH32: Final = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

# (issuer, parts: a text as it is, or (alphabet, how many)); prefixes are in pieces for the scanners that read this file.
FORMATS: Final[tuple[tuple[str, tuple[str | tuple[str, int], ...]], ...]] = (
    ("aws access key id", ("AK" + "IA", (_BASE32, 16))),
    ("github personal", ("gh" + "p_", (_MIXED, 36))),
    ("github fine-grained", ("github_" + "pat_", (_MIXED, 82))),
    ("gitlab personal", ("gl" + "pat-", (_MIXED, 20))),
    ("slack bot", ("xo" + "xb-", ("0123456789", 12), "-", ("0123456789", 12), "-", (_MIXED, 24))),
    ("slack webhook", ("https://hooks.sl" + "ack.com/services/T", (_UPPER, 10), "/B", (_UPPER, 10), "/", (_MIXED, 24))),
    ("stripe live", ("sk_" + "live_", (_MIXED, 24))),
    ("google api", ("AI" + "za", (_MIXED, 35))),
    ("google oauth", ("GO" + "CSPX-", (_MIXED, 28))),
    ("sendgrid", ("S" + "G.", (_MIXED, 22), ".", (_MIXED, 43))),
    ("twilio", ("S" + "K", (_HEX, 32))),
    ("mailchimp", ((_HEX, 32), "-us", ("0123456789", 2))),
    ("npm", ("np" + "m_", (_LOWER, 36))),
    ("pypi", ("py" + "pi-AgEIcHlwaS5vcmc", (_MIXED, 60))),
    ("databricks", ("da" + "pi", (_HEX, 32))),
    ("digitalocean", ("do" + "p_v1_", (_HEX, 64))),
    ("shopify", ("shp" + "at_", (_HEX, 32))),
    ("square", ("EA" + "AA", (_MIXED, 60))),
    ("telegram", (("123456789", 10), ":A", (_MIXED, 34))),
    ("new relic", ("NR" + "AK-", (_UPPER, 27))),
    ("grafana", ("gl" + "sa_", (_MIXED, 32), "_", (_HEX, 8))),
    ("vault", ("hv" + "s.", (_MIXED, 95))),
    ("linear", ("lin_" + "api_", (_MIXED, 40))),
    ("postman", ("PM" + "AK-", (_HEX, 24), "-", (_HEX, 34))),
    ("doppler", ("dp." + "pt.", (_LOWER, 43))),
    ("pulumi", ("pu" + "l-", (_HEX, 40))),
    ("hugging face", ("h" + "f_", (string.ascii_letters, 34))),
    ("openai", ("sk-", (_MIXED, 20), "T3Blbk" + "FJ", (_MIXED, 20))),
    ("anthropic", ("sk-" + "ant-api03-", (_MIXED, 93), "AA")),
    ("dynatrace", ("dt0" + "c01.", (_UPPER, 24), ".", (_UPPER, 64))),
    ("planetscale", ("pscale_" + "tkn_", (_MIXED, 43))),
    ("rubygems", ("ruby" + "gems_", (_HEX, 48))),
    ("sentry", ("snt" + "ryu_", (_HEX, 64))),
    ("prefect", ("pn" + "u_", (_LOWER, 36))),
    ("readme", ("rd" + "me_", (_LOWER, 70))),
    ("typeform", ("tf" + "p_", (_LOWER, 59))),
    ("azure ad", ((_MIXED, 3), "8Q~", (_MIXED, 34))),
    ("jwt", ("ey" + "JhbGciOiJIUzI1NiJ9", ".ey" + "Jzd", (_MIXED, 30), ".", (_MIXED, 43))),
    ("fly.io", ("fo" + "1_", (_MIXED, 43))),
    ("duffel", ("duffel_" + "test_", (_LOWER, 43))),
    ("age", ("AGE-SECRET-" + "KEY-1", (_BECH32, 58))),
)


def drawn(parts: tuple[str | tuple[str, int], ...], seed: int) -> str:
    """One key of that format; the same for the same seed."""
    rng = random.Random(seed)
    return "".join(part if isinstance(part, str) else "".join(rng.choices(part[0], k=part[1])) for part in parts)


def keys() -> list[tuple[str, str]]:
    """(issuer, key) of every format."""
    return [(issuer, drawn(parts, 1009 * number)) for number, (issuer, parts) in enumerate(FORMATS, 1)]


# Called by a name that says nothing, so that the format alone has to be seen.
CODE: Final = (
    ("python", 'client = connect("{}", retries=3)\n'),
    ("typescript", "const marker = open('{}', 3);\n"),
    ("sql", "select '{}' as marker from feed;\n"),
)
PUBLIC: Final = (
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "application/vnd.api+json", "https://api.github.com/repos/{owner}/{repo}/issues", "orders_2024_daily_snapshot_v2",
    "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "X-RateLimit-Remaining", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "%Y-%m-%dT%H:%M:%S.%fZ", "0123456789abcdefghijklmnopqrstuvwxyz", "org.apache.kafka.common.serialization.StringSerializer",
    "AES256_GCM_HKDF_4KB", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "net.snowflake.client.jdbc.SnowflakeDriver", "password",
    "s3://bucket/prefix/{date}/part-00001.parquet", "refresh_token", "client_credentials", "utf-8-sig", "AccessKeyId",
    "com.amazonaws.eu-central-1.execute-api", "CREATE OR REPLACE TABLE staging.events_raw", "Bearer {token}", "ISO-8859-15",
    "vpc-endpoint", "secretsmanager:GetSecretValue", "mcr.microsoft.com/azure-sql-edge", "x-amz-server-side-encryption",
)  # fmt: skip


@pytest.mark.parametrize(("issuer", "key"), [pytest.param(*pair, id=pair[0]) for pair in keys()])
@pytest.mark.parametrize(("language", "code"), CODE)
def test_a_key_in_an_issuers_format_is_found_whatever_it_is_called(
    issuer: str, key: str, language: str, code: str
) -> None:
    source = code.replace("{}", key)
    (found,) = secrets.find(source.encode(), language)
    start = source.index(key)
    assert found.start < start + len(key), issuer
    assert start < found.end, issuer


@pytest.mark.parametrize("text", PUBLIC)
@pytest.mark.parametrize(("language", "code"), CODE)
def test_a_public_text_is_no_secret(text: str, language: str, code: str) -> None:
    assert secrets.find(code.replace("{}", text).encode(), language) == []


def test_a_replaced_key_is_gone_and_looked_through_again_shows_none() -> None:
    for _, key in keys():
        replaced, (finding,) = secrets.replace(f'client = connect("{key}")\n'.encode(), "python")
        assert key[12:].encode() not in replaced
        assert finding.line == 1
        assert secrets.netted(replaced.decode()) == []


def test_names_and_calls_of_code_are_none() -> None:
    source = "const token = buildAccessTokenV2Signed(config);\nconst secretKey = settings.auth_v2_key_name;\n"
    assert secrets.netted(source) == []
    assert secrets.find(source.encode(), "typescript") == []


def test_what_the_code_calls_an_id_is_no_secret_by_its_looks() -> None:
    drawn_id = "3MVG9" + "brQ7wZk2LxT0aYc1"
    assert secrets.find(f'CLIENT_ID = "{drawn_id}"\n'.encode(), "python") == []
    assert secrets.find(f'MARKER = "{drawn_id}"\n'.encode(), "python")


@pytest.mark.parametrize(
    ("go", "shown", "hidden"),
    [
        ("ab(?i)cd", ["abCD", "abcd"], ["ABcd"]),
        ("(?i)ab(?-i:c)", ["ABc"], ["ABC"]),
        ("(?:a(?i)b|c)d", ["aBd", "Cd"], ["ABd", "aBD"]),
        ("x(?i)y|z", ["xY", "Z"], ["XY"]),
        (r"[[:alnum:]_]{2}\z", ["a_"], ["a-"]),
        (r"[][\]]x(?i)y", ["]xY", "[xy"], ["axy"]),
    ],
)
def test_a_rule_of_go_means_the_same_in_python(go: str, shown: list[str], hidden: list[str]) -> None:
    compiled = re.compile(for_python(go), re.ASCII)
    assert all(compiled.fullmatch(text) for text in shown)
    assert not any(compiled.fullmatch(text) for text in hidden)


def test_the_committed_rules_are_usable_and_hold_no_key() -> None:
    rules = read()
    assert len(rules.rules) > 200
    for rule in rules.rules:
        assert rule.keywords
        re.compile(rule.regex, re.ASCII)
        for allowed in rule.allowed:
            assert not [text for text in (*allowed.regexes, *allowed.stopwords) if re.fullmatch(r"[\w-]{30,}", text)]


CONFIG: Final = r"""
[allowlist]
regexes = ['^x$']
[[rules]]
id = "one"
regex = '(?i)[\w.-]{0,50}?(?:acme)=([a-z0-9]{8})'
keywords = ["ACME"]
entropy = 2
[[rules.allowlists]]
condition = "AND"
paths = ['a']
[[rules]]
id = "two"
regex = 'x'
keywords = []
path = '\.php$'
"""


def test_rules_for_other_files_and_allowlists_for_paths_are_left_out() -> None:
    (rule,) = rules_of(tomllib.loads(CONFIG), "v0").rules
    assert (rule.id, rule.regex, rule.keywords) == ("one", "(?i)(?:acme)=([a-z0-9]{8})", ("acme",))
    assert (rule.entropy, rule.lead, rule.allowed) == (2.0, True, ())


def test_the_second_net_is_near_linear() -> None:
    line = "const token = refresh(settings.api_key, 'orders', { secret: config.secret_name });\n"

    def seconds(lines: int) -> float:
        start = process_time()
        scanner.scan(line * lines)
        return process_time() - start

    scanner.scan(line)
    few, many = (min(seconds(lines) for _ in range(3)) for lines in (500, 4000))
    assert many < 8 * few * 3 + 0.05
