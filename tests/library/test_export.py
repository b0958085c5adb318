"""`fde export`: what real copier makes of it is what `fde instantiate` makes, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import copier
import jinja2
import jinja2.sandbox
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fde_api.meta import Metadata, manifest
from fde_api.primitive import (
    DeploymentPrimitive,
    Each,
    Field,
    Hole,
    Parameter,
    PrimitiveSpec,
    Template,
    TemplateFile,
    When,
)
from fde_cli.main import run
from fde_library import export
from fde_registry.shelf import dump
from fde_template.filters import FILTERS
from fde_template.structure import Literal, Node, Optional, Repeat, flat


def hole(parameter: str, *filters: str, field: str = "", place: str = "text") -> Hole:
    return Hole(parameter=parameter, field=field, place=place, filters=filters)


def a_file(path: str, *nodes: Node, **more: Any) -> TemplateFile:
    return TemplateFile(path=path, language="other", segments=tuple(flat(nodes)), **more)


SOFT, HARD = When(parameter="softDelete"), When(parameter="softDelete", equals="false")
PARAMETERS = (
    Parameter(name="apiHost", type="host", required=True, description="Where it asks; {{ not Jinja }}"),
    Parameter(name="entity", type="string", required=True),
    Parameter(name="pageSize", type="int", default=50),
    Parameter(name="ratio", type="float", default=1),
    Parameter(name="mode", type="enum", allowed_values=("full", "new rows"), default="full"),
    Parameter(name="softDelete", type="bool", required=True),
    Parameter(name="since", type="string", when=When(parameter="mode", equals="new rows"), required=True),
    Parameter(name="graceText", type="string", when=When(parameter="grace"), required=True),
    Parameter(name="grace", type="bool", when=SOFT, required=True),
    Parameter(name="not", type="string", default="{% raw %}"),
    Parameter(name="apiKey", type="secretRef"),
    Parameter(name="regions", type="list", fields=(Field(type="string"),), required=True),
    Parameter(
        name="columns",
        type="list",
        required=True,
        fields=(
            Field(name="name", type="identifier"),
            Field(name="keys", type="string"),
            Field(name="nullable", type="bool"),
        ),
    ),
)
BLOCKS: tuple[Node, ...] = (
    Literal("select\n  "),
    Repeat(
        Each(parameter="columns"),
        (
            hole("columns", "snake", field="name"),
            Literal(" "),
            hole("columns", field="keys"),
            Optional(When(parameter="columns", field="nullable", equals="false"), (Literal(" not null"),)),
            Optional(
                When(parameter="columns", field="nullable"),
                (Literal(" /* "), hole("columns", field="nullable"), Literal(" */")),
            ),
        ),
        (Literal(",\n  "),),
    ),
    Literal("\nfrom {{ ref('"),
    hole("entity", "snake", "upper"),
    Literal("') }}{%- if x %}{# note #}{{{"),
    hole("not", place="string"),
    Literal("{"),
    Optional(
        SOFT, (Literal("\n\nwhere deleted\n"), Optional(When(parameter="grace"), (hole("graceText"), Literal("\n"))))
    ),
    Optional(HARD, (Literal("  \nwhere true "),)),
    Literal("\n    "),
    Optional(When(parameter="mode", equals="new rows"), (Literal("    and at > "), hole("since"), Literal("\n"))),
    Literal("    -- "),
    Repeat(Each(parameter="regions"), (hole("regions", "plural"),), (Literal(", "),)),
)
CLIENT = a_file(
    "src/client.py",
    Literal("HOST = '"),
    hole("apiHost"),
    Literal("'\nKEY = '"),
    hole("apiKey"),
    Literal("'\nSIZE, RATIO, SOFT = "),
    hole("pageSize"),
    Literal(", "),
    hole("ratio"),
    Literal(", "),
    hole("softDelete", "capital"),
    Literal("\nclass "),
    hole("entity", "pascal"),
    Literal(":\n    pass"),
)
MODEL = a_file("models/orders.sql", *BLOCKS)


def crlf(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """`nodes` with every line break as CRLF."""
    found: list[Node] = []
    for node in nodes:
        match node:
            case Literal(text):
                found.append(Literal(text.replace("\n", "\r\n")))
            case Optional(when, body):
                found.append(Optional(when, crlf(body)))
            case Repeat(each, body, between):
                found.append(Repeat(each, crlf(body), crlf(between)))
            case _:
                found.append(node)
    return tuple(found)


CRLF = a_file("models/crlf.sql", *crlf(BLOCKS), newline="crlf", encoding="utf-8-sig")
MIXED = a_file(
    "mixed.txt", Literal("a\r\nb\rc\n{\r"), hole("entity"), Literal("\r"), Optional(SOFT, (Literal("\r\nx\r"),)),
    Literal("\nend\u2028\ufeff\r\n"), newline="mixed",
)  # fmt: skip
FIXED = a_file("fixed.bin", Literal("caf\xe9 {{ x }}\r\n"), encoding="latin-1")
FIXED_JINJA = a_file("macro.sql.jinja", Literal("{% macro m() %}\n{{ x }}\n{% endmacro %}\n"))

VALUES: dict[str, Any] = {
    "apiHost": "api.north.example",
    "entity": "OrderShipped v2",
    "pageSize": "007",
    "softDelete": True,
    "grace": True,
    "graceText": "since a day",
    "mode": "new rows",
    "since": "2026-01-01",
    "regions": ["city", "BOX", "day"],
    "columns": [
        {"name": "orderId", "keys": "int", "nullable": False},
        {"name": "HTTPStatus2", "keys": "text", "nullable": True},
    ],
}
SECRET = "made-up-" + "text-of-a-key"


def a_primitive(*files: TemplateFile, parameters: tuple[Parameter, ...] = PARAMETERS) -> DeploymentPrimitive:
    spec = PrimitiveSpec(
        primitive_name="orders", version="v1.0.0", domain="d", template=Template(files=files), parameters=parameters
    )
    return DeploymentPrimitive(metadata=Metadata(name=spec.object_name), spec=spec)


def both(
    tmp_path: Path, primitive: DeploymentPrimitive, values: dict[str, Any]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files that `fde instantiate` and copier make."""
    manifest_at, values_at = tmp_path / "primitive.yaml", tmp_path / "values.yaml"
    manifest_at.write_text(dump(manifest(primitive)))
    values_at.write_text(yaml.safe_dump({**values, "apiKey": SECRET}))
    assert run(["instantiate", str(manifest_at), "--values", str(values_at), "--output", str(tmp_path / "ours")]) == 0
    assert run(["export", str(manifest_at), "--format", "copier", "--output", str(tmp_path / "template")]) == 0
    copier.run_copy(
        str(tmp_path / "template"), tmp_path / "theirs", data={**values, "apiKey": SECRET}, defaults=True, quiet=True
    )
    names = [file.path for file in primitive.spec.template.files]
    return tuple({name: (tmp_path / side / name).read_bytes() for name in names} for side in ("ours", "theirs"))  # type: ignore[return-value]


