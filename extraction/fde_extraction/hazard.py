"""Hazards: what a template does that a reviewer must have seen: shells, eval, loads of code, hosts, packages, destruction.

PrimitiveSpec -> each file with placeholders -> code without its literals (by the syntax tree) -> tables -> hazards()

Nothing is run and nothing is judged: a hazard is a line to look at. A call that is reached by other ways (getattr, a
variable) is not seen; the packages that are imported are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from fde_api.primitive import PrimitiveSpec, TemplateFile
from fde_extraction.hazardtable import CALLS, METHODS, NODE, SQL
from fde_extraction.outline import HOLE, is_comment, is_literal, outlined

Kind = Literal["shell", "eval", "dynamic import", "deserialisation", "host", "import", "dynamic sql", "destructive"]
_URL: Final = re.compile(
    rf"\b[a-z][a-z0-9+.-]*://(?:[^\s/@'\"`{HOLE}]*@)?((?:[\w-]+\.)+[\w-]+)(?![\w.{HOLE}-])", re.IGNORECASE
)
_BARE: Final = re.compile(
    r"(?:[a-z0-9][a-z0-9-]*\.)+(?:com|net|org|io|dev|cloud|ai|app|co|eu|us|uk|de|fr|nl|ch|info|biz|gov|edu|int|mil|example|internal|local|corp)"
    r"(?::\d{1,5})?|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?"
)
_CALL: Final = re.compile(r"(?<![\w.$])((?:new\s+)?[A-Za-z_$][\w$]*(?:\s*\??\.\s*[A-Za-z_$][\w$]*)*)\s*\(")
_METHOD: Final = re.compile(r"\.\s*([A-Za-z_]\w*)\s*\(")
_PY_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import[ \t]+([^\n;#]+)|from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;#]+))", re.MULTILINE
)
_TS_IMPORT: Final = re.compile(
    r"\b(?:import\s+(?:type\s+)?([\w$*\s{},]+?)\s+from\s*|import\s*(?=['\"])|(?:const|let|var)\s+([\w$\s{},:]+?)\s*=\s*require\s*\(\s*|export\s+[\w$*\s{},]+?\s+from\s*)"
    r"(['\"])([^'\"\n]+)\3"
)
# A statement put together from pieces, handed to whatever executes it.
_BUILT: Final = re.compile(
    r"\.\s*(execute\w*|raw|query|sql)\s*\(\s*(?:[A-Za-z_]+\s*\(\s*)?(?:[rR]?[fF][rR]?(?:\"{1,3}|'{1,3})[^\n]*?\{|`[^`]*\$\{|(['\"])[^'\"\n]*\2\s*(?:%|\+|\.\s*format\b))"
)


@dataclass(frozen=True, slots=True)
class Hazard:
    """`line`: 1-based, in the template as it is shown (a hole is one word). `what`: code words only, never a value."""

    kind: Kind
    path: str
    line: int
    what: str


@dataclass(frozen=True, slots=True)
class _Code:
    """`text`: as rendered; `code`: the same length, blank where literals and comments are; `literals`: (start, text)."""

    text: str
    code: str
    literals: tuple[tuple[int, str], ...]


def hazards(spec: PrimitiveSpec) -> tuple[Hazard, ...]:
    """The hazards of every file of `spec`, by path, line and kind; each once."""
    found = set[Hazard]()
    for file in spec.template.files:
        read = _read(file)
        for kind, at, what in _in(file, read):
            found.add(Hazard(kind, file.path, read.text.count("\n", 0, at) + 1, what.replace(HOLE, "_")))
    return tuple(sorted(found, key=lambda item: (item.path, item.line, item.kind, item.what)))


def _in(file: TemplateFile, read: _Code) -> Iterator[tuple[Kind, int, str]]:
    yield from _hosts(read)
    if file.language == "python":
        aliases, imports = _python_imports(read)
    elif file.language == "typescript":
        aliases, imports = _typescript_imports(read)
    else:
        yield from _statements(((0, read.code),))
        return
    yield from imports
    yield from _calls(file.language, read, aliases)
    yield from _statements(read.literals)
    for match in _BUILT.finditer(read.code):
        yield "dynamic sql", match.start(), match[1]


def _read(file: TemplateFile) -> _Code:
    outline = outlined(file)
    text = outline.text
    if outline.leaves is None:
        return _Code(text, text, ((0, text),))  # by its words alone: more is listed than there is
    pieces, literals, at, inside = list[str](), list[tuple[int, int]](), 0, False
    for leaf in outline.leaves:
        literal = is_literal(leaf)
        pieces.append(text[at : leaf.start])
        shown = text[leaf.start : leaf.end]
        pieces.append(re.sub(r"[^\n]", " ", shown) if literal or is_comment(leaf) else shown)
        if literal and inside:  # statements in a string are leaves of their own, and one text
            literals[-1] = (literals[-1][0], leaf.end)
        elif literal:
            literals.append((leaf.start, leaf.end))
        at, inside = leaf.end, literal
    return _Code(text, "".join([*pieces, text[at:]]), tuple((start, text[start:end]) for start, end in literals))


def _hosts(read: _Code) -> Iterator[tuple[Kind, int, str]]:
    for start, text in read.literals or ((0, read.text),):
        for match in _URL.finditer(text):
            yield "host", start + match.start(1), match[1].lower()
        if _BARE.fullmatch(text.strip().lower()):
            yield "host", start, text.strip().lower()


def _calls(name: str, read: _Code, aliases: dict[str, str]) -> Iterator[tuple[Kind, int, str]]:
    table, methods = CALLS[name], METHODS[name]
    for match in _CALL.finditer(read.code):
        written = re.sub(r"\s+|\?", "", match[1].removeprefix("new "))
        first, _, rest = written.partition(".")
        called = ".".join(filter(None, (aliases.get(first, first), rest)))
        kind = table.get(called) or table.get(called.rpartition(".")[0] + ".*")
        if kind is None or _safe(called, read.code, match.end()):
            continue
        yield kind, match.start(), called + (" shell" if _shelled(read.code, match.end()) else "")
    for match in _METHOD.finditer(read.code):
        if match[1] in methods:
            yield methods[match[1]], match.start(1), "." + match[1]


def _safe(called: str, code: str, at: int) -> bool:
    inside = code[at : _closing(code, at)]
    if called == "yaml.load":
        return "SafeLoader" in inside
    if called in ("numpy.load", "np.load"):
        return not re.search(r"allow_pickle\s*=\s*True", inside)
    return called in ("import", "require") and re.fullmatch(r"\s*(['\"])\s*\1\s*\)?", inside) is not None


def _shelled(code: str, at: int) -> bool:
    return re.search(r"\bshell\s*[=:]\s*[Tt]rue\b", code[at : _closing(code, at)]) is not None


def _closing(code: str, at: int) -> int:
    depth = 1
    while at < len(code) and depth:
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return at


def _statements(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[Kind, int, str]]:
    for start, text in texts:
        for kind, pattern in SQL:
            for match in pattern.finditer(text):
                yield kind, start + match.start(), " ".join(match[0].split()[:3]).upper().rstrip("(;")


def _python_imports(read: _Code) -> tuple[dict[str, str], list[tuple[Kind, int, str]]]:
    aliases, found = dict[str, str](), list[tuple[Kind, int, str]]()
    for match in _PY_IMPORT.finditer(read.code):
        module = match[2] or ""
        for name, alias in _named(match[1] or match[3], " as "):
            whole = f"{module}.{name}" if module else name
            aliases[alias or (name if module else name.partition(".")[0])] = (
                whole if alias or module else name.partition(".")[0]
            )
            package = (module or name).partition(".")[0]
            if package and package not in sys.stdlib_module_names:
                found.append(("import", match.start(), package))
    return aliases, found


def _typescript_imports(read: _Code) -> tuple[dict[str, str], list[tuple[Kind, int, str]]]:
    aliases, found = dict[str, str](), list[tuple[Kind, int, str]]()
    for match in _TS_IMPORT.finditer(read.text):
        if not read.code[match.start() : match.start() + 3].strip():
            continue  # in a comment or a literal
        module = match[4].removeprefix("node:")
        whole, _, braces = (match[1] or match[2] or "").partition("{")
        for name, alias in _named(braces.replace("}", ""), " as ", ":"):
            aliases[alias or name] = f"{module}.{name}"
        for name, alias in _named(whole, " as "):
            aliases[alias or name] = module
        if not module.startswith((".", "/", "@/", "~")) and module.partition("/")[0] not in NODE:
            found.append(("import", match.start(), "/".join(module.split("/")[: 2 if module[0] == "@" else 1])))
    return aliases, found


def _named(listed: str, *marks: str) -> Iterator[tuple[str, str]]:
    for item in re.sub(r"[()\\\n]", " ", listed).split(","):
        for mark in marks:
            item = item.replace(mark, "\0")
        name, _, alias = item.strip().partition("\0")
        if name.strip():
            yield name.strip(), alias.strip()
