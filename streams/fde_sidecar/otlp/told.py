"""What was told already: one exception that bubbles through spans and a log record is one error; a histogram that counts up
is read by what is new.

exception -> Told.of_log() / Told.of_span()    cumulative point -> Told.since()

A request that could not be taken comes again: every change is written down in `undo`, so that it finds things as they were.
Memory is bounded: the oldest is forgotten, which tells an error twice or a count late, and loses nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

MAX_EXCEPTIONS: Final = 4_096
MAX_SERIES: Final = 4_096
_FAMILY_S: Final = 300.0

Undo = list[Callable[[], None]]
Key = tuple[str, int]  # trace, and what was thrown


class Told:
    """Memory between requests, for one thread."""

    def __init__(self) -> None:
        self._logged: OrderedDict[Hashable, int] = OrderedDict()
        self._spanned: OrderedDict[Hashable, int] = OrderedDict()
        self._child: OrderedDict[Hashable, int] = OrderedDict()  # thrown out of a span into its parent
        self._series: OrderedDict[Hashable, tuple[int, float, tuple[int, ...]]] = OrderedDict()
        self._traced: OrderedDict[Hashable, float] = OrderedDict()

    def of_log(self, trace: str, kind: str, message: str, undo: Undo) -> bool:
        """Whether a log record's exception is news; not if a span of its trace told it and nothing was logged for it yet."""
        if not trace:
            return True
        key = _key(trace, kind, message)
        if self._spanned.get(key, 0) > 0:
            _count(self._spanned, key, -1, undo)
            return False
        _count(self._logged, key, 1, undo)
        return True

    def of_span(self, trace: str, span: str, parent: str, kind: str, message: str, undo: Undo) -> bool:
        """Whether a span's exception is news; not if a child of it or a log record of its trace told it."""
        key = _key(trace, kind, message)
        from_child = (key, span) in self._child
        if parent:
            _count(self._child, (key, parent), 1, undo)
        if from_child or key in self._logged:
            return False
        if trace:
            _count(self._spanned, key, 1, undo)
        return True

    def since(
        self, series: Hashable, count: int, total: float, buckets: tuple[int, ...], undo: Undo, *, fresh: bool
    ) -> tuple[int, float, tuple[int, ...]] | None:
        """What a cumulative point adds to the one before it; None where that is not known.

        The first of a series is all new when the series is `fresh`: begun while we listened. How much of an older one was
        seen by an earlier sidecar nobody knows.
        """
        before = self._series.pop(series, None)
        self._series[series] = count, total, buckets
        undo.append(lambda: _restore(self._series, series, before))
        while len(self._series) > MAX_SERIES:
            self._series.popitem(last=False)
        if before is None:
            return (count, total, buckets) if fresh else None
        if count < before[0] or len(buckets) != len(before[2]):
            return None
        return (
            count - before[0],
            total - before[1],
            tuple(max(0, new - old) for new, old in zip(buckets, before[2], strict=True)),
        )

    def trace_spoke(self, who: Hashable, at_s: float) -> None:
        """Spans tell of these calls, so the metrics of the same ones need not."""
        self._traced[who] = at_s
        self._traced.move_to_end(who)
        while len(self._traced) > MAX_SERIES:
            self._traced.popitem(last=False)

    def is_traced(self, who: Hashable, at_s: float) -> bool:
        """Whether spans told of these calls in the last five minutes."""
        return at_s - self._traced.get(who, float("-inf")) < _FAMILY_S


def _key(trace: str, kind: str, message: str) -> Key:
    """A type is compared by its last part: a log handler writes the bare name, a span the one with its module."""
    return trace, hash((kind.rpartition(".")[2], message.strip()))


def _count(counts: OrderedDict[Hashable, int], key: Hashable, by: int, undo: Undo) -> None:
    before = counts.pop(key, None)
    now = (before or 0) + by
    if now > 0:
        counts[key] = now
    undo.append(lambda: _restore(counts, key, before))
    while len(counts) > MAX_EXCEPTIONS:
        counts.popitem(last=False)


def _restore(counts: OrderedDict[Hashable, Any], key: Hashable, before: Any) -> None:
    if before is None:
        counts.pop(key, None)
    else:
        counts[key] = before
