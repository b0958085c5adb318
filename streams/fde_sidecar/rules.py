"""The redaction rules, in order, each with its reason.

Order matters: a rule that knows the context (a URL's password, an Authorization header) comes before one that knows only
the value's form, and secrets come before names. A rule runs on one line and only when one of its `hints` stands in it.
Changing a rule changes what leaves: raise `VERSION`.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from fde_sidecar import (
    assignment,
    calls,
    codes,
    issuers,
    links,
    markup,
    numbers,
    places,
    prose,
    shell,
    signed,
    statement,
)
from fde_sidecar.places import host_text
from fde_sidecar.rule import START, TOKEN, Marks, Q, Rule, instead
from fde_sidecar.rule import group as _group
from fde_sidecar.rule import whole as _whole
from fde_sidecar.values import NO_VALUES, drawn, identifies, looks_random, masked, passwordish

__all__ = ["RULES", "VERSION", "Marks", "Rule", "host_text"]
VERSION: Final = "6"


# --- URLs and connection strings -------------------------------------------------------------------------------------
def _userinfo(found: re.Match[str], marks: Marks) -> str | None:
    user, password = found["user"], found["password"]
    shown = user if not user or re.fullmatch(TOKEN, user) else marks.comparable("user", user)
    if masked(password):  # somebody took it out already: it is written as ever, and nothing was found
        return None if shown == user else f"{found['scheme']}{shown}:<password>@"
    if re.match(r"A[KS]IA[A-Z0-9]{16}$", user):
        shown = marks.plain("aws-access-key-id")
    return f"{found['scheme']}{shown}:{marks.plain('password')}@"


# An unquoted password may hold blanks. It is followed where nothing else can stand: at the start of a line, a text or a
# message, up to a delimiter, the next `name=`, or a word with which a sentence goes on.
_GOES_ON: Final = (
    "rejected|refused|failed|fails|denied|invalid|incorrect|wrong|expired|accepted|changed|used|set|loaded|ignored|missing|"
    "for|from|is|was|were|has|had|at|in|to|not|and|or|on|by|but|did|does|because|while|when|after|before|user|username|host"
)
_TAIL: Final = rf"(?P<tail>(?:[ \t]{{1,3}}(?!(?i:{_GOES_ON})\b)[^\s\"'`;,&<>=\\]+(?=[\s;,&\"'`\\]|$))+)"
_MESSAGE: Final = r"(?:^|[\"'`]|\]\s|:\s|\b(?:DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\s)"


def _tail(found: re.Match[str], marks: Marks) -> str | None:
    return found["head"]


def _email(found: re.Match[str], marks: Marks) -> str | None:
    return marks.comparable("email", found[0])


def _jwt(found: re.Match[str], marks: Marks) -> str | None:
    return marks.plain("jwt")


_IDENTIFIES: Final = re.compile(
    rf"(?i)(?:id|ids|ref|name|prefix|accessor|fingerprint|label)(?:{Q},\s?{Q}\w{{0,8}}value)?{Q}\s?(?:=>|[:=])\s?\[?(?:\{{\s?{Q}\w{{1,20}}{Q}\s?:\s?)?{Q}$"
)
_IN_HOUSE: Final = re.compile(r"(?:[a-z]{0,8}_)?(?:ak|tk|pk|key|pat|token|api|apikey)_(?!live_|prod_)")


def _prefixed(found: re.Match[str], marks: Marks) -> str | None:
    body = found[0]
    if not any(character.isdigit() for character in body) or body.isupper():
        return None
    if body.startswith(("pk_live_", "pk_test_")):
        return None  # made to be published
    house = _IN_HOUSE.match(body)
    if house is not None and (
        len(body) - house.end() < 24 or _IDENTIFIES.search(found.string, max(0, found.start() - 80), found.start())
    ):
        return None  # `key_id=key_...`: what names a key opens nothing
    return marks.plain("api-key")


def _issued(found: re.Match[str], marks: Marks) -> str | None:
    """Not a placeholder of documentation: one character repeated."""
    return marks.plain("api-key") if len(set(found[0][-16:])) > 4 else None


def _aws_secret(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0]
    mixed = any(c.isdigit() for c in value) and any(c.islower() for c in value) and any(c.isupper() for c in value)
    return marks.plain("aws-secret-access-key") if mixed else None


_FIELD: Final = re.compile(r"(?:realm|scope|error|qop|[a-z]+(?:_[a-z]+)+)=|[a-z]{2,20}=[^=\s]")
_SLUG: Final = re.compile(r"[A-Za-z]+(?:[-._][A-Za-z]*\d{0,4})+")
_SCHEMES: Final = frozenset("bearer basic token digest negotiate apikey aws4-hmac-sha256 ntlm hawk oauth".split())


def _bearer(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if _FIELD.match(value) or masked(value) or value.startswith("[") or value.lower() in _SCHEMES:
        return None  # `token_type: Bearer expires_in=3600`, `Bearer [REDACTED]`
    if value.lower().strip(".,[]()") in NO_VALUES:
        return None
    if not found["scheme"] and identifies(value):
        return None
    if not found["header"] and (not looks_random(value) or _SLUG.fullmatch(value)):
        return None
    if (
        found["header"]
        and not found["scheme"]
        and not drawn(value)
        and (not looks_random(value) or _SLUG.fullmatch(value))
    ):
        return None  # `authorization=RBAC`, `authorization: approved`
    return found[0][: found.start("value") - found.start()] + marks.plain("bearer-token")


def _material(found: re.Match[str], marks: Marks) -> str | None:
    """Certificates begin like keys; they are public."""
    text = base64.b64decode(found[0][:64])
    return (
        marks.plain("private-key")
        if b"PRIVATE" in text or (b"CERTIFICATE" not in text and b"PUBLIC" not in text)
        else None
    )


def _spoken_auth(found: re.Match[str], marks: Marks) -> str | None:
    name = "value" if found["value"] else "third" if found["third"] else "word"
    value = found[name]
    if name != "value" and (not passwordish(value) or re.fullmatch(r"[A-Z][A-Z0-9-]+", value)):
        return None
    if name == "value" and ((value.isalpha() and (value.isupper() or value.islower())) or masked(value)):
        return None  # `AUTH PLAIN LOGIN` lists what a server knows
    return instead(found, name, marks.plain("password"))


RULES: Final[tuple[Rule, ...]] = (
    Rule("url-password", "password", ("://",),
         re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{1,30}://)(?P<user>[^\s:/@\"'<>]*|" + TOKEN + r"):(?P<password>[^\s\"'<>]{1,400}?|" + TOKEN + r")@(?=[\w.\[<-]*(?:[/?:,\s\"'`;)\\>\]]|$))"),
         _userinfo, "credentials in URLs and DSNs; the user is kept comparable"),
    *links.RULES,
    Rule("oracle-password", "password", (":oracle:", "sqlplus"),
         re.compile(r"(?i)(?P<scheme>jdbc:oracle:(?:thin|oci8?):|\bsqlplus\b[^|;\n/]{0,60}?\s)(?P<user>[\w$#.-]{1,60})/(?P<password>[^\s\"'@/<>]{1,200})@"),
         lambda found, marks: f"{found['scheme']}{marks.comparable('user', found['user'])}/{marks.plain('password')}@", "Oracle writes user/password@"),
    Rule("go-dsn-password", "password", ("@tcp(", "@unix(", "@udp("),
         re.compile(r"(?P<user>[\w.$-]{1,60}):(?P<password>[^\s\"'@/<>]{1,200})@(?=(?:tcp|unix|udp)\()"),
         lambda found, marks: None if masked(found["password"]) else f"{marks.comparable('user', found['user'])}:{marks.plain('password')}@", "Go's MySQL driver writes user:password@tcp(host)"),
    Rule("oracle-connect", "password", ("/",),
         re.compile(r"(?<![\w/.:@-])(?P<user>[A-Za-z][\w$#]{0,40})/(?P<password>[^\s\"'@/<>()\[\]{},;]{3,120})@(?=//[\w<]|[\w.-]{1,80}:\d{2,5}/|\(DESCRIPTION|[A-Z][A-Z0-9_]{1,30}(?:[\s\"';,]|$))"),
         lambda found, marks: None if masked(found["password"]) else f"{marks.comparable('user', found['user'])}/{marks.plain('password')}@", "the same without a program's name",
         trigger=r"[\w$#]/[^\s@/]{3,120}@(?://|\(|[\w.-]+:\d|[A-Z])"),
    Rule("authorization", "bearer-token", ("authorization",),
         re.compile(rf"(?i)(?P<header>(?:proxy-)?authorization){Q}\s*[:=]\s*{Q}(?P<scheme>(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256|[A-Za-z][A-Za-z0-9-]{{1,15}}(?=\s+[A-Za-z0-9+/_.=-]{{16}}))\s+)?(?P<value>[^\s\"'`,;<>\\)\]}}]{{4,}})"),
         _bearer, "the header's value is a credential in every scheme"),
    Rule("bearer", "bearer-token", ("bearer", "basic "),
         re.compile(r"(?P<header>)(?P<scheme>)\b(?i:bearer|basic)\s+(?P<value>(?:\d{1,9}\|)?[A-Za-z0-9._~+/=-]{8,})"),
         _bearer, "a scheme and a random value, wherever they stand"),
    Rule("cookie", "token", ("cookie",),
         re.compile(rf"(?i)\b(?:set-)?cookie{Q}\s*:\s*\[?{Q}([^\s\"'`<>\\=;]+=(?:[^\s\"'`<>\\;]{{6,}}|[^\s\"'`<>\\;]{{0,5}}(?=;\s?[\w.-]+=[^\s\"'`<>\\;]{{6,}}))(?:;\s*[\w.\[\]%-]+=[^\s\"'`<>\\;]*)*)"),
         _group("token"), "session cookies"),
    Rule("cookie-told", "token", ("cookie",),
         re.compile(rf"(?i)\b(?:set-)?cookies?{Q}[ \t]{{1,3}}(?:named? |value |is |sent |set )?{Q}(?P<name>[\w.$-]{{1,80}})=(?P<value>[^\s\"'`<>\\;,]{{12,4000}})"),
         lambda found, marks: instead(found, "value", marks.plain("token")) if drawn(found["value"]) or (looks_random(found["value"].replace(".", "")) and len(found["value"]) >= 24) else None, "a cookie without the header's colon",
         trigger=r"(?i)cookies?.{0,12}\s.*=[^\s;]{12}"),
    Rule("session-cookie", "token", ("sess", "wordpress_", "aspxauth", "_xsrf", "auth.session"),
         re.compile(r"(?i)(?<![A-Za-z0-9])(?:S?SESS[0-9a-f]{32}|wordpress_(?:logged_in|sec)_[0-9a-f]{32}|ASPXAUTH|_xsrf|(?:next-?auth|authjs)\.session-token)=(?P<value>[^\s\"'`<>\\;,&]{16,4000})"),
         _group("token", "value"), "cookies whose names frameworks make", trigger=r"(?i)sess[0-9a-f]{32}=|wordpress_(?:logged_in|sec)_|aspxauth=|_xsrf=|session-token="),
    Rule("jwt", "jwt", ("eyj",), re.compile(r"(?:\b|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))eyJ[\w-]{8,}\.(?:[\w-]{6,}(?:\.[\w-]*(?:\.[\w-]{8,}){0,2})?|(?:\.[\w-]{8,}){3})"), _jwt, "JSON Web Tokens start with eyJ"),
    *assignment.KEYED,
    *markup.RULES,
    *assignment.LISTED,
    *statement.RULES,
    Rule("key-material", "private-key", ("ls0tls1crudjti",), re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{30,}={0,2}(?:\\{1,3}n[A-Za-z0-9+/]{20,}={0,2}){0,400}"),
         _material, "a private key in base 64, as manifests hold it"),
    Rule("crypt", "password", ("$", "{ssha", "{sha", "{crypt", "pbkdf2", "scrypt", "aqaaaa", "aad3b435"), issuers.CRYPT, _whole("password"), "a password's hash, in the forms of crypt(3) and of frameworks",
         trigger=r"\$(?:2[abxy]?|[156y]|apr1|argon2\w*|scrypt|pbkdf2\S*|P|H)\$|pbkdf2|bcrypt|argon2|scrypt|\{(?:SSHA|SHA|SMD5|MD5|CRYPT|PBKDF2)|AQAAAA|aad3b435b51404ee"),
    Rule("smtp-auth", "password", ("auth ", "auth\"", "login "),
         re.compile(rf"(?<![\w-])(?:LOGIN\s{{1,2}}{Q}[\w.@-]{{1,80}}{Q}\s{{1,2}}{Q}(?P<third>[^\s\"'`<>\\]{{6,200}})|AUTH{Q}\s{{1,2}}(?:(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5|NTLM|EXTERNAL)\s{{1,2}}(?P<value>[A-Za-z0-9+/]{{6,2000}}={{0,2}})(?![\w.+/-])|{Q}(?:\w{{1,40}}{Q}\s{{1,2}}{Q})?(?P<word>[^\s\"'`<>\\]{{6,200}})))"),
         _spoken_auth, "what a protocol's AUTH carries", trigger=r"AUTH[\"'\\]{0,4}\s+[\w\"'\\]|LOGIN\s+\S+\s"),
    Rule("hook", "token", ("hook", "maker.ifttt", "telegram", "/services/t"), issuers.HOOK, _group("token", 2), "an address that is a key",
         trigger=r"(?i)hooks\.slack\.com|discord(?:app)?\.com\/api|webhook\.office|hooks\.zapier|maker\.ifttt|\/services\/t[a-z0-9]{6}|api\.telegram\.org\/bot"),
    *shell.RULES,
    *prose.RULES,
    *calls.RULES,
    *signed.RULES,
    assignment.CHANGED,
    Rule("password-tail", "password", ("<password>",),
         re.compile(rf"(?P<head>{_MESSAGE}\s{{0,4}}(?:(?:export|set)\s{{1,3}})?(?:[\w-]{{0,40}}[-_.])?\w{{0,20}}(?:(?i:pass(?:word|wd|phrase)?|passwort|pwd))\s{{0,3}}=\s{{0,3}}<password>){_TAIL}"),
         _tail, "an unquoted password with blanks, where a message or a line is nothing else"),
    Rule("connection-tail", "password", ("<password>",),
         re.compile(r"(?P<head>(?:^|[;\"'])\s{0,2}(?i:password|pwd)\s{0,2}=\s{0,2}<password>)(?P<tail>[^;\"'`<>=]{1,200})(?=;)"),
         _tail, "in a connection string a value ends at the semicolon"),
    Rule("strict-password-tail", "password", ("<password>",),
         re.compile(rf"(?P<head>=\s{{0,3}}<password>){_TAIL}"),
         _tail, "strict mode: wherever it stands", strict=True),
    Rule("aws-key-id", "aws-access-key-id", ("akia", "asia", "aida", "aroa"), re.compile(START + r"(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
         _whole("aws-access-key-id"), "AWS key ids have four known prefixes"),
    Rule("aws-secret", "aws-secret-access-key", ("akia", "asia", "aws-access-key-id", "aws"),
         re.compile(r"(?<![A-Za-z0-9/+=_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"), _aws_secret, "40 base64 characters near an AWS key id"),
    Rule("issuer-key", "api-key", issuers.HINTS, issuers.PATTERN, _issued, "the forms that issuers publish"),
    Rule("vendor-key", "api-key",
         ("sk_", "pk_", "rk_", "ak_", "tk_", "key_", "whsec_", "sk-", "gh", "github_pat_", "glpat-", "xox", "aiza", "sg.", "ya29.", "npm_", "pypi-", "shp", "dop_v1_", "hf_", "key-", "pat_", "pat-", "token_", "secret_", "api_", "apikey", "eaa", "lin_api_", "rpa_", "dapi", "atatt", "_live_", "_prod_", "_test_", "_sandbox_"),
         re.compile(
             START + r"(?:(?:[a-z]{0,8}_)?(?:sk|pk|rk|ak|tk|key|pat|token|secret|api|apikey)_(?:live_|test_|prod_|sandbox_)?[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}|[a-z]{2,8}_(?:live|prod|test|sandbox)_[A-Za-z0-9]{20,}"
             r"|sk-[A-Za-z0-9_-]{20,}|gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{30,}"
             r"|SG\.[\w-]{10,}\.[\w-]{10,}|ya29\.[\w-]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{20,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}|dop_v1_[0-9a-f]{32,}|hf_[A-Za-z0-9]{20,}"
             r"|(?:key|pat)-[A-Za-z0-9]{20,}|lin_api_\w{20,}|dapi[0-9a-f]{32}|ATATT[\w=-]{20,}|EAA[A-Za-z0-9]{30,})"),
         _prefixed, "vendors mark their keys with a prefix; the same convention is used in house"),
    Rule("azure-pat", "api-key", ("azure", "devops", "visualstudio"), re.compile(r"(?<![A-Za-z0-9])[a-z2-7]{52}(?![A-Za-z0-9])"),
         _whole("api-key"), "Azure DevOps' first form: base 32, told by the service's name alone", trigger=r"(?i)azure|devops|visualstudio"),
    *prose.LATE,
    *links.LATE,
    *codes.RULES,
    *numbers.RULES,
    Rule("email", "email", ("@",),
         re.compile(r"[^\W_](?:[\w.%+'-]{0,62}[\w+-])?(?:@|%40)(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.){1,12}[^\W\d_][^\W_]{1,23}(?:(?![\w/-])|(?=/token\b))"),
         _email, "an address names a person; equal ones stay equal"),
    Rule("email-encoded", "email", ("%40",),
         re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9_+-])?%40(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}"),
         _email, "the same in a query string"),
    *places.RULES,
    *numbers.PHONE,
    Rule("strict-path", "path", ("/",),
         re.compile(r"(?<![\w.:/<>-])/(?:[\w.@+-]+/)+[\w.@+-]+"), lambda found, marks: marks.plain("path"), "strict mode: no absolute path leaves", strict=True),
    Rule("strict-number", "number", (), re.compile(r"(?<![\w.:<-])\d{6,}(?![\w.:>])"), lambda found, marks: marks.plain("number"), "strict mode: no long number leaves", strict=True),
)  # fmt: skip
