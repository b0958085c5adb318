"""Whose a namespace is: its label says it, or nobody's."""

from __future__ import annotations

from typing import Any

import pytest

from fde_operator.labels import whose


@pytest.mark.parametrize(
    ("namespace", "customer"),
    [
        (None, ""),
        ({}, ""),
        ({"metadata": {}}, ""),
        ({"metadata": {"labels": None}}, ""),
        ({"metadata": {"labels": {"team": "sales"}}}, ""),
        ({"metadata": {"labels": {"fde.io/customer": ""}}}, ""),
        ({"metadata": {"labels": {"fde.io/customer": "northgate"}}}, "northgate"),
    ],
    ids=str,
)
def test_a_namespace_is_the_customer_s_that_its_label_names(namespace: dict[str, Any] | None, customer: str) -> None:
    assert whose(namespace) == customer
