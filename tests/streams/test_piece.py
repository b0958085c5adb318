"""JSON objects of a stream: one a line, in an array, over many lines, broken ones between them."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_streams import piece as module
from fde_streams.piece import Unusable, decoded, pieces

OBJECTS = [{"a": 1}, {"b": '}]{["\\"', "c": [{"d": 2}, []]}, {"e": "line\nbreak", "ü": "ß"}, {}]


def read(data: bytes):
    found = []
    for one in pieces(io.BytesIO(data)):
        try:
            found.append((one.line, decoded(one)))
        except Unusable as error:
            found.append((one.line, str(error)))
    return found


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("\n".join(json.dumps(one) for one in OBJECTS), [1, 2, 3, 4]),
        ("\n\n".join(json.dumps(one) for one in OBJECTS) + "\n\n", [1, 3, 5, 7]),
        (json.dumps(OBJECTS), [1, 1, 1, 1]),
        (json.dumps(OBJECTS, indent=2), [2, 5, 14, 18]),
        ("\ufeff" + json.dumps(OBJECTS), [1, 1, 1, 1]),
        ("\n".join(json.dumps(one, indent=1) for one in OBJECTS), [1, 4, 13, 17]),
        ("[\n" + ",\n".join(json.dumps(one) for one in OBJECTS) + "\n]\n", [2, 3, 4, 5]),
    ],
    ids=["lines", "blank lines", "array", "indented array", "byte order mark", "indented objects", "array by lines"],
)
def test_objects_are_found_however_they_stand(data, lines):
    assert read(data.encode()) == list(zip(lines, OBJECTS, strict=True))


def test_a_broken_line_harms_no_other_even_when_it_is_the_first():
    found = read(b'{"cut": "off\n{"a": 1}\nnonsense\n\xff\xfe\x00\n{"b": 2}\n')
    assert [entry for entry in found if isinstance(entry[1], dict)] == [(2, {"a": 1}), (5, {"b": 2})]
    assert [line for line, told in found if isinstance(told, str)] == [1, 3, 4]


def test_an_array_that_breaks_off_gives_what_was_whole():
    (first, second) = read(b'[{"a": 1},\n {"b": [1, 2')
    assert first == (1, {"a": 1})
    assert second == (2, "the file ends before this object does")


def test_what_is_no_object_in_an_array_is_named_with_its_line():
    assert read(b'[{"a": 1},\n 7,\n {"b": 2}]') == [(1, {"a": 1}), (2, "this is no JSON object"), (3, {"b": 2})]


def test_bytes_that_are_no_text_and_raw_control_characters_are_read_as_far_as_they_go():
    (found,) = read(b'{"message": "caf\xe9 \x01 \x00 closed", "half": "\\ud800"}\n')
    assert found[1]["message"] == "caf\ufffd \x01 \x00 closed"
    found[1]["half"].encode()


def test_an_object_without_end_is_bounded_and_named(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 1000)
    monkeypatch.setattr(module, "_CHUNK", 100)
    (line, why) = read(b'[{"a": "' + b"x" * 5000 + b'"}]')[0]
    assert line == 1 and "longer than" in why
    long = json.dumps({"a": "x" * 5000}).encode()
    found = read(b'{"a": 1}\n' + long + b'\n{"b": 2}\n')
    assert [entry[0] for entry in found] == [1, 2, 3]
    assert isinstance(found[1][1], str) and found[2][1] == {"b": 2}


VALUES = st.recursive(
    st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.lists(VALUES, max_size=6), st.integers(1, 60), st.sampled_from([None, 1]))
def test_chunks_decide_nothing(values, chunk, indent):
    objects = [{"value": value} for value in values]
    data = json.dumps(objects, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    before = module._CHUNK
    module._CHUNK = chunk
    try:
        assert [told for _, told in read(data)] == objects
    finally:
        module._CHUNK = before


@given(st.binary())
def test_any_bytes_are_read_to_their_end(data):
    for line, told in read(data):
        assert line >= 1 and isinstance(told, (dict, str))
    read(b"[" + data)
    read(b'{"a": 1}\n' + data)
