"""`redact`: the sidecar's redactor against one alternation of the same rules' patterns, replaced in one pass.

The peer is what one writes first. It has no context checks (Luhn, what is source code, which hosts are vendors'), no
pseudonyms, and does not redact again what a replacement uncovers, so it does less for each byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fde_cli.bench import material
from fde_cli.bench.figure import Figure, in_turns, rate
from fde_sidecar.pseudonym import fresh_key
from fde_sidecar.redact import Redactor
from fde_sidecar.rules import RULES

PEER: Final = "one alternation of the same patterns"
SAMPLE_BYTES: Final = 16 * 1024  # from the head of each log; the peer needs seconds for a megabyte
_GLOBAL_FLAG: Final = re.compile(r"^\(\?([aiLmsux]+)\)")


def run(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Bytes a CPU second. A fresh redactor a round: what it remembers of lines it has to learn first."""
    text = "".join(
        path.read_bytes()[:SAMPLE_BYTES].decode(errors="replace") + "\n" for _, path in material.logs(directory)
    )
    lines = text.split("\n")
    naive, kinds = alternation()

    def ours() -> int:
        redactor = Redactor(fresh_key())
        return sum(len(clean) for clean, _ in redactor.lines(lines))

    def peer() -> int:
        return sum(len(naive.sub(lambda found: f"<{kinds[found.lastgroup or '']}>", line)) for line in lines)

    pairs = in_turns(ours, peer, rounds=rounds, tell=tell)
    return [rate("redact", "redact a log", "bytes/CPU-s", PEER, len(text.encode()), pairs)]


def alternation() -> tuple[re.Pattern[str], dict[str, str]]:
    """Every standard rule's pattern as one, in the rules' order; and the kind each rule's group stands for.

    Names of groups are made distinct, and a pattern's own flags hold for its part alone.
    """
    parts, kinds = [], {}
    for number, rule in enumerate(rule for rule in RULES if not rule.strict):
        pattern, flags = rule.pattern.pattern, ""
        if (found := _GLOBAL_FLAG.match(pattern)) is not None:
            pattern, flags = pattern[found.end() :], found[1]
        pattern = re.sub(r"\(\?P<(\w+)>", rf"(?P<r{number}_\1>", pattern)
        pattern = re.sub(r"\(\?P=(\w+)\)", rf"(?P=r{number}_\1)", pattern)
        pattern = re.sub(r"\(\?\(([A-Za-z_]\w*)\)", rf"(?(r{number}_\1)", pattern)
        parts.append(f"(?P<rule{number}>(?{flags}:{pattern}))" if flags else f"(?P<rule{number}>{pattern})")
        kinds[f"rule{number}"] = rule.kind
    return re.compile("|".join(parts)), kinds
