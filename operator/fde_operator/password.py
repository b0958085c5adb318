"""Password: a feed's user gets a new one, which stands in its Secret, in Kafka, and nowhere else. None is kept here.

user -> renewed() -> Secret, then Kafka -> the Secret's resource version
"""

from __future__ import annotations

from collections.abc import Mapping

from fde_events.errors import FdeError
from fde_events.tenancy.credential import generate
from fde_operator import secret
from fde_operator.cluster import Cluster, Manifest
from fde_operator.errors import Postponed
from fde_operator.kafka import Kafka


async def renewed(cluster: Cluster, kafka: Kafka, feed: Manifest, user: str, *, tags: Mapping[str, str]) -> str:
    """The Secret first, as a draft that counts once Kafka knows it: a password that nobody holds is worse.

    Returns the resource version of the Secret. What fails here fails without a traceback: its frames hold the password, and
    a log shows frames.
    """
    failed = version = ""
    made = document = None
    try:
        made = generate(user)
        document = await kafka.document(made)
        version = await cluster.put(secret.manifest(feed, document, tags=tags))
        await kafka.upsert(made)
    except FdeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told by its name alone
        failed = type(error).__name__
    finally:
        del made, document
    if failed:
        raise Postponed(f"making the password of {user} failed with {failed}")
    return version
