"""The workers under fault: `python tests/soak/soak.py --cycles 100`. Needs deploy/local on the path and its Kafka prepared.

Applications print -> real sidecars -> real Kafka -> ingest and fold as processes; a fault a cycle; then four witnesses are
asked (see `verdict`). Progress to stderr, the figures to stdout as JSON, exit 1 if anything was lost, doubled or unproven.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from application import Application, Load
from monitor import Monitor
from plant import Plant
from verdict import judge

from fde_events.kafka import create_topics
from fde_events.topics import ENGINE, STATE, telemetry
from fde_local.kafka import KafkaBroker

LIMIT_S = 150.0


class Soak:
    """One run. A fault is a method that returns when what it broke runs again (recovery is waited for by `run`)."""

    def __init__(self, directory: Path, *, seed: int, rate: float, fold: tuple[str, ...]) -> None:
        self.rng = random.Random(seed)
        self.directory = directory
        self.broker = KafkaBroker.start(directory / "kafka")
        bootstrap = self.broker.bootstrap_servers
        self.applications = []
        for number, (name, customer) in enumerate(
            (("sync", "ab"), ("orders", "cd"), ("ledger", "ef"), ("sync-eu", "ab"))
        ):
            folder = directory / f"logs-{name}"
            folder.mkdir()
            (folder / "app.log").touch()
            pattern = str(folder / ("app.log" if number % 2 else "app.log*"))
            self.applications.append(Application(name, customer, folder, pattern))
        create_topics(
            bootstrap, [*ENGINE, *(telemetry(one) for one in sorted({a.customer for a in self.applications}))]
        )
        self.partitions = next(topic.partitions for topic in ENGINE if topic.name == STATE)
        self.plant = Plant(bootstrap, directory, fold)
        self.monitor = Monitor(bootstrap, self.partitions)
        self.load = Load(self.applications, rate)
        self.faults: list[Callable[[], str]] = [
            self.fold_killed, self.ingest_killed, self.sidecar_killed, self.fold_frozen, self.broker_restarted,
            self.rebalanced, self.renamed_while_down, self.copied_while_down, self.ingest_frozen, self.broker_killed,
            self.sidecar_frozen, self.all_folds_killed,
        ]  # fmt: skip

    def start(self) -> None:
        for application in self.applications:
            self.plant.sidecar(application)
        for number in (1, 2):
            self.plant.ingest(number)
            self.plant.fold(number)
        self.load.start()
        time.sleep(0.5)
        say(f"started; first events counted after {self.recovered():.1f} s")

    def recovered(self) -> float:
        """Wait until everything printed up to now is counted; seconds. TimeoutError when it does not come to that."""
        target, started = self.load.printed, time.monotonic()
        while self.monitor.events < target:
            if time.monotonic() - started > LIMIT_S:
                raise TimeoutError(f"{self.monitor.events} of {target} counted after {LIMIT_S:g} s")
            time.sleep(0.05)
        return time.monotonic() - started

    # ------------------------------------------------------------ faults
    def fold_killed(self) -> str:
        return self._kill(self.rng.choice(self.plant.names("fold")), self.rng.uniform(0.5, 3))

    def all_folds_killed(self) -> str:
        names = self.plant.names("fold")
        for name in names:
            self.plant.kill(name)
        time.sleep(1)
        for name in names:
            self.plant.again(name)
        return f"{len(names)} fold workers killed at once"

    def ingest_killed(self) -> str:
        return self._kill(self.rng.choice(self.plant.names("ingest")), self.rng.uniform(0.5, 3))

    def sidecar_killed(self) -> str:
        return self._kill(self.rng.choice(self.plant.names("sidecar")), self.rng.uniform(0, 3))

    def _kill(self, name: str, pause: float) -> str:
        self.plant.kill(name)
        time.sleep(pause)
        self.plant.again(name)
        return f"{name} killed, down {pause:.1f} s"

    def fold_frozen(self) -> str:
        return self._freeze(self.rng.choice(self.plant.names("fold")), 11)

    def ingest_frozen(self) -> str:
        return self._freeze(self.rng.choice(self.plant.names("ingest")), 11)

    def sidecar_frozen(self) -> str:
        return self._freeze(self.rng.choice(self.plant.names("sidecar")), 3)

    def _freeze(self, name: str, seconds: float) -> str:
        self.plant.freeze(name)
        time.sleep(seconds)
        self.plant.thaw(name)
        return f"{name} stopped for {seconds:g} s"

    def broker_restarted(self) -> str:
        self.broker.restart()
        return "broker restarted"

    def broker_killed(self) -> str:
        self.broker.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.broker.restart()
        return "broker killed and started"

    def rebalanced(self) -> str:
        for kind, start in (("fold", self.plant.fold), ("ingest", self.plant.ingest)):
            self.plant.quit(f"{kind}-2")
            time.sleep(1.5)
            start(2)
            start(3)
            time.sleep(2.5)
            self.plant.quit(f"{kind}-3")
        return "workers 2-1-3-2, fold and ingest"

    def renamed_while_down(self) -> str:
        return self._rotate("rename")

    def copied_while_down(self) -> str:
        return self._rotate("copytruncate")

    def _rotate(self, how: str) -> str:
        application = self.rng.choice(self.applications)
        name = f"sidecar-{application.name}"
        self.plant.kill(name)
        time.sleep(self.rng.uniform(0.2, 1.0))
        application.rotate(how)
        time.sleep(self.rng.uniform(0.2, 1.0))
        self.plant.again(name)
        return f"{how} of {application.name} while its sidecar was down"

    # ------------------------------------------------------------ the run
    def run(self, cycles: int) -> dict[str, object]:
        self.start()
        rows: dict[str, list[float]] = {}
        bag: list[Callable[[], str]] = []
        hung: list[str] = []
        for cycle in range(cycles):
            if not bag:
                bag = self.rng.sample(self.faults, len(self.faults))
            fault = bag.pop()
            time.sleep(self.rng.uniform(0.3, 1.5))
            moment = time.monotonic()
            told = fault()
            try:
                seconds = self.recovered()
            except TimeoutError as error:
                hung.append(f"cycle {cycle}, {told}: {error}")
                seconds = LIMIT_S
            rows.setdefault(fault.__name__, []).append(seconds)
            say(
                f"cycle {cycle + 1}/{cycles}: {told}; caught up {seconds:.1f} s after, cycle {time.monotonic() - moment:.1f} s; {self.monitor.events} counted"
            )
            if len(hung) > 2:
                break
        self.load.stop()
        try:
            self.recovered()
        except TimeoutError as error:
            hung.append(f"at the end: {error}")
        for name in self.plant.names("sidecar"):
            if self.plant.quit(name) != 0:
                hung.append(f"{name} did not stop by itself")
        self._settled()
        figures: dict[str, object] = {"cycles": sum(map(len, rows.values())), "hung": hung}
        figures |= judge(self.broker.bootstrap_servers, self.applications, self.monitor.parts, self.directory / "spool")
        figures["wrong"] = hung + figures["wrong"]  # type: ignore[operator]
        figures["ended_by_themselves"] = [f"{name}: {code}" for name, code in self.plant.ended]
        figures["state_records_ignored"] = sum(part.ignored for part in self.monitor.parts.values())
        figures["snapshots"] = self.monitor.snapshots
        figures["stops"] = {
            name: self.plant.quit(name) for kind in ("ingest", "fold") for name in self.plant.names(kind)
        }
        self.table(rows)
        return figures

    def _settled(self) -> None:
        """Ingest has written the closing marks, the fold has published: both look each few hundred milliseconds."""
        from verdict import ledger_of

        until = time.monotonic() + 30
        while time.monotonic() < until:
            time.sleep(1)
            if all(account["verdict"] == "whole" for account in ledger_of(self.broker.bootstrap_servers)):
                break
        time.sleep(2)

    def table(self, rows: dict[str, list[float]]) -> None:
        say(f"{'fault':24} {'times':>6} {'caught up after, median':>24} {'max':>7} s")
        for name, seconds in sorted(rows.items()):
            say(f"{name:24} {len(seconds):6} {statistics.median(seconds):24.1f} {max(seconds):7.1f}")

    def close(self) -> None:
        self.load.stop()
        self.plant.close()
        self.monitor.close()
        self.broker.stop()


def say(text: str) -> None:
    print(f"soak: {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--rate", type=float, default=100.0, help="errors printed a second")
    parser.add_argument("--directory", type=Path, help="kept when given")
    parser.add_argument("--fold", default="", help="more options of `fde worker fold`")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="fde-soak-") as scratch:
        directory = chosen.directory or Path(scratch)
        directory.mkdir(parents=True, exist_ok=True)
        soak = Soak(directory, seed=chosen.seed, rate=chosen.rate, fold=tuple(chosen.fold.split()))
        started = time.monotonic()
        try:
            figures = soak.run(chosen.cycles)
        finally:
            soak.close()
    figures["seconds"] = round(time.monotonic() - started)
    for sentence in figures["wrong"]:  # type: ignore[attr-defined]
        say(f"WRONG: {sentence}")
    print(json.dumps(figures))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
