"""The words of a name, whatever its spelling: ``OrderShipped``, ``order_shipped`` and ``Order Shipped`` are the same two.

value -> words() -> spelled by a filter
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=16384)
def words(text: str) -> tuple[str, ...]:
    """Lower-case words of `text`. Digits stay with the letters before them (``sha256`` is one word)."""
    return tuple(piece.lower() for piece in pieces(text))


def pieces(text: str) -> list[str]:
    """The words of `text` as they are spelled, separators left out."""
    return [text[start:end] for start, end in spans(text)]


@lru_cache(maxsize=16384)
def spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where the words of `text` stand: ``HTTPServer2_new`` is ``HTTP``, ``Server2``, ``new``."""
    found: list[tuple[int, int]] = []
    at, size = 0, len(text)
    while at < size:
        if not text[at].isalnum():
            at += 1
            continue
        end = at + 1
        if text[at].isupper():
            while end < size and text[end].isupper():
                end += 1
            # An acronym gives its last letter to the capitalised word that follows: HTTPServer.
            if end - at > 1 and end < size and _lower(text[end]):
                end -= 1
            elif end - at == 1:
                end = _run_of_lower(text, end)
        else:
            end = _run_of_lower(text, end)
        while end < size and text[end].isdigit():
            end += 1
        found.append((at, end))
        at = end
    return tuple(found)


def _lower(char: str) -> bool:
    return char.isalpha() and not char.isupper()


def _run_of_lower(text: str, at: int) -> int:
    while at < len(text) and _lower(text[at]):
        at += 1
    return at
