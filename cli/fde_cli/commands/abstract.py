"""`fde abstract`: sibling files to one parameterized primitive, with private bindings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fde_extraction.abstract import Sibling


def abstract(*files: Path, name: str, output: Path, bindings: Path, customers: str = "", json: bool = False) -> None:
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
    json
        Print the report (proof, parameters, where each stands) as JSON.
    """
    from fde_api.meta import Metadata, manifest
    from fde_api.primitive import DeploymentPrimitive
    from fde_events.errors import Misuse
    from fde_extraction.abstract import abstract as abstracted
    from fde_extraction.document import write
    from fde_extraction.report import as_json, lines

    named = [part.strip() for part in customers.split(",")] if customers else []
    if named and len(named) != len(files):
        raise Misuse(f"--customers names {len(named)} customers for {len(files)} files: give one for each, in order.")
    siblings = [
        sibling for index, path in enumerate(files) for sibling in _siblings(path, named[index] if named else path.stem)
    ]
    result = abstracted(siblings, name=name)
    primitive = DeploymentPrimitive(
        metadata=Metadata(name=DeploymentPrimitive.object_name(name, result.spec.version)), spec=result.spec
    )
    write(output, manifest(primitive))
    write(bindings, result.bindings)
    print("\n".join(lines(result)), file=sys.stderr)
    if json:
        print(as_json(result))


def _siblings(path: Path, customer: str) -> list[Sibling]:
    from fde_events.errors import BadInput
    from fde_extraction.abstract import Sibling

    try:
        if path.is_dir():
            return [
                Sibling(customer, file.relative_to(path).as_posix(), file.read_bytes(), path.name)
                for file in sorted(path.rglob("*"))
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
        return [Sibling(customer, path.name, path.read_bytes(), path.stem)]
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from error
