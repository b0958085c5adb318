"""Planted: log lines with invented secrets whose place is known, and clean lines that look like them.

seed -> corpus() -> Line(text, planted), Line(text, ()), ...

Written from vendors' published formats and from how programs print them, without a look at the redactor's rules, so that it
can be held against them. Every secret is drawn at random: no line of this file holds one.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_ALNUM: Final = string.ascii_letters + string.digits
_UPPER: Final = string.ascii_uppercase + string.digits
_URLSAFE: Final = _ALNUM + "-_"
_HEX: Final = "0123456789abcdef"
_WORDS: Final = (
    "orders invoices shipments carriers payments ledger catalog pricing returns webhooks exports intake".split()
)
_HOSTS: Final = "db cache queue search vault files mail erp wms api".split()

Make = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Secret:
    """One planted text, what it is, and the format it was drawn from."""

    kind: str
    text: str
    form: str


@dataclass(frozen=True, slots=True)
class Line:
    """One log line; `planted` empty for a clean one. `form` names what it was made from."""

    text: str
    planted: tuple[Secret, ...]
    form: str


def _of(alphabet: str, length: int, prefix: str = "", suffix: str = "") -> Make:
    return lambda rng: prefix + "".join(rng.choices(alphabet, k=length)) + suffix


def _joined(separator: str, *parts: Make) -> Make:
    return lambda rng: separator.join(part(rng) for part in parts)


def _base64(length: int) -> Make:
    return lambda rng: base64.b64encode(rng.randbytes(length)).decode()


def _said(text: str) -> Make:
    return lambda rng: text


def _jwt(rng: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head = part({"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"})
    body = part({"sub": str(rng.randrange(10**9)), "exp": 1_790_000_000 + rng.randrange(10**6)})
    return f"{head}.{body}.{_of(_URLSAFE, 43)(rng)}"


def _uuid(rng: random.Random) -> str:
    text = "".join(rng.choices(_HEX, k=32))
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


# Tokens whose form is published: they may stand anywhere, in prose too.
TOKENS: Final[dict[str, Make]] = {
    "aws-access-key-id": _of(_UPPER.replace("0", "").replace("1", ""), 16, "AK" + "IA"),
    "aws-temporary-key-id": _of(_UPPER.replace("0", "").replace("1", ""), 16, "AS" + "IA"),
    "google-api-key": _of(_URLSAFE, 35, "AI" + "za"),
    "google-oauth-token": _of(_URLSAFE, 60, "ya" + "29."),
    "google-client-secret": _of(_URLSAFE, 28, "GOC" + "SPX-"),
    "github-classic": _of(_ALNUM, 36, "gh" + "p_"),
    "github-oauth": _of(_ALNUM, 36, "gh" + "o_"),
    "github-server": _of(_ALNUM, 36, "gh" + "s_"),
    "github-fine": _joined("_", _of(_ALNUM, 22, "github" + "_pat_"), _of(_ALNUM, 59)),
    "gitlab": _of(_URLSAFE, 20, "gl" + "pat-"),
    "slack-bot": _joined("-", _of(string.digits, 12, "xo" + "xb-"), _of(string.digits, 12), _of(_ALNUM, 24)),
    "slack-user": _joined("-", _of(string.digits, 12, "xo" + "xp-"), _of(string.digits, 12), _of(_HEX, 32)),
    "slack-app": _joined("-", _of(_UPPER, 11, "xa" + "pp-1-"), _of(string.digits, 13), _of(_HEX, 64)),
    "stripe-live": _of(_ALNUM, 24, "sk" + "_live_"),
    "stripe-long": _of(_ALNUM, 99, "sk" + "_live_51"),
    "stripe-restricted": _of(_ALNUM, 24, "rk" + "_live_"),
    "stripe-webhook": _of(_ALNUM, 32, "wh" + "sec_"),
    "sendgrid": _joined(".", _of(_URLSAFE, 22, "S" + "G."), _of(_URLSAFE, 43)),
    "mailchimp": _of(_HEX, 32, "", "-us14"),
    "npm": _of(_ALNUM, 36, "np" + "m_"),
    "pypi": _of(_URLSAFE, 120, "py" + "pi-AgEIcHlwaS5vcmc"),
    "openai-project": _of(_URLSAFE, 120, "sk" + "-proj-"),
    "openai-classic": _joined("T3Blbk" + "FJ", _of(_ALNUM, 20, "sk" + "-"), _of(_ALNUM, 20)),
    "anthropic": _of(_URLSAFE, 93, "sk" + "-ant-api03-", "AA"),
    "huggingface": _of(string.ascii_letters, 34, "h" + "f_"),
    "databricks": _of(_HEX, 32, "da" + "pi"),
    "shopify": _of(_HEX, 32, "sh" + "pat_"),
    "digitalocean": _of(_HEX, 64, "do" + "p_v1_"),
    "new-relic": _of(_UPPER, 27, "NR" + "AK-"),
    "grafana": _joined("_", _of(_ALNUM, 32, "gl" + "sa_"), _of(_HEX, 8)),
    "linear": _of(_ALNUM, 40, "lin" + "_api_"),
    "airtable": _joined(".", _of(_ALNUM, 14, "pa" + "t"), _of(_HEX, 64)),
    "postman": _joined("-", _of(_HEX, 24, "PM" + "AK-"), _of(_HEX, 34)),
    "vault": _of(_URLSAFE, 92, "hv" + "s."),
    "terraform": _joined(".atlasv1.", _of(_ALNUM, 14), _of(_URLSAFE, 67)),
    "docker": _of(_URLSAFE, 27, "dckr" + "_pat_"),
    "square": _of(_URLSAFE, 22, "sq0" + "atp-"),
    "twilio": _of(_HEX, 32, "S" + "K"),
    "atlassian": _of(_URLSAFE, 180, "ATA" + "TT3xFfGF0", "=" + "0A1B2C3D"),
    "telegram": _joined(":", _of("123456789", 10), _of(_URLSAFE, 33, "AA")),
    "azure-client-secret": _joined("8Q~", _of(_ALNUM, 3), _of(_ALNUM, 34)),
    "pulumi": _of(_HEX, 40, "pul" + "-"),
    "doppler": _of(_ALNUM, 43, "dp" + ".pt."),
    "planetscale": _of(_ALNUM, 43, "pscale" + "_pw_"),
    "notion": _of(_ALNUM, 46, "nt" + "n_"),
    "sentry": _of(_HEX, 64, "sntr" + "yu_"),
    "jwt": _jwt,
}

# What only its place tells: passwords and keys without a form of their own.
OPAQUE: Final[dict[str, Make]] = {
    "word": lambda rng: rng.choice(_WORDS).title() + str(rng.randrange(100, 9999)) + rng.choice("!#_."),
    "mixed": _of(_ALNUM + "!#%^*-_+", 14),
    "hex32": _of(_HEX, 32),
    "hex40": _of(_HEX, 40),
    "base64-40": _base64(30),
    "alnum24": _of(_ALNUM, 24),
    "uuid": _uuid,
}
_SIMPLE: Final = ("word", "hex32", "hex40", "alnum24", "uuid")

# Where a token stands. {s} is the secret, {w} and {h} a word and a host.
_TOKEN_PLACES: Final = (
    "using key {s} for {w}",
    'outbound request to {h}.example.com headers={{"Authorization": "Bearer {s}"}}',
    "401 Unauthorized: invalid token {s}",
    "client initialised with credentials ('{s}', region='eu-west-1')",
    "GET https://{h}.example.com/v1/{w}?page=2&access_token={s}&sort=asc 403",
    "config loaded: {{'{w}': {{'key': '{s}', 'retries': 3}}}}",
    "environ[{w}]={s}",
    "Incorrect API key provided: {s}. You can find your key in the settings.",
    "token={s};expires=3600",
    "curl -sS -H 'Authorization: Bearer {s}' https://{h}.example.com/{w}",
    '{{"level":"info","msg":"sending","payload":"{{\\"{w}\\":\\"{s}\\"}}"}}',
    "[{s}] rotated by {w}",
)
# Where an opaque secret stands, by what its place can hold: quoted places hold any character.
_ANY_PLACES: Final = (
    '{{"event": "connect", "password": "{s}", "host": "{h}.internal"}}',
    "connect(user='svc', password='{s}', host='{h}.internal')",
    "[parameters: {{'email_verified': True, 'password': '{s}', 'tenant': 7}}]",
    'payload="{{\\"user\\": \\"svc\\", \\"password\\": \\"{s}\\"}}" status=400',
    "ALTER USER svc_{w} WITH PASSWORD '{s}'",
    "CREATE USER svc IDENTIFIED BY '{s}'",
    ':password=>"{s}", :{w}=>1',
    "'client_secret' => '{s}',",
    '<wsse:Password Type="PasswordText">{s}</wsse:Password>',
    "<{w}><ApiKey>{s}</ApiKey></{w}>",
    "Config(api_key='{s}', timeout=30)",
    '"X-Api-Key": "{s}"',
    '{{"clientSecret":"{s}","tenantId":"{w}"}}',
    'Options{{Addr:"{h}:6379", Password:"{s}", DB:0}}',
)
_SIMPLE_PLACES: Final = (
    "DB_PASSWORD={s}",
    "export {W}_API_KEY={s}",
    "PGPASSWORD={s} psql -h {h}.internal -U svc {w}",
    "password: {s}",
    "  client_secret: {s}",
    "spring.datasource.password={s}",
    "--password={s} --user=svc --host={h}",
    "--password {s} --user svc",
    "curl -u svc:{s} https://{h}.example.com/{w}",
    "docker login -u svc -p {s} registry.example.com",
    "dsn=postgresql://svc:{s}@{h}.internal:5432/{w}",
    "mongodb+srv://app:{s}@{h}.example.mongodb.net/{w}?retryWrites=true",
    "redis://:{s}@{h}.internal:6379/0 refused",
    "amqp://svc:{s}@{h}.internal:5672/%2F",
    "mysql+pymysql://svc:{s}@{h}.internal/{w}",
    "jdbc:mysql://{h}.internal:3306/{w}?user=svc&password={s}&useSSL=true",
    "jdbc:oracle:thin:svc/{s}@{h}.internal:1521/XE",
    "Server=tcp:{h}.example.net,1433;Initial Catalog={w};User ID=svc;Password={s};Encrypt=True",
    "DRIVER={{ODBC Driver 18}};SERVER={h};UID=svc;PWD={s}",
    "host={h} port=5432 user=svc password={s} dbname={w}",
    "https://svc:{s}@{h}.example.com/{w}.git",
    "ftp://svc:{s}@{h}.example.com/{w}",
    "grant_type=client_credentials&client_id={w}&client_secret={s}&scope=all",
    "POST /{w}?api_key={s}&format=json HTTP/1.1",
    "GET /{w}?apikey={s}",
    "X-API-Key: {s}",
    "> X-Auth-Token: {s}",
    "Ocp-Apim-Subscription-Key: {s}",
    "X-Shopify-Access-Token: {s}",
    "X-Vault-Token: {s}",
    "DD-API-KEY: {s}",
    "Authorization: Token {s}",
    "Authorization: ApiKey {s}",
    "Proxy-Authorization: Bearer {s}",
    "Set-Cookie: sessionid={s}; Path=/; HttpOnly",
    "Cookie: theme=dark; session={s}; lang=de",
    "cookie: connect.sid={s}",
    "login failed for svc with password {s}",
    "&{{User:svc Password:{s} Host:{h}}}",
    "secret_key = {s}",
    "refresh_token={s} expires_in=3600",
    "accessToken: '{s}'",
    "passphrase={s}",
    "auth_token={s}",
    "aws_session_token={s}",
    "private_key_id={w} private_key_password={s}",
    "encryption-key: {s}",
    "signing_secret={s}",
)
_CARRIERS: Final = (
    "{t}",
    "2026-10-10 10:08:46,255 INFO [hub.{w}.client] {t}",
    "2026-10-10T10:08:46.255Z ERROR {w}: {t}",
    "[2026-10-12T20:47:54+00:00] WARNING  app.{w}:115 - {t}",
    "level=error ts=2026-10-10T10:08:46Z caller={w}.go:88 {t}",
)


def _fill(text: str, rng: random.Random, secret: str = "") -> str:
    word = rng.choice(_WORDS)
    return text.format(s=secret, w=word, W=word.upper(), h=rng.choice(_HOSTS))


def _wrapped(text: str, rng: random.Random) -> tuple[str, bool]:
    """In a layout; True when it became a JSON string, so that what is planted is escaped as JSON escapes it."""
    if rng.random() < 0.25:
        line = {"timestamp": "2026-10-10T10:08:46.255Z", "level": "info", "event": text, "logger": rng.choice(_WORDS)}
        return json.dumps(line, ensure_ascii=False), True
    return rng.choice(_CARRIERS).replace("{w}", rng.choice(_WORDS)).replace("{t}", text), False


def _line(text: str, planted: tuple[Secret, ...], form: str, rng: random.Random) -> Line:
    wrapped, escaped = _wrapped(text, rng)
    if escaped:
        planted = tuple(Secret(one.kind, json.dumps(one.text, ensure_ascii=False)[1:-1], one.form) for one in planted)
    return Line(wrapped, planted, form)


def _luhn(prefix: str, length: int, rng: random.Random) -> str:
    body = prefix + "".join(rng.choices(string.digits, k=length - len(prefix) - 1))
    total = sum(
        digit if place % 2 else digit * 2 - 9 * (digit > 4)
        for place, digit in enumerate(int(c) for c in reversed(body))
    )
    return body + str(-total % 10)


def _card(rng: random.Random) -> str:
    number = _luhn(rng.choice(["4", "51", "55", "2223", "6011"]), 16, rng)
    if rng.random() < 0.15:
        number = _luhn("37", 15, rng)
        return number if rng.random() < 0.5 else f"{number[:4]} {number[4:10]} {number[10:]}"
    separator = rng.choice(["", "", " ", "-"])
    return separator.join(number[at : at + 4] for at in range(0, 16, 4))


def _email(rng: random.Random) -> str:
    name = rng.choice(["jane.doe", "j+billing", "max_müller", "o'brien", "support", "李雷", "a.b-c", "JOSÉ.garcía"])
    host = rng.choice(["example.com", "mail.example.co.uk", "münchen.example", "corp.example.museum", "x-y.example.io"])
    return f"{name}{rng.randrange(1000)}@{host}"


def _ipv6(rng: random.Random) -> str:
    groups = ["".join(rng.choices(_HEX[1:], k=4)) for _ in range(6)]
    return "2001:db8:" + ":".join(groups) if rng.random() < 0.5 else f"2001:db8::{groups[0]}:{groups[1]}"


def _mac(rng: random.Random) -> str:
    return rng.choice([":", "-"]).join(f"{rng.randrange(256):02x}" for _ in range(6))


def _pem(rng: random.Random) -> tuple[str, str]:
    label = rng.choice(
        ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
    )
    rows = [_base64(48)(rng) for _ in range(6)]
    # One line, as JSON and repr() print it.
    return f"-----BEGIN {label}-----\\n" + "\\n".join(rows) + f"\\n-----END {label}-----\\n", rows[3]


def _special(rng: random.Random) -> Line:
    """Forms that need more than a place: encoded, signed, structured."""
    chosen = rng.randrange(16)
    word, host = rng.choice(_WORDS), rng.choice(_HOSTS)
    opaque = OPAQUE["alnum24"](rng)
    if chosen == 0:
        basic = base64.b64encode(f"svc:{opaque}".encode()).decode()
        return _line(f"Authorization: Basic {basic}", (Secret("password", basic, "basic"),), "basic auth", rng)
    if chosen == 1:
        signature = _base64(32)(rng).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        url = f"https://{word}.blob.core.windows.net/c/f?sv=2024-11-04&ss=b&srt=o&sp=r&se=2026-12-01T00%3A00Z&sig={signature}"
        return _line(url, (Secret("token", signature, "azure-sas"),), "azure sas", rng)
    if chosen == 2:
        key = _base64(64)(rng)
        text = f"DefaultEndpointsProtocol=https;AccountName={word};AccountKey={key};EndpointSuffix=core.windows.net"
        return _line(text, (Secret("api-key", key, "azure-storage"),), "azure storage", rng)
    if chosen == 3:
        key = _base64(32)(rng)
        text = f"Endpoint=sb://{word}.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={key}"
        return _line(text, (Secret("api-key", key, "service-bus"),), "service bus", rng)
    if chosen == 4:
        signature = _of(_HEX, 64)(rng)
        name = rng.choice(["X-Amz-Signature", "X-Goog-Signature"])
        text = f"GET https://{word}.s3.amazonaws.com/f.csv?X-Amz-Date=20261010T000000Z&{name}={signature} 403"
        return _line(text, (Secret("token", signature, "signed-url"),), "signed url", rng)
    if chosen == 5:
        secret = _of(_ALNUM + "/+", 40)(rng)
        text = rng.choice(["aws_secret_access_key={}", "AWS_SECRET_ACCESS_KEY={}", '"SecretAccessKey": "{}"']).format(
            secret
        )
        return _line(text, (Secret("aws-secret-access-key", secret, "aws-secret"),), "aws secret", rng)
    if chosen == 6:
        text, row = _pem(rng)
        place = rng.choice(['"private_key": "{}"', "loaded key '{}'", "KEY={}"]).replace("{}", text)
        return (
            _line(place, (Secret("private-key", row, "pem"),), "pem", rng)
            if rng.random() < 0.5
            else Line(place, (Secret("private-key", row, "pem"),), "pem")
        )
    if chosen == 7:
        encoded = base64.b64encode(opaque.encode()).decode()
        text = f"apiVersion: v1, kind: Secret, data: {{password: {encoded}}}"
        return _line(text, (Secret("password", encoded, "k8s"),), "k8s secret", rng)
    if chosen == 8:
        hook = "https://hooks.slack.com/services/" + "/".join(
            [_of(_UPPER, 9, "T")(rng), _of(_UPPER, 9, "B")(rng), opaque]
        )
        return _line(f"posting to {hook}", (Secret("token", opaque, "slack-hook"),), "slack hook", rng)
    if chosen == 9:
        key = _of(_HEX, 32)(rng)
        return _line(
            f"dsn=https://{key}@o42.ingest.example.io/7", (Secret("api-key", key, "sentry-dsn"),), "sentry dsn", rng
        )
    if chosen == 10:
        card = _card(rng)
        text = rng.choice(
            [
                "refund issued to card {}",
                "pan={}",
                '{{"cardNumber": "{}"}}'.replace("{{", "{").replace("}}", "}"),
                "card {} declined",
            ]
        )
        return _line(text.replace("{}", card), (Secret("card-number", card, "card"),), "card", rng)
    if chosen == 11:
        mail = _email(rng)
        text = rng.choice(
            ["notified {} about it", "user=<{}>", "mailto:{}", "'email': '{}'", "To: {}", "login?user={}&x=1"]
        )
        return _line(text.replace("{}", mail), (Secret("email", mail, "email"),), "email", rng)
    if chosen == 12:
        address = _ipv6(rng)
        text = rng.choice(["connect to [{}]:443 refused", "peer {} closed", "client={}"]).replace("{}", address)
        return _line(text, (Secret("ip", address, "ipv6"),), "ipv6", rng)
    if chosen == 13:
        address = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        text = rng.choice(["connect to {}:5432 refused", "client={}", "from {} port 22"]).replace("{}", address)
        return _line(text, (Secret("ip", address, "ipv4"),), "ipv4", rng)
    if chosen == 14:
        address = _mac(rng)
        return _line(f"device {address} joined {host}", (Secret("mac", address, "mac"),), "mac", rng)
    encoded = opaque.replace("A", "%41")
    return _line(
        f"redirect=/cb?code=1&access_token={encoded}", (Secret("token", encoded, "encoded"),), "encoded query", rng
    )


def _dirty(rng: random.Random) -> Line:
    drawn = rng.random()
    if drawn < 0.35:
        form = rng.choice(sorted(TOKENS))
        secret, place = TOKENS[form](rng), rng.choice(_TOKEN_PLACES)
    elif drawn < 0.5:
        form = rng.choice(sorted(OPAQUE))
        secret, place = OPAQUE[form](rng), rng.choice(_ANY_PLACES)
    elif drawn < 0.75:
        form = rng.choice(_SIMPLE)
        secret, place = OPAQUE[form](rng), rng.choice(_SIMPLE_PLACES)
    else:
        return _special(rng)
    return _line(_fill(place, rng, secret), (Secret("secret", secret, form),), place, rng)


_CLEAN: Final[tuple[tuple[str, Make], ...]] = (
    ("checked out commit {s}", _of(_HEX, 40)),
    ("deploying {w}@{s}", _of(_HEX, 7)),
    ("request_id={s} took 31 ms", _uuid),
    ("traceparent: 00-{s}-b7ad6b7169203331-01", _of(_HEX, 32)),
    ("trace_id={s} span_id=b7ad6b7169203331 sampled=1", _of(_HEX, 32)),
    ("image registry.example.com/{w}@sha256:{s}", _of(_HEX, 64)),
    ('ETag: "{s}"', _of(_HEX, 32)),
    ('If-None-Match: W/"{s}"', _of(_ALNUM, 22)),
    ("md5={s} size=2048", _of(_HEX, 32)),
    ("sha1 of {w}.csv is {s}", _of(_HEX, 40)),
    ("integrity sha512-{s}", _base64(64)),
    ("order {s} shipped", _of("123456789", 16)),
    ("order number 7{s}", _of(string.digits, 11)),
    ("tracking 1Z{s}", _of(_UPPER, 16)),
    ("batch id {s} processed 12 rows", _of(_ALNUM, 20)),
    ("{w} version 2.31.{s}", _of(string.digits, 2)),
    ("Content-Length: {s}", _of("123456789", 5)),
    ("timestamp 17{s} is in the future", _of(string.digits, 11)),
    ("nanos=17{s}", _of(string.digits, 17)),
    ("partition=3 offset={s} lag=0", _of("123456789", 12)),
    ("stripe object ch_{s} not found", _of(_ALNUM, 24)),
    ("No such payment_intent: 'pi_{s}'", _of(_ALNUM, 24)),
    ("customer cus_{s} updated", _of(_ALNUM, 14)),
    ("req_{s}: rate limited", _of(_ALNUM, 14)),
    ("salesforce id 0015{s}", _of(_ALNUM, 14)),
    ("x-request-id: {s}", _uuid),
    ("idempotency key {s} seen before", _uuid),
    ("kafka cluster id {s}", _of(_URLSAFE, 22)),
    ("password reset mail sent to user 4711 in {s} ms", _of("123456789", 2)),
    ("invalid password for user svc, attempt {s}", _of("123456789", 1)),
    ("password must be at least {s} characters", _said("12")),
    ("api_key is missing; set {W}_API_KEY", _said("")),
    ("token expired at 2026-10-10T10:00:{s}Z", _said("31")),
    ("token refresh took {s} ms", _of("123456789", 3)),
    ("tokens used: prompt_tokens={s} completion_tokens=18", _of("123456789", 3)),
    ("max_tokens=4096 total_tokens: {s}", _of("123456789", 3)),
    ("authorization failed: missing scope {w}.read", _said("")),
    ("Authorization header is missing", _said("")),
    ("secret {w}-credentials not found in namespace prod", _said("")),
    ("mounted secret /var/run/secrets/{w}/password", _said("")),
    ("KeyError: 'password'", _said("")),
    ("TypeError: get_token() missing 1 required positional argument: 'key'", _said("")),
    ("password=None token=null secret='' key={{}}", _said("")),
    ("password=***** user=svc", _said("")),
    ("password: [REDACTED]", _said("")),
    ("primary_key=id sort_key=created_at key={w}", _said("")),
    ("cache key {w}:v2:items:{s} missed", _of("123456789", 5)),
    ("foreign key constraint fk_{w}_customer fails", _said("")),
    (
        'duplicate key value violates unique constraint "{w}_pkey" DETAIL: Key (id)=({s}) already exists.',
        _of("123456789", 5),
    ),
    ("public key fingerprint SHA256:{s}", _of(_ALNUM + "+/", 43)),
    ("cookie consent shown, session started", _said("")),
    ("session pool size 8, session timeout 30s", _said("")),
    ("GET /v1/{w}?page=3&sort=created&limit=100 200", _said("")),
    ("GET /v1/{w}/{s}/items 404", _uuid),
    ("SELECT password_hash FROM users WHERE id = {s}", _of("123456789", 3)),
    ("at Object.getToken (/app/node_modules/{w}/lib/auth.js:{s}:17)", _of("123456789", 3)),
    ('  File "/usr/lib/python3.11/site-packages/{w}/token.py", line {s}, in refresh_token', _of("123456789", 3)),
    ("com.example.{w}.PasswordEncoder$1.matches(PasswordEncoder.java:{s})", _of("123456789", 2)),
    ("data:image/png;base64 image of {s} bytes", _of("123456789", 5)),
    ("lock owner={w}-7d9f8b6c5d-{s}", _of("bcdfghjklmnpqrstvwxz2456789", 5)),
    ("arn:aws:iam::123456789012:role/{w}", _said("")),
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{w}-{s}", _of(_ALNUM, 6)),
    ("author=Jane key_count={s} tokenizer=bpe passwordless=true", _of("123456789", 2)),
    ("Bearer token authentication is not enabled", _said("")),
    ("basic authentication is required for {w}", _said("")),
    ("token bucket empty: capacity=100 refill={s}", _of("123456789", 2)),
    ("using key {w} for partitioning", _said("")),
    ("sequence 0x{s} acknowledged", _of(_HEX, 16)),
    ("ISBN 978{s}", _of(string.digits, 10)),
    ("phone queue 800-555-01{s}", _of(string.digits, 2)),
    ("ratio 0.{s}", _of(string.digits, 16)),
    ("compiled in 12:34:56.{s}", _of(string.digits, 6)),
    ("signature mismatch for {w} webhook, check the signing secret", _said("")),
    ('java.lang.NullPointerException: Cannot invoke "Token.value()" because "this.token" is null', _said("")),
    ("credentials expire in {s} seconds", _of("123456789", 4)),
    ("access key rotation scheduled for {w}", _said("")),
    ("passed=12 failed=0 pass_rate=1.0 passes: {s}", _of("123456789", 2)),
    ("secretName: {w}-tls key: tls.crt", _said("")),
    ("tokenType=bearer token_type: Bearer expires_in={s}", _of("123456789", 4)),
    ("auth=none auth_method=ldap password_policy=strict", _said("")),
)


def _clean(rng: random.Random) -> Line:
    text, make = rng.choice(_CLEAN)
    return _line(_fill(text, rng, make(rng)), (), text, rng)


def corpus(seed: int, dirty: int, clean: int) -> Iterator[Line]:
    """`dirty` lines with one secret each and `clean` lines without any, mixed; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311  invented data
    kinds = [True] * dirty + [False] * clean
    rng.shuffle(kinds)
    for holds in kinds:
        yield _dirty(rng) if holds else _clean(rng)
