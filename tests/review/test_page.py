from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fde_events.errors import Unavailable
from fde_registry.directory import DirectoryRegistry
from fde_review.page import create_app

URL = "http://127.0.0.1:8321"


@pytest.fixture
def page(dana: Any, checker: Any) -> TestClient:
    return TestClient(create_app(dana, checker=checker), base_url=URL, raise_server_exceptions=False)


def form(page: TestClient, **changes: str) -> dict[str, str]:
    html = page.get("/candidates/c-0000aaaa").text
    token = re.search(r'name="token" value="([^"]+)"', html)
    assert token is not None
    return {
        "token": token[1],
        "generation": "1",
        "decision": "approve",
        "runs": "library",
        "reason": "",
        "acknowledged": "yes",
    } | changes


def send(page: TestClient, fields: dict[str, str], **headers: str) -> Any:
    from urllib.parse import urlencode

    return page.post(
        "/candidates/c-0000aaaa/decision",
        content=urlencode(fields),
        headers={"content-type": "application/x-www-form-urlencoded", **headers},
        follow_redirects=False,
    )


def test_the_list_shows_candidates_with_state_and_proof(page: TestClient) -> None:
    answer = page.get("/")
    assert answer.status_code == 200
    assert "c-0000aaaa" in answer.text
    assert "3/3 byte-exact, 0 leaks" in answer.text
    assert "dana@company.example" in answer.text


def test_the_list_says_how_far_each_challenge_is(dana: Any, checker: Any) -> None:
    from fde_extraction.status import JoinStatus

    waiting = JoinStatus(challenge="ch-9", title="Timeout", state="AwaitingSolutions", solutions=2, needed=3)
    page = TestClient(create_app(dana, lambda: [waiting], checker=checker), base_url=URL)
    assert "AwaitingSolutions 2/3" in page.get("/").text


def test_a_candidate_is_shown_with_holes_marked_and_text_escaped(page: TestClient) -> None:
    html = page.get("/candidates/c-0000aaaa").text
    assert 'class="hole' in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
    assert "runtime.workload is not filled" in html


def test_an_approval_on_the_page_publishes(page: TestClient, library: Path) -> None:
    answer = send(page, form(page))
    assert answer.status_code == 303
    assert (library / "primitives" / "rate-limit-sync.v1.0.0.yaml").exists()
    assert "Approved by <strong>dana@company.example</strong>" in page.get("/candidates/c-0000aaaa").text
    assert "rate-limit-sync.v1.0.0" in page.get("/").text


def test_a_workload_can_be_typed_in(page: TestClient, dana: Any) -> None:
    workload = 'kind: Job\nimage: "python@sha256:' + "a" * 64 + '"\ncommand: [python, /app/sync.py]\n'
    assert send(page, form(page, runs="workload", workload=workload)).status_code == 303
    assert dana.candidate("c-0000aaaa").spec.proposal.runtime.workload.kind == "Job"


def test_what_is_listed_is_ticked_before_it_is_approved_and_the_decision_says_so(
    page: TestClient, dana: Any, listed: str
) -> None:
    from urllib.parse import urlencode

    html = page.get(f"/candidates/{listed}").text
    assert "To acknowledge" in html
    assert html.index("subprocess.run") < html.index(">limit<"), "what may do harm comes before mere words"
    assert "all 3 entries listed" in html

    def decide(**more: str) -> Any:
        fields = form(page) | more
        return page.post(
            f"/candidates/{listed}/decision",
            content=urlencode(fields),
            headers={"content-type": "application/x-www-form-urlencoded"},
            follow_redirects=False,
        )

    refused = decide(acknowledged="")
    assert refused.status_code == 409
    assert "3 entries are listed for the reviewer to acknowledge" in refused.text
    assert dana.candidate(listed).spec.review is None
    assert dana.candidate(listed).metadata.generation == 1
    assert decide(acknowledged="yes").status_code == 303
    assert dana.candidate(listed).spec.review.acknowledged
    assert "all that was listed acknowledged" in page.get(f"/candidates/{listed}").text


def test_each_parameter_says_where_it_stands_and_why_it_is_called_so(page: TestClient, listed: str) -> None:
    html = page.get(f"/candidates/{listed}").text
    assert "what is assigned to BASE_URL" in html
    assert "every sibling&#39;s text has the form of this: url" in html
    places = re.findall(r'<a href="#(f\d+l\d+)">', html)
    assert places
    assert all(f'id="{anchor}"' in html for anchor in places)
    assert "the value as it is" in html


def test_what_the_template_says_of_itself_is_shown_with_what_was_seen(page: TestClient) -> None:
    html = page.get("/candidates/c-0000aaaa").text
    row = re.search(r'<th scope="row">pattern\.source\.type</th><td>([^<]+)</td><td>([^<]+)</td>', html)
    assert row is not None
    assert row[1] == "rest"
    assert "requests" in row[2] and ".py:3" in row[2]


def test_where_a_parameter_stands_in_each_sibling_is_private_and_every_look_is_noted(
    page: TestClient, store: Any
) -> None:
    assert "northgate" not in page.get("/candidates/c-0000aaaa").text.replace("northgate@company.example", "")
    assert store.audits() == []
    html = page.get("/candidates/c-0000aaaa/evidence").text
    assert html.count("<h2>") == 3
    assert "api.northgate.example" in html and "sync.py:5" in html
    (audit,) = store.audits()
    assert (audit.who, audit.why) == ("dana@company.example", "attribution of c-0000aaaa")


