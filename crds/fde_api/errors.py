"""What can be wrong with a resource.

ApiError
├── InvalidResource   a manifest off schema                       -> exit 3, the field and what it takes
└── NotPublishable    a candidate that may not become a primitive -> exit 1, the rule
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """Base of this package's errors. `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 1


class InvalidResource(ApiError):
    """A manifest that the schema refuses; the message names the field."""

    exit_code = 3


class NotPublishable(ApiError):
    """A candidate that may not be published; the message names the rule that holds it back."""
