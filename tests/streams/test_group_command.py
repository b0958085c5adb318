"""`fde group` as a person runs it."""

import json

import pytest

from fde_cli.main import run

LINES = [
    {"exception.type": "redis.exceptions.ConnectionError", "exception.message": "max number of clients reached"},
    {"exception.type": "KeyError", "exception.message": "'currency'", "http.response.status_code": None},
    {"exception.type": "redis.exceptions.ConnectionError", "exception.message": "max number of clients reached"},
]


@pytest.fixture
def events(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps({"time": "2026-10-01T00:00:00Z", **line}) + "\n" for line in LINES))
    return path


def test_one_line_an_event_with_its_group_and_signature(events, tmp_path):
    output = tmp_path / "out.jsonl"
    assert run(["group", str(events), "--output", str(output)]) == 0
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [entry["index"] for entry in found] == [0, 1, 2]
    assert found[0]["cluster"] == found[2]["cluster"] != found[1]["cluster"]
    assert found[0]["signature"] == found[2]["signature"]


def test_a_bad_line_is_a_sentence_and_exit_3_and_the_rest_goes_on(events, tmp_path, capsys):
    lines = events.read_text().splitlines()
    events.write_text("\n".join([lines[0], "{nonsense", '{"type": "weather"}', "", lines[2]]) + "\n")
    output = tmp_path / "out.jsonl"
    assert run(["group", str(events), "--output", str(output)]) == 3
    told = capsys.readouterr().err
    assert "events.jsonl:2: not JSON" in told
    assert "events.jsonl:3: type 'weather' is none of error" in told
    assert "2 events, 1 groups, 2 unusable and left out" in told
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(entry["index"], entry["kind"]) for entry in found] == [(0, "error"), (3, "error")]


def test_many_broken_records_are_named_a_few_times_and_counted(tmp_path, capsys):
    path = tmp_path / "events.jsonl"
    path.write_text("nonsense\n" * 500)
    assert run(["group", str(path)]) == 3
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 22
    assert told[-1] == "fde group: 0 events, 0 groups, 500 unusable and left out"


def test_an_output_that_cannot_be_written_is_exit_3_and_what_was_there_stays(events, tmp_path, capsys):
    assert run(["group", str(events), "--output", str(tmp_path / "none" / "out.jsonl")]) == 3
    assert "cannot be written" in capsys.readouterr().err
    assert run(["group", str(events), "--output", str(events)]) == 0  # over itself: read to its end first
    assert [json.loads(line)["index"] for line in events.read_text().splitlines()] == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_an_output_in_no_directory_is_named_as_it_was_said(events, tmp_path, capsys):
    assert run(["group", str(events), "--output", str(tmp_path / "none" / "out.jsonl")]) == 3
    assert f"{tmp_path / 'none' / 'out.jsonl'}: cannot be written" in capsys.readouterr().err


def test_an_empty_file_finds_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("")
    assert run(["group", str(path)]) == 1


def test_a_file_that_is_not_there_is_exit_3(tmp_path, capsys):
    assert run(["group", str(tmp_path / "none.jsonl")]) == 3
    assert "none.jsonl" in capsys.readouterr().err


def test_neither_or_both_inputs_is_wrong_use(events, tmp_path):
    assert run(["group"]) == 2
    assert run(["group", str(events), "--logs", str(tmp_path)]) == 2


def test_logs_are_read_as_the_sidecar_reads_them(tmp_path):
    for customer in ("a", "b"):
        (tmp_path / customer).mkdir()
        (tmp_path / customer / "app.log").write_text(
            "2026-10-01 10:00:00,123 ERROR app.jobs load failed\n"
            "Traceback (most recent call last):\n"
            f'  File "/srv/{customer}/jobs.py", line 3, in load\n'
            "    client.get(key)\n"
            '  File "/usr/lib/python3.11/site-packages/redis/client.py", line 9, in get\n'
            "redis.exceptions.ConnectionError: max number of clients reached\n"
        )
    output = tmp_path / "out.jsonl"
    assert run(["group", "--logs", str(tmp_path), "--output", str(output)]) == 0
    found = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(entry["deployment"], entry["line_start"], entry["line_end"]) for entry in found] == [
        ("a", 1, 6),
        ("b", 1, 6),
    ]
    assert found[0]["cluster"] == found[1]["cluster"]


def test_a_log_that_cannot_be_read_harms_no_other(tmp_path, capsys):
    for customer in ("a", "b"):
        (tmp_path / customer).mkdir()
    (tmp_path / "a" / "app.log").mkdir()
    (tmp_path / "b" / "app.log").write_bytes(
        b"ERROR:jobs:load \xff\xfe failed\n" + b"x" * 600_000 + b"\nERROR:jobs:next\n"
    )
    assert run(["group", "--logs", str(tmp_path)]) == 3
    out, told = capsys.readouterr()
    assert [json.loads(line)["line_start"] for line in out.splitlines()] == [1, 3]
    assert "cannot be read" in told and "2 bytes that are no text replaced" in told and "endless records" in told
    assert run(["group", "--logs", str(tmp_path / "a" / "app.log")]) == 3


