"""Both journals and both inboxes keep the same contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.journal import chain
from shipkeeper.journal.memory import MemoryJournal
from shipkeeper.journal.sqlite import SqliteInbox, SqliteJournal
from shipkeeper.model.run import Noted, RunEvent, WorkloadFelt, encode_event
from shipkeeper.ports.journal import Inbox, Journal
from tests.journal.chained import check
from tests.journal.events import RUN, START_MS, events, note
from tests.journal.memory_inbox import MemoryInbox


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        made = SqliteJournal(tmp_path / "journal.db")
        yield made
        made.close()


@pytest.fixture(params=["memory", "sqlite"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inbox]:
    if request.param == "memory":
        yield MemoryInbox()
    else:
        made = SqliteInbox(tmp_path / "journal.db")
        yield made
        made.close()


def test_entries_come_back_in_order_and_chained(journal: Journal) -> None:
    appended = journal.append(RUN, START_MS, [note(1), note(2)]) + journal.append(RUN, START_MS + 5, [note(3)])
    assert [entry.seq for entry in appended] == [1, 2, 3], "seq counts from 1 without gaps"
    read = journal.read(RUN)
    assert [entry.event for entry in read] == [note(1), note(2), note(3)]
    assert [entry.at_ms for entry in read] == [START_MS, START_MS, START_MS + 5]
    assert read[0].prev == "", "the first record has nothing before it"
    assert [entry.prev for entry in read[1:]] == [entry.hash for entry in read[:-1]], (
        "each record covers the one before"
    )
    assert journal.head(RUN) == (3, read[-1].hash)
    assert journal.read(RUN, after=2) == read[2:], "reading on from a seq gives only what is newer"
    check(read)


def test_runs_have_chains_of_their_own(journal: Journal) -> None:
    journal.append("run-b", START_MS, [note(1)])
    journal.append("run-a", START_MS + 1, [note(1)])
    journal.append("run-b", START_MS + 2, [note(2)])
    assert journal.runs() == ("run-b", "run-a"), "oldest first, not by name"
    assert len(journal.read("run-a")) == 1
    assert journal.read("run-a")[0].hash != journal.read("run-b")[0].hash, "the run's id is inside the hash"
    assert journal.head("run-c") == (0, "")
    assert journal.read("run-c") == ()


def test_an_empty_append_writes_nothing(journal: Journal) -> None:
    assert journal.append(RUN, START_MS, []) == ()
    assert journal.runs() == ()


def test_checklist_chains_are_not_runs(journal: Journal) -> None:
    journal.append("checks-abc", START_MS, [note(1)])
    journal.append(RUN, START_MS, [note(1)])
    assert journal.runs() == (RUN,)


@given(st.lists(st.lists(events, min_size=1, max_size=4), min_size=1, max_size=5))
def test_memory_and_sqlite_write_the_same_chain(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[RunEvent]]
) -> None:
    on_disk = SqliteJournal(tmp_path_factory.mktemp("journal") / "journal.db")
    in_memory = MemoryJournal()
    for turn, group in enumerate(groups):
        on_disk.append(RUN, START_MS + turn, group)
        in_memory.append(RUN, START_MS + turn, group)
        if turn % 2:
            in_memory.head(RUN)  # chaining part of it early changes nothing
    assert on_disk.read(RUN) == in_memory.read(RUN), "a rehearsal's record and a real one differ in form"
    on_disk.close()


def test_messages_are_taken_once_and_in_order(inbox: Inbox) -> None:
    first = inbox.post(RUN, START_MS, "pause", "ana@example.org")
    other = inbox.post("run-b", START_MS, "abort", "ana@example.org")
    second = inbox.post(RUN, START_MS + 1, "approve", "ben@example.org", step="n1/reboot", reason="seen")
    assert inbox.waiting(RUN) == inbox.waiting(RUN) == (first, second), "reading takes nothing"
    inbox.taken(RUN, [first.id, other.id])
    assert inbox.waiting(RUN) == (second,)
    assert inbox.waiting("run-b") == (other,), "another run's word was taken"
    inbox.taken(RUN, [first.id, second.id])
    inbox.taken(RUN, [])
    assert inbox.waiting(RUN) == ()
    assert inbox.waiting("run-b") == (other,)
    assert inbox.post(RUN, START_MS, "resume", "ana@example.org").id > second.id


def test_figures_are_written_as_they_will_be_read(journal: Journal) -> None:
    """A whole number in a field for fractions must not change the hash when the record is written again."""
    felt = WorkloadFelt(
        step="n1/settle",
        kind="Deployment",
        namespace="a",
        name="b",
        downtime_seconds=30,
        degraded_seconds=0,
        evictions=1,
    )
    journal.append(RUN, START_MS, [felt])
    (entry,) = journal.read(RUN)
    assert chain.link("", RUN, 1, START_MS, encode_event(entry.event)) == entry.hash


def test_the_page_tells_every_kind_of_record_and_its_keys() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reference/journal.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE))
    rows.pop("event")  # the head
    kinds = {kind.__struct_config__.tag: kind for kind in get_args(RunEvent) if kind.__module__ == Noted.__module__}
    assert rows.keys() == kinds.keys()
    for tag, kind in kinds.items():
        told = re.findall(r"`(\w+)(?:\[\])?`", re.sub(r"{[^}]*}|\([^)]*\)", "", rows[tag]))
        assert told == list(kind.__struct_encode_fields__), f"{tag}: the page and the record differ"
