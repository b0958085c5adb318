"""Handing in a solution: what leaves the customer's side, and whether it may.

files -> secrets replaced by typed placeholders -> Solution (digests only unless its reuse is granted) -> one record

Pure; the command reads git and the broker. Nothing leaves unless the customer's role turned source egress on.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import yaml

from fde_events.errors import BadInput, Misuse, Refused
from fde_events.solution import Placeholder, Reuse, Solution, SolutionFile
from fde_events.topics import CUSTOMER, MAX_RECORD_BYTES, solutions
from fde_extraction.language import language_of
from fde_extraction.repository import Tracked
from fde_extraction.solutions import digest, solution_id

EGRESS_FILE: Final = ".fde/egress.yaml"
EGRESS_VARIABLE: Final = "FDE_SOURCE_EGRESS"
MAX_SIGNATURES: Final = 16
MAX_FILE_BYTES: Final = MAX_RECORD_BYTES // 4 * 3  # the most whose base64 a record can hold
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_NAME: Final = re.compile(rf"{CUSTOMER.pattern}(?:\.{CUSTOMER.pattern})*")
_MAX_NAME: Final = 253
_BINARY_PROBE: Final = 8192  # bytes; what git looks at, too


class Found(Protocol):
    """One replaced secret: its kind, its 1-based line, and what the code calls it."""

    @property
    def kind(self) -> str:
        """E.g. password, token, api-key."""
        ...

    @property
    def line(self) -> int:
        """1-based."""
        ...

    @property
    def name(self) -> str:
        """Empty when it has none."""
        ...


Replace = Callable[[bytes, str], tuple[bytes, Sequence[Found]]]


class EgressSettings(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`.fde/egress.yaml`, committed by the customer's role: whether solutions may leave, and how they may be reused."""

    source_egress: bool = False
    reuse: Reuse | None = None
    contact: str = "the customer's data owner"


@dataclass(frozen=True, slots=True)
class Submission:
    """A solution ready to leave: `topic`, `key` and `value` are the Kafka record, byte for byte."""

    solution: Solution
    topic: str
    key: bytes
    value: bytes


def egress_of(committed: bytes | None) -> EgressSettings:
    """The settings in the committed file; everything off when there is none. :class:`BadInput` names a wrong field."""
    if committed is None:
        return EgressSettings()
    try:
        return msgspec.convert(yaml.safe_load(committed) or {}, EgressSettings)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadInput(EGRESS_FILE, f"{error}; it takes sourceEgress: true|false, reuse, contact") from error


def check_egress(settings: EgressSettings, environment: Mapping[str, str], *, customer: str) -> None:
    """Raises :class:`Refused`, naming who can turn it on, unless the customer's role has turned source egress on."""
    said = environment.get(EGRESS_VARIABLE, "").strip().lower()
    if said in ("on", "true", "1") or (settings.source_egress and said not in ("off", "false", "0")):
        return
    raise Refused(
        f"nothing was sent: source egress of customer {customer} is off. {settings.contact[:1].upper()}{settings.contact[1:]} "
        f"turns it on by committing {EGRESS_FILE} with `sourceEgress: true`, or with {EGRESS_VARIABLE}=on in the customer's CI. "
        "`--dry-run` shows what would leave."
    )


def prepare(
    files: Sequence[Tracked],
    *,
    customer: str,
    deployment: str,
    author: str,
    time: str,
    replace: Replace,
    reuse: Reuse | None = None,
    challenge: str | None = None,
    signatures: Sequence[str] = (),
    commit: str | None = None,
    released: bool = False,
) -> Submission:
    """The record for these files. `reuse` None means forbidden: then digests travel, and no content.

    `released`: a version that names no challenge; it counts for one whose rate falls for good after it, if there is one.
    Raises :class:`Misuse` without a challenge, signatures or `released`, or with a name that is none, :class:`BadInput` for a binary
    file, :class:`Refused` when the record would be too large (of files, before they are searched for secrets).
    """
    check_deployment(deployment)
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        raise Misuse(
            f"{challenge!r} is no challenge's id (letters, digits, '-', '_', '.'); `fde search --error` finds it."
        )
    if challenge is None and not signatures and not released:
        raise Misuse(
            "which challenge does this answer? Give --challenge ID or --error-sample FILE, put a trailer "
            "`Fde-Challenge: ID` into the commit message, or say --released: what stops after it is what it answered."
        )
    if not files:
        raise Misuse("no files to hand in: name them, or give --range A..B.")
    right: Reuse = reuse or "forbidden"
    _check_sizes(files, travels=right != "forbidden")
    packed: list[SolutionFile] = []
    placeholders: list[Placeholder] = []
    for file in sorted(files, key=lambda f: f.path):
        if is_binary(file.data):
            raise BadInput(file.path, "a binary file; solutions are source text. Name the source files instead.")
        language = language_of(file.path)
        data, found = replace(file.data, language)
        placeholders += [Placeholder(path=file.path, line=f.line, kind=f.kind, name=f.name) for f in found]
        content = "" if right == "forbidden" else base64.b64encode(data).decode()
        packed.append(SolutionFile(path=file.path, language=language, digest=digest(data), content=content))
    digests = [f"{file.path} {file.digest}" for file in packed]
    marked = tuple(sorted(set(signatures)))[:MAX_SIGNATURES]
    solution = Solution(
        id=solution_id(deployment, challenge, marked, digests),
        deployment=deployment,
        author=author,
        time=time,
        files=tuple(packed),
        reuse=right,
        challenge=challenge,
        signatures=marked,
        commit=commit,
        placeholders=tuple(placeholders),
    )
    value = msgspec.json.encode(solution)
    if len(value) > MAX_RECORD_BYTES:
        largest = max(packed, key=lambda file: len(file.content))
        raise Refused(
            f"the solution has {len(value)} bytes, a record may hold {MAX_RECORD_BYTES}; the largest file is {largest.path}. "
            "Hand in the files that hold the fix, not all that changed."
        )
    return Submission(solution, solutions(customer).name, solution.id.encode(), value)


def check_deployment(deployment: str) -> None:
    """:class:`Misuse` unless it is NAMESPACE/NAME as Kubernetes takes them."""
    namespace, slash, name = deployment.partition("/")
    if not (slash and CUSTOMER.fullmatch(namespace) and len(name) <= _MAX_NAME and _NAME.fullmatch(name)):
        raise Misuse(
            f"deployment {deployment!r} is not NAMESPACE/NAME (lower-case letters, digits, '-'; the namespace without a dot)"
        )


def deployment_name(text: str) -> str:
    """The nearest name that Kubernetes takes; empty when `text` holds nothing for one."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:63].strip("-")


def _check_sizes(files: Sequence[Tracked], *, travels: bool) -> None:
    largest = max(files, key=lambda file: len(file.data))
    total = sum(len(file.data) for file in files)
    if len(largest.data) > MAX_FILE_BYTES or (travels and total > MAX_FILE_BYTES):
        raise Refused(
            f"the solution has {total} bytes in {len(files)} files, a record may hold {MAX_FILE_BYTES}; the largest file is "
            f"{largest.path}. Hand in the files that hold the fix, not all that changed."
        )


def is_binary(data: bytes) -> bool:
    """As git decides: a NUL among the first 8 KiB."""
    return b"\0" in data[:_BINARY_PROBE]
