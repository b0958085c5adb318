"""`fde doctor` of a cluster: what stands there, who leads, and what the one who asks may do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from fde_api.crd import definitions
from fde_cli.kube.checkup import checkup, rights
from fde_cli.kube.finding import Finding
from fde_events.errors import Unavailable
from fde_operator.errors import Denied
from fde_operator.key import Key

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Closed:
    """A cluster of which nothing may be read, or that is away."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def asked(*arguments: Any, **options: Any) -> Any:
            raise self._error

        return asked


@pytest.fixture
def whole(cluster: Any) -> Any:
    for one in definitions():
        stored = cluster.store(one)
        stored["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    return cluster


def lease(**spec: Any) -> dict[str, Any]:
    held = {"holderIdentity": "one", "leaseDurationSeconds": 10, "renewTime": "2026-11-21T11:59:55.000000Z"}
    return {"spec": {**held, **spec}}


def seen(cluster: Any, held: Any = None, error: Exception | None = None) -> dict[str, Finding]:
    async def read() -> Any:
        if error is not None:
            raise error
        return held

    return {one.what: one for one in asyncio.run(checkup(cluster, read, at=AT))}


def test_a_cluster_as_it_was_installed_is_well(whole: Any) -> None:
    found = seen(whole, lease())
    assert {what: one.state for what, one in found.items()} == dict.fromkeys(
        ("definitions", "policies", "operator"), "ok"
    )
    assert "one leads" in found["operator"].saw


def test_a_policy_that_is_missing_or_altered_is_named(whole: Any) -> None:
    binding = Key("ValidatingAdmissionPolicyBinding", "", "telemetryfeed-consent.fde.io")
    policy = Key("ValidatingAdmissionPolicy", "", "namespace-customer.fde.io")
    del whole.objects[binding]
    whole.objects[policy]["spec"]["validations"] = []
    found = seen(whole, lease())["policies"]
    assert found.state == "wrong"
    assert binding.name in found.saw
    assert policy.name in found.saw
    assert "fde operator install" in found.next_step


def test_a_definition_that_is_missing_or_not_served_is_named(whole: Any) -> None:
    whole.objects[Key("CustomResourceDefinition", "", "telemetryfeeds.fde.io")]["status"] = {}
    found = seen(whole, lease())["definitions"]
    assert (found.state, "telemetryfeeds.fde.io" in found.saw) == ("wrong", True)
    del whole.objects[Key("CustomResourceDefinition", "", "fdedeployments.fde.io")]
    found = seen(whole, lease())["definitions"]
    assert (found.state, found.saw) == ("wrong", "missing: fdedeployments.fde.io")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, "nobody leads"),
        (lease(holderIdentity=""), "nobody leads"),
        (lease(renewTime="2026-11-21T11:30:00.000000Z"), "1800 s ago"),
        (lease(renewTime=None), "says not when"),
    ],
)
def test_nobody_who_leads_is_wrong(whole: Any, held: Any, words: str) -> None:
    found = seen(whole, held)["operator"]
    assert (found.state, words in found.saw) == ("wrong", True)
    assert "kubectl -n fde-system get pods" in found.next_step


OFF = "--no-leader-election"


def operator(cluster: Any, *args: str, env: Any = (), replicas: int = 1, ready: int = 1) -> None:
    """A Deployment of it."""
    container = {"name": "operator", "args": ["operator", *args], "env": list(env)}
    container["envFrom"] = [{"configMapRef": {"name": "fde-operator-settings"}}, {"secretRef": {"name": "x"}}]
    spec = {"replicas": replicas, "template": {"spec": {"containers": [{"name": "side"}, container]}}}
    metadata = {"name": "fde-operator", "namespace": "fde-system"}
    status = {"readyReplicas": ready} if ready else {}
    cluster.store({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status})


def settings(cluster: Any, value: str) -> None:
    metadata = {"name": "fde-operator-settings", "namespace": "fde-system"}
    cluster.store({"kind": "ConfigMap", "metadata": metadata, "data": {"FDE_LEADER_ELECTION": value}})


STALE = lease(renewTime="2026-11-21T11:30:00.000000Z")


@pytest.mark.parametrize("held", [None, STALE])
def test_an_operator_that_is_told_to_be_the_only_one_needs_no_lease(whole: Any, held: Any) -> None:
    operator(whole, OFF)
    found = seen(whole, held)["operator"]
    assert (found.state, OFF in found.saw) == ("ok", True)


