"""Exceptions that came as data, printed as their platform prints them: what `parse_chain` reads of a log, it reads of an import.

Raised, Raised, ... -> printed() -> text -> fde_streams.chain.parse_chain()

Whose code a frame is stands in its path; where an import has only a relative one, the path is completed by what else it says
(`in_app`, the module), so that a library's frame counts as a library's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fde_events.vendors import library_of_package, vendor_of_library
from fde_streams.chain import frame_of

_FRAMES: Final = 200  # of one exception: the first and the last half; a recursion says the same a thousand times
_NODE: Final = frozenset({"node", "javascript", "react-native", "typescript"})
_JAVA: Final = frozenset({"java", "kotlin", "scala", "android"})
_CAUSED: Final = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_UNSAFE: Final = re.compile(r"[\s()]+")
_SCHEME: Final = re.compile(r"^(?:app|webpack|webpack-internal|capacitor|file)://(?:/(?=[A-Za-z]:))?(?:\.?/)*")


@dataclass(frozen=True, slots=True)
class Call:
    """One frame as data. `path` absolute where known, `name` as it was shortened, `own`: whether it is the application's."""

    path: str
    name: str = ""
    function: str = ""
    module: str = ""
    line: int = 0
    own: bool | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception as data. `calls` outermost first; `told` are properties it carried, such as its code."""

    type: str
    message: str
    calls: tuple[Call, ...] = ()
    told: tuple[tuple[str, str], ...] = ()


def printed(chain: Sequence[Raised], platform: str) -> str | None:
    """The text of `chain` (root cause first); None when a single exception without frames says it all by itself."""
    if not chain or (len(chain) == 1 and not chain[0].calls and not chain[0].told):
        return None
    if platform == "python":
        return _CAUSED.join(_python(raised) for raised in chain)
    if platform in _NODE and any(raised.calls for raised in chain):
        return _node(list(reversed(chain)), "")
    if platform in _JAVA:
        return "\nCaused by: ".join(_java(raised) for raised in reversed(chain))
    return " <- ".join(f"{_word(raised.type)}: {_line(raised.message)}" for raised in reversed(chain))


def _python(raised: Raised) -> str:
    frames = [
        f'  File "{_python_path(call)}", line {call.line}, in {_line(call.function) or "?"}'
        for call in _shortened(raised.calls)
    ]
    said = f"{_word(raised.type)}: {raised.message}" if raised.message else _word(raised.type)
    # An import may have no frames; parse_chain tells a traceback by its first line, which stands here in any case.
    return "\n".join(["Traceback (most recent call last):", *frames, said])


def _python_path(call: Call) -> str:
    path = call.path.replace('"', "").replace("\n", "") or call.name or call.module.replace(".", "/")
    if frame_of(path, "").library is not None or call.own:
        return path
    relative = call.name if call.name and not call.name.startswith(("/", "<")) else path.lstrip("/")
    top = (call.module or relative.replace("/", ".")).split(".", 1)[0]
    if top in sys.stdlib_module_names:
        return f"/usr/lib/python3/{relative}"
    if call.own is False or (not path.startswith("/") and _is_library(top)):
        return f"/site-packages/{relative}"
    return path


def _node(chain: list[Raised], indent: str) -> str:
    raised, rest = chain[0], chain[1:]
    said = f"{_word(raised.type)}: {raised.message}" if raised.message else _word(raised.type)
    frames = [
        f"{indent}    at {_line(call.function).replace('(', '').replace(')', '') or '<anonymous>'} ({_node_path(call)}:{call.line}:1)"
        for call in reversed(_shortened(raised.calls))
    ]
    told = [f"{indent}  {name}: {repr(value) if name == 'code' else value}," for name, value in raised.told]
    inner = [f"{indent}  [cause]: {_node(rest, indent + '  ')}"] if rest else []
    lines = [said, *frames]
    if told or inner:
        lines[-1] += " {"
        return "\n".join([*lines, *told, *inner, f"{indent}}}"])
    return "\n".join(lines) if frames or not indent else f"[{said}]"


def _node_path(call: Call) -> str:
    path = _UNSAFE.sub("_", call.path or call.name).replace("\\", "/")
    if path.startswith(("node:", "<anonymous>", "native")):
        return path
    path = _SCHEME.sub("/", path)
    if "node_modules/" in path:
        return f"/{path[path.index('node_modules/') :]}"
    if path.lstrip("/").startswith(("internal/", "node:")):
        return f"node:{path.lstrip('/').removeprefix('node:')}"
    if call.own is False:
        if "/" not in path.strip("/") and not call.module:
            return f"node:{path.lstrip('/')}"
        package = call.module.split(":", 1)[0]
        package = package.replace(".", "/", 1).split(".")[0] if package.startswith("@") else package.split(".")[0]
        if package:
            return f"/node_modules/{_UNSAFE.sub('_', package)}/{path.rsplit('/', 1)[-1]}"
    return path if path.startswith("/") else f"/{path}"


def _java(raised: Raised) -> str:
    said = f"{_word(raised.type)}: {raised.message}" if raised.message else _word(raised.type)
    frames = []
    for call in reversed(_shortened(raised.calls)):
        where = (
            f"{call.name.rsplit('/', 1)[-1] or 'Unknown Source'}:{call.line}"
            if call.line
            else call.name or "Unknown Source"
        )
        owner = _UNSAFE.sub("", call.module) or "unknown"
        frames.append(
            f"\tat {owner}.{_UNSAFE.sub('', call.function) or 'unknown'}({_line(where).replace('(', '').replace(')', '')})"
        )
    return "\n".join([said, *frames])


def _shortened(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    return calls if len(calls) <= _FRAMES else calls[: _FRAMES // 2] + calls[-_FRAMES // 2 :]


def _is_library(top: str) -> bool:
    return library_of_package(top) is not None or vendor_of_library(top) is not None


def _word(name: str) -> str:
    """A type's name as one word, which is what the platforms print."""
    return _UNSAFE.sub("", name) or "Error"


def _line(text: str) -> str:
    return " ".join(text.split())
