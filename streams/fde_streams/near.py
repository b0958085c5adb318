"""Nearness of two signatures of one block: whether one fix would answer both although they are not equal.

An unknown signature's way: Signature -> outline_of() -> Near.nearest() -> join the group of that founder, or found one.

Wrong joins are far worse than missed ones, so the rule is strict: of two texts that join, all that differs is variable by
its *shape* (masked values, opaque names, names after a noun that is followed by names) or says nothing (articles, "please try
again", a request id at the end). A word that could be a state, a verb, a field, a code or a number never differs. What only
evidence can tell (a word that one customer alone says) is `fde_streams.cluster`'s.

Because of that, nearness within the index is an equivalence: what may not differ is the `key`, and the index is one look-up
by it. A million signatures of one block cost as much each as ten do, and groups do not hang on the order of arrival (but
for a sentence said with two codes and with none, and for one cut off before two others part).
`likeness` then asks that enough was shared (`THRESHOLD`), and `veto` says in a sentence why two may never meet.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from fde_events.signed import Signature
from fde_streams.wording import HOLE, MIN_CONTENT, OPPOSITE, Word, core, specific, words_of

RULES: Final = "near-v1"
THRESHOLD: Final = 0.7  # measured: docstring of likeness()
POSTING: Final = 32  # founders compared at most for one key; the smallest digests stay
CUT: Final = 16  # words of a text that say what it is about, if the rest of it was cut off
_PRIOR: Final = 0.75  # what an unequal pair must outweigh: two words in common are not much evidence
_ABSENT: Final = frozenset({"code", "type", "anchor"})  # what one client hands on and another keeps to itself

# What a part means when two signatures have it and it differs.
_SAID: Final = {
    "library": "two libraries that no catalogue knows",
    "cause": "different causes",
    "finding": "a validator found different things",
    "condition": "different conditions of the transport",
    "code": "different codes of the vendor",
    "status": "different HTTP statuses",
    "type": "different types of error",
    "place": "different places of applications' own code",
    "limit": "different limits",
    "operation": "different operations",
    "field": "different fields",
    "change": "different changes",
    "endpoint": "different endpoints",
    "metric": "different metrics",
    "direction": "different directions",
}


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a signature is compared. `words` are those of its text, placeholders as one token.

    `key` is equal for signatures that may be near (64 bits), None for one that can only be equal: it has no text, too
    short a text, or its words are an application's own. `stem` is the same of the first `CUT` words of a longer text: logs
    and clients cut messages at a length, and where they are cut hangs on the values in them.
    """

    digest: str
    block: str
    parts: tuple[tuple[str, str], ...]
    words: tuple[Word, ...]
    key: int | None
    stem: int | None

    def told(self, variables: frozenset[str]) -> Outline:
        """The outline with `variables` (words as `Word.norm`) as placeholders: evidence says that they vary."""
        words = tuple(Word(HOLE, "hole") if word.norm in variables else word for word in self.words)
        key, stem = _keys(self.block, self.parts, words)
        return replace(self, words=words, key=key, stem=stem)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Why two outlines are as like as they are. Words sorted; `score` 0..1."""

    score: float
    shared: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    same: tuple[str, ...]
    different: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For a person."""
        shared = ", ".join((*self.same, *self.shared)) or "nothing"
        apart = " / ".join(" ".join(words) or "nothing more" for words in (self.only_a, self.only_b))
        return f"{self.score:.2f}: both say {shared}; only one says {apart}"


def outline_of(signature: Signature) -> Outline:
    """The outline of a signature. Pure; microseconds per word of its text."""
    return outline(signature.digest, signature.block, signature.parts)


def outline(digest: str, block: str, parts: tuple[tuple[str, str], ...]) -> Outline:
    """The outline of a signature's digest, block and parts, where the rest of it is not at hand."""
    words = words_of(_text(parts), block.partition("/")[2])
    return Outline(digest, block, parts, words, *_keys(block, parts, words))


def _text(parts: tuple[tuple[str, str], ...]) -> str:
    return " ".join(value for name, value in parts if name == "text")


def _own(block: str, parts: tuple[tuple[str, str], ...]) -> bool:
    """Whether the words are an application's own: nothing says that another's equal-looking words mean the same."""
    owner = block.partition("/")[2]
    return owner == "application" or any(
        name == "place" or (name == "type" and value.lower() == owner) for name, value in parts
    )


