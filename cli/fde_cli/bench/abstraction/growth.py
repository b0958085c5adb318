"""Growth: seconds of abstracting by number and by length of siblings, and the exponent they grow with.

module() -> siblings of n lines, customers' values all over them -> abstract(), timed -> least squares in logarithms

An exponent of 1 is linear. Length and number stand for a solution that grows: values of its own come with more lines.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from fde_cli.bench.abstraction.engine import Engine
from fde_cli.bench.abstraction.side import Refusal
from fde_cli.bench.abstraction.truth import SUFFIXES

SIBLINGS: Final = (5, 10, 20, 50)
SIBLINGS_LINES: Final = 200
LINES: Final = (250, 500, 1000, 2500, 5000)
LINES_SIBLINGS: Final = 3
Axis = Literal["five of 500 lines", "siblings", "lines"]
_CUSTOMERS: Final = "norrvik tamsin bellbrook orlando grenholm sandvale piket marrow quennel ostrava dunmere".split()


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One time: `siblings` files of `lines` lines took `seconds`, None when they were refused.

    `growth`: the axis' exponent up to here, None at its first.
    """

    bench: str = "abstraction-scale"
    language: str
    axis: Axis
    siblings: int
    lines: int
    seconds: float | None
    growth: float | None = None


def measure(tell: Callable[[str], None]) -> list[Measured]:
    """Every time, by language and axis."""
    found: list[Measured] = []
    for language in SUFFIXES:
        axes: list[tuple[Axis, list[tuple[int, int]]]] = [
            ("five of 500 lines", [(5, 500)]),
            ("siblings", [(siblings, SIBLINGS_LINES) for siblings in SIBLINGS]),
            ("lines", [(LINES_SIBLINGS, lines) for lines in LINES]),
        ]
        for axis, sizes in axes:
            points: list[tuple[int, float]] = []
            for siblings, lines in sizes:
                tell(f"{language}: {siblings} siblings of {lines} lines")
                seconds: float | None = None
                try:
                    seconds = taken = timed(language, siblings, lines)
                    points.append((siblings if axis == "siblings" else lines, taken))
                except Refusal as refusal:
                    tell(f"refused: {refusal}")
                found.append(
                    Measured(
                        language=language,
                        axis=axis,
                        siblings=siblings,
                        lines=lines,
                        seconds=None if seconds is None else round(seconds, 3),
                        growth=None if seconds is None or len(points) < 2 else round(exponent(points), 2),
                    )
                )
    return found


def timed(language: str, siblings: int, lines: int) -> float:
    """Wall seconds of abstracting generated siblings once. :class:`~.side.Refusal` when they are not abstracted."""
    files = [(f"i{number}", module(language, number, lines).encode()) for number in range(siblings)]
    started = time.perf_counter()
    Engine().abstract(files, suffix=SUFFIXES[language], name="growth")
    return time.perf_counter() - started


def exponent(points: Sequence[tuple[int, float]]) -> float:
    """The slope of log(seconds) over log(size), by least squares."""
    xs, ys = [math.log(size) for size, _ in points], [math.log(seconds) for _, seconds in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - mean_x) ** 2 for x in xs)


def module(language: str, number: int, lines: int) -> str:
    """A sibling's source of about `lines` lines: parts one after the other, with the values of the customer of that number."""
    opening, part = {
        "python": (_PYTHON, _python),
        "typescript": (_TYPESCRIPT, _typescript),
        "sql": (_SQL, _sql),
    }[language]
    slug = f"{_CUSTOMERS[number % len(_CUSTOMERS)]}{_letters(number)}"
    text = opening.format(slug=slug, pascal=slug.capitalize(), limit=100 + 7 * number)
    parts: list[str] = [text]
    count, index = text.count("\n"), 0
    while count < lines:
        written = "".join(part(index, slug, number))
        count += written.count("\n")
        if index % _OPTIONAL or number % 2:  # siblings of an even number do not have every part
            parts.append(written)
        index += 1
    return "".join(parts)


