"""The pod that a deployment becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.primitive import DeploymentPrimitive
from fde_operator import telemetry
from fde_operator.desired import desired
from fde_operator.errors import Held
from fde_operator.profile import (
    APP,
    LOG_CAP_BYTES,
    LOG_LIMIT_MIB,
    LOGS_KEPT,
    MIB,
    SIDECAR,
    SPOOL_CAP_MIB,
    SPOOL_LIMIT_MIB,
)
from fde_operator.settings import OperatorSettings

SECRET = {"secretRef": {"name": "servicenow", "key": "client-secret"}}
SETTINGS = OperatorSettings(brokers="kafka-0.example:9092,kafka-1.example:9093", sidecar_image="fde/sidecar@sha256:1")


def made(
    given: Any, spec: dict[str, Any], *, feeds: tuple[TelemetryFeed, ...] = (), **deployment: Any
) -> dict[str, Any]:
    """Everything made for a deployment, by kind (for ConfigMaps: the last one)."""
    body = given.deployment(**deployment)
    body["metadata"]["uid"] = "uid-1"
    objects, _ = desired(
        msgspec.convert(body, FDEDeployment),
        msgspec.convert(given.primitive(spec), DeploymentPrimitive),
        feeds,
        "northgate",
        SETTINGS,
    )
    return {one.manifest["kind"]: one.manifest for one in objects}


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"]
    template = spec["jobTemplate"]["spec"]["template"] if workload["kind"] == "CronJob" else spec["template"]
    found: dict[str, Any] = template["spec"]
    return found


def with_workload(spec: dict[str, Any], **changes: Any) -> dict[str, Any]:
    runtime = {**spec["runtime"], "workload": {**spec["runtime"]["workload"], **changes}}
    return {**spec, "runtime": runtime}


def a_secret_pod(given: Any) -> dict[str, Any]:
    parameters = {"instanceHost": "a.example", "clientSecret": SECRET}
    return pod_of(made(given, given.with_secret(given.spec()), parameters=parameters)["Deployment"])


def test_every_container_is_restricted_and_bounded(given: Any) -> None:
    pod = a_secret_pod(given)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["initContainers"] + pod["containers"]:
        security = container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"emptyDir", "configMap", "projected"}


def test_the_sidecar_is_a_native_one_and_nothing_of_the_app_waits_for_it(given: Any) -> None:
    pod = pod_of(made(given, given.spec())["Deployment"])
    (side,) = [c for c in pod["initContainers"] if c.get("restartPolicy") == "Always"]
    assert side["name"] == "fde-sidecar"
    assert "startupProbe" not in side and "readinessProbe" not in side
    environment = {e["name"]: e["value"] for e in side["env"]}
    assert environment["FDE_CUSTOMER"] == "northgate"
    assert environment["FDE_BROKERS"] == SETTINGS.brokers


def test_the_app_runs_under_the_tee_wrapper_with_its_own_interpreter(given: Any) -> None:
    (app,) = pod_of(made(given, given.spec())["Deployment"])["containers"]
    assert app["command"][0] == "python"
    assert app["command"][-2:] == ["python", "/app/sync.py"]
    assert app["command"][1].startswith(telemetry.BIN)


@pytest.mark.parametrize("command", [["node", "/app/index.js"], ["/app/run.sh"], ["/usr/bin/java", "-jar", "a.jar"]])
def test_an_app_without_python_is_started_as_it_is(command: list[str]) -> None:
    assert telemetry.wrapped(command) == command


def test_volumes_cannot_get_the_pod_evicted() -> None:
    def mib(quantity: str) -> int:
        return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)

    assert SPOOL_CAP_MIB < SPOOL_LIMIT_MIB
    assert (1 + LOGS_KEPT) * LOG_CAP_BYTES < LOG_LIMIT_MIB * MIB
    assert SPOOL_LIMIT_MIB < mib(SIDECAR["limits"]["ephemeral-storage"])
    for profile in APP.values():
        assert LOG_LIMIT_MIB < mib(profile["limits"]["ephemeral-storage"])


def test_a_duration_parameter_schedules_a_cron_job_in_the_customer_s_time_zone(given: Any) -> None:
    spec = with_workload(given.spec(), kind="CronJob", schedule="{{ syncFrequency }}")
    lifecycle = {"phase": "production", "timeZone": "Europe/Dublin"}
    job = made(given, spec, lifecycle=lifecycle)["CronJob"]
    assert (job["spec"]["schedule"], job["spec"]["timeZone"]) == ("*/30 * * * *", "Europe/Dublin")
    assert job["spec"]["suspend"] is False
    assert made(given, spec, suspend=True)["CronJob"]["spec"]["suspend"] is True


def test_a_job_gets_a_new_name_when_its_pod_changes_because_a_job_s_pod_cannot(given: Any) -> None:
    spec = with_workload(given.spec(), kind="Job")
    first = made(given, spec)["Job"]["metadata"]["name"]
    assert first == made(given, spec)["Job"]["metadata"]["name"]
    assert first != made(given, spec, parameters={"instanceHost": "b.example"})["Job"]["metadata"]["name"]
    assert len(first) <= 63


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_a_run_that_hangs_ends_in_the_time_of_its_profile(given: Any, kind: str) -> None:
    """A CronJob forbids two runs at once: one that hung would have been its last."""
    for profile, hours in (("small", 4), ("medium", 12), ("large", 24)):
        spec = with_workload(given.spec(), kind=kind, **({"schedule": "30m"} if kind == "CronJob" else {}))
        spec["runtime"]["resourceProfile"] = profile
        found = made(given, spec)[kind]["spec"]
        run = found["jobTemplate"]["spec"] if kind == "CronJob" else found
        assert run["activeDeadlineSeconds"] == hours * 3600


def test_a_secret_reaches_env_by_reference_and_files_by_an_init_container(given: Any) -> None:
    pod = a_secret_pod(given)
    (app,) = pod["containers"]
    reference = next(e for e in app["env"] if e["name"] == "CLIENT_SECRET")
    assert reference["valueFrom"] == {"secretKeyRef": {"name": "servicenow", "key": "client-secret"}}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["app-files"]["emptyDir"]["medium"] == "Memory"
    source = volumes["fde-secrets"]["projected"]["sources"][0]["secret"]
    assert source == {"name": "servicenow", "items": [{"key": "client-secret", "path": "clientSecret"}]}
    renderer = next(c for c in pod["initContainers"] if c["name"] == "fde-render")
    assert "fde-secrets" in {mount["name"] for mount in renderer["volumeMounts"]}
    assert "fde-secrets" not in {mount["name"] for mount in app["volumeMounts"]}


def test_a_secret_within_a_text_is_refused(given: Any) -> None:
    spec = given.with_secret(given.spec())
    spec = with_workload(spec, env=[{"name": "URL", "value": "https://{{ clientSecret }}@a.example"}])
    with pytest.raises(Held, match="env URL: parameter clientSecret is a secret and must stand alone"):
        made(given, spec, parameters={"instanceHost": "a.example", "clientSecret": SECRET})


def test_compliance_and_residency_are_on_the_pods(given: Any) -> None:
    template = made(given, given.spec())["Deployment"]["spec"]["template"]["metadata"]
    assert template["labels"]["compliance.fde.io/gdpr"] == "required"
    assert template["annotations"]["fde.io/compliance"] == "gdpr,soc2"
    assert template["annotations"]["fde.io/data-residency"] == "eu-west"


@pytest.mark.parametrize(
    ("zone", "ports"),
    [
        ("dmz", {53, 443, 9092, 9093}),
        ("internal", {53, 443, 9092, 9093}),
        ("restricted", {53, 9092, 9093}),
        ("airgapped", set()),
    ],
)
def test_a_zone_lets_out_what_it_says_and_lets_nothing_in(given: Any, zone: str, ports: set[int]) -> None:
    policy = made(given, given.spec(), environment={"networkZone": zone})["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == []
    assert {port["port"] for rule in policy["egress"] for port in rule.get("ports", ())} == ports


def test_the_dmz_never_reaches_private_ranges_or_the_metadata_address(given: Any) -> None:
    policy = made(given, given.spec())["NetworkPolicy"]["spec"]
    blocks = [to["ipBlock"] for rule in policy["egress"] for to in rule.get("to", ()) if "ipBlock" in to]
    assert blocks
    v4 = next(block for block in blocks if block["cidr"] == "0.0.0.0/0")
    assert {"10.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16"} <= set(v4["except"])


def test_what_the_init_container_does_gives_the_rendered_files_with_mode_0400(given: Any, tmp_path: Path) -> None:
    """The renderer as the pod runs it: a process of its own, on mounted directories."""
    parameters = {"instanceHost": "a.example", "clientSecret": SECRET}
    body = given.deployment(parameters=parameters)
    body["metadata"]["uid"] = "uid-1"
    primitive = msgspec.convert(given.primitive(given.with_secret(given.spec())), DeploymentPrimitive)
    _, parts = desired(msgspec.convert(body, FDEDeployment), primitive, (), "northgate", SETTINGS)
    for folder, contents in (
        ("job", parts.files.job),
        ("files", parts.files.plain),
        ("secrets", {"clientSecret": b"s3cr3t"}),
    ):
        (tmp_path / folder).mkdir()
        for name, data in contents.items():
            (tmp_path / folder / name).write_bytes(data)
    command = [sys.executable, "-m", "fde_template.pod"]
    for name in ("job", "files", "secrets"):
        command += [f"--{name}", str(tmp_path / name)]
    done = subprocess.run([*command, "--output", str(tmp_path / "app")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "app/conf/key.py").read_bytes() == b'KEY = "s3cr3t"\nHOST = "a.example"\n'
    assert (tmp_path / "app/sync.py").read_bytes() == parts.files.plain["sync.py"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "app").rglob("*.py")} == {0o400}

    (tmp_path / "secrets/clientSecret").write_text('"; import os; "')
    refused = subprocess.run([*command, "--output", str(tmp_path / "app2")], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "clientSecret" in refused.stderr
    assert "import os" not in refused.stderr
    assert not (tmp_path / "app2").exists()


def test_the_installed_wrapper_copies_the_app_s_output_to_the_log_and_keeps_its_exit_code(
    given: Any, tmp_path: Path
) -> None:
    """The pod's own commands, on this machine: the init container's, then the app's."""
    pod = pod_of(
        made(given, with_workload(given.spec(), command=["python", "-c", "print('seen'); raise SystemExit(7)"]))[
            "Deployment"
        ]
    )

    def here(command: list[str]) -> list[str]:
        words = [word.replace("/fde/", f"{tmp_path}/fde/") for word in command]
        return [sys.executable if word == "python" else word for word in words]

    (tmp_path / "fde/bin").mkdir(parents=True)
    subprocess.run(here(pod["initContainers"][0]["command"]), check=True, timeout=60)
    done = subprocess.run(here(pod["containers"][0]["command"]), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (7, "seen\n")
    assert (tmp_path / "fde/logs/app.log").read_text() == "seen\n"


@pytest.mark.seconds
def test_the_sidecar_s_command_is_one_that_the_sidecar_takes(given: Any, tmp_path: Path) -> None:
    from fde_sidecar.feed import read_feed

    objects = made(given, given.spec())
    (side,) = [c for c in pod_of(objects["Deployment"])["initContainers"] if c["name"] == "fde-sidecar"]
    (tmp_path / "feed.yaml").write_bytes(
        telemetry.feed_document(msgspec.convert(objects["TelemetryFeed"], TelemetryFeed))
    )
    assert read_feed(tmp_path / "feed.yaml").deployment == "customer-northgate/sync"
    command = [sys.executable, "-m", "fde_cli.main", *side["command"][1:]]
    command[command.index("--feed") + 1] = str(tmp_path / "feed.yaml")
    command[command.index("--logs") + 1] = str(tmp_path / "*.log")
    environment = {e["name"]: e["value"] for e in side["env"] if e["name"] != "FDE_BROKERS"}
    environment |= {"FDE_SPOOL": str(tmp_path / "spool"), "PATH": "/usr/bin:/bin"}
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        given.eventually(lambda: "customer-northgate/sync" in said.read_text() or process.poll() is not None)
        process.terminate()
        assert process.wait(30) == 0, said.read_text()
    finally:
        process.kill()


def test_a_customer_s_telemetry_secret_is_mounted_for_the_sidecar_alone_and_may_be_missing(given: Any) -> None:
    body = given.deployment()
    body["metadata"]["uid"] = "uid-1"
    settings = OperatorSettings(telemetry_secret="fde-telemetry")
    primitive = msgspec.convert(given.primitive(given.spec()), DeploymentPrimitive)
    objects, _ = desired(msgspec.convert(body, FDEDeployment), primitive, (), "northgate", settings)
    pod = pod_of(objects[-1].manifest)
    (volume,) = [one for one in pod["volumes"] if one["name"] == "fde-identity"]
    assert volume["projected"]["sources"] == [{"secret": {"name": "fde-telemetry", "optional": True}}]
    holders = [c["name"] for c in pod["initContainers"] + pod["containers"] if "fde-identity" in str(c["volumeMounts"])]
    assert holders == ["fde-sidecar"]


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        ([], {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}),
        (
            [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.example:4317"}],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4317"},
        ),
        ([{"name": "OTEL_EXPORTER_OTLP_PROTOCOL", "value": "grpc"}], {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
    ],
)
def test_an_app_s_sdk_finds_the_sidecar_unless_the_app_says_where_it_sends(
    given: Any, own: list[dict[str, str]], seen: dict[str, str]
) -> None:
    pod = pod_of(made(given, with_workload(given.spec(), env=own))["Deployment"])
    (app,) = pod["containers"]
    assert {e["name"]: e["value"] for e in app["env"] if e["name"].startswith("OTEL_")} == seen
    (side,) = [c for c in pod["initContainers"] if c["name"] == "fde-sidecar"]
    assert {"name": "FDE_OTLP", "value": "127.0.0.1:4318"} in side["env"]


def test_no_pod_is_replaced_because_a_feed_changed_unless_its_image_did(given: Any) -> None:
    def of(**spec: Any) -> tuple[Any, Any]:
        body = {"deploymentRef": {"name": "sync"}, "signals": ["errors"], **spec}
        feed = {"apiVersion": "fde.io/v1", "kind": "TelemetryFeed", "metadata": {"name": "sync"}, "spec": body}
        objects = made(given, given.spec(), feeds=(msgspec.convert(feed, TelemetryFeed),))
        return objects["Deployment"]["spec"]["template"], objects

    before, _ = of()
    changes: list[dict[str, Any]] = [
        {"signals": ["errors", "performance"]},
        {"redaction": {"mode": "strict", "rules": [{"name": "order", "pattern": "O-[0-9]{6}"}]}},
        {"sampling": {"full": 3}},
        {"egress": {"state": "off"}},
        {"solutionPaths": ["src"]},
    ]
    for change in changes:
        assert of(**change)[0] == before, change
    assert of(sidecar={"image": "fde/sidecar@sha256:2"})[0] != before
