"""Words from other processes: each counts once, whenever the process that heard it dies."""

from __future__ import annotations

from typing import Any

import pytest

from shipkeeper.execution import words
from shipkeeper.execution.context import Run
from shipkeeper.execution.world import RunOptions, RunResult
from shipkeeper.model.cluster import Quota
from shipkeeper.model.errors import Failed
from shipkeeper.model.run import Decided, PodOutcome, RunEnded, StateChanged, StepIntent
from shipkeeper.model.time import MINUTE
from tests.execution.mortal import Crash, Mortal, MortalInbox, MortalJournal
from tests.execution.stage import RUN, Stage, three_nodes

POINTS = ("after reading", "before append Decided", "after append Decided", "before marking", "after marking")


class Dying(Mortal):
    """Dies the first time that it comes to that point."""

    def __init__(self, point: str) -> None:
        super().__init__(-1)
        self.point = point

    def step(self, what: str) -> None:
        if not self.dead and what.startswith(self.point):
            self.at = self.count + 1
        super().step(what)


def held_stage(**request: Any) -> Stage:
    """The first node holds before its first eviction: a quota is over its limit, and a person may say to go on."""
    over = Quota("default", "team", hard={"services": 1, "limits.cpu": 1}, used={"services": 1, "limits.cpu": 2})
    return Stage(*three_nodes(), names=("n1",), more={"quotas": (over,)}, **request)


def says(stage: Stage, word: str, state: str = "held") -> Any:
    async def actor(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state=state))
        stage.say(word)

    return actor


def die(stage: Stage, point: str, word: str, state: str = "held") -> None:
    """Play until the process hears the word, and dies at that point of it."""
    life = Dying(point)
    world = stage.world(journal=MortalJournal(stage.journal, life), inbox=MortalInbox(stage.inbox, life))
    with pytest.raises(Crash):
        stage.play(says(stage, word, state), world=world, hold_for_ms=None)
    assert life.dead
    assert life.where.startswith(point)
    stage.kernel.abandon()


def heard(stage: Stage, word: str) -> int:
    return len(stage.of(Decided, decision=word))


@pytest.mark.parametrize("point", POINTS)
def test_an_approval_outlives_the_process_that_heard_it(point: str) -> None:
    stage = held_stage()
    die(stage, point, "approve")
    result: RunResult = stage.play(hold_for_ms=MINUTE)
    assert result.state == "done", "the person would have to say it again"
    assert heard(stage, "approve") == 1, "one word, one record"
    assert stage.inbox.waiting(RUN) == ()
    assert stage.of(PodOutcome, result="evicted")


@pytest.mark.parametrize("point", POINTS)
def test_a_confirmation_outlives_it_too(point: str) -> None:
    stage = Stage(confirm="each", names=("n1", "n2"))
    die(stage, point, "approve", state="paused")
    result = stage.play(pause_for_ms=MINUTE)
    assert (result.state, result.exit_code) == ("paused", 6), "one word confirms one node"
    assert stage.of(StepIntent, target="n1")
    assert not stage.of(StepIntent, target="n2")
    assert heard(stage, "approve") == 1


@pytest.mark.parametrize("point", POINTS)
def test_an_abort_outlives_it_as_well(point: str) -> None:
    stage = held_stage()
    die(stage, point, "abort")
    assert stage.play(hold_for_ms=MINUTE).state == "aborted"
    assert heard(stage, "abort") == 1
    assert not stage.node("n1").unschedulable


def test_an_approval_of_one_hold_is_none_of_another() -> None:
    """Between the two processes the quota was mended, and something else came up at the same step."""
    stage = held_stage()
    die(stage, "after reading", "approve")
    quotas = stage.twin.api._quotas._quotas
    quotas["default"] = [Quota("default", "other", hard={"limits.cpu": 1}, used={"limits.cpu": 2})]
    result = stage.play(hold_for_ms=MINUTE)
    assert (result.state, result.exit_code) == ("held", 4)
    assert "quota other is over its limit" in result.reason
    assert not stage.of(PodOutcome)


def test_an_approval_of_a_hold_that_ended_by_itself_is_used_up() -> None:
    stage = held_stage(confirm="each")
    die(stage, "after marking", "approve", state="paused")  # confirms n1
    die(stage, "after marking", "approve")  # lets the quota pass
    stage.twin.api._quotas._quotas.clear()
    assert stage.play(hold_for_ms=MINUTE).state == "done"
    view = stage.view
    assert view.approvals == []
    assert view.standing == {}
    assert view.stood == {}, "a later hold at the same gate would be approved by nobody"


def test_an_approval_while_nobody_was_there_is_for_the_hold_that_stood() -> None:
    stage = held_stage()
    assert stage.play(hold_for_ms=MINUTE).state == "held"
    stage.say("approve")
    assert stage.play(hold_for_ms=MINUTE).state == "done"
    assert stage.of(Decided, decision="approve")[0].answers == ("n1/drain",)
    assert any("before this process began" in event.reason for event in stage.of(StateChanged, state="running"))


def test_a_word_for_another_node_waits_until_that_node_asks() -> None:
    stage = Stage(confirm="each", names=("n1", "n2"))

    async def approves(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="paused"))
        stage.say("approve", step="n2")
        await stage.until(stage.seen(Decided))
        stage.say("approve", step="n1")

    assert stage.play(approves, pause_for_ms=MINUTE).state == "done"


def test_an_inbox_that_cannot_be_marked_is_asked_again_and_nothing_is_taken_twice() -> None:
    stage = held_stage()
    stage.say("pause")
    run = Run.of(stage.world(), stage.plan, RUN, RunOptions())
    broken = Unmarkable(stage.inbox)
    words.listen(run, broken)
    words.listen(run, broken)
    assert heard(stage, "pause") == 1
    words.listen(run, stage.inbox)
    assert heard(stage, "pause") == 1
    assert stage.inbox.waiting(RUN) == ()


class Unmarkable:
    def __init__(self, inner: Any) -> None:
        self.waiting = inner.waiting

    def taken(self, run: str, ids: Any) -> None:
        raise Failed("the journal cannot be written: database is locked", code="journal-unwritable")


def test_the_record_of_an_early_end_keeps_the_hold() -> None:
    stage = held_stage()
    stage.play(hold_for_ms=MINUTE)
    assert stage.of(RunEnded)[-1].state == "held"
    assert [(seen.gate, seen.object) for seen in stage.view.standing.values()] == [
        ("quota-for-pods", "ResourceQuota default/team")
    ]
