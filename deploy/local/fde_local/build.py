"""Builds a component once: under a lock, beside its place, then renamed into it.

The build's way: lock -> a hidden folder with the sources -> the steps -> rename -> the cache.
"""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fde_local.component import Component, Step
from fde_local.errors import BuildFailed
from fde_local.process import LocalProcess
from fde_local.toolchain import find

Report = Callable[[str], None]


def build(component: Component, cache: Path, report: Report, *, every_s: float = 15.0, limit_s: float = 3600.0) -> Path:
    """The component's folder, built now if it is not there; `report` hears of it every `every_s` seconds.

    Raises MissingToolchain before anything is started, BuildFailed when a step fails or takes over `limit_s` seconds.
    """
    folder = component.folder(cache)
    component.check_tools(cache)
    if component.is_built(cache):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    title = f"{component.name} {component.version}"
    with _only_one(cache / f"{component.key}.lock", lambda: report(f"{title}: another run builds it; waiting")):
        if component.is_built(cache):
            return folder
        for left_over in cache.glob(f".building-{component.key}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished = cache / f".building-{component.key}"
        unfinished.mkdir()
        for source in component.sources:
            shutil.copy2(source, unfinished / source.name)
        began = time.monotonic()
        report(f"{title}: building (log: {cache / component.key}.log)")
        for step in component.steps:
            _run(step, component, unfinished, cache, report, began, every_s, limit_s)
        if not (unfinished / component.makes).exists():
            raise BuildFailed(
                f"{title}: every step ended well, but {unfinished / component.makes} is not there. "
                f"Compare the steps in {__package__}/component.py with the log {cache / component.key}.log."
            )
        unfinished.rename(folder)
        report(f"{title}: built in {time.monotonic() - began:.0f} s")
    return folder


def _run(
    step: Step,
    component: Component,
    folder: Path,
    cache: Path,
    report: Report,
    began: float,
    every_s: float,
    limit_s: float,
) -> None:
    command = [str(find(step.tool).path), *step.arguments]
    environment = {name: value.replace("{out}", str(folder)) for name, value in step.environment}
    process = LocalProcess.start(component.key, command, cache, working_directory=folder, environment=environment)
    title = f"{component.name} {component.version}"
    try:
        while (code := process.wait(every_s)) is None:
            elapsed_s = time.monotonic() - began
            report(f"{title}: building, {elapsed_s:.0f} s")
            if elapsed_s > limit_s:
                raise BuildFailed(f"{title}: `{step.tool.command}` still ran after {limit_s:.0f} s and was ended.")
    finally:
        process.stop()
        (cache / f"{component.key}.pid").unlink(missing_ok=True)
    if code:
        raise BuildFailed(
            f"{title}: `{' '.join([step.tool.command, *step.arguments])}` ended with {code}. "
            f"{process.last_words()}\nMend that (is the package registry reachable?), then run "
            "`python -m fde_local prepare` again."
        )


@contextmanager
def _only_one(lock: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
