"""`fde instantiate --output` leaves a lock; `fde upgrade` merges a newer version with local edits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fde_api.meta import Metadata, manifest
from fde_api.primitive import DeploymentPrimitive, Hole, Parameter, PrimitiveSpec, Segment, Template, TemplateFile
from fde_cli.main import run
from fde_registry.shelf import dump

Told = Callable[..., tuple[int, str, str]]


def hole(parameter: str, place: str = "python.string.double", *filters: str) -> Segment:
    return Segment(hole=Hole(parameter=parameter, place=place, filters=filters))


def text(words: str) -> Segment:
    return Segment(text=words)


def a_file(path: str, *segments: Segment) -> TemplateFile:
    return TemplateFile(path=path, language="other", segments=segments)


SYNC = a_file(
    "app/sync.py",
    text('HOST = "'),
    hole("apiHost"),
    text('"\nPAGES = 3\n\n\ndef fetch():\n    return HOST\n'),
)
CONFIG = a_file("config.ini", text("[api]\r\nkey = "), hole("apiKey", "text"), text("\r\nretries = 3\r\nname = x"))
HOST, KEY = Parameter(name="apiHost", type="host", required=True), Parameter(name="apiKey", type="secretRef")


def a_primitive(version: str = "v1.0.0", *files: TemplateFile, parameters: tuple[Parameter, ...] = (HOST, KEY)) -> Any:
    spec = PrimitiveSpec(
        primitive_name="sync",
        version=version,
        domain="d",
        template=Template(files=files or (SYNC, CONFIG)),
        parameters=parameters,
    )
    return DeploymentPrimitive(metadata=Metadata(name=spec.object_name), spec=spec)


def changed(file: TemplateFile, old: str, new: str) -> TemplateFile:
    """`file` with `old` replaced in its texts."""
    segments = tuple(
        Segment(text=segment.text.replace(old, new)) if segment.text is not None else segment
        for segment in file.segments
    )
    assert segments != file.segments
    return msgspec.structs.replace(file, segments=segments)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def to_file(*arguments: Any, **more: Any) -> Path:
        primitive = a_primitive(*arguments, **more)
        path = tmp_path / f"{primitive.metadata.name}.yaml"
        path.write_text(dump(manifest(primitive)))
        return path

    return to_file


@pytest.fixture
def fde(capsys: pytest.CaptureFixture[str]) -> Told:
    def go(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return go


SECRET = "made-up-" + "text-of-a-key"


@pytest.fixture
def made(tmp_path: Path, write: Callable[..., Path], fde: Told) -> Path:
    """A directory instantiated from v1.0.0."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"apiHost": "api.north.example", "apiKey": SECRET}))
    code, _, err = fde("instantiate", write(), "--values", values, "--output", tmp_path / "out")
    assert code == 0, err
    return tmp_path / "out"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_lock_says_what_was_made_and_no_secret(made: Path) -> None:
    lock = yaml.safe_load((made / ".fde-lock.yaml").read_text())
    assert (lock["primitive"], lock["version"]) == ("sync", "v1.0.0")
    assert lock["values"] == {"apiHost": "api.north.example"}
    assert lock["secrets"] == ["apiKey"]
    assert lock["files"]["app/sync.py"].startswith("sha256:") and lock["files"]["config.ini"] is None
    kept = [path for path, data in tree(made).items() if SECRET.encode() in data]
    assert kept == ["config.ini"]


def test_local_edits_and_the_new_version_are_both_there(made: Path, write: Callable[..., Path], fde: Told) -> None:
    sync = made / "app" / "sync.py"
    sync.write_text(sync.read_text().replace("return HOST", "return HOST.lower()"))
    newer = write("v1.1.0", changed(SYNC, "PAGES = 3", "PAGES = 5"), changed(CONFIG, "retries = 3", "retries = 9"))
    before = tree(made)
    assert fde("upgrade", made, "--to", newer, "--dry-run")[0] == 0
    assert tree(made) == before
    code, out, err = fde("upgrade", made, "--to", newer)
    assert code == 0, err
    assert "merged     app/sync.py" in out and "written    config.ini" in out
    assert sync.read_text() == ('HOST = "api.north.example"\nPAGES = 5\n\n\ndef fetch():\n    return HOST.lower()\n')
    assert (made / "config.ini").read_bytes() == f"[api]\r\nkey = {SECRET}\r\nretries = 9\r\nname = x".encode()
    after = tree(made)
    code, out, _ = fde("upgrade", made, "--to", newer)
    assert (code, out) == (0, "")
    assert tree(made) == after


