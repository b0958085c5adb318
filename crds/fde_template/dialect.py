"""Dialects: what configuration and text files without a grammar of ours have in common, and in what they differ.

path -> dialect_of() -> Dialect -> plaintoken.tokens()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """`values`: what a bare value is: one word, a name, the rest of the line, a cell, markup text or prose.

    `marks` begin a comment that ends with the line, `blocks` open and close longer ones. `separators` stand between a key and
    its value. `expands`: double quotes hold expressions (``$x``, ``${x}``). `brackets` and `indented`: what nests.
    """

    name: str
    values: Literal["word", "name", "line", "cell", "markup", "prose"]
    marks: tuple[str, ...] = ()
    blocks: tuple[tuple[str, str], ...] = ()
    separators: str = ""
    quotes: str = ""
    expands: bool = False
    brackets: bool = False
    indented: bool = False


_SLASHES: Final = (("/*", "*/"),)
DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (
        Dialect("json", "word", ("//",), _SLASHES, ":", '"', brackets=True),
        Dialect("yaml", "line", ("#",), (), ":", "'\"", brackets=True, indented=True),
        Dialect("toml", "word", ("#",), (), "=", "'\"", brackets=True),
        Dialect("ini", "line", ("#", ";"), (), "=:", "'\""),
        Dialect("env", "word", ("#",), (), "=", "'\"", expands=True),
        Dialect("shell", "word", ("#",), (), "=", "'\"", expands=True, indented=True),
        Dialect("dockerfile", "word", ("#",), (), "=", "'\"", expands=True, indented=True),
        Dialect("hcl", "word", ("#", "//"), _SLASHES, "=:", '"', expands=True, brackets=True),
        Dialect("graphql", "name", ("#",), (), ":", '"', brackets=True),
        Dialect("markup", "markup", (), (("<!--", "-->"),), "=", "'\""),
        Dialect("csv", "cell", (), (), "", '"'),
        Dialect("text", "prose"),
    )
}
_SUFFIXES: Final[Mapping[str, str]] = {
    "json": "json", "jsonc": "json", "json5": "json", "ipynb": "json", "geojson": "json", "avsc": "json",
    "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "conf": "ini", "properties": "ini",
    "env": "env", "sh": "shell", "bash": "shell", "zsh": "shell", "ksh": "shell", "dockerfile": "dockerfile",
    "containerfile": "dockerfile", "tf": "hcl", "tfvars": "hcl", "hcl": "hcl", "nomad": "hcl", "xml": "markup",
    "xsd": "markup", "xsl": "markup", "xslt": "markup", "svg": "markup", "html": "markup", "htm": "markup", "csv": "csv",
    "tsv": "csv", "graphql": "graphql", "gql": "graphql", "graphqls": "graphql",
}  # fmt: skip
_TEMPLATES: Final = frozenset({"j2", "jinja", "jinja2", "tmpl", "tpl", "template", "dist", "example", "sample"})


def dialect_of(path: str) -> Dialect:
    """The dialect that a path's ending says, ``deploy.yaml.j2`` being YAML; prose when nobody knows it."""
    name = PurePosixPath(path).name.lower()
    parts = name.removeprefix(".").split(".")
    while len(parts) > 1 and parts[-1] in _TEMPLATES:
        parts.pop()
    # `.env.production`, `Dockerfile.worker`: the kind stands first.
    said = parts[-1] if parts[-1] in _SUFFIXES else parts[0] if parts[0] in ("env", "dockerfile") else ""
    return DIALECTS[_SUFFIXES.get(said, "text")]
