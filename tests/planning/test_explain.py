"""One step with everything around it."""

from __future__ import annotations

import pytest

from shipkeeper.execution.gates.catalogue import GATES as CATALOGUE
from shipkeeper.execution.gates.catalogue import STANDING as STANDING_CATALOGUE
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import ClusterConfig, Environment, Platform, WindowRule
from shipkeeper.planning.explain import GATES, STANDING, batch_rows, explain_step
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.planning.window import parse_window
from tests.builders import NOW, deployment, inventory, node, nodes


def plan_of(**wishes):
    inv = inventory(*nodes(3), node("cp1", control_plane=True), node("cp2", control_plane=True), deployment("web"))
    return propose_nodes(inv, NodesRequest(**wishes), Platform(), NOW)


def test_every_gate_that_is_named_exists():
    named = {gate for gates in GATES.values() for gate in gates} | {"quorum-before", "quorum-after", "confirmed"}
    assert named <= CATALOGUE.keys(), "a plan promises a gate that nobody reads"
    left = CATALOGUE.keys() - named - {"plan-fits-cluster"}
    assert not left, f"gates that explain never tells of: {left}"
    assert list(STANDING) == list(STANDING_CATALOGUE), "in the order in which a run reads them"


def test_gates_depend_on_the_plan_and_the_node():
    plan = plan_of(allow_control_plane=True, confirm="each", window=parse_window("2026-12-02T22:00/05:00 UTC"))
    assert {"quorum-before", "confirmed", "can-finish"} <= set(explain_step(plan, "cp1/cordon").gates)
    assert "quorum-after" in explain_step(plan, "cp2/serves").gates
    assert "quorum-before" not in explain_step(plan, "n1/cordon").gates
    assert "can-finish" not in explain_step(plan_of(), "n1/reboot").gates, "a plan without a window cannot miss its end"


def test_a_step_says_what_it_waits_for_and_what_waits_for_it():
    found = explain_step(plan_of(), "n2/cordon")
    assert found.step.needs == ("n1/settle",)
    assert found.waited_for_by == ("n2/drain",)
    assert found.batch == 2
    assert found.begins_seconds[0] > 60
    with pytest.raises(UsageProblem):
        explain_step(plan_of(), "n9/cordon")


def test_batches_follow_each_other_without_a_gap():
    rows = batch_rows(plan_of(max_parallel=2))
    assert [row.nodes for row in rows] == [("n1", "n2"), ("n3",)]
    assert rows[1].begins[0] == pytest.approx(rows[0].begins[0] + rows[0].takes[0])


def test_a_plan_without_a_window_says_that_its_environment_has_some():
    rule = WindowRule(name="monthly", rrule="FREQ=MONTHLY;BYDAY=1TU", start="22:00", duration="7h", zone="UTC")
    here = Environment(name="production", clusters=(ClusterConfig(name="c"),), windows=(rule,))
    inv = inventory(*nodes(1))
    notes = propose_nodes(inv, NodesRequest(), Platform(environments=(here,)), NOW).notes
    assert any("production has agreed ones (monthly): a run is held by gate window-agreed" in note for note in notes)
    assert any("may run at any time" in note for note in propose_nodes(inv, NodesRequest(), Platform(), NOW).notes)
