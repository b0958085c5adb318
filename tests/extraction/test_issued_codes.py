"""Keys of no known format: told by how they look and where they stand; none becomes a plain value."""

from __future__ import annotations

import pytest

from fde_extraction import issued, secrets
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.unparsable import Leaking

CUSTOMERS = ("north-mill", "east-yard", "west-quay")
KEYS = ("ap1:" + "zud-44kq-91xw", "ap1:" + "mel-07rt-58bn", "ap1:" + "coh-63pv-20dj")


def abstracted(*sources: str, suffix: str = "py") -> Abstraction:
    siblings = [
        Sibling(customer, f"{customer}.{suffix}", source.encode())
        for customer, source in zip(CUSTOMERS, sources, strict=True)
    ]
    return abstract(siblings, name="case")


def found(source: str, language: str) -> list[str]:
    data = source.encode()
    return [data[item.start : item.end].decode() for item in secrets.find(data, language)]


@pytest.mark.parametrize("key", [*KEYS, "7f3k-" + "tzq8-w0ap", "kwa_" + "51f0c7d2b98e46a3", "b7Xk" + "29QdTm4Wz8Lr1N"])
def test_a_key_without_a_name_is_found(key: str) -> None:
    assert found(f"client = Partner('https://api.partner.test/v1', '{key}')\n", "python") == [key]
    assert found(f"call util.push('https://api.partner.test/v1', '{key}', :rows);\n", "sql") == [key]
    assert found(f"export const partner = '{key}';\nrun(partner);\n", "typescript") == [key]


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-06T07:08:09Z", "20240506T070809Z", "eu-west-1", "db01-prod02", "orders_v2_2024q3", "m5.2xlarge-30d", "utf8mb4_0900_ai_ci",
        "8f14e45f-ceea-467f-a8d6-0c1b2e3f4a5b", "registry/app:v1beta1-rc2", 
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "claim-notes-per-day", "arm64v8/python3.11", "Draft4Validator",
        "ab41207.eu-west-1",
    ],
)  # fmt: skip
def test_what_people_write_is_no_key(text: str) -> None:
    assert found(f"client = Partner('https://api.partner.test/v1', '{text}')\n", "python") == []


def test_what_the_code_calls_an_id_is_none() -> None:
    assert found(f"client = Partner('https://api.partner.test/v1', client_id='{KEYS[0]}')\n", "python") == []


def test_a_hooks_address_is_a_secret_as_a_whole_and_a_querys_key_is_one_in_it() -> None:
    hook = "https://chat.test/hooks/" + "nimb-7f3k-tzq8-w0ap"
    assert found(f"CHAT = '{hook}'\n", "python") == [hook]
    assert found("URL = 'https://logic.test/run?version=2&sig=" + "Zq81kk20vb'\n", "python") == ["Zq81" + "kk20vb"]
    assert found("URL = 'https://chat.test/hooks/deploy-finished?retries=3'\n", "python") == []


@pytest.mark.parametrize("text", ["", "a", "//", "?=", "/hooks/", "://hooks/", "\u00df" * 50])
def test_any_text_can_be_asked(text: str) -> None:
    assert list(issued.in_address(text)) == []
    assert not issued.is_code(text)


def test_a_key_by_position_is_a_secret_reference_in_the_template() -> None:
    made = abstracted(
        *(
            f"-- counts\ncall util.push('https://api.partner.test/{name}', '{key}', :rows);\nselect count(*) from loads;\n"
            for name, key in zip(("a", "b", "c"), KEYS, strict=True)
        ),
        suffix="sql",
    )
    hidden = [p.name for p in made.spec.parameters if p.type == "secretRef"]
    assert [[made.bindings[customer][name] for name in hidden] for customer in CUSTOMERS] == [[key] for key in KEYS]


def test_a_key_in_a_list_is_no_plain_item() -> None:
    def source(*keys: str) -> str:
        entries = "".join(f'    Feed("https://api.partner.test/{n}", "{key}"),\n' for n, key in enumerate(keys))
        return f"from feeds import Feed, run\n\nFEEDS = [\n{entries}]\n\nfor feed in FEEDS:\n    run(feed, retries=3)\n"

    try:
        made = abstracted(
            source(KEYS[0]), source(KEYS[1], "x9" + "kk-44qq-77zv"), source(KEYS[2], "q8" + "jj-31ww-90xk")
        )
    except Leaking as leaking:
        assert "secret" in str(leaking)
        return
    shown = str(made.spec)
    plain = {p.name for p in made.spec.parameters if p.type != "secretRef"}
    for customer in CUSTOMERS:
        for name, value in made.bindings[customer].items():
            assert name not in plain or not any(key in str(value) for key in KEYS)
    assert not any(key in shown for key in KEYS)
    assert [p.type for p in made.spec.parameters].count("secretRef") >= 2


def test_a_shared_hook_leaves_no_part_of_itself_in_the_template() -> None:
    hook = "https://chat.partner.test/hooks/" + "nimb-7f3k-tzq8-w0ap"
    made = abstracted(
        *(
            f"from chat import post\n\nCHAT = '{hook}'\nSITE = '{site}'\npost(CHAT, SITE, retries=3)\n"
            for site in ("mill", "yard", "quay")
        )
    )
    assert "nimb" not in str(made.spec)
    assert [made.bindings[c][p.name] for p in made.spec.parameters if p.type == "secretRef" for c in CUSTOMERS[:1]] == [
        hook
    ]
