"""Options that several commands take, each checked in one place. What is refused here is wrong use: exit 2.

A default is checked as well, so a check that serves optional options lets None be.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

if TYPE_CHECKING:
    from fde_events.connection import Connection

_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}(?:%[\w.-]+)?\]")
_PROTOCOL: Final = re.compile(
    r"(?:PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)://", re.IGNORECASE
)  # as librdkafka takes them
MAX_PORT: Final = 65_535


def check_brokers(_: Any, brokers: str | None) -> None:
    """ValueError unless `brokers` is host:port[,host:port]."""
    for one in () if brokers is None else brokers.split(","):
        address = _PROTOCOL.sub("", one.strip(), count=1)
        host, _colon, port = address.rpartition(":")
        if not _HOST.fullmatch(host) or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
            raise ValueError(f"expected host:port[,host:port], not {brokers!r}")


def check_port(_: Any, port: int) -> None:
    """ValueError unless it is a port, or 0."""
    if not 0 <= port <= MAX_PORT:
        raise ValueError(f"a port is 0 to {MAX_PORT}")


def check_positive(_: Any, number: int | None) -> None:
    """ValueError below 1."""
    if number is not None and number < 1:
        raise ValueError("it is a whole number of at least 1")


def check_seconds(_: Any, seconds: float | None) -> None:
    """ValueError for what is no duration."""
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError("it is a number of seconds, 0 or more")


Brokers = Annotated[str, Parameter(name=["--brokers", "-b"], env_var="FDE_BROKERS", validator=check_brokers)]
KafkaConfig = Annotated[Path | None, Parameter(name="--kafka-config", env_var="FDE_KAFKA_CONFIG")]
Flag = Annotated[bool, Parameter(negative=())]
# A text: an empty variable is none, and it may name several files. `fde_cli.kube.kubeconfig` reads it.
Kubeconfig = Annotated[str | None, Parameter(env_var="KUBECONFIG")]
Port = Annotated[int, Parameter(validator=check_port)]
PagePort = Annotated[Port, Parameter(env_var="FDE_REVIEW_PORT")]
Positive = Annotated[int, Parameter(validator=check_positive)]
Seconds = Annotated[float, Parameter(validator=check_seconds)]
Patience = Annotated[Seconds, Parameter(env_var="FDE_PATIENCE_S")]


def reached(brokers: str, kafka_config: Path | None) -> Connection:
    """The brokers with the client settings in the file. BadInput or InsecureConnection when they cannot be reached so."""
    from fde_events.connection import connection

    return connection(brokers, kafka_config)
