"""`fde kube plan`: the operator's own reconciliation, of which nothing is done."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from fde_api.errors import InvalidResource
from fde_cli.kube.difference import difference, is_change
from fde_cli.kube.plan import SETTINGS, Planned, filed, planned
from fde_events.errors import BadInput, Refused
from fde_operator import deployment
from fde_operator.errors import Denied
from fde_operator.key import Key
from fde_operator.settings import OperatorSettings

KEY = Key("FDEDeployment", "customer-northgate", "sync")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT = "2026-11-21T12:00:00Z"


class Person:
    """A person's view of a cluster in memory, of which every write is a rehearsal. `may_not`: kinds, by what is refused."""

    def __init__(self, cluster: Any, may_not: dict[str, str] | None = None) -> None:
        self._there, self._may_not = cluster, may_not or {}

    def __getattr__(self, name: str) -> Any:
        async def asked(*arguments: Any, **options: Any) -> Any:
            kind = getattr(arguments[0], "kind", None) or (
                arguments[0] if isinstance(arguments[0], str) else arguments[0]["kind"]
            )
            verb = {"apply": "patch", "create": "create"}.get(name, name)
            if verb == self._may_not.get(kind):
                raise Denied(f'x is forbidden: User "ben" cannot {verb} resource "{kind}" in API group ""')
            if name in ("rehearse", "stands"):  # the server has nothing against it
                return name == "stands"
            return await getattr(copy.deepcopy(self._there), name)(*arguments, **options)

        return asked


@pytest.fixture
def world(cluster: Any, given: Any) -> Any:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    return cluster


def plan_of(cluster: Any, may_not: dict[str, str] | None = None, file: Any = None) -> Planned:
    return asyncio.run(planned(Person(cluster, may_not), KEY, file=file, at=NOW))


def reconciled(cluster: Any, settings: OperatorSettings | None = None) -> None:
    asyncio.run(deployment.reconcile(cluster, KEY, settings or OperatorSettings(), now=AT))


def told(outcome: Planned) -> set[tuple[str, str]]:
    return {(step.verb, step.key.kind) for step in outcome.steps if is_change(step)}


def test_a_new_deployment_is_planned_as_the_operator_would_make_it_and_nothing_is_made(world: Any) -> None:
    before = copy.deepcopy(world.objects)
    outcome = plan_of(world)
    assert world.objects == before
    assert world.writes == []
    reconciled(world)
    made = {("create", key.kind) for key in world.objects.keys() - before.keys()}
    assert told(outcome) == made
    assert {"ServiceAccount", "NetworkPolicy", "Deployment"} <= {kind for _, kind in made}
    assert outcome.held == ""


def test_an_edit_of_a_parameter_changes_the_files_and_the_workload(world: Any, given: Any) -> None:
    reconciled(world)
    assert told(plan_of(world)) == set()
    edited = given.deployment(parameters={"instanceHost": "southgate.example"})
    outcome = plan_of(world, file=filed(edited, where="f", namespace="customer-northgate"))
    assert ("update", "Deployment") in told(outcome)
    shown = "".join(difference(step) for step in outcome.steps)
    assert "southgate.example" in shown
    assert "northgate.example" in world.objects[KEY]["spec"]["parameters"]["instanceHost"]


def test_a_deployment_that_would_be_held_back_says_why(world: Any, given: Any) -> None:
    edited = given.deployment(parameters={})
    outcome = plan_of(world, file=filed(edited, where="f", namespace="customer-northgate"))
    assert outcome.held.startswith("ParametersInvalid: ")
    assert "instanceHost" in outcome.held
    assert outcome.steps == ()


def test_kinds_that_a_person_may_not_list_are_noted_and_planned_as_applied(world: Any) -> None:
    reconciled(world)
    outcome = plan_of(world, {"NetworkPolicy": "list"})
    assert ("apply", "NetworkPolicy") in told(outcome)
    assert any("what stands of kind NetworkPolicy is not known" in note for note in outcome.notes)


def test_what_a_person_may_not_rehearse_is_put_together_here_and_said_to_be(world: Any, given: Any) -> None:
    reconciled(world)
    edited = given.deployment(parameters={"instanceHost": "southgate.example"})
    outcome = plan_of(world, {"Deployment": "patch"}, filed(edited, where="f", namespace="customer-northgate"))
    (step,) = [step for step in outcome.steps if step.key.kind == "Deployment"]
    assert step.unchecked == "you may not patch Deployment here"
    assert "southgate.example" in difference(step)


def test_without_the_right_to_read_the_namespace_the_plan_says_which_right_to_ask_for(world: Any) -> None:
    with pytest.raises(Refused, match="--clusterrole=view"):
        plan_of(world, {"Namespace": "get"})


def test_the_plan_uses_the_settings_that_the_operator_was_told(world: Any) -> None:
    image = "registry.example/sidecar@sha256:" + "b" * 64
    settings = OperatorSettings(sidecar_image=image, brokers="kafka:9092", broker_networks=("10.1.0.0/16",))
    reconciled(world, settings)
    without = plan_of(world)
    assert ("update", "Deployment") in told(without)
    assert any("images of sidecars and addresses of brokers are the defaults" in note for note in without.notes)
    data = {"FDE_SIDECAR_IMAGE": image, "FDE_BROKERS": "kafka:9092", "FDE_BROKER_NETWORKS": "10.1.0.0/16"}
    metadata = {"name": SETTINGS.name, "namespace": SETTINGS.namespace}
    world.store({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    knowing = plan_of(world)
    assert told(knowing) == set()
    assert knowing.notes == ()


def test_a_deployment_that_is_not_there_is_refused_with_a_way_to_look(world: Any) -> None:
    with pytest.raises(Refused, match="kubectl get fded -n customer-northgate"):
        asyncio.run(planned(Person(world), KEY._replace(name="other"), file=None, at=NOW))


@pytest.mark.parametrize("document", [None, [], {"kind": "Pod"}, {"kind": "FDEDeployment", "metadata": {"name": "x"}}])
def test_a_file_that_holds_no_deployment_is_no_input(document: Any) -> None:
    with pytest.raises((BadInput, InvalidResource), match=r"file\.yaml") as refused:
        filed(document, where="file.yaml", namespace="n")
    assert refused.value.exit_code == 3


def test_a_plan_does_not_say_of_a_secret_that_it_is_not_there(world: Any, given: Any) -> None:
    """It may not look: whether the Secret is there, the operator alone can tell."""
    world.store(given.primitive({**given.with_secret(given.spec()), "version": "v1.1.0"}))
    reference = {"name": given.spec()["primitiveName"], "version": "v1.1.0"}
    secret = {"clientSecret": {"secretRef": {"name": "sync-login", "key": "client"}}}
    parameters = {**given.deployment()["spec"]["parameters"], **secret}
    world.store(given.deployment(primitiveRef=reference, parameters=parameters))
    outcome = plan_of(world)
    assert outcome.status is not None
    (told_,) = (one for one in outcome.status["status"]["conditions"] if one["type"] == "SecretsReady")
    assert (told_["status"], told_["reason"]) == ("Unknown", "NotChecked")
    assert "sync-login" in told_["message"]
    assert "SecretNotFound" not in str(outcome.status)
    assert "the Secrets are there" not in str(outcome.status)


def test_without_secrets_a_plan_has_nothing_to_leave_open(world: Any) -> None:
    outcome = plan_of(world)
    assert outcome.status is not None
    (told_,) = (one for one in outcome.status["status"]["conditions"] if one["type"] == "SecretsReady")
    assert (told_["status"], told_["reason"]) == ("True", "NoSecrets")
