"""What an error event says of its cause: the chain of exceptions, whose API failed, which library it was called through.

The event's way: ErrorEvent -> evidence_of() -> Evidence -> signature.

A vendor is known by catalogue only (`fde_events.vendors`): by host, by SDK, by the class of an internal system. What a
customer called a thing is read for catalogued words and for nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Final

from fde_events.event import ErrorEvent
from fde_events.vendors import (
    library_of_package,
    library_of_type,
    system_of_host,
    vendor_of_host,
    vendor_of_library,
    vendor_of_word,
)
from fde_streams.cause import told, vendor_of_type
from fde_streams.chain import Chain, Frame, Link, is_chain, module_of, parse_chain, parse_line, retold_by

MESSAGE_LENGTH: Final = (
    4_000  # characters of a message that are read; work stays bounded whatever an application prints
)
_STACK: Final = 65_536
_HOST: Final = re.compile(
    r"(?:://|host=['\"]|Host: |@|\bto |ENOTFOUND |hostname ['\"]|\bfor ['\"]|\b(?:from|at|on|via|host) )(?P<host>(?:<host[^<>]*>\.)?[A-Za-z0-9][A-Za-z0-9.-]*\.(?:<host[^<>]*>|[A-Za-z][A-Za-z0-9-]*))"
)
_PRODUCT: Final = re.compile(r"(?<![\w./-])[A-Z][A-Za-z]{4,}(?![\w/-])")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z0-9]*")
_SPLIT: Final = re.compile(r"[^A-Za-z0-9]+|_")
_OPERATION: Final = re.compile(r"(?<![\w/.@-])[A-Za-z_]\w*(?:[.:/][A-Za-z_]\w*)+(?![\w/@-])")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an error event says of its cause. `chain` root cause first; `vendor` and `library` None when unknown."""

    chain: Chain
    vendor: str | None
    library: str | None


def evidence_of(event: ErrorEvent) -> Evidence:
    """What `event` says. Total: an event that says nothing has one link, its own words."""
    chain = tuple(
        replace(link, message=link.message[:MESSAGE_LENGTH]) if len(link.message) > MESSAGE_LENGTH else link
        for link in chain_of(event)
    )
    return Evidence(chain, _vendor(event, chain), _library(chain))


def chain_of(event: ErrorEvent) -> Chain:
    """The event's causes, root first: from its stack, else from its one-line chain, else from its fields."""
    stack = event.exception_stacktrace
    if stack and len(stack) > _STACK:
        stack = f"{stack[: _STACK // 2]}\n  [...]\n{stack[-_STACK // 2 :]}"
    chain: Chain = parse_chain(stack) if stack else ()
    if stack and not chain:
        chain = parse_line(stack, event.exception_type)
    body = _said((event.body or "")[:_STACK])
    if not chain and is_chain(body):
        chain = parse_line(body, event.exception_type)
    if not chain and event.exception_type and event.exception_message is not None:
        text = f"{event.exception_type}: {event.exception_message}"
        chain = parse_line(text, event.exception_type)
    if not chain and body:
        chain = parse_line(body, event.exception_type)
    if not chain:
        chain = (Link(event.exception_type or "", event.exception_message or body),)
    chain = tuple(link for link in chain if link.type.rsplit(".", 1)[-1] not in _PLUMBING) or chain
    return (*retold_by(chain[0]), *chain)


# Raised by a runtime on the way to the error that means something.
_PLUMBING: Final = frozenset({"CancelledError", "StopIteration", "StopAsyncIteration", "GeneratorExit"})
_SAYING: Final = frozenset(
    "error err exception error_description error_message message msg detail details reason cause".split()
)
_STATUS: Final = ("http_status", "status_code", "statusCode", "status", "http.status_code")


def _said(body: str) -> str:
    """What a structured record says of an error: what it carries inside first, then its own words. `body` if it is no record."""
    if not body.startswith("{"):
        return body
    try:
        fields = json.loads(body)
        carrying = [(key, value, _carried(value)) for key, value in fields.items()] if isinstance(fields, dict) else []
    except (ValueError, RecursionError):  # nested deeper than anybody reads: words like any other
        return body
    if not isinstance(fields, dict):
        return body
    inside, words = [], []
    for key, value, carried in carrying:
        if carried is not None:
            inside.append(carried)
        elif isinstance(value, str) and value and key.lower() in _SAYING:
            words.append(value)
    if not inside and len(words) == 1:
        return words[0]
    status = next((fields[key] for key in _STATUS if isinstance(fields.get(key), int)), None)
    lead = "" if status is None else f"HTTP {status} "
    return lead + " ".join([*inside, *words]) if inside or words else body


