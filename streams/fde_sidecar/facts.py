"""Plain facts in an error's words: HTTP status and method, the server's address, the path. Nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fde_sidecar.vendors import is_reference

_URL: Final = re.compile(
    r"\b(?:https?|wss?)://(?:[^\s/@'\"]*@)?([A-Za-z0-9_.<>:-]+?)(?::\d+)?(?=[/\s?'\"#),;\]]|$)(/[^\s?'\"#),;\\]*)?"
)
_HOST: Final = re.compile(
    r"\bhost(?:name)?\s*[=:]\s*['\"]([\w.-]+)['\"]"
    r"|\b(?:ENOTFOUND|EAI_AGAIN|server at|connecting to|connect to|host name|resolve host(?:name)?:?)\s+['\"]?([A-Za-z][\w-]*(?:\.[\w-]+)+)"
)
# A literal that stands in whatever the expression beside it matches: looking for it costs a hundredth.
_HOST_HINTS: Final = ("host", "ENOTFOUND", "EAI_AGAIN", "server at", "connecting to", "connect to")
_PATH: Final = re.compile(r"\bwith url: (/[^\s?'\")]*)")
_METHOD: Final = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+['\"]?(?:https?:/)?/")
_STATUS_CLIENT: Final = re.compile(r"\b([45]\d\d) (?:Client|Server) Error\b")
_STATUS_QUOTED: Final = re.compile(r"\b(?:Client|Server) error '([45]\d\d)\b")
# The three words' first letters stand first, so that the search skips to them; `IGNORECASE` would look at every letter.
_STATUS_NAMED: Final = re.compile(
    r"[HhSsRr\u017f](?<!\w.)(?i:(?<=h)TTP(?:/\d(?:\.\d)?)?|(?<=h)TTP error|(?<=s)tatus(?:[ _-]?code)?|(?<=r)esponse code)['\"]?\s*[:=]?\s*['\"]?([1-5]\d\d)\b"
)
_STATUS_FIRST: Final = re.compile(r"(?:^|Error: |\n)['\"(]?([45]\d\d)[ )'\"]+(?=[A-Z{])")


_FIRST: Final = tuple("'\"(45")


@dataclass(frozen=True, slots=True)
class Facts:
    """What stood there plainly; None where it did not."""

    status: int | None = None
    method: str | None = None
    address: str | None = None
    path: str | None = None


def facts_of(text: str) -> Facts:
    """The first status, method, server and path named in `text`; links to documentation do not count."""
    address = path = None
    for url in _URL.finditer(text) if "://" in text else ():
        if not is_reference(url[1], url[2] or ""):
            address, path = url[1], url[2]
            break
    if address is None and any(hint in text for hint in _HOST_HINTS) and (host := _HOST.search(text)) is not None:
        address = host[1] or host[2]
    if path is None and "with url: /" in text and (target := _PATH.search(text)) is not None:
        path = target[1]
    verb = _METHOD.search(text)
    return Facts(_status(text), verb[1] if verb else None, address, path)


def _status(text: str) -> int | None:
    """The status in the first of the forms that is found."""
    found = (
        (_STATUS_CLIENT.search(text) if " Error" in text else None)
        or (_STATUS_QUOTED.search(text) if " error '" in text else None)
        or _STATUS_NAMED.search(text)
        or (_STATUS_FIRST.search(text) if text[:1] in _FIRST or "Error: " in text or "\n" in text else None)
    )
    return int(found[1]) if found else None


def split_url(url: str | None) -> tuple[str | None, str | None]:
    """Host and path of a URL field; (None, path) for a relative one."""
    if not url:
        return None, None
    if url.startswith("/"):
        return None, url.partition("?")[0]
    found = _URL.match(url)
    return (found[1], found[2]) if found else (None, None)