def _letters(number: int) -> str:
    return chr(ord("a") + number // 26) + chr(ord("a") + number % 26)


# Every eighth part has a value of its own; the others repeat the customer's name, or none.
_OWN: Final = 8
_OPTIONAL: Final = 12
_STEMS: Final = "invoice parcel ticket reading claim visit batch ledger route crate sensor order".split()


def _stem(index: int) -> str:
    return f"{_STEMS[index % len(_STEMS)]}_{_letters(index // len(_STEMS))}"


_PYTHON: Final = '''"""Sync of {pascal}."""

import logging

LOG = logging.getLogger("sync.{slug}")
HOST = "https://api.{slug}.example/v1"
LIMIT = {limit}


'''


def _python(index: int, slug: str, number: int) -> Iterator[str]:
    stem = _stem(index)
    yield f"class {stem.title().replace('_', '')}Loader:\n"
    yield f'    """Loads the rows of {stem} page by page."""\n\n'
    yield "    def __init__(self, client, sink):\n        self.client = client\n        self.sink = sink\n"
    if index % _OWN == 0:
        yield f"        self.pause_{stem} = {3 + 2 * number + index}\n"
    yield f"\n    def pages_{stem}(self, since):\n        cursor = None\n        while True:\n"
    yield f'            reply = self.client.get(HOST + "/{stem}", params={{"since": since, "cursor": cursor}})\n'
    yield f'            yield reply.json()["{stem}"]\n            cursor = reply.json().get("next")\n'
    yield "            if not cursor:\n                return\n\n"
    yield "    def load(self, since):\n        total = 0\n"
    yield f"        for page in self.pages_{stem}(since):\n"
    if index % 2:
        yield f'            self.sink.write("{slug}_{stem}", page)\n'
    else:
        yield f'            self.sink.write("{stem}", [row for row in page if row["id"] > LIMIT])\n'
    yield f'            total += len(page)\n        LOG.info("loaded {stem}", extra={{"rows": total}})\n'
    yield "        return total\n\n\n"


_TYPESCRIPT: Final = """import {{ Client, Sink }} from './runtime';

const HOST = 'https://api.{slug}.example/v1';
const LIMIT = {limit};

"""


def _typescript(index: int, slug: str, number: int) -> Iterator[str]:
    stem = _stem(index)
    camel = stem.title().replace("_", "")
    yield f"/** Loads the rows of {stem} page by page. */\nexport class {camel}Loader {{\n"
    yield "  constructor(private readonly client: Client, private readonly sink: Sink) {}\n\n"
    if index % _OWN == 0:
        yield f"  readonly pause{camel} = {3 + 2 * number + index};\n\n"
    yield f"  async *pages{camel}(since: string): AsyncGenerator<Record<string, unknown>[]> {{\n"
    yield "    let cursor: string | undefined;\n    do {\n"
    yield f"      const reply = await this.client.get(`${{HOST}}/{stem}`, {{ since, cursor }});\n"
    yield f"      yield reply.body['{stem}'];\n      cursor = reply.next;\n    }} while (cursor);\n  }}\n\n"
    yield "  async load(since: string): Promise<number> {\n    let total = 0;\n"
    yield f"    for await (const page of this.pages{camel}(since)) {{\n"
    if index % 2:
        yield f"      await this.sink.write('{slug}_{stem}', page);\n"
    else:
        yield f"      await this.sink.write('{stem}', page.filter((row) => Number(row.id) > LIMIT));\n"
    yield "      total += page.length;\n    }\n    return total;\n  }\n}\n\n"


_SQL: Final = """-- Loads of {pascal}.
set query_tag = 'load-{slug}';

"""


def _sql(index: int, slug: str, number: int) -> Iterator[str]:
    stem = _stem(index)
    yield f"create table if not exists core.{stem} (\n    id bigint not null,\n    changed_at timestamp,\n"
    yield "    amount numeric(18, 2),\n    note varchar(400)\n);\n\n"
    yield f"insert into core.{stem} (id, changed_at, amount, note)\nselect\n    r.id,\n    r.changed_at,\n"
    yield "    coalesce(r.amount, 0) as amount,\n    trim(r.note) as note\n"
    yield f"from {f'raw_{slug}' if index % 2 else 'raw'}.{stem} as r\n"
    if index % _OWN == 0:
        yield f"where r.changed_at > current_date - {3 + 2 * number + index}\n"
    else:
        yield "where r.deleted_at is null\n"
    yield "qualify row_number() over (partition by r.id order by r.changed_at desc) = 1;\n\n"


def table(found: Sequence[Measured]) -> list[str]:
    """Lines for people."""
    lines = [f"{'language':12} {'axis':20} {'siblings':>8} {'lines':>6} {'seconds':>8} {'growth':>7}"]
    for one in found:
        growth = "" if one.growth is None else f"{one.growth:.2f}"
        seconds = "refused" if one.seconds is None else f"{one.seconds:.2f}"
        lines.append(f"{one.language:12} {one.axis:20} {one.siblings:>8} {one.lines:>6} {seconds:>8} {growth:>7}")
    lines.append("growth: exponent of seconds over the axis up to that line; 1 is linear")
    return lines
