"""Every CEL rule of the six kinds against the real API server: what it refuses, with which sentence, and what it lets be.

rules/*.yaml is the table. The schemas are the committed ones under a group of their own, where no admission policy, no role
and no operator speaks before or after the rule.
"""

from __future__ import annotations

import copy
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from fde_api.crd import definitions
from fde_api.kinds import BY_NAME
from fde_api.rules import RULES

GROUP = "rules.fde.example"
TABLES = Path(__file__).parent / "rules"
# Where a primitive's spec stands: template.yaml is about it.
SPECS = {"DeploymentPrimitive": ("spec",), "PatternCandidate": ("spec", "proposal")}


@dataclass(frozen=True)
class Case:
    """One entry of a table. `at` and `says` name the rule; patches are merge patches on `base` and then on `before`.

    `alone`: no other rule speaks of what is refused; a case is about one thing.
    """

    kind: str
    at: str
    says: str
    base: dict[str, Any]
    before: dict[str, Any] | None
    refused: tuple[dict[str, Any], ...]
    accepted: tuple[dict[str, Any], ...]
    alone: bool = True

    def __str__(self) -> str:
        return f"{self.kind} {self.at or 'root'}: {self.says}"

    def covers(self, at: str, message: str) -> bool:
        return self.at == at and message.startswith(self.says)


def several(patches: Any) -> tuple[dict[str, Any], ...]:
    return tuple(patches) if isinstance(patches, list) else (patches,)


def below(path: tuple[str, ...], patch: dict[str, Any]) -> dict[str, Any]:
    for step in reversed(path):
        patch = {step: patch}
    return patch


def made(kind: str, entry: dict[str, Any], base: dict[str, Any], path: tuple[str, ...] = ()) -> Case:
    """`path`: what the entry's own path and patches are below."""
    refused, accepted = (
        tuple(below(path, patch) for patch in several(entry[name])) for name in ("refused", "accepted")
    )
    at = ".".join((*path, entry["at"])) if path else entry["at"]
    return Case(kind, at, entry["says"], base, entry.get("before"), refused, accepted, entry.get("alone", True))


def cases() -> list[Case]:
    tables = {kind: yaml.safe_load((TABLES / f"{kind}.yaml").read_text()) for kind in RULES}
    found = [made(kind, entry, table["base"]) for kind, table in tables.items() for entry in table["rules"]]
    for entry in yaml.safe_load((TABLES / "template.yaml").read_text())["rules"]:
        for kind, path in SPECS.items():
            found.append(made(kind, entry, tables[kind]["base"], path))
    return found


CASES = cases()
TABLED = [
    (kind, ".".join(path), rule)
    for kind, table in RULES.items()
    for path, several_ in table.items()
    for rule in several_
]


@pytest.mark.parametrize(("kind", "at", "rule"), TABLED, ids=lambda v: v if isinstance(v, str) else v.message[:40])
def test_no_rule_is_without_a_case_of_either_kind(kind: str, at: str, rule: Any) -> None:
    found = [case for case in CASES if case.kind == kind and case.covers(at, rule.message)]
    assert sum(len(case.refused) for case in found) >= 1
    assert sum(len(case.accepted) for case in found) >= 1
    assert all((case.before is not None) == rule.of_a_change for case in found)


def test_no_case_is_about_a_rule_that_is_not_there() -> None:
    known = [(kind, at, rule.message) for kind, at, rule in TABLED]
    for case in CASES:
        assert sum(case.kind == kind and case.covers(at, message) for kind, at, message in known) == 1, str(case)


