"""What must hold when all is over: every printed error counted once, every challenge raised once, the ledger agrees.

Four witnesses: the log files (truth), the telemetry topics, the rebuilt state, the ledger as `fde ledger --json` shows it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from application import Application

from fde_events.event import ErrorEvent, EventBatch
from fde_events.record import ReceivedBatch, decode, header_map, is_mark
from fde_events.topics import CHALLENGES, telemetry
from fde_sidecar.parse import parse_lines
from fde_sidecar.pseudonym import key_beside
from fde_sidecar.redact import Redactor
from fde_streams.fold import apply, fold
from fde_streams.group import State
from fde_streams.ingest import sign
from fde_streams.scan import scan
from fde_streams.state import Part

_MARKER = re.compile(r"(?:request|message|charge|job) (\d+)")


def marker_of(event: ErrorEvent) -> int | None:
    """The marker in an event's words; redaction leaves small numbers as they are."""
    for text in (event.exception_message, event.body, event.exception_stacktrace):
        if text and (found := _MARKER.search(text)):
            return int(found[1])
    return None


def offline(applications: list[Application], spool: Path) -> State:
    """The same logs grouped without Kafka, by the same code."""
    state = State()
    for application in applications:
        redactor = Redactor(key_beside(spool, application.customer))
        events = [redactor.event(one.event) for one in parse_lines(application.text().splitlines(keepends=True))]
        for start in range(0, len(events), 100):
            batch = EventBatch(deployment=application.deployment, events=tuple(events[start : start + 100]))
            apply(state, fold(state, sign(ReceivedBatch(application.customer, application.name, start, batch))))
    return state


def evidence(states: list[State]) -> dict[tuple[str, str], tuple[int, str, str]]:
    """(signature, place) -> events, first, last."""
    found: dict[tuple[str, str], tuple[int, str, str]] = {}
    for state in states:
        for digest, known in state.signatures.items():
            for place, share in known.shares.items():
                assert (digest, place) not in found, f"signature {digest} lives on two partitions"
                found[digest, place] = (share.count, share.first, share.last)
    return found


def judge(bootstrap: str, applications: list[Application], parts: dict[int, Part], spool: Path) -> dict[str, Any]:
    """The figures; `wrong` says in sentences what does not hold, and is empty when all does."""
    wrong: list[str] = []
    printed = sum(len(application.printed) for application in applications)
    lost, twice, records = 0, 0, 0
    for application in applications:
        ids: dict[int, set[str]] = defaultdict(set)
        delivered: Counter[str] = Counter()
        strangers = 0
        topic = telemetry(application.customer).name
        for message in scan(bootstrap, topic):
            headers = header_map(message.headers())
            if is_mark(headers):
                continue
            received = decode(topic, headers, message.value())
            if received.batch.deployment != application.deployment:
                continue
            records += 1
            for index, event in enumerate(received.batch.events):
                assert isinstance(event, ErrorEvent)
                marker = marker_of(event)
                if marker is None:
                    strangers += 1
                    continue
                ids[marker].add(received.event_id(index))
                delivered[received.event_id(index)] += 1
        missing = application.printed.keys() - ids.keys()
        doubled = [marker for marker, found in ids.items() if len(found) > 1]
        lost, twice = lost + len(missing), twice + len(doubled)
        if missing:
            wrong.append(f"{application.name}: {len(missing)} errors never reached Kafka: {_some(missing)}")
        if doubled:
            wrong.append(f"{application.name}: {len(doubled)} errors have several ids: {_some(doubled)}")
        if strangers or ids.keys() - application.printed.keys():
            wrong.append(
                f"{application.name}: {strangers} events without marker, {len(ids.keys() - application.printed.keys())} unknown"
            )
    truth, counted = evidence([offline(applications, spool)]), evidence([part.state for part in parts.values()])
    short = sum(max(0, count - counted.get(key, (0, "", ""))[0]) for key, (count, _, _) in truth.items())
    over = sum(max(0, count - truth.get(key, (0, "", ""))[0]) for key, (count, _, _) in counted.items())
    if truth != counted:
        wrong.append(
            f"evidence differs from the offline grouping: {short} too few, {over} too many, {len(truth)} shares against {len(counted)}"
        )
        for key in sorted(truth.keys() | counted.keys()):
            if truth.get(key) != counted.get(key):
                wrong.append(f"  {key}: offline {truth.get(key)}, folded {counted.get(key)}")
    if sum(count for count, _, _ in truth.values()) != printed:
        wrong.append(f"offline grouping sees {sum(c for c, _, _ in truth.values())} of {printed} printed errors")
    raised: dict[str, set[str]] = defaultdict(set)
    for message in scan(bootstrap, CHALLENGES):
        one = json.loads(message.value())
        raised[one["id"]].add(one["raised_at"])
    standing = {
        group.id: group.raised_at for part in parts.values() for group in part.state.groups.values() if group.raised_at
    }
    again = sum(len(times) > 1 for times in raised.values())
    if again or raised != {name: {at} for name, at in standing.items()}:
        wrong.append(f"challenges raised: {again} twice, {len(raised)} published, {len(standing)} in the state")
    ledger = ledger_of(bootstrap)
    for account in ledger:
        if account["verdict"] != "whole" or account["published"] != account["received"]:
            wrong.append(
                f"ledger: {account['deployment']} is {account['verdict']}, {account['published']} published, {account['received']} received, gaps {account['gaps']}, unproven {account['unproven']}"
            )
        mine = [a for a in applications if a.deployment == account["deployment"]]
        if mine and not account["events"] == account["published_events"] == len(mine[0].printed):
            wrong.append(
                f"ledger: {account['deployment']} has {account['events']} events, {account['published_events']} published, of {len(mine[0].printed)} printed"
            )
    if {account["deployment"] for account in ledger} != {application.deployment for application in applications}:
        wrong.append("ledger: its deployments are not those that ran")
    return {
        "printed": printed,
        "lost": lost + short,
        "counted_twice": twice + over,
        "challenges": len(raised),
        "raised_twice": again,
        "records": records,
        "repeated_records": sum(account["duplicates"] for account in ledger),
        "ledger": sorted({account["verdict"] for account in ledger}),
        "epochs": sum(account.get("epochs", 0) for account in ledger),
        "wrong": wrong,
    }


def ledger_of(bootstrap: str) -> list[dict[str, Any]]:
    """`fde ledger --json`."""
    command = [sys.executable, "-m", "fde_cli.main", "ledger", "--brokers", bootstrap, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _some(markers: Any) -> str:
    return ", ".join(str(marker) for marker in sorted(markers)[:12])
