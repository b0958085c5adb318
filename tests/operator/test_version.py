"""Which versions there are for a customer, and which of them a policy allows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_operator.version import Policy, above, newest, published, released, within

NAMES = ("v1.4.2", "v1.4.10", "v1.4.11-rc.1", "v1.5.0", "v2.0.0", "v1.3.9")


def a_version(name: str, *, visible_to: tuple[str, ...] = (), status: Any = None, **metadata: Any) -> dict[str, Any]:
    provenance = {"provenance": {"visibleTo": list(visible_to)}} if visible_to else {}
    return {
        "metadata": {"name": f"p.{name}", **metadata},
        "spec": {"primitiveName": "p", "version": name, **provenance},
        "status": status or {},
    }


def names(found: Any) -> list[str]:
    return [one.name for one in found]


ALL = published(map(a_version, NAMES), "").values()


@pytest.mark.parametrize(
    ("asked", "policy", "allowed"),
    [
        ("v1.4.2", "none", []),
        ("v1.4.2", "patch-only", ["v1.4.2", "v1.4.10"]),
        ("v1.4.3", "patch-only", ["v1.4.10"]),
        ("v1.4.11", "patch-only", []),
        ("v1.4.2", "minor", ["v1.4.2", "v1.4.10", "v1.5.0"]),
        ("v1.4.11-rc.1", "patch-only", []),
        ("v3.0.0", "minor", []),
    ],
)
def test_a_policy_allows_what_lies_above_within_its_bounds(asked: str, policy: Policy, allowed: list[str]) -> None:
    assert names(within(ALL, asked, policy)) == allowed


numbers = st.integers(0, 3)
released_names = st.tuples(numbers, numbers, numbers).map(lambda v: "v{}.{}.{}".format(*v))
any_names = released_names | st.tuples(released_names, st.sampled_from(["rc.1", "0", "beta"])).map("-".join)


@given(st.sets(any_names), any_names, st.sampled_from(["patch-only", "minor"]))
def test_a_policy_never_crosses_its_bounds_never_goes_down_and_never_takes_a_pre_release(
    there: set[str], asked: str, policy: Policy
) -> None:
    wanted = released(asked)
    for one in within(published(map(a_version, there), "").values(), asked, policy):
        assert wanted is not None
        assert one.version is not None
        assert "-" not in one.name
        assert one.version >= wanted
        assert one.version.major == wanted.major
        assert policy == "minor" or one.version.minor == wanted.minor


def test_a_version_for_some_customers_or_on_its_way_out_is_not_there() -> None:
    found = [
        a_version("v1.0.0", visible_to=("src-1",)),
        a_version("v1.0.1", visible_to=("src-2",)),
        a_version("v1.0.2", deletionTimestamp="2026-11-21T00:00:00Z"),
        a_version("v1.0.3"),
    ]
    assert list(published(found, "src-1")) == ["v1.0.0", "v1.0.3"]
    assert list(published(found, "")) == ["v1.0.3"]


def test_the_newest_is_the_highest_release_that_is_not_deprecated_and_higher_than_what_runs() -> None:
    assert newest(ALL, "v1.4.2") == "v2.0.0"
    assert newest(ALL, None) == "v2.0.0"
    assert newest(ALL, "v2.0.0") is None
    assert newest(ALL, "v2.0.0-rc.1") == "v2.0.0"
    one, two = a_version("v1.0.0"), a_version("v1.1.0", annotations={"fde.io/deprecated": "loses rows"})
    assert newest(published([one, two], "").values(), "v1.0.0") is None
    assert newest(published([a_version("v1.0.0-rc.1")], "").values(), None) is None


def test_above_a_pre_release_is_nothing() -> None:
    assert names(above(ALL, "v1.4.11-rc.1")) == []
    assert names(above(ALL, "v1.5.0")) == ["v2.0.0"]
