"""`grouping --scale`: a million distinct signatures grouped, from masked text on, with the truth known.

Sentences are made from a grammar: a cause is a sentence of a vendor with its code; what is said of it varies as it does
between customers and clients (names of tables and queues, a request id, advice, a caller's lead, a code kept back). Three
causes of ten are another's sentence with one word, field, number or code edited: they must stay apart. Shapes: ``blocks``
(spread over vendors), ``one block`` (all are one vendor's), ``one tenant`` (one block, and no two alike: every one founds a
group). Grouped by nearness alone, or by the whole fold of a worker, evidence and all.

Measured, one million on one core of two that others used: ``blocks`` by nearness 300 CPU-s (half of it masking), 505 MB;
``one tenant`` 228 CPU-s, 890 MB; no wrong pair, and the last tenth cost what the first did.

The grammar and the rules that group have one author: that none wrong meet says that size does no harm, not how good they are.
"""

from __future__ import annotations

import hashlib
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.fold import apply, fold
from fde_streams.group import State
from fde_streams.mask import template
from fde_streams.near import Near, outline_of

Shape = Literal["blocks", "one block", "one tenant"]
By = Literal["near", "fold"]
BLOCKS: Final = 2_000
CUSTOMERS: Final = 40
STEP: Final = 500  # events a step of the fold

_DOERS: Final = (
    "gateway scheduler ledger importer exporter planner archive catalogue mailer router indexer planner broker vault "
    "registry balancer replica primary ledger mirror collector dispatcher tokenizer compiler renderer signer"
).split()
_DEEDS: Final = (
    "rejected refused dropped postponed truncated ignored misplaced rolled-back aborted quarantined throttled duplicated "
    "withheld invalidated reversed flagged deferred discarded suspended detached"
).split()
_THINGS: Final = (
    "invoice shipment payout refund ledger-entry subscription contract timesheet attachment webhook delivery price list "
    "dispute mandate voucher credit-note manifest customs-form label forecast roster pick-list purchase-order lead"
).split()
_CAUSES: Final = (
    "signature mismatch|stale cursor|missing approval|unbalanced totals|unknown currency|frozen period|closed register|"
    "exhausted allowance|duplicate reference|unsupported encoding|circular hierarchy|orphaned parent|revoked mandate|"
    "expired certificate|conflicting revision|unreachable mirror|malformed envelope|blocked counterparty|missing tax rule|"
    "incomplete address|overlapping interval|unverified sender|inconsistent units|rounding overflow|locked worksheet"
).split("|")
_MOMENTS: Final = (
    "nightly settlement|monthly closing|initial import|incremental sync|manual replay|quarterly audit|schema upgrade|"
    "region failover|cold start|bulk correction|partner onboarding|stock taking|price refresh|dunning run|data retention"
).split("|")
_NOUNS: Final = "table bucket queue topic tenant workspace stream collection".split()
_EDITS: Final = "before after without only again never partially".split()
_ADVICE: Final = ("", "", "", " Please try again later.", " For more information see the documentation.")
_TAILS: Final = ("", "", "", " (request id: req_{tag})")
_LEADS: Final = ("", "", "", "", "call failed: ", "VendorError: ")


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """What grouping `signatures` distinct ones took. Seconds are CPU, of one process; memory is its peak, in MB.

    `kept`: a worker keeps so many of one customer's signatures that nobody else has seen (`fde_streams.fold.QUOTA`).
    `precision` and `recall` are of pairs of signatures put in one group, against the causes they were made from.
    """

    shape: str
    by: str
    signatures: int
    kept: int
    groups: int
    mask_s: float
    group_s: float
    tail_us: float
    head_us: float
    peak_mb: float
    precision: float
    recall: float


