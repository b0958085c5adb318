"""`fde instantiate`: a primitive and values to source bytes."""

from __future__ import annotations

import sys
from pathlib import Path


def instantiate(
    primitive: Path,
    *,
    values: Path | None = None,
    bindings: Path | None = None,
    instance: str = "",
    output: Path | None = None,
) -> None:
    """A primitive and values to source bytes: on standard output, or as files below a directory.

    Parameters
    ----------
    primitive
        The primitive's manifest.
    values
        A mapping of parameter to value; secretRef parameters take the text that goes in their place.
    bindings
        Private bindings, as `fde abstract` writes them; with --instance.
    instance
        Which sibling of the bindings.
    output
        A directory for the files; needed when the primitive has several. A lock is left there, for `fde upgrade`.
    """
    from fde_cli.output import folder, write
    from fde_events.errors import BadInput, Misuse
    from fde_extraction import path as paths
    from fde_extraction.document import read_mapping, read_primitive
    from fde_library import lock as locks
    from fde_template.region import is_regions, joined
    from fde_template.render import render_all

    if (values is None) == (bindings is None) or (bindings is not None) != bool(instance):
        raise Misuse("give --values FILE, or --bindings FILE with --instance STEM.")
    resource = read_primitive(primitive)
    spec = resource.spec
    if values is not None:
        given = read_mapping(values)
    else:
        assert bindings is not None
        bound = read_mapping(bindings)
        if not isinstance(bound.get(instance), dict):
            raise BadInput(str(bindings), f"has no sibling {instance!r}; it has {', '.join(map(str, bound))}")
        given = bound[instance]
    secret = locks.secrets_of(spec)
    rendered = render_all(
        spec.template,
        {name: value for name, value in given.items() if name not in secret},
        spec.parameters,
        secrets={name: value for name, value in given.items() if name in secret},
    )
    imports = list(dict.fromkeys(line for file in spec.template.files for line in file.imports))
    if imports:
        print(f"the file around it needs: {'; '.join(imports)}", file=sys.stderr)
    if output is None:
        if is_regions(spec.template):
            sys.stdout.buffer.write(joined(list(rendered.values())))
            return
        if len(rendered) != 1:
            raise Misuse(f"the primitive has {len(rendered)} files: give --output DIR.")
        sys.stdout.buffer.write(next(iter(rendered.values())))
        return
    root = output.resolve()
    targets = {path: root / path for path in rendered}
    for path, target in targets.items():
        if not target.resolve().is_relative_to(root):
            raise BadInput(str(primitive), f"the template's path {path!r} leads out of {output}")
    paths.apart(
        {f"--output {path}": target for path, target in targets.items()},
        [given_by for given_by in (primitive, values, bindings) if given_by is not None],
    )
    lock = locks.lock_of(spec, given, rendered)
    locks.free(root, lock, rendered)
    for path, data in rendered.items():
        folder(targets[path].parent)
        write(targets[path], data)
        print(f"wrote {output / path}", file=sys.stderr)
    folder(root)
    locks.keep(root, resource, lock)
