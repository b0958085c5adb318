"""The redaction rules, in order, each with its reason.

Order matters: a rule that knows the context (a URL's password, an Authorization header) comes before one that knows only
the value's form, and secrets come before names. A rule runs on one line and only when one of its `hints` stands in it.
Changing a rule changes what leaves: raise `VERSION`.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from fde_events.vendors import system_of_host
from fde_sidecar import assignment, calls, issuers, prose, shell
from fde_sidecar.rule import TOKEN, Marks, Q, Rule, instead
from fde_sidecar.rule import group as _group
from fde_sidecar.rule import whole as _whole
from fde_sidecar.values import NO_VALUES, drawn, is_value, looks_random, masked, passwordish
from fde_sidecar.vendors import classify

__all__ = ["RULES", "VERSION", "Marks", "Rule", "host_text"]
VERSION: Final = "4"


# --- URLs and connection strings -------------------------------------------------------------------------------------
def _userinfo(found: re.Match[str], marks: Marks) -> str | None:
    user, password = found["user"], found["password"]
    shown = user if not user or re.fullmatch(TOKEN, user) else marks.comparable("user", user)
    if (re.fullmatch(TOKEN, password) or masked(password)) and shown == user:
        return None
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


# --- values known by their form --------------------------------------------------------------------------------------
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


def _card(found: re.Match[str], marks: Marks) -> str | None:
    digits = re.sub(r"[ -]", "", found[0])
    if digits == found[0] and _NUMBERED.search(found.string, max(0, found.start() - 60), found.start()):
        return None
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


def _email(found: re.Match[str], marks: Marks) -> str | None:
    return marks.comparable("email", found[0])


def _jwt(found: re.Match[str], marks: Marks) -> str | None:
    return marks.plain("jwt")


def _prefixed(found: re.Match[str], marks: Marks) -> str | None:
    body = found[0]
    if not any(character.isdigit() for character in body) or body.isupper():
        return None
    return marks.plain("api-key")


def _issued(found: re.Match[str], marks: Marks) -> str | None:
    """Not a placeholder of documentation: one character repeated."""
    return marks.plain("api-key") if len(set(found[0][-16:])) > 4 else None


def _aws_secret(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0]
    mixed = any(c.isdigit() for c in value) and any(c.islower() for c in value) and any(c.isupper() for c in value)
    return marks.plain("aws-secret-access-key") if mixed else None


_FIELD: Final = re.compile(r"(?:realm|scope|error|qop|[a-z]+(?:_[a-z]+)+)=")
_SCHEMES: Final = frozenset("bearer basic token digest negotiate apikey aws4-hmac-sha256 ntlm hawk oauth".split())


def _bearer(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if _FIELD.match(value) or masked(value) or value.startswith("[") or value.lower() in _SCHEMES:
        return None  # `token_type: Bearer expires_in=3600`, `Bearer [REDACTED]`
    if value.lower().strip(".,[]()") in NO_VALUES or not (looks_random(value) or found["header"]):
        return None
    return found[0][: found.start("value") - found.start()] + marks.plain("bearer-token")


# --- values in SQL -------------------------------------------------------------------------------------------------------
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
    if name == "value" and ((value.isalpha() and value.isupper()) or masked(value)):
        return None  # `AUTH PLAIN LOGIN` lists what a server knows
    return instead(found, name, marks.plain("password"))


def _spoken_sql(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if not is_value(value, quoted=True, assigned=True, kind="password"):
        return None
    if found["sure"].lower() == "password" and value.isalpha() and value.islower():
        return None  # `password 'confirmation' does not match`: a field's name
    start, end = found.start("value") - found.start(), found.end("value") - found.start()
    return found[0][:start] + marks.plain("password") + found[0][end:]


def _mac(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0].lower().replace("-", ":")
    if len(set(value)) <= 2:  # 00:00:00:00:00:00 and the broadcast address name nobody
        return None
    if value.replace(":", "").isdigit() and "-" in found[0]:
        return None  # six pairs of digits with hyphens are a date and a time
    return marks.comparable("mac", value)


# --- names of people, machines and places ----------------------------------------------------------------------------
_CLOCK: Final = re.compile(r"(?:\d{1,4}:)?(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?::\d{1,6})?")


def _ip(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0]
    if value in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::") or value.startswith("127."):  # noqa: S104  compared, not bound
        return None
    if ":" not in value and any(int(part) > 255 for part in value.split(".")):
        return None
    if ":" in value and (value.count(":") < 2 or not re.search(r"[0-9a-f]{3,4}", value, re.IGNORECASE)):
        return None
    if ":" in value and "::" not in value and (_CLOCK.fullmatch(value) or value.count(":") < 7):
        return None  # without a gap an address has eight groups; fewer are a time or numbers
    return marks.comparable("ip", value)


def host_text(host: str, marks: Marks) -> str | None:
    """What of a host may leave; None to leave it as it is."""
    bare = host.rstrip(".")
    if bare.lower() in ("localhost", "localhost.localdomain", "kubernetes.default.svc"):
        return None
    kept = classify(bare)
    if kept is None:
        # What class of system it is (erp, wms) stays: fde_events.vendors reads it from the first label.
        system = system_of_host(bare) if "." in bare else None
        return (f"{system}." if system else "") + marks.comparable("host", bare)
    if not kept.tenant or kept.vendor == "reference":
        return None
    return f"{marks.comparable('host', kept.tenant)}.{kept.suffix}"


def _host(found: re.Match[str], marks: Marks) -> str | None:
    host = found["host"]
    if re.fullmatch(r"[\d.]+", host):
        return None
    text = host_text(host, marks)
    if text is None:
        return None
    start = found.start("host") - found.start()
    return found[0][:start] + text + found[0][start + len(host) :]


_LABELS: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME: Final = rf"{_LABELS}(?:\.{_LABELS}){{0,12}}"
# Suffixes under which a bare dotted name is a host. Left out: those that are words, file endings or common identifiers.
_SUFFIXES: Final = (
    "internal local lan corp intranet private localdomain home arpa example invalid test svc com net org edu gov mil int eu de "
    "uk fr nl ch se dk fi cz ca au jp br mx es pt pl gr hu ro ie nz sg hk kr cn tw za tr ru ua sap cloud biz"
).split()


def _frame_path(found: re.Match[str], marks: Marks) -> str | None:
    """A library's path from its root down; of the application's own, the file's name."""
    path = found["path"].replace("\\\\", "\\")
    parts = re.split(r"[\\/]", path)
    for anchor in ("site-packages", "dist-packages", "node_modules"):
        if anchor in parts[:-1]:
            last = len(parts) - 1 - parts[::-1].index(anchor)
            # a nested node_modules names the dependency that failed; what stands before it is the installation's
            return found["head"] + "/" + "/".join(parts[last:])
    for number, part in enumerate(parts[:-1]):
        if re.fullmatch(r"python3?(?:\.\d+)?", part) and number and parts[number - 1] in ("lib", "lib64"):
            return found["head"] + "/" + "/".join(["lib", *parts[number:]])
    marks.found.append("path")
    return f"{found['head']}/<app>/{parts[-1]}"  # the slash keeps it a path to whoever reads frames


