"""What changes are judged against: budgets and errors as people agreed to them, also for the next process."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.model.findings import Finding
from shipkeeper.model.record import NamedObject
from shipkeeper.model.run import BaselineTaken, StateChanged, StepIntent, decode_event, encode_event
from shipkeeper.model.time import MINUTE
from shipkeeper.model.workloads import Budget
from tests import builders as b
from tests.execution.mortal import Crash, Mortal, MortalApi, MortalJournal
from tests.execution.stage import Stage


def error(name: str, *nodes: str) -> Finding:
    what = NamedObject(kind="PodDisruptionBudget", namespace="default", name=name)
    return Finding(
        rule="budget-blocks-always",
        severity="error",
        object=what,
        message="allows 0 of 1",
        consequence="",
        nodes=nodes,
    )


def errors_after(stage: Stage, step: str, *nodes: str) -> Any:
    """What ``check`` finds: one error from the start, and one more, on these nodes, once that step has begun."""

    async def check() -> tuple[Finding, ...]:
        old = (error("old", "n1", "n2", "n3"),)
        return (*old, error("web", *nodes)) if stage.of(StepIntent, step=step) else old

    return check


def dies_after(stage: Stage, step: str) -> None:
    """The process dies right after that step's intent is on disk."""
    life = Mortal(-1)

    class Dies(MortalJournal):
        def append(self, run: str, at_ms: int, events: Any) -> Any:
            entries = super().append(run, at_ms, events)
            if any(isinstance(event, StepIntent) and event.step == step for event in events):
                life.dead = True
                raise Crash(step)
            return entries

    world = stage.world(
        api=MortalApi(stage.api, life), journal=Dies(stage.journal, life), errors=errors_after(stage, "n1/drain", "n2")
    )
    with pytest.raises(Crash):
        stage.play(world=world)
    stage.kernel.abandon()


def test_a_budget_that_changed_holds_before_the_next_node_until_a_person_approves() -> None:
    stage = Stage()

    async def the_owner_edits(stage: Stage) -> None:
        await stage.until(stage.seen(StepIntent, step="n1/serves"))
        budgets = stage.twin.disruption.budgets
        budgets[0] = replace(budgets[0], generation=2, observed_generation=2)
        await stage.until(stage.seen(StateChanged, state="held"))
        assert not stage.of(StepIntent, target="n2"), "not one effect on the next node"
        await stage.kernel.sleep(10 * MINUTE)
        stage.say("approve")

    result = stage.play(the_owner_edits, hold_for_ms=None)
    assert result.state == "done"
    held = stage.of(StateChanged, state="held")
    assert len(held) == 1, "what a person approved is not asked again"
    assert "was changed since the run began" in held[0].reason


def test_a_new_error_finding_holds_before_the_next_node() -> None:
    stage = Stage()

    result = stage.play(world=stage.world(errors=errors_after(stage, "n1/settle", "n2")))
    assert (result.state, result.exit_code) == ("held", 4)
    assert "allows 0 of 1" in result.reason
    assert stage.boots("n2") == 0


def test_an_error_on_other_nodes_or_known_from_the_start_does_not_hold() -> None:
    stage = Stage()
    assert stage.play(world=stage.world(errors=errors_after(stage, "n1/drain", "n1"))).state == "done"


# --- the next process ----------------------------------------------------------------------


def test_a_resumed_run_judges_budgets_by_the_record() -> None:
    stage = Stage()
    dies_after(stage, "n1/serves")
    budgets = stage.twin.disruption.budgets
    budgets[0] = replace(budgets[0], generation=2, observed_generation=2)
    result = stage.play()
    assert (result.state, result.exit_code) == ("held", 4)
    assert "budget default/web was changed since the run began" in result.reason
    assert len(stage.of(BaselineTaken)) == 1, "a process that comes later learns nothing anew"
    stage.entries.clear()

    async def approves(stage: Stage) -> None:
        await stage.until(stage.seen(StateChanged, state="held"))
        stage.say("approve")

    assert stage.play(approves, hold_for_ms=None).state == "done"
    assert [event.reason for event in stage.of(BaselineTaken)][1:] == ["a person approved what had changed"]
    assert stage.of(BaselineTaken)[1].budgets[0].generation == 2


def test_a_budget_deleted_while_nobody_was_there_is_missed() -> None:
    stage = Stage()
    dies_after(stage, "n1/serves")
    real = stage.api.list

    async def list_(kind: Any, **where: Any) -> Any:
        found = await real(kind, **where)
        return () if kind is Budget else found

    stage.api.list = list_
    result = stage.play()
    assert "budget default/web was deleted since the run began" in result.reason


def test_a_resumed_run_judges_errors_by_the_record() -> None:
    stage = Stage()
    dies_after(stage, "n1/serves")
    result = stage.play(world=stage.world(errors=errors_after(stage, "n1/drain", "n2")))
    assert (result.state, result.exit_code) == ("held", 4), "the error came up before this process began"
    assert "default/web: allows 0 of 1" in result.reason
    taken = stage.of(BaselineTaken)
    assert [item.object.name for item in taken[0].errors] == ["old"]


def test_errors_are_learnt_where_nobody_had_checked() -> None:
    stage = Stage()
    stage.on_entry.append(lambda entry: stage.interrupts.stop() if isinstance(entry.event, BaselineTaken) else None)
    assert stage.play().state == "interrupted"
    assert [event.errors for event in stage.of(BaselineTaken)] == [None], "without a checker nothing is claimed"
    stage.on_entry.clear()
    budgets = stage.twin.disruption.budgets
    budgets[0] = replace(budgets[0], generation=2, observed_generation=2)
    result = stage.play(world=stage.world(errors=errors_after(stage, "n1/drain")))
    assert "was changed since the run began" in result.reason, "what was known of budgets stays"
    assert [item.object.name for item in stage.of(BaselineTaken)[1].errors] == ["old"]


def test_a_baseline_is_read_back_as_it_was_written() -> None:
    stage = Stage(names=("n1",))
    stage.play(world=stage.world(errors=errors_after(stage, "n1/drain")))
    (taken,) = stage.of(BaselineTaken)
    assert decode_event(encode_event(taken)) == taken
    assert taken.budgets[0].selector == b.selector(app="web")
