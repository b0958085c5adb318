"""An attempt: aligned files to a finished spec, and what the leak gate says of it.

SourceFile's pieces -> draft() -> unify() -> declare() -> templates() -> spec -> leak.scan(); abstract() tries again with
what leaked lifted to parameters
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from fde_api.primitive import PrimitiveSpec, Template, Value
from fde_api.publish import MIN_CUSTOMERS
from fde_extraction import leak, sensitive
from fde_extraction.declaration import Declaration, declare
from fde_extraction.draft import Source, draft
from fde_extraction.inference import Evidence, described
from fde_extraction.label import words_of
from fde_extraction.members import Member
from fde_extraction.naming import Names
from fde_extraction.slot import Slot
from fde_extraction.source_file import SourceFile, shows_secret, source_share, vocabulary_of
from fde_extraction.surrounding import told
from fde_extraction.template_file import templates
from fde_extraction.unify import unify
from fde_extraction.unparsable import NotAbstractable
from fde_template.words import words

MOST_PARAMETERS: Final = 256  # as the resource's schema
MOST_SEGMENTS: Final = 4096
MOST_FIELDS: Final = 32
MOST_SOURCE: Final = 0.5  # share of the siblings' text that may be free source blocks


@dataclass(frozen=True, slots=True)
class Attempt:
    """A spec with each member's bindings, what it was made of, and its leaks; `lifted` are texts that were forced out."""

    spec: PrimitiveSpec
    bindings: dict[str, dict[str, Value]]
    declaration: Declaration
    slots: list[Slot]
    leaks: list[leak.Leak]
    source_share: float
    evidence: tuple[Evidence, ...]
    compliance: tuple[Evidence, ...]
    lifted: frozenset[str]

    def liftable(self) -> frozenset[str]:
        """Texts of the leaking parameters that have not been forced out yet."""
        leaking = {found.parameter for found in self.leaks if found.kind == "value" and found.parameter}
        texts = {
            text for value, named, _ in self.declaration.of_value if named.parameter in leaking for text in value.texts
        }
        return frozenset(texts) - self.lifted


def attempt(
    files: Sequence[SourceFile],
    members: Sequence[Member],
    customers: Sequence[str],
    *,
    name: str,
    domain: str,
    lifted: frozenset[str] = frozenset(),
    houses: Sequence[str] = (),
) -> Attempt:
    """One spec of `files`, whose parts are set. `houses`: of the `customers`, names that the siblings' hosts tell. :class:`NotAbstractable` when it would be no template worth the name."""
    owners = [owner(member) for member in members]
    sources = [Source(file.aligned, file.secrets, file.language, file.imported) for file in files]
    drafted = draft(sources, customers, owners=owners, enough=MIN_CUSTOMERS, said=name, lifted=lifted, houses=houses)
    for file, parts in zip(files, drafted.parts, strict=True):
        file.parts = told(parts)
    slots = [part for file in files for part in file.parts if isinstance(part, Slot)]
    shown = [word for file in files for part in file.parts if isinstance(part, str) for word in words(part)]
    shown += [label.text for slot in slots for label in slot.labels if label.role == "keyword case"]
    parties = any(sensitive.PARTY & set(words_of(label.text)) for slot in slots for label in slot.labels)
    # A client is what calls an API as often as whom one works for: it does not say that the code names its party.
    said = sensitive.PARTY - {"client", "owner"}
    named = any(
        said & set(words_of(label.text)[-1:])
        for slot in slots
        for label in slot.labels
        if label.role in ("assigned", "keyword", "key", "alias")
    )
    names = Names(shown, [*customers, *sorted(lifted)], guess=not named)
    chosen = {repeat for choice in drafted.choices.all if (repeat := choice.frame.repeat()) is not None}
    declaration = declare([file.parts for file in files], slots, unify(slots, chosen), drafted.choices, names)
    template = Template(files=tuple(templates(files, declaration)))
    _bounded(template, declaration, members)
    share = source_share(files)
    if share > MOST_SOURCE:
        raise NotAbstractable(
            ", ".join(member.name for member in members),
            f"{share:.0%} of them would be source blocks: the siblings share too little structure for a template",
        )
    spec, evidence, compliance = described(
        PrimitiveSpec(
            primitive_name=name,
            version="v0.1.0",
            domain=domain,
            template=template,
            parameters=tuple(declaration.parameters),
            tags=tuple(sorted({file.language for file in files})),
        )
    )
    bindings = {member.name: declaration.bindings(k) for k, member in enumerate(members)}
    # A tag that a sibling has as a value (a macro's prefix) would tell that value: it is inferred, and can be missed.
    held = {"".join(words(text)) for value, *_ in declaration.of_value for text in value.texts}
    spec = msgspec.structs.replace(spec, tags=tuple(tag for tag in spec.tags if "".join(words(tag)) not in held))
    hidden = _hidden(slots, declaration)
    leaks = [
        *leak.scan(
            spec,
            bindings,
            customers=customers,
            vocabulary=vocabulary_of(files),
            shown=names.shown,
            owned=_owned(slots, declaration, customers, by_name=parties),
            shared=len(set(owners)) >= MIN_CUSTOMERS,
        ),
        *(
            leak.Leak("secret", f"template.files[{index}]")
            for index, file in enumerate(files)
            if shows_secret(file, hidden)
        ),
    ]
    return Attempt(spec, bindings, declaration, slots, leaks, share, evidence, compliance, lifted)


