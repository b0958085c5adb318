"""Parcel events of Alder Post."""
import os

TOPIC = "alder-post.parcel-events"
TOKEN = os.environ["ALDER_POST_EVENTS_TOKEN"]


class AlderPostConsumer:
    """Reads what Alder Post sends."""

    table = "alder_post_parcels"

    def poll(self) -> list[dict]:
        return self.client.read(TOPIC, timeout=30)
