"""Why a parameter is one, and what a reviewer must have seen: from the engine's reasons to the candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from fde_api.candidate import Explanation, PatternCandidateSpec
from fde_api.meta import canonical
from fde_api.primitive import Hole, PrimitiveSpec, Segment, Template, TemplateFile
from fde_events.errors import Refused
from fde_extraction import acknowledge
from fde_extraction.acknowledge import acknowledgements
from fde_extraction.engine import AbstractionEngine
from fde_extraction.explanation import Code, Explained, HoleUse, Reason, explanations, sentence
from fde_extraction.recheck import EvidenceChecker

CLIENT = (
    "import requests\n\nBASE_URL = 'https://{host}/api'\n\n\ndef fetch_ledger(path):\n"
    "    answer = requests.get(BASE_URL + path)\n    return answer.json()\n"
)


def a_spec(*texts: str) -> PrimitiveSpec:
    """One file; an empty text is a hole."""
    segments = tuple(
        Segment(text=text) if text else Segment(hole=Hole(parameter="x", place="python.number")) for text in texts
    )
    file = TemplateFile(path="sync.py", language="python", segments=segments)
    return PrimitiveSpec(primitive_name="sync", version="v1.0.0", domain="d", template=Template(files=(file,)))


@pytest.mark.parametrize("code", get_args(Code))
def test_every_reason_reads_as_a_clause(code: Any) -> None:
    said = sentence(Reason(code, ("timeout",)))
    assert said
    assert "{" not in said and not said.endswith((":", " ", "."))
    assert sentence(Reason(code)), "and without words too"


def test_a_name_says_the_word_of_the_code_and_what_is_around_it() -> None:
    assert sentence(Reason("keyword", ("timeout",), within="connect()")) == "keyword argument timeout of connect()"


def test_a_reason_that_is_too_long_is_cut_and_the_candidate_still_valid() -> None:
    long = Explained("a", Reason("only", ("x" * 400,)), Reason("type"))
    (made,) = explanations([long])
    assert msgspec.convert(msgspec.to_builtins(made), Explanation) == made


def test_a_large_explanation_keeps_names_and_types_and_leaves_the_holes_to_the_evidence() -> None:
    holes = tuple(HoleUse("sync.py", n + 1, "python.number") for n in range(300))
    many = [Explained(f"p{n}", Reason("numbers"), Reason("assigned", ("SIZE",)), holes) for n in range(256)]
    made = explanations(many)
    assert len(made) == 256
    assert all(item.name_reason for item in made)
    assert len(canonical(made)) < 128 * 1024
    (small,) = explanations(many[:1])
    assert len(small.holes) == 64


def test_with_few_customers_each_word_is_listed_once_where_it_stands_first() -> None:
    spec = a_spec("ledger = ", "", "\nprint(ledger)\nharbour(", "", ")\n")
    listed = acknowledgements(spec, customers=2)
    assert [(item.what, item.line) for item in listed if item.kind == "word"] == [("ledger", 1), ("harbour", 3)]
    assert [item for item in acknowledgements(spec, customers=3) if item.kind == "word"] == []


def test_more_than_a_person_looks_through_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    most = msgspec.json.schema(PatternCandidateSpec)["$defs"]["Proof"]["properties"]["acknowledge"]["maxItems"]
    assert most == acknowledge.MOST
    spec = a_spec(" ".join(f"ledger{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}{'x' * (n // 676)}" for n in range(1100)))
    with pytest.raises(Refused, match="1024 at most"):
        acknowledgements(spec, customers=2)


def test_a_candidate_of_two_customers_lists_its_words_and_a_fresh_check_lists_the_same(
    tmp_path: Path, desk_in: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    desk = desk_in(tmp_path, AbstractionEngine(), registry)
    desk.take_challenge(challenge())
    for customer, number in (("northgate", 1), ("northgate", 2), ("southgate", 1)):
        text = CLIENT.format(host=f"api{number}.{customer}.example")
        desk.take_solution(solution(customer, number, text=text))
    (record,) = desk.work()
    candidate = registry.stored[record.id]
    assert "ledger" in [item.what for item in candidate.spec.proof.acknowledge]
    assert candidate.spec.proof.proves(candidate.spec.proposal)
    again = EvidenceChecker(desk.evidence).recheck(candidate, candidate.spec.proposal, who="dana")
    assert again == candidate.spec.proof


def test_what_an_explanation_would_tell_is_a_leak_like_any_other(
    tmp_path: Path, desk_in: Any, registry: Any, challenge: Any, solution: Any
) -> None:
    class Telling(AbstractionEngine):
        def abstract(self, group: Any, *, name: str, customers: Any) -> Any:
            from dataclasses import replace as changed

            made = super().abstract(group, name=name, customers=customers)
            first = made.spec.parameters[0].name
            return changed(made, explained=(Explained(first, Reason("plain"), Reason("assigned", ("northgate_url",))),))

    desk = desk_in(tmp_path, Telling(), registry)
    desk.take_challenge(challenge())
    for customer in ("northgate", "southgate", "westgate"):
        desk.take_solution(solution(customer, text=CLIENT.format(host=f"api.{customer}.example")))
    assert desk.work() == []
    assert "leak" in desk.statuses["ch-aaaa"].line()
    assert "northgate" not in desk.statuses["ch-aaaa"].line()


def test_the_places_of_a_list_in_a_sibling_are_counted_through_its_items() -> None:
    from fde_api.primitive import Each, Field, Parameter
    from fde_extraction.attribution import attributed
    from fde_extraction.evidence import FileEvidence, SiblingEvidence

    segments = (
        Segment(text="COLUMNS = [\n"),
        Segment(each=Each(parameter="columns")),
        Segment(text='    "'),
        Segment(hole=Hole(parameter="columns", field="name", place="python.string.double")),
        Segment(text='",\n'),
        Segment(mark="end"),
        Segment(text="]\nTOKEN = '"),
        Segment(hole=Hole(parameter="token", place="python.string.single")),
        Segment(text="'\n"),
    )
    file = TemplateFile(path="a.py", language="python", segments=segments)
    spec = replace(
        a_spec("x"),
        template=Template(files=(file,)),
        parameters=(
            Parameter(name="columns", type="list", required=True, fields=(Field(name="name", type="string"),)),
            Parameter(name="token", type="secretRef", required=True),
        ),
    )
    own = FileEvidence(template="a.py", path="jobs/a.py", language="python", digest="", content=b"")
    sibling = SiblingEvidence(name="s1", customer="north", deployment="", solution="", author="", files=(own,))
    values: Any = {"columns": [{"name": "id"}, {"name": "status"}], "token": "hush" + "-hush"}
    found = [(a.parameter + a.part, a.path, a.line, a.text) for a in attributed(spec, sibling, values, first={})]
    assert found == [
        ("columns[1].name", "jobs/a.py", 2, "id"),
        ("columns[2].name", "jobs/a.py", 3, "status"),
        ("token", "jobs/a.py", 5, ""),
    ]
