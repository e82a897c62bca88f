"""A node that an ended run left cordoned: how a person gives it back, on the run's own record."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.release import release
from shipkeeper.model.cluster import ClusterIdentity, Lease
from shipkeeper.model.errors import BadInput, Refused
from shipkeeper.model.nodes import NodeCondition, Taint
from shipkeeper.model.run import Decided, GateRead, NodeLeft, StateChanged, StepIntent, StepOutcome
from shipkeeper.model.time import HOUR
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal
from tests.execution.stage import RUN, Stage, three_nodes
from tests.journal.chained import check

KEY = ("kube-system", marks.LEASE_NAME)


BROKEN = Taint("network.example.com/unavailable", "NoSchedule")
"""A start-up taint that never goes: the gate node-serves does not open."""


def sick(stage: Stage, **change: Any) -> None:
    """Somebody else changes the first node."""
    node = stage.node("n1")
    stage.twin.world.set_node(0, replace(node, **change), "test")


def aborted_stage(**request: Any) -> Stage:
    """Aborted while the first node, rebooted, does not serve: it stays cordoned, and the run is over."""
    stage = Stage(names=("n1", "n2"), **request)

    async def aborts(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/serves"))
        sick(stage, taints=(*stage.node("n1").taints, BROKEN))
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("abort")

    result = stage.play(aborts, hold_for_ms=HOUR)
    assert (result.state, result.exit_code) == ("aborted", 1)
    assert stage.node("n1").unschedulable
    return stage


def heals(stage: Stage) -> None:
    sick(stage, taints=tuple(taint for taint in stage.node("n1").taints if taint != BROKEN))


def give_back(stage: Stage, name: str = "n1", world: Any = None, **how: str) -> NodeLeft:
    return stage.kernel.run(release(stage.plan, RUN, world or stage.world(), name, **how))


def test_the_record_of_an_aborted_run_names_the_command_for_the_node() -> None:
    stage = aborted_stage()
    left = {item.node: item for item in stage.view.status().left}
    assert "cordoned" in left["n1"].state
    assert left["n1"].next == f"shipkeeper runs release {RUN} n1"
    assert left["n2"].next == "", "nothing of ours is on it"


def test_a_node_that_does_not_serve_is_not_given_back() -> None:
    stage = aborted_stage()
    before = len(stage.journal.read(RUN))
    with pytest.raises(Refused, match="still carries network") as refused:
        give_back(stage)
    assert refused.value.exit_code == 4
    assert "--without-proof REASON" in refused.value.hint
    assert len(stage.journal.read(RUN)) == before
    assert stage.node("n1").unschedulable


def test_a_node_that_serves_is_given_back_on_the_run_s_record() -> None:
    stage = aborted_stage()
    heals(stage)
    left = give_back(stage, reason="the network plugin is back")
    assert left.state == "released by rehearsal"
    node = stage.node("n1")
    assert not node.unschedulable
    assert not marks.read_marks(node).run
    (word,) = stage.of(Decided, decision="release")
    assert (word.by, word.step, word.reason) == ("rehearsal", "n1/uncordon", "the network plugin is back")
    assert stage.of(GateRead, gate="node-serves", state="open", step="n1/uncordon")
    entries = [type(entry.event) for entry in stage.journal.read(RUN)]
    assert entries.index(Decided) < len(entries) - 1
    assert stage.of(StepOutcome, step="n1/uncordon")[-1].state == "done"
    check(stage.journal.read(RUN))
    assert stage.view.state == "aborted", "the run stays what it is"
    assert [item.next for item in stage.view.status().left] == ["", ""]
    assert stage.twin.api._leases[KEY].holder == ""
    with pytest.raises(Refused, match="takes pods already"):
        give_back(stage)


def test_stable_is_waited_for() -> None:
    stage = aborted_stage()
    heals(stage)
    sick(stage, conditions=(NodeCondition("Ready", "True", "KubeletReady", stage.kernel.now_ms()),))
    began = stage.kernel.now_ms()
    give_back(stage)
    assert stage.kernel.now_ms() - began >= 30_000, "Ready for a moment is no proof"


def test_without_proof_goes_on_record_with_its_reason() -> None:
    stage = aborted_stage()
    left = give_back(stage, without_proof="the vendor says so")
    assert "without proof that it serves: the vendor says so" in left.state
    assert not stage.node("n1").unschedulable
    (word,) = stage.of(Decided, decision="release")
    assert word.reason == "the vendor says so"
    assert stage.of(GateRead, gate="node-serves", state="closed", step="n1/uncordon")


def test_a_quarantined_node_is_given_back_once_it_is_well() -> None:
    parts = (*three_nodes(), b.budget("never", app="web", max_unavailable=0, healthy=3, expected=3, desired=3))
    stage = Stage(*parts, names=("n1",), on_blocked="quarantine")
    assert stage.play().state == "failed"
    assert [item.next for item in stage.view.status().left] == [f"shipkeeper runs release {RUN} n1"]
    give_back(stage)
    assert not stage.node("n1").unschedulable
    assert marks.QUARANTINE not in stage.node("n1").annotations


def test_a_cordon_that_was_there_before_stays() -> None:
    nodes = list(three_nodes())
    nodes[0] = b.node("n1", "z1", cordoned=True)
    stage = aborted_stage_of(nodes)
    heals(stage)
    give_back(stage)
    node = stage.node("n1")
    assert node.unschedulable, "somebody else's cordon was taken away"
    assert not marks.read_marks(node).run


def aborted_stage_of(nodes: list[Any]) -> Stage:
    stage = Stage(*nodes, names=("n1",), include_cordoned=True)

    async def aborts(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/serves"))
        sick(stage, taints=(*stage.node("n1").taints, BROKEN))
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("abort")

    assert stage.play(aborts, hold_for_ms=HOUR).state == "aborted"
    return stage


# --- what is refused -----------------------------------------------------------------------


def test_a_run_that_is_not_over_gives_its_nodes_back_itself() -> None:
    stage = Stage(names=("n1",))
    stage.on_entry.append(lambda entry: stage.interrupts.stop() if isinstance(entry.event, StepIntent) else None)
    assert stage.play().state == "interrupted"
    with pytest.raises(Refused, match="is not over") as refused:
        give_back(stage)
    assert f"shipkeeper run --resume {RUN}" in refused.value.hint


def test_what_is_not_this_run_s_is_left_alone() -> None:
    stage = aborted_stage()
    heals(stage)
    with pytest.raises(BadInput, match="n9"):
        give_back(stage, "n9")
    sick(stage, annotations={marks.RUN: "run-other"})
    with pytest.raises(Refused, match="carries the marks of run-other"):
        give_back(stage)
    sick(stage, uid="uid-another")
    with pytest.raises(Refused, match="another machine"):
        give_back(stage)

    async def identity() -> ClusterIdentity:
        return ClusterIdentity(uid="uid-other")

    stage.twin.api.identity = identity  # type: ignore[method-assign]
    with pytest.raises(Refused, match="is not the plan's"):
        give_back(stage)


def test_a_cluster_that_was_upgraded_since_is_still_the_plan_s() -> None:
    stage = aborted_stage()
    heals(stage)

    async def identity() -> ClusterIdentity:
        return ClusterIdentity(uid="uid-cluster", server_version="v1.35.0")

    stage.twin.api.identity = identity  # type: ignore[method-assign]
    give_back(stage)
    assert not stage.node("n1").unschedulable


def test_another_run_at_work_is_not_disturbed() -> None:
    stage = aborted_stage()
    heals(stage)
    known = stage.twin.api._leases[KEY]
    stage.twin.api._leases[KEY] = Lease(
        *KEY, holder="run-other", renewed_ms=stage.kernel.now_ms() + HOUR, duration_ms=45_000,
        resource_version=known.resource_version + "x",
    )  # fmt: skip
    with pytest.raises(Refused, match="run-other holds the lease"):
        give_back(stage)
    assert stage.node("n1").unschedulable
    assert not stage.of(Decided, decision="release")


def test_a_crash_at_every_point_leaves_something_that_can_be_done_again() -> None:
    def crash_at(point: int) -> tuple[Stage, Mortal]:
        stage = aborted_stage()
        heals(stage)
        life = Mortal(point)
        world = stage.world(api=MortalApi(stage.api, life), journal=MortalJournal(stage.journal, life))
        try:
            give_back(stage, world=world)
        except Crash:
            stage.kernel.abandon()
        return stage, life

    _, whole = crash_at(-1)
    for point in range(1, whole.count + 1):
        stage, life = crash_at(point)
        if stage.of(StepOutcome, step="n1/uncordon", state="done"):
            with pytest.raises(Refused, match="takes pods already"):
                give_back(stage)
        else:
            give_back(stage)
        assert not stage.node("n1").unschedulable, life.where
        assert not marks.read_marks(stage.node("n1")).run
        check(stage.journal.read(RUN))
