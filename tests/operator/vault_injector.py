"""What hashicorp/vault-k8s does to a pod that carries its annotations (agent-inject/agent: agent.go, annotations.go,
container_init_sidecar.go, container_volume.go), written again from reading it: only what our pods ask for, and refused where it
would refuse. The agent itself is played by `run_agent`.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

_P = "vault.hashicorp.com/"
_TEMPLATE = re.compile(
    r'\{\{- with secret "(?P<path>[^"]+)" -\}\}\{\{- if index (?P<data>[.\w]+) "(?P<key>[^"]+)" -\}\}'
    r'\{\{- index (?P=data) "(?P=key)" -\}\}\{\{- else -\}\}\{\{- (?P=data)\.key_not_found -\}\}\{\{- end -\}\}\{\{- end -\}\}'
)


def secrets_of(annotations: dict[str, str]) -> dict[str, dict[str, str]]:
    """By the name after the last dash of agent-inject-secret-NAME, in small letters, as the injector has them."""
    prefix = f"{_P}agent-inject-secret-"
    found = {}
    for name, path in annotations.items():
        if name.startswith(prefix):
            raw = name.removeprefix(prefix)
            found[raw] = {
                "path": path,
                "template": annotations.get(f"{_P}agent-inject-template-{raw}", ""),
                "file": annotations.get(f"{_P}agent-inject-file-{raw}", raw.lower()),
                "perms": annotations.get(f"{_P}agent-inject-perms-{raw}", ""),
                "missing": annotations.get(f"{_P}error-on-missing-key-{raw}", "false"),
            }
    return found


def injected(template: dict[str, Any]) -> dict[str, Any]:
    """The pod template as it is after admission."""
    pod = copy.deepcopy(template)
    notes = pod["metadata"]["annotations"]
    if notes.get(f"{_P}agent-inject") != "true":
        return pod
    assert notes.get(f"{_P}role"), "no Vault role found"
    spec = pod["spec"]
    token = notes[f"{_P}agent-service-account-token-volume-name"]
    (volume,) = [one for one in spec["volumes"] if one["name"] == token]
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["path"]
    mount = {"name": "vault-secrets", "mountPath": notes.get(f"{_P}secret-volume-path", "/vault/secrets")}
    spec["volumes"] += [
        {"name": "home-init", "emptyDir": {"medium": "Memory"}},
        {"name": "vault-secrets", "emptyDir": {"medium": "Memory"}},
    ]
    for container in spec["containers"]:
        if container["name"] in notes[f"{_P}agent-inject-containers"].split(","):
            container["volumeMounts"].append(dict(mount))
    for container in spec["initContainers"]:
        container["volumeMounts"].append(dict(mount))
    user, group = (int(notes[f"{_P}agent-run-as-{who}"]) for who in ("user", "group"))
    agent: dict[str, Any] = {
        "name": "vault-agent-init",
        "image": "hashicorp/vault:1.21.1",
        "command": ["/bin/sh", "-ec"],
        "args": [
            "echo ${VAULT_CONFIG?} | base64 -d > /home/vault/config.json && vault agent -config=/home/vault/config.json"
        ],
        "env": [{"name": "VAULT_CONFIG", "value": "e30="}],
        "volumeMounts": [
            {"name": "home-init", "mountPath": "/home/vault"},
            {"name": token, "mountPath": "/var/run/secrets/vault.hashicorp.com/serviceaccount", "readOnly": True},
            dict(mount),
        ],
        "resources": {
            side: {
                resource: notes[f"{_P}agent-{side}-{short}"]
                for resource, short in (("cpu", "cpu"), ("memory", "mem"), ("ephemeral-storage", "ephemeral"))
            }
            for side in ("limits", "requests")
        },
    }
    if notes.get(f"{_P}agent-set-security-context") == "true":
        agent["securityContext"] = {
            "runAsUser": user,
            "runAsGroup": group,
            "runAsNonRoot": 0 not in (user, group),
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "allowPrivilegeEscalation": False,
        }
    first = notes.get(f"{_P}agent-init-first") == "true"
    spec["initContainers"] = [agent, *spec["initContainers"]] if first else [*spec["initContainers"], agent]
    if notes.get(f"{_P}agent-pre-populate-only") != "true":
        spec["containers"].append({**agent, "name": "vault-agent"})
    notes[f"{_P}agent-inject-status"] = "injected"
    return pod


def run_agent(annotations: dict[str, str], vault: dict[str, Any], directory: Path) -> None:
    """The agent's files. `vault`: answers by path. A KeyError where the agent would end with an error."""
    for secret in secrets_of(annotations).values():
        found = _TEMPLATE.fullmatch(secret["template"])
        assert found is not None, secret["template"]
        value = vault[found["path"]]
        for step in found["data"].removeprefix(".Data").strip(".").split("."):
            value = value[step] if step else value
        if not value.get(found["key"]):
            assert secret["missing"] == "true", "the text <no value> would be written"
            raise KeyError("key_not_found")
        target = directory / secret["file"]
        target.write_text(value[found["key"]])
        target.chmod(int(secret["perms"], 8))
