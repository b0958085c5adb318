"""Enforcement: since when an API server judges by the policies that were applied to it.

policies, bindings -> applied -> in_force(): a policy of its own, applied last, refuses -> so do all that were applied before
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Final

from fde_events.errors import Unavailable
from fde_operator.cluster import Cluster, Manifest, key_of
from fde_operator.errors import Denied

_NAME: Final = "in-force.fde.io"
_TOKEN: Final = "fde.io/in-force"  # noqa: S105 - a label
_PART: Final = {"app.kubernetes.io/part-of": "fde"}
_API: Final = "admissionregistration.k8s.io/v1"
_ROUNDS: Final = 2
_PAUSE_S: Final = 0.1


async def in_force(cluster: Cluster, *, namespace: str, timeout_s: float) -> None:
    """Wait until the API server that answers enforces every policy and binding that was applied to it before, as it is now.

    An API server takes a policy at once and enforces it up to some seconds later. Rehearsing what one policy refuses proves
    that one, and not even that it is the new version of it. Proved here is all of them, by a policy and a binding that are
    applied last, refuse one object in `namespace` that is only rehearsed, and say a word that is new each time:

    1. The server follows policies, and bindings, by one watch each. A watch tells in the order of writing: once the last one
       is seen, so are those before.
    2. Each second it puts what it has seen into one table, which it judges by: first it lists the bindings, then it reads their
       policies one by one (policy_source.go of apiserver, Kubernetes 1.30 and later). A word that is refused thus says that
       when that table was done, everything had been seen; a policy that was read before may be of before.
    3. So a second word is asked for. Its table was begun after the first one's was done, and holds everything.

    A policy with parameters refuses everything until they have been read, so it is not earlier than it should be. Where
    several API servers answer to one name, only the one that answered is proved; the others follow in their own time.

    Raises Unavailable when it takes longer than `timeout_s`, and Denied where the two may not be applied.
    """
    deadline = time.monotonic() + timeout_s
    made: list[Manifest] = []
    try:
        for _ in range(_ROUNDS):
            word = uuid.uuid4().hex
            policy, binding, refused = _words(word, namespace)
            made = [await cluster.apply(policy), await cluster.apply(binding)]
            await _until_refused(cluster, refused, word, deadline, timeout_s)
    finally:
        for one in reversed(made):
            await cluster.delete(key_of(one), uid=str(one["metadata"]["uid"]))


async def _until_refused(cluster: Cluster, manifest: Manifest, word: str, deadline: float, timeout_s: float) -> None:
    while True:
        try:
            await cluster.rehearse(manifest)
        except Denied as denied:
            if word in str(denied):
                return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"The admission policies are not in force {timeout_s:g} s after they were applied; "
                "`kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings` says what is there."
            )
        await asyncio.sleep(_PAUSE_S)


def _words(word: str, namespace: str) -> tuple[Manifest, Manifest, Manifest]:
    """The policy that says `word`, the binding that asks it about objects labelled with it alone, and such an object."""
    metadata = {"name": _NAME, "labels": _PART}
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    maps = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
    policy: Manifest = {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata,
        "spec": {
            "failurePolicy": "Ignore",
            "matchConstraints": {"resourceRules": [maps], "namespaceSelector": here},
            "validations": [{"expression": "false", "message": f"in force: {word}"}],
        },
    }
    binding: Manifest = {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata,
        "spec": {
            "policyName": _NAME,
            "matchResources": {"objectSelector": {"matchLabels": {_TOKEN: word}}},
            "validationActions": ["Deny"],
        },
    }
    refused = {"name": f"in-force-{word[:8]}", "namespace": namespace, "labels": {_TOKEN: word}}
    return policy, binding, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": refused}
