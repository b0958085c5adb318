"""Reasons: what the API server said when it refused, without the values that it quotes."""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 600
# `Invalid value: "db.acme.example"`: what somebody put in. A quoted value may hold escaped quotes, or be an object or a number.
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
# Of an object or a list rather too much goes than too little.
_VALUE: Final = re.compile(
    rf"((?:Invalid|Duplicate|Unsupported|Not found|Forbidden) value: )(?:{_QUOTED}|\{{.*\}}(?=: )|\[.*\](?=: )|\S+?(?=[:,\s\]]|$))"
)
_POLICY: Final = re.compile(r"ValidatingAdmissionPolicy '([^']{1,253})'")


def brief(said: str) -> str:
    """The sentence with quoted values left out, at most 600 characters."""
    shown = _VALUE.sub(r"\1(left out)", " ".join(said.split()))
    return shown if len(shown) <= _MOST else f"{shown[: _MOST - 1]}…"


def policy_of(said: str) -> str:
    """The admission policy that refused; empty when it was RBAC, a schema, or something else."""
    found = _POLICY.search(said)
    return found[1] if found else ""
