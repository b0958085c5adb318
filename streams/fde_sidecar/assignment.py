"""Assignment: a value beside the name that says what it is, in the grammars in which programs print one.

`name=value`, `"name": "value"`, `[name] => value`, `name:[value]`, `?name=value`, `["name", "value"]`, `<name>value</name>`,
`name="name" value="value"`, `INSERT INTO t (name) VALUES ('value')` -> :data:`RULES`

A pattern begins at a word that tells a secret; what stands in front of it is read back to the whole name, which
:mod:`fde_sidecar.names` judges.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from fde_sidecar.names import Named, named
from fde_sidecar.rule import QUOTE, Marks, Q, Rule, instead
from fde_sidecar.values import NO_VALUES, drawn, is_value, looks_random, masked, passwordish

STRONG: Final = (
    r"(?:pass(?:word|wd|phrase|code|wort|w|wrd)?|kennwort|pwd|pswd|mnemonic|seed[-_]?phrase|psk|secret|token|creds?|credentials?|sig|signature"
    r"|hmac|verifier|sess(?:ion)?[-_.]?id|sessid|(?:api|private|master|licen[sc]e|sign(?:ing)?|encrypt(?:ion)?|decrypt(?:ion)?"
    r"|subscription|account|shared|access|function|webhook|aes|auth|jwt|cipher|crypto|session|secure|unseal)[-_.]?key)"
)
_WEAK: Final = (
    r"(?:key|auth(?:entication)?|session|sess|sid|cookie|licen[sc]e|[-_]pat|salt|assertion|bearer|code|ticket|jwt)"
)
_WEAK_REST: Final = r"(?:[-_.]?(?:data|base|value|b64|base64|prod|live|test|old|new|current)){0,2}\d{0,3}"
_CLOSE: Final = rf"{Q}[\])]?"
_ENCODED: Final = r"(?:%(?:25){0,2}22)?%(?:25){0,2}3[DA](?:%(?:25){0,2}2[02])?"
# What may stand between the sign and the value: the types of languages' dumps, and lists of one.
_OPEN: Final = (
    r"(?:string\(\d{1,5}\)\s{1,2}|(?:Some|Just|Ok|Option|Optional|Secret|SecretStr|SecretString|SecretBox|Password|Sensitive|String|str|bytes|sensitive|base64decode)"
    r"\(\s{0,2}|\[{1,2}\s{0,2}|\((?=\\{0,3}[\"'])|[bBrRuUnN@$]{1,2}(?=[\"']))?"
)
_BARE: Final = r"[^\s\"'`&;,<>()\[\]{}\\]+"
_KEYED: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>[\w.@-]{{0,48}})"
    rf"(?P<separator>{_CLOSE}\s{{0,40}}(?:=>|:=|==?|:)\s{{0,40}}|{_CLOSE}\s{{1,40}}(?:->|\|)\s{{1,40}}|\\{{0,3}}\";s:\d{{1,6}}:|\((?:value|raw|data)\s?=\s?|[ \t]{{2,40}}|\t|(?P<encoded>{_ENCODED})){_OPEN}"
    rf"(?:(?P<quote>{QUOTE})(?P<quoted>.{{0,4000}}?)(?<!\\)(?P=quote)"
    # Inside a percent-encoded query an encoded '&' or '"' ends the value; elsewhere it is a part of it.
    rf"|(?P<bare>(?(encoded)(?:(?!%(?:25){{0,2}}2[26])[^\s\"'`&;,<>()\[\]{{}}\\])+|{_BARE})))"
)
_FORMED: Final = re.compile(
    rf"(?i)(?P<word>{_WEAK})(?P<rest>{_WEAK_REST})"
    rf"(?P<separator>{_CLOSE}\s{{0,40}}(?:=>|:=|==?|:)\s{{0,40}}|(?P<encoded>{_ENCODED})){_OPEN}(?P<quote>{QUOTE})?"
    r"(?P<bare>(?(encoded)(?:(?!%(?:25){0,2}2[26])[A-Za-z0-9+/=_.~%:$-]){12,600}|[A-Za-z0-9+/=_.~%:$-]{12,2000}))(?P<quoted>)"
)
_CODE: Final = re.compile(r"[A-Za-z_]\w*?(?:\.[A-Za-z_]\w*)*[.:]?")
_TOWARDS: Final = re.compile(r"(?i)\b(?:to|from|for|at|under|with|of|in) $")  # `restored from key: ...`
_ARN: Final = re.compile(r"\barn:[\w:/*.-]*$")
_PATH: Final = re.compile(r"(?:/|[A-Za-z]:\\|~/|\./).*")
_LABELS: Final = r"(?:name|key|id|field|property|param(?:eter)?|variable|var|header|type|label|option|attribute)"
_LABELLED: Final = re.compile(rf"(?i){_LABELS}{Q}\s{{0,3}}(?:=>|[:=]|>|</?)\s{{0,3}}{Q}$")


def name_of(found: re.Match[str]) -> str:
    """The whole name whose telling word was found: what stands in front of the word belongs to it."""
    line, start = found.string, found.start("word")
    at, stop = start, max(0, start - 60)
    while at > stop and (line[at - 1].isalnum() or line[at - 1] in "_.-"):
        at -= 1
    if at and line[at - 1] == "%" and start - at >= 2:
        at += 2  # `%26client_secret`
    return line[at : found.end("rest")]


def _assigned(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    if name.lower() == "key" and found.string[max(0, found.start() - 1) : found.start()] in ("?", "&"):
        what = Named("api-key", sure=False)
    elif (
        name.lower() == "key"
        and not _TOWARDS.search(found.string, max(0, found.start() - 12), found.start())
        and re.fullmatch(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{24,}", found["bare"] or "")
    ):
        what = Named("api-key", sure=False)
    if what is None:
        return None
    quoted = bool(found["quote"])
    group = "quoted" if found["quoted"] or (quoted and not found["bare"]) else "bare"
    value = found[group]
    separator = found["separator"]
    if separator.endswith(":") and _ARN.search(found.string, max(0, found.start() - 200), found.start()):
        return None  # `arn:aws:secretsmanager:<region>:<account>:secret:name` says where a secret is, not what
    if masked(value) or not _accepted(found, what, name, value, quoted=quoted):
        return None
    return instead(found, group, marks.plain(what.kind))


def _accepted(found: re.Match[str], what: Named, name: str, value: str, *, quoted: bool) -> bool:
    separator = found["separator"]
    if not what.sure:
        if what.kind == "password":
            return passwordish(value) or drawn(value)
        if separator == ":" and found.string[max(0, found.start() - 1) : found.start()] not in ("{", ",", "(", "["):
            return False  # `GET session:7a8b`: a name space
        if name.lower().endswith("auth") and _pair(value):
            return True
        return drawn(value, 20 if name.lower().endswith(("code", "ticket", "key", "cookie")) else 16)
    follows = found.string[found.end() : found.end() + 1]
    if not quoted and follows in (",", ")") and value.lower() == name.lower():
        return False  # source code: `authenticate(user=user, password=password)`
    if not quoted and _CODE.fullmatch(value) and not found.string.startswith(("[\\r", "[\\n"), found.end()):
        dotted = "." in value.rstrip(".:")
        if (
            follows in ("[", "(")
            or "==" in separator
            or (
                value.replace(".", "").replace("_", "").rstrip(":").isalpha()
                and (dotted or (what.kind != "password" and "_" in value))
            )
        ):
            return False  # source code in a traceback: `api_key=cfg["key"]`, `token=settings.token`
    short = name.lower().rpartition(".")[2]
    if short in ("pwd", "oldpwd") and _PATH.match(value):
        return False  # the working directory
    if short == "pass" and re.fullmatch(r"[\d.%/]{1,6}", value):
        return False  # so many tests
    if "|" in separator or "->" in separator or not separator.strip():
        return passwordish(value) or drawn(value)
    return is_value(value, quoted=quoted, assigned="=" in separator or bool(found["encoded"]), kind=what.kind)


def _pair(value: str) -> bool:
    """Base 64 of `user:password`."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return False
    return ":" in text and text.isprintable()


