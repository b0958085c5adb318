from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fde_api.primitive import Runtime
from fde_events.errors import Refused
from fde_extraction.recheck import EvidenceChecker
from fde_registry.directory import DirectoryRegistry
from fde_review.decision import Decisions, missing

BEN, ANA = "ben@company.example", "ana@company.example"
WORKLOAD = {"kind": "Job", "image": "python@sha256:" + "a" * 64, "command": ["python", "/app/sync.py"]}


def test_list_shows_name_state_and_proof(fde: Any) -> None:
    code, out, _ = fde("list")
    assert code == 0
    assert "c-0000aaaa  Proposed" in out
    assert "3/3 byte-exact, 0 leaks" in out
    code, out, _ = fde("list", "--json")
    assert json.loads(out)["name"] == "c-0000aaaa"


def test_an_empty_library_has_found_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fde_cli.main import run

    DirectoryRegistry.make(tmp_path)
    assert run(["review", "list", "--registry", f"directory:{tmp_path}"]) == 1
    assert "no candidates" in capsys.readouterr().err


def test_without_a_registry_it_says_how_to_name_one(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    from fde_cli.main import run

    monkeypatch.delenv("FDE_REGISTRY", raising=False)
    assert run(["review", "list"]) == 2
    assert "FDE_REGISTRY" in capsys.readouterr().err


def test_show_gives_signal_proof_parameters_template_and_what_is_missing(fde: Any) -> None:
    code, out, _ = fde("show", "c-0000aaaa")
    assert code == 0
    assert "5 deployments, 3 customers, 40 events" in out
    assert "3/3 byte-exact, 0 leaks" in out
    assert "{{ " in out
    assert "runtime.workload is not filled" in out
    code, out, _ = fde("show", "c-0000aaaa", "--json")
    assert json.loads(out)["spec"]["proposal"]["primitiveName"] == "rate-limit-sync"


def test_an_approval_needs_to_know_how_it_runs(fde: Any) -> None:
    code, _, err = fde("approve", "c-0000aaaa")
    assert code == 1
    assert "runtime.workload" in err


def test_approved_for_the_library_only_it_is_published(fde: Any, library: Path) -> None:
    code, out, _ = fde("approve", "c-0000aaaa", "--library-only", "--reason", "values checked")
    assert code == 0
    assert "published as rate-limit-sync.v1.0.0" in out
    manifest = yaml.safe_load((library / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_text())
    assert manifest["spec"]["runtime"]["deployable"] is False
    assert manifest["spec"]["provenance"]["approvedBy"] == "dana@company.example"
    assert manifest["spec"]["provenance"]["contributors"] == [ANA]


def test_what_is_listed_is_shown_and_must_be_acknowledged(fde: Any, dana: Any, listed: str, library: Path) -> None:
    code, out, _ = fde("show", listed)
    assert code == 0
    assert "shell subprocess.run at" in out
    assert "name: what is assigned to BASE_URL" in out
    assert "import requests at" in out, "a package it needs is one of them"
    code, _, err = fde("approve", listed, "--library-only", seen=False)
    assert code == 1
    assert "3 entries are listed" in err and "--acknowledge" in err
    assert dana.candidate(listed).metadata.generation == 1
    assert fde("approve", listed, "--library-only", evidence=False)[0] == 0
    document = yaml.safe_load((library / "candidates" / f"{listed}.yaml").read_text())
    assert document["spec"]["review"]["acknowledged"] is True


def test_acknowledging_nothing_is_not_recorded(fde: Any, dana: Any, library: Path) -> None:
    from msgspec.structs import replace

    engine = DirectoryRegistry.engine(library)
    made = engine.candidate("c-0000aaaa")
    engine.propose(replace(made, spec=replace(made.spec, proof=replace(made.spec.proof, acknowledge=()))))
    workload = {"runtime": replace(made.spec.proposal.runtime, deployable=False)}
    proposal = replace(made.spec.proposal, **workload)
    proof = replace(made.spec.proof, acknowledge=()).of(proposal)
    engine.propose(replace(made, spec=replace(made.spec, proposal=proposal, proof=proof)))
    assert fde("approve", "c-0000aaaa")[0] == 0
    assert dana.candidate("c-0000aaaa").spec.review.acknowledged is False


def test_how_it_runs_may_not_add_what_nobody_has_looked_at(fde: Any, dana: Any, library: Path) -> None:
    from msgspec.structs import replace

    engine = DirectoryRegistry.engine(library)
    made = engine.candidate("c-0000aaaa")
    engine.propose(replace(made, spec=replace(made.spec, proof=replace(made.spec.proof, acknowledge=()))))
    code, _, err = fde("approve", "c-0000aaaa", "--library-only")
    assert code == 1
    assert "adds to what is to acknowledge" in err and "import requests" in err
    assert dana.candidate("c-0000aaaa").metadata.generation == 2


def test_a_proof_of_another_proposal_approves_nothing(fde: Any, library: Path, dana: Any) -> None:
    from msgspec.structs import replace

    engine = DirectoryRegistry.engine(library)
    made = engine.candidate("c-0000aaaa")
    other = replace(made.spec.proposal, tags=("swapped",))
    engine.propose(replace(made, spec=replace(made.spec, proposal=other)))
    code, _, err = fde("approve", "c-0000aaaa", "--library-only")
    assert code == 1
    assert "its proof is of another proposal" in err
    assert dana.candidate("c-0000aaaa").spec.review is None


def test_an_edited_proposal_has_a_proof_of_its_own(fde: Any, tmp_path: Path, dana: Any) -> None:
    before = dana.candidate("c-0000aaaa").spec
    checked_out(fde, tmp_path / "work")
    edit(tmp_path / "work" / "primitive.yaml", lambda d: d.update(tags=["http"]))
    assert fde("resubmit", str(tmp_path / "work"))[0] == 0
    after = dana.candidate("c-0000aaaa").spec
    assert before.proof.proves(before.proposal) and not before.proof.proves(after.proposal)
    assert after.proof.proves(after.proposal)


def test_approved_with_a_workload_its_reviewer_is_no_contributor(fde: Any, library: Path, tmp_path: Path) -> None:
    file = tmp_path / "workload.yaml"
    file.write_text(yaml.safe_dump(WORKLOAD))
    code, _, err = fde("approve", "c-0000aaaa", "--workload", str(file))
    assert code == 0, err
    manifest = yaml.safe_load((library / "primitives" / "rate-limit-sync.v1.0.0.yaml").read_text())
    assert manifest["spec"]["runtime"]["workload"]["command"] == ["python", "/app/sync.py"]
    assert manifest["spec"]["provenance"]["contributors"] == [ANA]


def test_a_workload_with_a_wrong_field_is_refused_with_the_field(fde: Any, tmp_path: Path) -> None:
    file = tmp_path / "workload.yaml"
    file.write_text(yaml.safe_dump(WORKLOAD | {"image": "python:latest"}))
    code, _, err = fde("approve", "c-0000aaaa", "--workload", str(file))
    assert code == 3
    assert "image" in err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: Foo\n", "workload.kind"),
        ("kind: Job\nresourceProfile: small\n", "stands under `workload:`"),
        ("workload: {kind: Foo}\n", "workload.kind"),
        ("kimd: Job\n", "kimd"),
        ("just words\n", "no mapping"),
    ],
)
def test_a_workload_that_is_none_is_told_what_it_takes(fde: Any, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "workload.yaml"
    file.write_text(text)
    code, _, err = fde("approve", "c-0000aaaa", "--workload", str(file))
    assert code == 3
    assert str(file) in err and why in err and "workload:" in err


def test_a_directory_where_a_file_is_meant_is_a_sentence(fde: Any, tmp_path: Path) -> None:
    code, _, err = fde("approve", "c-0000aaaa", "--workload", str(tmp_path))
    assert (code, "cannot be read" in err) == (3, True)
    (tmp_path / "file").write_text("")
    code, _, err = fde("checkout", "c-0000aaaa", str(tmp_path / "file" / "below"))
    assert (code, "cannot be written" in err) == (3, True)
    for name in ("parameters.yaml", "template/sync.py"):
        folder = tmp_path / name.replace("/", "-")
        assert fde("checkout", "c-0000aaaa", str(folder))[0] == 0
        path = next(iter(folder.glob("template/*"))) if name.startswith("template") else folder / name
        path.unlink()
        path.mkdir()
        code, _, err = fde("resubmit", str(folder))
        assert (code, "cannot be read" in err) == (3, True)


def test_a_workload_that_names_a_customer_is_refused_by_the_leak_gate(fde: Any, tmp_path: Path, dana: Any) -> None:
    file = tmp_path / "workload.yaml"
    file.write_text(yaml.safe_dump(WORKLOAD | {"command": ["python", "/srv/northgate/sync.py"]}))
    code, _, err = fde("approve", "c-0000aaaa", "--workload", str(file))
    assert code == 1
    assert "leak gate" in err
    assert "northgate" not in err
    assert dana.candidate("c-0000aaaa").metadata.generation == 1


def test_self_approval_is_refused(fde: Any, library: Path) -> None:
    code, _, err = fde("approve", "c-0000aaaa", "--library-only", identity=ANA)
    assert code == 1
    assert "contributor" in err
    assert not (library / "primitives").exists()


def test_a_refused_approval_leaves_no_edit_behind(fde: Any, dana: Any) -> None:
    fde("approve", "c-0000aaaa", "--library-only", identity=ANA)
    assert dana.candidate("c-0000aaaa").metadata.generation == 1


def test_who_approves_cannot_be_said_on_the_command_line(fde: Any) -> None:
    code, _, err = fde("approve", "c-0000aaaa", "--reviewer", "eve@company.example")
    assert code == 2
    assert "reviewer" in err


def test_a_stale_approval_is_refused(fde: Any, dana: Any, checker: Any) -> None:
    Decisions(dana, checker)
    candidate = dana.candidate("c-0000aaaa")
    dana.edit(
        "c-0000aaaa",
        candidate.spec.proposal.__class__(
            **{
                **{name: getattr(candidate.spec.proposal, name) for name in candidate.spec.proposal.__struct_fields__},
                "tags": ("later",),
            }
        ),
        proof=candidate.spec.proof,
    )
    code, _, err = fde("approve", "c-0000aaaa", "--library-only", "--generation", "1", identity=BEN)
    assert code == 1
    assert "you reviewed generation 1, it is 2 now" in err


def test_a_rejection_needs_a_reason_and_is_kept_with_it(fde: Any, dana: Any) -> None:
    assert fde("reject", "c-0000aaaa", "--reason", "no")[0] == 1
    assert fde("reject", "c-0000aaaa")[0] == 2
    assert fde("reject", "c-0000aaaa", "--reason", "two patterns in one file")[0] == 0
    review = dana.candidate("c-0000aaaa").spec.review
    assert (review.decision, review.reason) == ("Rejected", "two patterns in one file")
    assert fde("approve", "c-0000aaaa", "--library-only")[0] == 1


def test_a_rejected_candidate_can_be_reopened_and_somebody_else_decides(fde: Any, dana: Any) -> None:
    fde("reject", "c-0000aaaa", "--reason", "two patterns in one file")
    code, out, _ = fde("reopen", "c-0000aaaa")
    assert code == 0
    again = out.strip()
    assert dana.candidate("c-0000aaaa").spec.review.decision == "Rejected"
    code, _, err = fde("approve", again, "--library-only")
    assert code == 1
    assert "author" in err
    assert fde("approve", again, "--library-only", identity=BEN)[0] == 0


def test_what_is_missing_is_said_beforehand(dana: Any) -> None:
    candidate = dana.candidate("c-0000aaaa")
    assert len(missing(candidate, reviewer="dana@company.example", acknowledged=True)) == 1
    assert len(missing(candidate, reviewer="dana@company.example")) == 2
    assert any("contributor" in sentence for sentence in missing(candidate, reviewer=ANA))


def checked_out(fde: Any, folder: Path) -> None:
    code, out, _ = fde("checkout", "c-0000aaaa", str(folder))
    assert code == 0
    assert "parameters.yaml" in out


def edit(path: Path, change: Any) -> None:
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def test_nothing_changed_is_nothing_to_resubmit(fde: Any, tmp_path: Path) -> None:
    checked_out(fde, tmp_path / "work")
    code, _, err = fde("resubmit", str(tmp_path / "work"))
    assert code == 1
    assert "nothing was changed" in err


def test_a_renamed_and_described_parameter_is_a_fresh_generation_by_a_contributor(
    fde: Any, tmp_path: Path, dana: Any, store: Any
) -> None:
    checked_out(fde, tmp_path / "work")

    def rename(document: Any) -> None:
        document["parameters"][0] |= {"name": "theApi", "description": "Where the vendor answers."}

    edit(tmp_path / "work" / "parameters.yaml", rename)
    code, out, err = fde("resubmit", str(tmp_path / "work"))
    assert code == 0, err
    assert "generation 2: 3/3 byte-exact, 0 leaks" in out
    after = dana.candidate("c-0000aaaa").spec
    assert after.proposal.parameters[0].name == "theApi"
    assert any(s.hole and s.hole.parameter == "theApi" for s in after.proposal.template.files[0].segments)
    assert "dana@company.example" in after.contributors
    assert [audit.who for audit in store.audits()] == ["dana@company.example"]
    assert fde("approve", "c-0000aaaa", "--library-only")[0] == 1, "who edited may not decide"
    assert fde("approve", "c-0000aaaa", "--library-only", identity=BEN)[0] == 0


def test_without_the_evidence_names_may_change_and_text_may_not(fde: Any, tmp_path: Path) -> None:
    checked_out(fde, tmp_path / "work")
    edit(tmp_path / "work" / "parameters.yaml", lambda d: d["parameters"][0].update(name="theApi"))
    assert fde("resubmit", str(tmp_path / "work"), evidence=False)[0] == 0
    checked_out(fde, tmp_path / "again")
    (path,) = (tmp_path / "again" / "template").iterdir()
    path.write_text(path.read_text().replace("import time\n", "import time  # wait\n"))
    code, _, err = fde("resubmit", str(tmp_path / "again"), evidence=False)
    assert code == 1
    assert "evidence" in err


def test_a_text_that_no_longer_gives_the_siblings_back_is_refused_with_the_place(
    fde: Any, tmp_path: Path, dana: Any
) -> None:
    checked_out(fde, tmp_path / "work")
    (path,) = (tmp_path / "work" / "template").iterdir()
    path.write_text(path.read_text().replace("Retry-After", "Retry-Later"))
    code, _, err = fde("resubmit", str(tmp_path / "work"))
    assert code == 1
    assert "not rebuilt byte for byte" in err
    assert ".py:15:" in err
    assert dana.candidate("c-0000aaaa").metadata.generation == 1


def test_a_description_that_names_a_customer_is_refused(fde: Any, tmp_path: Path) -> None:
    checked_out(fde, tmp_path / "work")
    edit(
        tmp_path / "work" / "parameters.yaml",
        lambda d: d["parameters"][0].update(description="As southgate has it."),
    )
    code, _, err = fde("resubmit", str(tmp_path / "work"))
    assert code == 1
    assert "leak gate" in err
    assert "southgate" not in err


def test_two_who_check_out_the_same_candidate_do_not_overwrite_each_other(fde: Any, tmp_path: Path) -> None:
    checked_out(fde, tmp_path / "one")
    checked_out(fde, tmp_path / "two")
    for folder in ("one", "two"):
        edit(tmp_path / folder / "primitive.yaml", lambda d: d.update(tags=["http"]))
    assert fde("resubmit", str(tmp_path / "one"))[0] == 0
    code, _, err = fde("resubmit", str(tmp_path / "two"), identity=BEN)
    assert code == 1
    assert "changed since it was checked out" in err


@pytest.mark.parametrize(
    ("file", "text", "code", "why"),
    [
        ("parameters.yaml", "parameters: [", 3, "not YAML"),
        ("parameters.yaml", "parameters: [{name: Bad Name, type: string}]", 3, "name"),
        ("parameters.yaml", "parameters: [{name: x, type: colour}]", 3, "type"),
        ("parameters.yaml", "parameters: []", 3, "not declared"),
        ("primitive.yaml", "primitiveName: x\nversion: one\ndomain: d\n", 3, "version"),
        ("workload.yaml", "workload: {kind: Pod}\n", 3, "workload"),
        ("candidate.yaml", "candidate: [1]\n", 3, "candidate"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(
    fde: Any, tmp_path: Path, file: str, text: str, code: int, why: str
) -> None:
    checked_out(fde, tmp_path / "work")
    (tmp_path / "work" / file).write_text(text)
    got, _, err = fde("resubmit", str(tmp_path / "work"))
    assert got == code
    assert file in err
    assert why in err


def test_a_folder_that_holds_something_else_is_wrong_use(fde: Any, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.txt").write_text("x")
    assert fde("checkout", "c-0000aaaa", str(tmp_path / "work"))[0] == 2
    assert fde("resubmit", str(tmp_path / "work"))[0] == 2


def test_the_service_checks_before_it_writes(dana: Any) -> None:
    decisions = Decisions(dana, EvidenceChecker(None))
    with pytest.raises(Refused):
        decisions.approve("c-0000aaaa", runtime=Runtime(), acknowledged=True)
    assert dana.candidate("c-0000aaaa").metadata.generation == 1
