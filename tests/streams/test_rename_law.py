"""The law of renaming: what a customer calls its packages, functions, files, hosts and objects changes no signature."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.event import ErrorEvent
from fde_events.vendors import library_of_package, vendor_of_host, vendor_of_library, vendor_of_word
from fde_sidecar.parse import parse_text
from fde_streams.otel import event_of_log, log_records
from fde_streams.sentry import event_of_sentry
from fde_streams.signature import signature_of

# @package@ @function@ @Class@ @folder@ @host@ @number@ @uuid@ @id@: what the customer chose
LOGS = {
    "python, wrapped twice": """2026-10-10 06:00:51,433 ERROR [@package@.jobs] @function@ failed for @id@
Traceback (most recent call last):
  File "/@folder@/.venv/lib/python3.11/site-packages/redis/connection.py", line @number@, in connect
    sock = self._connect()
  File "/usr/lib/python3.11/socket.py", line 3, in create_connection
    raise exc
redis.exceptions.ConnectionError: max number of clients reached

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/@folder@/@package@/@function@.py", line @number@, in @function@
    client.get("@id@")
  File "/@folder@/.venv/lib/python3.11/site-packages/redis/client.py", line 4, in get
redis.exceptions.ConnectionError: max number of clients reached

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/@folder@/@package@/jobs.py", line @number@, in main
    raise @Class@("@function@ failed") from error
@package@.errors.@Class@: @function@ failed
""",
    "python, refused": """2026-10-10 06:00:51,433 ERROR [@package@.http] @function@ broke
Traceback (most recent call last):
  File "/@folder@/@package@/@function@.py", line @number@, in @function@
    session.get(url)
  File "/opt/venv/lib/python3.12/site-packages/requests/adapters.py", line 700, in send
    raise ConnectionError(e, request=request)
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='@host@', port=8443): Max retries exceeded with url: /v1/@uuid@ (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f3a@number@>: Failed to establish a new connection: [Errno 111] Connection refused'))
""",
    "python, a vendor's code": """2026-10-10 06:00:51,433 ERROR [@package@.store] @function@ failed
Traceback (most recent call last):
  File "/@folder@/@package@/@function@.py", line @number@, in @function@
    s3.get_object(Bucket=bucket, Key=key)
  File "/opt/venv/lib/python3.12/site-packages/botocore/client.py", line 1094, in _make_api_call
    raise error_class(parsed_response, operation_name)
botocore.errorfactory.NoSuchBucket: An error occurred (NoSuchBucket) when calling the GetObject operation: The specified bucket does not exist
""",
    "node, a cause": """2026-10-10T06:00:51.433Z error: @function@ failed for @id@
@Class@: @function@ step failed
    at @function@ (file:///@folder@/dist/@package@.mjs:18:11)
    at async dispatch (file:///@folder@/dist/core.mjs:@number@:10) {
  [cause]: HttpError: Bad credentials
      at fetchWrapper (/@folder@/node_modules/@octokit/request/dist/index.js:125:11)
      at async @function@ (/@folder@/dist/@package@.js:4:3) {
    status: 401
  }
}
""",
    "node, a name that is not found": """2026-10-10T06:00:51.433Z error: @function@ failed
TypeError: fetch failed
    at node:internal/deps/undici/undici:13392:13
    at async @function@ (/@folder@/dist/@package@.js:@number@:3) {
  [cause]: Error: getaddrinfo ENOTFOUND @host@
      at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:120:26) {
    errno: -3008,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname: '@host@'
  }
}
""",
    "java, a cause": """2026-10-10 06:00:51,433 ERROR com.@package@.@Class@ - @function@ failed
com.@package@.@Class@Exception: @function@ failed for @id@
\tat com.@package@.@Class@.@function@(@Class@.java:@number@)
Caused by: org.postgresql.util.PSQLException: ERROR: deadlock detected
  Detail: Process @number@ waits for ShareLock on transaction @number@; blocked by process @number@.
\tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2712)
\tat com.@package@.@Class@.@function@(@Class@.java:@number@)
\t... 12 more
""",
    "json, a vendor's sentence": json.dumps(
        {
            "level": "error",
            "event": "@function@ failed",
            "logger": "@package@.billing",
            "exception": 'Traceback (most recent call last):\n  File "/@folder@/@package@/@function@.py", line @number@, in @function@\n  File "/opt/venv/lib/python3.12/site-packages/stripe/_api_requestor.py", line 9, in handle\nstripe._error.InvalidRequestError: Request req_@id@: No such customer: \'cus_@id@\'',
        }
    ),
    "a field that two applications miss": """2026-10-10 06:00:51,433 ERROR [@package@.jobs] @function@ failed
Traceback (most recent call last):
  File "/@folder@/@package@/@function@.py", line @number@, in @function@
    row["currency"]
