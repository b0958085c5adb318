"""`fde fit`: the values that give a file back byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path


def fit(primitive: Path, file: Path, *, output: Path) -> None:
    """The values that give a file, or a directory of files, back byte for byte. Exit 1 with the first place that does not fit.

    Parameters
    ----------
    primitive
        The primitive's manifest.
    file
        The file; a directory when the primitive has several.
    output
        Where the values go. They are private: secrets stand in them as they stood in the file.
    """
    from fde_extraction import path as paths
    from fde_extraction.document import read_primitive, write
    from fde_template.errors import DoesNotFit
    from fde_template.fit import fit_all

    template = read_primitive(primitive).spec
    sources = _sources(file, [entry.path for entry in template.template.files])
    paths.apart({"--output": output}, [primitive, *sources.values()])
    found = {name: paths.read(source) for name, source in sources.items()}
    try:
        values = fit_all(template.template, found, template.parameters)
    except DoesNotFit as error:
        where = str(file / error.path) if file.is_dir() else str(file)
        raise DoesNotFit(where, error.line, error.column, error.expected) from error
    write(output, values, private=True)
    print(f"{file} fits: {len(values)} values", file=sys.stderr)


def _sources(file: Path, names: list[str]) -> dict[str, Path]:
    """Where each file of the template is to be read."""
    from fde_events.errors import BadInput

    if file.is_dir():
        missing = [name for name in names if not (file / name).exists()]
        if missing:
            raise BadInput(str(file), f"the directory has no {', '.join(missing)}, which the primitive needs")
        return {name: file / name for name in names}
    if len(names) != 1:
        why = f"give the directory that holds the primitive's {len(names)} files"
        raise BadInput(str(file), f"is not a directory: {why}" if file.exists() else f"no such directory: {why}")
    return {names[0]: file}
