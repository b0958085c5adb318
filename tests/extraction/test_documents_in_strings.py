"""Documents in a program's strings: GraphQL, JSON, YAML and markup are aligned as trees, and values stay in their places."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.language import language
from fde_extraction.languages.document import dialect_in
from fde_template.errors import DoesNotFit, RenderRefused
from fde_template.fit import fit_all
from fde_template.render import render_all

CUSTOMERS = ("north-mill", "east-yard", "west-quay")


def abstracted(*sources: str, suffix: str = "py") -> Abstraction:
    siblings = [
        Sibling(customer, f"{customer}.{suffix}", source.encode())
        for customer, source in zip(CUSTOMERS, sources, strict=False)
    ]
    found = abstract(siblings, name="case")
    for sibling in siblings:
        again = render_all(found.spec.template, found.bindings[sibling.customer], found.spec.parameters)
        assert list(again.values()) == [sibling.data]
    return found


def fits(found: Abstraction, source: str) -> bool:
    (file,) = found.spec.template.files
    try:
        values = fit_all(found.spec.template, {file.path: source.encode()}, found.spec.parameters)
    except DoesNotFit:
        return False
    rendered = render_all(found.spec.template, values, found.spec.parameters)
    return list(rendered.values()) == [source.encode()]


def kinds(found: Abstraction) -> list[str]:
    return sorted(parameter.type for parameter in found.spec.parameters)


def places(found: Abstraction) -> set[str]:
    (file,) = found.spec.template.files
    return {segment.hole.place for segment in file.segments if segment.hole is not None}


def query(name: str, fields: str, size: int, cached: bool = False) -> str:
    picked = "\n".join(f"        {field}" for field in fields.split())
    option = "        cachedAt\n" if cached else ""
    return (
        'import { client } from "./client"\n\nexport async function load(cursor: string) {\n  const size = '
        f'{size}\n  const query = `\n    query {name}($id: ID!) {{\n      parts(first: {size}, after: "${{cursor}}") {{\n'
        f"{picked}\n{option}      }}\n    }}\n  `\n  return client.request(query, {{ size }})\n}}\n"
    )


LOADS, BERTHS, CRANES = (
    query("Loads", "grade moisture", 50),
    query("Berths", "vessel eta draught", 100, cached=True),
    query("Cranes", "reach", 25),
)


def test_the_fields_of_a_graphql_query_are_a_list_and_its_numbers_are_those_of_the_code_around() -> None:
    found = abstracted(LOADS, BERTHS, CRANES, suffix="ts")
    assert kinds(found).count("list") == 1
    assert "int" in kinds(found)
    assert fits(found, query("Tugs", "power crew name", 40))
    assert not fits(found, query("Tugs", "power", 40).replace("first: 40", "first: 41"))
    assert not fits(found, query("Tugs", "power", 40).replace("$id: ID!", "$id: ID"))


def test_a_field_that_only_some_have_is_a_flag() -> None:
    def source(eta: bool) -> str:
        return f"import {{ gql }} from 'x'\nexport const Q = gql`query {{ parts(first: 5) {{ id name{' eta' if eta else ''} }} }}`\nrun(Q)\n"

    found = abstracted(source(False), source(True), source(False), suffix="ts")
    assert kinds(found) == ["bool"]
    assert fits(found, source(True))


def test_a_definition_is_renamed_everywhere_or_nowhere() -> None:
    def schema(*names: str) -> str:
        types = "".join(f"  type {name} {{\n    label: String!\n  }}\n" for name in names)
        union = " | ".join(names)
        return f"export const kinds = [{', '.join(chr(34) + n + chr(34) for n in names)}]\nconst typeDefs = `#graphql\n{types}  union Part = {union}\n`\nserve(typeDefs)\n"

    found = abstracted(schema("Crane", "Tug"), schema("Silo"), schema("Gate", "Lock", "Sluice"), suffix="ts")
    assert kinds(found) == ["list"]
    assert fits(found, schema("Mill", "Weir"))
    assert not fits(found, schema("Mill", "Weir").replace("union Part = Mill", "union Part = Miln"))


def config(topic: str, partitions: int, packed: bool, tags: tuple[str, ...]) -> str:
    option = '  "compression": "gzip",\n' if packed else ""
    listed = ", ".join(f'"{tag}"' for tag in tags)
    return (
        f'import json\n\nCONFIG = json.loads("""\n{{\n  "topic": "{topic}",\n  "partitions": {partitions},\n{option}'
        f'  "tags": [{listed}],\n  "acks": "all"\n}}\n""")\n\n\ndef run(client):\n    client.send(CONFIG)\n    client.wait()\n'
    )


CONFIGS = (
    config("grain", 3, True, ("bulk", "dry")),
    config("ships", 12, False, ("sea",)),
    config("cranes", 6, True, ("lift", "yard", "quay")),
)


def test_json_in_a_string_has_values_options_and_lists() -> None:
    found = abstracted(*CONFIGS)
    assert kinds(found) == ["bool", "int", "list", "string"]
    assert fits(found, config("trains", 9, False, ("rail", "north")))
    assert places(found) == {
        "python.string.triple-double/text.string.double",
        "python.string.triple-double/text.number",
    }


@given(value=st.text(max_size=20))
def test_a_value_in_json_in_a_string_leaves_neither(value: str) -> None:
    found = FOUND
    (topic,) = (p.name for p in found.spec.parameters if p.type == "string")
    values = found.bindings["north-mill"] | {topic: value}
    try:
        (source,) = render_all(found.spec.template, values, found.spec.parameters).values()
    except RenderRefused:
        return
    assigned = ast.parse(source).body[1]
    assert isinstance(assigned, ast.Assign)
    assert isinstance(assigned.value, ast.Call)
    held = json.loads(ast.literal_eval(assigned.value.args[0]))
    assert held == {"topic": value, "partitions": 3, "compression": "gzip", "tags": ["bulk", "dry"], "acks": "all"}


FOUND = abstracted(*CONFIGS)


@pytest.mark.parametrize("name", ["Loads { id } } query Other", "a b", "x\n", "é", "", "1st", "a-b", "a`b", "a${b}"])
def test_a_graphql_name_takes_nothing_but_a_name(name: str) -> None:
    found = abstracted(LOADS, BERTHS, CRANES, suffix="ts")
    (held,) = (p.name for p in found.spec.parameters if found.bindings["north-mill"].get(p.name) == "Loads")
    with pytest.raises(RenderRefused, match=held):
        render_all(found.spec.template, found.bindings["north-mill"] | {held: name}, found.spec.parameters)


def test_a_line_that_only_some_yaml_has_is_an_option_and_its_value_stays_on_its_line() -> None:
    def manifest(image: str, replicas: int, level: bool) -> str:
        option = "  LEVEL: debug\n" if level else ""
        return f'from cluster import apply\n\napply("""\nkind: Deployment\nimage: {image}\nspec:\n  replicas: {replicas}\n{option}""")\n'

    found = abstracted(manifest("mill:1", 2, True), manifest("yard:7", 3, False), manifest("quay:4", 1, True))
    assert kinds(found) == ["bool", "int", "string"]
    assert fits(found, manifest("lock:9", 8, False))
    image = next(p.name for p in found.spec.parameters if p.type == "string")
    with pytest.raises(RenderRefused, match=image):
        render_all(found.spec.template, found.bindings["north-mill"] | {image: "a\nhost: b"}, found.spec.parameters)


def test_markup_keeps_the_programs_values_and_repeats_elements() -> None:
    def mail(kind: str, *parts: str) -> str:
        listed = "".join(f"    <li>{part}</li>\n" for part in parts)
        return f'export function mail(name: string) {{\n  return `<body class="{kind}">\n    <h1>Hello ${{name}}</h1>\n{listed}  </body>`\n}}\nsend(mail, 3)\n'

    found = abstracted(mail("bulk", "Grain", "Flour"), mail("sea", "Ships"), mail("lift", "a", "b", "c"), suffix="ts")
    assert kinds(found) == ["list", "string"]
    assert fits(found, mail("rail", "Tracks", "Signals"))
    assert not fits(found, mail("rail", "Tracks").replace("${name}", "${code}"))


def test_a_string_that_is_a_document_in_some_siblings_only_is_text_in_all() -> None:
    def source(text: str) -> str:
        return f"import loader\n\nX = loader.load('{text}')\nprint(X, 'and', 3)\n"

    found = abstracted(source('{"a": "mill"}'), source("plain words of the yard"), source("- a: b"))
    assert kinds(found) == ["string"]


def test_a_string_with_escapes_is_no_document() -> None:
    tree = language("python").parse('X = "{\\"a\\": 1, \\"b\\": 2}"\n', "x.py")
    assert not [leaf for leaf in tree.leaves() if "/" in leaf.place]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a": [1]}', "json"),
        ("{}", None),
        ("{name} of {other}", None),
        ("query { a }", "graphql"),
        ("query the table for rows", None),
        ("{\n  viewer {\n    login\n  }\n}", "graphql"),
        ("<a href='x'>y</a>", "markup"),
        ("a < b and c > d", None),
        ("<unknown>", None),
        ("key: value", None),
        ("Note: this is prose.\nSecond line of it", None),
        ("a: 1\nb: 2", "yaml"),
        ("[main]\nhost = a\nport = 2", "ini"),
        ("#!/bin/sh\necho hi", "shell"),
        ("2024-01-01: x\n12:30: y", None),
    ],
)
def test_a_document_is_known_by_its_form(text: str, name: str | None) -> None:
    found = dialect_in(text)
    assert (found.name if found is not None else None) == name


@given(text=st.text(alphabet="{}[]()<>/:=,\"'`$#!-_ \n\tabAB12.ꙮ", max_size=80))
def test_whatever_a_string_holds_the_leaves_are_the_source(text: str) -> None:
    clean = text.replace("`", "").replace("$", "")
    source = f"const x = `{clean}${{y}}{clean}`\nconst z = 1\n"
    tree = language("typescript").parse(source, "x.ts")
    assert "".join(leaf.lead + leaf.text for leaf in tree.leaves()) == source
    assert not any(leaf.lead.strip() for leaf in tree.leaves())
