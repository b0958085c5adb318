"""Figures: rows of two sides to one number a figure and language, ours beside the peer's.

rows -> shares summed over the families of a language -> Figure -> table
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Final

import msgspec

from fde_cli.bench.abstraction.score import Row

OVERALL: Final = "overall"
SHARES: Final = (
    "round_trip", "heldout", "reject_agreement", "reject_constant", "reject_unrelated", "refuse_unrelated",
    "precision", "recall", "f1", "exact", "structure", "names", "types", "secrets", "planted", "leak_free",
)  # fmt: skip
NUMBERS: Final = ("leaks", "seconds_mean", "seconds_max")
# What the engine is held to, overall: at least; of leaks at most.
REACH: Final = {
    "round_trip": 1.0, "heldout": 0.97, "reject_agreement": 1.0, "reject_constant": 1.0, "reject_unrelated": 1.0,
    "refuse_unrelated": 1.0, "precision": 0.9, "recall": 0.9, "exact": 0.6, "structure": 0.8, "names": 0.7, "types": 0.85,
    "secrets": 1.0, "planted": 1.0, "leak_free": 1.0, "leaks": 0,
}  # fmt: skip


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one language, or overall. `ratio`: ours / the peer's; null when the peer's is 0.

    `fde_n`, `peer_n`: (reached, of how many) of a share. A figure with nothing to count is null. `seconds_*`: wall time of
    abstracting one family. `reach`: what is asked overall; null where nothing is.
    """

    bench: str = "abstraction"
    figure: str
    language: str
    fde: float | None
    peer: float | None
    peer_name: str
    ratio: float | None
    fde_n: tuple[int, int] | None = None
    peer_n: tuple[int, int] | None = None
    reach: float | None = None


def figures(ours: Sequence[Row], peer: Sequence[Row], peer_name: str) -> list[Figure]:
    """Every figure, overall first and then by language."""
    languages = sorted({row.language for row in ours})
    found = []
    for language in (OVERALL, *languages):
        mine, other = (
            [row for row in rows if language in (OVERALL, row.language)] for rows in (list(ours), list(peer))
        )
        for name in (*SHARES, *NUMBERS):
            ours_is, peer_is = number(name, mine), number(name, other)
            found.append(
                Figure(
                    figure=name, language=language, fde=ours_is, peer=peer_is, peer_name=peer_name,
                    ratio=round(ours_is / peer_is, 4) if ours_is is not None and peer_is else None,
                    fde_n=None if name in ("f1", *NUMBERS) else total(name, mine),
                    peer_n=None if name in ("f1", *NUMBERS) else total(name, other),
                    reach=REACH.get(name) if language == OVERALL else None,
                )
            )  # fmt: skip
    return found


def number(name: str, rows: Sequence[Row]) -> float | None:
    """A figure over rows, four digits; None with nothing to count."""
    match name:
        case "f1":
            precision, recall = number("precision", rows) or 0.0, number("recall", rows)
            if recall is None:
                return None
            return round(2 * precision * recall / (precision + recall), 4) if precision + recall else 0.0
        case "leaks":
            return sum(row.leaks for row in rows)
        case "seconds_mean" | "seconds_max":
            seconds = [row.seconds for row in rows if row.seconds is not None]
            over = fmean if name == "seconds_mean" else max
            return round(over(seconds), 3) if seconds else None
        case _:
            reached, most = total(name, rows)
            return round(reached / most, 4) if most else None


def total(name: str, rows: Sequence[Row]) -> tuple[int, int]:
    """A share's sums over rows: every thing counted weighs the same, not every family."""
    parts = [row.shares.get(name, (0, 0)) for row in rows]
    return sum(reached for reached, _ in parts), sum(most for _, most in parts)


def table(found: Sequence[Figure]) -> list[str]:
    """Lines for people: each figure overall with what is asked and the ratio, then by language, ours / the peer's."""
    languages = list(dict.fromkeys(one.language for one in found if one.language != OVERALL))
    cells = {(one.figure, one.language): one for one in found}
    head = f"{'figure':18} {'fde':>7} {'peer':>7} {'ratio':>8} {'reach':>8} "
    lines = [head + "".join(f"{language:>20}" for language in languages)]
    for name in (*SHARES, *NUMBERS):
        one = cells[name, OVERALL]
        ratio = "-" if one.ratio is None else f"{one.ratio:.3g}x"
        reach = "" if one.reach is None else f"{'<=' if name == 'leaks' else '>='}{one.reach:g}"
        short = "!" if missed(one) else " "
        beside = "".join(
            f"{_shown(cells[name, language].fde) + ' / ' + _shown(cells[name, language].peer):>20}"
            for language in languages
        )
        lines.append(f"{name:18} {_shown(one.fde):>7} {_shown(one.peer):>7} {ratio:>8} {reach:>8}{short}{beside}")
    peers = {one.peer_name for one in found}
    lines.append(f"peer: {', '.join(sorted(peers))}; columns of languages are fde / peer; ! is short of what is asked")
    return lines


def missed(one: Figure) -> bool:
    """Whether what is asked is not reached."""
    if one.reach is None or one.fde is None:
        return False
    return one.fde > one.reach if one.figure == "leaks" else one.fde < one.reach


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
