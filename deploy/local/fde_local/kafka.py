"""One real Kafka broker (KRaft, no containers) on free loopback ports.

The broker's way: start() -> format -> java kafka.Kafka -> metadata answers; kill(), restart() on the same data; stop().
A secured one asks for a password over TLS and denies what no rule allows; its administrator's settings are in a file.
"""

import base64
import json
import os
import secrets
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from fde_local.certificate import Certificate, certify
from fde_local.component import KAFKA, default_cache
from fde_local.errors import NotReady
from fde_local.ports import free_ports
from fde_local.process import LocalProcess
from fde_local.toolchain import JAVA, find

_SETTINGS: Final = Path(__file__).resolve().parents[1] / "kafka"
_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_JVM: Final = (
    "-Xmx512m",
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


class KafkaBroker:
    """A running broker. Made by :meth:`start`; a context manager that stops it.

    Topics are not created by use: call :meth:`create_topic`, or an AdminClient.
    """

    def __init__(
        self, directory: Path, libs: Path, *, secured: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self._directory = directory
        self._more = dict(settings or {})
        self._libs = libs
        self._secured = secured
        self._certificate: Certificate | None = None
        self._port, self._controller_port = free_ports(2)
        self._process: LocalProcess | None = None

    @classmethod
    def start(cls, directory: Path, *, secured: bool = False, settings: Mapping[str, str] | None = None) -> Self:
        """A broker with newly formatted storage in `directory`; returns when metadata answers.

        `secured`: SASL_SSL alone, SCRAM-SHA-512, denied by default; see :attr:`admin_settings`. `settings`: the broker's, beside ours.
        Raises MissingToolchain or NotPrepared when there is no Kafka to start, NotReady when it does not come up.
        """
        broker = cls(directory.absolute(), KAFKA.demand(default_cache()), secured=secured, settings=settings)
        directory.mkdir(parents=True, exist_ok=True)
        broker._format()
        broker._run()
        if secured:
            broker._await_snapshot()
        return broker

    @property
    def bootstrap_servers(self) -> str:
        """`127.0.0.1:<port>`; the same after every restart."""
        return f"127.0.0.1:{self._port}"

    @property
    def admin_settings(self) -> Path:
        """The administrator's client settings of a secured broker, YAML: user, password, authority."""
        return self._directory / "admin.yaml"

    @property
    def authority(self) -> Path:
        """The PEM file that clients of a secured broker trust."""
        return self._directory / "ca.pem"

    @property
    def pid(self) -> int | None:
        """The process id, or None while the broker is down."""
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        """Whether the process is there; False after :meth:`kill`, and when it ended by itself."""
        return self._process is not None and self._process.exit_code is None

    @property
    def log(self) -> Path:
        """What the broker printed, over all its restarts: warnings and errors only."""
        return self._directory / "kafka.log"

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Creates a topic and returns when the broker has it. Raises KafkaException when it exists already."""
        client = self._admin()  # kept until the future is done: without its client it never is
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        client.create_topics([topic])[name].result(timeout=30)

    def kill(self) -> None:
        """The broker is gone at once (SIGKILL), as in a crash. Its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self, limit_s: float = 120.0) -> None:
        """Runs the broker on the same data and ports, stopping it first when it runs.

        After :meth:`kill` this takes about 4 s more: the session of the killed one must end.
        """
        self.stop()
        self._run(limit_s)

    def stop(self) -> None:
        """Stops the broker (SIGTERM, SIGKILL after 15 s). Its data stays. Stopping twice is fine."""
        if self._process is not None:
            self._process.stop(15.0)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _format(self) -> None:
        arguments: tuple[str, ...] = ()
        if self._secured:
            password = secrets.token_urlsafe(24)
            self._certificate = certify(self._directory, secrets.token_urlsafe(24))
            self._write_admin(password)
            arguments = ("--add-scram", f"SCRAM-SHA-512=[name=admin,password={password}]")
            self._configure("secured.properties", "SASL_SSL", self._login(self._certificate, password))
        else:
            self._configure("server.properties", "PLAINTEXT", "")
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # `--cluster-id=`, since an id may begin with a dash
        arguments = ("format", f"--cluster-id={cluster_id}", "--config", "server.properties", *arguments)
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *arguments),
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise NotReady(
                f"kafka: the storage in {self._directory} could not be formatted: {done.stderr or done.stdout}"
                f"Check {_SETTINGS}."
            )

    def _configure(self, settings: str, protocol: str, more: str) -> None:
        broker, controller = self.bootstrap_servers, f"127.0.0.1:{self._controller_port}"
        written = self._directory / "server.properties"
        written.write_text(
            f"{(_SETTINGS / settings).read_text()}\n"
            f"controller.quorum.voters=1@{controller}\n"
            f"listeners={protocol}://{broker},CONTROLLER://{controller}\n"
            f"advertised.listeners={protocol}://{broker}\n"
            "log.dirs=data\n"
            f"{more}\n" + "".join(f"{name}={value}\n" for name, value in self._more.items())
        )
        written.chmod(0o600)

    def _login(self, certificate: Certificate, password: str) -> str:
        return (
            f"ssl.keystore.location={certificate.keystore}\n"
            f"ssl.keystore.password={certificate.password}\n"
            f"ssl.key.password={certificate.password}\n"
            f"ssl.truststore.location={certificate.authority}\n"
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
            f'{_SCRAM} required username="admin" password="{password}";\n'
        )

    def _write_admin(self, password: str) -> None:
        settings = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "admin",
            "sasl.password": password,
            "ssl.ca.location": str(self.authority.absolute()),
        }
        with os.fdopen(os.open(self.admin_settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(settings, file, indent=2)  # JSON is YAML

    def _run(self, limit_s: float = 120.0) -> None:
        self._process = LocalProcess.start("kafka", self._java("kafka.Kafka", "server.properties"), self._directory)
        try:
            self._await_metadata(self._process, limit_s)
        except BaseException:
            self.kill()
            raise

    def _await_metadata(self, process: LocalProcess, limit_s: float) -> None:
        last = "no answer"

        def hear(error: KafkaError) -> None:
            nonlocal last  # a refused password is told here alone
            if error.code() != KafkaError._ALL_BROKERS_DOWN:
                last = error.str()

        client = self._admin(hear)
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if process.exit_code is not None:
                raise NotReady(f"kafka: the broker ended by itself ({process.exit_code}). {process.last_words()}")
            try:
                # Until the broker has registered, metadata answers without it; then each partition gets its leader.
                metadata = client.list_topics(timeout=3.0)
                partitions = [part for topic in metadata.topics.values() for part in topic.partitions.values()]
                if metadata.brokers and all(part.leader != -1 for part in partitions):
                    return
            except KafkaException:
                client.poll(0)
            time.sleep(0.05)
        raise NotReady(f"kafka: no metadata after {limit_s:.0f} s ({last}). {process.last_words()}")

    def _await_snapshot(self, limit_s: float = 120.0) -> None:
        """Without a snapshot that has the administrator a restart may let nobody in: see secured.properties."""
        deadline = time.monotonic() + limit_s
        try:
            while not any((self._directory / "data" / "__cluster_metadata-0").glob("*.checkpoint")):
                if time.monotonic() > deadline:
                    raise NotReady(f"kafka: no snapshot of the metadata after {limit_s:.0f} s. Its log is {self.log}.")
                time.sleep(0.02)
        except BaseException:
            self.kill()
            raise

    def _java(self, main_class: str, *arguments: str) -> tuple[str, ...]:
        return (str(find(JAVA).path), *_JVM, "-cp", f"{self._libs}/*", main_class, *arguments)

    def _admin(self, hear: Callable[[KafkaError], None] | None = None) -> AdminClient:
        settings: dict[str, Any] = json.loads(self.admin_settings.read_text()) if self._secured else {}
        return AdminClient(
            settings
            | {
                "bootstrap.servers": self.bootstrap_servers,
                "log_level": 0,  # a refused connection while the broker starts is no news
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 200,
                **({"error_cb": hear} if hear else {}),
            }
        )