def _carried(value: object) -> str | None:
    """A body inside a record as text: JSON or markup; None for a plain value."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, dict) and any(str(key).lower() in _SAYING | {"errors", "code", "error_code"} for key in value):
        return json.dumps(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return json.dumps(value[0])
    return value if isinstance(value, str) and value.startswith("<") and "</" in value else None


def _vendor(event: ErrorEvent, chain: Chain) -> str | None:
    """Whose API or product failed: host, then SDK, then internal system by host, then the connector's own name."""
    hosts = [event.server_address or ""]
    if (named := vendor_of_host(hosts[0])) is not None:
        return named
    for link in chain:
        if (said := told(link.message)) is not None:
            return said.vendor
    for link in chain:
        for frame in reversed(link.frames):
            if frame.library and (named := vendor_of_library(frame.package)) is not None:
                return _narrower(named, frame, link)
        if "." in link.type and (named := vendor_of_library(link.type)) is not None:
            return named
    for link in chain:
        hosts += [found["host"] for found in _HOST.finditer(f"{link.message[:2_000]} {link.called}")]
    for host in hosts:
        if (named := vendor_of_host(host)) is not None:
            return named
    for host in hosts:
        if (named := system_of_host(host)) is not None:
            return named
    for link in chain:
        if not link.frames and (named := vendor_of_type(link.type)) is not None:
            return named
    for link in chain:
        words = _WORD.findall(link.type.rsplit(".", 1)[-1])
        if words and (named := _vendor_of_prefix(words[0].lower())) is not None:
            return named
    return _vendor_of_connector(event) or _vendor_named(chain) or _vendor_of_file(chain)


def _vendor_of_prefix(word: str) -> str | None:
    """Whose SDK calls its exceptions after itself: ``GitlabAuthenticationError``, ``GitbeakerRequestError``."""
    return vendor_of_library(word) or vendor_of_library(f"@{word}") or (vendor_of_word(word) if len(word) > 4 else None)


def _vendor_of_file(chain: Chain) -> str | None:
    """The one catalogued name in what the application calls the file that failed: ``connectors/wms_bridge.py``."""
    for link in chain:
        own = [frame.path for frame in link.frames if frame.library is None]
        if own:
            stem = own[-1].replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]
            named = {name for word in _SPLIT.split(stem) if (name := vendor_of_word(word)) is not None}
            return named.pop() if len(named) == 1 else None
    return None


def _narrower(vendor: str, frame: Frame, link: Link) -> str:
    """The product of a family: `google.cloud.storage` further out on the stack says more than `google.api_core`."""
    top = frame.package.split(".", 1)[0]
    family = [one.package for one in link.frames if one.library and one.package.split(".", 1)[0] == top]
    others = {named for package in family if (named := vendor_of_library(package)) not in (None, vendor)}
    return others.pop() if len(others) == 1 else vendor


def _vendor_named(chain: Chain) -> str | None:
    """The one product that a message names with a capital: "Zendesk Error (429)". Short names are too often words."""
    for link in chain:
        named = {vendor_of_word(word) for word in _PRODUCT.findall(link.message[:300])} - {None}
        if len(named) == 1:
            return named.pop()
    return None


def _vendor_of_connector(event: ErrorEvent) -> str | None:
    """The one catalogued name in the logger's name or in the operation's; None when there is none, or more than one."""
    operation = _OPERATION.search((event.body or "").split(": ", 1)[0])
    for text in (event.scope or "", operation.group() if operation else ""):
        named = {name for word in _SPLIT.split(text) if (name := vendor_of_word(word)) is not None}
        if len(named) == 1:
            return named.pop()
    return None


def _library(chain: Chain) -> str | None:
    """The package the failing call entered from the application; by the outermost stack where none shows the entry, else by type.

    A root cause's own stack often begins inside the library: its wrapper's shows where the application called it.
    """
    outermost = None
    for link in chain:
        entered, ours = None, False
        for frame in link.frames:
            if frame.library is None:
                entered, ours = None, True
            elif frame.library and entered is None:
                entered = frame.package
        if entered is not None and ours:
            return _package(entered)
        outermost = entered or outermost
    if outermost is not None:
        return _package(outermost)
    for link in chain:
        module = module_of(link.type)
        if module is not None and (library_of_package(module) or vendor_of_library(module)):
            return _package(module)
        if module is None and (known := library_of_type(link.type)) is not None:
            return known
    return None


def _package(name: str) -> str:
    known = library_of_package(name.lstrip("_"))
    return known or (name if name.startswith("@") else name.lstrip("_").split(".")[0]).lower()