def _keys(block: str, parts: tuple[tuple[str, str], ...], words: tuple[Word, ...]) -> tuple[int | None, int | None]:
    if _own(block, parts):
        return None, None
    said = core(words)
    if sum(word.kind == "content" for word in said) < MIN_CONTENT:
        return None, None
    left_out = _ABSENT | {"text"} if specific(said) >= MIN_CONTENT else {"text"}
    fixed = [f"{name}\x1e{value}" for name, value in parts if name not in left_out]
    whole = _hashed("whole", block, *fixed, *(word.norm for word in said))
    return whole, _hashed("stem", block, *fixed, *(word.norm for word in said[:CUT])) if len(said) > CUT else None


def _hashed(*texts: str) -> int:
    text = "\x1f".join((RULES, *texts))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _values(outline: Outline, name: str) -> tuple[str, ...]:
    return tuple(sorted(value for key, value in outline.parts if key == name))


def veto(a: Outline, b: Outline) -> str | None:
    """Why `a` and `b` may never be one group; None if nothing speaks against it (which alone is no reason for it).

    Symmetric up to the order of the words quoted in the sentence, which is sorted.
    """
    if a.parts == b.parts and a.block == b.block:
        return None
    if a.block != b.block:
        return f"different blocks: {_versus([a.block], [b.block])}"
    if _own(a.block, a.parts) or _own(b.block, b.parts):
        return "words of an application's own, and they differ"
    for name, reason in _SAID.items():
        ours, theirs = _values(a, name), _values(b, name)
        if ours and theirs and ours != theirs:
            return f"{reason}: {_versus(ours, theirs)}"
    return _veto_of_words(a, b)


def _veto_of_words(a: Outline, b: Outline) -> str | None:
    ours, theirs = core(a.words), core(b.words)
    if _is_cut(*sorted((ours, theirs), key=len)):
        return None
    mine, yours = Counter(ours), Counter(theirs)
    only_a, only_b = list((mine - yours).elements()), list((yours - mine).elements())
    for kind, reason in (("number", "a number that is no value"), ("code", "a code"), ("field", "a field or name")):
        left, right = ([word.norm for word in only if word.kind == kind] for only in (only_a, only_b))
        if left or right:
            return f"{reason} differs: {_versus(left, right)}"
    left, right = [word.norm for word in only_a], [word.norm for word in only_b]
    for word in sorted((*left, *right)):
        if word in OPPOSITE:
            return f"a word that turns the meaning: {_versus(left, right)}"
    if left or right:
        return f"different words: {_versus(left, right)}"
    if ours != theirs:
        return "the same words in another order"
    anchors = _values(a, "anchor"), _values(b, "anchor")
    if all(anchors) and anchors[0] != anchors[1]:
        return f"different places of the library: {_versus(*anchors)}"
    return None


def _is_cut(short: tuple[Word, ...], long: tuple[Word, ...]) -> bool:
    """Whether `short` is `long` cut off within a word: cut between two, it might be a sentence of its own."""
    last = len(short) - 1
    if last < CUT or short[:last] != long[:last] or not {short[last].kind, long[last].kind} <= {"content", "field"}:
        return False
    ends = [short[last].norm, long[last].norm]
    if len(short) == len(long):
        ends.sort(key=len)
    return ends[0] != ends[1] and ends[1].startswith(ends[0])


def _versus(a: tuple[str, ...] | list[str], b: tuple[str, ...] | list[str]) -> str:
    sides = sorted(" ".join(sorted(side)[:6])[:80] or "nothing" for side in (a, b))
    return " against ".join(sides)


def likeness(a: Outline, b: Outline) -> float:
    """How alike two outlines are, 0..1: the weight of what both say over the weight of all that is said.

    Symmetric; 1 for equal parts, less for any two others. Join needs `THRESHOLD` and no `veto`.

    Measured on all pairs of different signatures of one block that have a text and are not an application's own, with the
    vendor catalogue left out (labelled fleet and faults: 1 313 pairs, 226 of one challenge, 153 of these fields that differ):
    at .5 likeness alone has precision .969, at .65 and above 1.000; with vetoes and keys no wrong pair at any threshold, and
    recall .133 up to .7, .115 at .8. On Loghub's masked lines 30 of 31 joins are right (the other: "failure", "failures").
    """
    return likeness_parts(a, b).score


