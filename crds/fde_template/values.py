"""Values by type: what a parameter takes, whatever place it goes to.

A value arrives as text or as a YAML scalar, a list's as a list of them or of records; :func:`text_of` and :func:`items_of`
give the texts that filters and places work on. A refusal names parameter, item (counted from 1) and field, never a value.

JSON has one kind of number: the API server gives ``1.0`` back as ``1``. A *number* for a float parameter therefore renders
as Python spells the float (``1`` and ``1.0`` both as ``1.0``), a *text* as it is; :func:`typed` gives a number only where
that spelling is the text's, and every integral one as text, so that no reader in between can change it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from fde_api.primitive import Field, Parameter, Scalar
from fde_template.errors import RenderRefused

_HOST: Final = re.compile(
    r"(?=.{1,253}(:|$))[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?"
)
_RULES: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "int": (re.compile(r"[-+]?\d+(_\d+)*"), "a whole number"),
    "float": (re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?"), "a number"),
    "duration": (re.compile(r"[-+]?\d[\d_]*(\.\d+)?\s*([a-zA-Zµ]{1,12})?"), "a duration such as 30 or 15m"),
    "host": (_HOST, "a host name or address, with an optional port"),
    "url": (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`<>\\]+"), "a URL with a scheme"),
    "email": (re.compile(r"[^\s@\"'`<>\\,;]+@[A-Za-z0-9][A-Za-z0-9.-]*"), "an e-mail address"),
    "identifier": (re.compile(r"[^\W][\w$#@ .-]*"), "an identifier: letters, digits and separators"),
}


Record = Mapping[str, str]
"""One item's texts by field; an item that is a scalar has one field, named ``""``."""


def label(parameter: str, item: int | None = None, field: str = "") -> str:
    """How a message calls a value: ``parameter columns, item 2, field type``. `item` counts from 0."""
    return (
        f"parameter {parameter}"
        + ("" if item is None else f", item {item + 1}")
        + (f", field {field}" if field else "")
    )


def text_of(parameter: Parameter, value: object) -> str:
    """The text of `value` for `parameter`; :class:`RenderRefused` names the parameter and what it takes."""
    return _checked(parameter, value, parameter.name, label(parameter.name))


def items_of(parameter: Parameter, value: object) -> tuple[Record, ...]:
    """The texts of the items of `value` for a list parameter, none for an empty one.

    A field that the schema does not have is refused here; one that an item does not have only where it would stand.
    """
    name = parameter.name
    if not isinstance(value, (list, tuple)):
        raise RenderRefused(f"parameter {name}: takes a list, not {type(value).__name__}", name)
    declared = {field.name: field for field in parameter.fields}
    found = []
    for number, item in enumerate(value):
        if "" in declared:
            found.append({"": _checked(declared[""], item, name, label(name, number))})
            continue
        if not isinstance(item, Mapping):
            fields = ", ".join(declared)
            raise RenderRefused(f"{label(name, number)}: takes a record of {fields}, not {type(item).__name__}", name)
        for key in item:
            if key not in declared:
                known = ", ".join(declared)
                raise RenderRefused(f"{label(name, number, str(key))}: is not known; known are {known}", name)
        found.append(
            {key: _checked(declared[key], given, name, label(name, number, key)) for key, given in item.items()}
        )
    return tuple(found)


def _checked(kind: Parameter | Field, value: object, name: str, called: str) -> str:
    """`value` as text. `name`: the parameter that a refusal blames; `called`: how its message names the value."""
    if not isinstance(value, (str, int, float)):
        raise RenderRefused(f"{called}: takes one {kind.type}, not {type(value).__name__}", name)
    try:
        text = _bool(kind, value) if kind.type == "bool" else _plain(kind, value)
        if kind.allowed_values and text not in allowed(kind):
            raise _Unfit(f"is not one of the allowed values ({', '.join(allowed(kind))})")
        _within(kind, text)
    except _Unfit as why:
        raise RenderRefused(f"{called}: {why}", name) from None
    return text


def allowed(kind: Parameter | Field) -> tuple[str, ...]:
    """The texts of the allowed values, in the schema's order; those of a bool are its two. Empty: any."""
    if kind.type == "bool" and not kind.allowed_values:
        return ("true", "false")
    return tuple(_spelled(kind, value) for value in kind.allowed_values)


class _Unfit(Exception):
    """What is wrong with a value, before it is known whose it is."""


def _within(kind: Parameter | Field, text: str) -> None:
    """Whether a number is in its range. Decimal: a float would take the digits of a great number away."""
    if kind.minimum is None and kind.maximum is None:
        return
    low, high = kind.minimum, kind.maximum
    number = Decimal(text.replace("_", ""))
    if (low is not None and number < Decimal(repr(low))) or (high is not None and number > Decimal(repr(high))):
        ends = [("at least", low), ("at most", high)]
        said = [f"{word} {int(end) if end.is_integer() else end!r}" for word, end in ends if end is not None]
        raise _Unfit(f"takes a number of {' and '.join(said)}")


def _plain(kind: Parameter | Field, value: Scalar) -> str:
    text = _spelled(kind, value)
    if isinstance(value, bool):
        raise _Unfit(f"takes {kind.type}, not true or false (quote the word)")
    rule = _RULES.get(kind.type)
    if rule is not None and not rule[0].fullmatch(text):
        raise _Unfit(f"takes {rule[1]}")
    return text


def _bool(kind: Parameter | Field, value: Scalar) -> str:
    text = _spelled(kind, value).lower()
    if text not in ("true", "false"):
        raise _Unfit("takes true or false")
    return text


def _spelled(kind: Parameter | Field, value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind.type == "float" and isinstance(value, int):
        try:
            return repr(float(value))
        except OverflowError as error:
            raise _Unfit("takes a number that a float can hold") from error
    return value if isinstance(value, str) else repr(value)


def typed(parameter: Parameter | Field, text: str) -> Scalar:
    """The YAML scalar for `text`, only where it comes back as the same text: ``007``, ``0.10`` and ``1.0`` stay text."""
    if parameter.type == "bool" and text in ("true", "false"):
        return text == "true"
    if parameter.type in ("int", "duration") and re.fullmatch(r"0|-?[1-9]\d{0,17}", text):
        return int(text)
    if parameter.type == "float" and re.fullmatch(r"-?\d{1,16}\.\d+", text) and repr(float(text)) == text:
        return text if float(text).is_integer() else float(text)
    return text


def fits_type(kind: str, text: str) -> bool:
    """Whether `text` could be a value of type `kind`."""
    if kind == "bool":
        return text.lower() in ("true", "false")
    rule = _RULES.get(kind)
    return rule is None or rule[0].fullmatch(text) is not None


def takes(kind: Parameter | Field, text: str) -> bool:
    """Whether `text` is a value of `kind` as it is: allowed where values are listed, and spelled as rendering spells it."""
    try:
        return _checked(kind, text, kind.name, kind.name) == text
    except RenderRefused:
        return False
