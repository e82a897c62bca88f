"""Plans of real clusters, from dumps that others published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shipkeeper.app.survey import load_inventory
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import Platform
from shipkeeper.planning.bounds import all_bounds
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest

FOLDER = os.environ.get("SHIPKEEPER_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="SHIPKEEPER_TEST_DATA is not set: no real dumps to plan for")


def plan_of(name: str, **wishes):
    inv = load_inventory(str(Path(FOLDER) / "dumps" / name))
    return inv, propose_nodes(inv, NodesRequest(**wishes), Platform(), inv.taken_ms)


@pytest.mark.parametrize("name", ["must-gather-aws.tar.xz", "must-gather-azure.tar.xz"])
def test_a_must_gather_is_planned_with_its_other_owner_of_reboots(name):
    inv, plan = plan_of(name)
    told = " | ".join(plan.notes)
    assert sum(len(batch) for batch in plan.batches) == 3, "control-plane nodes were taken without leave"
    assert "left out: control-plane nodes" in told
    assert "machine-config operator owns reboots here too" in told
    assert "cannot be drained as things are" in told
    assert "not read: volumeattachments" in told, "what the dump does not hold is passed over in silence"
    assert all_bounds(plan, inv).bounds[0].seconds > 0
    plan.verify()


@pytest.mark.parametrize("name", ["must-gather-aws.tar.xz", "must-gather-azure.tar.xz"])
def test_control_plane_nodes_of_a_must_gather_go_last_and_alone(name):
    _, plan = plan_of(name, allow_control_plane=True, max_parallel=6, order="best")
    last = plan.batches[-3:]
    assert all(len(batch) == 1 and plan.planned(batch[0]).control_plane for batch in last)
    assert not any(plan.planned(n).control_plane for batch in plan.batches[:-3] for n in batch)


def test_the_only_node_of_a_support_bundle_is_not_taken_for_a_worker():
    with pytest.raises(UsageProblem, match="no node is left"):
        plan_of("support-bundle-k3s.tar.gz")
