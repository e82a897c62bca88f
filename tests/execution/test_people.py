"""People and a run: Ctrl-C, pause, resume, approve, abort; and what is printed for them."""

from __future__ import annotations

from shipkeeper.execution import marks
from shipkeeper.execution.status import RunView
from shipkeeper.model.run import Decided, NodeLeft, PodOutcome, RunEnded, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.time import HOUR, MINUTE, SECOND
from tests import builders as b
from tests.execution.stage import RUN, Stage, three_nodes, window
from tests.journal.chained import check


def test_ctrl_c_once_stops_at_the_next_safe_point() -> None:
    stage = Stage()

    async def presses(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        stage.interrupts.stop()

    result = stage.play(presses)
    assert (result.state, result.exit_code) == ("interrupted", 130)
    assert stage.boots("n1") == 1
    assert not stage.node("n1").unschedulable
    assert stage.play().state == "done", "and goes on later"


def test_ctrl_c_twice_stops_at_once_and_tells_what_is_left() -> None:
    stage = Stage()

    async def presses_twice(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        stage.interrupts.stop()
        await stage.kernel.sleep(2 * SECOND)
        stage.interrupts.stop()

    result = stage.play(presses_twice)
    assert (result.state, result.exit_code) == ("interrupted", 130)
    assert stage.node("n1").unschedulable
    left = {event.node: event for event in stage.of(NodeLeft)}
    assert left["n1"].state == "asked to reboot, not back yet, cordoned"
    assert left["n1"].next == f"shipkeeper run --resume {RUN}"
    assert stage.of(RunEnded)[0].state == "interrupted"
    assert stage.play().state == "done"
    assert stage.boots("n1") == 1


def test_pause_waits_at_a_safe_point_and_resume_goes_on() -> None:
    stage = Stage()

    async def pauses(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n2/drain"))
        stage.say("pause")
        await stage.until(stage.seen(StateChanged, state="paused"))
        before = len(stage.entries)
        await stage.kernel.sleep(2 * HOUR)
        assert len(stage.entries) == before, "a paused run does nothing"
        assert not [name for name in ("n1", "n2", "n3") if stage.node(name).unschedulable], "no node is half way"
        stage.say("resume")

    assert stage.play(pauses).state == "done"
    assert [stage.boots(name) for name in ("n1", "n2", "n3")] == [1, 1, 1]
    assert [event.decision for event in stage.of(Decided)] == ["pause", "resume"]
    assert stage.of(Decided)[0].by == "kim"


def test_a_pause_that_lasts_too_long_ends_the_process_resumable() -> None:
    stage = Stage()

    async def pauses(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n2/drain"))
        stage.say("pause")

    result = stage.play(pauses, pause_for_ms=10 * MINUTE)
    assert (result.state, result.exit_code) == ("paused", 6)
    assert stage.view.state == "paused"
    assert stage.play().state == "done"


def test_abort_undoes_what_is_ours_and_ends_for_good() -> None:
    slow = b.deployment("slow", on=("n2",), template=b.shape({"app": "slow"}, grace_ms=60_000))
    stage = Stage(*three_nodes(), slow)

    async def aborts(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n2/drain"))
        stage.say("abort")

    result = stage.play(aborts, words_every_ms=100)
    assert (result.state, result.exit_code) == ("aborted", 1)
    assert not stage.node("n2").unschedulable
    assert not marks.read_marks(stage.node("n2")).run
    assert stage.boots("n2") == 0
    assert stage.view.state == "aborted"


def test_each_node_waits_for_its_own_approval() -> None:
    stage = Stage(confirm="each")

    async def approves(stage: Stage) -> None:
        for name in ("n1", "n2", "n3"):
            await stage.until(lambda name=name: any(
                isinstance(e.event, StateChanged) and e.event.object == f"Node {name}" for e in stage.entries
            ))  # fmt: skip
            await stage.kernel.sleep(HOUR)
            assert not stage.of(StepIntent, target=name), f"{name} was begun without approval"
            stage.say("approve", step="n9")
            await stage.kernel.sleep(5 * SECOND)
            assert not stage.of(StepIntent, target=name), "an approval of another node counts for nothing here"
            stage.say("approve", step=name)

    assert stage.play(approves).state == "done"


def test_an_approval_given_to_a_process_that_had_ended_counts_for_the_next() -> None:
    stage = Stage(confirm="each", names=("n1",))
    first = stage.play(pause_for_ms=0)
    assert (first.state, first.exit_code) == ("paused", 6)
    stage.say("approve")
    assert stage.play(pause_for_ms=MINUTE).state == "done"


def test_a_wait_for_the_window_can_be_aborted() -> None:
    stage = Stage(window=window(opens_in_ms=5 * HOUR))

    async def aborts(stage: Stage) -> None:
        await stage.kernel.sleep(HOUR)
        stage.say("abort")

    assert stage.play(aborts).state == "aborted"
    assert not stage.of(StepIntent)


def test_the_status_is_the_fold_of_the_journal() -> None:
    stage = Stage()

    async def look(stage: Stage) -> None:
        await stage.until(stage.seen(PodOutcome, step="n2/drain"), every_ms=1)
        status = RunView.of(stage.journal.read(RUN)).status()
        assert status.state == "running"
        states = {step.id: step.state for step in status.steps}
        assert states["n1/settle"] == "done"
        assert states["n2/drain"] in ("running", "done")
        assert states["n3/cordon"] == "pending"

    stage.play(look)
    status = RunView.of(stage.journal.read(RUN)).status()
    assert (status.id, status.state, status.plan_digest) == (RUN, "done", stage.plan.digest)
    assert {step.state for step in status.steps} == {"done"}
    assert status.journal_head == stage.journal.head(RUN)[1]
    assert status.started_at
    assert status.ended_at


def test_folding_in_pieces_is_folding_at_once() -> None:
    stage = Stage()
    stage.play()
    entries = stage.journal.read(RUN)
    check(entries)
    view = RunView()
    for entry in entries:
        view.apply(entry)
    assert view.status() == RunView.of(entries).status()


def test_a_hold_says_what_why_and_what_to_paste() -> None:
    parts = (*three_nodes(), b.pod("alone"))
    stage = Stage(*parts)
    stage.play()
    held = stage.of(StateChanged, state="held")[0]
    assert "default/alone has no controller" in held.reason
    assert held.object == "Pod default/alone"
    assert held.why
    assert held.will_do
    assert all(command.startswith(("shipkeeper ", "kubectl ")) for command in held.commands)
    assert stage.of(NodeLeft, node="n1")[0].state == "cordoned, nothing evicted"
    assert stage.of(StepOutcome, step="n1/drain")[0].state == "held"
