"""What a reviewer must have seen before approving: what no check can decide about a proposal.

PrimitiveSpec, customers of its siblings -> acknowledgements() -> Proof.acknowledge -> page, `fde review show`, approval
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fde_api.candidate import Acknowledgement
from fde_api.primitive import PrimitiveSpec, TemplateFile
from fde_api.publish import MIN_CUSTOMERS
from fde_events.errors import Refused
from fde_extraction.hazard import hazards
from fde_extraction.vouched import acknowledged

MOST: Final = 1024  # as the resource's schema; nobody reads more
_LONGEST: Final = 253


def acknowledgements(spec: PrimitiveSpec, *, customers: int) -> tuple[Acknowledgement, ...]:
    """The list for `spec`, made of siblings of `customers` distinct customers.

    First what it does that may do harm: shells, eval, loads of code, hosts, packages, destruction (fde_extraction.hazard). With
    fewer than three customers every word that stays and that no standard vouches for is listed, where it stands first.
    :class:`Refused` when there is more than a person can look through.
    """
    found = [
        Acknowledgement(kind=item.kind, what=item.what[:_LONGEST], path=item.path, line=item.line)
        for item in hazards(spec)
    ]
    if customers < MIN_CUSTOMERS:
        found += _words(spec)
    if len(found) > MOST:
        raise Refused(
            f"a reviewer would have {len(found)} entries to acknowledge, {MOST} at most: split the files, or wait for solutions "
            f"of {MIN_CUSTOMERS} customers."
        )
    return tuple(found)


def _words(spec: PrimitiveSpec) -> Iterator[Acknowledgement]:
    seen: set[str] = set()
    for file in spec.template.files:
        for line, text in _lines(file):
            for word in acknowledged([text]):
                if word not in seen:
                    seen.add(word)
                    yield Acknowledgement(kind="word", what=word[:_LONGEST], path=file.path, line=line)


def _lines(file: TemplateFile) -> Iterator[tuple[int, str]]:
    """(line, constant text in it), 1-based in the template's text, where a hole is one token without line breaks."""
    line = 1
    for segment in file.segments:
        for offset, text in enumerate((segment.text or "").split("\n")):
            line += offset > 0
            if text:
                yield line, text
