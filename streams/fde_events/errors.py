"""What can go wrong, and what the reader can do about it.

FdeError
├── Misuse            the command was called wrongly                       -> exit 2, usage
├── Refused           asked for, understood, and not done                  -> exit 1, the reason
├── BadInput          input that cannot be used (file, line, reason)       -> exit 3, nothing lost
│   └── InvalidEvent  a record off contract                                -> dead-letter topic
└── Unavailable       Kafka / Kubernetes / disk did not answer             -> retry after `retry_after_s`
"""

from __future__ import annotations

from typing import ClassVar


class FdeError(Exception):
    """Base of every error these packages raise on purpose. `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 1


class Misuse(FdeError):
    """The caller asked for something that makes no sense; the message names the right use."""

    exit_code = 2


class Refused(FdeError):
    """Understood and not done; the message names the rule and the next step."""

    exit_code = 1


class BadInput(FdeError):
    """Input that cannot be used. `where` is a file or a Kafka coordinate, `line` 1-based or None."""

    exit_code = 3

    def __init__(self, where: str, why: str, *, line: int | None = None) -> None:
        super().__init__(where, why, line)
        self.where, self.why, self.line = where, why, line

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        return f"{place}: {self.why}"


class InvalidEvent(BadInput):
    """A record that is off contract. It goes to the dead-letter topic; the rest goes on."""


class Unavailable(FdeError):
    """Something outside did not answer. Nothing is lost; try again after `retry_after_s` seconds."""

    def __init__(self, what: str, *, retry_after_s: float = 5.0) -> None:
        super().__init__(what, retry_after_s)
        self.what, self.retry_after_s = what, retry_after_s

    def __str__(self) -> str:
        return f"{self.what} Retrying in {self.retry_after_s:g} s."
