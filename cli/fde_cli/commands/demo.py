"""`fde demo`: the whole loop on the shipped fleet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fde_cli.options import PagePort


def demo(
    *,
    home: Annotated[Path, Parameter(env_var="FDE_HOME")] = Path(".fde/demo"),
    port: PagePort = 0,
    page: bool = True,
    browser: bool = True,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Run the whole loop, embedded, on real failures of 16 customers, print what it found, and serve the review page.

    Everything of an earlier demo in `home` is removed first.

    Parameters
    ----------
    home
        Where the demo keeps what is its own.
    port
        The review page's port on loopback; 0 picks a free one.
    page
        Serve the review page until Ctrl-C; without it the demo ends after its summary.
    browser
        Open the page in a browser, where there is one.
    as_json
        The findings as one JSON object.
    """
    from importlib.resources import as_file, files

    from fde_cli.embedded.demo import run

    with as_file(files("fde_cli") / "sample") as sample:
        return run(sample, home, port=port, page=page, browser=browser and sys.stderr.isatty(), as_json=as_json)
