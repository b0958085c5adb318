"""Recall and false alarms of redaction on planted secrets, beside two sets of rules that others maintain.

corpus() -> ours() | detect_secrets() | gitleaks() -> Found(recall, false alarms per 1 000 clean lines)

The peers find secrets in source code; they know nothing of e-mail and network addresses, so those are left out for all.
``detect_secrets`` is imported from ``FDE_PEERS/python`` or from where Python finds it, the regular expressions of gitleaks
are read from ``FDE_PEERS/gitleaks.toml``; neither is part of this project. What is not there is left out.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Final

from fde_cli.bench.planted import Line, corpus
from fde_sidecar.redact import Redactor

_PERSONAL: Final = frozenset({"email", "ip", "mac"})
_HARMLESS: Final = frozenset({"email", "ip", "mac", "host", "user", "path", "phone", "iban", "ssn"})


@dataclass(frozen=True, slots=True)
class Found:
    """Recall of planted secrets, and false alarms per 1 000 clean lines."""

    recall: float
    alarms: float


def lines(number: int, seed: int = 23) -> list[Line]:
    """`number` lines with a secret each and as many clean ones."""
    made = corpus(seed, number, number)
    return [line for line in made if not any(one.kind in _PERSONAL for one in line.planted)]


def ours(corpus_lines: Sequence[Line]) -> Found:
    """The sidecar's standard rules."""
    redactor = Redactor(b"0123456789abcdef0123456789abcdef")
    results = list(redactor.lines([line.text for line in corpus_lines]))
    gone = [
        one.text not in clean for line, (clean, _) in zip(corpus_lines, results, strict=True) for one in line.planted
    ]
    alarms = [
        any(one.kind not in _HARMLESS for one in found)
        for line, (_, found) in zip(corpus_lines, results, strict=True)
        if not line.planted
    ]
    return Found(sum(gone) / len(gone), 1000 * sum(alarms) / max(1, len(alarms)))


def detect_secrets(corpus_lines: Sequence[Line], root: Path) -> Found | None:
    """Its default plugins on the lines as a file. A secret counts as found when one it names overlaps the planted text."""
    sys.path.append(str(root / "python"))
    try:
        from detect_secrets.core import scan  # type: ignore[import-not-found, unused-ignore]
        from detect_secrets.settings import default_settings  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    finally:
        sys.path.remove(str(root / "python"))
    by_line: dict[int, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="fde-bench-") as directory, default_settings():
        # As a file: line by line by hand it searches eagerly, and finds a secret in nearly every line.
        log = Path(directory) / "app.log"
        log.write_text("".join(line.text + "\n" for line in corpus_lines), "utf-8")
        for one in scan.scan_file(str(log)):
            by_line[one.line_number].append(one.secret_value or "")
    numbers = iter(range(1, len(corpus_lines) + 1))
    return _judged(corpus_lines, lambda text: by_line[next(numbers)])


def gitleaks(corpus_lines: Sequence[Line], root: Path) -> Found | None:
    """Its default rules' expressions with their keywords and entropy thresholds, without its allow lists of paths."""
    path = root / "gitleaks.toml"
    if not path.exists():
        return None
    rules = []
    for rule in tomllib.loads(path.read_text("utf-8")).get("rules", ()):
        pattern = _python(rule.get("regex", ""))
        if pattern is not None:
            rules.append((pattern, [word.lower() for word in rule.get("keywords", ())], rule))

    def found(text: str) -> list[str]:
        lower, secrets = text.lower(), []
        for pattern, words, rule in rules:
            if words and not any(word in lower for word in words):
                continue
            for match in pattern.finditer(text):
                group = rule.get("secretGroup") or (1 if match.re.groups else 0)
                secret = match[group] or match[0]
                if _entropy(secret) >= float(rule.get("entropy", 0)):
                    secrets.append(secret)
        return secrets

    return _judged(corpus_lines, found)


def _judged(corpus_lines: Sequence[Line], find: Callable[[str], list[str]]) -> Found:
    hits = total = alarms = clean = 0
    for line in corpus_lines:
        secrets = [one for one in find(line.text) if one]
        if not line.planted:
            clean += 1
            alarms += bool(secrets)
        for one in line.planted:
            total += 1
            hits += any(
                one.text in secret or (secret in one.text and len(secret) * 2 > len(one.text)) for secret in secrets
            )
    return Found(hits / max(1, total), 1000 * alarms / max(1, clean))


def _python(text: str) -> re.Pattern[str] | None:
    r"""A Go expression as Python reads it: flags in the middle are opened where they stand, ``\z`` is ``\Z``."""
    text = text.replace(r"\z", r"\Z")
    while (at := re.search(r"(?<!\\)\(\?i\)", text)) is not None:
        rest, level, end = text[at.end() :], 0, None
        for place, character in enumerate(rest):
            if character == "(" and rest[place - 1 : place] != "\\":
                level += 1
            elif character == ")" and rest[place - 1 : place] != "\\":
                level -= 1
                if level < 0:
                    end = place
                    break
        inner, after = (rest, "") if end is None else (rest[:end], rest[end:])
        text = f"{text[: at.start()]}(?i:{inner}){after}"
    try:
        return re.compile(text) if text else None
    except re.error:
        return None


def _entropy(text: str) -> float:
    return -sum(count / len(text) * log2(count / len(text)) for count in Counter(text).values()) if text else 0.0
