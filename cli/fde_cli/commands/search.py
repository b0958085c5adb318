"""`fde search`: published primitives by words, or from an error to its challenge, its primitives and whom to ask."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fde_cli.options import Brokers, Positive

if TYPE_CHECKING:
    from fde_events.challenge import Challenge
    from fde_registry.registry import Registry


def search(
    *words: str,
    registry: Annotated[str | None, Parameter(env_var="FDE_REGISTRY")] = None,
    error: Annotated[bool, Parameter(negative=())] = False,
    challenges: Path | None = None,
    brokers: Brokers | None = None,
    limit: Positive = 10,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Find published primitives.

    Parameters
    ----------
    words
        What it is about: a vendor, a failure, a parameter.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    error
        Read a stack trace or log excerpt from standard input instead.
    challenges
        With --error: exported challenges (JSON lines); a directory registry has them in challenges.jsonl.
    brokers
        With --error: read the challenges from Kafka instead.
    limit
        At most so many primitives.
    json_
        One JSON object a line.
    """
    from fde_cli.registry_option import registry_at
    from fde_events.errors import Misuse

    if error == bool(words):
        raise Misuse("give words to search for, or --error with a stack trace on standard input.")
    home = registry_at(registry)
    found = _by_error(home, registry or "", challenges, brokers) if error else _by_words(home, " ".join(words), limit)
    if not found:
        what = "no challenge holds this error's signature" if error else "no published primitive matches"
        print(f"fde search: {what}", file=sys.stderr)
        return 1
    for item in found:
        print(json.dumps(item) if json_ else _told(item))
    return 0


def _by_words(home: Registry, words: str, limit: int) -> list[dict[str, Any]]:
    from fde_library.index import Index

    return [
        {
            "primitive": hit.primitive.metadata.name,
            "versions": list(hit.versions),
            "domain": hit.primitive.spec.domain,
            "tags": list(hit.primitive.spec.tags),
            "parameters": [parameter.name for parameter in hit.primitive.spec.parameters],
            "matched": list(hit.matched),
            "score": round(hit.score, 3),
            "challenge": hit.primitive.spec.provenance.challenge,
            "ask": [*hit.primitive.spec.provenance.contributors, hit.primitive.spec.provenance.approved_by],
        }
        for hit in Index(home.primitives()).search(words, limit=limit)
    ]


def _by_error(home: Registry, address: str, file: Path | None, brokers: str | None) -> list[dict[str, Any]]:
    from fde_events.errors import BadInput
    from fde_library.answer import answers
    from fde_sidecar.parse import parse_text
    from fde_streams.signature import signature_of

    events = parse_text(sys.stdin.read())
    if not events:
        raise BadInput(
            "standard input",
            "no error was found in it; it takes a stack trace or log excerpt as the application wrote it",
        )
    signatures = [signature_of(event).digest for event in events]
    known = _challenges(address, file, brokers)
    return [
        {
            "challenge": answer.challenge.id,
            "title": answer.challenge.public_title or answer.challenge.title,
            "deployments": answer.challenge.deployments,
            "customers": answer.challenge.customers,
            "primitives": [primitive.metadata.name for primitive in answer.primitives],
            "candidates": [candidate.metadata.name for candidate in answer.candidates],
            "ask": list(answer.ask),
        }
        for answer in answers(signatures, known, home.primitives(), home.candidates())
    ]


def _challenges(address: str, file: Path | None, brokers: str | None) -> list[Challenge]:
    from fde_events.errors import Misuse
    from fde_library.answer import read_challenges

    if file is not None:
        return read_challenges(file)
    if brokers is not None:
        from fde_streams.reader import read_challenges as from_kafka

        return list(from_kafka(brokers).values())
    kind, _, path = address.partition(":")
    exported = Path(path).expanduser() / "challenges.jsonl"
    if kind == "directory" and exported.exists():
        return read_challenges(exported)
    raise Misuse("which challenges are known? Give --brokers HOST:PORT (or FDE_BROKERS), or --challenges FILE.")


def _told(item: dict[str, Any]) -> str:
    ask = ", ".join(name for name in item["ask"] if name) or "nobody known"
    if "primitive" in item:
        others = f" (versions {', '.join(item['versions'])})" if len(item["versions"]) > 1 else ""
        return (
            f"{item['primitive']}{others}\n  matched {', '.join(item['matched'])}; tags {', '.join(item['tags']) or 'none'}\n"
            f"  parameters {', '.join(item['parameters']) or 'none'}\n  ask {ask}"
        )
    primitives = ", ".join(item["primitives"]) or "no primitive yet"
    candidates = f"; in review {', '.join(item['candidates'])}" if item["candidates"] else ""
    return (
        f"{item['title']} (challenge {item['challenge']}, {item['deployments']} deployments of {item['customers']} customers)\n"
        f"  {primitives}{candidates}\n  ask {ask}"
    )
