"""`fde fit`: the values that give a file back byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fde_api.primitive import PrimitiveSpec


def fit(primitive: Path, file: Path, *, output: Path) -> None:
    """The values that give a file, or a directory of files, back byte for byte. Exit 1 with the first place that does not fit.

    Of a primitive made of regions: where in the file they stand, and the values that give the file back around them.

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
    from fde_template.region import is_regions

    template = read_primitive(primitive).spec
    if is_regions(template.template):
        paths.apart({"--output": output}, [primitive, file])
        write(output, _inside(template, file), private=True)
        return
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


def _inside(spec: PrimitiveSpec, file: Path) -> dict[str, Any]:
    """The values of regions in `file`; says where each stands."""
    from fde_extraction import path as paths
    from fde_template.region import fit_regions

    values, places = fit_regions(spec.template, str(file), paths.read(file), spec.parameters)
    for part, (place, *others) in zip(spec.template.files, places, strict=True):
        also = f"; fits also at {', '.join(f'{o.first}-{o.last}' for o in others)}" if others else ""
        print(f"{part.path} stands in {file}, lines {place.first}-{place.last}{also}", file=sys.stderr)
    print(f"{file} fits: {len(values)} values", file=sys.stderr)
    return values


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
