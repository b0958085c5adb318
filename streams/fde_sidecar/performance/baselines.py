"""The baselines of a deployment's endpoints: calls go in, shifts come out, each told once and its end once.

Call -> Baselines.observe() -> () or PerformanceEvent

Time is the call's own. Late calls count where they arrive; a clock that was set back goes on from where it stands. At most 1024
endpoints are watched and 60 events leave a minute, whatever comes; a shift that found no room is told when there is room and it
is still on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from fde_events.event import PerformanceEvent
from fde_sidecar.endpoint import OTHER, Endpoints, shown
from fde_sidecar.performance.shift import Shift
from fde_sidecar.performance.watched import State, Watched
from fde_sidecar.reading import Call

log = structlog.get_logger(__name__)

MAX_ENDPOINTS: Final = 1024
MAX_EVENTS_A_MINUTE: Final = 60
_VERSION: Final = 1
_IDLE: Final = 24 * 60  # minutes after which an endpoint makes room for another
_RARE: Final = 60  # the same for one that never filled a window
# Answers that an application asks for and does with: whether something is there, is so still, was made already.
_ANSWERS: Final = frozenset({404, 409, 410, 412})


class _Saved(msgspec.Struct):
    version: int
    watched: dict[str, State]
    words: list[str]
    minute: int
    room: int
    swept: int


class Baselines:
    """What is usual for each endpoint. Not for several threads at once."""

    def __init__(self, *, endpoints: int = MAX_ENDPOINTS, events_a_minute: int = MAX_EVENTS_A_MINUTE) -> None:
        self._limit, self._each_minute = endpoints, events_a_minute
        self._endpoints = Endpoints(endpoints)
        self._watched: dict[str, Watched] = {}
        self._minute, self._room = 0, events_a_minute
        self._stamp, self._stamp_minute = "none", 0
        self._swept = 0

    @property
    def watched(self) -> int:
        """How many endpoints are watched, the others as one."""
        return len(self._watched)

    def observe(self, call: Call) -> tuple[PerformanceEvent, ...]:
        """The shifts that `call` makes certain, at most one a metric; () nearly always."""
        milliseconds = call.duration_ms
        error: bool | None = None
        if call.failed:
            error = True
        elif call.status is not None:
            error = call.status >= 400 and call.status not in _ANSWERS
        if (milliseconds is None and error is None) or not call.endpoint or call.count < 1:
            return ()
        if milliseconds is not None and not 0 <= milliseconds < 1e12:  # no number, or nobody's latency
            milliseconds = None
        minute = self._minute_of(call.time)
        watched = self._watched.get(call.endpoint)
        name = call.endpoint
        if watched is None:
            name, watched = self._new(call.endpoint, minute)
        if minute < 0:
            minute = watched.last
        if not watched.add(minute, milliseconds, error, call.count):
            return ()
        return self._told(name, watched, call, minute)

    def _new(self, endpoint: str, minute: int) -> tuple[str, Watched]:
        if self._endpoints.full and endpoint not in self._endpoints.known:
            self._sweep(minute)
        name = self._endpoints.of(endpoint)
        watched = self._watched.get(name)
        if watched is None:
            watched = self._watched[name] = Watched(max(minute, 0))
        return name, watched

    def _sweep(self, minute: int) -> None:
        """Make room: endpoints that were not called for long, and those called a few times only. Once a minute at most."""
        if minute == self._swept:
            return
        self._swept = minute
        gone = [
            name
            for name, one in self._watched.items()
            if name != OTHER and minute - one.last > (_IDLE if one.recent or one.learned else _RARE)
        ]
        if gone:
            for name in gone:
                del self._watched[name]
            self._endpoints.keep_only(name for name in self._watched if name != OTHER)

    def _told(self, name: str, watched: Watched, call: Call, minute: int) -> tuple[PerformanceEvent, ...]:
        # What the others are is another mixture every day: their latencies say nothing, their errors do.
        news = watched.judged(timed=name != OTHER)
        if not news:
            return ()
        if minute > self._minute or minute < self._minute - 60:  # an hour back: the clock was set
            self._minute, self._room = minute, self._each_minute
        told = []
        for shift, ended in news:
            if self._room <= 0:
                break
            self._room -= 1
            watched.tell(shift, ended=ended)
            told.append(_event(name, shift, call, ended=ended))
        return tuple(told)

    def _minute_of(self, time: str) -> int:
        """Minutes since 1970; -1 for what is no time."""
        stamp = time[:16]
        if stamp == self._stamp and time[-1:] == "Z":
            return self._stamp_minute
        try:
            moment = datetime.fromisoformat(time)
        except ValueError:
            return -1
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        minute = max(-1, int(moment.timestamp() // 60))
        if time.endswith("Z"):
            self._stamp, self._stamp_minute = stamp, minute
        return minute

    # --- to disk and back --------------------------------------------------------------------------------------------
    def save(self) -> bytes:
        """Everything that was learned. Endpoints' names are in it as they were called, so it stays where the spool is."""
        return msgspec.msgpack.encode(
            _Saved(
                _VERSION,
                {name: one.state() for name, one in self._watched.items()},
                sorted(self._endpoints.known),
                self._minute,
                self._room,
                self._swept,
            )
        )

    @classmethod
    def restored(
        cls, saved: bytes, *, endpoints: int = MAX_ENDPOINTS, events_a_minute: int = MAX_EVENTS_A_MINUTE
    ) -> Baselines:
        """What was saved. Empty or unreadable bytes give empty baselines: they warm up again."""
        found = cls(endpoints=endpoints, events_a_minute=events_a_minute)
        if not saved:
            return found
        try:
            told = msgspec.msgpack.decode(saved, type=_Saved)
            if told.version != _VERSION:
                raise ValueError("another version")
            found._endpoints = Endpoints(endpoints, told.words[:endpoints])
            kept = found._endpoints.known | {OTHER}
            found._watched = {name: Watched.of(state) for name, state in told.watched.items() if name in kept}
            found._minute, found._swept = told.minute, told.swept
            found._room = min(told.room, events_a_minute)
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, OverflowError) as error:
            log.warning("baselines_not_restored", reason=type(error).__name__, next_step="they warm up again")
            return cls(endpoints=endpoints, events_a_minute=events_a_minute)
        return found


def _event(name: str, shift: Shift, call: Call, *, ended: bool) -> PerformanceEvent:
    endpoint, host = shown(name)
    return PerformanceEvent(
        time=call.time,
        endpoint=endpoint,
        metric=shift.metric,
        direction=shift.direction,
        baseline=_rounded(shift.baseline),
        observed=_rounded(shift.observed),
        unit="ms" if shift.metric == "latency" else "1",
        statistic=shift.statistic,
        recovered=ended,
        service=call.service,
        server_address=None if name == OTHER else host or call.server_address,
    )


def _rounded(value: float) -> float:
    """Three digits: what is behind them is chance."""
    return float(f"{value:.3g}")
