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
    from fde_events.errors import BadInput
    from fde_extraction.document import read_primitive, write
    from fde_template.errors import DoesNotFit
    from fde_template.fit import fit_all

    template = read_primitive(primitive).spec
    files = template.template.files
    try:
        if file.is_dir():
            found = {entry.path: (file / entry.path).read_bytes() for entry in files}
        elif len(files) == 1:
            found = {files[0].path: file.read_bytes()}
        else:
            raise BadInput(str(file), f"the primitive has {len(files)} files: give the directory that holds them")
    except OSError as error:
        raise BadInput(error.filename or str(file), error.strerror or "cannot be read") from error
    try:
        values = fit_all(template.template, found, template.parameters)
    except DoesNotFit as error:
        where = str(file / error.path) if file.is_dir() else str(file)
        raise DoesNotFit(where, error.line, error.column, error.expected) from error
    write(output, values)
    print(f"{file} fits: {len(values)} values", file=sys.stderr)
