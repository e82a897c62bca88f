"""Notices while a run goes on: to those who know of it, and never at the cost of the run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.herald import Herald, kind_of, wanted
from shipkeeper.app.platform_file import read_platform
from shipkeeper.model.book import NoticeAttempt, NoticeResult
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import Noted, RunEnded, RunEvent, StateChanged, StepIntent
from shipkeeper.ports.journal import Entry
from tests.evidence.sample_run import RUN, journal_of, night
from tests.notices.desk import Desk, mail_channel
from tests.notices.smtp import Mailbox, free_port, serving
from tests.notices.test_sending import BY, by_mail

OVERRUN = Noted(topic="overrun", text="the window closed at 05:00 and n1 is not back yet", object="Node n1")


class Ear:
    def __init__(self, desk: Desk, **more: Any) -> None:
        self.desk, self.said, self.seen = desk, [], []
        self.platform = read_platform(desk.folder / "shipkeeper.yaml")[0]
        self.herald = Herald(desk.plan, self.platform, desk.folder, desk.state, RUN, self.said.append, **more)

    def hear(self, *events: RunEvent) -> None:
        with self.herald as herald:
            take = herald.around(lambda entry: self.seen.append(entry.event))
            for number, event in enumerate(events):
                take(Entry(RUN, number + 1, now_ms(), event, "", ""))


def intent() -> StepIntent:
    return StepIntent(step="n1/cordon", attempt=1, action="cordon", target="n1")


DONE = RunEnded(state="done", reason="every node is done", seconds=60)


@pytest.mark.requirement("R-C2")
def test_those_who_know_of_it_hear_that_it_begins_lasts_longer_and_is_over(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        assert desk.says("send", *BY).exit_code == 0
        ear = Ear(desk)
        ear.hear(StateChanged(state="running", reason="open"), intent(), intent(), OVERRUN, OVERRUN, DONE)
        subjects = [message["Subject"].partition(":")[0] for message in server.box.taken[1:]]
    assert [subject.rpartition(",")[0] or subject for subject in subjects] == [
        "Maintenance of the platform Harbour has begun",
        "Maintenance of the platform Harbour takes longer than planned",
        "Maintenance of the platform Harbour is over",
    ]
    assert not ear.said
    assert len(ear.seen) == 6, "the screen hears everything too"
    attempts = [event for event in desk.events() if isinstance(event, NoticeAttempt)]
    assert [event.by for event in attempts[1:]] == [RUN] * 3


def test_a_resumed_run_does_not_tell_again(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        desk.says("send", *BY)
        Ear(desk).hear(intent())
        Ear(desk).hear(intent(), DONE)
        assert len(server.box.taken) == 3


def test_nobody_hears_of_the_end_of_what_they_never_heard_of(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        Ear(desk).hear(intent(), DONE)
        assert not server.box.taken


@pytest.mark.parametrize(
    "event",
    [
        RunEnded(state="failed", reason="quarantined", seconds=1),
        RunEnded(state="aborted", reason="by a person", seconds=1),
        RunEnded(state="held", reason="a budget", seconds=1),
        RunEnded(state="interrupted", reason="Ctrl-C", seconds=1),
        StateChanged(state="waiting", reason="the window opens later"),
        StateChanged(state="running", reason="the window is open"),
        Noted(topic="deviation", text="slow"),
    ],
)
def test_what_did_not_end_well_is_told_by_a_person(event: RunEvent) -> None:
    assert kind_of(event) == ""


def test_a_whole_night_calls_for_a_start_and_an_end() -> None:
    kinds = [kind_of(entry.event) for entry in journal_of(night())]
    assert list(dict.fromkeys(kind for kind in kinds if kind)) == ["start", "done"]


def test_a_dead_mail_server_is_recorded_and_said_and_the_run_goes_on(tmp_path: Path) -> None:
    port = free_port()
    with serving(port=port) as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        desk.says("send", *BY)
    ear = Ear(desk)
    ear.hear(intent(), DONE)
    assert len(ear.seen) == 2
    assert [words.partition(" to ")[0] for words in ear.said] == ["notices: start", "notices: done"]
    results = [event for event in desk.events() if isinstance(event, NoticeResult)]
    assert [event.state for event in results] == ["sent", "failed", "failed"]
    status = json.loads(desk.says("status", "--kind", "start", "-o", "json").stdout)
    assert status["items"][0]["delivery"] == "failed"


def test_a_server_that_hangs_keeps_the_run_s_end_waiting_only_so_long(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net")
        desk.says("send", *BY)
    with serving(Mailbox(after_data=lambda number: "hang"), port=server.port):
        ear = Ear(desk, patience_s=1.5)
        began = time.monotonic()
        ear.hear(DONE)
        assert time.monotonic() - began < 10
        last = desk.events()[-1]
    assert "not waited for" in ear.said[0]
    assert isinstance(last, NoticeAttempt), "that it may have left is on record"


def test_what_is_wrong_with_templates_or_files_is_said_and_no_more(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "a@example.net", more="  templates: texts")
        (tmp_path / "texts").mkdir()
        desk.says("send", *BY)
        (tmp_path / "texts/start.txt").write_text("Subject: x\n\n{{ nobody }}\n")
        ear = Ear(desk)
        ear.hear(intent(), DONE)
        assert [message["Subject"] for message in server.box.taken[1:]] == [
            "Maintenance of the platform Harbour is over"
        ]
    assert ear.said == ["notices: start was not told: a template of notices does not work: 'nobody' is undefined"]


def test_the_file_or_a_person_says_whether_a_run_tells_people(tmp_path: Path) -> None:
    desk = Desk.make(tmp_path, now_ms(), mail_channel(1, "a@example.net"))
    declared = read_platform(desk.folder / "shipkeeper.yaml")[0]
    silent = replace(declared, notices=replace(declared.notices, during_run=False))
    assert [wanted(said, declared) for said in (None, True, False)] == [True, True, False]
    assert [wanted(said, silent) for said in (None, True, False)] == [False, True, False]
    assert [wanted(said, Platform()) for said in (None, True, False)] == [False, False, False], "there is no channel"
