"""The registry in a Kubernetes API server: the resource is the truth, RBAC and admission policies are the authority.

The engine proposes by server-side apply, people edit and decide by JSON patch on the version they read. What the API server
refuses is refused with its own sentence. Publication is the operator's.

Own-customer resources: DeploymentPrimitive is cluster-scoped, and RBAC cannot tell one object from another by its content. So
whoever may `get` on `deploymentprimitives/source` named by the pseudonym belongs to that customer; others are not shown it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource, get_generic_resource
from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.resources.authentication_v1 import SelfSubjectReview
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview
from lightkube.types import PatchType
from msgspec.structs import replace

from fde_api.candidate import PatternCandidate, PatternProposal, Proof, Review
from fde_api.deployment import TelemetryFeed
from fde_api.errors import InvalidResource
from fde_api.kinds import BY_NAME, parse
from fde_api.meta import API_VERSION, GROUP, manifest
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_events.errors import BadInput, FdeError, Misuse, Refused, Unavailable
from fde_registry import transition

NAMESPACE: Final = "fde-library"


def _resource(kind: str) -> Any:
    known = BY_NAME[kind]
    make = create_namespaced_resource if known.namespaced else create_global_resource
    # lightkube keeps one table for the whole process, and refuses a kind that somebody made before us.
    known_to_it: Any = get_generic_resource
    return known_to_it(API_VERSION, kind) or make(GROUP, "v1", kind, known.plural)


_CANDIDATE: Final = _resource("PatternCandidate")
_PROPOSAL: Final = _resource("PatternProposal")
_PRIMITIVE: Final = _resource("DeploymentPrimitive")
_FEED: Final = _resource("TelemetryFeed")
_RACES: Final = 5
_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})


class KubernetesRegistry:
    """A :class:`fde_registry.registry.Registry` over the API server.

    `kubeconfig` None: in-cluster, then $KUBECONFIG, then ~/.kube/config. `manager` is the field manager of what is proposed.
    """

    def __init__(
        self,
        kubeconfig: Path | None = None,
        *,
        namespace: str = NAMESPACE,
        manager: str = "fde-pattern-engine",
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        try:
            config = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
            self._client: Any = Client(
                config=config.get(), namespace=namespace, field_manager=manager, transport=transport
            )
        except ConfigError as error:
            raise Misuse(
                f"No usable Kubernetes configuration: {error}. Set KUBECONFIG, or use --registry directory:PATH."
            ) from error
        except OSError as error:
            raise BadInput(str(kubeconfig or "KUBECONFIG"), f"cannot be read: {error.strerror or error}") from error
        self.namespace = namespace
        self._identity: str | None = None
        self._allowed: dict[tuple[str, str, str, str], bool] = {}

    def whoami(self) -> str:
        """The user name as the API server authenticates it (SelfSubjectReview)."""
        if self._identity is None:
            with _asked("who you are"):
                review: Any = self._client.create(SelfSubjectReview())
            self._identity = str(review.status.userInfo.username)
        return self._identity

    def allows(self, verb: str, resource: str, *, name: str = "", namespace: str | None = None) -> bool:
        """Whether this identity may do `verb` on `resource` (``patterncandidates/approval``), by SelfSubjectAccessReview."""
        kind, _, subresource = resource.partition("/")
        place = self.namespace if namespace is None else namespace
        key = (verb, resource, name, place)
        if key not in self._allowed:
            attributes = ResourceAttributes(
                group=GROUP, verb=verb, resource=kind, subresource=subresource, name=name, namespace=place
            )
            spec = SelfSubjectAccessReviewSpec(resourceAttributes=attributes)
            with _asked("what you may do"):
                review: Any = self._client.create(SelfSubjectAccessReview(spec=spec))
            self._allowed[key] = bool(review.status.allowed)
        return self._allowed[key]

    def candidates(self) -> Sequence[PatternCandidate]:
        """Those this identity may see, by name."""
        with _asked("candidates"):
            found = [_candidate(o) for o in self._client.list(_CANDIDATE, namespace=self.namespace, chunk_size=100)]
        return sorted((c for c in found if self._sees(c.spec.proposal)), key=lambda c: c.metadata.name)

    def candidate(self, name: str) -> PatternCandidate:
        """One candidate. One that is not to be seen is refused as one that is not there."""
        found = self._read(name)
        if found is None or not self._sees(found.spec.proposal):
            raise Refused(
                f"There is no candidate {name} in namespace {self.namespace}. `fde review list` names those there are."
            )
        return found

    def propose(self, candidate: PatternCandidate) -> PatternCandidate:
        """Create or renew by server-side apply."""
        name = candidate.metadata.name
        for _ in range(_RACES):
            try:
                return self._propose(name, candidate)
            except _Changed:  # a person's edit, or a status, came between reading and writing: neither is to be lost
                continue
        raise Unavailable(f"Candidate {name} changes faster than it can be renewed.")

    def _propose(self, name: str, candidate: PatternCandidate) -> PatternCandidate:
        current = self._read(name)
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace}
        if current is None:
            after = replace(candidate, spec=replace(candidate.spec, review=None))
            metadata |= {"labels": candidate.metadata.labels, "annotations": candidate.metadata.annotations}
        else:
            after = transition.renewed(current, candidate)
            if after.spec == current.spec:
                return current
            metadata["resourceVersion"] = current.metadata.resource_version
        body = {**manifest(after), "metadata": metadata}
        body.pop("status", None)
        with _asked(f"candidate {name}"):
            return _candidate(self._client.apply(_CANDIDATE(body), namespace=self.namespace, force=True))

    def edit(
        self, name: str, proposal: PrimitiveSpec, *, proof: Proof | None = None, generation: int | None = None
    ) -> PatternCandidate:
        """Replace the proposal of an undecided candidate."""
        current = self.candidate(name)
        after = transition.edited(current, proposal, proof, editor=self.whoami(), generation=generation)
        spec = manifest(after)["spec"]
        changes = [
            {"op": "add", "path": "/spec/proposal", "value": spec["proposal"]},
            {"op": "add", "path": "/spec/contributors", "value": spec.get("contributors", [])},
            {"op": "add", "path": "/metadata/annotations", "value": after.metadata.annotations},
        ]
        if proof is not None:
            changes.append({"op": "add", "path": "/spec/proof", "value": spec["proof"]})
        elif current.spec.proof is not None:
            changes.append({"op": "remove", "path": "/spec/proof"})
        return self._patch(current, changes)

    def decide(self, name: str, review: Review) -> PatternCandidate:
        """Record the decision on the version that was read; the operator publishes."""
        current = self.candidate(name)
        review = replace(review, at=review.at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        after = transition.decided(current, review, reviewer=self.whoami())
        return self._patch(current, [{"op": "add", "path": "/spec/review", "value": manifest(after)["spec"]["review"]}])

    def primitives(self) -> Sequence[DeploymentPrimitive]:
        """Those this identity may see, by object name."""
        with _asked("primitives"):
            found = [_primitive(o) for o in self._client.list(_PRIMITIVE, chunk_size=100)]
        return sorted((p for p in found if self._sees(p.spec)), key=lambda p: p.metadata.name)

    def primitive(self, name: str, version: str) -> DeploymentPrimitive:
        """Exactly this version."""
        wanted = DeploymentPrimitive.object_name(name, version)
        try:
            with _asked(f"primitive {wanted}"):
                found = _primitive(self._client.get(_PRIMITIVE, wanted))
        except _Absent:
            found = None
        if found is None or not self._sees(found.spec):
            versions = [p.spec.version for p in self.primitives() if p.spec.primitive_name == name]
            there = f"there are {', '.join(versions)}" if versions else f"no version of {name} is published"
            raise Refused(f"There is no primitive {wanted} in the cluster; {there}.")
        return found

    def submit(self, proposal: PatternProposal) -> PatternProposal:
        """Create a PatternProposal in its customer's namespace. Idempotent: the same one again changes nothing."""
        where = f"{proposal.metadata.namespace}/{proposal.metadata.name}"
        with _asked(f"PatternProposal {where}"):
            made = self._client.apply(
                _PROPOSAL(manifest(proposal)), namespace=proposal.metadata.namespace, field_manager="fde-submit"
            )
        parsed = parse(_plain(made), where=where)
        assert isinstance(parsed, PatternProposal)
        return parsed

    def source_consent(self, deployment: str) -> bool | None:
        """Whether the TelemetryFeed of NAMESPACE/NAME lets its source code out; None when it has no feed."""
        namespace, _, name = deployment.partition("/")
        where = f"the TelemetryFeed of {deployment}"
        with _asked(where):
            found = list(
                self._client.list(_FEED, namespace=namespace, fields={"spec.deploymentRef.name": name}, chunk_size=100)
            )
            feeds = [parse({**_plain(one), "kind": "TelemetryFeed"}, where=where) for one in found]
        if not feeds:
            return None
        feed = min(feeds, key=lambda one: one.metadata.name)  # the one its sidecar reads
        assert isinstance(feed, TelemetryFeed)
        return feed.spec.egress.source

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, name: str) -> PatternCandidate | None:
        try:
            with _asked(f"candidate {name}"):
                return _candidate(self._client.get(_CANDIDATE, name, namespace=self.namespace))
        except _Absent:
            return None

    def _patch(self, current: PatternCandidate, changes: list[dict[str, Any]]) -> PatternCandidate:
        name = current.metadata.name
        # The generation and not the resource version: a status that the operator writes meanwhile is no reason to refuse.
        same = {"op": "test", "path": "/metadata/generation", "value": current.metadata.generation}
        try:
            with _asked(f"candidate {name}"):
                done = self._client.patch(
                    _CANDIDATE, name, [same, *changes], namespace=self.namespace, patch_type=PatchType.JSON
                )
        except Refused:
            now = self.candidate(name)
            if now.metadata.generation == current.metadata.generation:
                raise
            raise Refused(
                f"candidate {name} was changed meanwhile (generation {now.metadata.generation}, "
                f"you read {current.metadata.generation}): look at it again."
            ) from None
        return _candidate(done)

    def _sees(self, proposal: PrimitiveSpec) -> bool:
        sources = proposal.provenance.visible_to
        return not sources or any(
            self.allows("get", "deploymentprimitives/source", name=source, namespace="") for source in sources
        )


