"""The transport's benchmark: its logs are what they say, and its table says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_cli.bench.transport import Row, table
from fde_cli.bench.transport_lines import RECORD_BYTES, Layout, Workload, write
from fde_sidecar.parse import parse_text


@pytest.mark.parametrize("layout", ["text", "json"])
@pytest.mark.parametrize("workload", ["service", "storm", "full"])
def test_every_record_is_a_kibibyte_and_every_error_is_read(tmp_path: Path, workload: Workload, layout: Layout) -> None:
    errors = write(tmp_path / "app.log", workload, layout, 300)
    data = (tmp_path / "app.log").read_bytes()
    assert len(data) == 300 * RECORD_BYTES
    assert len(parse_text(data.decode())) == errors
    assert errors == 300 if workload != "service" else 0 < errors < 40


def test_a_row_without_a_figure_says_why() -> None:
    lines = table(
        [Row(what="a", unit="s", bar="< 2", note="no broker"), Row(what="b", unit="x", ours=3.0, peer=2.0, ratio=1.5)]
    )
    assert "no broker" in lines[1] and "1.5x" in lines[2]
