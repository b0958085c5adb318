"""The API server on its bad days, by way of a proxy: refusals, silence, half answers, watches that break. Marker `cluster`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.seconds]
OWNED = ("ServiceAccount", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "TelemetryFeed")


@pytest.fixture(scope="module")
def operator(proxy: Any, tmp_path_factory: pytest.TempPathFactory, given: Any) -> Iterator[Any]:
    found = given.operator(proxy.kubeconfig("operator"), tmp_path_factory.mktemp("operator") / "operator.log")
    found.start()
    yield found
    found.kill()


@pytest.fixture(autouse=True)
def _mended(proxy: Any, operator: Any) -> Iterator[None]:
    """Each test begins with an API server that is well, and ends without a defect in the log."""
    proxy.fault = lambda _: None
    yield
    proxy.fault = lambda _: None
    assert operator.is_running, operator.log()[-3000:]
    assert "Traceback" not in operator.log(), operator.log()[-5000:]
    assert "exc_info" not in operator.log() and '"exception"' not in operator.log(), operator.log()[-5000:]


@pytest.fixture(scope="module")
def primitive(api: Any, given: Any) -> str:
    name = f"sync-{uuid.uuid4().hex[:8]}"
    api.create(given.primitive(given.spec(primitiveName=name)), user="operator")
    return name


@pytest.fixture
def customers(api: Any, given: Any) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def new() -> str:
        name = f"customer-{uuid.uuid4().hex[:8]}"
        labels = {"fde.io/customer": name.removeprefix("customer-"), "pod-security.kubernetes.io/enforce": "restricted"}
        api.create(given.namespace(name, labels))
        given.eventually(lambda: api.get("ServiceAccount", "default", name), 60)
        made.append(name)
        return name

    yield new
    for name in made:
        api.delete("Namespace", name)


def run(api: Any, given: Any, namespace: str, primitive: str) -> None:
    reference = {"name": primitive, "version": "v1.0.0"}
    api.create(given.deployment(namespace=namespace, primitiveRef=reference), user="ben")


def ready(api: Any, namespace: str) -> bool:
    found = api.get("FDEDeployment", "sync", namespace)
    conditions = found.get("status", {}).get("conditions", ())
    return any(
        c["type"] == "Ready" and c["status"] == "True" and c["observedGeneration"] == found["metadata"]["generation"]
        for c in conditions
    )


def names(api: Any, namespace: str) -> list[str]:
    return sorted(f"{kind} {one['metadata']['name']}" for kind in OWNED for one in api.list(kind, namespace))


def test_whatever_becomes_of_an_object_s_writes_it_ends_as_the_others_and_keeps_nobody_waiting(
    api: Any, proxy: Any, faults: Any, operator: Any, given: Any, primitive: str, customers: Callable[[], str]
) -> None:
    """Each customer has one kind of trouble with every third of its first nine writes, one has none."""
    kinds = {
        "409": faults.refused(409),
        "429": faults.refused(429, Retry_After="2"),
        "500": faults.refused(500),
        "503": faults.refused(503),
        "no answer": faults.Fault(hang_s=15.0),
        "closed before": faults.Fault(),
        "closed after": faults.Fault(forwarded=True),
        "half an answer": faults.Fault(forwarded=True, part=0.5),
        "garbage": faults.Fault(status=200, content=b"\x00<html>"),
        "a proxy's page": faults.Fault(status=502, content=b"<html>bad gateway</html>"),
    }
    calm = customers()
    troubled = {customers(): kind for kind in kinds}
    seen = dict.fromkeys(troubled, 0)
    hit: dict[str, int] = dict.fromkeys(kinds, 0)

    def fault(request: Any) -> Any:
        namespace = next((one for one in troubled if f"/{one}/" in request.path), None)
        if namespace is None or not request.writes:
            return None
        seen[namespace] += 1
        if seen[namespace] > 9 or seen[namespace] % 3:
            return None
        hit[troubled[namespace]] += 1
        return kinds[troubled[namespace]]

    proxy.fault = fault
    for namespace in (*troubled, calm):
        run(api, given, namespace, primitive)
    began = time.monotonic()
    given.eventually(lambda: ready(api, calm), 120)
    calm_s = time.monotonic() - began
    waiting = [kind for namespace, kind in troubled.items() if not ready(api, namespace)]
    for namespace, kind in troubled.items():
        given.eventually(lambda namespace=namespace: ready(api, namespace), 60) or kind
    print(f"\ncalm after {calm_s:.1f} s, the last after {time.monotonic() - began:.1f} s; hit {hit}")
    assert all(count == 3 for count in hit.values())
    assert waiting, "the untroubled one waited for the one whose requests hang"
    for namespace in troubled:
        assert names(api, namespace) == names(api, calm)
        assert seen[namespace] < 40


def test_an_object_that_is_refused_for_ever_is_asked_for_rarely_and_the_others_run(
    api: Any, proxy: Any, faults: Any, operator: Any, given: Any, primitive: str, customers: Callable[[], str]
) -> None:
    stuck, others = customers(), [customers() for _ in range(3)]
    proxy.fault = lambda request: faults.refused(500) if request.writes and f"/{stuck}/" in request.path else None
    run(api, given, stuck, primitive)
    given.eventually(lambda: any(f"/{stuck}/" in one.path for one in proxy.requests), 60)
    began = time.monotonic()
    for namespace in others:
        run(api, given, namespace, primitive)
    for namespace in others:
        given.eventually(lambda namespace=namespace: ready(api, namespace), 60)
    given.eventually(lambda: time.monotonic() - began > 8)
    asked = [one for one in proxy.since(began) if one.writes and f"/{stuck}/" in one.path]
    assert len(asked) <= 2 + (time.monotonic() - began)  # 0.5, 1, 2, 4 s and so on
    proxy.fault = lambda _: None
    given.eventually(lambda: ready(api, stuck), 90)


@pytest.mark.parametrize("how", ["503", "closed", "silent"])
def test_an_api_server_that_is_away_is_asked_a_few_times_a_second_at_most_and_then_all_is_caught_up(
    api: Any, proxy: Any, faults: Any, operator: Any, given: Any, primitive: str, customers: Callable[[], str], how: str
) -> None:
    namespaces, ending = [customers() for _ in range(3)], customers()
    run(api, given, ending, primitive)
    given.eventually(lambda: ready(api, ending), 60)
    kind = {"503": faults.refused(503), "closed": faults.Fault(), "silent": faults.Fault(hang_s=11.0)}[how]
    proxy.fault = lambda _: kind
    proxy.cut_watches()
    for namespace in namespaces:
        run(api, given, namespace, primitive)
    api.delete("FDEDeployment", "sync", ending)
    began = time.monotonic()
    given.eventually(lambda: time.monotonic() - began > 6)
    asked = len(proxy.since(began))
    proxy.fault = lambda _: None
    back = time.monotonic()
    for namespace in namespaces:
        given.eventually(lambda namespace=namespace: ready(api, namespace), 120)
    print(f"\n{how}: {asked} requests in 6 s; all ready {time.monotonic() - back:.1f} s after")
    given.eventually(lambda: names(api, ending) == ["ConfigMap kube-root-ca.crt", "ServiceAccount default"], 60)
    assert asked < 120  # sixteen watches, each with a backoff of its own


@pytest.mark.parametrize("how", ["cut", "410", "garbage"])
def test_watches_that_break_are_taken_up_again_and_nothing_is_missed(
    api: Any, proxy: Any, faults: Any, operator: Any, given: Any, primitive: str, customers: Callable[[], str], how: str
) -> None:
    namespace = customers()
    run(api, given, namespace, primitive)
    given.eventually(lambda: ready(api, namespace), 60)
    gone = b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}\n'
    content = {"410": gone, "garbage": b"\x00 no json\n"}.get(how)
    broken: set[str] = set()

    def fault(request: Any) -> Any:
        if content is None or not request.watches or request.path in broken:
            return None
        if "fde.io" in request.path and how != "410" and any("fde.io" in one for one in broken):
            return None  # kopf ends with the first; of the others asyncio would tell, with a traceback
        broken.add(request.path)
        return faults.Fault(status=200, content=content)

    proxy.fault = fault
    began = time.monotonic()
    cut = proxy.cut_watches()
    assert cut >= 10
    api.patch("FDEDeployment", "sync", {"spec": {"suspend": True}}, namespace, "ben")
    api.delete("NetworkPolicy", "sync", namespace)
    api.patch("Deployment", "sync", {"spec": {"replicas": 3}}, namespace)
    given.eventually(lambda: api.get("FDEDeployment", "sync", namespace)["status"]["observedGeneration"] == 2, 60)
    given.eventually(lambda: api.get("NetworkPolicy", "sync", namespace), 60)
    given.eventually(lambda: api.get("Deployment", "sync", namespace)["spec"]["replicas"] == 0, 60)
    # What was just cut may still be counted as open: the proxy hears of it when its thread does.
    given.eventually(lambda: content is None or len(broken) >= 10, 60)
    given.eventually(lambda: len(proxy.open_watches) >= cut, 60)
    asked = len(proxy.since(began))
    print(f"\n{how}: {cut} watches; all as it should be after {time.monotonic() - began:.1f} s and {asked} requests")
    assert asked < 60 + 20 * (time.monotonic() - began)
