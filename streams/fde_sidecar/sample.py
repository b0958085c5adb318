"""Sampling: of one raw shape the first events leave in full, after that a count a minute. Egress stays bounded in a storm.

event -> Sampler.take() -> leaves now, or is withheld and counted; Sampler.due() -> one event a shape with its count
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from fde_events.event import ErrorEvent, Event, kind_of
from fde_sidecar.spool import Withheld

COUNT_EVERY_S: Final = 60.0
_MAX_SHAPES: Final = 4096
# Cut after masking: ids of other lengths would move the cut, and with it the shape.
_READ: Final = 4000
_READ_FIRST: Final = 600  # nearly always enough
_COMPARED: Final = 300
_MARGIN: Final = 60  # what the cut itself may have split
# Tokens of redaction, quoted names, and words with a digit in them: an id of letters and digits is one thing that varies.
_VARIES: Final = re.compile(r"""<[^<>]{1,60}>|'[^']*'|"[^"]*"|\b[^\W\d]*+\d[\w:.-]*""")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def shape_of(event: Event) -> str:
    """What makes two events equal for counting: kind, severity, type, and the words without their numbers and names."""
    if isinstance(event, ErrorEvent):
        words = event.exception_message or event.body or ""
        parts = [
            event.severity,
            event.scope or "",
            event.exception_type or "",
            _skeleton(words),
        ]
        parts.append(str(event.http_status or ""))
        if event.diagnosed is not None:
            parts.append(str(event.diagnosed.parts))
    else:
        kept = {name: getattr(event, name) for name in event.__struct_fields__ if name not in ("time", "count")}
        parts = [_VARIES.sub("#", str(kept))]
    return hashlib.blake2b("\0".join([kind_of(event), *parts]).encode(), digest_size=8).hexdigest()


def _skeleton(words: str) -> str:
    """The first `_COMPARED` characters of `words` without what varies."""
    first = _VARIES.sub("#", words[:_READ_FIRST])
    if len(words) > _READ_FIRST and len(first) < _COMPARED + _MARGIN:
        first = _VARIES.sub("#", words[:_READ])
    return first[:_COMPARED]


class Sampler:
    """First `full` events of a shape in full. `withheld` are counts an earlier process had not sent."""

    def __init__(self, full: int, withheld: Mapping[str, Withheld] | None = None) -> None:
        self._full = full
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._withheld: dict[str, tuple[int, Event]] = {}
        self._redacted: OrderedDict[str, str] = OrderedDict()  # shape of a raw event -> its shape once redacted
        self._asked: tuple[Event | None, str] = (None, "")  # the last raw event and its shape: `take` follows `count`
        for shape, one in (withheld or {}).items():
            if one.sample:
                self._withheld[shape] = (one.count, _decode(one.sample))

    @property
    def pending(self) -> bool:
        """Whether counts wait to leave."""
        return bool(self._withheld)

    def count(self, raw: Event) -> Withheld | None:
        """One more of a shape that is only counted, before anything is spent on redacting it; None: redact it and `take` it.

        Nothing of `raw` is kept but when it was: what leaves is the sample that was redacted.
        """
        self._asked = (raw, shape_of(raw))
        shape = self._redacted.get(self._asked[1])
        before = self._withheld.get(shape) if shape is not None else None
        if shape is None or before is None or self._seen.get(shape, 0) < self._full:
            return None
        self._seen[shape] += 1
        self._seen.move_to_end(shape)
        count = getattr(raw, "count", 1)
        self._withheld[shape] = (count + before[0], msgspec.structs.replace(before[1], time=raw.time))
        return Withheld(shape, count, b"")

    def take(self, event: Event, raw: Event | None = None) -> Withheld | None:
        """None: the event leaves in full. Otherwise what to write down of it; its sample only the first time.

        `raw` is the event before redaction, so that the next one like it can be counted as it is.
        """
        shape = shape_of(event)
        if raw is not None:
            asked, known = self._asked
            self._redacted[known if asked is raw else shape_of(raw)] = shape
            if len(self._redacted) > _MAX_SHAPES:
                self._redacted.popitem(last=False)
        seen = self._seen.pop(shape, 0)
        self._seen[shape] = seen + 1
        if len(self._seen) > _MAX_SHAPES:
            self._seen.popitem(last=False)
        if seen < self._full:
            return None
        count = getattr(event, "count", 1)
        before = self._withheld.get(shape)
        slim = _slim(event)
        self._withheld[shape] = (count + (before[0] if before else 0), slim)
        return Withheld(shape, count, b"" if before else _encode(slim))

    def due(self) -> Iterator[tuple[str, Event]]:
        """Every withheld shape with its event carrying the count; the counts are given out once."""
        withheld, self._withheld = self._withheld, {}
        for shape, (count, event) in withheld.items():
            yield shape, msgspec.structs.replace(event, count=count) if hasattr(event, "count") else event


def _slim(event: Event) -> Event:
    """A count needs no stack of its own beyond what tells its signature: the last 4 000 characters."""
    stack = getattr(event, "exception_stacktrace", None)
    if stack and len(stack) > 16_000:
        return msgspec.structs.replace(event, exception_stacktrace=stack[-16_000:])
    return event
