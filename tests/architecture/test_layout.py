from __future__ import annotations

import operator
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_operator_folder_never_becomes_a_package() -> None:
    """./operator is a source root: an __init__.py, test or conftest there replaces the standard library's module."""
    forbidden = ["__init__.py", "conftest.py", "test_*.py", "*_test.py"]
    assert [p.name for g in forbidden for p in (ROOT / "operator").glob(g)] == []
    assert not (ROOT / "tests/operator/__init__.py").exists()


def test_the_standard_library_s_operator_is_the_one_imported() -> None:
    assert Path(operator.__file__).parent == Path(sysconfig.get_path("stdlib"))


def test_only_the_handlers_and_the_process_know_kopf_and_only_the_adapter_talks_to_the_api_server() -> None:
    package = ROOT / "operator/fde_operator"
    of_kopf = {p.name for p in package.glob("*.py") if "import kopf" in p.read_text()}
    of_lightkube = {p.name for p in package.glob("*.py") if "from lightkube" in p.read_text()}
    assert of_kopf == {"handlers.py", "process.py"}
    assert of_lightkube == {
        "kubernetes.py",
        "lease.py",
        "fence.py",
    }  # the Lease has connections of its own, fenced at the socket
