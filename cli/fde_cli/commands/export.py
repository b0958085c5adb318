"""`fde export`: a primitive as a copier template, or as Jinja."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def export(
    primitive: Path,
    *,
    format_: Annotated[Literal["copier", "jinja"], Parameter(name="--format")],
    output: Path,
) -> None:
    """A primitive as a copier template that works on its own, or as Jinja to read and edit.

    Parameters
    ----------
    primitive
        The primitive's manifest.
    format_
        copier: a template for `copier copy`. jinja: the files as `fde review checkout` shows them.
    output
        A new or empty directory.
    """
    from fde_cli.output import folder, write
    from fde_events.errors import Misuse
    from fde_extraction.document import read_primitive
    from fde_library.export import copier_template, jinja_view

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise Misuse(f"{output} is not empty; export into a new directory.")
    spec = read_primitive(primitive).spec
    made = copier_template(spec) if format_ == "copier" else jinja_view(spec)
    for path, data in made.items():
        folder((output / path).parent)
        write(output / path, data)
    print(f"wrote {len(made)} files to {output}", file=sys.stderr)
    if format_ == "copier":
        print(f"fde export: `copier copy {output} TARGET` uses it", file=sys.stderr)
    else:
        print("fde export: edits are taken back by `fde review checkout` and `resubmit`", file=sys.stderr)
