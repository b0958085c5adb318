"""`fde dead-letter`: the records off contract, and giving them back once what was wrong is mended."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from fde_cli.options import Brokers, KafkaConfig, reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from fde_events.deadletter import Letter

app = App(name="dead-letter", help="Records off contract: list, replay.")

Flag = Annotated[bool, Parameter(negative=())]
_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@app.command(name="list")
def list_(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    reason: str | None = None,
    since: str | None = None,
    show: Flag = False,
    json_: Annotated[Flag, Parameter(name="--json")] = False,
) -> int:
    """Every dead letter: when, from where, how often, how large, why. Exit 1 when there is none.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    reason
        Those whose reason holds this text.
    since
        Those buried since then: 30m, 2h, 7d, or 2026-11-21T08:00:00Z.
    show
        The record's own bytes too. They are a customer's, as they came: unredacted where redaction failed.
    json_
        One JSON object a letter.
    """
    from fde_streams.replay import Replay

    wanted, count = _wanted(reason, since), 0
    with Replay(reached(brokers, kafka_config)) as replay:
        for letter, replayed in replay.all(wanted):
            count += 1
            print(_as_json(letter, replayed, show) if json_ else _line(letter, replayed, show))
    if not count:
        print("fde dead-letter: there is none", file=sys.stderr)
        return 1
    return 0


@app.command
def replay(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    reason: str | None = None,
    since: str | None = None,
    dry_run: Flag = False,
) -> int:
    """Give letters back to the topic and partition they came from, each once; whatever fails again is buried again.

    Exit 1 when one could not be given back, or none was waiting.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings; needed for a broker on another machine.
    reason
        Those whose reason holds this text.
    since
        Those buried since then: 30m, 2h, 7d, or 2026-11-21T08:00:00Z.
    dry_run
        Say which, and give none back.
    """
    from fde_streams.replay import Outcome, Replay

    wanted = _wanted(reason, since)
    given = failed = 0
    with Replay(reached(brokers, kafka_config)) as work:
        outcomes = (Outcome(one, one.obstacle) for one in work.waiting(wanted)) if dry_run else work.give_back(wanted)
        for outcome in outcomes:
            failed += outcome.error is not None
            given += outcome.error is None
            verdict = "left" if outcome.error else "would go" if dry_run else "went"
            print(
                f"{verdict:8} {_line(outcome.letter, False, False)}" + (f" ({outcome.error})" if outcome.error else "")
            )
    done = "would be given back" if dry_run else "were given back"
    print(f"fde dead-letter: {given} {done}" + (f", {failed} were left" if failed else ""), file=sys.stderr)
    return 0 if given and not failed else 1


def _wanted(reason: str | None, since: str | None) -> Callable[[Letter], bool]:
    text, from_ms = (reason or "").lower(), 0 if since is None else _since_ms(since)
    return lambda letter: text in letter.reason.lower() and letter.buried_ms >= from_ms


def _since_ms(said: str) -> int:
    from fde_events.errors import Misuse

    if found := _SPAN.fullmatch(said):
        return int((time.time() - int(found[1]) * _SECONDS[found[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise Misuse(f"--since {said!r}: give 30m, 2h, 7d, or a time such as 2026-11-21T08:00:00Z") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _when(letter: Letter) -> str:
    return datetime.fromtimestamp(letter.buried_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(letter: Letter, replayed: bool, show: bool) -> str:
    marks = ", given back" if replayed else ""
    line = f"{_when(letter)}  {letter.coordinate}  {letter.size} bytes, buried {letter.attempt} times{marks}: {letter.reason}"
    return f"{line}\n  {_text(letter)}" if show else line


def _as_json(letter: Letter, replayed: bool, show: bool) -> str:
    told: dict[str, object] = {
        "buried": _when(letter),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "size": letter.size,
        "attempt": letter.attempt,
        "replayed": replayed,
        "reason": letter.reason,
    }
    return json.dumps(told | ({"value": _text(letter)} if show else {}))


def _text(letter: Letter) -> str:
    return (letter.value or b"").decode("utf-8", "backslashreplace")
