"""The real servers, for every test that asks for them by name: `kafka`, `control_plane`. Nothing starts before."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from fde_local.component import CONTROL_PLANE, KAFKA, KWOK
from fde_local.gate import require
from fde_local.kafka import KafkaBroker
from fde_local.kubernetes import ControlPlane
from fde_local.ports import free_ports

# A machine with two busy cores is slow now and then; what a case may cost is said by tests that measure it.
hypothesis.settings.register_profile("fde", deadline=None)
hypothesis.settings.load_profile("fde")

# A test that asks for one of these fixtures belongs to its marker, whether or not its author wrote it.
_MARKER_OF = {"kafka": "kafka", "kafka_toolchain": "kafka", "control_plane": "cluster", "cluster_toolchain": "cluster"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if marker := _MARKER_OF.get(fixture):
                item.add_marker(marker)
    if "PYTEST_XDIST_WORKER" in os.environ:
        _longest_first(items)


def pytest_collection_finish() -> None:
    """Ten thousand collected tests stay as they are: the collector of garbage need not look through them again and again."""
    gc.freeze()


def _longest_first(items: list[pytest.Item]) -> None:
    """Whole files in the order of the time they were given; then those that wait for servers. So no worker ends long after the others."""
    long: dict[Path, float] = {}
    for item in items:
        given = max((float(mark.args[0]) for mark in item.iter_markers("timeout") if mark.args), default=0.0)
        waits = any(item.get_closest_marker(name) for name in ("kafka", "cluster", "browser", "processes"))
        long[item.path] = max(long.get(item.path, 0.0), given, float(waits))
    items.sort(key=lambda item: -long[item.path])  # stable: the tests of a file stay together, and in their order


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """A command that a test runs in this process configures logging, to a stream that is gone after the test."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def kafka_toolchain() -> None:
    """For a test that starts brokers of its own: skipped (CI=true: failed) when there is no Kafka to start."""
    require(KAFKA)


@pytest.fixture(scope="session")
def cluster_toolchain() -> None:
    """For a test that starts control planes of its own: skipped (CI=true: failed) when there is none to start."""
    require(CONTROL_PLANE, KWOK)


@pytest.fixture(scope="session")
def kafka(kafka_toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """The one broker of the test run, or of each of its workers. Use topic and group names of your own; do not leave it killed."""
    with KafkaBroker.start(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def control_plane(cluster_toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The one Kubernetes of the test run, or of each of its workers. Use namespaces of your own; do not leave its API server killed."""
    with ControlPlane.start(tmp_path_factory.mktemp("kubernetes")) as plane:
        yield plane


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    return free_ports(1)[0]
