"""Rendering inside a pod: ``python -m fde_template.pod --job /fde/job --files /fde/files --secrets /fde/secrets --output /app``.

An init container runs it, so that values of secrets exist in the pod's memory alone. `--job` holds template.json (the files
with secrets), parameters.json and values.json; `--secrets` one file a secretRef parameter; `--files` the files that need
no secret, copied beside. `--environment`: a folder for what environment.json of the job names, one file a variable, holding
its secret. Everything is written with mode 0400; with `--group`, 0440: where the program that reads it runs as another user
of the same group. A refusal names the parameter and quotes no value.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fde_api.primitive import Parameter, Template, Value
from fde_template.errors import RenderRefused, TemplateError
from fde_template.render import render_all


def rendered(job: Path, secrets: Path) -> dict[str, bytes]:
    """The files with secrets, by path."""
    template = msgspec.json.decode((job / "template.json").read_bytes(), type=Template)
    parameters = msgspec.json.decode((job / "parameters.json").read_bytes(), type=tuple[Parameter, ...])
    values = msgspec.json.decode((job / "values.json").read_bytes(), type=dict[str, Value])
    return render_all(template, values, parameters, secrets=_secrets(secrets, parameters))


def copied(files: Path) -> dict[str, bytes]:
    """Every file below `files` by relative path; Kubernetes' own bookkeeping (names with ``..``) left out."""
    found = {}
    for path in sorted(files.rglob("*")):
        relative = path.relative_to(files)
        if path.is_file() and not any(part.startswith("..") for part in relative.parts):
            found[relative.as_posix()] = path.read_bytes()
    return found


def environment(job: Path, secrets: Path) -> dict[str, bytes]:
    """The values of secret env variables, by name. :class:`RenderRefused` names the parameter that is missing."""
    listed = job / "environment.json"
    wanted = msgspec.json.decode(listed.read_bytes(), type=dict[str, str]) if listed.is_file() else {}
    found = {}
    for variable, parameter in wanted.items():
        if not (secrets / parameter).is_file():
            raise RenderRefused(f"env {variable}: parameter {parameter} needs a secret's text", parameter)
        found[variable] = (secrets / parameter).read_bytes()
        if b"\0" in found[variable]:
            raise RenderRefused(f"env {variable}: parameter {parameter} holds a NUL, which no variable can", parameter)
    return found


def write(output: Path, contents: Mapping[str, bytes], mode: int = 0o400) -> None:
    """Write `contents` below `output`. Run again it replaces them."""
    for name, data in contents.items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


def main(arguments: list[str] | None = None) -> int:
    """0 done, 1 refused (the sentence is on stderr), 3 an input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m fde_template.pod", description="Render files with secrets.")
    for name in ("job", "secrets", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--files", type=Path)
    parser.add_argument("--environment", type=Path)
    parser.add_argument("--group", action="store_true")
    options = parser.parse_args(arguments)
    try:
        contents = copied(options.files) if options.files else {}
        contents |= rendered(options.job, options.secrets)
        variables = environment(options.job, options.secrets) if options.environment else {}
        mode = 0o440 if options.group else 0o400
        write(options.output, contents, mode)
        if options.environment:
            write(options.environment, variables, mode)
    except TemplateError as refused:
        print(f"fde_template.pod: {refused}", file=sys.stderr)
        return refused.exit_code
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        print(f"fde_template.pod: {type(error).__name__}: {_harmless(error)}", file=sys.stderr)
        return 3
    return 0


def _secrets(directory: Path, parameters: tuple[Parameter, ...]) -> dict[str, str]:
    wanted = [parameter.name for parameter in parameters if parameter.type == "secretRef"]
    return {name: (directory / name).read_bytes().decode() for name in wanted if (directory / name).is_file()}


def _harmless(error: Exception) -> str:
    """What may be said: a decode error quotes the bytes it met, which may be a secret's."""
    return "a secret is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


if __name__ == "__main__":
    sys.exit(main())
