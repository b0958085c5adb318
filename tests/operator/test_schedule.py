from __future__ import annotations

import pytest

from fde_operator.errors import Held
from fde_operator.schedule import cron


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("30m", "*/30 * * * *"),
        ("1m", "* * * * *"),
        ("60", "* * * * *"),
        ("900s", "*/15 * * * *"),
        ("1h", "0 * * * *"),
        ("6h", "0 */6 * * *"),
        ("1d", "0 0 * * *"),
        ("15 3 * * 1-5", "15 3 * * 1-5"),
        ("@hourly", "@hourly"),
    ],
)
def test_a_duration_becomes_a_schedule_of_that_length(text: str, expression: str) -> None:
    assert cron(text) == expression


@pytest.mark.parametrize(
    "text", ["7m", "90m", "5h", "45s", "0m", "2d", "soon", "* * * *", "* * * * *\n- name: x", "0; rm -rf /"]
)
def test_what_cron_cannot_say_is_refused_rather_than_rounded(text: str) -> None:
    with pytest.raises(Held) as held:
        cron(text)
    assert held.value.reason == "ScheduleInvalid"
