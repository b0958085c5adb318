"""Abstraction of regions: what unrelated files share becomes a primitive, and each file is rebuilt around it.

siblings -> regions_of() -> slices at the left margin -> abstract() -> regions of the template, each proven inside its file
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
from msgspec.structs import replace as restruct

from fde_api.primitive import PrimitiveSpec, Runtime, Segment, Template, TemplateFile
from fde_events.errors import FdeError
from fde_extraction import leak
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.imported import imports_of, needed
from fde_extraction.language import language, language_of
from fde_extraction.members import Skipped, sized
from fde_extraction.region import Code, Region, Span, regions_of
from fde_extraction.unparsable import Leaking, NotAbstractable, UnparsableSource
from fde_template.encoding import Encoding, decode, encode, encoding_of
from fde_template.errors import TemplateError
from fde_template.region import Place, cut, placed
from fde_template.render import render
from fde_template.shape import CLASS

# A method parses in a class only; what stands around it while it is abstracted is in no template.
_OPENING, _CLOSING = CLASS
_IN_COMMON: Final = 0.3  # share of the text below which whole files are options of this and that
_TO_WRITE: Final = 1 / 3  # share of the files in source blocks from which on regions are looked for


@dataclass(frozen=True, slots=True)
class Found:
    """One region: its file in the template, the kinds of its units, and where it stands in each member's file (private)."""

    path: str
    kinds: tuple[str, ...]
    places: Mapping[str, tuple[str, Place]]

    def line(self) -> str:
        """For the person who has the files: their names and lines."""
        where = ", ".join(f"{path}:{place.first}-{place.last}" for _, (path, place) in sorted(self.places.items()))
        return f"region {self.path} ({', '.join(dict.fromkeys(self.kinds))}): {where}"


@dataclass(frozen=True, slots=True)
class RegionAbstraction(Abstraction):
    """An abstraction of regions. `found`: one a template file, in order. `left_out`: lines of regions that did not become one."""

    found: tuple[Found, ...] = ()
    left_out: tuple[str, ...] = ()

    def slices(self, member: str, data: bytes) -> dict[str, bytes]:
        """The regions of a member's file, at the left margin, by their path in the template: what it renders for them."""
        text = decode(data, encoding_of(data))
        encodings = {file.path: file.encoding for file in self.spec.template.files}
        return {
            found.path: encode(cut(text, place.start, place.end)[0], encodings[found.path])
            for found in self.found
            for _, place in [found.places[member]]
        }


@dataclass(frozen=True, slots=True)
class _Host:
    """One sibling's file."""

    sibling: Sibling
    name: str
    encoding: Encoding
    code: Code


def abstract_or_regions(
    siblings: Sequence[Sibling], *, regions: bool | None = None, **options: Any
) -> Abstraction | RegionAbstraction:
    """:func:`abstract`; where whole files share too little, their regions. `regions` True: only those, False: never.

    Too little is what `abstract` refuses, or a template more than a third of which would be written anew by whoever uses
    it, when regions leave less than half as much to write, or one of which siblings share less than three tenths. Without a region it is what `abstract` says.
    """
    if regions:
        return abstract_regions(siblings, **options)
    whole: Abstraction | None = None
    refused: NotAbstractable | None = None
    try:
        whole = abstract(siblings, **options)
        unlike = whole.report.source_share > _TO_WRITE or whole.report.shared < _IN_COMMON
        if regions is False or not unlike:
            return whole
    except NotAbstractable as error:
        if regions is False:
            raise
        refused = error
    try:
        part = abstract_regions(siblings, **options)
    except (NotAbstractable, Leaking):
        if whole is not None:
            return whole
        assert refused is not None
        raise refused from None
    if whole is None or whole.report.shared < _IN_COMMON or part.report.source_share < whole.report.source_share / 2:
        return part
    return whole


def abstract_regions(
    siblings: Sequence[Sibling], *, name: str, customers: Sequence[str] = (), domain: str = "integration"
) -> RegionAbstraction:
    """The regions that all siblings share as one primitive, one template file a region.

    Siblings of one file each. :class:`NotAbstractable` when there is no region; :class:`Leaking` as :func:`abstract`.
    """
    sized([(sibling.path, sibling.data) for sibling in siblings])
    hosts, skipped = _hosts(siblings)
    found = regions_of([host.code for host in hosts]) if len(hosts) > 1 else None
    if found is None:
        raise NotAbstractable(
            ", ".join(host.name for host in hosts) or "siblings", "have no function, class or query in common"
        )

    def made(regions: Sequence[Region]) -> Abstraction:
        slices = _slices(regions, hosts, name)
        return abstract(slices, name=name, customers=customers, domain=domain)

    kept, left_out = list(found.regions), list[str]()
    try:
        result = made(kept)
    except NotAbstractable:
        kept, left_out = _fit(kept, made)
        if not kept:
            raise
        result = made(kept)
    return _inside(result, kept, hosts, skipped, left_out, (name, tuple(customers)))


