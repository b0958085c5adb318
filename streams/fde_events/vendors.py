"""Catalogue of vendors and of classes of internal systems: whose API failed, and what its answers mean.

One file a vendor in ``catalogue/``; ``_systems.toml`` for classes of internal products (ERP, WMS, ...), ``_libraries.toml`` for
libraries that belong to no vendor, ``_general.toml`` for the answers that mean the same at every vendor (RFC 6749, gRPC, HTTP). A vendor is known by its public domains, by the packages
of its SDKs, and by the words engineers name a connector after. Redaction keeps what stands here and nothing else; signatures
read the same tables, so that both see the same vendor before and after redaction. Nothing in code names a vendor.

A file of the catalogue::

    name = "postgres"
    domains = ["neon.tech"]            # suffixes of public hosts
    libraries = ["psycopg", "pg"]      # import names and package names of its SDKs
    words = ["postgres"]               # what a connector to it is called

    [cause."auth.password"]            # one fix answers all that stands here
    codes = ["28P01"]                  # the vendor's own codes: of a body, of an exception, SQLSTATE
    types = ["InvalidPassword"]        # exception types of its SDKs, without module
    tells = ["password authentication failed for user"]   # a sentence nobody else says: it names the vendor as well
    says = ["role * is not permitted to log in"]          # a sentence that means this once the vendor is known; * is a gap
    conditions = ["refused"]           # transport conditions (fde_streams.condition) that are the same challenge here
    status = [401]                     # HTTP status, when nothing else was said
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from fde_events.flat import read_flat

CATALOGUE: Final = Path(__file__).parent / "catalogue"
_KEYS: Final = ("codes", "types", "tells", "says", "conditions", "status")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What answers of a vendor mean: `cause` is one word for all of them. Phrases are lower case, ``*`` is a gap."""

    cause: str
    codes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    status: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor. `domains` are suffixes of public hosts, `libraries` import or package names, `words` connector words."""

    name: str
    domains: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """A library that everybody uses. `packages`: import and package names; `types`: exception classes only it calls so."""

    name: str
    packages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def read_vendor(path: Path) -> Vendor:
    """The vendor of one catalogue file. ValueError names the file and what is wrong with it."""
    fields = _toml(path)
    if unknown := fields.keys() - {"name", "domains", "libraries", "words", "cause"}:
        raise ValueError(f"{path.name}: unknown key {min(unknown)!r}")
    if fields.get("name", path.stem) != path.stem:
        raise ValueError(f"{path.name}: the name is {fields['name']!r}; a file is called like its vendor")
    listed = {key: _texts(path, key, fields.get(key, [])) for key in ("domains", "libraries", "words")}
    return Vendor(path.stem, listed["domains"], listed["libraries"], listed["words"], _meanings(path, fields))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return read_flat(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: not TOML: {error}") from error


def _texts(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
        raise ValueError(f"{path.name}: {key} is a list of texts")
    return tuple(value)


def _meanings(path: Path, fields: dict[str, Any]) -> tuple[Meaning, ...]:
    found = []
    causes = fields.get("cause", {})
    if not isinstance(causes, dict) or not all(isinstance(rule, dict) for rule in causes.values()):
        raise ValueError(f'{path.name}: a cause is a table of its own: [cause."auth.expired"]')
    for cause, rule in causes.items():
        where = f"cause.{cause!r}"
        if not re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", cause):
            raise ValueError(f"{path.name}: {where}: a cause is lower-case words, dots and hyphens")
        if unknown := rule.keys() - set(_KEYS):
            raise ValueError(f"{path.name}: {where}: unknown key {min(unknown)!r}")
        if not any(rule.values()):
            raise ValueError(f"{path.name}: {where}: nothing means it; give it one of {', '.join(_KEYS)}")
        status = rule.get("status", [])
        if not isinstance(status, list) or not all(isinstance(code, int) and 100 <= code <= 599 for code in status):
            raise ValueError(f"{path.name}: {where}: status is a list of HTTP statuses")
        texts = {key: _texts(path, f"{where}.{key}", rule[key]) if key in rule else () for key in _KEYS[:5]}
        for key in ("tells", "says"):
            texts[key] = tuple(" ".join(phrase.lower().split()) for phrase in texts[key])
        if any(len(re.findall(r"[a-z]{2,}", phrase)) < 2 for phrase in texts["tells"]):  # one word is nobody's own
            raise ValueError(f"{path.name}: {where}: a phrase that tells the vendor has two words at least")
        found.append(
            Meaning(
                cause, texts["codes"], texts["types"], texts["tells"], texts["says"], texts["conditions"], tuple(status)
            )
        )
    return tuple(found)


def _systems() -> tuple[Vendor, ...]:
    path = CATALOGUE / "_systems.toml"
    return tuple(Vendor(name, words=_texts(path, name, words)) for name, words in _toml(path)["system"].items())


def _libraries() -> tuple[Library, ...]:
    path = CATALOGUE / "_libraries.toml"
    found = []
    for name, fields in _toml(path)["library"].items():
        if unknown := fields.keys() - {"packages", "types"}:
            raise ValueError(f"{path.name}: library.{name}: unknown key {min(unknown)!r}")
        lists = {key: _texts(path, f"library.{name}.{key}", fields.get(key, [])) for key in ("packages", "types")}
        found.append(Library(name, lists["packages"], lists["types"]))
    return tuple(found)


VENDORS: Final[tuple[Vendor, ...]] = tuple(read_vendor(path) for path in sorted(CATALOGUE.glob("[a-z0-9]*.toml")))
SYSTEMS: Final[tuple[Vendor, ...]] = _systems()
GENERAL: Final[tuple[Meaning, ...]] = _meanings(CATALOGUE / "_general.toml", _toml(CATALOGUE / "_general.toml"))

LIBRARIES: Final[tuple[Library, ...]] = _libraries()

_DOMAINS: Final = {domain: vendor.name for vendor in VENDORS for domain in vendor.domains}
_LIBRARIES: Final = {library: vendor.name for vendor in VENDORS for library in vendor.libraries}
_WORDS: Final = {word: vendor.name for vendor in VENDORS for word in vendor.words}
_SYSTEM_WORDS: Final = {word: system.name for system in SYSTEMS for word in system.words}
_PACKAGES: Final = {package: library.name for library in LIBRARIES for package in library.packages}
_TYPES: Final = {name: library.name for library in LIBRARIES for name in library.types}
_NAMES: Final = {each.name for each in VENDORS} | {each.name for each in SYSTEMS} | {each.name for each in LIBRARIES}
_LABEL: Final = re.compile(r"[a-z]+(?=\d*(?:[-.]|$))", re.IGNORECASE)


@lru_cache(maxsize=16_384)
def vendor_of_host(host: str) -> str | None:
    """The vendor of a public host name, by its longest catalogued suffix; None for any other host."""
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        name = _DOMAINS.get(".".join(labels[start:]))
        if name is not None:
            return name
    return None


def system_of_host(host: str) -> str | None:
    """The class of an internal system by the first label of its host: ``wms6.acme.example`` is a ``wms``."""
    first = _LABEL.match(host)
    return None if first is None else _SYSTEM_WORDS.get(first.group().lower())


@lru_cache(maxsize=16_384)
def vendor_of_library(library: str) -> str | None:
    """The vendor of an SDK by its import or package name, scope included; None for a general-purpose library.

    The longest catalogued prefix decides: ``google.cloud.bigquery`` before ``google``, ``@aws-sdk`` for all under it, and
    ``google.protobuf``, which is a general library, before both.
    """
    return _longest(library)[0]


@lru_cache(maxsize=16_384)
def library_of_package(package: str) -> str | None:
    """The general library that an import or package name belongs to: ``httpcore`` is ``httpx``; None if not catalogued."""
    return _longest(package)[1]


def _longest(name: str) -> tuple[str | None, str | None]:
    """The vendor, or the general library, of the longest catalogued prefix of a dotted or slashed name."""
    parts = re.split(r"([./])", name)
    for end in range(len(parts), 0, -2):
        prefix = "".join(parts[:end])
        if prefix in _PACKAGES:
            return None, _PACKAGES[prefix]
        if prefix in _LIBRARIES:
            return _LIBRARIES[prefix], None
    return None, None


def library_of_type(name: str) -> str | None:
    """The general library that alone calls an exception so; `name` without its module."""
    return _TYPES.get(name)


def is_catalogued(name: str) -> bool:
    """Whether `name` is a vendor's, a system class's or a general library's of the catalogue."""
    return name in _NAMES


def vendor_of_word(word: str) -> str | None:
    """The vendor or system class that a connector called `word` talks to; None if the word is not in the catalogue."""
    return _WORDS.get(word.lower()) or _SYSTEM_WORDS.get(word.lower())
