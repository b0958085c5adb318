"""Parcel events of Cedar Lines."""
import os

TOPIC = "cedar-lines.parcel-events"
TOKEN = os.environ["CEDAR_LINES_EVENTS_TOKEN"]


class CedarLinesConsumer:
    """Reads what Cedar Lines sends."""

    table = "cedar_lines_parcels"

    def poll(self) -> list[dict]:
        return self.client.read(TOPIC, timeout=10)
