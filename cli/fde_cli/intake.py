"""Intake: what `fde group` reads, and what it has to say of it: records that were broken, passed over or cut."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from fde_streams.imported import Format
    from fde_streams.offline import Entry

_NAMED: Final = 20  # broken records that get a line of their own
_EVERY_S: Final = 5.0
_NO_DATE: Final = "1970-01-01T00:00:00Z"


@dataclass(slots=True)
class Intake:
    """Reads one input and counts. Talk goes to stderr, as it happens."""

    read: int = 0
    events: int = 0
    broken: int = 0
    passed: int = 0
    replaced: int = 0
    cut: int = 0
    _told: float = 0.0

    def of_file(self, path: Path, form: Format) -> Iterator[Entry]:
        """The events of a file, or of standard input for ``-``. :class:`BadInput` when it cannot be opened."""
        from fde_events.errors import BadInput

        if str(path) == "-":
            yield from self._imported(sys.stdin.buffer, "stdin", form)
            return
        try:
            with path.open("rb") as stream:
                yield from self._imported(stream, str(path), form)
        except OSError as error:
            raise BadInput(str(path), f"cannot be read: {error.strerror}") from error

    def of_logs(self, directory: Path) -> Iterator[Entry]:
        """The errors in the logs of a directory: a folder a deployment, or the directory as the only one."""
        from fde_events.errors import BadInput
        from fde_sidecar.frame import Framer
        from fde_sidecar.parse import parse_stream
        from fde_streams.offline import Entry

        paths = sorted(directory.glob("*/*.log")) or sorted(directory.glob("*.log"))
        if not paths:
            raise BadInput(str(directory), "holds no */*.log: one folder a deployment, its logs in it")
        for path in paths:
            framer = Framer()
            try:
                with path.open("rb") as stream:
                    for found in parse_stream(stream, framer=framer, default_time=_NO_DATE, log_file=path.name):
                        yield Entry(self.events, found.event, path.parent.name, found.line_start, found.line_end)
                        self.events += 1
            except OSError as error:
                self._complain(f"{path}: cannot be read: {error.strerror}. The other logs are read")
            self.read += framer.lines
            self.replaced += framer.undecodable
            self.cut += framer.cut
            self._progress()

    def _imported(self, stream: BinaryIO, where: str, form: Format) -> Iterator[Entry]:
        from fde_streams.imported import imported
        from fde_streams.offline import Entry

        for record in imported(stream, form):
            self.read += 1
            if record.event is not None:
                yield Entry(record.index, record.event, record.deployment, record.line, 0)
                self.events += 1
            elif record.why:
                self._complain(f"{where}:{record.line}: {record.why}")
            else:
                self.passed += 1
            if not self.read & 1023:
                self._progress()

    def _complain(self, sentence: str) -> None:
        self.broken += 1
        if self.broken <= _NAMED:
            print(f"fde group: {sentence}", file=sys.stderr)
        elif self.broken == _NAMED + 1:
            print("fde group: further ones are counted only", file=sys.stderr)

    def _progress(self) -> None:
        now = time.monotonic()
        if self._told == 0.0:
            self._told = now
        elif now - self._told >= _EVERY_S:
            self._told = now
            print(f"fde group: {self.read} read, {self.events} events so far", file=sys.stderr)

    def summary(self) -> str:
        """What was left out, for the last line; empty when nothing was."""
        told = (
            (self.broken, "unusable and left out"),
            (self.passed, "records that tell of no error"),
            (self.replaced, "bytes that are no text replaced"),
            (self.cut, "bytes of endless records left out"),
        )
        return "".join(f", {count} {what}" for count, what in told if count)
