"""Vouching: which shared literals may be constants although fewer than three customers share them.

words of the siblings' code -> Vocabulary -> takes(text): grammar, imported API, catalogue, the code's own words

With three customers a shared text tells of none of them; with fewer it may be anybody's. What is taken stays, and the
reviewer is shown its words (:attr:`fde_extraction.abstract.Report.acknowledge`); all else becomes a parameter.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fde_api.primitive import PrimitiveSpec
from fde_extraction.leak import OURS
from fde_extraction.outline import HOLE, is_comment, is_literal, outlined
from fde_extraction.schema import CLOSED_SETS, catalogued
from fde_extraction.slot import singular
from fde_extraction.tree import Node
from fde_template.words import words

# HTTP field names and media types (IANA), encodings, URL schemes, kinds of signals: standards, not anybody's choice.
_STANDARDS: Final = frozenset(
    "accept encoding language charset authorization bearer basic digest cache control connection content type length disposition "
    "cookie cors etag expires forwarded host if match modified since none last link location origin range referer retry after "
    "server transfer upgrade user agent vary www authenticate ratelimit remaining reset request id idempotency key trace parent "
    "application json xml html css csv plain text octet stream form urlencoded multipart data ndjson x image audio video "
    "utf8 utf ascii latin1 iso utc gmt hmac sha rs256 hs256 es256 base64 hex "
    "http https ftp sftp wss jdbc postgresql mysql redis amqp mqtt file "
    "error errors exception warning performance rate limit schema drift main strict node".split()
)
_GLUE: Final = frozenset(
    "a an and are as at be been before but by can cannot could did do does each else every for from had has have if in into is it its "
    "more most must no nor not of off on once one only or other our out over own per same should so some such than that the their "
    "them then there these they this those to too two under until up very was we were what when where which while who why will "
    "with without would you your".split()
)
_GRAMMAR: Final = frozenset(
    part for name in (*keyword.kwlist, *dir(builtins)) for part in words(name) if len(part) > 1
) | frozenset(
    "boolean catch const declare default delete enum export extends finally function implements instanceof interface keyof let new "
    "null number private promise protected public readonly static super switch this throw typeof undefined unknown var void "
    "select where group order join left right inner outer full union insert update create drop alter merge using matched values "
    "begin commit table view case end distinct having limit varchar integer timestamp bigint coalesce count cast".split()
)
# SQL's types and functions (ISO 9075 and what PostgreSQL, BigQuery, Snowflake and T-SQL document beside it), HTTP's methods and
# fields, levels of logs: names of interfaces, which stand in strings as well as in code.
_INTERFACES: Final = frozenset(
    "bool boolean tinyint smallint bigint hugeint numeric decimal real double precision float64 int64 bignumeric char nchar nvarchar text "
    "string clob blob bytea binary varbinary date time datetime datetime2 datetimeoffset interval timestamptz timestamp_ntz timestamp_ltz "
    "timestamp_tz ntz ltz json jsonb variant array struct record geography geometry uuid uniqueidentifier money bit serial identity "
    "abs ceil ceiling floor round trunc sqrt exp power mod sign avg sum min max stddev variance median percentile cont disc corr any "
    "string_agg listagg agg array_agg concat substring substr position locate trim ltrim rtrim lower upper initcap replace translate "
    "lpad rpad split part regexp extract contains startswith endswith like ilike rlike nullif ifnull nvl isnull iff greatest least decode "
    "row number rank dense ntile lag lead first last nth over partition rows range unbounded preceding following current qualify window "
    "dateadd datediff datepart trunc getdate now today sysdate sysdatetime format parse safe try to hash md5 sha1 sha2 crc32 farm fingerprint "
    "flatten unnest lateral pivot unpivot generate series explode object construct get path parse column constraint primary foreign "
    "references unique index cluster temp temporary transient external stage copy into file pattern purge force warehouse role grant "
    "revoke usage returns language immutable volatile stable returning conflict nothing exclude excluded ignore nulls asc desc nolock "
    "get post put patch head options trace connect status ok created accepted found moved bad unauthorized forbidden conflict gone "
    "gateway unavailable timeout too many requests debug info warn warning critical fatal notset level name asctime message levelname "
    "client secret credentials grant type scope refresh access token bearer expires audience assertion jwt oauth oauth2 openid redirect "
    "fanout durable exclusive prefetch ack nack requeue "
    "cursor page offset next previous total items results records errors rows count size batch retry backoff attempt attempts".split()
)
_CATALOGUED: Final = frozenset(part for known in CLOSED_SETS.values() for name in known for part in words(name))
_PUBLIC: Final = _STANDARDS | _GLUE | _GRAMMAR | _INTERFACES | _CATALOGUED | OURS
# What tools read in comments; such a comment is code.
_DIRECTIVE: Final = re.compile(
    r"\s*(?:!/(?:usr/)?bin/(?:env )?\w+|-\*-.*coding.*-\*-|(?:en)?coding[:=]\s*[\w-]+|type:\s*ignore(?:\[[\w, -]+\])?|noqa(?::\s*[A-Z0-9, ]+)?|"
    r"pragma:\s*no ?cover|pylint:\s*[\w=, -]+|fmt:\s*\w+|isort:\s*\w+|mypy:\s*[\w=, -]+|@ts-(?:ignore|expect-error|nocheck|check)|"
    r"eslint-[\w-]+(?:\s+[\w@/, -]+)?|prettier-ignore|istanbul ignore \w+)\s*"
)
# Fields of formats and escapes: %Y, %(name)s is judged by its name, \n, {0}.
_FORMAT: Final = re.compile(r"%-?[A-Za-z](?![a-z])|\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[a-zA-Z0])|\{\d*\}")
_SHORT: Final = re.compile(r"\d{1,3}|v\d{1,2}")
_DIGITS: Final = 4  # significant digits; a longer number is chosen, not ordinary
_JUDGED: Final = ("string", "comment", "template", "regex", "number")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Lower-case words that all siblings' code shows. `own`: the words of identifiers, which no standard vouches for."""

    own: frozenset[str]

    def takes(self, text: str, place: str) -> bool:
        """Whether `text`, which stands at `place`, may be a constant."""
        inner = place.rsplit("/", 1)[-1]
        if inner.endswith("number"):
            return ordinary(text)
        if "comment" in inner and _DIRECTIVE.fullmatch(text):
            return True
        if catalogued((text,)) == "timezone":
            return True
        return all(self._knows(word) for word in words(_FORMAT.sub(" ", text)))

    def _knows(self, word: str) -> bool:
        return (
            len(word) < 2
            or word in self.own
            or singular(word) in self.own
            or word in _PUBLIC
            or _SHORT.fullmatch(word) is not None
        )


