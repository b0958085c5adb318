"""`fde ledger`: per deployment, what was published, what was received, and what cannot be proven."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from fde_cli.options import Brokers, KafkaConfig, reached


def ledger(
    *,
    brokers: Brokers,
    kafka_config: KafkaConfig = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Show the loss ledger: records published, received, received twice, missing. Exit 1 when something is known to be wrong.

    Parameters
    ----------
    brokers
        Kafka, host:port[,host:port].
    kafka_config
        A YAML mapping of Kafka client settings (security.protocol, sasl.*, ssl.*); needed for a broker on another machine.
    as_json
        One JSON object a deployment, with the gaps as ranges of sequences.
    """
    import msgspec

    from fde_events.errors import InvalidEvent
    from fde_events.topics import LEDGER
    from fde_streams.book import Book, by_deployment
    from fde_streams.scan import scan

    book = Book()
    for message in scan(reached(brokers, kafka_config), LEDGER):
        try:
            if (value := message.value()) is not None:
                book.restore(value)
        except InvalidEvent as error:
            print(f"fde ledger: {error}", file=sys.stderr)
    accounts = by_deployment(list(book.records()))
    if not accounts:
        print("fde ledger: nothing was received yet", file=sys.stderr)
        return 0
    if as_json:
        for account in accounts:
            print(msgspec.json.encode(account).decode())
    else:
        print(f"{'deployment':40} {'published':>9} {'received':>9} {'events':>8} {'twice':>6} {'missing':>8}  verdict")
        for account in accounts:
            missing = sum(end - start + 1 for spans in account.gaps.values() for start, end in spans)
            name = f"{account.customer}:{account.deployment}"
            buried = f", {account.buried} off contract (fde dead-letter list)" if account.buried else ""
            dropped = "".join(f", {count} dropped ({reason})" for reason, count in sorted(account.dropped.items()))
            print(
                f"{name:40} {account.published:9} {account.received:9} {account.events:8} {account.duplicates:6} "
                f"{missing:8}  {account.verdict}{buried}{dropped}"
            )
            for epoch, spans in account.gaps.items():
                print(f"  epoch {epoch}: missing {', '.join(f'{a}..{b}' if a != b else str(a) for a, b in spans)}")
            for epoch in account.shared:
                print(f"  epoch {epoch}: used by another customer or deployment too, so nothing is proven of it")
            if account.verdict == "miscounted":
                print(
                    f"  {account.published_events} events were published, {account.events} received, and no record is missing"
                )
            for epoch in account.unproven:
                print(f"  epoch {epoch}: never closed, so not proven whole")
    return 1 if any(account.verdict in ("gaps", "shared", "miscounted") for account in accounts) else 0
