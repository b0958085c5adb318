"""Hard-coded secrets in source: found by what the code calls them, by their format, and by their randomness.

bytes -> leaves with the names around them -> rules -> second net (fde_extraction.scanner) -> findings -> typed placeholders

Found are texts, not references: the name of an environment variable or of a vault entry is no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from fde_api.primitive import Language as LanguageName
from fde_events.errors import BadInput
from fde_extraction import issued, scanner
from fde_extraction.language import language
from fde_extraction.tree import Node
from fde_template.encoding import decode, encode, encoding_of
from fde_template.words import words

PLACEHOLDER: Final = re.compile(r"fde-secret:([a-z-]+):(\d+)")

# (words that all stand in a name, kind), the more telling first.
_NAMES: Final[tuple[tuple[frozenset[str], str], ...]] = tuple(
    (frozenset(names.split()), kind)
    for names, kind in (
        ("passphrase", "passphrase"), ("passwd", "password"), ("password", "password"), ("pwd", "password"), ("pw", "password"),
        ("private key", "private-key"), ("api key", "api-key"), ("apikey", "api-key"), ("access key", "api-key"),
        ("license key", "api-key"), ("licence key", "api-key"), ("account key", "api-key"), ("signing key", "secret"),
        ("encryption key", "secret"), ("client secret", "secret"), ("secret", "secret"), ("token", "token"), ("bearer", "token"),
        ("salt", "secret"), ("pepper", "secret"), ("credential", "secret"), ("credentials", "secret"),
    )
)  # fmt: skip
_WEAK: Final = frozenset("key auth authorization signature session identity licence license".split())
# A name with one of these says where a secret is, or something about it.
_REFERENCE: Final = frozenset(
    "name names arn ref reference path url uri header field column type kind algorithm env var variable file id endpoint host "
    "prefix provider scope ttl length size count expiry expires policy masking".split()
)
_ACCESSORS: Final = frozenset({"environ", "getenv", "env", "env_var", "process", "ENV", "getsecret", "get_secret"})
_SETTING: Final = re.compile(r"(?i)(?:password|passwd|pwd)=(?P<secret>[^\s;&'\"{}$]{4,})")
_FORMATS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("private-key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)),
    ("token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*")),
    ("api-key", re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b")),
    (
        "token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_(?:live|test)_[A-Za-z0-9]{16,})"),
    ),
    # Formats of issuers that the second net sees only beside the issuer's name.
    (
        "api-key",
        re.compile(r"\b(?:GOCSPX-[\w-]{28}|NRAK-[A-Z0-9]{27}|tfp_[\w.-]{40,}|[0-9a-f]{32}-us\d{1,2})(?![\w-])"),
    ),
    ("token", re.compile(r"(?<![\w:])\d{8,10}:A[\w-]{34}(?![\w-])")),
    ("password", re.compile(r"(?<=://)(?P<user>[^\s:/@{}$]*):(?P<secret>[^\s:/@{}$]{3,})(?=@)")),
    ("password", _SETTING),
)
# What a rule of the second net is called, and the kind of its findings.
_NETTED: Final = ("private-key", "password", "secret", "token")
_CHUNK: Final = re.compile(r"[^\s=;,&?:'\"/@(){}<>|]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret. `start`, `end`: byte offsets of the text inside its literal; `line` 1-based; `name`: what the code calls it."""

    kind: str
    start: int
    end: int
    line: int
    name: str


def find(data: bytes, language: str) -> list[Finding]:
    """The secrets in `data`, in order, never overlapping. A file that does not parse is searched by format and randomness."""
    encoding = encoding_of(data)
    text = decode(data, encoding)
    head = len(data) - len(data.removeprefix(b"\xef\xbb\xbf")) if encoding == "utf-8-sig" else 0
    ascii_only = text.isascii()
    found = []
    for kind, start, end, name in find_text(text, _root(text, language)):
        first = head + (
            start if ascii_only else len(encode(text[:start], "utf-8" if encoding != "latin-1" else encoding))
        )
        last = first + len(encode(text[start:end], "utf-8" if encoding != "latin-1" else encoding))
        found.append(Finding(kind, first, last, text.count("\n", 0, start) + 1, name))
    return found


