"""YAML documents that keep text exactly: carriage returns, marks and trailing blanks come back as they were.

resource or mapping -> write() -> file -> read_primitive() / read_mapping()

YAML 1.1 takes ``12:30`` for 750 and ``0777`` for 511. Values are texts that go into source: a scalar is a number only where
the number is spelled as it was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from fde_api.errors import InvalidResource
from fde_api.kinds import parse
from fde_api.primitive import DeploymentPrimitive
from fde_events.errors import BadInput
from fde_extraction import path as paths

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TAG: Final = "tag:yaml.org,2002:"


class _Readable(_Dumper):  # type: ignore[misc]
    """Several lines of plain text as a block, so that a reviewer reads source, not escapes."""


def _text(dumper: Any, text: str) -> Any:
    # A block scalar drops carriage returns and blanks at line ends are easily lost: such text is quoted instead.
    block = "\n" in text and all(
        line == line.rstrip() and (line.isprintable() or not line) for line in text.split("\n")
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block and text.strip("\n") else None)


_Readable.add_representer(str, _text)


class _Manifest(_Loader):  # type: ignore[misc]
    """A resource, read as Kubernetes does, but a key given twice is refused: the last one would win silently."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _TAG + "merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is given twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Values(_Manifest):
    """Names and values: what YAML would change stays the text that was written; keys are texts."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _TAG + "merge":
                key.tag = _TAG + "str"
        return super().construct_mapping(node, deep)


def _number(loader: Any, node: Any) -> Any:
    text = str(node.value)
    try:
        value = int(text) if node.tag.endswith("int") else float(text)
        return value if repr(value) == text else text
    except ValueError:
        return text


def _bool(loader: Any, node: Any) -> Any:
    # `no`, `on` and `y` are words to whoever writes a country or a switch.
    return node.value.lower() == "true" if node.value.lower() in ("true", "false") else node.value


def _as_written(loader: Any, node: Any) -> Any:
    return node.value


for _kind, _reading in (
    ("int", _number), ("float", _number), ("bool", _bool), ("timestamp", _as_written), ("value", _as_written),
):  # fmt: skip
    _Values.add_constructor(_TAG + _kind, _reading)


def dump(document: Any) -> str:
    """`document` as YAML that reads back equal; the readable form when it does, the quoted one else."""
    body: str = yaml.dump(document, Dumper=_Readable, allow_unicode=True, sort_keys=False, width=4096)
    if yaml.load(body, Loader=_Loader) == document:  # noqa: S506 - a safe loader, chosen above
        return body
    quoted: str = yaml.dump(document, Dumper=_Dumper, allow_unicode=False, sort_keys=False, default_style='"')
    return quoted


def write(path: Path, document: Any, *, private: bool = False) -> None:
    """`document` to `path`; `private`: for the owner's eyes alone."""
    paths.write(path, dump(document), private=private)


def read_mapping(path: Path) -> dict[str, Any]:
    """The names and values in `path`, as written; :class:`BadInput` with the line and the reason when it holds none."""
    document = _read(path, _Values)
    if not isinstance(document, dict):
        raise BadInput(str(path), f"holds a mapping of names to values, not {type(document).__name__}")
    return document


def read_primitive(path: Path) -> DeploymentPrimitive:
    """The DeploymentPrimitive in `path`; the error names the field that is wrong."""
    try:
        resource = parse(_read(path, _Manifest), where=str(path))
    except InvalidResource as error:
        raise BadInput(str(path), str(error).removeprefix(f"{path}: ")) from error
    if not isinstance(resource, DeploymentPrimitive):
        raise BadInput(str(path), f"is a {resource.kind}, not a DeploymentPrimitive")
    return resource


def _read(path: Path, loader: Any) -> Any:
    try:
        return yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506 - safe loaders, above
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(str(path), f"is not UTF-8 text: {error.reason}", line=line) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise BadInput(
            str(path), f"is not YAML that can be used here: {why}", line=mark.line + 1 if mark else None
        ) from error
    except RecursionError as error:
        raise BadInput(str(path), "is nested too deeply to be read") from error
    except ValueError as error:  # a date or a number that does not exist
        raise BadInput(str(path), f"is not YAML that can be used here: {error}") from error
