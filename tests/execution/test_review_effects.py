"""Effects and what they stand on: the lease outlives them, and what was observed is still so when they start."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.context import Run
from shipkeeper.execution.signals import WorldMoved
from shipkeeper.execution.world import RunOptions
from shipkeeper.model.errors import Unreachable
from shipkeeper.model.nodes import Node
from shipkeeper.model.run import Noted, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.storage import VolumeAttachment
from shipkeeper.model.time import HOUR, MINUTE, SECOND
from shipkeeper.ports.reboot import Delivery, RebootReceipt
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalReboot
from tests.execution.scripted import Scripted
from tests.execution.stage import RUN, Stage, three_nodes, window
from tests.execution.test_lease import lease_of, take_over
from tests.execution.test_stops import two_at_once


class Slow(Scripted):
    """Calls of some verbs take a while before they reach the API server."""

    def __init__(self, stage: Stage, **slow_ms: int) -> None:
        super().__init__(stage.twin.api)
        self.stage, self.slow_ms = stage, slow_ms
        self.reached: list[tuple[str, int, str]] = []
        """(verb, when, who held the lease then)."""

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self.stage.kernel.sleep(self.slow_ms.get(name, 0))
            if name in ("patch_node", "put_lease"):
                holder = lease_of(self.stage).holder if self.stage.twin.api._leases else ""
                self.reached.append((name, self.stage.kernel.now_ms(), holder))
            return await method(*args, **kwargs)

        return call


def test_a_patch_that_hangs_is_given_up_before_the_lease_runs_out() -> None:
    """The API server takes it minutes later, and somebody else has the lease by then."""
    stage = Stage(names=("n1",))
    api = stage.api = Slow(stage)

    async def hangs(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/serves", state="done"), every_ms=1)
        api.slow_ms.update(patch_node=5 * MINUTE, put_lease=5 * MINUTE)
        await stage.kernel.sleep(2 * MINUTE)
        take_over(stage, "run-9999")
        api.slow_ms.clear()

    result = stage.play(hangs)
    assert (result.state, result.exit_code) == ("held", 4)
    late = [call for call in api.reached if call[0] == "patch_node" and call[2] == "run-9999"]
    assert not late, "a node was changed while another run held the lease"


def test_a_patch_is_not_tried_again_under_a_lease_that_was_lost() -> None:
    stage = Stage(names=("n1",))
    api = stage.api = Scripted(stage.api)
    failing = [False]
    patched: list[str] = []

    def broken() -> None:
        if failing[0]:
            raise Unreachable("connection reset")

    def patch() -> None:
        broken()
        patched.append(lease_of(stage).holder)

    api.before = {"patch_node": patch, "put_lease": broken}

    async def breaks(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/serves", state="done"), every_ms=1)
        failing[0] = True
        await stage.kernel.sleep(2 * MINUTE)
        take_over(stage, "run-9999")
        failing[0] = False

    result = stage.play(breaks)
    assert (result.state, result.exit_code) == ("held", 4)
    assert "run-9999" not in patched, "a node was changed while another run held the lease"


def test_a_renewal_that_took_too_long_is_not_enough_for_an_effect() -> None:
    """The API server answers renewals after 40 s: of 45 s there are 5 left, and an effect may take 30."""
    stage = Stage(names=("n1",))
    api = stage.api = Slow(stage)
    left: list[int] = []

    def patch() -> None:
        lease = lease_of(stage)
        left.append(lease.renewed_ms + lease.duration_ms - stage.kernel.now_ms())

    api.before["patch_node"] = patch

    async def slows(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/reboot"))
        await stage.kernel.sleep(20 * SECOND)
        api.slow_ms["put_lease"] = 40 * SECOND
        await stage.until(stage.seen(StepOutcome, step="n1/serves", state="done"))
        await stage.kernel.sleep(10 * MINUTE)
        api.slow_ms.clear()

    assert stage.play(slows).state == "done"
    assert min(left) >= 30 * SECOND, f"an effect began with {min(left)} ms of the lease left"


class Slowly:
    """A driver whose requests take their time, node by node."""

    def __init__(self, stage: Stage, **takes_ms: int) -> None:
        self.inner, self.takes_ms, self.stage = stage.twin.reboot, takes_ms, stage
        self.name, self.deadline_ms = "slow", 15 * MINUTE
        self.leases: list[int] = []

    async def request(self, node: Node, token: str) -> RebootReceipt:
        began = self.stage.kernel.now_ms()
        while self.stage.kernel.now_ms() - began < self.takes_ms.get(node.name, 0):
            await self.stage.kernel.sleep(10 * SECOND)
            self.leases.append(lease_of(self.stage).duration_ms)
        return await self.inner.request(node, token)

    async def was_delivered(self, node: Node, token: str) -> Delivery:
        return "unknown"

    def manual(self, node: str) -> str:
        return ""


def test_a_long_effect_keeps_its_lease_when_another_one_ends() -> None:
    stage = Stage(*b.nodes(3), names=("n1", "n2"), plan=two_at_once)
    driver = stage.reboot = Slowly(stage, n1=5 * MINUTE, n2=SECOND)
    assert stage.play().state == "done"
    assert min(driver.leases) > 5 * MINUTE, "n1's command still ran under a lease of seconds"


# --- what was observed ---------------------------------------------------------------------


def test_after_waiting_for_another_node_everything_is_observed_again() -> None:
    """n2 waits with its reboot while n1 holds; meanwhile somebody takes n2 back."""
    stage = Stage(*b.nodes(3), names=("n1", "n2"), plan=two_at_once)
    attached = [True]
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment and where.get("node") == "n2" and not stage.seen(StateChanged, state="held")():
            return (VolumeAttachment("va", "n2", "pv", "csi", attached=True),)
        return await real(kind, **where)

    stage.api.list = list_

    async def breaks_n1(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.patch("n1", annotations={marks.RUN: "run-9999"})
        await stage.until(stage.seen(StateChanged, state="held"))
        await stage.kernel.sleep(10 * MINUTE)
        await stage.patch("n2", unschedulable=False)
        stage.say("resume", "n1")
        attached[0] = False
        await stage.kernel.sleep(5 * MINUTE)
        boots.append(stage.boots("n2"))

    boots: list[int] = []
    stage.play(breaks_n1, hold_for_ms=HOUR)
    assert boots == [0], "n2 was rebooted on what was read before the wait, though somebody had uncordoned it"


def test_a_node_that_waits_for_another_one_is_given_back_at_its_last_moment() -> None:
    stage = Stage(*b.nodes(3), names=("n1", "n2"), plan=lambda p: replace(two_at_once(p), window=window(0, 2 * HOUR)))
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment and where.get("node") == "n2" and not stage.seen(StateChanged, state="held")():
            return (VolumeAttachment("va", "n2", "pv", "csi", attached=True),)
        return await real(kind, **where)

    stage.api.list = list_

    async def breaks_n1(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.patch("n1", annotations={marks.RUN: "run-9999"})
        await stage.kernel.sleep(2 * HOUR - 3 * MINUTE)
        stage.say("resume", "n1")

    stage.play(breaks_n1, hold_for_ms=None)
    assert stage.boots("n2") == 0, "a reboot that cannot end inside the window was begun"
    assert not stage.node("n2").unschedulable, "drained, not rebooted: at the window's end it is uncordoned"


def test_a_reboot_is_asked_for_again_only_where_everything_still_holds() -> None:
    """The process died before the request; by the time the next one comes, the window leaves no time for it."""
    stage = Stage(names=("n1",), plan=lambda p: replace(p, window=window(0, HOUR)))
    life = Mortal(1)
    with pytest.raises(Crash):
        stage.play(world=stage.world(reboot=MortalReboot(stage.reboot, life)))
    stage.kernel.abandon()
    assert stage.of(StepIntent, step="n1/reboot")
    stage.kernel.wall_offset_ms += b.NOW + HOUR - 2 * MINUTE - stage.kernel.now_ms()
    result = stage.play(world=stage.world(process_gone=lambda process: True), skew_ms=2 * HOUR)
    assert stage.boots("n1") == 0, "a reboot that cannot end inside the window was asked for"
    assert not stage.node("n1").unschedulable
    assert result.state == "held"


# --- a machine that slept ------------------------------------------------------------------


def test_a_machine_that_slept_through_the_windows_end_still_gives_the_node_back() -> None:
    slow = b.deployment("slow", on=("n1",), template=b.shape({"app": "slow"}, grace_ms=600_000))
    timings = replace(Stage().plan.timings, termination={"*": (300, 300)})
    stage = Stage(
        *three_nodes(), slow, names=("n1",), timings=timings, plan=lambda p: replace(p, window=window(0, 4 * HOUR))
    )

    async def sleeps(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.kernel.sleep(5 * SECOND)
        stage.kernel.wall_offset_ms += 5 * HOUR

    result = stage.play(sleeps, skew_ms=24 * HOUR)
    assert result.state == "held"
    assert not stage.of(Noted, topic="not-undone")
    assert not stage.node("n1").unschedulable, "partly evicted: at the window's end it is uncordoned"


def test_a_machine_that_slept_while_it_held_starts_over() -> None:
    slow = b.deployment("slow", on=("n1",), template=b.shape({"app": "slow"}, grace_ms=60_000))
    timings = replace(Stage().plan.timings, termination={"*": (30, 30)})
    stage = Stage(*three_nodes(), slow, names=("n1",), timings=timings)

    async def somebody(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/drain"))
        await stage.kernel.sleep(2 * SECOND)
        await stage.patch("n1", unschedulable=False)
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.kernel.wall_offset_ms += 30 * SECOND
        stage.say("resume")

    assert stage.play(somebody, hold_for_ms=None, skew_ms=HOUR).state == "done"


def test_every_node_at_work_observes_again_after_the_machine_slept() -> None:
    """Not only the one whose effect was the first to find out."""
    stage = Stage()
    run = Run.of(stage.world(), stage.plan, RUN, RunOptions())
    moved: list[str] = []

    async def main() -> None:
        await run.lease.take(stage.plan.digest)
        for name in ("n1", "n2"):
            await run.guard.effect(f"{name}/drain")
        stage.kernel.wall_offset_ms += MINUTE
        for name in ("n1", "n2", "n1", "n2"):
            try:
                await run.guard.effect(f"{name}/drain")
            except WorldMoved:
                moved.append(name)

    stage.kernel.run(main())
    assert moved == ["n1", "n2"], "a node went on with what it had seen before the machine slept"


def test_a_quarantined_node_says_whose_it_is_also_after_the_machine_slept() -> None:
    stage = Stage(
        *b.nodes(3),
        b.deployment("web", on=("n1",)),
        b.budget("web", app="web", max_unavailable=0, healthy=1, expected=1, desired=1, allowed=0),
        names=("n1", "n2"),
        on_blocked="quarantine",
    )

    def note(entry: Any) -> None:
        if getattr(entry.event, "result", "") == "blocked":
            stage.kernel.wall_offset_ms += 30 * SECOND

    stage.on_entry.append(note)
    result = stage.play(skew_ms=HOUR)
    assert result.state == "failed"
    assert marks.QUARANTINE in stage.node("n1").annotations, "the node does not say why it was left cordoned"
