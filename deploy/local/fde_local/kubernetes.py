"""A real Kubernetes API on free loopback ports: etcd, API server, controllers, scheduler, and kwok as the kubelet.

The control plane's way: start() -> keys, tokens -> etcd -> API server -> controllers, scheduler, kwok -> node Ready.
"""

import http.client
import json
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from fde_local.component import CONTROL_PLANE, KWOK, default_cache
from fde_local.errors import NotReady
from fde_local.ports import free_ports
from fde_local.process import LocalProcess
from fde_local.users import ENGINEERS, USERS, new_tokens, short_name, write_kubeconfig, write_token_file

NODE: Final = "kwok-node"
_AUDIT_POLICY: Final = Path(__file__).resolve().parents[2] / "audit" / "policy.yaml"
REGION: Final = "eu-west"  # a deployment of another data residency finds no node here
_ALLOCATABLE: Final = {"cpu": "256", "memory": "1Ti", "ephemeral-storage": "1Ti", "pods": "5000"}


class ControlPlane:
    """A running Kubernetes with one node. Made by :meth:`start`; a context manager that stops it.

    No container ever runs: kwok reports what a kubelet would. Network policies are stored, nothing enforces them.
    """

    def __init__(self, directory: Path, binary: Path, kwok: Path) -> None:
        self._directory = directory
        self._binary = str(binary)
        self._kwok = str(kwok)
        self._etcd_port, self._peer_port, self._port, self._controllers_port, self._scheduler_port = free_ports(5)
        self._tokens = new_tokens()
        self._processes: dict[str, LocalProcess] = {}

    @classmethod
    def start(cls, directory: Path) -> Self:
        """A new, empty Kubernetes with its data in `directory`.

        Returns when the API is ready, the node is Ready and the default service account is there.
        Raises MissingToolchain or NotPrepared when there is nothing to start, NotReady when it does not come up.
        """
        cache = default_cache()
        plane = cls(directory.resolve(), CONTROL_PLANE.demand(cache), KWOK.demand(cache))
        try:
            plane._prepare()
            plane._run_etcd()
            plane.start_api_server()
            plane._run_clients()
            plane._await_node()
            plane._assign_people()
        except BaseException:
            plane.stop()
            raise
        return plane

    @property
    def url(self) -> str:
        """The API server; the same after :meth:`start_api_server`."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def certificate_authority(self) -> Path:
        """What the API server's certificate is checked against."""
        return self._directory / "certs" / "apiserver.crt"

    @property
    def audit_log(self) -> Path:
        """What people did, one event a line, by the policy that is shipped (`deploy/audit/policy.yaml`)."""
        return self._directory / "audit.log"

    @property
    def pids(self) -> dict[str, int]:
        """The process id of every component that was started and not killed by us."""
        return {name: process.pid for name, process in self._processes.items()}

    def token(self, user: str) -> str:
        """The bearer token of a user, by short name (`dana`) or full name (`dana@company.example`)."""
        return self._tokens[short_name(user)]

    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig file of a user; for the names see :data:`fde_local.users.USERS`."""
        return self._directory / f"{short_name(user)}.kubeconfig"

    def kill_api_server(self) -> None:
        """The API is away at once (SIGKILL); everything else runs on."""
        if server := self._processes.pop("kube-apiserver", None):
            server.kill()

    def start_api_server(self, limit_s: float = 60.0, *, more: Sequence[str] = ()) -> None:
        """Runs the API server, on the same data and port; returns when it is ready. It must not run already.

        `more`: flags beside ours, until it is started again.
        """
        assert "kube-apiserver" not in self._processes, "kill_api_server() comes first"
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._directory / 'certs'}",
            f"--service-account-key-file={self._directory / 'sa.pub'}",
            f"--service-account-signing-key-file={self._directory / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",  # as real clusters have it: refusing is the work of PodSecurity
            f"--token-auth-file={self._directory / 'tokens.csv'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--audit-policy-file={_AUDIT_POLICY}",
            f"--audit-log-path={self.audit_log}",
            *more,
        )
        self._await("the API server's /readyz", lambda: self._call("GET", "/readyz")[0] == 200, limit_s)

    def stop(self) -> None:
        """Stops everything (SIGTERM to all, SIGKILL to what is left after 5 s). Stopping twice is fine."""
        etcd = self._processes.pop("etcd", None)
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.stop()
        self._processes.clear()
        if etcd is not None:  # last: an API server without its etcd takes long to end
            etcd.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            [self._binary, "keys", str(self._directory)], capture_output=True, text=True, timeout=60, check=False
        )
        if made.returncode:
            raise NotReady(f"kubernetes: no keys could be made in {self._directory}: {made.stderr}")
        write_token_file(self._directory / "tokens.csv", self._tokens)
        for user in USERS:
            write_kubeconfig(
                self.kubeconfig(user),
                url=self.url,
                certificate_authority=self.certificate_authority,
                user=user,
                token=self._tokens[user],
            )

    def _run_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        self._run(
            "etcd",
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # the data need not outlive the machine
            "--log-level=error",
        )

    def _run_clients(self) -> None:
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('controllers')}",
            f"--service-account-private-key-file={self._directory / 'sa.key'}",
            f"--root-ca-file={self.certificate_authority}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._controllers_port}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            # On a busy machine kwok's heartbeat may be late: the pods of a node that was not Ready for a moment never are again.
            "--node-monitor-grace-period=1h",
        )
        self._run(
            "kube-scheduler",
            f"--kubeconfig={self.kubeconfig('scheduler')}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._scheduler_port}",
        )
        kwok = (
            f"--kubeconfig={self.kubeconfig('node')}",
            "--manage-all-nodes=true",
            "--server-address=",
            "--cidr=10.64.0.1/12",
        )
        self._processes["kwok"] = LocalProcess.start("kwok", (self._kwok, *kwok), self._directory)

    def _await_node(self) -> None:
        labels = {
            "kubernetes.io/hostname": NODE,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/region": REGION,
        }
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE, "labels": labels},
            "status": {"capacity": _ALLOCATABLE, "allocatable": _ALLOCATABLE},
        }
        status, answer = self._call("POST", "/api/v1/nodes", node)
        if status != 201:
            raise NotReady(f"kubernetes: the node {NODE} was refused ({status}): {answer}")
        self._await("the node to be Ready and without taints", self._node_takes_pods)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._await("the default service account", lambda: self._call("GET", account)[0] == 200)

    def _assign_people(self) -> None:
        """The local engineers work for every customer: what deploy/policies leaves to be bound namespace by namespace."""
        group = "rbac.authorization.k8s.io"
        people = [
            {"apiGroup": group, "kind": "User", "name": user.name}
            for user in USERS.values()
            if ENGINEERS in user.groups
        ]
        for role in ("fde-field-engineer", "fde-contributor"):
            binding = {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"local-{role}"},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": people,
            }
            status, answer = self._call("POST", f"/apis/{group}/v1/clusterrolebindings", binding)
            if status not in (201, 409):  # 409: a plane that was started on the data of an earlier one
                raise NotReady(f"kubernetes: {role} was not bound ({status}): {answer}")

    def _node_takes_pods(self) -> bool:
        status, node = self._call("GET", f"/api/v1/nodes/{NODE}")
        if status != 200 or node["spec"].get("taints"):
            return False
        conditions = node.get("status", {}).get("conditions", ())
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _run(self, name: str, *flags: str) -> None:
        # A quarter of an API server's time went into collecting garbage; here memory is plenty and processors are two.
        environment = {"GOGC": "300"}
        command = (self._binary, name, *flags)
        self._processes[name] = LocalProcess.start(name, command, self._directory, environment=environment)

    def _await(self, what: str, is_there: Callable[[], bool], limit_s: float = 60.0) -> None:
        deadline = time.monotonic() + limit_s
        last = "it answers, but not as hoped"
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if process.exit_code is not None:
                    raise NotReady(f"kubernetes: {name} ended by itself ({process.exit_code}). {process.last_words()}")
            try:
                if is_there():
                    return
                last = "it answers, but not as hoped"
            except (OSError, http.client.HTTPException) as error:
                last = f"{type(error).__name__}: {error}"
            time.sleep(0.05)
        raise NotReady(
            f"kubernetes: still waiting for {what} after {limit_s:.0f} s ({last}). The logs are in {self._directory}: "
            f"{', '.join(f'{name}.log' for name in self._processes)}."
        )

    def _call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        # Made for every call: the certificate appears only when the API server runs for the first time.
        context = ssl.create_default_context(cafile=str(self.certificate_authority))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=10, context=context)
        headers = {"Authorization": f"Bearer {self._tokens['admin']}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json else text
