from __future__ import annotations

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_api.primitive import Each, Field, Hole, Parameter, Segment, TemplateFile, When
from fde_events.errors import BadInput
from fde_extraction.standing import places_at
from fde_review.view import taken_back, written
from fde_template.filters import FILTERS
from fde_template.notation import ENVIRONMENT
from fde_template.render import render
from fde_template.structure import Literal, Node, Optional, Repeat, flat, structure

NAMES = ["apiHost", "pageSize", "x"]
FLAG = st.builds(When, parameter=st.just("softDelete"), equals=st.sampled_from(["true", "false"]))
CHOICE = st.builds(When, parameter=st.just("mode"), equals=st.sampled_from(["full", 'it\'s "quoted" \\ %}', "é"]))
ROW_FLAG = st.builds(When, parameter=st.just("columns"), field=st.just("nullable"), equals=st.sampled_from(["true"]))
HOLES = st.builds(
    Hole,
    parameter=st.sampled_from(NAMES),
    place=st.sampled_from(["string", "text"]),
    filters=st.lists(st.sampled_from(["snake", "upper", "add-s"]), max_size=2).map(tuple),
)
ROW_HOLES = st.builds(
    Hole, parameter=st.just("columns"), field=st.sampled_from(["name", "type"]), place=st.just("text")
)
TEXTS = st.text(alphabet="ab{}%#'+- \n\r\t\\é", min_size=1, max_size=8).map(Literal)


def joined(nodes: list[Node]) -> tuple[Node, ...]:
    """Neighbouring literals as one: the canonical form."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Literal) and found and isinstance(found[-1], Literal):
            found[-1] = Literal(found[-1].text + node.text)
        else:
            found.append(node)
    return tuple(found)


def bodies(leaves: st.SearchStrategy[Node], whens: st.SearchStrategy[When]) -> st.SearchStrategy[tuple[Node, ...]]:
    flat_body = st.lists(leaves, max_size=4).map(joined)
    blocks = st.builds(Optional, whens, flat_body)
    return st.lists(leaves | blocks, max_size=5).map(joined)


PLAIN = TEXTS | HOLES
REPEATS = st.builds(
    Repeat,
    st.just(Each(parameter="columns")),
    bodies(PLAIN | ROW_HOLES, FLAG | ROW_FLAG),
    bodies(TEXTS | ROW_HOLES, CHOICE),
)
NODES = st.lists(PLAIN | st.builds(Optional, FLAG | CHOICE, bodies(PLAIN, FLAG | CHOICE)) | REPEATS, max_size=6).map(
    joined
)


@st.composite
def files(draw: st.DrawFn) -> TemplateFile:
    newline = draw(st.sampled_from(["lf", "crlf", "mixed"]))
    return TemplateFile(path="a.txt", language="other", newline=newline, segments=tuple(flat(draw(NODES))))


@given(files())
def test_what_is_written_is_taken_back_exactly(file: TemplateFile) -> None:
    assert taken_back(file, written(file)) == file


class Text(str):
    """A flag's text; false where Jinja asks whether it is."""

    def __bool__(self) -> bool:
        return self != "false"


def spelled_by_jinja(text: str, values: dict[str, object]) -> str:
    environment = jinja2.Environment(**ENVIRONMENT, newline_sequence="\n")  # type: ignore[arg-type]
    environment.filters.update(FILTERS)
    environment.filters["adds"] = FILTERS["add-s"]
    return environment.from_string(text.replace("add-s", "adds")).render(values)


@settings(max_examples=150)
@given(files(), st.sampled_from(["true", "false"]), st.sampled_from(["full", "é"]), st.integers(0, 3))
def test_jinja_renders_the_view_as_the_template_is_rendered(
    file: TemplateFile, flag: str, mode: str, count: int
) -> None:
    segments = [Segment(text=s.text.replace("\r", "r")) if s.text is not None else s for s in file.segments]
    file = TemplateFile(
        path="a.txt", language="other", segments=tuple(segments)
    )  # Jinja changes breaks: export's matter
    rows = [{"name": f"n{i}", "type": "t", "nullable": Text("true" if i else "false")} for i in range(count)]
    values: dict[str, object] = {"apiHost": "h", "pageSize": "Page Size", "x": "x"}
    parameters = [Parameter(name=name, type="string") for name in values]
    parameters += [
        Parameter(name="softDelete", type="bool"),
        Parameter(name="mode", type="string"),
        Parameter(
            name="columns",
            type="list",
            fields=(
                Field(name="name", type="string"),
                Field(name="type", type="string"),
                Field(name="nullable", type="bool"),
            ),
        ),
    ]
    ours = render(file, {**values, "softDelete": flag, "mode": mode, "columns": rows}, parameters)  # type: ignore[dict-item]
    theirs = spelled_by_jinja(written(file), {**values, "softDelete": Text(flag), "mode": mode, "columns": rows})
    assert theirs.encode() == ours


