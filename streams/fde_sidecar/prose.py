"""Prose: secrets that a sentence tells, and links that let their reader in.

`temporary password for greta is X`, `changed password from X to Y`, `one-time code 123456`, `/magic/X` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.names import NO_KEYS
from fde_sidecar.rule import Marks, Q, Rule, instead
from fde_sidecar.values import drawn, looks_random, masked, passwordish, texture, written

_NOUN: Final = r"(?:password|passwd|passwort|kennwort|passphrase|passcode|pwd)"
_WORD: Final = r"[^\s\"'`{}\[\]=;<>()]{1,80}"
_TOLD: Final = re.compile(
    rf"(?i)(?<![\w./-])(?P<noun>{_NOUN})(?P<said>(?:,?[ \t]{{1,3}}(?:{Q}{_WORD}{Q}|<[\w:-]{{1,50}}>)){{2,12}})"
)
_STEP: Final = re.compile(rf"(?P<open>[\"'`\\]{{0,4}})(?P<word>{_WORD})")
_IS: Final = frozenset("is was ist lautet are be equals now".split())
_TO: Final = frozenset("to from as with into".split())


def _cased(value: str) -> bool:
    """Letters alone, in a case that no word has."""
    return (
        value.isalpha() and len(value) >= 8 and texture(value) >= 0.34 and len(re.findall("[a-z](?=[A-Z])", value)) >= 2
    )


def _told(found: re.Match[str], marks: Marks) -> str | None:
    said, parts, kept, before = found["said"], [], 0, ""
    for step in _STEP.finditer(said):
        word = step["word"]
        value = word.rstrip(".,;:!?)")
        told = before in _IS or before.endswith(":")
        strong = (any(c.isupper() for c in value) and any(c.islower() for c in value)) or any(
            c in "!#$%^&*+?" for c in value
        )
        if (
            (before in _IS | _TO and _cased(value))
            or (told and (written(value) or (passwordish(value) and step["open"])))
            or (before in _TO and written(value) and strong)
        ):
            if not re.fullmatch(r"[\w.-]+@[\w.-]+|[\d.]+|[\w-]+(?:\.[a-z][\w-]+)+", value):
                parts += [said[kept : step.start("word")], marks.plain("password")]
                kept = step.start("word") + len(value)
        before = word.lower()
    return instead(found, "said", "".join((*parts, said[kept:]))) if parts else None


def _beside(found: re.Match[str], marks: Marks) -> str | None:
    """Letters and digits mixed: a word of prose has none, and a number no letters."""
    value = found["value"].rstrip(".,;:!?)")
    if not passwordish(value):
        return None
    digits = sum(c.isdigit() for c in value)
    # A name with a number behind it (`user42`) is no password, unless upper case is in it too.
    if value.islower() and value.rstrip("0123456789").isalpha() and digits < 4 and not found["sure"]:
        return None
    return instead(found, "value", marks.plain("password") + found["value"][len(value) :])


_KEY_NOUN: Final = r"(?:api[ _-]?key|access[ _-]?key|secret[ _-]?key|license[ _-]?key|auth[ _-]?token|access[ _-]?token|(?:unseal|recovery|root)[ _-](?:key|token)(?: \d{1,2})?|credential|secret|token|key|PAT)"
_NO_SPOKEN: Final = frozenset(["next", "page", "continuation", "sync", "cancellation"])
_BEFORE: Final = re.compile(r"([A-Za-z0-9]{1,30})[ _-]$")
_TOWARDS: Final = frozenset("to from for under at of in on by with into per and or".split())


def _spoken(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].rstrip(".")
    before = _BEFORE.search(found.string, max(0, found.start() - 32), found.start())
    bare = found.string[found.start() : found.start() + 4].lower().rstrip(" :=") == "key"
    if bare and before is not None and before[1].lower() in _TOWARDS:
        return None  # `uploaded to key: ...`, `restored from key: ...`: where something lies
    if (
        not (
            drawn(value)
            or (looks_random(value) and re.fullmatch(r"[A-Za-z0-9_~+=]+", value) and texture(value) >= 0.36)
        )
        or re.fullmatch(r"[0-9a-f-]{36}|[a-z0-9_.-]+\.[a-z]{2,}|\d[\d.:-]*", value)
        or "://" in value
        or ("/" in value and not drawn(value))
        or masked(value)
        or (before is not None and before[1].lower() in NO_KEYS | _NO_SPOKEN)
    ):
        return None
    return instead(found, "value", marks.plain("api-key") + found["value"][len(value) :])


_LINK: Final = re.compile(
    r"(?i)/(?:magic(?:[-_]?links?)?|(?:password[-_/]?)?reset(?:[-_]?password)?|passwords?/edit|set[-_]?password|invit(?:e|es|ation|ations)|verify(?:[-_]?email)?|verification|confirm(?:ation|[-_]email)?|activat(?:e|ion)"
    r"|unlock|unsubscribe|sign-?in|log-?in|sso|one-?time|otp|auth|tokens?|session|impersonate|callback|accept|shared?|u?nsub|webhooks?|hooks?)/(?P<value>[A-Za-z0-9_~.=-]{16,600})(?=[/?#\s\"'`<>),;\\\]]|$)"
)


def _link(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].rstrip(".")
    return instead(found, "value", marks.plain("token") + found["value"][len(value) :]) if drawn(value) else None


_CODE: Final = re.compile(
    r"(?i)\b(?:otp|totp|one[- ]?time|2fa|mfa|two[- ]factor|verification|sms|login|sign-?in|confirmation)[-_ ]?(?:code|pin|password|passcode|token)?"
    rf"{Q}(?P<sure>\s{{0,3}}(?:is|was|[:=])\s{{0,3}}|\s){Q}(?P<value>\d{{3}}[- ]?\d{{3}}|\d{{4}}|\d{{8}})(?![\w.:/-])"
)


def _code(found: re.Match[str], marks: Marks) -> str | None:
    if not found["sure"].strip() and not re.search(r"(?i)code|pin|pass|token", found[0]):
        return None
    if re.match(r"(?i)(?:login|confirmation|sms|verification)[-_ ]?[\"':=\s]", found[0]) and not re.search(
        r"(?i)code|pin|pass|token", found[0]
    ):
        return None
    return instead(found, "value", marks.plain("token"))


RULES: Final = (
    Rule("beside", "password", ("passw", "passphrase", "passcode", "kennwort", "pwd", "keypass", "storepass"),
         re.compile(rf"(?i)(?<![\w./-])(?:{_NOUN}|keypass|storepass|requirepass|masterauth)[ \t]{{1,40}}(?P<sure>(?:is |was |of )?{Q})(?P<value>[^\s\"'`<>()\[\]{{}},;]+)"),
         _beside, "letters and digits right after the word", trigger=rf"(?i)(?:{_NOUN}|keypass|storepass|requirepass|masterauth)[ \t]"),
    Rule("told", "password", ("passw", "passphrase", "passcode", "kennwort", "pwd"), _TOLD, _told, "a sentence that tells a password", resume="noun",
         trigger=rf"(?i){_NOUN},?[ \t].*(?:is|was|ist|lautet|to|from|as|with|are|be|equals|into|:)[ \t]"),
    Rule("secure-string", "password", ("securestring",),
         re.compile(rf"(?i)\b(?:ConvertTo-SecureString|SecureString)\b[\s(]{{1,3}}(?:-String\s{{1,3}})?(?P<quote>{Q})(?P<value>[^\s\"'`)$<-][^\s\"'`)]{{2,200}})"),
         lambda found, marks: None if masked(found["value"]) else instead(found, "value", marks.plain("password")), "PowerShell makes a secret of plain text", trigger=r"(?i)securestring[\s(]"),
)  # fmt: skip
# Behind the rules that know an issuer by its form.
LATE: Final = (
    Rule("spoken-key", "api-key", ("key", "token", "secret", "pat ", "pat:", "credential"),
         re.compile(rf"(?i)(?<![\w./-]){_KEY_NOUN}(?: (?:for|of) {_WORD})?:? (?:is |was |of |provided: |used: |: |\()?['\"]?(?P<value>[A-Za-z0-9_~+/=.-]{{16,}})"),
         _spoken, "a random value right after the word",
         trigger=r"(?i)(?:key|token|secret|credential|pat)(?: (?:for|of) \S+)?:? (?:is |was |of |provided: |used: |: |\()?['\"]?[A-Za-z0-9_~+/=.-]{16}"),
    Rule("link", "token", ("/",), _LINK, _link, "a link that lets its reader in",
         trigger=r"(?i)/(?:magic|reset|passwords?|set|invit|verif|confirm|activat|unlock|unsub|nsub|sign-?in|log-?in|sso|one-?time|otp|auth|token|session|impersonate|callback|accept|share|webhook|hook)[a-z_/-]*/[A-Za-z0-9_~.=-]{16}"),
    Rule("code", "token", ("otp", "one", "2fa", "mfa", "factor", "verification", "sms", "login", "sign", "confirmation"), _CODE, _code, "a code for one time",
         trigger=r"(?i)(?:otp|time|2fa|mfa|factor|verification|sms|log-?in|sign-?in|confirmation)[-_ ]?(?:code|pin|password|passcode|token)?[\"'\\]{0,4}\s*(?:is|was|:|=|\s)[\s\"'\\]*\d{3}[ -]?\d"),
)  # fmt: skip
