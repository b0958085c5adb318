"""A mask, how masks run over a text, and how discriminators are kept out of their way.

The message's way: raw text -> plain() -> Held.out() -> apply_all(table) -> Held.back() -> masked text.

Most masks find nothing in most texts. What a mask needs (a character, a word, a literal) is looked up in sets made once a
run; its pattern runs where all of it is there. That changes the cost, never the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fde_events.token import TOKEN

DIGITS: Final = "0123456789"
ANY_TOKEN: Final = re.compile(r"<[a-z][a-z0-9-]{0,30}>")
_WORD: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Mask:
    """One kind of variable text. `why` it varies; `misses` is what it is known to leave or to take wrongly.

    What stands in every text that `pattern` can match: of each of `needs` one character, one of `words` (lower case, ASCII,
    as they stand between other characters), one of `literals`. Characters and words do not stand in tokens, literals may.
    What the groups ``lead`` and ``tail`` matched stays beside the token. `keep` says which matches are left as they are.
    """

    name: str
    pattern: re.Pattern[str]
    why: str
    misses: str
    needs: tuple[str, ...] = (DIGITS,)
    keep: Callable[[re.Match[str]], bool] | None = None
    words: frozenset[str] = frozenset()
    literals: tuple[str, ...] = ()
    _written: str = field(init=False, default="")

    def __post_init__(self) -> None:
        groups = self.pattern.groupindex
        lead, tail = (rf"\g<{name}>" if name in groups else "" for name in ("lead", "tail"))
        object.__setattr__(self, "_written", f"{lead}<{self.name}>{tail}")

    def apply(self, text: str) -> tuple[str, bool]:
        """`text` with every occurrence replaced, and whether there was one."""
        keep = self.keep
        if keep is None:
            text, hits = self.pattern.subn(self._written, text)
            return text, hits > 0
        hit = False

        def replace(found: re.Match[str]) -> str:
            nonlocal hit
            if keep(found):
                return found.group()
            hit = True
            return found.expand(self._written)

        return self.pattern.sub(replace, text), hit


def apply_all(masks: Iterable[Mask], text: str, names: set[str]) -> str:
    """`text` under each of `masks` that can match, in order; adds the names of those that hit to `names`."""
    bare = ANY_TOKEN.sub(" ", text) if "<" in text else text
    characters = set(bare)
    if not bare.isascii() and any(character.isdigit() for character in characters):
        characters.add("0")  # a digit of another script is a digit to a pattern
    said: set[str] | None = None
    for mask in masks:
        if mask.words:
            if said is None:
                said = set(_WORD.findall(bare.lower()))
            if said.isdisjoint(mask.words):
                continue
        if mask.literals and not any(literal in text for literal in mask.literals):
            continue
        for need in mask.needs:
            if characters.isdisjoint(need):
                break
        else:
            text, hit = mask.apply(text)
            if hit:
                names.add(mask.name)
    return text


_PLAIN_TOKEN: Final = re.compile(r"<([a-z][a-z0-9-]{0,30}):[0-9a-f]{8,16}>")
_HELD: Final = re.compile("\ue000([\ue100-\ue8ff])\ue001")
HELD_CODE: Final = re.compile("\ue000[\ue100-\ue8ff]\ue001(?: [A-Z][A-Za-z ]+)?")
_MAY_BE_CODE: Final = re.compile(r"[1-5](?<!\w.)\d\d(?!\w)|Errno|SQLSTATE|[A-Z]-?\d{3}|DB2")


class Held:
    """Discriminators, cut out of a text while masks run over it: `out` cuts, `back` puts them where they were.

    `codes` are numbers of three digits, or start with a capital; each of `names` has an underscore in it.
    """

    def __init__(self, codes: re.Pattern[str], names: re.Pattern[str]) -> None:
        self._codes, self._names, self._texts = codes, names, list[str]()

    def out(self, text: str) -> str:
        """`text` with each discriminator as one character that no mask reads; the first 1 792 of them."""
        if "_" in text:
            text = self._names.sub(self._hold, text)
        return self._codes.sub(self._hold, text) if _MAY_BE_CODE.search(text) else text

    def back(self, text: str) -> str:
        """`text` with the discriminators that are still in it."""
        texts = self._texts
        return _HELD.sub(lambda found: texts[ord(found.group(1)) - 0xE100], text) if texts else text

    def _hold(self, found: re.Match[str]) -> str:
        if len(self._texts) >= 0x700:
            return found.group()
        self._texts.append(found.group())
        return f"\ue000{chr(0xE100 + len(self._texts) - 1)}\ue001"


def plain(text: str, names: set[str]) -> str:
    """`text` with redaction's tokens without their hashes; their kinds are added to `names`."""
    if "<" in text:
        names.update(found.group(1) for found in TOKEN.finditer(text))
        text = _PLAIN_TOKEN.sub(r"<\1>", text).replace(
            "+<phone>", "<phone>"
        )  # its sign stays, as the number's does not
    return text if text.isascii() else text.replace("\ue000", " ").replace("\ue001", " ")
