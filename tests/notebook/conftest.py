from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WRITERS = ("north", "south", "west")


def a_log(customer: str, *, day: int = 3) -> str:
    """One failure of a public SDK in a customer's application, with values that must not be told."""
    return (
        f"2026-10-0{day}T08:11:00+00:00 ERROR {customer}_sync.jobs: load of orders@{customer}-mail.example failed\n"
        "Traceback (most recent call last):\n"
        f'  File "/opt/{customer}/jobs.py", line 7, in run\n'
        f'    load("https://warehouse.{customer}.internal/in")\n'
        '  File "/usr/lib/python3.11/site-packages/psycopg/cursor.py", line 117, in execute\n'
        "    raise ex.with_traceback(None)\n"
        "psycopg.errors.NumericValueOutOfRange: numeric field overflow\n"
    )


def a_source(customer: str) -> str:
    return (
        "import psycopg\n\n\n"
        "def load(rows):\n"
        f'    with psycopg.connect(host="pg.{customer}.internal", connect_timeout={len(customer)}) as connection:\n'
        "        for row in rows:\n"
        '            connection.execute("INSERT INTO orders (amount) VALUES (%s)", (round(row.amount, 2),))\n'
    )


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Three customers' deployments that fail alike, and the file with which each answered it."""
    return make_fleet(tmp_path / "fleet-directory")


@pytest.fixture
def fleet_in() -> Callable[[Path], Path]:
    return make_fleet


def make_fleet(directory: Path) -> Path:
    for number, customer in enumerate(WRITERS, 1):
        log = directory / "fleet" / customer / "loader" / "app.log"
        log.parent.mkdir(parents=True)
        log.write_text(a_log(customer, day=number))
        solution = directory / "solutions" / "overflow" / f"{customer}-{number}"
        solution.mkdir(parents=True)
        (solution / "error.log").write_text(a_log(customer, day=number))
        (solution / "load.py").write_text(a_source(customer))
        (solution / "solution.yaml").write_text(
            f"customer: {customer}\ndeployment: customer-{customer}/loader\n"
            f"author: {customer}@company.example\nreuse: allowed\npaths: [load.py]\n"
        )
    return directory
