from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_api.primitive import Hole, Segment, TemplateFile
from fde_events.errors import BadInput
from fde_review.view import taken_back, written

HOLES = st.builds(
    Hole,
    parameter=st.sampled_from(["apiHost", "pageSize", "x"]),
    place=st.sampled_from(["string/host", "number"]),
    filters=st.lists(st.sampled_from(["snake", "upper"]), max_size=2).map(tuple),
)
TEXTS = st.text(alphabet="ab{}%#'| \n\r\t\\é", min_size=1, max_size=12)


@st.composite
def files(draw: st.DrawFn) -> TemplateFile:
    segments: list[Segment] = []
    for item in draw(st.lists(st.one_of(HOLES, TEXTS), max_size=8)):
        if isinstance(item, Hole):
            segments.append(Segment(hole=item))
        elif segments and segments[-1].text is not None:
            segments[-1] = Segment(text=segments[-1].text + item)
        else:
            segments.append(Segment(text=item))
    return TemplateFile(path="a.py", language="python", segments=tuple(segments))


@given(files())
def test_what_is_written_is_taken_back_exactly(file: TemplateFile) -> None:
    assert taken_back(file, written(file)) == file


def a_file() -> TemplateFile:
    return TemplateFile(
        path="a.py",
        language="python",
        segments=(
            Segment(text='HOST = "'),
            Segment(hole=Hole(parameter="apiHost", place="string/host")),
            Segment(text='"\nNAME = "'),
            Segment(hole=Hole(parameter="name", place="string", filters=("upper",))),
            Segment(text='"\n'),
        ),
    )


def test_it_reads_like_a_jinja_template() -> None:
    assert written(a_file()) == 'HOST = "{{ apiHost }}"\nNAME = "{{ name | upper }}"\n'


def test_a_renamed_parameter_is_understood_by_both_names() -> None:
    for text in (written(a_file()), written(a_file()).replace("apiHost", "host")):
        after = taken_back(a_file(), text, renamed={"apiHost": "host"})
        assert after.segments[1].hole == Hole(parameter="host", place="string/host")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('HOST = "{{ apiHost }}"\nNAME = "{{ other }}"\n', 2, "does not stand here"),
        ('NAME = "{{ name | upper }}"\nHOST = "{{ apiHost }}"\n', 2, "does not stand here"),
        ('HOST = "{{ apiHost }}"\n\n{% if x %}\n', 3, "neither a hole"),
        ('HOST = "{{ apiHost }"\n', 1, "neither a hole"),
    ],
)
def test_what_cannot_be_taken_back_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        taken_back(a_file(), text)
    assert (caught.value.where, caught.value.line) == ("a.py", line)
