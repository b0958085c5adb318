"""Argument: what well-known functions call the argument that code gives them by position.

function, position, receiver -> argument_of() -> the words of the parameter in that function's own documentation

A catalogue of public signatures (Python, pandas, Node, browsers, rxjs, HTTP clients and routers, SQL engines); nothing in it
comes from siblings. Where the functions of several libraries share a name, it holds what they agree on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# name in lower case without separators -> words by position, from 0; an empty text where the position has no name of its own.
_POSITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "round": ("", "digits"), "range": ("", "", "step"), "open": ("path",), "split": ("separator",),
    "startswith": ("prefix",), "endswith": ("suffix",), "removeprefix": ("prefix",), "removesuffix": ("suffix",),
    "strptime": ("", "date format"), "strftime": ("date format",), "getlogger": ("logger",), "zoneinfo": ("timezone",),
    "groupby": ("key column",), "resample": ("window",), "rolling": ("window",), 
    "createreadstream": ("path",), "createwritestream": ("path",), "readfile": ("path",), "writefile": ("path",),
    "readfilesync": ("path",), "writefilesync": ("path",), "settimeout": ("", "delay"), "setinterval": ("", "interval"),
    "timer": ("", "interval"), "debouncetime": ("debounce",), "throttletime": ("throttle",), "buffertime": ("window",),
    "createhmac": ("algorithm",), "createhash": ("algorithm",), "createsign": ("algorithm",), "listen": ("port",),
    "padstart": ("width",), "padend": ("width",), "zfill": ("width",), "tofixed": ("digits",),
    "cron": ("schedule",), "crontab": ("schedule",), "chunk": ("", "chunk size"), "batched": ("", "batch size"),
    "head": ("limit",), "take": ("limit",), "limit": ("limit",), "ntile": ("buckets",), "semaphore": ("concurrency",),
    "threadpoolexecutor": ("workers",), "pool": ("workers",), "datetrunc": ("granularity",),
    "slice": ("", "limit"), "plimit": ("concurrency",), "setex": ("", "ttl"), "expire": ("", "ttl"),
    "path": ("path",), "readcsv": ("path",), "readparquet": ("path",), "readexcel": ("path",), "readjson": ("path",),
    "tocsv": ("path",), "toparquet": ("path",), "tosql": ("table",), "readsqltable": ("table",),
    "subscribe": ("topic",), "emit": ("event",), "addeventlistener": ("event",), "sendtoqueue": ("queue",),
    "assertqueue": ("queue",), "queuedeclare": ("queue",), "assertexchange": ("exchange",), "exchangedeclare": ("exchange",),
    "gauge": ("metric name",), "histogram": ("metric name",), "summary": ("metric name",), "tzlocalize": ("timezone",),
    "tzconvert": ("timezone",), "tolocalestring": ("locale",), "numberformat": ("locale",), "datetimeformat": ("locale",),
    "stopafterattempt": ("max attempts",), "waitfixed": ("delay",), "stopafterdelay": ("max delay",),
}  # fmt: skip
# Ways of HTTP: a client is given a path of the API, a router the route it answers; the receiver tells which.
# What a method of that name takes, where the function of that name takes its object first.
_OF_METHOD: Final[Mapping[str, tuple[str, ...]]] = {"round": ("digits",), "produce": ("topic",)}
_METHODS: Final = frozenset("get post put patch delete head".split())
_ROUTERS: Final = frozenset("app router server fastify blueprint bp api".split())
_CLIENTS: Final = frozenset("client http session axios got requests httpx api fetch ky".split())


def argument_of(called: str, position: int, receiver: str, text_of: bool, *, method: bool = False) -> str:
    """What the argument is called, in words; empty when no catalogue says. `text_of`: the argument is a text, no number."""
    name = called.replace("_", "").lower()
    if name in _METHODS and position == 0 and text_of:
        last = receiver.replace("_", "").lower()
        if last in _ROUTERS:
            return "route"
        return "path" if any(last.endswith(client) for client in _CLIENTS) else ""
    if name == "new" and receiver.lower() == "hmac" and position > 1:
        return "algorithm"
    words = (_OF_METHOD.get(name) if method else None) or _POSITIONS.get(name, ())
    return words[position] if position < len(words) else ""
