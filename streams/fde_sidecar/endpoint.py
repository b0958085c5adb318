"""Endpoints: what calls are compared under. Method, host and path, with `{id}` where a path names one thing of many.

method, host, path -> endpoint_of() -> ``GET api.example.com/v1/orders/{id}``; Endpoints.of() keeps their number bounded

A path is public vocabulary and private values by turns. What holds a digit, is encoded, or stands behind a word under which
things of one owner stand (``/tenants/acme``) is a value. What still varies too much is found by counting: :class:`Endpoints`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from fde_events.vendors import vendor_of_host
from fde_sidecar.vendors import classify

OTHER: Final = "other"  # every endpoint beyond the limit
_MAX_SEGMENTS: Final = 12
_MAX_SEGMENT: Final = 64
_MAX_CHILDREN: Final = 32  # words at one place of a path; more of them are names
_METHODS: Final = frozenset("GET POST PUT PATCH DELETE HEAD OPTIONS CONNECT TRACE QUERY RPC".split())
_VERSION: Final = re.compile(
    r"v\d{1,3}(?:\.\d{1,3}){0,2}|v\d{1,2}(?:alpha|beta|p)\d{0,2}|\d{1,2}\.\d{1,2}|(?:19|20)\d\d-\d\d|latest"
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.+-]*Z?)?|\d{1,2}-\d{1,2}-\d{4}")
_WORD: Final = re.compile(r"[A-Za-z_$.~-][A-Za-z_$.:~-]*")
_KEY: Final = re.compile(r"\(.*")
_HUMPS: Final = re.compile(r"[A-Z]+|[a-z]+")
# Technical words that hold a digit and are nobody's.
_TECHNICAL: Final = frozenset(
    "oauth1 oauth2 oauth2.0 saml2 s3 ec2 k8s 2fa b2b b2c p2p m2m e2e x509 i18n l10n base64 sha256 sha1 md5 utf8 http2 mp3 mp4 "
    "web3 h2 s4hana soap12 log4j auth0 d365 office365 route53 p12 e164 iso8601 iso3166".split()
)
# Behind these words stands whose it is, unless it is a word of the interface itself.
_OWNERS: Final = frozenset(
    "tenant tenants customer customers client clients account accounts user users member members people person persons employee "
    "employees org orgs organization organizations organisation organisations company companies workspace workspaces team teams "
    "group groups shop shops store stores merchant merchants vendor vendors supplier suppliers partner partners site sites realm realms "
    "project projects repo repos repository repositories owner owners namespace namespaces ns env environment environments bucket buckets "
    "database databases db schema schemas table tables topic topics queue queues channel channels domain domains branch branches "
    "tag tags label labels key keys sku skus username name slug contact contacts lead leads host hosts device devices".split()
)
_PAIRED: Final = frozenset({"repos", "repositories"})
_SECOND: Final = "/second/"
_INTERFACE: Final = frozenset(
    "me self current all search find query list count batch bulk import export new create update upsert delete remove edit login logout "
    "signin signup register token tokens session sessions auth oauth authorize verify validate status health ping info stats summary "
    "metadata describe schema schemas settings preferences config permissions roles users accounts orders order items item invoices "
    "payments messages events webhooks hooks reports files upload download comments notes tags fields properties types categories "
    "active inactive recent default lookup by-email by_email email-lookup suggest autocomplete history audit exports imports jobs "
    "addresses contacts companies products inventory cart carts checkout subscriptions api v1 v2 v3 repos members groups topics queues "
    "rest graphql rpc actions sync changes delta updated created merge copy move archive restore activate deactivate".split()
)
_IP: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-fA-F]*:[0-9a-fA-F:.]+\]?")
_HOST: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?")


def endpoint_of(method: str | None, host: str | None, path: str | None) -> str:
    """What a call is compared under. A method that is none is ``HTTP``; a host that is none is left out. At most 512 characters."""
    verb = method.upper() if method else ""
    return f"{verb if verb in _METHODS else 'HTTP'} {host_of(host)}{template_of(path or '/')}"[:512]


def host_of(host: str | None) -> str:
    """The host in small letters without credentials and default ports; ``{ip}`` for an address, which is nobody's name."""
    if not host:
        return ""
    bare = host.rpartition("@")[2].lower().rstrip(".")
    name, colon, port = bare.rpartition(":")
    if not colon or not port.isdecimal() or name.endswith(":") or (":" in name and not name.endswith("]")):
        name, port = bare, ""
    if _IP.fullmatch(name):
        name = "{ip}"
    elif not _HOST.fullmatch(name):
        return ""
    return name if port in ("", "80", "443") or len(port) > 5 else f"{name}:{port}"