def test_a_conflict_is_marked_listed_and_not_marked_twice(made: Path, write: Callable[..., Path], fde: Told) -> None:
    sync = made / "app" / "sync.py"
    sync.write_text(sync.read_text().replace("PAGES = 3", "PAGES = 4"))
    newer = write("v1.1.0", changed(SYNC, "PAGES = 3", "PAGES = 5"), CONFIG)
    code, _, err = fde("upgrade", made, "--to", newer)
    assert code == 1 and "app/sync.py" in err
    assert "<<<<<<< local\nPAGES = 4\n=======\nPAGES = 5\n>>>>>>> sync.v1.1.0\n" in sync.read_text()
    before = tree(made)
    assert fde("upgrade", made, "--to", newer)[0] == 1
    assert tree(made) == before
    later = write("v1.2.0", changed(SYNC, "PAGES = 3", "PAGES = 6"), CONFIG)
    code, _, err = fde("upgrade", made, "--to", later)
    assert code == 1 and "resolve them" in err
    assert tree(made) == before


def test_a_new_required_parameter_is_asked_for_by_name(
    made: Path, write: Callable[..., Path], fde: Told, tmp_path: Path
) -> None:
    more = a_file("extra.txt", text("region "), hole("region", "text"), text("\n"))
    region = Parameter(name="region", type="string", required=True)
    newer = write("v2.0.0", SYNC, CONFIG, more, parameters=(HOST, KEY, region))
    before = tree(made)
    code, _, err = fde("upgrade", made, "--to", newer)
    assert code == 1 and "region" in err and "--values" in err
    assert tree(made) == before
    (tmp_path / "more.yaml").write_text("region: eu\n")
    code, _, err = fde("upgrade", made, "--to", newer, "--values", tmp_path / "more.yaml")
    assert code == 0 and "parameter region is new" in err
    assert (made / "extra.txt").read_bytes() == b"region eu\n"


def test_a_renamed_parameter_keeps_its_value_and_a_removed_one_is_told(
    made: Path, write: Callable[..., Path], fde: Told
) -> None:
    renamed = a_file("app/sync.py", text('HOST = "'), hole("host"), *changed(SYNC, "PAGES", "LIMIT").segments[2:])
    newer = write("v2.0.0", renamed, parameters=(Parameter(name="host", type="host", required=True),))
    code, out, err = fde("upgrade", made, "--to", newer, "--json")
    assert code == 0, err
    told = msgspec.json.decode(out)
    # The literal after the hole changed, the one before and the hole itself did not.
    assert told["renamed"] == {"apiHost": "host"}
    assert told["removed"] == ["apiKey"]
    assert 'HOST = "api.north.example"\nLIMIT = 3' in (made / "app" / "sync.py").read_text()
    assert not (made / "config.ini").exists()


def test_an_edited_file_with_a_secret_needs_its_text(
    made: Path, write: Callable[..., Path], fde: Told, tmp_path: Path
) -> None:
    config = made / "config.ini"
    config.write_bytes(config.read_bytes().replace(b"name = x", b"name = y"))
    newer = write("v1.1.0", SYNC, changed(CONFIG, "[api]", "[api2]"))
    code, _, err = fde("upgrade", made, "--to", newer)
    assert code == 1 and "apiKey" in err and "--values" in err
    (tmp_path / "secret.yaml").write_text(yaml.safe_dump({"apiKey": SECRET}))
    assert fde("upgrade", made, "--to", newer, "--values", tmp_path / "secret.yaml")[0] == 0
    assert config.read_bytes() == f"[api2]\r\nkey = {SECRET}\r\nretries = 3\r\nname = y".encode()
    assert SECRET not in (made / ".fde-lock.yaml").read_text()


def test_a_deleted_file_stays_deleted_and_what_is_new_in_it_is_kept_aside(
    made: Path, write: Callable[..., Path], fde: Told
) -> None:
    (made / "app" / "sync.py").unlink()
    assert fde("upgrade", made, "--to", write("v1.1.0", SYNC, changed(CONFIG, "3", "4")))[0] == 0
    assert not (made / "app" / "sync.py").exists()
    code, out, _ = fde("upgrade", made, "--to", write("v1.2.0", changed(SYNC, "3", "4"), changed(CONFIG, "3", "4")))
    assert code == 1 and "deleted here" in out
    assert not (made / "app" / "sync.py").exists()
    assert b"PAGES = 4" in (made / ".fde" / "sync.v1.2.0" / "app" / "sync.py").read_bytes()


