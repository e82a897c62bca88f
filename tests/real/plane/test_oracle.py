"""The oracle's own logic, without a plane: an observer that cannot see is no proof."""

from __future__ import annotations

import argparse

import pytest

from tests.real.plane import reboot, waits
from tests.real.plane.api import Object, is_healthy_pod
from tests.real.plane.manifests import Times, Workload
from tests.real.plane.observer import BudgetReading, falls


def readings(*margins: int) -> list[BudgetReading]:
    """One reading a second; two pods desired."""
    return [BudgetReading(index * 1000, 2 + m, 2, 2) for index, m in enumerate(margins)]


def test_a_budget_used_to_its_limit_is_no_violation() -> None:
    assert falls("b", readings(1, 0, 1)) == [], "margin 0 is what a budget allows"


def test_a_fall_below_the_desired_count_is_seen_with_its_worst_and_its_length() -> None:
    (seen,) = falls("b", readings(1, -1, -2, 0))
    assert (seen.start_ms, seen.end_ms, seen.lowest) == (1000, 3000, 0), str(seen)


def test_a_budget_that_was_never_met_is_not_blamed_on_the_run() -> None:
    assert falls("b", readings(-1, -2, -1)) == []


def test_a_budget_still_below_at_the_end_is_a_violation() -> None:
    (seen,) = falls("b", readings(0, -1))
    assert seen.end_ms is None
    assert "to the end" in str(seen)


def pod(ready: str = "True", leaving: bool = False, phase: str = "Running") -> Object:
    meta: Object = {"name": "p", "namespace": "n", "labels": {"app": "a"}}
    if leaving:
        meta["deletionTimestamp"] = "2026-12-02T22:00:00Z"
    conditions = [{"type": "Ready", "status": ready}]
    return {"metadata": meta, "status": {"phase": phase, "conditions": conditions}}


@pytest.mark.parametrize(
    ("given", "healthy"),
    [
        (pod(), True),
        (pod(ready="False"), False),
        (pod(leaving=True), False),
        (pod(phase="Succeeded"), False),
    ],
)
def test_only_a_ready_pod_that_stays_is_healthy(given: Object, healthy: bool) -> None:
    assert is_healthy_pod(given) is healthy


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ({}, True),
        ({"matchLabels": {"app": "a"}}, True),
        ({"matchLabels": {"app": "b"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["b"]}]}, True),
        ({"matchExpressions": [{"key": "x", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["b"]}]}, True),
    ],
)
def test_selectors_select_as_kubernetes_does(selector: Object, chosen: bool) -> None:
    assert waits.selects(selector, {"app": "a"}) is chosen


def test_an_absent_selector_selects_nothing() -> None:
    budget: Object = {"metadata": {"namespace": "n"}, "spec": {}}
    assert waits.matching(budget, [pod()]) == [], "policy/v1: absent selects no pod"


def test_termination_is_cut_at_the_grace_period() -> None:
    assert Times(termination_ms=5000, grace_s=2).gone_after_ms == 2000
    assert Times(termination_ms=None, grace_s=3).gone_after_ms == 3000


def test_a_workload_carries_its_times_where_the_stages_read_them() -> None:
    made = Workload("Deployment", "n", "w", times=Times(700, 300)).manifest()
    found = made["spec"]["template"]["metadata"]["annotations"]
    assert found == {"shipkeeper.test/ready-ms": "700", "shipkeeper.test/termination-ms": "300"}


@pytest.mark.parametrize(("text", "ms"), [("5s", 5000), ("300ms", 300), ("1.5s", 1500)])
def test_durations_of_the_reboot_driver(text: str, ms: int) -> None:
    assert reboot.duration_ms(text) == ms


def test_a_duration_without_a_unit_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        reboot.duration_ms("5")


def test_instants_keep_their_milliseconds() -> None:
    assert reboot.instant(1_796_248_800_007) == "2026-12-02T22:00:00.007Z"
