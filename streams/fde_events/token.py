"""Typed tokens: what redaction leaves in place of a value, and what masks of a signature read as already masked.

``<email>`` or ``<email:3fa9c2d1>``: the kind, and where values must stay comparable inside one customer a keyed hash.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(r"<([a-z][a-z0-9-]{0,30})(?::[0-9a-f]{8,16})?>")


def token(kind: str, pseudonym: str | None = None) -> str:
    """The token for a value of `kind`; `pseudonym` is 8 to 16 hex digits of a keyed hash.

    >>> token("email", "3fa9c2d1")
    '<email:3fa9c2d1>'
    """
    return f"<{kind}>" if pseudonym is None else f"<{kind}:{pseudonym}>"
