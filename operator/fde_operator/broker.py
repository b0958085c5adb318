"""Broker: one Kafka server of a bootstrap list, as a network policy can name it.

``host:port,...`` -> brokers() -> an address, a namespace of this cluster, or a name that policies know nothing of
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fde_operator.networks import host

_PORT: Final = 9092
_PROTOCOL: Final = re.compile(r"^[A-Za-z_]+://")  # librdkafka takes SASL_SSL://host:port


@dataclass(frozen=True, slots=True)
class Broker:
    """`address`: its network, where the list has an address. `namespace`: where it has a Service's name."""

    port: int
    address: str | None = None
    namespace: str | None = None


def brokers(listed: str | None) -> tuple[Broker, ...]:
    """The servers of a bootstrap list, in order, each once. 9092 where no port is given."""
    found = [_broker(one.strip()) for one in (listed or "").split(",") if one.strip()]
    return tuple(dict.fromkeys(found))


def _broker(text: str) -> Broker:
    text = _PROTOCOL.sub("", text)
    if text.startswith("["):  # [::1]:9092
        name, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif host(text):  # an IPv6 address alone has colons, and no port
        name, port = text, ""
    else:
        name, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    number = int(port) if port.isdecimal() and 0 < int(port) < 65536 else _PORT
    if address := host(name):
        return Broker(number, address=address)
    parts = name.rstrip(".").split(".")
    if "svc" in parts[2:]:
        return Broker(number, namespace=parts[parts.index("svc", 2) - 1])
    return Broker(number)
