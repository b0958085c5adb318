"""An object that something fights over is reconciled slowly, and at full speed again when the fight is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fde_operator.key import Key
from fde_operator.object_breaker import ObjectBreaker

KEY = Key("FDEDeployment", "customer-northgate", "sync")
OTHER = Key("FDEDeployment", "customer-northgate", "other")


def fought(breaker: ObjectBreaker, seconds: float, *, since: float = 0.0, every: float = 0.2) -> list[float]:
    """When it was reconciled, if something asks `every` so many seconds; a wait it was told is waited out as well."""
    done, now_s = [], since
    while now_s < since + seconds:
        if breaker.admit(KEY, now_s) == 0:
            done.append(now_s)
        now_s += every
    return done


def test_what_a_new_object_needs_is_let_through() -> None:
    breaker = ObjectBreaker()
    assert len(fought(breaker, 5.0)) == 25
    assert not breaker.tripped(KEY)


def test_a_fight_is_slowed_told_and_does_not_slow_others() -> None:
    breaker = ObjectBreaker(rate=0.5, burst=40.0, slow_s=30.0)
    done = fought(breaker, 600.0)
    assert breaker.tripped(KEY) and breaker.count() == {"FDEDeployment": 1} and breaker.opened == {"FDEDeployment": 1}
    assert len([at for at in done if at > 60]) in range(17, 20)  # one in 30 s
    assert breaker.admit(OTHER, 600.0) == 0


def test_a_fight_that_is_over_is_forgotten_after_one_quiet_wait() -> None:
    breaker = ObjectBreaker(slow_s=30.0)
    fought(breaker, 120.0)
    now_s = 120.0
    while (delay_s := breaker.admit(KEY, now_s)) > 0:
        now_s += delay_s
    assert breaker.tripped(KEY)  # admitted, and slow: something had asked
    assert breaker.admit(KEY, now_s + 30.0) == 0
    assert not breaker.tripped(KEY)
    assert len(fought(breaker, 2.1, since=now_s + 31.0)) == 11


def test_a_timer_that_fires_a_moment_early_is_no_new_question() -> None:
    breaker = ObjectBreaker(rate=0.001, burst=1.0, slow_s=30.0)
    assert breaker.admit(KEY, 0.0) == 0
    assert breaker.admit(KEY, 1.0) == 30.0
    assert breaker.admit(KEY, 30.99) == 0
    assert breaker.admit(KEY, 60.98) == 0
    assert not breaker.tripped(KEY)


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from([KEY, OTHER])), max_size=120))
def test_no_key_is_reconciled_more_than_its_bucket_allows_and_none_starves(asked: list[tuple[float, Key]]) -> None:
    breaker = ObjectBreaker(rate=0.5, burst=5.0, slow_s=10.0)
    now_s, done = 0.0, {KEY: [0.0], OTHER: [0.0]}
    for gap, key in asked:
        now_s += gap
        delay_s = breaker.admit(key, now_s)
        assert 0 <= delay_s <= 10.0
        if delay_s == 0:
            done[key].append(now_s)
    for times in done.values():
        stretches = [(times[n + 11] - times[n]) for n in range(len(times) - 11)]
        assert all(stretch >= 6 for stretch in stretches)  # two bursts and a wait between them


def test_memory_is_bounded_by_what_was_reconciled_lately() -> None:
    breaker = ObjectBreaker(rate=0.5, burst=5.0)
    for number in range(20_000):
        breaker.admit(Key("FDEDeployment", "n", str(number)), number * 0.1)
    assert len(breaker._buckets) <= 1100


def test_what_was_fought_over_and_deleted_is_forgotten_by_the_looks_that_it_is_due_for() -> None:
    """Nobody has to tell of its end: as in the reconciler, each wait ends with a look, and each slow look with a wait."""
    breaker, now_s = ObjectBreaker(rate=0.01, burst=1.0, slow_s=30.0), 0.0
    due = {Key("FDEDeployment", "n", str(number)): 0.0 for number in range(3000)}
    for key in due:
        assert breaker.admit(key, now_s) == 0
        due[key] = breaker.admit(key, now_s)
    assert len(breaker._tripped) == 3000
    while due:
        now_s += 15.0
        for key in [key for key, at_s in due.items() if at_s <= now_s]:
            del due[key]
            if (wait_s := breaker.admit(key, now_s)) or breaker.tripped(key):
                due[key] = now_s + (wait_s or breaker.slow_s)
    assert now_s <= 90.0
    assert breaker._tripped == {}
    for number in range(1000):
        breaker.admit(OTHER, now_s + 1000.0 + number * 200.0)
    assert set(breaker._buckets) == {OTHER}
