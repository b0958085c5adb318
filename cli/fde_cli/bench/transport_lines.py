"""The logs that transports are measured on: records of 1 024 bytes, as a service prints them.

workload, layout, number -> write() -> a file

Three workloads. `service`: 5 of 100 records are errors, a third of those with a stack, the others INFO and DEBUG. `storm`:
every record is an error, of three causes at two services, each with fresh ids. `full`: every record is an error, of many
causes, read by a feed that lets every event out in full; that is what a forwarder does, so peers are held against this one.

A record with a stack spans several lines in the text layout. Of all records every tenth holds an e-mail address, an
address of the network or a token, at random.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

Workload = Literal["service", "storm", "full"]
Layout = Literal["text", "json"]

RECORD_BYTES: Final = 1024
_SERVICES: Final = "orders invoices shipments carriers payments ledger catalog pricing returns webhooks".split()
_VERBS: Final = "handled queued parsed stored fetched matched".split()
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "python-httpx/0.27.2",
    "okhttp/4.12.0",
    "Apache-HttpClient/5.3 (Java/21.0.4)",
)
_FAILURES: Final = (
    "ReadTimeout: HTTPSConnectionPool(host='api.stripe.com', port=443): Read timed out. (read timeout=30)",
    "ConnectionError: connect to warehouse.example.internal:5432 refused",
    'IntegrityError: duplicate key value violates unique constraint "customer_pkey" DETAIL: Key (id)=({n}) already exists.',
    "ValidationError: 2 validation errors for Shipment: weight_kg Input should be greater than 0",
    "HTTPStatusError: Client error '429 Too Many Requests' for url 'https://api.hubapi.com/crm/v3/objects/{n}'",
    "AuthenticationError: token for tenant {n} expired",
    "OperationalError: deadlock detected while updating invoice {n}",
    "KeyError: 'carrier_code'",
)
_FRAMES: Final = (
    ("/usr/local/lib/python3.11/site-packages/httpx/_client.py", 1014, "_send_single_request", "response = transport.handle_request(request)"),
    ("/srv/app/hub/connectors/client.py", 88, "fetch", "return self._session.get(url, timeout=30)"),
    ("/srv/app/hub/jobs/sync.py", 41, "run", "rows = list(source.fetch(since=cursor))"),
)  # fmt: skip


def write(path: Path, workload: Workload, layout: Layout, records: int, *, seed: int = 7) -> int:
    """Write `records` records to `path`; how many of them are errors."""
    rng = random.Random(seed)  # noqa: S311  invented data
    errors = 0
    with path.open("wb", buffering=1 << 20) as file:
        for number in range(records):
            failed = workload != "service" or rng.random() < 0.05
            errors += failed
            file.write(_record(rng, number, failed=failed, layout=layout, few=workload == "storm"))
    return errors


def _record(rng: random.Random, number: int, *, failed: bool, layout: Layout, few: bool) -> bytes:
    service = rng.choice(_SERVICES[:2] if few else _SERVICES)
    stack = _stack(rng) if failed and rng.random() < 0.33 else None
    level = "ERROR" if failed else rng.choice(("INFO", "INFO", "INFO", "DEBUG"))
    moment = f"2026-10-10 {number // 3_600_000 % 24:02d}:{number // 60_000 % 60:02d}:{number // 1000 % 60:02d},{number % 1000:03d}"
    failure = rng.choice(_FAILURES[:3] if few else _FAILURES).format(n=rng.randrange(10**9))
    said = (
        f"{service} sync failed: {failure}"
        if failed
        else f"{rng.choice(_VERBS)} {rng.randrange(9000)} rows of {service}"
    )
    fields = dict(_fields(rng, service, few=few))
    if layout == "json":
        return _json(moment, level, service, said, fields, f"{stack}\n{failure}" if stack else None)
    head = f"{moment} {level} [hub.{service}.client] {said} "
    tail = f"\n{stack}\n{failure}" if stack else ""
    context = " ".join(f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in fields.items())
    text = (head + context)[: RECORD_BYTES - 1 - len(tail)] + tail
    return (text + "x" * (RECORD_BYTES - 1 - len(text)) + "\n").encode()


def _json(moment: str, level: str, service: str, said: str, fields: dict[str, str], stack: str | None) -> bytes:
    line: dict[str, str] = {"timestamp": moment.replace(" ", "T").replace(",", ".") + "Z", "level": level.lower()}
    line |= {"logger": f"hub.{service}.client", "event": said, **({"exception": stack} if stack else {}), **fields}
    text = json.dumps({**line, "padding": ""})
    while len(text) > RECORD_BYTES - 1:
        name, _ = fields.popitem()
        del line[name]
        text = json.dumps({**line, "padding": ""})
    return (json.dumps({**line, "padding": "x" * (RECORD_BYTES - 1 - len(text))}) + "\n").encode()


def _fields(rng: random.Random, service: str, *, few: bool) -> Iterator[tuple[str, str]]:
    def unique() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    yield "request_id", unique()
    yield "trace_id", f"{rng.getrandbits(128):032x}"
    yield "span_id", f"{rng.getrandbits(64):016x}"
    if rng.random() < 0.1:
        yield rng.choice((
            ("user_email", f"user{rng.randrange(10**5)}@customer.example"),
            ("client_ip", f"10.{rng.randrange(256)}.{rng.randrange(256)}.7"),
            ("auth", f"Bearer {rng.getrandbits(160):040x}"),
        ))  # fmt: skip
    yield "method", "GET" if few else rng.choice(("GET", "POST", "PUT"))
    yield "path", f"/v2/tenants/{rng.randrange(10**4)}/{service}/{unique()}"
    yield "status", "500" if few else str(rng.choice((200, 200, 201, 204, 304)))
    yield "duration_ms", str(rng.randrange(4000))
    yield "user_agent", _AGENTS[0] if few else rng.choice(_AGENTS)
    yield "pod", f"{service}-7d9f8b6c5d-{rng.randrange(10**5):05d}"
    yield "node", f"worker-{rng.randrange(64)}"
    yield "region", "us-east-1" if few else rng.choice(("eu-central-1", "us-east-1"))
    yield "version", "2.31.4+20261009"
    yield (
        "sql",
        f"SELECT id, state, updated_at FROM {service} WHERE tenant_id = $1 AND updated_at > $2 ORDER BY id LIMIT 500",  # noqa: S608  a line of a log
    )
    for number in range(1, 25):
        yield f"item_{number}", f"{service[:3].upper()}-{rng.randrange(10**8):08d}"


def _stack(rng: random.Random) -> str:
    rows = ["Traceback (most recent call last):"]
    for path, line, name, source in reversed(_FRAMES):
        rows += [f'  File "{path}", line {line}, in {name}', f"    {source}"]
    return "\n".join(rows)
