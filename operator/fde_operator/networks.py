"""Networks: the address ranges that policies name, and an ipBlock for what is left of one without others.

Sources: RFC 1918, 4193, 6598, 3927, 4291; instance metadata as AWS, Azure, Google Cloud, Alibaba and Oracle document it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from fde_operator.cluster import Manifest

ANYWHERE: Final = ("0.0.0.0/0", "::/0")
PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
SHARED: Final = ("100.64.0.0/10",)  # carriers' and some clusters' pods
# Never anybody's to reach: an instance's metadata service gives out its node's credentials.
METADATA: Final = (
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",  # AWS
    "fd20:ce::254/128",  # Google Cloud
    "168.63.129.16/32",  # Azure
    "100.100.100.200/32",  # Alibaba
    "192.0.0.192/32",  # Oracle
)


def blocks(allowed: Iterable[str], never: Iterable[str]) -> list[Manifest]:
    """Peers of a NetworkPolicy: each of `allowed` without what of `never` lies in it; none for one that lies in `never`."""
    found = _without(tuple(allowed), tuple(never))
    return [{"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}} for cidr, holes in found]


@lru_cache(maxsize=256)  # the same few networks for every deployment: half of the time of making its objects
def _without(allowed: tuple[str, ...], never: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    out = [ipaddress.ip_network(text) for text in never]
    found = []
    for text in allowed:
        network = ipaddress.ip_network(text)
        same = [one for one in out if one.version == network.version]
        if not any(_within(network, one) for one in same):
            holes = dict.fromkeys(str(one) for one in same if _within(one, network))
            found.append((str(network), tuple(holes)))
    return tuple(found)


def holds(networks: Iterable[str], one: str) -> bool:
    """Whether network `one` lies in one of `networks`."""
    wanted = ipaddress.ip_network(one)
    found = (ipaddress.ip_network(text) for text in networks)
    return any(_within(wanted, network) for network in found if network.version == wanted.version)


def host(address: str) -> str | None:
    """The network of one address, or None when the text is a name."""
    try:
        return str(ipaddress.ip_network(address))
    except ValueError:
        return None


def _within(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    """Of the same version."""
    return one.network_address in other and one.broadcast_address in other
