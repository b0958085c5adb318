"""Conditions: what the transport or a validator said, in one word for every library that says it.

A link's way: (type, message, codes) -> condition_of() -> ``refused``, ``tls-expired``, ``http-401``, ... or None;
and, for validators, findings_of() -> ``missing:currency``, ``type:total``.

Operating systems, TLS stacks and HTTP statuses are a closed world: the same errno reads differently in every client.
This table is their dictionary. It names no vendor. What is not in it is left to the vendor's own words.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

# Order matters: a TLS failure is often wrapped in words of a connection failure, a status is the weakest statement.
CONDITIONS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.DOTALL))
    for name, pattern in (
        ("tls-untrusted-ca", r"self[- ]signed certificate in certificate chain|SELF_SIGNED_CERT_IN_CHAIN|PKIX path building failed|certificate signed by unknown authority"),
        # X509_V_ERR 19 (above): the chain ends in a root that nobody trusts, as a TLS inspection's does. 20 and 21: an issuer is
        # missing, because the server does not send it or because the client brings a list of its own.
        ("tls-issuer-missing", r"unable to get (?:local )?issuer certificate|unable to verify the first certificate|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF)"),
        ("tls-self-signed", r"self[- ]signed certificate(?! in)|DEPTH_ZERO_SELF_SIGNED_CERT"),
        ("tls-expired", r"certificate has expired|CERT_HAS_EXPIRED|certificate expired"),
        ("tls-hostname", r"hostname mismatch|certificate is not valid for|doesn't match (?:either of )?['\"<]|does not match certificate's altnames|ERR_TLS_CERT_ALTNAME_INVALID|No subject alternative (?:DNS )?name"),
        ("tls-protocol", r"wrong[_ ]version[_ ]number|unsupported protocol|EPROTO\b|handshake failure|TLSV1_ALERT_PROTOCOL|record layer failure"),
        ("dns-unresolved", r"Name or service not known|nodename nor servname|Temporary failure in name resolution|getaddrinfo (?:ENOTFOUND|EAI_AGAIN|failed)|No address associated with hostname|UnknownHostException|Failed to resolve|NameResolutionError|could not translate host name"),
        ("refused", r"Connection refused|ECONNREFUSED|actively refused|Connect call failed"),
        ("reset", r"Connection reset|ECONNRESET|socket hang up|Remote end closed connection without response|Server disconnected without sending|other side closed|Broken pipe|\bEPIPE\b|RemoteDisconnected|ConnectionResetError"),
        ("body-truncated", r"IncompleteRead|without sending complete message body|maxContentLength size of -1 exceeded|ERR_BAD_RESPONSE.*aborted|stream has been aborted|response ended prematurely|premature close|Unexpected end of (?:JSON input|file)|unterminated string|Expecting (?:property name|'[:,]' delimiter|value: line 1 column (?!1 )\d)|in JSON at position [1-9]\d*|terminated$"),
        ("body-not-json", r"Expecting value: line 1 column 1 |Unexpected token .{0,40}is not valid JSON|Unexpected token .{0,12}in JSON at position 0|invalid character '<' looking for beginning|(?:unexpected|invalid|expected|not json|no json|content[- ]type)[^\n]{0,160}<(?:!doctype|html)"),
        ("pool-exhausted", r"QueuePool limit of size|connection pool (?:is )?(?:exhausted|full)|timeout exceeded when trying to connect|couldn't get a connection after|PoolTimeout|Timeout acquiring a connection|ResourceRequest timed out"),
        ("connect-timeout", r"ConnectTimeout|connect(?:ion)? (?:to .{0,120})?timed out|UND_ERR_CONNECT_TIMEOUT|timed out.{0,20}connect timeout"),
        ("read-timeout", r"ReadTimeout|Read timed out|read operation timed out|timed out while reading|UND_ERR_(?:HEADERS|BODY)_TIMEOUT|^timed out$|Timeout reading from socket|timeout of \d+ ?ms exceeded|ESOCKETTIMEDOUT|Request timed out|Request aborted due to timeout|network timeout at|The (?:read|socket) operation timed out|Socket timed out without|TimeoutError: The operation was aborted"),
        ("redirect-loop", r"Exceeded \d+ redirects|TooManyRedirects|ERR_FR_TOO_MANY_REDIRECTS|maximum redirect reached"),
        ("network-unreachable", r"Network is unreachable|ENETUNREACH|No route to host|EHOSTUNREACH"),
    )
)  # fmt: skip

# What generic HTTP clients say when a status is all they know. A vendor's sentence beside it says more.
HTTP_STATUS: Final = re.compile(
    r"^\W*(?:[\w .-]{1,60}: )?(?:(?P<a>[1-5]\d\d) (?:Client|Server) Error\b|(?:Client|Server|Redirect) (?:error|response) '(?P<b>[1-5]\d\d)\b"
    r"|Request failed with status code (?P<c>[1-5]\d\d)|Response code (?P<d>[1-5]\d\d)|HTTP Error (?P<e>[1-5]\d\d)\b"
    r"|(?P<f>[1-5]\d\d), message=|Request failed with status(?: code)?:? (?P<g>[1-5]\d\d)|Unexpected status(?: code)?:? (?P<h>[1-5]\d\d))",
    re.IGNORECASE,
)
# The same fix, whoever is called: the trust store and the resolver belong to the client's network, not to a vendor.
ENVIRONMENT: Final = frozenset({"tls-untrusted-ca", "tls-issuer-missing", "dns-unresolved"})
# A token endpoint refuses a client's own credentials; the same status elsewhere refuses what it issued.
TOKEN_ENDPOINT: Final = re.compile(r"/(?:oauth2?|oidc)/|/(?:token|authorize|login)(?:[/?'\"\s]|$)", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def condition_of(text: str) -> str | None:
    """The transport condition that `text` (``Type: message`` and codes) states; None if it states none."""
    head = text[:4_000]
    for name, pattern in CONDITIONS:
        if pattern.search(head):
            return name
    return None


def status_of(message: str) -> int | None:
    """The HTTP status in the message of a generic client; None when the message says more than a status."""
    found = HTTP_STATUS.search(message[:400])
    return None if found is None else int(next(group for group in found.groups() if group))


_PYDANTIC: Final = re.compile(r"^\d+ validation errors? for .+", re.MULTILINE)
_PYDANTIC_ITEM: Final = re.compile(
    r"^(?P<path>\S[^\n]*)\n +(?P<text>[^\n]*?)[ ]?[\[(]type=(?P<type>[\w.]+)(?:[^\n]*?input_type=(?P<given>\w+))?",
    re.MULTILINE,
)
_REQUIRED: Final = re.compile(r"^['\"](?P<field>[\w.-]+)['\"] is a required property")
_SCHEMA: Final = re.compile(r"Failed validating ['\"](?P<rule>\w+)['\"] in schema(?P<path>[^\n:]*)")
_NOT_IN_INDEX: Final = re.compile(r"^\W*\[(?P<fields>(?:'[^']+'(?:, )?)+)\] not (?:in index|found in axis)")
_KINDS: Final = {"missing": "missing", "required": "missing", "enum": "enum", "invalid_value": "enum", "literal_error": "enum",
                 "invalid_enum_value": "enum", "invalid_literal": "enum", "additionalProperties": "extra", "unrecognized_keys": "extra",
                 "extra_forbidden": "extra", "invalid_format": "format", "invalid_string": "format", "pattern": "format", "format": "format",
                 "string_pattern_mismatch": "format", "too_small": "range", "too_big": "range", "minimum": "range", "maximum": "range"}  # fmt: skip
_INDEX: Final = re.compile(r"(?:^|\.)\d+(?=\.|$)")


def findings_of(message: str) -> tuple[str, ...]:
    """What a validator found, as sorted ``kind:path``: the same for pydantic, zod, jsonschema and a missing pandas column.

    Kinds: missing, null, type, enum, format, range, extra, or the validator's own word. List positions become ``[]``.
    Empty when `message` is not a validator's.
    """
    return tuple(sorted(set(_zod(message) or _pydantic(message) or _jsonschema(message) or _columns(message))))


def _place(path: str) -> str:
    return _INDEX.sub("[]", path) or "$"


def _zod(message: str) -> list[str]:
    if '"path"' not in message or '"code"' not in message:
        return []
    try:
        issues = json.loads(message[message.index("[") : message.rindex("]") + 1])
    except ValueError:
        return _zod_cut(message)
    found = []
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict) and isinstance(issue.get("path"), list):
            text = str(issue.get("message", ""))
            found.append(_zod_finding(str(issue.get("code")), ".".join(map(str, issue["path"])), text))
    return found


def _zod_cut(message: str) -> list[str]:
    """A list of issues that was cut off, or whose values redaction changed: read item by item."""
    found = []
    for item in re.split(r"\}\s*,\s*\{", message):
        code = re.search(r'"code":\s*"(\w+)"', item)
        path = re.search(r'"path":\s*\[([^\]]*)\]', item)
        if code and path:
            keys = re.findall(r'"([^"]+)"|(\d+)', path.group(1))
            text = re.search(r'"message":\s*"(.*)', item)
            found.append(_zod_finding(code.group(1), ".".join(a or b for a, b in keys), text.group(1) if text else ""))
    return found


def _zod_finding(code: str, path: str, text: str) -> str:
    kind = _KINDS.get(code, code)
    if code == "invalid_type":
        kind = (
            "missing"
            if re.search(r"received undefined|^Required", text)
            else "null"
            if "received null" in text
            else "type"
        )
    return f"{kind}:{_place(path)}"


def _pydantic(message: str) -> list[str]:
    if not _PYDANTIC.search(message):
        return []
    found = []
    for item in _PYDANTIC_ITEM.finditer(message):
        rule = item["type"].removeprefix("value_error.").removeprefix("type_error.")
        kind = _KINDS.get(rule)
        if kind is None:
            kind = "null" if item["given"] == "NoneType" or rule.startswith("none.") else "type"
            if kind == "type" and re.search(r"date|time|uuid|url", rule):
                kind = "format"
        found.append(f"{kind}:{_place(item['path'].strip().replace(' -> ', '.'))}")
    return found


def _jsonschema(message: str) -> list[str]:
    required = _REQUIRED.search(message)
    if required is not None:
        return [f"missing:{required['field']}"]
    failed = _SCHEMA.search(message)
    if failed is None:
        return []
    path = ".".join(
        name for name in re.findall(r"\['([^']+)'\]", failed["path"]) if name not in ("properties", "items")
    )
    return [f"{_KINDS.get(failed['rule'], failed['rule'])}:{_place(path)}"]


def _columns(message: str) -> list[str]:
    absent = _NOT_IN_INDEX.search(message)
    return [f"missing:{field}" for field in re.findall(r"'([^']+)'", absent["fields"])] if absent else []
