"""The Kafka client settings in a file, as the sidecar reads them: see :mod:`fde_events.connection`.

It is read whenever a connection is about to be made, so that a Secret which is mounted or mended later is seen.
"""

from __future__ import annotations

from fde_events.connection import read_client_settings

__all__ = ["read_client_settings"]
