"""The judge of the abstraction benchmark: what is right counts as right, what is wrong as wrong, for whoever is judged."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_cli.bench.abstraction import growth, mutant
from fde_cli.bench.abstraction.figure import figures, table
from fde_cli.bench.abstraction.forbidden import readable
from fde_cli.bench.abstraction.match import agrees, assign, is_named, is_typed
from fde_cli.bench.abstraction.score import Row, refuses, score, strangers
from fde_cli.bench.abstraction.side import Declared, Refusal
from fde_cli.bench.abstraction.tokendiff import TokenDiff
from fde_cli.bench.abstraction.truth import Family, Wanted, families, shipped
from fde_cli.main import run
from fde_extraction.scanner import scan

VALUES = {
    "i1": ("norrvik", 30, True),
    "i2": ("tamsin", 45, False),
    "i3": ("grenholm", 60, True),
    "i4": ("orlando", 75, False),
    "i5": ("sandvale", 90, True),
}
LEARN = ("i1", "i2", "i3")
MAIL = "desk@brackwater.example"


def text(slug: str, pause: int, audit: bool, mail: str = MAIL) -> str:
    extra = f'    record("audit", "{slug}")\n' if audit else ""
    return (
        f'import logging\n\nLOG = logging.getLogger("{slug}")\nPAUSE_S = {pause}\nMAIL = "{mail}"\n\n\n'
        f'def load(client, record):\n    rows = client.get("/{slug}/rows")\n{extra}    return [row for row in rows if row]\n'
    )


def a_corpus(folder: Path) -> Path:
    """One family, and two others of the language that have nothing to do with it."""
    home = folder / "python" / "loader"
    home.mkdir(parents=True)
    for sibling, values in VALUES.items():
        (home / f"{sibling}.py").write_text(text(*values))
    i4 = text(*VALUES["i4"])
    at = [i for i in range(len(i4)) if i4.startswith("orlando", i)]
    truth = {
        "family": "loader", "language": "python", "learn": LEARN, "heldout": ["i4", "i5"],
        "params": [
            {"name": "customer", "kind": "value", "type": "string", "values": {k: v[0] for k, v in VALUES.items()}},
            {"name": "pause_s", "kind": "value", "type": "duration", "values": {k: v[1] for k, v in VALUES.items()}},
            {"name": "audit", "kind": "flag", "type": "bool", "values": {k: v[2] for k, v in VALUES.items()}},
            {"name": "mail", "kind": "value", "type": "email", "planted": True, "varies_in_learning": False,
             "values": dict.fromkeys(VALUES, MAIL)},
        ],
        "must_not_publish": [*(v[0] for v in VALUES.values()), MAIL],
        "spans": {"i4": [[i, i + len("orlando"), "customer", n] for n, i in enumerate(at)]},
    }  # fmt: skip
    (home / "truth.json").write_text(json.dumps(truth))
    for other in ("poem", "sums"):
        (folder / "python" / other).mkdir()
        for number in range(1, 6):
            lines = (f"def {other}_{c}(x):\n    return x {'+' if other == 'sums' else '-'} {number}\n" for c in "abcde")
            (folder / "python" / other / f"i{number}.py").write_text("\n\n".join(lines))
        numbers = {f"i{number}": number for number in range(1, 6)}
        params = [{"name": "step", "kind": "value", "type": "int", "values": numbers}]
        truth = {"family": other, "language": "python", "learn": LEARN, "heldout": ["i4", "i5"], "params": params}
        (folder / "python" / other / "truth.json").write_text(json.dumps(truth))
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return a_corpus(tmp_path / "corpus")


@dataclass(frozen=True)
class Known:
    """A side that knows the family by heart: what it is told to say of it."""

    declared: Mapping[str, Declared]
    bindings: Mapping[str, Mapping[str, Any]]
    document: Any = "a template"
    name = "known"

    @property
    def published(self) -> str:
        return json.dumps(self.document)

    def abstract(self, siblings: Sequence[tuple[str, bytes]], *, suffix: str, name: str) -> Known:
        if name == "unrelated":
            raise Refusal("they share too little", too_little=True)
        return self

    def render(self, values: Mapping[str, Any]) -> bytes | None:
        return text(values["customer"], values["pause"], values["audit"], values["mail"]).encode()

    def fit(self, data: bytes) -> Mapping[str, Any] | None:
        return next((dict(one) for one in EVERY.values() if self.render(one) == data), None)


EVERY = {
    sibling: {"customer": slug, "pause": pause, "audit": audit, "mail": MAIL}
    for sibling, (slug, pause, audit) in VALUES.items()
}
RIGHT = Known(
    {
        "customer": Declared("string"),
        "pause": Declared("duration"),
        "audit": Declared("bool"),
        "mail": Declared("email"),
    },
    {sibling: EVERY[sibling] for sibling in LEARN},
)


def shares(side: Any, corpus: Path) -> dict[str, tuple[int, int]]:
    everyone = families(corpus)
    return dict(score(everyone[0], side, everyone).shares)


def test_who_knows_the_truth_reaches_everything(corpus: Path) -> None:
    found = shares(RIGHT, corpus)
    assert {name for name, (reached, most) in found.items() if reached != most} == set()
    assert found["exact"] == (1, 1)
    assert found["reject_agreement"] == (1, 1) and found["reject_constant"] == (3, 3)
    assert found["planted"] == (1, 1) and found["structure"] == (1, 1)
    everyone = families(corpus)
    refused = refuses(RIGHT, everyone, "python")
    assert refused is not None and refused.shares == {"refuse_unrelated": (1, 1)}


def test_one_parameter_too_many_one_too_few_and_a_wrong_type_are_counted(corpus: Path) -> None:
    declared = {"customer": Declared("int"), "audit": Declared("bool"), "pause": Declared("duration")}
    more = declared | {"copy": Declared("string")}
    bound = {
        sibling: {k: v for k, v in EVERY[sibling].items() if k != "mail"} | {"copy": VALUES[sibling][0]}
        for sibling in LEARN
    }

    class Partly(Known):
        def render(self, values: Mapping[str, Any]) -> bytes | None:
            return super().render({"mail": MAIL, **values})

    found = shares(Partly(more, bound), corpus)
    assert found["precision"] == (3, 4) and found["recall"] == (3, 4)
    assert found["types"] == (2, 4) and found["planted"] == (0, 1)
    assert found["round_trip"] == (3, 3) and found["exact"] == (0, 1)


def test_a_template_that_takes_everything_rejects_nothing(corpus: Path) -> None:
    class Vacuous(Known):
        def render(self, values: Mapping[str, Any]) -> bytes | None:
            return str(values["all"]).encode()

        def fit(self, data: bytes) -> Mapping[str, Any] | None:
            return {"all": data.decode()}

    found = shares(Vacuous({"all": Declared("string")}, {s: {"all": text(*VALUES[s])} for s in LEARN}), corpus)
    assert found["round_trip"] == (3, 3) and found["heldout"] == (2, 2)
    assert found["reject_agreement"] == (0, 1) and found["reject_constant"] == (0, 3)
    assert found["reject_unrelated"] == (0, 2) and found["precision"] == (0, 1)


def test_a_side_that_refuses_loses_what_can_be_reached(corpus: Path) -> None:
    class Silent:
        name = "silent"

        def abstract(self, siblings: Any, *, suffix: str, name: str) -> Known:
            raise Refusal("no", too_little=False)

    found = shares(Silent(), corpus)
    assert found["round_trip"] == (0, 3) and found["leak_free"] == (0, 1) and found["recall"] == (0, 4)
    refused = refuses(Silent(), families(corpus), "python")
    assert refused is not None and refused.shares == {"refuse_unrelated": (0, 1)}  # for another reason than asked


def test_a_leak_costs_the_family(corpus: Path) -> None:
    found = shares(replace(RIGHT, document={"parameters": [{"name": "mail", "default": MAIL}]}), corpus)
    assert found["leak_free"] == (0, 1) and found["exact"] == (0, 1)


SECRET = "Halver Stadt_77"


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET.upper(),
        "halver-stadt-77",
        "HalverStadt77",
        "Halver%20Stadt_77",
        SECRET.encode().hex(),
        base64.b64encode(b"x" + SECRET.encode()).decode(),
        base64.b64encode(gzip.compress(f"of {SECRET}".encode(), mtime=0)).decode(),
        "h.a.l.v.e.r s.t.a.d.t (77)",
    ],
)
def test_what_is_forbidden_is_found_in_disguise(shown: str) -> None:
    assert readable(f"before {shown} after", {}, [SECRET]) == [SECRET]
    assert readable("", {"key": [{shown: 1}]}, [SECRET]) == [SECRET]


def test_what_is_short_must_stand_alone() -> None:
    assert readable("a trusty port", {}, ["rust", "port"]) == ["port"]
    assert readable("nothing of it", {}, [SECRET]) == []


@given(st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_seen_through_whatever_stands_around(before: bytes, after: bytes) -> None:
    code = base64.b64encode(before + SECRET.encode() + after).decode()
    assert readable(code, {}, [SECRET]) == [SECRET]


def wanted(kind: str, *values: Any, **more: Any) -> Wanted:
    return Wanted(name="x", kind=kind, type="string", values=dict(zip(LEARN, values, strict=True)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "column", "same"),
    [
        (wanted("value", "a-b", "c_d", "e"), ["A B", "c.d", "E"], True),
        (wanted("value", "a", "b", "c"), ["a", "b", "b"], False),
        (wanted("value", "a", None, "c"), ["a", "anything", "c"], True),
        (wanted("value", 5, 7, 9), ["5", "7", "9"], True),
        (wanted("value", ",", ";", "|"), [",", ";", "|"], True),
        (wanted("value", ",", ";", "|"), [",", ";", "/"], False),
        (wanted("value", "a", "b", "c"), ["a\n", "b", "c"], False),
        (wanted("value", "ab", "cd", "ef", forms=({"i1": "x", "i2": "y", "i3": "z"},)), ["x", "y", "z"], True),
        (wanted("flag", True, False, True), [True, False, True], True),
        (wanted("flag", True, False, True), [False, True, False], True),
        (wanted("flag", True, False, True), ["soft", "hard", "soft"], True),
        (wanted("flag", True, False, True), ["soft", "hard", "hard"], False),
        (wanted("flag", True, False, True), [True, True, True], False),
        (wanted("list", ["a"], ["b", "c"], []), [["?"], ["?", "?"], []], True),
        (wanted("list", ["a"], ["b"], ["c"]), [["A"], ["b"], ["x"]], False),
        (wanted("list", [{"n": "a", "t": 1}], [{"n": "b", "t": 2}], [{"n": "c", "t": 3}], key="n"),
         [[{"name": "A"}], [{"name": "B"}], [{"name": "C"}]], True),
        (wanted("list", ["a"], ["b"], ["c"]), ["a", "b", "c"], False),
    ],
)  # fmt: skip
def test_values_are_compared_without_case_and_punctuation(one: Wanted, column: list[Any], same: bool) -> None:
    assert agrees(one, column, LEARN) is same


def test_names_and_types_may_be_said_otherwise_but_not_anyhow() -> None:
    one = Wanted(name="timeout_s", kind="value", type="string", values={}, aliases=("deadline",))
    assert [is_named(one, name) for name in ("timeout", "Deadline", "timeoutSeconds", "limit")] == [
        True,
        True,
        True,
        False,
    ]
    assert is_typed(one, "identifier", closed=False) and not is_typed(one, "host", closed=False)
    closed = Wanted(name="mode", kind="value", type="enum", values={})
    assert is_typed(closed, "string", closed=True) and not is_typed(closed, "string", closed=False)


def test_each_parameter_answers_for_one_true_one() -> None:
    twins = [replace_name(wanted("value", "a", "b", "c"), name) for name in ("first", "second")]
    assert assign(twins, {"second": ["a", "b", "c"]}, LEARN) == {"second": "second"}
    both = assign(twins, {"p": ["a", "b", "c"], "first": ["A", "B", "C"], "q": ["d", "e", "f"]}, LEARN)
    assert set(both) == {"first", "second"} and set(both.values()) == {"p", "first"}


def replace_name(one: Wanted, name: str) -> Wanted:
    return Wanted(name=name, kind=one.kind, type=one.type, values=one.values)


def test_a_mutant_is_not_what_it_was(corpus: Path) -> None:
    family = families(corpus)[0]
    i4 = family.data("i4").decode()
    mutants = [*mutant.disagreeing(family.truth, i4, "i4"), *mutant.reworded(family.truth, i4, "i4")]
    assert len(set(mutants)) == 4 and i4 not in mutants
    assert mutants[0].count("zzorlando") == 1
    assert mutant.reworded(family.truth, i4, "i5") == []  # without spans nobody knows what is a value


def test_strangers_are_other_families_of_the_language(corpus: Path) -> None:
    everyone = families(corpus)
    for family in everyone:
        assert {one.folder.name for one in strangers(family, everyone)} <= {"loader", "poem", "sums"} - {
            family.folder.name
        }


def test_figures_weigh_what_is_counted_and_not_families() -> None:
    ours = [Row("a", "sql", {"heldout": (1, 1)}), Row("b", "sql", {"heldout": (0, 3)}, seconds=2.0)]
    peer = [Row("a", "sql", {"heldout": (0, 1)}), Row("b", "sql", {"heldout": (1, 3)})]
    found = {(one.figure, one.language): one for one in figures(ours, peer, "p")}
    one = found["heldout", "overall"]
    assert (one.fde, one.peer, one.ratio, one.fde_n, one.reach) == (0.25, 0.25, 1.0, (1, 4), 0.97)
    assert found["secrets", "sql"].fde is None and found["seconds_max", "sql"].fde == 2.0
    lines = table(list(found.values()))
    assert any(line.startswith("heldout") and "!" in line for line in lines)


def test_the_command_prints_ours_beside_the_peer_by_language(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "abstraction", "--corpus", str(corpus), "--only", "loader", "--json"]) == 0
    said = capsys.readouterr()
    found = {(line["figure"], line["language"]): line for line in map(json.loads, said.out.splitlines())}
    assert found["round_trip", "overall"]["fde"] == found["round_trip", "python"]["fde"] == 1
    assert found["round_trip", "overall"]["peer"] == 1
    assert found["leaks", "overall"]["peer"] == 1 and found["leaks", "overall"]["fde"] == 0
    assert found["recall", "overall"]["peer_name"] == "token difflib to a pivot"
    assert "1/1 python/loader" in said.err
    assert run(["bench", "abstraction", "--corpus", str(corpus), "--only", "loader"]) == 0
    assert capsys.readouterr().out.startswith("figure")


def test_what_cannot_be_measured_is_said(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "abstraction", "--corpus", str(tmp_path / "none")]) == 3
    assert run(["bench", "abstraction", "--corpus", str(corpus), "--only", "cobol"]) == 2
    assert run(["bench", "abstraction", "--corpus", str(corpus), "--only", "["]) == 2
    assert run(["bench", "sign", "--scale"]) == 2
    (corpus / "python" / "loader" / "truth.json").write_text("{}")
    assert run(["bench", "abstraction", "--corpus", str(corpus)]) == 3
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- the peer

words = st.lists(st.sampled_from(["host", " ", "=", '"', "a.b", "\n", "x1", "7"]), max_size=20).map("".join)


@given(st.lists(words, min_size=2, max_size=4), words)
def test_the_peer_gives_siblings_back_and_what_fits_renders(texts: list[str], other: str) -> None:
    siblings = [(f"i{number}", one.encode()) for number, one in enumerate(texts)]
    try:
        made = TokenDiff().abstract(siblings, suffix="py", name="x")
    except Refusal:
        return
    for stem, data in siblings:
        assert made.render(made.bindings[stem]) == data
    for data in (*(data for _, data in siblings), other.encode()):
        values = made.fit(data)
        assert values is None or made.render(values) == data
    assert all(made.fit(data) is not None for _, data in siblings)


# ---------------------------------------------------------------- the shipped families and the scale


def test_the_shipped_families_are_whole_and_hold_nothing_that_looks_like_an_issuers_secret() -> None:
    found = families(shipped())
    assert {family.language for family in found} == {"python", "typescript", "sql"}
    for family in found:
        truth = family.truth
        assert truth.language == family.language and truth.family == family.folder.name
        for sibling in (*truth.learn, *truth.heldout):
            assert scan(family.data(sibling).decode()) == []
        checked(family)


def checked(family: Family) -> None:
    """Where values stand is said of the held-out sibling that is altered, and lies inside of it."""
    first = family.truth.heldout[0]
    size = len(family.data(first).decode())
    assert family.truth.spans[first]
    names = {one.name for one in family.truth.params}
    assert all(0 <= start < end <= size and name in names for start, end, name, _ in family.truth.spans[first])


@pytest.mark.seconds
@pytest.mark.parametrize("language", ["python", "typescript", "sql"])
def test_five_siblings_of_five_hundred_lines_take_a_few_seconds_at_most(language: str) -> None:
    assert growth.module(language, 0, 500).count("\n") > 400
    started = time.process_time()  # beside other tests the wall says nothing
    growth.timed(language, 5, 500)
    assert time.process_time() - started < 5


def test_the_exponent_of_a_square_is_two() -> None:
    assert growth.exponent([(1, 3.0), (2, 12.0), (10, 300.0)]) == pytest.approx(2)
