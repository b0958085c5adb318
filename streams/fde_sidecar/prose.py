"""Prose: secrets that a sentence tells, and links that let their reader in.

`temporary password for greta is X`, `changed password from X to Y`, `one-time code 123456`, `/magic/X` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.assignment import is_pair
from fde_sidecar.names import NO_KEYS, NO_TOKENS
from fde_sidecar.rule import Marks, Q, Rule, instead
from fde_sidecar.values import drawn, identifies, looks_random, masked, passwordish, refers, texture, written

_NOUN: Final = r"(?:password|passwd|pass[ -]phrase|psk|(?:shared|client|app|jwt|signing|webhook|api) secret|passwort|kennwort|passphrase|passcode|pwd)"
_WORD: Final = r"[^\s\"'`{}\[\]=;<>()]{1,80}"
_TOLD: Final = re.compile(
    rf"(?i)(?<![\w./-])(?P<noun>{_NOUN})(?P<said>(?:,?[ \t]{{1,3}}(?:{Q}{_WORD}{Q}|<[\w:-]{{1,50}}>)){{2,12}})"
)
_STEP: Final = re.compile(rf"(?P<open>[\"'`\\]{{0,4}})(?P<word>{_WORD})")
_IS: Final = frozenset("is was ist lautet are be equals now".split())
_TO: Final = frozenset("to from as with into".split())
_SETS: Final = re.compile(
    r"(?i)\b(?:set|sets|setting|reset|resets|changed?|changing|updated?|rotated?)(?: \w{1,12})? $"
)


def _cased(value: str) -> bool:
    """Letters alone, in a case that no word has."""
    return (
        value.isalpha() and len(value) >= 8 and texture(value) >= 0.34 and len(re.findall("[a-z](?=[A-Z])", value)) >= 2
    )


def _told(found: re.Match[str], marks: Marks) -> str | None:
    said, parts, kept, before = found["said"], [], 0, ""
    sets = _SETS.search(found.string, max(0, found.start() - 24), found.start()) is not None
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
            or (before in _TO and written(value) and (strong or (sets and step["open"])))
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


_KEY_NOUN: Final = r"(?:api[ _-]?key|access[ _-]?key|secret[ _-]?key|license[ _-]?key|auth[ _-]?token|access[ _-]?token|(?:unseal|recovery|root|master)[ _-](?:key|token)(?: \d{1,2})?|client[ _-]secret|(?:authorization|auth|oauth|device)[ _-]code|(?:totp|otp|2fa|mfa)[ _-]seed|credential|secret|token|key|PAT)"
_NO_SPOKEN: Final = frozenset(["next", "page", "continuation", "sync", "cancellation"])
_BEFORE: Final = re.compile(r"([A-Za-z0-9]{1,30})[ _-]$")
_STORED: Final = re.compile(
    r"(?i)\b(?:cache|evict|lru|redis|memcache|dedup|shard|partition|bucket|blob|object|upload|lookup|lock)"
)
_TOWARDS: Final = frozenset("to from for under at of in on by with into per and or".split())


def _opens_nothing(compound: str | None) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", compound or "")
    return (bool(words) and words[-1].lower() in NO_KEYS | _NO_SPOKEN | NO_TOKENS) or (
        compound or ""
    ).lower() in NO_TOKENS


def _spoken(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].rstrip(".")
    before = _BEFORE.search(found.string, max(0, found.start() - 32), found.start())
    bare = found.string[found.start() : found.start() + 4].lower().rstrip(" :=") == "key"
    if "public " in found.string[max(0, found.start() - 20) : found.start()].lower():
        return None
    if bare and before is not None and before[1].lower() in _TOWARDS:
        return None  # `uploaded to key: ...`, `restored from key: ...`: where something lies
    if bare and (
        _STORED.search(found.string, max(0, found.start() - 60), found.start())
        or re.fullmatch(r"[A-Za-z]+\d*(?:-[\w.]+)*-[0-9a-f]{32,64}", value)
    ):
        return None  # a key of a cache or of a bucket
    if (
        re.match(r"[a-z_]{2,12}=", value)
        or identifies(value)
        or refers(value)
        or re.fullmatch(r"(?:key|tk|pk|token|api|pat)_[A-Za-z0-9]{1,23}", value)
        or _opens_nothing(found["which"])
        or re.search(r"(?i)\b(?:kid|id)\W", found[0])
        or not (
            drawn(value)
            or (looks_random(value) and re.fullmatch(r"[A-Za-z0-9_~+=]+", value) and texture(value) >= 0.36)
        )
        or re.fullmatch(r"[0-9a-f-]{36}|[a-z0-9_.-]+\.[a-z]{2,}|\d[\d.:-]*", value)
        or "://" in value
        or ("/" in value and not drawn(value))
        or masked(value)
        or (before is not None and before[1].lower() in NO_KEYS | _NO_SPOKEN | {"erc20", "nft", "contract"})
    ):
        return None
    return instead(found, "value", marks.plain("api-key") + found["value"][len(value) :])


# --- credentials as a pair, an old value and its new one, and the settings of network devices ----------------------------
_PAIR: Final = re.compile(
    r"(?i)(?<![A-Za-z])(?:credentials?|creds|userpwd|userpass|logged in|log(?:in|on)|auth(?:enticat(?:ed?|ing))?|as|user)\b[\"']?(?:[ \t](?:for|as|with|are|is|used|user))?[:=]?[ \t]{0,2}[\"'(]?(?:[\w.@+-]{1,60}|<[\w:-]{1,50}>)[ \t]?[:/][ \t]?(?P<value>[^\s\"'`<>,;()\[\]{}/]{6,100})"
)


def _strong(value: str) -> bool:
    """Letters of both cases, or a mark, with digits: what people make up for a password."""
    marked = any(c in "!#$%^&*+?@" for c in value)
    return written(value) and (marked or (any(c.isupper() for c in value) and any(c.islower() for c in value)))


def _pair(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].rstrip(".,;:!?)")
    marked = any(c in "!#$%^&*+?" for c in value)
    basic = found.string[max(0, found.start() - 6) : found.start()].lower() in ("basic_", "basic ", "basic-")
    if basic and drawn(value):
        return instead(found, "value", marks.plain("password") + found["value"][len(value) :])
    if (
        not _strong(value)
        or (not marked and found[0][:5].lower() not in ("crede", "creds", "userp"))
        or masked(value)
        or re.search(r"\.\w{1,4}$|:\d", value)
    ):
        return None
    return instead(found, "value", marks.plain("password") + found["value"][len(value) :])


_ALTERED: Final = re.compile(
    r"(?i)(?:password|passwd|secret|token|api[ _-]?key|credential)s?\b[^=\n]{0,40}?\b(?:old|new|from|to|previous|current|prev|before|after|was|got|expected|actual|received|given)(?:_?value)?[\"']?\s?[=:]\s?[\"']?(?P<value>[^\s\"'`<>,;()\[\]{}]{6,400})"
)


def _altered(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if masked(value) or not (_strong(value) or drawn(value)):
        return None
    return instead(found, "value", marks.plain("password"))


_DEVICE: Final = re.compile(
    r"(?i)(?:\b(?:password|secret|key-string)[ \t](?P<form>[05789])[ \t]|\bkey[ \t]7[ \t](?=[0-9A-Fa-f]{6,64}\b)|\bsnmp-server[ \t]community[ \t]|\bcommunity[ \t](?=\S{4,64}[ \t]R[OW]\b)|\bpre-shared-key[ \t](?:(?:local|remote|ascii-text|hexadecimal|address[ \t]\S{1,60}(?:[ \t]key)?)[ \t])?"
    r"|\b(?:tacacs|radius)(?:-server)?[ \t]key[ \t]|\b(?:key-string|server-key|encrypted-password|authentication-key)[ \t]|(?:^|\s):[ \t]PSK[ \t])[\"']?(?P<value>[^\s\"'<>;]{4,200})"
)


def _device(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if masked(value) or (found["form"] and not passwordish(value) and not value.isdigit()):
        return None
    return instead(found, "value", marks.plain("password"))


# `basic auth ... header="YmF0Y2g6..."`: what decodes to a user and a password.
_BASIC: Final = re.compile(
    r"(?i)\bbasic[ _-]?(?:auth|cred|login)[^\n]{0,60}?[\w.-][\"']?\s?[:=]\s?[\"']?(?P<value>[A-Za-z0-9+/]{12,400}={0,2})(?![\w+/=])"
)


def _basic(found: re.Match[str], marks: Marks) -> str | None:
    return instead(found, "value", marks.plain("password")) if is_pair(found["value"]) else None


RULES: Final = (
    Rule("basic", "password", ("basic",), _BASIC, _basic, "user and password in base 64, told apart from the scheme",
         trigger=r"(?i)basic[ _-]?(?:auth|cred|login).*[:=]\s?[\"']?[A-Za-z0-9+/]{12}"),
    Rule("pair", "password", ("cred", "log", "auth", "user", "as"), _PAIR, _pair, "a user and a password told as a pair",
         begins=re.compile("cred|user|logg|logi|logo|auth|as"),
         trigger=r"(?i)(?:credentials?|creds|userpwd|userpass|logged in|log(?:in|on)|auth(?:enticat(?:ed?|ing))?|as|user)[\"']?(?:[ \t](?:for|as|with|are|is|used|user))?[:=]?[ \t]{0,2}[\"'(]?[\w.@+<>:-]{1,60}[ \t]?[:/][ \t]?[^\s\"'`<>,;()\[\]{}/]{6}"),
    Rule("altered", "password", ("password", "passwd", "secret", "token", "key", "credential"), _ALTERED, _altered, "an old value and its new one, or the wanted and the given",
         trigger=r"(?i)(?:password|passwd|secret|token|api[ _-]?key|credential)s?[^A-Za-z0-9_].*(?:old|new|from|to|previous|current|prev|before|after|was|got|expected|actual|received|given|value)[\"']?\s?[=:]\s?[\"']?[^\s\"'`<>,;()]{6}"),
    Rule("device", "password", ("password", "secret", "key", "community", "psk"), _DEVICE, _device, "the settings of routers and tunnels",
         trigger=r"(?i)(?:password|secret|key|key-string)[ \t][05-9][ \t]|community[ \t]|pre-shared-key[ \t]|(?:tacacs|radius)(?:-server)?[ \t]key[ \t]|(?:key-string|server-key|encrypted-password|authentication-key)[ \t]|:[ \t]psk[ \t]"),
    Rule("beside", "password", ("passw", "passphrase", "pass phrase", "pass-phrase", "psk", " secret", "passcode", "kennwort", "pwd", "keypass", "storepass", "requirepass", "masterauth"),
         re.compile(rf"(?i)(?<![\w./-])(?:{_NOUN}|keypass|storepass|requirepass|masterauth)[ \t]{{1,40}}(?P<sure>(?:is |was |of )?{Q})(?P<value>[^\s\"'`<>()\[\]{{}},;]+)"),
         _beside, "letters and digits right after the word", trigger=rf"(?i)(?:{_NOUN}|keypass|storepass|requirepass|masterauth)[ \t]"),
    Rule("told", "password", ("passw", "passphrase", "pass phrase", "pass-phrase", "psk", " secret", "passcode", "kennwort", "pwd"), _TOLD, _told, "a sentence that tells a password", resume="noun",
         trigger=rf"(?i){_NOUN},?[ \t].*(?:is|was|ist|lautet|to|from|as|with|are|be|equals|into|:)[ \t]"),
    Rule("secure-string", "password", ("securestring",),
         re.compile(rf"(?i)\b(?:ConvertTo-SecureString|SecureString)\b[\s(]{{1,3}}(?:-String\s{{1,3}})?(?P<quote>{Q})(?P<value>[^\s\"'`)$<-][^\s\"'`)]{{2,200}})"),
         lambda found, marks: None if masked(found["value"]) else instead(found, "value", marks.plain("password")), "PowerShell makes a secret of plain text", trigger=r"(?i)securestring[\s(]"),
)  # fmt: skip
# Behind the rules that know an issuer by its form.
LATE: Final = (
    Rule("spoken-key", "api-key", ("key", "token", "secret", "pat ", "pat:", "credential", "code", "seed"),
         re.compile(rf"(?i)(?<![\w./-])(?:x-)?(?P<which>[A-Za-z_][A-Za-z_-]{{0,24}}?(?=token|secret|(?:api|access|master)_key))?{_KEY_NOUN}(?: (?:generated|created|rotated|issued|revoked|refreshed|received|rejected|invalid|expired|mismatch|sent|stored))?(?: (?:for|of)(?: {_WORD}){{1,3}}?(?::|(?= (?:is|was|:|=) )|(?<=:)))?:? (?:is |was |of |provided: |used: |: |to |\()?['\"\[<]?(?P<value>[A-Za-z0-9_~+/=.-]{{16,}})"),
         _spoken, "a random value right after the word",
         trigger=r"(?i)(?:key|token|secret|credential|pat|code|seed)(?: (?:generated|created|rotated|issued|revoked|refreshed|received|rejected|invalid|expired|mismatch|sent|stored))?(?: \d{1,2})?(?: (?:for|of)(?: \S+){1,3})?:? (?:is |was |of |provided: |used: |: |to |\()?['\"\[<]?[A-Za-z0-9_~+/=.-]{16}"),
)  # fmt: skip
