"""A crash at every point: the next process goes on from the journal and the cluster, and nothing is done twice."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.world import RunResult
from shipkeeper.model.errors import Refused
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import RunStarted, StepIntent
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal, MortalReboot
from tests.execution.stage import RUN, Stage, three_nodes
from tests.journal.chained import check


def crash_at(point: int, stage: Stage, forgetful: bool = False) -> Mortal:
    """Play until the point, die there."""
    life = Mortal(point)
    world = stage.world(
        api=MortalApi(stage.api, life),
        journal=MortalJournal(stage.journal, life),
        reboot=MortalReboot(stage.reboot, life, forgetful),
    )
    try:
        stage.play(world=world)
    except Crash:
        stage.kernel.abandon()
    return life


def whole(stage: Stage, result: RunResult, life: Mortal) -> None:
    """Everything is as after an undisturbed night."""
    at = f"crashed at {life.count}: {life.where}"
    assert (result.state, result.exit_code) == ("done", 0), f"{at}: {result}"
    for name in ("n1", "n2", "n3"):
        node = stage.node(name)
        assert not node.unschedulable, f"{at}: {name} was left cordoned"
        assert not marks.read_marks(node).run, f"{at}: {name} carries our marks"
        assert stage.boots(name) == 1, f"{at}: {name} was rebooted {stage.boots(name)} times"
    check(stage.journal.read(RUN))
    assert all(step.state == "done" for step in stage.view.steps.values()), at


def again(stage: Stage, **options: object) -> RunResult:
    """The next process; a run whose end is on record needs none."""
    if stage.view.state == "done":
        with pytest.raises(Refused, match="is over"):
            stage.play()
        return RunResult(run_id=RUN, state="done", reason="", exit_code=0)
    return stage.play(**options)  # type: ignore[arg-type]


def all_at_once(plan: Plan) -> Plan:
    return replace(plan, batches=(("n1", "n2", "n3"),), max_parallel=3)


def points(**request: object) -> int:
    stage = Stage(**request)  # type: ignore[arg-type]
    life = crash_at(-1, stage)
    return life.count


@pytest.mark.requirement("R-E1")
def test_a_crash_at_every_append_and_every_call() -> None:
    total = points()
    assert total > 300, "too few points to crash at: the wrappers don't see the run"
    for point in range(1, total + 1):
        stage = Stage()
        life = crash_at(point, stage)
        assert life.dead
        whole(stage, again(stage), life)


def test_a_crash_at_every_point_with_all_nodes_at_once() -> None:
    parts = (*b.nodes(4), *three_nodes()[3:])
    request = {"names": ("n1", "n2", "n3"), "plan": all_at_once}
    whole_night = Stage(*parts, **request)
    life = crash_at(-1, whole_night)
    for point in range(1, life.count + 1, 3):
        stage = Stage(*parts, **request)
        life = crash_at(point, stage)
        whole(stage, again(stage), life)


def test_two_crashes_in_a_row() -> None:
    total = points()
    for point in range(5, total, 29):
        stage = Stage()
        first = crash_at(point, stage)
        second = crash_at(17, stage)
        assert second.dead, f"crashed at {first.where}"
        whole(stage, again(stage), first)


def test_a_driver_that_knows_nothing_is_never_asked_twice() -> None:
    """Where the request may have arrived, it is not repeated; where it did not, a person is asked."""
    whole_night = Stage()
    log = crash_at(-1, whole_night, forgetful=True).log
    around = [i + 1 for i, what in enumerate(log) if "StepIntent" in what or "reboot" in what or "Noted" in what]
    assert len(around) > 40
    paused = 0
    for point in around:
        stage = Stage()
        life = crash_at(point, stage, forgetful=True)
        asked = {
            i.step: sum(1 for e in stage.of(StepIntent, step=i.step)) for i in stage.of(StepIntent, action="reboot")
        }
        stage.reboot = MortalReboot(stage.twin.reboot, Mortal(-1), forgetful=True)
        result = again(stage, pause_for_ms=0)
        for name in ("n1", "n2", "n3"):
            assert stage.boots(name) <= 1, f"{life.where}: {name} was rebooted twice"
        if result.state == "paused":
            paused += 1
            assert result.exit_code == 6
            assert asked, f"paused although no reboot had been announced: {life.where}"
        else:
            whole(stage, result, life)
    assert paused, "no crash fell between the intent and the request"


def test_the_next_process_says_that_it_goes_on() -> None:
    stage = Stage()
    crash_at(120, stage)
    stage.play()
    assert [event.resumed for event in stage.of(RunStarted)] == [False, True]
