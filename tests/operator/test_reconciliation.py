"""Which reconciliation is under way."""

from __future__ import annotations

import asyncio

from fde_operator.key import Key
from fde_operator.reconciliation import begin, current


def test_each_attempt_has_an_id_of_its_own_and_tasks_beside_it_have_theirs() -> None:
    async def attempt(name: str) -> tuple[str, str]:
        with begin(Key("FDEDeployment", "customer-a", name)) as one:
            await asyncio.sleep(0)
            seen = current()
            assert seen is one
            return one.id, one.key.name

    async def both() -> list[tuple[str, str]]:
        return await asyncio.gather(attempt("a"), attempt("b"))

    (first, a), (second, b) = asyncio.run(both())
    assert first != second
    assert (a, b) == ("a", "b")
    assert current() is None
