"""The report of an abstraction: for people as lines, for machines as JSON. No sibling's value is in it.

With few customers the words that stay are listed: they are in the template, and whoever reviews it acknowledges them."""

from __future__ import annotations

from typing import Any

import msgspec

from fde_api.primitive import TemplateFile
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction.abstract import Abstraction
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
        if file.shape is None and kind_of(file.path) != "text"
    ]
    if report.acknowledge:
        found.append(
            f"acknowledge: fewer than {MIN_CUSTOMERS} customers, so only the code's own words stay; look through these "
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
    }
    return msgspec.json.encode(body).decode()


def _by_tokens(file: TemplateFile) -> bool:
    return file.language == "other" and plugged(file.path) is None
