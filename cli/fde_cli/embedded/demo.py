"""The demo: the loop over the shipped fleet, from the first log line to the candidates that wait for a person."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Final

import msgspec

from fde_cli import log
from fde_cli.embedded.findings import Findings, as_record, lines
from fde_cli.embedded.fleet import members
from fde_cli.embedded.handin import folders, hand_in
from fde_cli.embedded.home import Home
from fde_cli.embedded.loop import Loop, tell
from fde_cli.embedded.page import ServedPage
from fde_cli.embedded.stopping import stoppable
from fde_events.errors import Misuse
from fde_registry.viewer import DirectorySettings, write_settings
from fde_review.serve import listen

_IDLE_S: Final = 1.0
_LIMIT_S: Final = 120.0
REVIEWER: Final = "reviewer@company.example"


def run(sample: Path, directory: Path, *, port: int, page: bool, browser: bool, as_json: bool) -> int:
    """Returns the exit code: 0, or 1 when something was lost or nothing was found."""
    bound = listen(port) if page else None  # before anything starts: a port that is taken is told at once
    with nullcontext() if bound is None else closing(bound):
        return _run(sample, directory, bound, browser=browser, as_json=as_json)


def _run(sample: Path, directory: Path, bound: socket.socket | None, *, browser: bool, as_json: bool) -> int:
    home = _fresh(directory)
    # The terminal shows findings; this process's own events go beside those of the workers.
    log.as_json((home.logs / "sidecars.log").open("a", encoding="utf-8", buffering=1))
    write_settings(home.library, DirectorySettings(identity=REVIEWER, customers=("*",)))
    began = time.monotonic()
    fleet = members(sample / "fleet")
    handed = folders(sample / "solutions")
    tell(f"fde demo: {len(fleet)} deployments, at home in {home.directory}")
    tell("  broker: embedded (librdkafka's mock cluster: keeps nothing on disk, for trying only)")
    with stoppable(), Loop(home, fleet) as loop:
        loop.start(until_idle=_IDLE_S)
        sent = hand_in(loop.brokers, handed)
        loop.until("sidecars read, redacted, published and closed", lambda: loop.sidecars_left(0.3), limit_s=_LIMIT_S)
        loop.until("ingest received and signed", loop.received_all, limit_s=_LIMIT_S)
        loop.until("fold grouped and raised", loop.folded, limit_s=_LIMIT_S)
        loop.until("extraction joined, abstracted and verified", lambda: loop.settled(sent), limit_s=_LIMIT_S)
        found = loop.findings(len(sent))
        if as_json:
            print(msgspec.json.encode(as_record(found)).decode(), flush=True)
        else:
            print("\n".join(lines(found, library=str(home.library))), flush=True)
        tell(f"\nfde demo: done in {time.monotonic() - began:.1f} s")
        if bound is not None:
            with ServedPage(home, bound) as served:
                served.announce(browser=browser)
                served.wait(loop.check)
    return _code(found)


def _code(found: Findings) -> int:
    return 0 if found.whole and found.candidates else 1


def _fresh(directory: Path) -> Home:
    """An empty home. Only a directory that a demo made is ever removed."""
    marker = directory / ".fde-demo"
    if directory.is_dir() and any(directory.iterdir()):
        if not marker.exists():
            raise Misuse(f"--home {directory} holds something that no demo made; name an empty directory.")
        shutil.rmtree(directory)
    home = Home(directory).make()
    marker.touch()
    return home
