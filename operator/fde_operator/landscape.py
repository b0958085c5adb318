"""Landscape: what a cluster looks like that its API does not tell: regions, zones, networks, where secrets lie.

FDE_LANDSCAPE, a YAML file -> read() -> Landscape, a part of the operator's settings

Whoever runs the cluster writes it once. Without it everything has a default, and what a default cannot know is said in the
conditions of the deployments that it concerns.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from fde_events.errors import BadInput
from fde_operator.networks import PRIVATE, SHARED, blocks

Zone = Literal["dmz", "internal", "restricted"]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_SECRET: Final = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)  # as Kubernetes names one
_OWN: Final = ("agent-inject", "role", "agent-pre-populate", "agent-init-first", "secret-volume-path")


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Base: camel case in the file, a field nobody knows is refused."""


class Dns(_Part, frozen=True, kw_only=True):
    """Where names are resolved: pods of a namespace (all, or those with `pod_labels`), and addresses such as a node's cache."""

    namespace: str = "kube-system"
    pod_labels: dict[str, str] = {}
    networks: tuple[str, ...] = ()
    ports: tuple[Port, ...] = (53,)


class Scraper(_Part, frozen=True, kw_only=True):
    """Who may read the sidecars' metrics: pods of a namespace, all or those with `pod_labels`."""

    namespace: str
    pod_labels: dict[str, str] = {}


class ExternalSecrets(_Part, frozen=True, kw_only=True):
    """External Secrets: the SecretStore that each customer's namespace has, and how often it is asked again."""

    store: str = "fde"
    refresh: Annotated[str, msgspec.Meta(pattern=r"^([0-9]+(s|m|h))+$")] = "1h"


class Vault(_Part, frozen=True, kw_only=True):
    """Vault: the role that a pod logs in as (``{namespace}`` stands for the customer's), the key-value mount, and its place.

    `version`: of the mount's engine. `audience`: of the token that the pod logs in with. `namespace`: where the servers run
    in this cluster; empty: they are outside, at `networks`. `annotations`: more of the injector's, for every pod.
    """

    role: str = "fde"
    mount: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")] = "secret"
    version: Literal[1, 2] = 2
    audience: str = "vault"
    namespace: str = "vault"
    networks: tuple[str, ...] = ()
    port: Port = 8200
    annotations: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Nothing that the operator decides itself."""
        for name in self.annotations:
            prefix, _, rest = name.partition("/")
            if prefix != "vault.hashicorp.com" or rest.startswith(_OWN):
                raise ValueError(f"vault.annotations: {name} is not one that may be added")


class Landscape(_Part, frozen=True, kw_only=True):
    """`regions`: the regions of a data residency, as nodes are labelled; a residency that is not here is a region itself.

    `zoned_nodes`: nodes say which network zone they are in (label fde.io/network-zone), and pods run only on those of theirs.
    `zones`: the CIDRs that a zone's pods may reach, in place of the zone's own. `cluster_networks`: CIDRs of pods and
    Services; no zone opens them, so that no customer's pods are another's to reach. `image_pull_secrets`: Secrets of each
    customer's namespace that images are pulled with.
    """

    regions: dict[str, tuple[str, ...]] = {}
    zoned_nodes: bool = False
    zones: dict[Zone, tuple[str, ...]] = {}
    cluster_networks: tuple[str, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    dns: Dns = Dns()
    scrapers: tuple[Scraper, ...] = ()
    external_secrets: ExternalSecrets = ExternalSecrets()
    vault: Vault = Vault()

    def __post_init__(self) -> None:
        """Networks are networks, and a region can be a label."""
        listed = {"clusterNetworks": self.cluster_networks, "dns.networks": self.dns.networks}
        listed |= {
            "vault.networks": self.vault.networks,
            **{f"zones.{zone}": nets for zone, nets in self.zones.items()},
        }
        for where, networks in listed.items():
            for text in networks:
                _check_network(where, text)
        for text in self.zones.get("dmz", ()):
            if not blocks([text], (*PRIVATE, *SHARED)):
                raise ValueError(f"zones.dmz: {text} is private; the dmz is the internet's side, take zone internal")
        for residency, regions in self.regions.items():
            if not regions or not all(_LABEL.fullmatch(region) for region in regions):
                raise ValueError(f"regions.{residency}: it names at least one region, as nodes' labels spell it")
        for name in self.image_pull_secrets:
            if len(name) > 253 or not _SECRET.fullmatch(name):
                raise ValueError(f"imagePullSecrets: {name!r} is not the name of a Secret")


def read(file: Path) -> Landscape:
    """The landscape in a YAML file. :class:`BadInput` names the field and what it takes."""
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=Landscape)
    except OSError as error:
        raise BadInput(str(file), error.strerror or str(error)) from error
    except msgspec.MsgspecError as error:
        raise BadInput(str(file), f"not a landscape: {error}") from error


def _check_network(where: str, text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{where}: {text} is not a network such as 10.0.0.0/8: {error}") from error