def likeness_parts(a: Outline, b: Outline) -> Likeness:
    """`likeness`, with what was shared and what not."""
    mine, yours = Counter(a.words), Counter(b.words)
    shared, only_a, only_b = mine & yours, mine - yours, yours - mine
    fixed_a = {part for part in a.parts if part[0] != "text"}
    fixed_b = {part for part in b.parts if part[0] != "text"}
    both, apart = fixed_a & fixed_b, fixed_a ^ fixed_b
    common = _weight(shared) + len(both)
    whole = common + _weight(only_a) + _weight(only_b) + len(apart) + _PRIOR
    return Likeness(
        score=1.0 if a.parts == b.parts and a.block == b.block else 0.0 if a.block != b.block else common / whole,
        shared=_listed(shared),
        only_a=_listed(only_a),
        only_b=_listed(only_b),
        same=tuple(sorted(f"{name} {value}" for name, value in both)),
        different=tuple(sorted(f"{name} {value}" for name, value in apart)),
    )


def _weight(words: Counter[Word]) -> float:
    # fsum is not needed: weights are few and exact in binary, so the sum does not hang on its order
    return sum(word.weight * count for word, count in words.items())


def _listed(words: Counter[Word]) -> tuple[str, ...]:
    return tuple(sorted(word.norm for word in words.elements() if word.kind not in ("stop", "hole")))


class Near:
    """Founders of groups by what may not differ. Memory: about 0.4 kB a founder beside the parts it is given.

    A group is represented by its founder alone, so nothing is joined by a chain. Signatures that can only be equal
    (`Outline.key` None) are not kept.
    """

    __slots__ = ("_founders", "_postings")

    def __init__(self) -> None:
        self._postings: dict[int, str | list[str]] = {}
        self._founders: dict[str, tuple[tuple[int, ...], str, tuple[tuple[str, str], ...]]] = {}  # keys, block, parts

    def __len__(self) -> int:
        return len(self._founders)

    def __contains__(self, digest: str) -> bool:
        return digest in self._founders

    def add(self, founder: Outline) -> None:
        """Make `founder` findable. Adding it again changes nothing."""
        if founder.key is None or founder.digest in self._founders:
            return
        keys = (founder.key,) if founder.stem is None else (founder.key, founder.stem)
        self._founders[founder.digest] = (keys, founder.block, founder.parts)
        for key in keys:
            held = self._postings.setdefault(key, founder.digest)
            if held == founder.digest:
                continue
            posting = [held] if isinstance(held, str) else held
            insort(posting, founder.digest)
            self._postings[key] = posting
            if len(posting) > POSTING:
                self._forget_unposted(posting.pop())

    def discard(self, digest: str) -> None:
        """Forget a founder, as when its group was merged into another. Unknown ones are none."""
        keys, _, _ = self._founders.pop(digest, ((), "", ()))
        for key in keys:
            held = self._postings.get(key)
            if held == digest or held == [digest]:
                del self._postings[key]
            elif isinstance(held, list) and digest in held:
                held.remove(digest)

    def nearest(self, unknown: Outline) -> tuple[str, float] | None:
        """Digest and likeness of the founder nearest to `unknown`, at least `THRESHOLD` and without veto; None if none is.

        Deterministic: among equally like ones the smallest digest, whatever the order they were added in.
        """
        ranked = self.all_near(unknown)
        return ranked[0] if ranked else None

    def all_near(self, unknown: Outline) -> list[tuple[str, float]]:
        """All founders that `unknown` could join, best first: for a caller whose cannot-links forbid the nearest.

        Those that say the same; only where there is none, those that one is cut from.
        """
        return self._found(unknown, unknown.key) or self._found(unknown, unknown.stem)

    def _found(self, unknown: Outline, key: int | None) -> list[tuple[str, float]]:
        held = None if key is None else self._postings.get(key)
        if held is None:
            return []
        found = []
        for digest in [held] if isinstance(held, str) else held:
            _, block, parts = self._founders[digest]
            known = outline(digest, block, parts)
            score = likeness(unknown, known)
            if score >= THRESHOLD and veto(unknown, known) is None:
                found.append((digest, score))
        return sorted(found, key=lambda near: (-near[1], near[0]))

    def _forget_unposted(self, digest: str) -> None:
        keys, _, _ = self._founders[digest]
        postings = (self._postings.get(key, ()) for key in keys)
        if not any(digest == posting or (isinstance(posting, list) and digest in posting) for posting in postings):
            del self._founders[digest]
