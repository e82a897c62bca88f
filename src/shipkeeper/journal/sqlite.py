"""The journal and inbox of real runs: one SQLite file, durable when ``append`` returns."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shipkeeper.journal.chain import broken, next_entries, verified
from shipkeeper.journal.filesystems import refuse_network
from shipkeeper.journal.locks import RunLocks
from shipkeeper.journal.names import is_run
from shipkeeper.journal.schema import migrate
from shipkeeper.model.errors import Failed
from shipkeeper.model.run import RunEvent
from shipkeeper.ports.journal import Entry, Message

BUSY_TIMEOUT_MS = 5_000
"""How long a write waits for another process's short write."""

_DAMAGE = ("malformed", "not a database", "corrupt", "Could not decode")


class _Database:
    """A connection with the settings that durability needs, and SQLite's errors in the project's words."""

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_network(path.parent)
        with self.errors():
            self.connection = _connect(path)
            try:
                migrate(self.connection)
            except BaseException:
                self.connection.close()
                raise

    @contextmanager
    def errors(self, run: str = "", after: int = 0) -> Iterator[None]:
        """Turn sqlite3 errors into Failed: journal-broken for damage, journal-unwritable for the rest."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if isinstance(error, UnicodeDecodeError) or any(word in str(error) for word in _DAMAGE):
                raise broken(run or str(self.path), after + 1, f"the database is damaged ({error})") from error
            raise Failed(
                f"the journal {self.path} cannot be written: {error}",
                code="journal-unwritable",
                object=str(self.path),
                why="nothing is done without a durable record written before it",
                hint="free disk space or mend the folder's rights, then resume the run; or name another folder"
                " with --state DIR",
            ) from error

    @contextmanager
    def transaction(self, run: str) -> Iterator[sqlite3.Connection]:
        """One group commit: all of it is on disk afterwards, or none."""
        with self.errors(run):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection. Idempotent."""
        self.connection.close()


class SqliteJournal:
    """Implements ``ports.journal.Journal`` in one file.

    WAL with ``synchronous=FULL``; one writing process a run (a lock beside the file, held until ``close``); every
    read verifies the chain, and so does the first append to a run that exists.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the journal.

        Raises Failed (journal-unwritable, journal-broken) or UsageProblem (journal-on-network, journal-newer).
        """
        self._database = _Database(path)
        self._locks = RunLocks(_locks(path))
        self._heads: dict[str, tuple[int, str]] = {}
        self._trusted: dict[str, tuple[int, str]] = {}

    def trust(self, run: str, seq: int, head: str) -> None:
        """This process verified or wrote that chain up to that head: the first append to it need not read it all again,
        unless somebody has written since.
        """
        self._trusted[run] = (seq, head)

    def append(self, run: str, at_ms: int, events: Sequence[RunEvent]) -> tuple[Entry, ...]:
        """Write the events as one group commit; they are on disk when this returns.

        Raises Failed (journal-unwritable; journal-broken when the run's chain does not hold) and Refused
        (run-elsewhere) when another process writes this run.
        """
        if not events:
            return ()
        if run not in self._heads:
            self._locks.take(run)
            self._heads[run] = self._verified_head(run)
        seq, prev = self._heads[run]
        made = next_entries(run, seq, prev, at_ms, events)
        rows = [(run, entry.seq, at_ms, data, entry.prev, entry.hash) for entry, data in made]
        last = made[-1][0]
        with self._database.transaction(run) as connection:
            if _stored_head(connection, run) != (seq, prev):
                raise broken(run, seq + 1, "somebody else wrote to it while this process held it")
            connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (run, last.seq, last.hash))
        self._heads[run] = (last.seq, last.hash)
        return tuple(entry for entry, _ in made)

    def _verified_head(self, run: str) -> tuple[int, str]:
        with self._database.errors(run):
            stored = _stored_head(self._database.connection, run)
        if stored == self._trusted.get(run):
            return stored
        entries = self.read(run)
        return (entries[-1].seq, entries[-1].hash) if entries else (0, "")

    def read(self, run: str, after: int = 0) -> tuple[Entry, ...]:
        """Entries with ``seq`` above ``after``; the whole chain is verified. Raises Failed (journal-broken)."""
        connection = self._database.connection
        rows: list[tuple[int, int, bytes, str, str]] = []
        with self._database.errors(run):
            connection.execute("BEGIN")
            try:
                head = _stored_head(connection, run)
                cursor = connection.execute(
                    "SELECT seq, at_ms, event, prev, hash FROM entries WHERE run = ? ORDER BY seq", (run,)
                )
                while True:
                    with self._database.errors(run, len(rows)):
                        row = cursor.fetchone()
                    if row is None:
                        break
                    rows.append(row)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        entries = verified(run, rows)
        found = (entries[-1].seq, entries[-1].hash) if entries else (0, "")
        if found[0] < head[0]:
            raise broken(run, found[0] + 1, f"{head[0] - found[0]} records were cut off the end")
        if found != head:
            raise broken(run, head[0] + 1 if found[0] > head[0] else head[0], "it does not fit the recorded head")
        return entries[after:]

    def runs(self) -> tuple[str, ...]:
        """Run ids, oldest first. Chains of checklists and logbooks are not runs."""
        with self._database.errors():
            rows = self._database.connection.execute(
                "SELECT run FROM entries GROUP BY run ORDER BY MIN(rowid)"
            ).fetchall()
        return tuple(run for (run,) in rows if is_run(run))

    def head(self, run: str) -> tuple[int, str]:
        """(seq, hash) of the newest entry; (0, "") for a run without any."""
        with self._database.errors(run):
            return _stored_head(self._database.connection, run)

    @staticmethod
    def locked(path: Path, run: str) -> bool:
        """Whether a process on this machine holds the run, and would refuse another one."""
        return RunLocks(_locks(path)).held(run)

    def close(self) -> None:
        """Give up the runs' locks and close the file. Idempotent."""
        self._locks.close()
        self._database.close()


