"""Redaction held against lines it was not written from: recall of what is planted, false alarms on what looks alike."""

from __future__ import annotations

import pytest

from fde_cli.bench.planted import corpus
from fde_sidecar.redact import Redactor

pytestmark = pytest.mark.seconds
LINES = list(corpus(11, 1500, 1500))
SECRET = frozenset(
    "api-key bearer-token password card-number aws-access-key-id aws-secret-access-key jwt private-key token secret".split()
)


@pytest.fixture(scope="module")
def redacted() -> list[tuple[str, list[str]]]:
    redactor = Redactor(b"0123456789abcdef0123456789abcdef")
    return [(text, [one.kind for one in found]) for text, found in redactor.lines([line.text for line in LINES])]


def test_every_planted_text_stands_in_its_line() -> None:
    assert all(one.text in line.text for line in LINES for one in line.planted)


def test_of_a_thousand_planted_secrets_less_than_five_are_left(redacted: list[tuple[str, list[str]]]) -> None:
    left = [
        (one.form, line.form)
        for line, (clean, _) in zip(LINES, redacted, strict=True)
        for one in line.planted
        if one.text in clean
    ]
    assert len(left) <= 0.005 * sum(len(line.planted) for line in LINES), left


def test_of_a_thousand_clean_lines_at_most_one_is_taken_for_a_secret(redacted: list[tuple[str, list[str]]]) -> None:
    alarms = [
        (line.form, kinds)
        for line, (_, kinds) in zip(LINES, redacted, strict=True)
        if not line.planted and SECRET.intersection(kinds)
    ]
    assert len(alarms) <= 0.001 * sum(1 for line in LINES if not line.planted), alarms


def test_redacting_what_was_redacted_changes_nothing(redacted: list[tuple[str, list[str]]]) -> None:
    redactor = Redactor(b"0123456789abcdef0123456789abcdef")
    assert [redactor.redact(text) for text, _ in redacted] == [text for text, _ in redacted]
