"""Rate limits told by errors: whose, which class, how long to wait."""

from __future__ import annotations

import pytest

from fde_events.event import ErrorEvent
from fde_sidecar.ratelimit import rate_limit_of
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
