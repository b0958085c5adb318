"""Whether a deployment's source code may leave: its TelemetryFeed says so, in the words of the API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from fde_cli.commands import submit
from fde_events.errors import Refused
from fde_events.solution import Solution, SolutionFile
from fde_extraction.submission import Submission
from fde_registry import kubernetes
from fde_registry.kubernetes import KubernetesRegistry

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: it
clusters: [{name: it, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: it, context: {cluster: it, user: it}}]
users: [{name: it, user: {token: t}}]
"""


def feed(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "customer-acme"},
        "spec": {"deploymentRef": {"name": "sync"}, "signals": ["errors"], **spec},
    }


def a_registry(tmp_path: Path, *feeds: dict[str, Any]) -> KubernetesRegistry:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/apis/fde.io/v1/namespaces/customer-acme/telemetryfeeds"
        assert request.url.params["fieldSelector"] == "spec.deploymentRef.name=sync"
        body = {"kind": "TelemetryFeedList", "apiVersion": "fde.io/v1", "metadata": {}, "items": list(feeds)}
        return httpx2.Response(200, json=body)

    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    return KubernetesRegistry(tmp_path / "kubeconfig", transport=httpx2.MockTransport(answer))


@pytest.mark.parametrize(
    ("feeds", "consent"),
    [
        ([], None),
        ([feed("a")], False),
        ([feed("a", egress={"state": "on", "source": True})], True),
        # The first by name is the one that the sidecar reads.
        ([feed("b", egress={"source": True}), feed("a")], False),
    ],
)
def test_the_feed_says_whether_source_code_may_leave(
    tmp_path: Path, feeds: list[dict[str, Any]], consent: bool | None
) -> None:
    assert a_registry(tmp_path, *feeds).source_consent("customer-acme/sync") is consent


@pytest.mark.parametrize(
    ("content", "feeds", "refused"),
    [
        ("eA==", [feed("a")], True),
        ("eA==", [feed("a", egress={"source": True})], False),
        ("eA==", [], False),
        ("", [feed("a")], False),  # digests alone
    ],
)
def test_submitting_honours_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, feeds: list[dict[str, Any]], refused: bool
) -> None:
    registry = a_registry(tmp_path, *feeds)
    monkeypatch.setattr(kubernetes, "KubernetesRegistry", lambda: registry)
    files = (SolutionFile(path="a.py", language="python", digest="sha256:0", content=content),)
    solution = Solution(
        id="s", deployment="customer-acme/sync", author="ben", time="2026-10-10T06:00:00Z", files=files, reuse="allowed"
    )
    prepared = Submission(solution, "fde.acme.solutions", b"s", b"{}")
    if refused:
        with pytest.raises(Refused, match=r"spec\.egress\.source is not true"):
            submit._check_feed(prepared)
    else:
        submit._check_feed(prepared)
