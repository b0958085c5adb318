"""The spec around a template: domain, complexity, tags and pattern, each with its evidence; compliance only proposed.

PrimitiveSpec.template -> shown() -> Code -> infer() by the catalogue -> described() -> the proposal's spec

Only what siblings share is read, so no value of theirs can be in it, and another customer's name changes nothing. A value
is claimed by the count of distinct recognisers; with none, or with as many for another value, the field stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from fde_api.primitive import Endpoint, Pattern, PrimitiveSpec, Transform
from fde_extraction.catalogue import Claim, Entry, catalogue
from fde_extraction.complexity import Complexity, complexity_of
from fde_extraction.endpoint import SIDES, Known, Side, endpoints, most, over_http, recognised
from fde_extraction.recogniser import Code, Sighting
from fde_extraction.shown import shown

DEFAULT_DOMAIN: Final = "integration"
MOST_TAGS: Final = 32
MOST_CHECKS: Final = 16
# How data is kept says less than what it is about: of two endpoints the one with a business domain names the spec's.
TECHNICAL: Final = frozenset({"data-warehouse", "database", "streaming", "messaging", "storage", "api", "cache"})

_ENDS: Final = frozenset({"source", "destination"})

_Part = TypeVar("_Part", Endpoint, Transform)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why `field` of the spec is `value`: what of the catalogue's `entry` was seen, and where first in the template.

    `path` and `line` are empty and 0 where it is no place but a count. `line` is 1-based, each hole read as one line.
    """

    field: str
    value: str
    entry: str
    why: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a template says of itself. `compliance` is proposed to the reviewer and stands in no spec."""

    domain: str
    complexity: Complexity
    tags: tuple[str, ...]
    pattern: Pattern
    evidence: tuple[Evidence, ...]
    compliance: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """A claim that was seen: by which entry."""

    entry: Entry
    claim: Claim
    seen: tuple[Sighting, ...]


def infer(spec: PrimitiveSpec) -> Inferred:
    """What the template of `spec` says. Pure; the same template gives the same, in the same order."""
    code = Code([shown(file) for file in spec.template.files])
    known = recognised(code)
    said = _claims(code, known)
    evidence = list[Evidence]()
    ends = endpoints(known)
    for side in SIDES:
        end = ends[side]
        if end is not None:
            evidence += _why(
                f"pattern.{side}.type", end.entry.name, end.entry, (*end.seen, *end.own[side], *end.inherited[side])
            )
    auth = _sided("auth", "authMethod", ends, said, evidence)
    rate = _sided("rate_limit", "rateLimitHandling", ends, said, evidence)
    load = {
        side: _claimed(f"pattern.{side}.loadStrategy", [s for s in said["load"] if s.claim.side == side], evidence)
        for side in SIDES
    }
    source, destination = (
        Endpoint(
            type=end.entry.name if (end := ends[side]) else "",
            auth_method=auth[side],
            rate_limit_handling=rate[side],
            load_strategy=load[side],
        )
        for side in SIDES
    )
    transform = Transform(
        type=_transform(spec, known, evidence),
        schema_mapping=_claimed("pattern.transform.schemaMapping", said["schema_mapping"], evidence),
        data_quality_checks=_all("pattern.transform.dataQualityChecks", said["checks"], evidence)[:MOST_CHECKS],
    )
    domain = _domain(ends, known, evidence)
    complexity, why = complexity_of(spec, sum(file.control for file in code.files))
    evidence.append(Evidence("complexity", complexity, "rule", why, "", 0))
    tags = _tags(spec, known, ends, said, evidence)
    proposals = list[Evidence]()
    _all("compliance", said["compliance"], proposals)
    return Inferred(
        domain,
        complexity,
        tags,
        Pattern(source=source, transform=transform, destination=destination),
        tuple(evidence),
        tuple(proposals),
    )


def described(spec: PrimitiveSpec) -> tuple[PrimitiveSpec, tuple[Evidence, ...], tuple[Evidence, ...]]:
    """`spec` with what its template says, the evidence, and the compliance tags proposed (in no spec until a person adds them).

    What somebody already said stays: a domain that is not the default, and fields of the pattern that are not empty.
    """
    found = infer(spec)
    pattern = Pattern(
        source=_filled(spec.pattern.source, found.pattern.source),
        transform=_filled(spec.pattern.transform, found.pattern.transform),
        destination=_filled(spec.pattern.destination, found.pattern.destination),
    )
    new = msgspec.structs.replace(
        spec,
        domain=spec.domain if spec.domain not in ("", DEFAULT_DOMAIN) else found.domain,
        complexity=found.complexity,
        tags=tuple(sorted({*spec.tags[:MOST_TAGS], *found.tags[: MOST_TAGS - len(set(spec.tags) - set(found.tags))]})),
        pattern=pattern,
    )
    return new, found.evidence, found.compliance


def evidence_lines(evidence: Iterable[Evidence]) -> list[str]:
    """One line a field and value for people: what it is, and why, by entry and place."""
    grouped = dict[tuple[str, str], list[Evidence]]()
    for item in evidence:
        grouped.setdefault((item.field, item.value), []).append(item)
    return [
        f"{field} {value}: "
        + "; ".join(
            f"{item.why}" + (f" ({item.path}:{item.line}, {item.entry})" if item.path else "") for item in items
        )
        for (field, value), items in grouped.items()
    ]


def _filled(said: _Part, found: _Part) -> _Part:
    """`said`, with what `found` has where it is empty."""
    return msgspec.structs.replace(
        said, **{name: getattr(said, name) or getattr(found, name) for name in said.__struct_fields__}
    )


def _claims(code: Code, known: Mapping[str, Known]) -> dict[str, list[_Said]]:
    said: dict[str, list[_Said]] = {
        field: [] for field in ("auth", "rate_limit", "load", "schema_mapping", "checks", "compliance")
    }
    for name, entry in catalogue().items():
        if name in known or "idiom" in entry.kinds:
            for field, claim in entry.claims():
                seen = code.found(claim.signs)
                if len(seen) >= claim.needs:
                    said[field].append(_Said(entry, claim, seen))
    return said


def _sided(
    field: str,
    called: str,
    ends: Mapping[Side, Known | None],
    said: Mapping[str, list[_Said]],
    evidence: list[Evidence],
) -> dict[Side, str]:
    """A claim of an endpoint's own entry is that endpoint's; another is of the one endpoint that could have made it."""
    own = {
        side: [s for s in said[field] if end and s.entry.name in (end.entry.name, *end.entry.via)]
        for side, end in ends.items()
    }
    taken = {s.claim.value for claims in own.values() for s in claims}
    rest = [s for s in said[field] if s.claim.value not in taken and not _ENDS & {*s.entry.kinds}]
    open_ = [side for side in SIDES if (end := ends[side]) is not None and over_http(end.entry)]
    if len(open_) == 2 and ends["source"] is ends["destination"]:
        open_ = open_[:1]
    if len(open_) == 2:
        open_ = [side for side in open_ if not own[side]]
    return {
        side: _claimed(f"pattern.{side}.{called}", [*own[side], *(rest if open_ == [side] else ())], evidence)
        for side in SIDES
    }


def _claimed(field: str, said: Sequence[_Said], evidence: list[Evidence]) -> str:
    """The value with the most distinct recognisers, values that another includes left out; empty when two have as many."""
    merged = dict[str, list[_Said]]()
    for one in _unincluded(said):
        merged.setdefault(one.claim.value, []).append(one)
    value = most([(value, sum(len(one.seen) for one in ones)) for value, ones in merged.items()])
    for one in merged.get(value or "", ()):
        evidence += _why(field, one.claim.value, one.entry, one.seen)
    return value or ""


def _unincluded(said: Sequence[_Said]) -> list[_Said]:
    included = {value for one in said for value in one.claim.over if value != one.claim.value}
    return [one for one in said if one.claim.value not in included]


def _all(field: str, said: Sequence[_Said], evidence: list[Evidence]) -> tuple[str, ...]:
    for one in sorted(said, key=lambda one: (one.claim.value, one.entry.name)):
        evidence += _why(field, one.claim.value, one.entry, one.seen)
    return tuple(sorted({one.claim.value for one in said}))


def _transform(spec: PrimitiveSpec, known: Mapping[str, Known], evidence: list[Evidence]) -> str:
    tools = [k for k in known.values() if "transform" in k.entry.kinds]
    tool = most([(k, k.points) for k in tools])
    if tool is not None:
        evidence += _why("pattern.transform.type", tool.entry.name, tool.entry, tool.seen)
        return tool.entry.name
    files = [file for file in spec.template.files if file.language not in ("other", "sql")]
    files = files or [file for file in spec.template.files if file.language == "sql"]
    if tools or len({file.language for file in files}) != 1:
        return ""
    evidence.append(
        Evidence(
            "pattern.transform.type", files[0].language, "language", f"written in {files[0].language}", files[0].path, 1
        )
    )
    return files[0].language


def _domain(ends: Mapping[Side, Known | None], known: Mapping[str, Known], evidence: list[Evidence]) -> str:
    of_ends = [end for end in (ends["source"], ends["destination"]) if end is not None and end.entry.domain]
    chosen = next((end for end in of_ends if end.entry.domain not in TECHNICAL), None)
    if chosen is None:
        business = [k for k in known.values() if k.entry.domain and k.entry.domain not in TECHNICAL]
        chosen = most([(k, k.points) for k in business]) or (of_ends[-1] if of_ends else None)
    if chosen is None:
        return DEFAULT_DOMAIN
    evidence += _why("domain", chosen.entry.domain, chosen.entry, chosen.seen)
    return chosen.entry.domain


def _tags(
    spec: PrimitiveSpec,
    known: Mapping[str, Known],
    ends: Mapping[Side, Known | None],
    said: Mapping[str, list[_Said]],
    evidence: list[Evidence],
) -> tuple[str, ...]:
    """Languages, technologies and idioms; should there be too many, those of the endpoints stay, then the surest."""
    ranked = dict.fromkeys(str(file.language) for file in spec.template.files if file.language != "other")
    chosen = [end for end in ends.values() if end is not None]
    others = sorted(
        (k for k in known.values() if k not in chosen and k.entry.name != "sql"),
        key=lambda k: (-k.points, k.entry.name),
    )
    tags = {language: [Evidence("tags", language, "language", f"a file is {language}", "", 0)] for language in ranked}
    for k in (*chosen, *others):
        for tag in (k.entry.name, *k.entry.tags):
            tags.setdefault(tag, list(_why("tags", tag, k.entry, k.seen)))
    for field in ("auth", "load", "rate_limit"):
        for one in _unincluded(said[field]):
            tags.setdefault(one.claim.value, list(_why("tags", one.claim.value, one.entry, one.seen)))
    kept = sorted(list(tags)[:MOST_TAGS])
    for tag in kept:
        evidence += tags[tag]
    return tuple(kept)


def _why(field: str, value: str, entry: Entry, seen: Iterable[Sighting]) -> Iterable[Evidence]:
    return [Evidence(field, value, entry.name, one.why, one.path, one.line) for one in dict.fromkeys(seen)]
