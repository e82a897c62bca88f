"""The logbook: one chain a platform, next to the runs and not one of them."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from shipkeeper.app.logbook import Logbook, chain_of
from shipkeeper.app.speaker import speaker
from shipkeeper.app.state import State
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import Attested, Waived
from shipkeeper.model.errors import BadInput, Failed, Refused
from shipkeeper.model.platform import Person, Platform


def attested(task: str) -> Attested:
    return Attested(task=task, by="auditor", done_on="2026-11-01", answers={"at rest?": "yes"})


def test_what_was_said_is_read_back_in_order_and_is_no_run(tmp_path) -> None:
    book = Logbook.of(State(tmp_path), Platform(name="Payments EU"))
    assert book.read() == ()
    book.write(1_000, [attested("provider-audit")])
    book.write(2_000, [Waived(rule="staged", subject="sha256:1", reason="no staging", by="lead"), attested("laptops")])
    assert [item.seq for item in book.read()] == [1, 2, 3]
    assert [event.task for event in book.of_kind(Attested)] == ["provider-audit", "laptops"]
    assert book.chain == "book-payments-eu"
    journal = SqliteJournal(tmp_path / "journal.db")
    assert journal.runs() == (), "a logbook shows up as a maintenance run"
    journal.close()


def test_two_processes_may_write_in_turn(tmp_path) -> None:
    """The first holds the chain; the second waits for it, and nothing is lost."""
    path = tmp_path / "journal.db"
    holder = SqliteJournal(path)
    holder.append(chain_of("p"), 1, [attested("first")])
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.close()

    Logbook(path, "p", pause).write(2, [attested("second")])
    assert len(pauses) == 3
    assert [event.task for event in Logbook(path, "p").of_kind(Attested)] == ["first", "second"]


def test_a_logbook_that_is_never_given_up_is_an_error_and_not_a_wait_for_ever(tmp_path) -> None:
    path = tmp_path / "journal.db"
    holder = SqliteJournal(path)
    holder.append(chain_of("p"), 1, [attested("first")])
    with pytest.raises(Refused) as caught:
        Logbook(path, "p", lambda _: None).write(2, [attested("second")])
    assert caught.value.code == "run-elsewhere"
    holder.close()


def test_many_writers_lose_nothing(tmp_path) -> None:
    path = tmp_path / "journal.db"
    Logbook(path, "p").write(0, [attested("start")])
    threads = [threading.Thread(target=lambda n=n: Logbook(path, "p").write(n, [attested(f"t{n}")])) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {event.task for event in Logbook(path, "p").of_kind(Attested)} == {"start", *(f"t{n}" for n in range(6))}


def test_a_platform_that_names_people_knows_who_speaks() -> None:
    platform = Platform(people=(Person(name="platform lead", roles=("lead",), identity="oidc:lead"),))
    assert speaker(platform, "platform lead").roles == ("lead",)
    assert speaker(platform, "oidc:lead").name == "platform lead"
    with pytest.raises(BadInput, match="knows nobody called 'platform led'") as caught:
        speaker(platform, "platform led")
    assert "did you mean platform lead?" in caught.value.hint
    with pytest.raises(BadInput, match="nobody is named"):
        speaker(Platform(), " ")
    assert speaker(Platform(), "somebody").identity, "a record without any identity cannot be asked about"


def test_many_records_in_a_row_do_not_read_the_whole_logbook_each_time(tmp_path, monkeypatch) -> None:
    """Sending a notice to thousands writes thousands of records."""
    book = Logbook(tmp_path / "journal.db", "p")
    book.write(1, [attested(f"t{n}") for n in range(5)])
    reads = []
    whole = SqliteJournal.read
    monkeypatch.setattr(SqliteJournal, "read", lambda self, *args: reads.append(args) or whole(self, *args))
    for number in range(5):
        book.write(number, [attested(f"u{number}")])
    assert not reads
    Logbook(tmp_path / "journal.db", "p").write(9, [attested("another process")])
    assert len(reads) == 1, "who has verified nothing yet does"
    book.write(10, [attested("last")])
    assert len(reads) == 2, "somebody else wrote since: what they wrote is verified"
    monkeypatch.undo()
    assert len(book.read()) == 12


def test_what_was_tampered_with_meanwhile_is_found_by_the_next_reader(tmp_path) -> None:
    path = tmp_path / "journal.db"
    book = Logbook(path, "p")
    book.write(1, [attested("first"), attested("second")])
    connection = sqlite3.connect(path)
    connection.execute("UPDATE entries SET event = ? WHERE seq = 1", (b'{"event":"attested","task":"x"}',))
    connection.commit()
    connection.close()
    book.write(2, [attested("third")])
    with pytest.raises(Failed) as caught:
        book.read()
    assert caught.value.code == "journal-broken"
