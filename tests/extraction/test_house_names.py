"""House names: who the code is of is told by its hosts, mailboxes and directories, and is then said nowhere."""

from __future__ import annotations

import json

import msgspec
import pytest

from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.house import owners

SOURCE = '''"""Moves {what} into the lake."""
import boto3
import requests

RELAY = "{relay}"
{extra}


def move_{what}(rows):
    answer = requests.post("https://{host}/v1/rows", json={{"rows": rows}}, timeout={wait})
    answer.raise_for_status()
    store = boto3.client("s3")
    for row in rows:
        store.put_object(Bucket="landing", Key=row["key"], Body=row["body"])
    return len(rows)
'''
OURS = "relay-2.tarnbrook.internal"


def abstracted(extra: str, relay: str = OURS) -> Abstraction:
    given = [("lamps", "api.hollowell.io", 20), ("chairs", "in.bryrose.de", 40), ("tables", "hub.quenby.fr", 15)]
    return abstract(
        [
            Sibling(
                f"c{n}", f"c{n}.py", SOURCE.format(what=what, host=host, wait=wait, relay=relay, extra=extra).encode()
            )
            for n, (what, host, wait) in enumerate(given)
        ],
        name="mover",
    )


def published(found: Abstraction) -> str:
    return json.dumps(msgspec.to_builtins(found.spec)).lower()


@pytest.mark.parametrize(
    "extra",
    [
        'ARCHIVE = "tarnbrook-parcels-77"',
        'ARCHIVE = "s3://tarnbrook-parcels/in"',
        'TOPIC = "prod.tarnbrook.parcels"',
        "# the Tarnbrook team owns this",
        'PATH = "/srv/tarnbrook/in"',
        'LABEL = "TARNBROOK_PARCELS"',
        'AGENT = "TarnbrookMover/2"',
        "class TarnbrookError(Exception):\n    pass",
        "def tarnbrook_retry():\n    return 1",
        "TARNBROOK_LIMIT = 4",
    ],
)
def test_the_name_in_an_inner_host_is_published_nowhere_else(extra: str) -> None:
    assert "tarnbrook" not in published(abstracted(extra))


@pytest.mark.parametrize(
    "relay",
    [
        "feeds@tarnbrook.com",
        "ou=people,dc=tarnbrook,dc=net",
        "https://tarnbrook.service-now.com/api",
        "mq.tarnbrook.local:5671",
    ],
)
def test_mailboxes_directories_and_tenants_tell_the_name_too(relay: str) -> None:
    assert "tarnbrook" not in published(abstracted('ARCHIVE = "tarnbrook-parcels"', relay))


def test_a_name_of_one_customer_that_was_copied_into_all_siblings_is_no_constant() -> None:
    assert "hollowell" not in published(abstracted("# taken over from Hollowell's mover"))


def test_a_bucket_with_the_name_is_one_value() -> None:
    found = abstracted('ARCHIVE = "tarnbrook-parcels-77"')
    assert [bound for bound in found.bindings["c0"].values() if "parcels" in str(bound)] == ["tarnbrook-parcels-77"]


def test_what_vendors_and_machines_are_called_stays() -> None:
    extra = '# Kafka and Snowflake are read by partners, see support@snowflake.com\nBROKER = "kafka"'
    assert "kafka and snowflake" in published(abstracted(extra, "kafka.internal"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("relay-2.tarnbrook.internal", {"tarnbrook"}),
        ("x@post.tarnbrook.co.uk", {"tarnbrook"}),
        ("dc=tarnbrook-mill,dc=net", {"tarnbrook-mill", "tarnbrook"}),
        ("tarnbrook.okta.com", {"tarnbrook"}),
        ("postgresql://a@db.tarnbrook.lan/x", {"tarnbrook"}),
        ("row.values", set()),
        ("report.csv", set()),
        ("127.0.0.1", set()),
        ("worker.local", set()),
        ("www.okta.com", set()),
        ("git@github.com", set()),
    ],
)
def test_names_are_the_part_of_a_host_that_somebody_registered(text: str, names: set[str]) -> None:
    assert {name for name, own in owners(text) if own} == names
