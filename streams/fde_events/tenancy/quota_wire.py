"""Client quotas on the wire: what every user is held to, and changing it (KIP-546, version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fde_events.errors import Refused
from fde_events.tenancy.wire import ALTER_QUOTAS, DESCRIBE_QUOTAS, Conversation, Reader, Writer

_ANY_NAMED: Final = 2  # of the kinds of match: every entity that has a name
_NOT_ALLOWED: Final = 31


def describe_quotas(talk: Conversation) -> dict[str, dict[str, float]]:
    """Quota values by user, of quotas on a user alone (those on a client id too are somebody else's)."""
    ask = Writer()
    ask.count(1)
    ask.text("user")
    ask.number("b", _ANY_NAMED)
    ask.text(None)
    ask.end()
    ask.number("?", True)  # strict: no entity that has more than a user
    ask.end()
    return decode_described(talk.ask(DESCRIBE_QUOTAS, 1, b"".join(ask.parts)))


def decode_described(answer: Reader) -> dict[str, dict[str, float]]:
    """The answer to :func:`describe_quotas`. :class:`Refused` with the broker's reason."""
    answer.number("i")
    _check(answer.number("h"), answer.text(), "did not tell the quotas")
    found: dict[str, dict[str, float]] = {}
    for _ in range(max(0, answer.count())):
        user: str | None = None
        for _ in range(answer.count()):
            kind, name = answer.text(), answer.text()
            answer.end()
            user = name if kind == "user" else user
        values: dict[str, float] = {}
        for _ in range(answer.count()):
            key, value = answer.text(), answer.number("d")
            answer.end()
            values[key or ""] = value
        answer.end()
        if user is not None:
            found[user] = values
    return found


def alter_quota(talk: Conversation, user: str, values: Mapping[str, float | None]) -> None:
    """Hold `user` to these values; None lifts one. Others of the user's stay. :class:`Refused` with the broker's reason."""
    ask = Writer()
    ask.count(1)
    ask.count(1)
    ask.text("user")
    ask.text(user)
    ask.end()
    ask.count(len(values))
    for name, value in sorted(values.items()):
        ask.text(name)
        ask.number("d", value or 0.0)
        ask.number("?", value is None)
        ask.end()
    ask.end()
    ask.number("?", False)  # not for trying only
    ask.end()
    answer = talk.ask(ALTER_QUOTAS, 1, b"".join(ask.parts))
    answer.number("i")
    for _ in range(answer.count()):
        _check(answer.number("h"), answer.text(), f"did not set the quota of {user}")


def _check(code: int, message: str | None, what: str) -> None:
    if code == _NOT_ALLOWED:
        raise Refused(f"Kafka {what}: this user may not. It takes alter_configs and describe_configs on the cluster.")
    if code:
        raise Refused(f"Kafka {what}: {message or f'error {code}'}.")
