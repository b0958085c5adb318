"""`fde key`: the keys of a customer's pseudonyms: list, rotate, destroy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="key", help="The keys of a customer's pseudonyms: list, rotate, destroy.")


@app.command(name="list")
def list_(file: Path, /) -> int:
    """The keys in a file by id, with the moment each takes effect. The keys themselves are never shown.

    Parameters
    ----------
    file
        The key file.
    """
    from fde_sidecar.clock import now
    from fde_sidecar.pseudonym import read_ring

    ring = read_ring(file)
    held = ring.at(now())
    for key in ring.keys:
        print(f"{key.id}  {key.not_before or 'since ever':24}  {'in use' if key is held else ''}".rstrip())
    return 0


@app.command
def rotate(file: Path, /, *, not_before: str = "") -> int:
    """Add a new key; sidecars that read the file use it from their next batch on. Prints its id.

    From then on equal values get other tokens than before: they match each other, and no longer what left earlier. Older
    keys stay in the file, so that the customer can tell which value a token stood for, until `fde key destroy`. Where the
    file is a Secret, do this on a copy and apply that:
    `kubectl create secret generic NAME --from-file=pseudonym.key=FILE --dry-run=client -o yaml | kubectl apply -f -`.

    Parameters
    ----------
    file
        The key file; made when it is not there.
    not_before
        When it takes effect (2026-01-31T00:00:00Z), so that all sidecars of a customer change together; at once without it.
    """
    from fde_sidecar.pseudonym import rotate

    key = rotate(file, not_before=not_before)
    print(key.id)
    print(f"fde key: {file}: key {key.id} takes effect {key.not_before or 'at once'}", file=sys.stderr)
    return 0


@app.command
def destroy(
    file: Path,
    /,
    *ids: str,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
) -> int:
    """Destroy keys: nobody, the customer neither, can then tell which values their tokens stood for.

    The file is overwritten before it is replaced. Copies elsewhere (a Secret, a backup) are yours to destroy.

    Parameters
    ----------
    file
        The key file.
    ids
        The keys, by id, as `fde key list` shows them.
    every
        All of them.
    """
    from fde_events.errors import Misuse
    from fde_sidecar.pseudonym import destroy

    if every == bool(ids):
        raise Misuse("name the keys by id (`fde key list FILE`), or say --all.")
    for one in destroy(file, None if every else frozenset(ids)):
        print(one)
    return 0
