"""A TelemetryFeed manifest, as far as the sidecar needs it: which deployment, which signals may leave, how redacted.

The whole kind is fde_api's; the sidecar image does not carry that package, so it reads these fields itself.

feed.yaml (mounted; the customer's role edits the TelemetryFeed) -> FeedFile.current(), asked every turn -> Feed

What is taken away takes effect at once; what is added needs a whole, valid feed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import structlog
import yaml

from fde_events.errors import BadInput
from fde_events.event import Event, kind_of
from fde_events.topics import CUSTOMER
from fde_sidecar.custom import CustomRule, read_custom
from fde_sidecar.switch import State, strictest

log = structlog.get_logger(__name__)

Signal = Literal["errors", "performance", "rateLimit", "schemaDrift"]
_SIGNAL_OF: Final = {
    "error": "errors",
    "performance": "performance",
    "rate_limit": "rateLimit",
    "schema_drift": "schemaDrift",
}
_TICK_NS: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Feed:
    """What one deployment lets out. `full`: events of one shape sent whole before counts take over.

    `rules` are the customer's own of redaction. `egress`: whether anything leaves at all; the kill switch may say less, never more. `source`: whether `fde submit` may
    send this deployment's source code.
    """

    namespace: str
    name: str
    deployment_name: str
    signals: frozenset[str]
    mode: Literal["standard", "strict"] = "standard"
    full: int = 100
    brokers: str | None = None
    egress: State = "on"
    source: bool = False
    rules: tuple[CustomRule, ...] = ()

    @property
    def deployment(self) -> str:
        """``<namespace>/<name>`` of the FDEDeployment."""
        return f"{self.namespace}/{self.deployment_name}"

    def lets_out(self, event: Event) -> bool:
        """Consent: whether events of this kind may leave."""
        return _SIGNAL_OF[kind_of(event)] in self.signals


def read_feed(path: Path) -> Feed:
    """The feed in a YAML file; :class:`BadInput` names the field that is wrong."""
    return feed_of(_document(path), str(path))


def feed_of(document: Any, where: str) -> Feed:
    """The feed in a manifest; :class:`BadInput` names the field that is wrong."""
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
    egress = _part(spec, "egress", where)
    state, source = _state(egress.get("state", "on")), egress.get("source", False)
    if state is None:
        raise BadInput(where, f"spec.egress.state is on, hold or off, not {egress['state']!r}")
    if not isinstance(source, bool):
        raise BadInput(where, f"spec.egress.source is true or false, not {source!r}")
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
        egress=state,
        source=source,
        rules=read_custom(_part(spec, "redaction", where).get("rules"), where=where),
    )


class FeedFile:
    """The feed in a file that may change while it is read: one stat a question (2 us).

    The first must be valid. Of a later one that is not, what it takes away holds at once (a signal it does not list, strict
    mode, hold or off) and nothing else does; that is told once. A file that is gone or unreadable leaves the feed as it was:
    the switch is there to stop it.
    """

    def __init__(self, path: Path) -> None:
        """:class:`BadInput` names the field that is wrong."""
        self._path = path
        self._stamp = _stamp(path)
        self._feed = read_feed(path)
        self._told = ""

    def current(self) -> Feed:
        """The feed that holds now. An equal object is the same object: ``is`` tells whether something changed."""
        stamp = _stamp(self._path)
        if stamp is None or stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._feed

    def _read(self) -> None:
        document: Any = None
        try:
            document = _document(self._path)
            feed = feed_of(document, str(self._path))
            if (feed.namespace, feed.name, feed.deployment_name) != _identity(self._feed):
                raise BadInput(str(self._path), "is another deployment's feed; it needs a sidecar of its own")
        except BadInput as error:
            feed = _narrowed(self._feed, document)
            if str(error) != self._told:
                self._told = str(error)
                log.warning(
                    "feed_refused",
                    deployment=self._feed.deployment,
                    reason=error.why,
                    next_step="mend it; until then the last valid feed holds, less what this one takes away",
                )
        else:
            self._told = ""
        if feed != self._feed:  # the session tells of it, when it takes effect
            self._feed = feed


def _narrowed(feed: Feed, document: Any) -> Feed:
    """`feed` less what a manifest takes away that is of the same deployment and not valid as a whole."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    spec = document.get("spec") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or not isinstance(spec, dict) or metadata.get("name") != feed.name:
        return feed
    if metadata.get("namespace", feed.namespace) != feed.namespace:
        return feed
    signals = spec.get("signals")
    if isinstance(signals, list):
        feed = replace(feed, signals=feed.signals & {one for one in signals if isinstance(one, str)})
    if isinstance(redaction := spec.get("redaction"), dict) and redaction.get("mode") == "strict":
        feed = replace(feed, mode="strict")
    if isinstance(egress := spec.get("egress"), dict):
        # A state that is none may have been meant to stop it.
        feed = replace(feed, egress=strictest(feed.egress, _state(egress.get("state", "on")) or "hold"))
        feed = replace(feed, source=feed.source and egress.get("source") is True)
    return feed


def _document(path: Path) -> Any:
    where = str(path)
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(where, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(
            where, f"is not YAML: {getattr(error, 'problem', None) or error}", line=mark.line + 1 if mark else None
        ) from error


def _state(value: Any) -> State | None:
    # YAML 1.1 reads a bare `on` and `off` as booleans.
    states: Mapping[Any, State] = {"on": "on", "hold": "hold", "off": "off", True: "on", False: "off"}
    return states.get(value) if isinstance(value, str | bool) else None


def _identity(feed: Feed) -> tuple[str, str, str]:
    return feed.namespace, feed.name, feed.deployment_name


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """None for a file that is not there, or so young that it may change again within the clock's tick."""
    try:
        found = path.stat()
    except OSError:
        return None
    if abs(time.time_ns() - found.st_mtime_ns) < _TICK_NS:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


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
