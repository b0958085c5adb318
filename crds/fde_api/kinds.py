"""The six kinds in one table, and how a manifest becomes one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fde_api.candidate import PatternCandidate, PatternProposal
from fde_api.deployment import FDEDeployment, TelemetryFeed
from fde_api.errors import InvalidResource
from fde_api.fields import advice
from fde_api.library import PatternLibrary
from fde_api.meta import API_VERSION
from fde_api.primitive import DeploymentPrimitive

Resource = DeploymentPrimitive | FDEDeployment | PatternLibrary | TelemetryFeed | PatternCandidate | PatternProposal


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind's names."""

    model: type[Resource]
    plural: str
    short: str
    namespaced: bool

    @property
    def name(self) -> str:
        """The kind as it stands in manifests."""
        return self.model.__name__


KINDS: Final[tuple[Kind, ...]] = (
    Kind(DeploymentPrimitive, "deploymentprimitives", "dprim", False),
    Kind(FDEDeployment, "fdedeployments", "fded", True),
    Kind(PatternLibrary, "patternlibraries", "plib", False),
    Kind(TelemetryFeed, "telemetryfeeds", "tfeed", True),
    Kind(PatternCandidate, "patterncandidates", "pcand", True),
    Kind(PatternProposal, "patternproposals", "pprop", True),
)
BY_NAME: Final[Mapping[str, Kind]] = {kind.name: kind for kind in KINDS}


def parse(document: Any, *, where: str = "manifest") -> Resource:
    """The typed resource in a decoded manifest. :class:`InvalidResource` names the field and what it takes."""
    if not isinstance(document, Mapping):
        raise InvalidResource(f"{where}: a manifest is a mapping, this is {type(document).__name__}")
    kind = BY_NAME.get(str(document.get("kind")))
    if kind is None or document.get("apiVersion") != API_VERSION:
        names = ", ".join(BY_NAME)
        raise InvalidResource(
            f"{where}: apiVersion {document.get('apiVersion')!r}, kind {document.get('kind')!r}: "
            f"expected {API_VERSION} and one of {names}"
        )
    try:
        return msgspec.convert(document, kind.model)
    except msgspec.ValidationError as error:
        raise InvalidResource(f"{where}: {kind.name}: {error}.{advice(kind.model, str(error))}") from error
