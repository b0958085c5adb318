"""Findings: every validator says the same of the same payload."""

import pytest

from fde_streams.finding import findings_of

MISSING = ("missing:vatId",)
SAID = [
    ("ValidationError", "1 validation error for Delivery\nvatId\n  Field required [type=missing, input_value={}, input_type=dict]"),
    ("ZodError", '[\n  {\n    "code": "invalid_type",\n    "expected": "string",\n    "path": ["vatId"],\n    "message": "Required"\n  }\n]'),
    ("ValidationError", "'vatId' is a required property\n\nFailed validating 'required' in schema:"),
    ("ValidationError", "{'vatId': ['Missing data for required field.']}"),
    ("ValidationError", "{0: {'vatId': ['Missing data for required field.']}, 3: {'vatId': ['Missing data for required field.']}}"),
    ("ValidationError", "[2].vatId is a required field"),
    ("ValidationError", '"vatId" is required'),
    ("TypeError", "row 7 rejected: must have required property 'vatId'"),
    ("Error", "data/4/vatId is required"),
]  # fmt: skip


@pytest.mark.parametrize(("type_name", "message"), SAID)
def test_every_validator_finds_the_same_missing_field(type_name, message):
    assert findings_of(message, type_name) == MISSING


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("enum", '"[0].incoterm" must be one of [EXW, DAP]'),
        ("enum", "{'incoterm': ['Must be one of: EXW, DAP.']}"),
        ("type", "/3/incoterm must be string"),
        ("null", "{'incoterm': ['Field may not be null.']}"),
        ("type", "Expected `float`, got `str` - at `$[0].incoterm`"),
        ("null", "Expected `str`, got `null` - at `$[0].incoterm`"),
        ("missing", "Object missing required field `incoterm` - at `$[0]`"),
        ("extra", "Additional properties are not allowed ('incoterm' was unexpected)"),
        ("format", "{'incoterm': ['Not a valid date.']}"),
    ],
)
def test_the_kind_of_complaint_is_told(kind, message):
    assert findings_of(message, "ValidationError") == (f"{kind}:incoterm",)


def test_a_field_whose_name_says_little_keeps_what_it_is_in():
    assert findings_of("[0].billing.email is a required field", "ValidationError") == ("missing:billing.email",)
    assert findings_of("[0].shipping.email is a required field", "ValidationError") == ("missing:shipping.email",)


@pytest.mark.parametrize(
    "message",
    [
        "the gateway is down and must be restarted",
        "Connection is required to be encrypted",
        "invoice is missing",
        "",
        "'" * 4_000,
    ],
)
def test_words_of_an_application_are_no_finding(message):
    assert findings_of(message, "RuntimeError") == ()


def test_a_long_message_is_read_in_linear_time():
    assert findings_of("a.b must be " * 20_000, "ValidationError") is not None
