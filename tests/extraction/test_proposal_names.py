"""What a proposal is called: no word that fewer than three customers said, be it in the title or of the block."""

from __future__ import annotations

import msgspec

from fde_events.challenge import Challenge
from fde_extraction.proposal import primitive_name
from fde_extraction.worker import _export


def a_challenge(**changes: str) -> Challenge:
    base = Challenge(
        id="ch-1", title="aster-feed: type total", kind="schema_drift", block="schema_drift/aster-feed", signatures=("a" * 32,),
        deployments=3, customers=1, events=3, first_seen="", last_seen="", raised_at="",
        public_title="<word> type <word>",
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def test_a_source_that_one_customer_named_names_no_primitive() -> None:
    assert primitive_name(a_challenge(), "python") == "type-python"
    said = a_challenge(block="error/stripe", public_title="stripe: rate-limit.burst")
    assert primitive_name(said, "python") == "stripe-rate-limit-burst-python"


def test_exported_challenges_name_no_such_source(tmp_path) -> None:  # type: ignore[no-untyped-def]
    _export(tmp_path / "challenges.jsonl", [a_challenge()])
    text = (tmp_path / "challenges.jsonl").read_text()
    assert "aster" not in text
    assert '"kind":"schema_drift","block":"schema_drift/"' in text
