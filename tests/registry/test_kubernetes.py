"""What only a cluster can show; and what the client does when it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from fde_events.errors import BadInput, Misuse, Refused, Unavailable
from fde_registry.kubernetes import KubernetesRegistry

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: it
clusters: [{name: it, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: it, context: {cluster: it, user: it}}]
users: [{name: it, user: {token: t}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


def answering(kubeconfig: Path, code: int, **status: Any) -> KubernetesRegistry:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "said by it", **status}
    return KubernetesRegistry(
        kubeconfig, transport=httpx2.MockTransport(lambda request: httpx2.Response(code, json=body))
    )


def test_an_api_server_that_is_away_is_unavailable(kubeconfig: Path) -> None:
    registry = KubernetesRegistry(kubeconfig)
    for ask in (registry.whoami, registry.candidates, registry.primitives, lambda: registry.candidate("c-1")):
        with pytest.raises(Unavailable, match="did not answer"):
            ask()


@pytest.mark.parametrize("code", [429, 500, 503])
def test_an_api_server_that_cannot_now_is_unavailable(kubeconfig: Path, code: int) -> None:
    with pytest.raises(Unavailable, match="said by it"):
        answering(kubeconfig, code).candidates()


@pytest.mark.parametrize("code", [401, 403, 409, 422])
def test_what_the_api_server_refuses_is_refused_with_its_sentence(kubeconfig: Path, code: int) -> None:
    with pytest.raises(Refused, match="said by it"):
        answering(kubeconfig, code).candidates()


def test_a_cluster_without_the_definitions_is_not_an_empty_library(kubeconfig: Path) -> None:
    with pytest.raises(Refused, match="said by it"):
        answering(kubeconfig, 404).candidate("c-1")


def test_a_kubeconfig_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises((Misuse, BadInput)):
        KubernetesRegistry(tmp_path / "gone")


@pytest.mark.cluster
def test_whoever_may_resolve_a_customers_pseudonym_sees_what_is_its_own(
    installed_control_plane: Any, a_candidate: Any, for_customers: Any
) -> None:
    from fde_api.candidate import Proof

    engine = KubernetesRegistry(Path(installed_control_plane.kubeconfig("engine")))
    own = a_candidate(
        name="c-5ee000aa",
        author=engine.whoami(),
        proposal=for_customers("src-00000000000000aa"),
        proof=Proof(siblings=3, rebuilt=3, sibling_customers=1, leaks=0),
    )
    engine.propose(own)

    def seen_by(person: str) -> bool:
        registry = KubernetesRegistry(Path(installed_control_plane.kubeconfig(person)))
        return "c-5ee000aa" in [candidate.metadata.name for candidate in registry.candidates()]

    assert not seen_by("ana")  # an engineer: may read candidates, may resolve nobody's pseudonym
    assert seen_by("dana")  # a reviewer: may get deploymentprimitives/source
    with pytest.raises(Refused):
        seen_by("nobody")


@pytest.mark.cluster
def test_the_api_server_itself_refuses_what_the_client_would(installed_control_plane: Any, a_candidate: Any) -> None:
    """Whoever goes around this client meets the same rules."""
    engine = KubernetesRegistry(Path(installed_control_plane.kubeconfig("engine")))
    made = engine.propose(a_candidate(name="c-5ee000bb", author=engine.whoami()))
    ana = KubernetesRegistry(Path(installed_control_plane.kubeconfig("ana")))
    review = {"decision": "Approved", "reviewer": "ana@company.example", "reviewedGeneration": 1}
    with pytest.raises(Refused, match=r"approve|contributor"):
        ana._patch(made, [{"op": "add", "path": "/spec/review", "value": review}])
    dana = KubernetesRegistry(Path(installed_control_plane.kubeconfig("dana")))
    stale = {"decision": "Approved", "reviewer": "dana@company.example", "reviewedGeneration": 7}
    with pytest.raises(Refused, match="reviewedGeneration must be 1"):
        dana._patch(made, [{"op": "add", "path": "/spec/review", "value": stale}])
    assert engine.candidate("c-5ee000bb").spec.review is None


@pytest.mark.cluster
def test_a_change_meanwhile_is_a_conflict_and_not_a_loss(
    installed_control_plane: Any, a_candidate: Any, proposal: Any
) -> None:
    engine = KubernetesRegistry(Path(installed_control_plane.kubeconfig("engine")))
    seen = engine.propose(a_candidate(name="c-5ee000cc", author=engine.whoami()))
    ben = KubernetesRegistry(Path(installed_control_plane.kubeconfig("ben")))
    ben.edit("c-5ee000cc", proposal(tags=("by-ben",)), proof=seen.spec.proof.of(proposal(tags=("by-ben",))))
    review = {"decision": "Approved", "reviewer": "dana@company.example", "reviewedGeneration": 1}
    dana = KubernetesRegistry(Path(installed_control_plane.kubeconfig("dana")))
    with pytest.raises(Refused):
        dana._patch(seen, [{"op": "add", "path": "/spec/review", "value": review}])
    assert dana.candidate("c-5ee000cc").spec.proposal.tags == ("by-ben",)


@pytest.mark.cluster
def test_a_submitted_proposal_is_in_the_customers_namespace_once(installed_control_plane: Any) -> None:
    from lightkube.resources.core_v1 import Namespace

    from fde_api.candidate import Identity, PatternProposal, PatternProposalSpec, ProposedFile
    from fde_api.meta import Metadata

    admin = KubernetesRegistry(Path(installed_control_plane.kubeconfig("admin")))
    name = "customer-registrytest"
    admin._client.apply(
        Namespace.from_dict({"metadata": {"name": name, "labels": {"fde.io/customer": "registrytest"}}}),
        field_manager="test",
    )
    ana = KubernetesRegistry(Path(installed_control_plane.kubeconfig("ana")))
    file = ProposedFile(path="sync.py", language="python", digest="sha256:" + "0" * 64)
    wanted = PatternProposal(
        metadata=Metadata(name="p-0000aaaa", namespace=name),
        spec=PatternProposalSpec(
            author=Identity(username=ana.whoami()), files=(file,), challenge="ch-1", reuse="allowed"
        ),
    )
    first = ana.submit(wanted)
    assert ana.submit(wanted).metadata.uid == first.metadata.uid
    assert first.spec == wanted.spec
