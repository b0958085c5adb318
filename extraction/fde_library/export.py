"""A primitive for other tools: a copier template that works, or Jinja to read.

PrimitiveSpec -> copier_template() / jinja_view() -> {path: bytes} -> a directory

copier reads templates as UTF-8, changes line breaks, and writes UTF-8. So what it would change is written as an expression
(``{{ "\\r" }}``), a file without holes is copied as bytes, and a file that is not UTF-8 and has holes is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

import yaml

from fde_api.primitive import Hole, Parameter, PrimitiveSpec, TemplateFile
from fde_events.errors import Refused
from fde_library.copier_question import RESERVED, asked_when, question, variable
from fde_template.encoding import encode
from fde_template.notation import BRACKET, ENVIRONMENT, Spelling, quoted, written
from fde_template.structure import holes, structure

SUFFIX: Final = ".jinja"
BODY: Final = "template"
_MACROS: Final = "fde.jinja"
_ALIAS: Final = "fde_"  # parameters hold no underscore
_ANSWERS: Final = b"# Written by copier; `copier update` reads it.\n{{ _copier_answers | to_nice_yaml -}}\n"
_RETURN: Final = re.compile(r"[\r\ufeff]+")
_METHODS: Final = frozenset(dir(dict))  # `item.keys` is a method of the mapping, not its field
Files = dict[str, bytes]


class _Copier(Spelling):
    """How copier's Jinja is given what fde renders: filters as macros, flags as texts, line breaks as they are."""

    reserved = RESERVED | {"loop"}

    def __init__(self, parameters: Sequence[Parameter], *, crlf: bool) -> None:
        self.crlf = crlf
        # What is asked for as true or false; and, as it is written here, what in a list may be a bool or its text.
        self.flags = frozenset(variable(parameter.name) for parameter in parameters if parameter.type == "bool")
        self.flag_fields = {(p.name, field.name) for p in parameters for field in p.fields if field.type == "bool"}
        self.loose: set[str] = set()

    def name(self, parameter: str) -> str:
        return variable(parameter)

    def field(self, parameter: str, item: str, field: str) -> str:
        text = item if not field else f"{item}[{quoted(field)}]" if field in _METHODS else f"{item}.{field}"
        if (parameter, field) in self.flag_fields:
            self.loose.add(text)
        return text

    def hole(self, name: str, filters: Sequence[str]) -> str:
        text = f"{name} | string | lower" if name in self.flags | self.loose else name
        for filter_ in filters:
            text = f"{_ALIAS}.{filter_.replace('-', '_')}({text})"
        return text

    def condition(self, name: str, equals: str) -> str:
        if name in self.flags:
            return name if equals == "true" else f"not {name}"
        return f"{name}{' | string | lower' if name in self.loose else ''} == {quoted(equals)}"

    def literal(self, text: str) -> Iterator[str]:
        for piece in super().literal(text):
            if piece == BRACKET:
                yield piece
                continue
            at = 0
            for found in _RETURN.finditer(piece):
                stop = found.end() - 1 if self.crlf and found[0].endswith("\r") else found.end()
                yield piece[at : found.start()]
                if stop > found.start():
                    yield "{{ " + quoted(piece[found.start() : stop]) + " }}"
                at = stop
            yield piece[at:]


def copier_template(spec: PrimitiveSpec) -> Files:
    """The files of a copier template that gives what ``fde instantiate`` gives, byte for byte.

    :class:`Refused` for a file that copier cannot write.
    """
    templated = [file for file in spec.template.files if not _is_fixed(file)]
    for file in templated:
        if file.encoding == "latin-1":
            raise Refused(
                f"{file.path} is not UTF-8, and copier writes UTF-8 only: use `fde instantiate`, or bring the file to UTF-8 in a "
                "new version of the primitive."
            )
    # With CRLF throughout, copier's own line break can be that; else each carriage return is spelled out.
    crlf = bool(templated) and all(_is_crlf(file) for file in templated)
    spelling = _Copier(spec.parameters, crlf=crlf)
    made: Files = {}
    for file in spec.template.files:
        if _is_fixed(file) and not file.path.endswith(SUFFIX):
            made[f"{BODY}/{file.path}"] = encode(
                "".join(segment.text or "" for segment in file.segments), file.encoding
            )
        else:
            made[f"{BODY}/{file.path}{SUFFIX}"] = _body(file, spelling).encode()
    made[f"{BODY}/{{{{ _copier_conf.answers_file }}}}{SUFFIX}"] = _ANSWERS
    made[_MACROS] = files("fde_library").joinpath("filters.jinja").read_bytes()
    made["copier.yml"] = _questions(spec, crlf=crlf).encode()
    made["README.md"] = _readme(spec, templated).encode()
    return made


