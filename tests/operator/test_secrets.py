"""Secrets by reference: a Secret of the namespace, External Secrets, Vault; and what is known of them."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from fde_api.deployment import FDEDeployment
from fde_api.primitive import DeploymentPrimitive
from fde_operator import deployment, telemetry
from fde_operator.cluster import Manifest
from fde_operator.desired import desired
from fde_operator.errors import Conflicting, Held
from fde_operator.key import Key
from fde_operator.landscape import Landscape, Vault
from fde_operator.settings import OperatorSettings
from fde_operator.workload import Parts

NOW = "2026-11-21T00:00:00Z"
HOME = "customer-northgate"
KEY = Key("FDEDeployment", HOME, "sync")
PATH = f"tenants/{HOME}/servicenow"
SECRET = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
OUTSIDE = {"vaultRef": {"path": PATH, "key": "client-secret"}}
SETTINGS = OperatorSettings()


def _injector() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vault_injector", Path(__file__).with_name("vault_injector.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


injector = _injector()


def a_spec(given: Any, store: str, **workload: Any) -> dict[str, Any]:
    spec: dict[str, Any] = given.with_secret(given.spec())
    spec["runtime"]["securityContext"] = {"secretsStore": store}
    spec["runtime"]["workload"] |= workload
    return spec


def made(
    given: Any, spec: dict[str, Any], value: Any = OUTSIDE, settings: OperatorSettings = SETTINGS, **changes: Any
) -> tuple[dict[str, Manifest], Parts]:
    body = given.deployment(parameters={"instanceHost": "a.example", "clientSecret": value}, **changes)
    body["metadata"]["uid"] = "uid-1"
    primitive = msgspec.convert(given.primitive(spec), DeploymentPrimitive)
    objects, parts = desired(msgspec.convert(body, FDEDeployment), primitive, (), "northgate", settings)
    return {f"{one.manifest['kind']} {one.manifest['metadata']['name']}": one.manifest for one in objects}, parts


def template_of(objects: dict[str, Manifest], kind: str = "Deployment") -> dict[str, Any]:
    (found,) = [one for name, one in objects.items() if name.startswith(f"{kind} ")]
    spec = found["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else found["spec"]
    template: dict[str, Any] = spec["template"]
    return template


def volumes(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in pod["volumes"]}


def containers(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in pod["initContainers"] + pod["containers"]}


# External Secrets


def test_external_secrets_is_asked_for_one_secret_of_the_customer_s_own_store(given: Any) -> None:
    objects, parts = made(given, a_spec(given, "external-secrets"))
    asked = objects[f"ExternalSecret {parts.external}"]
    assert asked["apiVersion"] == "external-secrets.io/v1"
    assert asked["spec"]["secretStoreRef"] == {"name": "fde", "kind": "SecretStore"}
    target = asked["spec"]["target"]
    assert (target["name"], target["creationPolicy"]) == (parts.external, "Owner")
    assert target["template"]["metadata"]["labels"]["compliance.fde.io/soc2"] == "required"
    remote = {"key": PATH, "property": "client-secret"}
    assert asked["spec"]["data"] == [{"secretKey": "clientSecret", "remoteRef": remote}]
    assert asked["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    names = list(objects)
    assert names.index(f"ExternalSecret {parts.external}") < names.index("Deployment sync")


def test_what_it_makes_is_mounted_as_any_secret_of_the_namespace_is(given: Any) -> None:
    objects, parts = made(given, a_spec(given, "external-secrets"))
    pod = template_of(objects)["spec"]
    entry = next(one for one in containers(pod)["app"]["env"] if one["name"] == "CLIENT_SECRET")
    assert entry["valueFrom"]["secretKeyRef"] == {"name": parts.external, "key": "clientSecret"}
    source = volumes(pod)["fde-secrets"]["projected"]["sources"][0]["secret"]
    assert source == {"name": parts.external, "items": [{"key": "clientSecret", "path": "clientSecret"}]}
    assert not any(name.startswith("vault.") for name in template_of(objects)["metadata"]["annotations"])


def test_another_reference_is_another_secret_so_that_no_new_pod_starts_with_the_old_value(given: Any) -> None:
    spec = a_spec(given, "external-secrets")
    other = {"vaultRef": {"path": PATH, "key": "next"}}
    assert made(given, spec)[1].external == made(given, spec)[1].external
    assert made(given, spec)[1].external != made(given, spec, other)[1].external


# Vault


@pytest.mark.parametrize("kind", ["Deployment", "Job", "CronJob"])
def test_vault_s_agent_brings_one_file_a_parameter_and_ends_so_that_a_job_can(given: Any, kind: str) -> None:
    schedule = {"schedule": "30m"} if kind == "CronJob" else {}
    objects, parts = made(given, a_spec(given, "vault", kind=kind, **schedule))
    template = template_of(objects, kind)
    notes = {
        name.removeprefix("vault.hashicorp.com/"): text for name, text in template["metadata"]["annotations"].items()
    }
    assert notes["agent-inject"] == notes["agent-init-first"] == notes["agent-pre-populate-only"] == "true"
    assert notes["role"] == "fde"
    assert notes["agent-inject-secret-s1"] == f"secret/data/{PATH}"
    assert notes["agent-inject-file-s1"] == "clientSecret"
    pod = injector.injected(template)["spec"]
    assert [one["name"] for one in pod["containers"]] == ["app"]  # no agent that runs on
    assert [one["name"] for one in pod["initContainers"]] == [
        "vault-agent-init",
        "fde-tee",
        "fde-render",
        "fde-sidecar",
    ]
    assert not any(name.startswith("ExternalSecret") for name in objects) and parts.injected


def test_only_the_renderer_can_read_what_vault_gave(given: Any) -> None:
    """The injector mounts the files into every init container: their mode and user keep them from the sidecar."""
    template = injector.injected(template_of(made(given, a_spec(given, "vault"))[0]))
    pod = template["spec"]
    holders = {name for name, one in containers(pod).items() if "/fde/secrets" in str(one["volumeMounts"])}
    assert "app" not in holders and {"fde-render", "vault-agent-init"} <= holders

    def user(name: str) -> int:
        return int(containers(pod)[name]["securityContext"].get("runAsUser", pod["securityContext"]["runAsUser"]))

    (secret,) = injector.secrets_of(template["metadata"]["annotations"]).values()
    assert secret["perms"] == "0400"
    assert user("vault-agent-init") == user("fde-render")
    assert user("fde-render") not in {user("fde-sidecar"), user("app"), user("fde-tee")}
    tokens = {name for name, one in containers(pod).items() if "fde-vault-token" in str(one["volumeMounts"])}
    assert tokens == {"vault-agent-init"}
    assert pod["automountServiceAccountToken"] is False


def test_a_parameter_of_any_name_has_an_annotation_that_the_api_server_takes(given: Any) -> None:
    spec = a_spec(given, "vault")
    long = "p" + "A" * 62
    spec["parameters"].append({"name": long, "type": "secretRef"})
    spec["runtime"]["workload"]["env"].append({"name": "LONG", "value": f"{{{{ {long} }}}}"})
    body = {"instanceHost": "a.example", "clientSecret": OUTSIDE, long: OUTSIDE}
    primitive = msgspec.convert(given.primitive(spec), DeploymentPrimitive)
    raw = given.deployment(parameters=body)
    raw["metadata"]["uid"] = "u"
    objects, _ = desired(msgspec.convert(raw, FDEDeployment), primitive, (), "northgate", SETTINGS)
    notes = objects[-1].manifest["spec"]["template"]["metadata"]["annotations"]
    assert all(len(name.partition("/")[2]) <= 63 for name in notes)
    assert {one["file"] for one in injector.secrets_of(notes).values()} == {"clientSecret", long}


def test_the_landscape_says_where_vault_is_and_what_a_pod_logs_in_as(given: Any) -> None:
    vault = Vault(
        role="fde-{namespace}",
        mount="kv/team",
        version=1,
        audience="https://vault.example",
        annotations={"vault.hashicorp.com/namespace": "emea", "vault.hashicorp.com/tls-secret": "vault-ca"},
    )
    settings = OperatorSettings(landscape=Landscape(vault=vault))
    template = template_of(made(given, a_spec(given, "vault"), settings=settings)[0])
    notes = template["metadata"]["annotations"]
    assert notes["vault.hashicorp.com/role"] == f"fde-{HOME}"
    assert notes["vault.hashicorp.com/agent-inject-secret-s1"] == f"kv/team/{PATH}"
    assert "index .Data " in notes["vault.hashicorp.com/agent-inject-template-s1"]
    assert notes["vault.hashicorp.com/namespace"] == "emea"
    token = volumes(template["spec"])["fde-vault-token"]["projected"]["sources"][0]["serviceAccountToken"]
    assert token["audience"] == "https://vault.example"


def test_what_vault_gave_reaches_the_files_and_the_environment_of_the_app(given: Any, tmp_path: Path) -> None:
    """The agent's templates, the renderer's and the app's own commands, one after the other on this machine."""
    spec = a_spec(given, "vault", command=["python", "-c", "import os; print(os.environ['CLIENT_SECRET'], end='|')"])
    objects, parts = made(given, spec)
    template = template_of(objects)
    for folder, contents in (("job", parts.files.job), ("files", parts.files.plain)):
        (tmp_path / "fde" / folder).mkdir(parents=True)
        for name, data in contents.items():
            (tmp_path / "fde" / folder / name).write_bytes(data)
    for folder in ("secrets", "bin"):
        (tmp_path / "fde" / folder).mkdir()
    value = "s3cr3t = $(and) more"
    answers = {f"secret/data/{PATH}": {"data": {"client-secret": value}}}
    injector.run_agent(template["metadata"]["annotations"], answers, tmp_path / "fde/secrets")

    def here(command: list[str]) -> list[str]:
        words = [word.replace("/fde/", f"{tmp_path}/fde/") for word in command]
        return [sys.executable if word == "python" else word for word in words]

    pod = containers(template["spec"])
    done = subprocess.run(here(pod["fde-render"]["command"]), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rendered = (tmp_path / "fde/app/conf/key.py").read_bytes()
    assert b"HOST = " in rendered and value.encode() in rendered
    written = [path for folder in ("app", "environment") for path in (tmp_path / "fde" / folder).rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in written if path.is_file()} == {
        0o440
    }  # the app is of the same group
    subprocess.run(here(pod["fde-tee"]["command"]), check=True, timeout=60)
    ran = subprocess.run(here(pod["app"]["command"]), capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, f"{value}|")
    assert value not in str(objects)
    assert "CLIENT_SECRET" not in {entry["name"] for entry in pod["app"]["env"]}


@pytest.mark.parametrize("answer", [{"data": {}}, {"data": {"client-secret": ""}}, {"data": {"other": "x"}}])
def test_a_key_that_vault_does_not_have_ends_the_agent_and_no_text_stands_for_it(
    given: Any, tmp_path: Path, answer: dict[str, Any]
) -> None:
    notes = template_of(made(given, a_spec(given, "vault"))[0])["metadata"]["annotations"]
    with pytest.raises(KeyError, match="key_not_found"):
        injector.run_agent(notes, {f"secret/data/{PATH}": answer}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_app_that_the_wrapper_cannot_start_gets_no_secret_of_vault_s_in_its_environment(given: Any) -> None:
    with pytest.raises(Held) as refused:
        made(given, a_spec(given, "vault", command=["/app/server"]))
    assert refused.value.reason == "SecretsStoreUnsupported"
    assert "env CLIENT_SECRET" in str(refused.value) and "external-secrets" in str(refused.value)


def test_a_pod_that_may_reach_nothing_cannot_ask_vault(given: Any) -> None:
    with pytest.raises(Held) as refused:
        made(given, a_spec(given, "vault"), environment={"networkZone": "airgapped"})
    assert refused.value.reason == "VaultNotReachable"
    made(given, a_spec(given, "external-secrets"), environment={"networkZone": "airgapped"})


def test_vault_is_let_through_by_the_policy_of_those_who_need_it(given: Any) -> None:
    def ports(store: str, value: Any) -> set[int]:
        policy = made(given, a_spec(given, store), value)[0]["NetworkPolicy sync"]
        return {port["port"] for rule in policy["spec"]["egress"] for port in rule.get("ports", ())}

    assert 8200 in ports("vault", OUTSIDE)
    assert 8200 not in ports("external-secrets", OUTSIDE) | ports("kubernetes", SECRET)


# The wrapper


def test_the_wrapper_says_which_folder_it_cannot_read_and_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fde_sidecar.tee", "--log", str(tmp_path / "log"), "--environment"]
    done = subprocess.run(
        [*command, str(tmp_path / "none"), "--", sys.executable, "-c", "print('started')"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (126, "") and "none: No such file" in done.stderr


def test_a_variable_s_value_is_the_file_s_to_the_byte(tmp_path: Path) -> None:
    folder = tmp_path / "environment"
    folder.mkdir()
    (folder / "ONE").write_bytes(b"two lines\nand \xff\n")
    (folder / "..data").mkdir()
    (folder / "..hidden").write_bytes(b"x")
    program = "import os, sys; sys.stdout.buffer.write(os.environb[b'ONE']); print(sorted(k for k in os.environ if 'hidden' in k))"
    command = [sys.executable, "-m", "fde_sidecar.tee", "--log", str(tmp_path / "log"), "--environment", str(folder)]
    done = subprocess.run([*command, "--", sys.executable, "-c", program], capture_output=True, timeout=60)
    assert done.stdout == b"two lines\nand \xff\n[]\n"


@pytest.mark.parametrize(("secret", "said"), [(None, "needs a secret's text"), (b"a\0b", "holds a NUL")])
def test_the_renderer_names_the_variable_whose_secret_is_not_there(
    tmp_path: Path, secret: bytes | None, said: str
) -> None:
    for folder in ("job", "secrets"):
        (tmp_path / folder).mkdir()
    job = {
        "template.json": b'{"files":[]}',
        "parameters.json": b"[]",
        "values.json": b"{}",
        "environment.json": b'{"A":"key"}',
    }
    for name, data in job.items():
        (tmp_path / "job" / name).write_bytes(data)
    if secret is not None:
        (tmp_path / "secrets/key").write_bytes(secret)
    command = [sys.executable, "-m", "fde_template.pod"]
    for option, folder in (("job", "job"), ("secrets", "secrets"), ("output", "app"), ("environment", "environment")):
        command += [f"--{option}", str(tmp_path / folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"env A: parameter key {said}" in done.stderr
    assert not (tmp_path / "environment").exists()


# What is known


def reconcile(cluster: Any, settings: OperatorSettings = SETTINGS) -> float | None:
    return asyncio.run(deployment.reconcile(cluster, KEY, settings, now=NOW))


def condition(cluster: Any, kind: str) -> tuple[str, str, str]:
    found = next(one for one in cluster.objects[KEY]["status"]["conditions"] if one["type"] == kind)
    return found["status"], found["reason"], found["message"]


def set_up(cluster: Any, given: Any, store: str, value: Any, **workload: Any) -> None:
    cluster.store(given.primitive(a_spec(given, store, **workload)))
    cluster.store(given.deployment(parameters={"instanceHost": "a.example", "clientSecret": value}))


def make_available(cluster: Any) -> None:
    found = cluster.objects[Key("Deployment", HOME, "sync")]
    generation = found["metadata"]["generation"]
    found["status"] = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": generation}


def test_a_secret_that_is_not_there_is_named_with_the_command_that_makes_it(cluster: Any, given: Any) -> None:
    set_up(cluster, given, "kubernetes", SECRET)
    assert (reconcile(cluster) or 999) <= 30  # no event tells of a Secret
    status, reason, told = condition(cluster, "SecretsReady")
    assert (status, reason) == ("False", "SecretNotFound")
    assert f"kubectl -n {HOME} create secret generic servicenow --from-file=client-secret=FILE" in told
    cluster.store(
        {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "servicenow", "namespace": HOME}}
    )
    reconcile(cluster)
    assert condition(cluster, "SecretsReady")[:2] == ("True", "Found")
    make_available(cluster)
    reconcile(cluster)
    assert condition(cluster, "SecretsReady")[:2] == ("True", "InUse")


def test_looking_for_a_secret_reads_none_and_writes_none(cluster: Any, given: Any) -> None:
    cluster.store(
        {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "servicenow", "namespace": HOME}}
    )
    before = copy.deepcopy(cluster.objects[Key("Secret", HOME, "servicenow")])
    asked: list[str] = []

    async def read(*arguments: Any, **named: Any) -> Any:
        kind = getattr(arguments[0], "kind", arguments[0])
        asked.append(kind)
        return await originals[len(arguments) and hasattr(arguments[0], "kind")](*arguments, **named)

    originals = {True: cluster.get, False: cluster.list}
    cluster.get = cluster.list = read
    set_up(cluster, given, "kubernetes", SECRET)
    reconcile(cluster)
    assert "Secret" not in asked and asked
    assert cluster.objects[Key("Secret", HOME, "servicenow")] == before
    assert not any("Secret" in write for write in cluster.writes)


def test_a_deployment_without_secrets_says_so(cluster: Any, given: Any) -> None:
    cluster.store(given.primitive(given.spec()))
    cluster.store(given.deployment())
    reconcile(cluster)
    assert condition(cluster, "SecretsReady")[:2] == ("True", "NoSecrets")
    assert condition(cluster, "IsolationReady")[:2] == ("True", "PolicyInPlace")


def test_an_external_secret_s_own_condition_is_told(cluster: Any, given: Any) -> None:
    set_up(cluster, given, "external-secrets", OUTSIDE)
    assert (reconcile(cluster) or 999) <= 30
    assert condition(cluster, "SecretsReady")[:2] == ("Unknown", "Waiting")
    (asked,) = [one for key, one in cluster.objects.items() if key.kind == "ExternalSecret"]
    message = "could not get secret data from provider, RequestID: 1f"
    asked["status"] = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": message}]
    }
    reconcile(cluster)
    status, reason, told = condition(cluster, "SecretsReady")
    assert (status, reason) == ("False", "NotSynced") and "SecretSyncedError" in told
    assert f"kubectl -n {HOME} describe externalsecret {asked['metadata']['name']}" in told
    again = cluster.objects[Key("ExternalSecret", HOME, asked["metadata"]["name"])]
    again["status"]["conditions"][0]["message"] = message.replace("1f", "2e")
    written = len(cluster.writes)
    reconcile(cluster)
    assert cluster.writes[written:] == []  # what moves by itself is not told
    asked = cluster.objects[Key("ExternalSecret", HOME, asked["metadata"]["name"])]
    asked["status"] = {"conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced"}]}
    reconcile(cluster)
    assert condition(cluster, "SecretsReady")[:2] == ("True", "Synced")
    before = len(cluster.writes)
    reconcile(cluster)
    assert cluster.writes[before:] == []


def without_the_kind(cluster: Any) -> Any:
    """The same cluster as one without External Secrets: its list is a 404, which KubernetesCluster says so."""
    listed = cluster.list

    async def refusing(kind: str, **named: Any) -> Any:
        if kind == "ExternalSecret":
            raise Conflicting("listing ExternalSecret: the server could not find the requested resource")
        return await listed(kind, **named)

    cluster.list = refusing
    return cluster


def test_a_cluster_without_external_secrets_is_told_what_it_lacks_and_asked_again(cluster: Any, given: Any) -> None:
    set_up(without_the_kind(cluster), given, "external-secrets", OUTSIDE)
    again_s = reconcile(cluster)
    assert again_s is not None and again_s <= 60
    status, reason, told = condition(cluster, "Ready")
    assert (status, reason) == ("False", "ExternalSecretsMissing") and "external-secrets.io/v1" in told
    assert not any(key.kind == "Deployment" for key in cluster.objects)


@pytest.mark.parametrize("store", ["kubernetes", "vault"])
def test_nobody_else_needs_the_kind(cluster: Any, given: Any, store: str) -> None:
    set_up(without_the_kind(cluster), given, store, SECRET if store == "kubernetes" else OUTSIDE)
    reconcile(cluster)
    assert condition(cluster, "Ready")[:2] == ("False", "Progressing")


def test_an_external_secret_goes_when_the_reference_changes_but_not_before_the_new_pods_run(
    cluster: Any, given: Any
) -> None:
    set_up(cluster, given, "external-secrets", OUTSIDE)
    reconcile(cluster)
    make_available(cluster)
    reconcile(cluster)

    def names() -> set[str]:
        return {key.name for key in cluster.objects if key.kind == "ExternalSecret"}

    (first,) = names()
    cluster.objects[KEY]["spec"]["parameters"]["clientSecret"] = {"vaultRef": {"path": PATH, "key": "next"}}
    cluster.objects[Key("Deployment", HOME, "sync")]["status"] = {}
    reconcile(cluster)
    assert len(names()) == 2 and first in names()
    make_available(cluster)
    reconcile(cluster)
    assert len(names()) == 1 and first not in names()


@pytest.mark.parametrize("die_after", range(12))
def test_killed_while_the_store_changes_no_external_secret_is_left_behind(
    cluster: Any, given: Any, die_after: int
) -> None:
    set_up(cluster, given, "external-secrets", OUTSIDE)
    reconcile(cluster)
    make_available(cluster)
    reconcile(cluster)
    cluster.store(given.primitive({**a_spec(given, "kubernetes"), "version": "v1.1.0"}))
    cluster.objects[KEY]["spec"]["primitiveRef"]["version"] = "v1.1.0"
    cluster.objects[KEY]["spec"]["parameters"]["clientSecret"] = SECRET
    cluster.objects[KEY]["metadata"]["generation"] = 2
    cluster.objects[Key("Deployment", HOME, "sync")]["status"] = {}
    cluster.die_after = len(cluster.writes) + die_after
    try:
        reconcile(cluster)
        make_available(cluster)
        reconcile(cluster)
    except given.killed:
        pass
    cluster.die_after = None
    for _ in range(3):
        reconcile(cluster)
        make_available(cluster)
    assert not [key for key in cluster.objects if key.kind == "ExternalSecret"]
    assert condition(cluster, "Ready")[0] == "True"
    assert "ExternalSecret" not in str(cluster.objects[KEY]["status"]["inventory"])


def test_vault_s_secrets_are_not_known_until_a_pod_has_got_them(cluster: Any, given: Any) -> None:
    set_up(cluster, given, "vault", OUTSIDE)
    reconcile(cluster)
    status, reason, told = condition(cluster, "SecretsReady")
    assert (status, reason) == ("Unknown", "ReadInThePod") and "vault-agent-init" in told
    make_available(cluster)
    reconcile(cluster)
    assert condition(cluster, "SecretsReady")[:2] == ("True", "InUse")


def test_our_wrapper_is_the_one_of_the_image(given: Any) -> None:
    assert "--environment" in telemetry.wrapped(["python", "a.py"], environment="/fde/environment")
    assert "--environment" not in telemetry.wrapped(["python", "a.py"])
    assert telemetry.wrapped(["/app/run"], environment="/x") == ["/app/run"]
