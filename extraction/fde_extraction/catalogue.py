"""The catalogue: what technologies and idioms look like in code, and what of a spec they say. Data, one YAML file each.

catalogue/*.yaml -> catalogue() -> entries -> fde_extraction.inference

Facts in it are vendors' public documentation (each file names its page). Adding a vendor is adding a file; nothing in code
names one. How a file is written is said by :class:`Entry`, :class:`Signs` and :class:`Claim`; what is wrong is said by
file and field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import msgspec
import yaml

from fde_events.errors import BadInput
from fde_template.words import words

Kind = Literal[
    "source", "destination", "transform", "auth", "transport", "orchestration", "secrets", "framework", "idiom"
]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(?:[-.][a-z0-9]+)*$", max_length=63)]
Names = tuple[Name, ...]
Sign = Annotated[str, msgspec.Meta(min_length=2, max_length=120)]
Signed = tuple[Sign, ...]

# Words that any code has: none of them may be the whole of a sign that recognises something by itself.
GENERIC: Final = frozenset(
    "account action add all app application args async auth await backend base batch body bucket build bulk cache call callback "
    "cell channel check class client close cloud code column command commit config configuration connect connection consume consumer context "
    "copy count create createClient credential credentials current cursor customer data database dataset date delay delete delta "
    "destination dict done drop driver email encode end endpoint engine entity entry env error event events execute export extract "
    "fetch field fields file filter find first format from function get group handle handler hash header headers host http id import "
    "index info init input insert instance integration interface item items job join json key keys lag last limit line list load log logger "
    "login main map mask max merge message messages method metric min mode model module name next node number object offset open "
    "operation option options order orders output page pages params parse partition password patch path payload person poll port post "
    "process produce producer product project promise provider publish pull push put query queue raise rate raw read record records "
    "region reader register remote request requests reset resource resources response result results retry return role root route router row rows "
    "run sample save schedule schema scope score search secret security select send series server service session set setup sign "
    "signature sink size sleep sort source space spec sql stage stale start state status step stop store stream string subscribe "
    "sync system table tables tag tags target task tasks tenant test text time timeout timestamp token topic total track transaction "
    "transform type types unique update upload url urls use user username users utils valid validate value values "
    "version view wait warehouse watch where window with worker workers write writer year zone".split()
)


class Signs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How something is recognised in the text that siblings share. Each item is one recogniser.

    `imports`: module or package names by language; a name takes what lies below it (``google.cloud.bigquery``,
    ``@aws-sdk/client-s3``). `hosts`: suffixes of the vendor's public hosts, in string literals. `code`: tokens of Python or
    TypeScript in order, separated by blanks or dots (``http.get``); a quoted token is a whole string literal. `strings`:
    texts in string literals, any case. `names`: unmistakable words of identifiers, `words` those that mean other things
    too. `sql`: tokens of SQL that one dialect or thing alone has, `dialect` those that several share; any case, ``^`` is
    where a statement begins, ``'`` alone any string. In `code` and `sql` ``...`` skips tokens and ``..`` a few, a final ``*`` is any rest of a token. `unless`:
    words which, on the same or the next two lines, say that it means something else.
    """

    imports: Mapping[Literal["python", "typescript"], Signed] = {}
    hosts: Signed = ()
    code: Signed = ()
    strings: Signed = ()
    names: Signed = ()
    words: Signed = ()
    sql: Signed = ()
    dialect: Signed = ()
    unless: Signed = ()

    def each(self) -> Iterator[tuple[str, str]]:
        """(kind, recogniser), in order; not `unless`, which recognises nothing."""
        for language in sorted(self.imports):
            for name in self.imports[language]:
                yield f"imports.{language}", name
        for kind in ("hosts", "code", "strings", "names", "words", "sql", "dialect"):
            for sign in getattr(self, kind):
                yield kind, sign

    def __bool__(self) -> bool:
        return next(self.each(), None) is not None


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What `signs` say. `needs`: so many distinct recognisers. `over`: values that this one includes and so replaces.

    `side`: of a load strategy, whether it says how the source is read or how the destination is written.
    """

    value: Name
    signs: Signs
    needs: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    over: Names = ()
    side: Literal["source", "destination"] = "destination"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One vendor, technology or group of idioms: one file of the catalogue, named as the file.

    `via`: entries whose `reads` and `writes` are this one's too (``rest``, ``sql``). The role words `reads` and `writes`,
    and the claims, count only where the entry itself is recognised; an idiom has no `recognise`, its claims stand alone.
    """

    name: Name
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
    documentation: Annotated[str, msgspec.Meta(pattern="^https://")]
    domain: Name | Literal[""] = ""
    tags: Names = ()
    via: Names = ()
    recognise: Signs = Signs()
    reads: Signs = Signs()
    writes: Signs = Signs()
    auth: tuple[Claim, ...] = ()
    rate_limit: tuple[Claim, ...] = ()
    load: tuple[Claim, ...] = ()
    schema_mapping: tuple[Claim, ...] = ()
    checks: tuple[Claim, ...] = ()
    compliance: tuple[Claim, ...] = ()

    def claims(self) -> Iterator[tuple[str, Claim]]:
        """(field of this entry, claim), in order."""
        for field in ("auth", "rate_limit", "load", "schema_mapping", "checks", "compliance"):
            for claim in getattr(self, field):
                yield field, claim


