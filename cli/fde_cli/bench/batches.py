"""What records that come in batches look like, and is no drift: bursts, gaps, tenants, growing vocabularies, counters.

Domain, length -> batches() -> traps as in :mod:`fde_cli.bench.payloads`, each over before the last twelfth of the stream

Integrations send an import of one customer, a campaign, a night's backlog: for a while the records have what the others have not,
or lack it, or are all of one tenant. Names of customers are met one after the other and never all; sequences begin again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

Record = dict[str, Any]
Trap = Callable[[Record, random.Random, int], None]
Make = Callable[[random.Random], Any]
Named = tuple[str, Trap]

_END: Final = 11 / 12  # of the stream: what lasts to its end is a change
_SYLLABLES: Final = ("ka", "lo", "ven", "tri", "mar", "os", "bel", "qui", "nor", "ta", "rix", "sun", "ham", "del", "fy")


def batches(rng: random.Random, length: int, fields: list[tuple[str, Make]]) -> list[Named]:
    """One to four of them. `fields` are top-level ones that nothing else changes, with what makes them."""
    free = list(fields)
    rng.shuffle(free)
    kinds = rng.sample(
        (_burst, _gap, _nulls, _tenants, _names, _variants, _counter, _shared_counters), rng.randint(1, 4)
    )
    found = []
    for kind in kinds:
        if kind in (_gap, _nulls) and not free:
            continue
        found.append(kind(rng, length, *(free.pop() if kind in (_gap, _nulls) else ("", _word))))
    return found


def _runs(rng: random.Random, length: int, most: int) -> list[range]:
    """Where the batches are: at most `most`, of 4 to 25 % of the stream each, one after another."""
    found: list[range] = []
    at = rng.randint(0, int(length * 0.5))
    for _ in range(rng.randint(1, most)):
        run = range(at, at + max(4, int(length * rng.uniform(0.04, 0.25))))
        if run.stop > length * _END:
            break
        found.append(run)
        at = run.stop + rng.randint(3, max(4, length // 3))
    return found or [range(length // 3, length // 3 + max(4, length // 10))]


def _within(runs: list[range], index: int) -> bool:
    return any(index in run for run in runs)


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3)))


def _burst(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """A field that only the records of some batches have."""
    runs, filled = _runs(rng, length, 3), rng.choice((0.6, 0.85, 1.0, 1.0))
    name = rng.choice(("voucher", "batchRef", "import_id", "seasonTag", "override"))
    make = rng.choice((_word, lambda r: {"ref": r.randrange(10**6)}, lambda r: [_word(r)], lambda r: r.random() < 0.5))

    def trap(record: Record, rng: random.Random, index: int) -> None:
        if _within(runs, index) and rng.random() < filled:
            record[name] = make(rng)

    return f"burst:{name}:{runs}", trap


def _gap(rng: random.Random, length: int, name: str, _: Make) -> Named:
    """A field that the records of one batch lack, and some of the others too."""
    runs, usual = _runs(rng, length, 2), rng.choice((1.0, 1.0, 0.9, 0.6))

    def trap(record: Record, rng: random.Random, index: int) -> None:
        if _within(runs, index) or rng.random() > usual:
            record.pop(name, None)

    return f"gap:{name}:{runs}", trap


def _nulls(rng: random.Random, length: int, name: str, _: Make) -> Named:
    """A field that was not filled in for one batch."""
    runs = _runs(rng, length, 1)

    def trap(record: Record, rng: random.Random, index: int) -> None:
        if _within(runs, index) and name in record:
            record[name] = None

    return f"nulls:{name}:{runs}", trap


def _tenants(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """Records of a few customers in turns, and batches of one customer who was never there and may not be again."""
    pool = [_tenant(rng) for _ in range(rng.randint(3, 25))]
    guests = {run: _tenant(rng) for run in _runs(rng, length, 3)}
    purity = rng.choice((0.8, 0.95, 1.0))

    def trap(record: Record, rng: random.Random, index: int) -> None:
        guest = next((one for run, one in guests.items() if index in run), None)
        record["account"] = dict(guest if guest and rng.random() < purity else rng.choice(pool))

    return f"tenants:{len(pool)}:{[*guests]}", trap


def _tenant(rng: random.Random) -> Record:
    return {
        "name": f"{_word(rng).title()} {rng.choice(('GmbH', 'Ltd', 'SA', 'Inc'))}",
        "ref": f"{rng.choice('ABC')}-{rng.randrange(10**5)}",
        "slug": _word(rng),
    }


def _names(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """A vocabulary that grows for ever, each new word less often (a Chinese restaurant process: Aldous 1985)."""
    strength, sticky = rng.choice((0.5, 1.5, 4.0)), rng.choice((0.0, 0.3, 0.7))
    used = [_word(rng) for _ in range(5)]  # fewer would be a closed set for all that anybody can tell

    def trap(record: Record, rng: random.Random, index: int) -> None:
        if rng.random() < sticky:
            word = used[-1]
        elif rng.random() < strength / (strength + len(used)):
            word = _word(rng) + rng.choice(("", "-svc", ".api"))
        else:
            word = rng.choice(used)
        used.append(word)
        record["assignee"] = word

    return f"names:{strength}:{sticky}", trap


def _variants(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """Kinds of records with fields of their own; one kind is rare and comes in batches only."""
    runs = _runs(rng, length, 3)
    kinds = {_word(rng): [_word(rng) for _ in range(rng.randint(1, 3))] for _ in range(rng.randint(2, 4))}
    rare = [_word(rng) for _ in range(2)]

    def trap(record: Record, rng: random.Random, index: int) -> None:
        if (_within(runs, index) and rng.random() < 0.7) or index == 3:
            record["variant"], names = "rare", rare
        else:
            record["variant"] = rng.choice([*kinds])
            names = kinds[record["variant"]]
        record["data"] = {name: rng.randrange(100) for name in names}

    return f"variants:{runs}", trap


def _counter(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """A sequence that begins again."""
    again, start = rng.randint(length // 4, int(length * 0.7)), rng.choice((0, 900, 10**6))

    def trap(record: Record, rng: random.Random, index: int) -> None:
        record["seq"] = start + 3 * index if index < again else index - again

    return f"counter:{again}", trap


def _shared_counters(rng: random.Random, length: int, _: str, __: Make) -> Named:
    """Sequences of several senders in one field, one of which begins again."""
    counts = [rng.randrange(1, 10**4) for _ in range(rng.randint(2, 5))]
    again = rng.randint(length // 4, int(length * 0.7))

    def trap(record: Record, rng: random.Random, index: int) -> None:
        sender = rng.randrange(len(counts))
        counts[sender] = 1 if index == again else counts[sender] + 1
        record["offset"] = counts[sender]

    return f"shared-counters:{len(counts)}:{again}", trap
