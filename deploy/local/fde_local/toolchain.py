"""The tools that build and run the servers: Java, Maven, Go. Finds them, or says how to get them."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fde_local.errors import MissingToolchain


@dataclass(frozen=True, slots=True)
class Tool:
    """A command, the lowest version that works, and how a person gets it."""

    name: str
    command: str
    version_arguments: tuple[str, ...]
    version_pattern: str
    lowest: tuple[int, int]
    home_variable: str | None
    needed_for: str
    how_to_get: str


JAVA: Final = Tool(
    name="Java",
    command="java",
    version_arguments=("-version",),
    version_pattern=r'version "(\d+)(?:\.(\d+))?',
    lowest=(17, 0),
    home_variable="JAVA_HOME",
    needed_for="runs the real Kafka",
    how_to_get="`apt-get install openjdk-17-jre-headless`, `brew install openjdk`, or any JDK with JAVA_HOME set",
)
MAVEN: Final = Tool(
    name="Maven",
    command="mvn",
    version_arguments=("-version",),
    version_pattern=r"Apache Maven (\d+)\.(\d+)",
    lowest=(3, 6),
    home_variable=None,
    needed_for="brings the jars of the real Kafka",
    how_to_get="`apt-get install maven` or `brew install maven`",
)
GO: Final = Tool(
    name="Go",
    command="go",
    version_arguments=("version",),
    version_pattern=r"go version go(\d+)\.(\d+)",
    lowest=(1, 25),
    home_variable=None,
    needed_for="builds the real Kubernetes control plane",
    how_to_get="`brew install go`, or the archive from the Go project's download page with its bin folder on PATH",
)
TOOLS: Final = (JAVA, MAVEN, GO)


@dataclass(frozen=True, slots=True)
class Found:
    """A tool on this machine that is new enough."""

    path: Path
    version: tuple[int, int]


def find(tool: Tool, environment: Mapping[str, str] = os.environ) -> Found:
    """The first place where `tool` is new enough: its home variable, then PATH.

    Raises MissingToolchain with everything that was looked at and the way to get the tool.
    """
    seen: list[str] = []
    for place, path in _places(tool, environment):
        if path is None:
            seen.append(f"{place}: not there")
            continue
        version = _version(tool, path)
        if version is None:
            seen.append(f"{place}: {path} does not say its version")
        elif version < tool.lowest:
            seen.append(f"{place}: {path} is {_dotted(version)}")
        else:
            return Found(path, version)
    raise MissingToolchain(
        f"{tool.name} {_dotted(tool.lowest)} or newer was not found; it {tool.needed_for}. "
        f"Looked at {'; '.join(seen)}. Get it: {tool.how_to_get}. Then run `python -m fde_local prepare`."
    )


def describe(tool: Tool, environment: Mapping[str, str] = os.environ) -> str:
    """One line for a person: where the tool is and its version, or what is missing."""
    try:
        found = find(tool, environment)
    except MissingToolchain as missing:
        return str(missing)
    return f"{tool.name} {_dotted(found.version)} ({found.path})"


def _places(tool: Tool, environment: Mapping[str, str]) -> list[tuple[str, Path | None]]:
    places: list[tuple[str, Path | None]] = []
    if tool.home_variable and (home := environment.get(tool.home_variable)):
        in_home = Path(home) / "bin" / tool.command
        places.append((tool.home_variable, in_home if in_home.is_file() else None))
    on_path = shutil.which(tool.command, path=environment.get("PATH", ""))
    places.append(("PATH", Path(on_path) if on_path else None))
    return places


def _version(tool: Tool, path: Path) -> tuple[int, int] | None:
    try:
        asked = subprocess.run(
            [str(path), *tool.version_arguments], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(tool.version_pattern, asked.stdout + asked.stderr)
    return (int(said[1]), int(said[2] or 0)) if said else None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}" if version[1] else str(version[0])
