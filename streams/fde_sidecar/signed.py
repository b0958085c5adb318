"""Signed: what proves who sent a message: signatures of webhooks, signed messages of frameworks, answers to a challenge, keys as JSON.

`t=1,v1=<hex>`, `signature mismatch: expected <hex> got <hex>`, `<base 64>--<hex>`, `response="<hex>"`, `{"kty": ..., "d": ...}` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.rule import Marks, Q, Rule, instead
from fde_sidecar.values import UUID, drawn, texture

_SIGNED: Final = re.compile(
    r"(?i)(?:signature|hmac)(?P<between>[^\n]{0,100}?)(?<![A-Za-z0-9+/_-])(?P<value>[0-9a-f]{40,128}|[A-Za-z0-9+/_-]{27,88}={1,2}|[A-Za-z0-9_-]{43})(?![A-Za-z0-9+/=_-])"
)
# Digests that a signature is about, or that stand near one.
_DIGESTS: Final = re.compile(
    r"(?i)\b(?:commit|digest|image|checksum|cert\w*|thumb\w*|finger\w*|kid|request|trace|span|blob|artifact|layer|sha|rev(?:ision)?|block|tx|transaction|id|of|for|on|object|file|key|body_?hash|md5)\W{0,4}(?:sha\d{1,3}[:=-])?$|@$|sha256:$"
)


_REFUSED: Final = re.compile(
    r"(?i)fail|mismatch|invalid|expected|bad |wrong|reject|refus|does not match|computed|calculated"
)


def _signature(found: re.Match[str], marks: Marks) -> str | None:
    if found[0][:4].lower() == "hmac" and not _REFUSED.search(found.string):
        return None  # a digest of what was sent, unless the line tells which one was wanted
    if _DIGESTS.search(found["between"][-40:]) or not drawn(found["value"].rstrip("="), 20):
        return None
    return instead(found, "value", marks.plain("token"))


# Rails' messages: a payload and its digest; encrypted ones a text, a vector and a tag.
_MESSAGE: Final = re.compile(
    r"(?<![A-Za-z0-9+/_=%-])(?:[A-Za-z0-9+/_%-]{16,4000}={0,2}--(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-z])"
    r"|[A-Za-z0-9+/_%]{16,4000}(?:=|%3D){0,2}--[A-Za-z0-9+/%]{16,20}(?:=|%3D){0,2}--[A-Za-z0-9+/%]{22,26}(?:=|%3D){0,2})"
)
_RESPONSE: Final = re.compile(rf"(?i)\bresponse=(?P<quote>{Q})(?P<value>[0-9a-f]{{32}}(?:[0-9a-f]{{32}})?)(?=\W|$)")
_MEMBER: Final = re.compile(
    rf"{Q}(?<![A-Za-z0-9])(?:d|p|q|dp|dq|qi|k){Q}\s{{0,3}}[:=]\s{{0,3}}{Q}(?P<value>[A-Za-z0-9_-]{{16,2000}})={{0,2}}(?=\W|$)"
)


def _response(found: re.Match[str], marks: Marks) -> str | None:
    return instead(found, "value", marks.plain("token")) if "nonce" in found.string else None


def _member(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if "kty" not in found.string or UUID.fullmatch(value) or texture(value) < 0.2:
        return None
    return instead(found, "value", marks.plain("private-key"))


RULES: Final = (
    Rule("signature", "token", ("signature", "hmac"), _SIGNED, _signature, "a signature among its parts, or told by who checked it", resume="between",
         trigger=r"(?i)(?:signature|hmac)[^\n]{0,100}(?:[0-9a-f]{40}|[A-Za-z0-9+/_-]{27})"),
    Rule("signed-message", "token", ("--",), _MESSAGE, lambda found, marks: marks.plain("token"), "a message that a framework signed or encrypted",
         trigger=r"[A-Za-z0-9+/_%=-]{16}--(?:[0-9a-f]{40}|[A-Za-z0-9+/%=]{16,24}--[A-Za-z0-9+/%]{22})"),
    Rule("challenge", "token", ("response=",), _RESPONSE, _response, "the answer to a challenge, which opens what the password opens"),
    Rule("jwk", "private-key", ("kty",), _MEMBER, _member, "a key as JSON: the members that are private"),
)  # fmt: skip
