"""Custom rules: what they take out, and which are refused before they can slow anything down."""

from __future__ import annotations

import time

import pytest

from fde_events.errors import BadInput
from fde_sidecar.custom import CustomRule, read_custom
from fde_sidecar.redact import Redactor

KEY = b"0123456789abcdef0123456789abcdef"


def rules(*patterns: str) -> tuple[CustomRule, ...]:
    return read_custom(
        [{"name": f"r{number}", "pattern": one, "kind": "member-id"} for number, one in enumerate(patterns)],
        where="feed.yaml",
    )


def test_what_a_customer_names_is_replaced_by_its_kind_and_reported() -> None:
    redactor = Redactor(KEY, custom=rules(r"\bMEM-[0-9]+\b", r"(?i)ward\s+[a-z]\d{1,3}"))
    ((text, found),) = redactor.lines(["patient MEM-004711 moved to ward B12"])
    assert text == "patient <member-id> moved to <member-id>"
    assert [one.kind for one in found] == ["member-id", "member-id"]


def test_custom_rules_hold_beyond_ascii_and_where_no_digit_stands() -> None:
    redactor = Redactor(KEY, custom=rules("Straße [A-Z]ü[a-z]+", "projekt falke"))
    assert redactor.redact("geliefert an Straße Mühl, projekt falke") == "geliefert an <member-id>, <member-id>"


def test_redacting_twice_is_redacting_once_with_a_rule_that_fits_its_own_token() -> None:
    redactor = Redactor(KEY, custom=rules("member-[a-z]{2}", "email"))
    once = redactor.redact("member-ab wrote to jane@corp.example about email")
    assert redactor.redact(once) == once


def test_strict_mode_has_them_too_and_the_label_says_how_many() -> None:
    assert Redactor(KEY, "strict", lambda event: event, custom=rules("xyzzy")).redact("xyzzy") == "<member-id>"
    assert Redactor(KEY, custom=rules("xyzzy")).label.endswith("+1")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a+)+$", "repeats what repeats already"),
        ("(?:[a-z]+_?)*x", "repeats what repeats already"),
        (r"\w+\w+\w+\w+=", "make it simpler"),
        (r"(\w)\1", "refers back"),
        ("(?P<a>x)(?P=a)", "group that is neither"),
        ("(?<=id )\\d", "look-around"),
        ("x(?!y)", "look-around"),
        ("(unclosed", "no regular expression"),
        ("a*", "matches the empty text"),
        ("", "has 0 characters"),
        ("x" * 401, "has 401 characters"),
        ("a{2000}", "1000 are the most"),
    ],
)
def test_a_pattern_that_could_hurt_is_refused_with_its_name_and_the_reason(pattern: str, said: str) -> None:
    start = time.process_time()
    with pytest.raises(BadInput) as refused:
        rules(pattern)
    for part in ("feed.yaml", "spec.redaction.rules[0]", "'r0'", said):
        assert part in str(refused.value)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "pattern", [r"\d{3}-\d{4}", r"ACME-[0-9]+", r"(?:\d{1,3}\.){3}\d{1,3}", r"tok_\w{8,64}", r"a+b", r"[\]x]{2}\+"]
)
def test_an_ordinary_pattern_is_taken_and_costs_no_more_than_a_lines_length(pattern: str) -> None:
    (rule,) = rules(pattern)
    start = time.process_time()
    rule.pattern.sub("", ("a0-_." * 20_000) + "\n")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "value",
    ["x", [1], [{"name": "Big", "pattern": "x"}], [{"name": "a"}], [{"name": "a", "pattern": "x", "kind": "A b"}],
     [{"name": "a", "pattern": "x"}] * 2, [{"name": f"a{n}", "pattern": "x"} for n in range(33)]],
)  # fmt: skip
def test_a_list_that_is_wrong_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match=r"spec\.redaction\.rules"):
        read_custom(value, where="feed.yaml")