class _Absent(FdeError):
    """The API server knows no such object."""


class _Changed(Refused):
    """The object is not the one that was read any more."""


@contextmanager
def _asked(what: str) -> Iterator[None]:
    """Foreign errors to ours: its refusal is Refused with its sentence, its absence Unavailable."""
    try:
        yield
    except ApiError as error:
        code, message = error.status.code or 0, error.status.message or "no reason given"
        if code == 404 and error.status.details and error.status.details.name:
            raise _Absent(f"{what}: {message}") from error
        if code == 409:
            raise _Changed(f"The API server refused {what}: {message}") from error
        if code in _TRY_AGAIN:
            raise Unavailable(f"The API server could not answer about {what}: {message}.") from error
        raise Refused(f"The API server refused {what}: {message}") from error
    except (httpx2.HTTPError, ConnectionError) as error:
        raise Unavailable(f"The API server did not answer about {what}: {error}.") from error
    except InvalidResource as error:
        raise BadInput(what, str(error)) from error


def _plain(found: Any) -> dict[str, Any]:
    body: dict[str, Any] = found.to_dict()
    return {**body, "apiVersion": f"{GROUP}/v1", "kind": type(found).__name__ if "kind" not in body else body["kind"]}


def _candidate(found: Any) -> PatternCandidate:
    parsed = parse({**_plain(found), "kind": "PatternCandidate"}, where=f"candidate {found.metadata.name}")
    assert isinstance(parsed, PatternCandidate)
    return parsed


def _primitive(found: Any) -> DeploymentPrimitive:
    parsed = parse({**_plain(found), "kind": "DeploymentPrimitive"}, where=f"primitive {found.metadata.name}")
    assert isinstance(parsed, DeploymentPrimitive)
    return parsed
