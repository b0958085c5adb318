"""`fde up`: the whole pipeline, embedded, over a directory of logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fde_cli.options import PagePort


def up(
    *,
    fleet: Annotated[Path, Parameter(env_var="FDE_FLEET")],
    home: Annotated[Path, Parameter(env_var="FDE_HOME")] = Path(".fde"),
    port: PagePort = 0,
) -> int:
    """Run sidecars, ingest, fold, extraction and the review page over the logs of a fleet, until Ctrl-C.

    The broker is embedded: it keeps nothing on disk and little in memory. It is for trying and for laptops.

    Parameters
    ----------
    fleet
        A directory <customer>/<deployment>/*.log; the logs are followed through rotation.
    home
        Where spools, state, library and evidence are kept.
    port
        The review page's port on loopback; 0 picks a free one.
    """
    from fde_cli.embedded.up import run

    return run(fleet, home, port=port)
