from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest
from lightkube import KubeConfig
from msgspec.structs import replace

from fde_api.candidate import Review
from fde_api.deployment import Environment, FDEDeployment, FDEDeploymentSpec, Lifecycle, PrimitiveRef
from fde_api.meta import Metadata, manifest
from fde_api.primitive import Runtime
from fde_events.errors import BadInput, Misuse, Refused, Unavailable
from fde_events.event import ErrorEvent, EventBatch
from fde_events.record import ReceivedBatch
from fde_notebook import Loop, columns, shipped
from fde_notebook.cluster import deployments
from fde_notebook.fleet import Fleet
from fde_notebook.proposals import propose
from fde_notebook.reading import read
from fde_registry.directory import DirectoryRegistry

FRAMES = {
    "events": columns.EVENTS,
    "groups": columns.GROUPS,
    "challenges": columns.CHALLENGES,
    "sightings": columns.SIGHTINGS,
    "candidates": columns.CANDIDATES,
    "parameters": columns.PARAMETERS,
    "latency": columns.LATENCY,
}


def test_a_failure_of_three_customers_is_one_challenge_and_three_sightings(fleet: Path) -> None:
    loop = Loop.of_fleet(fleet)
    assert loop.events()["deployment"].to_list() == [f"customer-{name}/loader" for name in ("north", "south", "west")]
    (challenge,) = loop.challenges().to_dicts()
    assert (challenge["deployments"], challenge["customers"], challenge["events"]) == (3, 3, 3)
    assert challenge["raised_at"] == datetime(2026, 10, 3, 8, 11, tzinfo=UTC)
    assert loop.sightings()["customer"].to_list() == ["north", "south", "west"]
    assert loop.groups()["group"].to_list() == [challenge["challenge"]]


def test_the_solutions_of_a_fleet_become_a_candidate_whose_proof_holds(fleet: Path) -> None:
    loop = Loop.of_fleet(fleet)
    (candidate,) = loop.candidates().to_dicts()
    assert candidate["challenge"] == loop.challenges()["challenge"].item()
    assert candidate["proof"] == "3/3 byte-exact, 0 leaks"
    assert (candidate["state"], candidate["everyone"], candidate["customers"]) == ("Proposed", True, 3)
    parameters = loop.parameters()
    assert parameters.height == candidate["parameters"] >= 1
    assert (parameters["places"] >= 1).all()


def test_no_value_of_a_customer_is_in_any_frame(fleet: Path) -> None:
    loop = Loop.of_fleet(fleet)
    told = "".join(
        getattr(loop, name)().drop("customer", "deployment", "scope", strict=False).write_json() for name in FRAMES
    )
    for customer in ("north", "south", "west"):
        assert f"{customer}-mail" not in told
        assert f"{customer}.internal" not in told
        assert f"/opt/{customer}" not in told


def test_deployments_of_a_customer_share_their_pseudonyms_and_customers_do_not(fleet: Path) -> None:
    twin = fleet / "fleet" / "north" / "second" / "app.log"
    twin.parent.mkdir()
    twin.write_text("2026-10-01T09:00:00Z ERROR jobs: cannot write to ann@same.example\n")
    for customer in ("north", "south"):
        with (fleet / "fleet" / customer / "loader" / "app.log").open("a") as log:
            log.write("2026-10-09T09:00:00Z ERROR jobs: cannot write to ann@same.example\n")
    events = Loop.of_fleet(fleet).events().filter(pl.col("message").str.starts_with("cannot write"))
    messages = dict(events.select("deployment", "message").iter_rows())
    assert messages["customer-north/loader"] == messages["customer-north/second"]
    assert messages["customer-north/loader"] != messages["customer-south/loader"]
    assert events["signature"].n_unique() == 1


