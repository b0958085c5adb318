"""Vault: the annotations with which the Vault Agent injector brings a pod its secrets, and what the pod needs for it.

vaultRef of each parameter -> injection() -> vault-agent-init writes one file a parameter -> fde_template.pod renders

Of hashicorp/vault-k8s (agent-inject/agent/annotations.go). The agent runs before the other init containers and ends, so that
a Job can end too: a secret that changed is taken in when a pod starts. Its files are its user's alone; the renderer runs as
that user. For the injector mounts them into every init container, the sidecar among them, which runs as another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fde_api.deployment import VaultKeyRef
from fde_operator.cluster import Manifest
from fde_operator.landscape import Vault

PREFIX: Final = "vault.hashicorp.com/"
USER: Final = 65533  # not the app's and the sidecar's
TOKEN: Final = "fde-vault-token"  # noqa: S105 - the name of a volume
_TOKEN_S: Final = 600  # the shortest that a kubelet gives out; it is used once, at the start


def injection(
    references: Mapping[str, VaultKeyRef], settings: Vault, *, namespace: str, group: int, directory: str, renderer: str
) -> dict[str, str]:
    """Annotations of the pod. `directory`: where one file a parameter is expected, by the container `renderer`.

    The security context is the restricted level's: the injector drops all capabilities where it sets one, and takes the
    seccomp profile from the pod.
    """
    found = {
        "agent-inject": "true",
        "role": settings.role.replace("{namespace}", namespace),
        "agent-init-first": "true",
        "agent-pre-populate": "true",
        "agent-pre-populate-only": "true",
        "agent-inject-containers": renderer,  # of the app's containers none: they get what is rendered
        "agent-inject-token": "false",
        "agent-set-security-context": "true",
        "agent-run-as-user": str(USER),
        "agent-run-as-group": str(group),
        "agent-run-as-same-user": "false",
        "agent-service-account-token-volume-name": TOKEN,
        "agent-requests-cpu": "20m",
        "agent-limits-cpu": "500m",
        "agent-requests-mem": "64Mi",
        "agent-limits-mem": "128Mi",
        "agent-requests-ephemeral": "16Mi",
        "agent-limits-ephemeral": "64Mi",
        "secret-volume-path": directory,
    }
    # An annotation's name holds 63 characters: a parameter's own may not fit, and the injector would write it in small letters.
    for number, (parameter, ref) in enumerate(sorted(references.items()), 1):
        place = path(ref, settings)
        found |= {
            f"agent-inject-secret-s{number}": place,
            f"agent-inject-template-s{number}": template(ref, settings),
            f"agent-inject-file-s{number}": parameter,
            f"agent-inject-perms-s{number}": "0400",
            f"error-on-missing-key-s{number}": "true",
        }
    return settings.annotations | {PREFIX + name: value for name, value in found.items()}


def path(ref: VaultKeyRef, settings: Vault) -> str:
    """Where the secret lies, as Vault's API names it."""
    mount = settings.mount.strip("/")
    return f"{mount}/data/{ref.path}" if settings.version == 2 else f"{mount}/{ref.path}"


def template(ref: VaultKeyRef, settings: Vault) -> str:
    """The agent's template of one file: the value and nothing else.

    `index` gives nothing for a key that is not there, a field is an error then: so a missing key ends the agent, and never
    becomes the text ``<no value>`` in somebody's configuration.
    """
    data = ".Data.data" if settings.version == 2 else ".Data"
    found = f'{{{{- with secret "{path(ref, settings)}" -}}}}{{{{- if index {data} "{ref.key}" -}}}}'
    return (
        found
        + f'{{{{- index {data} "{ref.key}" -}}}}{{{{- else -}}}}{{{{- {data}.key_not_found -}}}}{{{{- end -}}}}{{{{- end -}}}}'
    )


def token_volume(settings: Vault) -> Manifest:
    """The token that the agent logs in with: for Vault alone, and mounted by the agent alone."""
    token = {"audience": settings.audience, "expirationSeconds": _TOKEN_S, "path": "token"}
    return {"name": TOKEN, "projected": {"sources": [{"serviceAccountToken": token}], "defaultMode": 0o440}}
