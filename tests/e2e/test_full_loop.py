"""The Full Loop on real parts: real Kafka, a real Kubernetes API, processes that are killed, a person who decides.

logs of five customers -> sidecars -> Kafka -> ingest, fold (killed in the middle) -> solutions -> extraction ->
PatternCandidate -> approval (self-approval refused) -> DeploymentPrimitive -> FDEDeployment at a sixth customer -> pods Ready
-> the rendered file runs as a process, fails, and its failure comes back as telemetry of the same challenge.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod

from fde_events.signed import SignedBatch, events_of
from fde_events.topics import CHALLENGES, SIGNATURES
from fde_local.kafka import KafkaBroker
from fde_local.kubernetes import ControlPlane
from fde_sidecar.parse import parse_lines
from fde_sidecar.redact import Redactor
from fde_streams.identity import group_id
from fde_streams.reader import decode_challenge, read_challenges
from fde_streams.scan import scan
from fde_streams.signature import signature_of

pytestmark = [pytest.mark.kafka, pytest.mark.cluster, pytest.mark.timeout(600)]

SIBLINGS = Path(__file__).parent / "siblings"
CUSTOMERS = ("alpenglow", "cobalt", "dunhill", "harborlight", "juniper")
AUTHORS = dict(zip(CUSTOMERS, ("ana", "ben", "cem", "ana", "ben"), strict=True))
NEXT = "quillon"
IMAGE = "python@sha256:" + "1" * 64

FDEDeployment: Any = create_namespaced_resource("fde.io", "v1", "FDEDeployment", "fdedeployments")
PatternCandidate: Any = create_namespaced_resource("fde.io", "v1", "PatternCandidate", "patterncandidates")
DeploymentPrimitive: Any = create_global_resource("fde.io", "v1", "DeploymentPrimitive", "deploymentprimitives")


def excerpts(customer: str) -> list[str]:
    """The shipped log of one customer, record by record is not needed: halves of lines are."""
    log = files("fde_cli") / "sample" / "fleet" / customer / "integration-worker" / "app.log"
    return log.read_text("utf-8").splitlines(keepends=True)


def sample_error(customer: str) -> str:
    """The error that the customer's engineer hands in with the solution: as the application printed it."""
    folder = files("fde_cli") / "sample" / "solutions" / "paginated_rest_extractor"
    (found,) = [entry for entry in folder.iterdir() if entry.name.startswith(f"{customer}-")]
    return (found / "error.log").read_text("utf-8")


def feed(customer: str, name: str, folder: Path) -> Path:
    path = folder / f"{customer}.feed.yaml"
    document = {
        "apiVersion": "fde.io/v1",
        "kind": "TelemetryFeed",
        "metadata": {"name": name, "namespace": f"customer-{customer}"},
        "spec": {"deploymentRef": {"name": name}, "signals": ["errors", "rateLimit"]},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def a_repository(folder: Path, customer: str, source: bytes) -> Path:
    """An engineer's git repository with the fix in it, and the customer's consent to hand it in."""
    repository = folder / f"repo-{customer}"
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "config", "user.email", f"{AUTHORS[customer]}@company.example"], check=True)
    subprocess.run([*git, "config", "user.name", AUTHORS[customer]], check=True)
    (repository / "copy_issues.py").write_bytes(source)
    (repository / ".fde").mkdir()
    (repository / ".fde/egress.yaml").write_text("sourceEgress: true\nreuse: allowed\n")
    (repository / "error.log").write_text(sample_error(customer))
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "Back off when the tracker says 429"], check=True)
    return repository


def client(plane: ControlPlane, user: str) -> Client:
    return Client(config=KubeConfig.from_file(plane.kubeconfig(user)).get(), trust_env=False)


def ledger(fde: Any, brokers: str) -> list[dict[str, Any]]:
    done = fde.run("ledger", "--brokers", brokers, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip().startswith(b"{")]


