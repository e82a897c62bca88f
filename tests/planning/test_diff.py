"""Comparing plans, and reading them back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import Platform
from shipkeeper.planning.diff import diff_plans
from shipkeeper.planning.document import decode_plan, encode_plan
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from tests.builders import NOW, deployment, inventory, nodes


def plan_of(now=NOW, **wishes):
    inv = inventory(*nodes(3), deployment("web", on=("n1", "n2", "n3")))
    return propose_nodes(inv, NodesRequest(**wishes), Platform(), now)


def test_plans_made_at_other_times_do_not_differ():
    assert diff_plans(plan_of(), plan_of(now=NOW + 60_000)).changes == ()


def test_what_changed_is_told_by_its_name_in_the_file():
    changes = {
        c.what: (c.before, c.after) for c in diff_plans(plan_of(), plan_of(on_blocked="wait", names=("n1",))).changes
    }
    assert changes["drainPolicy.onBlocked"] == ("hold", "wait")
    assert changes["node n3"] == ("planned", "")
    assert changes["batch 2"] == ("n2", "")
    assert "estimate" in changes


def test_a_plan_file_reads_back_the_same():
    plan = plan_of()
    assert decode_plan(encode_plan(plan), "night.plan") == plan


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{}", "not a plan"),
        (b"not json", "not a plan"),
        (encode_plan(plan_of()).replace(b'"maxParallel": 1', b'"maxParallel": 3'), "digest"),
        (encode_plan(replace(plan_of(), kind="Forecast")), "Forecast"),
    ],
)
def test_what_is_no_plan_or_was_edited_is_refused_with_its_name(data, told):
    with pytest.raises(BadInput, match=told) as caught:
        decode_plan(data, "night.plan")
    assert caught.value.location.file == "night.plan"
