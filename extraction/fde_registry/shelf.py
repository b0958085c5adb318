"""A folder of manifests, one YAML file a resource, each replaced in one step.

resource -> dump() -> temporary file, fsync, rename, fsync of the folder. A reader sees the old or the new file, never a half.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from fde_api.errors import InvalidResource
from fde_api.kinds import Resource, parse
from fde_api.meta import manifest
from fde_events.errors import BadInput, Unavailable

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is about 8 times as fast
_SUFFIX: Final = ".yaml"


class _Readable(yaml.SafeDumper):
    """Text of several lines as a literal block, so that a person can read a template."""


class _Exact(yaml.SafeDumper):
    """Every text in double quotes: the only style in which PyYAML keeps every character."""


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
_Exact.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def dump(document: Any) -> str:
    """`document` as YAML that loads back as exactly `document`."""
    plain = msgspec.json.decode(msgspec.json.encode(document))  # tuples to lists
    text = yaml.dump(plain, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120)
    try:
        if yaml.load(text, Loader=_Loader) == plain:  # noqa: S506 - a safe loader
            return text
    except yaml.YAMLError:  # e.g. a control character in a block: the other style escapes it
        pass
    return yaml.dump(plain, Dumper=_Exact, sort_keys=False, width=120)


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` with `text` in one step, durably. :class:`Unavailable` when the disk says no."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} was not written: {error.strerror or error}.") from error


def append_line(path: Path, line: str, *, mode: int = 0o644) -> None:
    """Add one line to a file that only ever grows, durably. A half line that a crash left is closed first."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)
        with os.fdopen(handle, "rb+") as file:
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"{path} was not written: {error.strerror or error}.") from error


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Shelf:
    """The manifests of one kind in one folder. Files are read again only when they changed."""

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder, self._private = folder, private
        self._read: dict[str, tuple[tuple[int, int, int], Resource]] = {}

    def path(self, name: str) -> Path:
        """Where the resource `name` stands. Names are DNS names here; anything else is not on a shelf."""
        return self.folder / f"{name}{_SUFFIX}"

    def names(self) -> list[str]:
        """Sorted."""
        return sorted(p.name.removesuffix(_SUFFIX) for p in self.folder.glob(f"[!.]*{_SUFFIX}"))

    def get(self, name: str) -> Resource | None:
        """The resource, or None. :class:`BadInput` when the file is not a manifest."""
        if "/" in name or name.startswith("."):
            return None
        path = self.path(name)
        try:
            stat = path.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            known = self._read.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            resource = read(path)
        except FileNotFoundError:
            self._read.pop(name, None)
            return None
        if resource.metadata.name != name:
            raise BadInput(
                str(path), f"metadata.name is {resource.metadata.name!r}; a file is named after its resource"
            )
        self._read[name] = (stamp, resource)
        return resource

    def all(self) -> Iterator[Resource]:
        """Every resource, by name."""
        for name in self.names():
            resource = self.get(name)
            if resource is not None:  # gone between the listing and the reading
                yield resource

    def put(self, resource: Resource) -> None:
        """Write or replace."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700 if self._private else 0o777)
        write_whole(self.path(resource.metadata.name), dump(manifest(resource)), mode=0o600 if self._private else 0o644)

    def drop(self, name: str) -> None:
        """Take away, if there."""
        self.path(name).unlink(missing_ok=True)


def read(path: Path) -> Resource:
    """The resource in a manifest file. :class:`BadInput` with line and reason when it cannot be used."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(str(path), f"not YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"not YAML: {error}") from error
    try:
        return parse(document, where=path.name)
    except InvalidResource as error:
        raise BadInput(str(path), str(error)) from error
