"""From a group and its abstraction to a PatternCandidate: names, version, signal, who may see it, who contributed.

Group + Abstracted -> candidate_of() -> PatternCandidate. Pure; names are functions of what they name, so that a second run
proposes the same thing under the same name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from typing import Any, Final, Protocol

from msgspec.structs import replace

from fde_api.candidate import Identity, PatternCandidate, PatternCandidateSpec, Proof, Signal
from fde_api.meta import Metadata
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec, Provenance
from fde_api.publish import MIN_CUSTOMERS
from fde_events.challenge import Challenge
from fde_extraction.acknowledge import acknowledgements
from fde_extraction.explanation import Explained, explanations
from fde_extraction.inference import described
from fde_extraction.join import Group, Skipped
from fde_extraction.solutions import SourceFile

DOMAIN: Final = "integration"
FIRST_VERSION: Final = "v1.0.0"
_PLACEHOLDER: Final = re.compile(r"<[a-z*][a-z-]*>|<\*>")
_NAME_LENGTH: Final = 40
_MAX_CONTRIBUTORS: Final = 64
_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Abstracted:
    """What the abstraction engine made of a group. `files` and `bindings` share their keys: one name a sibling.

    `files`: each sibling's files by their path in the template. `skipped`: files of the group that could not be used after
    all. `explained`: the engine's reasons, one entry a parameter.
    """

    spec: PrimitiveSpec
    proof: Proof
    files: Mapping[str, Mapping[str, SourceFile]]
    bindings: Mapping[str, Mapping[str, Any]]
    skipped: tuple[Skipped, ...] = ()
    explained: tuple[Explained, ...] = ()

    def within(self, group: Group) -> Group:
        """`group` with what was used of it alone."""
        names = sorted(self.files)
        paths = [file.path for file in self.spec.template.files]
        return dataclass_replace(
            group, columns=tuple(tuple(self.files[name][path] for name in names) for path in paths)
        )


class Pseudonymous(Protocol):
    """Turns customers into pseudonyms."""

    def all_of(self, customers: Iterable[str]) -> tuple[str, ...]:
        """Distinct pseudonyms, sorted."""
        ...


def candidate_name(group: Group, owner: str) -> str:
    """``c-<8 hex>`` of the challenge, the language, the pool and the group's earliest file.

    `owner`: the pool's customer as a pseudonym, empty for the common pool. A digest of a submitted file takes part, so that
    nobody can guess from the name whose it is.
    """
    anchor = group.anchor
    return _name("first", group.challenge, group.language, owner, anchor.solution, anchor.path, anchor.digest)


def successor_name(name: str, evidence: str) -> str:
    """The name for evidence that is newer than a decided candidate."""
    return _name("after", name, evidence)


def told_of(challenge: Challenge) -> str:
    """The title as others may read it: what fewer than three customers said is left out."""
    return challenge.public_title or challenge.title


def about_of(challenge: Challenge) -> str:
    """The vendor or library; empty where the title does not say it, because one customer alone calls something so."""
    return "" if told_of(challenge).startswith("<word>") else challenge.block.rpartition("/")[2]


def primitive_name(challenge: Challenge, language: str, *, distinct: str = "") -> str:
    """A DNS label from what the challenge is about: vendor or library, title, language. `distinct` keeps two apart."""
    about = about_of(challenge)
    words: list[str] = []
    for word in re.findall(r"[a-z0-9]+", f"{about} {_PLACEHOLDER.sub(' ', told_of(challenge))}".lower()):
        if word not in words:
            words.append(word)
    while len(words) > 1 and len("-".join(words)) > _NAME_LENGTH:
        words.pop()
    stem = "-".join(words)[:_NAME_LENGTH].strip("-") or "pattern"
    return "-".join(part for part in (stem, language, distinct) if part)


def next_version(published: Iterable[DeploymentPrimitive], name: str) -> str:
    """The first version, or the minor after the highest published one of that name."""
    known = [
        tuple(int(number) for number in match.groups())
        for primitive in published
        if primitive.spec.primitive_name == name and (match := _VERSION.match(primitive.spec.version))
    ]
    if not known:
        return FIRST_VERSION
    major, minor, _ = max(known)
    return f"v{major}.{minor + 1}.0"


def proposed_spec(
    challenge: Challenge,
    group: Group,
    abstracted: Abstracted,
    *,
    name: str,
    version: str,
    pseudonyms: Pseudonymous,
    min_customers: int = MIN_CUSTOMERS,
) -> PrimitiveSpec:
    """The whole proposal. With siblings of fewer than `min_customers` customers, or own-customer ones: visible to those alone."""
    sources = pseudonyms.all_of(group.customers)
    everyone = group.owner is None and len(group.customers) >= max(2, min_customers)
    tags = tuple(
        dict.fromkeys(
            tag for tag in (*abstracted.spec.tags, about_of(challenge), challenge.kind, group.language) if tag
        )
    )
    spec = replace(
        abstracted.spec,
        primitive_name=name,
        version=version,
        domain=abstracted.spec.domain or DOMAIN,
        tags=tags[:32],
        provenance=Provenance(challenge=challenge.id, sources=sources, visible_to=() if everyone else sources),
    )
    # What compliance it may need is only proposed, to whoever reviews it: it stands in no spec.
    inferred, _, _ = described(spec)
    return inferred


def candidate_of(
    challenge: Challenge,
    group: Group,
    abstracted: Abstracted,
    spec: PrimitiveSpec,
    *,
    name: str,
    author: str,
    evidence: str,
) -> PatternCandidate:
    """The candidate under `name`, proposed by `author`, with its evidence by digest and its proof said of `spec`.

    :class:`Refused` when it would leave more to a reviewer than a person looks through.
    """
    listed = acknowledgements(spec, customers=abstracted.proof.sibling_customers)
    return PatternCandidate(
        metadata=Metadata(name=name),
        spec=PatternCandidateSpec(
            author=Identity(username=author),
            signal=signal_of(challenge),
            proposal=spec,
            contributors=contributors(group.files),
            evidence_digest=evidence,
            explained=explanations(abstracted.explained),
            proof=replace(abstracted.proof, acknowledge=listed).of(spec),
        ),
    )


def signal_of(challenge: Challenge) -> Signal:
    """The challenge, counted; nobody's name."""
    return Signal(
        challenge=challenge.id,
        title=told_of(challenge)[:512],
        kind=challenge.kind,
        deployments=max(1, challenge.deployments),
        customers=max(1, challenge.customers),
        events=challenge.events,
        first_seen=challenge.first_seen,
        last_seen=challenge.last_seen,
        threshold_met=challenge.raised_at,
    )


def contributors(files: Sequence[SourceFile]) -> tuple[str, ...]:
    """The engineers whose solutions these are: they may not review what was made of them."""
    return tuple(sorted({file.author[:253] for file in files if file.author}))[:_MAX_CONTRIBUTORS]


def _name(*parts: str) -> str:
    return "c-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
