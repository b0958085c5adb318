"""Whether all policies are in force when we say so, on an API server that is as late as it may be."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_events.errors import Unavailable
from fde_operator import enforcement
from fde_operator.cluster import key_of
from fde_operator.errors import Denied
from fde_operator.key import Key

NAMES = "abcd"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


class LateServer:
    """Applies at once and judges by a table that it makes as apiserver's policy_source.go does.

    One watch a kind, each as far behind as chance will have it; a table is made by listing bindings and then getting each
    one's policy, in any order, and other things happen in between.
    """

    def __init__(self, chance: random.Random, *, stands: bool = False) -> None:
        self._chance = chance
        self._written: dict[str, list[tuple[str, Any]]] = {POLICY: [], BINDING: []}
        self._seen = {POLICY: 0, BINDING: 0}
        self._making = self._table_made()
        self.table: dict[str, tuple[Any, Any]] = {}
        self.objects: dict[Key, Any] = {}
        self._stands = stands
        self.rehearsed = 0

    async def apply(self, manifest: Any) -> Any:
        stored = {**manifest, "metadata": {**manifest["metadata"], "uid": "u"}}
        self.objects[key_of(manifest)] = stored
        self._written[manifest["kind"]].append((manifest["metadata"]["name"], stored))
        self._time_goes_by()
        return stored

    async def delete(self, key: Key, *, uid: str) -> None:
        assert self.objects.pop(key)["metadata"]["uid"] == uid
        self._written[key.kind].append((key.name, None))

    async def rehearse(self, manifest: Any) -> None:
        self.rehearsed += 1
        self._time_goes_by()
        for policy, binding in self.table.values():
            wanted = binding["spec"].get("matchResources", {}).get("objectSelector", {}).get("matchLabels")
            if wanted and wanted.items() <= manifest["metadata"]["labels"].items():
                raise Denied(policy["spec"]["validations"][0]["message"])

    def _time_goes_by(self) -> None:
        if self._stands:
            return
        for _ in range(self._chance.randrange(4)):
            next(self._making)

    def _watched(self, kind: str) -> dict[str, Any]:
        found = dict(self._written[kind][: self._seen[kind]])
        return {name: one for name, one in found.items() if one is not None}

    def _table_made(self) -> Any:
        while True:
            yield from self._elsewhere()
            bindings = list(self._watched(BINDING).values())
            self._chance.shuffle(bindings)
            made = {}
            for one in bindings:
                yield from self._elsewhere()
                policy = self._watched(POLICY).get(one["spec"]["policyName"])
                if policy is not None:
                    made[one["metadata"]["name"]] = (policy, one)
            self.table = made

    def _elsewhere(self) -> Any:
        for kind in (POLICY, BINDING):
            behind = len(self._written[kind]) - self._seen[kind]
            if self._chance.random() < 0.3:
                self._seen[kind] += self._chance.randint(0, behind)
        yield


def pair(name: str, version: int) -> list[Any]:
    spec = {"validations": [{"message": f"{name} {version}"}]}
    policy = {"kind": POLICY, "metadata": {"name": name}, "spec": spec}
    return [policy, {"kind": BINDING, "metadata": {"name": name}, "spec": {"policyName": name, "version": version}}]


def proved(server: Any, timeout_s: float = 60.0, apply: int = 0) -> None:
    """`apply`: the version of all pairs that is applied before."""

    async def now(_: float) -> None:
        """Nobody waits."""

    async def installed() -> None:
        for name in NAMES if apply else "":
            for one in pair(name, apply):
                await server.apply(one)
        await enforcement.in_force(server, namespace="fde-system", timeout_s=timeout_s)

    with mock.patch.object(enforcement.asyncio, "sleep", now):
        asyncio.run(installed())


def enforced(server: LateServer, version: int) -> bool:
    """Whether every pair is in the table in this version."""
    wanted = {name: tuple(pair(name, version)[which]["spec"] for which in (0, 1)) for name in NAMES}
    found = {name: (policy["spec"], binding["spec"]) for name, (policy, binding) in server.table.items()}
    return wanted.items() <= found.items()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32).map(random.Random))
def test_whatever_is_late_all_are_in_force_in_their_new_version_when_we_say_so(chance: random.Random) -> None:
    server = LateServer(chance)
    for version in (1, 2):  # an upgrade: the old version of each refuses all the while
        proved(server, apply=version)
        assert enforced(server, version)
        assert {key.name for key in server.objects} == set(NAMES)  # nothing of ours is left


def test_the_model_is_late_enough_for_one_word_to_prove_too_little() -> None:
    """What the second one is for."""
    with mock.patch.object(enforcement, "_ROUNDS", 1):
        for seed in range(200):
            server = LateServer(random.Random(seed))
            proved(server, apply=1)
            if not enforced(server, 1):
                return
    raise AssertionError("one word proved everything, 200 times")


def test_a_server_that_never_enforces_them_is_told_of_in_time_and_nothing_is_left() -> None:
    server = LateServer(random.Random(0), stands=True)
    with pytest.raises(Unavailable, match="not in force"):
        proved(server, timeout_s=0.0)
    assert server.rehearsed == 1
    assert not server.objects


def test_what_refuses_for_another_reason_proves_nothing() -> None:
    server = LateServer(random.Random(0), stands=True)

    async def refuse(manifest: Any) -> None:
        server.rehearsed += 1
        raise Denied(f"no: {json.dumps(manifest['kind'])}")

    server.rehearse = refuse  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        proved(server, timeout_s=0.0)
