"""What the fold of a known signature costs. Figures are in the docstring of `fde_streams.fold`; here is only a wide bound."""

import gc
import random
import time

import pytest

from fde_events.signed import Signature, SignedBatch, SignedEvent
from fde_streams.fold import apply, fold
from fde_streams.group import State

pytestmark = pytest.mark.seconds


def batches(rng, step, sequences, *, places=100, each=25, count=40):
    for _ in range(count):
        place = rng.randrange(places)
        sequences[place] = sequence = sequences.get(place, -1) + 1
        events = [
            SignedEvent(
                id=f"epoch-{place}/{sequence}/{index}",
                kind="error",
                customer=f"c{place // 3}",
                deployment=f"customer-c{place // 3}/d{place}",
                time=f"2026-10-{1 + step // 24:02d}T{step % 24:02d}:{index:02d}:00.000Z",
                signature=Signature(
                    digest=f"{place * 5 + rng.randrange(5):032x}", rules="r", block="error/x", title="t", parts=()
                ),
                sample="x" * 400,
            )
            for index in range(each)
        ]
        yield SignedBatch(block="error/x", events=tuple(events))


def test_a_known_signature_costs_microseconds():
    rng, state, sequences = random.Random(1), State(), {}
    costs = []
    gc.disable()
    try:
        for step in range(30):
            found = list(batches(rng, step, sequences))
            started = time.process_time()
            apply(state, fold(state, found))
            costs.append((time.process_time() - started) / sum(len(batch.events) for batch in found))
    finally:
        gc.enable()
    best = sorted(costs[10:])[len(costs[10:]) // 2]
    print(f"{best * 1e6:.2f} us an event")
    assert best < 25e-6
