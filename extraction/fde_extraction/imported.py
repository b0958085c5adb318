"""Imports: what a file's head brings in, by the name it is used under, each as one statement of its own.

text -> imports_of() -> name -> statements; needed() -> what a region uses and every file imports alike
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fde_api.primitive import Language

MOST: Final = 64  # as the resource's schema
_LONGEST: Final = 253
_TYPESCRIPT: Final = re.compile(
    r"""^import\s+(?:type\s+)?(?P<what>[^;'"]+?)\s+from\s+(?P<quote>['"])(?P<module>[^'"\n]+)(?P=quote)""", re.MULTILINE
)


def imports_of(text: str, language: Language) -> dict[str, frozenset[str]]:
    """Name -> the statements that bring it, as short as they can be. Modules of the same package are left out."""
    pairs = _python(text) if language == "python" else _typescript(text) if language == "typescript" else ()
    found: dict[str, frozenset[str]] = {}
    for name, statement in pairs:
        if len(statement) <= _LONGEST:
            found[name] = found.get(name, frozenset()) | {statement}
    return found


def needed(used: Sequence[frozenset[str]], imports: Sequence[Mapping[str, frozenset[str]]]) -> tuple[str, ...]:
    """Statements that every file has for a name its region uses, sorted. One each for `used` and `imports` per file."""
    each = [
        {statement for name in names & had.keys() for statement in had[name]}
        for names, had in zip(used, imports, strict=True)
    ]
    return tuple(sorted(set.intersection(*each))[:MOST])


def _python(text: str) -> Iterator[tuple[str, str]]:
    try:
        todo: list[ast.stmt] = list(ast.parse(text).body)
    except (SyntaxError, ValueError):  # newer or older Python than this one runs on; the engine's parser takes it
        return
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                renamed = f" as {alias.asname}" if alias.asname else ""
                yield alias.asname or alias.name.partition(".")[0], f"import {alias.name}{renamed}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                renamed = f" as {alias.asname}" if alias.asname else ""
                yield alias.asname or alias.name, f"from {node.module} import {alias.name}{renamed}"
        elif isinstance(node, ast.If | ast.Try):
            todo.extend(node.body)


def _typescript(text: str) -> Iterator[tuple[str, str]]:
    for match in _TYPESCRIPT.finditer(text):
        module, what = match["module"], match["what"]
        if module.startswith("."):
            continue
        source = f'from "{module}";'
        braces = re.search(r"\{([^}]*)\}", what)
        for item in braces[1].split(",") if braces else ():
            said = " ".join(item.removeprefix("type ").split())
            if said:
                yield said.rpartition(" as ")[2], f"import {{ {said} }} {source}"
        for item in re.sub(r"\{[^}]*\}", "", what).split(","):
            said = " ".join(item.split())
            if said:
                yield said.rpartition(" as ")[2], f"import {said} {source}"
