"""A TelemetryFeed manifest, as far as the sidecar needs it: which deployment, which signals may leave, how redacted.

The whole kind is fde_api's; the sidecar image does not carry that package, so it reads these fields itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from fde_events.errors import BadInput
from fde_events.event import Event, kind_of
from fde_events.topics import CUSTOMER

Signal = Literal["errors", "performance", "rateLimit", "schemaDrift"]
_SIGNAL_OF: Final = {
    "error": "errors",
    "performance": "performance",
    "rate_limit": "rateLimit",
    "schema_drift": "schemaDrift",
}


@dataclass(frozen=True, slots=True)
class Feed:
    """What one deployment lets out. `full`: events of one shape sent whole before counts take over."""

    namespace: str
    name: str
    deployment_name: str
    signals: frozenset[str]
    mode: Literal["standard", "strict"] = "standard"
    full: int = 100
    brokers: str | None = None

    @property
    def deployment(self) -> str:
        """``<namespace>/<name>`` of the FDEDeployment."""
        return f"{self.namespace}/{self.deployment_name}"

    def lets_out(self, event: Event) -> bool:
        """Consent: whether events of this kind may leave."""
        return _SIGNAL_OF[kind_of(event)] in self.signals


def read_feed(path: Path) -> Feed:
    """The feed in a YAML file; :class:`BadInput` names the field that is wrong."""
    where = str(path)
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(where, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(
            where, f"is not YAML: {getattr(error, 'problem', None) or error}", line=mark.line + 1 if mark else None
        ) from error
    if not isinstance(document, dict):
        raise BadInput(where, "is not a manifest: it needs apiVersion, kind, metadata and spec")
    if document.get("apiVersion") != "fde.io/v1" or document.get("kind") != "TelemetryFeed":
        found = f"{document.get('apiVersion')} {document.get('kind')}"
        raise BadInput(where, f"is a {found}; the sidecar takes fde.io/v1 TelemetryFeed")
    spec = _mapping(document, "spec", where)
    metadata = _mapping(document, "metadata", where)
    signals = spec.get("signals")
    unknown = (
        sorted(set(signals) - set(_SIGNAL_OF.values()))
        if isinstance(signals, list) and all(isinstance(s, str) for s in signals)
        else None
    )
    if unknown is None or not signals:
        raise BadInput(where, "spec.signals must list at least one of errors, performance, rateLimit, schemaDrift")
    if unknown:
        raise BadInput(where, f"spec.signals: {unknown[0]!r} is none of errors, performance, rateLimit, schemaDrift")
    mode = _part(spec, "redaction", where).get("mode", "standard")
    if mode not in ("standard", "strict"):
        raise BadInput(where, f"spec.redaction.mode is standard or strict, not {mode!r}")
    full = _part(spec, "sampling", where).get("full", 100)
    if not isinstance(full, int) or isinstance(full, bool) or full < 1:
        raise BadInput(where, "spec.sampling.full must be a whole number of at least 1")
    name = _label(metadata.get("name"), "metadata.name", where)
    target = _part(spec, "deploymentRef", where).get("name", name)
    return Feed(
        namespace=_label(metadata.get("namespace", "default"), "metadata.namespace", where),
        name=name,
        deployment_name=_label(target, "spec.deploymentRef.name", where),
        signals=frozenset(signals),
        mode="strict" if mode == "strict" else "standard",
        full=full,
        brokers=_part(spec, "sink", where).get("bootstrapServers"),
    )


def _mapping(document: dict[str, Any], field: str, where: str) -> dict[str, Any]:
    value = document.get(field)
    if not isinstance(value, dict):
        raise BadInput(where, f"{field} is missing")
    return value


def _part(spec: dict[str, Any], field: str, where: str) -> dict[str, Any]:
    value = spec.get(field)
    if value is not None and not isinstance(value, dict):
        raise BadInput(where, f"spec.{field} must be a mapping, not {value!r}")
    return value or {}


def _label(value: Any, field: str, where: str) -> str:
    if not isinstance(value, str) or not all(CUSTOMER.fullmatch(part) for part in value.split(".")):
        raise BadInput(where, f"{field} must be a Kubernetes name, not {value!r}")
    return value
