"""What must not be published, looked for in what is: in any spelling, encoding or wrapping that a reader could undo.

(published text, its keys and scalars, forbidden strings) -> those that can be read in it
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus

from fde_cli.bench.abstraction.match import bare

_CODED: Final = re.compile(r"[A-Za-z0-9+/_=-]{12,}")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
SHORT: Final = 6  # letters; what is shorter must stand alone as a word
SQUEEZED: Final = 10  # letters and digits, from which on all punctuation may be left out
GZIP: Final = zlib.MAX_WBITS | 16


def readable(published: str, document: Any, forbidden: Sequence[str]) -> list[str]:
    """Those of `forbidden` that can be read in the text, or in a key or a scalar of the document."""
    texts = list(dict.fromkeys([published, *scalars(document)]))
    # Encoded text may be broken into lines.
    texts += [joined for text in texts if (joined := "".join(text.split())) != text and _CODED.fullmatch(joined)]
    texts += [hidden for text in list(texts) for hidden in decoded(text)]
    as_is = "\n\0\n".join(texts)
    folded, squeezed = as_is.lower(), "\0".join(map(bare, texts))
    return [one for one in forbidden if _shows(one, as_is, folded, squeezed)]


def _shows(one: str, as_is: str, folded: str, squeezed: str) -> bool:
    if any(_stands(spelling, folded) for spelling in spellings(one)) or any(c in as_is for c in base64_cores(one)):
        return True
    return len(bare(one)) >= SQUEEZED and bare(one) in squeezed


def _stands(spelling: str, folded: str) -> bool:
    if len(spelling) >= SHORT:
        return spelling in folded
    return re.search(rf"(?<![^\W_]){re.escape(spelling)}(?![^\W_])", folded) is not None


def spellings(text: str) -> set[str]:
    """In lower case: the text, escaped as in URLs, JSON and SQL, in hexadecimal, and with other separators of its words."""
    found = {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1], text.replace("'", "''")}
    found.add(text.encode().hex())
    words = _WORDS.findall(text)
    if len(words) > 1 and len("".join(words)) >= SHORT:
        found |= {separator.join(words) for separator in ("", "-", "_", ".", " ", "/")}
    return {one.lower() for one in found if len(one) >= 4}


def base64_cores(text: str) -> set[str]:
    """What base64 of anything with this text in it holds: the part that does not hang on its neighbours, at each alignment."""
    found = set()
    for spelled in {text, text.lower(), text.upper()} if len(text) >= SHORT else ():
        data = spelled.encode()
        for before in range(3):
            code = base64.b64encode(bytes(before) + data).decode()
            core = code[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
            if len(core) >= 8:
                found |= {core, core.translate(str.maketrans("+/", "-_"))}
    return found


def decoded(text: str) -> Iterator[str]:
    """Texts in base64 runs of `text`, also compressed before."""
    for run in _CODED.findall(text):
        body = run.strip("=").translate(str.maketrans("-_", "+/"))
        try:
            data = base64.b64decode(body + "=" * (-len(body) % 4))
        except binascii.Error:
            continue
        for plain in (data, _inflated(data, zlib.MAX_WBITS), _inflated(data, GZIP)):
            try:
                found = plain.decode()
            except UnicodeDecodeError:
                continue
            if found and ("\n" in found or found.isprintable()):
                yield found


def _inflated(data: bytes, window: int) -> bytes:
    try:
        return zlib.decompressobj(window).decompress(data, 1 << 20)
    except zlib.error:
        return b""


def scalars(node: Any) -> Iterator[str]:
    """Every key and scalar below `node`, as text."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from scalars(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from scalars(value)
    elif node is not None:
        yield str(node)
