"""Configuration and text: every file comes back, and no value becomes structure. The judges are the formats' own readers."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fde_api.primitive import Parameter
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.language import kind_of, language
from fde_extraction.report import lines
from fde_extraction.unparsable import NotAbstractable, UnparsableSource
from fde_template.dialect import DIALECTS, dialect_of
from fde_template.errors import RenderRefused
from fde_template.fit import fit
from fde_template.plaintoken import tokens
from fde_template.render import render

FILES = {
    "yaml": "feed:\n  name: {word}\n  note: {line}\n  when: \"{word} x\"\n  tag: '{word}'\n  list: [{word}, b]\n  run: |\n    go {word}\n",
    "json": '{{"name": "{word}", "note": "about {line}", "n": {number}, "list": ["{word}", 1]}}\n',
    "toml": '[feed]\nname = "{word}"\nnote = \'{line}\'\nn = {number}\nlist = ["{word}"]\n',
    "env": "NAME={word}\nLABEL=\"{line}\"\nTAG='{word}'\nexport N={number}\n",
    "sh": "NAME={word}\ngo --name \"{line}\" {word} --n {number}\necho '{word}' | tee out\n",
    "tf": 'a "b" {{\n  name = "{word}"\n  note = "${{var.x}}-{line}"\n  n    = {number}\n}}\n',
    "ini": "[feed]\nname = {word}\nnote = {line}\nn: {number}\n",
    "xml": '<feed name="{word}">\n  <note>{line}</note>\n  <n>{number}</n>\n</feed>\n',
    "csv": "name,note,n\n{word},x,{number}\n",
    "yaml.j2": 'name: {{{{ who }}}}\nfeed: {word}\nnote: "{line}"\n',
    "md": "# How the nightly feed runs\n\n- it reads the sheet {line} each night and keeps what is new\n- then {word} are sent on to the ledger\n",
}
SAID = [
    {"word": "orders", "line": "Mill sheets", "number": "30"},
    {"word": "titles", "line": "Quill books", "number": "45"},
    {"word": "berths", "line": "Harbor slots", "number": "60"},
]
NASTY = st.sampled_from(
    ["\n", "\r", ": ", " #", "#", "'", '"', "`", "$(id)", "${x}", "$", ";", "|", "&", "*a", "&a", "!!x", "<<", "{{ x }}", "{%", "- ",
     "? ", ",", "]", "}", "[", "=", "\\", "\\'", "-rf", "<b>", "]]>", "-->", "\t", "%", "@", "~", "true", "null", "0", "name",
     "\u2028", "\u202e", " ", ":", "=cmd", "//", "/*", "EOF"]
)  # fmt: skip
VALUES = st.lists(NASTY | st.text(max_size=3) | st.sampled_from(["orders", "x1", "a-b"]), max_size=4).map("".join)


def made(suffix: str) -> Abstraction:
    return abstract(
        [Sibling(f"c{k}", f"c{k}.{suffix}", FILES[suffix].format(**said).encode()) for k, said in enumerate(SAID)],
        name="feed",
    )


TEMPLATES = {suffix: made(suffix) for suffix in FILES}


def keys(value: object) -> object:
    """Maps by their keys, lists by their items; what a scalar is does not count."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else "scalar"


def _shell(text: str) -> list[str]:
    # To a shell every character beyond ASCII is one of a word; shlex knows some only.
    lexer = shlex.shlex(re.sub(r"[^\x00-\x7f]", "x", text), posix=False, punctuation_chars=True)
    lexer.wordchars += "$%@+,:"
    return [token if token in ("|", ";", "&", "<", ">", "&&", "||", "(", ")") else "word" for token in lexer]


READERS: dict[str, Callable[[str], object]] = {
    "yaml": lambda text: keys(yaml.safe_load(text)),
    "yaml.j2": lambda text: keys(yaml.safe_load(text.replace("{{ who }}", "who"))),
    "json": lambda text: keys(json.loads(text)),
    "toml": lambda text: keys(tomllib.loads(text)),
    "env": lambda text: [line.partition("=")[0] for line in text.split("\n")],
    "sh": _shell,
    "ini": lambda text: [
        line.strip()[:1] if line[:1] == "[" else re.split("[=:]", line)[0] for line in text.split("\n")
    ],
    "csv": lambda text: [line.count(",") for line in text.split("\n")],
    "xml": lambda text: re.findall(r"<[^>]*?(?=[\s>])", text),
}


