"""Density clustering proposes merges of groups, periodically, over the blocks that changed. It never decides identity.

The groups' way: Snapshot -> families of like texts (hdbscan) -> what varies in a family, by evidence -> Proposal -> Delta.

hdbscan knows relative density only and merges what is merely similar (pair precision .31 on errors of deployments), so it
says which texts to *look at* together, no more. Within such a family a word is a variable when one customer alone says it and
enough customers fill the same place with words of their own (`FAMILY`); a state, a past tense, a code, a number or a quoted
name never is. With variables as placeholders two founders must read the same, have no veto and enough in common
(`fde_streams.near`). People's cannot-links win over all of it; their must-links need none of it.

Pure: the same snapshot gives the same proposals. `fde_streams.apart` runs it outside the event loop.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fde_streams.near import THRESHOLD, Outline, likeness, veto
from fde_streams.wording import HOLE, MIN_CONTENT, NAMING, OPPOSITE, Word, core, specific

FAMILY: Final = 5  # customers that fill a place with words of their own before those words are variables
NAMED_FAMILY: Final = 3  # the same at a place for names: after "queue", or where another text has a placeholder
MAX_BLOCK: Final = 5_000  # founders clustered at once: hdbscan's cost grows with the square
MAX_FAMILY: Final = 128  # groups compared with one another; the most said first, the rest when these are one
_DIMENSIONS: Final = 128
_PLACES: Final = 2  # places of a text that may vary
_FILLING: Final = 3  # words that fill one place
_RARE: Final = 1  # customers that say a variable's word


@dataclass(frozen=True, slots=True)
class Known:
    """A group as clustering sees it: its founder's outline, and the customers that said the founder's words."""

    group: str
    founder: Outline
    customers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All groups of the blocks that changed since the last run, and people's links between groups.

    Links are pairs of group ids in any order; pairs with an id that is not in `groups` are passed over.
    """

    groups: tuple[Known, ...]
    must: tuple[tuple[str, str], ...] = ()
    cannot: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two groups that one fix would answer: ids sorted, founders' digests in the same order.

    `score` is 0..1; `why` is for a person and quotes no word that fewer than `NAMED_FAMILY` customers say.
    """

    groups: tuple[str, str]
    founders: tuple[str, str]
    score: float
    why: str


def propose(snapshot: Snapshot) -> tuple[Proposal, ...]:
    """The merges that `snapshot` speaks for, sorted by groups. Joining along them closes no circle and crosses no cannot-link.

    Cost: hdbscan's for each block, at most `MAX_BLOCK` founders at once; see `cut` for what happens to larger ones.
    """
    links = _Links(snapshot)
    blocks: dict[str, list[Known]] = defaultdict(list)
    for known in sorted(links.known.values(), key=_rank):
        blocks[known.founder.block].append(known)
    found = [proposal for proposal in _demanded(links) if links.join(proposal)]
    for _, block in sorted(blocks.items()):
        found += [proposal for proposal in (*_equal(block), *_varied(block)) if links.join(proposal)]
    return tuple(sorted(found, key=lambda proposal: proposal.groups))


def _rank(known: Known) -> tuple[int, str, str]:
    return (-len(known.customers), known.founder.digest, known.group)


class _Links:
    """Groups joined so far, as sets, and the pairs that people keep apart."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.known = {known.group: known for known in snapshot.groups}
        self.must = sorted({(min(pair), max(pair)) for pair in snapshot.must})
        self._cannot = {(min(pair), max(pair)) for pair in snapshot.cannot}
        self._sets = {group: [group] for group in self.known}

    def join(self, proposal: Proposal) -> bool:
        """Whether the proposal brings two sets together that nobody keeps apart; they are one from then on."""
        ours, theirs = (self._sets[group] for group in proposal.groups)
        if ours is theirs or any((min(a, b), max(a, b)) in self._cannot for a in ours for b in theirs):
            return False
        ours.extend(theirs)
        for group in theirs:
            self._sets[group] = ours
        return True


