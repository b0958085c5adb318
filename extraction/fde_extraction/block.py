"""Block: what the code of an optional block brings in, which is what a reviewer calls its flag after.

parts -> fragments() -> constant text of each alternative -> introduced() -> words and the alternative they stand in

In this order: a function or class that the block defines and that is used elsewhere; what an SQL statement switches on; keys of
one family; a variable the block lives by; the one thing it imports. Only constants are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fde_extraction.candidate import empty
from fde_extraction.choice import Choice
from fde_extraction.drafted import Edge, Loop, Open, Part
from fde_extraction.label import words_of
from fde_extraction.slot import Slot, singular

Fragments = Mapping[int, Sequence[str]]
Words = tuple[str, ...]

_HOLE: Final = "\0"
_DEFINED: Final = re.compile(
    r"\b(?:def|function\*?|class)\s+([\w\0]+)|\bconst\s+([\w\0]+)\s*=\s*(?:async\s*)?\([^()]*\)\s*(?::[^=]+)?=>"
)
_VARIABLE: Final = re.compile(
    r"(?m)\b(?:const|let|var)\s+([A-Za-z_]\w*)|^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=[^=]|\.([A-Za-z_]\w*)\s*=[^=>]"
)
_KEY: Final = re.compile(r"['\"]([A-Za-z][\w.-]*)['\"]\s*:")
_IMPORTED: Final = re.compile(r"import\s*\{([^{}]*)\}|from\s+[\w.]+\s+import\s+([\w, ]+)")
_CONDITION: Final = re.compile(r"(?is)\s*(?:and|or)\s+([^;]*)")
_NEGATED: Final = re.compile(r"(?i)\bnot\b|<>|!=")
_ENABLED: Final = re.compile(r"(?i)\benable\s+([a-z]+(?:[ _][a-z]+){0,3})")
# Words that are ours, for what an SQL statement switches on.
SWITCHES: Final = frozenset("delete missing update on conflict exclude filter".split())
# What a function does to the thing that the flag is about.
_VERBS: Final = frozenset(
    "to with assert require ensure apply handle do run read write get set make build create load on use add is has maybe".split()
)
_KINDS: Final = frozenset("plugin middleware interceptor handler helper".split())


def fragments(files: Sequence[Sequence[Part]]) -> dict[Choice, dict[int, list[str]]]:
    """For each choice and each of its alternatives, the text of its blocks in order; a hole is one character."""
    found: dict[Choice, dict[int, list[str]]] = {}
    for parts in files:
        stack: list[Open | Loop] = []
        for part in parts:
            if isinstance(part, (Open, Loop)):
                stack.append(part)
                if isinstance(part, Open):
                    found.setdefault(part.choice, {}).setdefault(part.number, []).append("")
            elif isinstance(part, Edge):
                if part.mark == "end":
                    stack.pop()
            else:
                text = _HOLE if isinstance(part, Slot) else part
                for opened in stack:
                    if isinstance(opened, Open):
                        found[opened.choice][opened.number][-1] += text
    return found


def introduced(choice: Choice, written: Fragments) -> Iterator[tuple[Words, int]]:
    """What each alternative brings in, and its number, best first. Of two alternatives, what stands for true comes first."""
    order = sorted(written, key=lambda number: (number != choice.yes, number))
    for tell in (_defined, _switched, _keyed, _held, _imported):
        for number in order:
            if any(text.strip() for text in written[number]):
                for parts in tell(written[number]):
                    yield parts, number


def stem(word: str) -> str:
    """What trace, tracer, traced and tracing share; only for comparing."""
    for ending in ("ing", "ers", "ed", "er", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word[: -len(ending)]
    return word


def _thing(name: str) -> Words:
    parts = tuple(word for word in words_of(name.replace(_HOLE, " ")) if word.isalpha())
    if len(parts) > 1 and parts[0] in _VERBS:
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] in _KINDS:
        parts = parts[:-1]
    return parts if any(not empty(word) for word in parts) or any(word in _SAY for word in parts) else ()


_SAY: Final = frozenset("dlq tls ssl mfa ttl".split())  # short words that say all


def _defined(texts: Sequence[str]) -> Iterator[Words]:
    names = [(found[1] or found[2], index) for index, text in enumerate(texts) for found in _DEFINED.finditer(text)]
    used = [
        name
        for name, index in names
        if any(name in text for other, text in enumerate(texts) if other != index) or len(names) == 1
    ]
    for name in used:
        if parts := _thing(name):
            yield parts[:3]


def _switched(texts: Sequence[str]) -> Iterator[Words]:
    whole = " ".join(texts)
    if found := _ENABLED.search(whole):
        yield words_of(found[1])
    if re.search(r"(?i)\bnot\s+matched\s+by\s+source\b[^;]*\bdelete\b", whole):
        yield ("delete", "missing")
    if re.match(r"(?i)\s*(?:do\s+)?update\s+set\b[^;]*\bexcluded\.", whole):
        yield ("update", "on", "conflict")
    condition = _CONDITION.fullmatch(texts[0]) if len(texts) == 1 else None
    if condition and not re.search(r"(?i)\b(?:and|or|then|select)\b", condition[1]):
        yield ("exclude",) if _NEGATED.search(condition[1]) else ("filter",)


def _keyed(texts: Sequence[str]) -> Iterator[Words]:
    families = Counter((words_of(found[1]) or ("",))[0] for text in texts for found in _KEY.finditer(text))
    for word, times in families.most_common(1):
        if times > 1 and not empty(word) and 2 * times > sum(families.values()):
            yield (word,)


def _held(texts: Sequence[str]) -> Iterator[Words]:
    """A variable that is first set and used again in the block, or the one attribute that it sets."""
    whole = "\n".join(texts)
    if _DEFINED.search(whole):
        return
    for found in _VARIABLE.finditer(whole):
        name = found[1] or found[2] or found[3]
        if name.isupper():
            continue  # a setting of the block is one more parameter
        again = len(re.findall(rf"\b{name}\b", whole)) > 1
        parts = words_of(name)
        if (again or found[3]) and not empty(parts[0] if parts else ""):
            yield (*parts[:-1], singular(parts[-1])) if found[3] else parts[:3]
        return


def _imported(texts: Sequence[str]) -> Iterator[Words]:
    names = [
        name.strip()
        for text in texts
        for found in _IMPORTED.finditer(text)
        for name in (found[1] or found[2]).split(",")
        if name.strip()
    ]
    if len(names) == 1 and (words_of(names[0]) or ("",))[0] not in _VERBS and (parts := _thing(names[0])):
        yield parts[:3]
