"""`fde group`: signatures and groups of events in a file or in logs, offline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from fde_events.event import Event


def group(
    events: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    logs: Path | None = None,
) -> int:
    """Sign and group events by the same code as the workers.

    Parameters
    ----------
    events
        JSON lines, one event a line, OpenTelemetry field names. `-` is standard input.
    output
        Where the assignments go, one JSON line an event: {"index", "cluster", "signature", ...}; standard output if not given.
    logs
        Instead of events: a directory whose */app.log are read as the sidecar reads them; indices count over all, in name order.
    """
    import msgspec

    from fde_cli.output import write
    from fde_events.errors import Misuse
    from fde_streams.offline import assignments

    if (events is None) == (logs is None):
        raise Misuse("give EVENTS.jsonl or --logs DIR, one of the two")
    found = _of_file(events) if events is not None else _of_logs(logs or Path())
    encode = msgspec.json.Encoder().encode
    lines = []
    seen: dict[str, int] = {}
    for assignment in assignments(found):
        lines.append(encode(assignment))
        seen[assignment.cluster] = seen.get(assignment.cluster, 0) + 1
    text = b"".join(line + b"\n" for line in lines)
    if output is None:
        sys.stdout.buffer.write(text)
    else:
        write(output, text)
    print(f"fde group: {len(lines)} events, {len(seen)} groups", file=sys.stderr)
    return 0 if lines else 1


def _of_file(path: Path) -> Iterator[Event]:
    from fde_events.errors import BadInput
    from fde_streams.offline import events_of_jsonl

    if str(path) == "-":
        yield from events_of_jsonl(sys.stdin.buffer, "stdin")
        return
    try:
        with path.open("rb") as lines:
            yield from events_of_jsonl(lines, str(path))
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from error


def _of_logs(directory: Path) -> Iterator[Event]:
    from fde_events.errors import BadInput
    from fde_sidecar.parse import parse_lines

    paths = sorted(directory.glob("*/app.log"))
    if not paths:
        raise BadInput(str(directory), "holds no */app.log")
    for path in paths:
        try:
            with path.open("rb") as lines:
                for parsed in parse_lines(lines, default_time="1970-01-01T00:00:00Z", log_file=path.name):
                    yield parsed.event
        except OSError as error:
            raise BadInput(str(path), f"cannot be read: {error.strerror}") from error