def _proposal(a: Known, b: Known, score: float, why: str) -> Proposal:
    first, second = sorted((a, b), key=lambda known: known.group)
    return Proposal((first.group, second.group), (first.founder.digest, second.founder.digest), score, why)


def _demanded(links: _Links) -> Iterator[Proposal]:
    for a, b in links.must:
        ours, theirs = links.known.get(a), links.known.get(b)
        if a != b and ours is not None and theirs is not None and ours.founder.block == theirs.founder.block:
            yield _proposal(ours, theirs, 1.0, "a person said so")


def _equal(block: Sequence[Known]) -> Iterator[Proposal]:
    """Founders that are near without any evidence, as when a person's order or the order of arrival kept them apart."""
    keys: dict[int, list[Known]] = defaultdict(list)
    for known in block:
        if known.founder.key is not None:
            keys[known.founder.key].append(known)
    for _, family in sorted(keys.items()):
        yield from _agreed([(known, known.founder) for known in family], "what may not differ is equal")


def _agreed(family: Sequence[tuple[Known, Outline]], why: str) -> Iterator[Proposal]:
    """Pairs of the family with the most said one that speaks for them.

    Two are joined only if they have vetoes against the same others: a sentence without a code that is near to two codes
    belongs to neither, as far as is known.
    """
    family = family[:MAX_FAMILY]
    against = [
        frozenset(j for j, (_, other) in enumerate(family) if i != j and veto(outline, other) is not None)
        for i, (_, outline) in enumerate(family)
    ]
    speakers: dict[frozenset[int], tuple[Known, Outline]] = {}
    for (known, outline), vetoes in zip(family, against, strict=True):
        speaker, spoken = speakers.setdefault(vetoes, (known, outline))
        if speaker is known or veto(spoken, outline) is not None:
            continue
        score = likeness(spoken, outline)
        if score >= THRESHOLD:
            yield _proposal(speaker, known, score, f"{why} (likeness {score:.2f})")


# ---------------------------------------------------------------- what varies, by evidence


def _varied(block: Sequence[Known]) -> Iterator[Proposal]:
    eligible = [known for known in block if known.founder.key is not None]
    if len(frozenset[str]().union(*(known.customers for known in eligible))) < NAMED_FAMILY:
        return  # one noisy tenant says nothing about what varies between customers
    for part in cut(eligible):
        for family in families(part):
            yield from _of_family([part[index] for index in family])


def _of_family(family: Sequence[Known]) -> Iterator[Proposal]:
    said: dict[str, set[str]] = defaultdict(set)
    for known in family:
        for word in known.founder.words:
            said[word.norm] |= known.customers
    variables = frozenset(
        word.norm
        for known in family
        for word in known.founder.words
        if len(said[word.norm]) <= _RARE and _may_vary(word)
    )
    forms: dict[tuple[str, ...], list[tuple[Known, tuple[str, ...]]]] = defaultdict(list)
    for known in family:
        form, fillings = _form(known.founder.words, variables)
        varied = [filling for filling in fillings if filling != HOLE]
        if len(varied) <= _PLACES and all(filling.count(" ") < _FILLING for filling in varied):
            forms[form].append((known, fillings))
    for form, members in sorted(forms.items()):
        if len(members) > 1 and _fills(form, members):
            told = [(known, known.founder.told(variables)) for known, _ in members]
            customers = len(frozenset[str]().union(*(known.customers for known, _ in members)))
            if specific(core(told[0][1].words)) >= MIN_CONTENT:
                yield from _agreed(told, f"{customers} customers fill {HOLE} with words of their own: {' '.join(form)}")


def _may_vary(word: Word) -> bool:
    return (
        word.kind == "content"
        and word.norm not in OPPOSITE
        and word.norm not in NAMING
        and not word.norm.endswith(("ed", "ing", "ly", "ion", "able", "ible"))
    )


