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


def test_a_bad_line_is_a_sentence_and_exit_3(events, tmp_path, capsys):
    events.write_text(events.read_text() + "{nonsense\n")
    output = tmp_path / "out.jsonl"
    assert run(["group", str(events), "--output", str(output)]) == 3
    assert "events.jsonl:4: not JSON" in capsys.readouterr().err
    assert not output.exists()


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
    assert len(found) == 2
    assert found[0]["cluster"] == found[1]["cluster"]
