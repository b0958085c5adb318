"""Run a program; copy its output to our own and to a log file that the sidecar reads. Standard library only.

    python -m fde_sidecar.tee --log FILE [--max-bytes N] [--keep N] [--environment DIR] -- COMMAND [ARGUMENTS...]

It also runs as a plain script: the operator mounts this one file into pods whose image knows nothing of us. The program's
exit code is ours (128 + n when signal n ended it), signals are passed on, and a log that cannot be written (disk full, no
permission, a directory missing) never disturbs the program: its output goes on, and the log is tried again later.

`--environment DIR`: each file there is a variable of the program's, the content its value: secrets that came into memory and
stand in no manifest. A folder that cannot be read is an error, for the program would run without what it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

CHUNK = 64 * 1024
MAX_BYTES = 16 * 1024 * 1024
KEEP = 2
RETRY_S = 5.0
FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT")


class Log:
    """The log file: appended to, rotated by rename at `max_bytes`, given up for `RETRY_S` when it cannot be written."""

    def __init__(self, path: str, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        self.path, self.max_bytes, self.keep = path, max_bytes, keep
        self.lost_bytes = 0
        self._descriptor = -1
        self._size = 0
        self._not_before = 0.0
        self._at_line_start = True
        self._told = False

    def write(self, data: bytes) -> None:
        """Append; what cannot be written is counted and left out. Never raises, never waits."""
        if self._descriptor < 0 and not self._open():
            self.lost_bytes += len(data)
            return
        try:
            if self._size + len(data) > self.max_bytes and self._size > 0 and self._at_line_start:
                self._rotate()
            view = memoryview(data)
            while view:
                written = os.write(self._descriptor, view)
                self._size += written
                view = view[written:]
            self._at_line_start = data.endswith(b"\n")
        except OSError as error:
            self.lost_bytes += len(data)
            self._give_up(error)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        try:
            folder = os.path.dirname(self.path)  # noqa: PTH120  this file stays small and free of imports
            if folder:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._descriptor = os.open(self.path, flags, 0o644)
            self._size = os.fstat(self._descriptor).st_size
        except OSError as error:
            self._give_up(error)
            return False
        if self.lost_bytes:
            note = f"[fde tee: {self.lost_bytes} bytes of output were not written to this log]\n"
            with contextlib.suppress(OSError):
                os.write(self._descriptor, note.encode())
            self.lost_bytes = 0
        return True

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._not_before = time.monotonic() + RETRY_S
        if not self._told:  # once: the program's own output is what stderr is for
            self._told = True
            why = f"{self.path} cannot be written ({error.strerror or error})"
            text = f"fde tee: {why}; the program runs on, its output is not logged until it can be\n"
            _pass_on(2, text.encode(errors="replace"))

    def _rotate(self) -> None:
        self.close()
        for number in range(self.keep, 0, -1):
            older = f"{self.path}.{number}"
            newer = f"{self.path}.{number - 1}" if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)  # noqa: PTH105
        self._not_before = 0.0
        if not self._open():
            raise OSError("the log cannot be opened again")


class Forwarder:
    """Passes signals on to the program. Those that come before it runs are kept until it does."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}
        for name in FORWARDED:
            number = getattr(signal, name, None)
            if number is not None:
                with contextlib.suppress(ValueError, OSError):  # not the main thread: the caller keeps its signals
                    self._before[number] = signal.signal(number, self._forward)

    def started(self, child: subprocess.Popen[bytes]) -> None:
        """The program runs: give it what came early."""
        self._child = child
        for number in self._early:
            self._forward(number, None)

    def restore(self) -> None:
        """Put the caller's handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        elif self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)


def variables(folder: str) -> dict[bytes, bytes]:
    """The files in `folder`, by name. Kubernetes' own (names with ``..``) are left out. Raises OSError."""
    found = {}
    with os.scandir(os.fsencode(folder)) as entries:
        for entry in entries:
            if not entry.name.startswith(b"..") and entry.is_file():
                with open(entry.path, "rb") as file:  # noqa: PTH123
                    found[entry.name] = file.read()
    return found


def run(command: list[str], log: Log, more: dict[bytes, bytes] | None = None) -> int:
    """Run `command` under the wrapper; returns its exit code, 127 or 126 when it cannot be started.

    `more`: variables beside those of this process.
    """
    forwarder = Forwarder()
    try:
        environment = {**os.environb, **more} if more else None
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        forwarder.started(child)
        _copy(child, log)
        code = child.wait()
    except FileNotFoundError:
        print(f"fde tee: {command[0]}: not found", file=sys.stderr)
        return 127
    except PermissionError:
        print(f"fde tee: {command[0]}: may not be executed", file=sys.stderr)
        return 126
    finally:
        forwarder.restore()
        log.close()
    return 128 - code if code < 0 else code


def _copy(child: subprocess.Popen[bytes], log: Log) -> None:
    """Until both streams end. A grandchild that keeps a stream open after the program's end is not waited for."""
    assert child.stdout is not None and child.stderr is not None
    selector = selectors.DefaultSelector()
    for stream, target in ((child.stdout, 1), (child.stderr, 2)):
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, selectors.EVENT_READ, target)
    partial = {1: b"", 2: b""}
    ended: float | None = None
    while selector.get_map():
        ready = selector.select(timeout=0.2)
        for key, _ in ready:
            target = int(key.data)
            try:
                data = os.read(key.fd, CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                selector.unregister(key.fileobj)
                continue
            _pass_on(target, data)
            # Whole lines only, so that the two streams do not cut into each other's lines in the log.
            whole, newline, rest = (partial[target] + data).rpartition(b"\n")
            if newline:
                log.write(whole + newline)
            if len(rest) > CHUNK:
                log.write(rest)
                rest = b""
            partial[target] = rest
        if child.poll() is not None:
            if not ready and ended is not None and time.monotonic() - ended > 1.0:
                break
            ended = ended if ended is not None and not ready else time.monotonic()
    for rest in partial.values():
        if rest:
            log.write(rest + b"\n")


def _pass_on(target: int, data: bytes) -> None:
    """To our own output; when nobody reads it any more, the program still runs on."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is a whole number of at least 1")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Entry point; wrong use is 2."""
    parser = argparse.ArgumentParser(prog="fde tee", description="Run a program and copy its output to a log file.")
    parser.add_argument("--log", required=True, help="the log file; appended to")
    parser.add_argument(
        "--max-bytes", type=_positive, default=MAX_BYTES, help="rotate beyond this size (default 16 MiB)"
    )
    parser.add_argument("--keep", type=_positive, default=KEEP, help="rotated files kept (default 2)")
    parser.add_argument("--environment", help="a folder: each file is a variable of the program's")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ARGUMENTS...")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("name the program to run after --")
    more = None
    if options.environment:
        try:
            more = variables(options.environment)
        except OSError as error:
            print(f"fde tee: {options.environment}: {error.strerror or error}", file=sys.stderr)
            return 126
    return run(command, Log(options.log, options.max_bytes, options.keep), more)


if __name__ == "__main__":
    sys.exit(main())
