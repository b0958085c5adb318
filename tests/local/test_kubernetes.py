import time
from collections.abc import Callable, Iterator

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.core_v1 import (
    Capabilities,
    Container,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    SeccompProfile,
    SecurityContext,
)
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Node, Pod, ServiceAccount

from fde_local.kubernetes import NODE, ControlPlane

pytestmark = pytest.mark.cluster

NAMESPACE = "test-local"


def client_of(plane: ControlPlane, user: str) -> Client:
    return Client(config=KubeConfig.from_file(str(plane.kubeconfig(user))), namespace=NAMESPACE)


def eventually(is_so: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {limit_s} s"
        time.sleep(0.1)


def a_container(name: str, **changes: object) -> Container:
    locked = SecurityContext(allowPrivilegeEscalation=False, runAsNonRoot=True, capabilities=Capabilities(drop=["ALL"]))
    return Container(**{"name": name, "image": f"example.invalid/{name}:1", "securityContext": locked, **changes})


def a_deployment(name: str) -> Deployment:
    pod = PodSpec(
        initContainers=[a_container("sidecar", restartPolicy="Always")],
        containers=[a_container("work")],
        securityContext=PodSecurityContext(runAsNonRoot=True, seccompProfile=SeccompProfile(type="RuntimeDefault")),
    )
    return Deployment(
        metadata=ObjectMeta(name=name),
        spec=DeploymentSpec(
            replicas=2,
            selector=LabelSelector(matchLabels={"app": name}),
            template=PodTemplateSpec(metadata=ObjectMeta(labels={"app": name}), spec=pod),
        ),
    )


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane) -> Iterator[Client]:
    client = client_of(control_plane, "admin")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE, labels=labels)))
    yield client
    client.delete(Namespace, NAMESPACE)


def test_there_is_one_node_that_takes_pods(admin: Client):
    [node] = admin.list(Node)
    assert node.metadata.name == NODE
    assert not node.spec.taints
    assert node.status.allocatable["pods"] == "5k"


def test_a_deployment_with_a_native_sidecar_becomes_ready_under_restricted_pod_security(admin: Client):
    admin.create(a_deployment("with-sidecar"))
    eventually(lambda: admin.get(Deployment, "with-sidecar").status.readyReplicas == 2)
    for pod in admin.list(Pod, labels={"app": "with-sidecar"}):
        [sidecar] = pod.status.initContainerStatuses
        assert (sidecar.ready, sidecar.started) == (True, True)
        assert pod.spec.nodeName == NODE


def test_a_pod_with_privileges_is_refused_under_restricted_pod_security(admin: Client):
    eventually(lambda: any(account.metadata.name == "default" for account in admin.list(ServiceAccount)))
    privileged = a_container("bad", securityContext=SecurityContext(privileged=True))
    with pytest.raises(ApiError, match='violates PodSecurity "restricted'):
        admin.create(Pod(metadata=ObjectMeta(name="bad"), spec=PodSpec(containers=[privileged])))


def test_a_deleted_deployment_takes_its_pods_with_it(admin: Client):
    admin.create(a_deployment("short-lived"))
    eventually(lambda: len(list(admin.list(Pod, labels={"app": "short-lived"}))) == 2)
    admin.delete(Deployment, "short-lived")
    eventually(lambda: not list(admin.list(Pod, labels={"app": "short-lived"})))


@pytest.mark.parametrize(
    ("user", "name"),
    [("nobody", "nobody@company.example"), ("engine", "system:serviceaccount:fde-system:pattern-engine")],
)
def test_a_user_without_rights_is_refused_by_name(control_plane: ControlPlane, user: str, name: str):
    with pytest.raises(ApiError, match=f'User "{name}" cannot list resource "pods"') as refused:
        list(client_of(control_plane, user).list(Pod))
    assert refused.value.status.code == 403


def test_the_api_goes_away_and_comes_back_with_its_data(control_plane: ControlPlane, admin: Client):
    admin.create(a_deployment("before"))
    control_plane.kill_api_server()
    try:
        with pytest.raises(Exception, match="refused"):  # whatever the client makes of it
            admin.get(Node, NODE)
    finally:
        control_plane.start_api_server()
    assert admin.get(Deployment, "before").spec.replicas == 2
    eventually(lambda: admin.apply(a_deployment("after"), field_manager="test", force=True))  # it may still be starting
    eventually(lambda: admin.get(Deployment, "after").status.readyReplicas == 2)
