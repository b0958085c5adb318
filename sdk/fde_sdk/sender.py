"""The queue and the one thread behind :mod:`fde_sdk`.

record -> Sender.put() -> bounded queue -> POST /v1/logs (OTLP JSON) -> 200: on the sidecar's disk
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import threading
import time
from collections import deque
from typing import Any, Optional
from urllib.parse import urlsplit

MAX_RECORD = 256 * 1024
_MAX_QUEUE = 1024 * 1024  # bytes of records waiting
_BATCH = 512 * 1024
_TIMEOUT_S = 10.0
_EXIT_S = 1.0
_Entry = tuple[Optional[str], bytes]  # noqa: UP045  evaluated, and Python 3.9 has no `|` for types


def _exit_s() -> float:
    """Seconds a program that ends may wait for its last records; what is not a number between 0 and 60 is the usual one."""
    try:
        asked = float(os.environ.get("FDE_SDK_EXIT_SECONDS", _EXIT_S))
    except ValueError:
        return _EXIT_S
    return asked if 0.0 <= asked <= 60.0 else _EXIT_S


class Sender:
    """Records go in at once or are counted as dropped. ValueError for an `endpoint` that is no http address."""

    def __init__(self, endpoint: str, service: str) -> None:
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("the endpoint is http://host:port")
        self._connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        # Now, not in the thread: a process that is forked while it imports this has a child that never connects.
        url.hostname.encode("idna")
        self._host, self._port, self._path = url.hostname, url.port or 4318, url.path.rstrip("/") + "/v1/logs"
        self.loopback = self._host in ("localhost", "::1") or self._host.startswith("127.")
        self._resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}] if service else []}
        self._reset()
        os.register_at_fork(after_in_child=self._reset)
        atexit.register(self.flush, _exit_s())

    def _reset(self) -> None:
        """A forked child has no thread, and its parent sends what was queued before."""
        self._lock, self._news, self._idle = threading.Lock(), threading.Event(), threading.Event()
        self._queue: deque[_Entry] = deque()
        self._bytes = 0
        self._dropped: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()  # somebody waits: no long pauses
        self._idle.set()

    def is_me(self) -> bool:
        """Whether this is the sending thread: nothing it does is worth a record."""
        return self._thread is threading.current_thread()

    def put(self, record: dict[str, Any], scope: str | None) -> None:
        """Queue one record; counted when there is no room."""
        entry = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        with self._lock:
            if self._bytes + len(entry) > _MAX_QUEUE:
                self._drop("queue-full", 1)
                return
            self._queue.append((scope, entry))
            self._bytes += len(entry)
            self._idle.clear()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="fde-sdk", daemon=True)
                thread.start()
                self._thread = thread
        self._news.set()

    def drop(self, reason: str) -> None:
        """Count one that is left out."""
        with self._lock:
            self._drop(reason, 1)

    def flush(self, timeout_s: float) -> bool:
        """Whether everything queued is with the sidecar, waiting for it so long."""
        self._hurry.set()
        done = self._idle.wait(timeout_s)
        self._hurry.clear()
        return done

    def _drop(self, reason: str, count: int) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + count

    # --- the thread --------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        pause = 0.1
        while True:
            self._news.wait()
            self._news.clear()
            while batch := self._next():
                dropped = dict(self._dropped)
                try:
                    connection = connection or self._connect(self._host, self._port, timeout=_TIMEOUT_S)
                    status = self._post(connection, batch, dropped)
                except Exception:  # noqa: BLE001  no sidecar, one that hangs, or an interpreter that is shutting down
                    if connection is not None:
                        connection.close()
                    connection, status = None, 503
                if status in (408, 429, 502, 503, 504):
                    if self._hurry.wait(pause):  # the batch stays at the queue's head
                        time.sleep(0.05)
                    pause = min(pause * 2, 5.0)
                    continue
                pause = 0.1
                self._done(batch, dropped, accepted=200 <= status < 300)

    def _next(self) -> list[_Entry]:
        with self._lock:
            batch: list[_Entry] = []
            size = 0
            for entry in self._queue:
                if batch and (size + len(entry[1]) > _BATCH or len(batch) >= 500):
                    break
                batch.append(entry)
                size += len(entry[1])
            if not batch:
                self._idle.set()
            return batch

    def _done(self, batch: list[_Entry], dropped: dict[str, int], *, accepted: bool) -> None:
        with self._lock:
            for _, entry in batch:
                self._queue.popleft()
                self._bytes -= len(entry)
            if not accepted:
                self._drop("refused", len(batch))
                return
            for reason, count in dropped.items():  # they are told
                self._dropped[reason] -= count

    def _post(self, connection: http.client.HTTPConnection, batch: list[_Entry], dropped: dict[str, int]) -> int:
        told = [
            {"key": f"fde.dropped.{name}", "value": {"intValue": str(count)}}
            for name, count in dropped.items()
            if count
        ]
        if told:
            said = {
                "timeUnixNano": str(time.time_ns()),
                "severityNumber": 13,
                "eventName": "fde.dropped",
                "attributes": told,
            }
            batch = [*batch, (None, json.dumps(said).encode())]
        scopes: list[bytes] = []
        for name in dict.fromkeys(scope for scope, _ in batch):
            records = b",".join(entry for scope, entry in batch if scope == name)
            scope = json.dumps({"name": name} if name else {}).encode()
            scopes.append(b'{"scope":' + scope + b',"logRecords":[' + records + b"]}")
        resource = json.dumps(self._resource).encode()
        body = b'{"resourceLogs":[{"resource":' + resource + b',"scopeLogs":[' + b",".join(scopes) + b"]}]}"
        connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status
