"""Budget arithmetic: golden vectors as a real control plane answered them, and the laws behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.model.labels import Selector
from shipkeeper.model.workloads import IntOrPercent
from shipkeeper.semantics.budgets import (
    BudgetTarget,
    allowed,
    compile_budgets,
    counting_once,
    covering,
    desired_and_expected,
    never_allows,
    spend,
    with_status,
)
from shipkeeper.semantics.ownership import by_uid
from tests.builders import NOW, budget, daemonset, deployment, owner, pod, selector, shape, workload
from tests.semantics.budget_rule import healthy_count, matching, status


def answer(
    replicas: int, *, minimum: IntOrPercent | None = None, maximum: IntOrPercent | None = None, pods: int | None = None
) -> tuple[int, int, int]:
    """(expected, desired, allowed) of a budget over a Deployment whose pods are all Ready."""
    app = deployment(on=["n1"] * (replicas if pods is None else pods), replicas=replicas)
    rule = budget(min_available=minimum, max_unavailable=maximum)
    now = status(rule, app.pods, counting_once(by_uid(app.workloads)), NOW)
    return now.expected, now.desired, now.allowed


@pytest.mark.parametrize(
    ("replicas", "rule", "desired", "may"),
    [
        (7, {"maximum": "25%"}, 5, 2),
        (7, {"minimum": "50%"}, 4, 3),
        (1, {"maximum": "25%"}, 0, 1),
        (1, {"minimum": 1}, 1, 0),
        (3, {"minimum": "34%"}, 2, 1),
        (3, {"maximum": 0}, 3, 0),
        (2, {"minimum": "51%"}, 2, 0),
        (10, {"minimum": "100%"}, 10, 0),
        (10, {"maximum": "100%"}, 0, 10),
        (3, {"minimum": 5}, 5, 0),
    ],
)
def test_t3_vectors(replicas: int, rule: dict[str, IntOrPercent], desired: int, may: int) -> None:
    assert answer(replicas, **rule)[1:] == (desired, may)


def test_t3_surge_counts_pods_for_a_number() -> None:
    assert answer(3, minimum=2, pods=4) == (4, 2, 2)


def test_selector_absent_matches_nothing_and_empty_the_namespace() -> None:
    app = deployment(on=["n1", "n1"])
    labels = app.pods[0].shape.labels
    absent, whole = budget("absent", selector=None), budget("whole", selector=Selector())
    elsewhere = budget("elsewhere", "other", selector=Selector())
    assert matching([absent, whole, elsewhere], "default", labels) == [whole]


def test_bare_pods_count_for_a_number_and_block_a_percentage() -> None:
    bare = [pod(f"p{i}", template=deployment().pods[0].shape) for i in range(3)]
    scales = counting_once({})
    assert status(budget(max_unavailable=1), bare, scales, NOW).reason == "InsufficientPods"
    assert status(budget(max_unavailable=1), bare, scales, NOW).allowed == 0, "evictions would have been expected"
    assert status(budget(min_available="50%"), bare, scales, NOW).allowed == 0
    assert status(budget(min_available=2), bare, scales, NOW).allowed == 1


def test_t4_owner_without_scale_fails_safe() -> None:
    app = daemonset("web", "default", on=["n1", "n2"])
    scales = by_uid(app.workloads)
    failed = status(budget(max_unavailable=1), app.pods, counting_once(scales), NOW)
    assert (failed.reason, failed.allowed) == ("SyncFailed", 0)
    assert "does not implement the scale subresource" in failed.message
    assert status(budget(min_available=1), app.pods, counting_once(scales), NOW).allowed == 1


@pytest.mark.parametrize(("kind", "word"), [("ReplicaSet", "found no controller"), ("Kafka", "not known")])
def test_t4_owner_gone_or_foreign_fails_safe(kind: str, word: str) -> None:
    orphan = pod(owned_by=owner(kind, "gone"))
    now = status(budget(max_unavailable=1), [orphan], counting_once({}), NOW)
    assert now.reason == "SyncFailed"
    assert word in now.message


def test_two_replica_sets_of_one_deployment_count_once() -> None:
    app = deployment(on=["n1"] * 3, replicas=3)
    old = workload("ReplicaSet", "web-old", owner=owner("Deployment", "web"))
    straggler = pod("web-old-1", owned_by=owner("ReplicaSet", "web-old"), template=app.pods[0].shape)
    scales = by_uid((*app.workloads, old))
    aim = desired_and_expected(budget(max_unavailable=1), (*app.pods, straggler), counting_once(scales))
    assert (aim.expected, aim.desired) == (3, 2), "the Deployment would have been counted twice during a rollout"


def test_terminating_and_freshly_evicted_pods_are_not_healthy() -> None:
    pods = [
        pod("ready"),
        pod("unready", ready=False),
        pod("leaving", deletion_ms=NOW + 30_000),
        pod("evicted"),
        pod("given-back"),
    ]
    rule = budget(disrupted=(("evicted", NOW - 119_000), ("given-back", NOW - 121_000)))
    assert healthy_count(rule, pods, NOW) == 2


def test_neither_field_allows_nothing() -> None:
    app = deployment(on=["n1"] * 3)
    assert status(budget(), app.pods, counting_once(by_uid(app.workloads)), NOW).allowed == 0


@pytest.mark.parametrize(
    ("rule", "never"),
    [
        ({"max_unavailable": 0}, True),
        ({"max_unavailable": "0%"}, True),
        ({"min_available": "100%"}, True),
        ({"min_available": "100%", "max_unavailable": 5}, True),
        ({}, True),
        ({"max_unavailable": "5%"}, False),
        ({"max_unavailable": 1}, False),
        ({"min_available": 5}, False),
        ({"min_available": "99%"}, False),
    ],
)
def test_budgets_that_can_never_allow(rule: dict[str, IntOrPercent], never: bool) -> None:
    assert bool(never_allows(budget(**rule))) is never


PERCENT = st.integers(0, 100).map(lambda n: f"{n}%")
COUNT = st.integers(0, 12)


@given(COUNT, st.one_of(COUNT, PERCENT), st.booleans())
def test_never_allows_more_than_there_are(replicas: int, value: IntOrPercent, as_minimum: bool) -> None:
    expected, desired, may = answer(replicas, **{"minimum" if as_minimum else "maximum": value})
    assert 0 <= may <= replicas
    assert desired >= 0
    if expected:
        assert replicas - may >= min(replicas, desired), "the budget would have let too many go"


@given(st.integers(1, 30), st.integers(0, 99))
def test_percentages_round_up(replicas: int, percent: int) -> None:
    _, desired, _ = answer(replicas, minimum=f"{percent}%")
    assert desired * 100 >= percent * replicas > (desired - 1) * 100 or desired == 0
    _, kept, _ = answer(replicas, maximum=f"{percent}%")
    assert (replicas - kept) * 100 >= percent * replicas


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))),
        max_size=8,
    ),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")),
)
def test_the_index_agrees_with_the_plain_walk(rules: list[tuple[str, dict[str, str]]], labels: dict[str, str]) -> None:
    budgets = [
        budget(f"b{i}", namespace, selector=selector(**pairs) if i % 4 else None)
        for i, (namespace, pairs) in enumerate(rules)
    ]
    for namespace in ("a", "b"):
        found = matching(budgets, namespace, labels)
        assert compile_budgets(budgets).matching(namespace, labels) == found
        moving = [pod("one", namespace, template=shape(labels)), pod("other", "c")]
        assert covering(budgets, moving).matching(namespace, labels) == found, "a budget over a moving pod was left out"


def test_spending_and_writing_status() -> None:
    app = deployment(on=["n1"] * 3)
    scales = by_uid(app.workloads)
    rule = with_status(
        budget(max_unavailable=1), status(budget(max_unavailable=1), app.pods, counting_once(scales), NOW)
    )
    assert (rule.allowed, rule.desired, rule.healthy, rule.reason) == (1, 2, 3, "SufficientPods")
    spent = spend(rule, app.pods[0].name, NOW)
    assert spent.allowed == 0
    again = status(spent, app.pods, counting_once(scales), NOW)
    assert again.allowed == 0, "one pod would have been evicted twice over before the controller saw it go"
    later = status(spent, app.pods, counting_once(scales), NOW + 121_000)
    assert later.allowed == 1, "T6: an eviction never seen would have kept its budget for ever"


def test_sync_failed_keeps_the_other_counts() -> None:
    before = budget(max_unavailable=1, expected=3, desired=2, healthy=3, allowed=1)
    failed = status(before, [pod(owned_by=owner("Job", "x"))], counting_once({}), NOW)
    after = with_status(before, failed)
    assert (after.allowed, after.reason, after.desired, after.healthy) == (0, "SyncFailed", 2, 3)


def test_expecting_nothing_allows_nothing() -> None:
    assert allowed(3, BudgetTarget(expected=0, desired=0)) == 0
    assert allowed(1, BudgetTarget(expected=3, desired=2)) == 0
    assert replace(budget(), allowed=0).allowed == 0