def test_a_binary_edit_is_kept_and_the_new_file_put_aside(made: Path, write: Callable[..., Path], fde: Told) -> None:
    (made / "app" / "sync.py").write_bytes(b"\x00\x01")
    code, out, _ = fde("upgrade", made, "--to", write("v1.1.0", changed(SYNC, "3", "4"), CONFIG))
    assert code == 1 and "not text" in out
    assert (made / "app" / "sync.py").read_bytes() == b"\x00\x01"
    assert b"PAGES = 4" in (made / ".fde" / "sync.v1.1.0" / "app" / "sync.py").read_bytes()


def test_what_cannot_be_upgraded_is_a_sentence(
    made: Path, write: Callable[..., Path], fde: Told, tmp_path: Path
) -> None:
    code, _, err = fde("upgrade", tmp_path, "--to", write("v1.1.0"))
    assert code == 2 and ".fde-lock.yaml" in err
    code, _, err = fde("upgrade", made, "--to", write("v0.9.0"))
    assert code == 1 and "older" in err
    assert fde("upgrade", made, "--to", write("v1.0.0-rc.1"))[0] == 1
    code, _, err = fde("upgrade", made, "--to", write("v1.0.0", changed(SYNC, "3", "4"), CONFIG))
    assert code == 1 and "a version never changes" in err
    lock = made / ".fde-lock.yaml"
    written = lock.read_text()
    lock.write_text(written.replace("api.north.example", "api.south.example"))
    code, _, err = fde("upgrade", made, "--to", write("v1.1.0", SYNC, CONFIG))
    assert code == 3 and "the lock was edited" in err
    lock.write_text("version: [\n")
    assert fde("upgrade", made, "--to", write("v1.1.0", SYNC, CONFIG))[0] == 3
    lock.write_text(written)
    (made / ".fde" / "sync.v1.0.0.yaml").unlink()
    code, _, err = fde("upgrade", made, "--to", write("v1.1.0", SYNC, CONFIG))
    assert code == 3 and "gone" in err


def test_instantiating_again_does_not_lose_edits(
    made: Path, write: Callable[..., Path], fde: Told, tmp_path: Path
) -> None:
    values = tmp_path / "values.yaml"
    again = ("instantiate", write(), "--values", values, "--output", made)
    assert fde(*again)[0] == 0
    (made / "app" / "sync.py").write_text("edited\n")
    code, _, err = fde(*again)
    assert code == 1 and "fde upgrade" in err
    assert (made / "app" / "sync.py").read_text() == "edited\n"


def test_an_upgrade_that_stopped_half_way_goes_on(
    made: Path, write: Callable[..., Path], fde: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fde_library import upgrade

    sync = made / "app" / "sync.py"
    sync.write_text(sync.read_text().replace("return HOST", "return HOST.lower()"))
    newer = write("v1.1.0", changed(SYNC, "PAGES = 3", "PAGES = 5"), changed(CONFIG, "retries = 3", "retries = 9"))
    replace_file = upgrade.replace_file

    def once(folder: Path, path: str, data: bytes) -> None:
        if path == "config.ini":
            raise OSError("the disk is full")
        replace_file(folder, path, data)

    monkeypatch.setattr(upgrade, "replace_file", once)
    assert fde("upgrade", made, "--to", newer)[0] == 1
    assert "v1.0.0" in (made / ".fde-lock.yaml").read_text()
    monkeypatch.undo()
    assert fde("upgrade", made, "--to", newer)[0] == 0
    assert "PAGES = 5" in sync.read_text() and "HOST.lower()" in sync.read_text()
    assert b"retries = 9" in (made / "config.ini").read_bytes()


def test_values_change_without_a_new_version(made: Path, write: Callable[..., Path], fde: Told, tmp_path: Path) -> None:
    sync = made / "app" / "sync.py"
    sync.write_text(sync.read_text().replace("PAGES = 3", "PAGES = 4"))
    (tmp_path / "new.yaml").write_text("apiHost: api.south.example\n")
    code, _, err = fde("upgrade", made, "--to", write("v1.0.0"), "--values", tmp_path / "new.yaml")
    assert code == 1 and "conflict" in err  # neighbouring lines: both sides are there
    assert "api.south.example" in sync.read_text() and "PAGES = 4" in sync.read_text()
    assert yaml.safe_load((made / ".fde-lock.yaml").read_text())["values"] == {"apiHost": "api.south.example"}
