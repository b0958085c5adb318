"""What each error means for the next try, in one table."""

from __future__ import annotations

import pytest

from fde_events.errors import BadInput, Misuse, Refused, Unavailable
from fde_operator.errors import Conflicting, Denied, Fenced, Held, Nature, Postponed, Throttled, Tripped, nature_of


@pytest.mark.parametrize(
    ("error", "nature"),
    [
        (Unavailable("away"), "transient"),
        (Throttled("429"), "transient"),
        (Tripped("open"), "transient"),
        (TimeoutError(), "transient"),
        (Postponed("later"), "transient"),
        (Conflicting("409"), "raced"),
        (Denied("403"), "permanent"),
        (Held("Reason", "why"), "permanent"),
        (Refused("no"), "permanent"),
        (Misuse("no"), "permanent"),
        (BadInput("a", "b"), "permanent"),
        (Fenced("gone"), "fenced"),
        (KeyError("x"), "defect"),
        (AssertionError(), "defect"),
    ],
)
def test_nature(error: Exception, nature: Nature) -> None:
    assert nature_of(error) == nature
