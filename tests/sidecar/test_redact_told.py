"""Redaction over two lists written from how programs print, with no log in sight: lines that tell a secret, lines that tell none.

data/secrets_told.txt: a line, a tab, its value; data/secrets_absent.txt: a line that speaks of secrets and holds none. A word in
braces stands for an invented value; what marks an issuer's key is put together here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_sidecar.redact import Redactor
from fde_sidecar.rules import RULES, Marks
from fde_sidecar.trigger import Triggers

DATA = Path(__file__).parent / "data"
REDACTOR = Redactor(b"0123456789abcdef0123456789abcdef")
SECRET = frozenset(
    "api-key bearer-token password card-number aws-access-key-id aws-secret-access-key jwt private-key token secret".split()
)
VALUES = {
    "T": "q7Zt9fKw3LmXv2Rb" + "8NcY5HdJ0aPs4GuE",
    "X": "9f3b7c21d85e4a06" + "b1c7f09e2d4a6b88",
    "X64": "9f3b7c21d85e4a06" + "b1c7f09e2d4a6b88" + "3c5d7e9f10213243a5b6c7d8e9fa0b1c",
    "B": "q7Zt9fKw3LmXv2Rb" + "8NcY5HdJ0aPs4GuE+/x1Tz0=",
    "P": "Falcon" + "4821!k",
    "W": "Copper-lagoon" + "-47",
    "sk": "sk" + "_live_",
    "vk": "vk" + "_live_",
    "pk": "pk" + "_live_",
    "pkt": "pk" + "_test_",
    "gh": "gh" + "p_",
    "AK": "AK" + "IA",
    "ESC": "\x1b",
    "LF": "\n",
    "TAB": "\t",
}
VALUES |= {name + "r": VALUES[name][::-1] for name in ("T", "X", "X64", "P")} | {"X64U": VALUES["X64"].upper()}


def filled(text: str) -> str:
    for name, value in VALUES.items():
        text = text.replace("{" + name + "}", value)
    return text


def rows(name: str) -> list[str]:
    return (DATA / name).read_text().splitlines()


TOLD = [tuple(filled(part) for part in row.split("\t")) for row in rows("secrets_told.txt")]
ABSENT = [filled(row) for row in rows("secrets_absent.txt")]


@pytest.mark.parametrize(("line", "value"), TOLD, ids=range(len(TOLD)))
def test_a_value_is_gone_and_stays_gone(line: str, value: str) -> None:
    clean = REDACTOR.redact(line)
    assert value not in clean
    assert REDACTOR.redact(clean) == clean


@pytest.mark.parametrize("line", ABSENT, ids=range(len(ABSENT)))
def test_nothing_is_taken_for_a_secret(line: str) -> None:
    taken = [one.kind for _, found in REDACTOR.lines(line.split("\n")) for one in found if one.kind in SECRET]
    assert not taken, REDACTOR.redact(line)


def test_what_a_rule_replaces_wakes_it_and_where_it_begins_is_found() -> None:
    triggers = Triggers(RULES)
    for line in [line for line, _ in TOLD] + ABSENT:
        wanted = set(triggers.wanted(line)) & set(triggers.asked(line))
        for number, rule in enumerate(RULES):
            marks = Marks(lambda kind, value: "0" * 8, [])
            if rule.name in ("email", "aws-secret"):  # their context is a part of what they ask for
                continue
            if any(rule.replace(found, marks) for found in rule.pattern.finditer(line)):
                assert number in wanted, (rule.name, line)
                if rule.begins is not None and line.isascii():
                    assert rule.begins.search(line.lower()) is not None, (rule.name, line)
