"""The stop table, cell by cell, on the twin: whatever asks for the stop, whatever phase the node is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.control import Control
from shipkeeper.execution.signals import StopRequest
from shipkeeper.execution.status import UNDO
from shipkeeper.execution.stops import TABLE, Action, Phase, decide
from shipkeeper.model.plan import Timings
from shipkeeper.model.run import (
    GateRead,
    NodeLeft,
    Noted,
    PodOutcome,
    RunEnded,
    RunEvent,
    StateChanged,
    StepIntent,
    StepOutcome,
)
from shipkeeper.model.storage import VolumeAttachment
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal
from tests.execution.stage import RUN, Stage
from tests.journal.chained import check

REQUESTS = {
    "person": StopRequest("person", "interrupted", "interrupted", 130),
    "window": StopRequest("window", "held", "the window is over", 4),
    "abort": StopRequest("abort", "aborted", "aborted by kim", 1),
    "gate": StopRequest("gate", "held", "the lease was lost", 4),
}


def on(kind: type[Any], **fields: Any) -> Callable[[RunEvent], bool]:
    return lambda event: isinstance(event, kind) and all(getattr(event, n) == v for n, v in fields.items())


ENTERS: dict[Phase, Callable[[RunEvent], bool]] = {
    "intent": on(GateRead, step="n2/cordon", gate="nothing-blocks"),
    "cordoned": on(StepOutcome, step="n2/cordon", state="done"),
    "evicting": on(PodOutcome, step="n2/drain", result="evicted"),
    "drained": on(StepOutcome, step="n2/drain", state="done"),
    "rebooting": on(Noted, step="n2/reboot", topic="reboot-requested"),
    "serves": on(StepOutcome, step="n2/serves", state="done"),
    "settling": on(StepOutcome, step="n2/uncordon", state="done"),
}


def stage_with_slow_drain() -> Stage:
    """Two pods under one budget on n2: between the first and the second there is time to stop."""
    return Stage(
        *b.nodes(3),
        b.deployment("web", on=("n1", "n2", "n2")),
        b.budget("web", app="web", max_unavailable=1, healthy=3, expected=3, desired=2, allowed=1),
        b.daemonset("agent", on=("n1", "n2", "n3")),
        timings=Timings(
            reboot_seconds=(60, 60), readiness={"*": (10, 10)}, termination={"*": (2, 2)}, stable_ready_seconds=30
        ),
    )


def stop_at(stage: Stage, phase: Phase, column: str) -> Any:
    """Play; the moment the node enters the phase, the stop is asked for."""
    asked = []

    def listen(entry: Any) -> None:
        if not asked and ENTERS[phase](entry.event):
            control: Control = stage.interrupts.listeners[-1].__self__  # type: ignore[attr-defined]
            asked.append(entry.seq)
            control.request(REQUESTS[column])

    stage.on_entry.append(listen)
    result = stage.play()
    assert asked, f"the node never entered {phase}"
    stage.on_entry.clear()
    return result


CELLS = [(phase, column, action) for phase, row in TABLE.items() for column, action in row.items()]


@pytest.mark.parametrize(("phase", "column", "action"), CELLS, ids=[f"{p}-{c}" for p, c, _ in CELLS])
def test_every_cell(phase: Phase, column: str, action: Action) -> None:
    stage = stage_with_slow_drain()
    result = stop_at(stage, phase, column)
    request = REQUESTS[column]
    assert (result.state, result.exit_code) == (request.state, request.exit_code)
    node = stage.node("n2")
    ours = marks.read_marks(node).run == RUN
    rebooted = stage.boots("n2")
    evicted = len(stage.of(PodOutcome, step="n2/drain", result="evicted"))
    left = {event.node: event for event in stage.of(NodeLeft)}
    if action == "stop":
        assert (node.unschedulable, ours) == (False, False), "nothing of ours may be left"
        assert rebooted == (1 if phase == "settling" else 0)
    elif action == "uncordon":
        assert (node.unschedulable, ours) == (False, False), "our cordon is taken back"
        assert rebooted == (1 if phase == "serves" else 0)
        if phase == "evicting":
            assert evicted == 1, "no further pod is evicted"
    elif action == "finish-evicting":
        assert evicted == 2, "the drain is finished"
        assert (node.unschedulable, ours, rebooted) == (False, False, 0), "then it is as drained: uncordoned, stop"
    elif action == "go-on":
        assert rebooted == 1
        assert stage.of(StepOutcome, step="n2/serves", state="done"), "a rebooting node is brought back"
        assert (node.unschedulable, ours) == (False, False)
    else:
        expected = phase not in ("intent", "settling")
        assert (node.unschedulable, ours) == (expected, expected), "held as it is"
        assert not stage.of(StepIntent, step="n2/uncordon") or phase == "settling", "no effect after a closed gate"
    assert not stage.of(StepIntent, target="n3"), "no further node is begun"
    assert stage.boots("n3") == 0
    if phase != "settling" and result.state != "aborted":
        assert left["n2"].next == f"shipkeeper run --resume {RUN}"
    assert left["n3"].state == "not begun"
    assert stage.of(RunEnded)[-1].state == request.state
    check(stage.journal.read(RUN))


@pytest.mark.parametrize("phase", list(TABLE))
@pytest.mark.parametrize("column", ["person", "window", "gate"])
def test_what_was_stopped_goes_on_to_the_end(phase: Phase, column: str) -> None:
    """Interrupted and held runs are resumable from every cell, and no machine is rebooted twice."""
    stage = stage_with_slow_drain()
    stop_at(stage, phase, column)
    result = stage.play()
    assert result.state == "done", result
    for name in ("n1", "n2", "n3"):
        assert stage.boots(name) == 1, f"{name}: {stage.boots(name)} reboots"
        assert not stage.node(name).unschedulable
        assert not marks.read_marks(stage.node(name)).run
    check(stage.journal.read(RUN))


def test_the_table_has_every_cell() -> None:
    for phase in ENTERS:
        for column in REQUESTS:
            assert decide(phase, column)  # type: ignore[arg-type]


def test_a_crash_while_giving_a_node_back_leaves_it_neither_cordoned_nor_forgotten() -> None:
    stage = stage_with_slow_drain()
    life = Mortal(-1)

    def listen(entry: Any) -> None:
        if ENTERS["drained"](entry.event):
            stage.interrupts.stop()
        elif isinstance(entry.event, StepIntent) and UNDO in entry.event.detail:
            life.at = life.count + 1  # the patch never goes out

    stage.on_entry.append(listen)
    world = stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life))
    with pytest.raises(Crash):
        stage.play(world=world)
    stage.kernel.abandon()
    stage.on_entry.clear()
    assert stage.node("n2").unschedulable, "the crash was meant to come before the patch"
    assert stage.play().state == "done"
    assert not stage.node("n2").unschedulable, "our own cordon was taken for somebody else's"
    assert stage.boots("n2") == 1


LEFT = {
    "intent": "not begun",
    "cordoned": "cordoned, nothing evicted",
    "evicting": "cordoned, 1 of 2 pods have left it",
    "drained": "drained, not rebooted, cordoned",
    "rebooting": "asked to reboot, not back yet, cordoned",
    "serves": "serves again, still cordoned",
    "settling": "takes pods again; whether its workloads are well was not waited for",
}


@pytest.mark.parametrize("phase", list(TABLE))
def test_stopped_at_once_it_says_how_the_node_was_left(phase: Phase) -> None:
    stage = stage_with_slow_drain()
    twice: list[int] = []

    def listen(entry: Any) -> None:
        if not twice and ENTERS[phase](entry.event):
            twice.append(entry.seq)
            stage.interrupts.stop()
            stage.interrupts.stop()

    stage.on_entry.append(listen)
    result = stage.play()
    assert (result.state, result.exit_code) == ("interrupted", 130)
    left = {event.node: event for event in stage.of(NodeLeft)}
    assert left["n2"].state == LEFT[phase]
    assert left["n2"].next == f"shipkeeper run --resume {RUN}"
    stage.on_entry.clear()
    assert stage.play().state == "done"
    assert stage.boots("n2") == 1


# --- several nodes at once -----------------------------------------------------------------


def two_at_once(plan: Any) -> Any:
    return replace(plan, batches=(("n1", "n2"),), max_parallel=2)


def test_while_one_node_holds_no_other_is_taken_further_out() -> None:
    """n1 is blocked by a pod that may not be moved; n2's evictions wait until that is mended."""
    slow = b.deployment("slow", on=("n2",), template=b.shape({"app": "slow"}))
    stage = Stage(*b.nodes(3), b.pod("alone", on="n1"), slow, names=("n1", "n2"), plan=two_at_once)

    async def mends(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(600_000)
        assert not stage.of(PodOutcome), "another node was drained while the run held"
        assert stage.boots("n2") == 0
        pods = stage.twin.world.pods
        pods.remove(pods.find("default", "alone"))

    assert stage.play(mends, hold_for_ms=None).state == "done"
    assert [stage.boots(name) for name in ("n1", "n2")] == [1, 1]


def test_a_node_that_serves_is_given_back_also_while_another_one_holds() -> None:
    """That returns capacity; keeping it out would make the hold worse."""
    stage = Stage(*b.nodes(3), b.deployment("web", on=("n1",)), names=("n1", "n2"), plan=two_at_once)

    async def spoils(stage: Stage) -> None:
        await stage.until(stage.seen(Noted, topic="reboot-requested", step="n2/reboot"))
        await stage.patch("n1", annotations={"weave.works/kured-reboot-in-progress": "x"})

    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment and where.get("node") == "n1" and stage.boots("n2") == 0:
            return (VolumeAttachment("va", "n1", "pv", "csi", attached=True),)
        return await real(kind, **where)

    stage.api.list = list_

    async def looks(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.until(stage.seen(StepOutcome, step="n2/settle", state="done"))
        assert stage.boots("n1") == 0
        assert not stage.node("n2").unschedulable
        await stage.patch("n1", annotations={"weave.works/kured-reboot-in-progress": None})

    assert stage.play(spoils, looks, hold_for_ms=None).state == "done"


def test_when_the_process_ends_held_the_other_nodes_are_held_too_and_go_on_later() -> None:
    stage = Stage(*b.nodes(3), b.pod("alone", on="n1"), b.deployment("web", on=("n2",)), plan=two_at_once,
                  names=("n1", "n2"))  # fmt: skip
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    pods = stage.twin.world.pods
    pods.remove(pods.find("default", "alone"))
    assert stage.play().state == "done"
    assert [stage.boots(name) for name in ("n1", "n2")] == [1, 1]
