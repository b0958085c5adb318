"""Ten cycles of the soak; a hundred and more: `python tests/soak/soak.py --cycles 100`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.seconds
@pytest.mark.processes
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("kafka_toolchain")
def test_ten_faults_lose_nothing_double_nothing_and_the_ledger_agrees(tmp_path):
    paths = [str(HERE.parents[1] / "deploy" / "local"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(HERE / "soak.py"), "--cycles", "10", "--directory", str(tmp_path / "soak")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "FDE_SNAPSHOT_KIB": "32"},
        capture_output=True,
        text=True,
        timeout=870,
    )
    print(done.stderr)
    figures = json.loads(done.stdout)
    assert figures["wrong"] == []
    assert (figures["lost"], figures["counted_twice"], figures["raised_twice"]) == (0, 0, 0)
    assert figures["cycles"] == 10
    assert figures["printed"] > 1_000
    assert figures["challenges"] == 5
    assert figures["ledger"] == ["whole"]
    assert done.returncode == 0
