"""Numbers: what is known by its check digit or by how it is written: cards, bank accounts, social security, telephones.

`4111 1111 1111 1111`, `DE89 3704 ...`, `;4111...=2512...?`, `123-45-6789` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.rule import Marks, Rule, whole


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


_CARD_BRAND: Final = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:50|5[6-9]|6\d)\d{14}"
)


# Names beside which a plain run of digits counts things; one in ten of them passes Luhn's check.
_NUMBERED: Final = re.compile(
    r"(?i)(?:\b|_)(?:order|tracking|invoice|shipment|parcel|batch|offset|sequence|seq|message|event|trace|span|request|job"
    r"|task|correlation|ticket|timestamp|nanos)s?(?:[ _-]?(?:id|no|nr|number))?[\\\"']{0,4}\s?[:=#]?\s?[\\\"']{0,4}$"
)


# What says that a card is meant, and names under which a number stands that is none.
_OF_CARD: Final = re.compile(
    r"(?i)card|\bpan\b|_pan\b|\bcc|credit|debit|account_?n|acct|visa|amex|master|payment|maestro|track"
)
_IDENTIFIED: Final = re.compile(
    r"(?i)(?:(?:\b|[_.-]|(?<=[a-z])(?=I|N|R))(?:id|ids|no|nr|ref|reference)|\b(?:ean|gtin|barcode|upc|isbn|issn|imei|imsi|iccid|meid|sku|serial|awb|waybill"
    r"|item|product|customer|user|account|merchant|payer|lot|asset|device|chip|tag|epc|sscc|po|rma|lsn|xid|tx|nonce|amount|bytes|size|count|total|phone|msisdn|fax|tel))"
    r"[\\\"']{0,4}\s?[:=#]?\s?[\\\"']{0,4}$"
)


def _card(found: re.Match[str], marks: Marks) -> str | None:
    digits = re.sub(r"%20|\D", "", found[0])
    if digits == found[0]:
        start = max(0, found.start() - 60)
        if _NUMBERED.search(found.string, start, found.start()):
            return None
        meant = _OF_CARD.search(found.string, max(0, found.start() - 30), found.start()) is not None
        if not meant and (len(digits) == 13 or _IDENTIFIED.search(found.string, start, found.start())):
            return None  # thirteen digits are an article's number by far more often than an old card's
    if not _CARD_BRAND.fullmatch(digits) or not _luhn(digits) or len(set(digits)) < 2:
        return None
    return marks.plain("card-number")


# Characters of an IBAN by country: the registry of ISO 13616, release 99.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def _iban(found: re.Match[str], marks: Marks) -> str | None:
    """The country's length and the check digits (ISO 7064, mod 97-10)."""
    text = found[0].replace(" ", "")
    length = _IBAN_LENGTHS.get(text[:2])
    if length is None or len(text) < length:
        return None
    end, seen = 0, 0
    for end, character in enumerate(found[0], start=1):  # noqa: B007 - where the IBAN ends; a word may follow it
        seen += character != " "
        if seen == length:
            break
    text = text[:length]
    if found[0][end : end + 1].strip() or int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 != 1:
        return None
    return marks.plain("iban") + found[0][end:]


RULES: Final = (
    Rule("track", "card-number", ("^", "="), re.compile(r"%?\bB\d{12,19}\^[^\^\s][^\^\"]{0,40}\^[^\s\"'?]{0,80}\??|;\d{12,19}=\d{4,40}\?|(?<=magstripe )B?\d{12,19}"),
         whole("card-number"), "a card's magnetic stripe", trigger=r"B\d{12,19}\^|;\d{12,19}=\d|magstripe B?\d"),
    Rule("card", "card-number", (), re.compile(r"(?:(?<![\w.-])|(?<=[^A-Za-z0-9](?:VI|CA|AX|DC|MC|DS|JC|UP|TP))|(?<=[Pp][Aa][Nn]))"
                    r"(?:[2-6]\d{3}(?:[ -]?\d){9,15}(?:(?![\w-]|\.\d)|(?=D\d{4}))|[2-6]\d{3}(?P<between>[.+_]|%20)\d{4}(?P=between)\d{4}(?P=between)\d{4}(?![\w-]|\.\d))"), _card, "a brand's prefix, its length, and the Luhn digit"),
    Rule("iban", "iban", (), re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![\w-])"), _iban, "a country's length, and the check digits"),
    Rule("ssn", "ssn", ("-",), re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)"), whole("ssn"), "a social security number of the United States, as it is written"),
)  # fmt: skip
PHONE: Final = (
    Rule("phone", "phone", ("+", "(", "-"),
         re.compile(r"(?<![\w+.-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w-]|\.\d|:\d)"),
         lambda found, marks: ("+" if found[0][0] == "+" else "") + marks.plain("phone") if sum(c.isdigit() for c in found[0]) >= 9 else None, "international or North American form"),
)  # fmt: skip
