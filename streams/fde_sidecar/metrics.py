"""Metrics: a status as OpenMetrics text. Labels come from closed sets; no deployment, file, host or value is named.

Status -> render() -> GET /metrics
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fde_sidecar.status import KINDS, REASONS, Status, closed

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_STATES: Final = ("on", "hold", "off")


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family: its samples' values by the value of `label`, or one sample under ``""`` without a label."""

    name: str
    type: Literal["counter", "gauge", "stateset"]
    help: str
    samples: Mapping[str, float]
    label: str = ""
    unit: str = ""


def families(status: Status, *, rules: Iterable[str] = ()) -> Iterator[Family]:
    """Everything that is shown. `rules`: the names of the redaction rules there are; others count as ``other``."""
    yield _one("read_bytes", "counter", "Bytes read from the inputs.", status.read_bytes, "bytes")
    yield _one("lines", "counter", "Lines read from the inputs.", status.lines)
    yield _one("lag_bytes", "gauge", "Bytes that wait to be read.", status.lag_bytes, "bytes")
    yield _one("lag_seconds", "gauge", "Age of the oldest of what waits to be read.", status.lag_s, "seconds")
    yield _one("spool_bytes", "gauge", "Bytes of the spool on disk.", status.spool_bytes, "bytes")
    yield _one("spool_cap_bytes", "gauge", "What the spool may hold unsent.", status.spool_cap_bytes, "bytes")
    yield _one("unsent_bytes", "gauge", "Bytes of the spool that are not acknowledged.", status.unsent_bytes, "bytes")
    yield Family("fde_sidecar_events", "counter", "Events taken, by kind.", closed(status.events, KINDS), "kind")
    yield _one("records", "counter", "Records written to the spool.", status.records)
    yield _one("acknowledged_records", "counter", "Records that the sink has for good.", status.acknowledged)
    yield Family(
        "fde_sidecar_dropped",
        "counter",
        "What did not leave, by reason; events, or bytes where the reason says so.",
        closed(status.dropped, REASONS),
        "reason",
    )
    yield Family(
        "fde_sidecar_redactions", "counter", "Values replaced, by rule.", closed(status.redactions, rules), "rule"
    )
    yield _one("sink_trouble", "gauge", "1 while the sink takes nothing.", float(status.trouble is not None))
    if status.acknowledged_ago_s is not None:
        help_ = "Time since the last acknowledgement."
        yield _one("acknowledged_ago_seconds", "gauge", help_, status.acknowledged_ago_s, "seconds")
    yield _one("start_time_seconds", "gauge", "When the session started, Unix time.", status.started, "seconds")
    states = {state: float(state == status.switch) for state in _STATES}
    yield Family("fde_sidecar_switch", "stateset", "What the kill switch says.", states, "fde_sidecar_switch")
    if (resident := resident_bytes()) is not None:
        yield Family("process_resident_memory_bytes", "gauge", "Resident memory.", {"": resident}, unit="bytes")


def render(status: Status, *, rules: Iterable[str] = ()) -> bytes:
    """OpenMetrics 1.0 text. A family without samples is left out."""
    lines: list[str] = []
    for family in families(status, rules=rules):
        if not family.samples:
            continue
        lines.append(f"# TYPE {family.name} {family.type}")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        suffix = "_total" if family.type == "counter" else ""
        for value, number in family.samples.items():
            label = f'{{{family.label}="{_escaped(value)}"}}' if family.label else ""
            lines.append(f"{family.name}{suffix}{label} {_number(number)}")
    return "\n".join([*lines, "# EOF", ""]).encode()


def resident_bytes() -> int | None:
    """This process's resident memory; None where /proc does not say."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _one(name: str, kind: Literal["counter", "gauge"], help_: str, value: float, unit: str = "") -> Family:
    return Family(f"fde_sidecar_{name}", kind, help_, {"": value}, unit=unit)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
