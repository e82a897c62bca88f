"""A whole run on the twin: every node goes through its steps, once, in order, and is given back."""

from __future__ import annotations

import pytest

from shipkeeper.execution import marks
from shipkeeper.model.run import NodeLeft, PodOutcome, RunEnded, StepIntent, StepOutcome
from tests.execution.stage import RUN, Stage
from tests.journal.chained import check


@pytest.mark.requirement("R-E1")
def test_three_nodes_one_at_a_time() -> None:
    stage = Stage()
    result = stage.play()
    assert (result.state, result.exit_code) == ("done", 0), result
    done = [event.step for event in stage.of(StepOutcome, state="done")]
    actions = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
    assert done == [f"{node}/{action}" for node in ("n1", "n2", "n3") for action in actions]
    for name in ("n1", "n2", "n3"):
        node = stage.node(name)
        assert stage.boots(name) == 1, f"{name} was rebooted {stage.boots(name)} times"
        assert not node.unschedulable, f"{name} was left cordoned"
        assert not marks.read_marks(node).run, f"{name} still carries our marks"
    assert not stage.of(NodeLeft)
    assert stage.of(RunEnded)[0].state == "done"
    check(stage.journal.read(RUN))


def test_an_intent_is_on_record_before_its_effect_and_its_outcome_after() -> None:
    stage = Stage()
    stage.play()
    order: dict[str, list[str]] = {}
    for event in stage.events():
        if isinstance(event, StepIntent | StepOutcome):
            order.setdefault(event.step, []).append(type(event).__name__)
    assert all(kinds == ["StepIntent", "StepOutcome"] for kinds in order.values()), order


def test_a_drain_names_its_pods_and_what_became_of_each() -> None:
    stage = Stage()
    stage.play()
    intents = stage.of(StepIntent, action="drain")
    outcomes = stage.of(PodOutcome)
    assert [uid for intent in intents for uid, _ in intent.pods] == [outcome.uid for outcome in outcomes]
    assert {outcome.result for outcome in outcomes} == {"evicted"}
    assert all(outcome.workload == "Deployment default/web" for outcome in outcomes)
    assert all("kube-system/agent" in intent.detail["goes-down-with-the-node"] for intent in intents)