def replace(data: bytes, language: str) -> tuple[bytes, list[Finding]]:
    """`data` with each secret replaced by ``fde-secret:<kind>:<n>`` in the same literal, and what was found where.

    The same secret gets the same placeholder wherever it stands. Findings point into the data as it was.
    """
    findings = find(data, language)
    numbers: dict[tuple[str, bytes], int] = {}
    pieces, at = [], 0
    for finding in findings:
        secret = data[finding.start : finding.end]
        number = numbers.setdefault((finding.kind, secret), len(numbers) + 1)
        pieces += [data[at : finding.start], f"fde-secret:{finding.kind}:{number}".encode()]
        at = finding.end
    return b"".join([*pieces, data[at:]]), findings


def formats(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of texts whose format alone says that they are secrets, or that stand for one."""
    found = [
        (kind, *match.span())
        for kind, pattern in _FORMATS
        if pattern is not _SETTING
        for match in pattern.finditer(text)
    ]
    return [*found, *((match.group(1), *match.span()) for match in PLACEHOLDER.finditer(text))]


def netted(text: str) -> list[tuple[str, int, int]]:
    """(kind, start, end) of what the second net alone finds in `text`, which may be code: names that code gives are none.

    A rule that goes by the words before it is heeded for texts in quotes and in comments only, and for no references.
    """
    found = []
    for rule, start, end, by_name in scanner.scan(text):
        if by_name and not (_quoted(text, start) and secretive(text[start:end], "token")):
            continue
        found.append((next((kind for kind in _NETTED if kind in rule), "api-key"), start, end))
    return found


def find_text(text: str, root: Node | None) -> list[tuple[str, int, int, str]]:
    """(kind, start, end, name) in characters; placeholders count as secrets of their kind."""
    own = _own(text, root)
    return sorted([*own, *_second(text, root, own)], key=lambda item: item[1])


def _own(text: str, root: Node | None) -> list[tuple[str, int, int, str]]:
    found: list[tuple[str, int, int, str]] = []
    for match in PLACEHOLDER.finditer(text):
        found.append((match.group(1), *match.span(), ""))
    for kind, pattern in _FORMATS:
        for match in pattern.finditer(text):
            if pattern is _SETTING and root is not None and not _in_string(root, match.start("secret")):
                continue
            span = match.span("secret") if "secret" in pattern.groupindex else match.span()
            found.append((kind, *span, ""))
    for leaf in root.leaves() if root is not None else ():
        last = leaf.place.rsplit("/", 1)[-1]
        if leaf.text and (("string" in last and leaf.kind.endswith("_text")) or last.startswith("text.string.")):
            found.extend(_literal(leaf))
        elif "comment" in leaf.place or "template" in leaf.place:
            found.extend(_random(leaf, ""))
            found.extend(_addressed(leaf))
    for leaf in issued.beside_addresses(root) if root is not None else ():
        if not _identifies(leaf) and not PLACEHOLDER.search(leaf.text):
            found.append(("api-key", leaf.start, leaf.end, ""))
    if root is None:
        for match in re.finditer(r"([\w.-]+)[\"'\]]?\s*(?:=>|=|:|,)\s*(['\"])([^'\"\n]{4,})\2", text):
            if kind_of(match.group(1)) and secretive(match.group(3), kind_of(match.group(1))):
                found.append((kind_of(match.group(1)), *match.span(3), match.group(1)))
    return _apart(found)


def _second(text: str, root: Node | None, own: Sequence[tuple[str, int, int, str]]) -> list[tuple[str, int, int, str]]:
    """What the second net finds beside `own`: with a tree only in literals and comments."""
    found = list[tuple[str, int, int, str]]()
    spans = netted(text)
    leaves = list(_told(root)) if root is not None and spans else []
    for kind, start, end in spans:
        pieces = [(max(start, first), min(end, last)) for first, last in leaves if start < last and first < end]
        for first, last in pieces if root is not None else [(start, end)]:
            if all(last <= item[1] or item[2] <= first for item in (*own, *found)):
                found.append((kind, first, last, ""))
    return found


def _told(root: Node) -> Iterator[tuple[int, int]]:
    for leaf in root.leaves():
        if leaf.text and any(mark in leaf.place for mark in ("string", "comment", "template")):
            yield leaf.start, leaf.end


def _quoted(text: str, at: int) -> bool:
    """Whether what stands at `at` begins after a quote, or in a comment's line."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[-1:] in ("'", '"', "`") or re.search(r"#|//|--|^\s*\*", line) is not None


def _root(text: str, name: str) -> Node | None:
    if name not in ("python", "typescript", "sql"):
        return None
    known: LanguageName = name  # type: ignore[assignment]
    try:
        return language(known).parse(text, f"file.{name}")
    except BadInput:
        return None


def kind_of(name: str) -> str:
    """The kind of secret that something called `name` holds; empty when it holds none, or only a reference."""
    parts = words(name)
    if not parts or _REFERENCE & set(parts):
        return ""
    return next((kind for wanted, kind in _NAMES if wanted <= set(parts)), "")


def secretive(text: str, kind: str) -> bool:
    """Whether `text`, called a secret of `kind`, can be one: no name of a variable, no sentence, no template."""
    if (
        len(text) < 4
        or re.search(r"\s", text)
        or re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", text)
        or text.startswith(("$", "%", "{"))
    ):
        return False
    if "://" in text or text.startswith(("/", "./", "vault:", "arn:")):
        return False
    if kind in ("password", "passphrase"):
        return text.lower() not in ("password", "passphrase", "passwd", "none", "null", "bytes", "utf-8")
    return len(text) >= 8 and bool(re.search(r"\d", text)) and bool(re.search(r"[A-Za-z]", text))


def _literal(leaf: Node) -> Iterator[tuple[str, int, int, str]]:
    text, hints = leaf.text, leaf.hints
    if PLACEHOLDER.search(text) or text in hints or (hints and hints[0] in _ACCESSORS):
        return
    for name in hints[:3]:
        kind = kind_of(name)
        if kind and secretive(text, kind):
            yield kind, leaf.start, leaf.end, name
            return
    yield from _addressed(leaf)
    if _identifies(leaf):
        return
    yield from _random(leaf, next((name for name in hints[:2] if _WEAK & set(words(name))), ""))
    if issued.is_code(text):
        yield "api-key", leaf.start, leaf.end, hints[0] if hints else ""


def _identifies(leaf: Node) -> bool:
    """Whether the code calls it an id: that is shown to others, and a key's id has a format of its own."""
    return bool(leaf.hints) and words(leaf.hints[0])[-1:] in (("id",), ("ids",))


def _addressed(leaf: Node) -> Iterator[tuple[str, int, int, str]]:
    for start, end, name in issued.in_address(leaf.text):
        if not PLACEHOLDER.search(leaf.text[start:end]):
            yield "token", leaf.start + start, leaf.start + end, name


def _random(leaf: Node, name: str) -> Iterator[tuple[str, int, int, str]]:
    for match in _CHUNK.finditer(leaf.text):
        chunk = match.group()
        before = leaf.text[: match.start()].lower()
        if before.endswith(("sha256:", "sha512:", "sha1:")) or not drawn(chunk, named=bool(name)):
            continue
        called = re.search(r"([\w-]+)\s*[=:]\s*$", leaf.text[: match.start()])
        yield "api-key", leaf.start + match.start(), leaf.start + match.end(), called.group(1) if called else name


def drawn(chunk: str, *, named: bool) -> bool:
    """Whether `chunk` looks drawn at random: a long run that mixes letters and digits, or groups of such."""
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", chunk) or re.search(
        r"\.(internal|local|corp|example|com|net|org|io)$", chunk
    ):
        return False
    if re.fullmatch(r"[A-Z0-9]{2,8}(-[A-Z0-9]{4,6}){3,}", chunk) and sum(map(str.isdigit, chunk)) >= 4:
        return True
    for run in re.findall(r"[A-Za-z0-9]+", chunk):
        if len(run) < (10 if named else 14):
            continue
        digits = sum(map(str.isdigit, run))
        changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(run))
        if digits >= 3 and len(run) - digits >= 3 and changes >= 4:
            return True
    return False


def _in_string(root: Node, at: int) -> bool:
    return any(leaf.start <= at < leaf.end and "string" in leaf.place for leaf in root.leaves())


def _apart(found: Sequence[tuple[str, int, int, str]]) -> list[tuple[str, int, int, str]]:
    kept: list[tuple[str, int, int, str]] = []
    for item in sorted(found, key=lambda item: (item[1], -item[2])):
        if not kept or item[1] >= kept[-1][2]:
            kept.append(item)
    return kept
