"""The embedded pipeline over somebody's own logs, until Ctrl-C."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Final

from fde_cli import log
from fde_cli.embedded.fleet import members
from fde_cli.embedded.home import Home
from fde_cli.embedded.loop import Loop, tell
from fde_cli.embedded.page import ServedPage
from fde_cli.embedded.stopping import stoppable
from fde_review.serve import listen
from fde_streams.reader import read_challenges

_SAY_EVERY_S: Final = 30.0


def run(fleet: Path, directory: Path, *, port: int) -> int:
    """Returns 0 after Ctrl-C. Raises what stopped it otherwise."""
    found = members(fleet)
    bound = listen(port)  # before anything starts: a port that is taken is told at once
    home = Home(directory).make()
    # The terminal shows findings; this process's own events go beside those of the workers.
    log.as_json((home.logs / "sidecars.log").open("a", encoding="utf-8", buffering=1))
    tell(f"fde up: {len(found)} deployments of {fleet}, at home in {home.directory}")
    tell(
        "fde up: the broker is embedded (librdkafka's mock cluster): it keeps nothing on disk and about 5 MiB a partition"
    )
    with closing(bound), stoppable(), Loop(home, found) as loop:
        loop.start()
        tell(f"fde up: broker at {loop.brokers}; hand in solutions with `fde submit --brokers {loop.brokers} ...`")
        said = float("-inf")

        def watch() -> None:
            nonlocal said
            loop.check()
            if time.monotonic() - said > _SAY_EVERY_S:
                said = time.monotonic()
                tell(f"fde up: {len(read_challenges(loop.brokers))} challenges raised")

        with ServedPage(home, bound) as served:
            served.announce(browser=False)
            served.wait(watch)
    return 0
