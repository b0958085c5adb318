"""A digest says what is equal, whoever wrote it down."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from fde_api.candidate import Proof
from fde_api.meta import canonical, digest_of
from fde_api.primitive import Parameter, PrimitiveSpec, Segment, Template, TemplateFile


def a_spec(**changes: Any) -> PrimitiveSpec:
    file = TemplateFile(path="sync.py", language="python", segments=(Segment(text="x = 1\n"),))
    spec = PrimitiveSpec(primitive_name="sync", version="v1.0.0", domain="d", template=Template(files=(file,)))
    return replace(spec, **changes)


def read(document: Any) -> PrimitiveSpec:
    return msgspec.convert(document, PrimitiveSpec)


def test_defaults_that_an_api_server_wrote_down_change_no_digest() -> None:
    plain = a_spec()
    document = msgspec.json.decode(msgspec.json.encode(plain))
    document["complexity"] = "med" + "ium"
    document["template"]["files"][0] |= {"encoding": "-".join(("utf", "8")), "newline": "l" + "f"}
    again = read(msgspec.json.decode(msgspec.json.encode(document)))
    assert again == plain
    assert digest_of(again) == digest_of(plain)


def test_a_whole_number_written_as_a_float_is_the_same_number() -> None:
    one, other = (a_spec(parameters=(Parameter(name="rate", type="float", default=v),)) for v in (2.0, 2))
    assert canonical(one) == canonical(other)
    assert digest_of(one) != digest_of(a_spec(parameters=(Parameter(name="rate", type="float", default=2.5),)))


def test_what_differs_has_another_digest_and_a_flag_is_no_number() -> None:
    assert digest_of(a_spec(tags=("a",))) != digest_of(a_spec())
    flag, number = (a_spec(parameters=(Parameter(name="x", type="string", default=v),)) for v in (True, 1))
    assert digest_of(flag) != digest_of(number)


def test_a_proof_proves_the_proposal_it_was_made_for_and_no_other() -> None:
    proof = Proof(siblings=3, rebuilt=3, sibling_customers=3, leaks=0)
    assert not proof.proves(a_spec()), "a proof of nothing proves nothing"
    assert proof.of(a_spec()).proves(a_spec())
    assert not proof.of(a_spec()).proves(a_spec(tags=("a",)))
