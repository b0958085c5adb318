from pathlib import Path

import pytest

from fde_local.component import KAFKA, KWOK
from fde_local.errors import MissingToolchain
from fde_local.gate import is_ci, refuse, require


def test_a_missing_server_skips_the_test_with_the_reason(empty_cache: Path, no_tools: None):
    with pytest.raises(pytest.skip.Exception, match=r"Go 1\.25 or newer was not found"):
        require(KWOK, environment={})


def test_with_ci_true_a_missing_server_fails_the_test(empty_cache: Path, no_tools: None):
    with pytest.raises(pytest.fail.Exception, match="Java 17 or newer was not found"):
        require(KAFKA, environment={"CI": "true"})


@pytest.mark.parametrize("value", ["", "false", "0", "no"])
def test_only_a_yes_in_ci_makes_it_strict(value: str):
    assert not is_ci({"CI": value})
    with pytest.raises(pytest.skip.Exception):
        refuse(MissingToolchain("no Java"), {"CI": value})


def test_a_test_that_asks_for_a_server_has_its_marker(request: pytest.FixtureRequest):
    """Else `-m "not kafka and not cluster"` would start servers."""
    servers = {"kafka": "kafka", "control_plane": "cluster"}
    for item in request.session.items:
        for fixture in servers.keys() & set(getattr(item, "fixturenames", ())):
            assert item.get_closest_marker(servers[fixture]), item.nodeid
