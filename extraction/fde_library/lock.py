"""The lock: what stands in a directory and how it came there, beside the files that were made.

instantiate -> .fde-lock.yaml, .fde/<primitive>.<version>.yaml -> upgrade reads both

A secret is named, never told: not its text, and no digest of a file it stands in, from which a short one could be guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from fde_api.meta import Digest, Name63, SemVer, digest_of, manifest
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec, TemplateFile, Value
from fde_events.errors import BadInput, Misuse, Refused
from fde_registry import shelf
from fde_template.structure import named

LOCK: Final = ".fde-lock.yaml"
KEPT: Final = ".fde"
_HEAD: Final = (
    "# What `fde instantiate` made here. Keep it, and the folder .fde, with the files: `fde upgrade` needs both.\n"
)


class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`.fde-lock.yaml`. `values` as given, defaults left out; `secrets` by name; `files`: digests of what was written,
    None where a secret stands in the file."""

    primitive: Name63
    version: SemVer
    digest: Digest
    values: dict[str, Value] = {}
    secrets: tuple[str, ...] = ()
    files: dict[str, Digest | None] = {}

    @property
    def object_name(self) -> str:
        """The primitive's version."""
        return DeploymentPrimitive.object_name(self.primitive, self.version)


def secrets_of(spec: PrimitiveSpec) -> frozenset[str]:
    """The parameters of `spec` that are secrets."""
    return frozenset(parameter.name for parameter in spec.parameters if parameter.type == "secretRef")


def holds_secret(file: TemplateFile, spec: PrimitiveSpec) -> bool:
    """Whether a secret stands in `file`."""
    return bool(named(file) & secrets_of(spec))


def lock_of(spec: PrimitiveSpec, values: Mapping[str, Value], rendered: Mapping[str, bytes]) -> Lock:
    """The lock of `spec` rendered with `values` (secrets' texts among them or not)."""
    hidden = secrets_of(spec)
    return Lock(
        primitive=spec.primitive_name,
        version=spec.version,
        digest=digest_of(spec),
        values={name: value for name, value in values.items() if name not in hidden},
        secrets=tuple(sorted(hidden)),
        files={
            file.path: None if holds_secret(file, spec) else digest(rendered[file.path]) for file in spec.template.files
        },
    )


def digest(data: bytes) -> str:
    """``sha256:<hex>`` of a file."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def free(folder: Path, lock: Lock, rendered: Mapping[str, bytes]) -> None:
    """:class:`Refused` when writing `rendered` would lose what is in `folder`: another primitive's lock, or local edits."""
    there = read(folder)
    if there is None:
        return
    if there.primitive != lock.primitive:
        raise Refused(f"{folder} holds {there.object_name} already: give {lock.primitive} a directory of its own.")
    for path, data in rendered.items():
        target = folder / path
        if not target.is_file():
            continue
        found = target.read_bytes()
        if found != data and digest(found) != there.files.get(path):
            raise Refused(
                f"{target} was edited since {there.object_name} was written there, or a secret stands in it: "
                f"`fde upgrade {folder} --to PRIMITIVE --values VALUES` keeps what was edited."
            )


def keep(folder: Path, primitive: DeploymentPrimitive, lock: Lock) -> None:
    """Write the lock, and before it the copy of the primitive that it needs."""
    copy = kept_at(folder, lock)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shelf.write_whole(copy, shelf.dump(manifest(primitive)))
    shelf.write_whole(folder / LOCK, _HEAD + shelf.dump(msgspec.to_builtins(lock)))


def kept_at(folder: Path, lock: Lock) -> Path:
    """Where the copy of the locked primitive stands."""
    return folder / KEPT / f"{lock.object_name}.yaml"


def read(folder: Path) -> Lock | None:
    """The lock of `folder`; None when there is none. :class:`BadInput` when it cannot be used."""
    path = folder / LOCK
    try:
        document: Any = yaml.safe_load(path.read_text("utf-8"))
        return msgspec.convert(document, Lock)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(str(path), f"not YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadInput(str(path), f"is no lock of fde: {error}") from error


def locked(folder: Path) -> tuple[Lock, DeploymentPrimitive]:
    """The lock of `folder` and the primitive it names. :class:`Misuse` without a lock, :class:`BadInput` when they disagree."""
    lock = read(folder)
    if lock is None:
        raise Misuse(f"{folder} has no {LOCK}: only what `fde instantiate --output {folder}` wrote can be upgraded.")
    path = kept_at(folder, lock)
    if not path.exists():
        raise BadInput(
            str(path),
            f"the copy of the primitive that {LOCK} names is gone; put the manifest of {lock.object_name} there",
        )
    resource = shelf.read(path)
    if not isinstance(resource, DeploymentPrimitive) or digest_of(resource.spec) != lock.digest:
        raise BadInput(str(path), f"is not the {lock.object_name} that {LOCK} was written with (another digest)")
    return lock, resource
