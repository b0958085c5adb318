from __future__ import annotations

from typing import Literal

import pytest

from fde_api.deployment import Environment, FDEDeploymentSpec, Lifecycle, PrimitiveRef
from fde_operator.version import newest, resolve

PUBLISHED = ("v1.4.2", "v1.4.10", "v1.4.11-rc.1", "v1.5.0", "v2.0.0", "v1.3.9")


def asked(version: str, policy: Literal["none", "patch-only", "minor"]) -> FDEDeploymentSpec:
    return FDEDeploymentSpec(
        primitive_ref=PrimitiveRef(name="p", version=version),
        environment=Environment(network_zone="dmz"),
        lifecycle=Lifecycle(phase="production", auto_update_policy=policy, maintenance_window="sun 02:00-04:00"),
    )


@pytest.mark.parametrize(
    ("version", "policy", "runs"),
    [
        ("v1.4.2", "none", "v1.4.2"),
        ("v1.4.3", "none", None),
        ("v1.4.2", "patch-only", "v1.4.10"),
        ("v1.4.3", "patch-only", "v1.4.10"),
        ("v1.4.11", "patch-only", None),
        ("v1.4.2", "minor", "v1.5.0"),
        ("v1.4.11-rc.1", "patch-only", "v1.4.11-rc.1"),
        ("v3.0.0", "minor", None),
    ],
)
def test_a_policy_moves_forward_within_its_bounds_and_never_onto_a_pre_release(
    version: str, policy: Literal["none", "patch-only", "minor"], runs: str | None
) -> None:
    assert resolve(asked(version, policy), PUBLISHED) == runs


def test_the_newest_is_the_highest_release() -> None:
    assert newest(PUBLISHED) == "v2.0.0"
    assert newest(["v1.0.0-rc.1"]) is None
