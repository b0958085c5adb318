"""Alignment of n trees: what all share, and the leaves, layouts, optional blocks and repeats where they differ.

n sealed trees -> align() -> parts; for every sibling the parts' texts, one after the other, are its source

Top down (GumTree, Falleri et al. 2014, for two trees; here n at once): equal subtrees first, then children by similarity
(column.columns), leaves last. Nodes of two kinds never match. What only some have becomes a block of those; runs of
members that are instances of one template become a repeat, whose items are aligned like siblings. The blocks and repeats
are the hedge variables of variadic anti-unification (Baumgartner and Kutsia, arXiv 2509.25023).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from fde_extraction.column import Column, columns
from fde_extraction.label import common
from fde_extraction.literal import fragments
from fde_extraction.pairing import SIMILAR, head
from fde_extraction.period import grouped as folded
from fde_extraction.piece import Items, Part, Piece, Present, walk
from fde_extraction.repeat import runs
from fde_extraction.scope import Scope, root
from fde_extraction.sequence import Cell, Joints, Side, cells, plan
from fde_extraction.slot import Key, key_of
from fde_extraction.tree import Node, flat, flattened, resemblance, similarity, walked
from fde_extraction.unit import LISTS, SEPARATORS, Unit, units

SHARED: Final = 0.2  # share of two nodes' leaves in matched children below which the nodes themselves do not match

LEAST: Final = 7  # leaves below which one other leaf makes all the difference
SMALL: Final = 24  # leaves of a statement or clause that may be one of two alternatives rather than one with options
WHOLE: Final = 0.8  # resemblance below which it is
# Nodes whose first child says what they are: without a counterpart for it they are alternatives.
_ROLED: Final = frozenset(
    "call call_expression new_expression attribute member_expression assignment subscript subscript_expression "
    "binary_operator binary_expression comparison_operator".split()
)

Task = Callable[[], "Iterable[Task]"]


def align(trees: Sequence[Node], texts: Sequence[str], secrets: Sequence[Sequence[tuple[int, int]]] = ()) -> list[Part]:
    """The parts of `trees`, whose sources are `texts`. Deterministic; the order of siblings only orders the texts.

    `secrets`: each sibling's secret spans, in characters. A list holds plain values, so nothing with a secret is an item.
    """
    first = _Alignment(texts, frozenset(), secrets).run(trees)
    if not any(isinstance(part, Items) for part in walk(first)):
        return first
    # What is a value of its own elsewhere, and stands at the head of every list, is no item: a key before its columns.
    return _Alignment(texts, _values(first), secrets).run(trees)


def _values(parts: Sequence[Part]) -> frozenset[Key]:
    """What differs between siblings outside of repeats."""
    found = set[Key]()
    for part in parts:
        if isinstance(part, Piece) and part.kind == "leaf":
            for texts in [part.texts, *(f.texts for f in fragments(part.texts) if not f.shared)]:
                key = key_of(texts)
                if key is not None and len(set(key)) > 1:
                    found.add(key)
    return frozenset(found)


class _Alignment:
    """One run. Work is a stack of tasks that add parts in order: sources nest deeper than Python recurses."""

    def __init__(
        self, texts: Sequence[str], values: Collection[Key], secrets: Sequence[Sequence[tuple[int, int]]]
    ) -> None:
        self.texts, self.values, self.secrets = texts, values, secrets

    def run(self, trees: Sequence[Node]) -> list[Part]:
        out: list[Part] = []
        scope = root(len(trees))
        self._joint([tree.first.lead for tree in trees], [tree.first for tree in trees], scope, out, None)
        stack: list[Task] = [lambda: self._pair(trees, scope, out)]
        while stack:
            stack.extend(reversed(list(stack.pop()())))
        return out

    # -- nodes that are counterparts; the white space before the first leaf is their parent's ------------------------

    def _pair(self, nodes: Sequence[Node], scope: Scope, out: list[Part]) -> Iterable[Task]:
        nodes = self._told_alike(nodes, scope)
        if len({node.digest for node in nodes}) == 1:
            _same(nodes, scope, out)
            return ()
        if all(node.is_leaf for node in nodes):
            _leaf(nodes, scope, out)
            return ()
        if len({node.kind for node in nodes}) > 1 and any(node.kind in LISTS for node in nodes):
            listed = [node for node in nodes if node.kind in LISTS]
            lists = [node.children if node.kind in LISTS else [node] for node in nodes]
            return self._children(lists, [*listed, *(node for node in nodes if node.kind not in LISTS)], scope, out)
        if any(node.is_leaf for node in nodes) or len({node.kind for node in nodes}) > 1 or _apart(nodes):
            return self._unlike(nodes, scope, out)
        if _is_dotted(nodes):
            texts = tuple(self.texts[k][node.start : node.end] for k, node in zip(scope.siblings, nodes, strict=True))
            prefix = nodes[0].first.place.removesuffix("sql.identifier.bare")
            leaves = tuple(node.first for node in nodes)
            out.append(Piece("leaf", texts, scope, prefix + "sql.identifier.dotted", leaves))
            return ()
        return self._children([node.children for node in nodes], nodes, scope, out)

    def _told_alike(self, nodes: Sequence[Node], scope: Scope) -> Sequence[Node]:
        """Strings that hold a document in some instances and plain words in others are words in all of them."""
        if len({tuple(child.kind for child in node.children) for node in nodes}) == 1:
            return nodes
        words = [flattened(node, self.texts[k]) for k, node in zip(scope.siblings, nodes, strict=True)]
        same = len({(node.kind, *(child.kind for child in node.children)) for node in words}) == 1
        return words if same else nodes

    def _unit(self, members: Sequence[Unit], scope: Scope, out: list[Part]) -> Task:
        nodes = [unit.node for unit in members]
        if not any(unit.head for unit in members):
            return lambda: self._pair(nodes, scope, out)
        lists = [[*unit.head, unit.node] for unit in members]
        return lambda: self._children(lists, nodes, scope, out, grouped=False)

    def _children(
        self,
        lists: Sequence[Sequence[Node]],
        nodes: Sequence[Node],
        scope: Scope,
        out: list[Part],
        *,
        grouped: bool = True,
    ) -> Iterable[Task]:
        members = [units(children, grouped=grouped) for children in lists]
        listed = any(
            child.is_leaf and child.text in SEPARATORS - {";"} for children in lists for child in children[1:-1]
        )
        # Between SQL statements stand separators, which a fold would lose.
        joined = any(child.is_leaf and child.text == ";" for children in lists for child in children[1:-1])
        if grouped and not listed and not joined and not scope.within_items:
            members = folded(members)
        found = columns(members)
        full = [column for column in found if column.full]
        share = sum(column.nodes[0].size for column in full) / max(1, max(node.size for node in nodes))
        repeats = [] if scope.within_items else runs(found, nodes[0].kind, listed=listed)
        repeats = [run for run in repeats if not self._hidden(found[run[0] : run[1]], scope)]
        torn = nodes[0].kind in _ROLED and not found[0].full
        if torn or (
            not repeats
            and (not full or (share < SHARED and nodes[0].size > 3 and not any(column.equal for column in full)))
        ):
            return self._unlike(nodes, scope, out)
        row = cells(*self._trimmed(found, repeats))
        return self._sequence(row, Joints([self.texts[k] for k in scope.siblings], members), scope, out)

    def _unlike(self, nodes: Sequence[Node], scope: Scope, out: list[Part]) -> Iterable[Task]:
        """Alternatives, when siblings fall into groups that are alike inside; else a block of source."""
        groups: list[list[int]] = []
        for least in (SIMILAR, 0.6, 0.75, 0.9):
            groups = _grouped(nodes, least)
            if len(groups) > 1:
                break
        if len(groups) in (1, len(nodes)):
            words = [flat(node, self.texts[k]) for k, node in zip(scope.siblings, nodes, strict=True)]
            if all(node.kind == "string_text" for node in words):
                _leaf(words, scope, out)
                return
            texts = [
                self.texts[k][node.first.start : Unit(node).end] for k, node in zip(scope.siblings, nodes, strict=True)
            ]
            out.append(_block(texts, [node.first for node in nodes], scope, _around(nodes)))
            return
        for group in sorted(groups, key=lambda group: (-len(group), _bare(nodes[group[0]]))):
            some = Present(scope.present(group), labels=common([nodes[row].first.labels for row in group]))
            out.append(some)
            yield self._unit([Unit(nodes[row]) for row in group], some.scope, some.body)

    # -- child lists -------------------------------------------------------------------------------------------------

    def _trimmed(
        self, found: Sequence[Column], repeats: Sequence[tuple[int, int]]
    ) -> tuple[list[Column], list[tuple[int, int]]]:
        """Columns and runs; the members at both ends of a run that are values of their own elsewhere are no items."""
        kept, places, at = list[Column](), list[tuple[int, int]](), 0
        for first, last in repeats:
            rows = [
                [unit for column in found[first:last] if (unit := column.units[row]) is not None]
                for row in range(len(found[first].units))
            ]
            heads, tails = list[Column](), list[Column]()
            while all(len(units_) > 1 for units_ in rows) and self._is_value([units_[0] for units_ in rows]):
                heads.append(Column([units_.pop(0) for units_ in rows]))
            while all(len(units_) > 1 for units_ in rows) and self._is_value([units_[-1] for units_ in rows]):
                tails.insert(0, Column([units_.pop() for units_ in rows]))
            items = [Column(list(units_)) for units_ in zip_longest(*rows)]
            kept += [*found[at:first], *heads]
            if len(items) > 1:
                places.append((len(kept), len(kept) + len(items)))
            kept += [*items, *tails]
            at = last
        return [*kept, *found[at:]], places

    def _hidden(self, run: Sequence[Column], scope: Scope) -> bool:
        """Whether a secret stands in a member of a run."""
        return any(
            start < unit.end and unit.start < end
            for column in run
            for unit, k in zip(column.units, scope.siblings, strict=True)
            if unit is not None and self.secrets
            for start, end in self.secrets[k]
        )

    def _is_value(self, members: Sequence[Unit]) -> bool:
        nodes = [unit.node for unit in members]
        if not self.values or len({node.shape for node in nodes}) > 1:
            return False
        for group in zip(*(node.leaves() for node in nodes), strict=True):
            texts = [leaf.text for leaf in group]
            if len(set(texts)) > 1 and not self._is_known(texts):
                return False
        return True

    def _is_known(self, texts: Sequence[str]) -> bool:
        if key_of(texts) in self.values:
            return True
        gaps = [fragment.texts for fragment in fragments(texts) if not fragment.shared]
        return all(key_of(gap) in self.values for gap in gaps)

    def _sequence(self, row: Sequence[Cell], joints: Joints, scope: Scope, out: list[Part]) -> Iterator[Task]:
        """The cells of a child list, each with its joint."""
        group = object()  # layouts of one list change together
        for step in plan(row, joints):
            if step.cell is None:
                if step.after is not None:
                    yield self._joined(_members(step.after), joints.after, scope, out, group)
            elif step.cell.kind == "full":
                members = _members(step.cell)
                if step.joint == "before":
                    yield self._joined(members, joints.before, scope, out, group)
                yield self._unit(members, scope, out)
            elif step.cell.kind == "block":
                yield self._blocked(step.cell, joints, step.joint, scope, out)
            elif step.cell.kind == "some":
                yield from self._some(step.cell, joints, step.joint, scope, out, group)
            else:
                yield from self._repeat(step.cell, joints, step.joint, scope, out, group)

    def _some(
        self, cell: Cell, joints: Joints, side: Side, scope: Scope, out: list[Part], group: object
    ) -> Iterator[Task]:
        """What only some instances have; of a thing that moved, what all have, at each of its places."""
        some = Present(scope.present(cell.rows), labels=common([unit.node.first.labels for unit in _members(cell)]))

        def add() -> Iterable[Task]:
            out.append(some)
            return ()

        yield add
        for column in cell.columns:
            here = [unit for unit in column.units if unit is not None]
            wide, inner = here, some.scope
            if column.twin:
                some.moved = column.twin
                inner = scope
                wide = [
                    next(unit for twin in column.twin if (unit := twin.units[index]) is not None)
                    for index in range(len(column.units))
                ]
            if side == "before":
                yield self._joined(here, joints.before, some.scope, some.body, group)
            yield self._unit(wide, inner, some.body)
            if side == "after":
                yield self._joined(here, joints.after, some.scope, some.body, group)

    def _repeat(
        self, cell: Cell, joints: Joints, side: Side, scope: Scope, out: list[Part], group: object
    ) -> Iterator[Task]:
        """A repeat. Its joint goes with each item where that is the same everywhere, else it stands between two."""
        joint = joints.before if side == "before" else joints.after
        rows = [cell.units(row) for row in range(len(scope.rows))]
        repeat = Items(scope.items([row for row, units_ in enumerate(rows) for _ in units_]))
        everything = [unit for units_ in rows for unit in units_]
        repeat.labels = common([unit.node.first.labels for unit in everything])
        between = [[joints.before(unit) for unit in units_[1:]] for units_ in rows]

        def add(to: list[Part], part: Part) -> Task:
            def task() -> Iterable[Task]:
                to.append(part)
                return ()

            return task

        with_joint = len({joint(unit) for unit in everything}) == 1
        if with_joint or any(len(set(texts)) > 1 for texts in between):
            yield add(out, repeat)
            if side == "before":
                yield self._joined(everything, joint, repeat.scope, repeat.body, group)
            yield self._unit(everything, repeat.scope, repeat.body)
            if side == "after":
                yield self._joined(everything, joint, repeat.scope, repeat.body, group)
            return
        if not all(rows):
            some = Present(scope.present(cell.rows), labels=repeat.labels)
            yield add(out, some)
            scope, out = some.scope, some.body
            repeat.scope = scope.items([scope.rows.index(row) for row in repeat.scope.rows])
            between = [texts for texts, units_ in zip(between, rows, strict=True) if units_]
            rows = [units_ for units_ in rows if units_]
        if side == "before":
            yield self._joined([units_[0] for units_ in rows], joint, scope, out, group)
        yield add(out, repeat)
        yield self._unit(everything, repeat.scope, repeat.body)
        usual = Counter(text for texts in between for text in texts).most_common(1)[0][0]
        texts = [found[0] if found else usual for found in between]
        yield self._later(texts, [units_[0].node.first for units_ in rows], scope, repeat.between, group)
        if side == "after":
            yield self._joined([units_[-1] for units_ in rows], joint, scope, out, group)

    def _blocked(self, cell: Cell, joints: Joints, side: Side, scope: Scope, out: list[Part]) -> Task:
        """Source slices with their joint: where a member is absent, so is its space."""

        def task() -> Iterable[Task]:
            texts, firsts, nodes = [], [], []
            for row, k in enumerate(scope.siblings):
                members = cell.units(row)
                if not members:
                    texts.append("")
                    continue
                text = self.texts[k][members[0].start : members[-1].end]
                before, after = joints.before(members[0]), joints.after(members[-1])
                texts.append(before + text if side == "before" else text + after)
                firsts.append(members[0].node.first)
                nodes += [unit.node for unit in members]
            out.append(_block(texts, firsts, scope, _around(nodes)))
            return ()

        return task

    def _joined(
        self, members: Sequence[Unit], joint: Callable[[Unit], str], scope: Scope, out: list[Part], group: object
    ) -> Task:
        return self._later([joint(unit) for unit in members], [unit.node.first for unit in members], scope, out, group)

    def _later(
        self, texts: Sequence[str], firsts: Sequence[Node], scope: Scope, out: list[Part], group: object
    ) -> Task:
        def task() -> Iterable[Task]:
            self._joint(texts, firsts, scope, out, group)
            return ()

        return task

    def _joint(
        self, texts: Sequence[str], firsts: Sequence[Node], scope: Scope, out: list[Part], group: object
    ) -> None:
        """White space and separators; where they differ, layout or another way to separate."""
        if len(set(texts)) == 1:
            if texts[0]:
                out.append(Piece("same", tuple(texts), scope))
            return
        bare = {text.strip() for text in texts}
        if len(bare) == 1 and (mark := bare.pop()) and all(text.startswith(mark) for text in texts):
            out.append(Piece("same", (mark,) * len(texts), scope))
            texts = [text[len(mark) :] for text in texts]
        labels = common([first.labels for first in firsts])
        kind = "space" if all(text.strip() == "" for text in texts) else "variant"
        out.append(Piece(kind, tuple(texts), scope, _around(firsts), labels=labels, group=group))  # type: ignore[arg-type]


def _apart(nodes: Sequence[Node]) -> bool:
    """Whether small nodes fall into two groups, each of one shape, too unlike to be one thing with options."""
    if not LEAST < max(node.size for node in nodes) <= SMALL:
        return False
    shapes = list(dict.fromkeys(node.shape for node in nodes))
    if len(shapes) != 2 or len(nodes) < 3:
        return False
    first, other = (next(node for node in nodes if node.shape == shape) for shape in shapes)
    if _outside(first) == _outside(other):
        return False
    keys = [{named for node in walked(side) if (named := head(node)) is not None} for side in (first, other)]
    if all(keys) and (keys[0] <= keys[1] or keys[1] <= keys[0]):
        return False
    return resemblance(first, other) < WHOLE


def _outside(node: Node) -> list[str | int]:
    """The shape of a node without what stands in the documents of its strings."""
    found, stack = list[str | int](), [node]
    while stack:
        here = stack.pop()
        held = bool(here.place and here.children)
        if held:
            found += ["string_text", 0]
        else:
            found += [here.kind if here.children or here.place else here.shape, len(here.children)]
            stack += reversed(here.children)
    return found


def _is_dotted(nodes: Sequence[Node]) -> bool:
    """Whether nodes are dotted SQL names that have no part in common: one value rather than several."""
    if any(node.kind != "name" for node in nodes) or len({len(node.children) for node in nodes}) > 1:
        return False
    for group in zip(*(node.children for node in nodes), strict=True):
        if group[0].text != "." and (
            len({child.text for child in group}) < 2
            or any(not child.place.endswith("identifier.bare") for child in group)
        ):
            return False
    return True


def _bare(node: Node) -> str:
    """What of a node is no name and no literal."""
    return " ".join(leaf.text or leaf.kind for leaf in node.leaves() if not leaf.place)


def _grouped(nodes: Sequence[Node], least: float) -> list[list[int]]:
    groups: list[list[int]] = []
    for index, node in enumerate(nodes):
        same = next((group for group in groups if similarity(nodes[group[0]], node) >= least), None)
        if same is None:
            groups.append([index])
        else:
            same.append(index)
    return groups


def _members(cell: Cell) -> list[Unit]:
    return [unit for column in cell.columns for unit in column.units if unit is not None]


def _same(nodes: Sequence[Node], scope: Scope, out: list[Part]) -> None:
    """What all have, leaf by leaf; a dotted SQL name is one text, as an account is with its region."""
    for index, group in enumerate(zip(*(_stretches(node) for node in nodes), strict=True)):
        firsts = tuple(node.first for node in group)
        if index and firsts[0].lead:
            out.append(Piece("same", tuple(node.lead for node in firsts), scope))
        if group[0].is_leaf:
            out.append(Piece("same", tuple(node.text for node in group), scope, group[0].place, group))
        else:
            text = "".join((leaf.lead if at else "") + leaf.text for at, leaf in enumerate(group[0].leaves()))
            place = firsts[0].place.removesuffix("sql.identifier.bare") + "sql.identifier.dotted"
            out.append(Piece("same", (text,) * len(group), scope, place, firsts))


def _stretches(node: Node) -> Iterator[Node]:
    """Leaves in order of the text, dotted names of bare words whole."""
    stack = [node]
    while stack:
        here = stack.pop()
        whole = here.kind == "name" and all(child.text == "." or child.kind == "word" for child in here.children)
        if here.is_leaf or whole:
            yield here
        else:
            stack.extend(reversed(here.children))


def _leaf(nodes: Sequence[Node], scope: Scope, out: list[Part]) -> None:
    texts = tuple(node.text for node in nodes)
    # SQL's bare names mean the same in either case: a word that no grammar lists is written as the keywords beside it are.
    spelled = nodes[0].kind.startswith("keyword:") or (
        nodes[0].place.endswith("sql.identifier.bare") and all(text.isupper() or text.islower() for text in texts)
    )
    cased = spelled and len({text.lower() for text in texts}) == 1
    if cased or not all(node.place for node in nodes):
        labels = common([node.labels for node in nodes])
        group = "case" if cased else "quote" if nodes[0].kind.startswith("string_") else None
        out.append(Piece("variant", texts, scope, leaves=tuple(nodes), labels=labels, group=group))
    else:
        # A value that goes into a string here and into a format string there must be right in both.
        place = next((node.place for node in nodes if "fstring" in node.place), nodes[0].place)
        out.append(Piece("leaf", texts, scope, place, tuple(nodes)))


def _around(nodes: Sequence[Node]) -> str:
    """The place of the string that holds the document in which all `nodes` stand; empty for what is no part of one."""
    found = {leaf.place.rpartition("/")[0] for node in nodes for leaf in node.leaves() if leaf.place}
    return found.pop() if len(found) == 1 else ""


def _block(texts: Sequence[str], firsts: Sequence[Node], scope: Scope, around: str) -> Piece:
    kind = "same" if len(set(texts)) == 1 else "block"
    return Piece(kind, tuple(texts), scope, around, labels=common([first.labels for first in firsts]))  # type: ignore[arg-type]
