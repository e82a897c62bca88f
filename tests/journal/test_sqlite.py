"""The SQLite journal on a bad day: cut, edited, damaged, full, in use elsewhere, on the wrong disk."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.journal import schema
from shipkeeper.journal.filesystems import parse_mountinfo, refuse_network, type_of
from shipkeeper.journal.sqlite import SqliteInbox, SqliteJournal
from shipkeeper.model.errors import Failed, Refused, UsageProblem
from tests.journal.events import RUN, START_MS, note


def filled(path: Path, count: int = 6) -> None:
    journal = SqliteJournal(path)
    for number in range(1, count + 1):
        journal.append(RUN, START_MS + number, [note(number)])
    journal.close()


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


EDITS: dict[str, tuple[tuple[str, ...], int]] = {
    "an event edited": (("UPDATE entries SET event = replace(event, 'note 3', 'note 9') WHERE seq = 3",), 3),
    "a time edited": (("UPDATE entries SET at_ms = at_ms + 1 WHERE seq = 4",), 4),
    "a hash edited": (("UPDATE entries SET hash = 'ff' || substr(hash, 3) WHERE seq = 2",), 2),
    "a link edited": (("UPDATE entries SET prev = 'ff' || substr(prev, 3) WHERE seq = 4",), 4),
    "a record dropped": (("DELETE FROM entries WHERE seq = 3",), 3),
    "a record dropped and the rest renumbered": (
        ("DELETE FROM entries WHERE seq = 3", "UPDATE entries SET seq = seq - 1 WHERE seq > 3"),
        3,
    ),
    "two records swapped": (
        (
            "UPDATE entries SET seq = 99 WHERE seq = 2",
            "UPDATE entries SET seq = 2 WHERE seq = 3",
            "UPDATE entries SET seq = 3 WHERE seq = 99",
        ),
        2,
    ),
    "the first record dropped": (("DELETE FROM entries WHERE seq = 1",), 1),
    "the tail cut": (("DELETE FROM entries WHERE seq > 4",), 5),
    "everything dropped": (("DELETE FROM entries",), 1),
    "the head forgotten": (("DELETE FROM heads",), 1),
}


@pytest.mark.requirement("R-J1")
@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_is_found_and_its_place_named(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "journal.db"
    filled(path)
    statements, seq = EDITS[edit]
    if "replace(event" in statements[0]:
        statements = (
            statements[0].replace("replace(event,", "CAST(replace(CAST(event AS TEXT),").replace("')", "') AS BLOB)"),
        )
    tamper(path, *statements)
    journal = SqliteJournal(path)
    with pytest.raises(Failed) as caught:
        journal.read(RUN)
    assert caught.value.code == "journal-broken"
    assert f"seq {seq}" in caught.value.message, f"{edit}: the error must say where"
    with pytest.raises(Failed) as caught:
        journal.append(RUN, START_MS, [note(7)])
    assert caught.value.code == "journal-broken", f"{edit}: nothing may be appended to a broken record"
    journal.close()


@given(st.data())
def test_no_damage_to_the_file_goes_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Flip one byte anywhere: what is read is what was written, or journal-broken; never something else."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    filled(path, 12)
    journal = SqliteJournal(path)
    whole = journal.read(RUN)
    journal.close()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        journal = SqliteJournal(path)
        read = journal.read(RUN)
        journal.close()
    except (Failed, UsageProblem) as error:
        found = error.code
    else:
        found = "" if read == whole else "nothing"
    assert found in ("", "journal-broken", "journal-unwritable", "journal-newer"), (
        f"byte {place} of the file was changed and the record reads differently without an error"
    )


_APPENDER = """
import sys
from pathlib import Path
from shipkeeper.journal.sqlite import SqliteJournal
from tests.journal.events import RUN, START_MS, note
journal = SqliteJournal(Path(sys.argv[1]))
number = journal.head(RUN)[0]
while True:
    made = journal.append(RUN, START_MS, [note(number + i) for i in range(1, 4)])
    number = made[-1].seq
    print(number, flush=True)