def region_lines(result: Abstraction) -> list[str]:
    """Where the regions stand in the files at hand; nothing of an abstraction of whole files. Not to be published."""
    if not isinstance(result, RegionAbstraction):
        return []
    needs = sorted({statement for file in result.spec.template.files for statement in file.imports})
    return [
        *(found.line() for found in result.found),
        *([f"the file around needs: {'; '.join(needs)}"] if needs else []),
        *(f"no region of it: {why}" for why in result.left_out),
    ]


def with_regions(report: str, result: Abstraction) -> str:
    """A report as JSON, with the regions' places."""
    if not isinstance(result, RegionAbstraction):
        return report
    body = msgspec.json.decode(report)
    body["regions"] = [
        {
            "path": found.path,
            "kinds": list(found.kinds),
            "places": {
                member: {"file": path, "first": place.first, "last": place.last}
                for member, (path, place) in sorted(found.places.items())
            },
        }
        for found in result.found
    ]
    return msgspec.json.encode(body).decode()


def _hosts(siblings: Sequence[Sibling]) -> tuple[list[_Host], list[Skipped]]:
    hosts: list[_Host] = []
    skipped: list[Skipped] = []
    for sibling in siblings:
        name = sibling.member or PurePosixPath(sibling.path).stem
        if any(host.name == name for host in hosts):
            raise NotAbstractable(
                name, "has several files, or its name twice: regions are looked for in siblings of one file each"
            )
        kind = language_of(sibling.path)
        try:
            if kind == "other":
                raise UnparsableSource(sibling.path, "is in no language the engine reads (python, typescript, sql)")
            if not sibling.data.strip() or b"\0" in sibling.data:
                raise UnparsableSource(sibling.path, "is empty, or no source text")
            encoding = encoding_of(sibling.data)
            text = decode(sibling.data, encoding)
            hosts.append(_Host(sibling, name, encoding, Code(text, language(kind).parse(text, sibling.path), kind)))
        except UnparsableSource as error:
            skipped.append(Skipped(error.where, error.why, error.line))
    return hosts, skipped


def _fit(regions: Sequence[Region], made: Callable[[Sequence[Region]], Abstraction]) -> tuple[list[Region], list[str]]:
    """Regions that can be abstracted by themselves; of one that cannot, those in it."""
    kept, left_out = [], []
    todo = list(regions)
    while todo:
        region = todo.pop(0)
        try:
            made([region])
        except NotAbstractable as error:
            todo[:0] = region.inner
            if not region.inner:
                left_out.append(f"{', '.join(region.kinds)} at {region.spans[0].first}: {error.why}")
            continue
        kept.append(region)
    return kept, left_out


def _slices(regions: Sequence[Region], hosts: Sequence[_Host], name: str) -> list[Sibling]:
    """One file a region and sibling, under the template's path."""
    found = []
    for path, region in zip(_paths(regions, hosts, name), regions, strict=True):
        for host, span in zip(hosts, region.spans, strict=True):
            text, _ = cut(host.code.text, span.start, span.end)
            if _wrapped(region):
                text = _OPENING + text + _CLOSING
            encoding: Encoding = "latin-1" if host.encoding == "latin-1" else "utf-8"
            found.append(Sibling(host.sibling.customer, path, encode(text, encoding), host.name))
    return found


def _paths(regions: Sequence[Region], hosts: Sequence[_Host], name: str) -> list[str]:
    kind = hosts[0].code.language
    markup = any(host.sibling.path.lower().endswith(("x",)) for host in hosts)
    suffix = {"python": ".py", "sql": ".sql"}.get(kind, ".tsx" if markup else ".ts")
    stem = name.replace("-", "_")
    return [f"{stem}_{k}{suffix}" if len(regions) > 1 else f"{stem}{suffix}" for k in range(1, len(regions) + 1)]


def _wrapped(region: Region) -> bool:
    return "method" in region.kinds


