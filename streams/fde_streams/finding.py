"""Findings: what a validator said, field by field, in the same words for every validator.

A link's way: message -> findings_of() -> ``missing:currency``, ``type:total``; () when no validator speaks.

A payload that changed shows in every customer's validator of choice; field and kind of complaint decide, not the library.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

_PYDANTIC: Final = re.compile(r"^\d+ validation errors? for .+", re.MULTILINE)
_PYDANTIC_ITEM: Final = re.compile(
    r"^(?P<path>\S[^\n]*)\n +(?P<text>[^\n]*?)[ ]?[\[(]type=(?P<type>[\w.]+)(?:[^\n]*?input_type=(?P<given>\w+))?",
    re.MULTILINE,
)
_REQUIRED: Final = re.compile(r"^['\"](?P<field>[\w.-]+)['\"] is a required property")
_SCHEMA: Final = re.compile(r"Failed validating ['\"](?P<rule>\w+)['\"] in schema(?P<path>[^\n:]*)")
_NOT_IN_INDEX: Final = re.compile(r"^\W*\[(?P<fields>(?:'[^']+'(?:, )?)+)\] not (?:in index|found in axis)")
_KINDS: Final = {"missing": "missing", "required": "missing", "enum": "enum", "invalid_value": "enum", "literal_error": "enum",
                 "invalid_enum_value": "enum", "invalid_literal": "enum", "additionalProperties": "extra", "unrecognized_keys": "extra",
                 "extra_forbidden": "extra", "invalid_format": "format", "invalid_string": "format", "pattern": "format", "format": "format",
                 "string_pattern_mismatch": "format", "too_small": "range", "too_big": "range", "minimum": "range", "maximum": "range"}  # fmt: skip
_READ: Final = 8_000
# Names that say little without what they are in.
_COMMON_FIELDS: Final = frozenset(
    "id name type value code status date amount total key email number title text label count url data items kind state price".split()
)
_SENTENCES: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("null", r"got [`'\"]?(?:null|none)\b|(?:may|can|must|should)(?: not|not) be (?:null|none)|null value|not nullable|none is not|received null|is not of type.*\bnull"),
        ("missing", r"missing|required|must have|can't be blank|cannot be blank|must not be (?:empty|blank)|is not provided"),
        ("enum", r"one of|valid choice|invalid (?:enum|option|choice)|allowed values|unexpected category|not in the list"),
        ("extra", r"unknown field|additional propert|unrecogni[sz]ed key|is not allowed|extra (?:field|key|input)|not expected"),
        ("format", r"valid (?:date|time|iso|e-?mail|url|uri|uuid|ip|format|period)|invalid (?:iso|date|time|format|e-?mail|url|uuid)|match(?:es)? (?:the )?(?:format|pattern|following|the required)|must match|pattern|does not match|must be a valid|in iso"),
        ("range", r"greater|less than|at least|at most|too (?:long|short|small|large|big)|longer than|shorter than|length|minimum|maximum|out of range|must be (?:positive|negative)|>=|<="),
        ("type", r"valid (?:integer|number|string|boolean|float|decimal|list|mapping|dict|tuple)|must be (?:an? )?[`'\"]?(?:string|number|integer|boolean|object|array|date|list|text|numeric)|not of type|expected (?:an? )?[`'\"]?(?:str|string|number|int|float|bool|object|array|list|dict|date)|invalid type|cannot be cast|not a (?:string|number)"),
    )
)  # fmt: skip
_POSSIBLE: Final = re.compile(r"must|is required|is a required|required (?:field|property)|missing|not (?:in index|found in axis|allowed|a valid|one of)|\"path\"|validati|alid|\['|unknown|unrecogni|expected|structuring", re.IGNORECASE)  # fmt: skip
_VALIDATOR: Final = re.compile(
    r"valid|schema|yup|joi|zod|ajv|marshmallow|pydantic|cerberus|voluptuous|superstruct", re.IGNORECASE
)
_FIELD_LIST: Final = re.compile(
    r"['\"](?P<field>[A-Za-z_][\w.-]{0,63})['\"]: \[\\?(?P<quote>['\"])(?P<text>.{3,200}?)\\?(?P=quote)\s*[,\]]"
)
_HAS_REQUIRED: Final = re.compile(
    r"required (?:property|field|key|attribute|parameter)s?:? \\?['\"`](?P<field>[A-Za-z_][\w.-]{0,63})\\?['\"`]"
)
# The place after the complaint: "Expected `float`, got `str` - at `$[0].kwh`", "... @ attribute kwh".
_AT_PLACE: Final = re.compile(
    r"(?P<said>[^\n]{4,160}?)(?: -| –|,)? (?:at|in|for|@)(?: path| field| attribute| key)? [`'\"]?(?P<place>\$[\w.\[\]-]*|(?<=attribute )\w+)[`'\"]?\s*(?:\)|$)",
    re.M,
)
_UNEXPECTED: Final = re.compile(r"\(['\"](?P<field>[A-Za-z_][\w.-]{0,63})['\"] (?:was|were) unexpected\)")
_SAID: Final = re.compile(
    r"(?:^|(?<=[\s:,;(\"']))\\?[\"']?(?:(?P<deep>(?:\$|data|body|payload|root|instance|value)?(?:[./]?\[\d+\][./]?|[./]\d+[./]|[./])(?:[\w$-]+[./\[\]]+)*[A-Za-z_][\w-]{0,63})"
    r"|(?P<quoted>(?<=[\"'])[A-Za-z_][\w.-]{0,63}(?=\\?[\"']))|(?P<bare>(?<![\"'])(?:[\w-]+\.)*[A-Za-z_][\w-]{0,63}))"
    r"\\?[\"']? (?P<said>(?:is|must|may|cannot|can't|should|does|has|contains|length)\b[^\n;]{0,160})"
)


@lru_cache(maxsize=16_384)
def findings_of(message: str, type_name: str = "") -> tuple[str, ...]:
    """What a validator found, as sorted ``kind:field``: the same for pydantic, zod, jsonschema, yup and a missing pandas column.

    Kinds: missing, null, type, enum, format, range, extra, or the validator's own word. Empty when `message` is not a
    validator's; `type_name`, the exception's, tells whether a sentence about a quoted name is one.
    """
    if not _POSSIBLE.search(message):
        return ()
    found = _zod(message) or _pydantic(message) or _jsonschema(message) or _columns(message)
    found = found or _listed(message) or _spoken(message, type_name)
    return tuple(sorted(set(found)))


def _place(path: str) -> str:
    """The field's own name; with what it is in, where the name alone says little. List positions are left out."""
    names = [name for name in re.split(r"[./\\[\]]+", path) if name and not name.isdigit() and name != "$"]
    if not names:
        return "$"
    return names[-1] if names[-1].lower() not in _COMMON_FIELDS else ".".join(names[-2:])


