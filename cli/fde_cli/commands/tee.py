"""`fde tee`: run a program and copy its output to a log the sidecar reads."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from fde_cli.options import Positive


def tee(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    log: str,
    max_bytes: Positive = 16 * 1024 * 1024,
    keep: Positive = 2,
) -> int:
    """Run COMMAND; its output goes on as before and to the log. Its exit code is ours, signals reach it.

    Parameters
    ----------
    command
        The program and its arguments, after --.
    log
        The log file; appended to, and rotated at --max-bytes.
    max_bytes
        Rotate beyond this size.
    keep
        Rotated files that are kept.
    """
    from fde_events.errors import Misuse
    from fde_sidecar.tee import Log, run

    if not command:
        raise Misuse("name the program to run after --: fde tee --log app.log -- python sync.py")
    return run(list(command), Log(log, max_bytes, keep))