def test_where_the_evidence_is_not_reachable_the_page_says_so(dana: Any) -> None:
    from fde_extraction.recheck import EvidenceChecker

    page = TestClient(create_app(dana, checker=EvidenceChecker(None)), base_url=URL, raise_server_exceptions=False)
    assert "/evidence" not in page.get("/candidates/c-0000aaaa").text
    assert "not reachable" in page.get("/candidates/c-0000aaaa/evidence").text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"decision": "reject", "reason": "no"}, "at least 10 characters"),
        ({"generation": "7"}, "you reviewed generation 7"),
        ({"runs": "workload", "workload": "kind: ["}, "workload"),
        ({"runs": "none"}, "runtime.workload"),
    ],
)
def test_a_decision_the_rules_refuse_is_refused_in_a_sentence_and_keeps_what_was_typed(
    page: TestClient, dana: Any, fields: dict[str, str], sentence: str
) -> None:
    answer = send(page, form(page, **fields))
    assert answer.status_code == 409
    assert sentence in answer.text
    assert dana.candidate("c-0000aaaa").spec.review is None


def test_a_contributor_gets_no_form_and_cannot_post_one(library: Path, checker: Any) -> None:
    ana = DirectoryRegistry(library, "ana@company.example")
    page = TestClient(create_app(ana, checker=checker), base_url=URL)
    html = page.get("/candidates/c-0000aaaa").text
    assert "<form" not in html
    assert "another person decides" in html
    assert send(page, {"token": "guess", "decision": "approve", "generation": "1"}).status_code == 403


def test_a_decision_without_the_forms_token_is_refused(page: TestClient, dana: Any) -> None:
    for token in ("", "guess"):
        assert send(page, form(page, token=token)).status_code == 403
    assert dana.candidate("c-0000aaaa").spec.review is None


def test_a_decision_from_another_origin_is_refused(page: TestClient, dana: Any) -> None:
    assert send(page, form(page), origin="https://evil.example").status_code == 421
    assert dana.candidate("c-0000aaaa").spec.review is None
    assert send(page, form(page), origin=URL).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.7:8321", "[::", ""])
def test_only_loopback_names_are_answered(page: TestClient, host: str) -> None:
    answer = page.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "c-0000aaaa" not in answer.text


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:8321"])
def test_every_loopback_name_is_answered(page: TestClient, host: str) -> None:
    assert page.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/candidates/c-0000aaaa", "/candidates/gone", "/nowhere", "/style.css"])
def test_every_answer_carries_the_security_headers(page: TestClient, path: str) -> None:
    headers = page.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_what_is_not_there_is_a_page_that_says_so(page: TestClient) -> None:
    answer = page.get("/candidates/gone")
    assert answer.status_code == 404
    assert "There is no candidate gone" in answer.text
    assert page.get("/nowhere").status_code == 404


def test_a_registry_that_is_away_is_a_sentence(dana: Any, checker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise Unavailable("The API server did not answer.")

    monkeypatch.setattr(dana, "candidates", away)
    answer = TestClient(create_app(dana, checker=checker), base_url=URL, raise_server_exceptions=False).get("/")
    assert answer.status_code == 503
    assert "The API server did not answer." in answer.text


def test_a_page_that_only_shows_takes_no_decision(dana: Any, checker: Any) -> None:
    page = TestClient(create_app(dana, checker=checker, may_decide=False), base_url=URL)
    assert "<form" not in page.get("/candidates/c-0000aaaa").text
    assert send(page, {"token": "", "decision": "approve"}).status_code == 403


def test_a_form_of_unreasonable_size_is_not_read(page: TestClient) -> None:
    assert send(page, form(page, reason="x" * 70_000)).status_code == 413


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.headings: list[int] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.inside_label: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "label":
            self.labels.add(found.get("for", ""))
            self._open.append(tag)
        if tag in ("textarea", "input") and found.get("type") != "hidden":
            self.fields.append(found | {"labelled": str(bool(self._open))})
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._open.pop()


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    "path", ["/", "/candidates/c-0000aaaa", "/candidates/c-0000bbbb", "/candidates/c-0000aaaa/evidence"]
)
def test_pages_can_be_read_and_used_without_seeing_them(page: TestClient, path: str) -> None:
    html = page.get(path).text
    outline = Outline()
    outline.feed(html)
    assert '<html lang="en">' in html
    assert outline.headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(outline.headings, outline.headings[1:], strict=False))
    assert all(f["labelled"] == "True" or f.get("id") in outline.labels for f in outline.fields)
    assert outline.tags.count("table") == outline.tags.count("caption")
    assert "main" in outline.tags


def test_it_listens_on_loopback_and_a_taken_port_is_a_sentence() -> None:
    from fde_events.errors import Misuse, Refused
    from fde_review.serve import listen

    bound = listen(0)
    try:
        address, port = bound.getsockname()
        assert address == "127.0.0.1"
        with pytest.raises(Refused, match="--port"):
            listen(port)
        with pytest.raises(Misuse, match="65535"):
            listen(65_536)
    finally:
        bound.close()