def without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


CASES = {
    "blocks": VALUES,
    "defaults": {
        **without(VALUES, "grace", "graceText"),
        "softDelete": False,
        "mode": "full",
        "columns": VALUES["columns"][:1],
        "regions": [],
    },
    "none": {**without(VALUES, "graceText"), "grace": False, "columns": [], "ratio": "0.10", "pageSize": 1000},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("files", [(CLIENT, MODEL, CRLF, MIXED, FIXED, FIXED_JINJA), (CRLF,)], ids=["all", "crlf"])
def test_copier_gives_the_bytes_that_instantiate_gives(
    case: str, files: tuple[TemplateFile, ...], tmp_path: Path
) -> None:
    values = CASES[case]
    ours, theirs = both(tmp_path, a_primitive(*files), values)
    assert theirs == ours


def test_a_secret_is_asked_for_hidden_and_stands_in_the_file_alone(tmp_path: Path) -> None:
    both(tmp_path, a_primitive(CLIENT, MODEL), VALUES)
    question = yaml.safe_load((tmp_path / "template" / "copier.yml").read_text())["apiKey"]
    assert question["secret"] is True and question["default"] == "{{ UNSET }}"
    told = [p.name for p in (tmp_path / "theirs").rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert told == ["client.py"]
    answers = yaml.safe_load((tmp_path / "theirs" / ".copier-answers.yml").read_text())
    assert answers["apiHost"] == "api.north.example" and "apiKey" not in answers


def test_questions_are_typed_and_nothing_needs_trust(tmp_path: Path) -> None:
    made = export.copier_template(a_primitive(CLIENT, MODEL).spec)
    asked = yaml.safe_load(made["copier.yml"])
    assert asked["softDelete"]["type"] == "bool"
    assert asked["mode"]["choices"] == ["full", "new rows"]
    assert asked["columns"]["type"] == "yaml"
    assert asked["since"]["when"] == '{{ mode == "new rows" }}'
    assert not {"_tasks", "_jinja_extensions", "_migrations"} & set(asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pageSize", "many"), ("apiHost", "a'b"), ("columns", "text"), ("mode", "other"), ("entity", "a\nb")],
)
def test_copier_refuses_an_answer_that_fde_refuses(name: str, value: str, tmp_path: Path) -> None:
    file = a_file("x.txt", *(hole(p, place="python.string.single") for p in ("pageSize", "apiHost", "entity")), *BLOCKS)
    for path, data in export.copier_template(a_primitive(file).spec).items():
        (tmp_path / "t" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / path).write_bytes(data)
    with pytest.raises(ValueError, match=name):
        copier.run_copy(
            str(tmp_path / "t"),
            tmp_path / "out",
            data={**VALUES, "apiKey": SECRET, name: value},
            defaults=True,
            quiet=True,
        )
    assert not (tmp_path / "out" / "x.txt").exists()


def test_a_file_that_copier_cannot_write_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = a_file("odd.txt", Literal("caf\xe9 "), hole("entity"), encoding="latin-1")
    (tmp_path / "p.yaml").write_text(dump(manifest(a_primitive(file))))
    assert run(["export", str(tmp_path / "p.yaml"), "--format", "copier", "--output", str(tmp_path / "out")]) == 1
    assert "odd.txt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_jinja_view_is_what_a_review_shows(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(dump(manifest(a_primitive(CLIENT, MODEL))))
    assert run(["export", str(tmp_path / "p.yaml"), "--format", "jinja", "--output", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "src" / "client.py.jinja").read_text()
    assert "HOST = '{{ apiHost }}'" in text and "class {{ entity | pascal }}:" in text
    assert run(["export", str(tmp_path / "p.yaml"), "--format", "jinja", "--output", str(tmp_path / "out")]) == 2


_ENVIRONMENT = jinja2.sandbox.SandboxedEnvironment(loader=jinja2.PackageLoader("fde_library", ""))
_MACROS: Any = _ENVIRONMENT.get_template("filters.jinja").module


@given(st.text(alphabet="abzABZ019_-. \nyxsßÉéΣσİ²Ⅷ"), st.sampled_from(sorted(FILTERS)))
def test_the_exported_filters_are_the_filters(text: str, name: str) -> None:
    assert getattr(_MACROS, name.replace("-", "_"))(text) == FILTERS[name](text)
