from pathlib import Path

import pytest

from fde_local.errors import MissingToolchain
from fde_local.toolchain import GO, JAVA, MAVEN, TOOLS, Tool, find


def a_tool_that_says(words: str, bin_folder: Path, command: str) -> Path:
    bin_folder.mkdir(parents=True, exist_ok=True)
    path = bin_folder / command
    path.write_text(f"#!/bin/sh\necho '{words}' >&2\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("tool", "words", "version"),
    [
        (JAVA, 'openjdk version "17.0.15" 2025-04-15', (17, 0)),
        (JAVA, 'openjdk version "21" 2023-09-19', (21, 0)),
        (JAVA, 'openjdk version "26-ea" 2026-03-17', (26, 0)),
        (MAVEN, "Apache Maven 3.8.7", (3, 8)),
        (GO, "go version go1.26.8 linux/amd64", (1, 26)),
    ],
)
def test_a_tool_that_is_new_enough_is_found_on_path(tmp_path: Path, tool: Tool, words: str, version: tuple[int, int]):
    path = a_tool_that_says(words, tmp_path, tool.command)
    found = find(tool, {"PATH": str(tmp_path)})
    assert (found.path, found.version) == (path, version)


@pytest.mark.parametrize("words", ['java version "1.8.0_392"', 'openjdk version "11.0.22"', "who knows"])
def test_a_java_that_is_too_old_is_not_taken(tmp_path: Path, words: str):
    a_tool_that_says(words, tmp_path, "java")
    with pytest.raises(MissingToolchain, match="Java 17 or newer was not found"):
        find(JAVA, {"PATH": str(tmp_path)})


def test_java_home_comes_before_path(tmp_path: Path):
    a_tool_that_says('openjdk version "17.0.1"', tmp_path / "path", "java")
    at_home = a_tool_that_says('openjdk version "21.0.1"', tmp_path / "home" / "bin", "java")
    assert find(JAVA, {"PATH": str(tmp_path / "path"), "JAVA_HOME": str(tmp_path / "home")}).path == at_home


def test_an_old_java_home_does_not_hide_a_good_java_on_path(tmp_path: Path):
    on_path = a_tool_that_says('openjdk version "17.0.1"', tmp_path / "path", "java")
    a_tool_that_says('java version "1.8.0_392"', tmp_path / "home" / "bin", "java")
    assert find(JAVA, {"PATH": str(tmp_path / "path"), "JAVA_HOME": str(tmp_path / "home")}).path == on_path


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_missing_tool_is_named_with_its_purpose_and_the_way_to_get_it(tmp_path: Path, tool: Tool):
    with pytest.raises(MissingToolchain) as missing:
        find(tool, {"PATH": str(tmp_path)})
    said = str(missing.value)
    assert said.startswith(f"{tool.name} ")
    assert tool.needed_for in said
    assert tool.how_to_get in said
    assert "python -m fde_local prepare" in said
