"""`fde review`: candidates listed, shown, approved, rejected, edited; and the page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from fde_cli.options import PagePort, Positive

if TYPE_CHECKING:
    from fde_api.candidate import PatternCandidate
    from fde_extraction.recheck import EvidenceChecker
    from fde_extraction.status import JoinStatus

app = App(name="review", help="List, show, approve and reject candidates; the review page.")

Registry = Annotated[str | None, Parameter(env_var="FDE_REGISTRY")]
Evidence = Annotated[Path | None, Parameter(env_var="FDE_EVIDENCE")]
Json = Annotated[bool, Parameter(name="--json", negative=())]


@app.command(name="list")
def list_(*, registry: Registry = None, evidence: Evidence = None, json_: Json = False) -> int:
    """Candidates, those that wait for a decision first.

    Parameters
    ----------
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    evidence
        Extraction's directory: how far each challenge is on its way is told too.
    json_
        One JSON object a line.
    """
    from fde_cli.registry_option import registry_at

    candidates = sorted(registry_at(registry).candidates(), key=lambda c: (c.spec.review is not None, c.metadata.name))
    statuses = _statuses(evidence)
    for candidate in candidates:
        row = _row(candidate)
        print(json.dumps(row) if json_ else _told(row))
    for status in statuses:
        if not json_:
            print(f"{status.challenge}  {status.line()}", file=sys.stderr)
            for sentence in status.skipped:
                print(f"  skipped {sentence}", file=sys.stderr)
    if not candidates:
        print("fde review: there are no candidates", file=sys.stderr)
        return 1
    return 0


@app.command
def show(name: str, *, registry: Registry = None, json_: Json = False) -> int:
    """One candidate: signal, proof, parameters, template, and what is missing before it can be approved.

    Parameters
    ----------
    name
        The candidate.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    json_
        The whole resource as JSON.
    """
    from fde_api.meta import manifest
    from fde_cli.registry_option import registry_at
    from fde_review import exhibit
    from fde_review.decision import missing

    home = registry_at(registry)
    candidate = home.candidate(name)
    if json_:
        print(json.dumps(manifest(candidate)))
        return 0
    spec = candidate.spec
    print(_told(_row(candidate)))
    signal = spec.signal
    print(f"signal      {signal.deployments} deployments, {signal.customers} customers, {signal.events} events")
    print(f"seen        {signal.first_seen} to {signal.last_seen}, threshold met {signal.threshold_met}")
    print(f"proof       {spec.proof.line() if spec.proof else 'none'}")
    print(f"evidence    {spec.evidence_digest or 'none'}")
    print(f"visible to  {', '.join(spec.proposal.provenance.visible_to) or 'everyone'}")
    print(f"contributed {', '.join(spec.contributors) or 'nobody'}")
    print()
    for line in exhibit.told(candidate):
        print(line)
    if spec.review is not None:
        seen = ", all that was listed acknowledged" if spec.review.acknowledged else ""
        print(f"\n{spec.review.decision} by {spec.review.reviewer} {spec.review.at}{seen}: {spec.review.reason}")
        return 0
    needs = missing(candidate, reviewer=home.whoami())
    print("\nbefore it can be approved:" if needs else "\nnothing stands in the way of an approval")
    for sentence in needs:
        print(f"  {sentence}")
    return 0


@app.command
def approve(
    name: str,
    *,
    registry: Registry = None,
    reason: str = "",
    workload: Path | None = None,
    library_only: Annotated[bool, Parameter(negative=())] = False,
    acknowledge: Annotated[bool, Parameter(negative=())] = False,
    generation: Positive | None = None,
    evidence: Evidence = None,
) -> int:
    """Approve a candidate; in a directory it is published at once. Who approves is who you are, never an argument.

    Parameters
    ----------
    name
        The candidate.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    reason
        What you checked.
    workload
        A YAML file that says how it runs (kind, image by digest, command).
    library_only
        It is instantiated into repositories, and never run by an FDEDeployment.
    acknowledge
        You have looked at everything that `fde review show` lists to acknowledge; the decision records it.
    generation
        The generation you looked at; refused if it is another one now.
    evidence
        Extraction's directory, to check a workload against the siblings too.
    """
    from fde_cli.registry_option import registry_at
    from fde_events.errors import Misuse
    from fde_review.decision import Decisions
    from fde_review.workbench import runtime_in

    if workload is not None and library_only:
        raise Misuse("--workload and --library-only exclude each other.")
    decisions = Decisions(registry_at(registry), _checker(evidence))
    runtime = runtime_in(workload) if workload is not None else None
    done = decisions.approve(
        name,
        reason=reason,
        generation=generation,
        runtime=runtime,
        library_only=library_only,
        acknowledged=acknowledge,
    )
    published = done.status.published_as if done.status is not None else None
    print(f"approved {name}" + (f", published as {published}" if published else "; the operator publishes it"))
    return 0


@app.command
def reject(name: str, *, reason: str, registry: Registry = None, generation: Positive | None = None) -> int:
    """Reject a candidate.

    Parameters
    ----------
    name
        The candidate.
    reason
        Why, at least 10 characters; its contributors read it.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    generation
        The generation you looked at; refused if it is another one now.
    """
    from fde_cli.registry_option import registry_at
    from fde_review.decision import Decisions

    Decisions(registry_at(registry), _checker(None)).reject(name, reason=reason, generation=generation)
    print(f"rejected {name}")
    return 0


@app.command
def reopen(name: str, *, registry: Registry = None) -> int:
    """Bring a rejected candidate back as a new one; the old decision stays, and somebody else decides on the new.

    Parameters
    ----------
    name
        The rejected candidate.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    """
    from fde_cli.registry_option import registry_at
    from fde_review.decision import Decisions

    again = Decisions(registry_at(registry), _checker(None)).reopen(name)
    print(again.metadata.name)
    return 0


@app.command
def checkout(name: str, folder: Path, *, registry: Registry = None) -> int:
    """Write a candidate's template, parameters and workload as files to edit.

    Parameters
    ----------
    name
        The candidate.
    folder
        A new or empty folder.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    """
    from fde_cli.registry_option import registry_at
    from fde_review.workbench import check_out

    for path in check_out(registry_at(registry).candidate(name), folder):
        print(path)
    print(f"fde review: edit, then `fde review resubmit {folder}`", file=sys.stderr)
    return 0


@app.command
def resubmit(folder: Path, *, registry: Registry = None, evidence: Evidence = None) -> int:
    """Take an edited candidate back: checks run again, and it needs a fresh decision, by somebody else.

    Parameters
    ----------
    folder
        What `fde review checkout` wrote.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    evidence
        Extraction's directory; without it a change of the template's text cannot be proven, and is refused.
    """
    from fde_cli.registry_option import registry_at
    from fde_review.decision import Decisions

    after = Decisions(registry_at(registry), _checker(evidence)).resubmit(folder)
    proof = after.spec.proof.line() if after.spec.proof else "no proof"
    print(f"{after.metadata.name} generation {after.metadata.generation}: {proof}")
    return 0


@app.command
def serve(*, registry: Registry = None, evidence: Evidence = None, port: PagePort = 8321) -> int:
    """The review page on loopback, until Ctrl-C. Whoever starts it decides there.

    Parameters
    ----------
    registry
        directory:PATH (with decisions), or kubernetes[:NAMESPACE] (to look at; decide with `fde review approve`).
    evidence
        Extraction's directory: how far each challenge is on its way is shown too.
    port
        On 127.0.0.1; 0 takes a free one.
    """
    from fde_cli.registry_option import registry_at
    from fde_registry.directory import DirectoryRegistry
    from fde_review.page import create_app
    from fde_review.serve import listen, server

    home = registry_at(registry)
    page = create_app(
        home,
        lambda: _statuses(evidence),
        checker=_checker(evidence),
        may_decide=isinstance(home, DirectoryRegistry),
    )
    bound = listen(port)
    print(
        f"fde review: http://127.0.0.1:{bound.getsockname()[1]}/ as {home.whoami()}; Ctrl-C stops it",
        file=sys.stderr,
        flush=True,
    )
    server(page).run(sockets=[bound])
    return 0


def _checker(evidence: Path | None) -> EvidenceChecker:
    from fde_extraction.evidence import EvidenceStore
    from fde_extraction.recheck import EvidenceChecker

    return EvidenceChecker(EvidenceStore(evidence) if evidence is not None and evidence.is_dir() else None)


def _statuses(evidence: Path | None) -> list[JoinStatus]:
    from fde_extraction.status import read

    return read(evidence / "status.jsonl") if evidence is not None else []


def _row(candidate: PatternCandidate) -> dict[str, Any]:
    spec = candidate.spec
    return {
        "name": candidate.metadata.name,
        "generation": candidate.metadata.generation or 1,
        "state": candidate.state,
        "primitive": spec.proposal.object_name,
        "challenge": spec.signal.challenge,
        "title": spec.signal.title,
        "deployments": spec.signal.deployments,
        "customers": spec.signal.customers,
        "parameters": [parameter.name for parameter in spec.proposal.parameters],
        "proof": spec.proof.line() if spec.proof is not None else "",
        "acknowledge": len(spec.proof.acknowledge) if spec.proof is not None else 0,
        "publishedAs": candidate.status.published_as if candidate.status is not None else None,
    }


def _told(row: dict[str, Any]) -> str:
    return (
        f"{row['name']}  {row['state']:<8}  {row['primitive']}  {row['proof'] or 'no proof'}  "
        f"{len(row['parameters'])} parameters  {row['title']}"
    )
