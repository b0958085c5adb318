"""Signatures: what is the same error, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.event import ErrorEvent, PerformanceEvent, RateLimitEvent, SchemaDriftEvent
from fde_sidecar.redact import Redactor
from fde_streams.diagnosis import canonical_type
from fde_streams.signature import signature_of

TIME = "2026-10-01T00:00:00Z"


def an_error(**changes):
    return ErrorEvent(**{"time": TIME, **changes})


def a_stack(root, *, own="/srv/app", function="load", wrapper=None, site="/srv/app/.venv/lib/python3.11/site-packages"):
    text = (
        "Traceback (most recent call last):\n"
        f'  File "{own}/jobs.py", line 7, in {function}\n    client.call()\n'
        f'  File "{site}/redis/client.py", line 4, in call\n    raise error\n{root}'
    )
    if wrapper:
        text += (
            "\n\nThe above exception was the direct cause of the following exception:\n\n"
            f'Traceback (most recent call last):\n  File "{own}/jobs.py", line 9, in main\n    raise\n{wrapper}'
        )
    return text


ROOT = "redis.exceptions.ResponseError: WRONGTYPE Operation against a key holding the wrong kind of value"
names = st.from_regex(r"[a-z][a-z_]{2,12}", fullmatch=True)


@given(names, names, names, st.booleans())
def test_no_frame_type_or_name_of_a_customer_takes_part(package, function, error, wrapped):
    plain = signature_of(an_error(exception_stacktrace=a_stack(ROOT)))
    wrapper = f"{package}.errors.{error.title().replace('_', '')}Error: {function} step failed" if wrapped else None
    other = an_error(
        exception_stacktrace=a_stack(ROOT, own=f"/opt/{package}", function=function, wrapper=wrapper),
        service=package,
        exception_type=f"{package}.errors.StepFailed" if wrapped else "redis.exceptions.ResponseError",
    )
    assert signature_of(other).digest == plain.digest


def test_a_line_that_moved_keeps_its_signature():
    stack = a_stack(ROOT)
    moved = stack.replace("line 7", "line 70").replace("line 4", "line 44")
    assert signature_of(an_error(exception_stacktrace=stack)) == signature_of(an_error(exception_stacktrace=moved))


def test_a_repeat_logged_without_a_stack_meets_its_sibling():
    with_stack = an_error(
        body="load failed", exception_stacktrace=a_stack(ROOT, wrapper="app.errors.StepFailed: load step failed")
    )
    body = f"load failed: app.errors.StepFailed: load step failed <- {ROOT}"
    without = an_error(body=body, exception_type="app.errors.StepFailed", exception_message="load step failed")
    assert signature_of(with_stack).digest == signature_of(without).digest


def test_values_do_not_split_and_statuses_do():
    def said(status, url):
        message = f"{status} Client Error: x for url: {url}"
        return an_error(exception_type="requests.exceptions.HTTPError", exception_message=message)

    one = signature_of(said(401, "https://api.acme.example/v1/a?k=1"))
    assert signature_of(said(401, "https://api.other.example/v2/b")).digest == one.digest
    assert signature_of(said(403, "https://api.acme.example/v1/a?k=1")).digest != one.digest


def test_two_clients_of_one_vendor_say_the_same_condition():
    python = an_error(
        exception_type="requests.exceptions.ConnectionError",
        exception_message="HTTPSConnectionPool(host='erp.acme.example', port=443): [Errno 111] Connection refused",
    )
    node = an_error(
        exception_type="AxiosError",
        exception_message="connect ECONNREFUSED 10.1.2.3:443",
        server_address="erp.other.example",
    )
    assert signature_of(python).digest == signature_of(node).digest
    assert signature_of(python).block == "error/erp"


def test_the_vendors_own_words_meet_across_its_sdks():
    python = an_error(
        exception_type="botocore.exceptions.ClientError",
        exception_message="An error occurred (NoSuchBucket) when calling the PutObject operation: The specified bucket does not exist",
    )
    node = an_error(
        exception_stacktrace=(
            "NoSuchBucket: The specified bucket does not exist\n"
            "    at handle (/code/node_modules/@aws-sdk/core/dist/index.js:1398:27)"
        )
    )
    assert signature_of(python).digest == signature_of(node).digest


def test_the_same_words_of_two_vendors_stay_two():
    first, second = (
        signature_of(
            an_error(exception_type="ApiError", exception_message="The token has expired", server_address=host)
        )
        for host in ("api.stripe.com", "slack.com")
    )
    assert first.digest != second.digest
    assert (first.block, second.block) == ("error/stripe", "error/slack")


def test_the_trust_store_and_the_resolver_are_nobodys_vendor():
    digests = {
        signature_of(an_error(exception_message=message, exception_type=kind, server_address=host)).digest
        for kind, message, host in [
            (
                "ssl.SSLError",
                "certificate verify failed: self signed certificate in certificate chain",
                "api.stripe.com",
            ),
            ("Error", "self-signed certificate in certificate chain", "slack.com"),
        ]
    }
    assert len(digests) == 1


def test_a_one_off_stays_its_own():
    def raised(scope, value):
        return signature_of(an_error(scope=scope, body="x", exception_type="ValueError", exception_message=value))

    assert raised("a", "bad window 'x1'").digest != raised("b", "bad window 'x2'").digest
    assert raised("a", "division by zero").digest != raised("b", "division by zero").digest


def test_an_applications_own_words_do_not_meet_another_applications():
    def wrapped(scope):
        return signature_of(
            an_error(scope=scope, exception_type=f"{scope}.StepFailed", exception_message="nightly step failed")
        )

    assert wrapped("acme.jobs").digest != wrapped("other.jobs").digest


def test_two_fields_of_one_payload_are_two_signatures_and_validators_agree():
    pydantic = "1 validation error for {}\n{}\n  Field required [type=missing, input_value={{'a': 1}}, input_type=dict]"
    zod = '[{{"code": "invalid_type", "expected": "string", "path": ["{}"], "message": "Invalid input: expected string, received undefined"}}]'

    def said(kind, message):
        return signature_of(an_error(exception_type=kind, exception_message=message))

    total = said("pydantic_core._pydantic_core.ValidationError", pydantic.format("AcmeOrder", "total"))
    assert total.digest == said("pydantic_core._pydantic_core.ValidationError", pydantic.format("Doc", "total")).digest
    assert total.digest == said("ZodError", zod.format("total")).digest
    assert total.digest != said("ZodError", zod.format("currency")).digest


@pytest.mark.parametrize(
    "event",
    [
        an_error(
            exception_type="requests.exceptions.HTTPError",
            exception_message="401 Client Error: Unauthorized for url: https://erp.acme.example/sap/orders?apikey=ak_19fj3kdl2k",
        ),
        an_error(
            exception_type="psycopg.OperationalError",
            exception_message='connection to server at "10.1.2.3", port 5432 failed: no pg_hba.conf entry for user "svc_acme"',
            server_address="db1.acme.internal",
        ),
        an_error(
            exception_type="HttpError",
            exception_message="Request to https://acme.my.salesforce.com/services/data failed for ana@acme.example: row is locked",
        ),
        an_error(
            exception_stacktrace=a_stack(ROOT, own="/home/acme/app", wrapper="acme.StepFailed: for ana@acme.example")
        ),
    ],
)
def test_redaction_at_the_source_changes_no_signature(event):
    redacted = Redactor(b"a customer's key, 32 bytes long ...").event(event)
    assert signature_of(redacted).digest == signature_of(event).digest
    assert signature_of(redacted).block == signature_of(event).block


def test_titles_are_short_and_hold_no_customers_values():
    event = an_error(
        exception_type="psycopg.errors.UndefinedTable",
        exception_message='relation "acme_orders" does not exist for ana@acme.example at 10.0.0.7 ' + "x" * 300,
    )
    title = signature_of(event).title
    assert len(title) <= 96
    for value in ("acme_orders", "ana@", "10.0.0.7"):
        assert value not in title


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (
            RateLimitEvent(time=TIME, vendor="stripe", limit_class="burst", retry_after_s=1.0),
            RateLimitEvent(time="2027-01-01T00:00:00Z", vendor="Stripe", limit_class="burst", service="x"),
            RateLimitEvent(time=TIME, vendor="stripe", limit_class="daily-quota"),
        ),
        (
            PerformanceEvent(time=TIME, endpoint="GET /orders/17", metric="latency", direction="up", baseline=1, observed=9, unit="ms"),
            PerformanceEvent(time=TIME, endpoint="GET /orders/99", metric="latency", direction="up", baseline=2, observed=7, unit="ms"),
            PerformanceEvent(time=TIME, endpoint="GET /orders/17", metric="latency", direction="down", baseline=9, observed=1, unit="ms"),
        ),
        (
            SchemaDriftEvent(time=TIME, source="shop", operation="orders", field="total", change="type", before="number", after="string"),
            SchemaDriftEvent(time=TIME, source="shop", operation="orders", field="total", change="type"),
            SchemaDriftEvent(time=TIME, source="shop", operation="orders", field="total", change="removed"),
        ),
    ],
)  # fmt: skip
def test_other_kinds_are_signed_by_their_structure(one, same, other):
    assert signature_of(one).digest == signature_of(same).digest != signature_of(other).digest
    assert signature_of(one).block == signature_of(other).block


@given(st.text(), st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_every_event_has_a_signature_and_always_the_same(body, kind, message, stack):
    event = an_error(body=body, exception_type=kind, exception_message=message, exception_stacktrace=stack)
    signature = signature_of(event)
    assert len(signature.digest) == 32
    assert signature == signature_of(event)


def test_a_type_that_moved_between_versions_keeps_its_name():
    assert canonical_type("simplejson.errors.JSONDecodeError") == canonical_type("json.decoder.JSONDecodeError")
    assert canonical_type("stripe.error.CardError") == canonical_type("stripe._error.CardError")
