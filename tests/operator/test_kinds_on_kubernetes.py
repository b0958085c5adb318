"""What the six kinds look like to people and programs that ask the API server: names, columns, selectors, explanations."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from fde_api.columns import COLUMNS, SELECTABLE
from fde_api.kinds import KINDS

NAMES = [kind.name for kind in KINDS]
PLURALS = {kind.name: kind.plural for kind in KINDS}


@pytest.fixture(scope="module")
def http(api: Any, control_plane: Any, given: Any) -> Iterator[httpx2.Client]:
    """The API server after `fde operator install`, as an administrator; its storage of new definitions is made by then."""
    context = ssl.create_default_context(cafile=str(control_plane.certificate_authority))
    headers = {"Authorization": f"Bearer {control_plane.token('admin')}"}
    with httpx2.Client(
        base_url=f"{control_plane.url}/", verify=context, timeout=30, trust_env=False, headers=headers
    ) as client:
        for kind in KINDS:
            given.eventually(lambda plural=kind.plural: client.get(f"/apis/fde.io/v1/{plural}").is_success, 60)
        yield client


def test_every_kind_has_a_short_name_the_category_and_a_status(http: httpx2.Client) -> None:
    served = {one["name"]: one for one in http.get("/apis/fde.io/v1").json()["resources"]}
    for kind in KINDS:
        found = served[kind.plural]
        assert (found["shortNames"], found["categories"]) == ([kind.short], ["fde"])
        assert found["namespaced"] == kind.namespaced
        assert "patch" in served[f"{kind.plural}/status"]["verbs"]


@pytest.mark.parametrize("kind", NAMES)
def test_kubectl_get_shows_the_columns(http: httpx2.Client, kind: str) -> None:
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    answer = http.get(f"/apis/fde.io/v1/{PLURALS[kind]}", headers=accept)
    assert answer.is_success, answer.json()["message"]
    table = answer.json()
    shown = [(one["name"], one["type"], one["priority"]) for one in table["columnDefinitions"]]
    assert shown[1:] == [(one.name, one.type, one.priority) for one in COLUMNS[kind]]
    assert [name for name, _, priority in shown if name == "Ready" and priority == 0] or kind in (
        "PatternCandidate",  # whose question is what was decided
        "PatternProposal",
    )


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind in NAMES for path in SELECTABLE[kind]])
def test_a_field_can_be_selected_by(http: httpx2.Client, kind: str, path: str) -> None:
    answer = http.get(f"/apis/fde.io/v1/{PLURALS[kind]}", params={"fieldSelector": f"{path.removeprefix('.')}=none"})
    assert answer.is_success, answer.json()["message"]
    assert answer.json()["items"] == []


def test_a_field_that_is_not_offered_cannot(http: httpx2.Client) -> None:
    answer = http.get("/apis/fde.io/v1/fdedeployments", params={"fieldSelector": "spec.suspend=true"})
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", NAMES)
def test_kubectl_explain_is_answered_with_a_sentence_for_each_field(http: httpx2.Client, kind: str) -> None:
    schemas = http.get("/openapi/v3/apis/fde.io/v1").json()["components"]["schemas"]
    spec = schemas[f"io.fde.v1.{kind}"]["properties"]["spec"]
    told = {name: field.get("description", "") for name, field in spec["properties"].items()}
    assert told
    assert [name for name, sentence in told.items() if not sentence.endswith(".")] == []