@given(st.text(alphabet="ab{}% \n\r'", max_size=20), st.sampled_from(["{% if f %}", "{%+ if not f +%}", "{{ x }}"]))
def test_the_view_of_what_was_read_is_a_fixed_point(text: str, tag: str) -> None:
    file = TemplateFile(path="a.txt", language="other", segments=(Segment(hole=Hole(parameter="x", place="source")),))
    edited = (
        f"{{{{ x }}}}{text}{tag}{text}" + ("{% endif %}" if "if" in tag else "") if tag != "{{ x }}" else f"{text}{tag}"
    )
    try:
        once = taken_back(file, edited)
    except BadInput:
        return
    assert taken_back(once, written(once)) == once
    assert written(taken_back(once, written(once))) == written(once)


def a_file(language: str = "python", *segments: Segment) -> TemplateFile:
    return TemplateFile(
        path="a.py",
        language=language,  # type: ignore[arg-type]
        segments=segments
        or (
            Segment(text='HOST = "'),
            Segment(hole=Hole(parameter="apiHost", place="python.string.double/url.host")),
            Segment(text='"\nNAME = "'),
            Segment(hole=Hole(parameter="name", place="python.string.double", filters=("upper",))),
            Segment(text='"\nSIZE = 50\nREGION = "https://eu.example/x"\n'),
        ),
    )


def test_it_reads_like_a_jinja_template() -> None:
    nodes = (
        Literal("SELECT\n"),
        Repeat(
            Each(parameter="columns"),
            (Literal("  "), Hole(parameter="columns", field="name", place="sql.identifier.bare", filters=("snake",))),
            (Literal(",\n"),),
        ),
        Literal("\nFROM t\n"),
        Optional(When(parameter="softDelete"), (Literal("WHERE deleted_at IS NULL\n"),)),
        Optional(When(parameter="mode", equals="full"), (Literal("-- all\n"),)),
        Optional(When(parameter="mode", equals="new"), (Literal("-- new\n"),)),
    )
    file = TemplateFile(path="a.sql", language="sql", segments=tuple(flat(nodes)))
    assert written(file) == (
        "SELECT\n"
        "{% for column in columns %}\n  {{ column.name | snake }}{% if not loop.last %},\n{% endif %}{% endfor %}\n"
        "\nFROM t\n"
        "{% if softDelete %}\nWHERE deleted_at IS NULL\n{% endif %}\n"
        '{% if mode == "full" %}\n-- all\n{% elif mode == "new" %}\n-- new\n{% endif %}\n'
    )


def test_a_renamed_parameter_is_understood_by_both_names() -> None:
    for text in (written(a_file()), written(a_file()).replace("apiHost", "host")):
        after = taken_back(a_file(), text, renamed={"apiHost": "host"})
        assert after.segments[1].hole == Hole(parameter="host", place="python.string.double/url.host")


@pytest.mark.parametrize(
    ("old", "new", "parameter", "place"),
    [
        ("50", "{{ size }}", "size", "python.number"),
        ("eu.example", "{{ regionHost }}", "regionHost", "python.string.double/url.host"),
        ("REGION", "{{ name | snake | upper }}", "name", "python.identifier"),
        ('"https://eu.example/x"', '"{{ url }}"', "url", "python.string.double"),
    ],
)
def test_a_new_hole_gets_its_place_from_where_it_stands(old: str, new: str, parameter: str, place: str) -> None:
    after = taken_back(a_file(), written(a_file()).replace(old, new), placing=places_at)
    found = [s.hole for s in after.segments if s.hole is not None]
    assert (parameter, place) in [(hole.parameter, hole.place) for hole in found]
    assert found[0] == a_file().segments[1].hole
    assert taken_back(after, written(after), placing=places_at) == after


def test_a_hole_goes_back_to_text() -> None:
    after = taken_back(a_file(), written(a_file()).replace("{{ apiHost }}", "fixed"), placing=places_at)
    assert [s.hole.parameter for s in after.segments if s.hole is not None] == ["name"]
    assert (after.segments[0].text or "").startswith('HOST = "fixed"')


def test_lines_become_an_optional_block_and_stop_being_one() -> None:
    text = written(a_file()).replace("SIZE = 50\n", "{% if paged %}\nSIZE = {{ size }}\n{% endif %}\n")
    after = taken_back(a_file(), text, placing=places_at)
    block = next(node for node in structure(after) if isinstance(node, Optional))
    assert block.when == When(parameter="paged")
    assert block.body[0] == Literal("SIZE = ") and block.body[2] == Literal("\n")
    plain = written(after).replace("{% if paged %}\n", "").replace("{% endif %}\n", "").replace("{{ size }}", "50")
    assert taken_back(after, plain, placing=places_at).segments == a_file().segments


