"""Libraries and records together, in a cluster in memory: from attempts to maturity, and back."""

from __future__ import annotations

import asyncio
import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fde_operator import library, usage
from fde_operator.key import Key

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
VERSION = Key("DeploymentPrimitive", "", "incident-sync.v1.0.0")
LIBRARY = Key("PatternLibrary", "", "integrations")


def at(hours: float) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """A library, a version, and customers who try it."""

    def __init__(self, cluster: Any, given: Any) -> None:
        self.cluster, self.given, self.hours = cluster, given, 0.0
        cluster.store(given.primitive(given.spec(tags=["servicenow", "elt"])))
        self.library("integrations", domain="data-integration")

    def library(self, name: str, gates: Any = None, demotion: Any = None, **selector: Any) -> None:
        spec = {"selector": selector, "gates": gates or {}, "demotion": demotion or {}}
        self.cluster.store(
            {"apiVersion": "fde.io/v1", "kind": "PatternLibrary", "metadata": {"name": name}, "spec": spec}
        )

    def customer(self, number: int, namespace: str = "") -> str:
        name = namespace or f"customer-{number}"
        if Key("Namespace", "", name) not in self.cluster.objects:
            made = self.given.namespace(name, {"fde.io/customer": f"orchard-{number}"})
            made["metadata"]["creationTimestamp"] = at(len(self.cluster.objects))
            self.cluster.store(made)
        return name

    def tries(
        self, number: int, *, ok: bool = True, namespace: str = "", name: str = "", version: str = "v1.0.0"
    ) -> Key:
        """A deployment whose only attempt began now, and failed or did not."""
        body = self.given.deployment(name or f"sync-{len(self.cluster.objects)}", self.customer(number, namespace))
        started = {"version": version, "startedAt": at(self.hours)}
        end = {"readyAt": at(self.hours + 0.1)} if ok else {"failedAt": at(self.hours + 0.2)}
        body["status"] = {"attempts": [started | end], "resolvedVersion": version}
        self.cluster.store(body)
        return Key("FDEDeployment", body["metadata"]["namespace"], body["metadata"]["name"])

    def pass_hours(self, hours: float) -> None:
        self.hours += hours

    def settle(self) -> float | None:
        """Reconcile until nothing is due, as the queue would; returns when to look again."""
        again = None
        for _ in range(20):
            before = len(self.cluster.writes)
            again = asyncio.run(usage.reconcile(self.cluster, VERSION, now=at(self.hours)))
            for key in asyncio.run(library.due(self.cluster)):
                part = library if key.kind == "PatternLibrary" else usage
                asyncio.run(part.reconcile(self.cluster, key, now=at(self.hours)))
            if len(self.cluster.writes) == before:
                return again
        raise AssertionError("it does not settle")

    @property
    def status(self) -> Any:
        return self.cluster.objects[VERSION]["status"]

    def entry(self, name: str = "integrations") -> Any:
        (found,) = self.cluster.objects[Key("PatternLibrary", "", name)]["status"]["entries"]
        return found

    def annotate(self, **notes: str) -> None:
        marks = {f"fde.io/{name.replace('_', '-')}": value for name, value in notes.items()}
        self.cluster.objects[VERSION]["metadata"]["annotations"] = marks


@pytest.fixture
def world(cluster: Any, given: Any) -> World:
    return World(cluster, given)


def condition(manifest: Any, kind: str) -> tuple[str, str, str]:
    found = next(one for one in manifest["status"]["conditions"] if one["type"] == kind)
    return found["status"], found["reason"], found["message"]


def test_a_version_that_nobody_tried_is_experimental_and_says_what_it_lacks(world: World) -> None:
    world.settle()
    assert world.status["maturity"] == "experimental"
    entry = world.entry()
    assert (entry["maturity"], entry["reason"]) == ("experimental", "every version begins as experimental")
    assert entry["lacks"] == [
        "no attempt has settled yet, 24 hours after it was Ready; beta needs a success rate of 0.95, Ready within 24h and "
        "3 customers"
    ]


def test_three_customers_make_a_version_beta_when_their_24_hours_are_over_and_not_before(world: World) -> None:
    for number in range(3):
        world.tries(number)
    again = world.settle()
    assert (
        world.status["usage"] | {"deployments": 3, "pending": 3, "attempts": 0, "customers": 0} == world.status["usage"]
    )
    assert again is not None
    world.pass_hours(again / 3600 - 0.01)
    assert world.settle() is not None
    assert world.status["maturity"] == "experimental"
    world.pass_hours(0.02)
    assert world.settle() is None
    assert world.status["maturity"] == "beta"
    assert (
        world.status["usage"] | {"attempts": 3, "pending": 0, "customers": 3, "successRate": 1.0}
        == world.status["usage"]
    )
    entry = world.entry()
    assert entry["since"] == at(world.hours)
    assert entry["reason"].startswith(
        "passed the gate to beta: success rate 1 of its last 3 attempts, median deploy time 6m"
    )
    assert entry["lacks"] == ["it succeeded for 3 customers; production needs 10"]


