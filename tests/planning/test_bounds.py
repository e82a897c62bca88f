"""Lower bounds: never above a schedule that keeps the rules, and tight where the optimum is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform, TimingConfig
from shipkeeper.planning.bounds import all_bounds, lower_bound
from shipkeeper.planning.estimates import plan_seconds
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.planning.window import parse_window
from tests.builders import NOW, budget, deployment, inventory, node, nodes, shape, statefulset

DECLARED = Platform(
    environments=(
        Environment(
            name="test",
            clusters=(
                ClusterConfig(
                    name="test",
                    timings=TimingConfig(reboot="3m", readiness={"*": "20s", "Deployment/default/slow": "20s"}),
                ),
            ),
        ),
    )
)


def plan_of(inv, **wishes) -> Plan:
    return propose_nodes(inv, NodesRequest(**wishes), DECLARED, NOW)


@pytest.mark.parametrize(("most", "rounds"), [(1, 6), (2, 3), (4, 2), (6, 1)])
def test_equal_nodes_without_conflicts_have_a_known_optimum(most, rounds):
    spare = tuple(node(f"spare{i}") for i in range(6))
    inv = inventory(*nodes(6, zones=1), *spare, *(deployment(f"a{i}", on=(f"n{i}",)) for i in range(1, 7)))
    plan = plan_of(inv, max_parallel=most, order="best", names=tuple(f"n{i}" for i in range(1, 7)))
    bound = lower_bound(plan, inv)
    one = 30 + 180 + 30
    if rounds * most == 6:
        assert bound.value == pytest.approx(rounds * one), "the bound is not tight where the optimum is known"
    assert bound.value <= rounds * one <= plan_seconds(plan).p50


def test_a_tight_budget_binds_when_it_is_the_limit():
    inv = inventory(
        *nodes(2, zones=1),
        deployment("slow", on=("n1",) * 30),
        budget(app="slow", max_unavailable=1),
    )
    plan = plan_of(inv, names=("n1",))
    assert lower_bound(plan, inv).value == pytest.approx(29 * 20 + 30 + 180 + 30)
    assert lower_bound(plan, inv).binding == "PodDisruptionBudget default/budget lets 1 go at a time (LB3)"


def test_ordered_replacements_of_one_node_follow_each_other():
    slow = Platform(
        environments=(
            Environment(
                name="t",
                clusters=(
                    ClusterConfig(name="test", timings=TimingConfig(readiness={"StatefulSet/default/db": "10m"})),
                ),
            ),
        )
    )
    inv = inventory(*nodes(2), statefulset("db", on=("n1", "n1", "n1")))
    plan = propose_nodes(inv, NodesRequest(names=("n1",)), slow, NOW)
    assert lower_bound(plan, inv).value == pytest.approx(30 + 3 * 600)
    assert "LB6" in lower_bound(plan, inv).binding
    parallel = inventory(*nodes(2), statefulset("db", on=("n1", "n1", "n1"), pod_management="Parallel"))
    assert "LB6" not in {
        b.id for b in all_bounds(propose_nodes(parallel, NodesRequest(names=("n1",)), slow, NOW), parallel).bounds
    }


def test_what_no_schedule_can_do_is_named():
    inv = inventory(
        *nodes(2),
        deployment("web", on=("n1",)),
        budget("never", app="web", min_available=1),
        deployment("twice", on=("n2", "n1")),
        budget("one", app="twice", max_unavailable=1),
        budget("two", app="twice", max_unavailable=1),
    )
    told = " | ".join(all_bounds(plan_of(inv), inv).infeasible)
    assert "default/never never allows an eviction: n1" in told
    assert "is under 2 budgets: n2" in told


def test_room_for_no_node_is_a_certificate():
    inv = inventory(
        *nodes(3, cpu=1_000), *(deployment(f"a{i}", on=(f"n{i}",), template=shape(cpu=900)) for i in (1, 2, 3))
    )
    bounds = all_bounds(plan_of(inv, max_parallel=2), inv)
    assert any("the others lack cpu" in line for line in bounds.infeasible)
    assert any(b.id == "LB4" for b in bounds.bounds)


def test_windows_are_counted():
    inv = inventory(*nodes(6), *(deployment(f"a{i}", on=(f"n{i}",)) for i in range(1, 7)))
    window = parse_window("2026-12-02T22:00/22:40 UTC")
    bounds = all_bounds(plan_of(inv, window=window, reserve_ms=30 * 60_000), inv)
    assert bounds.windows == 3, "six nodes of four minutes each do not fit into two windows of ten"
    short = parse_window("2026-12-02T22:00/22:33 UTC")
    assert any(
        "n1 takes at least" in t for t in all_bounds(plan_of(inv, window=short, reserve_ms=30 * 60_000), inv).infeasible
    )


def test_zones_are_added_up():
    inv = inventory(*nodes(3, zones=3))
    bounds = {b.id: b.seconds for b in all_bounds(plan_of(inv, order="zones", max_parallel=3), inv).bounds}
    assert bounds["LB2"] == pytest.approx(3 * 210)
    assert bounds["LB1"] == pytest.approx(210)


@given(
    places=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=1, max_size=6),
    budgets=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    most=st.integers(1, 5),
    order=st.sampled_from(["serial", "zones", "best"]),
    ordered=st.booleans(),
    readiness=st.integers(0, 600),
)
def test_no_bound_is_above_a_plan_that_keeps_the_rules(places, budgets, most, order, ordered, readiness):
    make = statefulset if ordered else deployment
    fields = {"scheduled_ms": NOW - 3_600_000, "ready_ms": NOW - 3_600_000 + readiness * 1_000}
    parts = [make(f"a{i}", on=tuple(f"n{j}" for j in p), pod_fields=fields) for i, p in enumerate(places)]
    limits = [budget(f"b{i}", app=f"a{i}", max_unavailable=budgets[i]) for i in range(len(places)) if budgets[i]]
    inv = inventory(*nodes(5, zones=2), *parts, *limits)
    plan = plan_of(inv, order=order, max_parallel=most)
    took = plan_seconds(plan).p50
    for bound in all_bounds(plan, inv).bounds:
        assert bound.seconds <= took + 1e-6, f"{bound.id} claims that this plan is impossible"
    assert sorted(name for batch in plan.batches for name in batch) == ["n1", "n2", "n3", "n4", "n5"]
    assert all(len(batch) <= most for batch in plan.batches)


def test_durations_have_the_shape_that_a_rehearsal_draws_from():
    from shipkeeper.planning.estimates import _SHAPE
    from shipkeeper.twin.quantiles import _SHAPE as DRAWN

    assert [(round(q * 1000), round(d * 1000)) for q, d in _SHAPE] == list(DRAWN), "estimates and rehearsals part ways"


def test_the_slowest_of_many_is_slower_than_one():
    from shipkeeper.planning.estimates import slowest_ms
    from shipkeeper.planning.moves import Move

    one = Move("a/b", "Deployment/a/b", (), (4_000, 20_000), (0, 0), grace_ms=30_000)
    assert slowest_ms([one]) == (4_000, 20_000)
    assert slowest_ms([]) == (0, 0)
    many = [slowest_ms([one] * n) for n in (1, 2, 10, 100)]
    assert many == sorted(many)
    assert all(high <= 30_000 for _, high in many), "longer than the grace period lets it be"
