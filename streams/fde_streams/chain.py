"""Exception text to a chain of causes: Python tracebacks, Node stacks, Java causes, one-line chains.

The event's way: ErrorEvent -> links_of() -> (root cause, ..., outermost wrapper) -> signature.

Every function is pure and total: text that looks like no known form gives an empty chain, never an error.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fde_events.vendors import vendor_of_library


@dataclass(frozen=True, slots=True)
class Frame:
    """One call. `library` is the package it belongs to ("" for the language's own library), None for the application.

    `path` is relative to the package root and holds no version: ``requests/models.py``.
    """

    path: str
    function: str
    library: str | None

    @property
    def package(self) -> str:
        """The library as far as its path tells it: ``google.cloud.storage.client``, ``@aws-sdk/client-s3``."""
        if self.path.endswith((".py", ".pyx", ".pxi")) and self.library not in _NETWORK_STDLIB.values():
            return self.path.rsplit(".", 1)[0].replace("/", ".")
        return self.library or ""


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of a chain. `frames` outermost call first; `codes` are what the runtime printed beside it."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    codes: tuple[str, ...] = ()
    detail: str = ""  # what else the error carried, as JSON text: the body that an HTTP client keeps on its errors
    called: str = ""  # the addresses that such an error shows, blank between them

    @property
    def libraries(self) -> tuple[str, ...]:
        """Packages on the stack, outermost first, each once; the language's own library is left out."""
        return tuple(dict.fromkeys(frame.library for frame in self.frames if frame.library))


Chain = tuple[Link, ...]  # root cause first

_PACKAGES: Final = re.compile(r"(?:site-packages|dist-packages)[/\\](.+)")
_PYTHON_STDLIB: Final = re.compile(r"[/\\]python3(?:\.\d+)?[/\\](?!site-packages|dist-packages)(.+)")
_NODE_MODULES: Final = re.compile(r".*node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)[/\\]?(.*)")
# Clients of the standard library: as much a library as any other that calls out.
_NETWORK_STDLIB: Final = {
    "urllib": "urllib",
    "http": "urllib",
    "smtplib": "smtplib",
    "ftplib": "ftplib",
    "imaplib": "imaplib",
    "poplib": "poplib",
    "xmlrpc": "xmlrpc",
    "ssl": "urllib",
}
_COMPILED: Final = re.compile(r"^(?![/\\<])[\w./-]+\.(?:pyx|pxi|pxd|pyi)$")  # Cython prints package-relative paths
_VERSIONED: Final = re.compile(r"[@-]\d+(?:\.\d+)+[^/]*")

_PY_FRAME: Final = re.compile(r'^\s*File "([^"]+)", line \d+(?:, in (.+))?$')
_PY_HEAD: Final = re.compile(r"^([A-Za-z_]\w*(?:\.[A-Za-z_<]\w*>?)*)(?:: (.*))?$")
_PY_JOIN: Final = re.compile(
    r"\n[ \t]*(?:The above exception was the direct cause of the following exception"
    r"|During handling of the above exception, another exception occurred):[ \t]*\n"
)
_GROUP_BAR: Final = re.compile(r"^[ \t]*(?:\| ?|\+ (?=Exception Group))", re.M)
_GROUP_PART: Final = re.compile(r"^[ \t]*\+[+-]*-+ (\d+|\.\.\.) -+[ \t]*$|^[ \t]*\+-+[ \t]*$", re.M)

_NODE_FRAME: Final = re.compile(
    r"^[ \t]+at (?:async )?(?:(?P<function>[^()\n]+?) \()?(?P<path>(?:file://|node:|/|[A-Za-z]:\\|webpack:|<anonymous>|native)[^\s()]*?)(?::\d+)?(?::\d+)?\)?(?: \{)?$"
)
_AT: Final = re.compile(r"^[ \t]+at ", re.M)
_NODE_DUMP: Final = re.compile(r"^(?:\[[A-Za-z_$][\w.$]*: [^\n]*\]|[A-Z]\w*(?:Error|Exception)\w*) \{$", re.M)
_NODE_OBJECT: Final = re.compile(r"(?P<type>[A-Z]\w*) \{\n(?P<properties>.*)", re.S)
_AT_PLACE: Final = re.compile(r"^[ \t]+at .*:\d+:\d+\)?", re.M)
_NODE_CAUSE: Final = re.compile(r"^[ \t]*(?:\[cause\]:? |\[errors\]: \[\s*|[Cc]aused? ?[Bb]?y?: )", re.M)
# Around an error that has no frames: `[cause]: [Error: x]`, and the brackets that close what it stood in.
_NODE_CLOSERS: Final = re.compile(r"(?:\n[ \t]*[}\])]+[,;]?[ \t]*)+\Z")
# An error after words, or as a property: `sync failed: HttpError: x`, `{ err: HttpError: x`.
_NODE_WITHIN: Final = re.compile(
    r"(?:(?<=\s)|(?<=\())(?P<type>(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$]?[\w$]*(?:Error|Exception))(?: \[(?P<code>[\w.-]+)\])?: (?P<message>.*)",
    re.S,
)
_NODE_HEAD: Final = re.compile(
    r"^\[?(?:Uncaught )?(?P<type>[A-Za-z_$][\w.$]*)(?: \[(?P<code>[\w.-]+)\])?: (?P<message>.*)", re.S
)
_NODE_HEAD_LENGTH: Final = 4_000
_BARE_TYPE: Final = re.compile(r"\[?[A-Za-z_$][\w.$]*\]?")
_NODE_PROPERTY: Final = re.compile(r"^([ \t]+)(?:(?:code|type|sqlState): '([^'\n]+)'|[A-Za-z_]\w*: .*),?$", re.M)
# What an inspected object says in its response's body; the last mention of a name is the innermost, so the vendor's.
_NODE_DETAIL: Final = re.compile(
    r"^[ \t]+['\"]?(code|type|error|error_code|errorCode|error_description|message|reason|title|detail|status|statusCode)['\"]?: "
    r"(?:'((?:[^'\n\\]|\\.)*)'|\"((?:[^\"\n\\]|\\.)*)\"|(\d+)),?$",
    re.M,
)
_NODE_CALLED: Final = re.compile(
    r"^[ \t]+(?:baseURL|url|path|hostname|host|uri|href|requestUrl): ['\"]([^'\"\n]{1,300})['\"],?$", re.M
)
_NODE_DATA: Final = re.compile(r"^[ \t]+(?:data|body|error|errors|details|meta): (?:[{\[]|'\{|\"\{|`\{)", re.M)

_JAVA_FRAME: Final = re.compile(r"^[ \t]+at (?:[\w.$@+-]*/{1,2})*([\w.$]+)\.([\w$<>]+)\(([^()]*)\)", re.M)
_JAVA_CAUSE: Final = re.compile(r"^Caused by: ", re.M)
_JAVA_WRAPPER: Final = re.compile(r"^Wrapped by: ", re.M)  # Logback and Logstash can print the root cause first
_JAVA_HEAD: Final = re.compile(r"^([A-Za-z_$][\w.$]*)(?:: (.*))?$")
_JAVA_BESIDE: Final = re.compile(r"^[ \t]+Suppressed: .*", re.M | re.S)  # what failed too, while the first was handled
_JAVA_LEFT_OUT: Final = re.compile(r"^[ \t]+\.\.\. \d+ (?:more|common frames omitted)[ \t]*$\n?", re.M)
_JAVA_THREAD: Final = re.compile(r'^Exception in thread "[^"]*" ')
_JAVA_SHARED: Final = ("org.apache.http.", "okhttp3.", "retrofit2.", "feign.", "org.springframework.", "org.hibernate.", "io.netty.", "reactor.", "com.fasterxml.jackson.", "com.google.gson.", "io.grpc.", "com.zaxxer.hikari.", "org.apache.camel.", "org.quartz.", "io.vertx.", "org.jooq.")  # fmt: skip
_JAVA_STDLIB: Final = ("java.", "javax.", "jdk.", "sun.", "com.sun.", "kotlin.", "scala.", "groovy.")

# SQLAlchemy prints the driver's error inside its own: "(psycopg.errors.UndefinedColumn) text\n[SQL: ...]".
_WRAPPED_DRIVER: Final = re.compile(r"^\(([A-Za-z_][\w.]*)\) (.*?)(?=\n\[SQL:|\n\(Background on this error|\Z)", re.S)
_ONE_LINE: Final = re.compile(
    r"(?:^|(?<!\bClient)(?<!\bServer)[\s:(])((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Failure|Timeout)?|error): "
)


def frame_of(path: str, function: str) -> Frame:
    """The frame of a source path: whose code it is, by where it lies, never by what it is called."""
    clean = path.removeprefix("file://")
    if clean.startswith(("node:", "internal/", "<", "native")):
        return Frame(clean.split("?")[0], function, "")
    node = _NODE_MODULES.match(clean)
    if node is not None:
        package = _VERSIONED.sub("", node.group(1).replace("\\", "/"))
        return Frame(f"{package}/{node.group(2)}".replace("\\", "/"), function, package)
    packaged = _PACKAGES.search(clean)
    if packaged is not None:
        relative = packaged.group(1).replace("\\", "/").removeprefix("src/")
        return Frame(relative, function, relative.split("/", 1)[0].removesuffix(".py"))
    if _COMPILED.match(clean):
        clean = clean.removeprefix("src/")
        return Frame(clean, function, clean.split("/", 1)[0])
    stdlib = _PYTHON_STDLIB.search(clean)
    if stdlib is not None:
        relative = stdlib.group(1).replace("\\", "/")
        top = relative.split("/", 1)[0].removesuffix(".py")
        return Frame(relative, function, _NETWORK_STDLIB.get(top, ""))
    return Frame(clean, function, None)


def parse_chain(text: str) -> Chain:
    """The chain in a stack trace, root cause first; empty when `text` holds no stack of a known form."""
    if 'File "' in text or "Traceback (most recent call last)" in text:
        return _python(text)
    if _JAVA_FRAME.search(text) and not _AT_PLACE.search(text):
        return _java(text)
    if _AT.search(text) or _NODE_DUMP.search(text):
        return _node(text)
    return ()


def _python(text: str) -> Chain:
    start = text.find("Traceback (most recent call last)")
    group = "Exception Group Traceback" in text
    if group:
        text = _first_of_group(text)
    elif start > 0:
        text = text[start:]
    links = [link for section in _PY_JOIN.split(text) if (link := _python_link(section)) is not None]
    return tuple(inner for link in links for inner in _unwrapped(link))


def _first_of_group(text: str) -> str:
    """The first leaf of an exception group as an ordinary traceback: the others failed beside it, not because of it."""
    flat = text
    while True:
        bare = _GROUP_BAR.sub("", flat)
        if bare == flat:
            break
        flat = bare
    parts = _GROUP_PART.split(flat)
    sections = [part for part in parts if part and "Traceback (most recent call last)" in part]
    return sections[1] if len(sections) > 1 else flat


def _python_link(section: str) -> Link | None:
    # All frames but the last are the same text whenever this code fails again; the last stands with the message.
    cut = max(section.rfind('\n  File "'), 0)
    frames = list(_python_frames(section[:cut]))
    lines = section[cut:].split("\n")
    head = None
    for number, line in enumerate(lines):
        found = _PY_FRAME.match(line) if 'File "' in line else None
        if found is not None:
            frames.append(frame_of(found.group(1), found.group(2) or ""))
            head = None
        elif head is None and line[:1].strip() and not line.startswith("Traceback"):
            named = _PY_HEAD.match(line)
            if named is not None:
                head = (number, named.group(1), named.group(2) or "")
    if head is None:
        return None
    number, name, first = head
    return Link(name, "\n".join([first, *lines[number + 1 :]]).strip(), tuple(frames))


@lru_cache(maxsize=4_096)
def _python_frames(text: str) -> tuple[Frame, ...]:
    found = (_PY_FRAME.match(line) for line in text.split("\n") if 'File "' in line)
    return tuple(frame_of(frame.group(1), frame.group(2) or "") for frame in found if frame is not None)


def _unwrapped(link: Link) -> Chain:
    inner = _WRAPPED_DRIVER.match(link.message)
    if inner is None:
        return (link,)
    return (Link(inner.group(1), inner.group(2).strip(), link.frames), Link(link.type, "", link.frames))


def _node(text: str) -> Chain:
    links = [_node_link(section) for section in _NODE_CAUSE.split(text)]
    return tuple(reversed([link for link in links if link is not None]))


def _node_link(section: str) -> Link | None:
    first = _AT.search(section)
    head = section if first is None else section[: first.start()]
    frames = () if first is None else _node_frames(section[first.start() : _end_of_frames(section, first.start())])
    if first is not None and not frames:  # lines that begin with "at" and are no frames are words
        head = "\n".join(line for line in section.split("\n") if not _AT.match(line))
    text = _NODE_CLOSERS.sub("", head.rstrip()).strip()
    text, _, dump = text.partition("] {\n") if "] {\n" in text else (text.removesuffix("{").strip(), "", "")
    if (shown := _NODE_OBJECT.match(text)) is not None:
        return _shown(shown, section, frames)
    named = _NODE_HEAD.match(text) or _NODE_WITHIN.search(text[:_NODE_HEAD_LENGTH])
    if named is None:
        if not _BARE_TYPE.fullmatch(text):
            return None
        return Link(text.strip("[]"), "", frames)
    codes = [named.group("code")] if named.group("code") else []
    codes += _node_codes(section)
    message = named.group("message").strip()
    if text.startswith("[") and not dump:
        message = message.partition("], [")[0].removesuffix("]")
    return Link(named.group("type"), message, frames, tuple(codes), _node_detail(section), _node_called(section))


def _shown(shown: re.Match[str], section: str, frames: tuple[Frame, ...]) -> Link:
    """An error that was inspected as a plain object: its properties are all it says."""
    said = _properties(shown["properties"])
    codes = tuple(_node_codes(section))
    return Link(shown["type"], said.get("message", ""), frames, codes, json.dumps(said), _node_called(section))


def _node_called(section: str) -> str:
    return " ".join(dict.fromkeys(_NODE_CALLED.findall(section)))


def _end_of_frames(section: str, start: int) -> int:
    """Where the last line of `section` that begins with "at" ends."""
    end = start
    for found in _AT.finditer(section, start):
        end = found.end()
    newline = section.find("\n", end)
    return len(section) if newline < 0 else newline


@lru_cache(maxsize=4_096)
def _node_frames(text: str) -> tuple[Frame, ...]:
    """Outermost call first, as Python prints them."""
    found = [_NODE_FRAME.match(line) for line in text.split("\n")]
    return tuple(frame_of(frame["path"], frame["function"] or "") for frame in reversed(found) if frame is not None)


def _node_codes(section: str) -> list[str]:
    """The error's own codes: of its outermost properties, not of what it carries."""
    found = _NODE_PROPERTY.findall(section)
    outermost = min((len(indent) for indent, _ in found), default=0)
    return [code for indent, code in found if code and len(indent) == outermost]


def _node_detail(section: str) -> str:
    """The properties of an inspected error's response body, as JSON text; empty where none is shown."""
    start = _NODE_DATA.search(section)
    if start is None:
        return ""
    found = _properties(section[start.start() :])
    if found:
        return json.dumps(found)
    return section[start.end() - 1 : start.end() + 1_000] if "{" in start.group() else ""


def _properties(text: str) -> dict[str, str]:
    """What an inspected object says of itself, by name; of a name that stands twice, the last."""
    return {name: said or other or number for name, said, other, number in _NODE_DETAIL.findall(text)}


def _java(text: str) -> Chain:
    root_first = _JAVA_WRAPPER.search(text) is not None
    links: list[Link] = []
    for section in (_JAVA_WRAPPER if root_first else _JAVA_CAUSE).split(text):
        own = _JAVA_LEFT_OUT.sub("", _JAVA_BESIDE.sub("", section))
        frames = tuple(_java_frame(name, method) for name, method, _ in _JAVA_FRAME.findall(own))
        head = _JAVA_THREAD.sub("", own.split("\n\tat ", 1)[0].split("\n    at ", 1)[0]).strip()
        first, _, rest = head.partition("\n")
        named = _JAVA_HEAD.match(first)
        if named is not None:
            message = "\n".join(filter(None, (named.group(2), rest))).strip()
            links.append(Link(named.group(1), message, tuple(reversed(frames))))
    return tuple(links if root_first else reversed(links))


def _java_frame(name: str, method: str) -> Frame:
    """A class's package is its library when it is the language's, the catalogue's or one that everybody uses."""
    if name.startswith(_JAVA_STDLIB):
        return Frame(name, method, "")
    if vendor_of_library(name) is not None:
        return Frame(name, method, name)
    shared = next((prefix for prefix in _JAVA_SHARED if name.startswith(prefix)), None)
    return Frame(name, method, shared and shared.rstrip("."))


# What loggers put between the errors of a chain on one line; other signs than "<-" count only before a type.
_TYPE_AHEAD: Final = r"(?=(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?: \[[\w.-]+\])?: )"
_JOIN: Final = re.compile(rf" <- |\s(?:\||->|=>|←|>>)\s{_TYPE_AHEAD}|[\s;,(]{{1,3}}[Cc]aused by:? {_TYPE_AHEAD}")


def is_chain(text: str) -> bool:
    """Whether a line names more than one error, as loggers join them."""
    return _JOIN.search(text) is not None


def parse_line(text: str, outer_type: str | None = None) -> Chain:
    """The chain in one line: ``doing x: Type: message <- Type: message``, outermost first as printed."""
    links: list[Link] = []
    for position, part in enumerate(_JOIN.split(text)):
        at = part.find(f"{outer_type}: ") if outer_type and position == 0 else -1
        if at >= 0 and outer_type:
            links.append(Link(outer_type, part[at + len(outer_type) + 2 :].strip()))
            continue
        named = _ONE_LINE.search(part) if position == 0 else _ONE_LINE.match(part)
        if named is None:
            if position > 0 and (lone := _PY_HEAD.match(part.split("\n", 1)[0])) is not None:
                links.append(Link(lone.group(1), (part[lone.end(1) + 2 :]).strip()))
            continue
        links.append(Link(named.group(1), part[named.end() :].strip()))
    return tuple(inner for link in reversed(links) for inner in _unwrapped(link))


_RETOLD_TYPE: Final = re.compile(
    r"(?:^|[:\s(])(?P<type>(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*(?:Error|Exception|Failure|Timeout|Fault)|[A-Z][a-z]+[A-Z]\w+|[A-Z]{2,}[a-z]\w+))(?: \[(?P<code>[\w.-]+)\])?(?: [a-z]{2,8}){0,2}:(?= \S|\s*$)"
)
_REPRESENTED: Final = re.compile(
    r"(?:^|[:\s])(?P<type>[A-Z]\w{3,}|[A-Z][a-z]+)\((?P<quote>['\"])(?P<text>.+)(?P=quote),?\)?\s*$", re.S
)


def retold_by(link: Link) -> Chain:
    """The error that an application's own repeats in its words: ``load prices: NotPrimaryError: not primary``; () if none."""
    if is_builtin(link.type) and link.type not in ("Error", "Exception", "RuntimeError", "ValueError", "TypeError"):
        return ()
    if link.frames and link.frames[-1].library is not None:
        return ()
    shown = _REPRESENTED.search(link.message[:4_000])
    if shown is not None:
        return _unwrapped(Link(shown["type"], shown["text"].replace("\\n", "\n").strip()))
    found = _RETOLD_TYPE.search(link.message[:600])
    if found is None or found["type"] == link.type:
        return ()
    codes = (found["code"],) if found["code"] else ()
    return _unwrapped(Link(found["type"], link.message[found.end() :].strip(), (), codes))


def module_of(type_name: str) -> str | None:
    """The top-level module of a dotted Python type; None when it is not dotted."""
    return type_name.split(".", 1)[0] if "." in type_name else None


def is_builtin(type_name: str) -> bool:
    """Whether the language itself defines this type: ``KeyError``, ``json.decoder.JSONDecodeError``, ``TypeError``."""
    module = module_of(type_name)
    if module is not None:
        return module in sys.stdlib_module_names or module in ("java", "javax")
    return type_name in _BUILTIN


_BUILTIN: Final = frozenset(
    name
    for name, value in vars(__import__("builtins")).items()
    if isinstance(value, type) and issubclass(value, BaseException)
) | frozenset(
    {
        "Error",
        "AggregateError",
        "EvalError",
        "RangeError",
        "ReferenceError",
        "SyntaxError",
        "TypeError",
        "URIError",
        "DOMException",
    }
)
