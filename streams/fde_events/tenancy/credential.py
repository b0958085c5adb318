"""A user's password: made here, and written as client settings that nobody else may read. It is never printed."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fde_events.errors import BadInput
from fde_events.tenancy.plan import MECHANISM
from fde_events.tenancy.user import is_ours

_BYTES: Final = 32
_SHARED: Final = ("ssl.ca.location", "ssl.ca.pem", "ssl.endpoint.identification.algorithm", "allow_insecure")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and its password. Printed, it is the user alone."""

    user: str
    password: str = field(repr=False)

    def settings(self, like: Mapping[str, Any]) -> dict[str, Any]:
        """Client settings of this user, for the cluster that the administrator's settings `like` reach."""
        protocol = str(like.get("security.protocol", "SASL_SSL")).upper()
        return {
            "security.protocol": "SASL_PLAINTEXT" if protocol in ("PLAINTEXT", "SASL_PLAINTEXT") else "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.username": self.user,
            "sasl.password": self.password,
            **{name: like[name] for name in _SHARED if name in like},
        }


def generate(user: str) -> Credential:
    """A password of 256 random bits."""
    return Credential(user, secrets.token_urlsafe(_BYTES))


def carried(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the authority itself in place of its file: they are to be used on another machine.

    :class:`BadInput` if the file cannot be read. A directory of authorities stays a place.
    """
    location = settings.get("ssl.ca.location")
    if not location or location == "probe" or Path(str(location)).is_dir():
        return dict(settings)
    try:
        authority = Path(str(location)).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(location), "is no PEM file that can be read") from error
    return {name: value for name, value in settings.items() if name != "ssl.ca.location"} | {"ssl.ca.pem": authority}


@dataclass(frozen=True, slots=True)
class CredentialFolder:
    """`<user>.yaml` for each user, mode 0600, in a directory of mode 0700.

    A file is written before Kafka knows the password (`draft`) and takes its name after (`settle`), so that an interrupted
    run loses neither the old password nor the new one.
    """

    path: Path

    def file(self, user: str) -> Path:
        """Where a user's settings are. :class:`BadInput` for a name that is none of ours, and would lead elsewhere."""
        if "/" in user or not is_ours(user):
            raise BadInput(user, "is no user of ours")
        return self.path / f"{user}.yaml"

    def has(self, user: str) -> bool:
        """Whether they are there, and no run was interrupted over them."""
        return self.file(user).is_file() and not self._draft(user).exists()

    def interrupted(self, user: str) -> bool:
        """Whether a run ended between a password's two steps: nobody knows which one Kafka has."""
        return self._draft(user).exists()

    def draft(self, credential: Credential, like: Mapping[str, Any]) -> None:
        """Write the settings under a name that nobody reads. :class:`BadInput` if that is not possible."""
        text = json.dumps(credential.settings(like), indent=2) + "\n"  # JSON is YAML
        target = self._draft(credential.user)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.unlink(missing_ok=True)  # it could have another mode
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BadInput(str(self.path), f"cannot hold credentials: {error.strerror or error}") from error

    def settle(self, user: str) -> Path:
        """The draft takes the user's name; where it is."""
        return self._draft(user).replace(self.file(user))

    def forget(self, user: str) -> None:
        """The user is gone, and its file too."""
        for path in (self.file(user), self._draft(user)):
            path.unlink(missing_ok=True)

    def _draft(self, user: str) -> Path:
        return self.file(user).with_name(f".{user}.yaml.new")
