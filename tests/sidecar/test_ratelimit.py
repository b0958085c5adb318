"""Rate limits told by errors: whose, which class, how long to wait."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import ErrorEvent, RateLimitEvent
from fde_sidecar.ratelimit import Quotas, rate_limit_of, rate_limit_of_call
from fde_sidecar.reading import Call
from fde_sidecar.redact import Redactor
from fde_sidecar.sample import Sampler, shape_of


def an_error(message: str, **changes: object) -> ErrorEvent:
    values: dict[str, object] = {"time": "2026-10-10T06:00:00.000Z", "exception_message": message}
    return ErrorEvent(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "changes", "vendor", "limit", "wait"),
    [
        ("429 Rate limit reached on tokens per min (TPM). Please try again in 1.776 s. Visit https://platform.openai.com/x", {"server_address": "api.openai.com"}, "openai", "burst", 1.776),
        ("too many requests; Retry-After: 120", {"server_address": "acme.my.salesforce.com"}, "salesforce", "unknown", 120.0),
        ("REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.", {"server_address": "acme.my.salesforce.com"}, "salesforce", "daily-quota", None),
        ("Please reduce your request rate. SlowDown", {"exception_stacktrace": 'File "/site-packages/botocore/client.py"'}, "aws", "burst", None),
        ("quota exceeded, retry in 5 minutes", {}, "unknown", "unknown", 300.0),
        ("HTTP error", {"http_status": 429}, "unknown", "unknown", None),
    ],
)  # fmt: skip
def test_an_error_tells_whose_quota_it_is_and_how_long_to_wait(
    message: str, changes: dict[str, object], vendor: str, limit: str, wait: float | None
) -> None:
    found = rate_limit_of(an_error(message, **changes))
    assert found is not None
    assert (found.vendor, found.limit_class, found.retry_after_s) == (vendor, limit, wait)


@pytest.mark.parametrize("message", ["connection refused", "duplicate key", "timeout after 429 ms of 4290"[:14]])
def test_other_errors_are_no_rate_limits(message: str) -> None:
    assert rate_limit_of(an_error(message)) is None


def test_numbers_and_names_do_not_make_a_shape_and_words_do() -> None:
    assert shape_of(an_error("order 17 of 'a' failed")) == shape_of(an_error("order 99 of 'b' failed"))
    assert shape_of(an_error("order 17 failed")) != shape_of(an_error("invoice 17 failed"))


def test_the_first_of_a_shape_leave_whole_and_the_others_as_one_count() -> None:
    sampler = Sampler(full=3)
    taken = [sampler.take(an_error(f"order {number} failed")) for number in range(10)]
    assert [one is None for one in taken] == [True] * 3 + [False] * 7
    ((_, event),) = sampler.due()
    assert getattr(event, "count", None) == 7
    assert list(sampler.due()) == []


@pytest.mark.parametrize(
    ("message", "changes", "vendor", "limit"),
    [
        ("ProvisionedThroughputExceededException", {"server_address": "dynamodb.eu-west-1.amazonaws.com"}, "aws", "unknown"),
        ("RequestLimitExceeded when calling DescribeInstances", {}, "unknown", "unknown"),
        ("userRateLimitExceeded", {"server_address": "www.googleapis.com"}, "google", "burst"),
        ("dailyLimitExceeded", {"server_address": "www.googleapis.com"}, "google", "daily-quota"),
        ("code 67000060", {"server_address": "rest.zuora.com", "http_status": 429}, "zuora", "unknown"),
        ("TooManyConcurrentRequests", {}, "unknown", "concurrency"),
    ],
)  # fmt: skip
def test_a_vendors_code_tells_as_much_as_words(
    message: str, changes: dict[str, object], vendor: str, limit: str
) -> None:
    found = rate_limit_of(an_error(message, **changes))
    assert found is not None
    assert (found.vendor, found.limit_class) == (vendor, limit)


def a_call(status: int | None = 429, second: float = 0.0, **changes: object) -> Call:
    values: dict[str, object] = {"endpoint": "GET api.github.com/user", "server_address": "api.github.com"}
    return Call(time=at(second), status=status, **{**values, **changes})  # type: ignore[arg-type]


def at(second: float) -> str:
    whole, part = divmod(1_791_612_000 + second, 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int(1000 * part):03}Z"


def test_a_call_tells_whose_quota_it_hit_and_how_long_to_wait() -> None:
    found = rate_limit_of_call(a_call(headers={"retry-after": "30"}))
    assert found is not None
    assert (found.vendor, found.http_status, found.retry_after_s, found.approaching) == ("github", 429, 30.0, False)


@pytest.mark.parametrize(
    ("status", "headers", "is_hit"),
    [
        (429, {}, True), (503, {}, False), (503, {"retry-after": "Sat, 10 Oct 2026 06:02:00 GMT"}, True), (403, {}, False),
        (403, {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"}, True), (403, {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "9"}, False),
        (200, {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0"}, False), (None, {"retry-after": "3"}, False),
    ],
)  # fmt: skip
def test_a_refusal_is_a_quotas_where_it_says_so(status: int | None, headers: dict[str, str], is_hit: bool) -> None:
    assert (rate_limit_of_call(a_call(status, headers=headers)) is not None) == is_hit


def test_one_429_told_by_its_call_and_by_its_error_is_one() -> None:
    for order in ("call first", "error first"):
        quotas = Quotas()
        error = an_error("429 too many requests", time=at(0.4), server_address="api.github.com", http_status=429)
        told = [] if order == "call first" else list(quotas.of_error(error))
        told += quotas.of_call(a_call())
        told += quotas.of_error(error) if order == "call first" else ()
        assert len(told) == 1


def test_an_error_that_names_no_host_is_its_calls() -> None:
    quotas = Quotas()
    assert len(quotas.of_call(a_call())) == 1
    assert quotas.of_error(an_error("too many requests", time=at(0.2))) == ()


def test_three_429s_told_twice_are_three() -> None:
    quotas = Quotas()
    told = [quotas.of_call(a_call(second=n / 10)) for n in range(3)]
    told += [
        quotas.of_error(an_error("429 too many requests", time=at(n / 10), server_address="api.github.com"))
        for n in range(3)
    ]
    assert sum(map(len, told)) == 3


def test_another_vendors_and_a_later_429_are_others() -> None:
    quotas = Quotas()
    error = an_error("429", time=at(30), server_address="api.github.com", http_status=429)
    other = an_error("429", time=at(0), server_address="api.stripe.com", http_status=429)
    assert [len(quotas.of_call(a_call())), len(quotas.of_error(error)), len(quotas.of_error(other))] == [1, 1, 1]


def test_that_a_quota_is_nearly_spent_is_told_once_a_window() -> None:
    quotas = Quotas()
    told = []
    for second in range(0, 7200, 10):
        left = str(60 - (second % 3600) // 60)
        headers = {
            "x-ratelimit-limit": "60",
            "x-ratelimit-remaining": left,
            "x-ratelimit-reset": str(3600 - second % 3600),
        }
        told += quotas.of_call(a_call(200, second, headers=headers))
    assert [(event.approaching, event.vendor, event.limit_class) for event in told] == [(True, "github", "burst")] * 2


def test_a_quota_of_seconds_is_not_told_every_second() -> None:
    quotas = Quotas()
    headers = {"x-shopify-shop-api-call-limit": "39/40"}
    told = [
        quotas.of_call(a_call(200, second, headers=headers, server_address="acme.myshopify.com"))
        for second in range(3000)
    ]
    assert sum(map(len, told)) == 1


def test_a_quota_that_was_hit_is_not_nearly_spent_as_well() -> None:
    quotas = Quotas()
    headers = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "600"}
    told = [*quotas.of_call(a_call(429, 0, headers=headers)), *quotas.of_call(a_call(200, 1, headers=headers))]
    assert [event.approaching for event in told] == [False]


secrets = st.from_regex(r"zq[a-z]{8,12}", fullmatch=True)


@settings(deadline=None)
@given(secrets, st.integers(100_000_007, 999_999_937), st.sampled_from([200, 403, 429, 503]))
def test_no_headers_value_and_no_name_of_the_customers_leaves(secret: str, number: int, status: int) -> None:
    headers = {
        "retry-after": secret,
        "x-ratelimit-limit": str(10 * number),
        "x-ratelimit-remaining": str(number // 9),
        "sforce-limit-info": f"api-usage={number - 3}/{number}; {secret}",
        "ratelimit": f'"{secret}";r=1;t=5',
        "ratelimit-policy": f'"{secret}";q={number};w=60',
    }
    redactor = Redactor(b"k" * 32)
    told = Quotas().of_call(
        a_call(status, headers=headers, server_address=f"{secret}.example", endpoint=f"GET {secret}.example/")
    )
    for event in told:
        text = msgspec.json.encode(redactor.event(event)).decode()
        assert secret not in text
        assert str(number) not in text


@pytest.mark.seconds
def test_a_storm_of_refusals_has_bounded_egress() -> None:
    quotas, sampler, redactor = Quotas(), Sampler(full=100), Redactor(b"k" * 32)
    in_full: dict[str, int] = {}
    for number in range(100_000):
        host = f"h{number % 50}.acme.internal"
        call = a_call(429, number / 100, endpoint=f"GET {host}/v1/x{number % 1000}", server_address=host)
        for event in quotas.of_call(call):
            clean = redactor.event(event)
            if sampler.take(clean) is None:
                in_full[event.time[:16]] = in_full.get(event.time[:16], 0) + 1
    left = list(sampler.due())
    assert sum(in_full.values()) <= 100  # a customer's own hosts are tokens, so they are one shape
    assert sum(event.count for _, event in left if isinstance(event, RateLimitEvent)) == 100_000 - sum(in_full.values())