def test_ten_customers_make_it_production_and_failures_take_that_back(world: World) -> None:
    for number in range(10):
        world.tries(number)
    world.pass_hours(25)
    world.settle()
    assert world.status["maturity"] == "production"
    world.tries(1, ok=False)
    world.pass_hours(1)
    world.settle()
    assert world.status["maturity"] == "beta"  # 10 of 11: below 0.94, not below 0.90
    assert world.entry()["reason"].startswith(
        "lost production: success rate 0.909 of its last 11 attempts is below 0.99"
    )
    world.tries(2, ok=False)
    world.pass_hours(1)
    world.settle()
    assert world.status["maturity"] == "experimental"


def test_deleting_what_failed_mends_nothing_and_deleting_what_runs_costs_nothing(world: World) -> None:
    made = [world.tries(number) for number in range(4)]
    made.append(world.tries(4, ok=False))
    world.pass_hours(25)
    world.settle()
    before = copy.deepcopy(world.status)
    assert before["usage"]["successRate"] == 0.8
    for key in made:
        del world.cluster.objects[key]
    world.settle()
    after = world.status
    assert after["outcomes"] == before["outcomes"]
    assert after["usage"] == before["usage"] | {"deployments": 0}


def test_a_customer_counts_once_however_many_namespaces_and_deployments_it_has(world: World) -> None:
    for namespace in ("northgate", "northgate-eu", "northgate-us"):
        world.tries(1, namespace=namespace)
        world.tries(1, namespace=namespace)
    world.pass_hours(25)
    world.settle()
    assert world.status["usage"]["customers"] == 1
    world.pass_hours(1)
    world.tries(1, namespace="northgate-asia")
    world.tries(2)
    world.pass_hours(25)
    world.settle()
    assert world.status["usage"]["customers"] == 2


def test_a_customer_counts_once_whichever_of_its_namespaces_goes_and_comes(world: World) -> None:
    for namespace in ("northgate", "northgate-eu"):
        world.tries(1, namespace=namespace)
    world.pass_hours(25)
    world.settle()
    (only,) = world.status["customerTokens"]
    assert len(only.split()) == 2
    world.tries(1, namespace="northgate-us")  # seen, before anything of it has settled
    world.settle()
    for gone in ("northgate", "northgate-eu"):
        del world.cluster.objects[Key("Namespace", "", gone)]
        for key in [key for key in world.cluster.objects if key.namespace == gone]:
            del world.cluster.objects[key]
        world.settle()
        assert world.status["usage"]["customers"] == 1
    world.pass_hours(25)
    world.settle()
    assert world.status["usage"] | {"customers": 1, "attempts": 3} == world.status["usage"]
    world.tries(2)
    world.pass_hours(25)
    world.settle()
    assert world.status["usage"]["customers"] == 2


def test_a_customer_of_many_namespaces_that_was_counted_as_one_token_stays_one(world: World) -> None:
    """As the version before wrote it, of the oldest namespace alone."""
    for number in range(30):
        world.tries(1, namespace=f"northgate-{number}")
    world.pass_hours(25)
    world.settle()
    (many,) = world.status["customerTokens"]
    assert len(many.split()) == 20
    world.status["customerTokens"] = [many.split()[0]]
    world.settle()
    assert world.status["customerTokens"] == [many]
    written = len(world.cluster.writes)
    world.settle()
    assert len(world.cluster.writes) == written


@pytest.mark.parametrize("labels", [None, {}, {"fde.io/customer": ""}, {"team": "sales"}], ids=str)
def test_what_ran_where_no_customer_is_known_is_nobody_s_use_until_one_is(
    world: World, labels: dict[str, str] | None
) -> None:
    """A namespace that the mirror does not hold, or whose label was taken away."""
    world.tries(1)
    world.tries(2)
    namespace = world.cluster.objects.pop(Key("Namespace", "", "customer-2"))
    if labels is not None:
        world.cluster.store({**namespace, "metadata": {**namespace["metadata"], "labels": labels}})
    world.pass_hours(25)
    world.settle()
    assert world.status["usage"] | {"attempts": 2, "customers": 1} == world.status["usage"]
    world.cluster.store(namespace)
    world.pass_hours(1)
    world.settle()
    assert world.status["usage"] | {"attempts": 2, "customers": 2} == world.status["usage"]


def test_nothing_tells_who_uses_a_version(world: World) -> None:
    for number in range(4):
        world.tries(number, ok=number != 2)
    world.pass_hours(25)
    world.settle()
    shown = json.dumps([world.cluster.objects[VERSION], world.cluster.objects[LIBRARY]])
    for number in range(4):
        uid = world.cluster.objects[Key("Namespace", "", f"customer-{number}")]["metadata"]["uid"]
        assert not [word for word in (f"orchard-{number}", f"customer-{number}", f'"{uid}"') if word in shown]
    assert len(world.status["customerTokens"]) == 3


