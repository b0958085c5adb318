"""Schedules: five cron fields as they are, or a duration turned into them.

A duration becomes a schedule only if it divides the hour or the day evenly: every run is then as far from the next as the
text says. ``90m`` has no such schedule, and cron's nearest would be silently something else.
"""

from __future__ import annotations

import re
from typing import Final

from fde_operator.errors import Held

_DURATION: Final = re.compile(r"(\d+)\s*(s|sec|m|min|h|d)?")
_CRON: Final = re.compile(
    r"@(hourly|daily|weekly|monthly|yearly|annually|midnight)|[0-9*/,A-Za-z?#-]+( +[0-9*/,A-Za-z?#-]+){4}"
)
_MINUTES: Final = {"m": 1, "min": 1, "h": 60, "d": 1440}


def cron(text: str) -> str:
    """The cron expression of `text`; :class:`Held` says what would do instead."""
    text = text.strip()
    duration = _DURATION.fullmatch(text)
    if duration is None:
        if _CRON.fullmatch(text):
            return text
        raise Held("ScheduleInvalid", "the schedule is neither five cron fields nor a duration such as 30m, 6h or 1d")
    number, unit = int(duration[1]), duration[2]
    if unit in (None, "s", "sec"):
        if number % 60 or not number:
            raise Held("ScheduleInvalid", f"the schedule {text!r} is not a whole number of minutes")
        minutes = number // 60
    else:
        minutes = number * _MINUTES[unit]
    if minutes and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *"
    if minutes and minutes % 60 == 0 and 24 % (hours := minutes // 60) == 0:
        return "0 0 * * *" if hours == 24 else f"0 */{hours} * * *"
    raise Held(
        "ScheduleInvalid",
        f"a run every {text!r} cannot be written as a cron schedule: take a duration that divides an hour or a day "
        "(5m, 15m, 30m, 1h, 6h, 1d), or five cron fields",
    )
