"""Which version runs, and which one waits: the decision alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.deployment import Environment, FDEDeploymentSpec, Lifecycle, PrimitiveRef
from fde_operator.errors import Held
from fde_operator.update import Choice, Standing, choose, held_back
from fde_operator.version import Published, published, released
from fde_operator.window import Opening

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPEN = Opening(NOW - timedelta(hours=1), NOW + timedelta(hours=1), UTC)
LATER = Opening(NOW + timedelta(hours=14), NOW + timedelta(hours=16), UTC)


def a_spec(version: str = "v1.4.2", policy: Any = "patch-only", phase: Any = "production", **changes: Any) -> Any:
    spec = FDEDeploymentSpec(
        primitive_ref=PrimitiveRef(name="p", version=version),
        environment=Environment(network_zone="dmz"),
        lifecycle=Lifecycle(phase=phase, auto_update_policy=policy, maintenance_window="sun 02:00-04:00"),
    )
    return msgspec.structs.replace(spec, **changes)


def there(*names: str, **maturity: str) -> dict[str, Published]:
    """Versions by name, of production grade; `maturity` of the others by name with underscores (v1_4_3="beta")."""
    found = []
    for name in names:
        reached = maturity.get(name.replace(".", "_"), "production")
        marks = {"annotations": {"fde.io/deprecated": "loses rows"}} if reached == "deprecated" else {}
        metadata = {"name": f"p.{name}", **marks}
        found.append(
            {"metadata": metadata, "spec": {"version": name}, "status": {} if marks else {"maturity": reached}}
        )
    return published(found, "")


def decided(spec: Any, versions: Any, standing: Standing | None = None, opening: Opening | None = LATER) -> Choice:
    return choose(spec, versions, standing or Standing(), at=NOW, opening=opening)


def running(version: str, requested: str = "v1.4.2", **more: Any) -> Standing:
    return Standing(running=version, requested=requested, **more)


def test_a_first_deployment_takes_the_highest_patch_and_waits_for_no_window() -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7", "v1.5.0", "v1.4.8-rc.1"))
    assert (choice.version, choice.reason, choice.available) == ("v1.4.7", "FirstDeployment", "v1.5.0")
    assert not choice.pending.waits


def test_a_first_deployment_passes_over_what_failed_here_unless_it_is_all_there_is() -> None:
    versions = there("v1.4.2", "v1.4.6", "v1.4.7")
    assert decided(a_spec(), versions, Standing(refused={"v1.4.7"})).version == "v1.4.6"
    assert decided(a_spec(), versions, Standing(refused={"v1.4.6", "v1.4.7"})).version == "v1.4.2"
    assert decided(a_spec(), versions, Standing(refused=set(versions))).version == "v1.4.2"
    only = decided(a_spec(), there("v1.4.7"), Standing(refused={"v1.4.7"}))
    assert (only.version, only.reason) == ("v1.4.7", "FirstDeployment")


def test_a_first_deployment_takes_nothing_less_mature_than_the_version_it_names() -> None:
    versions = there("v1.4.2", "v1.4.7", v1_4_2="beta", v1_4_7="experimental")
    assert decided(a_spec(phase="staging"), versions).version == "v1.4.2"
    assert decided(a_spec(phase="development"), versions).version == "v1.4.7"


def test_a_first_deployment_in_production_runs_what_is_named_or_what_is_of_production_grade() -> None:
    of_no_grade = there("v1.4.2", "v1.4.7", v1_4_2="experimental", v1_4_7="experimental")
    assert decided(a_spec(), of_no_grade).version == "v1.4.2"
    assert decided(a_spec(), there("v1.4.7", v1_4_7="beta")).version is None
    graded = there("v1.4.2", "v1.4.5", "v1.4.7", v1_4_2="experimental", v1_4_7="beta")
    assert decided(a_spec(), graded).version == "v1.4.5"


@pytest.mark.parametrize("asked", [None, "true", "v1.4.9"])
@pytest.mark.parametrize("reached", ["experimental", "beta"])
def test_production_is_not_updated_onto_less_though_it_runs_what_a_person_named(
    asked: str | None, reached: str
) -> None:
    versions = there("v1.4.2", "v1.4.9", v1_4_2="experimental", v1_4_9=reached)
    choice = decided(a_spec(), versions, running("v1.4.2", asked=asked), OPEN)
    assert (choice.version, choice.pending.waits, choice.pending.reason) == ("v1.4.2", False, "NotTaken")
    assert f"p.v1.4.9 is {reached}, and in phase production only" in choice.pending.message
    staging = decided(a_spec(phase="staging"), versions, running("v1.4.2"), OPEN)
    assert (staging.version, staging.reason) == ("v1.4.9", "AutoUpdate")


def test_outside_the_window_the_running_version_stays_and_the_pending_one_is_told_with_its_time() -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), running("v1.4.2"))
    assert (choice.version, choice.reason) == ("v1.4.2", "")
    assert (choice.pending.waits, choice.pending.reason, choice.pending.opening) == (True, "OutsideWindow", LATER)
    assert "v1.4.7 is taken when the maintenance window opens, at 2026-11-22T02:00:00+00:00" in choice.pending.message


def test_inside_the_window_it_is_taken() -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), running("v1.4.2"), OPEN)
    assert (choice.version, choice.reason, choice.pending.waits) == ("v1.4.7", "AutoUpdate", False)


@pytest.mark.parametrize("opening", [OPEN, LATER])
@pytest.mark.parametrize(("edited", "runs"), [("v1.4.9", "v1.4.9"), ("v1.4.1", "v1.4.1"), ("v2.0.0", "v2.0.0")])
def test_an_edit_of_the_spec_is_followed_at_once_up_or_down(opening: Opening, edited: str, runs: str) -> None:
    versions = there("v1.4.1", "v1.4.2", "v1.4.7", "v1.4.9", "v1.4.11", "v2.0.0")
    choice = decided(a_spec(edited), versions, running("v1.4.7"), opening)
    assert (choice.version, choice.reason) == (runs, "SpecEdited")


def test_an_edit_that_names_what_runs_already_changes_nothing() -> None:
    choice = decided(a_spec("v1.4.7"), there("v1.4.2", "v1.4.7"), running("v1.4.7"))
    assert (choice.version, choice.reason) == ("v1.4.7", "")


@pytest.mark.parametrize("opening", [OPEN, LATER, None])
@pytest.mark.parametrize(
    ("policy", "floor", "runs", "edited"),
    [("patch-only", "v1.4.2", "v1.4.7", "v1.4.5"), ("minor", "v1.4.2", "v1.6.0", "v1.5.0")],
)
def test_a_floor_that_is_raised_to_below_what_runs_is_no_way_back(
    opening: Opening | None, policy: Any, floor: str, runs: str, edited: str
) -> None:
    versions = there(floor, edited, runs)
    choice = decided(a_spec(edited, policy), versions, running(runs, floor), opening)
    assert (choice.version, choice.reason, choice.pending.waits) == (runs, "", False)
    assert decided(a_spec(edited, policy), there(runs), running(runs, floor), opening).version == runs


def test_an_edit_away_from_a_version_that_failed_or_that_the_policy_would_not_take_is_followed() -> None:
    versions = there("v1.4.2", "v1.4.5", "v1.4.7", "v1.6.0")
    failed = decided(a_spec("v1.4.5"), versions, running("v1.4.7", refused={"v1.4.7"}))
    assert (failed.version, failed.reason) == ("v1.4.5", "SpecEdited")
    other_line = decided(a_spec("v1.4.5", "patch-only"), versions, running("v1.6.0"))
    assert (other_line.version, other_line.reason) == ("v1.4.5", "SpecEdited")
    off = decided(a_spec("v1.4.5", "none"), versions, running("v1.4.7"))
    assert (off.version, off.reason) == ("v1.4.5", "SpecEdited")


def test_an_update_waits_for_the_rollout_before_it() -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), running("v1.4.2", under_way=True), OPEN)
    assert (choice.version, choice.pending.reason) == ("v1.4.2", "RolloutUnderWay")


def test_a_version_that_is_not_published_is_waited_for() -> None:
    assert decided(a_spec(policy="none"), there("v1.4.3")).version is None
    assert decided(a_spec("v1.4.9", "none"), there("v1.4.2"), running("v1.4.2")).version is None
    assert decided(a_spec("v1.4.9"), there("v1.4.2", "v1.4.7"), running("v1.4.7"), OPEN).version is None


def test_what_runs_needs_no_other_version_to_be_there_still() -> None:
    choice = decided(a_spec(), there("v1.4.7"), running("v1.4.7"))
    assert (choice.version, choice.reason) == ("v1.4.7", "")


@pytest.mark.parametrize("opening", [OPEN, LATER, None])
def test_a_running_version_that_is_withdrawn_is_chosen_anew_as_the_first_was(opening: Opening | None) -> None:
    left = there("v1.4.2", "v1.4.6", "v1.5.0")
    choice = decided(a_spec(), left, running("v1.4.5"), opening)
    assert (choice.version, choice.reason) == ("v1.4.6", "Withdrawn")
    assert "v1.4.5 is not published for this customer any more: v1.4.6 runs in its place" in choice.pending.message
    assert decided(a_spec(), left, running("v1.4.5", refused={"v1.4.6"}), opening).version == "v1.4.2"
    ungraded = there("v1.4.2", "v1.4.6", v1_4_2="experimental", v1_4_6="beta")
    assert decided(a_spec(), ungraded, running("v1.4.5"), opening).version == "v1.4.2"
    assert decided(a_spec(), there("v1.5.0"), running("v1.4.5"), opening).version is None
    assert decided(a_spec(policy="none"), left, running("v1.4.5"), opening).version == "v1.4.2"


def test_an_annotation_that_is_answered_by_what_runs_is_no_fault() -> None:
    versions = there("v1.4.2", "v1.4.7", "v1.5.0")
    choice = decided(a_spec(), versions, Standing(asked="v1.4.7"))
    assert (choice.version, choice.pending.message, choice.handled) == ("v1.4.7", "", "v1.4.7")
    assert decided(a_spec(), versions, Standing(asked="v1.5.0")).pending.message.startswith("Annotation")


def test_a_first_deployment_whose_version_was_withdrawn_takes_a_later_patch() -> None:
    assert decided(a_spec(), there("v1.4.7", "v1.5.0")).version == "v1.4.7"


def test_without_a_policy_exactly_the_named_version_runs_and_a_newer_one_is_told() -> None:
    choice = decided(a_spec(policy="none"), there("v1.4.2", "v1.4.7"), running("v1.4.2"), OPEN)
    assert (choice.version, choice.available, choice.pending.reason) == ("v1.4.2", "v1.4.7", "AutoUpdateOff")


def test_to_turn_auto_update_off_is_to_go_back_to_what_the_spec_names() -> None:
    choice = decided(a_spec(policy="none"), there("v1.4.2", "v1.4.7"), running("v1.4.7"), OPEN)
    assert (choice.version, choice.reason, choice.pending.waits) == ("v1.4.2", "AutoUpdateOff", False)
    assert decided(a_spec(policy="none"), there("v1.4.2", "v1.4.7"), running("v1.4.7"), None).version == "v1.4.2"


def test_which_waits_for_the_window_as_an_update_does() -> None:
    versions, spec = there("v1.4.2", "v1.4.7"), a_spec(policy="none")
    choice = decided(spec, versions, running("v1.4.7"))
    assert (choice.version, choice.reason) == ("v1.4.7", "")
    assert (choice.pending.waits, choice.pending.reason, choice.pending.opening) == (True, "OutsideWindow", LATER)
    assert "v1.4.2, which the spec names, runs again when the maintenance window opens" in choice.pending.message
    for asked in ("true", "v1.4.2"):
        now = decided(spec, versions, running("v1.4.7", asked=asked))
        assert (now.version, now.reason, now.handled) == ("v1.4.2", "AutoUpdateOff", asked)
    assert decided(a_spec(policy="none", suspend=True), versions, running("v1.4.7")).version == "v1.4.2"
    assert decided(spec, there("v1.4.2"), running("v1.4.7")).version == "v1.4.2", "nothing is left to wait with"


def test_a_narrower_policy_moves_nothing_by_itself() -> None:
    choice = decided(a_spec(policy="patch-only"), there("v1.4.2", "v1.4.7", "v1.5.0"), running("v1.5.0"), OPEN)
    assert (choice.version, choice.reason) == ("v1.5.0", "")


def test_a_version_that_failed_here_is_not_taken_again_and_the_next_one_is() -> None:
    standing = running("v1.4.2", refused={"v1.4.7"})
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), standing, OPEN)
    assert (choice.version, choice.pending.reason) == ("v1.4.2", "NotTaken")
    assert "v1.4.7 failed here" in choice.pending.message
    assert decided(a_spec(), there("v1.4.2", "v1.4.7", "v1.4.8"), standing, OPEN).version == "v1.4.8"


def test_gates_that_are_not_met_and_deprecation_are_told() -> None:
    versions = there("v1.4.2", "v1.4.6", "v1.4.7", v1_4_2="production", v1_4_6="beta", v1_4_7="deprecated")
    choice = decided(a_spec(), versions, running("v1.4.2"), OPEN)
    assert (choice.version, choice.pending.reason) == ("v1.4.2", "NotTaken")
    assert "p.v1.4.6 is beta" in choice.pending.message
    assert "p.v1.4.7 is deprecated: loses rows" in choice.pending.message
    assert choice.available == "v1.4.6"


def test_a_suspended_deployment_is_not_updated_and_its_spec_is_followed() -> None:
    versions = there("v1.4.2", "v1.4.7")
    choice = decided(a_spec(suspend=True), versions, running("v1.4.2", asked="v1.4.7"), OPEN)
    assert (choice.version, choice.pending.reason, choice.pending.waits) == ("v1.4.2", "Suspended", True)
    assert decided(a_spec("v1.4.7", suspend=True), versions, running("v1.4.2")).version == "v1.4.7"


def test_the_annotation_lets_the_named_version_through_once() -> None:
    versions = there("v1.4.2", "v1.4.6", "v1.4.7")
    choice = decided(a_spec(), versions, running("v1.4.2", asked="v1.4.6"))
    assert (choice.version, choice.reason, choice.handled) == ("v1.4.6", "UpdateNow", "v1.4.6")
    after = decided(a_spec(), versions, running("v1.4.6", asked="v1.4.6", handled="v1.4.6"))
    assert (after.version, after.pending.reason, after.handled) == ("v1.4.6", "OutsideWindow", "v1.4.6")


def test_true_lets_through_what_is_pending_and_nothing_that_comes_later() -> None:
    versions = there("v1.4.2", "v1.4.7")
    choice = decided(a_spec(), versions, running("v1.4.2", asked="true"))
    assert (choice.version, choice.reason, choice.handled) == ("v1.4.7", "UpdateNow", "true")
    later = there("v1.4.2", "v1.4.7", "v1.4.8")
    after = decided(a_spec(), later, running("v1.4.7", asked="true", handled="true"))
    assert (after.version, after.pending.reason) == ("v1.4.7", "OutsideWindow")
    removed = decided(a_spec(), later, running("v1.4.7", asked=None, handled="true"))
    assert removed.handled is None
    assert decided(a_spec(), later, running("v1.4.7", asked="true", handled=None)).version == "v1.4.8"


def test_true_is_spent_when_nothing_is_pending() -> None:
    assert decided(a_spec(), there("v1.4.2"), running("v1.4.2", asked="true")).handled == "true"
    assert decided(a_spec(policy="none"), there("v1.4.2"), running("v1.4.2", asked="true")).handled == "true"
    assert decided(a_spec(), there("v1.4.2", "v1.4.7"), Standing(asked="true")).handled == "true"


def test_the_annotation_waits_for_a_version_that_is_yet_to_come_and_for_a_rollout_under_way() -> None:
    assert decided(a_spec(), there("v1.4.2"), running("v1.4.2", asked="v1.4.7")).handled is None
    busy = running("v1.4.2", asked="true", under_way=True)
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), busy)
    assert (choice.version, choice.handled) == ("v1.4.2", None)


def test_a_person_may_try_a_version_again_that_failed_here() -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), running("v1.4.2", asked="v1.4.7", refused={"v1.4.7"}))
    assert (choice.version, choice.reason) == ("v1.4.7", "UpdateNow")


@pytest.mark.parametrize("asked", ["v1.5.0", "v1.4.1", "v1.4.8-rc.1", "1.4.7", "yes", "v1.4.9"])
def test_the_annotation_opens_no_way_that_the_policy_does_not(asked: str) -> None:
    versions = there("v1.4.1", "v1.4.2", "v1.4.7", "v1.5.0", "v1.4.8-rc.1", "v1.4.9", v1_4_9="deprecated")
    choice = decided(a_spec(), versions, running("v1.4.2", asked=asked))
    assert (choice.version, choice.pending.reason) == ("v1.4.2", "OutsideWindow")
    assert "fde.io/update-now" in choice.pending.message


@pytest.mark.parametrize("asked", [None, "", "false"])
def test_without_the_annotation_nothing_is_let_through(asked: str | None) -> None:
    choice = decided(a_spec(), there("v1.4.2", "v1.4.7"), running("v1.4.2", asked=asked, handled="v1.4.2"))
    assert (choice.version, choice.handled) == ("v1.4.2", None)


def test_an_update_that_the_spec_cannot_run_leaves_what_runs_and_says_why() -> None:
    versions, standing = there("v1.4.2", "v1.4.7"), running("v1.4.2", asked="v1.4.7")
    choice = decided(a_spec(), versions, standing, OPEN)
    back = held_back(choice, Held("ParametersInvalid", "parameter region needs a value (string)"), standing, versions)
    assert (back.version, back.reason, back.pending.waits) == ("v1.4.2", "", True)
    assert back.pending.reason == "ParametersInvalid"
    assert back.pending.message == "v1.4.7 is not taken: parameter region needs a value (string)"
    assert back.handled is None  # the edit that gives the value takes it at once


numbers = st.integers(0, 2)
releases = st.tuples(numbers, numbers, numbers).map(lambda v: "v{}.{}.{}".format(*v))
names = releases | st.tuples(releases, st.sampled_from(["rc.1", "0"])).map("-".join)
levels = st.sampled_from(["experimental", "beta", "production", "deprecated"])


@given(
    st.dictionaries(names, levels, min_size=1),
    st.data(),
    st.sampled_from(["none", "patch-only", "minor"]),
    st.sampled_from([OPEN, LATER, None]),
    st.sampled_from([None, "true", "v1.1.1", "v2.2.2", "nonsense"]),
    st.booleans(),
    st.sampled_from(["development", "staging", "production"]),
)
def test_whatever_there_is_an_update_by_itself_keeps_every_rule(
    maturity: dict[str, str], data: st.DataObject, policy: Any, opening: Any, asked: Any, suspend: bool, phase: str
) -> None:
    versions = there(*maturity, **{name.replace(".", "_"): level for name, level in maturity.items()})
    wanted = data.draw(st.sampled_from(sorted(maturity)))
    runs = data.draw(st.sampled_from(sorted(maturity)))
    refused = data.draw(st.sets(st.sampled_from(sorted(maturity))))
    spec = a_spec(wanted, policy, phase, suspend=suspend)
    standing = Standing(running=runs, requested=wanted, refused=refused, asked=asked)
    choice = choose(spec, versions, standing, at=NOW, opening=opening)
    assert choice.version in versions
    if choice.reason == "AutoUpdateOff":
        assert (policy, choice.version) == ("none", wanted)
        assert opening is not LATER or suspend or asked in ("true", wanted)
        return
    if not choice.reason:
        assert choice.version == runs
        return
    before, after, named = released(runs), released(choice.version or ""), released(wanted)
    assert after is not None, "never onto a pre-release"
    assert before is not None and after > before, "never down, never onto itself"
    assert named is not None and after.major == named.major
    assert policy == "minor" or after.minor == named.minor, "patch-only never crosses the minor version"
    assert maturity[str(choice.version)] != "deprecated"
    order = ["deprecated", "experimental", "beta", "production"]
    assert phase == "development" or order.index(maturity[str(choice.version)]) >= order.index(maturity[runs])
    assert phase != "production" or maturity[str(choice.version)] == "production"
    assert not suspend
    if choice.reason == "AutoUpdate":
        assert opening is OPEN
        assert choice.version not in refused
    else:
        assert asked in ("true", choice.version)
    # Decided again with that running, it stays: nothing runs away by itself within one window. And all is told already.
    again = Standing(running=choice.version, requested=wanted, refused=refused, asked=asked, handled=choice.handled)
    assert choose(spec, versions, again, at=NOW, opening=LATER).version == choice.version
    under_way = choose(spec, versions, replace(again, under_way=True), at=NOW, opening=opening)
    assert (under_way.version, under_way.pending, under_way.handled) == (choice.version, choice.pending, choice.handled)
