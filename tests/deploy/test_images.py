"""The image files: what they say, and what they would hold. No container engine is needed, and none is here:

each image's environment is built as its file builds it (lock by hash, then the wheel, nothing else), and run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/images"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("images_generate", FOLDER / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()
NAMES = [image.name for image in GENERATOR.IMAGES]


@dataclass(frozen=True)
class Line:
    """One instruction of an image file, continuations joined."""

    word: str
    text: str


def stages(name: str) -> list[list[Line]]:
    """The stages of an image file; what stands before the first FROM is left out."""
    text = re.sub(r"\\\n", " ", (FOLDER / f"{name}.Dockerfile").read_text())
    found: list[list[Line]] = []
    for line in (one for one in text.splitlines() if one.strip() and not one.startswith("#")):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append(Line(word, " ".join(rest.split())))
    return found


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / f"requirements/{name}.lock").read_text(), re.MULTILINE))


def test_the_image_files_are_what_the_generator_says() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.Dockerfile")}
    assert committed == dict(GENERATOR.files()), "run `python deploy/images/generate.py`"


def test_every_extra_that_runs_in_a_cluster_has_an_image() -> None:
    assert set(NAMES) == set(PROJECT["optional-dependencies"]) - {"mcp", "notebooks", "demo", "all"}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_built_apart_from_what_it_is_and_runs_as_nobody(name: str) -> None:
    build, final = stages(name)
    assert final[0].text == "${PYTHON}"
    words = [line.word for line in final]
    assert words.index("USER") > words.index("COPY")
    assert [line.text for line in final if line.word == "USER"] == ["65532:65532"]
    assert [line.text for line in final if line.word == "COPY"] == ["--from=build /opt/fde /opt/fde"]
    said = " ".join(line.text for line in (*build, *final))
    assert not re.search(r"\b(apt|apt-get|curl|wget|sudo|chmod)\b", said)
    assert "ADD" not in {line.word for line in (*build, *final)}
    (removes,) = [line.text for line in final if line.word == "RUN"]
    assert "pip uninstall" in removes
    installs = [part for line in build if line.word == "RUN" for part in line.text.split(" && ") if " install " in part]
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)


@pytest.mark.parametrize("name", NAMES)
def test_everything_an_image_copies_is_there_and_is_let_into_the_build(name: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [source for line in stages(name)[0] if line.word == "COPY" for source in line.text.split()[:-1]]
    assert f"requirements/{name}.lock" in copied
    for source in copied:
        assert (ROOT / source).exists()
        assert any(source == one or source.startswith(f"{one}/") for one in allowed), source
    sources = PROJECT_WHEEL["packages"] + list(PROJECT_WHEEL["force-include"])
    assert all(any(one == source or one.startswith(f"{source}/") for source in copied) for one in sources)


PROJECT_WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]


@pytest.mark.parametrize("name", [*NAMES, "build"])
def test_a_lock_holds_what_the_extra_asks_for_in_the_versions_that_are_tested(name: str) -> None:
    here, tested = locked(name), locked("dev")
    assert {
        package: (version, tested.get(package)) for package, version in here.items() if tested.get(package) != version
    } == {}
    if name != "build":
        asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(name, ())]
        names = {re.split(r"[^A-Za-z0-9.-]", one)[0].lower() for one in asked}
        assert names <= set(here), "run `make lock`"
    text = (ROOT / f"requirements/{name}.lock").read_text()
    assert "://" not in text
    assert len(re.findall(r"==", text)) <= len(re.findall(r"--hash=sha256:", text))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)])
    (made,) = folder.glob("fde-*.whl")
    return made


def run(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run to its end, without our own environment's packages; AssertionError when it fails."""
    done = attempt(command, **more)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done


def attempt(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("FDE_", "PYTHON", "KUBE", "VIRTUAL"))
    }
    environment = {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_RETRIES": "10", **more}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)


@pytest.fixture(scope="module", params=NAMES)
def image(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """An image's name, and the folder of the programs that it would have on its PATH."""
    name = request.param
    place: Path = tmp_path_factory.mktemp(name)
    run([sys.executable, "-m", "venv", "--without-pip", str(place)])
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(place / "bin/python"), "install", "--no-compile"]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / f"requirements/{name}.lock")]
    if name == BUILT_BY_PIP or not is_built_by_uv(place, locked):
        run([*pip, *locked])
    run([*pip, "--no-deps", "--no-index", str(wheel)])
    yield name, place / "bin"


BUILT_BY_PIP = "runtime"  # as every image file has it


