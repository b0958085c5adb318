"""YAML documents that keep text exactly: carriage returns, marks and trailing blanks come back as they were.

resource or mapping -> write() -> file -> read_primitive() / read_mapping()
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fde_api.errors import InvalidResource
from fde_api.kinds import parse
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import BadInput

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Readable(_Dumper):  # type: ignore[misc]
    """Several lines of plain text as a block, so that a reviewer reads source, not escapes."""


def _text(dumper: Any, text: str) -> Any:
    # A block scalar drops carriage returns and blanks at line ends are easily lost: such text is quoted instead.
    block = "\n" in text and all(
        line == line.rstrip() and (line.isprintable() or not line) for line in text.split("\n")
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block and text.strip("\n") else None)


_Readable.add_representer(str, _text)


def dump(document: Any) -> str:
    """`document` as YAML that reads back equal; the readable form when it does, the quoted one else."""
    body: str = yaml.dump(document, Dumper=_Readable, allow_unicode=True, sort_keys=False, width=4096)
    if yaml.load(body, Loader=_Loader) == document:  # noqa: S506 - a safe loader, chosen above
        return body
    quoted: str = yaml.dump(document, Dumper=_Dumper, allow_unicode=False, sort_keys=False, default_style='"')
    return quoted


def write(path: Path, document: Any) -> None:
    """`document` to `path`."""
    try:
        path.write_text(dump(document), "utf-8", newline="")
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be written") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in `path`; :class:`BadInput` with the line when it holds none."""
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, chosen above
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(str(path), "is not YAML in UTF-8", line=mark.line + 1 if mark else None) from error
    if not isinstance(document, dict):
        raise BadInput(str(path), f"holds a mapping of names to values, not {type(document).__name__}")
    return document


def read_primitive(path: Path) -> DeploymentPrimitive:
    """The DeploymentPrimitive in `path`; the error names the field that is wrong."""
    try:
        resource = parse(read_mapping(path), where=str(path))
    except InvalidResource as error:
        raise BadInput(str(path), str(error).removeprefix(f"{path}: ")) from error
    if not isinstance(resource, DeploymentPrimitive):
        raise BadInput(str(path), f"is a {resource.kind}, not a DeploymentPrimitive")
    return resource
