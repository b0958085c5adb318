"""Awaited: a value whose name stood on a line before, as manifests and pretty-printed dumps have it.

`- name: DB_PASSWORD` / `value: X`; `<key>password</key>` / `<string>X</string>`; `password: |` / an indented block

line -> Awaited.line() -> the line with its value replaced
"""

from __future__ import annotations

import re
from typing import Final

from fde_sidecar.names import Named, named
from fde_sidecar.rule import TOKEN
from fde_sidecar.values import drawn, is_value, masked

_PATIENCE: Final = 2  # lines between a name and its value
_BLOCK: Final = 60  # lines of a block
_TAIL: Final = 120  # a line that promises a value ends with its name
_ENDS: Final = ("}", ".", ")", ";")
_WORDS: Final = ("name", "key", "Name", "Key", "NAME", "KEY", "|", ">", "=>")
_NAMED: Final = re.compile(
    r"(?:(?:^|[\s{,(\[-])[\"']?(?:\w{0,20}(?:[Nn]ame|[Kk]ey)|NAME|KEY)[\"']?\s{0,3}[:=]\s{0,9}[\"']?(?P<name>[\w./-]{2,80})[\"']?,?"
    r"|\[[\"']?(?P<member>[\w./-]{2,80})[\"']?\]\s?=>"
    r"|<(?P<tag>key|name|string)>(?P<tagged>[\w./-]{2,80})</(?P=tag)>)\s*$"
)
_OPENED: Final = re.compile(
    r"^(?P<indent>\s*)(?:-\s{1,3})?[\"']?(?P<name>[\w./-]{2,80})[\"']?\s?:\s{1,3}[|>][+-]?\d?\s*$"
)
_ELEMENT: Final = re.compile(r"<(?:\w{1,20}:)?(?P<name>[\w.-]{2,60})(?:\s[^<>]*)?>\s*$")
_VALUE: Final = re.compile(
    r"(?:(?:^|[\s{,(\[-])[\"']?\w{0,20}(?:[Vv]alue|VALUE|[Cc]ontent)[\"']?\s{0,3}[:=]\s{0,9}(?P<quote>[\"']?)(?P<value>[^\"']{3,4000}?)(?P=quote),?"
    r"|^\s*(?:string\(\d{1,6}\)\s)?[\"'](?P<dumped>[^\"']{3,4000})[\"']"
    r"|<(?P<tag>string|value|data)>\s*(?P<text>[^<>]{3,4000}?)\s*</(?P=tag)>)\s*$"
)
_PLAIN: Final = re.compile(TOKEN + r"\s*$")  # a placeholder of ours, or a tag that cannot be told from one


class Awaited:
    """What the lines so far promise of the next. One for a text."""

    def __init__(self) -> None:
        self._what: Named | None = None
        self._left = 0
        self._indent: int | None = None  # of the line that opened a block
        self._inner = False  # the next line is an element's text

    def line(self, line: str, found: list[str]) -> str:
        """`line`, its value replaced if one was awaited; what it says of the next is remembered."""
        clean = self._taken(line, found) if self._what is not None else line
        tail = line[-_TAIL:]
        if not tail.endswith(_ENDS):
            for word in _WORDS:
                if word in tail:
                    self._noted(line)
                    break
        return clean

    def _noted(self, line: str) -> None:
        tail = line[-_TAIL:]
        what, indent, inner = None, None, False
        if (seen := _NAMED.search(tail)) is not None:
            what = named(seen["name"] or seen["tagged"] or seen["member"])
        elif len(line) < 240 and (seen := _OPENED.match(line)) is not None:
            what, indent = named(seen["name"]), len(seen["indent"])
        elif len(line) < 240 and (seen := _ELEMENT.search(tail)) is not None and not _PLAIN.search(tail):
            what, inner = named(seen["name"]), True
        form = "form-data" in tail  # its value stands behind a blank line
        if what is not None:
            self._what, self._indent, self._inner = what, indent, inner or form
            self._left = _BLOCK if indent is not None else 1 if inner else _PATIENCE

    def _taken(self, line: str, found: list[str]) -> str:
        what = self._what
        assert what is not None
        self._left -= 1
        text = line.strip()
        if self._indent is not None:
            depth = len(line) - len(line.lstrip())
            if self._left <= 0 or (text and depth <= self._indent):
                self._what = None
                return line
            if not text or masked(text) or not is_value(text, quoted=True, assigned=True, kind="password"):
                return line
            found.append(what.kind)
            return line[:depth] + f"<{what.kind}>"
        if self._inner:
            if not text and self._left > 0:
                return line
            self._what = None
            if "<" in text or " " in text or not self._good(text, what):
                return line
            found.append(what.kind)
            return line.replace(text, f"<{what.kind}>", 1)
        seen = _VALUE.search(line)
        if seen is None:
            if self._left <= 0:
                self._what = None
            return line
        self._what = None
        group = next(one for one in ("text", "dumped", "value") if seen[one])
        if not self._good(seen[group], what):
            return line
        found.append(what.kind)
        return line[: seen.start(group)] + f"<{what.kind}>" + line[seen.end(group) :]

    @staticmethod
    def _good(value: str, what: Named) -> bool:
        if not what.sure and not drawn(value):
            return False
        return is_value(value.strip(), quoted=True, assigned=True, kind=what.kind)
