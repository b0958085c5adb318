"""A submitted solution: the files that answered a challenge at one deployment, as submitted after secrets were replaced."""

from __future__ import annotations

from typing import Literal

import msgspec

Reuse = Literal["allowed", "own-customer", "forbidden"]


class SolutionFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `content` is base64 of the bytes as submitted (secrets already typed placeholders).

    `digest` is ``sha256:<hex>`` of those bytes; `language`: python, typescript, sql or other.
    """

    path: str
    language: str
    digest: str
    content: str


class Placeholder(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret was. `kind`: e.g. password, token, api-key, private-key; `line` 1-based. Never the value."""

    path: str
    line: int
    kind: str
    name: str


class Solution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="solution.v1"):
    """On `fde.<customer>.solutions`. The customer comes from the topic.

    `id` is a digest of (deployment, challenge or signatures, file digests): submitting twice is one solution.
    A solution names its challenge by id, or by the `signatures` of an error sample it answers; with neither it is a released
    version, and a challenge whose rate falls for good after it is what it answered.
    When `reuse` is ``forbidden`` a submission carries digests only (`content` empty): it is counted, never opened.
    """

    id: str
    deployment: str
    author: str
    time: str
    files: tuple[SolutionFile, ...]
    reuse: Reuse = "forbidden"
    challenge: str | None = None
    signatures: tuple[str, ...] = ()
    commit: str | None = None
    placeholders: tuple[Placeholder, ...] = ()
