"""`fde bench`: the benchmarks, as ratios against named peers in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from fde_cli.options import Positive

if TYPE_CHECKING:
    from fde_cli.bench.figure import Figure

NAMES: Final = ("batch", "redact", "sign", "abstract")


def bench(
    name: str | None = None,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    rounds: Positive = 5,
    sample: Path | None = None,
) -> int:
    """Measure against named peers, in turns, in CPU time; ratios are medians, with the lowest and the highest.

    Parameters
    ----------
    name
        batch, redact, sign or abstract; all of them if not given.
    as_json
        One JSON object a figure.
    rounds
        How often each is measured.
    sample
        A directory of logs and solutions laid out like the shipped sample, to measure on that instead.
    """
    import msgspec

    from fde_events.errors import Misuse

    if name is not None and name not in NAMES:
        raise Misuse(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    figures: list[Figure] = []
    for chosen in NAMES if name is None else (name,):
        found = _run(chosen, sample, rounds)
        if as_json:
            for figure in found:
                print(msgspec.json.encode(figure).decode(), flush=True)
        figures += found
    if not as_json:
        print("\n".join(table(figures)))
    return 0


def _run(name: str, sample: Path | None, rounds: int) -> list[Figure]:
    from importlib import import_module

    from fde_cli.bench.material import shipped

    def tell(said: str) -> None:
        print(f"fde bench: {name}: {said}", file=sys.stderr)

    run: Callable[..., list[Figure]] = import_module(f"fde_cli.bench.{name}").run
    return run(sample or shipped(), rounds, tell)


def table(figures: Sequence[Figure]) -> list[str]:
    """Lines for people: what, ours, the peer's, ratio with its range, and who the peer is."""
    lines = [f"{'':9} {'':32} {'fde':>11} {'peer':>11} {'ratio':>8} {'(min..max)':>18}  unit"]
    for one in figures:
        ratio = "-" if one.ratio is None else f"{one.ratio:.3g}x"
        extent = "" if one.rounds == 1 else f"({one.ratio_min:.3g}..{one.ratio_max:.3g})"
        lines.append(
            f"{one.bench:9} {one.what:32} {one.ours:>11,.4g} {one.peer:>11,.4g} {ratio:>8} {extent:>18}  "
            f"{one.unit}{'' if one.better == 'neither' else f', {one.better} is better'}; peer: {one.peer_name}"
        )
    return lines