@cache
def catalogue() -> Mapping[str, Entry]:
    """Every entry by its name, in order of names. :class:`BadInput` names the file and field that is wrong."""
    folder = files("fde_extraction") / "catalogue"
    read = [entry_of(item.name, item.read_text("utf-8")) for item in folder.iterdir() if item.name.endswith(".yaml")]
    entries = {entry.name: entry for entry in sorted(read, key=lambda entry: entry.name)}
    for entry in entries.values():
        for via in entry.via:
            if via not in entries or "transport" not in entries[via].kinds:
                raise BadInput(f"catalogue/{entry.name}.yaml", f"via: {via} is no transport of the catalogue")
    return entries


def entry_of(file: str, text: str) -> Entry:
    """The entry that the YAML `text` of `file` says; :class:`BadInput` with the file and the field when it is off."""
    where = f"catalogue/{file}"
    try:
        entry = msgspec.convert(yaml.load(text, Loader=_Loader), Entry)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise BadInput(where, f"is no YAML: {error.problem}", line=line) from error
    except msgspec.ValidationError as error:
        raise BadInput(where, str(error)) from error
    if file != f"{entry.name}.yaml":
        raise BadInput(where, f"name: is {entry.name}, and the file is not called so")
    if "idiom" not in entry.kinds and not entry.recognise:
        raise BadInput(where, "recognise: is empty, so nothing recognises it; an idiom alone has none")
    _judge(where, "recognise", entry.recognise, alone=True)
    _judge(where, "reads", entry.reads, alone=False)
    _judge(where, "writes", entry.writes, alone=False)
    for field, claim in entry.claims():
        _judge(where, f"{field} {claim.value}", claim.signs, alone="idiom" in entry.kinds and claim.needs == 1)
        if sum(1 for _ in claim.signs.each()) < claim.needs:
            raise BadInput(where, f"{field} {claim.value}: needs {claim.needs} recognisers and has fewer")
    return entry


_TELLING: Final = 4  # characters that a token with any rest begins with, quote included, to be the first of a sign


def _judge(where: str, field: str, signs: Signs, *, alone: bool) -> None:
    for kind, sign in signs.each():
        first = sign.split()[0]
        if (
            kind in ("code", "sql", "dialect")
            and first != "*"
            and first.endswith(("...", "*"))
            and len(first) < _TELLING
        ):
            raise BadInput(where, f"{field}.{kind}: {sign!r} begins with what takes anything")
        if kind in ("names", "words") and words(sign) != (sign,):
            raise BadInput(where, f"{field}.{kind}: {sign!r} is not one lower-case word")
        if alone and not kind.startswith("imports") and kind != "dialect" and sign.strip("'\"").lower() in GENERIC:
            raise BadInput(where, f"{field}.{kind}: {sign!r} is a word of any code, and recognises nothing alone")


_Loader: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
