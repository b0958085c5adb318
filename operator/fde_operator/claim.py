"""Claim: which Kafka user a feed should have, or why it has none.

namespace's label, feed, settings -> claim_of() -> Claim -> condition Synced
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fde_events.errors import Misuse
from fde_events.tenancy.user import FeedRef
from fde_events.topics import check_customer
from fde_operator import labels
from fde_operator.cluster import Cluster, Manifest
from fde_operator.key import Key
from fde_operator.settings import OperatorSettings
from fde_operator.telemetry import secret_name

_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class Claim:
    """`feed`: the user that should be, None where there should be none. `customer`: the namespace's, empty if it is nobody's.

    `reason` and `message` say how far it is; `error`: a person is needed.
    """

    reason: str
    message: str
    synced: bool = False
    error: bool = False
    feed: FeedRef | None = None
    customer: str = ""
    ends: bool = False  # with its namespace: nothing is made any more, and what there is goes when the feed goes


async def claim_of(cluster: Cluster, raw: Manifest, settings: OperatorSettings, *, administered: bool) -> Claim:
    """Which user the feed should have, or why it has none. The customer is the namespace's, whatever the feed says."""
    metadata = raw["metadata"]
    namespace = await cluster.get(Key("Namespace", "", metadata["namespace"]))
    customer = labels.whose(namespace)
    sink = raw["spec"].get("sink", {}).get("bootstrapServers")
    if not customer:
        return Claim("NoCustomer", f"the namespace has no label {labels.CUSTOMER}", error=True)
    try:
        reference = FeedRef(check_customer(customer), metadata["namespace"], metadata["name"])
    except Misuse as error:
        reason = "NameNotUsable" if _is_customer(customer) else "NoCustomer"
        return Claim(reason, str(error), error=True)
    mine = reference.customer
    if len(secret_name(metadata["name"])) > _LONGEST_NAME:
        return Claim("NameNotUsable", "the feed's name is too long for its Secret's", error=True, customer=mine)
    if await _retired(cluster, raw):
        told = "its deployment is retired: the user goes, the Secret is emptied"
        return Claim("Retired", told, customer=mine)
    if sink and sink != settings.brokers:
        told = (
            f"its sink is {sink}, which this operator does not administer; its settings come from the telemetry Secret"
        )
        return Claim("ForeignSink", told, customer=mine)
    if not settings.brokers:
        return Claim("NoBroker", "the operator knows no Kafka: the sidecar spools", customer=mine)
    if not administered:
        told = f"Kafka at {settings.brokers} asks for no password (its administrator has no security.protocol SASL_*)"
        return Claim("NoAuthentication", told, customer=mine)
    if ((namespace or {}).get("metadata") or {}).get("deletionTimestamp"):
        told = "the namespace is on its way out: no Secret can be made in it, so no user is"
        return Claim("NamespaceEnding", told, feed=reference, customer=mine, ends=True)
    return Claim("Provisioning", "its Kafka user is being made", feed=reference, customer=mine)


async def _retired(cluster: Cluster, raw: Manifest) -> bool:
    """Whether the feed is of a deployment of which nothing runs, for good: then nobody may log in for it either."""
    name = raw["spec"].get("deploymentRef", {}).get("name")
    found = await cluster.get(Key("FDEDeployment", raw["metadata"]["namespace"], name)) if name else None
    return found is not None and bool(found["spec"].get("lifecycle", {}).get("phase") == "retired")


def _is_customer(name: str) -> bool:
    try:
        check_customer(name)
    except Misuse:
        return False
    return True