SENTRY = {"event_id": "1", "platform": "python", "exception": {"values": [{"type": "ConnectionError", "module": "redis.exceptions", "value": "max number of clients reached"}]}}  # fmt: skip
OTEL = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": 9, "body": {"stringValue": "fine"}}, {"severityNumber": 17, "attributes": [{"key": "exception.type", "value": {"stringValue": "redis.exceptions.ConnectionError"}}, {"key": "exception.message", "value": {"stringValue": "max number of clients reached"}}]}]}]}]}  # fmt: skip


def test_sentry_and_opentelemetry_are_told_by_their_content_and_sign_alike(events, tmp_path, capsys):
    signatures = set()
    for form, text, indices in (("sentry", json.dumps([SENTRY], indent=1), [0]), ("otel", json.dumps(OTEL), [1])):
        path = tmp_path / f"{form}.json"
        path.write_text(text)
        for how in ([], ["--format", form]):
            assert run(["group", str(path), *how]) == 0
            found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            assert [entry["index"] for entry in found] == indices
            signatures |= {entry["signature"] for entry in found}
    assert run(["group", str(events)]) == 0
    signatures.add(json.loads(capsys.readouterr().out.splitlines()[0])["signature"])
    assert len(signatures) == 1


def test_a_format_that_is_none_and_one_for_logs_is_wrong_use(events, tmp_path):
    assert run(["group", str(events), "--format", "csv"]) == 2
    assert run(["group", "--logs", str(tmp_path), "--format", "otel"]) == 2


def explained(capsys, path, first, second):
    assert run(["group", str(path), "--explain", str(first), str(second), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert run(["group", str(path), "--explain", str(first), str(second)]) == 0
    return told, capsys.readouterr().out


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "asked.jsonl"
    lines = [
        {"exception.type": "stripe.error.InvalidRequestError", "exception.message": "No such customer: 'cus_9aB3dE7fGh2k'", "server.address": "api.stripe.com"},
        {"exception.type": "stripe.error.InvalidRequestError", "exception.message": "No such customer: 'cus_1zY2xW3vU4tS'", "server.address": "api.stripe.com"},
        {"exception.type": "redis.exceptions.ResponseError", "exception.message": "the replica cannot serve 17 of the asked partitions"},
        {"exception.type": "redis.exceptions.ResponseError", "exception.message": "the replica refused 17 of the asked partitions"},
        {"type": "rate_limit", "vendor": "stripe", "limit_class": "burst"},
    ]  # fmt: skip
    path.write_text("".join(json.dumps({"time": "2026-10-01T00:00:00Z", **line}) + "\n" for line in lines))
    return path


def test_explain_says_what_two_events_of_one_signature_share_and_what_was_masked(asked, capsys):
    told, text = explained(capsys, asked, 0, 1)
    assert told["together"] and told["differs"] == ""
    assert "one signature" in told["why"]
    assert told["a"]["signature"]["rules"] == told["rules"]
    assert told["a"]["vendor"] == "stripe"
    assert text.startswith("Events 0 and 1 are together: they have one signature")
    for part in told["a"]["parts"]:
        assert f"{part['name']} = {part['value']}" in text


def test_explain_names_the_catalogues_rule_where_one_spoke(asked, capsys):
    told, text = explained(capsys, asked, 0, 1)
    rule = told["a"]["catalogue"]
    assert rule["cause"] == told["a"]["parts"][0]["value"]
    assert f"by rule  {rule['vendor']}: {rule['by']} {rule['said']!r} means {rule['cause']}" in text


def test_explain_says_what_was_masked_and_why(asked, capsys):
    told, text = explained(capsys, asked, 2, 3)
    assert {"mask": "number", "why": "counts, sizes, positions, amounts"} in told["a"]["masked"]
    assert "masked   number: counts" in text


def test_explain_says_what_differs_first_and_what_forbids_a_meeting(asked, capsys):
    told, text = explained(capsys, asked, 2, 3)
    assert not told["together"]
    assert "the words, masked (text) differs" in told["differs"]
    assert told["alike"]["veto"] and told["alike"]["veto"] in text
    told, _ = explained(capsys, asked, 0, 4)
    assert told["differs"] == "the kinds differ: error against rate_limit"
    told, _ = explained(capsys, asked, 3, 0)
    assert told["differs"].startswith("the blocks differ: error/redis against error/stripe")


def test_explain_of_an_event_that_is_not_there_is_refused(asked, capsys):
    assert run(["group", str(asked), "--explain", "0", "99"]) == 1
    assert "there is no event 99" in capsys.readouterr().err
    assert run(["group", str(asked), "--explain", "-1", "2"]) == 2


def test_explain_says_that_the_rules_of_two_diagnoses_differ(tmp_path, capsys):
    path = tmp_path / "events.jsonl"
    found = {"block": "error/stripe", "title": "stripe: declined", "parts": [["code", "declined"]]}
    path.write_text(
        "".join(json.dumps({"diagnosed": {"rules": rules, **found}}) + "\n" for rules in ("sig-v1", "sig-v2"))
    )
    assert run(["group", str(path), "--explain", "0", "1"]) == 0
    assert "the rules differ: sig-v1 against sig-v2" in capsys.readouterr().out
