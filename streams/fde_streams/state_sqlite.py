"""The state log in one SQLite file: embedded mode.

The embedded broker keeps nothing on disk and starts with empty topics on a new port, so the file remembers which broker
its offsets belong to: with another one, every partition starts again at offset 0 and keeps its groups.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fde_events.errors import Unavailable
from fde_streams.state import OWNER, Fenced, Part, StateRecord, decode_state, encode_state

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS owner (partition INTEGER PRIMARY KEY, generation INTEGER NOT NULL, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS covered (partition INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY, partition INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS record_of_partition ON record (partition, id);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class SqliteStateLog:
    """State records in the file `path`. A writer is fenced by the generation row of its partition."""

    def __init__(self, path: Path | str, broker: str) -> None:
        """`broker` is the address whose offsets the records cover."""
        self._path, self._broker = Path(path), broker
        self._generations: dict[int, int] = {}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _connect(self._path)
        with self._transaction():
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)

    def rebuild(self, partitions: Iterable[int]) -> dict[int, Part]:
        """See :class:`~fde_streams.state.StateLog`."""
        wanted = sorted(partitions)
        with self._transaction():
            self._adopt_broker()
            for partition in wanted:
                row = self._connection.execute(
                    "SELECT generation FROM owner WHERE partition = ?", (partition,)
                ).fetchone()
                self._generations[partition] = 1 if row is None else row[0] + 1
                self._connection.execute(
                    "INSERT OR REPLACE INTO owner VALUES (?, ?, ?)", (partition, self._generations[partition], OWNER)
                )
        parts = {}
        for partition in wanted:
            part = parts[partition] = Part()
            rows = self._connection.execute("SELECT body FROM record WHERE partition = ? ORDER BY id", (partition,))
            for (body,) in rows:
                part.apply(decode_state(body), len(body))
            part.generation = self._generations[partition]
        return parts

    def append(self, partition: int, record: StateRecord) -> int:
        """See :class:`~fde_streams.state.StateLog`."""
        with self._transaction():
            self._check_owner(partition)
            return self._write(partition, record)

    def replace(self, partition: int, snapshot: Iterable[StateRecord]) -> int:
        """See :class:`~fde_streams.state.StateLog`. The file does not shrink; the room is used again."""
        with self._transaction():
            self._check_owner(partition)
            (before,) = self._connection.execute(
                "SELECT max(id) FROM record WHERE partition = ?", (partition,)
            ).fetchone()
            size = sum(self._write(partition, record) for record in snapshot)
            self._connection.execute("DELETE FROM record WHERE partition = ? AND id <= ?", (partition, before or 0))
            return size

    def _check_owner(self, partition: int) -> None:
        row = self._connection.execute(
            "SELECT generation, owner FROM owner WHERE partition = ?", (partition,)
        ).fetchone()
        if row is None or row != (self._generations.get(partition), OWNER):
            raise Fenced(f"partition {partition} of {self._path.name} has another owner now")

    def close(self) -> None:
        """See :class:`~fde_streams.state.StateLog`."""
        self._connection.close()

    def _write(self, partition: int, record: StateRecord) -> int:
        body = encode_state(record)
        self._connection.execute("INSERT INTO record (partition, body) VALUES (?, ?)", (partition, body))
        self._connection.execute("INSERT OR REPLACE INTO covered VALUES (?, ?)", (partition, record.last))
        return len(body)

    def _adopt_broker(self) -> None:
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'broker'").fetchone()
        if row is not None and row[0] == self._broker:
            return
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('broker', ?)", (self._broker,))
        if row is None:
            return
        for (partition,) in self._connection.execute("SELECT partition FROM covered").fetchall():
            generation = self._connection.execute(
                "SELECT generation FROM owner WHERE partition = ?", (partition,)
            ).fetchone()
            self._write(partition, StateRecord(OWNER, generation[0] if generation else 0, -1, -1, rewound=True))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The state file {self._path} is busy or cannot be written: {error}.") from error
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # Used by one thread at a time (a lock in the application sees to it), not always by the same one.
        connection = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # a killed process loses nothing; the broker outlives no power cut
    except sqlite3.Error as error:
        raise Unavailable(f"The state file {path} cannot be opened: {error}.") from error
    return connection


def broker_of(path: Path | str) -> str | None:
    """The broker whose offsets the file covers: the embedded one that is running, or ran last. None if there is no such file."""
    if not Path(path).exists():
        return None
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'broker'").fetchone()
        return None if row is None else str(row[0])
    except sqlite3.OperationalError:
        return None  # being created by the fold at this moment
    finally:
        connection.close()


def covered_offsets(path: Path | str, broker: str) -> dict[int, int]:
    """The last offset folded, by partition, of offsets that belong to `broker`; empty if there is no such file yet."""
    if not Path(path).exists():
        return {}
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            row = connection.execute("SELECT value FROM meta WHERE key = 'broker'").fetchone()
            if row is None or row[0] != broker:
                return {}
            return dict(connection.execute("SELECT partition, last FROM covered").fetchall())
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return {}  # being created by the fold at this moment: nothing is covered yet


def read_parts(path: Path | str) -> dict[int, Part]:
    """Every partition's state as it was kept last, without fencing anybody; empty if there is no such file yet."""
    if not Path(path).exists():
        return {}
    parts: dict[int, Part] = {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        for partition, body in connection.execute("SELECT partition, body FROM record ORDER BY id"):
            parts.setdefault(partition, Part()).apply(decode_state(body), len(body))
    except sqlite3.OperationalError:
        return {}  # being created by the fold at this moment
    finally:
        connection.close()
    return parts
