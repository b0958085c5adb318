"""Laws of abstraction, over generated siblings in three languages.

A family is one solution at several customers. Its siblings differ in values in several spellings, in an optional block, in a
list that several places repeat, in the order of keyword arguments and in layout. All words of customers are made up, so that
nothing is shared by chance.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fde_api.kinds import parse
from fde_api.meta import Metadata, manifest
from fde_api.primitive import DeploymentPrimitive, PrimitiveSpec
from fde_extraction.abstract import Abstraction, Sibling, abstract
from fde_extraction.document import dump
from fde_template.errors import DoesNotFit
from fde_template.fit import fit_all
from fde_template.render import render_all

pytestmark = pytest.mark.seconds  # together they take seconds: part of `make test`

HABITS = ("", "swaps arguments", "wraps lines", "renames locals", "sorts otherwise")


@dataclass(frozen=True)
class Customer:
    """What is a customer's in a sibling. `habit`: of its engineer, one of :data:`HABITS`."""

    words: tuple[str, str]
    host: str
    pause: int
    items: tuple[str, ...]
    audit: bool
    habit: str = ""

    @property
    def kebab(self) -> str:
        return "-".join(self.words)

    @property
    def snake(self) -> str:
        return "_".join(self.words)

    @property
    def pascal(self) -> str:
        return "".join(word.capitalize() for word in self.words)

    @property
    def title(self) -> str:
        return " ".join(word.capitalize() for word in self.words)

    @property
    def values(self) -> set[str]:
        """Texts of six letters or more that are this customer's alone."""
        spelled = {self.kebab, self.snake, self.pascal, self.title, self.host, *self.words, *self.items}
        return {text for text in spelled if sum(map(str.isalpha, text)) >= 6}


def in_python(c: Customer) -> str:
    keywords = [f"timeout={c.pause}", 'params={"since": since}']
    call = ", ".join(reversed(keywords) if c.habit == "swaps arguments" else keywords)
    open_, close = ("(\n            ", ",\n        )") if c.habit == "wraps lines" else ("(", ")")
    audit = f'        self.record("audit", "{c.snake}")\n' if c.audit else ""
    rows = "".join(f'            "{item}": raw.get("{item}"),\n' for item in c.items)
    reply = "answer" if c.habit == "renames locals" else "reply"
    imports = ["import json", "import logging"]
    head = "\n".join(reversed(imports) if c.habit == "sorts otherwise" else imports)
    return f'''"""Feed of {c.title}."""

{head}

LOG = logging.getLogger("feed.{c.kebab}")
HOST = "{c.host}"
COLUMNS = ({"".join(f'"{item}", ' for item in c.items).rstrip(" ")})


class {c.pascal}Feed:
    """Reads the rows of {c.title}, newest first."""

    def __init__(self, client, record):
        self.client = client
        self.record = record

    def read(self, since):
{audit}        {reply} = self.client.get{open_}f"https://{{HOST}}/{c.kebab}/rows", {call}{close}
        if {reply}.status_code == 429:
            raise RuntimeError("too many requests")
        return [self.row(raw) for raw in json.loads({reply}.text)["rows"]]

    def row(self, raw):
        return {{
{rows}        }}
'''


def in_typescript(c: Customer) -> str:
    keywords = [f"timeout: {c.pause}", "since"]
    call = ", ".join(reversed(keywords) if c.habit == "swaps arguments" else keywords)
    options = f"{{\n      {call},\n    }}" if c.habit == "wraps lines" else f"{{ {call} }}"
    audit = f"    this.record('audit', '{c.snake}');\n" if c.audit else ""
    rows = "".join(f"      {item}: raw['{item}'],\n" for item in c.items)
    reply = "answer" if c.habit == "renames locals" else "reply"
    names = ", ".join(["Client", "Recorder", "Row"][:: -1 if c.habit == "sorts otherwise" else 1])
    return f"""import {{ {names} }} from './runtime';

/** Feed of {c.title}. */
const HOST = '{c.host}';
const COLUMNS = [{", ".join(f"'{item}'" for item in c.items)}];

export class {c.pascal}Feed {{
  constructor(private readonly client: Client, private readonly record: Recorder) {{}}

  async read(since: string): Promise<Row[]> {{
{audit}    const {reply} = await this.client.get(`https://${{HOST}}/{c.kebab}/rows`, {options});
    if ({reply}.status === 429) {{
      throw new Error('too many requests');
    }}
    return {reply}.rows.map((raw) => this.row(raw));
  }}

  private row(raw: Row): Row {{
    return {{
{rows}    }};
  }}
}}
"""


