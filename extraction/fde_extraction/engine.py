"""The abstraction engine as the desk uses it: groups of opened files in, a proven abstraction out.

Group -> Sibling(customer, path, data) -> abstract() -> Abstracted
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fde_api.primitive import PrimitiveSpec
from fde_events.errors import BadInput
from fde_extraction import leak
from fde_extraction.abstract import Sibling, abstract
from fde_extraction.join import Group, Skipped
from fde_extraction.language import language, language_of
from fde_extraction.members import members_of
from fde_extraction.proposal import Abstracted
from fde_extraction.similarity import group_similar, similarity
from fde_extraction.solutions import SourceFile
from fde_template.encoding import decode, encoding_of

_NOT_CODE: Final = ("string", "comment", "template")


class AbstractionEngine:
    """The real one (see :class:`fde_extraction.desk.Engine`)."""

    def group(self, files: Sequence[SourceFile]) -> list[list[SourceFile]]:
        """Files that share enough of their structure."""
        return group_similar(files, data=lambda file: file.data)

    def similarity(self, one: SourceFile, other: SourceFile) -> float:
        """0..1."""
        return similarity(one.data, other.data, one.language)

    def check(self, file: SourceFile) -> None:
        """Raises :class:`BadInput` with the line for a file that cannot be used."""
        _, skipped = members_of([("", file.customer, file.path, file.data)])
        if skipped:
            raise BadInput(file.path, skipped[0].why, line=skipped[0].line)

    def abstract(self, group: Group, *, name: str, customers: Sequence[str]) -> Abstracted:
        """Siblings are named s1, s2, ... in the group's order: a binding's key says nobody's name."""
        files = {f"s{number}": file for number, file in enumerate(group.files, 1)}
        siblings = [Sibling(file.customer, file.path, file.data, member) for member, file in files.items()]
        made = abstract(siblings, name=name, customers=customers)
        owner_of = {file.path: file.customer for file in group.files}
        return Abstracted(
            spec=made.spec,
            proof=made.proof,
            files={member: files[member] for member in made.bindings},
            bindings=made.bindings,
            skipped=tuple(
                Skipped(owner_of[item.path], item.path, item.why, item.line)
                for item in made.report.skipped
                if item.path in owner_of
            ),
        )

    def leaks(self, spec: PrimitiveSpec, abstracted: Abstracted, *, customers: Sequence[str]) -> Sequence[str]:
        """Kinds and places of whatever the finished proposal would tell."""
        words = leak.vocabulary_of([code_of(file.path, file.data) for file in abstracted.files.values()])
        found = leak.scan(spec, abstracted.bindings, customers=customers, vocabulary=words)
        return [f"{item.kind} in {item.where}" for item in found]


def code_of(path: str, data: bytes) -> list[str]:
    """The texts of a file's code: what is in no string, comment or template."""
    kind = language_of(path)
    if kind == "other":
        return []
    tree = language(kind).parse(decode(data, encoding_of(data)), path)
    return [leaf.text for leaf in tree.leaves() if not any(mark in leaf.place for mark in _NOT_CODE)]
