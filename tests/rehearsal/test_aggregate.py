"""Nights into verdicts, percentiles and words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.rehearsal import aggregate
from shipkeeper.rehearsal.night import NodeMarks
from shipkeeper.rehearsal.rehearse import as_safe
from shipkeeper.rehearsal.spreads import rank, spread
from tests.rehearsal.nights import felt, night, one_node_plan, stopped


def test_nearest_rank() -> None:
    assert [rank(200, 95), rank(100, 95), rank(20, 95), rank(19, 95), rank(1, 95), rank(3, 50)] == [
        189,
        94,
        18,
        18,
        0,
        1,
    ]
    assert spread(range(1_000, 101_000, 1_000)).p95 == 95.0


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=60))
def test_percentiles_are_values_that_occurred_and_in_order(values: list[int]) -> None:
    found = spread(values)
    assert found.p50 <= found.p95
    assert {round(found.p50 * 1_000), round(found.p95 * 1_000)} <= set(values)


def test_the_verdict_is_by_p95_against_window_minus_reserve() -> None:
    plan = one_node_plan(hours=2, reserve_s=1_800)
    fine = [night(seed, 89) for seed in range(19)]
    assert aggregate.usable_ms(plan) == 90 * 60_000
    assert aggregate.verdict(plan, [*fine, night(19, 300)]) == "fits", "one night in twenty may overrun"
    assert aggregate.verdict(plan, [*fine[:18], night(18, 91), night(19, 91)]) == "does-not-fit"
    assert aggregate.verdict(one_node_plan(hours=None), [night(1, 10_000)]) == "fits", (
        "without a window all time is fine"
    )


def test_more_than_one_blocked_night_in_twenty_blocks() -> None:
    plan = one_node_plan()
    assert aggregate.verdict(plan, [night(seed) for seed in range(39)] + [stopped(39)]) == "fits"
    assert aggregate.verdict(plan, [night(seed) for seed in range(37)] + [stopped(s) for s in range(3)]) == "blocked"
    assert aggregate.verdict(plan, [stopped(1)]) == "blocked"


def test_blocked_pods_are_counted_over_the_seeds() -> None:
    found = aggregate.blocked([stopped(1), stopped(2), night(3)])
    assert [(item.node, item.pod, item.rule, item.seeds) for item in found] == [
        ("n1", "default/web-1", "budget-never-allows", 2)
    ]


def test_a_mark_that_most_nights_never_reach_is_none() -> None:
    plan = one_node_plan()
    (node,) = aggregate.node_forecasts(plan, [night(1), stopped(2), stopped(3)])
    assert node.cordoned is not None
    assert node.drained is None
    assert node.done is None


def test_workloads_that_felt_nothing_in_some_nights_count_there_as_nothing() -> None:
    nights = [night(seed, workloads=(felt("web", 10_000),)) for seed in range(4)] + [night(9) for _ in range(6)]
    (workload,) = aggregate.workload_forecasts(nights)
    assert workload.downtime_seconds.p50 == 0
    assert workload.downtime_seconds.p95 == 10
    assert workload.evictions == 0.4


def test_nodes_that_end_after_the_window_in_most_nights_are_deferred() -> None:
    plan = one_node_plan(hours=2)
    late = NodeMarks("n1", 1, 2, 3, 4, 95 * 60_000)
    assert aggregate.deferred(plan, [night(1, 95, nodes=(late,)), night(2), night(3)]) == ()
    assert aggregate.deferred(plan, [night(1, 95, nodes=(late,)), night(2, 95, nodes=(late,)), night(3)]) == ("n1",)


def test_the_digest_depends_on_every_night_and_their_order() -> None:
    one, two = night(1), night(2)
    digests = {aggregate.trace_digest(nights) for nights in ([one, two], [two, one], [one], [two])}
    assert len(digests) == 4


def test_as_safe_means_no_workload_is_down_for_longer_and_nothing_new_happens() -> None:
    serial = [night(seed, workloads=(felt("db", 60_000),)) for seed in range(20)]
    assert as_safe(serial, [night(seed, workloads=(felt("db", 62_000),)) for seed in range(20)])
    assert not as_safe(serial, [night(seed, workloads=(felt("db", 90_000),)) for seed in range(20)])
    assert not as_safe(serial, [night(seed, workloads=(felt("web", 1_000),)) for seed in range(20)])
    assert not as_safe(serial, [*serial[:19], night(19, notes=(("Deployment a loses a pod to Deployment b", 1),))])
