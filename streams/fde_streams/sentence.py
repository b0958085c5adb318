"""The vendor's own sentence, out of the wrapping an SDK prints around it.

A link's way: message -> sentence_of() -> Sentence(text, code) -> template -> signature.

SDKs of one vendor in two languages print the same sentence inside different wrapping: a status before it, a documentation
link after it, a JSON body around it. What is taken off is a closed list of forms; none names a vendor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` unmasked, "" when only a code was said; `code` the vendor's own, None when it gave none."""

    text: str
    code: str | None


_KEY_TEXT: Final = re.compile(
    r"[\"'](?:message|error_description|errorMessage|error_message|errmsg|faultstring|detail|title|msg)[\"']\s*:\s*(?:\[\s*)?(?:\"((?:[^\"\\]|\\.)+)\"|'((?:[^'\\]|\\.)+)')"
)
_LIST_TEXT: Final = re.compile(r"[\"']errorMessages[\"']\s*:\s*\[\s*[\"']([^\"']+)[\"']")
_KEY_CODE: Final = re.compile(
    r"[\"'](?:errorCode|error_code|code|error|status|reason|type)[\"']\s*:\s*[\"']([A-Za-z][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*)[\"']"
)
# "An error occurred (Code) when calling the Op operation: text" and its like: a code in brackets before the sentence.
_CODED: Final = re.compile(r"^[^():]{0,60}\((?P<code>[A-Za-z][A-Za-z0-9_.]+)\)[^:]{0,80}: (?P<text>.+)", re.S)
_TAIL_CODE: Final = re.compile(r"^[^:\n]{0,80}: (?P<code>[a-z]+(?:_[a-z0-9]+)+)$")
_STATUS_LEAD: Final = re.compile(
    r"^(?:(?:HTTP |Error code: |status(?: code)?:? )?[1-5]\d\d(?: error)?(?: -|:)? +)(?=\S)", re.IGNORECASE
)
_LABEL_LEAD: Final = re.compile(r"^(?:\([A-Za-z_][\w.]*\) |Request (?:<[\w:-]+>|req_\w+): )", re.IGNORECASE)
_DOCS_TAIL: Final = re.compile(r"\s*(?:-|–|:)?\s*\(?(?:https?://\S+|<url(?::\w+)?>)\)?\.?\s*$")
_NO_CODES: Final = frozenset(
    {"error", "err", "exception", "fault", "failed", "fail", "string", "object", "httperror", "response_error"}
)
_OPENING: Final = re.compile(r"[\[{]")
_KEYED: Final = re.compile(r"[\"']\s*:")
_CAMEL: Final = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z0-9]*)+")
_NATIVE_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_SUFFIXED: Final = re.compile(r".*(?:Error|Exception|Failure|Failed|Warning|Timeout|Fault|Interrupt|Exit)(?:Base)?$")
# A wrapper that prints its cause after a few words of its own: "orders import: 413 Client Error".
_RETOLD: Final = re.compile(r"^[\w .'-]{1,60}: (?=\S+ \S+)")
# A driver that prints its arguments: "(1045, \"Access denied ...\")", "RequestError(400, 'mapper_parsing_exception', 'failed ...')".
_ARGUMENTS: Final = re.compile(r"^\W{0,3}(?:\w{0,40}\()?(?P<number>-?\d{1,6}), (?P<rest>b?['\"].*)$", re.S)
_ARGUMENT: Final = re.compile(r"b?'((?:[^'\\]|\\.)*)'|b?\"((?:[^\"\\]|\\.)*)\"")
_IDENTIFIER: Final = re.compile(r"[A-Za-z][\w.-]{2,60}")
_XML_CODE: Final = re.compile(r"<(?:Code|code|errorCode|faultcode)>(?:\w+:)?([\w.-]+)</")
_XML_TEXT: Final = re.compile(r"<(?:Message|message|faultstring|errorMessage|text)(?: [^<>]*)?>([^<]+)</")
# What services put after their sentence: identifiers of the request, the whole answer again.
_AFTER: Final = re.compile(
    r"(?:(?:\\n|\s)+(?:Request ?-?Id|Correlation ID|Trace ID|Operation ID|Client Request Id|HostId)\s*[:=]|,? full error: \{).*",
    re.S | re.IGNORECASE,
)
_AFTER_CODE: Final = re.compile(
    r"(?:ErrorCode|Error Code|codeName|error_code)['\"]?\s*[:=]\s*['\"]?([A-Za-z][\w.]+)", re.IGNORECASE
)
# Advice after the sentence: it is worded anew with every version, and tells no cause.
_ADVICE: Final = re.compile(
    r"(?<=[.!])\s+(?:Please|Replace|You (?:can|should|may|might|need|must)|If you|See|Try|For (?:more|further|details)|Check|Note|Make sure|Consider|Did you|Available|To (?:fix|resolve|disable|enable|learn)|Visit|Read|Learn|Contact|Refer|More info|Use|Set|Perhaps|Maybe|Valid)\b.*",
    re.S,
)
_NOTE: Final = re.compile(r"\n(?:DETAIL|HINT|LINE \d+|CONTEXT|QUERY|STATEMENT|WHERE)\b.*", re.S)


