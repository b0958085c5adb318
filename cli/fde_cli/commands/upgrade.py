"""`fde upgrade`: a newer version of a primitive, merged with local edits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def upgrade(
    folder: Path,
    *,
    to: Path,
    values: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Merge a newer version of a primitive into what `fde instantiate --output` wrote, keeping local edits.

    Exit 1 when files have conflicts: both sides stand in them between <<<<<<< local and >>>>>>> <primitive>.<version>.

    Parameters
    ----------
    folder
        The directory with the .fde-lock.yaml.
    to
        The newer primitive's manifest.
    values
        Values that the newer version needs or that change; secretRef parameters take the text that goes in their place.
    dry_run
        Say what would happen, and write nothing.
    json_
        What happens to each file, and to the values, as JSON.
    """
    from fde_extraction.document import read_mapping, read_primitive
    from fde_library.upgrade import apply, plan

    given = read_mapping(values) if values is not None else {}
    made = plan(folder, read_primitive(to), given)
    if not dry_run:
        apply(made)
    moved = made.carried
    if json_:
        steps = [{"path": step.path, "outcome": step.outcome, "why": step.why} for step in made.steps]
        told = {
            "from": made.before.object_name,
            "to": made.lock.object_name,
            "files": steps,
            "renamed": moved.renamed,
            "removed": list(moved.removed),
            "added": list(moved.added),
        }
        print(json.dumps(told))
    else:
        for step in made.steps:
            print(f"{step.outcome:<9}  {step.path}" + (f"  ({step.why})" if step.why else ""))
    for old, new in moved.renamed.items():
        print(f"fde upgrade: parameter {old} is called {new} now; its value is carried over", file=sys.stderr)
    for name in moved.removed:
        print(f"fde upgrade: parameter {name} is gone; its value is not needed any more", file=sys.stderr)
    for name in moved.added:
        print(f"fde upgrade: parameter {name} is new", file=sys.stderr)
    if made.conflicts:
        names = ", ".join(step.path for step in made.conflicts)
        print(f"fde upgrade: conflicts in {names}: look at them, then commit", file=sys.stderr)
        return 1
    state = "would be" if dry_run and made.lock != made.before else "is"
    print(f"fde upgrade: {folder} {state} at {made.lock.object_name}", file=sys.stderr)
    return 0
