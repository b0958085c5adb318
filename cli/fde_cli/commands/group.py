"""`fde group`: signatures and groups of events in a file or in logs, offline."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from fde_streams.offline import Entry


def group(
    events: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    logs: Path | None = None,
    form: Annotated[Literal["auto", "fde", "sentry", "otel"], Parameter(name="--format")] = "auto",
    explain: Annotated[tuple[int, int] | None, Parameter(negative=())] = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Sign and group events by the same code as the workers.

    Records that cannot be used are named with their line and counted; the rest goes on, and the exit code is 3.

    Parameters
    ----------
    events
        JSON lines, one event a line, OpenTelemetry field names; or what `--format` names. `-` is standard input.
    output
        Where the assignments go, one JSON line an event: {"index", "cluster", "signature", "kind", ...}; standard output if not given.
    logs
        Instead of events: a directory with a folder a deployment, whose *.log are read as the sidecar reads them.
        Each assignment then names its deployment and lines; indices count the errors over all logs, in name order.
    form
        fde: our flat events. sentry: Sentry's event export or API (array, lines or one event). otel: OTLP/JSON logs.
        auto: by the first object.
    explain
        Two indices: say why these events are together or apart, instead of writing assignments.
    json
        The explanation as JSON.
    """
    from fde_cli.intake import Intake
    from fde_events.errors import Misuse

    if (events is None) == (logs is None):
        raise Misuse("give EVENTS.jsonl or --logs DIR, one of the two")
    if logs is not None and form != "auto":
        raise Misuse("--format tells how EVENTS are written; logs are read as they are")
    if explain is not None and min(explain) < 0:
        raise Misuse("--explain takes the indices of two events, as they stand in the assignments")
    intake = Intake()
    entries = intake.of_file(events, form) if events is not None else intake.of_logs(logs or Path())
    if explain is not None:
        return _explain(entries, *explain, json=json)
    groups = _assign(entries, output)
    print(f"fde group: {intake.events} events, {groups} groups{intake.summary()}", file=sys.stderr)
    return 3 if intake.broken else 0 if intake.events else 1


def _assign(entries: Iterable[Entry], output: Path | None) -> int:
    """Write the assignments, one at a time; how many groups there were."""
    import msgspec

    from fde_cli.output import replaced
    from fde_streams.offline import assignments

    encode = msgspec.json.Encoder().encode
    seen: set[str] = set()
    with replaced(output) as written:
        for assignment in assignments(entries):
            written.write(encode(assignment) + b"\n")
            seen.add(assignment.cluster)
    return len(seen)


def _explain(entries: Iterable[Entry], first: int, second: int, *, json: bool) -> int:
    import msgspec

    from fde_events.errors import Refused
    from fde_streams.explanation import Side, explanation_of, lines_of, side_of
    from fde_streams.offline import Grouping

    grouping, sides = Grouping(), dict[int, Side]()
    last = max(first, second)
    for entry in entries:
        if entry.index > last:
            break
        if entry.index in (first, second):
            sides[entry.index] = side_of(entry, grouping)
        else:
            grouping.assign(entry)
    for index in (first, second):
        if index not in sides:
            raise Refused(f"there is no event {index} in the input; assignments name the indices there are")
    found = explanation_of(sides[first], sides[second])
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        print("\n".join(lines_of(found)))
    return 0