def in_sql(c: Customer) -> str:
    s = "src" if c.habit == "renames locals" else "s"
    select, from_ = ("SELECT", "FROM") if c.habit == "sorts otherwise" else ("select", "from")
    conditions = [f"{s}.deleted_at is null", f"{s}.changed_at > current_date - {c.pause}"]
    where = "\n  and ".join(reversed(conditions) if c.habit == "swaps arguments" else conditions)
    order = f"order by{chr(10) + ' ' if c.habit == 'wraps lines' else ''} {s}.changed_at"
    audit = f"insert into core.audit (what) values ('{c.snake}');\n\n" if c.audit else ""
    return f"""-- Feed of {c.title}, read from {c.host}.
create table if not exists core.{c.snake}_rows (
    id bigint not null{"".join(f",{chr(10)}    {item} varchar(80)" for item in c.items)}
);

{audit}insert into core.{c.snake}_rows (id{"".join(f", {item}" for item in c.items)})
{select}
    {s}.id{"".join(f",{chr(10)}    trim({s}.{item})" for item in c.items)}
{from_} raw_{c.snake}.feed as {s}
where {where}
{order};
"""


WRITERS: dict[str, Callable[[Customer], str]] = {"py": in_python, "ts": in_typescript, "sql": in_sql}
LANGUAGES = pytest.mark.parametrize("suffix", list(WRITERS))
# A family is small as it is made; making it smaller takes minutes.
SOME = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

# All of one length: none is a part of another.
_SYLLABLES = [consonant + vowel for consonant in "bdfgjklmnprtvz" for vowel in "aeiou"]
_MADE_UP = sorted({"".join(random.Random(number).sample(_SYLLABLES, 3)) for number in range(900)})
WORDS, OTHER_WORDS = _MADE_UP[::2], _MADE_UP[1::2]


@st.composite
def families(draw: st.DrawFn, learning: int = 3, fresh: int = 0, habits: Sequence[str] = HABITS) -> list[Customer]:
    """`learning` siblings that show what varies, and `fresh` ones that vary the same way."""
    count = learning + fresh
    rng = draw(st.randoms(use_true_random=False))
    drawn = rng.sample(WORDS, 8 * count)
    pauses = rng.sample(range(1003, 9000), count)
    habit = draw(st.sampled_from(habits))
    found = []
    for number in range(count):
        one, two, place, *items = drawn[8 * number : 8 * number + 8]
        shown = number < 2  # the first two differ in everything: what they do not show, nobody can learn
        found.append(
            Customer(
                (one, two),
                f"{place}.{draw(st.sampled_from(['example', 'internal']))}",
                pauses[number],
                tuple(items[: (2, 3)[number] if shown else draw(st.integers(1, 5))]),
                # The third is without the block as the second is, who alone has a habit: what always comes together is one flag.
                number == 0 if number < 3 else draw(st.booleans()),
                habit if number == 1 or (number > 2 and draw(st.booleans())) else "",
            )
        )
    return found


def files(customers: Sequence[Customer], suffix: str) -> list[bytes]:
    return [WRITERS[suffix](customer).encode() for customer in customers]


def abstracted(customers: Sequence[Customer], suffix: str) -> Abstraction:
    data = files(customers, suffix)
    siblings = [Sibling(c.kebab, f"s{k}.{suffix}", one) for k, (c, one) in enumerate(zip(customers, data, strict=True))]
    return abstract(siblings, name="feed")


def rendered(spec: PrimitiveSpec, values: dict[str, Any]) -> bytes:
    hidden = {parameter.name for parameter in spec.parameters if parameter.type == "secretRef"}
    (data,) = render_all(
        spec.template,
        {name: value for name, value in values.items() if name not in hidden},
        spec.parameters,
        secrets={name: value for name, value in values.items() if name in hidden},
    ).values()
    return data


def fitted(spec: PrimitiveSpec, data: bytes) -> dict[str, Any] | None:
    try:
        return fit_all(spec.template, {spec.template.files[0].path: data}, spec.parameters)
    except DoesNotFit:
        return None


def published(spec: PrimitiveSpec) -> dict[str, Any]:
    return manifest(DeploymentPrimitive(metadata=Metadata(name=spec.object_name), spec=spec))


@LANGUAGES
@SOME
@given(customers=families())
def test_every_sibling_is_given_back(suffix: str, customers: list[Customer]) -> None:
    found = abstracted(customers, suffix)
    for number, data in enumerate(files(customers, suffix)):
        assert rendered(found.spec, found.bindings[f"s{number}"]) == data


@LANGUAGES
@SOME
@given(customers=families())
def test_fitting_and_rendering_are_inverse(suffix: str, customers: list[Customer]) -> None:
    found = abstracted(customers, suffix)
    for number, data in enumerate(files(customers, suffix)):
        values = fitted(found.spec, data)
        assert values == found.bindings[f"s{number}"]
        assert values is not None and rendered(found.spec, values) == data


