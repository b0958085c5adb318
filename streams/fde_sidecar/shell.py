"""Shell: secrets in command lines, where a program takes one under a letter, by its place, or through a pipe.

`mysql -pX`, `sshpass -p 'X'`, `htpasswd -b f u X`, `echo 'u:X' | chpasswd`, `snyk auth X`, `set x.password X` -> :data:`RULES`

From the programs' manual pages. What stands behind a letter is taken whatever it looks like, unless it is a port, another
option or a variable.
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.assignment import STRONG
from fde_sidecar.names import named
from fde_sidecar.rule import QUOTE, Marks, Q, Rule, instead
from fde_sidecar.values import NO_VALUES, PROSE, UUID, drawn, is_value, masked, passwordish

_ARG: Final = r"[^|;\n]{0,300}?"
_VALUE: Final = r"(?:(?P<quote>\\{0,3}[\"'])(?P<quoted>[^\"'\\\n]{1,300})(?P=quote)|(?P<bare>[^\s|;\"'`\\]{1,400}))"
# Programs, and where their secret stands.
_PLACES: Final = (
    rf"\b(?:mysql|mariadb)[\w-]{{0,20}}\b{_ARG}\s-p",
    r"\bsshpass\s{1,3}-p\s{0,3}",
    rf"\bredis-cli\b{_ARG}\s-a\s{{1,3}}",
    rf"\b(?:docker|podman|helm|oras|crane|az|buildah|skopeo|nerdctl|oc|cf|ibmcloud|regctl)\b[^|;\n]{{0,60}}?\blogin\b{_ARG}\s-p\s{{1,3}}",
    rf"\b(?:mongo(?:sh|dump|restore|import|export|stat|top)?|cqlsh|psexec|twine|arangosh|isql|vncdo|kinit)\b{_ARG}\s-p\s{{1,3}}",
    rf"\b(?:7z[az]?|rar|unrar)\s{_ARG}\s-p(?=[^\s-])",
    rf"\b(?:sqlcmd|bcp|osql|unzip|zip|ipmitool|mosquitto_\w{{2,4}}|tsql)\b{_ARG}\s-P\s{{0,3}}",
    rf"\bldap\w{{3,9}}\b{_ARG}\s-w\s{{1,3}}",
    rf"\b(?:curl|https?|wget|xh|ab|hey|etcdctl)\b{_ARG}\s(?:-u|--user|-U|--proxy-user|-a|--auth|-A)[\s=]{{0,3}}[\"']?[^\s:\"'/]{{1,80}}:",
    rf"\b(?:smb\w{{2,10}}|rpcclient|net|winexe|wmic|nmblookup)\b{_ARG}\s(?:-U|--user)[\s=]{{0,3}}[\"']?[^\s%\"']{{1,80}}%",
    r"\bhtpasswd(?:\s{1,3}-\w{1,8}){0,3}\s{1,3}-\w{0,8}b\w{0,8}(?:\s{1,3}-\w{1,8}){0,3}(?:\s{1,3}(?!-)[^\s|;]{1,200}){1,2}\s{1,3}(?=[^\s|;]{1,200}(?:\s{0,3}(?:$|[|;&>\"'\\])))",
    r"\bnet\s{1,3}use\b[^|;\n]{0,200}?/user:\S{1,80}\s{1,3}(?!/)",
    r"\bnet\s{1,3}user\s{1,3}[\w.$-]{1,60}\s{1,3}(?![/*])",
    rf"\bopenssl\b{_ARG}\s-(?:k|K)\s{{1,3}}|\bpass(?:in|out)?\s{{1,3}}pass:",
    r"--from-literal(?:=|\s{1,3})[\"']?[\w.-]{1,80}=",
    rf"\bsnmp\w{{3,8}}\b{_ARG}\s-(?:c|A|X)\s{{1,3}}",
    r"\brabbitmqctl\b[^|;\n]{0,60}?\b(?:add_user|change_password|authenticate_user)\s{1,3}\S{1,80}\s{1,3}",
    rf"\b(?:useradd|usermod|adduser)\b{_ARG}\s(?:-p|--password)\s{{1,3}}",
    rf"\blftp\b{_ARG}\s-u\s{{1,3}}[^\s,]{{1,80}},",
    rf"\bschtasks\b{_ARG}\s/rp\s{{1,3}}",
    r"\bwpa_passphrase\s{1,3}\S{1,60}\s{1,3}",
    r"\bmc\s{1,3}(?:alias|config\s{1,3}host)\s{1,3}(?:set|add)\s{1,3}\S{1,60}\s{1,3}\S{1,200}\s{1,3}\S{1,80}\s{1,3}",
    r"\bcomposer\s{1,3}config\b[^|;\n]{0,40}?http-basic\.\S{1,80}\s{1,3}\S{1,80}\s{1,3}",
    r"\bbundle\s{1,3}config\b[^|;\n]{0,60}?\s[\w.-]{3,80}\s{1,3}[^\s:/]{1,80}:",
    rf"\bssh-keygen\b{_ARG}\s-[NP]\s{{1,3}}",
    rf"\bdotnet\s{{1,3}}nuget\b{_ARG}\s-k\s{{1,3}}|\bgem\s{{1,3}}push\b{_ARG}\s-k\s{{1,3}}|\bglab\b{_ARG}\s-t\s{{1,3}}",
    r"(?<![\w-])login\s{1,3}\S{1,80}\s{1,3}password\s{1,3}",
    r"(?:>|\bC:|\bftp\S{0,10}|\bpop3\S{0,10})\s{0,3}PASS\s{1,2}",
    r"\bchpasswd\b[^|;\n]{0,40}?[\s'\"\[-][\w.-]{1,40}:(?=\S{6})",
    r"\bsudo\s{1,3}(?:-\w{1,4}\s{1,3}){0,3}<<<\s{0,3}",
    r"\s/p:(?=[^\s/])|\s-pw\s{1,3}",
    rf"\b(?:cypher-shell|rdesktop|vncviewer|influx|beeline)\b{_ARG}\s-p\s{{1,3}}",
    r"\b(?:set-initial-password|reset-admin-password|mysqladmin\b[^|;\n]{0,60}?\spassword)\s{1,3}",
    r"\bmosquitto_passwd\s{1,3}(?:-\w{1,3}\s{1,3}){0,2}-b\s{1,3}\S{1,200}\s{1,3}\S{1,80}\s{1,3}",
    r"\bopenssl\s{1,3}passwd(?:\s{1,3}-\w{1,8}(?:\s{1,3}\S{1,20}(?=\s{1,3}-))?){0,4}\s{1,3}(?!-)",
    r"\b(?:expdp|impdp|exp|imp|sqlldr|rman|rwloader)\s(?:[^|;\n/]{0,60}?(?:\buserid=|\btarget\s|\s))?[\w$#]{1,40}/(?=[^\s@/]{4,80}(?:@|\s|$))",
    r"\.logon\s{1,3}[\w.-]{1,80}/[\w.-]{1,60},",
    r"\bdb2\s{1,3}connect\s{1,3}to\s{1,3}\S{1,60}\s{1,3}user\s{1,3}\S{1,60}\s{1,3}using\s{1,3}",
    rf"\bredis-server\b{_ARG}\s--requirepass\s{{1,3}}",
    r"\bBUNDLE_[A-Z0-9_]{1,80}__[A-Z0-9_]{1,40}(?:=|:\s{0,3})[\"']?",
)
_SHORT: Final = re.compile("(?:" + "|".join(_PLACES) + ")" + _VALUE)
_PROGRAMS: Final = (
    r"(?:mysql|mariadb)\S*\s.*-p|sshpass|redis-cli|login\s.*\s-p|mongo.*\s-p\s|(?:cqlsh|psexec|twine|arangosh|isql|kinit).*\s-p\s|(?:7z|rar)\S*\s.*-p"
    r"|(?:sqlcmd|bcp|osql|zip|ipmitool|mosquitto_\w*|tsql)\b.*\s-P|ldap\w+\s.*-w\s|(?:curl|http|https|wget|xh|ab|hey|etcdctl)\s.*-[uUaA-]\S*[\s=]*[^\s:]+:"
    r"|(?:smb\w+|rpcclient|net|winexe|wmic)\s.*(?:-U|--user).*%|htpasswd\s|net\s+user?\s|openssl\s.*\s-[kK]\s|\spass:|--from-literal|snmp\w+\s.*\s-[cAX]\s"
    r"|rabbitmqctl|(?:useradd|usermod|adduser)\s.*\s-|lftp\s|schtasks\s|wpa_passphrase|\bmc\s|composer\s|bundle\s|ssh-keygen|nuget\s|gem\s+push|glab\s"
    r"|login\s+\S+\s+password\s|PASS\s|BUNDLE_|chpasswd|requirepass|sudo\s.*<<<|\s/p:|\s-pw\s|(?:cypher-shell|rdesktop|vncviewer|influx|beeline)\s.*-p\s|set-initial-password|reset-admin-password|mysqladmin|mosquitto_passwd"
    r"|openssl\s+passwd|(?:expdp|impdp|exp|imp|sqlldr|rman|rwloader)\s.*/|\.logon\s|db2\s+connect"
)


def _placed(found: re.Match[str], marks: Marks) -> str | None:
    group = "quoted" if found["quoted"] else "bare"
    value = found[group]
    word = value.strip(".:;,!?)").lower()
    if (
        not word
        or (word in PROSE and group == "bare")
        or masked(value)
        or value.startswith(("-", "<", "$", "%(", "{", "["))
    ):
        return None
    if re.fullmatch(r"[\d:./]{1,5}|[\d.]+:\d+(?:/\w+)?", value):
        return None  # a port
    return instead(found, group, marks.plain("password"))


# --- through a pipe ------------------------------------------------------------------------------------------------------
_PIPED: Final = re.compile(
    rf"\b(?:echo|printf)\s{{1,3}}(?:-\w{{1,3}}\s{{1,3}}){{0,2}}(?:[\"']%s(?:\\{{1,2}}n)?[\"']\s{{1,3}})?{Q}(?:(?P<user>[\w.$-]{{1,60}}):(?=[^|\n]{{1,300}}\|[^|;\n]{{0,40}}\bchpasswd))?"
    rf"(?P<bare>[^\s\"'`|\\]{{3,400}}){Q}\s{{0,3}}\|[^|;\n]{{0,120}}?(?:\b(?:ch)?passwd\b|--password-stdin|--with-token|\bsudo\s{{1,3}}(?:-\w{{1,4}}\s{{1,3}})?-S\b|--passphrase-fd|--pass(?:word)?-?fd|--stdin\b|/dev/stdin\b|\bsecrets?\s{{1,3}}(?:put|set|create|versions)|\bcryptsetup)"
)


def _piped(found: re.Match[str], marks: Marks) -> str | None:
    value = found["bare"]
    if masked(value) or value.startswith("$") or value.lower() in NO_VALUES:
        return None
    return instead(found, "bare", marks.plain("password"))


# --- `snyk auth VALUE`, `cargo login VALUE`, `x config set name VALUE`, `--client-secret VALUE` ---------------------------
_LOGIN: Final = re.compile(
    r"(?P<prompt>(?:^|[$#+>]\s|&&\s{0,2}|;\s|\bsudo\s|\bRUN\s|\bexec(?:uting)?:?\s)\s{0,2})?\b[a-z][\w.-]{1,20}\s{1,3}(?:(?:config|auth)\s{1,3})?"
    r"(?:auth|login|authtoken|add-authtoken|setapikey|set-?key|activate|authenticate|auth:token)\s{1,3}(?:--?[\w-]{1,30}[=\s]{1,3}){0,2}"
    r"(?P<value>[A-Za-z0-9_~+/=.-]{16,400})(?=\s|$|[\"'`;|\\])"
)


def _login(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"]
    if not drawn(value) and not (found["prompt"] is not None and UUID.fullmatch(value)):
        return None
    return instead(found, "value", marks.plain("token"))


_SET: Final = re.compile(
    rf"(?i)\b(?:setx?|setenv|add|put|configure|config)\s{{1,3}}(?:--?\S{{1,30}}\s{{1,3}}){{0,2}}(?P<name>[\w.:/-]{{0,60}}?{STRONG}[\w.-]{{0,40}})\s{{1,3}}(?P<quote>{Q})(?P<value>[^\s\"'`|;\\]{{6,400}})"
)


def _set(found: re.Match[str], marks: Marks) -> str | None:
    what = named(found["name"])
    value = found["value"]
    if what is None or masked(value) or not (drawn(value) or passwordish(value)):
        return None
    return instead(found, "value", marks.plain(what.kind))


_OPTION: Final = re.compile(
    rf"(?i)(?<![\w-])--?(?P<name>[a-z][\w.-]{{0,40}}?{STRONG}[\w.-]{{0,20}}|{STRONG}[\w.-]{{0,20}})"
    rf"(?P<spaced>\s{{1,3}}[\\\"'`]{{0,4}}|{QUOTE},\s{{0,3}}{QUOTE})(?P<value>[^\s\"'`\\]+)"
)


_SPEC: Final = re.compile(r"(?:id|type|src|source|target|env|name|file|path|ref|key)=\S")


def _option(found: re.Match[str], marks: Marks) -> str | None:
    value = found["value"].strip("\\\"'`")
    word = value.strip(".:;,!?)").lower()
    what = named(found["name"])
    if (
        what is None
        or not value
        or word in PROSE
        or value.startswith(("-", "<", "$", "%(", "{", "[", "("))
        or masked(value)
        or _SPEC.match(value)
        or re.fullmatch(r"[A-Z][A-Z_-]*[\])]?", value)
    ):
        return None  # `--secret id=x,src=y` says where it is; `--password PASSWORD` is a manual
    weak = not what.sure and not (
        drawn(value) or (what.kind == "password" and passwordish(value) and not value.isalpha())
    )
    if weak or not is_value(value, quoted=False, assigned=True, kind=what.kind):
        return None
    return found[0][: found.start("value") - found.start()] + marks.plain(what.kind)


RULES: Final = (
    Rule("option", "password", ("pass", "pwd", "pswd", "key", "secret", "token", "sig", "cred"), _OPTION, _option, "an option of a command line, with its value beside it",
         trigger=rf"(?i)-[\w.-]*{STRONG}[\w.-]*(?:\s|{QUOTE},)"),
    Rule("short-option", "password",
         ("mysql", "mariadb", "sshpass", "redis-cli", "curl", "http", "wget", "xh", "ab ", "hey ", "login", "mongo", "cqlsh", "psexec", "twine", "arangosh", "isql", "kinit", "7z", "rar", "sqlcmd", "bcp",
          "osql", "zip", "ipmitool", "mosquitto", "tsql", "ldap", "smb", "rpcclient", "net ", "winexe", "wmic", "htpasswd", "openssl", "pass:", "--from-literal", "snmp", "rabbitmqctl", "useradd",
          "usermod", "adduser", "lftp", "wpa_passphrase", "mc ", "composer", "bundle", "ssh-keygen", "schtasks", "etcdctl", "nuget", "gem ", "glab", "pass ", "chpasswd", "sudo", "/p:", "-pw ", "cypher-shell", "rdesktop", "vncviewer", "influx", "beeline", "-password ", "mysqladmin", "expdp", "impdp", "exp ", "imp ", "rman", "rwloader", "sqlldr", ".logon", "db2 "),
         _SHORT, _placed, "programs that take a password under a letter or by its place", trigger=_PROGRAMS),
    Rule("piped", "password", ("echo", "printf"), _PIPED, _piped, "a password read from a pipe", trigger=r"(?:echo|printf)\s[^|]*\|"),
    Rule("login", "token", ("auth", "login", "key", "activate"), _LOGIN, _login, "a tool's login with its token as the argument",
         trigger=r"[a-z][\w.-]*\s+(?:(?:config|auth)\s+)?(?:auth|login|authtoken|add-authtoken|setapikey|set-?key|activate|authenticate|auth:token)\s+(?:--?[\w-]+[=\s]+){0,2}[A-Za-z0-9_~+/=.-]{16}"),
    Rule("set-name", "secret", ("set", "add", "put", "config"), _SET, _set, "a setting by name, its value beside it", trigger=rf"(?i)(?:setx?|setenv|add|put|configure|config)\s.*{STRONG}[\w.-]*\s"),
)  # fmt: skip
