"""The real servers, for every test that asks for them by name: `kafka`, `control_plane`. Nothing starts before."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from xdist.scheduler import LoadFileScheduling

from fde_local.component import CONTROL_PLANE, KAFKA, KWOK
from fde_local.gate import require
from fde_local.kafka import KafkaBroker
from fde_local.kubernetes import ControlPlane
from fde_local.ports import free_ports

# A machine with two busy cores is slow now and then; what a case may cost is said by tests that measure it.
hypothesis.settings.register_profile("full", deadline=None)
# `make check`; `make test` tries them all.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.load_profile(os.environ.get("FDE_LAWS") or "full")

# A test that asks for one of these fixtures belongs to its marker, whether or not its author wrote it.
_MARKER_OF = {"kafka": "kafka", "kafka_toolchain": "kafka", "control_plane": "cluster", "cluster_toolchain": "cluster"}
_SERVERS = ("kafka", "cluster", "browser", "processes")


class _Files(LoadFileScheduling):
    """A file goes to one worker, and so do all that need the same expensive thing: the chart has a control plane of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return "chart" if "/test_chart_" in nodeid else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return _Files(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if marker := _MARKER_OF.get(fixture):
                item.add_marker(marker)
    yield  # -m takes away what is not asked for
    if "PYTEST_XDIST_WORKER" in os.environ:
        _share_out(items)


def pytest_collection_finish() -> None:
    """Ten thousand collected tests stay as they are: the collector of garbage need not look through them again and again."""
    gc.freeze()


def _share_out(items: list[pytest.Item]) -> None:
    """Whole files, the longest first by the time they were given, so that no worker ends long after the others. Those that
    wait for servers and those that compute alternate: while some wait, the others have the processors."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    kinds: dict[bool, list[list[pytest.Item]]] = {True: [], False: []}
    for file in files.values():
        waits = any(item.get_closest_marker(name) for item in file for name in _SERVERS)
        kinds[waits].append(file)
    order = []
    for kind in kinds.values():
        kind.sort(key=_given_s, reverse=True)
        order += [(place / len(kind), file) for place, file in enumerate(kind)]
    order.sort(key=lambda one: one[0])
    items[:] = [item for _, file in order for item in file]


def _given_s(file: list[pytest.Item]) -> float:
    return max((float(mark.args[0]) for item in file for mark in item.iter_markers("timeout") if mark.args), default=0)


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
