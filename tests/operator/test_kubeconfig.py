"""A file that is no kubeconfig is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from fde_events.errors import Misuse
from fde_operator.kubernetes import config_of


@pytest.mark.parametrize(
    "content",
    [b"", b"{broken", b"a: b", b"\xff\xfe\x00", b"current-context: x\ncontexts: []\nclusters: []\nusers: []\n", b"[]"],
)
def test_a_file_that_is_no_kubeconfig_is_misuse(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)
    with pytest.raises(Misuse, match="kubeconfig"):
        config_of(str(file))