def _kind(sentence: str) -> str | None:
    """What a validator's sentence complains of; None when it complains of nothing known."""
    return next((kind for kind, pattern in _SENTENCES if pattern.search(sentence)), None)


def _listed(message: str) -> list[str]:
    """Fields with lists of sentences: ``{'vat_id': ['Missing data for required field.']}``, as many frameworks print them."""
    found = [(item["field"], _kind(item["text"])) for item in _FIELD_LIST.finditer(message[:_READ])]
    return [f"{kind}:{_place(field)}" for field, kind in found if kind is not None]


def _spoken(message: str, type_name: str) -> list[str]:
    """Sentences about a place: ``[0].storeId is a required field``, ``/items/0/sku must be string``."""
    found = [f"missing:{_place(item['field'])}" for item in _HAS_REQUIRED.finditer(message[:_READ])]
    found += [f"extra:{_place(item['field'])}" for item in _UNEXPECTED.finditer(message[:_READ])]
    if found:
        return found
    for item in _AT_PLACE.finditer(message[:_READ]):
        if item["place"].strip("$[]0123456789.") and (kind := _kind(item["said"])) is not None:
            found.append(f"{kind}:{_place(item['place'])}")
    validator = _VALIDATOR.search(type_name) is not None
    for item in _SAID.finditer(message[:_READ]):
        if (item["deep"] or validator) and (kind := _kind(item["said"])) is not None:
            found.append(f"{kind}:{_place(item['deep'] or item['quoted'] or item['bare'])}")
    return found


def _zod(message: str) -> list[str]:
    if '"path"' not in message or '"code"' not in message:
        return []
    try:
        issues = json.loads(message[message.index("[") : message.rindex("]") + 1])
    except (ValueError, RecursionError):
        return _zod_cut(message)
    found = []
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict) and isinstance(issue.get("path"), list):
            text = str(issue.get("message", ""))
            found.append(_zod_finding(str(issue.get("code")), ".".join(map(str, issue["path"])), text))
    return found


def _zod_cut(message: str) -> list[str]:
    """A list of issues that was cut off, or whose values redaction changed: read item by item."""
    found = []
    for item in re.split(r"\}\s*,\s*\{", message):
        code = re.search(r'"code":\s*"(\w+)"', item)
        path = re.search(r'"path":\s*\[([^\]]*)\]', item)
        if code and path:
            keys = re.findall(r'"([^"]+)"|(\d+)', path.group(1))
            text = re.search(r'"message":\s*"(.*)', item)
            found.append(_zod_finding(code.group(1), ".".join(a or b for a, b in keys), text.group(1) if text else ""))
    return found


def _zod_finding(code: str, path: str, text: str) -> str:
    kind = _KINDS.get(code, code)
    if code == "invalid_type":
        kind = (
            "missing"
            if re.search(r"received undefined|^Required", text)
            else "null"
            if "received null" in text
            else "type"
        )
    return f"{kind}:{_place(path)}"


def _pydantic(message: str) -> list[str]:
    if not _PYDANTIC.search(message):
        return []
    found = []
    for item in _PYDANTIC_ITEM.finditer(message):
        rule = item["type"].removeprefix("value_error.").removeprefix("type_error.")
        kind = _KINDS.get(rule)
        if kind is None:
            kind = "null" if item["given"] == "NoneType" or rule.startswith("none.") else "type"
            if kind == "type" and re.search(r"date|time|uuid|url", rule):
                kind = "format"
        found.append(f"{kind}:{_place(item['path'].strip().replace(' -> ', '.'))}")
    return found


def _jsonschema(message: str) -> list[str]:
    required = _REQUIRED.search(message)
    if required is not None:
        return [f"missing:{required['field']}"]
    failed = _SCHEMA.search(message)
    if failed is None:
        return []
    path = ".".join(
        name for name in re.findall(r"\['([^']+)'\]", failed["path"]) if name not in ("properties", "items")
    )
    return [f"{_KINDS.get(failed['rule'], failed['rule'])}:{_place(path)}"]


def _columns(message: str) -> list[str]:
    absent = _NOT_IN_INDEX.search(message)
    return [f"missing:{field}" for field in re.findall(r"'([^']+)'", absent["fields"])] if absent else []