# --- `<password>value</password>`, `<setting name="password">value</setting>` ------------------------------------------
_CDATA: Final = r"(?:<!\[CDATA\[)?"
_ELEMENT: Final = re.compile(
    rf"(?i)<(?P<name>(?:\w{{1,20}}:)?[\w.-]{{0,40}}?{STRONG}[\w.-]{{0,40}})(?:\s[^<>]{{0,300}})?>{_CDATA}(?P<value>[^<>]{{3,400}}?)(?:\]\]>)?</(?P=name)>"
)
_ATTRIBUTES: Final = rf"[\s,;]{{1,5}}(?:{Q}[\w.:-]{{1,40}}{Q}\s{{0,2}}[:=]\s{{0,2}}(?:{QUOTE}[^\"'<>\\]{{0,80}}{QUOTE}|[\w.-]{{1,40}})[\s,;]{{1,5}}){{0,4}}"
_VALUED: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>[\w.-]{{0,40}})(?:(?P<shut>{Q})"
    rf"(?:{_ATTRIBUTES}{Q}\w{{0,20}}?(?:value|content)(?:\s{{0,2}}=>|{Q}\s{{0,3}}[:=])\s{{0,3}}"
    rf"(?:(?P<quote>{QUOTE})(?P<quoted>[^\"'`<>]{{3,2000}}?)(?P=quote)|(?P<bare>[^\s\"'`,;<>(){{}}\[\]]{{3,2000}}))"
    rf"|[^<>]{{0,200}}>\s{{0,3}}{_CDATA}(?P<text>[^<>]{{3,400}}?)\s{{0,3}}(?:\]\]>)?</)|</\w{{1,20}}>\s{{0,9}}<\w{{1,20}}>(?P<next>[^<>]{{3,400}})</)"
)
_REVERSED: Final = re.compile(
    rf"(?i)\b\w{{0,20}}value{Q}\s{{0,3}}[:=]\s{{0,3}}(?P<quote>{QUOTE})(?P<value>[^\"'`<>\\]{{3,400}})(?P=quote)(?:{_ATTRIBUTES}|\s{{1,3}}where\s{{1,3}})"
    rf"{Q}\w{{0,20}}{_LABELS}{Q}\s{{0,3}}[:=]\s{{0,3}}{Q}(?P<name>[\w.:-]{{0,60}}?{STRONG}[\w.-]{{0,40}})"
)


