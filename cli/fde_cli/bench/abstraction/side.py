"""A side of the comparison: whoever makes templates of siblings. The engine is one, the token diff the other.

siblings -> Side.abstract() -> Made (published text, parameters, bindings) -> render(), fit()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Refusal(Exception):
    """A side makes no template of these siblings, and says why. `too_little`: because they share too little."""

    def __init__(self, why: str, *, too_little: bool) -> None:
        super().__init__(why)
        self.too_little = too_little


@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter as it is published."""

    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()


class Made(Protocol):
    """What a side made of siblings."""

    @property
    def document(self) -> Any:
        """All that others would see: mappings, sequences and scalars."""
        ...

    @property
    def published(self) -> str:
        """The document as the text that is handed out."""
        ...

    @property
    def declared(self) -> Mapping[str, Declared]:
        """The parameters by name."""
        ...

    @property
    def bindings(self) -> Mapping[str, Mapping[str, Any]]:
        """A sibling's values, by the sibling's name."""
        ...

    def render(self, values: Mapping[str, Any]) -> bytes | None:
        """The file for these values; None when it is refused."""
        ...

    def fit(self, data: bytes) -> Mapping[str, Any] | None:
        """Values that are said to give `data` back; None when it is no instance."""
        ...


class Side(Protocol):
    """Makes templates."""

    @property
    def name(self) -> str:
        """Who this is, for a reader of the table."""
        ...

    def abstract(self, siblings: Sequence[tuple[str, bytes]], *, suffix: str, name: str) -> Made:
        """A template of (name of the sibling, bytes). :class:`Refusal` when there is none."""
        ...
