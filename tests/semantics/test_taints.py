"""Taints and tolerations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.nodes import Taint
from shipkeeper.model.pods import Toleration
from shipkeeper.semantics.taints import (
    DAEMON_TOLERATIONS,
    effective_taints,
    removed_after_ms,
    tolerated,
    tolerates,
    tolerates_cordon,
    untolerated,
    write_taint,
)
from tests.builders import node


@pytest.mark.parametrize(
    ("toleration", "taint", "covers"),
    [
        (Toleration(operator="Exists"), Taint("any", "NoSchedule", "v"), True),
        (Toleration(operator="Exists", effect="NoExecute"), Taint("any", "NoSchedule"), False),
        (Toleration("gpu", "Exists"), Taint("gpu", "NoExecute", "yes"), True),
        (Toleration("gpu", "Equal", "yes"), Taint("gpu", "NoSchedule", "yes"), True),
        (Toleration("gpu", "Equal", "yes"), Taint("gpu", "NoSchedule", "no"), False),
        (Toleration("gpu", "Equal", "yes", "NoSchedule"), Taint("gpu", "NoExecute", "yes"), False),
        (Toleration("gpu"), Taint("gpu", "NoSchedule"), True),
        (Toleration(), Taint("gpu", "NoSchedule"), False),
    ],
)
def test_one_toleration_and_one_taint(toleration: Toleration, taint: Taint, covers: bool) -> None:
    assert tolerates(toleration, taint) is covers


def test_preferences_keep_nobody_out() -> None:
    assert untolerated([Taint("busy", "PreferNoSchedule")], ()) is None
    assert untolerated([Taint("busy", "PreferNoSchedule"), Taint("gpu", "NoSchedule")], ()) == Taint(
        "gpu", "NoSchedule"
    )


def test_daemon_pods_stay_on_cordoned_and_lost_nodes() -> None:
    assert tolerates_cordon(DAEMON_TOLERATIONS)
    assert removed_after_ms([Taint("node.kubernetes.io/unreachable", "NoExecute")], DAEMON_TOLERATIONS) is None


def test_cordon_counts_before_the_controller_has_tainted() -> None:
    cordoned = node(cordoned=True)
    assert len(effective_taints(cordoned)) == 1
    bare = node(unschedulable=True)
    assert [taint.key for taint in effective_taints(bare)] == ["node.kubernetes.io/unschedulable"]


@pytest.mark.parametrize(
    ("tolerations", "after"),
    [
        ((), 0),
        ((Toleration("down", "Exists", "", "NoExecute", 300),), 300_000),
        ((Toleration("down", "Exists", "", "NoExecute"),), None),
        ((Toleration("down", "Exists", "", "NoExecute", 300), Toleration(operator="Exists", seconds=10)), 10_000),
        ((Toleration("down", "Exists", "", "NoExecute", -1),), 0),
        ((Toleration("down", "Exists", "", "NoSchedule"),), 0),
    ],
)
def test_how_long_a_pod_may_stay(tolerations: tuple[Toleration, ...], after: int | None) -> None:
    assert removed_after_ms([Taint("down", "NoExecute")], tolerations) == after


def test_other_effects_remove_nobody() -> None:
    assert removed_after_ms([Taint("down", "NoSchedule")], ()) is None


TAINTS = st.builds(
    Taint, st.sampled_from("ab"), st.sampled_from(["NoSchedule", "NoExecute"]), st.sampled_from(["", "x"])
)
TOLERATIONS = st.builds(
    Toleration,
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["Equal", "Exists"]),
    st.sampled_from(["", "x"]),
    st.sampled_from(["", "NoSchedule", "NoExecute"]),
)


@given(st.lists(TAINTS, max_size=3), st.lists(TOLERATIONS, max_size=3), TOLERATIONS)
def test_tolerating_more_never_keeps_out_more(
    taints: list[Taint], tolerations: list[Toleration], another: Toleration
) -> None:
    if untolerated(taints, tolerations) is None:
        assert untolerated(taints, [*tolerations, another]) is None


@given(st.lists(TAINTS, max_size=4))
def test_exists_without_a_key_tolerates_everything(taints: list[Taint]) -> None:
    assert all(tolerated(taint, [Toleration(operator="Exists")]) for taint in taints)


def test_written_as_kubectl_does() -> None:
    assert write_taint(Taint("gpu", "NoSchedule", "yes")) == "gpu=yes:NoSchedule"
    assert write_taint(Taint("gpu", "NoSchedule")) == "gpu:NoSchedule"
