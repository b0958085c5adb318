"""Templates of log lines: what varies goes, what tells statements apart stays; the same before and after redaction."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar.redact import Redactor
from fde_streams.linemask import AFTER, BEFORE
from fde_streams.logline import LENGTH, read, template_of

# Lines that one statement printed twice, from the kinds of programs that run anywhere. Invented.
SAME = [
    ("Accepted publickey for alice from 10.0.0.7 port 51022", "Accepted publickey for svc-deploy from 10.9.1.7 port 8"),
    ("session opened for user cyrus by (uid=0)", "session opened for user news by root(uid=0)"),
    ("auth failure; ruser= rhost=10.0.0.7 user=root", "auth failure; ruser=bob rhost=h7.acme.example user=carol"),
    ("connection from 10.0.0.7 (h7.acme.example) at Sun Jul 17 14:03:05 2005", "connection from 10.0.0.8 () at Mon Jul 18 04:03:05 2005"),
    ("(root) CMD (run-parts /etc/cron.hourly)", "(backup) CMD (run-parts /etc/cron.daily)"),
    ("DHCPREQUEST for 10.0.0.7 from aa:bb:cc:dd:ee:ff via eth0", "DHCPREQUEST for 10.0.0.9 from 00:11:22:33:44:55 via eth1"),
    ("R02-M1-N0-C:J12-U11 cache parity error corrected", "R17-M0-N4-I:J18-U01 cache parity error corrected"),
    ("icache prefetch depth......0x00", "icache prefetch depth......0x1f"),
    ("fans ( 3552 3534 3375 )", "fans ( 3552 **** 3375 4245 )"),
    ("closed, 1165 bytes (1.13 KB) sent, lifetime 00:01", "closed, 965 bytes sent, lifetime <1 sec"),
    ("stored block rdd_4_2 (size 93.0 B, free 317.1 KB)", "stored block broadcast_1 (size 5.4 KB, free 2 GB)"),
    ("acquire flags=0x1, tag=\"View Lock\", name=com.acme.ui, ws=null, uid=10037", "acquire flags=0x0, tag=\"Radio\", name=org.acme.phone, ws=WorkSource{10113}, uid=1"),
    ("loaded C:\\Program Files\\Acme\\core.dll with stack 6.1.7601.23505", "loaded C:\\Windows\\x64\\cbs.dll with stack 10.0"),
    ("read package Package_for_KB29~31bf38~amd64~~6.1, state: 112", "read package Package_for_KB30~31bf38~amd64~~6.2, state: 80"),
    ("setLights(true)", "setLights(false)"),
    ("registered [TERM, HUP, INT]", "registered [TERM]  ".replace("[TERM]", "[TERM, INT]")),
    ("view acls: Set(yarn, curi)", "view acls: Set(spark, alice, bob)"),
    ("Skipping AppWindowToken{df0798e token=Token{78af589 u0}} -- hidden", "Skipping AppWindowToken{1f token=Token{2b u10}} -- hidden"),
    ("10.0.0.7 \"GET /v2/54fadb41/servers HTTP/1.1\" status: 200 len: 1893 time: 0.24", "10.0.0.9 \"GET /v2/e9746973/x HTTP/1.1\" status: 404 len: 176 time: 0.01"),
    ("Server environment:java.vendor=Oracle Corporation", "Server environment:os.name=Linux"),
    ("task 3.0 in stage 1.0 (TID 45) finished", "task 17.0 in stage 2.0 (TID 7) finished"),
    ("Killed process 1234 (total-vm:12345kB, anon-rss:123kB)", "Killed process 9 (total-vm:9kB, anon-rss:1kB)"),
    ("job nightly_export took 3 min 5 sec", "job cleanup-old took 12 seconds"),
    ("instance: [c39f1f1e-3a2b-4c5d-8e9f-001122334455] started", "instance: [0a9f1f1e-3a2b-4c5d-8e9f-001122334455] started"),
    ("order 4,150,908 sent via tcp://h1:80/a", "order 17 sent via tcp://other:81/b/c"),
    ('{"event": "sync", "ok": true, "n": 5, "who": null}', '{"event": "other sync", "ok": false, "n": 17, "who": "Bob"}'),
]  # fmt: skip
# Lines of two statements, or of two causes.
OTHER = [
    ("VM Started (Lifecycle Event)", "VM Paused (Lifecycle Event)"),
    ("call failed: HTTP 503 Service Unavailable", "call failed: HTTP 429 Too Many Requests"),
    ("job failed with code 404", "job failed with code 500"),
    ("GET /a HTTP/1.1 500 12ms", "GET /a HTTP/1.1 503 12ms"),
    ('https://api.acme.example "POST /v1 HTTP/1.1" 401 12', 'https://api.acme.example "POST /v1 HTTP/1.1" 403 12'),
    ("[Errno 111] refused", "[Errno 110] refused"),
    ("SQLSTATE[23505] raised", "SQLSTATE[23503] raised"),
    ("result=INVALID_GRANT", "result=ACCESS_DENIED"),
    ("reason=ROW_LOCKED id=5", "reason=ROW_MISSING id=5"),
    ("received action.SCREEN_ON", "received action.SCREEN_OFF"),
    ("Moved from NEW to RUNNING_FAST", "Moved from NEW to RUNNING_SLOW"),
    ("user logged in", "user profile loaded"),
    ("check pass; user unknown", "check pass; user expired"),
    ("java.io.IOException: disk full", "java.io.EOFException: disk full"),
    ("column 'total' is null", "column 'currency' is null"),
    ("'GET' of x 5", "'x' of GET 5"),
    ("mapred.tip.id is deprecated", "mapred.job.id is deprecated"),
    ("encoding utf-8 refused", "encoding utf-16 refused"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_lines_of_one_statement_have_one_template(one, other):
    assert template_of(one) == template_of(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_lines_of_two_statements_stay_apart(one, other):
    assert template_of(one) != template_of(other)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Failed password for root from 10.0.0.7 port 22 ssh2", "Failed password for <*> from <*> port <*> ssh2"),
        ("flags=0x1, tag=, uid=5", "flags=<*>, tag=<*>, uid=<*>"),
        ("jk2_init() Found child 5 in slot 7", "jk2_init() Found child <*> in slot <*>"),
        ("worker leaving thread", "worker leaving thread"),
        ("", ""),
    ],
)
def test_a_template_keeps_the_words_of_the_statement(line, expected):
    assert template_of(line) == expected


lines = [line for pair in SAME + OTHER for line in pair]
words = st.sampled_from(sorted({word for line in lines for word in line.split()}))
composed = st.one_of(st.sampled_from(lines), st.lists(words, max_size=12).map(" ".join))


@given(composed)
def test_the_template_of_a_template_is_itself(line):
    assert template_of(template_of(line)) == template_of(line)


@given(st.text())
def test_any_text_has_a_template_and_it_is_a_fixed_point(text):
    assert template_of(template_of(text)) == template_of(text)


REDACTORS = [Redactor(b"k" * 32, "standard"), Redactor(b"k" * 32, "strict")]


@pytest.mark.parametrize("redactor", REDACTORS, ids=lambda redactor: redactor.label)
@pytest.mark.parametrize("line", lines)
def test_redaction_changes_no_template(redactor, line):
    assert template_of(redactor.redact(line)) == template_of(line)


name = st.from_regex(r"[a-z]{3,9}(?:[_-][a-z]{2,6})?[0-9]{1,3}", fullmatch=True)
host = st.from_regex(r"[a-z]{3,9}[0-9]?\.[a-z]{3,9}\.(?:example|internal)", fullmatch=True)
number = st.integers(0, 10**12).map(str)
FRAMES = [
    "sync of {name} on {host} failed after {number} ms",
    "user {name} from {host}:{port} denied",
    "GET https://{host}/v1/{name}/{number}?q={name} refused",
    "read /srv/{name}/{number}.csv: {number} rows, owner={name}, host={host}",
    "[{name}] order {number} of '{name}' is late",
    "mail to {name}@{host} bounced {number} times",
]


@given(st.sampled_from(FRAMES), st.lists(st.fixed_dictionaries({"name": name, "host": host, "number": number, "port": st.integers(10, 65535)}), min_size=2, max_size=2), st.sampled_from(REDACTORS))  # fmt: skip
def test_a_customers_names_hosts_and_numbers_change_no_template(frame, values, redactor):
    one, other = (frame.format(**value) for value in values)
    assert template_of(one) == template_of(other) == template_of(redactor.redact(one))


@pytest.mark.parametrize(
    "piece",
    ["'", '"', "(", "[", "{", "<", "X{1", "_", "A_", "a.", "a=", "a= ", "1:", "1 ", "/", "C:\\", "*", "-", "<number>", "<host>.", "node a", "[a,", '\\"a', "user ", "“"],
)  # fmt: skip
def test_hostile_text_takes_time_in_proportion(piece):
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 1


def test_what_differs_after_the_limit_is_not_read():
    assert template_of("a " * LENGTH + "b") == template_of("a " * LENGTH + "c")


def test_which_masks_took_part_is_told():
    assert read("owner=bob of 10.0.0.7").names == ("ip", "value")


def test_every_line_mask_says_why_and_what_it_misses():
    for entry in (*BEFORE, *AFTER):
        assert entry.why
        assert entry.misses