def merged(old: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    found = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


class Server:
    """The kinds under a group of their own."""

    def __init__(self, plane: Any) -> None:
        context = ssl.create_default_context(cafile=str(plane.certificate_authority))
        headers = {"Authorization": f"Bearer {plane.token('admin')}", "Content-Type": "application/json"}
        self._http = httpx2.Client(base_url=plane.url, verify=context, timeout=30, trust_env=False, headers=headers)

    def definitions(self) -> list[dict[str, Any]]:
        """The committed definitions, renamed."""
        found = []
        for made in copy.deepcopy(definitions()):
            made["spec"]["group"] = GROUP
            made["metadata"]["name"] = f"{made['spec']['names']['plural']}.{GROUP}"
            found.append(made)
        return found

    def install(self) -> None:
        """Returns when all are served."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for made in self.definitions():
            answer = self._http.post(path, content=json.dumps(made))
            assert answer.is_success, answer.json()["message"]
        deadline = time.monotonic() + 60
        for kind in BY_NAME:
            while not (answer := self._http.get(self._path(kind))).is_success:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)

    def conditions(self) -> dict[str, dict[str, str]]:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        found = {}
        for made in self.definitions():
            answer = self._http.get(f"{path}/{made['metadata']['name']}").json()
            found[made["spec"]["names"]["kind"]] = {c["type"]: c["status"] for c in answer["status"]["conditions"]}
        return found

    def remove(self) -> None:
        for made in self.definitions():
            self._http.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{made['metadata']['name']}")

    def create(self, kind: str, body: dict[str, Any], *, dry: bool) -> httpx2.Response:
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        document = {"apiVersion": f"{GROUP}/v1", "kind": kind, **body}
        document.pop("status", None)
        return self._http.post(self._path(kind), content=json.dumps(document), params=query)

    def update(self, kind: str, body: dict[str, Any], version: str) -> httpx2.Response:
        document = {"apiVersion": f"{GROUP}/v1", "kind": kind, **body}
        document["metadata"] = {**body["metadata"], "resourceVersion": version}
        path = f"{self._path(kind)}/{body['metadata']['name']}"
        return self._http.put(path, content=json.dumps(document), params={"dryRun": "All", "fieldValidation": "Strict"})

    def tell(self, kind: str, name: str, status: dict[str, Any]) -> httpx2.Response:
        path = f"{self._path(kind)}/{name}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._http.patch(path, content=json.dumps({"status": status}), headers=headers)

    def delete(self, kind: str, name: str) -> None:
        self._http.delete(f"{self._path(kind)}/{name}")

    @staticmethod
    def _path(kind: str) -> str:
        place = "namespaces/default/" if BY_NAME[kind].namespaced else ""
        return f"/apis/{GROUP}/v1/{place}{BY_NAME[kind].plural}"


@pytest.fixture(scope="module")
def server(control_plane: Any) -> Iterator[Server]:
    found = Server(control_plane)
    found.install()
    yield found
    found.remove()


@pytest.fixture
def stored(server: Server, request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, Any], str]]:
    """What was there before a change: its manifest and its resourceVersion."""
    case: Case = request.param
    before = merged(case.base, case.before)
    answer = server.create(case.kind, before, dry=False)
    assert answer.is_success, answer.json()["message"]
    if status := before.pop("status", None):
        answer = server.tell(case.kind, before["metadata"]["name"], status)
        assert answer.is_success, answer.json()["message"]
    yield before, answer.json()["metadata"]["resourceVersion"]
    server.delete(case.kind, before["metadata"]["name"])


def told(answer: httpx2.Response) -> list[str]:
    """The sentences of a refusal."""
    assert answer.status_code in (403, 422), answer.text
    return [cause["message"] for cause in answer.json()["details"].get("causes", ())]


def in_the_words_of(case: Case, sentences: list[str]) -> bool:
    """Whether the rule spoke; and no other, where the case says so."""
    return any(case.says in sentence for sentence in sentences) and (len(sentences) == 1 or not case.alone)


STATIC = [case for case in CASES if case.before is None]
CHANGES = [case for case in CASES if case.before is not None]


@pytest.mark.parametrize("case", STATIC, ids=str)
def test_a_rule_refuses_what_breaks_it_and_nothing_else(server: Server, case: Case) -> None:
    for patch in case.refused:
        sentences = told(server.create(case.kind, merged(case.base, patch), dry=True))
        assert in_the_words_of(case, sentences), (patch, sentences)
    for patch in case.accepted:
        answer = server.create(case.kind, merged(case.base, patch), dry=True)
        assert answer.is_success, (patch, answer.json()["message"])


@pytest.mark.parametrize(("stored", "case"), [(case, case) for case in CHANGES], ids=str, indirect=["stored"])
def test_a_rule_of_a_change_refuses_the_change_and_no_other(
    server: Server, stored: tuple[dict[str, Any], str], case: Case
) -> None:
    before, version = stored
    for patch in case.refused:
        sentences = told(server.update(case.kind, merged(before, patch), version))
        assert in_the_words_of(case, sentences), (patch, sentences)
    for patch in case.accepted:
        answer = server.update(case.kind, merged(before, patch), version)
        assert answer.is_success, (patch, answer.json()["message"])


def test_the_server_takes_every_schema_as_structural_and_every_rule_as_cheap_enough(server: Server) -> None:
    for kind, conditions in server.conditions().items():
        assert conditions["Established"] == "True", kind
        assert conditions.get("NonStructuralSchema", "False") == "False", kind


def test_a_library_without_gates_gets_gates_that_ask_for_something(server: Server) -> None:
    body = {"metadata": {"name": "all"}, "spec": {}}
    spec = server.create("PatternLibrary", body, dry=True).json()["spec"]
    assert spec["gates"]["beta"] == {"minSuccessRate": 0.95, "maxDeployTime": "24h", "minUsageCount": 3}
    assert spec["gates"]["production"] == {"minSuccessRate": 0.99, "maxDeployTime": "8h", "minUsageCount": 10}
    assert spec["demotion"] == {"attempts": 20, "minAttempts": 5, "tolerance": 0.05}
