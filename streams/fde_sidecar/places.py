"""Places: names of people, machines and addresses, which become pseudonyms; vendors' hosts and libraries' paths stay.

host, address, path, home directory -> :data:`RULES`; :func:`host_text` for a host alone
"""

from __future__ import annotations

import re
from typing import Final

from fde_events.vendors import system_of_host
from fde_sidecar.rule import Marks, Q, Rule
from fde_sidecar.vendors import classify


def _mac(found: re.Match[str], marks: Marks) -> str | None:
    value = found[0].lower().replace("-", ":")
    if len(set(value)) <= 2:  # 00:00:00:00:00:00 and the broadcast address name nobody
        return None
    if value.replace(":", "").isdigit() and "-" in found[0]:
        return None  # six pairs of digits with hyphens are a date and a time
    return marks.comparable("mac", value)


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

RULES: Final = (
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
         _host, "where a message names a machine", begins=re.compile("host|server|altname|upstream|broker|bootstrap|enotfound|eai_again|connect|resolve|dns:")),
    Rule("bare-host", "host", tuple(f".{suffix}" for suffix in _SUFFIXES),
         re.compile(rf"(?<![\w.@/\\-])(?P<host>(?:[a-z0-9_](?:[a-z0-9_-]{{0,61}}[a-z0-9])?\.){{1,12}}(?:{'|'.join(_SUFFIXES)}))\.?(?![\w-]|\.\w|\()"),
         _host, "a dotted name under a public or a private suffix", trigger=rf"[a-z0-9_]\.(?:{'|'.join(_SUFFIXES)})(?:[^A-Za-z0-9_-]|$)"),
)  # fmt: skip
