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

from fde_sidecar.names import Named, digested, named
from fde_sidecar.rule import QUOTE, Marks, Q, Rule, instead
from fde_sidecar.values import NO_VALUES, UUID, drawn, is_value, looks_random, masked, passwordish

STRONG: Final = (
    r"(?:pass(?:word|wd|[ _-]?phrase|code|wort|w|wrd)?|kennwort|pwd|pswd|mnemonic|seed[-_]?phrase|psk|secret|token|creds?|credentials?|sig|signature"
    r"|tkn|(?:secret|security)[-_ ]?answer|psw|senha|wachtwoord|losenord|haslo|parola|contrase\w{1,2}a|mot[-_ ]?de[-_ ]?passe|(?:bind|root|db|user|admin|auth|svc)pw"
    r"|(?:signing|encryption|secret|session|password|cookie|hash)[-_.]?salt"
    r"|hmac|verifier|sess(?:ion)?[-_.]?id|sessid|(?:api|private|master|licen[sc]e|sign(?:ing)?|encrypt(?:ion)?|decrypt(?:ion)?"
    r"|subscription|account|shared|access|function|webhook|aes|auth|jwt|cipher|crypto|session|secure|unseal)[-_.]?key)"
)
_WEAK: Final = r"(?:key|auth(?:entication)?|session|sess|sid|cookie|licen[sc]e|[-_]pat|(?<![A-Za-z])pat|salt|assertion|bearer|code|ticket|jwt|saml[-_]?response|app_?id|(?<![A-Za-z])[as]k)"
_WEAK_REST: Final = r"(?:[-_.]?(?:data|base|value|b64|base64|prod|live|test|old|new|current)){0,2}\d{0,3}"
_CLOSE: Final = rf"{Q}(?:[\])]|>>|%(?:25)?5[Dd])?"
_ENCODED: Final = r"(?:%(?:25){0,2}22)?%(?:25){0,2}3[DA](?:%(?:25){0,2}2[02])?"
# What may stand between the sign and the value: the types of languages' dumps, and lists of one.
_OPEN: Final = (
    r"(?:string\(\d{1,5}\)\s{1,2}|(?:Some|Just|Ok|Option|Optional|Secret|SecretStr|SecretString|SecretBox|Password|Sensitive|String|str|bytes|sensitive|base64decode)"
    r"\(\s{0,2}|<<\s?(?=\\{0,3}\")|\[{1,2}\s{0,2}|\((?=\\{0,3}[\"'])|[({](?=[^\s\"'(){}<>=:]{4,80}[)}])|[bBrRuUnN@$]{1,2}(?=[\"']))?"
)
_BARE: Final = r"(?:[^\s\"'`&;,<>()\[\]{}\\]|\\/)+"
# After a name, whose word has the group `word`.
_HELD: Final = (
    r"(?P<rest>[\w.@-]{0,48})"
    rf"(?P<separator>{_CLOSE}\s{{0,40}}(?:==?>|:=|==?|::(?=\s)|:)\s{{0,40}}|\s?\.{{3,60}}\s?:?\s|(?:{QUOTE}|\\{{0,3}}[\"'])(?:(?:\\{{1,3}}r)?\\{{1,3}}n){{2}}|{_CLOSE}\s{{1,40}}(?:->|\|)\s{{1,40}}|\s\.\s(?={QUOTE})|{QUOTE}\s(?={QUOTE})|\\{{0,3}}\";s:\d{{1,6}}:|\((?:value|raw|data)\s?=\s?|[ \t]{{2,40}}|\t|(?:%(?:25)?5[Dd])?(?P<encoded>{_ENCODED})){_OPEN}"
    rf"(?:(?P<quote>{QUOTE})(?P<quoted>.{{0,4000}}?)(?<!\\)(?P=quote)"
    # A line or a value that was cut off has no closing quote.
    rf"|{QUOTE}(?P<cut>[^\s\"'`]{{6,4000}}?)(?=\s?(?:$|\.{{3}}|…|[\[(<]\s?(?:\.{{3}}|…|output|trunc|cut|more|snip)))"
    # Inside a percent-encoded query an encoded '&' or '"' ends the value; elsewhere it is a part of it.
    rf"|(?P<bare>(?(encoded)(?:(?!%(?:25){{0,2}}2[26])[^\s\"'`&;,<>()\[\]{{}}\\])+|{_BARE})))"
)
_KEYED: Final = re.compile(rf"(?i)(?P<word>{STRONG})" + _HELD)
# Words so short that they must stand alone: `DB_PW`, `userPw`.
_BRIEF: Final = r"(?:pw|mdp)"
_BRIEFLY: Final = re.compile(
    rf"(?i)(?P<word>(?:(?<![A-Za-z])|(?<=[a-z])(?=(?-i:[A-Z]))){_BRIEF}(?![A-Za-z]))"
    + _HELD.replace("{0,48}", "{0,8}", 1)
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
# A bare `key` is what it lies in: `'crypt' => array('key' => ...)`.
_PARENT: Final = re.compile(
    rf"(?i)(?:crypt|secur|secret|jwt|auth|api|sign|hmac|aes|cipher|credential|vault|token)[\w.-]{{0,20}}{Q}\]?\s{{0,3}}(?:=>|[:=])?\s{{0,3}}"
    r"(?:array\s?\(|map\[|[\w:]{0,30}[({\[])[^{}\[\]()]{0,80}$"
)
_WHICH: Final = re.compile(
    r"(?i)\b(?:aes|des|rsa|encryption|decryption|signing|master|private|secret|hmac|api|shared|cipher|auth) $"
)
_UNSEALS: Final = re.compile(r"(?i)\bunseal(?:ing|ed)?\b")
_VECTOR: Final = re.compile(rf"(?i)\biv{Q}\s?[=:]\s?{Q}[0-9a-zA-Z+/]{{16}}")
_STORE: Final = re.compile(
    r"\b(?:GET|SET|DEL|SETEX|SETNX|HGET|HSET|HGETALL|EXPIRE|TTL|EXISTS|INCR|MGET|SADD|LPUSH|UNLINK|EVAL)\s[\"']?$"
)
_BESIDE: Final = re.compile(r"(?i)token_?secret")
HEX: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
SESSION: Final = re.compile(r"(?i)sess(?:ion)?[-_.]?id$")
_GRANTED: Final = re.compile(r"(?i)role_?id|approle")
# A thing that holds secrets, by its name: `secret=orders-db namespace=prod`.
_RESOURCE: Final = re.compile(r"[a-z]+(?:[-._/][a-z]+\d?){1,8}(?:[-._/](?:v?\d{1,2}|20\d\d))?")
_OBJECT: Final = re.compile(r"[a-z0-9]+(?:[-./][a-z0-9]+){0,8}")


_ESCAPE: Final = re.compile(r"u00(?:22|27|60)|x2[27]")


def name_of(found: re.Match[str]) -> str:
    """The whole name whose telling word was found: what stands in front of the word belongs to it."""
    line, start = found.string, found.start("word")  # an escaped line end is no part of it
    at, stop = start, max(0, start - 60)
    while at > stop and (line[at - 1].isalnum() or line[at - 1] in "_.-"):
        at -= 1
    if at and line[at - 1] == "%" and start - at >= 2:
        at += 2  # `%26client_secret`
    if at and line[at - 1] == "\\" and line[at] in "nrt" and start > at:
        at += 1
    elif at and line[at - 1] == "\\" and (escape := _ESCAPE.match(line, at)) and escape.end() <= start:
        at = escape.end()
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
    group = _group(found)
    value, quoted = found[group], group != "bare" or bool(found["quote"])
    if what is None:
        what = _by_place(found, name, value)
    if what is None:
        return None
    if value.endswith(("…", "...")) and len(value) > 8 and found.end() == len(found.string):
        value = value.rstrip("….")  # the line was cut off, not the value masked
    separator = found["separator"]
    if separator.endswith(":") and _ARN.search(found.string, max(0, found.start() - 200), found.start()):
        return None  # `arn:aws:secretsmanager:<region>:<account>:secret:name` says where a secret is, not what
    if group == "cut" and not (drawn(value) or (passwordish(value) and len(value) >= 8)):
        return None
    if separator.endswith(":") and _STORE.search(found.string, max(0, found.start() - 12), found.start()):
        return None  # `DEL token:blacklist:...`
    if what.kind == "token" and UUID.fullmatch(value) and re.search(r"(?i)client_?token$", name):
        return None  # what makes a request one that may be sent twice
    if (
        separator[-1:] in ("(", "{")
        and separator[-2:-1] in ("=", ":", " ")
        and group == "bare"
        and not passwordish(value)
    ):
        return None
    if masked(value) or not _accepted(found, what, name, value, quoted=quoted):
        return None
    return instead(found, group, marks.plain(what.kind))


def _group(found: re.Match[str]) -> str:
    """The group in which the value stands."""
    groups = found.groupdict()
    if groups.get("cut"):
        return "cut"
    return "quoted" if groups["quoted"] or (groups["quote"] and not groups["bare"]) else "bare"


def _by_place(found: re.Match[str], name: str, value: str) -> Named | None:
    """A name that says nothing by itself, where it stands beside what does."""
    start = found.end("rest") - len(name)
    lower = name.lower()
    if (
        lower == "key"
        and drawn(value, 20)
        and (_WHICH.search(found.string, max(0, start - 20), start) or _VECTOR.search(found.string))
    ):
        return Named("secret", sure=False)
    if lower == "key" and drawn(value, 20) and _PARENT.search(found.string, max(0, start - 140), start):
        return Named("secret", sure=False)
    if lower == "key" and drawn(value, 20) and _UNSEALS.search(found.string):
        return Named("secret", sure=False)
    if lower in ("appid", "app_id") and found.string[max(0, start - 1) : start] in ("?", "&") and drawn(value, 32):
        return Named("api-key", sure=False)
    if lower.replace("_", "") == "tokenid" and drawn(value, 32) and _BESIDE.search(found.string):
        return Named("token", sure=True)
    if lower in ("secret_id", "secretid") and UUID.fullmatch(value) and _GRANTED.search(found.string):
        return Named("secret", sure=True)
    return None


def names_a_thing(line: str, name: str, value: str) -> bool:
    """Whether a value under `secret` or `token` is the name of the object that holds one."""
    if name.lower().rpartition(".")[2] not in ("secret", "secrets", "token", "credential", "credentials", "creds"):
        return False
    if _RESOURCE.fullmatch(value):
        return True
    return "namespace" in line.lower() and _OBJECT.fullmatch(value) is not None and not drawn(value)


def _accepted(found: re.Match[str], what: Named, name: str, value: str, *, quoted: bool) -> bool:
    separator = found["separator"]
    if not what.sure:
        if what.kind == "password":
            return passwordish(value) or drawn(value)
        start = found.end("rest") - len(name)
        if separator == ":" and not quoted and found.string[max(0, start - 1) : start] not in ("{", ",", "(", "["):
            single = len(re.findall("[A-Z]?[a-z]+|[A-Z]+", name)) < 2
            if single or found.string[start - 1 : start] != " " or "{" not in found.string[max(0, start - 300) : start]:
                return False  # `GET session:7a8b`: a name space
        if name.lower().endswith("auth") and is_pair(value):
            return True
        if HEX.fullmatch(value) and digested(name):
            return False  # what is stored under a digest of itself
        if UUID.fullmatch(value) and SESSION.search(name):
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
    if what.kind != "password" and names_a_thing(found.string, name, value):
        return False
    short = name.lower().rpartition(".")[2]
    if short in ("pwd", "oldpwd") and _PATH.match(value):
        return False  # the working directory
    if short == "pass" and re.fullmatch(r"[\d.%/]{1,6}", value):
        return False  # so many tests
    if "|" in separator or "->" in separator or not separator.strip():
        return passwordish(value) or drawn(value)
    return is_value(value, quoted=quoted, assigned="=" in separator or bool(found["encoded"]), kind=what.kind)


def is_pair(value: str) -> bool:
    """Base 64 of `user:password`."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return False
    return ":" in text and text.isprintable()


# --- `["X-Api-Key", "value"]` --------------------------------------------------------------------------------------------
_LISTED: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>[\w-]{{0,40}})(?P<shut>{Q})\s{{0,2}},\s{{0,16}}(?:<<|[bu])?(?P<quote>{Q})(?P<value>(?<=[\"'`])[^\s\"'`\\]{{6,2000}}|[^\s\"'`,;<>()\[\]{{}}\\]{{6,2000}})"
    rf"(?P<end>{Q})"
)


def _listed(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    start = found.start("word") - (len(name) - (found.end("rest") - found.start("word")))
    before = found.string[start - 1 : start] if start else ""
    after = found.string[found.end() : found.end() + 1]
    if what is None or not before:
        return None
    value = found["value"]
    if bool(found["shut"]) != bool(found["quote"]):
        good = (
            before == "{" and bool(found["quote"]) and (passwordish(value) or drawn(value))
        )  # Erlang's {name, "value"}
    elif found["shut"]:
        if before not in "\"'`" or not found["end"]:
            return None
        good = drawn(value) or (passwordish(value) and (what.kind == "password" or looks_random(value)))
    else:
        good = before in "[(" and after != "" and after in "])" and drawn(value)
    return instead(found, "value", marks.plain(what.kind)) if good and not masked(value) else None


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


_SIGN: Final = (
    rf"(?:\s*(?:=|:|->|\||%)|>>|\s\.\s|\s?\.{{3}}|{QUOTE}(?:\s|\\{{1,3}}[rn])|[ \t]{{2}}|\t|;s:|\((?:value|raw|data))"
)
_HINTS: Final = tuple(
    "pass kennwort pwd pswd mnemonic phrase secret token cred sig hmac verifier tkn psw senha wacht psk answer losenord haslo parola contrase pw salt sess key".split()
)
BEGINS: Final = re.compile(STRONG)
_BEGINS_WEAK: Final = re.compile(_WEAK.replace("(?<![A-Za-z])", ""))
KEYED: Final = (
    Rule("keyed", "secret", _HINTS, _KEYED, _assigned, "a value under a name that says secret", resume="separator", begins=BEGINS,
         trigger=rf"(?i){STRONG}[\w.@-]*(?:{QUOTE})?[\])]?{_SIGN}"),
    Rule("brief", "password", ("pw", "mdp"), _BRIEFLY, _assigned, "the same under a name that is an abbreviation", resume="separator", begins=re.compile(_BRIEF),
         trigger=rf"(?i){_BRIEF}[\w.@-]{{0,8}}(?:{QUOTE})?[\])]?{_SIGN}"),
    Rule("formed", "token", ("key", "auth", "sess", "sid", "cookie", "licen", "pat", "salt", "assertion", "bearer", "code", "ticket", "jwt", "saml", "app", "ak", "sk"),
         _FORMED, _assigned, "a value drawn at random under a name that only hints", resume="separator", begins=_BEGINS_WEAK,
         trigger=rf"(?i){_WEAK.replace('(?<![A-Za-z])', '')}{_WEAK_REST}(?:{QUOTE})?[\])]?\s*(?:=>|:=|=|:|%[0-9A-F%]+)[^A-Za-z0-9]{{0,12}}(?:[A-Za-z0-9]{{1,14}}[^A-Za-z0-9]{{1,4}}){{0,2}}[A-Za-z0-9+/=_.~%:$-]{{12}}"),
)  # fmt: skip
LISTED: Final = (
    Rule("listed", "api-key", _HINTS, _LISTED, _listed, "the name and the value as two members of a list or two arguments", resume="shut", begins=BEGINS,
         trigger=rf"(?i){STRONG}[\w-]*(?:{QUOTE}?\s*,\s*(?:<<|[bu])?{QUOTE}[^\s\"'`,;<>]{{6}}|\s*,\s*[^\s\"'`,;<>()\[\]{{}}\\]{{16}})"),
)  # fmt: skip
CHANGED: Final = Rule(
    "changed",
    "secret",
    ("<password>", "<secret>", "<token>", "<api-key>"),
    _CHANGED,
    _changed,
    "an old value and its new one",
)
