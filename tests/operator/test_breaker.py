"""A system that does not answer is left alone, probed by one, and asked again as soon as it answers."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from fde_operator.breaker import Breaker, State


def failing(breaker: Breaker, now_s: float = 0.0) -> Breaker:
    for _ in range(breaker.failures):
        admitted = breaker.admit(now_s)
        assert admitted is not None
        breaker.failed(admitted, now_s)
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(failures=3)
    for ends in (False, False, True, False, False):
        admitted = breaker.admit(0.0)
        assert admitted is not None
        breaker.succeeded(admitted) if ends else breaker.failed(admitted, 0.0)
    assert breaker.state is State.CLOSED
    assert failing(Breaker(failures=3)).state is State.OPEN


def test_one_probes_and_the_others_wait_for_what_it_finds() -> None:
    breaker = failing(Breaker(failures=2, base_s=1.0))
    assert breaker.admit(0.9) is None
    probe = breaker.admit(1.0)
    assert probe is not None and breaker.state is State.HALF_OPEN
    assert breaker.admit(1.0) is None
    breaker.succeeded(probe)
    assert breaker.state is State.CLOSED and breaker.admit(1.0) is not None


def test_each_probe_that_fails_doubles_the_wait_up_to_the_cap() -> None:
    breaker = failing(Breaker(failures=1, base_s=1.0, cap_s=5.0))
    waits, now_s = [], 0.0
    for _ in range(5):
        waits.append(breaker.wait_s(now_s))
        now_s += waits[-1]
        probe = breaker.admit(now_s)
        assert probe is not None
        breaker.failed(probe, now_s)
    assert waits == [1, 2, 4, 5, 5]
    assert breaker.opened == 6


def test_what_was_asked_before_it_opened_neither_closes_nor_prolongs_it() -> None:
    breaker = Breaker(failures=1, base_s=1.0)
    early, late = breaker.admit(0.0), breaker.admit(0.0)
    assert early is not None and late is not None
    breaker.failed(early, 0.0)
    breaker.succeeded(late)
    assert breaker.state is State.OPEN
    breaker.failed(late, 0.9)
    assert breaker.wait_s(0.0) == 1.0


def test_a_probe_that_nobody_waited_for_leaves_room_for_the_next() -> None:
    breaker = failing(Breaker(failures=1, base_s=1.0))
    probe = breaker.admit(1.0)
    assert probe is not None
    breaker.abandoned(probe)
    assert breaker.admit(1.0) is not None


class Calling(RuleBasedStateMachine):
    """Calls that begin and end in any order, at any time."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(failures=3, base_s=1.0, cap_s=8.0)
        self.now_s = 0.0
        self.probes: set[int] = set()

    @rule(seconds=st.floats(0, 10))
    def passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(target=calls)
    def begins(self) -> int | None:
        waited_for = self.breaker.wait_s(self.now_s)
        admitted = self.breaker.admit(self.now_s)
        assert (admitted is None) == (waited_for > 0)
        if admitted is not None and self.breaker.state is State.HALF_OPEN:
            assert not self.probes, "two probes at once"
            self.probes.add(admitted)
        return admitted

    @rule(call=consumes(calls), how=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def ends(self, call: int | None, how: str) -> None:
        if call is None:
            return
        was, probing = self.breaker.state, call in self.probes
        self.probes.discard(call)
        if how == "failed":
            self.breaker.failed(call, self.now_s)
        elif how == "succeeded":
            self.breaker.succeeded(call)
        else:
            self.breaker.abandoned(call)
        if probing:
            assert self.breaker.state is (State.CLOSED if how == "succeeded" else State.OPEN)
        elif was is not State.CLOSED:
            assert self.breaker.state is was

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        assert self.breaker.wait_s(self.now_s) <= 8.0
        assert (self.breaker.state is State.HALF_OPEN) == bool(self.probes)


TestCalling = Calling.TestCase
TestCalling.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.integers(1, 20))
def test_exactly_so_many_failures_open_it(failures: int) -> None:
    breaker = Breaker(failures=failures)
    for _ in range(failures - 1):
        breaker.failed(breaker.admit(0.0) or 0, 0.0)
    assert breaker.state is State.CLOSED
    breaker.failed(breaker.admit(0.0) or 0, 0.0)
    assert breaker.state is State.OPEN
