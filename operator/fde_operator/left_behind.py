"""Left behind: Kafka users of feeds that were let go while Kafka was away. Remembered until they have gone, whoever restarts.

feed.leave() -> remember() -> ConfigMap fde-system/fde-kafka-left-behind -> reconcile() -> removed from Kafka, forgotten

The ConfigMap is made empty by the installer; admission lets the operator write it, and nothing else outside of customers'
namespaces. It says who, and nothing that anybody could log in with.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from structlog import get_logger

from fde_api.deployment import KafkaAccess
from fde_events.errors import Refused
from fde_events.tenancy.plan import removal
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Postponed
from fde_operator.kafka import Away, Kafka
from fde_operator.key import Key
from fde_operator.provision import trusted

log = get_logger()
CONFIG_MAP: Final = Key("ConfigMap", "fde-system", "fde-kafka-left-behind")
KEPT: Final = 2000  # a ConfigMap holds 1 MiB; whoever lets more feeds go than that waits for Kafka


async def remember(cluster: Cluster, *, user: str, namespace: str, name: str) -> None:
    """Raises Postponed when it cannot be remembered: then the feed does not go. Raises Denied as well."""
    held = await _held(cluster)
    if held is None:
        raise Postponed(f"there is no {CONFIG_MAP} to remember {user} in; `fde operator install` makes it")
    found = held.get("data") or {}
    entry = hashlib.sha256(user.encode()).hexdigest()[:40]
    if entry not in found and len(found) >= KEPT:
        raise Postponed(f"{CONFIG_MAP} remembers {KEPT} users already")
    said = json.dumps({"user": user, "namespace": namespace, "name": name}, sort_keys=True)
    if found.get(entry) != said:
        await _write(cluster, held, {**found, entry: said})


async def reconcile(cluster: Cluster, kafka: Kafka) -> float | None:
    """Remove who is remembered. Seconds until Kafka may be asked again; None: nobody is left. Raises Postponed after all were
    tried, when one of them was refused.

    A feed of that name that is there again, and has taken the user over with a password of its own, keeps it.
    """
    held = await _held(cluster)
    found: dict[str, str] = (held or {}).get("data") or {}
    if held is None or not found:
        return None
    left, wait_s, refused = dict(found), None, ""
    try:
        observed = await kafka.observed()
        for entry, text in found.items():
            user, place = _read(text)
            feed = await cluster.get(place) if place else None
            if user and not _keeps(feed, user):
                try:
                    for action in removal(observed, user):
                        await kafka.execute(action)
                except Refused as error:  # is about this one: the others go all the same
                    refused = str(error)
                    continue
                log.info("kafka_user_left_behind_was_removed", user=user)
            del left[entry]
    except Away as away:
        wait_s = away.wait_s
    if left != found:
        await _write(cluster, held, left)
    if refused:
        raise Postponed(refused)
    return wait_s


def _keeps(feed: Manifest | None, user: str) -> bool:
    """Whether a feed has taken the user over. One on its way out is the one that was let go, or takes it away itself."""
    if feed is None or feed["metadata"].get("deletionTimestamp"):
        return False
    return (feed.get("status", {}).get("kafka") or {}).get("user") == user


def _read(text: str) -> tuple[str, Key | None]:
    """The user and its feed; nobody, when the entry does not say one of that very feed."""
    try:
        said: Any = json.loads(text)
        place = Key("TelemetryFeed", str(said["namespace"]), str(said["name"]))
        access = trusted(KafkaAccess(user=str(said["user"]), secret=""), namespace=place.namespace, name=place.name)
    except (ValueError, KeyError, TypeError):
        return "", None
    return (access.user, place) if access else ("", None)


async def _held(cluster: Cluster) -> Manifest | None:
    found = await cluster.list(
        CONFIG_MAP.kind, namespace=CONFIG_MAP.namespace, fields={"metadata.name": CONFIG_MAP.name}
    )
    return found[0] if found else None


async def _write(cluster: Cluster, held: Manifest, data: dict[str, str]) -> None:
    """Whole, and only over what was read; not applied: the installer applies it empty, in the same name."""
    kept = ("name", "namespace", "resourceVersion", "labels", "annotations")  # helm's, among them
    metadata = {name: held["metadata"][name] for name in kept if name in held["metadata"]}
    await cluster.put({"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": metadata, "data": data})
