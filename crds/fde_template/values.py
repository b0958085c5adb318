"""Values by type: what a parameter takes, whatever place it goes to.

A value arrives as text or as a YAML scalar; :func:`text_of` gives the text that filters and places work on.

JSON has one kind of number: the API server gives ``1.0`` back as ``1``. A *number* for a float parameter therefore renders
as Python spells the float (``1`` and ``1.0`` both as ``1.0``), a *text* as it is; :func:`typed` gives a number only where
that spelling is the text's, and every integral one as text, so that no reader in between can change it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fde_api.primitive import Parameter, Scalar
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


def text_of(parameter: Parameter, value: object) -> str:
    """The text of `value` for `parameter`; :class:`RenderRefused` names the parameter and what it takes."""
    name = parameter.name
    if value is None or isinstance(value, (list, tuple, dict)) or not isinstance(value, (str, int, float)):
        raise RenderRefused(f"parameter {name}: takes one {parameter.type}, not {type(value).__name__}", name)
    text = _bool(parameter, value) if parameter.type == "bool" else _plain(parameter, value)
    if parameter.allowed_values and not any(
        text == _spelled(parameter, allowed) for allowed in parameter.allowed_values
    ):
        allowed = ", ".join(_spelled(parameter, allowed) for allowed in parameter.allowed_values)
        raise RenderRefused(f"parameter {name}: is not one of the allowed values ({allowed})", name)
    return text


def _plain(parameter: Parameter, value: Scalar) -> str:
    name, text = parameter.name, _spelled(parameter, value)
    if isinstance(value, bool):
        raise RenderRefused(f"parameter {name}: takes {parameter.type}, not true or false (quote the word)", name)
    rule = _RULES.get(parameter.type)
    if rule is not None and not rule[0].fullmatch(text):
        raise RenderRefused(f"parameter {name}: takes {rule[1]}", name)
    return text


def _bool(parameter: Parameter, value: Scalar) -> str:
    text = _spelled(parameter, value).lower()
    if text not in ("true", "false"):
        raise RenderRefused(f"parameter {parameter.name}: takes true or false", parameter.name)
    return text


def _spelled(parameter: Parameter, value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if parameter.type == "float" and isinstance(value, int):
        try:
            return repr(float(value))
        except OverflowError as error:
            name = parameter.name
            raise RenderRefused(f"parameter {name}: takes a number that a float can hold", name) from error
    return value if isinstance(value, str) else repr(value)


def typed(parameter: Parameter, text: str) -> Scalar:
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