def test_lines_without_a_year_are_read_as_of_the_fleets_newest_event(fleet: Path) -> None:
    log = fleet / "fleet" / "east" / "old" / "app.log"
    log.parent.mkdir(parents=True)
    log.write_text("Oct  2 10:00:00 host app[1]: ERROR cannot write the report\n")
    events = Loop.of_fleet(fleet).events().filter(pl.col("customer") == "east")
    assert events["time"].dt.year().to_list() == [2026]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_its_columns_and_types_whether_or_not_it_has_rows(name: str, fleet: Path, tmp_path: Path) -> None:
    silent = tmp_path / "fleet" / "north" / "loader" / "app.log"
    silent.parent.mkdir(parents=True)
    silent.write_text("2026-10-01T08:00:00Z INFO all is well\n")
    for directory in (fleet, tmp_path):
        found = getattr(Loop.of_fleet(directory), name)()
        assert dict(found.schema) == FRAMES[name]
    assert found.height == 0


@pytest.mark.parametrize("name", FRAMES)
def test_a_frames_method_says_where_its_columns_are_described(name: str) -> None:
    assert f":data:`fde_notebook.columns.{name.upper()}`" in (getattr(Loop, name).__doc__ or "")


def test_an_event_that_was_delivered_twice_is_one_row() -> None:
    event = ErrorEvent(time="2026-10-01T08:00:00Z", exception_type="KeyError", exception_message="'currency'")
    batch = ReceivedBatch("north", "epoch", 0, EventBatch(deployment="customer-north/a", events=(event, event)))
    reading = read([batch, batch])
    assert len(reading.events) == 2
    state = reading.state
    assert sum(share.count for group in state.groups.values() for share in state.shares(group).values()) == 2


def test_a_batch_whose_time_is_no_time_is_passed_over_and_the_others_are_read() -> None:
    def received(epoch: str, time: str) -> ReceivedBatch:
        event = ErrorEvent(time=time, exception_type="KeyError", exception_message="'currency'")
        return ReceivedBatch("north", epoch, 0, EventBatch(deployment="customer-north/a", events=(event,)))

    assert len(read([received("a", "yesterday"), received("b", "2026-10-01T08:00:00Z")]).events) == 1


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda d: (d / "solution.yaml").write_text("customer: north\nreuse: sometimes\n"), "solution.yaml"),
        (lambda d: (d / "solution.yaml").write_text("["), "solution.yaml"),
        (lambda d: (d / "error.log").write_text("INFO fine\n"), "error.log"),
        (lambda d: (d / "error.log").unlink(), "error.log"),
        (lambda d: (d / "load.py").unlink(), "load.py"),
        (
            lambda d: (d / "solution.yaml").write_text(
                "customer: north\ndeployment: a/b\nauthor: a@company.example\npaths: [../../x]\n"
            ),
            "leaves the solution's folder",
        ),
    ],
)
def test_a_solution_that_cannot_be_used_is_named(fleet: Path, break_it: Callable[[Path], Any], said: str) -> None:
    break_it(fleet / "solutions" / "overflow" / "north-1")
    with pytest.raises(BadInput, match=said):
        Loop.of_fleet(fleet).candidates()


def test_a_directory_without_logs_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no fleet/<customer>/<deployment>/app\.log"):
        Loop.of_fleet(tmp_path).events()


def test_a_forbidden_solution_is_counted_and_never_opened(fleet: Path) -> None:
    note = fleet / "solutions" / "overflow" / "north-1" / "solution.yaml"
    note.write_text(note.read_text().replace("allowed", "forbidden"))
    (north,) = [s for s in Fleet(fleet).solutions() if s.customer == "north"]
    assert [file.content for file in north.solution.files] == [""]
    assert Loop.of_fleet(fleet).candidates().height == 0


@pytest.mark.seconds
def test_the_shipped_fleet_gives_challenges_of_many_customers() -> None:
    loop = Loop.of_fleet(shipped())
    assert loop.events().height > 1_000
    assert loop.challenges().height > 20
    assert loop.challenges()["customers"].max() >= 5  # its candidates are in the notebook's own test


# ---------------------------------------------------------------- published primitives


