"""What a session knows of itself, and what of several feeds is said together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fde_sidecar.status import OTHER, REASONS, Status, closed, together


def test_feeds_add_up_and_the_longest_lag_and_the_strictest_switch_speak_for_all() -> None:
    first = Status(read_bytes=3, lag_s=1.0, events={"error": 2}, acknowledged_ago_s=4.0, started=9.0)
    other = Status(read_bytes=4, lag_s=7.5, events={"error": 1, "performance": 1}, switch="hold", started=5.0)
    both = together([first, other])
    assert (both.read_bytes, both.lag_s, both.switch, both.started) == (7, 7.5, "hold", 5.0)
    assert (both.events, both.acknowledged_ago_s) == ({"error": 3, "performance": 1}, 4.0)


def test_one_feed_s_status_is_its_own() -> None:
    status = Status(epoch="e", read_bytes=3, dropped={"spool-full:error": 1}, trouble="no broker")
    assert together([status]) == status


def test_a_reason_counts_under_what_stands_before_its_colon() -> None:
    assert closed({"spool-full:error": 2, "spool-full:performance": 3}, REASONS)["spool-full"] == 5


@given(st.dictionaries(st.text(), st.integers(min_value=0, max_value=10**9)))
def test_no_name_outside_the_set_is_shown_and_nothing_counted_is_lost(counts: dict[str, int]) -> None:
    shown = closed(counts, REASONS)
    assert set(shown) <= {*REASONS, OTHER}
    assert sum(shown.values()) == sum(counts.values())


def test_reasons_that_programs_give_have_a_name_of_their_own() -> None:
    from fde_sidecar import oversize, spool

    assert {oversize.TOO_LARGE, spool.DAMAGED, spool.PURGED} <= set(REASONS)
