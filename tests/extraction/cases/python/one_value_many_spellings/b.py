"""Parcel events of Birch Freight."""
import os

TOPIC = "birch-freight.parcel-events"
TOKEN = os.environ["BIRCH_FREIGHT_EVENTS_TOKEN"]


class BirchFreightConsumer:
    """Reads what Birch Freight sends."""

    table = "birch_freight_parcels"

    def poll(self) -> list[dict]:
        return self.client.read(TOPIC, timeout=45)
