"""Grammars: tree-sitter parsers, loaded when first used, one per grammar and process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fde_template.errors import TemplateError

if TYPE_CHECKING:
    from tree_sitter import Parser, Tree


def parse(language: str, path: str, data: bytes) -> Tree:
    """The tree of UTF-8 `data`; `path` tells tsx from ts. :class:`TemplateError` when the grammar is not installed."""
    grammar = "tsx" if language == "typescript" and path.endswith((".tsx", ".jsx")) else language
    return _parser(grammar).parse(data)


@cache
def _parser(grammar: str) -> Parser:
    try:
        from tree_sitter import Language, Parser

        if grammar == "python":
            import tree_sitter_python

            return Parser(Language(tree_sitter_python.language()))
        import tree_sitter_typescript

        if grammar == "tsx":
            return Parser(Language(tree_sitter_typescript.language_tsx()))
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    except ImportError as error:
        raise TemplateError(
            f"the {grammar} grammar is not installed, so no shape can be checked: install the extra 'operator'"
        ) from error
