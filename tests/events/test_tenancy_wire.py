import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_events.errors import Refused, Unavailable
from fde_events.tenancy.quota_wire import alter_quota, decode_described, describe_quotas
from fde_events.tenancy.scram import Scram, ScramFailed
from fde_events.tenancy.wire import Reader, Writer


class Recorded:
    """A conversation that answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, None

    def ask(self, key, version, body, *, flexible=True):
        self.asked = (key, version, body)
        return Reader(self.answer)


def test_the_login_of_rfc_7677_gives_its_proof():
    scram = Scram("SCRAM-SHA-256", "user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    said = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert scram.final(said) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    with pytest.raises(ScramFailed):
        scram.verify(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    with pytest.raises(ScramFailed):
        scram.verify(b"e=other-error")


@pytest.mark.parametrize(
    "said",
    [
        b"r=other,s=AAAA,i=4096",
        b"r=mine1,s=AAAA,i=0",
        b"r=mine1,s=AAAA,i=99999999",
        b"nonsense",
        b"",
        b"r=mine1,s=?,i=4096",
    ],
)
def test_a_server_that_is_not_in_the_login_is_not_answered(said):
    with pytest.raises(ScramFailed):
        Scram("SCRAM-SHA-512", "user", "pencil", nonce="mine").final(said)


def test_the_request_for_quotas_is_the_one_of_kip_546():
    talk = Recorded(b"\0\0\0\0" + b"\0\0" + b"\0" + b"\1" + b"\0")
    assert describe_quotas(talk) == {}
    # one component: "user", any that has a name, null, no tags; strict; no tags
    assert talk.asked == (48, 1, b"\x02" + b"\x05user" + b"\x02" + b"\x00" + b"\x00" + b"\x01" + b"\x00")


def test_the_change_of_a_quota_is_the_one_of_kip_546():
    talk = Recorded(b"\0\0\0\0" + b"\2" + b"\0\0" + b"\0" + b"\1" + b"\0" + b"\0")
    alter_quota(talk, "u", {"producer_byte_rate": 2.5, "request_percentage": None})
    entity = b"\x02" + b"\x05user" + b"\x02u" + b"\x00"
    ops = (
        b"\x03"
        + b"\x13producer_byte_rate" + struct.pack(">d", 2.5) + b"\x00" + b"\x00"
        + b"\x13request_percentage" + struct.pack(">d", 0) + b"\x01" + b"\x00"
    )  # fmt: skip
    assert talk.asked == (49, 1, b"\x02" + entity + ops + b"\x00" + b"\x00" + b"\x00")


def test_a_refused_change_says_what_it_takes():
    with pytest.raises(Refused, match="alter_configs"):
        alter_quota(Recorded(b"\0\0\0\0" + b"\2" + struct.pack(">h", 31) + b"\0\1\0\0"), "u", {"a": 1.0})
    with pytest.raises(Refused, match="no such"):
        alter_quota(Recorded(b"\0\0\0\0" + b"\2" + struct.pack(">h", 42) + b"\x08no such" + b"\1\0\0"), "u", {"a": 1.0})


@given(
    st.dictionaries(st.text(min_size=1, max_size=300), st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False)))
)
def test_described_quotas_are_read_as_written(quotas):
    answer = Writer()
    answer.number("i", 0)
    answer.number("h", 0)
    answer.text(None)
    answer.count(len(quotas))
    for user, values in quotas.items():
        answer.count(1)
        answer.text("user")
        answer.text(user)
        answer.end()
        answer.count(len(values))
        for name, value in values.items():
            answer.text(name)
            answer.number("d", value)
            answer.end()
        answer.end()
    answer.end()
    assert decode_described(Reader(b"".join(answer.parts))) == quotas


@given(st.binary(max_size=60))
def test_garbage_is_told_and_never_a_traceback(raw):
    try:
        decode_described(Reader(raw))
    except (Refused, Unavailable):
        pass