def test_with_two_libraries_the_lowest_grants(world: World) -> None:
    strict = {"beta": {"minUsageCount": 5}, "production": {"minUsageCount": 10}}
    world.library("strict", gates=strict, tags=["elt", "servicenow"])
    world.library("of something else", domain="finance")
    for number in range(3):
        world.tries(number)
    world.pass_hours(25)
    world.settle()
    assert (world.entry()["maturity"], world.entry("strict")["maturity"]) == ("beta", "experimental")
    assert world.status["maturity"] == "experimental"
    assert condition(world.cluster.objects[Key("PatternLibrary", "", "of something else")], "Ready")[1] == "Empty"
    del world.cluster.objects[Key("PatternLibrary", "", "strict")]
    world.settle()
    assert world.status["maturity"] == "beta"


def test_a_library_that_no_longer_selects_a_version_grants_it_nothing(world: World) -> None:
    for number in range(3):
        world.tries(number)
    world.pass_hours(25)
    world.settle()
    world.cluster.objects[LIBRARY]["spec"]["selector"] = {"domain": "finance"}
    world.settle()
    assert world.status["maturity"] == "experimental"


def test_a_gate_that_is_made_stricter_takes_nothing_away_by_itself(world: World) -> None:
    for number in range(3):
        world.tries(number)
    world.pass_hours(25)
    world.settle()
    world.cluster.objects[LIBRARY]["spec"]["gates"] = {"beta": {"minUsageCount": 8}}
    world.settle()
    assert world.status["maturity"] == "beta"
    assert world.entry()["lacks"][0] == "to keep it: it succeeded for 3 customers; beta needs 8"


def test_a_deprecated_version_is_deprecated_in_every_library_and_names_its_successor(world: World, given: Any) -> None:
    world.annotate(deprecated="loses rows over 10 000", superseded_by="v1.1.0")
    world.settle()
    assert world.status["maturity"] == "deprecated"
    assert "supersededBy" not in world.status
    told = (
        "loses rows over 10 000. Annotation fde.io/superseded-by names incident-sync.v1.1.0, and that is not published"
    )
    assert condition(world.cluster.objects[VERSION], "Deprecated") == ("True", "SuccessorMissing", told)
    assert (world.entry()["maturity"], world.entry()["reason"]) == ("deprecated", "deprecated: loses rows over 10 000")
    world.cluster.store(given.primitive(given.spec(version="v1.1.0", domain="elsewhere")))
    world.settle()
    assert world.status["supersededBy"] == "incident-sync.v1.1.0"
    assert condition(world.cluster.objects[VERSION], "Deprecated")[1] == "Superseded"


def test_a_version_that_is_taken_up_again_is_graded_by_its_numbers(world: World) -> None:
    for number in range(3):
        world.tries(number)
    world.annotate(deprecated="by mistake")
    world.pass_hours(25)
    world.settle()
    assert world.status["maturity"] == "deprecated"
    world.annotate()
    world.settle()
    assert world.status["maturity"] == "beta"
    assert condition(world.cluster.objects[VERSION], "Deprecated") == ("False", "Current", "")


def test_time_that_passes_writes_nothing(world: World) -> None:
    for number in range(3):
        world.tries(number)
    world.pass_hours(25)
    world.settle()
    written = len(world.cluster.writes)
    for _ in range(3):
        world.pass_hours(100)
        world.settle()
    assert len(world.cluster.writes) == written


def test_killed_between_any_two_writes_it_comes_to_the_same(world: World) -> None:
    for number in range(4):
        world.tries(number)
    world.pass_hours(25)
    start = copy.deepcopy(world.cluster.objects)
    world.settle()
    end, writes = copy.deepcopy(world.cluster.objects), len(world.cluster.writes)
    assert writes >= 3
    for after in range(writes):
        world.cluster.objects, world.cluster.writes, world.cluster.die_after = copy.deepcopy(start), [], after
        with pytest.raises(world.given.killed):
            world.settle()
        world.cluster.die_after = None
        world.settle()
        assert world.cluster.objects == end


def test_versions_stand_by_name_the_newest_first(world: World, given: Any) -> None:
    for version in ("v1.10.0", "v1.9.0", "v2.0.0-rc.1", "v2.0.0"):
        world.cluster.store(given.primitive(given.spec(version=version)))
    world.cluster.store(given.primitive(given.spec(primitiveName="a-first", version="v0.1.0")))
    world.settle()
    entries = world.cluster.objects[LIBRARY]["status"]["entries"]
    assert [(entry["name"], entry["version"]) for entry in entries] == [
        ("a-first", "v0.1.0"),
        *(("incident-sync", version) for version in ("v2.0.0", "v2.0.0-rc.1", "v1.10.0", "v1.9.0", "v1.0.0")),
    ]
    ready = condition(world.cluster.objects[LIBRARY], "Ready")
    assert ready == ("True", "Graded", "6 experimental")
