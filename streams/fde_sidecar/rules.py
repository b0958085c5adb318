"""The redaction rules, in order, each with its reason.

Order matters: a rule that knows the context (a URL's password, an Authorization header) comes before one that knows only
the value's form, and secrets come before names. A rule runs on one line and only when one of its `hints` stands in it.
Changing a rule changes what leaves: raise `VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fde_events.vendors import system_of_host
from fde_sidecar import issuers
from fde_sidecar.vendors import classify

VERSION: Final = "3"
Pseudonym = Callable[[str, str], str]  # (kind, value) -> 8 hex digits
Replace = Callable[[re.Match[str], "Marks"], str | None]

_TOKEN: Final = r"<[a-z][a-z0-9-]{0,30}(?::[0-9a-f]{8,16})?>"  # noqa: S105  the form of our own placeholder
# A quote as it stands in plain text, in JSON, and in JSON inside JSON.
_Q: Final = r"(?:\\{0,3}[\"'`])?"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `hints`: lower-case literals, one of which must be in the line; () for a digit, or for anything if `always`.

    `trigger` is a simpler expression found wherever the pattern matches (:mod:`fde_sidecar.trigger`); `why` is for the reader.
    """

    name: str
    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replace: Replace
    why: str
    strict: bool = False
    trigger: str = ""
    always: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What a rule writes. `plain` for secrets, `comparable` where equal values must stay equal inside one customer."""

    pseudonym: Pseudonym
    found: list[str]

    def plain(self, kind: str) -> str:
        """``<kind>``; noted in the report."""
        self.found.append(kind)
        return f"<{kind}>"

    def comparable(self, kind: str, value: str) -> str:
        """``<kind:3fa9c2d1>``; noted in the report."""
        self.found.append(kind)
        return f"<{kind}:{self.pseudonym(kind, value.lower())}>"


def _group(kind: str, group: int = 1) -> Replace:
    """Replace one group of the match by its plain token."""

    def replace(found: re.Match[str], marks: Marks) -> str | None:
        start, end = found.start(group) - found.start(), found.end(group) - found.start()
        return found[0][:start] + marks.plain(kind) + found[0][end:]

    return replace


def _whole(kind: str) -> Replace:
    return lambda found, marks: marks.plain(kind)


# --- URLs and connection strings -------------------------------------------------------------------------------------
def _userinfo(found: re.Match[str], marks: Marks) -> str | None:
    user, password = found["user"], found["password"]
    shown = user if not user or re.fullmatch(_TOKEN, user) else marks.comparable("user", user)
    if re.fullmatch(_TOKEN, password) and shown == user:
        return None
    return f"{found['scheme']}{shown}:{marks.plain('password')}@"


# --- keyed values: `password=...`, `"api_key": "..."`, `?sig=...` ----------------------------------------------------
_KINDS: Final[tuple[tuple[str, str], ...]] = (
    (r"aws[-_]?secret[-_]?access[-_]?key|secret[-_]?access[-_]?key", "aws-secret-access-key"),
    (r"(?:[\w-]{0,40}[-_.])?(?:pass(?:word|wd|phrase|code)?|passwort|pwd)|[a-z]{1,20}passw(?:or)?d", "password"),
    (r"(?:[\w-]{0,40}[-_.])?(?:x-)?api[-_]?(?:key|token|secret)|apikey|(?:subscription|account|shared[-_]?access|function)[-_]?key", "api-key"),
    (r"(?:[\w-]{0,40}[-_.])?client[-_]?secret|(?:[\w-]{0,40}[-_.])?secret(?:[-_]?key)?|signing[-_]?key|encryption[-_]?key|private[-_]?key|webhook[-_]?secret", "secret"),
    (r"(?:[\w-]{0,40}[-_.])?(?:access|auth|refresh|id|bearer|session|security|csrf|xsrf|oauth|personal[-_]access)[-_]?token", "token"),
    (r"token|session[-_]?(?:id|key)|sessid|phpsessid|jsessionid|credentials?|sig|signature|code[-_]?verifier|x-amz-(?:signature|credential|security-token)", "token"),
)  # fmt: skip
_KEYS: Final = "|".join(f"(?P<k{number}>{names})" for number, (names, _) in enumerate(_KINDS))
_KEYED: Final = re.compile(
    rf"(?i)(?:(?<![A-Za-z0-9])|(?<=%[0-9A-F]{{2}}))(?:{_KEYS})"
    rf"(?P<separator>{_Q}\s{{0,3}}(?:=>|[:=])\s{{0,3}}|(?P<encoded>(?:%(?:25){{0,2}}22)?%(?:25){{0,2}}3[DA](?:%(?:25){{0,2}}2[02])?))"
    rf"(?:(?P<quote>\\{{0,3}}[\"'`])(?P<quoted>.*?)(?<!\\)(?P=quote)"
    # Inside a percent-encoded query an encoded '&' or '"' ends the value; elsewhere it is a part of it.
    rf"|(?P<bare>(?(encoded)(?:(?!%(?:25){{0,2}}2[26])[^\s\"'`&;,<>()\[\]{{}}\\])+|[^\s\"'`&;,<>()\[\]{{}}\\]+)))"
)
_CODE: Final = re.compile(r"[A-Za-z_]\w*?(?:\.[A-Za-z_]+)*[.:]?")
# Words that stand where a value would, and are none.
_NO_VALUES: Final = frozenset(
    "none null nil true false undefined missing invalid expired required empty string int bool redacted masked hidden unset "
    "not is was must has failed error unknown unauthorized forbidden denied rejected revoked the for and or of in str bytes "
    "changeme example object number value default yes no refreshed rotated ok".split()
)


_ARN: Final = re.compile(r"\barn:[\w:/*.-]*$")


def _keyed(found: re.Match[str], marks: Marks) -> str | None:
    kind = next(kind for number, (_, kind) in enumerate(_KINDS) if found[f"k{number}"])
    value = found["quoted"] if found["quote"] else found["bare"]
    if found["separator"] == ":" and _ARN.search(found.string, max(0, found.start() - 200), found.start()):
        return None  # `arn:aws:secretsmanager:<region>:<account>:secret:name` says where a secret is, not what
    if not found["quote"] and _CODE.fullmatch(value):
        follows = found.string[found.end() : found.end() + 1]
        dotted = "." in value.rstrip(".:")
        if follows in ("[", "(") or (
            value.replace(".", "").replace("_", "").rstrip(":").isalpha()
            and (dotted or (kind != "password" and "_" in value))
        ):
            return None  # source code in a traceback: `api_key=cfg["key"]`, `token=settings.token`
    if not _is_value(
        value, quoted=bool(found["quote"]), assigned="=" in found["separator"] or bool(found["encoded"]), kind=kind
    ):
        return None
    at = found.start("quoted") if found["quote"] else found.start("bare")
    head = found[0][: at - found.start()]
    return head + marks.plain(kind) + found[0][at - found.start() + len(value) :]


def _is_value(value: str, *, quoted: bool, assigned: bool, kind: str) -> bool:
    if len(value) < 3 or re.fullmatch(
        rf"(?:{_TOKEN}|[*xX.•]{{3,}}|\$\{{?\w+\}}?|%\(\w+\)[a-z]|%[a-z]|%[A-Z_]+%?|\{{\w*\}})", value
    ):
        return False
    word = value.strip(".:;,!?").lower()
    if word in _NO_VALUES:
        return False
    if "*" * 4 in value or value.startswith("<"):
        return False
    if kind == "password":
        return quoted or assigned or not word.isalpha() or len(word) >= 12
    if " " in value and not _looks_random(value.replace(" ", "")):
        return False
    if not quoted and word.isalpha() and word.islower() and len(word) < 16:
        return False  # a word, or a variable of source code: no issuer makes keys like that
    if quoted or assigned:
        return kind != "token" or len(value) >= 8 or _looks_random(value)
    return _looks_random(value)


def _looks_random(value: str) -> bool:
    """Letters and digits mixed, or very long: what people do not write as a word."""
    digits = sum(character.isdigit() for character in value)
    letters = sum(character.isalpha() for character in value)
    mixed_case = not (value.islower() or value.isupper())
    return len(value) >= 8 and letters >= 2 and (digits >= 2 or (len(value) >= 20 and mixed_case)) and "/" != value[0]


# --- values beside a name: `--password VALUE`, `mysql -pVALUE`, `passwd VALUE` -----------------------------------------
# What help texts and messages say after an option's name.
_PROSE: Final = _NO_VALUES | frozenset(
    "expected option options flag argument arguments parameter with from to in on at may can cannot should given takes take "
    "requires requiring needs via instead when if only by as are be been it its this that value=".split()
)


def _option(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].strip("\\\"'`")
    word = value.strip(".:;,!?)").lower()
    if not value or word in _PROSE or value.startswith(("-", "<", "$", "%(", "{")) or set(value) <= set("*xX.•"):
        return None
    if found["spaced"] and not _is_value(value, quoted=False, assigned=True, kind=_option_kind(found["name"])):
        return None
    return found[0][: found.start("value") - found.start()] + marks.plain(_option_kind(found["name"]))


def _option_kind(name: str) -> str:
    return next((kind for names, kind in _KINDS if re.fullmatch(f"(?i){names}", name)), "password")


def _beside(found: re.Match[str], marks: Marks) -> str | None:
    """Letters and digits mixed: a word of prose has none, and a number no letters."""
    value = found["value"].rstrip(".,;:!?)")
    digits, letters = sum(c.isdigit() for c in value), sum(c.isalpha() for c in value)
    if not digits or letters < 2 or len(value) < 6 or value[0] in "/.<-" or "://" in value or "=" in value:
        return None
    start = found.start("value") - found.start()
    return found[0][:start] + marks.plain("password") + found[0][start + len(value) :]


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


_FIELD: Final = re.compile(r"[a-z]+(?:_[a-z]+)+=")


def _bearer(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if _FIELD.match(value):
        return None  # `token_type: Bearer expires_in=3600`
    if value.lower().strip(".,") in _NO_VALUES or not (_looks_random(value) or found["header"]):
        return None
    return found[0][: found.start("value") - found.start()] + marks.plain("bearer-token")


# --- values in XML and SQL -----------------------------------------------------------------------------------------------
_ELEMENT: Final = re.compile(
    rf"(?i)<(?P<name>(?:\w{{1,20}}:)?(?:{_KEYS}))(?:\s[^<>]{{0,300}})?>(?P<value>[^<>]{{3,400}})</(?P=name)>"
)


def _element(found: re.Match[str], marks: Marks) -> str | None:
    kind = next(kind for number, (_, kind) in enumerate(_KINDS) if found[f"k{number}"])
    if not _is_value(found["value"], quoted=True, assigned=True, kind=kind):
        return None
    start, end = found.start("value") - found.start(), found.end("value") - found.start()
    return found[0][:start] + marks.plain(kind) + found[0][end:]


def _spoken_sql(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if not _is_value(value, quoted=True, assigned=True, kind="password"):
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
def _ip(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0]
    if value in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::") or value.startswith("127."):  # noqa: S104  compared, not bound
        return None
    if ":" not in value and any(int(part) > 255 for part in value.split(".")):
        return None
    if ":" in value and (value.count(":") < 2 or not re.search(r"[0-9a-f]{3,4}", value, re.IGNORECASE)):
        return None
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
         re.compile(r"(?P<scheme>[A-Za-z][\w+.-]{1,30}://)(?P<user>[^\s:/@\"'<>]*|" + _TOKEN + r"):(?P<password>[^\s\"'<>]{1,400}?|" + _TOKEN + r")@(?=[\w.\[<-]+(?:[/?:,\s\"'`;)\\>\]]|$))"),
         _userinfo, "credentials in URLs and DSNs; the user is kept comparable"),
    Rule("oracle-password", "password", (":oracle:", "sqlplus"),
         re.compile(r"(?i)(?P<scheme>jdbc:oracle:(?:thin|oci8?):|\bsqlplus\b[^|;\n/]{0,60}?\s)(?P<user>[\w$#.-]{1,60})/(?P<password>[^\s\"'@/<>]{1,200})@"),
         lambda found, marks: f"{found['scheme']}{marks.comparable('user', found['user'])}/{marks.plain('password')}@", "Oracle writes user/password@"),
    Rule("authorization", "bearer-token", ("authorization",),
         re.compile(rf"(?i)(?P<header>(?:proxy-)?authorization){_Q}\s*[:=]\s*{_Q}(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)\s+)?(?P<value>[^\s\"'`,;<>\\)\]}}]{{4,}})"),
         _bearer, "the header's value is a credential in every scheme"),
    Rule("bearer", "bearer-token", ("bearer", "basic "),
         re.compile(r"(?P<header>)\b(?i:bearer|basic)\s+(?P<value>[A-Za-z0-9._~+/=-]{8,})"),
         _bearer, "a scheme and a random value, wherever they stand"),
    Rule("cookie", "token", ("cookie",),
         re.compile(rf"(?i)\b(?:set-)?cookie{_Q}\s*:\s*{_Q}([^\s\"'`<>\\=;]+=(?:[^\s\"'`<>\\]{{6,}}|[^\s\"'`<>\\;]{{0,5}}(?=;\s?[\w.-]+=[^\s\"'`<>\\;]{{6,}}))(?:;\s*[\w.-]+=[^\s\"'`<>\\;]+)*)"),
         _group("token"), "session cookies"),
    Rule("jwt", "jwt", ("eyj",), re.compile(r"\beyJ[\w-]{8,}\.(?:[\w-]{6,}(?:\.[\w-]*(?:\.[\w-]{8,}){0,2})?|(?:\.[\w-]{8,}){3})"), _jwt, "JSON Web Tokens start with eyJ"),
    Rule("keyed", "secret",
         ("pass", "pwd", "key", "secret", "token", "sess", "credential", "sig", "verifier"),
         _KEYED, _keyed, "a value under a name that says secret"),
    Rule("element", "password", ("</",), _ELEMENT, _element, "an XML element whose name says secret"),
    Rule("spoken-sql", "password", ("identified", "password"),
         re.compile(r"(?i)\b(?P<sure>identified\s+(?:by|with\s+\w+\s+by)(?:\s+password)?|(?:with|set|encrypted)\s+password(?:\s*=|\s+for\s+\S{1,80}\s*=)?|password)\s{1,3}(?P<quote>\\{0,3}[\"'])(?P<value>[^\s\"'\\]{3,200})(?P=quote)"),
         _spoken_sql, "SQL names a password in words"),
    Rule("hook", "token", ("hook", "maker.ifttt", "telegram"), issuers.HOOK, _group("token", 2), "an address that is a key"),
    Rule("option", "password", ("pass", "pwd", "key", "secret", "token"),
         re.compile(r"(?i)(?<![\w-])--?(?P<name>(?:[a-z][\w-]{0,40}[-_.])?(?:pass(?:word|wd|phrase|code)?|pwd|(?:api|access|secret|private|account)[-_]?key|secret|token))(?P<spaced>\s{1,3}[\\\"'`]{0,4}|\\{0,3}[\"'`],\s{0,3}\\{0,3}[\"'`])(?P<value>[^\s\"'`\\]+)"),
         _option, "an option of a command line, with its value beside it"),
    Rule("short-option", "password", ("mysql", "mariadb", "sshpass", "redis-cli", "curl", "login", "sqlcmd", "ldap"),
         re.compile(r"(?P<name>)(?P<spaced>)(?:\b(?:mysql|mariadb)[\w-]{0,20}\b[^|;\n]{0,300}?\s-p|\bsshpass\s+-p\s?|\bredis-cli\b[^|;\n]{0,200}?\s-a\s+|\b(?:docker|podman|helm|oras|crane|az|buildah|skopeo)\b[^|;\n]{0,60}?\blogin\b[^|;\n]{0,200}?\s-p\s+|\bsqlcmd\b[^|;\n]{0,200}?\s-P\s+|\bldap\w{3,9}\b[^|;\n]{0,200}?\s-w\s+|\bcurl\b[^|;\n]{0,300}?\s(?:-u|--user)\s?[\"']?[^\s:\"']{1,80}:)(?P<value>[^\s|;\"'`]+)"),
         _option, "programs that take a password under a letter"),
    Rule("beside", "password", ("passw", "passphrase", "pwd"),
         re.compile(r"(?i)(?<![\w./-])(?:password|passwd|passwort|passphrase|pwd)[ \t]{1,3}(?:is |was |of )?(?P<value>[^\s\"'`<>()\[\]{},;]+)"),
         _beside, "letters and digits right after the word"),
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
    Rule("spoken-key", "api-key", ("key", "token", "secret"),
         re.compile(r"(?i)\b(?:api[ _-]?key|access[ _-]?key|secret[ _-]?key|auth[ _-]?token|access[ _-]?token|secret|token|key) (?:is |was |of |provided: |used: |: |\()?(?P<header>)['\"]?(?P<value>[A-Za-z0-9_~+/=.-]{16,})"),
         lambda found, marks: (found[0][: found.start("value") - found.start()] + marks.plain("api-key")) if _spoken(found["value"]) else None,
         "a random value right after the word"),
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
         re.compile(rf"(?i)(?:\b(?:host(?:name)?|server(?:[._]address)?|server_name|altname|upstream|broker|bootstrap[._]servers){_Q}\s*[:=]\s*{_Q}|\b(?:ENOTFOUND|EAI_AGAIN|server at|connecting to|connect to|resolve host(?:name)?:?|host name|DNS:)\s*{_Q})(?P<host>{_LABELS}(?:\.{_LABELS}){{1,12}}|{_LABELS}-{_LABELS}|[A-Za-z][\w-]*(?=:\d))\.?"),
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


def _spoken(value: str) -> bool:
    return (
        _looks_random(value)
        and not re.fullmatch(r"[0-9a-f-]{36}|[a-z0-9_.-]+\.[a-z]{2,}|\d[\d.:-]*", value)
        and "://" not in value
    )
