"""What applications really print (forms/: run under Python 3.11, Node 20, Java 17), from log text to its chain of causes."""

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar.parse import parse_text
from fde_streams.chain import parse_chain

FORMS = Path(__file__).parent / "forms"
FRAMED = "com.acme.Jobs$StepFailed"
INVALID = "invalid literal for int() with base 10:"
# form -> type as the event names it, and the chain, root cause first: (type, first line of its message)
CHAINS = {
    "python-during": ("RuntimeError", [("KeyError", "'a'"), ("RuntimeError", "multi")]),
    "python-suppressed": ("RuntimeError", [("RuntimeError", "no cause")]),
    "python-note": ("ValueError", [("ValueError", f"{INVALID} 'x'")]),
    "python-group": ("RuntimeError", [("ValueError", f"{INVALID} 'q'"), ("LookupError", "lookup q")]),
    "python-rec": ("RecursionError", [("RecursionError", "maximum recursion depth exceeded")]),
    "python-syntax": ("SyntaxError", [("SyntaxError", "'(' was never closed")]),
    "python-empty": ("ValueError", [("ValueError", "")]),
    "python-empty2": ("KeyError", [("KeyError", "''")]),
    "python-assertion": ("AssertionError", [("AssertionError", "")]),
    "python-lambda": ("ClientError", [("ClientError", "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied")]),
    "python-headless": ("redis.exceptions.ConnectionError", [("redis.exceptions.ConnectionError", "max number of clients reached")]),
    "node-cause": ("Error", [("TypeError", "root cause"), ("Error", "inner")]),
    "node-aggregate": ("AggregateError", [("Error", "one"), ("AggregateError", "All promises were rejected")]),
    "node-fetch": ("TypeError", [("Error", "bad port"), ("TypeError", "fetch failed")]),
    "node-props": ("HttpError", [("HttpError", "bad creds")]),
    "node-nested": ("HttpError", [("HttpError", "bad creds")]),
    "node-stackless-cause": ("Error", [("Error", "c"), ("Error", "with stackless cause")]),
    "node-string-cause": ("Error", [("Error", "s")]),
    "node-object-cause": ("Error", [("Error", "o")]),
    "node-multi": ("Error", [("Error", "line one")]),
    "node-typeerr": ("TypeError", [("TypeError", "Cannot read properties of null (reading 'x')")]),
    "node-pino-stack": ("StepFailed", [("HttpError", "Bad credentials"), ("StepFailed", "orders step failed")]),
    "node-console-words": ("HttpError", [("HttpError", "Bad credentials")]),
    "java-suppressed": (FRAMED, [("java.lang.NumberFormatException", 'For input string: "x"'), (FRAMED, "outer: failed")]),
    "java-no-message": ("java.lang.IllegalArgumentException", [("java.lang.IllegalArgumentException", "")]),
    "java-two-lines": ("java.lang.IllegalArgumentException", [("java.lang.IllegalArgumentException", "multi")]),
    "java-lambda": (FRAMED, [("java.lang.Error", "lambda"), (FRAMED, "")]),
    "java-uncaught": (FRAMED, [(FRAMED, "dead")]),
    "java-logback": ("com.acme.JobFailed", [("org.postgresql.util.PSQLException", "ERROR: deadlock detected"), ("com.acme.JobFailed", "import failed")]),
    "java-root-first": ("java.net.ConnectException", [("java.net.ConnectException", "Connection refused"), ("com.acme.JobFailed", "import failed")]),
}  # fmt: skip
HEADER = "2026-10-10 06:00:51,433 ERROR [jobs] it broke"
NEXT = "2026-10-10 06:00:52,433 INFO [jobs] next"
CONTEXTS = {
    "alone": lambda text: text,
    "under a header": lambda text: f"{HEADER}\n{text}\n{NEXT}",
    "after another record": lambda text: f"{NEXT}\n{text}\n{NEXT}",
    "twice": lambda text: f"{HEADER}\n{text}\n{HEADER}\n{text}\n{NEXT}",
    "windows": lambda text: f"{HEADER}\n{text}\n{NEXT}".replace("\n", "\r\n"),
    "docker compose": lambda text: labelled(f"{HEADER}\n{text}\n{NEXT}", "worker_1  | "),
    "docker compose alone": lambda text: labelled(text, "worker-1  | "),
    "kubectl --prefix": lambda text: labelled(f"{HEADER}\n{text}\n{NEXT}", "[pod/web-5d/app] "),
    "kubectl --timestamps": lambda text: labelled(text, "2026-10-10T06:00:51.433001002Z "),
    "syslog": lambda text: labelled(f"ERROR it broke\n{text}", "Oct 10 06:00:51 host7 jobs[123]: "),
    "colours": lambda text: "\n".join(f"\x1b[31m{line}\x1b[39m" for line in f"{HEADER}\n{text}\n{NEXT}".split("\n")),
    "structlog": lambda text: json.dumps({"event": "it broke", "level": "error", "exception": text}),
    "pino": lambda text: json.dumps({"level": 50, "time": 1791612051433, "msg": "it broke", "err": {"stack": text}}),
    "otel": lambda text: json.dumps({"severity_text": "ERROR", "body": "it broke", "attributes": {"exception.stacktrace": text}}),
    "gcp": lambda text: json.dumps({"severity": "ERROR", "message": f"it broke\n{text}", "timestamp": "2026-10-10T06:00:51Z"}),
    "loguru": lambda text: json.dumps({"text": f"it broke\n{text}", "record": {"level": {"name": "ERROR", "no": 40}, "message": f"it broke\n{text}", "name": "jobs", "time": {"repr": "2026-10-10 06:00:51.433+00:00", "timestamp": 1791612051.433}}}),
    "logfmt": lambda text: "level=error msg=\"it broke\" stack=" + json.dumps(text, ensure_ascii=False),
    "docker json-file": lambda text: json.dumps({"log": json.dumps({"level": "error", "message": "it broke", "stack": text}) + "\n", "stream": "stderr", "time": "2026-10-10T06:00:51Z"}),
}  # fmt: skip
STAMPED = ("syslog", "kubectl --timestamps")
# What cannot be told: words before a stack from a record of their own, where nothing but order speaks for either.
ODD = {
    *((context, form) for context in STAMPED for form in ("node-multi", "java-two-lines", "node-nested")),
    ("syslog", "node-console-words"),
    ("kubectl --timestamps", "node-aggregate"),
    *(("after another record", form) for form in ("python-headless", "node-nested", "node-console-words")),
    # The Lambda runtime has no header above its own.
    *((context, "python-lambda") for context in ("under a header", "twice", "windows", "kubectl --prefix", "colours", *STAMPED)),
}  # fmt: skip


