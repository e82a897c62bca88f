"""Quotas: who is charged, when one more has no room, and when none can ever be made again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.model.cluster import Quota
from shipkeeper.semantics import quotas
from tests import builders as b


def quota(hard: dict[str, int], used: dict[str, int], *scopes: str) -> Quota:
    return Quota("default", "team", hard=hard, used=used, scopes=scopes)


@pytest.mark.parametrize(
    ("scopes", "covered"),
    [
        ((), True),
        (("BestEffort",), False),
        (("NotBestEffort",), True),
        (("PriorityClass In high,low",), True),
        (("PriorityClass In low",), False),
        (("PriorityClass NotIn low",), True),
        (("PriorityClass Exists",), True),
        (("PriorityClass",), True),
        (("PriorityClass DoesNotExist",), False),
        (("NotTerminating",), None),
        (("NotTerminating", "BestEffort"), False),
        (("SomethingNew Exists",), None),
        (("PriorityClass Resembles high",), None),
    ],
)
def test_scopes_select_who_is_charged(scopes: tuple[str, ...], covered: bool | None) -> None:
    shape = replace(b.shape(cpu=100), priority_class="high")
    assert quotas.covers(quota({"pods": 1}, {}, *scopes), shape) is covered


def test_full_and_over_are_not_the_same() -> None:
    shape = b.shape(cpu=100)
    full = quota({"pods": 3, "requests.cpu": 300}, {"pods": 3, "requests.cpu": 300})
    assert quotas.lacking(full, full.used, shape) == ("pods", "requests.cpu")
    assert quotas.over(full, shape) == (), "once the old pod is gone the new one fits"
    lowered = quota({"pods": 2, "requests.cpu": 300}, {"pods": 3, "requests.cpu": 300})
    assert quotas.over(lowered, shape) == ("pods",)


def test_limits_are_looked_at_although_the_shape_does_not_keep_them() -> None:
    shape = b.shape(cpu=100)
    assert quotas.over(quota({"limits.cpu": 100}, {"limits.cpu": 101}), shape) == ("limits.cpu",)
    assert quotas.lacking(quota({"limits.cpu": 100}, {"limits.cpu": 100}), {}, shape) == ()


def test_other_objects_are_nothing_to_a_pod() -> None:
    shape = b.shape(cpu=100)
    other = quota({"services": 1, "requests.storage": 1}, {"services": 9, "requests.storage": 9})
    assert quotas.over(other, shape) == quotas.untold(other, shape) == ()
    assert quotas.untold(quota({"services": 1, "pods": 1}, {}), shape) == ("pods",)


amounts = st.integers(0, 50)


@given(st.lists(amounts, min_size=1, max_size=6), st.integers(0, 300))
def test_what_is_not_over_comes_back_one_by_one(sizes: list[int], hard: int) -> None:
    """Every pod of the namespace moves in turn: refused for good exactly when the quota is over its limit."""
    shapes = [b.shape(cpu=size) for size in sizes]
    used = sum(sizes)
    item = quota({"requests.cpu": hard}, {"requests.cpu": used})
    for shape in shapes:
        without = {"requests.cpu": used - quotas.charge("requests.cpu", shape)}
        assert bool(quotas.lacking(item, without, shape)) == bool(quotas.over(item, shape))
