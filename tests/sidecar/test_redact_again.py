"""What a second author's logs showed: places of secrets, and what only looks like one."""

from __future__ import annotations

import pytest

from fde_sidecar.redact import Redactor

REDACTOR = Redactor(b"0123456789abcdef0123456789abcdef")
DRAWN = "Wd7gYPS6" + "QCBMEtu4VJyE6Q8uFVRlUa0U"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (f"Authorization: SSWS {DRAWN}", DRAWN),
        ("ping failed: gateway:6PIzX9qNmXNZih@tcp(mysql-0:3306)/gw", "6PIzX9qNmXNZih"),
        ("user-data: chpasswd: list: deploy:VDbkgEu73pNL", "VDbkgEu73pNL"),
        ("9221 ? Ssl redis-server --requirepass Meadow-pepper-861 --port 6379", "Meadow-pepper-861"),
        ("<secureKey>ce4bb7e82b6299d40a6ef2354c9518d413263d86</secureKey>", "ce4bb7e82b6299d40a6ef2354c9518d413263d86"),
        (
            "define('AUTH_KEY',         'l_aaac987M%x6Z4N_6YV8M^hzg(_Dv*FK%Bw7W^V');",
            "l_aaac987M%x6Z4N_6YV8M^hzg(_Dv*FK%Bw7W^V",
        ),
        (rf'http-outgoing-1 >> "X-API-Key: {DRAWN}[\r]"', DRAWN),
        (f"header [Ocp-Apim-Subscription-Key, {DRAWN}]", DRAWN),
    ],
)
def test_secrets_are_found_where_they_stand(line: str, value: str) -> None:
    assert value not in REDACTOR.redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "Uploaded file to key: 8a70j4wqipmdgjqv1de5tiiyqo8a (checksum: P82O)",
        "Cache restored from key: Linux-node-80ce5f5af43df7c76b05b5c9ac51d2fa42620256b81cd5b88ddc0ac6360c5d10",
        "    user = authenticate(username=username, password=password)",
        "Assembly Core, Culture=neutral, PublicKeyToken=90d8ba2ab87623c6 loaded",
        '{"client_token": "hmac-sha256:a9a9f130481f22947796d77568773218ee57c19754b9291ef665c4030e4be157"}',
        '{"errors": {"password": ["The password field is required."], "api_token": ["The api token field is required."]}}',
    ],
)
def test_what_only_looks_like_a_secret_stays(line: str) -> None:
    assert REDACTOR.redact(line) == line
