"""Siblings with quotes and backslashes in SQL strings come back; a new value there is safe in every dialect."""

from __future__ import annotations

import pytest

from fde_extraction.abstract import Sibling, abstract
from fde_template.errors import RenderRefused
from fde_template.render import render

BODY = "select id, total, note\nfrom raw.orders\nwhere note = '{}'\n  and total > 5\norder by id;\n"


@pytest.mark.parametrize(
    "notes",
    [
        ("it''s late", "baker''s dozen", "plain"),
        ("C:\\alder\\in", "D:\\birch", "E:\\cedar"),
        ("it\\'s late", "baker\\'s dozen", "plain"),
        ("a''''b", "cc''''dd", "e"),
        ("ends \\\\", "other \\\\", "x"),
        ("{a", "{b", "c{"),
    ],
)
def test_siblings_with_escapes_come_back_byte_for_byte(notes: tuple[str, ...]) -> None:
    siblings = [Sibling(f"c{k}", f"s{k}.sql", BODY.format(note).encode()) for k, note in enumerate(notes)]
    assert abstract(siblings, name="notes").proof.rebuilt == 3


def test_a_new_value_beside_doubled_quotes_is_safe_where_a_backslash_is_plain() -> None:
    notes = ("it''s late", "baker''s dozen", "plain")
    made = abstract([Sibling(f"c{k}", f"s{k}.sql", BODY.format(n).encode()) for k, n in enumerate(notes)], name="notes")
    (file,) = made.spec.template.files
    (parameter,) = (p.name for p in made.spec.parameters if "it''s late" in made.bindings["s0"].values() and made.bindings["s0"][p.name] == "it''s late")  # fmt: skip
    with pytest.raises(RenderRefused, match=parameter):
        render(file, made.bindings["s0"] | {parameter: "x\\'; DROP TABLE accounts; --"}, made.spec.parameters)
