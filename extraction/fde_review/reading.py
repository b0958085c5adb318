"""The reading view's subset of Jinja, read back: holes, optional blocks, alternatives, repeats; anything else is refused.

text -> read() -> Reading(nodes, line of each hole) -> fde_review.view gives the holes their places
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from fde_api.primitive import Each, Hole, When
from fde_events.errors import BadInput
from fde_template.filters import FILTERS
from fde_template.structure import MAX_DEPTH, Literal, Node, Optional, Repeat

_OPENER: Final = re.compile(r"\{(?=[{%#])")
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_BLANK: Final = re.compile(r"\s+")
_NAME: Final = r"[a-z][A-Za-z0-9]*"
_STRING: Final = r"\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*'"
_VALUE: Final = re.compile(
    rf"\{{\{{\s*(?:(?P<text>'\{{')|(?P<name>{_NAME})(?:\.(?P<field>{_NAME}))?(?P<filters>(?:\s*\|\s*[a-z-]+)*))\s*\}}\}}"
)
_TAG: Final = re.compile(rf"\{{%(?P<plus>\+?)\s*(?P<body>(?:{_STRING}|[^%\"'\r\n]|%(?!\}}))*?)\s*(?P<stay>\+?)%\}}")
_CONDITION: Final = re.compile(
    rf"(?P<word>if|elif)\s+(?:(?P<not>not)\s+)?(?P<name>{_NAME})(?:\.(?P<field>{_NAME}))?"
    rf"(?:\s*==\s*(?P<equals>{_STRING}))?"
)
_FOR: Final = re.compile(rf"for\s+(?P<item>{_NAME})\s+in\s+(?P<name>{_NAME})")
_BETWEEN: Final = re.compile(r"if\s+not\s+loop\.last")
_SUBSET: Final = (
    'a template takes {{ name | filter }}, {% if flag %}, {% if choice == "value" %} with elif, else and endif, '
    "{% for item in list %} with {% if not loop.last %} before endfor, and {{ '{' }} for a bracket"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """`nodes` whose holes have the place ``#n``: number n in order of the text; `lines`: where each of them stands.

    `named`: whatever names a parameter, with its line, and whether the name is an item's.
    """

    nodes: tuple[Node, ...]
    lines: tuple[int, ...]
    named: tuple[tuple[int, Hole | When | Each, bool], ...]


@dataclass(slots=True)
class _Block:
    """A block that is open. `kind`: file, if, for or between."""

    kind: str
    line: int
    when: When | None = None
    each: Each | None = None
    item: str = ""
    nodes: list[Node] = field(default_factory=list)
    done: list[Node] = field(default_factory=list)  # alternatives that are closed
    between: tuple[Node, ...] | None = None
    is_last: bool = False  # after an else


def read(path: str, text: str) -> Reading:
    """What an edited view says. :class:`BadInput` with the line for what the subset does not have."""
    return _Reader(path, text).read()


class _Reader:
    """One pass over the text; open blocks on a stack."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.at, self.line = 0, 1
        self.literal: list[str] = []
        self.open = [_Block("file", 1)]
        self.lines: list[int] = []
        self.named: list[tuple[int, Hole | When | Each, bool]] = []

    def read(self) -> Reading:
        while (opener := _OPENER.search(self.text, self.at)) is not None:
            self._literal(opener.start())
            if self.text.startswith("{%", self.at):
                self._tag()
            else:
                self._value()
        self._literal(len(self.text))
        self._close_literal()
        if len(self.open) > 1:
            block = self.open[-1]
            raise self._refused(f"this {'if' if block.kind == 'between' else block.kind} is not closed", block.line)
        return Reading(tuple(self.open[0].nodes), tuple(self.lines), tuple(self.named))

    def _value(self) -> None:
        found = _VALUE.match(self.text, self.at)
        if found is None:
            what = (
                "comments are not kept"
                if self.text.startswith("{#", self.at)
                else "this is neither a hole nor a bracket"
            )
            raise self._refused(f"{what}: {_SUBSET}")
        if found["text"]:
            self.literal.append("{")
        else:
            filters = tuple(part.strip() for part in found["filters"].split("|") if part.strip())
            if unknown := [name for name in filters if name not in FILTERS]:
                raise self._refused(f"filter {unknown[0]!r} is not known; known are {', '.join(FILTERS)}")
            self._close_literal()
            name, of, is_item = self._resolved(found["name"], found["field"])
            hole = Hole(parameter=name, field=of, place=f"#{len(self.lines)}", filters=filters)
            self._here().append(hole)
            self.lines.append(self.line)
            self.named.append((self.line, hole, is_item))
        self._move(found.end())

    def _tag(self) -> None:
        found = _TAG.match(self.text, self.at)
        if found is None or found["body"].startswith("-") or found["body"].endswith("-"):
            why = (
                "white space control with - is not kept" if found is not None else "this tag is not closed on its line"
            )
            raise self._refused(f"{why}: {_SUBSET}")
        if not found["plus"]:
            self._strip_indentation()
        self._close_literal()
        body = found["body"]
        if body == "endif":
            self._end("if", "between")
        elif body == "endfor":
            self._end("for")
        elif body == "else":
            self._alternative(None)
        elif _BETWEEN.fullmatch(body):
            block = self.open[-1]
            if block.kind != "for" or block.between is not None:
                raise self._refused("`not loop.last` stands once in a for, directly before its endfor")
            self.open.append(_Block("between", self.line))
        elif (loop := _FOR.fullmatch(body)) is not None:
            self._for(loop["name"], loop["item"])
        elif (condition := _CONDITION.fullmatch(body)) is not None:
            self._condition(condition)
        else:
            raise self._refused(f"{{% {body} %}} is not known here: {_SUBSET}")
        self._move(found.end())
        after = None if found["stay"] else _BREAK.match(self.text, self.at)
        if after is not None:
            self._move(after.end())

    def _for(self, name: str, item: str) -> None:
        if any(block.kind == "for" for block in self.open):
            raise self._refused("a for stands inside a for: a repeat holds none")
        if item in ("loop", name):
            raise self._refused(f"the item of a list cannot be called {item}")
        each = Each(parameter=name)
        self.named.append((self.line, each, False))
        self._push(_Block("for", self.line, each=each, item=item))

    def _condition(self, found: re.Match[str]) -> None:
        equals = "true"
        if found["not"] and found["equals"]:
            raise self._refused("`not` stands before a flag only; a choice is compared with one value")
        if found["not"]:
            equals = "false"
        elif found["equals"]:
            equals = self._string(found["equals"])
        name, of, is_item = self._resolved(found["name"], found["field"])
        try:
            when = When(parameter=name, field=of, equals=equals)
        except ValueError as error:
            raise self._refused(str(error)) from error
        self.named.append((self.line, when, is_item))
        if found["word"] == "if":
            self._push(_Block("if", self.line, when=when))
        else:
            self._alternative(when)

    def _alternative(self, when: When | None) -> None:
        """The next branch: an elif's, or with None the other one of a flag."""
        block = self.open[-1]
        if block.kind != "if" or block.is_last or block.when is None:
            raise self._refused("this stands outside an if, or after its else")
        first = block.done[0].when if block.done and isinstance(block.done[0], Optional) else block.when
        if when is None:
            if block.done or block.when.equals not in ("true", "false"):
                raise self._refused('else stands with a flag only; name the other value: {% elif choice == "value" %}')
            when = When(
                parameter=block.when.parameter,
                field=block.when.field,
                equals="false" if block.when.equals == "true" else "true",
            )
            block.is_last = True
        elif (when.parameter, when.field) != (first.parameter, first.field):
            raise self._refused("elif asks for another parameter than its if: close the if and begin another one")
        elif when.equals in [one.when.equals for one in block.done if isinstance(one, Optional)] + [block.when.equals]:
            raise self._refused(f"the value {when.equals} has its block in this if already")
        block.done.append(Optional(block.when, tuple(block.nodes)))
        block.when, block.nodes = when, []

    def _end(self, *kinds: str) -> None:
        block = self.open[-1]
        if block.kind not in kinds:
            opened = f"the {block.kind} of line {block.line} is open" if block.kind != "file" else "nothing is open"
            raise self._refused(f"this closes nothing: {opened}")
        self.open.pop()
        if block.kind == "between":
            self.open[-1].between = tuple(block.nodes)
        elif block.each is not None:
            self._here().append(Repeat(block.each, tuple(block.nodes), block.between or ()))
        elif block.when is not None:
            self._here().extend((*block.done, Optional(block.when, tuple(block.nodes))))

    def _resolved(self, name: str, of: str | None) -> tuple[str, str, bool]:
        """(parameter, field, whether it is an item's) of a name here; an item is known by the for that it stands in."""
        loop = next((block for block in self.open if block.kind == "for"), None)
        if loop is not None and loop.each is not None and name == loop.item:
            return loop.each.parameter, of or "", True
        if of:
            raise self._refused(f"{name}.{of}: only the item of a for has fields, and {name} is none here")
        if loop is not None and loop.each is not None and name == loop.each.parameter:
            raise self._refused(f"inside the for its item stands, {loop.item}, not the list {name}")
        return name, "", False

    def _here(self) -> list[Node]:
        block = self.open[-1]
        if block.between is not None:
            raise self._refused("what stands between two items comes last, directly before endfor")
        return block.nodes

    def _push(self, block: _Block) -> None:
        self._here()
        if len(self.open) > MAX_DEPTH:
            raise self._refused(f"blocks nest deeper than {MAX_DEPTH}")
        self.open.append(block)

    def _string(self, text: str) -> str:
        inner = text[1:-1].replace("\\'", "'") if text[0] == "'" else text[1:-1]
        try:
            return str(json.loads('"' + (inner.replace('"', '\\"') if text[0] == "'" else inner) + '"'))
        except ValueError as error:
            raise self._refused(f"this text has an escape that is not known: {error}") from error

    def _literal(self, stop: int) -> None:
        self.literal.append(self.text[self.at : stop])
        self._move(stop)

    def _strip_indentation(self) -> None:
        start = max(self.text.rfind(mark, 0, self.at) for mark in "\r\n") + 1
        if _BLANK.fullmatch(self.text, start, self.at):
            joined = "".join(self.literal)
            self.literal = [joined[: len(joined) - (self.at - start)]]

    def _close_literal(self) -> None:
        joined = "".join(self.literal)
        self.literal = []
        if joined:
            self._here().append(Literal(joined))

    def _move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def _refused(self, why: str, line: int | None = None) -> BadInput:
        return BadInput(self.path, why, line=self.line if line is None else line)
