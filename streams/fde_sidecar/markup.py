"""Markup: a value and its name as two parts of one element, or as two members of one object.

`<password>value</password>`, `<add key="password" value="value"/>`, `{"name": "password", "value": "value"}` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.assignment import BEGINS, HEX, SESSION, STRONG, name_of, names_a_thing
from fde_sidecar.names import Named, digested, named
from fde_sidecar.rule import QUOTE, Marks, Q, Rule, instead
from fde_sidecar.values import UUID, drawn, is_value, looks_random

_LABELS: Final = r"(?:name|key|id|field|property|param(?:eter)?|variable|var|header|type|label|option|attribute)"
_LABELLED: Final = re.compile(rf"(?i){_LABELS}{Q}\s{{0,3}}(?:=>|[:=]|>|</?)\s{{0,3}}{Q}$")

# --- `<password>value</password>`, `<setting name="password">value</setting>` ------------------------------------------
_CDATA: Final = r"(?:<!\[CDATA\[)?"
_LT: Final = r"(?:<|&lt;|\\{1,3}u003[cC])"
_GT: Final = r"(?:>|&gt;|\\{1,3}u003[eE])"
_ELEMENT: Final = re.compile(
    rf"(?i){_LT}(?P<name>(?:\w{{1,20}}:)?[\w.-]{{0,40}}?(?:{STRONG}|key|session|ticket|assertion)[\w.-]{{0,40}})(?:\s[^<>]{{0,300}}?)?{_GT}{_CDATA}(?P<value>[^<>]{{3,400}}?)(?:\]\]>)?{_LT}\\?/(?P=name){_GT}"
)
_ATTRIBUTES: Final = rf"[\s,;]{{1,5}}(?:{Q}[\w.:-]{{1,40}}{Q}\s{{0,2}}[:=]\s{{0,2}}(?:{QUOTE}[^\"'<>\\]{{0,80}}{QUOTE}|[\w.-]{{1,40}})[\s,;]{{1,5}}){{0,4}}"
_NESTED: Final = rf"(?:(?:[\[{{]{{1,2}}\s{{0,3}}{Q}\w{{1,20}}{Q}\s{{0,3}}:\s{{0,3}}){{1,3}})?"  # `{"stringValue": "X"}`
_VALUED: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>[\w.-]{{0,40}})(?:(?P<shut>{Q})"
    rf"(?:{_ATTRIBUTES}{Q}\w{{0,20}}?(?:value|content)(?:\s{{0,2}}=>|{Q}\s{{0,3}}(?:[:=]|(?=\{{)))\s{{0,3}}{_NESTED}"
    rf"(?:(?P<quote>{QUOTE})(?P<quoted>[^\"'`<>]{{3,2000}}?)(?P=quote)|(?P<bare>[^\s\"'`,;<>(){{}}\[\]]{{3,2000}}))"
    rf"|[^<>]{{0,200}}>\s{{0,3}}{_CDATA}(?P<text>[^<>]{{3,400}}?)\s{{0,3}}(?:\]\]>)?</)|</\w{{1,20}}>\s{{0,9}}<\w{{1,20}}>(?P<next>[^<>]{{3,400}})</)"
)
_REVERSED: Final = re.compile(
    rf"(?i)\b\w{{0,20}}value{Q}\s{{0,3}}[:=]\s{{0,3}}(?P<quote>{QUOTE})(?P<value>[^\"'`<>\\]{{3,400}})(?P=quote)(?:{_ATTRIBUTES}|\s{{1,3}}where\s{{1,3}})"
    rf"{Q}\w{{0,20}}{_LABELS}{Q}\s{{0,3}}[:=]\s{{0,3}}{Q}(?P<name>[\w.:-]{{0,60}}?{STRONG}[\w.-]{{0,40}})"
)

# A framework tells a property by its name and its value further on: Spring's resolver, its refused fields.
_PROPERTY: Final = re.compile(
    rf"(?i)\b(?:key|property|setting|variable|option|parameter|field|env) {QUOTE}(?P<name>[\w.:-]{{0,60}}?{STRONG}[\w.-]{{0,20}}){QUOTE}[^\n]{{0,120}}?\b"
    rf"value(?: of type \w{{1,30}})?(?:\s{{0,2}}[:=]\s{{0,2}}|\s(?=\[))\[?{Q}(?P<value>[^\s\"'`\]\[,;<>]{{4,400}})"
)
# Bound to a statement: `["value", "X"], ["name", "smtp_password"]`.
_PAIRS: Final = re.compile(
    rf"(?i)\[{QUOTE}\w{{0,20}}value{QUOTE},\s?{QUOTE}(?P<value>[^\s\"'`\\]{{4,400}}){QUOTE}\](?:,\s?\[[^\[\]\n]{{0,80}}\]){{0,4}}?,\s?\[{QUOTE}\w{{0,20}}{_LABELS}{QUOTE},"
    rf"\s?{QUOTE}(?P<name>[\w.:-]{{0,60}}?{STRONG}[\w.-]{{0,20}}){QUOTE}\]"
)


def _property(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"])
    if what is None or not _held(found, found["name"], found["value"], what):
        return None
    return instead(found, "value", marks.plain(what.kind))


def _element(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"].rpartition(":")[2])
    if what is None or not _held(found, found["name"], found["value"], what):
        return None
    return instead(found, "value", marks.plain(what.kind))


def _valued(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    start = found.start("word") - (len(name) - (found.end("rest") - found.start("word")))
    if what is None or not _LABELLED.search(found.string, max(0, start - 50), start):
        return None
    group = next(one for one in ("quoted", "bare", "text", "next") if found[one])
    return instead(found, group, marks.plain(what.kind)) if _held(found, name, found[group], what) else None


def _reversed(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"])
    if what is None or not _held(found, found["name"], found["value"], what):
        return None
    return instead(found, "value", marks.plain(what.kind))


def _held(found: re.Match[str], name: str, value: str, what: Named) -> bool:
    value = value.strip()
    if what.kind != "password" and names_a_thing(found.string, name.rpartition(":")[2], value):
        return False
    if not what.sure and HEX.fullmatch(value) and digested(name.rpartition(":")[2]):
        return False
    if UUID.fullmatch(value) and SESSION.search(name):
        return True
    random = drawn(value) or (len(value) >= 40 and looks_random(value) and " " not in value)
    return is_value(value, quoted=True, assigned=True, kind=what.kind) and (what.sure or random)


RULES: Final = (
    Rule("element", "password", ("</", "&lt;", "u003", "<\\/"), _ELEMENT, _element, "an XML element whose name says secret",
         trigger=rf"(?i)(?:<|&lt;|u003c)[\w.:-]*(?:{STRONG}|key|session|ticket|assertion)[\w.-]*(?:\s[^<>]*)?(?:>|&gt;|u003e)"),
    Rule("valued", "password", ("value", "content", "</", "</"), _VALUED, _valued, "the name in one attribute or member, the value in the next", resume="rest", begins=BEGINS,
         trigger=rf"(?i){_LABELS}(?:{QUOTE})?\s*[:=>][=>]?\s*(?:{QUOTE})?[\w.:-]*{STRONG}[\w.-]*(?:{QUOTE})?(?:[^<>]*>|</|[\s,;].*(?:value|content))"),
    Rule("reversed", "password", ("value",), _REVERSED, _reversed, "the same, the value first", resume="quote",
         trigger=rf"(?i)value(?:{QUOTE})?\s*[:=].*{STRONG}"),
    Rule("property", "password", ("value",), _PROPERTY, _property, "a property's name in quotes, its value later in the sentence",
         trigger=rf"(?i)(?:key|property|setting|variable|option|parameter|field|env) {QUOTE}[\w.:-]*{STRONG}[\w.-]*{QUOTE}.*value"),
    Rule("pairs", "password", ("value",), _PAIRS, _property, "a statement's value and, beside it, the name it is kept under",
         trigger=rf"(?i)value{QUOTE},\s?{QUOTE}.*{STRONG}"),
)  # fmt: skip