class SqliteInbox:
    """Implements ``ports.journal.Inbox`` in the journal's file."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises as SqliteJournal does."""
        self._database = _Database(path)

    def post(self, run: str, at_ms: int, word: str, by: str, step: str = "", reason: str = "") -> Message:
        """Leave a message; it is on disk when this returns."""
        with self._database.transaction(run) as connection:
            cursor = connection.execute(
                "INSERT INTO inbox (run, at_ms, word, by, step, reason) VALUES (?, ?, ?, ?, ?, ?)",
                (run, at_ms, word, by, step, reason),
            )
        return Message(id=cursor.lastrowid or 0, run=run, at_ms=at_ms, word=word, by=by, step=step, reason=reason)

    def waiting(self, run: str) -> tuple[Message, ...]:
        """Messages not taken yet, oldest first; reading takes nothing."""
        columns = "id, run, at_ms, word, by, step, reason"
        waiting = f"SELECT {columns} FROM inbox WHERE run = ? AND taken = 0 ORDER BY id"  # noqa: S608
        with self._database.errors(run):
            rows = self._database.connection.execute(waiting, (run,)).fetchall()
        return tuple(Message(*row) for row in rows)

    def taken(self, run: str, ids: Sequence[int]) -> None:
        """Count these messages as taken."""
        if not ids:
            return
        with self._database.transaction(run) as connection:
            connection.executemany("UPDATE inbox SET taken = 1 WHERE run = ? AND id = ?", [(run, id) for id in ids])

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._database.close()


def _locks(path: Path) -> Path:
    return path.parent / (path.name + ".locks")


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        _create(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA fullfsync=ON")  # macOS: fsync alone does not reach the platter
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
        if mode != "wal" or level != 2:
            raise Failed(
                f"the journal {path} does not accept durable settings (journal_mode {mode}, synchronous {level})",
                code="journal-unwritable",
                object=str(path),
                why="an append could return before its record is on disk",
                hint="name a folder on a local disk with --state DIR",
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make the empty file for its owner only, and its name durable. SQLite gives its side files the same rights."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error


def _stored_head(connection: sqlite3.Connection, run: str) -> tuple[int, str]:
    row = connection.execute("SELECT seq, hash FROM heads WHERE run = ?", (run,)).fetchone()
    if row is None:
        return (0, "")
    seq, digest = row
    if not isinstance(seq, int) or not isinstance(digest, str):
        raise broken(run, 1, "its recorded head is damaged")
    return (seq, digest)
