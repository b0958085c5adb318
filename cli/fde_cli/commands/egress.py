"""`fde egress`: what left this place, from the log that the sidecar keeps beside its spool."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fde_sidecar.departure import Departure
    from fde_sidecar.history import Damage

app = App(name="egress", help="What left this place: list, show, verify.")

Json = Annotated[bool, Parameter(name="--json", negative="")]


@app.command(name="list")
def list_(directory: Path, /, *, since: str | None = None, as_json: Json = False) -> int:
    """What left and when, oldest first. Exit 1 when nothing did.

    Parameters
    ----------
    directory
        The sidecar's --spool, or one feed's directory in it.
    since
        Only what left after this: a time (2026-01-31T00:00:00Z) or an age (30m, 12h, 7d).
    as_json
        One JSON object a record.
    """
    import msgspec

    after = _moment(since) if since is not None else ""
    seen: set[str] = set()
    shown = 0
    for log, one in _departures(directory):
        again = one.id in seen
        seen.add(one.id)
        if one.left_at < after:
            continue
        shown += 1
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(one.kinds.items())) or "no events"
        if as_json:
            print(msgspec.json.encode(_plain(log, one) | {"again": again}).decode())
        else:
            said = "  again" if again else ""
            print(f"{one.left_at}  {one.destination:32}  {one.id:40}  {one.size:8} bytes  {kinds}{said}")
    if not shown:
        print("fde egress: nothing left" + (f" since {after}" if after else ""), file=sys.stderr)
    return 0 if shown else 1


@app.command
def show(directory: Path, record: str, /, *, as_json: Json = False) -> int:
    """The very events of one record, as they left. Exit 1 when the log does not have it.

    Parameters
    ----------
    directory
        The sidecar's --spool, or one feed's directory in it.
    record
        EPOCH/SEQUENCE, as `fde egress list` shows it.
    as_json
        The record's value, byte for byte; otherwise one event a line.
    """
    import msgspec

    from fde_events.errors import BadInput, Refused

    found = [one for _, one in _departures(directory) if one.id == record]
    if not found:
        raise Refused(f"the log has no record {record}: it never left, or age or the log's cap has taken it out.")
    value = found[0].value()
    if value is None:
        raise BadInput(record, "what the log holds is not what its digest says; `fde egress verify` looks at all of it")
    for one in found:
        print(f"fde egress: left {one.left_at} to {one.destination}, sha256 {one.sha256.hex()}", file=sys.stderr)
    if as_json:
        sys.stdout.buffer.write(value + b"\n")
        return 0
    batch = msgspec.json.decode(value)
    for event in batch["events"]:
        print(msgspec.json.encode(event).decode())
    return 0


@app.command
def verify(directory: Path, /, *, as_json: Json = False) -> int:
    """Compare what the log holds with its digests. Exit 3 when something is damaged, or one id names two contents.

    Parameters
    ----------
    directory
        The sidecar's --spool, or one feed's directory in it.
    as_json
        One JSON object a finding, and one with the counts.
    """
    import msgspec

    from fde_sidecar.departure import kinds_of

    damaged: list[Damage] = []
    wrong: list[tuple[str, str]] = []
    digests: dict[str, bytes] = {}
    records = size = again = 0
    for _, one in _departures(directory, damaged):
        records += 1
        size += one.size
        value = one.value()
        if value is None or len(value) != one.size:
            wrong.append((one.id, "is not what its digest says"))
        elif kinds_of(value) != one.kinds:
            wrong.append((one.id, "holds other events than its line says"))
        if one.id in digests:
            again += 1
            if digests[one.id] != one.sha256:
                wrong.append((one.id, "left twice with two contents"))
        digests.setdefault(one.id, one.sha256)
    found: list[dict[str, Any]] = [
        {"place": f"{one.segment}:{one.offset}", "why": f"{one.bytes} bytes are damaged"} for one in damaged
    ] + [{"place": place, "why": why} for place, why in wrong]
    for line in found:
        print(msgspec.json.encode(line).decode() if as_json else f"{line['place']}: {line['why']}")
    counts = {"records": records, "bytes": size, "again": again, "findings": len(found)}
    if as_json:
        print(msgspec.json.encode(counts).decode())
    else:
        print(
            f"fde egress: {records} records ({again} of them again), {size} bytes: "
            + (f"{len(found)} findings" if found else "all are what their digests say"),
            file=sys.stderr,
        )
    return 3 if found else 0


def _departures(directory: Path, damaged: list[Damage] | None = None) -> Iterator[tuple[Path, Departure]]:
    """Departures with the log they stand in; what is missing or damaged is told on stderr, or collected."""
    from fde_sidecar.departure import Departure
    from fde_sidecar.history import Removed, logs_below, read_log

    for log in logs_below(directory):
        for one in read_log(log):
            if isinstance(one, Departure):
                yield log, one
            elif isinstance(one, Removed):
                print(
                    f"fde egress: {log}: {one.count} earlier records were removed by age or the log's cap",
                    file=sys.stderr,
                )
            elif damaged is not None:
                damaged.append(one)
            else:
                where = f"{log / one.segment}: {one.bytes} bytes from byte {one.offset} on are damaged"
                print(f"fde egress: {where}; `fde egress verify` names all there is", file=sys.stderr)


def _plain(log: Path, one: Departure) -> dict[str, Any]:
    return {
        "leftAt": one.left_at,
        "destination": one.destination,
        "id": one.id,
        "kinds": one.kinds,
        "bytes": one.size,
        "sha256": one.sha256.hex(),
        "log": str(log),
    }


def _moment(text: str) -> str:
    from fde_events.errors import Misuse
    from fde_sidecar.clock import parse_full, rfc3339

    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    if text[:-1].isdecimal() and text[-1:] in units and len(text) < 10:
        return rfc3339(datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * units[text[-1]]))
    found = parse_full(text)
    if found is None:
        raise Misuse(f"--since is a time (2026-01-31T00:00:00Z) or an age (30m, 12h, 7d), not {text!r}")
    return rfc3339(found)
