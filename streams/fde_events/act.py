"""Act: one thing that a person or the operator did, or was refused, to what belongs to a customer or to the library.

Kubernetes' audit log, or the operator's own writes -> Act -> a link of a chain (`fde_events.chain`) -> `fde-engine.audit`

It says which object, never what stood in it. What could name a customer is sealed (`fde_events.seal`) with that customer's
audit key. Left readable for ever: who, when, which verb and kind, the object's uid and generation, the outcome, and which
acts were against the same object and the same customer.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["allowed", "denied", "conflict", "failed", "unknown"]


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="act.v1"):
    """One act. `id`: unique and random, so that its digest cannot be guessed; `at`: RFC 3339, UTC, when it was asked for.

    `who` asked; `acting_as`: whom they impersonated. `customer`, `namespace`, `name`, `cause` and `why` are sealed where the
    object is a customer's, plain where it is nobody's. Outcome ``unknown``: the process ended, or no answer came, in between.
    """

    id: str
    at: str
    source: Literal["operator", "kubernetes", "topic"]  # topic: a record of another writer on the audit topic
    who: str
    verb: str
    kind: str  # a kind (operator) or a resource (kubernetes), with its sub-resource: ``patterncandidates/status``
    outcome: Outcome
    acting_as: str = ""
    group: str = ""
    customer: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    generation: int = 0  # as it was after the act; 0: not told
    reconcile: str = ""  # the operator's attempt, 16 hex digits: its log lines carry it
    cause: str = ""  # the object that this attempt was about
    policy: str = ""  # the admission policy that refused it
    why: str = ""  # the API server's words for a refusal; the reviewer's for a review
    decided: dict[str, str] = {}  # what others rely on: review, publishedAs, maturity, resolvedVersion
    digest: str = ""  # of what was asked for; keyed where the object is a customer's
    dry_run: bool = False


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gap.v1"):
    """Acts that were not kept: how many, between when and when (RFC 3339), and why. `id`: unique."""

    id: str
    lost: int
    reason: str
    since: str
    until: str


Entry = Act | Gap
