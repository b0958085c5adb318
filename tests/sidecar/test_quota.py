"""Quota headers: the vendors' catalogue, the convention, the draft, and how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.vendors import VENDORS
from fde_sidecar.quota import ROWS, headers_in, quotas_in, retry_after_s, seconds_until

TIME = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("vendor", "headers", "told"),
    [
        ("salesforce", {"sforce-limit-info": "api-usage=4500/5000"}, ("salesforce", "daily-quota", 0.1)),
        (None, {"sforce-limit-info": "api-usage=4500/5000"}, ("salesforce", "daily-quota", 0.1)),
        ("shopify", {"x-shopify-shop-api-call-limit": "39/40"}, ("shopify", "burst", 0.025)),
        ("github", {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"}, ("github", "burst", 0.0)),
        ("hubspot", {"x-hubspot-ratelimit-daily": "1000", "x-hubspot-ratelimit-daily-remaining": "10"}, ("hubspot", "daily-quota", 0.01)),
        ("xero", {"x-daylimit-remaining": "50"}, ("xero", "daily-quota", 0.01)),
        ("zendesk", {"x-rate-limit": "700", "x-rate-limit-remaining": "7"}, ("zendesk", "burst", 0.01)),
        ("openai", {"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "5"}, ("openai", "burst", 0.005)),
        ("azure", {"x-ms-ratelimit-remaining-subscription-reads": "0"}, ("azure", "burst", 0.0)),
        (None, {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "50"}, (None, "unknown", 0.5)),
        (None, {"x-ratelimit-limit": "100", "x-ratelimit-used": "95"}, (None, "unknown", 0.05)),
        (None, {"ratelimit-limit": "100", "ratelimit-remaining": "5"}, (None, "unknown", 0.05)),
        (None, {"ratelimit": "limit=100, remaining=5, reset=7"}, (None, "unknown", 0.05)),
        (None, {"ratelimit": '"default";r=5;t=30', "ratelimit-policy": '"default";q=100;w=60'}, (None, "burst", 0.05)),
        (None, {"ratelimit": '"day";r=5;t=30', "ratelimit-policy": '"minute";q=50;w=60, "day";q=1000;w=86400'}, (None, "daily-quota", 0.005)),
    ],
)  # fmt: skip
def test_a_quota_is_read_whoever_tells_it(
    vendor: str | None, headers: dict[str, str], told: tuple[str | None, str, float]
) -> None:
    (quota,) = [one for one in quotas_in(headers, TIME, vendor)]
    assert (quota.vendor, quota.limit_class, quota.left) == (told[0], told[1], pytest.approx(told[2]))


def test_what_remains_of_nobody_knows_how_much_says_nothing() -> None:
    assert list(quotas_in({"x-ratelimit-remaining": "3"}, TIME)) == []


def test_another_vendors_header_on_a_known_host_is_not_taken_for_it() -> None:
    assert list(quotas_in({"sforce-limit-info": "api-usage=1/2"}, TIME, "github")) == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("1.5", 1.5), ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0), ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("1767225660", 60.0), ("1767225660000", 60.0), ("2026-01-01T00:01:00Z", 60.0), ("1m30s", 90.0), ("6m0s", 360.0), ("20ms", 0.02),
        ("soon", None), ("", None), ("Thu, 99 Foo 2026", None), ("-5", None), ("9" * 15, None),
    ],
)  # fmt: skip
def test_a_wait_is_a_number_a_moment_or_a_span(value: str, seconds: float | None) -> None:
    assert seconds_until(value, TIME) == (None if seconds is None else pytest.approx(seconds))


def test_retry_after_in_milliseconds_is_read_as_such() -> None:
    assert retry_after_s({"retry-after-ms": "1500"}, TIME) == 1.5
    assert retry_after_s({"x-ms-retry-after-ms": "250"}, TIME) == 0.25


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("< x-ratelimit-remaining: 0", {"x-ratelimit-remaining": "0"}),
        ("{'X-RateLimit-Limit': '5000', 'Retry-After': '30'}", {"x-ratelimit-limit": "5000", "retry-after": "30"}),
        ("Retry-After: Thu, 01 Jan 2026 00:00:30 GMT", {"retry-after": "Thu, 01 Jan 2026 00:00:30 GMT"}),
        ("sforce-limit-info=api-usage=18/5000", {"sforce-limit-info": "api-usage=18/5000"}),
        ('"Retry-After":["30"]', {"retry-after": "30"}),
        ('RateLimit: "default";r=5;t=30', {"ratelimit": '"default";r=5;t=30'}),
        ("RateLimit: limit=100, remaining=5, reset=7", {"ratelimit": "limit=100, remaining=5, reset=7"}),
        ("the limit of 5 was reached", {}),
        ("authorization: Bearer x, cookie: y", {}),
    ],
)
def test_headers_are_found_in_lines_of_text(text: str, headers: dict[str, str]) -> None:
    assert headers_in(text) == headers


def test_every_vendor_of_the_quotas_is_in_the_catalogue() -> None:
    assert {row.vendor for row in ROWS} - {None} <= {vendor.name for vendor in VENDORS}


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted({name for row in ROWS for name in (*row.limit, *row.remaining, *row.share, *row.reset)} | {"ratelimit", "ratelimit-policy", "retry-after"})),
        st.text(max_size=30) | st.integers(0, 10**16).map(str),
        max_size=8,
    ),
    st.sampled_from([None, "github", "xero", "salesforce"]),
)  # fmt: skip
def test_no_value_of_a_header_is_too_strange(headers: dict[str, str], vendor: str | None) -> None:
    for quota in quotas_in(headers, TIME, vendor):
        assert 0.0 <= quota.left <= 1.0
        assert quota.reset_s is None or quota.reset_s >= 0.0
    wait = retry_after_s(headers, TIME)
    assert wait is None or 0.0 <= wait <= 30 * 86_400
