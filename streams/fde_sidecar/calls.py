"""Calls: secrets by their place among arguments, as tracebacks, dumps and source lines show them.

`PDO->__construct('dsn', 'user', 'X')`, `auth=('svc', 'X')`, `new NetworkCredential("u", "X")`, `setPassword("X")` -> :data:`RULES`
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.assignment import STRONG, name_of
from fde_sidecar.names import named
from fde_sidecar.rule import QUOTE, Marks, Rule, instead
from fde_sidecar.values import drawn, is_value, masked, passwordish

# Where the secret is the third argument: behind an address or an identity.
_THIRD: Final = (
    r"(?:\bPDO(?:->__construct)?|\bmysqli(?:->__construct|_(?:real_)?connect|->real_connect)?|\bmysql_p?connect|\bgetConnection|\bimap_open|\bldap_bind|\bssh2_auth_password|\bftp_login"
    r"|\bPlainAuth|\bCRAMMD5Auth|\bDriverManagerDataSource|\bodbc_connect|\boci_p?connect|\bTCPConnection)"
)
_SECOND: Final = (
    r"(?:[Bb]asic_?[Aa]uth(?:entication)?|BasicAuth(?:enticator|Header)?|[Cc]redentials?|PasswordAuthentication|PasswordAuthenticator|AuthenticationToken|\bauth|[Ll]ogin|\b[Aa]uthenticate|[Ll]ogon|UserPassword"
    r"|\bDigestAuth|HTTPProxyAuth|HttpNtlmAuth|HTTPDigestAuth|StaticProvider|AuthTokens\.basic|Credentials\.basic|auth_basic|basic_authorize|digest_authorize)"
)
_ARGUMENT: Final = rf"(?:[@bu]?{QUOTE}[^\"'`\n]{{0,300}}?{QUOTE}|[^\s\"'`(),\[\]{{}}]{{1,200}}(?:\(\))?)"
_CALLED: Final = re.compile(
    rf"(?:(?P<third>{_THIRD})|(?P<second>{_SECOND}))[\"']?\s{{0,2}}(?:=>|[=:])?\s{{0,2}}[\[(](?P<args>\s{{0,3}}{_ARGUMENT}(?:\s{{0,2}},\s{{0,3}}{_ARGUMENT}){{1,4}})"
)
_ONE: Final = re.compile(
    rf"[@bu]?(?P<quote>{QUOTE})(?P<quoted>[^\"'`\n]{{0,300}}?){QUOTE}|(?P<bare>[^\s\"'`(),\[\]{{}}]{{1,200}})(?:\(\))?"
)


def _called(found: re.Match[str], marks: Marks) -> str | None:
    arguments = list(_ONE.finditer(found["args"]))
    place = 2 if found["third"] else 1
    if len(arguments) <= place:
        return None
    one = arguments[place]
    value = one["quoted"] if one["quoted"] is not None else one["bare"]
    if (
        masked(value)
        or not is_value(value, quoted=True, assigned=True, kind="password")
        or value.startswith("$")
        or (value.startswith("/") and not drawn(value))
    ):
        return None
    certain = found["third"] or re.fullmatch(r"(?i).*(?:basic|password|credential|digest|ntlm).*|auth", found["second"])
    if one["quoted"] is None and not (passwordish(value) and not re.search(r"[.(:]", value)):
        return None  # a variable
    if not certain and not passwordish(value) and not drawn(value):
        return None
    if value.startswith(("http", "Array")) or (value.isdigit() and len(value) < 6):
        return None
    group = "quoted" if one["quoted"] is not None else "bare"
    args = found["args"]
    return instead(found, "args", args[: one.start(group)] + marks.plain("password") + args[one.end(group) :])


_GIVEN: Final = re.compile(
    rf"(?i)(?P<word>{STRONG})(?P<rest>\w{{0,20}})\((?P<quote>{QUOTE})(?P<value>[^\"'`\\\n]{{6,400}})(?P=quote)\s?\)"
)


def _given(found: re.Match[str], marks: Marks) -> str | None:
    name = name_of(found)
    what = named(name)
    value = found["value"]
    if what is None or masked(value) or " " in value:
        return None
    setting = re.search(r"(?i)(?:set|with|add)_?[\w]{0,40}$", name) is not None
    if not (drawn(value) or (passwordish(value) and (setting or what.kind == "password"))):
        return None
    return instead(found, "value", marks.plain(what.kind))


RULES: Final = (
    Rule("called", "password", ("auth", "credential", "pdo", "mysql", "getconnection", "imap_open", "ldap_bind", "ftp_login", "connect", "login", "logon", "userpassword", "staticprovider", "datasource", "basic_authorize"),
         _CALLED, _called, "a password by its place among arguments", trigger=rf"(?:{_THIRD}|{_SECOND})[\"']?\s*(?:=>|[=:])?\s*[\[(][^)\]]*,".replace(r"\b", "")),
    Rule("given", "password", ("(",), _GIVEN, _given, "the one argument of a function whose name says secret", trigger=rf"(?i){STRONG}\w*\((?:{QUOTE})"),
)  # fmt: skip
