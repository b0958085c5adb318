import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fde_local.build import build
from fde_local.component import COMPONENTS, CONTROL_PLANE, HELM, KAFKA, KUBE_SCORE, KUBECONFORM, KWOK, Component, Step
from fde_local.errors import BuildFailed, MissingToolchain, NotPrepared
from fde_local.toolchain import Tool

SHELL = Tool("Shell", "sh", ("-c", "echo sh 1.0"), r"sh (\d+)\.(\d+)", (1, 0), None, "runs these tests", "any Unix")


def a_component(script: str = "cp source made", **changes: object) -> Component:
    step = Step(SHELL, ("-c", script))
    return replace(Component(name="thing", version="1.0", steps=(step,), makes="made"), **changes)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("one")
    return path


def test_the_key_changes_with_the_content_of_a_source(source: Path):
    before = a_component(sources=(source,)).key
    source.write_text("two")
    assert a_component(sources=(source,)).key != before


def test_the_key_changes_with_the_version_the_command_and_the_environment(source: Path):
    thing = a_component(sources=(source,))
    others = [
        replace(thing, version="1.1"),
        replace(thing, steps=(Step(SHELL, ("-c", "cp source other")),)),
        replace(thing, steps=(replace(thing.steps[0], environment=(("A", "1"),)),)),
    ]
    assert len({thing.key, *(other.key for other in others)}) == 4


def test_the_key_does_not_change_with_the_place_of_the_sources(tmp_path: Path, source: Path):
    elsewhere = tmp_path / "elsewhere" / "source"
    elsewhere.parent.mkdir()
    elsewhere.write_text("one")
    assert a_component(sources=(elsewhere,)).key == a_component(sources=(source,)).key


def test_the_real_components_are_keyed_by_their_pom_and_go_files():
    assert [path.name for path in KAFKA.sources] == ["pom.xml"]
    assert {"go.mod", "go.sum", "main.go"} <= {path.name for path in CONTROL_PLANE.sources}
    assert [component.key.rpartition("-")[0] for component in COMPONENTS] == [
        "kafka-4.1.0",
        "controlplane-1.35.4",
        "kwok-0.7.0",
        "helm-4.3.1",
        "kubeconform-0.8.0",
        "kube-score-1.20.0",
    ]


def test_the_versions_in_the_sources_are_the_versions_in_the_names():
    assert f"<kafka.version>{KAFKA.version}</kafka.version>" in KAFKA.sources[0].read_text()
    assert f"k8s.io/kubernetes v{CONTROL_PLANE.version}\n" in CONTROL_PLANE.sources[0].read_text()
    for installed in (KWOK, HELM, KUBECONFORM, KUBE_SCORE):
        assert installed.steps[0].arguments[-1].endswith(f"/{installed.makes}@v{installed.version}")


def test_a_build_appears_in_the_cache_once_and_complete(tmp_path: Path, source: Path):
    cache, said = tmp_path / "cache", []
    thing = a_component(sources=(source,))
    folder = build(thing, cache, said.append)
    assert (folder / "made").read_text() == "one"
    assert thing.demand(cache) == folder / "made"
    assert not list(cache.glob(".building-*"))

    told = len(said)
    assert build(thing, cache, said.append) == folder
    assert len(said) == told, "a second build has nothing to say"


def test_a_long_build_tells_how_long_it_takes(tmp_path: Path):
    said: list[str] = []
    build(a_component("sleep 0.5; touch made"), tmp_path, said.append, every_s=0.1)
    assert any("building, 0 s" in line for line in said)


def test_a_failed_build_leaves_nothing_that_looks_built_and_shows_its_log(tmp_path: Path):
    broken = a_component("echo the disk is full; exit 3")
    with pytest.raises(BuildFailed) as failed:
        build(broken, tmp_path, lambda line: None)
    assert "ended with 3" in str(failed.value)
    assert "the disk is full" in str(failed.value)
    assert not broken.is_built(tmp_path)


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path):
    with pytest.raises(BuildFailed, match="still ran after"):
        build(a_component("sleep 60"), tmp_path, lambda line: None, every_s=0.05, limit_s=0.1)


def test_a_left_over_of_a_killed_build_is_no_obstacle(tmp_path: Path):
    thing = a_component("touch made")
    (tmp_path / f".building-{thing.key}").mkdir(parents=True)
    assert build(thing, tmp_path, lambda line: None).is_dir()


def test_two_runs_do_not_build_at_once(tmp_path: Path):
    count = tmp_path / "count"
    thing = a_component(f"echo built >> {count}; sleep 0.3; touch made")
    runs = [threading.Thread(target=build, args=(thing, tmp_path / "cache", lambda line: None)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert count.read_text() == "built\n"


def test_what_is_not_built_says_how_to_build_it(tmp_path: Path):
    with pytest.raises(NotPrepared, match="python -m fde_local prepare"):
        a_component().demand(tmp_path)


def test_every_missing_tool_is_named_at_once(empty_cache: Path, no_tools: None):
    with pytest.raises(MissingToolchain) as missing:
        KAFKA.demand(empty_cache)
    assert "Java 17 or newer" in str(missing.value)
    assert "Maven 3.6 or newer" in str(missing.value)
