"""A newer version of a primitive, merged with what people changed since.

.fde-lock.yaml, the kept primitive -> base (old version, locked values) + the files as they are + other (new version) ->
plan() -> a step a file -> apply()

Nothing is lost: a local edit is kept or stands between conflict marks, and what cannot be marked in the file (it is binary,
or was deleted) is written below .fde instead. The lock says the new version afterwards; run again, nothing happens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fde_api.meta import digest_of
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec, Value
from fde_events.errors import BadInput, Refused
from fde_library import lock as locks
from fde_library.carry import Carried, carried
from fde_library.lock import Lock
from fde_library.merge import is_binary, is_marked, merge
from fde_library.worktree import local_bytes, remove_file, replace_file
from fde_template.errors import DoesNotFit, RenderRefused, TemplateError
from fde_template.fit import fit
from fde_template.render import render, render_all

Outcome = Literal["unchanged", "kept", "written", "merged", "removed", "conflict"]
Files = Mapping[str, bytes | None]
_SEMVER: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)(?:-(.+))?")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one file. `data` is written to `target` (the file, or a place below .fde); None: nothing is written."""

    path: str
    outcome: Outcome
    why: str = ""
    target: str = ""
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An upgrade, ready to be done. `steps` in the order of the paths; `files` as they were read; `lock` as it will be."""

    folder: Path
    primitive: DeploymentPrimitive
    before: Lock
    lock: Lock
    carried: Carried
    files: Files
    steps: tuple[Step, ...]

    @property
    def conflicts(self) -> list[Step]:
        """The steps that a person has to look at."""
        return [step for step in self.steps if step.outcome == "conflict"]


def plan(folder: Path, primitive: DeploymentPrimitive, given: Mapping[str, Value]) -> Plan:
    """The upgrade of `folder` to `primitive`, with `given` values (secrets' texts too) over the locked ones.

    Refused for another primitive, an older version, a value that is missing, or conflicts not resolved yet; BadInput or
    Misuse for a lock that cannot be used.
    """
    lock, kept = locks.locked(folder)
    old, new = kept.spec, primitive.spec
    _follows(lock, new)
    hidden = locks.secrets_of(new) | locks.secrets_of(old)
    moved = carried(old, new, lock.values, {name: value for name, value in given.items() if name not in hidden})
    texts = {name: str(value) for name, value in given.items() if name in hidden}
    paths = sorted({file.path for spec in (old, new) for file in spec.template.files})
    files = {path: local_bytes(folder, path) for path in paths}
    marked = [path for path, data in files.items() if data is not None and is_marked(data, lock.primitive)]
    if (digest_of(new), moved.values) == (lock.digest, lock.values) and not texts:
        steps = tuple(Step(path, "conflict", "its conflict marks are not resolved yet") for path in marked)
        return Plan(folder, primitive, lock, lock, moved, files, steps)
    if marked:
        raise Refused(
            f"{', '.join(marked)}: conflicts of the last upgrade stand there; resolve them, then upgrade again."
        )
    found = _recovered(old, lock, files)
    base = _base(folder, lock, old, {name: text for name, text in texts.items() if name in lock.secrets} | found)
    known = {moved.renamed.get(name, name): text for name, text in found.items()} | texts
    secrets = {name: text for name, text in known.items() if name in locks.secrets_of(new)}
    other = _rendered(new, moved.values, secrets)
    name = new.object_name
    return Plan(
        folder,
        primitive,
        lock,
        locks.lock_of(new, moved.values, other),
        moved,
        files,
        tuple(_step(path, base.get(path), files[path], other.get(path), name) for path in paths),
    )


def apply(plan: Plan) -> None:
    """Do it: the files, then the lock. Stopped in between and run again, it goes on where it was."""
    for step in plan.steps:
        if step.data is None and step.outcome != "removed":
            continue
        if local_bytes(plan.folder, step.path) != plan.files[step.path]:
            raise Refused(f"{plan.folder / step.path} changed while it was upgraded; run it again.")
        if step.data is None:
            remove_file(plan.folder, step.path)
        else:
            replace_file(plan.folder, step.target, step.data)
    if plan.lock != plan.before:
        locks.keep(plan.folder, plan.primitive, plan.lock)


def _step(path: str, base: bytes | None, local: bytes | None, other: bytes | None, name: str) -> Step:
    beside = f"{locks.KEPT}/{name}/{path}"
    if other is None:
        if local is None or local == base:
            return Step(path, "unchanged" if local is None else "removed", f"{name} has it no longer")
        return Step(path, "conflict", f"{name} has it no longer, and it was edited here: it stays, yours to remove")
    if local is None:
        if base is None:
            return Step(path, "written", f"new in {name}", path, other)
        if base == other:
            return Step(path, "kept", "deleted here")
        return Step(path, "conflict", f"deleted here, and {name} changes it: the new one is {beside}", beside, other)
    if local == other:
        return Step(path, "unchanged")
    if base == other:
        return Step(path, "kept", "edited here")
    if local == base:
        return Step(path, "written", "", path, other)
    if any(is_binary(side) for side in (base or b"", local, other)):
        return Step(path, "conflict", f"edited here and not text: it stays, the new one is {beside}", beside, other)
    merged = merge(base or b"", local, other, name=name)
    if merged.conflicts:
        marks = "mark" if merged.conflicts == 1 else "marks"
        return Step(path, "conflict", f"{merged.conflicts} conflict {marks}", path, merged.data)
    if merged.data == local:
        return Step(path, "kept", "edited here, the same way")
    return Step(path, "merged", "local edits kept", path, merged.data)


def _follows(lock: Lock, new: PrimitiveSpec) -> None:
    """Refused unless `new` is the locked version, or a later one of the same primitive."""
    if new.primitive_name != lock.primitive:
        raise Refused(f"the directory holds {lock.object_name}; {new.object_name} is another primitive.")
    if _precedence(new.version) < _precedence(lock.version):
        raise Refused(f"the directory holds {lock.object_name} already; {new.version} is older.")
    if new.version == lock.version and digest_of(new) != lock.digest:
        raise Refused(
            f"a version never changes, and this {new.object_name} is another one than the directory was made from: "
            "give it a new version."
        )


def _precedence(version: str) -> tuple[object, ...]:
    """Semantic Versioning 2.0.0, item 11: a pre-release comes before its release, numbers before words."""
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise BadInput(version, "is no version such as v1.2.3")
    major, minor, patch, early = found.groups()
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in early.split(".")) if early else ()
    return int(major), int(minor), int(patch), not early, parts


def _recovered(old: PrimitiveSpec, lock: Lock, files: Files) -> dict[str, str]:
    """Secrets' texts from files that still are what was written. The lock holds none, and a file edited since gives none."""
    hidden = locks.secrets_of(old)
    known: dict[str, str] = {}
    for file in old.template.files:
        data = files[file.path]
        if data is None or not locks.holds_secret(file, old):
            continue
        try:
            values = fit(file, data, old.parameters)
            texts = {name: str(value) for name, value in values.items() if name in hidden}
            if render(file, lock.values, old.parameters, secrets=texts) == data:
                known |= texts
        except (DoesNotFit, TemplateError):
            continue
    return known


def _base(folder: Path, lock: Lock, old: PrimitiveSpec, secrets: Mapping[str, str]) -> dict[str, bytes]:
    try:
        base = _rendered(old, lock.values, secrets)
    except RenderRefused as error:
        raise BadInput(
            str(folder / locks.LOCK), f"the locked values do not render {lock.object_name}: {error}"
        ) from error
    for path, data in base.items():
        wanted = lock.files.get(path)
        if wanted is not None and locks.digest(data) != wanted:
            raise BadInput(
                str(folder / locks.LOCK), f"the locked values do not give {path} as it was written: the lock was edited"
            )
    return base


def _rendered(spec: PrimitiveSpec, values: Mapping[str, Value], secrets: Mapping[str, str]) -> dict[str, bytes]:
    try:
        return render_all(spec.template, values, spec.parameters, secrets=secrets)
    except RenderRefused as error:
        if set(error.parameters) & (locks.secrets_of(spec) - set(secrets)):
            raise Refused(
                f"{spec.object_name}: {error}. The lock holds no secrets, and the file it stands in was edited or is new: "
                "give its text in a file with --values."
            ) from error
        raise