def _home(found: re.Match[str], marks: Marks) -> str | None:
    return found["root"] + marks.comparable("user", found["user"])


_PATH_CHARACTERS: Final = r"(?:(?:[A-Za-z]:)?[\\/]{1,2})(?:[\w.@+$~ -]+[\\/]{1,2})*[\w.@+$~-]+\.(?:py|pyx|pyi|pxi|js|mjs|cjs|ts|mts|cts|tsx|jsx)"

RULES: Final[tuple[Rule, ...]] = (
    Rule("url-password", "password", ("://",),
         re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{1,30}://)(?P<user>[^\s:/@\"'<>]*|" + TOKEN + r"):(?P<password>[^\s\"'<>]{1,400}?|" + TOKEN + r")@(?=[\w.\[<-]*(?:[/?:,\s\"'`;)\\>\]]|$))"),
         _userinfo, "credentials in URLs and DSNs; the user is kept comparable"),
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
         re.compile(rf"(?i)(?P<header>(?:proxy-)?authorization){Q}\s*[:=]\s*{Q}(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256|[A-Za-z][A-Za-z0-9-]{{1,15}}(?=\s+[A-Za-z0-9+/_.=-]{{16}}))\s+)?(?P<value>[^\s\"'`,;<>\\)\]}}]{{4,}})"),
         _bearer, "the header's value is a credential in every scheme"),
    Rule("bearer", "bearer-token", ("bearer", "basic "),
         re.compile(r"(?P<header>)\b(?i:bearer|basic)\s+(?P<value>[A-Za-z0-9._~+/=-]{8,})"),
         _bearer, "a scheme and a random value, wherever they stand"),
    Rule("cookie", "token", ("cookie",),
         re.compile(rf"(?i)\b(?:set-)?cookie{Q}\s*:\s*{Q}([^\s\"'`<>\\=;]+=(?:[^\s\"'`<>\\]{{6,}}|[^\s\"'`<>\\;]{{0,5}}(?=;\s?[\w.-]+=[^\s\"'`<>\\;]{{6,}}))(?:;\s*[\w.-]+=[^\s\"'`<>\\;]+)*)"),
         _group("token"), "session cookies"),
    Rule("cookie-told", "token", ("cookie",),
         re.compile(rf"(?i)\b(?:set-)?cookies?{Q}[ \t]{{1,3}}(?:named? |value |is |sent |set )?{Q}(?P<name>[\w.$-]{{1,80}})=(?P<value>[^\s\"'`<>\\;,]{{12,4000}})"),
         lambda found, marks: instead(found, "value", marks.plain("token")) if drawn(found["value"]) or (looks_random(found["value"].replace(".", "")) and len(found["value"]) >= 24) else None, "a cookie without the header's colon",
         trigger=r"(?i)cookies?.{0,12}\s.*=[^\s;]{12}"),
    Rule("jwt", "jwt", ("eyj",), re.compile(r"\beyJ[\w-]{8,}\.(?:[\w-]{6,}(?:\.[\w-]*(?:\.[\w-]{8,}){0,2})?|(?:\.[\w-]{8,}){3})"), _jwt, "JSON Web Tokens start with eyJ"),
    *assignment.KEYED,
    Rule("spoken-sql", "password", ("identified", "password"),
         re.compile(r"(?i)\b(?P<sure>identified\s+(?:by|with\s+\w+\s+by)(?:\s+password)?|(?:with|set|encrypted)\s+password(?:\s*=|\s+for\s+\S{1,80}\s*=)?|password)\s{1,3}(?P<quote>\\{0,3}[\"'])(?P<value>[^\s\"'\\]{3,200})(?P=quote)"),
         _spoken_sql, "SQL names a password in words"),
    Rule("key-material", "private-key", ("ls0tls1crudjti",), re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{30,}={0,2}(?:\\{1,3}n[A-Za-z0-9+/]{20,}={0,2}){0,400}"),
         _material, "a private key in base 64, as manifests hold it"),
    Rule("crypt", "password", ("$", "{ssha", "{sha", "{crypt", "pbkdf2", "scrypt"), issuers.CRYPT, _whole("password"), "a password's hash, in the forms of crypt(3) and of frameworks",
         trigger=r"\$(?:2[abxy]?|[156y]|apr1|argon2\w*|scrypt|pbkdf2\S*|P|H)\$|pbkdf2|bcrypt|argon2|scrypt|\{(?:SSHA|SHA|SMD5|MD5|CRYPT|PBKDF2)"),
    Rule("smtp-auth", "password", ("auth ", "auth\"", "login "),
         re.compile(rf"(?<![\w-])(?:LOGIN\s{{1,2}}{Q}[\w.@-]{{1,80}}{Q}\s{{1,2}}{Q}(?P<third>[^\s\"'`<>\\]{{6,200}})|AUTH{Q}\s{{1,2}}(?:(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5|NTLM|EXTERNAL)\s{{1,2}}(?P<value>[A-Za-z0-9+/]{{6,2000}}={{0,2}})(?![\w.+/-])|{Q}(?:\w{{1,40}}{Q}\s{{1,2}}{Q})?(?P<word>[^\s\"'`<>\\]{{6,200}})))"),
         _spoken_auth, "what a protocol's AUTH carries", trigger=r"AUTH[\"'\\]{0,4}\s+[\w\"'\\]|LOGIN\s+\S+\s"),
    Rule("hook", "token", ("hook", "maker.ifttt", "telegram"), issuers.HOOK, _group("token", 2), "an address that is a key"),
    *shell.RULES,
    *prose.RULES,
    *calls.RULES,
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
    Rule("aws-key-id", "aws-access-key-id", ("akia", "asia", "aida", "aroa"), re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}\b"),
         _whole("aws-access-key-id"), "AWS key ids have four known prefixes"),
    Rule("aws-secret", "aws-secret-access-key", ("akia", "asia", "aws-access-key-id", "aws"),
         re.compile(r"(?<![A-Za-z0-9/+=_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"), _aws_secret, "40 base64 characters near an AWS key id"),
    Rule("issuer-key", "api-key", issuers.HINTS, issuers.PATTERN, _issued, "the forms that issuers publish"),
    Rule("vendor-key", "api-key",
         ("sk_", "pk_", "rk_", "ak_", "tk_", "key_", "whsec_", "sk-", "gh", "github_pat_", "glpat-", "xox", "aiza", "sg.", "ya29.", "npm_", "pypi-", "shp", "dop_v1_", "hf_", "key-", "pat_", "pat-", "token_", "secret_", "api_", "apikey", "eaa", "lin_api_", "rpa_", "dapi", "atatt"),
         re.compile(
             r"(?<![A-Za-z0-9])(?:(?:[a-z]{0,8}_)?(?:sk|pk|rk|ak|tk|key|pat|token|secret|api|apikey)_(?:live_|test_|prod_|sandbox_)?[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}"
             r"|sk-[A-Za-z0-9_-]{20,}|gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{30,}"
             r"|SG\.[\w-]{10,}\.[\w-]{10,}|ya29\.[\w-]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{20,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}|dop_v1_[0-9a-f]{32,}|hf_[A-Za-z0-9]{20,}"
             r"|(?:key|pat)-[A-Za-z0-9]{20,}|lin_api_\w{20,}|dapi[0-9a-f]{32}|ATATT[\w=-]{20,}|EAA[A-Za-z0-9]{30,})"),
         _prefixed, "vendors mark their keys with a prefix; the same convention is used in house"),
    Rule("azure-pat", "api-key", ("azure", "devops", "visualstudio"), re.compile(r"(?<![A-Za-z0-9])[a-z2-7]{52}(?![A-Za-z0-9])"),
         _whole("api-key"), "Azure DevOps' first form: base 32, told by the service's name alone", trigger=r"(?i)azure|devops|visualstudio"),
    *prose.LATE,
    Rule("track", "card-number", ("^", "="), re.compile(r"%?\bB\d{12,19}\^[^\^\s][^\^\"]{0,40}\^[^\s\"'?]{0,80}\??|;\d{12,19}=\d{4,40}\?|(?<=magstripe )B?\d{12,19}"),
         _whole("card-number"), "a card's magnetic stripe", trigger=r"B\d{12,19}\^|;\d{12,19}=\d|magstripe B?\d"),
    Rule("card", "card-number", (), re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-]|\.\d)"), _card, "a brand's prefix, its length, and the Luhn digit"),
    Rule("iban", "iban", (), re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![\w-])"), _iban, "a country's length, and the check digits"),
    Rule("ssn", "ssn", ("-",), re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)"), _whole("ssn"), "a social security number of the United States, as it is written"),
    Rule("email", "email", ("@",),
         re.compile(r"[^\W_](?:[\w.%+'-]{0,62}[\w+-])?(?:@|%40)(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.){1,12}[^\W\d_]{2,24}(?![\w/-])"),
         _email, "an address names a person; equal ones stay equal"),
    Rule("email-encoded", "email", ("%40",),
         re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9_+-])?%40(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}"),
         _email, "the same in a query string"),
    Rule("frame-python", "path", ('file "', 'file \\"'),
         re.compile(rf"(?P<head>File \\*\")(?P<path>{_PATH_CHARACTERS})(?=\\*\")"), _frame_path, "frames keep the library's path, not the installation's"),
    Rule("frame-node", "path", (".js:", ".mjs:", ".cjs:", ".ts:", ".tsx:", ".jsx:", ".mts:", ".cts:"),
         re.compile(rf"(?P<head>(?:^|(?<=[\s(])))(?:file://)?(?P<path>{_PATH_CHARACTERS})(?=:\d+(?::\d+)?)"), _frame_path, "the same for Node"),
    Rule("home", "user", ("/home/", "/users/", "\\users\\"),
         re.compile(r"(?P<root>/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})(?P<user>[A-Za-z0-9._-]+)"), _home, "a home directory names a person"),
    Rule("mac", "mac", (":", "-"), re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])"),
         _mac, "a network card's address"),
    Rule("ipv4", "ip", (".",), re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)"), _ip, "addresses inside a customer's network"),
    Rule("ipv6", "ip", ("::", ":"), re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![\w:.])|(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){1,6}:(?![\w:])"),
         _ip, "the same, version 6"),
    Rule("url-host", "host", ("://",),
         re.compile(rf"(?P<scheme>[A-Za-z][\w+.-]{{1,30}}://)(?P<userinfo>[^\s/@\"'`]*@)?(?P<host>{_NAME})(?=[:/?#\s\"'`),;\\\]>]|$)"),
         _host, "the authority of a URL, vendors' domains excepted"),
    Rule("keyed-host", "host", ("host", "server", "enotfound", "eai_again", "connecting to", "connect to", "resolve", "altname", "dns:", "broker", "upstream", "address"),
         re.compile(rf"(?i)(?:\b(?:host(?:name)?|server(?:[._]address)?|server_name|altname|upstream|broker|bootstrap[._]servers){Q}\s*[:=]\s*{Q}|\b(?:ENOTFOUND|EAI_AGAIN|server at|connecting to|connect to|resolve host(?:name)?:?|host name|DNS:)\s*{Q})(?P<host>{_LABELS}(?:\.{_LABELS}){{1,12}}|{_LABELS}-{_LABELS}|[A-Za-z][\w-]*(?=:\d))\.?"),
         _host, "where a message names a machine"),
    Rule("bare-host", "host", tuple(f".{suffix}" for suffix in _SUFFIXES),
         re.compile(rf"(?<![\w.@/\\-])(?P<host>(?:[a-z0-9_](?:[a-z0-9_-]{{0,61}}[a-z0-9])?\.){{1,12}}(?:{'|'.join(_SUFFIXES)}))\.?(?![\w-]|\.\w|\()"),
         _host, "a dotted name under a public or a private suffix", trigger=rf"[a-z0-9_]\.(?:{'|'.join(_SUFFIXES)})(?:[^A-Za-z0-9_-]|$)"),
    Rule("phone", "phone", ("+", "(", "-"),
         re.compile(r"(?<![\w+.-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w-]|\.\d|:\d)"),
         lambda found, marks: ("+" if found[0][0] == "+" else "") + marks.plain("phone") if sum(c.isdigit() for c in found[0]) >= 9 else None, "international or North American form"),
    Rule("strict-path", "path", ("/",),
         re.compile(r"(?<![\w.:/<>-])/(?:[\w.@+-]+/)+[\w.@+-]+"), lambda found, marks: marks.plain("path"), "strict mode: no absolute path leaves", strict=True),
    Rule("strict-number", "number", (), re.compile(r"(?<![\w.:<-])\d{6,}(?![\w.:>])"), lambda found, marks: marks.plain("number"), "strict mode: no long number leaves", strict=True),
)  # fmt: skip