@pytest.fixture
def published(fleet: Path, tmp_path: Path) -> Path:
    """A library in which the fleet's candidate was proposed by the engine and approved by another person."""
    library = tmp_path / "library"
    engine = DirectoryRegistry.engine(library)
    offline = Loop.of_fleet(fleet)
    (candidate,) = propose(offline._challenges, Fleet(fleet).solutions())
    ready = replace(candidate.spec.proposal, runtime=Runtime(deployable=False))
    proof = candidate.spec.proof
    assert proof is not None
    engine.propose(replace(candidate, spec=replace(candidate.spec, proposal=ready, proof=proof.of(ready))))
    reviewer = DirectoryRegistry(library, "dana@company.example")
    name = candidate.metadata.name
    generation = reviewer.candidate(name).metadata.generation or 1
    review = Review(
        decision="Approved",
        reviewer="dana@company.example",
        reviewed_generation=generation,
        reason="it answers it",
        acknowledged=True,
    )
    reviewer.decide(name, review)
    return library


def test_latency_is_from_the_first_event_to_publication(fleet: Path, published: Path) -> None:
    loop = Loop.of_fleet(fleet, registry=f"directory:{published}")
    (row,) = loop.latency().to_dicts()
    assert row["to_threshold"] == timedelta(days=2)
    assert row["full_loop"] == row["to_threshold"] + row["to_publication"] == row["published_at"] - row["first_seen"]
    (candidate,) = loop.candidates().to_dicts()
    assert (candidate["state"], candidate["reviewer"]) == ("Approved", "dana@company.example")
    assert candidate["published_as"] == f"{row['primitive']}.{row['version']}"
    assert candidate["decided_at"] is not None


def test_the_reuse_rate_counts_deployments_made_from_a_published_version(fleet: Path, published: Path) -> None:
    loop = Loop.of_fleet(fleet, registry=f"directory:{published}")
    (row,) = loop.latency().to_dicts()
    made = a_deployment(row["primitive"], row["version"])
    other = a_deployment(row["primitive"], "v9.0.0")
    hand_made = a_deployment("own-script", "v1.0.0", created="2026-09-01T08:00:00Z")
    going = replace(hand_made, metadata=replace(hand_made.metadata, deletion_timestamp="2026-10-09T08:00:00Z"))
    assert loop.reuse_rate([made, other, hand_made, going]) == pytest.approx(1 / 3)
    assert loop.reuse_rate([made, other, hand_made], since=datetime(2026, 10, 1, tzinfo=UTC)) == pytest.approx(1 / 2)
    assert loop.reuse_rate([]) is None
    assert loop.reuse_rate() is None


def a_deployment(primitive: str, version: str, *, created: str = "2026-10-08T08:00:00Z") -> FDEDeployment:
    return FDEDeployment(
        metadata=Metadata(name="loader", namespace="customer-north", creation_timestamp=created),
        spec=FDEDeploymentSpec(
            primitive_ref=PrimitiveRef(name=primitive, version=version),
            environment=Environment(network_zone="internal"),
            lifecycle=Lifecycle(phase="production"),
        ),
    )


def a_kubeconfig() -> KubeConfig:
    return KubeConfig.from_dict(
        {
            "current-context": "one",
            "clusters": [{"name": "one", "cluster": {"server": "http://api.invalid"}}],
            "users": [{"name": "ann", "user": {}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "ann"}}],
        }
    )


def test_a_clusters_deployments_are_listed_over_all_namespaces() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        items = [manifest(a_deployment("p", "v1.0.0"))]
        return httpx2.Response(
            200, json={"apiVersion": "fde.io/v1", "kind": "FDEDeploymentList", "metadata": {}, "items": items}
        )

    config = a_kubeconfig()
    found = deployments(transport=httpx2.MockTransport(answer), config=config)
    assert asked == ["/apis/fde.io/v1/fdedeployments"]
    assert [one.spec.primitive_ref.name for one in found] == ["p"]


def test_who_may_not_list_deployments_is_told_so() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "message": "ann cannot list"}
        return httpx2.Response(403, json=status)

    with pytest.raises(Refused, match="ann cannot list"):
        deployments(transport=httpx2.MockTransport(answer), config=a_kubeconfig())


def test_a_loop_without_a_registry_says_where_candidates_are() -> None:
    with pytest.raises(Misuse, match="registry="):
        Loop.at(brokers="127.0.0.1:1").candidates()


def test_a_broker_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="did not answer"):
        Loop.at(brokers="127.0.0.1:1", timeout_s=0.5).events()
