"""One parameter as a copier question: type, choices, default, when, and a validator that holds a value in its place.

Parameter, its holes -> question() -> an entry of copier.yml
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fde_api.primitive import Hole, Parameter, Scalar, When
from fde_template.notation import VIEW, quoted
from fde_template.place import levels

# Names that copier or Jinja has already. Parameters hold no underscore, so that these stay free.
RESERVED: Final = frozenset(
    "now pathjoin range dict lipsum cycler joiner namespace loop self super caller varargs kwargs true false none not and or "
    "is in if else elif for set block extends include import from as with without context recursive yield".split()
) | frozenset(word.lower() for word in keyword.kwlist)
_KINDS: Final = {
    "int": (r"[-+]?\d+(_\d+)*", "a whole number"),
    "float": (r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?", "a number"),
    "duration": (r"[-+]?\d[\d_]*(\.\d+)?\s*([a-zA-Zµ]{1,12})?", "a duration such as 30 or 15m"),
    "url": (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`<>\\]+", "a URL with a scheme"),
    "email": (r"[^\s@\"'`<>\\,;]+@[A-Za-z0-9][A-Za-z0-9.-]*", "an e-mail address"),
    "identifier": (r"[^\W][\w$#@ .-]*", "an identifier: letters, digits and separators"),
}
NO_DEFAULT: Final = "{{ UNSET }}"  # copier's word for it; a secret question is refused without any `default`


def variable(parameter: str) -> str:
    """What the parameter is called in the template."""
    return parameter + "_" if parameter in RESERVED else parameter


def condition(when: When, *, is_flag: bool) -> str:
    """A parameter's own `when`, as Jinja."""
    name = variable(when.parameter)
    if is_flag:
        return name if when.equals == "true" else f"not {name}"
    return f"{name} == {quoted(when.equals)}"


def asked_when(parameter: Parameter, declared: Mapping[str, Parameter]) -> list[When]:
    """What must hold for `parameter` to be asked for, outermost first: what it hangs on may hang on something itself."""
    found: list[When] = []
    at: Parameter | None = parameter
    while at is not None and at.when is not None and at.when not in found:
        found.insert(0, at.when)
        at = declared.get(at.when.parameter)
    return found


def question(parameter: Parameter, holes: Sequence[Hole], declared: Mapping[str, Parameter]) -> dict[str, Any]:
    """The entry of copier.yml. `holes`: where the parameter stands; `declared`: every parameter by name.

    Numbers are asked for as text, because copier's own number types spell ``007`` and ``1_000`` anew.
    """
    kind = {"bool": "bool", "list": "yaml"}.get(parameter.type, "str")
    entry: dict[str, Any] = {"type": kind, "help": plain(_help(parameter))}
    if parameter.allowed_values and parameter.type != "bool":
        entry["choices"] = [plain(spelled(value)) for value in parameter.allowed_values]
    if parameter.type == "secretRef":
        entry |= {"secret": True, "default": NO_DEFAULT}
    elif parameter.default is not None:
        is_bool = parameter.type == "bool"
        default = (
            float(parameter.default)
            if parameter.type == "float" and is_number(parameter.default)
            else parameter.default
        )
        entry["default"] = spelled(default).lower() == "true" if is_bool else plain(spelled(default))
    elif parameter.type == "bool":
        entry["default"] = NO_DEFAULT
    if parameter.type == "list":
        entry["multiline"] = True
        entry["placeholder"] = plain(_example(parameter))
    if whens := asked_when(parameter, declared):
        tests = [condition(when, is_flag=declared[when.parameter].type == "bool") for when in whens]
        entry["when"] = "{{ " + " and ".join(tests) + " }}"
    validator = _validator(parameter, holes)
    if validator:
        entry["validator"] = validator
    return entry


def plain(text: str) -> str:
    """`text` where copier renders Jinja, but none is meant."""
    return "".join(VIEW.literal(text)) if any(mark in text for mark in ("{{", "{%", "{#")) else text


def spelled(value: Scalar) -> str:
    """A value of the schema as the text that fde renders."""
    return (
        ("true" if value else "false") if isinstance(value, bool) else value if isinstance(value, str) else repr(value)
    )


def is_number(value: Scalar) -> bool:
    """Whether the schema holds a number, which a float parameter spells as Python does."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _help(parameter: Parameter) -> str:
    what = parameter.description or f"{parameter.name} ({parameter.type})"
    if parameter.type == "list":
        return f"{what} - {_items(parameter)}"
    return what


def _items(parameter: Parameter) -> str:
    fields = [f"{field.name} ({field.type})" for field in parameter.fields if field.name]
    return (
        f"a YAML list of mappings with {', '.join(fields)}" if fields else f"a YAML list of {parameter.fields[0].type}"
    )


def _example(parameter: Parameter) -> str:
    names = [field.name for field in parameter.fields if field.name]
    return "[{" + ", ".join(f"{name}: ..." for name in names) + "}]" if names else "[a, b]"


def _validator(parameter: Parameter, holes: Sequence[Hole]) -> str:
    """A template that says what is wrong, or nothing: the type's rule, and the rules of the places it stands in as it is."""
    name = variable(parameter.name)
    if parameter.type == "list":
        why = f"takes {_items(parameter)}"
        return f"{{% if {name} is string or {name} is mapping or {name} is not sequence %}}{why}{{% endif %}}"
    if parameter.type == "bool" or parameter.allowed_values:  # copier takes no other than its choices
        return ""
    rules: dict[str, str] = {}
    if parameter.type in _KINDS:
        pattern, why = _KINDS[parameter.type]
        rules[_unmatched(name, pattern)] = f"takes {why}"
    for hole in holes:
        if hole.filters:
            continue
        for rule in levels(hole.place):
            rules.setdefault(_unmatched(name, rule.whole.pattern), rule.why)
            if rule.reserved:
                words = ", ".join(quoted(word) for word in sorted(rule.reserved))
                rules.setdefault(f"{name} in [{words}]", rule.why)
    return "".join(f"{{% if {test} %}}{plain(why)}. {{% endif %}}" for test, why in rules.items())


def _unmatched(name: str, pattern: str) -> str:
    whole = f"(?s)\\A(?:{pattern})\\Z"
    return f"({name} | regex_search({quoted(whole)})) is none"