def _hidden(slots: Sequence[Slot], declaration: Declaration) -> Callable[[Slot], bool]:
    """Whether a slot's value is never shown: it is a secretRef's."""
    kinds = {parameter.name: parameter.type for parameter in declaration.parameters}
    secret = {
        id(slot) for index, slot in enumerate(slots) if kinds[declaration.hole(index, slot).parameter] == "secretRef"
    }
    return lambda slot: id(slot) in secret


def owner(member: Member) -> str:
    """The member's customer; one name in two spellings is one."""
    return "".join(words(member.customer)) or member.customer


def _bounded(template: Template, declaration: Declaration, members: Sequence[Member]) -> None:
    where = ", ".join(member.name for member in members)
    if len(declaration.parameters) > MOST_PARAMETERS:
        raise NotAbstractable(
            where,
            f"would need {len(declaration.parameters)} parameters ({MOST_PARAMETERS} at most): nobody fills in such a "
            "schema; split the files",
        )
    wide = max((len(parameter.fields) for parameter in declaration.parameters), default=0)
    if wide > MOST_FIELDS:
        raise NotAbstractable(
            where,
            f"would need a list whose items have {wide} fields ({MOST_FIELDS} at most): nobody fills in such records; "
            "split them",
        )
    if any(len(file.segments) > MOST_SEGMENTS for file in template.files):
        raise NotAbstractable(
            where, f"would need a template of more than {MOST_SEGMENTS} segments in one file; split the files"
        )


def _owned(
    slots: Sequence[Slot], declaration: Declaration, customers: Sequence[str], *, by_name: bool
) -> frozenset[str]:
    """Parameters that hold a customer's or person's name: by what the code calls them, or because they spell one.

    `by_name`: names count too, because they are the code's; a name that was guessed proves nothing.
    """
    names = {"".join(words(customer)) for customer in customers}
    return frozenset(
        named.parameter
        for value, named, kind in declaration.of_value
        if kind.type in ("secretRef", "email", "host", "url")
        or any(
            sensitive.PARTY & set(words(hint))
            for index in value.uses
            for hint in (*slots[index].hints[:2], *([kind.name] if by_name else []))
        )
        or any(slots[index].sensitive == "person" for index in value.uses)
        or any("".join(words(text)) in names for text in value.texts)
    )
