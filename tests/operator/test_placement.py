"""Where pods may run, which compliance applies, and how many may be evicted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fde_api.deployment import Environment, FDEDeployment
from fde_api.primitive import DeploymentPrimitive
from fde_local.network import matches
from fde_operator import compliance
from fde_operator.cluster import Manifest
from fde_operator.desired import desired, inventory
from fde_operator.errors import Held
from fde_operator.landscape import Landscape
from fde_operator.placement import REGION, RESIDENCY, ZONE, affinity
from fde_operator.settings import OperatorSettings

EU = Landscape(regions={"eu": ("eu-central-1", "eu-west-1")})
ZONED = Landscape(regions=dict(EU.regions), zoned_nodes=True)


def takes(wanted: Manifest | None, region: str = "", zone: str = "", residency: str = "") -> bool:
    """Whether a node with these labels may run the pod (required node affinity: one of the terms)."""
    if wanted is None:
        return True
    given = {REGION: region, ZONE: zone, RESIDENCY: residency}
    labels = {name: value for name, value in given.items() if value}
    terms = wanted["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return any(matches({"matchExpressions": term["matchExpressions"]}, labels) for term in terms)


def made(given: Any, spec: dict[str, Any], land: Landscape = EU, **deployment: Any) -> list[Manifest]:
    body = given.deployment(**deployment)
    body["metadata"]["uid"] = "uid-1"
    objects, parts = desired(
        msgspec.convert(body, FDEDeployment),
        msgspec.convert(given.primitive(spec), DeploymentPrimitive),
        (),
        "northgate",
        OperatorSettings(landscape=land),
    )
    assert {one["kind"] for one in inventory(objects, parts)} == {one.manifest["kind"] for one in objects}
    return [one.manifest for one in objects]


def test_a_residency_is_met_by_a_node_of_its_regions_and_by_none_of_another() -> None:
    wanted = affinity(Environment(network_zone="dmz", data_residency="eu"), EU)
    assert takes(wanted, region="eu-west-1")
    assert takes(wanted, region="eu-central-1")
    assert not takes(wanted, region="us-east-1")
    assert not takes(wanted)


def test_a_residency_that_nobody_mapped_is_a_region_or_a_label_of_one_s_own() -> None:
    wanted = affinity(Environment(network_zone="dmz", data_residency="ie-dublin"), EU)
    assert takes(wanted, region="ie-dublin")
    assert takes(wanted, residency="ie-dublin")
    assert not takes(wanted, region="eu-west-1")


def test_zones_of_nodes_count_where_nodes_have_them() -> None:
    environment = Environment(network_zone="restricted", data_residency="eu")
    assert takes(affinity(environment, EU), region="eu-west-1")
    wanted = affinity(environment, ZONED)
    assert not takes(wanted, region="eu-west-1")
    assert takes(wanted, region="eu-west-1", zone="restricted")
    assert not takes(wanted, region="us-east-1", zone="restricted")
    assert takes(affinity(Environment(network_zone="dmz"), ZONED), zone="dmz")
    assert not takes(affinity(Environment(network_zone="dmz"), ZONED))
    assert affinity(Environment(network_zone="dmz"), EU) is None


def test_a_residency_that_no_node_can_be_labelled_with_holds_the_deployment(given: Any) -> None:
    environment = {"networkZone": "dmz", "dataResidency": "the EU, mostly"}
    with pytest.raises(Held) as refused:
        made(given, given.spec(), environment=environment)
    assert refused.value.reason == "ResidencyInvalid"


@pytest.mark.parametrize("kind", ["Deployment", "Job", "CronJob"])
def test_every_pod_has_it(given: Any, kind: str) -> None:
    spec = given.spec()
    spec["runtime"]["workload"] |= {"kind": kind} | ({"schedule": "30m"} if kind == "CronJob" else {})
    environment = {"networkZone": "dmz", "dataResidency": "eu"}
    found = made(given, spec, environment=environment)[-1]["spec"]
    pod = (found["jobTemplate"]["spec"] if kind == "CronJob" else found)["template"]["spec"]
    assert takes(pod["affinity"], region="eu-west-1")
    assert not takes(pod["affinity"], region="us-east-1")


@pytest.mark.parametrize("kind", ["Deployment", "Job", "CronJob"])
def test_compliance_of_both_is_on_every_object_and_every_pod(given: Any, kind: str) -> None:
    spec = given.spec(compliance=["soc2", "gdpr", "hipaa", "iso 27001"])
    spec["runtime"]["workload"] |= {"kind": kind} | ({"schedule": "30m"} if kind == "CronJob" else {})
    environment = {"networkZone": "dmz", "complianceRequirements": ["gdpr"]}
    objects = made(given, spec, environment=environment)
    found = objects[-1]["spec"]
    if kind == "CronJob":
        objects.append({"kind": "a job", **found["jobTemplate"]})
        found = found["jobTemplate"]["spec"]
    objects.append({"kind": "a pod", **found["template"]})
    for one in objects:
        if one["kind"] == "TelemetryFeed":  # made once: its labels follow by the feed's own look (test_feed)
            continue
        marks = one["metadata"]["labels"]
        assert marks["compliance.fde.io/gdpr"] == "required", one["kind"]
        assert marks["compliance.fde.io/hipaa"] == marks["compliance.fde.io/soc2"] == "carried", one["kind"]
        if one["kind"] != "a job":
            assert one["metadata"]["annotations"]["fde.io/compliance"] == "gdpr,hipaa,iso 27001,soc2", one["kind"]


@pytest.mark.parametrize(
    ("carried", "required", "tags"),
    [
        ((), (), ()),
        (("soc2",), (), ("soc2",)),
        (("SOC2", "gdpr"), ("soc2",), ("SOC2", "gdpr")),  # one tag, however it is spelled
    ],
)
def test_the_tags_that_apply_are_the_union(carried: Any, required: Any, tags: Any) -> None:
    found = compliance.applied(carried, required)
    assert found.tags == tags
    assert {tag.casefold() for tag in found.required} == {tag.casefold() for tag in required}


def test_a_requirement_that_the_primitive_does_not_carry_is_named_with_what_it_carries(given: Any) -> None:
    environment = {"networkZone": "dmz", "complianceRequirements": ["pci", "gdpr", "fedramp"]}
    with pytest.raises(Held) as refused:
        made(given, given.spec(compliance=["gdpr", "soc2"]), environment=environment)
    assert refused.value.reason == "ComplianceNotCarried"
    assert "names fedramp, pci, and this version of the primitive carries gdpr, soc2" in str(refused.value)
    with pytest.raises(Held, match="carries none"):
        made(given, given.spec(compliance=[]), environment=environment)


def test_a_version_that_no_label_can_say_is_on_the_annotation(given: Any) -> None:
    spec = given.spec(version="v1.0.0-rc.")
    primitive = {"name": "incident-sync", "version": "v1.0.0-rc."}
    found = [one for one in made(given, spec, primitiveRef=primitive) if one["kind"] != "TelemetryFeed"]
    assert all("fde.io/version" not in one["metadata"]["labels"] for one in found)
    assert all(one["metadata"]["annotations"]["fde.io/version"] == "v1.0.0-rc." for one in found)


def test_one_pod_at_a_time_may_be_evicted_so_that_a_node_can_be_drained(given: Any) -> None:
    objects = made(given, given.spec())
    (budget,) = [one for one in objects if one["kind"] == "PodDisruptionBudget"]
    assert budget["spec"]["maxUnavailable"] == 1 and "minAvailable" not in budget["spec"]
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert matches(budget["spec"]["selector"], objects[-1]["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_pods_that_end_by_themselves_have_no_budget(given: Any, kind: str) -> None:
    spec = given.spec()
    spec["runtime"]["workload"] |= {"kind": kind} | ({"schedule": "30m"} if kind == "CronJob" else {})
    assert "PodDisruptionBudget" not in {one["kind"] for one in made(given, spec)}