def _element(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"].rpartition(":")[2])
    if what is None or not _held(found["value"], what):
        return None
    return instead(found, "value", marks.plain(what.kind))


def _valued(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    start = found.start("word") - (len(name) - (found.end("rest") - found.start("word")))
    if what is None or not _LABELLED.search(found.string, max(0, start - 50), start):
        return None
    group = next(one for one in ("quoted", "bare", "text", "next") if found[one])
    return instead(found, group, marks.plain(what.kind)) if _held(found[group], what) else None


def _reversed(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"])
    if what is None or not _held(found["value"], what):
        return None
    return instead(found, "value", marks.plain(what.kind))


def _held(value: str, what: Named) -> bool:
    value = value.strip()
    return is_value(value, quoted=True, assigned=True, kind=what.kind) and (what.sure or drawn(value))


# --- `["X-Api-Key", "value"]` --------------------------------------------------------------------------------------------
_LISTED: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>[\w-]{{0,40}})(?P<shut>{Q})\s{{0,2}},\s{{0,16}}[bu]?(?P<quote>{Q})(?P<value>(?<=[\"'`])[^\s\"'`\\]{{6,2000}}|[^\s\"'`,;<>()\[\]{{}}\\]{{6,2000}})"
    rf"(?P<end>{Q})"
)


def _listed(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    start = found.start("word") - (len(name) - (found.end("rest") - found.start("word")))
    before = found.string[start - 1 : start] if start else ""
    after = found.string[found.end() : found.end() + 1]
    if what is None or bool(found["shut"]) != bool(found["quote"]) or not before:
        return None
    value = found["value"]
    if found["shut"]:
        if before not in "\"'`" or not found["end"]:
            return None
        good = drawn(value) or (passwordish(value) and (what.kind == "password" or looks_random(value)))
    else:
        good = before in "[(" and after != "" and after in "])" and drawn(value)
    return instead(found, "value", marks.plain(what.kind)) if good and not masked(value) else None


# --- INSERT INTO t (a, secret) VALUES ('x', 'value') --------------------------------------------------------------------
_INSERT: Final = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,9}(?:\w{1,20}\s{1,9}){0,2}into\s{1,9}[^\s()]{1,200}\s{0,9}\((?P<columns>[^()]{1,4000})\)\s{0,9}values?\s{0,9}(?P<rows>\(.{1,20000})"
)
_CELL: Final = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<comma>,)|\\{0,3}'(?P<text>(?:[^'\\]|\\.(?<!\\')|'')*)\\{0,3}'|[^\s(),']+|'"
)


def _inserted(found: re.Match[str], marks: Marks) -> str | None:
    columns = [named(one.strip().strip('\\"`[]')) for one in found["columns"].split(",")]
    if not any(columns):
        return None
    rows, parts, kept, depth, at = found["rows"], [], 0, 0, 0
    for cell in _CELL.finditer(rows):
        if cell["open"]:
            depth += 1
            at = 0 if depth == 1 else at
        elif cell["close"]:
            depth -= 1
        elif cell["comma"]:
            at += depth == 1
        elif depth == 1 and cell["text"] and at < len(columns) and (what := columns[at]) is not None:
            if is_value(cell["text"], quoted=True, assigned=True, kind=what.kind) and (
                what.sure or drawn(cell["text"])
            ):
                parts += [rows[kept : cell.start("text")], marks.plain(what.kind)]
                kept = cell.end("text")
    if not parts:
        return None
    return instead(found, "rows", "".join((*parts, rows[kept:])))


# --- what follows a value: `"old" -> "new"` ------------------------------------------------------------------------------
_CHANGED: Final = re.compile(
    rf"(?P<head><(?P<kind>password|secret|token|api-key)>{Q}\s{{1,3}}(?:->|=>|→|to|by|with)\s{{1,3}}(?P<quote>{Q}))(?P<value>[^\s\"'`<>,;()\[\]{{}}\\]{{3,400}})"
)


def _changed(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if (
        masked(value)
        or value.lower().rstrip(".") in NO_VALUES
        or not (found["quote"] or passwordish(value) or drawn(value))
    ):
        return None
    return found["head"] + marks.plain(found["kind"])


_SIGN: Final = r"(?:\s*(?:=|:|->|\||%)|[ \t]{2}|\t|;s:|\((?:value|raw|data))"
_HINTS: Final = (
    "pass",
    "kennwort",
    "pwd",
    "pswd",
    "mnemonic",
    "phrase",
    "secret",
    "token",
    "cred",
    "sig",
    "hmac",
    "verifier",
    "sess",
    "key",
)
KEYED: Final = (
    Rule("keyed", "secret", _HINTS, _KEYED, _assigned, "a value under a name that says secret", resume="separator",
         trigger=rf"(?i){STRONG}[\w.@-]*(?:{QUOTE})?[\])]?{_SIGN}"),
    Rule("formed", "token", ("key", "auth", "sess", "sid", "cookie", "licen", "pat", "salt", "assertion", "bearer", "code", "ticket", "jwt"),
         _FORMED, _assigned, "a value drawn at random under a name that only hints", resume="separator",
         trigger=rf"(?i){_WEAK}{_WEAK_REST}(?:{QUOTE})?[\])]?\s*(?:=>|:=|=|:|%[0-9A-F%]+)[^A-Za-z0-9]{{0,12}}(?:string.{{1,9}}|some.|secret.{{0,9}}|b.)?[A-Za-z0-9+/=_.~%:$-]{{12}}"),
    Rule("element", "password", ("</",), _ELEMENT, _element, "an XML element whose name says secret",
         trigger=rf"(?i){STRONG}[\w.-]*(?:\s[^<>]*)?>"),
    Rule("valued", "password", ("value", "content", "</", "</"), _VALUED, _valued, "the name in one attribute or member, the value in the next", resume="rest",
         trigger=rf"(?i){_LABELS}(?:{QUOTE})?\s*[:=>][=>]?\s*(?:{QUOTE})?[\w.:-]*{STRONG}[\w.-]*(?:{QUOTE})?(?:[^<>]*>|</|[\s,;].*(?:value|content))"),
    Rule("reversed", "password", ("value",), _REVERSED, _reversed, "the same, the value first", resume="quote",
         trigger=rf"(?i)value(?:{QUOTE})?\s*[:=].*{STRONG}"),
    Rule("listed", "api-key", _HINTS, _LISTED, _listed, "the name and the value as two members of a list or two arguments", resume="shut",
         trigger=rf"(?i){STRONG}[\w-]*(?:{QUOTE}\s*,\s*[bu]?{QUOTE}[^\s\"'`,;<>]{{6}}|\s*,\s*[^\s\"'`,;<>()\[\]{{}}\\]{{16}})"),
    Rule("inserted", "secret", ("into",), _INSERT, _inserted, "the columns name the values", trigger=r"(?i)into\s[^()]*\([^()]*\)\s*values?\s*\("),
)  # fmt: skip
CHANGED: Final = Rule(
    "changed",
    "secret",
    ("<password>", "<secret>", "<token>", "<api-key>"),
    _CHANGED,
    _changed,
    "an old value and its new one",
)
