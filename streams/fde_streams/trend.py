"""Trend: whether a challenge comes more often than it did, by event time.

The last 24 hours against the six days before, as the fleet's clock has it. Counts of rare events scatter like their square
root, so a difference counts only beyond three such deviations and a factor of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from fde_streams.share import hour_of

DAY: Final = 24
_FACTOR: Final = 2.0
_DEVIATIONS: Final = 3.0


def trend_of(hours: Mapping[int, int], first: str, now: str) -> str:
    """rising, steady, falling, new (first seen within a day) or quiet (nothing for two days); empty if no time is known.

    `hours`: events by hour since 1970. What is later than `now` is a wrong clock's, and does not count.
    """
    if not now:
        return ""
    end = hour_of(now[:13]) + 1
    if hour_of(first[:13]) > end - DAY:
        return "new"
    recent = sum(count for hour, count in hours.items() if end - DAY <= hour < end)
    before = sum(count for hour, count in hours.items() if end - 7 * DAY <= hour < end - DAY)
    if not recent and not any(end - 2 * DAY <= hour < end for hour in hours):
        return "quiet"
    usual = before / 6
    far = abs(recent - usual) > _DEVIATIONS * (recent + usual / 6) ** 0.5
    if far and recent > _FACTOR * usual:
        return "rising"
    if far and recent * _FACTOR < usual:
        return "falling"
    return "steady"


def days_before(time: str, days: int) -> str:
    """RFC 3339, `days` earlier; empty for what is no time."""
    try:
        moment = datetime.fromisoformat(time)
        return (moment.astimezone(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""
