"""`python -m fde_local`: prepare, status, kafka, kubernetes.

Talk goes to stderr, data to stdout. Exit codes: 0 done, 1 something is missing or failed, 2 wrong use.
"""

import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cyclopts import App

from fde_local.build import build
from fde_local.component import COMPONENTS, default_cache
from fde_local.errors import LocalError, MissingToolchain
from fde_local.gate import is_ci
from fde_local.toolchain import TOOLS, describe
from fde_local.users import USERS

app = App(
    name="fde_local",
    help="The real Kafka and the real Kubernetes that the tests run against, without containers.",
    version_flags=(),
)


@app.command
def prepare(*, skip_missing: bool = False) -> int:
    """Build what is missing in the cache. Does nothing, quickly, when all is there.

    Parameters
    ----------
    skip_missing
        A tool that is not installed is told, but is no error: the tests that need it are skipped.
        Has no effect with CI=true.
    """
    cache = default_cache()
    forgiving = skip_missing and not is_ci()
    failed = False
    for component in COMPONENTS:
        try:
            build(component, cache, _tell)
        except MissingToolchain as missing:
            _tell(f"{component.name} {component.version}: {missing}")
            if forgiving:
                _tell(f"{component.name} {component.version}: left out; the tests that need it are skipped")
            failed = failed or not forgiving
        except LocalError as error:
            _tell(str(error))
            failed = True
    return int(failed)


@app.command
def status() -> int:
    """Print the tools found and what the cache holds. Exit code 1 when something is not built."""
    cache = default_cache()
    for tool in TOOLS:
        print(f"tool      {describe(tool)}")
    for component in COMPONENTS:
        folder = component.folder(cache)
        print(f"{'built    ' if component.is_built(cache) else 'not built'} {folder}{_size(folder)}")
    used = {component.key for component in COMPONENTS}
    for folder in sorted(path for path in cache.glob("[!.]*") if path.is_dir() and path.name not in used):
        print(f"unused    {folder}{_size(folder)} (of another version of the sources; may be deleted)")
    return int(not all(component.is_built(cache) for component in COMPONENTS))


@app.command
def kafka(*, secured: bool = False) -> int:
    """Run one Kafka broker until Ctrl-C; prints its bootstrap servers.

    Parameters
    ----------
    secured
        TLS, passwords, and nothing allowed that no rule allows.
    """
    from fde_local.kafka import KafkaBroker

    with _interruptible(), tempfile.TemporaryDirectory(prefix="fde-kafka-") as directory:
        try:
            with KafkaBroker.start(Path(directory), secured=secured) as broker:
                print(broker.bootstrap_servers, flush=True)
                if secured:
                    _tell(f"the administrator's client settings: {broker.admin_settings}")
                _tell(f"kafka runs (log: {broker.log}); Ctrl-C stops it and deletes its data")
                threading.Event().wait()
        except LocalError as error:
            _tell(str(error))
            return 1
    return 0


@app.command
def kubernetes() -> int:
    """Run one Kubernetes until Ctrl-C; prints the kubeconfig file of the administrator."""
    from fde_local.kubernetes import ControlPlane

    with _interruptible(), tempfile.TemporaryDirectory(prefix="fde-kubernetes-") as directory:
        try:
            with ControlPlane.start(Path(directory)) as plane:
                print(plane.kubeconfig("admin"), flush=True)
                _tell(f"kubernetes runs at {plane.url}; Ctrl-C stops it and deletes its data")
                _tell(f"beside that file, <user>.kubeconfig for {', '.join(USERS)}; and the logs")
                threading.Event().wait()
        except LocalError as error:
            _tell(str(error))
            return 1
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _size(folder: Path) -> str:
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f" ({total / 1e6:.0f} MB)" if total else ""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block at any point, starting included, and are no error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield


if __name__ == "__main__":
    app()
