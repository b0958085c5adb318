"""The table of typed masks, version 2, and what its rules know of words: fields, codes, encodings, random letters.

Order matters: a UUID holds hex, a URL holds a host. A change to a rule changes signatures: raise `fde_streams.mask.RULES`.

Every pattern is linear in the text, or bounded: it starts at the start of a run of its characters only (the lookbehind), and
what it may skip over is limited by a number or by characters that end it. Where redaction took a part of something, the
token it left is a part of it here.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final

from fde_streams.masking import ANY_TOKEN, DIGITS, HELD_CODE, Mask

# Keys whose value tells two failures apart.
CODE_KEYS: Final = (
    r"[\w.]{0,40}?(?i:type|code|status|reason|errors?|err|errno|sqlstate|kind|result|cause|state|exception)"
)
# Words before a quoted name that say it is a field, not somebody's data.
_FIELD_WORD: Final = re.compile(
    r"(?:\b(?:field|fields|column|property|properties|attribute|attributes|key|parameter|param|argument|header|member|"
    r"option|keyword|element)s?:? ?|\[|\.get\()$",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_.\[\]-]{0,63}")  # no digit: `customfield_10483` is somebody's
_AFTER_NAME: Final = re.compile(r"^(?: is a required|\]? not in|\s*:|\])")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[45]\d\d(?: [A-Z][A-Za-z ]+)?|[A-Z]\d{4}|\d[0-9A-Z]{4}")
# `"code": "card_declined"`: the value of such a key is what tells two failures apart.
_CODE_KEY: Final = re.compile(
    r"[\"'](?:error_?|err_?)?(?:code|type|status|reason|errno|sqlstate|kind)\\?[\"']\s?[:=]\s?$", re.I
)
_CODE_WORD: Final = re.compile(r"[A-Za-z]+(?:[_.-][A-Za-z]+)*")


def is_field(found: re.Match[str]) -> bool:
    """Whether what `found` quotes is a code or the name of a field, by what stands around it."""
    inner = found.group().strip("\\")[1:-1].rstrip("\\")
    if _CODE.fullmatch(inner) or HELD_CODE.fullmatch(inner):
        return True
    if not _NAME.fullmatch(inner):
        return False
    before = found.string[max(0, found.start() - 40) : found.start()]
    after = found.string[found.end() : found.end() + 40]
    if not before.strip() and not after.strip():
        return True  # the whole message is a name: a missing key
    if _FIELD_WORD.search(before) or _AFTER_NAME.match(after):
        return True
    return bool(_CODE_WORD.fullmatch(inner) and _CODE_KEY.search(before))


TOP_LEVEL: Final = (
    r"com|net|org|io|dev|app|cloud|ai|co|edu|gov|mil|info|biz|example|invalid|test|local|localhost|internal|intra|"
    r"lan|corp|home|svc|intranet|private|localdomain|arpa|int|eu|sap|"
    r"de|uk|fr|nl|ch|at|us|jp|cn|in|au|br|es|it|pl|se|no|dk|fi|be|cz|ca|mx|pt|gr|hu|ro|ie|nz|sg|hk|kr|tw|za|tr|ru|ua|"
    r"(?:com|co|net|org|edu|gov|ac|go|ne|or|gob|mil)\.[a-z]{2}"
)
# Names that hold a digit and are words: encodings, digests, protocols, number types.
VOCABULARY: Final = re.compile(
    r"(?:utf|sha|base|md|x|http|https|ipv|int|uint|float|latin|iso|cp|es|rs|hs|ps|oauth|tls|tlsv|ssl|sslv|ssh|s|ec|h|v|python|py|sql|win|amd|arm|aes|"
    r"blake|ed|crc|murmur|i|l|layer|level|windows|ascii|ucs|big|ext|raid|log|p2p|tcp|udp|k8s|web|usb|vp|mp|id)[-_]?\d{1,5}(?:[._-]\d{1,2})*\w?",
    re.IGNORECASE,
)
_UNIT: Final = re.compile(r"\d+(?:ms|s|m|h|d|kb|mb|gb|kib|mib|gib|x)", re.IGNORECASE)

_FUNCTION: Final = re.compile(r"[A-Za-z_]{2,}\d{0,2}[A-Za-z_]*")
_PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWELS: Final = frozenset("aeiouyAEIOUY")


@lru_cache(maxsize=16_384)
def is_opaque(word: str) -> bool:
    """Whether letters stand in no order that people write: many changes of case, or hardly a vowel. At least 8 letters.

    >>> [is_opaque(word) for word in ("kQzRtWpLmXvB", "qwhzpkxv", "NoSuchBucketPolicy", "strengths", "HTTPSConnectionPool")]
    [True, True, False, False, False]
    """
    if not 8 <= len(word) <= 128:
        return False
    if word.isupper():
        return len(word) >= 16
    pieces = _PIECES.findall(word)
    if len(pieces) >= 4 and len(word) / len(pieces) < 2.3:
        return True
    vowels = sum(character in _VOWELS for character in word)
    return vowels * 10 < len(word)


def is_token(found: re.Match[str]) -> bool:
    """Whether the value is masked already; no value at all is not."""
    value = found["value"]
    return value is not None and ANY_TOKEN.fullmatch(value) is not None


def _is_word(found: re.Match[str]) -> bool:
    """Encodings and protocols, amounts with their unit, and functions: `jk2_init()`."""
    word, end = found.group(), found.end()
    if found.string[end : end + 2] == "()":
        return _FUNCTION.fullmatch(word) is not None
    return bool(VOCABULARY.fullmatch(word) or _UNIT.fullmatch(word))


def _is_spoken(found: re.Match[str]) -> bool:
    prefix, _, last = found.group().rpartition("_" if "_" in found.group() else "-")
    return not is_opaque(last) or (bool(prefix) and prefix.isupper())


_CARD: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


def _is_no_address(found: re.Match[str]) -> bool:
    """`Fee::add` is no address although all its letters are hexadecimal; the six pairs of a network card are one."""
    text = found.group()
    if not any(character.isdigit() for character in text):
        return _CARD.fullmatch(text) is None
    try:
        ipaddress.IPv6Address(text.rstrip(":") if not text.endswith("::") else text)
    except ValueError:
        return text.count(":") not in (5, 7)
    return False


_MONTHS: Final = r"Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
_MONTH: Final = rf"(?:{_MONTHS})"
_MONTH_WORDS: Final = frozenset(
    "jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov november dec december".split()
)
_DAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK: Final = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\b\.?)?"
_ZONE: Final = r"(?: ?(?:Z|UTC|GMT|CES?T|[ECMP][SD]T|[+-]\d\d:?\d\d)(?!\w))?"
_TOKEN: Final = r"<[a-z][a-z0-9-]{0,30}>"  # noqa: S105  a token of ours, no secret: redaction may have taken a part
_SEGMENT: Final = rf"(?:[\w.@%+~=:$!*\ue000-\ue8ff-]|{_TOKEN})"
_QUERY: Final = rf"(?:\?(?:{_TOKEN}|[^\s'\",;)\]}}<>])*)?"

MASKS_V2: Final[tuple[Mask, ...]] = (
    Mask(
        "uuid",
        re.compile(r"(?:(?<![0-9A-Za-z])[0-9a-fA-F]{8}|<number>)-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])"),
        "an identifier of one object",
        "UUIDs without hyphens are taken by hex",
        ("-", DIGITS + "abcdefABCDEF"),
    ),
    Mask(
        "timestamp",
        re.compile(
            rf"(?<![\w<])(?:(?:{_DAY},? )?\d{{1,2}}[ -]{_MONTH},?[ -]\d{{4}}(?:,? {_CLOCK})?{_ZONE}"
            rf"|(?:{_DAY},? )?{_MONTH} {{1,2}}\d{{1,2}},? (?:\d{{4}},? )?{_CLOCK}{_ZONE}(?: \d{{4}}(?!\w))?)(?!\w)"
        ),
        "when it happened, with the month's name",
        "months in other languages",
        words=_MONTH_WORDS,
    ),
    Mask(
        "timestamp",
        re.compile(
            rf"(?<![\w<])(?:\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?{_ZONE}"
            rf"|\d{{1,2}}/{_MONTH}/\d{{4}}:{_CLOCK}{_ZONE}"
            rf"|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}}(?: {_CLOCK})?{_ZONE}|\d{{4}}/\d\d/\d\d(?: {_CLOCK})?{_ZONE}"
            rf"|\d\d:\d\d:\d\d(?:[.,]\d+)?)(?!\w)"
        ),
        "when it happened, in numbers",
        "1.2.2026 may be a version",
        (DIGITS, "-:/."),
    ),
    Mask(
        "email",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
        "a person or an account",
        "quoted local parts",
        ("@",),
    ),
    Mask(
        "url",
        re.compile(rf"(?<![\w])[a-z][a-z0-9+.-]{{1,20}}://(?:{_TOKEN}|[^\s'\"`,;)\]}}<>])+(?<![.:])"),
        "host, path and query of one call",
        "URLs that hold a quote or a comma are cut there",
        (),
        literals=("://",),
    ),
    Mask(
        "ip",
        re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?!\w|\.\w|-[A-Za-z])"),
        "where one machine is",
        "four-part versions are taken too",
        (".", DIGITS),
    ),
    Mask(
        "ip",
        re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"),
        "where one machine or network card is",
        "addresses without any digit (`fe::add` is a name of code)",
        (":", DIGITS),
        _is_no_address,
    ),
    Mask(
        "quoted",
        re.compile(
            r"\\\"(?:[^\"\n\\]|\\[^\"\n]){0,300}\\\""
            r"|(?<![\w\\'])'(?:[^'\n\\]|\\.){0,300}'(?!\w)|(?<![\w\\])\"(?:[^\"\n\\]|\\.){0,300}\"(?!\w)|`[^`\n]{1,300}`"
            r"|“[^“”\n]{0,300}”|‘[^‘’\n]{0,300}’|«[^«»\n]{0,300}»"
        ),
        "what somebody sent or called their things",
        "names in field position stay; apostrophes of two words on one line may pair",
        ("'\"`“‘«",),
        is_field,
    ),
    Mask(
        "host",
        re.compile(
            r"(?<![\w@./\\-])(?:[A-Za-z0-9-]{1,63}\.){1,12}<host>(?::\d{1,5})?|<host>(?:\.[A-Za-z0-9-]{1,63}){0,12}(?::\d{1,5})?(?![\w-])"
            r"|<ip>(?:\.[A-Za-z0-9-]{1,63}){1,12}(?::\d{1,5})?(?![\w-])"
        ),
        "where one machine is, whose name redaction took in part",
        "none known",
        (),
        lambda found: found.group() == "<host>",
        literals=("<host>", "<ip>"),
    ),
    Mask(
        "host",
        re.compile(
            rf"(?<![\w@./\\-])(?:(?:[A-Za-z0-9_][A-Za-z0-9_-]{{0,62}}\.){{1,12}}(?:{TOP_LEVEL})"
            r"|(?=[a-z-]{0,62}[0-9-])[a-z0-9][a-z0-9-]{0,62}(?=:\d{2,5}\b))(?::\d{1,5})?(?![\w(-]|\.[\w-])"
        ),
        "where one machine is",
        "hosts under top-level domains not listed and without a port",
        (".:",),
    ),
    Mask(
        "host",
        re.compile(
            r"(?P<lead>\b(?:to|at|from|on|via|host|server|proxy|broker|address|ENOTFOUND|ECONNREFUSED)[ =:]{1,2})"
            r"[A-Za-z][A-Za-z0-9-]{0,62}:\d{2,5}(?![\w-]|\.\w)"
        ),
        "a machine's short name with its port, where a sentence says that it is one",
        "short names without a port",
        (":", DIGITS),
        words=frozenset("to at from on via host server proxy broker address enotfound econnrefused".split()),
    ),
    Mask(
        "host",
        re.compile(r"(?<=@)[A-Za-z][A-Za-z0-9-]{0,62}:\d{2,5}(?![\w-]|\.\w)"),
        "a machine's short name with its port, after an account",
        "short names without a port",
        ("@", ":", DIGITS),
    ),
    Mask(
        "path",
        re.compile(
            rf"(?<![\w<>.)\]/])(?:[A-Za-z]:\\(?:(?:[^\\/:*?\"'<>|\n,;=()]|{_TOKEN}){{1,80}}\\)*(?:{_TOKEN}|[^\s'\",;)<>])*"
            rf"|\\\\[\w.$-]{{1,63}}\\(?:{_TOKEN}|[^\s'\",;)<>])*|(?:~|\.{{1,2}})?/{_SEGMENT}*(?:\w|{_TOKEN})(?:/{_SEGMENT}*)*{_QUERY})(?<![.:!,])"
            rf"|<path>(?:/{_SEGMENT}*)+{_QUERY}(?<![.:!,])|<path>(?=\?){_QUERY}"
        ),
        "where something lies on one machine, or one call's route",
        "paths with blanks are cut at the blank, but for directories of Windows",
        ("/\\?",),
    ),
    Mask(
        "partial",
        re.compile(r"(?<![\w*-])[\w-]{0,64}\*{3,}[\w*-]*"),
        "a secret that the vendor already starred out",
        "fewer than three stars",
        ("*",),
        lambda found: len(found.group().strip("*")) == 0,  # stars alone are an ornament
    ),
    Mask(
        "hex",
        re.compile(r"(?<![\w<-])(?:0[xX][0-9a-fA-F]+|(?=\d*[a-fA-F])[0-9a-fA-F]{8,})(?![\w-])"),
        "addresses, digests, bytes",
        "short hex without 0x; hex of digits alone is a number",
        ("xXabcdefABCDEF",),
    ),
    Mask(
        "id",
        re.compile(
            r"(?<![\w<-])(?!(?:[45]\d\d)(?!\w))(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9][\w-]{4,}[A-Za-z0-9*](?![\w>])"
        ),
        "an opaque identifier: prefixed (req_..., cus_...), a ticket, a random token",
        "shorter than six characters; names of encodings and digests stay by vocabulary",
        (DIGITS,),
        _is_word,
    ),
    Mask(
        "id",
        re.compile(r"(?<![\w<$.-])(?:[a-z]{2,8}[_-](?:[a-z]{2,8}[_-])?)?[A-Za-z]{8,64}(?![\w>.(-])"),
        "an opaque identifier without a digit, by its letters: `cus_kQzRtWpLmXvB`",
        "random letters that read like words; words of eight letters without vowels",
        ("BCDFGHJKLMNPQRSTVWXZbcdfghjklmnpqrstvwxz",),
        _is_spoken,
    ),
    Mask(
        "value",
        re.compile(
            rf"(?P<lead>\b(?!{CODE_KEYS}=)[A-Za-z_]\w*=)(?!\ue000)(?P<value>(?:{_TOKEN}|[^\s,;()\[\]{{}}'\"<>])(?:{_TOKEN}|[^\s,;)\]}}'\"<>])*)"
        ),
        "the value of a key",
        "values with blanks; keys that name a code keep theirs",
        ("=",),
        is_token,
    ),
    Mask(
        "value",
        re.compile(r"(?P<lead>[\"']\s?:\s?)(?:true|false|null|None|True|False)(?![\w])"),
        "a value of JSON that is neither text nor number",
        "none known",
        ("\"'",),
    ),
    Mask(
        "number",
        re.compile(
            r"(?<![\w<.-])[-+]?\d+(?:[.,_:/]\d+)*(?:[eE][-+]?\d+)?(?P<tail>%|(?i:ms|[smhdx]|[kmgt]i?b|bytes?|rows?)\b)?(?!\w)"
        ),
        "counts, sizes, positions, amounts",
        "numbers glued to letters",
    ),
)  # fmt: skip