def test_the_full_loop_closes(
    fde: Any, tracker: Any, kafka: KafkaBroker, control_plane: ControlPlane, tmp_path: Path
) -> None:
    brokers = kafka.bootstrap_servers
    applied = fde.run("kafka", "apply", "--brokers", brokers, "--customers", *CUSTOMERS, NEXT)
    assert applied.returncode == 0, applied.stderr.decode()
    assert fde.run("kafka", "plan", "--brokers", brokers, "--customers", *CUSTOMERS, NEXT).returncode == 0

    # the cluster: definitions, policies, the operator under its own rights
    installed = fde.run("operator", "install", "--kubeconfig", str(control_plane.kubeconfig("admin")))
    assert installed.returncode == 0, installed.stderr.decode()
    fde.start("operator", "operator", "--kubeconfig", str(control_plane.kubeconfig("operator")), "--brokers", brokers)
    admin = client(control_plane, "admin")

    # five customers' logs, the first half; sidecars, ingest, fold
    logs = tmp_path / "apps"
    spools = tmp_path / "spools"
    for customer in CUSTOMERS:
        folder = logs / customer
        folder.mkdir(parents=True)
        lines = excerpts(customer)
        (folder / "app.log").write_text("".join(lines[: len(lines) // 2]), "utf-8")
        fde.start(
            f"sidecar-{customer}",
            *("sidecar", "--feed", str(feed(customer, "integration-worker", tmp_path))),
            *("--logs", str(folder / "app.log"), "--customer", customer),
            *("--brokers", brokers, "--spool", str(spools / customer)),
        )
    fde.start("ingest", "worker", "ingest", "--brokers", brokers)
    fde.start("fold", "worker", "fold", "--brokers", brokers, "--state", "kafka")
    fde.until("the first challenge", lambda: read_challenges(brokers), limit_s=90)

    # the fold dies in the middle of its work; the second half comes in meanwhile
    fde.kill("fold")
    for customer in CUSTOMERS:
        lines = excerpts(customer)
        with (logs / customer / "app.log").open("a", encoding="utf-8") as log:
            log.write("".join(lines[len(lines) // 2 :]))
    fde.start("fold", "worker", "fold", "--brokers", brokers, "--state", "kafka")

    # solutions, each with an error sample, never by a label
    dry = None
    for customer in CUSTOMERS:
        repository = a_repository(tmp_path, customer, (SIBLINGS / f"{customer}.py").read_bytes())
        arguments = [
            *("submit", "--error-sample", "error.log", "copy_issues.py", "--customer", customer),
            *("--deployment", f"customer-{customer}/integration-worker", "--brokers", brokers, "--reuse", "allowed"),
        ]
        if dry is None:
            dry = fde.run(*arguments, "--dry-run", cwd=repository)
            assert dry.returncode == 0, dry.stderr.decode()
            assert json.loads(dry.stdout)["reuse"] == "allowed"
        done = fde.run(*arguments, cwd=repository)
        assert done.returncode == 0, done.stderr.decode()

    fde.start(
        "extraction",
        *("worker", "extraction", "--brokers", brokers, "--registry", "kubernetes"),
        *("--evidence", str(tmp_path / "evidence")),
        KUBECONFIG=str(control_plane.kubeconfig("engine")),
    )

    def proposed() -> Any:
        found = list(admin.list(PatternCandidate, namespace="fde-library"))
        raised = read_challenges(brokers)  # the cluster is shared with other tests: theirs answer other challenges
        ours = [c for c in found if c["spec"]["signal"]["challenge"] in raised]
        whole = [c for c in ours if c["spec"].get("proof", {}).get("siblings") == len(CUSTOMERS)]
        return whole[0] if whole else None

    candidate: Any = fde.until("a candidate of five siblings in the API server", proposed, limit_s=120)
    name = candidate.metadata.name
    text = json.dumps(candidate.to_dict())
    for private in ("alpenglow", "cobalt-shipping", "dunhill", "clinic", "juniper-grid", "GRID_TRACKER_TOKEN"):
        assert private not in text, f"{private} stands in the published resource"
    assert set(candidate["spec"]["contributors"]) == {f"{a}@company.example" for a in AUTHORS.values()}

    # nothing was lost on the way, and nothing was raised twice
    def whole() -> bool:
        rows = [row for row in ledger(fde, brokers) if row["deployment"].split("/")[0][9:] in CUSTOMERS]
        return len(rows) >= len(CUSTOMERS) and all(row["received"] > 0 and not row["gaps"] for row in rows)

    fde.until("a ledger without gaps", whole, limit_s=60)

    # a contributor may not approve; a reviewer fills in how it runs, then approves
    workload = tmp_path / "workload.yaml"
    workload.write_text(
        yaml.safe_dump(
            {
                "kind": "Deployment",
                "image": IMAGE,
                "command": ["python", "/app/copy_issues.py"],
                "mountPath": "/app",
                "env": [{"name": "JIRA_TOKEN", "value": "unset"}],
            }
        )
    )
    refused = fde.run(
        *("review", "approve", name, "--registry", "kubernetes", "--reason", "I wrote a part of it myself"),
        "--library-only",
        "--acknowledge",
        KUBECONFIG=str(control_plane.kubeconfig("ana")),
    )
    assert refused.returncode == 1, (refused.stdout, refused.stderr)
    approved = fde.run(
        *("review", "approve", name, "--registry", "kubernetes", "--reason", "values checked against the evidence"),
        *("--workload", str(workload)),
        "--acknowledge",
        KUBECONFIG=str(control_plane.kubeconfig("dana")),
    )
    assert approved.returncode == 0, approved.stderr.decode()

    def published() -> Any:
        found = list(admin.list(DeploymentPrimitive))
        return next((p for p in found if p["spec"]["provenance"]["candidateRef"]["name"] == name), None)

    primitive: Any = fde.until("the published primitive", published)
    assert primitive["spec"]["provenance"]["approvedBy"] == "dana@company.example"

    # the next engineer's deployment, at a customer who never had the problem
    namespace = f"customer-{NEXT}"
    admin.create(
        Namespace(
            metadata=ObjectMeta(
                name=namespace,
                labels={"fde.io/customer": NEXT, "pod-security.kubernetes.io/enforce": "restricted"},
            )
        )
    )
    output = tmp_path / "issues.ndjson"
    values = values_like(fde, primitive, tmp_path, tracker.url, str(output))
    resource = FDEDeployment(
        metadata=ObjectMeta(
            name="issue-sync", namespace=namespace, annotations={"fde.io/owning-fde": "cem@company.example"}
        ),
        spec={
            "primitiveRef": {"name": primitive["spec"]["primitiveName"], "version": primitive["spec"]["version"]},
            "parameters": values,
            "environment": {"networkZone": "internal"},
            "lifecycle": {"phase": "staging"},
        },
    )
    client(control_plane, "cem").create(resource, namespace=namespace)

    def ready() -> Any:
        found = admin.get(FDEDeployment, "issue-sync", namespace=namespace)
        conditions = (found.to_dict().get("status") or {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    fde.until("the FDEDeployment Ready", ready, limit_s=90)
    pods = list(admin.list(Pod, namespace=namespace))
    assert pods and all(container.ready for pod in pods for container in pod.status.containerStatuses)
    assert list(admin.list(Deployment, namespace=namespace))

    # the rendered file: what stands in the cluster is what instantiate gives, byte for byte
    rendered = expected_bytes(fde, primitive, values, tmp_path)
    held = [held for config in admin.list(ConfigMap, namespace=namespace) for held in contents(config)]
    assert rendered in held
    with pytest.raises(ApiError):
        client(control_plane, "nobody").get(FDEDeployment, "issue-sync", namespace=namespace)

    # it runs: first well, then against a tracker that says 429 for ever, and its failure comes back
    program = tmp_path / "copy_issues.py"
    program.write_bytes(rendered)
    (logs / NEXT).mkdir()
    log = logs / NEXT / "app.log"
    fde.start(
        f"sidecar-{NEXT}",
        *("sidecar", "--feed", str(feed(NEXT, "issue-sync", tmp_path)), "--logs", str(log)),
        *("--customer", NEXT, "--brokers", brokers, "--spool", str(spools / NEXT)),
    )
    environment = {**os.environ, "JIRA_TOKEN": "unset", **{n: "unset" for n in variables(rendered)}}
    run = [sys.executable, "-m", "fde_sidecar.tee", "--log", str(log), "--", sys.executable, str(program)]
    well = subprocess.run(run, env=environment, timeout=60, capture_output=True)
    assert well.returncode == 0, well.stderr.decode()
    assert len(output.read_text().splitlines()) == 2
    tracker.limited = True
    badly = subprocess.run(run, env=environment, timeout=120, capture_output=True)
    assert badly.returncode == 1
    assert b"429" in badly.stderr

    def returned() -> Any:
        rows = [row for row in ledger(fde, brokers) if row["deployment"] == f"customer-{NEXT}/issue-sync"]
        return rows and rows[0]["received"] > 0

    fde.until("the failure of the new deployment as telemetry", returned, limit_s=60)
    fde.until("its signature on the way to the fold", lambda: limited_at(brokers, NEXT), limit_s=60)

    # closing: sidecars stop, their epochs close, the ledger is whole
    for child in [name for name in fde.children if name.startswith("sidecar-")]:
        fde.children[child].terminate()
        assert fde.children[child].wait(30) == 0, fde.told()
    fde.until(
        "every epoch closed and whole",
        lambda: all(
            row["verdict"] == "whole"
            for row in ledger(fde, brokers)
            if row["deployment"].split("/")[0][9:] in (*CUSTOMERS, NEXT)
        ),
    )
    assert_nothing_lost_nothing_twice(brokers, {customer: (logs / customer / "app.log") for customer in CUSTOMERS})


def assert_nothing_lost_nothing_twice(brokers: str, logs: dict[str, Path]) -> None:
    """What the killed and restarted fold holds is what the same logs give offline; each challenge was raised once."""
    raised: dict[str, set[str]] = {}
    for message in scan(brokers, CHALLENGES):
        challenge = decode_challenge(message.value())
        assert challenge is not None
        raised.setdefault(challenge.id, set()).add(challenge.raised_at)
    assert raised
    assert all(len(times) == 1 for times in raised.values())

    expected: Counter[str] = Counter()
    for log in logs.values():
        redactor = Redactor(b"0" * 32, "standard")
        for parsed in parse_lines(log.read_text("utf-8").splitlines(keepends=True)):
            event = redactor.event(parsed.event)
            expected[group_id(signature_of(event).digest)] += event.count
    held = read_challenges(brokers)
    assert set(held) == set(raised)
    errors = [challenge for challenge in held.values() if challenge.kind == "error"]
    assert errors
    for challenge in errors:
        own = sum(seen.count for seen in challenge.sightings if seen.customer in logs)
        assert own == expected[challenge.id], challenge.title


def limited_at(brokers: str, customer: str) -> bool:
    """Whether a signed event of this customer says 429."""
    for message in scan(brokers, SIGNATURES):
        batch = msgspec.json.decode(message.value() or b"", type=SignedBatch)
        if any(event.customer == customer and "429" in event.sample for event in events_of(batch)):
            return True
    return False


def values_like(fde: Any, primitive: Any, folder: Path, url: str, output: str) -> dict[str, Any]:
    """Values for a new customer: those of a sibling, found by `fde fit`, with the new customer's own in place."""
    manifest = folder / "primitive.yaml"
    manifest.write_text(yaml.safe_dump(primitive.to_dict()))
    found = folder / "values.yaml"
    done = fde.run("fit", str(manifest), str(SIBLINGS / "alpenglow.py"), "--output", str(found))
    assert done.returncode == 0, done.stderr.decode()
    values: dict[str, Any] = yaml.safe_load(found.read_text())
    for parameter, value in values.items():
        if "alpenglow" in str(value):
            values[parameter] = output if str(value).startswith("/") else url
    return values


def expected_bytes(fde: Any, primitive: Any, values: dict[str, Any], folder: Path) -> bytes:
    chosen = folder / "chosen.yaml"
    chosen.write_text(yaml.safe_dump(values))
    done = fde.run("instantiate", str(folder / "primitive.yaml"), "--values", str(chosen))
    assert done.returncode == 0, done.stderr.decode()
    return bytes(done.stdout)


def contents(config: ConfigMap) -> list[bytes]:
    plain = [text.encode() for text in (config.data or {}).values()]
    return plain + [base64.b64decode(text) for text in (config.binaryData or {}).values()]


def variables(program: bytes) -> list[str]:
    """Names of environment variables the program reads."""
    import re

    return re.findall(r"os\.environ\['([A-Z_]+)'\]", program.decode())
