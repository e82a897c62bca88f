"""A run's screen, its terminal and Ctrl-C: none of them may stop it half way, or fail to stop it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.cli.screen import Night
from shipkeeper.execution.world import RunResult
from shipkeeper.model.errors import Unreachable
from shipkeeper.model.findings import Finding
from shipkeeper.model.run import Decided, GateRead, StateChanged, StepIntent
from shipkeeper.model.time import HOUR, SECOND
from shipkeeper.model.workloads import Budget
from tests import builders as b
from tests.execution.mortal import Crash
from tests.execution.stage import Stage, three_nodes


def test_the_screen_shows_the_end_of_a_hold() -> None:
    stage = Stage(*b.nodes(3), b.pod("alone", on="n1"), names=("n1",))
    night = Night()
    stage.on_entry.append(lambda entry: night.take(entry) and None)

    async def mends(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        pods = stage.twin.world.pods
        pods.remove(pods.find("default", "alone"))

    assert stage.play(mends, hold_for_ms=None).state == "done"
    assert night.lines(stage.kernel.now_ms())


def test_ctrl_c_ends_a_paused_run() -> None:
    stage = Stage()

    async def pauses(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        stage.say("pause")
        await stage.until(stage.seen(StateChanged, state="paused"))
        await stage.kernel.sleep(HOUR)
        stage.interrupts.stop()

    result = stage.play(pauses)
    assert (result.state, result.exit_code) == ("interrupted", 130)


@pytest.mark.parametrize("word", ["abort", "pause"])
def test_ctrl_c_twice_stops_at_once_whatever_was_asked_before(word: str) -> None:
    stage = Stage()
    asked: list[int] = []

    async def people(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        stage.say(word)
        await stage.kernel.sleep(2 * SECOND)
        stage.interrupts.stop()
        await stage.kernel.sleep(SECOND)
        stage.interrupts.stop()
        asked.append(stage.kernel.now_ms())

    result: RunResult = stage.play(people)
    assert stage.kernel.now_ms() - asked[0] <= 5 * SECOND, "it went on although it was asked twice"
    assert stage.node("n1").unschedulable
    assert (result.state, result.exit_code) == ("interrupted", 130)


def test_checks_that_cannot_reach_the_api_server_for_a_moment_do_not_hold_the_run() -> None:
    stage = Stage()
    failed: list[str] = []

    async def check() -> tuple[Finding, ...]:
        if not failed:
            failed.append("once")
            raise Unreachable("connection reset by peer")
        return ()

    assert stage.play(world=stage.world(errors=check)).state == "done"


def test_a_ca_that_is_not_known_is_not_the_plans() -> None:
    from shipkeeper.model.errors import Refused

    stage = Stage()
    stage.plan = replace(stage.plan, cluster=replace(stage.plan.cluster, ca_digest="sha256:aa")).sealed()
    with pytest.raises(Refused, match="CA"):
        stage.play()


def test_a_budget_that_is_gone_holds_before_the_next_node() -> None:
    stage = Stage()
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        found = await real(kind, **where)
        return () if kind is Budget and stage.seen(StepIntent, step="n1/serves")() else found

    stage.api.list = list_
    result = stage.play()
    assert result.state == "held", "pods are moved without the budget that people had agreed to"
    assert "was deleted since the run began" in result.reason
    assert not stage.of(StepIntent, target="n2")


def test_a_quorum_that_nobody_can_read_is_not_open() -> None:
    cps = [b.node(f"cp{i}", f"z{i}", control_plane=True) for i in (1, 2, 3)]
    stage = Stage(*cps, *three_nodes(), names=("cp1",), allow_control_plane=True)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert not stage.of(StepIntent)

    async def looks(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("approve", "cp1")
        await stage.until(stage.seen(GateRead, gate="quorum-after", state="unknown"))
        await stage.kernel.sleep(SECOND)
        stage.say("approve", "cp1")

    stage.entries.clear()
    assert stage.play(looks, hold_for_ms=None).state == "done", "a person may answer for what cannot be read"


def test_an_abort_outlives_the_process_that_heard_it() -> None:
    stage = Stage()

    async def aborts(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        stage.say("abort")

    def dies(entry: Any) -> None:
        if isinstance(entry.event, Decided):
            raise Crash

    stage.on_entry.append(dies)
    with pytest.raises(Crash):
        stage.play(aborts)
    stage.kernel.abandon()
    stage.on_entry.clear()
    result = stage.play()
    assert (result.state, result.exit_code) == ("aborted", 1)
    assert stage.boots("n1") == 1
    assert not stage.node("n1").unschedulable, "what had been asked to reboot is brought back first"
    assert not stage.of(StepIntent, target="n2"), "an aborted run went on with the next node"
