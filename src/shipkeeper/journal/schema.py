"""The SQLite schema, as numbered migrations whose checksums are kept in the database."""

from __future__ import annotations

import hashlib
import sqlite3

from shipkeeper.model.errors import Failed, UsageProblem

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "entries, heads and inbox",
        (
            """CREATE TABLE entries (
                run TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
                event BLOB NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
                UNIQUE (run, seq)) STRICT""",
            "CREATE TABLE heads (run TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT",
            """CREATE TABLE inbox (
                id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, at_ms INTEGER NOT NULL,
                word TEXT NOT NULL, by TEXT NOT NULL, step TEXT NOT NULL, reason TEXT NOT NULL,
                taken INTEGER NOT NULL DEFAULT 0) STRICT""",
            "CREATE INDEX inbox_waiting ON inbox (run, taken, id)",
        ),
    ),
)
"""(what it does, statements), in order; number 1 is the first. Never edited once released: add another."""


def checksum(number: int) -> str:
    """SHA-256 (hex) over a migration's statements."""
    return hashlib.sha256("\n;\n".join(MIGRATIONS[number - 1][1]).encode()).hexdigest()


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, in one transaction.

    Raises UsageProblem (code journal-newer) for a journal of a later release, and Failed (code journal-broken) when a
    recorded migration is not the one this release knows. sqlite3.Error passes through.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"
        )
        known = connection.execute("SELECT number, checksum FROM migrations ORDER BY number").fetchall()
        _refuse_strangers(known)
        for number in range(len(known) + 1, len(MIGRATIONS) + 1):
            name, statements = MIGRATIONS[number - 1]
            for statement in statements:
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, name, checksum(number)))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_strangers(known: list[tuple[int, str]]) -> None:
    for position, (number, recorded) in enumerate(known, start=1):
        if number > len(MIGRATIONS):
            raise UsageProblem(
                f"the journal's schema is number {known[-1][0]}; this release knows {len(MIGRATIONS)}",
                code="journal-newer",
                why="an older release could misread what a newer one wrote",
                hint="use the release that wrote it, or a newer one",
            )
        if number != position or recorded != checksum(position):
            raise Failed(
                f"migration {position} of the journal is not the one this release knows",
                code="journal-broken",
                why="the tables may not mean what they seem to",
                hint="restore the journal from a copy",
            )