def vocabulary_of(texts: Iterable[str]) -> Vocabulary:
    """The vocabulary of code `texts`: their words, and each text as one word (``RateLimit`` vouches for ``ratelimit``)."""
    own = set[str]()
    for text in texts:
        parts = words(text)
        own |= {*parts, "".join(parts)}
    return Vocabulary(frozenset(own))


def judged(place: str, leaf: str, text: str) -> bool:
    """Whether a leaf is a literal or comment; identifiers are vocabulary themselves, but a quoted phrase is no name."""
    inner = place.rsplit("/", 1)[-1]
    if inner.startswith("sql.identifier.") and any(map(str.isspace, text)):
        return True
    if inner.startswith("text.") and inner != place:  # settings in a string are chosen, names of keys too
        return True
    return leaf == "jsx_text" or any(mark in inner for mark in _JUDGED)


def ordinary(number: str) -> bool:
    """Whether a number is one that anybody writes: few significant digits, whole hours, a power of two or one beside it."""
    text = number.replace("_", "").lower().removesuffix("n")
    try:
        value = int(text, 0) if not text.isdigit() else int(text)
    except ValueError:
        digits = text.partition("e")[0].replace(".", "").strip("0")
        return len(digits) <= _DIGITS
    if len(str(value).rstrip("0")) <= _DIGITS or value % 3600 == 0:
        return True
    return any(beside & (beside - 1) == 0 for beside in (value - 1, value, value + 1))


def framed(line: str) -> tuple[str, str, str]:
    """A comment's line as what stands before its text, the text, and white space after it."""
    start = len(line) - len(line.lstrip(" \t*#!/-"))
    end = len(line.rstrip())
    return (line[:start], line[start:end], line[end:]) if start < end else ("", line, "")


def without(text: str, marks: Sequence[tuple[int, int]]) -> str:
    """`text` with a space for each of the spans `marks`, which do not overlap."""
    at, kept = 0, []
    for start, end in sorted(marks):
        kept.append(text[at:start])
        at = end
    return " ".join([*kept, text[at:]])


@dataclass(frozen=True, slots=True)
class Listed:
    """A text that stays in the template and that no standard vouches for.

    `line`: of the first place, 1-based, in the template as shown (a hole is one letter); `times`: how often it stands there.
    """

    text: str
    path: str
    line: int
    why: str
    times: int = 1


def listed(spec: PrimitiveSpec, *, blocks_only: bool = False) -> tuple[Listed, ...]:
    """What a reviewer looks through before it is published, by path and line; each text of a file once for each reason.

    `blocks_only`: enough customers share the rest, and only what stands in optional blocks is listed.
    """
    found = dict[tuple[str, str, str], Listed]()
    for file in spec.template.files:
        outline = outlined(file)
        leaves = outline.leaves
        spans = (
            [(0, outline.text, "stands in a file that no grammar takes")]
            if leaves is None
            else [(leaf.start, outline.text[leaf.start : leaf.end], _why(leaf)) for leaf in leaves if leaf.place]
        )
        for start, text, why in spans:
            at = start
            for line in text.splitlines(keepends=True):
                shown = framed(line)[1].strip() if "comment" in why else line.strip()
                where, at = at, at + len(line)
                if (blocks_only and not outline.optional(where)) or not acknowledged(shown.split(HOLE)):
                    continue
                key = (file.path, shown, why)
                shown = shown.replace(HOLE, "\u2026")
                known = found.get(key, Listed(shown, file.path, outline.line(where), why, 0))
                found[key] = replace(known, times=known.times + 1)
    return tuple(sorted(found.values(), key=lambda item: (item.path, item.line, item.text)))


def _why(leaf: Node) -> str:
    if is_comment(leaf):
        return "a comment whose words the code's own names use"
    if is_literal(leaf):
        return "a text whose words the code's own names use"
    return "a name in the code that all siblings share"


def acknowledged(texts: Iterable[str]) -> tuple[str, ...]:
    """The words that stay and that no standard vouches for, sorted: what a reviewer looks through."""
    found = {word for text in texts for word in words(text)}
    return tuple(sorted(word for word in found if len(word) > 2 and word not in _PUBLIC and not word.isdigit()))
