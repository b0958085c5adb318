"""Calls in log records: who writes them how, what is none, and what a hostile line costs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_sidecar.call import calls_of
from fde_sidecar.clock import Clock
from fde_sidecar.duration import milliseconds_of
from fde_sidecar.frame import Framer, Record
from fde_sidecar.reading import Call

Told = tuple[str, float | None, int | None]


def calls_in(text: str) -> list[Call]:
    framer, clock = Framer(), Clock("2026-01-01T00:00:00Z")
    return [call for record in framer.feed(text.encode() + b"\n") + framer.flush() for call in calls_of(record, clock)]


def a_record(text: str) -> Record:
    return Record(text, 0, len(text), 1, 1, 2)


ACCESS: list[tuple[str, str, Told]] = [
    ("nginx combined", '10.0.0.7 - - [10/Oct/2026:13:55:36 -0700] "GET /v1/orders/17?x=1 HTTP/1.1" 200 2326', ("GET /v1/orders/{id}", None, 200)),
    ("nginx, request time last", '10.0.0.7 - - [10/Oct/2026:13:55:36 -0700] "GET /v1/orders/17 HTTP/1.1" 200 2326 "-" "curl/8" 0.123', ("GET /v1/orders/{id}", 123.0, 200)),
    ("nginx, named", '10.0.0.7 - - [10/Oct/2026:13:55:36 +0000] "GET /x HTTP/2.0" 200 12 "-" "Mozilla/5.0 (X11)" request_time=0.034 upstream_response_time=0.030', ("GET /x", 34.0, 200)),
    ("envoy", '[2020-11-25T21:27:53.323Z] "GET /path HTTP/1.1" 200 - 0 13 5 4 "-" "curl" "uuid" "orders.acme.internal" "10.0.0.1:80"', ("GET orders.acme.internal/path", 5.0, 200)),
    ("istio", '[2020-11-25T21:27:53.323Z] "GET /a HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 "-" "curl/7" "84961386" "httpbin:8000" "127.0.0.1:80" inbound|8000||', ("GET httpbin:8000/a", 4.0, 418)),
    ("haproxy", 'Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /index.html HTTP/1.1"', ("GET /index.html", 109.0, 200)),
    ("load balancer", 'http 2018-07-02T22:23:00.186641Z app/my-lb/50dc 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.002 200 200 34 366 "GET http://shop.example:80/ HTTP/1.1" "curl/7.46.0" - -', ("GET shop.example/", 3.0, 200)),
    ("uvicorn", 'INFO:     127.0.0.1:5 - "GET /x HTTP/1.1" 200 OK', ("GET /x", None, 200)),
]  # fmt: skip
CLIENTS: list[tuple[str, str, Told]] = [
    ("urllib3", '2026-01-01 00:00:00,123 DEBUG urllib3.connectionpool: https://api.stripe.com:443 "POST /v1/charges HTTP/1.1" 429 123', ("POST api.stripe.com/v1/charges", None, 429)),
    ("httpx", '2026-01-01 00:00:00,123 INFO httpx: HTTP Request: POST https://api.openai.com/v1/chat/completions "HTTP/1.1 200 OK"', ("POST api.openai.com/v1/chat/completions", None, 200)),
    ("requests, an error", "2026-01-01T00:00:00Z ERROR app HTTPError: 503 Server Error: Service Unavailable for url: https://acme.my.salesforce.com/services/data/v58.0/query?q=1", ("HTTP acme.my.salesforce.com/services/data/v58.0/query", None, 503)),
    ("httpx, an error", "2026-01-01T00:00:00Z ERROR app Client error '429 Too Many Requests' for url 'https://api.hubapi.com/crm/v3/objects/deals/51'", ("HTTP api.hubapi.com/crm/v3/objects/deals/{id}", None, 429)),
    ("okhttp", "<-- 500 Internal Server Error https://api.acme.example/v1/x/1234 (123ms, 34-byte body)", ("HTTP api.acme.example/v1/x/{id}", 123.0, 500)),
    ("own words", "2026-01-01 00:00:00.123 INFO 1 --- [exec-1] c.a.Log : GET https://crm.acme.internal:8443/v2/orders -> 200 (35 ms)", ("GET crm.acme.internal:8443/v2/orders", 35.0, 200)),
    ("own words, seconds", "2026-01-01T00:00:00Z INFO PUT https://acme.example/odata/SalesOrder('17') HTTP 204 elapsed: 1.2 seconds", ("PUT acme.example/odata/SalesOrder({id})", 1200.0, 204)),
]  # fmt: skip
FRAMEWORKS: list[tuple[str, str, Told]] = [
    ("morgan dev", "GET /path 200 12.345 ms - 123", ("GET /path", 12.345, 200)),
    ("morgan tiny", "GET /users/4711 404 12 - 1.234 ms", ("GET /users/{id}", 1.234, 404)),
    ("gin", '[GIN] 2026/01/01 - 00:00:00 | 500 |  1m2.5s | 127.0.0.1 | POST     "/v1/jobs"', ("POST /v1/jobs", 62500.0, 500)),
    ("chi", '2026/01/01 10:00:00 "GET http://localhost:3333/ HTTP/1.1" from 127.0.0.1:1 - 200 1B in 12.5µs', ("GET localhost:3333/", 0.0125, 200)),
    ("asp.net", "info: Microsoft.AspNetCore.Hosting.Diagnostics[2] Request finished HTTP/1.1 GET https://localhost:5001/api/x application/json 12 - 200 512 application/json 45.2ms", ("GET localhost:5001/api/x", 45.2, 200)),
    ("serilog", "2026-01-01 10:00:00 [INF] HTTP GET /api/orders/17 responded 200 in 12.5 ms", ("GET /api/orders/{id}", 12.5, 200)),
    ("lograge", "method=GET path=/orders/17 format=html controller=Orders status=200 duration=58.33 view=40.43", ("GET /orders/{id}", 58.33, 200)),
    ("heroku", 'at=info method=GET path="/" host=shop.example request_id=8601b fwd="1.2.3.4" dyno=web.1 connect=1ms service=18ms status=200 bytes=13', ("GET shop.example/", 18.0, 200)),
]  # fmt: skip
DOCUMENTS: list[tuple[str, str, Told]] = [
    ("pino-http", '{"level":30,"msg":"request completed","req":{"method":"GET","url":"/x/17","headers":{"host":"a.example"}},"res":{"statusCode":200},"responseTime":12,"time":1700000000123}', ("GET a.example/x/{id}", 12.0, 200)),
    ("nginx json", '{"time_iso8601":"2026-01-01T00:00:00+00:00","request":"GET /x/2 HTTP/1.1","status":"200","request_time":"0.003","host":"shop.example"}', ("GET shop.example/x/{id}", 3.0, 200)),
    ("envoy json", '{"start_time":"2026-01-01T00:00:00.000Z","method":"POST","path":"/v1/x","authority":"api.example","response_code":503,"duration":30001}', ("POST api.example/v1/x", 30001.0, 503)),
    ("google", '{"severity":"INFO","timestamp":"2026-01-01T00:00:00Z","message":"x","httpRequest":{"requestMethod":"GET","requestUrl":"https://a.example/a/b/3","status":200,"latency":"0.123s"}}', ("GET a.example/a/b/{id}", 123.0, 200)),
    ("ecs", '{"@timestamp":"2026-01-01T00:00:00Z","log.level":"info","message":"access","http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"path":"/a","domain":"x.example"},"event":{"duration":12000000}}', ("GET x.example/a", 12.0, 200)),
    ("traefik", '{"DownstreamStatus":200,"Duration":1234567,"RequestMethod":"GET","RequestPath":"/a/9","RequestHost":"x.example","time":"2026-01-01T00:00:00Z","level":"info","msg":""}', ("GET x.example/a/{id}", 1.234567, 200)),
    ("caddy", '{"level":"info","ts":1646861401.5,"logger":"http.log.access","msg":"handled request","request":{"proto":"HTTP/2.0","method":"GET","host":"localhost","uri":"/"},"duration":0.25,"status":200}', ("GET localhost/", 250.0, 200)),
    ("serilog json", '{"@t":"2026-01-01T00:00:00Z","@mt":"HTTP {RequestMethod}","RequestMethod":"GET","RequestPath":"/api/x","StatusCode":200,"Elapsed":12.3}', ("GET /api/x", 12.3, 200)),
    ("structlog", '{"event":"http_call","method":"GET","url":"https://api.example/a/1","status":403,"duration_s":0.5,"timestamp":"2026-01-01T00:00:00Z","level":"info"}', ("GET api.example/a/{id}", 500.0, 403)),
    ("text in a document", '{"level":"info","event":"HTTP Request: GET https://api.notion.com/v1/pages/17 \\"HTTP/1.1 200 OK\\"","timestamp":"2026-01-01T00:00:00Z"}', ("GET api.notion.com/v1/pages/{id}", None, 200)),
    ("logfmt", 'level=info ts=2026-01-01T00:00:00Z msg="request" method=GET url=https://x.example/a/17 status=200 took=1.5s', ("GET x.example/a/{id}", 1500.0, 200)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"), [pytest.param(line, told, id=name) for name, line, told in ACCESS + CLIENTS + FRAMEWORKS + DOCUMENTS]
)  # fmt: skip
def test_a_line_tells_what_was_called_how_it_ended_and_how_long_it_took(line: str, told: Told) -> None:
    (call,) = calls_in(line)
    assert (call.endpoint, call.status) == (told[0], told[2])
    assert call.duration_ms == (told[1] if told[1] is None else pytest.approx(told[1]))
    assert call.time.endswith("Z")


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-01T00:00:00Z INFO starting request GET https://erp.acme.internal/api/items",
        "2026-01-01T00:00:00Z INFO Retrying GET /orders in 30s",
        "2026-01-01T00:00:00Z INFO synced 200 orders in 35ms, see https://docs.acme.example/x",
        "2026-01-01T00:00:00Z INFO limit of the budget reached by 200 items",
        '{"level":"info","event":"order_synced","status":200,"duration_ms":12,"timestamp":"2026-01-01T00:00:00Z"}',
        '{"level":"info","event":"x","method":"GET","timestamp":"2026-01-01T00:00:00Z"}',
        "INFO started in 2.3 seconds",
    ],
)
def test_what_names_no_request_or_no_end_is_no_call(line: str) -> None:
    assert calls_in(line) == []


def test_a_call_that_got_no_answer_has_failed() -> None:
    (call,) = calls_in(
        "2026-01-01T00:00:00Z WARN GET https://erp.acme.internal/api/items failed: timeout of 30000ms exceeded"
    )
    assert (call.failed, call.status, call.duration_ms) == (True, None, None)


def test_a_number_of_rows_is_no_status() -> None:
    (call,) = calls_in("2026-01-01T00:00:00Z INFO GET /orders returned 200 rows in 30ms")
    assert (call.status, call.duration_ms) == (None, 30.0)


def test_the_lines_of_a_record_without_headers_are_each_read() -> None:
    lines = [
        f'2026-01-01 00:00:00,123 DEBUG urllib3: https://a.example:443 "GET /x/{n} HTTP/1.1" 200 None' for n in (1, 2)
    ]
    lines.insert(1, "GET /y/3 200 5 ms")
    assert [call.endpoint for call in calls_in("\n".join(lines))] == [
        "GET a.example/x/{id}",
        "GET /y/{id}",
        "GET a.example/x/{id}",
    ]


def test_a_common_log_time_is_read_with_its_zone() -> None:
    (call,) = calls_in('10.0.0.7 - - [10/Oct/2026:13:55:36 -0700] "GET /x HTTP/1.1" 200 2326')
    assert call.time == "2026-10-10T20:55:36.000Z"


def test_quota_headers_come_with_the_call_and_no_others() -> None:
    (call,) = calls_in(
        '{"level":30,"msg":"x","req":{"method":"GET","url":"/x","headers":{"host":"a.example","authorization":"s3cr3t"}},'
        '"res":{"statusCode":429,"headers":{"Retry-After":"3","x-ratelimit-remaining":"0","set-cookie":"a=b"}},"time":1700000000123}'
    )
    assert call.headers == {"retry-after": "3", "x-ratelimit-remaining": "0"}


def test_a_line_of_headers_alone_is_a_call_that_nothing_is_compared_under() -> None:
    (call,) = calls_in(
        "2026-01-01T00:00:00Z DEBUG got headers {'X-RateLimit-Limit': '5000', 'X-RateLimit-Remaining': '12'}"
    )
    assert (call.endpoint, call.headers) == ("", {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "12"})


@pytest.mark.parametrize(
    ("name", "value", "milliseconds"),
    [
        ("duration_ms", 12, 12.0), ("durationMs", 12, 12.0), ("elapsed_us", 1500, 1.5), ("latency_ns", 2_000_000, 2.0), ("took", 7, 7.0),
        ("elapsed_seconds", 0.5, 500.0), ("request_time", "0.012", 12.0), ("latency", "1.5s", 1500.0), ("took", "250ms", 250.0),
        ("elapsed", "00:00:01.5", 1500.0), ("latency", "1m2s", 62000.0), ("duration", True, None), ("order", 12, None),
        ("duration", "soon", None), ("duration", -1, None), ("latency", float("nan"), None),
    ],
)  # fmt: skip
def test_a_fields_unit_is_in_its_name_or_in_its_value(name: str, value: Any, milliseconds: float | None) -> None:
    assert milliseconds_of(name, value) == (None if milliseconds is None else pytest.approx(milliseconds))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    "method url path status duration latency headers.retry-after time http.url request host elapsed err".split()
)


@settings(deadline=None)
@given(st.dictionaries(names, json_values, max_size=8))
def test_no_document_is_too_strange(document: dict[str, Any]) -> None:
    record = Record("{}", 0, 2, 1, 1, 2, None, document)
    for call in calls_of(record, Clock("2026-01-01T00:00:00Z")):
        assert call.duration_ms is None or call.duration_ms >= 0


pieces = st.sampled_from(
    ["GET ", "POST", " /", "https://", "a.example", '"', " 200", " - ", "ms", "12", "\n", "HTTP/1.1", "retry-after: ", "x-ratelimit-remaining",
     "=", ":", "[10/Oct/2026:13:55:36 -0700]", "duration", "method=", "{", "}", "é", "\x00", "(", "|"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(pieces | st.text(max_size=5), max_size=40).map("".join))
def test_no_line_is_too_strange(line: str) -> None:
    calls_of(a_record(line), Clock("2026-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    "text",
    [
        "GET " * 2000, "GET " + "/" * 8000, "https://" * 1000, "GET /x " + "1" * 8000, 'GET /x "' + '" "' * 2500, "{" * 8000 + "}",
        "x-ratelimit-remaining: " * 350, "GET /x " + "1m" * 4000, "GET /x " + "retry-after " * 600, " 1/1/1/1/1" * 800 + ' "GET /x HTTP/1.1"',
        " 0.001" * 1300 + ' "GET /x HTTP/1.1"', "method=GET " + "a=b " * 2000, 'method=GET a="' + '\\"' * 4000, "GET" + " " * 8000 + "/x",
        "GET /x " + "with status code " * 480, "GET /x " + "duration=" * 900, "GET /x " + "host=" * 1500, "GET /x " + "a" * 250_000,
        "http://" + "500 Server Error " * 15_000, "GET /x 200 1ms\n" * 17_000,
    ],
)  # fmt: skip
def test_a_hostile_record_costs_milliseconds(text: str) -> None:
    start = time.process_time()
    calls_of(a_record(text), Clock("2026-01-01T00:00:00Z"))
    assert time.process_time() - start < 0.25
