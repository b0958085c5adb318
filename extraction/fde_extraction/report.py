"""The report of an abstraction: for people as lines, for machines as JSON. No sibling's value is in it.

With few customers the words that stay are listed: they are in the template, and whoever reviews it acknowledges them."""

from __future__ import annotations

from typing import Any

import msgspec

from fde_api.primitive import TemplateFile
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction.abstract import Abstraction
from fde_extraction.explanation import sentence
from fde_extraction.language import kind_of, plugged


def lines(result: Abstraction) -> list[str]:
    """What was found, in a few lines."""
    report, spec = result.report, result.spec
    found = [f"skipped {item}" for item in report.skipped]
    found.append(f"{spec.primitive_name}: {len(spec.parameters)} parameters, {result.proof.line()}")
    if report.source_blocks:
        found.append(
            f"{report.source_blocks} source blocks, at most {report.source_share:.0%} of a file: the siblings differ in "
            "structure there, and whoever instantiates it writes that source"
        )
    found += [
        f"{file.path}: in no language the engine reads, so it is taken by its tokens ({kind_of(file.path)}): look at its holes"
        for file in spec.template.files
        if _by_tokens(file)
    ]
    found += [
        f"{file.path}: no shape is checked, the siblings' trees differ"
        for file in spec.template.files
        # With blocks and repeats a rendered file is held to the shape of a reference rendering instead.
        if file.shape is None and kind_of(file.path) != "text" and not any(s.when or s.each for s in file.segments)
    ]
    flags = sum(parameter.type == "bool" for parameter in spec.parameters)
    repeats = sum(parameter.type == "list" for parameter in spec.parameters)
    if repeats or any(segment.when for file in spec.template.files for segment in file.segments):
        found.append(f"{flags} flags, {repeats} lists: blocks that some siblings have, and items that repeat")
    if report.evidence:
        found.append("inferred: " + ", ".join(dict.fromkeys(f"{item.field} {item.value}" for item in report.evidence)))
    if report.compliance:
        tags = ", ".join(dict.fromkeys(str(item.value) for item in report.compliance))
        found.append(f"compliance proposed, in no spec until a person adds it: {tags}")
    if report.acknowledge:
        found.append(
            f"acknowledge: in code of fewer than {MIN_CUSTOMERS} customers only its own and ordinary words stay; look through these "
            f"{len(report.acknowledge)}: {', '.join(report.acknowledge)}"
        )
    return found


def as_json(result: Abstraction) -> str:
    """Proof, parameters and where each stands."""
    body: dict[str, Any] = {
        "primitive": result.spec.primitive_name,
        "proof": msgspec.to_builtins(result.proof),
        "skipped": [str(item) for item in result.report.skipped],
        "sourceBlocks": result.report.source_blocks,
        "byTokens": [file.path for file in result.spec.template.files if _by_tokens(file)],
        "sourceShare": round(result.report.source_share, 4),
        "acknowledge": list(result.report.acknowledge),
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "uses": [
                    {"path": use.path, "line": use.line, "place": use.place, "filters": list(use.filters)}
                    for use in result.report.uses[parameter.name]
                ],
            }
            for parameter in result.spec.parameters
        ],
        "explained": [
            {
                "parameter": item.parameter,
                "type": sentence(item.type_reason),
                "name": sentence(item.name_reason),
                "holes": [
                    {"path": hole.path, "line": hole.line, "place": hole.place, "reason": sentence(hole.reason)}
                    for hole in item.holes
                ],
            }
            for item in result.report.explained
        ],
        "evidence": [msgspec.to_builtins(item) for item in result.report.evidence],
        "compliance": [msgspec.to_builtins(item) for item in result.report.compliance],
    }
    return msgspec.json.encode(body).decode()


def _by_tokens(file: TemplateFile) -> bool:
    return file.language == "other" and plugged(file.path) is None