def _inside(
    result: Abstraction,
    regions: Sequence[Region],
    hosts: Sequence[_Host],
    skipped: Sequence[Skipped],
    left_out: Sequence[str],
    gate: tuple[str, tuple[str, ...]],
) -> RegionAbstraction:
    """The spec says regions and their imports; every sibling is rebuilt around every region; the leak gate sees it all."""
    name, customers = gate
    used = [host for host in hosts if host.name in result.bindings]
    imports = [imports_of(host.code.text, host.code.language) for host in used]
    paths = _paths(regions, hosts, name)
    by_path = {file.path: file for file in result.spec.template.files}
    files, found = [], []
    for path, region in zip(paths, regions, strict=True):
        spans = {host.name: span for host, span in zip(hosts, region.spans, strict=True)}
        names = [names for host, names in zip(hosts, region.used, strict=True) if host.name in result.bindings]
        template = by_path[path]
        if _wrapped(region):
            template = _unwrapped(template)
        files.append(restruct(template, region=True, imports=needed(names, imports)))
        found.append(
            Found(path, region.kinds, {host.name: (host.sibling.path, _place(host, spans[host.name])) for host in used})
        )
    spec = restruct(result.spec, template=Template(files=tuple(files)), runtime=Runtime(deployable=False))
    for host in used:
        _prove(spec, result.bindings[host.name], host, found)
    words = leak.vocabulary_of(
        [leaf.text for host in used for leaf in host.code.tree.leaves() if not _said(leaf.place)]
    )
    names_of_all = tuple(dict.fromkeys([*customers, *(host.sibling.customer for host in used)]))
    heads = restruct(spec, template=Template(files=tuple(restruct(file, segments=()) for file in files)), parameters=())
    if leaks := leak.scan(heads, {}, customers=names_of_all, vocabulary=words):
        raise Leaking(leaks)
    report = replace(result.report, skipped=(*result.report.skipped, *skipped))
    kept = {item.name: getattr(result, item.name) for item in fields(Abstraction)}
    return RegionAbstraction(**{**kept, "spec": spec, "report": report}, found=tuple(found), left_out=tuple(left_out))


def _said(place: str) -> bool:
    return any(mark in place for mark in ("string", "comment", "template"))


def _place(host: _Host, span: Span) -> Place:
    _, indent = cut(host.code.text, span.start, span.end)
    return Place(span.start, span.end, indent, span.first, span.last)


def _prove(spec: PrimitiveSpec, bound: Mapping[str, Any], host: _Host, found: Sequence[Found]) -> None:
    """Each region rendered at its place gives the whole file back, byte for byte."""
    secret = {parameter.name for parameter in spec.parameters if parameter.type == "secretRef"}
    values = {key: value for key, value in bound.items() if key not in secret}
    secrets = {key: str(value) for key, value in bound.items() if key in secret}
    for file, region in zip(spec.template.files, found, strict=True):
        _, place = region.places[host.name]
        try:
            text = decode(render(file, values, spec.parameters, secrets=secrets), file.encoding)
            whole = encode(placed(host.code.text, place, text), host.encoding)
        except (TemplateError, FdeError) as error:
            raise NotAbstractable(host.name, f"cannot be rebuilt: {error}") from error
        if whole != host.sibling.data:
            raise NotAbstractable(host.name, f"does not come back byte for byte around the region {file.path}")


def _unwrapped(file: TemplateFile) -> TemplateFile:
    """`file` without the class around its methods."""
    segments = _without(_OPENING, file.segments)
    backwards = [
        segment if segment.text is None else restruct(segment, text=segment.text[::-1]) for segment in segments[::-1]
    ]
    segments = _without(_CLOSING[::-1], backwards)[::-1]
    ahead = [segment if segment.text is None else restruct(segment, text=segment.text[::-1]) for segment in segments]
    return restruct(file, segments=tuple(ahead))


def _without(text: str, segments: Sequence[Segment]) -> list[Segment]:
    """`segments` without `text` at their beginning."""
    left = list(segments)
    while text:
        first = left.pop(0).text if left else None
        if first is None:
            raise NotAbstractable("region", "its methods cannot be told from the class around them")
        if first.startswith(text):
            left[:0] = [Segment(text=first[len(text) :])] if len(first) > len(text) else []
            text = ""
        elif text.startswith(first):
            text = text[len(first) :]
        else:
            raise NotAbstractable("region", "its methods cannot be told from the class around them")
    return left