def test_a_hole_whose_surroundings_changed_is_placed_anew() -> None:
    """Without the quotes a value would be program: the string's place may not stay."""
    after = taken_back(
        a_file(), written(a_file()).replace('"{{ name | upper }}"', "{{ name | upper }}"), placing=places_at
    )
    hole = next(s.hole for s in after.segments if s.hole is not None and s.hole.parameter == "name")
    assert hole.place == "python.identifier"


DECLARED = {
    p.name: p
    for p in (
        Parameter(name="apiHost", type="host"),
        Parameter(name="name", type="string"),
        Parameter(name="mode", type="enum", allowed_values=("a", "b")),
        Parameter(name="flag", type="bool"),
        Parameter(name="columns", type="list", fields=(Field(name="name", type="string"),)),
    )
}
GOOD = 'HOST = "{{ apiHost }}"\nNAME = "{{ name | upper }}"\n'


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (GOOD + "A = {{ other }}\n", 3, "is not declared"),
        (GOOD + "\n{% if flag %}\n", 4, "is not closed"),
        (GOOD + "{% endif %}\n", 3, "closes nothing"),
        ('HOST = "{{ apiHost }"\n', 1, "neither a hole"),
        (GOOD + "{# note #}\n", 3, "comments are not kept"),
        (GOOD + "{%- if flag %}\n{% endif %}", 3, "white space control"),
        (GOOD + "{% set x = 1 %}\n", 3, "is not known here"),
        (GOOD + "A = {{ name | shout }}\n", 3, "filter 'shout' is not known"),
        (GOOD + '{% if mode == "c" %}\n{% endif %}\n', 3, "mode is one of a, b"),
        (GOOD + "{% if name %}\n{% endif %}\n", 3, "stands with a bool or an enum"),
        (GOOD + '{% if mode == "a" %}\n{% else %}\n{% endif %}\n', 4, "else stands with a flag only"),
        (GOOD + "{% for n in name %}{{ n }}{% endfor %}\n", 3, "a for takes a list"),
        (GOOD + "{% for c in columns %}{{ c.size }}{% endfor %}\n", 3, "have no field size"),
        (GOOD + "A = {{ columns }}\n", 3, "is a list"),
        (GOOD + "{% for c in columns %}{% if not loop.last %},{% endif %}x{% endfor %}\n", 3, "comes last"),
        (GOOD + "A = {{ name }} {{ name }}\n", 3, "does not parse"),
        (GOOD + "de{{ name }}f f(): pass\n", 3, "does not parse"),
        (GOOD + '{{ name }}"\n', 3, "no part of one name"),
    ],
)
def test_what_cannot_be_taken_back_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        taken_back(a_file(), text, declared=DECLARED, placing=places_at)
    assert (caught.value.where, caught.value.line) == ("a.py", line)


def test_without_a_parser_a_new_hole_is_refused() -> None:
    with pytest.raises(BadInput, match="needs a place") as caught:
        taken_back(a_file(), GOOD + "A = {{ name }}\n")
    assert caught.value.line == 3


SQL = "SELECT a, 'eu' AS region\nFROM ds.orders -- nightly\nWHERE n > 12 AND {{ '{' }}{ ref('m') }} IS NULL\n"
TS = "const url = `https://eu.example/${path}`;\nexport function pull(limit = 50) {\n  return get(url); // slow\n}\n"


@pytest.mark.parametrize(
    ("path", "language", "text", "old", "place"),
    [
        ("a.sql", "sql", SQL, "'eu'", None),
        ("a.sql", "sql", SQL, "eu", "sql.string.single"),
        ("a.sql", "sql", SQL, "orders", "sql.identifier.bare"),
        ("a.sql", "sql", SQL, "12", "sql.number"),
        ("a.sql", "sql", SQL, "nightly", "sql.comment.line"),
        ("a.sql", "sql", SQL, "'m'", None),
        ("a.ts", "typescript", TS, "eu.example", "typescript.template/url.host"),
        ("a.ts", "typescript", TS, "pull", "typescript.identifier"),
        ("a.ts", "typescript", TS, "50", "typescript.number"),
        ("a.ts", "typescript", TS, "slow", "typescript.comment.line"),
        ("a.ts", "typescript", TS, "return get(url)", None),
    ],
)
def test_places_in_other_languages(path: str, language: str, text: str, old: str, place: str | None) -> None:
    file = taken_back(TemplateFile(path=path, language=language, segments=()), text)  # type: ignore[arg-type]
    edited = text.replace(old, "{{ value }}", 1)
    if place is None:
        with pytest.raises(BadInput, match=r"no part of one name|does not parse"):
            taken_back(file, edited, placing=places_at)
        return
    after = taken_back(file, edited, placing=places_at)
    assert [s.hole.place for s in after.segments if s.hole is not None] == [place]