def sentence_of(type_name: str, message: str, codes: tuple[str, ...] = ()) -> Sentence:
    """The sentence in `message`. A type name that is no class name (``NoSuchBucket``, ``ROW_LOCKED``) is a code."""
    text = _NOTE.sub("", message).strip()
    code = _code_of_type(type_name)
    if (after := _AFTER.search(text)) is not None:
        coded_after = _AFTER_CODE.search(after.group())
        said = sentence_of(type_name, text[: after.start()].rstrip(" ,;"), codes)
        return Sentence(said.text, said.code or (coded_after.group(1) if coded_after else None))
    arguments = _ARGUMENTS.match(text)
    if arguments is not None:
        strings = [first or second for first, second in _ARGUMENT.findall(arguments["rest"])]
        names = [string for string in strings[:-1] if _IDENTIFIER.fullmatch(string)]
        if strings:
            return Sentence(_bare(max(strings, key=len)), names[0] if names else arguments["number"])
    if "</" in text and (marked := _XML_TEXT.search(text)) is not None:
        xml_code = _XML_CODE.search(text)
        return Sentence(_bare(_AFTER.sub("", marked.group(1))), xml_code.group(1) if xml_code else code)
    body = _OPENING.search(text)
    if body is not None:
        inside = text[body.start() :]
        spoken = _KEY_TEXT.search(inside) or _LIST_TEXT.search(inside)
        named = _KEY_CODE.search(inside)
        if spoken is not None or (named is not None and _KEYED.search(inside)):
            code = named.group(1) if named is not None and named.group(1).lower() not in _NO_CODES else code
            text = "" if spoken is None else next(group for group in spoken.groups() if group)
            return Sentence(_bare(text), code)
    coded = _CODED.match(text)
    if coded is not None:
        return Sentence(_bare(coded["text"]), coded["code"])
    tail = _TAIL_CODE.match(text)
    if tail is not None:
        return Sentence("", tail["code"])
    return Sentence(_bare(text), code)


def retold(message: str) -> str | None:
    """What an application's own error repeats of its cause, after a short prefix of its own; None if it repeats nothing.

    >>> retold("orders import: password authentication failed")
    'password authentication failed'
    """
    lead = _RETOLD.match(message)
    return None if lead is None else message[lead.end() :]


def _code_of_type(name: str) -> str | None:
    last = name.rsplit(".", 1)[-1]
    if "." in name:
        return None
    if _NATIVE_CODE.fullmatch(last):
        return last
    if _CAMEL.fullmatch(last) and not _SUFFIXED.fullmatch(last):
        return last
    return None


def _bare(text: str) -> str:
    text = _STATUS_LEAD.sub("", _LABEL_LEAD.sub("", text.strip()))
    text = text.split("\n\n", 1)[0]
    text = _DOCS_TAIL.sub("", _ADVICE.sub("", text)).strip()
    return text[:-1].rstrip() if text[-1:] == "." and text[-2:-1] != "." else text