@lru_cache(maxsize=4096)
def template_of(path: str) -> str:
    """The path without query, fragment and matrix parameters; one stand-in for each value. ``/`` for none."""
    whole = path[:2048].partition("?")[0].partition("#")[0]
    segments = [segment.partition(";")[0] for segment in whole.split("/") if segment]
    shown: list[str] = []
    before = ""
    for segment in segments[:_MAX_SEGMENTS]:
        shown.append(_segment(segment, before, first=not shown))
        # `/repos/OWNER/NAME`: two segments for one thing
        if shown[-1][:1] == "{":
            before = _SECOND if before in _PAIRED else ""
        else:
            before = segment.lower()
    if len(segments) > _MAX_SEGMENTS:
        shown.append("{rest}")
    return "/" + "/".join(shown)


def _segment(segment: str, before: str, *, first: bool) -> str:
    if len(segment) > _MAX_SEGMENT or not segment.isascii():
        return "{id}"
    if "(" in segment:  # OData: Orders(17), Orders('a'), func(x=1)
        name = _KEY.sub("", segment)
        return f"{_segment(name, before, first=first)}({{id}})" if name else "{id}"
    lower = segment.lower()
    if segment.startswith("{") and segment.endswith("}") and len(segment) < 32 and segment[1:-1].isidentifier():
        return segment  # a route's own template
    if segment.startswith(":") and segment[1:].isidentifier() and len(segment) < 32:
        return f"{{{segment[1:]}}}"
    if "@" in segment or "%40" in segment:
        return "{email}"
    if _VERSION.fullmatch(lower):
        return segment
    if _DATE.fullmatch(segment):
        return "{date}"
    if segment.isdecimal():  # `/2/tweets`, `/rest/api/3/issue`: a version, where one stands
        return segment if len(segment) == 1 and (first or before in ("api", "rest")) else "{id}"
    if lower in _TECHNICAL:
        return segment
    if _WORD.fullmatch(segment) is None:
        return "{id}"
    if (before in _OWNERS or before is _SECOND) and lower not in _INTERFACE:
        return "{id}"
    if segment.count("-") >= 4 or _is_random(segment):
        return "{id}"
    return segment


def _is_random(word: str) -> bool:
    """Letters nobody would say: many changes between capitals and small ones, or hexadecimal without a digit."""
    if len(word) < 12:
        return False
    humps = _HUMPS.findall(word)
    return len(word) / max(1, len(humps)) < 2.2 or set(word.lower()) <= set("abcdef")


def shown(endpoint: str) -> tuple[str, str | None]:
    """The endpoint as an event names it, and its host apart.

    A vendor's host stays beside the path, as a URL, so that redaction sees a host in it whatever it is called. Any other host
    is told as the server's address alone: that is always a token afterwards.
    """
    method, _, rest = endpoint.partition(" ")
    host, slash, path = rest.partition("/")
    if not slash or not host:
        return endpoint, None
    name = host.rpartition(":")[0] or host
    if host != "{ip}" and (vendor_of_host(name) or ((kept := classify(name)) and kept.vendor != "reference")):
        return f"{method} https://{host}/{path}", name
    return f"{method} /{path}", None if name == "{ip}" else name


class Endpoints:
    """The endpoints that are watched, `limit` of them at most; any other is :data:`OTHER`.

    Where more than 32 words stand at one place of a path they are names, and the place becomes ``{name}``.
    """

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        self._limit = limit
        self.known: set[str] = set()
        self._children: dict[str, set[str]] = {}
        for endpoint in known:
            self._keep(endpoint)

    @property
    def full(self) -> bool:
        """Whether a new endpoint would be one of the others."""
        return len(self.known) >= self._limit

    def of(self, endpoint: str) -> str:
        """The endpoint itself, with a name left out, or :data:`OTHER`. A new one is remembered."""
        if endpoint in self.known:
            return endpoint
        endpoint = self._named(endpoint)
        if endpoint in self.known:
            return endpoint
        if self.full:
            return OTHER
        self._keep(endpoint)
        return endpoint

    def keep_only(self, known: Iterable[str]) -> None:
        """Forget every other endpoint, and the words they brought."""
        self.known.clear()
        self._children.clear()
        for endpoint in known:
            self._keep(endpoint)

    def _named(self, endpoint: str) -> str:
        head, *segments = endpoint.split("/")
        path = head
        for segment in segments:
            children = self._children.get(path)
            if children is not None and segment not in children and len(children) >= _MAX_CHILDREN:
                segment = "{name}"
            path = f"{path}/{segment}"
        return path

    def _keep(self, endpoint: str) -> None:
        self.known.add(endpoint)
        head, *segments = endpoint.split("/")
        path = head
        for segment in segments:
            if segment[:1] != "{":
                self._children.setdefault(path, set()).add(segment)
            path = f"{path}/{segment}"
