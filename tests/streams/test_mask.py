"""Typed masks: idempotent, the same before and after redaction, and blind to no discriminator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.token import TOKEN, token
from fde_streams.mask import mask, masked, template
from fde_streams.typed import MASKS_V2

pieces = st.sampled_from(
    [
        "user", "failed:", "'", '"', "`", "a@b.example", "10.0.0.7", "https://h.example/p?q=1", "/var/log/x.log", "0xdeadbeef",
        "4,150,908", "req_8fj2K3ld", "<email:3fa9c2d1>", "<host>", "401", "HTTP 503", "INVALID_SESSION_ID", "[Errno 111]", "=",
        "key=value", "2026-10-01T00:00:00Z", "column", "it's", "(", ")", "{", "}", ",", "<", ">", "::1", "12ms", "utf-8", "\n",
    ]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map(" ".join))
def test_masking_masked_text_changes_nothing(text):
    assert mask(mask(text)) == mask(text)


@given(st.lists(pieces, max_size=14).map("".join))
def test_masking_masked_text_changes_nothing_without_blanks(text):
    assert mask(mask(text)) == mask(text)


@given(st.text())
def test_masking_any_text_is_a_fixed_point(text):
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    ("plain", "redacted"),
    [
        ("user ana@acme.example not found", f"user {token('email', '3fa9c2d1')} not found"),
        ("connect to 10.0.0.7:5432", f"connect to {token('ip', '3fa9c2d1')}:5432"),
        ("no route to db1.acme.internal", f"no route to {token('host')}"),
        ("at https://api.acme.example/v1/x?y=1", f"at https://{token('host', '3fa9c2d1')}/v1/x?y=1"),
        ('role "svc_acme" is missing', f'role "{token("user")}" is missing'),
        ("key sk_4fj20dkf2 refused", f"key {token('api-key')} refused"),
        ("host erp.acme.example is down", f"host erp.{token('host', '3fa9c2d1')} is down"),
    ],
)
def test_redacted_and_plain_text_have_one_template(plain, redacted):
    assert template(plain) == template(redacted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3fa9c2d1-0000-4000-8000-3fa9c2d1aaaa", "<uuid>"),
        ("No such invoice: 'in_0183'", "No such invoice: <quoted>"),
        ("request req_ad9b12x of cus_9sd8f2", "request <id> of <id>"),
        ("seen k9Mtd2gDcgG before", "seen <id> before"),
        ("4,150,908 bytes after 20000ms", "<number> bytes after <number>ms"),
        ("tcp://10.0.0.1:80/a", "<url>"),
        ("open /var/lib/x/y.cfg", "open <path>"),
        ("at 2026-10-01T00:00:00.123Z", "at <timestamp>"),
        ("block blk_-1608999687919862906 and blk_38865049064139660", "block <id> and <id>"),
        ("object at 0x7f62fc7c9a50", "object at <hex>"),
        ("key sk-proj-********Koh3", "key <partial>"),
        ("connect to db1.acme.internal:5432", "connect to <host>"),
    ],
)
def test_what_varies_is_masked_by_kind(text, expected):
    assert mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Request failed with status code 401",
        "401 Client Error",
        "Client error '403 Forbidden'",
        "[Errno 111] Connection refused",
        "UNABLE_TO_LOCK_ROW",
        "SQLSTATE 23505",
        "ORA-00942: table or view does not exist",
        "'region_code'",
        "['tracking_no'] not in index",
        "field 'currency' is missing",
        "'currency' is a required property",
        "encoding utf-8",
        "sha256 differs",
    ],
)
def test_discriminators_stay(text):
    assert mask(text) == text


def test_statuses_codes_and_fields_still_tell_apart_after_masking():
    for one, other in [
        ("Request failed with status code 401", "Request failed with status code 403"),
        ("ROW_LOCKED for 17", "ROW_MISSING for 17"),
        ("column 'total' is null", "column 'currency' is null"),
    ]:
        assert template(one) != template(other)


def test_masks_are_a_documented_table_of_distinct_names():
    assert len({(entry.name, entry.pattern.pattern) for entry in MASKS_V2}) == len(MASKS_V2)
    for entry in MASKS_V2:
        assert entry.why
        assert entry.misses
        assert TOKEN.fullmatch(token(entry.name))


def test_what_was_masked_is_told():
    assert masked("10.0.0.7 said 'x'").names == ("ip", "quoted")
