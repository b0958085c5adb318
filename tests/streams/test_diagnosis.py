"""What an error says of its cause, however an SDK, a wrapper or a logger printed it."""

import pytest

from fde_events.event import ErrorEvent
from fde_streams.diagnosis import diagnosis_of

NODE = """DispatchFailed: parcels did not leave
    at run (/srv/birch/dist/jobs.js:8:11) {
  [cause]: HTTPError: Response code 401 (Unauthorized)
      at Request.<anonymous> (/srv/birch/node_modules/got/dist/source/as-promise/index.js:118:42) {
    code: 'ERR_NON_2XX_3XX_RESPONSE',
    options: {
      url: 'https://hris2.birch.example/oauth/token'
    }
  }
}"""
JAVA = """com.birch.JobFailed: nightly run
\tat com.birch.Job.run(Job.java:12)
Caused by: com.stripe.exception.RateLimitException: Request rate limit exceeded
\tat com.stripe.net.LiveStripeResponseGetter.throwError(LiveStripeResponseGetter.java:88)
\tat com.birch.Pay.send(Pay.java:3)
"""


def of(**fields):
    return diagnosis_of(ErrorEvent(time="", **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"exception_type": "psycopg.errors.UndefinedColumn", "exception_message": 'column "lot_no" does not exist'},
        {"exception_type": "error", "exception_message": 'column "lot_no" of relation "lots" does not exist'},
        {"body": 'lots.write failed: column "lot_no" of relation "lots" does not exist'},
        {
            "exception_type": "birch.errors.LotFailed",
            "exception_message": 'load lots 4711: UndefinedColumnError: column "lot_no" does not exist',
        },
        {
            "exception_type": "sqlalchemy.exc.ProgrammingError",
            "exception_message": '(psycopg.errors.UndefinedColumn) column "lot_no" does not exist\n[SQL: INSERT INTO lots ...]',
        },
    ],
)
def test_one_answer_of_a_database_through_five_clients_is_one_cause(fields):
    found = of(**fields)
    assert (found.block, found.parts) == ("error/postgres", (("cause", "schema-drift.column-missing"),))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("(1205, 'Lock wait timeout exceeded; try restarting transaction')", "1205"),
        ("RequestError(400, 'parsing_exception', 'unknown field [lots]')", "parsing_exception"),
    ],
)
def test_what_a_driver_prints_as_its_arguments_is_read(message, code):
    from fde_streams.sentence import sentence_of

    assert sentence_of("OperationalError", message).code == code
    assert "(" not in sentence_of("OperationalError", message).text


def test_an_inspected_error_shows_what_it_called():
    found = of(exception_stacktrace=NODE)
    assert (found.block, found.parts) == ("error/hris", (("cause", "auth.invalid-client"),))


def test_a_java_package_of_a_vendor_is_its_library():
    found = of(exception_stacktrace=JAVA)
    assert (found.block, found.parts) == ("error/stripe", (("cause", "rate-limit.burst"),))


def test_a_vendor_is_not_told_by_a_name_that_many_sdks_use():
    for kind in ("AbortError", "TimeoutError", "ValidationError", "ConnectionError"):
        assert of(exception_type=kind, exception_message="the lot was not taken").block in (
            "error/application",
            f"error/{kind.lower()}",
        )


def test_what_services_append_takes_no_part():
    plain = "The lot register is closed for writing."
    long = f"{plain}\nRequestId:0f0e7c3a-9d1c-4c8e-8b1a-1b2c3d4e5f60\nTime:2026-01-02T03:04:05.678Z"
    host = "lots.table.core.windows.net"
    one, other = (
        of(exception_type="HttpResponseError", exception_message=plain, server_address=host),
        of(exception_type="HttpResponseError", exception_message=long, server_address=host),
    )
    assert one.parts == other.parts


def test_a_lookup_that_fails_is_the_networks_where_the_system_is_known_and_the_clients_where_not():
    said = "Failed to resolve 'lots.birch.example' ([Errno -2] Name or service not known)"
    known = of(
        exception_type="requests.exceptions.ConnectionError", exception_message=said, server_address="erp.birch.example"
    )
    unknown = of(exception_type="requests.exceptions.ConnectionError", exception_message=said)
    assert (known.block, unknown.block) == ("error/network", "error/requests")


def test_an_applications_own_words_take_part_as_a_digest():
    found = of(
        exception_type="birch.errors.LotFailed", exception_message="lot of Birch Ltd is closed", scope="birch.lots"
    )
    assert found.block == "error/application"
    assert "Birch" not in str(found.parts)


VAULT = ("error/vault", (("cause", "upstream.sealed"),))


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "step kv halted | LinkFault: kv halted | ApiResponseError: Vault is sealed"},
        {"body": "step kv halted: LinkFault: kv halted -> ApiResponseError: Vault is sealed"},
        {"body": "LinkFault: kv halted; caused by: ApiResponseError: Vault is sealed"},
        {"exception_type": "LinkFault", "exception_message": "kv/one: VaultDown('Vault is sealed')"},
        {"exception_type": "LinkFault", "exception_message": "no kv because VaultDown said: Vault is sealed"},
        {
            "exception_stacktrace": "LinkFault: kv halted\n    at step (file:///srv/larch/jobs.js:3:1)\n"
            "[cause] ApiResponseError: Vault is sealed\n    at get (file:///srv/larch/kv.js:9:2)"
        },
        {
            "exception_stacktrace": "LinkFault: kv halted\n    at step (file:///srv/larch/jobs.js:3:1)\n"
            "Caused by: Error: Vault is sealed\n    at get (file:///srv/larch/kv.js:9:2)"
        },
        {"body": '{"msg": "call rejected", "unit": "kv", "reply": {"errors": ["x"], "message": "Vault is sealed"}}'},
        {"body": '{"msg": "call rejected", "unit": "kv", "response": "{\\"message\\": \\"Vault is sealed\\"}"}'},
    ],
)
def test_a_cause_is_found_however_a_logger_joins_the_chain(fields):
    found = of(**fields)
    assert (found.block, found.parts) == VAULT


def test_an_inspected_object_without_a_stack_is_read():
    found = of(
        exception_stacktrace="AirtableError {\n  error: 'NOT_FOUND',\n  message: 'Could not find it',\n  statusCode: 404\n}"
    )
    assert found.block == "error/airtable"


@pytest.mark.parametrize("path", ["/srv/larch/connectors/wms_bridge.py", "/srv/larch/wms.py"])
def test_what_an_application_calls_its_file_is_read_for_catalogued_words(path):
    stack = f'Traceback (most recent call last):\n  File "{path}", line 3, in take\n    raise RuntimeError(text)\nRuntimeError: answered 429 Too Many Requests'
    assert of(exception_stacktrace=stack).parts == (("cause", "rate-limit"),)


def test_an_operation_is_no_host_and_a_path_no_connector():
    assert of(body="orders.push failed after 3 tries").block == "error/application"