def messages(count: int, shape: Shape, seed: int = 1) -> Iterator[tuple[str, str, str, int]]:
    """`count` or a few more messages: block, text, vendor's code ("" for none), cause. The same for the same `seed`."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    cause = made = 0
    words: list[str] = []
    block, code = "", ""
    while made < count:
        cause += 1
        if words and rng.random() < 0.3 and shape != "one tenant":
            words, code = _edited(rng, words, code)
        else:
            block = "error/vendor-0" if shape != "blocks" else f"error/vendor-{rng.randrange(BLOCKS)}"
            words, code = _sentence(rng, cause), f"E_{rng.choice(_CAUSES).upper().replace(' ', '_')}"
        for _ in range(1 if shape == "one tenant" else min(1 + int(rng.expovariate(0.5)), 12)):
            made += 1
            yield block, *_said(rng, words, code), cause


def _sentence(rng: random.Random, cause: int) -> list[str]:
    number = f"{cause:x}".translate(
        str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")
    )  # a word of its own: no two causes read the same
    return [
        f"{rng.choice(_DOERS)} {rng.choice(_DEEDS)} {rng.choice(_THINGS)}",
        f"of {rng.choice(_NOUNS)} {{name}}",
        f"because of {rng.choice(_CAUSES)} in {number} policy",
        f"during {rng.choice(_MOMENTS)}",
    ]


def _edited(rng: random.Random, words: list[str], code: str) -> tuple[list[str], str]:
    """Another cause that reads almost the same."""
    how = rng.randrange(4)
    words = list(words)
    if how == 0:
        words[0] += f" {rng.choice(_EDITS)} {rng.choice(_DEEDS)}"
    elif how == 1:
        words[2] += f" for field '{rng.choice(_THINGS).replace('-', '_')}_{rng.choice(_NOUNS)}'"
    elif how == 2:
        words[3] += f" with HTTP {rng.randrange(400, 530)}"
    else:
        words[3] += f" within the {rng.choice(_MOMENTS)}"
    return words, code


def _said(rng: random.Random, words: list[str], code: str) -> tuple[str, str]:
    name = rng.choice(
        (
            lambda: "".join(rng.choice(_THINGS).split("-")[0].title() for _ in range(3)),
            lambda: "_".join(rng.choice(_THINGS).split("-")[0] for _ in range(3)),
            lambda: f"{rng.choice(_THINGS).split('-')[0]}{rng.randrange(10, 99)}",
        )
    )()
    text = rng.choice(_LEADS) + " ".join(words).format(name=name) + "." + rng.choice(_ADVICE) + rng.choice(_TAILS)
    return text.format(tag=f"{rng.getrandbits(40):x}"), code if rng.random() < 0.8 else ""


def measure(count: int, shape: Shape, by: By, tell: Callable[[str], None]) -> Scale:
    """Group the first `count` distinct signatures of `messages`, one after the other, as a worker does with unknown ones.

    `head_us` and `tail_us`: microseconds each of the first and of the last tenth took, masking left out.
    """
    grouping: _ByNearness | _ByFold = (
        _ByNearness() if by == "near" else _ByFold(1 if shape == "one tenant" else CUSTOMERS)
    )
    digests: dict[str, int] = {}
    mask_s = group_s = 0.0
    laps = [0.0]
    tenth = max(1, count // 10)
    for block, text, code, cause in messages(2 * count, shape):
        start = time.process_time()
        signature = _signed(block, text, code)
        signed = time.process_time()
        mask_s += signed - start
        if signature.digest in digests:
            continue
        digests[signature.digest] = cause
        signed = time.process_time()
        grouping.add(signature)
        group_s += time.process_time() - signed
        if len(digests) % tenth == 0:
            laps.append(group_s)
            tell(f"{shape}, {by}: {len(digests):,} signatures, {mask_s + group_s:.0f} CPU-s, {_peak_mb():.0f} MB")
        if len(digests) == count:
            break
    start = time.process_time()
    grouping.finish()
    group_s += time.process_time() - start
    peak = _peak_mb()
    groups = {digest: group for digest, group in grouping.groups()}
    precision, recall = _pairs(list(groups.values()), [digests[digest] for digest in groups])
    return Scale(
        shape=shape, by=by, signatures=len(digests), kept=len(groups), groups=len(set(groups.values())),
        mask_s=round(mask_s, 1), group_s=round(group_s, 1),
        head_us=round((laps[1] - laps[0]) / tenth * 1e6, 1), tail_us=round((laps[-1] - laps[-2]) / tenth * 1e6, 1),
        peak_mb=round(peak), precision=round(precision, 4), recall=round(recall, 4),
    )  # fmt: skip


class _ByNearness:
    """Founders alone: what grouping costs by itself."""

    def __init__(self) -> None:
        self._near, self._seats = Near(), dict[str, str]()

    def add(self, signature: Signature) -> None:
        outline = outline_of(signature)
        found = self._near.nearest(outline)
        if found is None:
            self._near.add(outline)
        self._seats[signature.digest] = signature.digest if found is None else self._seats[found[0]]

    def finish(self) -> None:
        """Nothing is held back."""

    def groups(self) -> Iterator[tuple[str, str]]:
        yield from self._seats.items()


class _ByFold:
    """The fold of one partition: evidence, quotas, groups. Signatures are seen by `customers` in turn, once each."""

    def __init__(self, customers: int) -> None:
        self._state, self._customers, self._events, self._number = State(), customers, list[SignedEvent](), 0

    def add(self, signature: Signature) -> None:
        customer = f"customer-{self._number % self._customers}"
        self._events.append(
            SignedEvent(
                id=f"{customer}/{self._number // self._customers}/0",
                kind="error",
                customer=customer,
                deployment=f"{customer}/production",
                time=f"2026-03-{1 + self._number % 28:02}T08:15:00Z",
                signature=signature,
            )
        )
        self._number += 1
        if len(self._events) == STEP:
            self.finish()

    def finish(self) -> None:
        batch = SignedBatch(block="scale", events=tuple(self._events))
        apply(self._state, fold(self._state, [batch]))
        self._events.clear()

    def groups(self) -> Iterator[tuple[str, str]]:
        for digest, known in self._state.signatures.items():
            yield digest, known.group


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _signed(block: str, text: str, code: str) -> Signature:
    parts = (("text", template(text)), *((("code", code),) if code else ()))
    digest = hashlib.blake2b(repr((block, parts)).encode(), digest_size=16).hexdigest()
    return Signature(digest=digest, rules="scale", block=block, title="", parts=parts)


def _pairs(groups: list[str], causes: list[int]) -> tuple[float, float]:
    def pairs(counts: Counter[int] | Counter[str] | Counter[tuple[str, int]]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    both = pairs(Counter(zip(groups, causes, strict=True)))
    joined, true = pairs(Counter(groups)), pairs(Counter(causes))
    return both / joined if joined else 1.0, both / true if true else 1.0


def apart(count: int, shape: Shape, by: By) -> Scale:
    """`measure` in a process of its own, so that the peak of memory is this run's alone."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, count, shape, by, _silent).result()


def _silent(_: str) -> None:
    """A process of its own has nobody to tell."""


def table(sizes: Sequence[Scale]) -> list[str]:
    """Lines for people."""
    lines = [f"{'':12} {'signatures':>11} {'groups':>10} {'CPU-s':>7} {'of it masks':>12} {'us, first':>10} {'us, last':>9} {'MB':>6} {'precision':>10} {'recall':>7}"]  # fmt: skip
    lines += [
        f"{one.shape:12} {one.signatures:>11,} {one.groups:>10,} {one.mask_s + one.group_s:>7.0f} {one.mask_s:>12.0f} "
        f"{one.head_us:>10.0f} {one.tail_us:>9.0f} {one.peak_mb:>6.0f} {one.precision:>10.4f} {one.recall:>7.4f}"
        for one in sizes
    ]
    return lines
