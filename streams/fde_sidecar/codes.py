"""Codes: secrets of few characters, told by the word beside them: PINs, verification values, one-time and recovery codes.

`pin=...`, `"cvv":"..."`, `Your code is ...`, `... is your code`, `recovery codes: a b c` -> :data:`RULES`

Digits alone say nothing, so that the word must stand right before or behind them; a status, an exit or a postal code is none.
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.rule import Marks, Q, Rule, instead

_END: Final = r"(?![\w/-]|[.:,]\d)"
_SIX: Final = r"(?:\d{3}[- ]?\d{3}|\d{4}|\d{8})"
# Left of a name's last word: no letter, or a lower one before a capital.
_EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=(?-i:[A-Z])))"
_CODED: Final = (
    r"(?:(?:otp|totp|hotp|mfa|2fa|tfa|two[-_]?factor|sms|verification|verify|security|one[-_]?time|card|passcode|access|reset|recovery|door|unlock|activation|login|cvv|confirm(?:ation)?)"
    r"[-_ ]?(?:code|pin|passcode|password)|otp|totp|passcode)"
)
_NAMED: Final = re.compile(
    rf"(?i){_EDGE}(?:(?P<pin>m?pin|cvv2?|cvc2?|cav2?|csc|cvn|ccv)|{_CODED}){Q}\]?\s{{0,3}}(?:=>|[:=>]|\(|\s(?=\d))\s{{0,3}}(?:Some\(|string\(\d\)\s)?\[?{Q}(?P<value>\d{{3,10}}){_END}"
)


def _named(found: re.Match[str], marks: Marks) -> str | None:
    length, name = len(found["value"]), (found["pin"] or "").lower()
    if name in ("pin", "mpin"):
        good = 4 <= length <= 8 and length != 7
    elif name:
        good = length <= 4
    else:
        good = 4 <= length <= 10 or (length == 3 and found[0].lower().startswith("security"))
    return instead(found, "value", marks.plain("token")) if good else None


# --- in words ------------------------------------------------------------------------------------------------------------
_YOUR: Final = r"(?:your|the|ihr|dein|ihre|votre|ton|tu|su|il tuo|tuo|uw|je|din|seu|o seu|tw[oó]j)"
_NOUN: Final = r"(?:code|c[oó]digo|codice|kod|kode|otp|pin|passcode)"
_TOLD: Final = re.compile(
    rf"(?i)(?:\b{_YOUR}\b[^\n\"'{{}}\\\d]{{0,40}}?\b(?P<noun>{_NOUN})\b(?: (?:number|for [^\d\n]{{1,40}}?))?\s?(?:is|was|now|lautet|ist|est|es|è|er|é|:|=|-)?\s{{0,2}}[\"']?|(?-i:\bPIN\b)(?: (?:code|entered|is|was|set|changed|to|new|reset|now)){{0,3}}[ :=]{{1,3}}"
    rf"|\b(?:use|enter|type|input|utilisez|utilice|geben sie)[^\d\n\"'{{}}=]{{0,20}} (?=\d{{3}}[- ]?\d{{3}} (?:to|as|for|in|ein|pour|para) [^\n]{{0,30}}?\b(?:sign|log|verif|confirm|authent|code|pin|access|reset|activat|anmeld|connect|account)))(?:[A-Z]{{1,4}}-)?(?P<value>{_SIX}){_END}"
)
_BEFORE: Final = re.compile(
    rf"(?i)(?<![\w./:=-])(?:[A-Z]{{1,4}}-)?(?P<value>\d{{6}}|\d{{3}}[- ]\d{{3}}|\d{{4}}|\d{{8}}) (?:is|ist|est|es|è|er) {_YOUR}\b[^\n\d]{{0,40}}?\b(?:{_NOUN}|password)\b"
)
_OTHER_CODES: Final = re.compile(
    r"(?i)\b(?:error|status|exit|return|reason|response|postal|zip|post|country|area|promo|coupon|discount|voucher|product|item|currency|dial(?:ing)?|source|qr|bar|language|booking|order|tracking|reference|http|sort|swift|tax|cost|hs|vat|unit)[- ]?code"
)


def _told(found: re.Match[str], marks: Marks) -> str | None:
    if _OTHER_CODES.search(found[0]):
        return None
    return instead(found, "value", marks.plain("token"))


_ONE_TIME: Final = re.compile(
    r"(?i)\b(?:otp|totp|one[- ]?time|2fa|mfa|two[- ]factor|verification|sms|login|sign-?in|confirmation|security|reset|recovery|unlock|access|auth(?=[-_ ]pin))[-_ ]?(?:code|pin|password|passcode|token)?"
    rf"{Q}(?P<sure>\s{{0,3}}(?:is|was|[:=])\s{{0,3}}|\s){Q}(?P<value>{_SIX}){_END}"
)


def _one_time(found: re.Match[str], marks: Marks) -> str | None:
    coded = re.search(r"(?i)code|pin|pass|token", found[0]) is not None
    if not coded and (
        not found["sure"].strip()
        or re.match(r"(?i)(?:login|confirmation|sms|verification|security|reset|recovery|unlock|access|auth)", found[0])
    ):
        return None
    return instead(found, "value", marks.plain("token"))


# --- lists of codes ------------------------------------------------------------------------------------------------------
_ITEM: Final = r"(?:[A-Za-z0-9]{3,10}(?:[- ][A-Za-z0-9]{3,10}){1,4}|[A-Za-z0-9]{8,12})"
_LISTED: Final = re.compile(
    r"(?i)\b(?:recovery|backup|scratch|rescue|emergency|mfa|2fa)[-_ ]?codes?(?![A-Za-z0-9])(?P<head>(?:[ \t]{1,3}[a-z]{2,12}){0,4}[\\\"'\]]{0,6}\s{0,3}(?:=>|[:=]|\s)?)(?P<items>[^\n]{6,1200})"
)
_CODE: Final = re.compile(
    r"(?<![\w.-])[A-Za-z0-9]{4,10}(?:-[A-Za-z0-9]{3,10}){1,4}(?![\w.-])|(?<![\w.-])\d{4} \d{4}(?!\w)|(?<![\w.-])[A-Za-z0-9]{8,12}(?![\w.-])"
)
_STEP: Final = re.compile(r"[\s\"'`\\,;\[\](){}:=>|]{1,9}")


def _listed(found: re.Match[str], marks: Marks) -> str | None:
    """The codes that follow one another; the first text that is none ends the list."""
    items, parts, kept, at = found["items"], [], 0, 0
    while True:
        step = _STEP.match(items, at)
        one = _CODE.match(items, step.end() if step else at)
        if one is None or not any(c.isdigit() for c in one[0]) or re.fullmatch(r"\d{4}-\d\d-\d\d", one[0]):
            break
        parts += [items[kept : one.start()], marks.plain("secret")]
        kept = at = one.end()
    return instead(found, "items", "".join((*parts, items[kept:]))) if parts else None


# --- keys in groups, and phrases of words --------------------------------------------------------------------------------
_GROUPED: Final = re.compile(
    rf"(?i)\b(?:(?:product|registration|cd|licen[sc]e|activation|unlock|bitlocker|recovery)[-_ ]?key|(?:licen[sc]e|activation|unlock|recovery)[-_ ]?code|licen[sc]e){Q}\s{{0,3}}(?:is |=>|[:=]|\s)\s{{0,3}}{Q}"
    r"(?P<value>(?-i:[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,7}|[0-9]{6}(?:-[0-9]{6}){7}))(?![\w-])"
)


def _grouped(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    digits = sum(c.isdigit() for c in value)
    return instead(found, "value", marks.plain("secret")) if digits > 2 else None


_PHRASE: Final = re.compile(
    rf"(?i)\b(?:(?:seed|recovery|mnemonic|secret|backup|wallet)[-_ ]?(?:phrase|words)?|mnemonic){Q}\s{{0,3}}(?:is |=>|[:=])\s{{0,3}}{Q}(?P<value>(?:[a-z]{{3,8}}[ ,]{{1,2}}){{11,23}}[a-z]{{3,8}})\b"
)

RULES: Final = (
    Rule("named-code", "token", ("pin", "cv", "cav", "csc", "ccv", "otp", "code", "passcode", "password"), _NAMED, _named, "digits under a name that says code",
         begins=re.compile("m?pin|c[vas][vcn]|ccv|otp|totp|hotp|mfa|2fa|tfa|two|sms|veri|secu|one|card|pass|acce|rese|reco|door|unlo|acti|logi|conf"),
         trigger=rf"(?i)(?:pin|cvv2?|cvc2?|cav2?|csc|cvn|ccv|{_CODED}){Q}\]?\s*(?:=>|[:=>]|\(|\s)\s*(?:some\(|string\(\d\)\s)?\[?{Q}\d{{3}}"),
    Rule("told-code", "token", ("code", "digo", "codice", "kod", "otp", "pin", "use", "enter", "type", "input", "util", "geben"), _TOLD, _told, "a sentence that tells a code",
         trigger=r"(?i)(?:code|c.{1,2}digo|codice|kode?|otp|pin|passcode)(?: (?:number|for [^\d\n]{1,40}|[a-z ]{1,16}))?\s?(?:is|was|now|lautet|ist|est|es|.{1,2}|er|:|=|-)?\s{0,2}[\"']?(?:[a-z]{1,4}-)?(?:\d{4}|\d{3}[- ]\d{3})|(?:use|enter|type|input|utilisez|utilice|geben sie)[^\d\n\"'{}=]{0,20} \d{3}[- ]?\d{3} [a-z]"),
    Rule("code-told", "token", ("code", "digo", "codice", "kod", "otp", "pin", "password"), _BEFORE, _told, "the same, the code first",
         trigger=r"(?i)\d{3} (?:is|ist|est|es|.{1,2}|er) [a-z]"),
    Rule("code", "token", ("otp", "one", "2fa", "mfa", "factor", "verification", "sms", "login", "sign", "confirmation", "security", "reset", "recovery", "unlock", "access", "auth"), _ONE_TIME, _one_time, "a code for one time",
         trigger=r"(?i)(?:otp|time|2fa|mfa|factor|verification|sms|log-?in|sign-?in|confirmation|security|reset|recovery|unlock|access|auth)[-_ ]?(?:code|pin|password|passcode|token)?[^A-Za-z0-9]*(?:is|was|:|=|\s)[\s\"'\\&#;a-z0-9]*\d{3}[ -]?\d"),
    Rule("recovery-codes", "secret", ("recovery", "backup", "scratch", "rescue", "emergency", "mfa", "2fa"), _LISTED, _listed, "codes for when the second factor is lost",
         trigger=r"(?i)(?:recovery|backup|scratch|rescue|emergency|mfa|2fa)[-_ ]?codes?[^A-Za-z0-9]"),
    Rule("grouped-key", "secret", ("licen", "product", "activation", "registration", "cd", "unlock", "bitlocker", "recovery"), _GROUPED, _grouped, "a key in groups, as one types it",
         trigger=r"[A-Z0-9]{4}-[A-Z0-9]{4,8}-[A-Z0-9]{4}"),
    Rule("phrase", "secret", ("seed", "recovery", "mnemonic", "secret", "backup", "wallet"), _PHRASE, lambda found, marks: instead(found, "value", marks.plain("secret")), "words that make a key",
         trigger=rf"(?i)(?:seed|recovery|mnemonic|secret|backup|wallet)[-_ ]?(?:phrase|words)?{Q}\s*(?:is |=>|[:=])[^a-z]{{0,9}}[a-z]+[ ,]+[a-z]+[ ,]+[a-z]+[ ,]"),
)  # fmt: skip
