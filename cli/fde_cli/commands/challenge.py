"""`fde challenge`: challenges listed and shown; and what people say about them: merge, split, pin, ignore."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from fde_cli.options import Brokers, KafkaConfig, Seconds, reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from fde_events.challenge import Challenge
    from fde_events.order import Order

app = App(name="challenge", help="List and show challenges; merge, split, pin and ignore them.")

Registry = Annotated[str | None, Parameter(env_var="FDE_REGISTRY")]
Json = Annotated[bool, Parameter(name="--json", negative=())]
Flag = Annotated[bool, Parameter(negative=())]


@app.command(name="list")
def list_(
    *,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    registry: Registry = None,
    all_: Annotated[Flag, Parameter(name="--all")] = False,
    json_: Json = False,
) -> int:
    """Challenges, those that most deployments have first.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    all_
        The ignored ones too.
    json_
        One JSON object a line.
    """
    import msgspec

    found = [
        challenge for challenge in _read(_at(brokers, registry, kafka_config)).values() if all_ or not challenge.ignored
    ]
    for challenge in sorted(found, key=lambda c: (-c.customers, -c.deployments, c.id)):
        print(msgspec.json.encode(challenge).decode() if json_ else _line(challenge))
    if not found:
        print("fde challenge: no challenge has been raised", file=sys.stderr)
        return 1
    return 0


@app.command
def show(
    name: str,
    *,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    registry: Registry = None,
    json_: Json = False,
) -> int:
    """One challenge: evidence by deployment, signatures, samples, and the ids that lead to it.

    Parameters
    ----------
    name
        Its id, or that of one that was merged into it.
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    registry
        directory:PATH or kubernetes[:NAMESPACE].
    json_
        The whole record as JSON.
    """
    import msgspec

    from fde_streams.orders import known_as

    found = known_as(_read(_at(brokers, registry, kafka_config)), name)
    if json_:
        print(msgspec.json.encode(found).decode())
        return 0
    print(_line(found))
    print(f"block       {found.block}")
    print(f"outside     {found.public_title or found.title}")
    print(f"seen        {found.first_seen} to {found.last_seen}, raised {found.raised_at}")
    print(
        f"revision    {found.revision}" + (f", also known as {', '.join(found.redirects)}" if found.redirects else "")
    )
    print(f"signatures  {len(found.signatures)}")
    for digest in found.signatures:
        print(f"  {digest}")
    print("deployments")
    for sighting in found.sightings:
        print(f"  {sighting.customer}:{sighting.deployment}  {sighting.count} events, last {sighting.last_seen}")
    for sample in found.samples:
        print("sample")
        print("\n".join(f"  {line}" for line in sample.splitlines()))
    return 0


@app.command
def merge(
    *names: str,
    reason: str,
    registry: Registry = None,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    wait: Seconds = 15.0,
) -> int:
    """Make two or more challenges one. The oldest keeps its id, the others lead to it. Takes back a split.

    Parameters
    ----------
    names
        Their ids.
    reason
        Why; it is kept and audited.
    registry
        directory:PATH or kubernetes[:NAMESPACE]: who you are is asked there.
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    wait
        Seconds to wait until the fold has followed.
    """
    from fde_events.errors import Misuse
    from fde_events.order import Merge
    from fde_streams.orders import block_of, known_as

    at = _at(brokers, registry, kafka_config)
    known = _read(at)
    found = {challenge.id: challenge for name in names if (challenge := known_as(known, name))}
    if len(found) < 2:
        raise Misuse("name at least two challenges that are not one already.")
    block = block_of(found.values())
    order = Merge(groups=tuple(sorted(found)), **_said(registry, reason))
    return _order(at, block, order, lambda now: sum(name in now for name in found) == 1, wait)


@app.command
def split(
    name: str,
    *signatures: str,
    reason: str,
    registry: Registry = None,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    wait: Seconds = 15.0,
) -> int:
    """Take signatures out of a challenge. The part that more deployments have keeps the id; no clustering joins them again.

    Parameters
    ----------
    name
        The challenge.
    signatures
        Their digests, as `fde challenge show` lists them.
    reason
        Why; it is kept and audited.
    registry
        directory:PATH or kubernetes[:NAMESPACE]: who you are is asked there.
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    wait
        Seconds to wait until the fold has followed.
    """
    from fde_events.errors import Misuse, Refused
    from fde_events.order import Split
    from fde_streams.orders import known_as

    at = _at(brokers, registry, kafka_config)
    found = known_as(_read(at), name)
    if not signatures:
        raise Misuse("which signatures? `fde challenge show` lists them.")
    if strange := sorted(set(signatures) - set(found.signatures)):
        raise Refused(f"{', '.join(strange)} is not in {found.id}. `fde challenge show {found.id}` lists what is.")
    if set(signatures) == set(found.signatures):
        raise Refused(f"These are all signatures of {found.id}: nothing would be left of it. Nothing was ordered.")
    order = Split(group=found.id, signatures=tuple(sorted(set(signatures))), **_said(registry, reason))
    return _order(at, found.block, order, _newer_than(found), wait)


@app.command
def pin(
    signature: str,
    name: str,
    *,
    reason: str,
    registry: Registry = None,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    wait: Seconds = 15.0,
) -> int:
    """Say that a signature belongs to a challenge, whether it was seen already or not.

    Parameters
    ----------
    signature
        Its digest: `fde group` prints it, for any log.
    name
        The challenge.
    reason
        Why; it is kept and audited.
    registry
        directory:PATH or kubernetes[:NAMESPACE]: who you are is asked there.
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    wait
        Seconds to wait until the fold has followed.
    """
    import re

    from fde_events.errors import Misuse
    from fde_events.order import Pin
    from fde_streams.orders import block_of, known_as

    if not re.fullmatch(r"[0-9a-f]{32}", signature):
        raise Misuse(f"{signature!r} is no signature's digest (32 hexadecimal digits); `fde group` prints it.")
    at = _at(brokers, registry, kafka_config)
    known = _read(at)
    found = known_as(known, name)
    block_of([found, *(challenge for challenge in known.values() if signature in challenge.signatures)])
    order = Pin(signature=signature, group=found.id, **_said(registry, reason))
    return _order(at, found.block, order, _newer_than(found), wait)


@app.command
def ignore(
    name: str,
    *,
    reason: str,
    undo: Flag = False,
    registry: Registry = None,
    brokers: Brokers | None = None,
    kafka_config: KafkaConfig = None,
    wait: Seconds = 15.0,
) -> int:
    """Say that nobody needs to solve a challenge: it is counted on, and nothing is proposed for it.

    Parameters
    ----------
    name
        The challenge.
    reason
        Why; it is kept and audited.
    undo
        Take it back.
    registry
        directory:PATH or kubernetes[:NAMESPACE]: who you are is asked there.
    brokers
        Kafka, host:port[,host:port]; of a running `fde up` it is found by its library.
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    wait
        Seconds to wait until the fold has followed.
    """
    from fde_events.order import Ignore, Unignore
    from fde_streams.orders import known_as

    at = _at(brokers, registry, kafka_config)
    found = known_as(_read(at), name)
    kind = Unignore if undo else Ignore
    order = kind(group=found.id, **_said(registry, reason))
    return _order(at, found.block, order, lambda now: found.id in now and now[found.id].ignored is not undo, wait)


def _at(brokers: str | None, registry: str | None, kafka_config: Path | None) -> str:
    """The brokers that were named, or those of the embedded loop whose library the registry is."""
    import logging

    from fde_cli import log
    from fde_events.errors import Misuse
    from fde_streams.state_sqlite import broker_of

    log.to_stderr(logging.ERROR)
    if brokers is not None:
        return reached(brokers, kafka_config)
    kind, _, path = (registry or "").partition(":")
    found = (
        broker_of(Path(path).expanduser().resolve().parent / "state.sqlite") if kind == "directory" and path else None
    )
    if found is None:
        raise Misuse(
            "where is Kafka? Give --brokers HOST:PORT (or FDE_BROKERS), or the --registry of a running `fde up`."
        )
    return found


def _read(brokers: str) -> dict[str, Challenge]:
    from fde_streams.reader import read_challenges

    return read_challenges(brokers, timeout_s=20)


def _said(registry: str | None, reason: str) -> dict[str, str]:
    """Who orders, when and why. Who you are is asked of the registry, never an argument."""
    from fde_cli.registry_option import registry_at
    from fde_events.errors import Misuse
    from fde_events.order import MAX_REASON
    from fde_review.decision import now

    if not 10 <= len(reason.strip()) <= MAX_REASON:
        raise Misuse(f"--reason says why in 10 to {MAX_REASON} characters: others will read it.")
    return {"author": registry_at(registry).whoami(), "time": now(), "reason": reason.strip()}


def _newer_than(found: Challenge) -> Callable[[dict[str, Challenge]], bool]:
    return lambda now: found.id not in now or now[found.id].revision > found.revision


def _order(brokers: str, block: str, order: Order, done: Callable[[dict[str, Challenge]], bool], wait: float) -> int:
    from fde_events.order import named
    from fde_streams.orders import publish_order

    order = named(order)
    publish_order(brokers, block, order)
    print(order.id)
    until = time.monotonic() + wait
    while not (followed := done(_read(brokers))) and time.monotonic() < until:
        time.sleep(0.3)
    told = "followed" if followed else "published and audited; the fold has not followed it yet"
    print(f"fde challenge: {order.id} {told}", file=sys.stderr)
    return 0


def _line(challenge: Challenge) -> str:
    marks = ", ignored" if challenge.ignored else ""
    return (
        f"{challenge.id}  {challenge.trend or '-':<7}  {challenge.deployments} deployments of {challenge.customers} customers, "
        f"{challenge.events} events{marks}  {challenge.title}"
    )