@pytest.mark.parametrize("suffix", FILES)
def test_what_was_refused_becomes_a_template_by_its_tokens(suffix: str) -> None:
    found = TEMPLATES[suffix]
    assert found.proof.rebuilt == 3
    assert {str(v) for b in found.bindings.values() for v in b.values()} >= {"orders", "titles", "berths"}
    said = [line for line in lines(found) if "by its tokens" in line]
    assert said == [
        f"{found.spec.template.files[0].path}: in no language the engine reads, so it is taken by its tokens ({kind_of('a.' + suffix)}): look at its holes"
    ]
    assert not [hole for use in found.report.uses.values() for hole in use if hole.place.endswith("source")]


@pytest.mark.parametrize("suffix", FILES)
def test_a_sibling_not_seen_before_fits(suffix: str) -> None:
    found = TEMPLATES[suffix]
    data = FILES[suffix].format(word="claims", line="Alder notes", number="75").encode()
    values = fit(found.spec.template.files[0], data, found.spec.parameters)
    assert "claims" in values.values()
    assert render(found.spec.template.files[0], values, found.spec.parameters) == data


@pytest.mark.parametrize("suffix", READERS)
def test_arbitrary_values_never_change_the_structure(suffix: str) -> None:
    found = TEMPLATES[suffix]
    file = found.spec.template.files[0]
    usual = found.bindings[min(found.bindings)]
    read = READERS[suffix]
    wanted = read(render(file, usual, found.spec.parameters).decode())

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from([p for p in found.spec.parameters if p.type not in ("int", "float")]), VALUES)
    def holds(parameter: Parameter, value: str) -> None:
        try:
            text = render(file, {**usual, parameter.name: value}, found.spec.parameters).decode()
        except RenderRefused:
            return
        assert read(text) == wanted

    holds()


@pytest.mark.parametrize(
    "value", ["a: b", "a #b", "a\nb: c", "*a", "&a b", "!!python/x", "- a", "{{ x }}", "[a", "'a", ""]
)
def test_a_yaml_value_does_not_break_out(value: str) -> None:
    found = TEMPLATES["yaml"]
    name = next(name for name, bound in found.bindings["c0"].items() if bound == "Mill sheets")
    with pytest.raises(RenderRefused, match=name):
        render(found.spec.template.files[0], {**found.bindings["c0"], name: value}, found.spec.parameters)


@pytest.mark.parametrize(
    "value", ["a b", "a;b", "$(id)", "`id`", "a|b", "a&b", "-rf", "a>b", "a'b", 'a"b', "a*", "~root"]
)
def test_a_word_of_a_command_stays_one_word(value: str) -> None:
    found = TEMPLATES["sh"]
    name = next(name for name, bound in found.bindings["c0"].items() if bound == "orders")
    with pytest.raises(RenderRefused, match=name):
        render(found.spec.template.files[0], {**found.bindings["c0"], name: value}, found.spec.parameters)


def test_a_key_given_twice_is_another_structure() -> None:
    siblings = [
        Sibling(c, f"{c}.yaml", f"limits:\n  {c}_rows: 5\n  total: 9\nowner: {c}\n".encode())
        for c in ("mill", "quill", "alder")
    ]
    found = abstract(siblings, name="limits")
    file, bound = found.spec.template.files[0], found.bindings["mill"]
    assert any("identifier" in use.place for uses in found.report.uses.values() for use in uses)
    again = json.loads(json.dumps(yaml.safe_load(render(file, bound, found.spec.parameters))))
    assert again == {"limits": {"mill_rows": 5, "total": 9}, "owner": "mill"}


@given(
    st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=80) | VALUES, st.sampled_from(sorted(DIALECTS))
)
@settings(max_examples=400, deadline=None)
def test_tokens_and_the_white_space_between_them_are_the_text(text: str, name: str) -> None:
    at = 0
    for token in tokens(text, DIALECTS[name]):
        assert not text[at : token.start].strip()
        assert token.text == text[token.start : token.end]
        assert token.end > token.start
        at = token.end
    assert not text[at:].strip()


