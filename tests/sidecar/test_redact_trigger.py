"""Triggers: a rule that can match in a line is never left out, so the automaton and the plain literals give the same text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fde_cli.bench.planted import corpus
from fde_sidecar.redact import Redactor
from fde_sidecar.rules import RULES, Marks
from fde_sidecar.trigger import Triggers

KEY = b"0123456789abcdef0123456789abcdef"
DATA = Path(__file__).parent / "data"
PIECES = st.sampled_from(
    'password pass word key secret token sig session_id : = %3D => \' " \\" ` - -- . @ :// / 10.0.0.7 2001:db8::1 fe80 00:1a:2b '
    "-u svc mysql login -p identified by 4111 1111-1111 +49 (030) 555-0100 DE89 3704 <token> AKIA bearer cookie: a=b; host= "
    "example.com .internal pin cvv code otp is your 482913 recovery codes a1b2-c3d4 signature hmac mismatch response= kty /reset/ ?t= credentials bob: as u/ "
    "community &quot; \\x22 values (?) update set psk pw sid  abc123 0 9 a F x7 Z_ \t".split(" ")
)


@cache
def triggers() -> Triggers:
    return Triggers(RULES)  # half a second, which who only collects these tests need not wait


def missed(line: str) -> list[str]:
    wanted = set(triggers().wanted(line))
    return [
        rule.name
        for number, rule in enumerate(RULES)
        if number not in wanted
        and any(rule.replace(found, Marks(lambda kind, value: "0" * 8, [])) for found in rule.pattern.finditer(line))
        and number in triggers().asked(line)
    ]


def test_no_rule_that_replaces_something_in_a_real_log_is_left_out() -> None:
    for path in sorted(DATA.glob("*.log")):
        for line in set(path.read_text(errors="replace").split("\n")[::3]):
            assert not missed(line), (path.name, missed(line))


def test_no_rule_that_replaces_something_planted_is_left_out() -> None:
    for line in corpus(5, 600, 200):
        assert not missed(line.text), (line.form, missed(line.text))


@given(st.lists(st.one_of(PIECES, st.text(alphabet="aZ09:-._ '\"\\/=@", max_size=6)), max_size=14).map("".join))
def test_no_rule_is_left_out_of_any_line(line: str) -> None:
    assert not missed(line)


def test_without_the_automaton_the_outcome_is_the_same() -> None:
    fast, slow = Redactor(KEY), Redactor(KEY)
    slow._triggers._database = None
    for line in corpus(6, 400, 200):
        assert fast.redact(line.text) == slow.redact(line.text), line.form


def test_a_line_beyond_ascii_is_asked_by_its_literals() -> None:
    assert "hunter2" not in Redactor(KEY).redact("Kennwort geändert: password=hunter2")
