"""Running: both sides on every family of a corpus, in one process and one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fde_cli.bench.abstraction.engine import Engine
from fde_cli.bench.abstraction.figure import Figure, figures
from fde_cli.bench.abstraction.score import Row, refuses, score
from fde_cli.bench.abstraction.side import Side
from fde_cli.bench.abstraction.tokendiff import TokenDiff
from fde_cli.bench.abstraction.truth import chosen, families, shipped


def run(corpus: Path | None, only: str, tell: Callable[[str], None]) -> list[Figure]:
    """The figures of the engine and of the token diff. `only`: a regular expression on `<language>/<family>`."""
    everyone = families(corpus or shipped())
    wanted = chosen(everyone, only)
    sides: tuple[Side, Side] = (Engine(), TokenDiff())
    rows: tuple[list[Row], list[Row]] = ([], [])
    for number, family in enumerate(wanted, 1):
        for side, kept in zip(sides, rows, strict=True):
            row = score(family, side, everyone)
            kept.append(row)
            if side is sides[0]:
                seconds = row.seconds or 0.0
                notes = "; ".join(row.notes) or "as a person would do it"
                tell(f"{number}/{len(wanted)} {row.label}: {seconds:.2f} s; {notes}")
    for language in dict.fromkeys(family.language for family in wanted):
        for side, kept in zip(sides, rows, strict=True):
            if (row_of := refuses(side, everyone, language)) is not None:
                kept.append(row_of)
    return figures(*rows, sides[1].name)