def jinja_view(spec: PrimitiveSpec) -> Files:
    """Every file in the notation that ``fde review checkout`` shows and ``resubmit`` takes back."""
    return {file.path + SUFFIX: written(file).encode("utf-8", "surrogateescape") for file in spec.template.files}


def _body(file: TemplateFile, spelling: _Copier) -> str:
    mark = "{{ " + quoted("\ufeff") + " }}" if file.encoding == "utf-8-sig" else ""
    used = any(hole.filters for hole in holes(structure(file)))
    head = f'{{% import "{_MACROS}" as {_ALIAS} %}}\n' if used else ""
    return head + mark + written(file, spelling)


def _questions(spec: PrimitiveSpec, *, crlf: bool) -> str:
    standing: dict[str, list[Hole]] = {}
    for file in spec.template.files:
        for hole in holes(structure(file)):
            standing.setdefault(hole.parameter, []).append(hole)
    declared = {parameter.name: parameter for parameter in spec.parameters}
    document: dict[str, Any] = {
        "_subdirectory": BODY,
        "_templates_suffix": SUFFIX,
        "_min_copier_version": "9.0.0",
        "_envops": {
            **ENVIRONMENT,
            "newline_sequence": "\r\n" if crlf else "\n",
            "undefined": "jinja2.StrictUndefined",
        },
    }
    # copier asks in this order: what a question hangs on comes before it.
    ordered = sorted(spec.parameters, key=lambda parameter: len(asked_when(parameter, declared)))
    document |= {
        variable(parameter.name): question(parameter, standing.get(parameter.name, ()), declared)
        for parameter in ordered
    }
    head = f"# {spec.object_name}, exported by `fde export --format copier`. No tasks and no extensions: no --trust is needed.\n"
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=False, width=10_000)


def _readme(spec: PrimitiveSpec, templated: Sequence[TemplateFile]) -> str:
    rows = []
    for file in spec.template.files:
        if file not in templated:
            how = "no holes: copied as it is"
        else:
            odd = ["a byte order mark"] if file.encoding == "utf-8-sig" else []
            text = "".join(segment.text or "" for segment in file.segments)
            odd += ["carriage returns"] if "\r" in text else []
            how = "rendered" + (f"; {' and '.join(odd)} kept by expressions or copier's line break" if odd else "")
        rows.append(f"| `{file.path}` | {how} |")
    secrets = [parameter.name for parameter in spec.parameters if parameter.type == "secretRef"]
    told = (
        f"\nSecrets ({', '.join(secrets)}) are asked for where copier runs, stand in the rendered file only, and are never "
        "kept in copier's answers.\n"
        if secrets
        else ""
    )
    return (
        f"# {spec.object_name}\n\n"
        "```\ncopier copy DIRECTORY_OF_THIS_FILE TARGET\n```\n\n"
        "The result is what `fde instantiate` gives for the same answers, byte for byte.\n\n"
        "| file | how |\n|---|---|\n" + "\n".join(rows) + "\n" + told + "\n"
        "What copier does not do: `fde instantiate` also refuses a value that changes the structure of the file it goes into, "
        "and one whose filtered or listed form does; here a question checks an answer alone, as it is written. A number given as "
        "a YAML number is spelled as Python spells it; give it as text to keep its spelling. Files that are not UTF-8 cannot be "
        "rendered by copier and are refused on export.\n"
    )


def _is_fixed(file: TemplateFile) -> bool:
    return all(segment.text is not None for segment in file.segments)


def _is_crlf(file: TemplateFile) -> bool:
    """Whether every line break is CRLF, and whole within one literal."""
    text = "\0".join(segment.text or "" for segment in file.segments)
    return "\r\n" in text and not re.search(r"\r(?!\n)|(?<!\r)\n", text)
