"""A signed event: what ingest publishes to `fde-engine.signatures`, keyed by block.

The signature is a pure function of (event, rule version); it never depends on what else was seen.
"""

from __future__ import annotations

import msgspec

from fde_events.order import Order


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stays the same when an error happens again, in any deployment.

    `block` is kind x vendor or library (``error/salesforce``); only signatures of one block may share a group.
    `parts` are the (name, value) pairs that took part; `masked` the mask names that replaced something; both explain.
    `digest` is 128 bits hex over (rules, block, parts).
    """

    digest: str
    rules: str
    block: str
    title: str
    parts: tuple[tuple[str, str], ...]
    masked: tuple[str, ...] = ()


class SignedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event with its signature. `sample` is redacted text, at most 2 000 characters."""

    id: str
    kind: str
    customer: str
    deployment: str
    time: str
    signature: Signature
    sample: str = ""
    count: int = 1


class SignedBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of the signatures topic: signed events of one block, and orders of people about its groups."""

    block: str
    events: tuple[SignedEvent, ...]
    orders: tuple[Order, ...] = ()
