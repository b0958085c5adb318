"""`fde bench transport`: the table of the transport, each figure beside its peer's and the bar it must reach.

Every figure of throughput is per CPU second of whole processes, start included, until Kafka has acknowledged the last line.
It needs the local Kafka of ``deploy/local`` and, for the ratios, the peers (:mod:`fde_cli.bench.peers`); a row whose tools are
not here is printed with the reason instead of a figure.
"""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from fde_cli.bench import latency, peers, peers_secrets, start
from fde_cli.bench.transport_lines import RECORD_BYTES, Layout, Workload, write
from fde_events.errors import FdeError
from fde_events.topics import telemetry

Tell = Callable[[str], None]
RECORDS: Final = 100_000  # of 1 KiB a workload
EVERYTHING: Final = 1_000_000_000
IDLE_S: Final = 60.0
_LATENCY_S: Final = 30.0
_WORKLOADS: Final[tuple[tuple[str, Workload, int], ...]] = (
    ("a service's log, 5 % errors", "service", 100),
    ("a storm of errors, counted", "storm", 100),
    ("errors that all leave in full", "full", EVERYTHING),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `ours` or `peer` None: not measured, `note` says why. `ratio` is ours / peer's; `bar` what must be reached."""

    what: str
    unit: str
    ours: float | None = None
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    bar: str = ""
    note: str = ""


def run(tell: Tell, records: int = RECORDS, idle_s: float = IDLE_S) -> Iterator[Row]:
    """Measure what can be measured here, in the table's order; each row as soon as it is known."""
    try:
        kafka = _local_kafka()
        with tempfile.TemporaryDirectory(prefix="fde-bench-") as directory:
            with kafka.KafkaBroker.start(Path(directory) / "kafka") as broker:
                yield from _forwarding(broker, Path(directory), records, tell)
                yield from _footprint(broker, Path(directory), records, idle_s, tell)
    except ImportError:
        yield (Row(what="lines to acknowledged", unit="KiB lines/CPU-s", bar=">= 20,000",
                        note="no local Kafka: run it in a checkout, after `make test` has brought one"))  # fmt: skip
    except FdeError as error:
        yield (Row(what="lines to acknowledged", unit="KiB lines/CPU-s", bar=">= 20,000", note=str(error)))
    yield from _redaction(tell)
    yield from _of_others(tell)
    yield from _latency(tell)
    tell("fde up to the first event grouped")
    yield Row(what="fde up to the first group", unit="s", ours=_short(start.run()), bar="< 5")


def _local_kafka() -> Any:
    """The Kafka of the tests, which lies beside the packages in a checkout. ImportError elsewhere."""
    beside = Path(__file__).resolve().parents[3] / "deploy" / "local"
    if beside.is_dir() and str(beside) not in sys.path:
        sys.path.append(str(beside))
    return importlib.import_module("fde_local.kafka")


def _latency(tell: Tell) -> Iterator[Row]:
    """On a broker of its own: what was measured before it would be in the topics."""
    what, unit, bar = "printed to evidence, p99, 1k/s", "s", "< 2"
    try:
        with tempfile.TemporaryDirectory(prefix="fde-bench-") as directory:
            with _local_kafka().KafkaBroker.start(Path(directory) / "kafka") as broker:
                for found in latency.measure(broker.bootstrap_servers, 1000, _LATENCY_S, tell):
                    yield Row(what=f"{what}, {found.where}", unit=unit, ours=_short(found.p99), bar=bar)
    except (ImportError, FdeError, TimeoutError) as error:
        yield Row(what=what, unit=unit, bar=bar, note=str(error))


def _forwarding(broker: Any, directory: Path, records: int, tell: Tell) -> Iterator[Row]:
    found = peers.available()
    broker.create_topic(telemetry(peers.CUSTOMER).name, 1)
    layouts: tuple[Layout, ...] = ("text", "json")
    one = directory / "one.log"
    write(one, "full", "text", 1)
    tell("a sidecar's start")
    start_s = peers.ours(one, broker.bootstrap_servers, directory / "one", full=EVERYTHING).cpu_s
    yield Row(what="a sidecar's start and end", unit="CPU-s", ours=_short(start_s))
    for layout in layouts:
        log = directory / f"{layout}.log"
        write(log, "full", layout, records)
        lines = log.read_bytes().count(b"\n")
        rates = dict(_peers(found, broker, log, layout, lines, records, tell))
        for what, workload, full in _WORKLOADS:
            write(log, workload, layout, records)
            tell(f"{what}, {layout}")
            unit, bar = "KiB lines/CPU-s", ">= 20,000"
            try:
                ours = peers.ours(log, broker.bootstrap_servers, directory / f"{workload}-{layout}", full=full)
            except FdeError as error:
                yield Row(what=f"{what}, {layout}", unit=unit, bar=bar, note=str(error))
                continue
            for name, rate in rates.items():
                yield _row(f"{what}, {layout}", unit, records / ours.cpu_s, rate, name, bar)
            running = records / max(ours.cpu_s - start_s, 0.01)
            yield Row(what=f"{what}, {layout}, running", unit=unit, ours=_short(running), bar=bar)
        log.unlink()


def _peers(
    found: dict[str, Path], broker: Any, log: Path, layout: str, lines: int, records: int, tell: Tell
) -> Iterator[tuple[str, float | None]]:
    forwards: tuple[tuple[str, str, peers.Forward], ...] = (
        ("rsyslog", "rsyslog + omkafka, no redaction", lambda *given: peers.rsyslog(found["rsyslog"], *given)),
        (
            "collector",
            "OpenTelemetry Collector + redaction",
            lambda *given: peers.collector(found["collector"], *given),
        ),
    )
    for name, label, forward in forwards:
        if name not in found:
            yield f"{label} (not here)", None
            continue
        tell(f"{label}, {layout}")
        topic = f"peer-{name}-{layout}"
        broker.create_topic(topic, 1)
        spent = forward(log, broker.bootstrap_servers, topic, lines, log.parent / topic)
        yield label, records * RECORD_BYTES / 1024 / spent.cpu_s


def _footprint(broker: Any, directory: Path, records: int, idle_s: float, tell: Tell) -> Iterator[Row]:
    """One sidecar: the memory it holds at most while it reads, and the CPU it takes with nothing to read."""
    log, scratch = directory / "footprint.log", directory / "footprint"
    write(log, "service", "text", records)
    scratch.mkdir()
    (scratch / "feed.yaml").write_text(peers.manifest(100))
    command = peers.sidecar_command(scratch / "feed.yaml", log, scratch / "spool")
    tell(f"footprint, idle for {idle_s:.0f} s")
    with _running([*command, "--brokers", broker.bootstrap_servers]) as pid:
        peak, last, moment = 0.0, -1.0, time.monotonic()
        while (
            time.monotonic() - moment < peers.PATIENCE_S
        ):  # until it takes less than a tenth of a core for two seconds
            time.sleep(2)
            peak, spent = max(peak, peers.rss_mib(pid)), peers.cpu_s(pid)
            if last >= 0 and spent - last < 0.2:
                break
            last = spent
        before = peers.cpu_s(pid)
        time.sleep(idle_s)
        share = 100 * (peers.cpu_s(pid) - before) / idle_s
        peak = max(peak, peers.rss_mib(pid))
    yield Row(what="memory under load", unit="MiB RSS", ours=_short(peak), bar="<= 96")
    yield Row(what="CPU when idle", unit="% of a core", ours=_short(share), bar="< 1")


@contextmanager
def _running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _redaction(tell: Tell) -> Iterator[Row]:
    tell("redaction of planted secrets")
    lines, root = peers_secrets.lines(3000), peers.root()
    mine = peers_secrets.ours(lines)
    for name, other in (
        ("detect-secrets", peers_secrets.detect_secrets(lines, root)),
        ("rules of gitleaks", peers_secrets.gitleaks(lines, root)),
    ):
        note = "" if other else "not here"
        yield _row(
            "redaction, recall of planted",
            "share",
            mine.recall,
            other.recall if other else None,
            name,
            ">= 0.995",
            note,
        )
        yield Row(what="redaction, false alarms", unit="per 1 000 clean lines", ours=_short(mine.alarms),
                  peer=_short(other.alarms) if other else None, peer_name=name, bar="<= 1", note=note)  # fmt: skip


def _of_others(tell: Tell) -> Iterator[Row]:
    """Rows whose measuring stands in modules of their own."""
    from fde_cli.bench import drift, fold

    for one in fold.run(2000, tell):
        what = f"fold, {one.kinds} signatures a record"
        yield Row(what=what, unit="events/CPU-s", ours=_short(one.per_cpu_s), bar=">= 150,000")
    figures = drift.run(tell)
    for what, figure, bar in (
        ("drift, precision", figures.plain.precision, ">= 0.95"),
        ("drift, recall", figures.plain.recall, ">= 0.95"),
        ("drift, right kind", figures.plain.right_kind, ">= 0.90"),
    ):
        yield Row(what=what, unit="share", ours=_short(figure), bar=bar)
    yield Row(what="drift, known shapes", unit="records/CPU-s", ours=_short(figures.known_per_cpu_s), bar=">= 80,000")


def _row(what: str, unit: str, ours: float, peer: float | None, peer_name: str, bar: str, note: str = "") -> Row:
    ratio = ours / peer if peer else None
    return Row(what=what, unit=unit, ours=_short(ours), peer=None if peer is None else _short(peer), peer_name=peer_name,
               ratio=None if ratio is None else _short(ratio), bar=bar, note=note)  # fmt: skip


def _short(number: float) -> float:
    """Four digits."""
    return float(f"{number:.4g}")


def table(rows: list[Row]) -> list[str]:
    """Lines for people."""
    lines = [f"{'':38} {'fde':>9} {'bar':>10} {'peer':>9} {'ratio':>7}  unit"]
    for row in rows:
        ours, peer = _shown(row.ours), _shown(row.peer)
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}x"
        by = f"; peer: {row.peer_name}" if row.peer_name else ""
        note = f" ({row.note})" if row.note else ""
        lines.append(f"{row.what:38} {ours:>9} {row.bar:>10} {peer:>9} {ratio:>7}  {row.unit}{by}{note}")
    return lines


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:,.4g}" if figure < 100 else f"{figure:,.0f}"
