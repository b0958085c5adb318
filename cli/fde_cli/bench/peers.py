"""Forwarders that send a log file to Kafka: ours and its peers, each as the process a deployment runs, on the same file.

a log file + a broker -> ours() | rsyslog() | collector() -> Run(CPU seconds until every line was in the topic, peak RSS)

The peers are not part of this project. They are looked for under ``FDE_PEERS`` (default ``~/.cache/fde/peers``):
``rsyslog/`` is Debian's packages rsyslog, rsyslog-kafka and the libraries they need, unpacked with ``dpkg -x``;
``otelcol*/otelcol-fde`` is a Collector made by the OpenTelemetry collector builder with filelogreceiver, redactionprocessor,
batchprocessor and kafkaexporter. docs/decisions/0014 has the commands. A peer that is not there is said to be left out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fde_events.errors import Unavailable

PATIENCE_S: Final = 300.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
CUSTOMER: Final = "bench"


@dataclass(frozen=True, slots=True)
class Run:
    """What one forwarder needed: CPU seconds of its processes, user and system, its peak memory, and what it sent."""

    cpu_s: float
    rss_mib: float
    records: int


def root() -> Path:
    """Where the peers are."""
    return Path(os.environ.get("FDE_PEERS") or Path.home() / ".cache" / "fde" / "peers")


def available() -> dict[str, Path]:
    """The forwarders that are here: name -> program."""
    found = {}
    if (daemon := root() / "rsyslog" / "usr" / "sbin" / "rsyslogd").exists():
        found["rsyslog"] = daemon
    for program in sorted(root().glob("otelcol*/otelcol-fde")):
        found["collector"] = program
    return found


def ours(log: Path, bootstrap: str, scratch: Path, *, full: int) -> Run:
    """`fde sidecar` from its start until it left, everything acknowledged."""
    scratch.mkdir(parents=True)
    feed = scratch / "feed.yaml"
    feed.write_text(manifest(full))
    command = [*sidecar_command(feed, log, scratch / "spool"), "--brokers", bootstrap, "--until-idle", "1.5"]
    with (scratch / "sidecar.log").open("wb") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        peak, deadline = 0.0, time.monotonic() + PATIENCE_S
        try:
            while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
                peak = max(peak, rss_mib(process.pid))
                if time.monotonic() > deadline:
                    raise Unavailable(f"The sidecar did not send {log.name} within {PATIENCE_S:.0f} s.")
                time.sleep(0.05)
            process.returncode = os.waitstatus_to_exitcode(ended[1])
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    assert process.stdout is not None
    summary = json.loads(process.stdout.read() or b"{}")
    process.stdout.close()
    if process.returncode or summary.get("records") != summary.get("acknowledged") or summary.get("dropped"):
        raise Unavailable(f"The sidecar left with {process.returncode}: {summary or 'no summary'}; see {said.name}.")
    return Run(ended[2].ru_utime + ended[2].ru_stime, peak, summary["events"])


def sidecar_command(feed: Path, log: Path, spool: Path) -> list[str]:
    """The command line of a sidecar for one feed."""
    start = "import sys; from fde_cli.main import main; sys.exit(main())"
    return [
        sys.executable, "-c", start, "sidecar", "--feed", str(feed), "--logs", str(log), "--customer", CUSTOMER,
        "--spool", str(spool), "--spool-cap-mib", "2048",
    ]  # fmt: skip


def manifest(full: int) -> str:
    """A TelemetryFeed that lets `full` events of a shape out in full."""
    return (
        "apiVersion: fde.io/v1\nkind: TelemetryFeed\nmetadata: {name: app, namespace: customer-bench}\n"
        f"spec: {{deploymentRef: {{name: app}}, signals: [errors, rateLimit], sampling: {{full: {full}}}}}\n"
    )


def rsyslog(program: Path, log: Path, bootstrap: str, topic: str, lines: int, scratch: Path) -> Run:
    """rsyslogd with imfile and omkafka, lz4 and resubmission on; it redacts nothing."""
    scratch.mkdir(parents=True)
    config = scratch / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{scratch}")\nmodule(load="imfile" mode="inotify")\nmodule(load="omkafka")\n'
        'template(name="line" type="string" string="%msg%")\n'
        'main_queue(queue.size="100000" queue.dequeueBatchSize="1024")\n'
        f'input(type="imfile" File="{log}" Tag="bench:" ruleset="out")\n'
        f'ruleset(name="out") {{ action(type="omkafka" broker=["{bootstrap}"] topic="{topic}" template="line" '
        'partitions.auto="on" resubmitOnFailure="on" keepFailedMessages="on" failedMsgFile="failed" '
        'confParam=["compression.codec=lz4", "queue.buffering.max.messages=200000"]) }\n'
    )
    libraries = next(program.parents[2].glob("usr/lib/*/rsyslog"))
    return _until_all_there(
        [str(program), "-n", "-f", str(config), "-i", str(scratch / "pid"), "-M", str(libraries)],
        {"LD_LIBRARY_PATH": str(libraries.parent)},
        bootstrap, topic, lines, scratch,
    )  # fmt: skip


# What the Collector's redaction processor is given: the kinds our standard rules know best, one expression each.
_BLOCKED: Final = (
    r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    r"\b[3-6]\d{3}(?:[ -]?\d){9,12}\b",
    r"\beyJ[\w-]{8,}\.[\w-]{6,}\.[\w-]*",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{8,}",
    r"(?i)(?:password|passwd|pwd|secret|token|api[-_]?key)[\"']?\s*[:=]\s*[\"']?[^\s\"'&;,]{3,}",
    r"://[^\s:/@]*:[^\s@/]+@",
)


def collector(program: Path, log: Path, bootstrap: str, topic: str, lines: int, scratch: Path) -> Run:
    """An OpenTelemetry Collector: filelog, redaction of the body with eight expressions, batches, kafka exporter, raw lines."""
    scratch.mkdir(parents=True)
    config = {
        "receivers": {"filelog": {"include": [str(log)], "start_at": "beginning", "max_log_size": "1MiB"}},
        "processors": {"redaction": {"allow_all_keys": True, "blocked_values": list(_BLOCKED)}, "batch": {}},
        "exporters": {
            "kafka": {
                "brokers": [bootstrap],
                "logs": {"topic": topic, "encoding": "raw"},
                "producer": {"compression": "lz4", "required_acks": -1},
                "sending_queue": {"block_on_overflow": True},
            }
        },
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                "logs": {"receivers": ["filelog"], "processors": ["redaction", "batch"], "exporters": ["kafka"]}
            },
        },
    }
    path = scratch / "collector.json"
    path.write_text(json.dumps(config))
    return _until_all_there([str(program), "--config", str(path)], {}, bootstrap, topic, lines, scratch)


def _until_all_there(
    command: Sequence[str], environment: Mapping[str, str], bootstrap: str, topic: str, lines: int, scratch: Path
) -> Run:
    """Start, wait until the topic holds `lines` records, read the CPU time, stop."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})
    partitions = list(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    said = scratch / "said.log"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, cwd=scratch
        )
    peak, there, deadline = 0.0, 0, time.monotonic() + PATIENCE_S
    try:
        while there < lines:
            time.sleep(0.1)
            peak = max(peak, rss_mib(process.pid))
            spent = cpu_s(process.pid)
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"{Path(command[0]).name} sent {there} of {lines} lines; see {said}.")
            there = sum(
                consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1] for number in partitions
            )
        return Run(spent, peak, there)
    finally:
        consumer.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process, its threads and the children it waited for; 0.0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / _TICKS


def rss_mib(pid: int) -> float:
    """Resident memory of a process; 0.0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


Forward = Callable[[Path, str, str, int, Path], Run]
