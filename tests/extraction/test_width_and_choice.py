"""Widths of URLs, mailboxes and issued numbers; what goes with a choice; settings that one customer alone has."""

from __future__ import annotations

import pytest

from fde_extraction.abstract import Abstraction, Sibling, abstract


def abstracted(*sources: str, suffix: str = "py") -> Abstraction:
    return abstract([Sibling(f"c{n}", f"c{n}.{suffix}", text.encode()) for n, text in enumerate(sources)], name="case")


def values(found: Abstraction) -> list[list[object]]:
    return [[found.bindings[f"c{n}"].get(p.name) for n in range(3)] for p in found.spec.parameters]


def constants(found: Abstraction) -> str:
    return "".join(segment.text or "" for file in found.spec.template.files for segment in file.segments)


URLS = [
    "https://auth.lowmere.io/oauth/v2/grant",
    "https://login.tarn.de/realms/ops/issue",
    "https://id.quill.fr/connect",
]


def test_a_url_that_differs_in_host_and_path_is_one_value_also_in_a_message() -> None:
    code = 'import requests\n\nISSUER = "{0}"\n\n\ndef fetch():\n    if not requests.get(ISSUER).ok:\n        raise ValueError("{0} gave nothing")\n    return 1\n'
    assert values(abstracted(*(code.format(url) for url in URLS))) == [URLS]


def test_a_path_in_a_url_that_stands_elsewhere_too_is_a_value_of_its_own() -> None:
    code = 'import requests\n\nUNIT = "{1}"\n\n\ndef fetch():\n    return requests.get("https://{0}/v1/{1}").json()\n'
    given = [("api.lowmere.io", "kilns"), ("hub.tarn.de", "looms"), ("in.quill.fr", "vats")]
    assert ["kilns", "looms", "vats"] in values(abstracted(*(code.format(*pair) for pair in given)))


def test_a_mailbox_is_one_value_although_its_domain_has_the_customers_name() -> None:
    code = '"""Reads {0}\'s invoices."""\nimport imaplib\n\nBOX = "{1}@{0}.io"\nPREFIX = "{0}-in"\n\n\ndef open_{0}():\n    return imaplib.IMAP4_SSL(BOX)\n'
    given = [("lowmere", "bills"), ("tarnside", "ap.scan"), ("quillon", "in")]
    assert ["bills@lowmere.io", "ap.scan@tarnside.io", "in@quillon.io"] in values(
        abstracted(*(code.format(*g) for g in given))
    )


def test_an_issued_number_has_its_kind_before_it() -> None:
    code = 'import logging\n\nlog = logging.getLogger("x")\n\n\ndef tell(row):\n    log.warning("no order for %s (site ste_{0})", row)\n'
    given = ["4071B", "55C12", "9Q004"]
    assert values(abstracted(*map(code.format, given))) == [[f"ste_{text}" for text in given]]


CODE = """import logging

log = logging.getLogger("jobs")
{setting}

def run(rows, sink):
    for row in rows:
        try:
            sink.send(row)
        except ValueError:
            log.warning("{said} row %s", row)
{block}    return len(rows)
"""


def _jobs(*given: tuple[str, str, str]) -> Abstraction:
    return abstracted(*(CODE.format(setting=setting, said=said, block=block) for setting, said, block in given))


def test_a_message_that_differs_where_a_block_does_goes_with_the_block() -> None:
    block = "            sink.park(row)\n"
    found = _jobs(("", "parked", block), ("", "dropped", ""), ("", "parked", block))
    assert [p.type for p in found.spec.parameters] == ["bool"]


def test_a_number_that_one_customer_named_is_a_value_of_its_block() -> None:
    setting, block = "KEEP_ROWS = 45\n", "    sink.trim(KEEP_ROWS)\n"
    found = _jobs((setting, "kept", block), ("", "kept", ""), ("", "kept", ""))
    assert [45, None, None] in values(found)
    assert "45" not in constants(found)


def test_a_factor_is_no_duration() -> None:
    code = "from retry import policy\n\nretry = policy(backoff_factor={0}, delay={1})\n"
    found = abstracted(*(code.format(*pair) for pair in (("1.5", 30), ("2.25", 60), ("3.5", 45))))
    assert sorted(p.type for p in found.spec.parameters) == ["duration", "float"]


SQL = "create {1}stream{2} if not exists raw.orders_in on table raw.{0} {3} = true;\n"


@pytest.mark.parametrize("upper", [0, 1, 2])
def test_a_sql_name_in_another_case_is_a_spelling_and_no_value(upper: int) -> None:
    texts = [SQL.format(name, "", "", "append_only") for name in ("kilns", "looms", "vats")]
    texts[upper] = (
        "CREATE STREAM IF NOT EXISTS raw.orders_in ON TABLE raw."
        + ("kilns", "looms", "vats")[upper]
        + " APPEND_ONLY = TRUE;\n"
    )
    found = abstracted(*texts, suffix="sql")
    assert sorted(p.type for p in found.spec.parameters)[0] == "bool"
    assert len(found.spec.parameters) == 2


def test_options_of_a_definition_that_are_swapped_keep_their_values() -> None:
    code = "CREATE OR REPLACE TASK {0}.jobs.fill\n    {1}\n    {2}\nAS\nCALL {0}.jobs.fill_all();\n"
    given = [("kilns", "FILL_XS", 5), ("looms", "FILL_M", 30), ("vats", "NIGHT", 15)]
    texts = list[str]()
    for name, house, minutes in given:
        options = [f"WAREHOUSE = {house}", f"SCHEDULE = '{minutes} MINUTE'"]
        texts.append(code.format(name, *(reversed(options) if name == "looms" else options)))
    found = abstracted(*texts, suffix="sql")
    assert ["FILL_XS", "FILL_M", "NIGHT"] in values(found)
    assert [5, 30, 15] in values(found)
    assert len(found.spec.parameters) == 4  # and the order


def test_what_a_program_sleeps_is_a_duration() -> None:
    code = "import time\n\n\ndef pause(rows):\n    time.sleep({0})\n    return rows\n"
    assert [p.type for p in abstracted(*map(code.format, (20, 45, 90))).spec.parameters] == ["duration"]
