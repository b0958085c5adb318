"""The people and service accounts that tests act as, and the files that make the API server know them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class User:
    """Who a token stands for. The API server adds the group `system:authenticated`."""

    name: str
    groups: tuple[str, ...] = ()


ENGINEERS: Final = "fde-engineers"
_ACCOUNT_GROUPS: Final = ("system:serviceaccounts", "system:serviceaccounts:fde-system")

# The short names are what tests write: `control_plane.kubeconfig("dana")`.
USERS: Final[Mapping[str, User]] = {
    "admin": User("admin", ("system:masters",)),
    "engine": User("system:serviceaccount:fde-system:pattern-engine", _ACCOUNT_GROUPS),
    "operator": User("system:serviceaccount:fde-system:fde-operator", _ACCOUNT_GROUPS),
    "dana": User("dana@company.example", ("fde-reviewers",)),
    "ana": User("ana@company.example", (ENGINEERS,)),
    "ben": User("ben@company.example", (ENGINEERS,)),
    "cem": User("cem@company.example", (ENGINEERS,)),
    "nobody": User("nobody@company.example"),
    # The components act under their own names, so that an audit log tells them from people; and may do everything.
    "controllers": User("system:kube-controller-manager", ("system:masters",)),
    "scheduler": User("system:kube-scheduler", ("system:masters",)),
    "node": User("system:node:kwok-node", ("system:masters", "system:nodes")),
}


def short_name(user: str) -> str:
    """The short name of a user given by short or by full name. Raises KeyError with the names there are."""
    for short, known in USERS.items():
        if user in (short, known.name):
            return short
    raise KeyError(f"no user {user!r} in the local Kubernetes; there are {', '.join(USERS)} (fde_local/users.py)")


def new_tokens() -> dict[str, str]:
    """A new secret token for each short name."""
    return {short: secrets.token_urlsafe(24) for short in USERS}


def write_token_file(path: Path, tokens: Mapping[str, str]) -> None:
    """The API server's `--token-auth-file`: token,user,uid,"group,group"."""
    lines = [
        f'{token},{USERS[short].name},{short},"{",".join(USERS[short].groups)}"\n' for short, token in tokens.items()
    ]
    path.touch(mode=0o600)
    path.write_text("".join(lines))


def write_kubeconfig(path: Path, *, url: str, certificate_authority: Path, user: str, token: str) -> None:
    """A kubeconfig with one context, `fde-local`."""
    path.touch(mode=0o600)
    path.write_text(f"""\
apiVersion: v1
kind: Config
current-context: fde-local
clusters:
- name: fde-local
  cluster:
    server: {url}
    certificate-authority: {certificate_authority}
contexts:
- name: fde-local
  context:
    cluster: fde-local
    user: {user}
users:
- name: {user}
  user:
    token: {token}
""")
