"""What is built: Kafka's jars, the control plane, kwok, and the judges of the chart. A component is named by all that decides its content.

The component's way: sources + steps -> key -> a folder of the cache -> built once (build.py) -> started.
"""

import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fde_local.errors import MissingToolchain, NotPrepared
from fde_local.toolchain import GO, JAVA, MAVEN, Tool, find

_LOCAL: Final = Path(__file__).resolve().parents[1]  # deploy/local


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a build. It runs in the folder being built; `{out}` in `environment` is that folder."""

    tool: Tool
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """Something built once and kept. The files in `sources` are copied into the build."""

    name: str
    version: str
    steps: tuple[Step, ...]
    makes: str
    sources: tuple[Path, ...] = ()
    runs_with: tuple[Tool, ...] = ()
    platform_bound: bool = True

    @property
    def key(self) -> str:
        """`<name>-<version>-<12 hex digits>`: changes with any source, any step, and the platform."""
        digest = hashlib.sha256()
        digest.update(repr([(s.tool.name, s.arguments, s.environment) for s in self.steps]).encode())
        if self.platform_bound:
            digest.update(f"{platform.system()} {platform.machine()}".encode())
        for path in self.sources:
            content = path.read_bytes()
            digest.update(f"{path.name} {len(content)}\n".encode() + content)
        return f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"

    def folder(self, cache: Path) -> Path:
        """Where it is, or will be, in `cache`. The folder appears only when it is complete."""
        return cache / self.key

    def is_built(self, cache: Path) -> bool:
        """Whether :meth:`folder` is there."""
        return self.folder(cache).is_dir()

    def check_tools(self, cache: Path) -> None:
        """Raises MissingToolchain that names every tool missing to build the component (if need be) and to run it."""
        needed = list(self.runs_with)
        if not self.is_built(cache):
            needed += [step.tool for step in self.steps if step.tool not in needed]
        missing: list[str] = []
        for tool in needed:
            try:
                find(tool)
            except MissingToolchain as error:
                missing.append(str(error))
        if missing:
            raise MissingToolchain("\n".join(missing))

    def demand(self, cache: Path) -> Path:
        """What it makes, ready to run.

        Raises MissingToolchain when this machine cannot build or run it, NotPrepared when nobody has built it.
        """
        self.check_tools(cache)
        if not self.is_built(cache):
            raise NotPrepared(
                f"{self.name} {self.version} is not built: {self.folder(cache)} is not there. "
                "Build it with `python -m fde_local prepare` (or `make test`)."
            )
        return self.folder(cache) / self.makes


_KUBERNETES: Final = "1.35.4"
_MAJOR, _MINOR, _ = _KUBERNETES.split(".")
_STAMP: Final = "-X k8s.io/component-base/version."

KAFKA: Final = Component(
    name="kafka",
    version="4.1.0",
    sources=(_LOCAL / "kafka" / "pom.xml",),
    steps=(
        Step(
            MAVEN,
            ("-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"),
        ),
    ),
    makes="libs",
    runs_with=(JAVA,),
    platform_bound=False,
)
CONTROL_PLANE: Final = Component(
    name="controlplane",
    version=_KUBERNETES,
    sources=tuple(_LOCAL / "kubernetes" / "controlplane" / name for name in ("go.mod", "go.sum", "keys.go", "main.go")),
    steps=(
        Step(
            GO,
            (
                "build",
                "-mod=readonly",
                "-buildvcs=false",
                "-ldflags",
                f"-s -w {_STAMP}gitVersion=v{_KUBERNETES} {_STAMP}gitMajor={_MAJOR} {_STAMP}gitMinor={_MINOR}",
                "-o",
                "controlplane",
                ".",
            ),
            (("CGO_ENABLED", "0"), ("GOWORK", "off")),
        ),
    ),
    makes="controlplane",
)
KWOK: Final = Component(
    name="kwok",
    version="0.7.0",
    steps=(
        Step(
            GO,
            ("install", "sigs.k8s.io/kwok/cmd/kwok@v0.7.0"),
            (("CGO_ENABLED", "0"), ("GOBIN", "{out}"), ("GOWORK", "off")),
        ),
    ),
    makes="kwok",
)


def _judge(name: str, version: str, package: str) -> Component:
    """A program that judges what we ship. Stripped: half the size, and what it says is the same."""
    arguments = ("install", "-ldflags", "-s -w", f"{package}@v{version}")
    environment = (("CGO_ENABLED", "0"), ("GOBIN", "{out}"), ("GOWORK", "off"))
    return Component(name=name, version=version, steps=(Step(GO, arguments, environment),), makes=name)


HELM: Final = _judge("helm", "4.3.1", "helm.sh/helm/v4/cmd/helm")
KUBECONFORM: Final = _judge("kubeconform", "0.8.0", "github.com/yannh/kubeconform/cmd/kubeconform")
KUBE_SCORE: Final = _judge("kube-score", "1.20.0", "github.com/zegl/kube-score/cmd/kube-score")
COMPONENTS: Final = (KAFKA, CONTROL_PLANE, KWOK, HELM, KUBECONFORM, KUBE_SCORE)


def default_cache() -> Path:
    """`~/.cache/fde`, or `fde` below XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fde"
