"""Links: addresses that let their reader in, and addresses with credentials that are cut off or stand without a colon.

`/reset/<uid>/<token>`, `?invite=<token>`, `https://<token>@host`, `postgres://user:<password> [cut]` -> :data:`RULES`, :data:`LATE`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.rule import TOKEN, Marks, Rule, instead
from fde_sidecar.values import drawn, masked, passwordish

_WORD: Final = (
    r"(?:magic(?:[-_]?links?)?|(?:password[-_/]?)?reset(?:[-_]?password)?|passwords?/edit|set[-_]?password|invit(?:e|es|ation|ations)|verify(?:[-_]?email)?|verification|confirm(?:ation|[-_]email)?|activat(?:e|ion)"
    r"|unlock|unsubscribe|sign-?in|log-?in|sso|one-?time|otp|auth|tokens?|session|impersonate|callback|accept|shared?|u?nsub|webhooks?|hooks?|ical|feeds?)"
)
_LINK: Final = re.compile(rf"(?i)/{_WORD}(?P<parts>(?:/[A-Za-z0-9_~.=%-]{{1,600}}){{1,4}})(?=[/?#\s\"'`<>),;\\\]&]|$)")


def _link(found: re.Match[str], marks: Marks) -> str | None:
    if "lease" in found.string[max(0, found.start() - 30) : found.start()]:
        return None
    parts = found["parts"].split("/")
    clean = [
        marks.plain("token") + part[len(part.rstrip(".")) :] if drawn(part.rstrip(".")) and not masked(part) else part
        for part in parts
    ]
    return instead(found, "parts", "/".join(clean)) if clean != parts else None


_QUERY: Final = re.compile(
    r"(?i)[?&](?:invit(?:e|ation)|magic(?:[-_]?link)?|confirm(?:ation)?|verif(?:y|ication)|activat(?:e|ion)|reset|share|unsubscribe|t|k|otp|login|sign-?in|grant|proof|link|ott|one[-_]?time|access|authz?)(?:[-_]?(?:hash|id|key))?="
    r"(?P<value>[A-Za-z0-9_~.-]{20,600})(?=[&#\s\"'`<>),;\\\]]|$)"
)


def _query(found: re.Match[str], marks: Marks) -> str | None:
    return instead(found, "value", marks.plain("token")) if drawn(found["value"], 20) else None


_ALONE: Final = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]{1,30}://)(?P<value>[A-Za-z0-9_~.-]{16,400}):?@(?P<host>[\w.\[<:>-]{1,200}(?P<path>/[^\s\"'<>]{0,12})?)"
)


def _alone(found: re.Match[str], marks: Marks) -> str | None:
    """A public key stands so too, in front of a project's number."""
    if not drawn(found["value"]) or re.fullmatch(r"/\d+", found["path"] or ""):
        return None
    return instead(found, "value", marks.plain("token"))


_CUT: Final = re.compile(
    rf"(?P<scheme>\b(?!docker|oci|containerd|cri-o|image|urn|arn)[a-z][a-z0-9]{{1,20}}(?:[+:][\w+]{{1,20}})?://)(?P<user>[^\s:/@\"'<>?#.\[\]]{{1,80}}|{TOKEN}):(?P<value>[^\s:/@\"'`<>?#,;()\[\]{{}}]{{4,200}})(?=\s|$|[\"'`]|\\)"
)


def _cut(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].rstrip(".…")
    if value.isdigit() or masked(value) or not (passwordish(value) or drawn(value)):
        return None
    return instead(found, "value", marks.plain("password"))


RULES: Final = (
    Rule("url-token", "token", ("://",), _ALONE, _alone, "a token in the user's place", trigger=r"://[A-Za-z0-9_~.-]{16}\S*@"),
    Rule("url-cut", "password", ("://",), _CUT, _cut, "an address cut off behind its password", trigger=r"://[^\s:/@]+:[^\s:/@]{4}"),
)  # fmt: skip
# Behind the rules that know an issuer by its form.
LATE: Final = (
    Rule("link", "token", ("/",), _LINK, _link, "a link that lets its reader in",
         trigger=r"(?i)/(?:magic|reset|passwords?|set|invit|verif|confirm|activat|unlock|unsub|nsub|sign-?in|log-?in|sso|one-?time|otp|auth|token|session|impersonate|callback|accept|share|webhook|hook|ical|feed)[a-z_/-]*/\S*[A-Za-z0-9_~.=-]{16}"),
    Rule("query", "token", ("?", "&"), _QUERY, _query, "the same, in the query", trigger=r"[?&][A-Za-z_-]{1,20}=[A-Za-z0-9_~.-]{20}"),
)  # fmt: skip
