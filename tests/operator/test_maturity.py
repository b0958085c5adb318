"""Maturity: what a deployment may be moved onto by itself."""

from __future__ import annotations

from typing import Any

import pytest

from fde_operator.maturity import LEVELS, lowest, maturity_of, unusable


def version(maturity: str | None, name: str = "sync.v1.1.0", **annotations: str) -> dict[str, Any]:
    notes = {f"fde.io/{key}": value for key, value in annotations.items()}
    status = {} if maturity is None else {"status": {"maturity": maturity}}
    return {"metadata": {"name": name, "annotations": notes}, **status}


RUNNING = {level: version(level, "sync.v1.0.0") for level in (*LEVELS, "deprecated")}


@pytest.mark.parametrize("running", [None, *RUNNING.values()], ids=str)
@pytest.mark.parametrize("reached", LEVELS)
def test_in_production_nobody_is_moved_onto_less_than_production_grade(running: Any, reached: str) -> None:
    why = unusable(version(reached), running, phase="production")
    assert (why is None) == (reached == "production")
    assert why is None or why.startswith(f"sync.v1.1.0 is {reached}, and in phase production only")


@pytest.mark.parametrize("held", LEVELS)
@pytest.mark.parametrize("reached", LEVELS)
def test_an_update_is_at_least_as_mature_as_what_runs(held: str, reached: str) -> None:
    why = unusable(version(reached), RUNNING[held], phase="staging")
    assert (why is None) == (LEVELS.index(reached) >= LEVELS.index(held))
    assert why is None or f"sync.v1.1.0 is {reached}, and sync.v1.0.0, which runs now, is {held}" in why


def test_in_development_new_versions_earn_their_numbers() -> None:
    assert unusable(version("experimental"), RUNNING["production"], phase="development") is None


@pytest.mark.parametrize("phase", ["development", "staging", "production"])
@pytest.mark.parametrize("running", [None, *RUNNING.values()], ids=str)
def test_nobody_is_moved_onto_a_deprecated_version(phase: str, running: Any) -> None:
    why = unusable(version("production", deprecated="loses rows"), running, phase=phase)
    assert why == "sync.v1.1.0 is deprecated: loses rows"


def test_off_a_deprecated_version_any_other_is_a_way() -> None:
    assert unusable(version("experimental"), RUNNING["deprecated"], phase="staging") is None


def test_a_version_without_a_status_is_experimental_and_a_deprecation_counts_at_once() -> None:
    assert maturity_of(version(None)) == "experimental"
    assert maturity_of(version("production", deprecated="")) == "deprecated"


def test_the_lowest_of_several_libraries_grants() -> None:
    assert lowest(["production", "beta", "production"]) == "beta"
    assert lowest([]) == "experimental"
