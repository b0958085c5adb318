"""What one feed's session knows of itself, as a value: counted by the session, shown by metrics and probes.

session counters -> Status -> metrics.render() -> /metrics
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from fde_sidecar.switch import State, strictest

KINDS: Final = ("error", "performance", "rate_limit", "schema_drift")
# Why something did not leave. A reason with a colon counts under what stands before it; others count as `other`.
REASONS: Final = (
    "spool-full",
    "spool-damaged-bytes",
    "record-too-large",
    "too-large",
    "purged",
    "undecodable-bytes",
    "cut-bytes",
    "otlp-too-many",
    "not-redacted",  # a text that our rules could not read: it does not leave as it is
    "switched-off",  # what came by pipe while the switch said off
    "not-allowed",  # counted of a kind that the feed no longer lists
    "sdk",  # what a program's own SDK had no room for, whatever it called the reason
)
OTHER: Final = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One session at one moment. Counters count from the process's start; bytes and seconds as the names say.

    `trouble` is why the sink does not take anything (None: it does); it is shown as yes or no alone. `acknowledged_ago_s`
    None before the first acknowledgement. `started` Unix seconds.
    """

    epoch: str = ""
    started: float = 0.0
    switch: State = "on"
    read_bytes: int = 0
    lines: int = 0
    lag_bytes: int = 0
    lag_s: float = 0.0
    spool_bytes: int = 0
    spool_cap_bytes: int = 0
    unsent_bytes: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    records: int = 0
    acknowledged: int = 0
    acknowledged_ago_s: float | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    redactions: Mapping[str, int] = field(default_factory=dict)
    trouble: str | None = None


def closed(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """`counts` by the given names alone, each present; everything else under `OTHER`.

    A label that is taken from data could carry it out, and would grow without end.
    """
    found = dict.fromkeys(names, 0)
    rest = 0
    for name, count in counts.items():
        head = name.partition(":")[0]
        if name in found:
            found[name] += count
        elif head in found:
            found[head] += count
        else:
            rest += count
    return found | ({OTHER: found.get(OTHER, 0) + rest} if rest else {})


def together(statuses: Iterable[Status]) -> Status:
    """Several feeds' statuses as one: counters and bytes add up, of lags and silences the longest, the strictest switch."""
    ones = list(statuses)
    silences = [one.acknowledged_ago_s for one in ones if one.acknowledged_ago_s is not None]
    return Status(
        epoch=ones[0].epoch if len(ones) == 1 else "",
        started=min((one.started for one in ones), default=0.0),
        switch=strictest(*(one.switch for one in ones)),
        read_bytes=sum(one.read_bytes for one in ones),
        lines=sum(one.lines for one in ones),
        lag_bytes=sum(one.lag_bytes for one in ones),
        lag_s=max((one.lag_s for one in ones), default=0.0),
        spool_bytes=sum(one.spool_bytes for one in ones),
        spool_cap_bytes=sum(one.spool_cap_bytes for one in ones),
        unsent_bytes=sum(one.unsent_bytes for one in ones),
        events=_sum(one.events for one in ones),
        records=sum(one.records for one in ones),
        acknowledged=sum(one.acknowledged for one in ones),
        acknowledged_ago_s=max(silences, default=None),
        dropped=_sum(one.dropped for one in ones),
        redactions=_sum(one.redactions for one in ones),
        trouble=next((one.trouble for one in ones if one.trouble), None),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total
