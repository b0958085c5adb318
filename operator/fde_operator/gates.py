"""Gates: from a version's numbers and a library's gates to its maturity, the reason, and what it lacks. Pure.

grade(spec, numbers, before) -> Grade

Up: the highest level whose gate the numbers meet, over all recorded attempts and over the last ones alike; all gates up to it
are met then, for production is at least as strict as beta.

Down: a level is lost when over its last `demotion.attempts` attempts (not fewer than `demotion.minAttempts`) the success rate
lies below the level's gate by more than the tolerance, or the median deploy time above it by more than that part of it. The
number of customers demotes nothing: who leaves says nothing about quality.

In between nothing moves. What is lost misses the gate itself, so that nothing is lost and regained by the same numbers:
grading again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fde_api.library import Demotion, Gate, PatternLibrarySpec
from fde_operator.maturity import BETA, EXPERIMENTAL, LEVELS, PRODUCTION, rank
from fde_operator.record import Sample

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SLACK: Final = 1e-9  # 0.95 of 20 is 19, whatever binary fractions say


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a version has shown. `recent`: the last attempts, as many as the library's demotion looks at."""

    overall: Sample
    recent: Sample
    customers: int


@dataclass(frozen=True, slots=True)
class Grade:
    """`reason`: why it moved, empty when it did not. `lacks`: sentences; empty when nothing is above and nothing is wrong."""

    maturity: str
    reason: str
    lacks: tuple[str, ...]


def grade(spec: PatternLibrarySpec, numbers: Numbers, before: str) -> Grade:
    """The maturity of a version that was `before` so far; any word that is no level is experimental."""
    before = before if before in LEVELS else EXPERIMENTAL
    earned = next((level for level in (PRODUCTION, BETA) if not missing(spec, level, numbers)), EXPERIMENTAL)
    kept, losses = before, []
    while rank(kept) > rank(earned) and (why := _lost(spec, kept, numbers.recent)):
        losses.append(f"lost {kept}: {why}")
        kept = LEVELS[rank(kept) - 1]
    level = max(earned, kept, key=rank)
    reason = losses[0] if losses else ""
    if rank(earned) > rank(before):
        reason = f"passed the gate to {level}: {_shown(numbers)}"
    return Grade(level, reason, _lacks(spec, level, numbers))


def missing(spec: PatternLibrarySpec, level: str, numbers: Numbers) -> tuple[str, ...]:
    """What the numbers miss of the gate to `level`, one sentence each; empty when they meet it."""
    gate = _gate(spec, level)
    if not numbers.overall.attempts:
        return (f"no attempt has settled yet, 24 hours after it was Ready; {level} needs {_asked(gate)}",)
    found = []
    for sample in (numbers.overall, numbers.recent):
        if (sample.rate or 0.0) + _SLACK < gate.min_success_rate:
            found.append(f"success rate {_share(sample)}; {level} needs {gate.min_success_rate:g}")
            break
    if numbers.overall.deploy_s is None:
        found.append(f"it has never become Ready; {level} needs that within {gate.max_deploy_time}")
    else:
        slow = [s for s in (numbers.overall, numbers.recent) if (s.deploy_s or 0) > seconds(gate.max_deploy_time)]
        if slow:
            found.append(f"median deploy time {_spoken(slow[0].deploy_s or 0)}; {level} needs {gate.max_deploy_time}")
    if numbers.customers < gate.min_usage_count:
        found.append(f"it succeeded for {_customers(numbers.customers)}; {level} needs {gate.min_usage_count}")
    return tuple(found)


def seconds(duration: str) -> int:
    """Of a duration such as ``8h``."""
    return int(duration[:-1]) * _UNITS_S[duration[-1]]


def _lost(spec: PatternLibrarySpec, level: str, recent: Sample) -> str:
    """Why the last attempts take `level` away; empty when they do not."""
    gate, demotion = _gate(spec, level), spec.demotion
    if recent.attempts < demotion.min_attempts:
        return ""
    if (recent.rate or 0.0) + _SLACK < gate.min_success_rate - demotion.tolerance:
        return f"success rate {_share(recent)} is below {gate.min_success_rate:g} by more than {demotion.tolerance:g}"
    slowest = seconds(gate.max_deploy_time) * (1 + demotion.tolerance)
    if recent.deploy_s is not None and recent.deploy_s > slowest:
        took = _spoken(recent.deploy_s)
        return (
            f"median deploy time {took} of its last {recent.attempts} attempts is above {gate.max_deploy_time}"
            + _part(demotion)
        )
    return ""


def _lacks(spec: PatternLibrarySpec, level: str, numbers: Numbers) -> tuple[str, ...]:
    """For the level that it holds within the tolerance alone, and for the next."""
    own = missing(spec, level, numbers) if level != EXPERIMENTAL else ()
    above = missing(spec, LEVELS[rank(level) + 1], numbers) if level != PRODUCTION else ()
    return tuple(f"to keep it: {sentence}" for sentence in own) + above


def _gate(spec: PatternLibrarySpec, level: str) -> Gate:
    return spec.gates.production if level == PRODUCTION else spec.gates.beta


def _part(demotion: Demotion) -> str:
    return f" by more than {demotion.tolerance:.0%}" if demotion.tolerance else ""


def _asked(gate: Gate) -> str:
    return (
        f"a success rate of {gate.min_success_rate:g}, Ready within {gate.max_deploy_time} and "
        f"{_customers(gate.min_usage_count)}"
    )


def _shown(numbers: Numbers) -> str:
    took = "" if numbers.overall.deploy_s is None else f", median deploy time {_spoken(numbers.overall.deploy_s)}"
    return f"success rate {_share(numbers.overall)}{took}, {_customers(numbers.customers)}"


def _share(sample: Sample) -> str:
    """``0.909 of its last 11 attempts``; cut, not rounded: what misses a gate must not read as if it met it."""
    rate = int((sample.rate or 0.0) * 1000 + _SLACK) / 1000
    return f"{rate:g} of its last {_counted(sample.attempts, 'attempt')}"


def _customers(count: int) -> str:
    return _counted(count, "customer")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _spoken(duration_s: int) -> str:
    """In the largest unit that says it exactly."""
    unit = next(u for u in ("d", "h", "m", "s") if duration_s % _UNITS_S[u] == 0) if duration_s else "s"
    return f"{duration_s // _UNITS_S[unit]}{unit}"