def test_nor_is_it_well_without_a_pod_that_is_ready_or_with_two_or_beside_a_leader(whole: Any) -> None:
    operator(whole, OFF, ready=0)
    found = seen(whole)["operator"]
    assert (found.state, "none is ready" in found.saw, "get pods" in found.next_step) == ("wrong", True, True)
    operator(whole, OFF, replicas=2)
    found = seen(whole)["operator"]
    assert (found.state, "2 replicas" in found.saw, "each of them writes" in found.next_step) == ("wrong", True, True)
    operator(whole, OFF)
    found = seen(whole, lease())["operator"]
    assert (found.state, "one leads by the Lease beside it" in found.saw) == ("wrong", True)


@pytest.mark.parametrize(
    ("args", "env", "mapped", "alone"),
    [
        ((), None, None, False),
        ((), None, "false", True),
        ((), None, "No", True),
        ((), None, "true", False),
        ((), "true", "false", False),  # a variable of its own comes before those of a ConfigMap
        ((), "0", "true", True),
        (("--leader-election",), "0", "false", False),  # and an argument before both
        (("--leader-election=false",), "1", None, True),
        ((OFF, "--leader-election"), None, None, False),
        (("--no-leader-election=false",), "0", None, False),
        (("--workers", "3", OFF), "true", "true", True),
    ],
)
def test_how_it_was_told_does_not_matter(whole: Any, args: Any, env: Any, mapped: Any, alone: bool) -> None:
    operator(whole, *args, env=[] if env is None else [{"name": "FDE_LEADER_ELECTION", "value": env}])
    if mapped is not None:
        settings(whole, mapped)
    found = seen(whole)["operator"]
    assert found.state == ("ok" if alone else "wrong")
    assert alone or "nobody leads" in found.saw


def test_where_its_deployment_is_not_seen_that_is_said_with_what_the_lease_says(whole: Any) -> None:
    found = seen(whole)["operator"]
    assert (found.state, "nobody leads" in found.saw) == ("wrong", True)
    assert "there is no Deployment fde-system/fde-operator" in found.next_step
    assert OFF in found.next_step

    class Without(WithoutDefinitions):
        async def get(self, key: Key) -> Any:
            if key.kind == "Deployment":
                raise Denied(f"reading {key}: zoe may not")
            return await self._inner.get(key)

    found = seen(Without(whole))["operator"]
    assert (found.state, "you may not read" in found.next_step) == ("wrong", True)
    assert seen(Without(whole), lease())["operator"].state == "ok"


def test_what_a_person_may_not_read_is_not_wrong_and_what_is_away_is() -> None:
    denied = Denied('x is forbidden: User "ben" cannot list resource "validatingadmissionpolicies" in API group "a"')
    for one in seen(Closed(denied), error=denied).values():
        assert one.state == "unset"
        assert "you may not list validatingadmissionpolicies here" in one.saw
        assert "administrator" in one.next_step
    away = Unavailable("the API server is away")
    assert {one.state for one in seen(Closed(away), error=away).values()} == {"wrong"}


def test_rights_are_told_by_verb_and_role_and_lack_only_where_they_were_asked_for() -> None:
    def allows(verb: str, resource: str, *, namespace: str) -> bool:
        return (resource, namespace) == ("fdedeployments", "customer-north") and verb in ("get", "list")

    for named, state in ((True, "wrong"), (False, "unset")):
        found = {one.what: one for one in rights(allows, "customer-north", named=named)}
        assert {one.state for one in found.values()} == {state}
        assert (
            found["deployments"].saw
            == "you may not create, update, patch, delete fdedeployments in namespace customer-north"
        )
        assert "fde-field-engineer" in found["deployments"].next_step
        assert "fde-reader" in found["primitives"].next_step
        assert "fde-engineers" in found["primitives"].next_step
    assert {one.state for one in rights(lambda *_, **__: True, "customer-north", named=True)} == {"ok"}


class WithoutDefinitions:
    """Who may read policies, and no definition."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def get(self, key: Key) -> Any:
        if key.kind == "CustomResourceDefinition":
            raise Denied(f"reading {key}: zoe may not get resource customresourcedefinitions")
        return await self._inner.get(key)


def test_definitions_that_one_may_not_read_are_no_fault_of_the_policies(whole: Any) -> None:
    found = seen(WithoutDefinitions(whole), lease())
    assert (found["definitions"].state, found["policies"].state) == ("unset", "unset")
    assert "doctor" in found["policies"].next_step
    binding = Key("ValidatingAdmissionPolicyBinding", "", "telemetryfeed-consent.fde.io")
    del whole.objects[binding]
    found = seen(WithoutDefinitions(whole), lease())
    assert (found["definitions"].state, found["policies"].state) == ("unset", "wrong")
    assert binding.name in found["policies"].saw