def _form(words: tuple[Word, ...], variables: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The text with a placeholder wherever it varies, and what fills each; a filling that was one already is a placeholder."""
    form: list[str] = []
    fillings: list[str] = []
    for word in words:
        if word.kind in ("stop", "lead"):
            continue
        if word.kind != "hole" and word.norm not in variables:
            form.append(word.norm)
        elif form and form[-1] == HOLE:
            fillings[-1] += f" {word.norm}"
        else:
            form.append(HOLE)
            fillings.append(word.norm)
    return tuple(form), tuple(fillings)


def _fills(form: tuple[str, ...], members: Sequence[tuple[Known, tuple[str, ...]]]) -> bool:
    """Whether every place that differs is filled by enough customers, each with words of its own."""
    places = [index for index, word in enumerate(form) if word == HOLE]
    for number, place in enumerate(places):
        fillings: dict[str, set[str]] = defaultdict(set)
        for known, filled in members:
            fillings[filled[number]] |= known.customers
        if len(fillings) == 1:
            continue
        named = HOLE in fillings or (place > 0 and form[place - 1] in NAMING)
        customers = set().union(*fillings.values())
        if len(customers) < (NAMED_FAMILY if named else FAMILY) or len(fillings) < NAMED_FAMILY:
            return False
    return True


# ---------------------------------------------------------------- families


def cut(block: Sequence[Known]) -> Iterator[Sequence[Known]]:
    """`block` in parts of at most `MAX_BLOCK`, so that texts which vary in a word stay together.

    A part has the same other parts of the signature and the same number of words; where that is not enough, the same words
    among those that `NAMED_FAMILY` customers say; where that is not enough either, the first `MAX_BLOCK` are looked at and
    the rest is left alone (their signatures stay groups, they are counted by the caller as they did not change).
    """
    if len(block) <= MAX_BLOCK:
        yield block
        return
    said: dict[str, set[str]] = defaultdict(set)
    for known in block:
        for word in known.founder.words:
            if len(said[word.norm]) < NAMED_FAMILY:
                said[word.norm] |= known.customers
    coarse: dict[tuple[Any, ...], list[Known]] = defaultdict(list)
    for known in block:
        fixed = tuple(part for part in known.founder.parts if part[0] != "text")
        coarse[fixed, len(core(known.founder.words))].append(known)
    for _, part in sorted(coarse.items()):
        if len(part) <= MAX_BLOCK:
            yield part
            continue
        fine: dict[tuple[str, ...], list[Known]] = defaultdict(list)
        for known in part:
            words = core(known.founder.words)
            fine[tuple(word.norm for word in words if len(said[word.norm]) >= NAMED_FAMILY)].append(known)
        for _, piece in sorted(fine.items()):
            yield piece[:MAX_BLOCK]


def families(part: Sequence[Known]) -> list[list[int]]:
    """Indices of like texts, by hdbscan over hashed words; what it calls noise is in no family."""
    if len(part) < NAMED_FAMILY:
        return []
    import numpy as np
    from hdbscan import HDBSCAN  # type: ignore[import-untyped]  # ships no types
    from sklearn.feature_extraction.text import HashingVectorizer  # type: ignore[import-untyped]  # ships no types

    hashing = HashingVectorizer(n_features=_DIMENSIONS, analyzer=_features, norm="l2")
    vectors = np.asarray(hashing.transform(known.founder for known in part).todense(), dtype=np.float64)
    model = HDBSCAN(
        min_cluster_size=NAMED_FAMILY,
        min_samples=1,
        allow_single_cluster=True,
        core_dist_n_jobs=1,
        approx_min_span_tree=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # equal vectors have no distance: hdbscan divides by it and goes on
        labels = model.fit_predict(vectors)
    found: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        if label >= 0:
            found[int(label)].append(index)
    return [found[label] for label in sorted(found)]


def _features(outline: Outline) -> Iterable[str]:
    return [word.norm for word in core(outline.words)] + [
        f"{name}={value}" for name, value in outline.parts if name != "text"
    ]