@LANGUAGES
@SOME
@given(customers=families())
def test_a_primitive_reads_back_from_its_manifest(suffix: str, customers: list[Customer]) -> None:
    spec = abstracted(customers, suffix).spec
    again = parse(yaml.safe_load(dump(published(spec))), where="manifest")
    assert isinstance(again, DeploymentPrimitive) and again.spec == spec


@LANGUAGES
@SOME
@given(customers=families(), order=st.permutations(range(3)))
def test_the_order_of_siblings_does_not_matter(suffix: str, customers: list[Customer], order: list[int]) -> None:
    one = abstracted(customers, suffix)
    two = abstracted([customers[place] for place in order], suffix)
    assert two.spec == one.spec
    assert [two.bindings[f"s{k}"] for k in range(3)] == [one.bindings[f"s{place}"] for place in order]


@LANGUAGES
@SOME
@given(customers=families(learning=4, fresh=2))
def test_what_fits_the_template_of_fewer_siblings_fits_that_of_more(suffix: str, customers: list[Customer]) -> None:
    few, more = abstracted(customers[:3], suffix), abstracted(customers[:4], suffix)
    for data in files(customers, suffix):
        if fitted(few.spec, data) is not None:
            assert fitted(more.spec, data) is not None


@LANGUAGES
@SOME
@given(customers=families(), rng=st.randoms(use_true_random=False))
def test_renaming_customers_changes_no_template(suffix: str, customers: list[Customer], rng: random.Random) -> None:
    assert_same_template(customers, renamed(customers, rng), suffix)


def renamed(customers: Sequence[Customer], rng: random.Random) -> list[Customer]:
    """The same solutions at other customers, who have no word in common."""
    words = iter(rng.sample(OTHER_WORDS, sum(3 + len(c.items) for c in customers)))
    return [
        replace(
            c,
            words=(next(words), next(words)),
            host=f"{next(words)}.{c.host.split('.')[1]}",
            items=tuple(next(words) for _ in c.items),
            pause=c.pause + 10_000,
        )
        for c in customers
    ]


def assert_same_template(customers: Sequence[Customer], others: Sequence[Customer], suffix: str) -> None:
    one, two = abstracted(customers, suffix), abstracted(others, suffix)
    assert two.spec.template == one.spec.template
    assert two.spec.parameters == one.spec.parameters


@pytest.mark.parametrize(("suffix", "habit"), [("py", "sorts otherwise"), ("sql", "swaps arguments")])
def test_renaming_customers_does_not_turn_a_flag_around(suffix: str, habit: str) -> None:
    names = [("bafevo", "bajome"), ("kikaku", "kikege"), ("zetano", "zevafu")]
    customers = [
        Customer(
            words,
            f"{words[0][::-1]}.example",
            1003 + 311 * k,
            (f"ga{words[1]}", f"go{words[1]}"),
            False,
            habit * (k == 1),
        )
        for k, words in enumerate(names)
    ]
    others = [replace(c, words=names[k - 1]) for k, c in enumerate(customers)]
    assert_same_template(customers, others, suffix)


@LANGUAGES
@SOME
@given(customers=families(fresh=2))
def test_instances_with_values_of_their_own_fit(suffix: str, customers: list[Customer]) -> None:
    spec = abstracted(customers[:3], suffix).spec
    for data in files(customers[3:], suffix):
        values = fitted(spec, data)
        assert values is not None and rendered(spec, values) == data


@LANGUAGES
@SOME
@given(customers=families())
def test_no_value_of_a_sibling_is_published(suffix: str, customers: list[Customer]) -> None:
    shown = dump(published(abstracted(customers, suffix).spec)).lower()
    assert [text for customer in customers for text in customer.values if text.lower() in shown] == []
    assert [c.pause for c in customers if re.search(rf"\b{c.pause}\b", shown)] == []


def test_conditions_in_another_order_keep_their_parameters() -> None:
    query = "select id, changed_at, total\nfrom core.orders as o\nwhere {}\n  and {}\norder by changed_at;\n"
    alive, day = "o.deleted_at is null", "o.changed_at > current_date - {}".format
    data = [query.format(alive, day(1207)), query.format(day(1785), alive), query.format(alive, day(1366))]
    spec = abstract([Sibling(f"c{k}", f"s{k}.sql", one.encode()) for k, one in enumerate(data)], name="feed").spec
    assert [number for number in ("1207", "1785", "1366") if number in dump(published(spec))] == []
    assert fitted(spec, query.format(day(1999), alive).encode()) is not None
