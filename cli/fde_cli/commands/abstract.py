"""`fde abstract`: sibling files to one parameterized primitive, with private bindings."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fde_extraction.abstract import Sibling


def abstract(
    *files: Path,
    name: str,
    output: Path,
    bindings: Path,
    customers: str = "",
    regions: bool | None = None,
    json: bool = False,
) -> None:
    """Sibling files to one parameterized primitive, with private bindings.

    Parameters
    ----------
    files
        Two or more siblings; each argument, a file or a directory of files, is one customer's solution.
    name
        The primitive's name: lower-case letters, digits and hyphens.
    output
        Where the publishable manifest goes.
    bindings
        Where the private values go, as {file stem: {parameter: value}}.
    customers
        Customer of each argument, separated by commas; without it each argument is a customer of its own.
    regions
        Abstract only the functions, classes and queries that the files share; with --no-regions never. Without either,
        they are looked for where the files as a whole share too little.
    json
        Print the report (proof, parameters, where each stands) as JSON.
    """
    from fde_api.meta import Metadata, manifest
    from fde_api.primitive import DeploymentPrimitive
    from fde_extraction import path as paths
    from fde_extraction.document import write
    from fde_extraction.region_abstraction import abstract_or_regions, region_lines, with_regions
    from fde_extraction.report import as_json, lines

    _check_name(name)
    named = _customers(customers, len(files))
    inside = [part for path in files for part in (_below(path) if path.is_dir() else [path])]
    paths.apart({"--output": output, "--bindings": bindings}, inside)
    siblings = [
        sibling for index, path in enumerate(files) for sibling in _siblings(path, named[index] if named else path.stem)
    ]
    result = abstract_or_regions(siblings, regions=regions, name=name)
    primitive = DeploymentPrimitive(
        metadata=Metadata(name=DeploymentPrimitive.object_name(name, result.spec.version)), spec=result.spec
    )
    write(output, manifest(primitive))
    write(bindings, result.bindings, private=True)
    print("\n".join([*lines(result), *region_lines(result)]), file=sys.stderr)
    if json:
        print(with_regions(as_json(result), result))


def _check_name(name: str) -> None:
    from fde_events.errors import Misuse

    # fde_api's Name63, here to the very end: `$` lets a last line break by.
    if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", name):
        raise Misuse(
            f"--name {name[:80]!r}: it takes 1 to 63 lower-case letters, digits and hyphens, with no hyphen at its ends."
        )


def _customers(customers: str, wanted: int) -> list[str]:
    from fde_events.errors import Misuse

    named = [part.strip() for part in customers.split(",")] if customers.strip() else []
    if named and not all(named):
        raise Misuse("--customers has an empty name: give one for each file or directory, in order.")
    if named and len(named) != wanted:
        raise Misuse(f"--customers names {len(named)} customers for {wanted} files: give one for each, in order.")
    return named


def _siblings(path: Path, customer: str) -> list[Sibling]:
    from fde_events.errors import BadInput
    from fde_extraction import path as paths
    from fde_extraction.abstract import Sibling

    if path.is_dir():
        files = _below(path)
        if not files:
            raise BadInput(str(path), "an empty directory: a sibling needs at least one file")
        return [Sibling(customer, file.relative_to(path).as_posix(), paths.read(file), path.name) for file in files]
    return [Sibling(customer, path.name, paths.read(path), path.stem)]


def _below(path: Path) -> list[Path]:
    """The regular files below a directory that are not hidden, in order."""
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
