"""The kubeconfig of a command: which file it is, and that somebody can connect with it. Asked before anything else is.

--kubeconfig, else KUBECONFIG, else the pod's own account, else ~/.kube/config -> checked() -> Configured

As kubectl has it but for two things. KUBECONFIG may name several files, and lightkube reads one: the first that is there.
And we never ask as nobody: a context has to name a user.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import yaml
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

from fde_events.errors import Misuse

_DEFAULT: Final = "~/.kube/config"
_SEVERAL: Final = (
    "; of several files the first that is there is read alone, `kubectl config view --flatten` makes one of them"
)


@dataclass(frozen=True, slots=True)
class Configured:
    """What can be connected with. `file` None: the pod's own account, or ~/.kube/config. `namespace`: the context's."""

    file: str | None
    namespace: str


def checked(kubeconfig: str | None) -> Configured:
    """What --kubeconfig or KUBECONFIG says. :class:`Misuse`, with what to mend, when nobody can connect with it.

    Certificates and tokens are read for it, and a credential plugin is run once.
    """
    file = _file(kubeconfig)
    try:
        config = _read(file)
        _reach(config, file or str(config.fname or "the pod's own account"))
    except Misuse as error:
        raise Misuse(f"{error}{_SEVERAL if _several(kubeconfig) else ''}") from error
    return Configured(file, config.namespace)


def _several(kubeconfig: str | None) -> list[str]:
    """The files that KUBECONFIG names, where it names more than one."""
    found = [one for one in (kubeconfig or "").split(os.pathsep) if one]
    return found if len(found) > 1 else []


def _file(kubeconfig: str | None) -> str | None:
    if kubeconfig is None:
        return None
    for one in (kubeconfig, *_several(kubeconfig), *([] if kubeconfig.strip(os.pathsep) else [_DEFAULT])):
        if (place := Path(one).expanduser()).is_file():
            return str(place)
    if not kubeconfig.strip(os.pathsep):
        return None
    raise Misuse(f"there is no kubeconfig file {kubeconfig}; give --kubeconfig FILE or set KUBECONFIG")


def _read(file: str | None) -> SingleConfig:
    try:
        found = KubeConfig.from_file(file) if file else KubeConfig.from_env()
    except ConfigError as error:
        raise Misuse(
            f"no connection to Kubernetes is configured: {error}; give --kubeconfig FILE or set KUBECONFIG"
        ) from error
    except OSError as error:
        raise Misuse(f"the kubeconfig {error.filename or file} cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        # Names of what is missing or of the wrong type; never a line of the file, which holds credentials.
        why = f": {error}" if isinstance(error, msgspec.ValidationError | KeyError) else ""
        raise Misuse(f"{file or 'the Kubernetes configuration'} is no kubeconfig{why}") from error
    where, name = file or str(found.fname or "the Kubernetes configuration"), found.current_context
    if not name:
        raise Misuse(f"{where} names no current context; `kubectl config use-context` sets it")
    if (context := found.contexts.get(name)) is None:
        raise Misuse(f"{where} has no context {name!r}, and that is its current one")
    if context.cluster not in found.clusters:
        raise Misuse(f"{where} has no cluster {context.cluster!r}, and its context {name!r} names it")
    if not context.user:
        raise Misuse(f"{where}: context {name!r} names no user; `kubectl config set-context {name} --user NAME` does")
    if context.user not in found.users:
        raise Misuse(f"{where} has no user {context.user!r}, and its context {name!r} names it")
    return SingleConfig(name, context, found.clusters[context.cluster], found.users[context.user], found.fname)


def _reach(config: SingleConfig, where: str) -> None:
    """Everything that a client does before it asks."""
    cluster, user = config.cluster, config.user
    assert user is not None
    try:
        address = httpx2.URL(cluster.server)
    except httpx2.InvalidURL:
        address = httpx2.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise Misuse(f"{where}: {cluster.server!r} is no address of an API server; one reads like https://HOST:PORT")
    if bool(user.client_cert or user.client_cert_data) != bool(user.client_key or user.client_key_data):
        raise Misuse(f"{where}: client-certificate and client-key go together")
    named = [config.abs_file(one) for one in (cluster.certificate_auth, user.client_cert, user.client_key) if one]
    for one in (*named, *([user.token_file] if user.token_file else [])):
        if not Path(one).is_file():
            raise Misuse(f"{where} names {one}, and there is no such file")
    try:
        auth = ConnectionParams(trust_env=False).httpx_params(config)["auth"]
        if auth is not None:
            next(auth.sync_auth_flow(httpx2.Request("GET", address)), None)
    except ConfigError as error:
        raise Misuse(f"{where}: {str(error).strip().rstrip(':')}") from error
    except ssl.SSLError as error:
        raise Misuse(f"{where}: a certificate or a key in it cannot be used: {error.reason or error}") from error
    except OSError as error:
        raise Misuse(f"{where}: {error.filename or 'a file'} cannot be used: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise Misuse(
            f"{where} gives no credentials: {type(error).__name__} in a certificate or a plugin's answer"
        ) from error
