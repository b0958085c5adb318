"""`fde redact`: what the sidecar would let out of a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter


def redact(
    *,
    report: Path | None = None,
    mode: str = "standard",
    key_file: Annotated[Path | None, Parameter(env_var="FDE_PSEUDONYM_KEY_FILE")] = None,
) -> int:
    """Read a log on standard input and write what may leave to standard output, line by line.

    Parameters
    ----------
    report
        JSON lines, one a replacement: {"line": 1-based, "kind": "email"}. Never the value.
    mode
        standard or strict, as in a TelemetryFeed.
    key_file
        The customer's pseudonym key; without one a fresh key is used, and pseudonyms differ from run to run.
    """
    from fde_cli.output import opened
    from fde_events.errors import Misuse
    from fde_sidecar.pseudonym import fresh_key, read_key
    from fde_sidecar.redact import Redactor

    if mode not in ("standard", "strict"):
        raise Misuse(f"--mode is standard or strict, not {mode!r}")
    import msgspec

    redactor = Redactor(read_key(key_file) if key_file else fresh_key(), "strict" if mode == "strict" else "standard")
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    encoder = msgspec.json.Encoder()
    out = opened(report) if report else None
    ends: list[bytes] = []
    try:
        for clean, found in redactor.lines(_lines(source, ends)):
            sink.write(clean.encode(errors="surrogateescape") + ends.pop(0))
            if out is not None:
                for one in found:
                    out.write(encoder.encode({"line": one.line, "kind": one.kind}) + b"\n")
        sink.flush()
    finally:
        if out is not None:
            out.close()
    return 0


def _lines(source: BinaryIO, ends: list[bytes]) -> Iterator[str]:
    """Lines without their ends; the ends go to `ends`, so that the clean log has the same ones."""
    for raw in source:
        end = b"\r\n" if raw.endswith(b"\r\n") else b"\n" if raw.endswith(b"\n") else b""
        ends.append(end)
        yield raw[: len(raw) - len(end)].decode(errors="surrogateescape")