KeyError: 'currency'
""",
}
FRAMES = [
    {"abs_path": "/@folder@/@package@/@function@.py", "filename": "@package@/@function@.py", "module": "@package@.@function@", "function": "@function@", "in_app": True},
    {"filename": "redis/client.py", "module": "redis.client", "function": "get", "in_app": False},
]  # fmt: skip
SENTRY = {
    "platform": "python",
    "server_name": "@host@",
    "transaction": "@package@.@function@",
    "logger": "@package@.jobs",
    "tags": {"tenant": "@id@"},
    "request": {"url": "https://@host@/@id@"},
    "exception": {
        "values": [
            {"type": "ConnectionError", "module": "redis.exceptions", "value": "max number of clients reached", "stacktrace": {"frames": FRAMES}},
            {"type": "@Class@", "module": "@package@.errors", "value": "@function@ failed for @id@", "stacktrace": {"frames": FRAMES[:1]}},
        ]
    },
}  # fmt: skip
OTEL = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "@package@"}}, {"key": "host.name", "value": {"stringValue": "@host@"}}]},
            "scopeLogs": [{"scope": {"name": "@package@.jobs"}, "logRecords": [{"severityNumber": 17, "body": {"stringValue": "@function@ failed for @id@"}, "attributes": [{"key": "exception.type", "value": {"stringValue": "redis.exceptions.ConnectionError"}}, {"key": "exception.message", "value": {"stringValue": "max number of clients reached"}}]}]}],
        }
    ]
}  # fmt: skip

SYLLABLES = ("bo", "ka", "lu", "mi", "zen", "tor", "vin", "ra", "del", "no", "pas", "quo", "fe", "gri", "hal")
TAKEN = frozenset(
    "error exception traceback file line in at caused by info debug warn warning fatal test".split()
)  # words that the formats themselves use


def _is_nobodys(word: str) -> bool:
    known = (vendor_of_word(word), vendor_of_library(word), library_of_package(word), vendor_of_host(f"{word}.example"))
    return word not in TAKEN and not any(known)


words = st.lists(st.sampled_from(SYLLABLES), min_size=2, max_size=4).map("".join).filter(_is_nobodys)
names = st.fixed_dictionaries(
    {
        "package": words,
        "function": st.tuples(st.sampled_from(["load", "sync", "push", "do", "fetch"]), words).map("_".join),
        "Class": st.tuples(words, st.sampled_from(["Failed", "Error", "StepError"])).map(lambda pair: pair[0].title() + pair[1]),
        "folder": st.tuples(st.sampled_from(["srv", "opt/apps", "home/deploy", "app"]), words).map("/".join),
        "host": st.tuples(words, words, st.sampled_from(["internal", "corp", "example.com", "local"])).map(".".join),
        "number": st.integers(1, 99_999).map(str),
        "uuid": st.uuids().map(str),
        "id": st.text(string.ascii_lowercase + string.digits, min_size=10, max_size=18).filter(
            lambda text: any(one.isdigit() for one in text) and any(one.isalpha() for one in text)
        ),
    }
)  # fmt: skip
FIRST = {
    "package": "acmehub", "function": "load_orders", "Class": "StepFailed", "folder": "srv/acme", "host": "lumi.acme.internal",
    "number": "17", "uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id": "a1b2c3d4e5f6",
}  # fmt: skip


def named(text: str, chosen: dict[str, str]) -> str:
    for name, value in chosen.items():
        text = text.replace(f"@{name}@", value)
    return text


def of_log(template: str, chosen: dict[str, str]) -> ErrorEvent:
    (event,) = parse_text(named(template, chosen))
    return event


def of_sentry(chosen: dict[str, str]) -> ErrorEvent:
    return event_of_sentry(json.loads(named(json.dumps(SENTRY), chosen)))


def of_otel(chosen: dict[str, str]) -> ErrorEvent:
    (event,) = (event_of_log(record) for record in log_records(json.loads(named(json.dumps(OTEL), chosen))))
    assert event is not None
    return event


@pytest.mark.parametrize("form", LOGS)
@settings(max_examples=30)
@given(chosen=names)
def test_renaming_everything_in_a_log_changes_no_signature(form, chosen):
    first, second = (signature_of(of_log(LOGS[form], choice)) for choice in (FIRST, chosen))
    assert (first.block, first.parts) == (second.block, second.parts)


@pytest.mark.parametrize("make", [of_sentry, of_otel])
@settings(max_examples=30)
@given(chosen=names)
def test_renaming_everything_in_an_import_changes_no_signature(make, chosen):
    first, second = signature_of(make(FIRST)), signature_of(make(chosen))
    assert (first.block, first.parts) == (second.block, second.parts)


def test_one_failure_has_one_signature_from_a_log_from_sentry_and_from_opentelemetry():
    made = {signature_of(event).digest for event in (of_log(LOGS["python, wrapped twice"], FIRST), of_sentry(FIRST), of_otel(FIRST))}  # fmt: skip
    assert len(made) == 1


def test_the_fixtures_are_not_all_one():
    """The law above would hold of a signature that is always the same."""
    assert len({signature_of(of_log(template, FIRST)).digest for template in LOGS.values()}) == len(LOGS)
