"""`fde drift`: schema drift of one source's payloads in a file, by the same code as the sidecar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final

from cyclopts import Parameter

_NAMED: Final = 20  # unusable lines that get a sentence of their own
_NO_DATE: Final = "1970-01-01T00:00:00Z"


def drift(
    payloads: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Tell where the payloads of one source change their shape: fields, types, null, vocabularies, formats, ranges.

    Lines that cannot be used are named and counted, and the rest goes on. Exit 0: something changed; 1: nothing did.

    Parameters
    ----------
    payloads
        JSON lines, one payload a line, in the order they were sent. `-` is standard input.
    output
        Where the findings go, one JSON line each: {"index": 0-based payload, "kind", "field", "detail"}.
    json
        JSON lines on standard output as well, in place of a table. Without --output they are what is printed anyway.
    """
    import msgspec

    from fde_cli.output import replaced
    from fde_events.errors import BadInput

    encode = msgspec.json.Encoder().encode
    told: list[dict[str, object]] = []
    reader = Lines()
    if str(payloads) == "-":
        told = list(_findings(sys.stdin.buffer, "stdin", reader))
    else:
        try:
            with payloads.open("rb") as stream:
                told = list(_findings(stream, str(payloads), reader))
        except OSError as error:
            raise BadInput(str(payloads), f"cannot be read: {error.strerror or error}") from error
    if not reader.used:
        raise BadInput(str(payloads), "holds no payload: one JSON value a line is expected", line=reader.first_bad)
    with replaced(output) as written:
        for one in told:
            written.write(encode(one) + b"\n")
    if output is not None and json:
        for one in told:
            sys.stdout.buffer.write(encode(one) + b"\n")
    left = f", {reader.unusable} unusable and left out" if reader.unusable else ""
    print(f"fde drift: {reader.used} payloads, {len(told)} changes{left}", file=sys.stderr)
    return 0 if told else 1


class Lines:
    """What was read of the input: usable payloads, unusable lines, and the first of those (1-based)."""

    used = 0
    unusable = 0
    first_bad: int | None = None

    def complain(self, where: str, line: int, why: str) -> None:
        """Say that a line is left out."""
        self.unusable += 1
        self.first_bad = self.first_bad or line
        if self.unusable <= _NAMED:
            print(f"fde drift: {where}:{line}: {why}. The line is left out", file=sys.stderr)
        elif self.unusable == _NAMED + 1:
            print("fde drift: further ones are counted only", file=sys.stderr)


_WHY: Final = {
    "not-json": "it is not JSON",
    "too-large": "it is longer than 1 MiB",
    "too-deep": "it is nested too deeply",
}


def _findings(stream: BinaryIO, where: str, reader: Lines) -> Iterator[dict[str, object]]:
    import secrets
    from array import array
    from hashlib import blake2b

    from fde_sidecar.drift.detector import Drift
    from fde_sidecar.drift.finding import kind_of
    from fde_sidecar.reading import Payload

    key = secrets.token_bytes(16)
    drift = Drift(
        lambda value: blake2b(value.encode(errors="surrogatepass"), key=key, digest_size=8).hexdigest(), to_the_end=True
    )
    index = -1
    used = array("Q")  # the index of each payload that could be used
    for line, raw in enumerate(stream, start=1):
        body = raw.strip().removeprefix(b"\xef\xbb\xbf")
        if not body:
            continue
        index += 1
        drift.observe(Payload(_NO_DATE, "file", "payload", "request", body))
        if drift.refused is not None:
            reader.complain(where, line, _WHY[drift.refused])
        else:
            used.append(index)
    reader.used = len(used)
    for record, event in drift.lasting(Payload(_NO_DATE, "file", "payload", "request", b"")):
        detail = event.after if event.before is None else f"{event.before} -> {event.after}"
        yield {"index": used[record], "kind": kind_of(event), "field": event.field, "detail": detail}
