"""Python: libcst decides whether a file is Python and where it is not; tree-sitter gives the spans.

Both, because each has half of what is needed: libcst is exact about the grammar and its errors, but gives positions only
through a metadata pass that costs ten times the parse; tree-sitter gives byte spans of every token for free, and is what
the shape check inside pods uses, so both ends see one tree.
"""

from __future__ import annotations

from typing import Final

import libcst

from fde_api.primitive import Language as LanguageName
from fde_extraction.languages.syntax import MAX_DEPTH, Builder, Syntax, deeper_than, first_error
from fde_extraction.tree import Node, seal
from fde_extraction.unparsable import UnparsableSource
from fde_template import grammar

SYNTAX: Final = Syntax(
    name="python",
    names={
        "keyword_argument": ("name", "value"),
        "pair": ("key", "value"),
        "assignment": ("left", "right"),
        "augmented_assignment": ("left", "right"),
        "default_parameter": ("name", "value"),
        "typed_default_parameter": ("name", "value"),
        "named_expression": ("name", "value"),
    },
    calls={"call": ("function", "arguments")},
    pairs=frozenset({"comparison_operator", "boolean_operator", "subscript", "binary_operator"}),
    places={
        "identifier": "python.identifier",
        "integer": "python.number",
        "float": "python.number",
        "true": "python.bool",
        "false": "python.bool",
    },
    strings=frozenset({"string"}),
    content=frozenset({"string_start", "string_content", "string_end"}),
    comments=frozenset({"comment"}),
    keyed={"keyword_argument": "keyword", "pair": "key"},
    scopes=frozenset({"function_definition", "class_definition"}),
    chained=frozenset({"boolean_operator", "binary_operator"}),
    kinds={"integer": "number", "float": "number", "true": "bool", "false": "bool"},
)


class Python:
    """Python 3."""

    name: LanguageName = "python"

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree; :class:`UnparsableSource` with libcst's line and reason."""
        data = text.encode("utf-8", "surrogatepass")
        root = grammar.parse("python", path, data).root_node
        # libcst's native parser recurses on the C stack and takes the process with it; tree-sitter's does not.
        if deeper_than(root, MAX_DEPTH):
            raise UnparsableSource(path, "is nested too deeply to be read")
        try:
            libcst.parse_module(text)
        except libcst.ParserSyntaxError as error:
            why = error.message.split(".")[0]
            # libcst names the token it stopped at, often a line after the mistake; tree-sitter where its own trouble began.
            line = min(error.raw_line, first_error(root)) if root.has_error else error.raw_line
            raise UnparsableSource(path, f"not valid python: {why}", line=line) from error
        built = Builder(SYNTAX, text, data).node(root, ())
        if not built.children:
            raise UnparsableSource(path, "holds no statement")
        return seal(built, text)
