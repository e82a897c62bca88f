"""The eviction decision, row by row, as API servers answer it (T2, T5, T11, T15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.eviction import decide
from tests.builders import NOW, budget, pod


def open_budget(**more: object) -> Budget:
    fields: dict[str, object] = {"min_available": 1, "allowed": 1, "healthy": 2, "desired": 1, "expected": 2}
    return budget(**(fields | more))  # type: ignore[arg-type]


def spent_budget(**more: object) -> Budget:
    return open_budget(**({"allowed": 0, "healthy": 1} | more))


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_t2_pods_that_do_not_run_ask_no_budget(phase: str) -> None:
    answer = decide(pod(phase=phase, ready=False), [spent_budget()])
    assert (answer.outcome, answer.code, answer.decrements) == ("accepted", 201, False)


def test_t2_terminating_pod_is_taken() -> None:
    answer = decide(pod(deletion_ms=NOW), [spent_budget(), spent_budget(name="other")])
    assert answer.accepted
    assert not answer.decrements


def test_t2_no_budget() -> None:
    assert decide(pod(), []).accepted


def test_t5_two_budgets_are_hopeless() -> None:
    answer = decide(pod(), [open_budget(), open_budget(name="other")])
    assert (answer.outcome, answer.code) == ("hopeless", 500)
    assert "more than one PodDisruptionBudget" in answer.message


def test_t2_open_budget_pays() -> None:
    answer = decide(pod(), [open_budget()])
    assert (answer.outcome, answer.decrements, answer.budget) == ("accepted", True, "budget")


def test_t2_spent_budget() -> None:
    answer = decide(pod(), [budget("d1", min_available=9, allowed=0, healthy=9, desired=9, expected=9)])
    assert (answer.outcome, answer.code, answer.reason, answer.retry_after_ms) == ("spent", 429, "TooManyRequests", 0)
    assert answer.message == "The disruption budget d1 needs 9 healthy pods and has 9 currently"


def test_t2_stale_status_asks_to_come_back() -> None:
    answer = decide(pod(), [open_budget(generation=2, observed_generation=1)])
    assert (answer.outcome, answer.code, answer.retry_after_ms) == ("spent", 429, 10_000)


def test_t2_negative_and_overfull_are_refused() -> None:
    assert decide(pod(), [open_budget(allowed=-1)]).outcome == "refused"
    many = tuple((f"p{i}", NOW) for i in range(2_001))
    assert decide(pod(), [open_budget(disrupted=many)]).code == 403


@pytest.mark.parametrize(
    ("policy", "healthy", "desired", "accepted"),
    [
        ("", 0, 0, False),  # one replica, maxUnavailable 1: the trap, 429 for ever
        ("IfHealthyBudget", 0, 0, False),
        ("", 0, 1, False),
        ("", 2, 2, True),
        ("IfHealthyBudget", 3, 2, True),
        ("AlwaysAllow", 0, 0, True),
        ("AlwaysAllow", 0, 1, True),
    ],
)
def test_t11_unready_pods(policy: str, healthy: int, desired: int, accepted: bool) -> None:
    rule = spent_budget(unhealthy_policy=policy, healthy=healthy, desired=desired)
    answer = decide(pod(ready=False), [rule])
    assert answer.accepted is accepted
    assert not answer.decrements, "an unready pod would have used up the budget of healthy ones"


def test_t11_policy_is_not_known_to_old_servers() -> None:
    rule = spent_budget(unhealthy_policy="AlwaysAllow", healthy=0)
    assert not decide(pod(ready=False), [rule], minor=26).accepted
    assert decide(pod(ready=False), [rule], minor=27).accepted


def test_t15_namespace_being_deleted() -> None:
    answer = decide(pod(), [], namespace_terminating=True)
    assert (answer.outcome, answer.code) == ("namespace-terminating", 403)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.booleans(), st.booleans())
def test_a_ready_pod_never_leaves_without_its_budget_paying(
    may: int, healthy: int, desired: int, ready: bool, always: bool
) -> None:
    rule = budget(allowed=may, healthy=healthy, desired=desired, unhealthy_policy="AlwaysAllow" if always else "")
    answer = decide(pod(ready=ready), [rule])
    if ready:
        assert answer.accepted == (may > 0)
        assert answer.decrements == answer.accepted
    if answer.decrements:
        assert may > 0
