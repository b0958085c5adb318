"""How to reach Kafka: the addresses, and the client settings that go with them (security.protocol, sasl.*, ssl.*).

address + settings file -> connection() -> Connection -> client_settings() of `fde_events.kafka`

A :class:`Connection` is the bootstrap string itself and carries its settings, so that whatever takes an address takes it.
Off loopback a connection is encrypted and the broker's certificate verified, or it is not made: `allow_insecure` in the file
is the one way around, and it must name the reason.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from fde_events.errors import BadInput, Refused

Setting = str | int | float | bool
ALLOW_INSECURE: Final = "allow_insecure"
_ENCRYPTED: Final = ("SSL", "SASL_SSL")
_PROTOCOL: Final = re.compile(r"([A-Za-z_]+)://(.*)", re.DOTALL)
_YES: Final = ("true", "t", "1")  # as librdkafka reads a switch


class InsecureConnection(Refused, ValueError):
    """The settings would send telemetry or a password in the clear, or to whoever answers. Nothing was connected."""


class Connection(str):
    """`host:port[,host:port]` with the client settings that go with it. Printed, it is the address alone."""

    settings: Mapping[str, Setting]

    def __new__(cls, bootstrap: str, settings: Mapping[str, Setting] | None = None) -> Connection:
        """The address `bootstrap`, with these settings."""
        made = super().__new__(cls, bootstrap)
        made.settings = dict(settings or {})
        return made


def connection(bootstrap: str, file: Path | None = None) -> Connection:
    """The connection that `bootstrap` and the settings in `file` make.

    :class:`BadInput` if the file cannot be used; :class:`InsecureConnection` if it would be insecure off loopback.
    """
    made = Connection(bootstrap, settings_of(bootstrap) if file is None else read_client_settings(file))
    check_secure({"bootstrap.servers": bootstrap, **made.settings})
    return made


def settings_of(bootstrap: str) -> dict[str, Setting]:
    """The settings that `bootstrap` carries; a plain string carries none."""
    return dict(bootstrap.settings) if isinstance(bootstrap, Connection) else {}


def read_client_settings(path: Path) -> dict[str, Any]:
    """The settings in a YAML file; a relative `*.location` in it is looked for beside the file.

    :class:`BadInput` says why not, and nothing of what stands in the file: there are secrets in it.
    """
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(str(path), "is not YAML in UTF-8", line=mark.line + 1 if mark else None) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(str(path), "is no mapping of client settings (security.protocol: SASL_SSL, ...)")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, (str, int, float, bool)):
            raise BadInput(str(path), "maps names to single values, one of them is none")
    return {name: _beside(path, value) if name.endswith(".location") else value for name, value in found.items()}


def check_secure(settings: Mapping[str, Any]) -> str | None:
    """The reason given for an insecure connection, None for a secure or a loopback one.

    :class:`InsecureConnection` names what is insecure and what to set. `settings` hold `bootstrap.servers`.
    """
    away = [address for address in _addresses(settings) if not _is_loopback(address)]
    if not away:
        return None
    why = _weakness(settings, away)
    if why is None:
        return None
    reason = settings.get(ALLOW_INSECURE)
    if isinstance(reason, str) and reason.strip():
        return reason
    raise InsecureConnection(
        f"Kafka at {', '.join(away)} is not on this machine, and {why}. Nothing was connected. Give a file of client settings "
        "(--kafka-config or FDE_KAFKA_CONFIG) with security.protocol: SASL_SSL and ssl.ca.location; or, where the network "
        f'itself protects it, {ALLOW_INSECURE}: "the reason".'
    )


def tls_of(settings: Mapping[str, Any]) -> ssl.SSLContext | None:
    """The same trust for a client that is not librdkafka; None where the protocol has no TLS. :class:`BadInput` names a bad file."""
    if str(settings.get("security.protocol", "")).upper() not in _ENCRYPTED:
        return None
    location = settings.get("ssl.ca.location")
    authority = Path(str(location)) if location and location != "probe" else None
    try:
        context = ssl.create_default_context(
            cafile=str(authority) if authority and not authority.is_dir() else None,
            capath=str(authority) if authority and authority.is_dir() else None,
            cadata=settings.get("ssl.ca.pem"),
        )
        if chain := settings.get("ssl.certificate.location"):
            context.load_cert_chain(chain, settings.get("ssl.key.location"), settings.get("ssl.key.password"))
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error.strerror or "cannot be used"
        raise BadInput(str(location or "the TLS settings"), f"is no certificate that can be used: {why}") from error
    if not _names_are_checked(settings):
        context.check_hostname = False
    if not _is_on(settings.get("enable.ssl.certificate.verification", True)):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _weakness(settings: Mapping[str, Any], away: list[str]) -> str | None:
    protocol = str(settings.get("security.protocol", "PLAINTEXT")).upper()
    if protocol not in _ENCRYPTED:
        return f"security.protocol is {protocol}, which does not encrypt"
    for address in away:
        if (named := _PROTOCOL.fullmatch(address)) and named[1].upper() not in _ENCRYPTED:
            return f"the address says {named[1]}, which does not encrypt"
    if not _is_on(settings.get("enable.ssl.certificate.verification", True)):
        return "enable.ssl.certificate.verification is off: whoever answers would be believed"
    if not _names_are_checked(settings):
        return "ssl.endpoint.identification.algorithm is none: any certificate of the authority would be believed"
    return None


def _names_are_checked(settings: Mapping[str, Any]) -> bool:
    return str(settings.get("ssl.endpoint.identification.algorithm", "https")).lower() == "https"


def _is_on(value: object) -> bool:
    return str(value).lower() in _YES


def _addresses(settings: Mapping[str, Any]) -> list[str]:
    # librdkafka connects to both lists.
    lists = (settings.get("bootstrap.servers"), settings.get("metadata.broker.list"))
    return [one.strip() for found in lists if found for one in str(found).split(",") if one.strip()]


def _is_loopback(address: str) -> bool:
    named = _PROTOCOL.fullmatch(address)
    rest = named[2] if named else address
    if rest.startswith("["):
        host = rest[1:].partition("]")[0]
    else:
        host = rest.partition(":")[0] if rest.count(":") <= 1 else rest
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _beside(file: Path, value: object) -> object:
    near = file.parent / str(value)
    return str(near.absolute()) if not Path(str(value)).is_absolute() and near.exists() else value
