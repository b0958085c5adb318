"""OpenTelemetry's JSON mapping, read into plain values: what the sidecar's receiver and the importers have in common.

OTLP JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding") -> log_records() -> LogRecord; attributes(), value_of()

Nothing here decides what is an error. Every function is total on what JSON can hold; what is off contract is handed to
`broken`, which may raise or count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

MAX_DEPTH: Final = 16  # of a nested value; deeper parts are left out
_NUMBERS: Final = {"trace": 1, "debug": 5, "info": 9, "information": 9, "notice": 10, "warn": 13, "warning": 13, "error": 17, "err": 17, "severe": 17, "critical": 18, "fatal": 21, "panic": 21, "alert": 21, "emergency": 22}  # fmt: skip
RECORD: Final = frozenset(
    "timeUnixNano time_unix_nano observedTimeUnixNano observed_time_unix_nano severityNumber severity_number "
    "severityText severity_text".split()
)
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")


class OffContract(ValueError):
    """A part of a document that is not what OTLP says stands there; the words are the reason."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record with what stands around it. `fields` by their JSON names, `resource` attributes plain."""

    fields: Mapping[str, Any]
    resource: Mapping[str, Any]
    scope: str | None


Broken = Callable[[str], None]


def refuse(reason: str) -> None:
    """The strict reader's `broken`: :class:`OffContract`."""
    raise OffContract(reason)


def log_records(fields: Mapping[str, Any], broken: Broken = refuse) -> Iterator[LogRecord]:
    """The records in an object of either form: an export request, or one record by itself."""
    groups = either(fields, "resourceLogs", "resource_logs")
    if groups is None:
        if not RECORD & fields.keys() and "body" not in fields:
            broken("neither resourceLogs nor a log record")
            return
        yield LogRecord(fields, attributes(mapping(fields.get("resource")).get("attributes")), scope_name(fields))
        return
    for group in listed(groups, "resourceLogs", broken):
        resource = attributes(mapping(group.get("resource")).get("attributes"))
        scopes = either(group, "scopeLogs", "scope_logs", "instrumentationLibraryLogs")
        for scoped in listed(scopes, "scopeLogs", broken):
            records = either(scoped, "logRecords", "log_records", "logs")
            scope = scope_name(scoped)
            for record in listed(records, "logRecords", broken):
                yield LogRecord(record, resource, scope)


def attributes(told: Any) -> dict[str, Any]:
    """Attributes as OTLP lists them ({key, value}), or as a mapping; nested ones by their dotted names."""
    if isinstance(told, dict):
        return flattened(told)
    found: dict[str, Any] = {}
    for pair in told if isinstance(told, list) else ():
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            value = value_of(pair.get("value"))
            found.update(flattened(value, f"{pair['key']}.") if isinstance(value, dict) else {pair["key"]: value})
    return found


def value_of(value: Any, depth: int = 0) -> Any:
    """An AnyValue as a plain one: ``{"stringValue": "a"}`` is ``"a"``. Plain values stay, what is nested too deep is None."""
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return None if isinstance(value, dict) else value
    if len(value) == 1:
        ((name, inner),) = value.items()
        match name:
            case "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue" | "double_value":
                return inner
            case "intValue" | "int_value":
                return int(inner) if isinstance(inner, str) and _INTEGER.fullmatch(inner) else inner
            case "bytesValue" | "bytes_value":
                return None
            case "arrayValue" | "array_value":
                values = mapping(inner).get("values")
                return [value_of(item, depth + 1) for item in values] if isinstance(values, list) else []
            case "kvlistValue" | "kvlist_value":
                pairs = mapping(inner).get("values")
                return {
                    str(pair.get("key")): value_of(pair.get("value"), depth + 1)
                    for pair in (pairs if isinstance(pairs, list) else [])
                    if isinstance(pair, dict)
                }
    return {name: value_of(item, depth + 1) for name, item in value.items()}


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings by their dotted names; depth is bounded by :func:`value_of`."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict) and prefix.count(".") < MAX_DEPTH:
            found.update(flattened(item, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = item
    return found


def severity_of(fields: Mapping[str, Any]) -> int | None:
    """OpenTelemetry's number, by number, by the enumeration's name, or by the text; None where nothing is said."""
    number = either(fields, "severityNumber", "severity_number")
    if isinstance(number, str):
        if _INTEGER.fullmatch(number):
            number = int(number)
        else:
            name = re.sub(r"^severity_number_|\d+$", "", number.lower())
            number = _NUMBERS.get(name, 0)
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return number
    text = either(fields, "severityText", "severity_text")
    return _NUMBERS.get(text.strip().lower()) if isinstance(text, str) else None


def time_of(fields: Mapping[str, Any]) -> str:
    """When, RFC 3339 UTC with milliseconds, or as it was written where that is a text; empty where nothing is said."""
    for names in (
        ("timeUnixNano", "time_unix_nano"),
        ("timestamp", "time"),
        ("observedTimeUnixNano", "observed_time_unix_nano"),
        ("observed_timestamp", "observedTimestamp"),
    ):
        value = either(fields, *names)
        if isinstance(value, str) and value and not value.isdecimal():
            return value
        if when := nanos_to_time(integer(value)):
            return when
    return ""


def nanos_to_time(nanos: int | None) -> str:
    """Nanoseconds since 1970 as RFC 3339 UTC with milliseconds; empty for none and for what is no date."""
    seconds, rest = divmod(nanos or 0, 1_000_000_000)
    if not 0 < seconds < 253_402_300_800:
        return ""
    when = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    return f"{when}.{rest // 1_000_000:03d}Z"


def integer(value: Any) -> int | None:
    """An integer as the JSON mapping writes it: 64-bit ones are texts."""
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def scope_name(fields: Mapping[str, Any]) -> str | None:
    """The instrumentation scope's name, by its names of today and of before."""
    scope = either(fields, "scope", "instrumentationScope", "instrumentation_scope", "instrumentationLibrary")
    name = mapping(scope).get("name")
    return name if isinstance(name, str) and name else None


def either(fields: Mapping[str, Any], *names: str) -> Any:
    """The first of `names` that is told, None for none."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def listed(value: Any, name: str, broken: Broken = refuse) -> Iterator[Mapping[str, Any]]:
    """The objects of a list that OTLP calls `name`; anything else goes to `broken`."""
    if value is None:
        return
    if not isinstance(value, list):
        broken(f"{name} is a list, this is {type(value).__name__}")
        return
    for item in value:
        if isinstance(item, dict):
            yield item
        else:
            broken(f"{name} holds objects, this is {type(item).__name__}")


def first_text(told: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of `names` that holds a text or a number, as a text."""
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}
