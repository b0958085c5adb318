"""The leak gate on a finished proposal, with what the siblings tell and nothing of how the proposal came about.

(spec, bindings, siblings' files, customers) -> what is code, what is shown, whose values are names -> leak.scan() -> leaks

The engine's own scan knows more of each value; this one sees what was added since, and what a person edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fde_api.primitive import PrimitiveSpec, Value
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import leak, sensitive
from fde_extraction.language import language, language_of
from fde_template.encoding import decode, encoding_of
from fde_template.words import words

_NOT_CODE: Final = ("string", "comment", "template")
_OWNED: Final = frozenset({"secretRef", "email", "host", "url"})


def leaks(
    spec: PrimitiveSpec,
    bindings: Mapping[str, Mapping[str, Value]],
    files: Iterable[tuple[str, bytes]],
    *,
    customers: Sequence[str],
    owners: Iterable[str],
) -> list[leak.Leak]:
    """Every leak in `spec`. `files`: the siblings' (path, bytes). `customers`: all names to keep out; `owners`: the siblings'."""
    theirs = {word for customer in customers for word in (*words(customer), _squeezed(customer))}
    constant = (segment.text for file in spec.template.files for segment in file.segments if segment.text)
    return leak.scan(
        spec,
        bindings,
        customers=customers,
        vocabulary=leak.vocabulary_of([code_of(path, data) for path, data in files]),
        shown=frozenset(word for text in constant for word in words(text)) - theirs,
        owned=_owned(spec, bindings, customers),
        shared=len({_squeezed(owner) for owner in owners}) >= MIN_CUSTOMERS,
    )


def code_of(path: str, data: bytes) -> list[str]:
    """The texts of a file's code: what is in no string, comment or template."""
    tree = language(language_of(path)).parse(decode(data, encoding_of(data)), path)
    return [leaf.text for leaf in tree.leaves() if not any(mark in leaf.place for mark in _NOT_CODE)]


def _owned(
    spec: PrimitiveSpec, bindings: Mapping[str, Mapping[str, Value]], customers: Sequence[str]
) -> frozenset[str]:
    """Parameters that hold a customer's or person's name: by type, by what they are called, or because they spell one."""
    names = {_squeezed(customer) for customer in customers}
    spelled = {
        name
        for bound in bindings.values()
        for name, value in bound.items()
        if names & set(map(_squeezed, _texts(value)))
    }
    return frozenset(
        parameter.name
        for parameter in spec.parameters
        if parameter.type in _OWNED or sensitive.PARTY & set(words(parameter.name)) or parameter.name in spelled
    )


def _texts(value: Value) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        yield from map(str, item.values()) if isinstance(item, dict) else (str(item),)


def _squeezed(text: str) -> str:
    return "".join(words(text)) or text
