"""The connection's settings for faust, which speaks through aiokafka and takes none of librdkafka's names."""

from __future__ import annotations

from typing import Any

import faust

from fde_events.connection import check_secure, settings_of, tls_of
from fde_events.errors import BadInput


def credentials_of(bootstrap: str) -> Any:
    """faust's `broker_credentials` for this connection; None for a plain one. :class:`BadInput` for what faust cannot do."""
    settings = settings_of(bootstrap)
    check_secure({"bootstrap.servers": str(bootstrap), **settings})
    protocol = str(settings.get("security.protocol", "PLAINTEXT")).upper()
    if protocol == "PLAINTEXT":
        return None
    tls = tls_of(settings)
    if protocol == "SSL":
        return faust.SSLCredentials(tls)
    mechanism = str(settings.get("sasl.mechanism", settings.get("sasl.mechanisms", "")))
    if mechanism not in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        raise BadInput(
            "sasl.mechanism", f"is {mechanism or 'not set'}; the fold takes SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"
        )
    return faust.SASLCredentials(
        username=str(settings.get("sasl.username", "")),
        password=str(settings.get("sasl.password", "")),
        ssl_context=tls,
        mechanism=mechanism,
    )
