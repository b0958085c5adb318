"""Strict mode at the source: the diagnosis leaves, the application's own words stay.

ErrorEvent (redacted) -> withheld() -> ErrorEvent with type, status, codes, library frames and the masked skeleton, no more.

A signature reads things that strict mode must not let out: frames of the application, sentences, names of loggers. So it is
made before they are withheld, by the same pure function as in ingest, and travels with the event; both modes give the same
signature by construction. The sidecar knows no signatures: who starts it hands this in (`docs/decisions/0011`).
"""

from __future__ import annotations

import msgspec

from fde_events.event import Diagnosed, ErrorEvent
from fde_events.vendors import is_catalogued, library_of_package, library_of_type, vendor_of_host, vendor_of_library
from fde_streams.cause import vendor_of_type
from fde_streams.chain import Chain, Frame, Link, is_builtin, module_of
from fde_streams.evidence import chain_of
from fde_streams.mask import template
from fde_streams.outside import owner_of, shown
from fde_streams.sentence import sentence_of
from fde_streams.signature import WITHHELD, digest_of_text, signature_of

_FRAMES = 40


def withheld(event: ErrorEvent) -> ErrorEvent:
    """`event` without any text that the application wrote: no message, body, logger, service, path or frame of its own."""
    signature = signature_of(event)
    chain = chain_of(event)
    parts = _without_own(signature.parts, chain)
    own = any(name in ("words", WITHHELD, "library") for name, _ in parts)  # the application's words, by digest alone
    host = event.server_address
    return msgspec.structs.replace(
        event,
        service=None,
        scope=None,
        body=None,
        exception_type=chain[0].type if _is_public(chain[0]) else None,
        exception_message=None,
        exception_stacktrace=_library_frames(chain) or None,
        server_address=host if host and vendor_of_host(host) else None,
        url_path=None,
        log_file=None,
        diagnosed=Diagnosed(
            rules=signature.rules,
            block=signature.block,
            title=f"{owner_of(signature.block)}: words withheld"
            if own
            else shown(signature.title, signature.block, parts),
            parts=parts,
            masked=signature.masked,
        ),
    )


def _without_own(parts: tuple[tuple[str, str], ...], chain: Chain) -> tuple[tuple[str, str], ...]:
    """The parts, with a sentence that no catalogued library said as its digest."""
    said = {
        template(sentence_of(kind, link.message, link.codes).text)
        for link in chain
        if _is_public(link)
        for kind in ("", link.type)
    }
    return tuple(
        (WITHHELD, digest_of_text(value)) if name == "text" and value not in said else (name, value)
        for name, value in parts
    )


def _is_public(link: Link) -> bool:
    """Whether an exception's name is not the application's: the language's, or that of the library which raised it."""
    if not link.type or is_builtin(link.type):
        return bool(link.type)
    if link.frames:
        return _is_catalogued(link.frames[-1])
    module = module_of(link.type)
    if module is not None:
        return library_of_package(module) is not None or vendor_of_library(module) is not None
    return library_of_type(link.type) is not None or vendor_of_type(link.type) is not None


def _library_frames(chain: Chain) -> str:
    """What libraries were on the stack, root cause first: package-relative paths and functions, no line of code."""
    lines = [
        f"{frame.path} in {frame.function}"
        for link in chain
        for frame in link.frames
        if frame.library and _is_catalogued(frame)
    ]
    return "\n".join(lines[:_FRAMES])


def _is_catalogued(frame: Frame) -> bool:
    """Whether a frame is the language's or a catalogued library's: an application may be installed as a package, too."""
    if frame.library is None:
        return False
    return (
        not frame.library
        or any(known(frame.package) is not None for known in (library_of_package, vendor_of_library))
        or is_catalogued(frame.library)
    )
