"""TypeScript and JavaScript, with or without JSX: tree-sitter."""

from __future__ import annotations

from typing import Final

from fde_api.primitive import Language as LanguageName
from fde_extraction.languages.syntax import MAX_DEPTH, Builder, Syntax, deeper_than, first_error
from fde_extraction.tree import Node, seal
from fde_extraction.unparsable import UnparsableSource
from fde_template import grammar

_IDENTIFIER: Final = "typescript.identifier"
SYNTAX: Final = Syntax(
    name="typescript",
    names={
        "pair": ("key", "value"),
        "variable_declarator": ("name", "value"),
        "assignment_expression": ("left", "right"),
        "public_field_definition": ("name", "value"),
        "required_parameter": ("pattern", "value"),
        "optional_parameter": ("pattern", "value"),
        "enum_assignment": ("name", "value"),
        "jsx_attribute": ("name", "value"),
    },
    calls={"call_expression": ("function", "arguments"), "new_expression": ("constructor", "arguments")},
    pairs=frozenset({"binary_expression", "subscript_expression"}),
    places={
        "identifier": _IDENTIFIER,
        "type_identifier": _IDENTIFIER,
        "property_identifier": _IDENTIFIER,
        "private_property_identifier": "typescript.text",
        "shorthand_property_identifier": _IDENTIFIER,
        "shorthand_property_identifier_pattern": _IDENTIFIER,
        "statement_identifier": _IDENTIFIER,
        "number": "typescript.number",
        "true": "typescript.bool",
        "false": "typescript.bool",
        "regex_pattern": "typescript.regex",
        "jsx_text": "typescript.text",
    },
    strings=frozenset({"string", "template_string"}),
    content=frozenset({"string_fragment", "escape_sequence"}),
    comments=frozenset({"comment"}),
    keyed={"pair": "key", "jsx_attribute": "keyword"},
    scopes=frozenset(
        {"function_declaration", "method_definition", "class_declaration", "function_expression", "arrow_function"}
    ),
    chained=frozenset({"union_type", "intersection_type", "binary_expression"}),
    kinds={"true": "bool", "false": "bool"},
)


class TypeScript:
    """TypeScript; the path's ending tells tsx."""

    name: LanguageName = "typescript"

    def parse(self, text: str, path: str) -> Node:
        """The sealed tree; :class:`UnparsableSource` with the first line that the grammar does not take."""
        data = text.encode("utf-8", "surrogatepass")
        root = grammar.parse("typescript", path, data).root_node
        if deeper_than(root, MAX_DEPTH):
            raise UnparsableSource(path, "is nested too deeply to be read")
        if root.has_error:
            raise UnparsableSource(path, "not valid typescript", line=first_error(root))
        built = Builder(SYNTAX, text, data).node(root, ())
        if not built.children:
            raise UnparsableSource(path, "holds no statement")
        return seal(built, text)