def labelled(text, label):
    return "\n".join(f"{label}{line}" for line in text.split("\n"))


def first_lines(chain):
    return [(link.type, link.message.partition("\n")[0]) for link in chain]


@pytest.mark.parametrize(("context", "form"), [pair for pair in product(CONTEXTS, CHAINS) if pair not in ODD])
def test_a_stack_is_one_event_with_its_chain_wherever_it_stands(form, context):
    text = (FORMS / f"{form}.txt").read_text().rstrip("\n")
    events = parse_text(CONTEXTS[context](text))
    kind, chain = CHAINS[form]
    assert [event.exception_type for event in events] == [kind] * (2 if context == "twice" else 1)
    for event in events:
        assert first_lines(parse_chain(event.exception_stacktrace or "")) == chain
        if context not in ("alone", "after another record", "docker compose alone", "kubectl --timestamps"):
            assert (event.body or "").startswith("it broke")


@pytest.mark.parametrize("form", CHAINS)
def test_a_raw_stack_has_the_same_chain_as_one_that_was_read_from_a_log(form):
    if form == "python-lambda":  # its exception stands above the traceback: only the log's reader can know
        return
    assert first_lines(parse_chain((FORMS / f"{form}.txt").read_text())) == CHAINS[form][1]


TWO = ("python-during", "node-fetch", "java-suppressed", "python-note", "node-pino-stack")
LABELS = {
    "compose": ("web_1  | ", "worker_2  | "),
    "pm2": ("0|web  | ", "1|worker  | "),
    "pods": ("[pod/web-5d/app] ", "[pod/web-6c/app] "),
    "syslog": ("Oct 10 06:00:51 host7 web[12]: ", "Oct 10 06:00:51 host7 web[13]: "),
    "heroku": ("2026-10-10T06:00:51.433000+00:00 app[web.1]: ", "2026-10-10T06:00:51.433000+00:00 app[web.2]: "),
    "foreman": ("06:00:51 web.1     | ", "06:00:51 worker.1  | "),
}


@pytest.mark.parametrize("labels", LABELS)
@given(data=st.data())
def test_writers_that_label_their_lines_are_read_each_by_itself_however_they_interleave(labels, data):
    forms = [data.draw(st.sampled_from(TWO)), data.draw(st.sampled_from(TWO))]
    queues = [
        [f"{label}{line}" for line in ["ERROR jobs: it broke", *(FORMS / f"{form}.txt").read_text().rstrip("\n").split("\n")]]
        for form, label in zip(forms, LABELS[labels], strict=True)
    ]  # fmt: skip
    lines = []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        lines.append(queue.pop(0))
    events = parse_text("\n".join(lines))
    found = sorted(first_lines(parse_chain(event.exception_stacktrace or "")) for event in events)
    assert found == sorted(CHAINS[form][1] for form in forms)


def test_a_thread_in_brackets_is_a_label_once_it_stands_before_a_stacks_line():
    lines = ["Traceback (most recent call last):", '  File "/srv/app/a.py", line 1, in f', "    g()", "KeyError: 'a'"]
    text = "\n".join(f"[Thread-{number}] {line}" for line in lines for number in (1, 2))
    assert [event.exception_type for event in parse_text(text)] == ["KeyError", "KeyError"]


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("ERROR:jobs:load failed: KeyError: 'a'", "KeyError", "'a'"),
        ("2026-10-10 06:00:51,433 ERROR [jobs] it broke: [Error: no stack]", "Error", "no stack"),
        ("[AxiosError: Request failed with status code 401] {", "AxiosError", "Request failed with status code 401"),
        ("java.net.SocketTimeoutException: Read timed out", "java.net.SocketTimeoutException", "Read timed out"),
        ("ERROR:jobs:x failed: app.StepFailed: load failed <- TypeError: fetch failed", "app.StepFailed", "load failed"),
        ("web_1  | 2026-10-10 06:00:51,433 ERROR [jobs] ValueError: no", "ValueError", "no"),
        ("Uncaught (in promise) TypeError: fetch failed", "TypeError", "fetch failed"),
    ],
)  # fmt: skip
def test_one_line_is_an_event_with_its_type(line, kind, message):
    (event,) = parse_text(line)
    assert (event.exception_type, event.exception_message) == (kind, message)


def test_plain_lines_after_a_lone_error_are_let_go_when_no_frames_follow():
    (event,) = parse_text("KeyError: 'a'\nserver is listening\nmore words")
    assert (event.exception_type, event.exception_message) == ("KeyError", "'a'")
    first, second = parse_text("KeyError: 'a'\nwords\nValueError: no\nwords")
    assert (first.exception_type, second.exception_type) == ("KeyError", "ValueError")