"""


@pytest.mark.requirement("R-J1")
def test_kill_in_the_middle_of_an_append_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    confirmed = 0
    for turn in range(4):
        process = subprocess.Popen([sys.executable, "-c", _APPENDER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(10 + 7 * turn):
            confirmed = int(process.stdout.readline())
        process.kill()
        rest = process.communicate()[0].split()
        confirmed = int(rest[-1]) if rest else confirmed
        journal = SqliteJournal(path)
        entries = journal.read(RUN)
        journal.close()
        assert len(entries) >= confirmed, "a record whose append had returned is gone"
        assert len(entries) % 3 == 0, "a group commit was torn: part of the group is there"
        assert [entry.event for entry in entries] == [note(n) for n in range(1, len(entries) + 1)]


def _fails_to_write(path: Path, prepare: Callable[[SqliteJournal], None]) -> None:
    journal = SqliteJournal(path)
    journal.append(RUN, START_MS, [note(1)])
    prepare(journal)

    def append_on() -> None:
        for number in range(2, 200):
            journal.append(RUN, START_MS, [note(number)] * 20)

    with pytest.raises(Failed) as caught:
        append_on()
    assert caught.value.code == "journal-unwritable"
    assert caught.value.hint, "a person at 2 AM is told what to do"
    journal.close()
    again = SqliteJournal(path)
    entries = again.read(RUN)
    assert (len(entries) - 1) % 20 == 0, "what was refused left half a group behind"
    again.append(RUN, START_MS, [note(0)])
    again.close()


def test_a_full_disk_stops_the_journal_and_leaves_it_whole(tmp_path: Path) -> None:
    def fill(journal: SqliteJournal) -> None:
        connection = journal._database.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 8}")

    _fails_to_write(tmp_path / "journal.db", fill)


def test_a_read_only_file_stops_the_journal(tmp_path: Path) -> None:
    _fails_to_write(
        tmp_path / "journal.db", lambda journal: journal._database.connection.execute("PRAGMA query_only = ON")
    )


def test_a_file_that_cannot_grow_stops_the_journal(tmp_path: Path) -> None:
    """The kernel itself refuses the write here (RLIMIT_FSIZE), as a quota would."""
    path = tmp_path / "journal.db"
    filled(path, 3)
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom shipkeeper.journal.sqlite import SqliteJournal\n"
        "from shipkeeper.model.errors import Failed\nfrom tests.journal.events import RUN, START_MS, note\n"
        "journal = SqliteJournal(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try:\n    while True: journal.append(RUN, START_MS, [note(1)] * 50)\n"
        "except Failed as error: print(error.code)\n"
    )
    assert resource.RLIMIT_FSIZE
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "journal-unwritable", done.stderr
    journal = SqliteJournal(path)
    assert (len(journal.read(RUN)) - 3) % 50 == 0
    journal.close()


def test_a_second_process_cannot_write_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    first, second = SqliteJournal(path), SqliteJournal(path)
    first.append(RUN, START_MS, [note(1)])
    with pytest.raises(Refused) as caught:
        second.append(RUN, START_MS, [note(2)])
    assert caught.value.code == "run-elsewhere"
    second.append("run-other", START_MS, [note(1)])
    assert len(second.read(RUN)) == 1, "reading and other runs stay possible"
    first.close()
    second.append(RUN, START_MS, [note(2)])
    second.close()


def test_words_can_be_left_while_a_run_writes(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal, inbox = SqliteJournal(path), SqliteInbox(path)
    journal.append(RUN, START_MS, [note(1)])
    inbox.post(RUN, START_MS, "pause", "ana@example.org")
    journal.append(RUN, START_MS, [note(2)])
    other = SqliteInbox(path)
    assert [message.word for message in other.waiting(RUN)] == ["pause"]
    for opened in (journal, inbox, other):
        opened.close()


def test_the_file_is_its_owner_s_only_and_synced(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.db"
    journal = SqliteJournal(path)
    journal.append(RUN, START_MS, [note(1)])
    for file in (path, path.with_name("journal.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, f"others can read {file.name}"
    connection = journal._database.connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL, or an append returns too early"
    journal.close()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is a text file, not a journal" * 100)
    with pytest.raises(Failed) as caught:
        SqliteJournal(path)
    assert caught.value.code == "journal-broken"


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed) as caught:
        SqliteJournal(tmp_path / "file" / "journal.db")
    assert caught.value.code == "journal-unwritable"


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    filled(path, 1)
    tamper(path, f"INSERT INTO migrations VALUES ({len(schema.MIGRATIONS) + 1}, 'later', 'x')")
    with pytest.raises(UsageProblem) as caught:
        SqliteJournal(path)
    assert caught.value.code == "journal-newer"


def test_a_schema_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    filled(path, 1)
    tamper(path, "UPDATE migrations SET checksum = 'x' WHERE number = 1")
    with pytest.raises(Failed) as caught:
        SqliteJournal(path)
    assert caught.value.code == "journal-broken"


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:40 / /home rw,relatime shared:5 - nfs4 filer:/home rw,vers=4.2
41 22 0:41 / /mnt/my\\040share rw - cifs //filer/share rw
42 40 254:1 / /home/local rw - xfs /dev/vdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/home/ana/state", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/ana", "ext4"),
        ("/mnt/my share/x", "cifs"),
        ("/home/local/ana", "xfs"),
    ],
)
def test_the_mount_that_holds_a_path_is_found(path: str, kind: str) -> None:
    assert type_of(Path(path), parse_mountinfo(MOUNTS)) == kind


def test_a_network_file_system_is_refused(tmp_path: Path) -> None:
    mounts = MOUNTS + f"50 22 0:50 / {tmp_path} rw - nfs filer:/state rw\n"
    with pytest.raises(UsageProblem) as caught:
        refuse_network(tmp_path, mounts)
    assert caught.value.code == "journal-on-network"
    assert "nfs" in caught.value.message
    refuse_network(tmp_path, MOUNTS)


def test_whether_a_run_is_held_can_be_seen_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert not SqliteJournal.locked(path, RUN), "there is not even a file"
    journal = SqliteJournal(path)
    journal.append(RUN, START_MS, [note(1)])
    assert SqliteJournal.locked(path, RUN)
    assert not SqliteJournal.locked(path, "run-other")
    journal.append(RUN, START_MS, [note(2)])
    journal.close()
    assert not SqliteJournal.locked(path, RUN)
