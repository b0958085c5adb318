"""`fde kube`, and `kubectl fde` by the plugin of that name: status, plan, history, explain. Reads and rehearses; writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fde_cli.options import Kubeconfig

if TYPE_CHECKING:
    from fde_cli.kube.plan import Planned
    from fde_operator.cluster import Cluster, Manifest

app = App(name="kube", help="How deployments stand, what would change, what did, and why; also as `kubectl fde`.")

Namespace = Annotated[str | None, Parameter(name=["--namespace", "-n"])]
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command
def status(
    name: str | None = None,
    /,
    *,
    namespace: Namespace = None,
    all_namespaces: Annotated[bool, Parameter(name=["--all-namespaces", "-A"], negative=())] = False,
    kubeconfig: Kubeconfig = None,
    json_: Json = False,
) -> int:
    """The FDEDeployments that you may see; one in full with its conditions, versions, window and feed.

    Parameters
    ----------
    name
        One FDEDeployment.
    namespace
        A customer's namespace; the current context's when it is not given.
    all_namespaces
        Those of every customer.
    kubeconfig
        A kubeconfig file; the one that kubectl would take when it is not given.
    json_
        A JSON array, or one object for NAME.
    """
    from fde_cli.kube.connection import Connection
    from fde_cli.kube.standing import detail, overview, standing
    from fde_cli.kube.target import deployment_of, found
    from fde_events.errors import Misuse

    if name and all_namespaces:
        raise Misuse("give a NAME or --all-namespaces, not both")
    where = Connection.of(kubeconfig, namespace)
    place = "" if all_namespaces else where.namespace

    async def ask(cluster: Cluster) -> tuple[list[Manifest], list[Manifest]]:
        if name:
            one = [await found(cluster, deployment_of(name, place))]
        else:
            one = await cluster.list("FDEDeployment", namespace=place)
        return one, await _seen(lambda: cluster.list("TelemetryFeed", namespace=place))

    deployments, feeds = where.ask(ask)
    rows = [
        standing(one, [feed for feed in feeds if feed["metadata"]["namespace"] == one["metadata"]["namespace"]])
        for one in sorted(deployments, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))
    ]
    if json_:
        _json(rows[0] if name else rows)
    elif not rows:
        _tell(f"no FDEDeployment in {f'namespace {place}' if place else 'any namespace'}")
    else:
        print(detail(rows[0]) if name else overview(rows))
    return 0 if rows else 1


@app.command
def plan(
    name: str | None = None,
    /,
    *,
    file: Annotated[Path | None, Parameter(name=["--file", "-f"])] = None,
    namespace: Namespace = None,
    kubeconfig: Kubeconfig = None,
    json_: Json = False,
) -> int:
    """What the operator would change: its own reconciliation, every write a server-side dry run with your rights.

    Exit code 0: it would do this, or nothing; 1: it is held back, or refused.

    Parameters
    ----------
    name
        An FDEDeployment that stands there.
    file
        A YAML file with an FDEDeployment: what would change if it was applied.
    namespace
        A customer's namespace; the current context's when it is not given.
    kubeconfig
        A kubeconfig file; the one that kubectl would take when it is not given.
    json_
        One JSON object: steps with their differences, the status, and notes.
    """
    import logging

    import yaml

    from fde_cli import log
    from fde_cli.kube.connection import Connection
    from fde_cli.kube.plan import filed, planned
    from fde_cli.kube.target import deployment_of
    from fde_events.errors import BadInput, Misuse
    from fde_operator.cluster import key_of

    if (name is None) == (file is None):
        raise Misuse("give the NAME of an FDEDeployment, or --file FILE")
    where = Connection.of(kubeconfig, namespace)
    manifest = None
    if file is not None:
        try:
            document = yaml.safe_load(file.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise BadInput(str(file), f"it cannot be read as YAML: {error}") from error
        manifest = filed(document, where=str(file), namespace=where.namespace)
    key = key_of(manifest) if manifest else deployment_of(name, where.namespace)
    # The operator's code logs what it applied. Nothing is, here.
    log.to_stderr(logging.CRITICAL)
    outcome = where.ask(lambda cluster: planned(cluster, key, file=manifest), only_rehearse=True)
    for note in outcome.notes:
        _tell(f"note: {note}")
    if json_:
        _json(_as_json(outcome))
    else:
        _show(outcome)
    if outcome.held:
        _tell(f"held back: {outcome.held}")
    return 1 if outcome.held else 0


@app.command
def history(name: str, /, *, namespace: Namespace = None, kubeconfig: Kubeconfig = None, json_: Json = False) -> int:
    """Which versions ran when and why, and every attempt: begun, ready, failed.

    Parameters
    ----------
    name
        An FDEDeployment.
    namespace
        A customer's namespace; the current context's when it is not given.
    kubeconfig
        A kubeconfig file; the one that kubectl would take when it is not given.
    json_
        One JSON object with versions and attempts.
    """
    from fde_cli.kube.connection import Connection
    from fde_cli.kube.standing import table
    from fde_cli.kube.target import deployment_of, found

    where = Connection.of(kubeconfig, namespace)
    key = deployment_of(name, where.namespace)
    said = where.ask(lambda cluster: found(cluster, key)).get("status", {})
    versions, attempts = said.get("history", []), said.get("attempts", [])
    if json_:
        _json({"versions": versions, "attempts": attempts})
        return 0 if versions or attempts else 1
    if not versions and not attempts:
        _tell(f"{key} has no history yet: the operator has not run a version of it")
        return 1
    columns = ("version", "at", "reason")
    print(table(("VERSION", "SINCE", "WHY"), ([one.get(column) for column in columns] for one in versions)))
    if attempts:
        fields = ("version", "generation", "startedAt", "readyAt", "failedAt", "reason")
        header = ("ATTEMPT", "GENERATION", "STARTED", "READY", "FAILED", "REASON")
        print("\n" + table(header, ([one.get(field) for field in fields] for one in attempts)))
    return 0


@app.command
def explain(target: str, /, *, namespace: Namespace = None, kubeconfig: Kubeconfig = None, json_: Json = False) -> int:
    """Why something is where it is, and what to do next.

    Parameters
    ----------
    target
        The NAME of an FDEDeployment, or KIND/NAME: plib/core says why each version is not promoted, dprim/sync.v1.0.0 of one.
    namespace
        A customer's namespace; the current context's when it is not given.
    kubeconfig
        A kubeconfig file; the one that kubectl would take when it is not given.
    json_
        One JSON object: paragraphs and conditions.
    """
    from fde_cli.kube.connection import Connection
    from fde_cli.kube.explanation import explanation
    from fde_cli.kube.standing import conditions
    from fde_cli.kube.target import found, key_of_target

    where = Connection.of(kubeconfig, namespace)
    key = key_of_target(target, where.namespace)

    async def ask(cluster: Cluster) -> tuple[Manifest, list[Manifest]]:
        manifest = await found(cluster, key)
        around: dict[str, Callable[[], Awaitable[list[Manifest]]]] = {
            "FDEDeployment": lambda: cluster.list("TelemetryFeed", namespace=key.namespace),
            "DeploymentPrimitive": lambda: cluster.list("PatternLibrary"),
        }
        return manifest, await _seen(around[key.kind]) if key.kind in around else []

    manifest, around = where.ask(ask)
    manifest = {"kind": key.kind, **manifest}
    paragraphs = explanation(manifest, feeds=around, libraries=around)
    if json_:
        _json({"paragraphs": paragraphs, "conditions": conditions(manifest)})
    else:
        print("\n\n".join(paragraphs))
    return 0


async def _seen(ask: Callable[[], Awaitable[list[Manifest]]]) -> list[Manifest]:
    """What is beside the point may be out of sight: a person without the right is told the rest."""
    from fde_operator.errors import Denied

    try:
        return await ask()
    except Denied:
        return []


def _show(outcome: Planned) -> None:
    from fde_cli.kube.difference import difference, is_change, summary

    steps = [step for step in outcome.steps if is_change(step)]
    if not steps:
        print("nothing would change")
        return
    for line in summary(steps):
        print(line)
    for step in steps:
        print(f"\n{difference(step).rstrip()}")


def _as_json(outcome: Planned) -> dict[str, Any]:
    from fde_cli.kube.difference import difference, is_change

    steps = [
        {
            "verb": step.verb,
            "kind": step.key.kind,
            "namespace": step.key.namespace,
            "name": step.key.name,
            "difference": difference(step),
            "checkedByServer": not step.unchecked,
        }
        for step in outcome.steps
        if is_change(step)
    ]
    told = (outcome.status or {}).get("status")
    return {"steps": steps, "status": told, "heldBack": outcome.held or None, "notes": outcome.notes}


def _json(value: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
