"""`fde bench`: the benchmarks, as ratios against named peers in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from fde_cli.options import Positive, Seconds

if TYPE_CHECKING:
    from fde_cli.bench.figure import Figure

TIMED: Final = ("batch", "redact", "sign")
NAMES: Final = (*TIMED, "abstraction", "drift", "grouping", "operator", "transport")


def bench(
    name: str | None = None,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    rounds: Positive = 5,
    sample: Path | None = None,
    corpus: Path | None = None,
    only: str = "",
    scale: Annotated[bool, Parameter(negative="")] = False,
    count: Positive = 1000,
    idle_seconds: Seconds = 600.0,
) -> int:
    """Measure against named peers in one run. What is timed is timed in turns, in CPU time; ratios are medians with range.

    Parameters
    ----------
    name
        batch, redact, sign, abstraction, drift, grouping, operator or transport; all but the last two if not given: they
        start a Kubernetes or a Kafka, and peers where they are installed, and take a quarter of an hour.
    as_json
        One JSON object a figure.
    rounds
        How often each of batch, redact and sign is measured.
    sample
        A directory of logs laid out like the shipped sample, to measure batch, redact and sign on that instead.
    corpus
        Of abstraction: a directory of families, language/family/truth.json beside the siblings, to measure on that instead.
        Of grouping: a directory with events.jsonl and labels.jsonl.
    only
        Of abstraction: the families whose language/family this regular expression is found in.
    scale
        Of abstraction: seconds by number and length of siblings instead, and the exponent they grow with.
        Of grouping: a million distinct signatures instead (about 15 minutes).
    count
        Of operator: how many FDEDeployments.
    idle_seconds
        Of operator: for how long nothing happens while writes are counted.
    """
    import msgspec

    from fde_events.errors import Misuse

    if name is not None and name not in NAMES:
        raise Misuse(f"there is no benchmark {name!r}; there are {', '.join(NAMES)}")
    if name not in ("abstraction", "grouping") and scale:
        raise Misuse("--scale is of `fde bench abstraction` and `fde bench grouping`")
    if name is None and corpus is not None:
        raise Misuse("--corpus is of `fde bench abstraction` or `fde bench grouping`; say which")
    figures: list[Figure] = []
    for chosen in TIMED if name is None else (name,) if name in TIMED else ():
        found = _run(chosen, sample, rounds)
        if as_json:
            for figure in found:
                print(msgspec.json.encode(figure).decode(), flush=True)
        figures += found
    if figures and not as_json:
        print("\n".join(table(figures)), flush=True)
    if name in (None, "abstraction"):
        _abstraction(corpus, only, as_json=as_json, scale=scale)
    if name in (None, "drift"):
        _drift(as_json=as_json)
    if name == "transport":
        _transport(as_json=as_json)
    if name == "operator":
        _operator(count, idle_seconds, as_json=as_json)
    if name in (None, "grouping"):
        _grouping(corpus, as_json=as_json, scale=scale)
    return 0


def _run(name: str, sample: Path | None, rounds: int) -> list[Figure]:
    from importlib import import_module

    from fde_cli.bench.material import shipped

    run: Callable[..., list[Figure]] = import_module(f"fde_cli.bench.{name}").run
    return run(sample or shipped(), rounds, _teller(name))


def _teller(name: str) -> Callable[[str], None]:
    def tell(said: str) -> None:
        print(f"fde bench: {name}: {said}", file=sys.stderr, flush=True)

    return tell


def _abstraction(corpus: Path | None, only: str, *, as_json: bool, scale: bool) -> None:
    import msgspec

    from fde_cli.bench.abstraction import figure, growth, run

    tell = _teller("abstraction")
    found: Sequence[msgspec.Struct]
    if scale:
        found = measured = growth.measure(tell)
        lines = growth.table(measured)
    else:
        found = figures = run.run(corpus, only, tell)
        lines = figure.table(figures)
    print("\n".join([msgspec.json.encode(one).decode() for one in found] if as_json else lines), flush=True)


def _transport(*, as_json: bool) -> None:
    import msgspec

    from fde_cli.bench import transport

    for number, row in enumerate(transport.run(_teller("transport"))):
        lines = [msgspec.json.encode(row).decode()] if as_json else transport.table([row])[1 if number else 0 :]
        print("\n".join(lines), flush=True)


def _operator(count: int, idle_s: float, *, as_json: bool) -> None:
    import msgspec

    from fde_cli.bench import operator, transport

    rows = operator.run(_teller("operator"), count=count, idle_s=idle_s, kopf_too=True)
    lines = [msgspec.json.encode(row).decode() for row in rows] if as_json else transport.table(rows)
    print("\n".join(lines), flush=True)


def _drift(*, as_json: bool) -> None:
    import msgspec

    from fde_cli.bench import drift

    figures = drift.run(_teller("drift"))
    print("\n".join([msgspec.json.encode(figures).decode()] if as_json else drift.table(figures)), flush=True)


def _grouping(corpus: Path | None, *, as_json: bool, scale: bool) -> None:
    import msgspec

    from fde_cli.bench import grouping_scale
    from fde_cli.bench.grouping import run

    tell = _teller("grouping")
    found: Sequence[msgspec.Struct]
    if scale:
        found = sizes = [grouping_scale.apart(1_000_000, shape, "near") for shape in ("blocks", "one tenant")]
        lines = grouping_scale.table(sizes)
    else:
        found = figures = run.run(corpus, tell)
        lines = run.table(figures)
    print("\n".join([msgspec.json.encode(one).decode() for one in found] if as_json else lines), flush=True)


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