def is_built_by_uv(place: Path, locked: list[str]) -> bool:
    """The same files by the same hashes, a package of several images unpacked once; False where uv knows no index that answers."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(place / "bin/python")]
    return attempt([*uv, *locked]).returncode == 0


# What an image is for, as packages: every module of them must be there with that extra alone.
PACKAGES = {
    "operator": ("fde_operator", "fde_api", "fde_template", "fde_events"),
    "sidecar": ("fde_sidecar", "fde_events", "fde_sdk"),
    "streams": ("fde_streams", "fde_events"),
    "extraction": ("fde_extraction", "fde_registry", "fde_template", "fde_events"),
    "review": ("fde_review", "fde_registry"),
    "runtime": ("fde_template",),
}
MAY_LACK: dict[str, tuple[str, ...]] = {}
WALK = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    found = importlib.import_module(package)
    for one in pkgutil.walk_packages(found.__path__, package + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
"""
# What modules import at any place, inside functions too, and is not there.
LACKS = """
import ast, importlib.util, pathlib, sys
lacks = set()
for package in sys.argv[1:]:
    for path in pathlib.Path(importlib.util.find_spec(package).origin).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                try:
                    there = importlib.util.find_spec(name) is not None
                except ModuleNotFoundError:
                    there = False
                except ValueError:  # in memory already, by a module that replaced itself
                    there = True
                if not there:
                    lacks.add(f"{name}: {package}/{path.name}")
print(chr(10).join(sorted(lacks)))
"""
# A start that gets as far as it can without a cluster or a broker, and the sentence it must end with.
STARTS = {
    "operator": [(["operator"], 2, "no connection to Kubernetes is configured")],
    "sidecar": [
        (["sidecar", "--feed", "nowhere.yaml", "--customer", "c", "--spool", "spool", "--stdin"], None, "nowhere.yaml")
    ],
    "streams": [
        (["worker", "ingest", "--brokers", "127.0.0.1:9", "--patience", "1"], 1, "127.0.0.1:9"),
        (["worker", "fold", "--brokers", "127.0.0.1:9", "--patience", "1"], 1, "127.0.0.1:9"),
    ],
    "extraction": [
        (["worker", "extraction", "--registry", "kubernetes", "--evidence", "e", "-b", "127.0.0.1:9"], 2, "Kubernetes"),
    ],
    "review": [(["review", "serve", "--registry", "kubernetes"], 2, "Kubernetes")],
    "runtime": [],
}


@pytest.mark.seconds
def test_an_image_holds_every_module_that_it_is_for(image: tuple[str, Path]) -> None:
    name, programs = image
    run([str(programs / "python"), "-c", WALK, *PACKAGES[name]])
    lacks = run([str(programs / "python"), "-c", LACKS, *PACKAGES[name]]).stdout.split("\n")
    assert [one for one in lacks if one.partition(":")[0] not in ("", *MAY_LACK.get(name, ()))] == []


@pytest.mark.seconds
def test_an_image_starts_and_says_what_it_lacks(image: tuple[str, Path], tmp_path: Path) -> None:
    name, programs = image
    (spec,) = [one for one in GENERATOR.IMAGES if one.name == name]
    found = spec.entrypoint if spec.command[-1] == "--help" else (*spec.entrypoint, *spec.command, "--help")
    begins = [str(programs / found[0]), *found[1:], *(spec.command if spec.command[-1] == "--help" else ())]
    assert "usage" in run(begins).stdout.lower()
    for arguments, code, sentence in STARTS[name]:
        done = attempt([str(programs / "fde"), *arguments], HOME=str(tmp_path))
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert sentence in said
        assert done.returncode == code if code is not None else done.returncode in (1, 2, 3), said


@pytest.mark.seconds
def test_what_an_image_prepares_is_there_for_who_runs_in_it(image: tuple[str, Path], tmp_path: Path) -> None:
    name, programs = image
    (spec,) = [one for one in GENERATOR.IMAGES if one.name == name]
    if not spec.prepares:
        return
    run(["sh", "-c", f"{programs}/{spec.prepares}"], FDE_CACHE=str(tmp_path))
    made = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(made) == 2  # the automata of both modes
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in made)


@pytest.mark.seconds
def test_the_runtime_image_renders_a_file_with_a_secret(image: tuple[str, Path], tmp_path: Path) -> None:
    name, programs = image
    if name != "runtime":
        return
    job, secrets, output = (tmp_path / one for one in ("job", "secrets", "output"))
    for folder in (job, secrets, output):
        folder.mkdir()
    files = []
    for language, path, before, after in (
        ("python", "conf/key.py", 'KEY = "', '"\n'),
        ("typescript", "conf/key.ts", 'export const key: string = "', '";\n'),
    ):
        hole = {"hole": {"parameter": "clientSecret", "place": f"{language}.string.double"}}
        files.append({"path": path, "language": language, "segments": [{"text": before}, hole, {"text": after}]})
    template = {"files": files}
    (job / "template.json").write_text(json.dumps(template))
    (job / "parameters.json").write_text(json.dumps([{"name": "clientSecret", "type": "secretRef", "required": True}]))
    (job / "values.json").write_text("{}")
    (secrets / "clientSecret").write_text("s3same")
    options = ["--job", str(job), "--secrets", str(secrets), "--output", str(output)]
    run([str(programs / "python"), "-m", "fde_template.pod", *options])
    assert (output / "conf/key.py").read_text() == 'KEY = "s3same"\n'
    assert (output / "conf/key.ts").read_text() == 'export const key: string = "s3same";\n'


@pytest.mark.seconds
def test_the_sidecar_image_gives_away_the_wrapper_that_needs_no_package(
    image: tuple[str, Path], tmp_path: Path
) -> None:
    name, programs = image
    if name != "sidecar":
        return
    copy = "import shutil, sys; from fde_sidecar import tee; shutil.copyfile(tee.__file__, sys.argv[1])"
    run([str(programs / "python"), "-c", copy, str(tmp_path / "tee.py")])
    app = [sys.executable, "-I", "-S", str(tmp_path / "tee.py"), "--log", str(tmp_path / "app.log"), "--"]
    assert run([*app, "echo", "hello"]).stdout == "hello\n"
    assert (tmp_path / "app.log").read_text() == "hello\n"
