"""Conditions: what the transport said, in one word for every library that says it.

A link's way: (type, message, codes) -> condition_of() -> ``refused``, ``tls-expired``, ... or None; status_of() -> 401.

Operating systems, TLS stacks and HTTP statuses are a closed world: the same errno reads differently in every client.
This table is their dictionary. It names no vendor. What is not in it is left to the vendor's own words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
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
        ("refused", r"Connection refused|ECONNREFUSED|actively refused|Connect call failed|Unable to connect to port \d"),
        ("reset", r"Connection reset|ECONNRESET|socket hang up|Remote end closed connection without response|Server disconnected without sending|other side closed|Broken pipe|\bEPIPE\b|RemoteDisconnected|ConnectionResetError"),
        ("body-truncated", r"IncompleteRead|without sending complete message body|maxContentLength size of -1 exceeded|ERR_BAD_RESPONSE.*aborted|stream has been aborted|response ended prematurely|premature close|Unexpected end of (?:JSON input|file)|unterminated string|Expecting (?:property name|'[:,]' delimiter|value: line 1 column (?!1 )\d)|in JSON at position [1-9]\d*|terminated$"),
        ("body-not-json", r"Expecting value: line 1 column 1 |Unexpected token .{0,40}is not valid JSON|Unexpected token .{0,12}in JSON at position 0|invalid character '<' looking for beginning|(?:unexpected|invalid|expected|not json|no json|content[- ]type)[^\n]{0,160}<(?:!doctype|html)|unexpected mimetype: text/html"),
        ("pool-exhausted", r"QueuePool limit of size|connection pool (?:is )?(?:exhausted|full)|timeout exceeded when trying to connect|couldn't get a connection after|PoolTimeout|Timeout acquiring a connection|ResourceRequest timed out"),
        ("connect-timeout", r"ConnectTimeout|connect(?:ion)? (?:to .{0,120})?timed out|UND_ERR_CONNECT_TIMEOUT|timed out.{0,20}connect timeout"),
        ("read-timeout", r"ReadTimeout|Read timed out|read operation timed out|timed out while reading|UND_ERR_(?:HEADERS|BODY)_TIMEOUT|^timed out$|Timeout reading from socket|timeout of \d+ ?ms exceeded|ESOCKETTIMEDOUT|Request timed out|Request aborted due to timeout|network timeout at|The (?:read|socket) operation timed out|Socket timed out without|TimeoutError: The operation was aborted|The operation was aborted|This operation was aborted|TimeoutError: $|exceeded the configured .{0,40} requestTimeout|request has exceeded the configured|Operation timed out|The request timed out|deadline exceeded"),
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
# A status somewhere in a message that says more beside it.
_MENTIONED: Final = re.compile(
    r"\bHTTP(?:/\d(?:\.\d)?)?(?: status)?(?: code)?[ :=]{1,2}(?P<a>[45]\d\d)\b|\bstatus(?:[ _]?code)?['\"]?[ :=,]{1,3}(?P<b>[45]\d\d)\b"
    r"|\w \((?P<c>[45]\d\d)\)|^(?P<d>[45]\d\d)(?= |$)|\((?P<e>[45]\d\d) [A-Z]",
    re.IGNORECASE,
)
_REASONS: Final = {phrase.phrase.lower(): phrase.value for phrase in HTTPStatus if phrase >= 400}
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
    status = (
        _REASONS.get(message.strip().rstrip(".").lower()) if found is None else int(next(filter(None, found.groups())))
    )
    return status if status is not None and status >= 300 else None


def status_in(message: str) -> int | None:
    """The HTTP status that a message mentions among other words: ``Zendesk Error (429): ...``; weaker than `status_of`."""
    found = _MENTIONED.search(message[:400])
    return None if found is None else int(next(filter(None, found.groups())))
