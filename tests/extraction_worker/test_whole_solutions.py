"""Solutions of several files, through the loop with the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fde_extraction.engine import AbstractionEngine

CUSTOMERS = {
    "northgate": ("api.northgate.example", "nordlager", 50),
    "southgate": ("sync.southgate.example", "sudhafen", 200),
    "westgate": ("data.westgate.example", "westwerk", 75),
}
CLIENT = """\
import time

import requests

BASE_URL = "https://{host}/api/v2"
PAGE_SIZE = {size}


def fetch(path):
    while True:
        answer = requests.get(BASE_URL + path, params={{"limit": PAGE_SIZE}}, timeout=30)
        if answer.status_code != 429:
            return answer.json()
        time.sleep(float(answer.headers["Retry-After"]))
"""
LOAD = """\
MERGE INTO {schema}.orders AS target
USING {schema}.orders_staged AS source
ON target.order_id = source.order_id
WHEN MATCHED THEN UPDATE SET target.status = source.status
WHEN NOT MATCHED THEN INSERT (order_id, status) VALUES (source.order_id, source.status);
"""
CONFIG = "source:\n  host: {host}\n  page_size: {size}\nretry:\n  attempts: 5\n  backoff: exponential\ntarget:\n  schema: {schema}\n"
ODD = "import os\n\n\ndef only_here():\n    return sorted(os.listdir('.'))\n"


def written(text: str, customer: str) -> str:
    host, schema, size = CUSTOMERS[customer]
    return text.format(host=host, schema=schema, size=size)


def whole(customer: str, *, folder: str = "sync") -> list[tuple[str, str, str]]:
    return [
        (f"{folder}/client.py", "python", written(CLIENT, customer)),
        (f"{folder}/load.sql", "sql", written(LOAD, customer)),
    ]


@pytest.fixture
def desk(tmp_path: Path, desk_in: Any, registry: Any) -> Any:
    return desk_in(tmp_path, AbstractionEngine(), registry)


def read(desk: Any, registry: Any, record: Any) -> Any:
    return desk.evidence.read(registry.stored[record.id].spec.evidence_digest, who="dana", why="test")


def test_the_files_of_a_solution_are_one_primitive_with_one_parameter_set(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        # The deployments keep their files in folders of their own.
        desk.take_solution(solution(customer, files=whole(customer, folder=f"jobs/{CUSTOMERS[customer][1]}")))
    (record,) = desk.work()
    proposal = registry.stored[record.id].spec.proposal
    assert {(file.path, file.language) for file in proposal.template.files} == {
        ("client.py", "python"),
        ("load.sql", "sql"),
    }
    assert (record.siblings, record.rebuilt, record.leaks, record.customers) == (3, 3, 0, 3)
    evidence = read(desk, registry, record)
    by_customer = {sibling.customer: sibling for sibling in evidence.siblings}
    assert [(f.template, f.path) for f in by_customer["westgate"].files] == [
        (file.path, f"jobs/westwerk/{file.path}") for file in proposal.template.files
    ]
    bound = evidence.bindings[by_customer["southgate"].name]
    assert {200, "sudhafen"} <= set(bound.values())
    assert any("sync.southgate.example" in str(value) for value in bound.values())
    everything = msgspec.json.encode(registry.stored[record.id].spec.proposal).decode()
    assert not any(word in everything for known in CUSTOMERS.items() for word in (known[0], known[1][0], known[1][1]))


def test_a_value_in_two_files_of_two_languages_is_one_parameter(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        client = written(CLIENT.replace("PAGE_SIZE =", 'TABLE = "{schema}"\nPAGE_SIZE ='), customer)
        desk.take_solution(
            solution(customer, files=[("client.py", "python", client), ("load.sql", "sql", written(LOAD, customer))])
        )
    (record,) = desk.work()
    spec = registry.stored[record.id].spec.proposal
    used = {file.path: {s.hole.parameter for s in file.segments if s.hole is not None} for file in spec.template.files}
    assert used["client.py"] & used["load.sql"]


def test_a_file_that_not_every_sibling_has_is_left_out_and_reported_and_fails_nothing(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        more = [("tools/odd.py", "python", ODD)] if customer == "westgate" else []
        desk.take_solution(solution(customer, files=[*whole(customer), *more]))
    (record,) = desk.work()
    assert record.siblings == 3
    (sentence,) = desk.statuses["ch-aaaa"].skipped
    assert "tools/odd.py: not every one of the 3 siblings has a counterpart" in sentence
    assert "westgate" not in sentence


def test_a_file_that_cannot_be_abstracted_with_the_others_is_left_out_and_the_rest_goes_on(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    """One name in every repository, and nothing in common: it is matched, and then it is nothing to make a template of."""
    desk.take_challenge(challenge())
    notes = {
        "northgate": "Ask Hilde before the harbour closes.\n",
        "southgate": "alpha=1\nbeta=2\n[gamma]\ndelta = 3\n",
        "westgate": "<list><item/><item/></list>\n",
    }
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer, files=[*whole(customer), ("notes.cfg", "other", notes[customer])]))
    (record,) = desk.work()
    paths = [file.path for file in registry.stored[record.id].spec.proposal.template.files]
    assert sorted(paths) == ["sync/client.py", "sync/load.sql"]
    skipped = desk.statuses["ch-aaaa"].skipped
    assert len(skipped) == 3
    assert all("notes.cfg: left out: " in sentence for sentence in skipped)
    assert not any(customer in sentence for sentence in skipped for customer in CUSTOMERS)


def test_several_alike_files_of_one_solution_answer_to_their_own_counterparts(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        orders = written(LOAD, customer)
        files = [("load_orders.sql", "sql", orders), ("load_returns.sql", "sql", orders.replace("order", "return"))]
        desk.take_solution(solution(customer, files=[*files, ("client.py", "python", written(CLIENT, customer))]))
    (record,) = desk.work()
    evidence = read(desk, registry, record)
    for sibling in evidence.siblings:
        assert all(file.template == file.path for file in sibling.files)
        assert len(sibling.files) == 3


def test_deployments_that_answered_in_another_way_make_another_candidate(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer, 1, files=whole(customer)))
        desk.take_solution(solution(customer, 2, text=written(LOAD, customer), language="sql", path="only.sql"))
    records = desk.work()
    found = sorted(
        sorted(f.language for f in registry.stored[record.id].spec.proposal.template.files) for record in records
    )
    assert found == [["python", "sql"], ["sql"]]
    assert desk.statuses["ch-aaaa"].state == "Proposed"


def test_every_file_of_every_sibling_is_rebuilt_when_a_proposal_is_checked_again(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    from msgspec.structs import replace

    from fde_api.primitive import Segment
    from fde_events.errors import Refused
    from fde_extraction.recheck import EvidenceChecker

    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer, files=whole(customer)))
    (record,) = desk.work()
    candidate = registry.stored[record.id]
    checker = EvidenceChecker(desk.evidence)
    proof = checker.recheck(candidate, candidate.spec.proposal, who="dana")
    assert proof == candidate.spec.proof
    assert proof.proves(candidate.spec.proposal)
    files = list(candidate.spec.proposal.template.files)
    at = next(n for n, file in enumerate(files) if file.language == "sql")
    files[at] = replace(files[at], segments=(*files[at].segments, Segment(text="-- more\n")))
    edited = replace(candidate.spec.proposal, template=replace(candidate.spec.proposal.template, files=tuple(files)))
    with pytest.raises(Refused, match=r"not rebuilt byte for byte any more: .*load\.sql"):
        checker.recheck(candidate, edited, who="dana")


def test_what_a_package_manager_wrote_is_nobodys_solution(
    desk: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk.take_challenge(challenge())
    for customer in CUSTOMERS:
        desk.take_solution(solution(customer, files=[*whole(customer), ("poetry.lock", "other", "[[package]]\n" * 9)]))
    (record,) = desk.work()
    assert not any("lock" in file.path for file in registry.stored[record.id].spec.proposal.template.files)
    assert all("a package manager wrote it" in sentence for sentence in desk.statuses["ch-aaaa"].skipped)
