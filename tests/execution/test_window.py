"""Windows: nothing starts that cannot end inside with the reserve; what has started is brought to an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.model.errors import Refused
from shipkeeper.model.forecast import Forecast, LowerBound, NodeForecast
from shipkeeper.model.record import Spread
from shipkeeper.model.run import GateRead, NodeLeft, Noted, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.storage import VolumeAttachment
from shipkeeper.model.time import HOUR, MINUTE, SECOND
from shipkeeper.twin.faults import NoFaults
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal
from tests.execution.stage import Stage, three_nodes, window


def test_the_run_waits_for_its_window() -> None:
    stage = Stage(window=window(opens_in_ms=3 * HOUR))
    assert stage.play().state == "done"
    assert stage.of(StateChanged)[0].state == "waiting"
    first = next(e for e in stage.entries if isinstance(e.event, StepIntent))
    opened = b.NOW + 3 * HOUR
    assert opened <= first.at_ms < opened + 5 * SECOND


def test_a_window_that_is_over_is_refused() -> None:
    stage = Stage(window=window(lasts_ms=2 * HOUR), start_ms=b.NOW + 2 * HOUR)
    with pytest.raises(Refused, match="window is over"):
        stage.play()
    assert not stage.events()


def test_a_node_that_cannot_be_done_in_time_is_not_begun() -> None:
    stage = Stage(window=window(lasts_ms=37 * MINUTE), reserve_ms=30 * MINUTE)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    done = [event.step for event in stage.of(StepOutcome, state="done") if event.step.endswith("/settle")]
    assert 0 < len(done) < 3, "some fit, not all"
    begun = {event.target for event in stage.of(StepIntent)}
    assert len(begun) == len(done), "what was begun was done"
    left = stage.of(NodeLeft)
    assert {event.state for event in left} == {"not begun"}
    closed = stage.of(GateRead, gate="can-finish", state="closed")[0]
    assert "reserve of 30m" in closed.reason


@given(st.integers(35, 120), st.integers(0, 30), st.integers(1, 5))
def test_nothing_ends_outside_the_window_with_its_reserve(lasts_min: int, reserve_min: int, seed: int) -> None:
    """P2, where estimates hold: whatever was begun was done before the end minus the reserve."""
    stage = Stage(window=window(lasts_ms=lasts_min * MINUTE), reserve_ms=reserve_min * MINUTE, seed=seed)
    stage.play()
    end = b.NOW + (lasts_min - reserve_min) * MINUTE
    for entry in stage.entries:
        if isinstance(entry.event, StepOutcome | StepIntent):
            assert entry.at_ms <= end, f"{entry.event.step} at {entry.at_ms - end} ms after the end"
    for name in ("n1", "n2", "n3"):
        assert not stage.node(name).unschedulable


def optimistic(plan: Any) -> Any:
    """Every step is estimated at one second."""
    steps = tuple(replace(step, estimate_seconds=replace(step.estimate_seconds, p50=1, p95=1)) for step in plan.steps)
    return replace(plan, steps=steps)


def test_a_drain_that_takes_too_long_is_given_up_at_its_last_moment() -> None:
    slow = replace(Stage().plan.timings, termination={"*": (5_400, 5_400)})
    app = b.deployment("slow", on=("n1",), template=b.shape({"app": "slow"}, grace_ms=3 * HOUR))
    asked = {"names": ("n1",), "window": window(lasts_ms=HOUR), "reserve_ms": 10 * MINUTE}
    stage = Stage(*b.nodes(3), app, timings=slow, plan=optimistic, **asked)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.of(StepIntent, step="n1/drain")
    assert stage.kernel.now_ms() <= b.NOW + 50 * MINUTE
    assert not stage.node("n1").unschedulable, "given back in time"
    assert stage.boots("n1") == 0


class SlowBoot(NoFaults):
    """The machine takes much longer than anybody estimated."""

    def reboot_ms(self, node: str, drawn_ms: int) -> int:
        return 10 * MINUTE


def test_an_overrun_is_announced_and_the_node_is_brought_back_all_the_same() -> None:
    stage = Stage(faults=SlowBoot(), window=window(lasts_ms=5 * MINUTE), reserve_ms=0, plan=optimistic)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert len(stage.of(Noted, topic="overrun")) == 1
    assert stage.of(StepOutcome, step="n1/serves", state="done"), "a node on its way back is brought back"
    assert not stage.node("n1").unschedulable
    assert not stage.of(StepIntent, target="n2")


def test_a_rehearsal_that_took_longer_counts_more_than_the_estimate() -> None:
    spread = Spread(p50=10, p95=10)
    node = NodeForecast(name="n1", cordoned=Spread(p50=0, p95=1), drained=Spread(p50=1_800, p95=3_000))
    forecast = Forecast(
        plan_digest="x", made_at="", verdict="fits", seeds=1, duration_seconds=spread,
        lower_bound_seconds=LowerBound(value=0, binding=""), baseline_seconds=spread, gap=0, nodes=(node,),
        workloads=(), blocked=(), assumptions=(), measurements=(),
    )  # fmt: skip
    asked = {"window": window(lasts_ms=60 * MINUTE), "reserve_ms": 10 * MINUTE, "names": ("n1",)}
    assert Stage(**asked).play().state == "done"
    result = Stage(**asked).play(forecast=forecast)
    assert (result.state, result.exit_code) == ("held", 4), "a drain that was rehearsed at 50 min does not fit"


def test_the_windows_end_is_judged_on_the_wall_clock() -> None:
    """The machine sleeps for two hours in the middle of the night; nothing new is begun afterwards."""
    stage = Stage(window=window(lasts_ms=2 * HOUR), reserve_ms=10 * MINUTE)

    async def sleeps(stage: Stage) -> None:
        await stage.until(stage.seen(StepOutcome, step="n1/reboot"))
        stage.kernel.wall_offset_ms += 2 * HOUR

    result = stage.play(sleeps, skew_ms=10 * HOUR)
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.of(Noted, topic="suspended")
    assert stage.of(StepOutcome, step="n1/uncordon", state="done")
    assert not stage.of(StepIntent, target="n2")


@pytest.mark.parametrize(
    ("crash_after", "rebooted"),
    [("n2/cordon", 0), ("n2/drain", 0), ("n2/reboot", 1), ("n2/serves", 1)],
)
def test_after_the_window_what_was_begun_is_brought_back_or_given_back(crash_after: str, rebooted: int) -> None:
    """The process dies in the night and is started again after the window: no node stays half way, none is begun."""
    stage = Stage(window=window(lasts_ms=2 * HOUR), reserve_ms=10 * MINUTE)
    life = Mortal(-1)

    def dies(entry: Any) -> None:
        if isinstance(entry.event, StepOutcome) and entry.event.step == crash_after and entry.event.state == "done":
            life.at = life.count + 1

    stage.on_entry.append(dies)
    world = stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life))
    with pytest.raises(Crash):
        stage.play(world=world)
    stage.kernel.abandon()
    stage.on_entry.clear()
    stage.kernel.advance(b.NOW + 5 * HOUR)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.boots("n2") == rebooted
    assert not stage.node("n2").unschedulable, "the node is not left cordoned until somebody finds it"
    assert not marks.read_marks(stage.node("n2")).run
    assert not stage.of(StepIntent, target="n3")


def test_a_gate_is_not_waited_for_beyond_the_last_moment() -> None:
    stage = Stage(names=("n1",), window=window(lasts_ms=30 * MINUTE), reserve_ms=10 * MINUTE, plan=optimistic)
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        if kind is VolumeAttachment:
            return (VolumeAttachment("va-1", "n1", "pv-1", "csi.example.com", attached=True),)
        return await real(kind, **where)

    stage.api.list = list_
    result = stage.play(hold_for_ms=None)
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.kernel.now_ms() <= b.NOW + 20 * MINUTE + 10 * SECOND
    assert not stage.node("n1").unschedulable
    assert stage.boots("n1") == 0


def test_a_hold_without_a_limit_of_its_own_ends_with_the_window() -> None:
    stage = Stage(*three_nodes(), b.pod("alone"), names=("n1",), window=window(lasts_ms=HOUR), reserve_ms=10 * MINUTE)
    result = stage.play(hold_for_ms=None)
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.kernel.now_ms() <= b.NOW + HOUR
    assert not stage.node("n1").unschedulable, "a blocked node is given back while there is time"


def test_a_drained_node_is_not_rebooted_when_the_time_has_run_out_meanwhile() -> None:
    """The process dies after the drain and comes back with too little of the window left."""
    stage = Stage(names=("n1",), window=window(lasts_ms=2 * HOUR), reserve_ms=10 * MINUTE)
    life = Mortal(-1)

    def dies(entry: Any) -> None:
        if isinstance(entry.event, StepOutcome) and entry.event.step == "n1/drain":
            life.at = life.count + 1

    stage.on_entry.append(dies)
    with pytest.raises(Crash):
        stage.play(world=stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life)))
    stage.kernel.abandon()
    stage.on_entry.clear()
    stage.kernel.advance(b.NOW + 109 * MINUTE)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert stage.boots("n1") == 0, "it could not have been back before the reserve"
    assert not stage.node("n1").unschedulable


def test_a_hold_after_a_node_ends_with_the_window_too() -> None:
    never = replace(Stage().plan.timings, readiness={"Deployment/default/web": (36_000, 36_000), "*": (5, 5)})
    asked = {"window": window(lasts_ms=2 * HOUR), "reserve_ms": 10 * MINUTE, "names": ("n1",)}
    stage = Stage(timings=never, plan=optimistic, **asked)
    result = stage.play(hold_for_ms=None)
    assert (result.state, result.exit_code) == ("held", 4)
    assert abs(stage.kernel.now_ms() - (b.NOW + 2 * HOUR)) < MINUTE, "it waited as long as there was a window"
    assert not stage.node("n1").unschedulable


def test_of_a_batch_that_was_half_begun_the_begun_half_is_given_back_after_the_window() -> None:
    stage = Stage(
        window=window(lasts_ms=2 * HOUR),
        reserve_ms=10 * MINUTE,
        plan=lambda plan: replace(plan, batches=(("n1", "n2", "n3"),), max_parallel=3),
    )
    life = Mortal(-1)

    def dies(entry: Any) -> None:
        if isinstance(entry.event, StepOutcome) and entry.event.step == "n1/cordon":
            life.dead = True

    stage.on_entry.append(dies)
    real = stage.api.get

    async def late(kind: Any, name: str, namespace: str = "") -> Any:
        if name in ("n2", "n3") and stage.of(StepIntent, step="n1/cordon"):
            await stage.kernel.sleep(10 * SECOND)
        return await real(kind, name, namespace)

    stage.api.get = late
    with pytest.raises(Crash):
        stage.play(world=stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life)))
    stage.kernel.abandon()
    stage.on_entry.clear()
    assert stage.node("n1").unschedulable
    stage.kernel.advance(b.NOW + 5 * HOUR)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert not [name for name in ("n1", "n2", "n3") if stage.node(name).unschedulable]
    assert [stage.boots(name) for name in ("n1", "n2", "n3")] == [0, 0, 0]