@given(
    st.lists(
        NASTY | st.sampled_from(["a", "k: v", "k=v", "\n", "\n  ", "<a>", "</a>", "{", "(", '"s"', "'s'", "- "]),
        max_size=25,
    ).map("".join),
    st.sampled_from(
        [
            "a.yaml",
            "a.json",
            "a.toml",
            "a.ini",
            ".env",
            "a.sh",
            "Dockerfile",
            "a.tf",
            "a.xml",
            "a.csv",
            "a.md",
            "a.yml.j2",
        ]
    ),
)
@settings(max_examples=600, deadline=None)
def test_a_tree_is_the_text_again(text: str, path: str) -> None:
    try:
        tree = language("other").parse(text, path)
    except UnparsableSource:
        assert not text.strip()
        return
    assert "".join(leaf.lead + leaf.text for leaf in tree.leaves()) == text


@pytest.mark.parametrize(
    ("path", "dialect"),
    [(".env", "env"), ("prod.env", "env"), (".env.prod", "env"), ("Dockerfile", "dockerfile"), ("a/Dockerfile.dev", "dockerfile"),
     ("x.yaml.j2", "yaml"), ("values.yml", "yaml"), ("main.tf", "hcl"), ("notes.txt", "text"), ("LICENSE", "text"), ("x.html", "markup")],
)  # fmt: skip
def test_a_path_says_the_dialect(path: str, dialect: str) -> None:
    assert dialect_of(path).name == dialect


def test_siblings_of_two_dialects_are_no_siblings() -> None:
    with pytest.raises(NotAbstractable, match=r"different languages \(env, yaml\)"):
        abstract([Sibling("a", "a.yaml", b"k: a\n"), Sibling("b", "b.env", b"K=b\n")], name="feed")


@pytest.mark.parametrize("path", ["a.json", "a.yaml", "a.tf"])
def test_brackets_without_end_are_refused_not_a_crash(path: str) -> None:
    with pytest.raises(UnparsableSource, match="nested too deeply"):
        language("other").parse("[" * 20_000 + "1" + "]" * 20_000, path)


def test_deep_indentation_is_refused_not_a_crash() -> None:
    with pytest.raises(UnparsableSource, match="nested too deeply"):
        language("other").parse("".join(" " * k + "k:\n" for k in range(2_000)), "a.yaml")


@pytest.mark.parametrize(("data", "why"), [(b"k: \0\n", "NUL byte"), (b" \n", "is empty")])
def test_what_is_no_text_is_refused_as_before(data: bytes, why: str) -> None:
    with pytest.raises(NotAbstractable, match=why):
        abstract([Sibling("a", "a.yaml", data), Sibling("b", "b.yaml", b"k: b\n")], name="feed")


def test_windows_line_ends_and_a_mark_of_byte_order_come_back() -> None:
    files = {c: f"\ufeff[feed]\r\nname = {c}\r\nrows = {len(c)}".encode() for c in ("mill", "quill", "alders")}
    found = abstract([Sibling(c, f"{c}.ini", data) for c, data in files.items()], name="feed")
    file = found.spec.template.files[0]
    assert (file.encoding, file.newline) == ("utf-8-sig", "crlf")
    assert all(render(file, found.bindings[c], found.spec.parameters) == data for c, data in files.items())


def test_a_name_and_its_value_in_a_record_belong_together() -> None:
    siblings = [
        Sibling(
            c, f"{c}.yaml", f"env:\n  - name: LANDING_ZONE\n    value: {v}\n  - name: ROWS\n    value: {n}\n".encode()
        )
        for c, v, n in (("mill", "grain", 40), ("quill", "paper", 70), ("alder", "timber", 55))
    ]
    found = abstract(siblings, name="feed")
    assert sorted(p.name for p in found.spec.parameters) == ["landingZone", "rows"]


def test_case_files_are_read_whole() -> None:
    cases = Path(__file__).parent / "cases" / "plain"
    for path in sorted(cases.rglob("*.*")):
        text = path.read_bytes().decode()
        assert "".join(leaf.lead + leaf.text for leaf in language("other").parse(text, path.name).leaves()) == text
