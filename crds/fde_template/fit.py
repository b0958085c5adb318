"""Fitting: the values that give a file back byte for byte; the exact inverse of rendering.

(TemplateFile, bytes) -> texts of holes, by bounded backtracking -> one value per parameter

Every parameter's value is read at a hole without filters; its other holes must then spell exactly that value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fde_api.primitive import Hole, Parameter, Scalar, Segment, Template, TemplateFile
from fde_template.encoding import decode
from fde_template.errors import DoesNotFit, RenderRefused, TemplateError
from fde_template.filters import apply
from fde_template.place import is_source, reach, refusal
from fde_template.render import render
from fde_template.values import text_of, typed

STEPS: Final = 50_000  # tries before a file is called ambiguous; files of the sample need fewer than 2 000

# What is known at a point: (parameter, filters) -> text.
Known = dict[tuple[str, tuple[str, ...]], str]


def fit(file: TemplateFile, data: bytes, parameters: Sequence[Parameter]) -> dict[str, Scalar]:
    """Values (secretRef texts included) with ``render(file, ...) == data``; :class:`DoesNotFit` with the first place else."""
    return _Fitting(file, data, parameters, {}).values()


def fit_all(template: Template, files: Mapping[str, bytes], parameters: Sequence[Parameter]) -> dict[str, Scalar]:
    """As :func:`fit` for all files of a template; a parameter in several files must agree."""
    if set(files) != {file.path for file in template.files}:
        raise TemplateError(f"the template has the files {', '.join(file.path for file in template.files)}")
    values: dict[str, Scalar] = {}
    for file in template.files:
        known: Known = {(name, ()): str(value) for name, value in values.items() if isinstance(value, str)}
        values |= _Fitting(file, files[file.path], parameters, known).values()
    return values


class _Fitting:
    """One file against one template."""

    def __init__(self, file: TemplateFile, data: bytes, parameters: Sequence[Parameter], known: Known) -> None:
        self.file, self.data = file, data
        self.declared = {parameter.name: parameter for parameter in parameters}
        self.steps = 0
        self.furthest, self.expected = 0, "the template's first text"
        self.start = known
        try:
            self.text = decode(data, file.encoding)
        except TemplateError as error:
            raise DoesNotFit(file.path, 1, 1, f"{file.encoding} text ({error})") from error

    def values(self) -> dict[str, Scalar]:
        known = self._search()
        if known is None:
            raise self._misfit()
        values: dict[str, Scalar] = {}
        secrets: dict[str, str] = {}
        for (name, filters), text in known.items():
            if not filters:
                parameter = self.declared[name]
                values[name] = typed(parameter, text)
                if parameter.type == "secretRef":
                    secrets[name] = text
        try:
            plain = {name: value for name, value in values.items() if name not in secrets}
            again = render(self.file, plain, list(self.declared.values()), secrets=secrets)
        except RenderRefused as error:
            raise DoesNotFit(self.file.path, *self._where(self.furthest), f"values that render: {error}") from error
        if again != self.data:
            raise DoesNotFit(self.file.path, *self._where(self.furthest), "values that give the file back")
        return values

    def _search(self) -> Known | None:
        """Depth first over the ends of holes, shortest first. Iterative: a template may have thousands of segments."""
        segments = self.file.segments
        stack: list[Iterator[tuple[int, Known]]] = []
        here: tuple[int, Known] | None = (0, dict(self.start))
        while True:
            if here is not None and len(stack) == len(segments):
                if here[0] == len(self.text):
                    return here[1]
                self._reached(here[0], "the end of the file")
                here = None
            if here is not None:
                stack.append(self._ways(segments, len(stack), here[0], here[1]))
            elif not stack:
                return None
            here = next(stack[-1], None)
            if here is None:
                stack.pop()

    def _ways(self, segments: Sequence[Segment], index: int, at: int, known: Known) -> Iterator[tuple[int, Known]]:
        segment = segments[index]
        if segment.hole is None:
            text = segment.text or ""
            if self.text.startswith(text, at):
                yield at + len(text), known
            else:
                self._differs(at, text)
            return
        following = segments[index + 1].text if index + 1 < len(segments) else None
        for end in self._ends(segment.hole, at, known, following, index + 1 == len(segments)):
            self.steps += 1
            if self.steps > STEPS:
                return
            text = self.text[at:end]
            key = (segment.hole.parameter, tuple(segment.hole.filters))
            if self._agrees(segment.hole, text, known):
                yield end, known if key in known else {**known, key: text}
            else:
                self._reached(
                    at, f"the value of parameter {segment.hole.parameter} again, as {_spelling(segment.hole)}"
                )

    def _ends(self, hole: Hole, at: int, known: Known, following: str | None, last: bool) -> Iterator[int]:
        expected = known.get((hole.parameter, tuple(hole.filters)))
        if expected is None and (hole.parameter, ()) in known:
            expected = apply(hole.filters, known[(hole.parameter, ())])
        if expected is not None:
            if self.text.startswith(expected, at):
                yield at + len(expected)
            else:
                self._reached(at, f"the value of parameter {hole.parameter} again, as {_spelling(hole)}")
            return
        limit = reach(hole.place, self.text, at)
        if last:
            yield from (limit,) if limit == len(self.text) else ()
            if limit != len(self.text):
                self._reached(limit, f"the end of parameter {hole.parameter} (place {hole.place})")
        elif not following:
            yield from range(at, limit + 1)
        else:
            end = self.text.find(following, at, limit + len(following))
            if end < 0:
                stop = at if is_source(hole.place) else limit
                same = _same(self.text, stop, following)
                self._reached(stop + same, f"{_excerpt(following[same:])} after parameter {hole.parameter}")
            while 0 <= end <= limit:
                yield end
                end = self.text.find(following, end + 1, limit + len(following))

    def _agrees(self, hole: Hole, text: str, known: Known) -> bool:
        if hole.parameter not in self.declared or refusal(hole.place, text) is not None:
            return False
        if hole.filters:
            return True
        try:
            if text_of(self.declared[hole.parameter], text) != text:
                return False
        except RenderRefused:
            return False
        return all(
            apply(filters, text) == spelled for (name, filters), spelled in known.items() if name == hole.parameter
        )

    def _differs(self, at: int, text: str) -> None:
        same = _same(self.text, at, text)
        self._reached(at + same, _excerpt(text[same:]))

    def _reached(self, at: int, expected: str) -> None:
        if at >= self.furthest:
            self.furthest, self.expected = at, expected

    def _misfit(self) -> DoesNotFit:
        if self.steps > STEPS:
            self.expected = f"a text that fits in fewer than {STEPS} tries; so far {self.expected}"
        return DoesNotFit(self.file.path, *self._where(self.furthest), self.expected)

    def _where(self, at: int) -> tuple[int, int]:
        line = self.text.count("\n", 0, at) + 1
        return line, at - (self.text.rfind("\n", 0, at) + 1) + 1


def _same(text: str, at: int, expected: str) -> int:
    """How many characters of `expected` stand at `at`."""
    same = 0
    while same < len(expected) and at + same < len(text) and text[at + same] == expected[same]:
        same += 1
    return same


def _excerpt(text: str) -> str:
    line = text.lstrip("\n").split("\n", 1)[0][:40]
    return repr(line) if line else "a line break"


def _spelling(hole: Hole) -> str:
    return " ".join(hole.filters) or "it is"
