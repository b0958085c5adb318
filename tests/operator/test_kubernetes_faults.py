"""What the API server's faults become: through the real client, over a transport that answers as a bad day does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lightkube import ConfigError

from fde_events.errors import Unavailable
from fde_operator.breaker import Breaker
from fde_operator.calls import CalledCluster, Calls
from fde_operator.errors import Conflicting, Denied, Throttled, Tripped
from fde_operator.key import Key
from fde_operator.kubernetes import KubernetesCluster
from fde_operator.metrics import Metrics

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: a, cluster: {server: "http://api.example"}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {token: t}}]
"""
KEY = Key("ConfigMap", "customer-northgate", "files")
Answer = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture
def cluster_that(tmp_path: Path) -> Callable[[Answer], KubernetesCluster]:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG)
    return lambda answer: KubernetesCluster(str(file), transport=lambda _: httpx2.MockTransport(answer))


def no_token(_: httpx2.Request) -> httpx2.Response:
    raise ConfigError("Token file /var/run/token not found")


def status(code: int, message: str = "so it is", **headers: str) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return lambda _: httpx2.Response(code, json=body, headers=headers)


def hanging(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("no answer in time", request=request)


def cut(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadError("reset by peer", request=request)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (no_token, Unavailable),
        (status(500), Unavailable),
        (status(503), Unavailable),
        (status(504), Unavailable),
        (status(429), Throttled),
        (status(409), Conflicting),
        (status(403), Denied),
        (status(403, "configmaps is forbidden: not yet ready to handle request"), Unavailable),
        (status(422), Denied),
        (status(422, "denied request: failed to configure policy: failed to find resource"), Unavailable),
        (hanging, Unavailable),
        (cut, Unavailable),
        (lambda _: httpx2.Response(502, text="<html>bad gateway</html>"), Unavailable),
        (lambda _: httpx2.Response(429, text="slow down"), Throttled),
        (lambda _: httpx2.Response(502, text="<html>", headers={"Content-Type": "application/json"}), Unavailable),
        (lambda _: httpx2.Response(200, text="<html>log in</html>"), Unavailable),
        (lambda _: httpx2.Response(200, content=b"\xff\xfe{"), Unavailable),
    ],
    ids=[
        "no credentials",
        "500",
        "503",
        "504",
        "429",
        "409",
        "403",
        "403 at its start",
        "422",
        "422 at its start",
        "hangs",
        "cut",
        "proxy 502",
        "proxy 429",
        "said to be JSON",
        "no JSON",
        "no text",
    ],
)
def test_each_fault_is_an_error_of_ours(
    cluster_that: Callable[[Answer], KubernetesCluster], answer: Answer, error: type[Exception]
) -> None:
    manifest = {"apiVersion": "v1", "kind": KEY.kind, "metadata": {"name": KEY.name, "namespace": KEY.namespace}}
    with pytest.raises(error) as caught:
        asyncio.run(cluster_that(answer).apply(manifest))
    assert type(caught.value) is error


@pytest.mark.parametrize(("said", "waits_s"), [("7", 7.0), ("100000", 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0)])
def test_a_429_says_for_how_long(
    cluster_that: Callable[[Answer], KubernetesCluster], said: str, waits_s: float
) -> None:
    with pytest.raises(Throttled) as caught:
        asyncio.run(cluster_that(status(429, **{"Retry-After": said})).get(KEY))
    assert caught.value.retry_after_s == waits_s


def test_an_api_server_that_hangs_is_asked_eight_times_then_by_probes_and_is_back_with_its_first_answer(
    cluster_that: Callable[[Answer], KubernetesCluster],
) -> None:
    asked, now_s, back = 0, 0.0, False

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        if not back:
            return hanging(request)
        return httpx2.Response(200, json={"kind": "ConfigMap", "metadata": {"name": "files"}})

    breaker = Breaker()
    cluster = CalledCluster(cluster_that(answer), Calls("kubernetes", Metrics(), breaker=breaker, clock=lambda: now_s))

    async def story() -> Any:
        nonlocal now_s, back
        for step in range(600):  # a minute, ten callers a second
            now_s = step / 10
            with pytest.raises(Unavailable):
                await cluster.get(KEY)
        assert asked == 8 + 5  # probes after 1, 3, 7, 15 and 31 s
        back = True
        with pytest.raises(Tripped):
            await cluster.get(KEY)
        now_s += breaker.wait_s(now_s)
        return await cluster.get(KEY)

    assert asyncio.run(story())["kind"] == "ConfigMap"


@pytest.mark.parametrize("text", ["", "clusters: [{name: a, clu", KUBECONFIG.replace("user: a}", "user: b}")])
def test_a_token_refused_while_the_kubeconfig_is_being_replaced_is_tried_again(
    cluster_that: Callable[[Answer], KubernetesCluster], tmp_path: Path, text: str
) -> None:
    cluster = cluster_that(status(401))
    (tmp_path / "kubeconfig").write_text(text)

    async def ask() -> None:
        with pytest.raises(Unavailable):
            await cluster.get(KEY)
        (tmp_path / "kubeconfig").unlink()
        with pytest.raises(Unavailable):
            await cluster.get(KEY)
        await cluster.aclose()

    asyncio.run(ask())
