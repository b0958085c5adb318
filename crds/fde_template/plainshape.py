"""Shape of configuration: kinds of tokens, and the keys, maps and lists that the format's own parser reads in them.

(path, text) -> dialect -> kinds of tokens + skeleton by json, PyYAML or tomllib -> what two renderings must have in common

Prose has no structure to keep: what may stand in it is up to its places.
"""

from __future__ import annotations

import configparser
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from fde_template.dialect import Dialect, dialect_of
from fde_template.plaintoken import Token, tokens

Span = tuple[int, int]
MAX_PARSED: Final = 1 << 20  # characters; a longer file is judged by its tokens alone

_VALUES: Final = frozenset({"number", "bool", "word", "name", "line", "cell", "markup", "prose"})


def kinds(path: str, text: str, blocks: Sequence[Span]) -> list[str] | None:
    """What two renderings of one template share; None for prose. `blocks`: character spans that are left out."""
    dialect = dialect_of(path)
    if dialect.values == "prose":
        return None
    shown = [token for token in tokens(text, dialect) if not _hidden(token, blocks)]
    found = [kind for token in shown for kind in _kind(token)]
    return found if blocks else [*found, *_skeleton(dialect, text)]


def _hidden(token: Token, blocks: Sequence[Span]) -> bool:
    return any(start <= token.start and token.end <= end for start, end in blocks)


def _kind(token: Token) -> Iterator[str]:
    if token.kind in _VALUES:
        yield "value"
    elif token.kind == "string":
        yield "string" + token.text[: token.head]
    elif token.kind == "comment":
        yield "comment" + token.text[: token.head]
    elif token.kind == "tag":
        yield "tag" + token.text.split(None, 1)[0]
    else:
        yield token.text if token.kind == "punctuation" else token.kind


def _skeleton(dialect: Dialect, text: str) -> list[str]:
    read = _READERS.get(dialect.name)
    if read is None:
        return []
    if len(text) > MAX_PARSED:
        return ["too long"]
    try:
        return list(read(text.removeprefix("\ufeff")))
    except (ValueError, yaml.YAMLError, configparser.Error, RecursionError):
        return ["unparsed"]


def _json(text: str) -> Iterator[str]:
    return _walk(json.loads(text, object_pairs_hook=_Pairs))


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys."""


def _walk(value: object) -> Iterator[str]:
    """Maps, lists and scalars in order. Keys are not named, since they may be values; one that comes twice is told."""
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, _Mark):
            yield item
        elif isinstance(item, (_Pairs, Mapping)):
            pairs = list(item) if isinstance(item, _Pairs) else list(item.items())
            keys = [str(key) for key, _ in pairs]
            yield "{"
            stack.append(_Mark("}"))
            for number in range(len(pairs) - 1, -1, -1):
                stack += [pairs[number][1], _Mark("again" if keys[number] in keys[:number] else "key")]
        elif isinstance(item, list):
            yield "["
            stack.append(_Mark("]"))
            stack.extend(reversed(item))
        else:
            yield "scalar"


class _Mark(str):
    """A kind that waits among values."""

    __slots__ = ()


def _yaml(text: str) -> Iterator[str]:
    """Events, not objects: aliases are not followed, so a small file cannot become a large one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    around: list[_Collection] = []
    for event in yaml.parse(text, Loader=loader):
        inner = around[-1] if around else _Collection(None)
        match event:
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                around.pop()
                yield "end"
                if around:
                    around[-1].turn()
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                around.append(_Collection(set() if isinstance(event, yaml.MappingStartEvent) else None))
                yield _said(event)
            case yaml.ScalarEvent() if inner.keys is not None and inner.at_key:
                yield "again" if event.value in inner.keys else "key"
                inner.keys.add(event.value)
                inner.turn()
            case yaml.ScalarEvent() | yaml.AliasEvent():
                yield _said(event)
                inner.turn()
            case _:
                yield type(event).__name__


@dataclass(slots=True)
class _Collection:
    """A YAML map with the keys met, or a list (None). `at_key`: the next node of a map is a key."""

    keys: set[str] | None
    at_key: bool = True

    def turn(self) -> None:
        """Past one node."""
        self.at_key = not self.at_key


def _said(event: yaml.NodeEvent) -> str:
    anchor = "&" if event.anchor and not isinstance(event, yaml.AliasEvent) else ""
    return type(event).__name__ + anchor + str(getattr(event, "tag", None) or "")


def _toml(text: str) -> Iterator[str]:
    return _walk(tomllib.loads(text))


def _ini(text: str) -> Iterator[str]:
    parser = configparser.RawConfigParser(allow_no_value=True, inline_comment_prefixes=("#", ";"))
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError:
        parser.read_string("[section]\n" + text)  # .properties, and .conf of many programs
    for section in parser.sections():
        yield "section"
        yield from ("key" for _ in parser.options(section))


_READERS: Final[Mapping[str, Callable[[str], Iterator[str]]]] = {
    "json": _json, "yaml": _yaml, "toml": _toml, "ini": _ini,
}  # fmt: skip
