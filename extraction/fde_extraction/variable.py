"""Variable: what an environment variable holds, by the last words that people give its name.

names of variables -> variable_of() -> token, key, password, dsn ... or empty; reads() tells where code reads one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fde_extraction.slot import Slot
from fde_template.words import words

ENVIRONMENT: Final = frozenset({"environ", "getenv", "env", "env_var"})
# The vocabulary is ours and most siblings must share a word of it, so it tells of no customer. First that fits.
_VARIABLES: Final[Mapping[str, frozenset[str]]] = {
    "password": frozenset("password passwd pwd pw pass secret cred creds credential credentials passphrase".split()),
    "token": frozenset("token bearer jwt pat".split()),
    "key": frozenset("key apikey pem".split()),
    "salt": frozenset("salt pepper".split()),
    "user": frozenset("user username login".split()),
    "dsn": frozenset("dsn db database jdbc pg postgres postgresql mysql conn connection".split()),
    "url": frozenset("url uri endpoint".split()),
}
OPENS: Final = frozenset().union(*_VARIABLES.values()) - {"db", "pg", "pat", "pass", "user", "login"}
# Where no single kind is said by most: what opens the same door.
_TOGETHER: Final = (("token", "key"), ("password", "token", "key"))


def variable_of(texts: Sequence[str]) -> str:
    """What environment variables of these names hold, when more than half say the same; else empty."""
    said = [set(words(text)[-2:]) for text in texts]
    for kind, vocabulary in _VARIABLES.items():
        if 2 * sum(bool(vocabulary & last) for last in said) > len(texts):
            return kind
    for kinds in _TOGETHER:
        vocabulary = frozenset().union(*(_VARIABLES[kind] for kind in kinds))
        if 2 * sum(bool(vocabulary & last) for last in said) > len(texts):
            return kinds[0]
    return ""


def reads(slots: Sequence[Slot]) -> bool:
    """Whether the code reads the environment variable that the value of `slots` names."""
    return any(
        label.role in ("call", "operand") and label.text.lower() in ENVIRONMENT
        for slot in slots
        if slot.whole and not slot.secret and not any(label.role == "first" for label in slot.labels[:2])
        for label in slot.labels[:2]
    )
