"""Gates by themselves: what each of them sees, condition by condition."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.execution.before import Before, BudgetBefore
from shipkeeper.execution.context import Run
from shipkeeper.execution.gates.after import budgets_restored, pods_scheduled
from shipkeeper.execution.gates.machine import node_serves, quorum, volumes_detached
from shipkeeper.execution.gates.room import room_for_pods
from shipkeeper.execution.world import RunOptions
from shipkeeper.model.nodes import NodeCondition, NodeInfo, Taint
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.ports.gates import GateReading
from tests import builders as b
from tests.execution.stage import RUN, Stage, three_nodes


def run_of(stage: Stage) -> Run:
    return Run.of(stage.world(), stage.plan, RUN, RunOptions())


def ask(stage: Stage, question: Any) -> GateReading:
    found: Any = stage.kernel.run(question(run_of(stage)))
    return found[0] if isinstance(found, tuple) else found


# --- budgets -------------------------------------------------------------------------------

BEFORE = Before(budgets=(BudgetBefore("default", "web", healthy=3, expected=3),))


@pytest.mark.parametrize(
    ("change", "is_open"),
    [
        ({}, True),
        ({"observed_generation": 1, "generation": 2}, False),
        ({"disrupted": (("web-1", b.NOW),)}, False),
        ({"healthy": 2}, False),
        ({"healthy": 2, "expected": 2}, True),
        ({"healthy": 4, "expected": 4}, True),
    ],
    ids=[
        "as before",
        "not looked at yet",
        "a pod still counts as disrupted",
        "one missing",
        "scaled down",
        "scaled up",
    ],
)
def test_budgets_restored(change: dict[str, Any], is_open: bool) -> None:
    stage = Stage()
    budgets = stage.twin.disruption.budgets
    budgets[0] = replace(budgets[0], healthy=3, expected=3, desired=2)
    budgets[0] = replace(budgets[0], **change)
    assert ask(stage, lambda run: budgets_restored(run, BEFORE)).is_open is is_open


def test_a_budget_that_was_deleted_is_not_waited_for() -> None:
    stage = Stage(*b.nodes(3), b.deployment("web", on=("n1", "n2", "n3")))
    assert ask(stage, lambda run: budgets_restored(run, BEFORE)).is_open


# --- a node that came back -----------------------------------------------------------------

OLD = Before(boot_id="boot-n1-1", kernel="6.1.0-30", kubelet="v1.34.4", daemons=("kube-system/agent",))
BACK = b.NOW + 10 * MINUTE


def came_back(stage: Stage, **change: Any) -> None:
    node = stage.node("n1")
    ready = NodeCondition("Ready", "True", "KubeletReady", BACK)
    fields: dict[str, Any] = {"info": replace(node.info, boot_id="boot-n1-2"), "conditions": (ready,)} | change
    stage.twin.world.set_node(0, replace(node, **fields), "test")


def serves(stage: Stage, before: Before = OLD, seen_ms: int = BACK) -> GateReading:
    return ask(stage, lambda run: node_serves(run, "n1", before, "boot-n1-1", seen_ms))


def stage_back(**change: Any) -> Stage:
    stage = Stage(*three_nodes(), b.mirror("proxy", "n1"))
    came_back(stage, **change)
    stage.kernel.advance(BACK + MINUTE)
    return stage


def test_a_node_that_is_back_in_every_respect_serves() -> None:
    reading = serves(stage_back())
    assert reading.is_open
    assert "kernel 6.1.0-30 as before" in reading.reading


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"info": NodeInfo(boot_id="boot-n1-1", kubelet="v1.34.4")}, "still reports boot id"),
        ({"info": NodeInfo(boot_id="", kubelet="v1.34.4")}, "still reports boot id"),
        ({"conditions": (NodeCondition("Ready", "False", "", BACK),)}, "not Ready yet"),
        ({"conditions": (NodeCondition("Ready", "Unknown", "", BACK),)}, "not Ready yet"),
        (
            {"conditions": (NodeCondition("Ready", "True", "", BACK), NodeCondition("NetworkUnavailable", "True"))},
            "network unavailable",
        ),
        (
            {"conditions": (NodeCondition("Ready", "True", "", BACK), NodeCondition("NetworkUnavailable", "Unknown"))},
            "network unavailable",
        ),
        ({"taints": (Taint("node.kubernetes.io/not-ready", "NoExecute"),)}, "node.kubernetes.io/not-ready"),
        ({"info": NodeInfo(boot_id="boot-n1-2", kubelet="v1.35.0")}, "the kubelet is v1.35.0"),
    ],
)
def test_each_condition_of_a_node_that_serves(change: dict[str, Any], words: str) -> None:
    reading = serves(stage_back(**change))
    assert not reading.is_open
    assert words in reading.reason


def test_stable_counts_from_the_new_boot_also_when_ready_never_went_away() -> None:
    """A quick reboot: the API server never noticed, and Ready says since yesterday."""
    stage = stage_back(conditions=(NodeCondition("Ready", "True", "", b.NOW - 86_400_000),))
    assert not serves(stage, seen_ms=stage.kernel.now_ms() - 10 * SECOND).is_open
    assert serves(stage, seen_ms=stage.kernel.now_ms() - 31 * SECOND).is_open


@pytest.mark.parametrize(
    ("before", "missing"),
    [
        (replace(OLD, daemons=("kube-system/agent", "kube-system/cni")), "kube-system/cni"),
        (replace(OLD, mirrors=("kube-system/proxy-n1", "kube-system/etcd-n1")), "kube-system/etcd-n1"),
        (replace(OLD, csi=("csi.example.com",)), "csi.example.com"),
    ],
)
def test_what_ran_on_the_node_before_must_run_again(before: Before, missing: str) -> None:
    reading = serves(stage_back(), before)
    assert not reading.is_open
    assert missing in reading.reason
    assert reading.retry, "it may come yet"


def test_a_kernel_that_changed_is_told() -> None:
    stage = stage_back(info=NodeInfo(boot_id="boot-n1-2", kubelet="v1.34.4", kernel="6.1.0-31"))
    assert "kernel 6.1.0-30 → 6.1.0-31" in serves(stage).reading


@pytest.mark.parametrize(
    ("change", "kept", "is_open"),
    [
        ({}, False, True),
        ({"unschedulable": True}, False, False),
        ({"unschedulable": True}, True, True),
        ({"taints": (Taint("broken", "NoSchedule"),)}, False, False),
        ({"taints": (Taint("soft", "PreferNoSchedule"),)}, False, True),
        ({"conditions": (NodeCondition("Ready", "False"),)}, False, False),
    ],
)
def test_pods_scheduled(change: dict[str, Any], kept: bool, is_open: bool) -> None:
    assert pods_scheduled(Before(), replace(b.node("n1"), **change), kept).is_open is is_open


def test_a_taint_that_was_there_before_is_no_news() -> None:
    dedicated = Taint("dedicated", "NoSchedule", "db")
    node = b.node("n1", taints=(dedicated,))
    assert pods_scheduled(Before(taints=("dedicated=db:NoSchedule",)), node, kept=False).is_open
    assert not pods_scheduled(Before(), node, kept=False).is_open


def test_a_volume_that_the_node_says_it_uses_counts_as_attached() -> None:
    stage = Stage()
    assert ask(stage, lambda run: volumes_detached(run, "n1")).is_open
    used = replace(stage.node("n1"), volumes_in_use=("kubernetes.io/csi/x^pv-1",))
    stage.twin.world.set_node(0, used, "test")
    reading = ask(stage, lambda run: volumes_detached(run, "n1"))
    assert not reading.is_open
    assert "pv-1" in reading.reason


# --- quorum --------------------------------------------------------------------------------


def members(*ready: bool) -> Stage:
    nodes = [b.node(f"cp{i + 1}", control_plane=True) for i in range(len(ready))]
    pods = [replace(b.mirror("etcd", f"cp{i + 1}"), ready=is_ready) for i, is_ready in enumerate(ready)]
    return Stage(*nodes, *pods, *three_nodes())


@pytest.mark.parametrize(
    ("ready", "away", "is_open"),
    [
        ((True, True, True), ("cp1",), True),
        ((False, True, True), ("cp1",), True),
        ((True, False, True), ("cp1",), False),
        ((False, True, True), (), False),
        ((True, True, True), (), True),
    ],
    ids=[
        "all well",
        "only the one that leaves is ill",
        "another one is ill",
        "afterwards its own counts",
        "afterwards",
    ],
)
def test_quorum(ready: tuple[bool, ...], away: tuple[str, ...], is_open: bool) -> None:
    stage = members(*ready)
    assert ask(stage, lambda run: quorum(run, "quorum-before", away)).is_open is is_open


# --- room ----------------------------------------------------------------------------------


def room(*parts: Any, leaving: str = "n1") -> tuple[GateReading, Any]:
    inventory = b.inventory(*parts)
    pods = list(inventory.pods)
    free = b.room_of_pods(inventory.nodes, pods)
    return room_for_pods(free, [pod for pod in pods if pod.node == leaving], [leaving])


def big(name: str, cpu: int, count: int, on: str = "n1", **more: Any) -> Any:
    return b.deployment(name, on=(on,) * count, template=b.shape({"app": name}, cpu=cpu, **more))


@pytest.mark.parametrize(
    ("parts", "is_open"),
    [
        ((*b.nodes(2, cpu=4_000), big("a", 2_000, 2)), True),
        ((*b.nodes(2, cpu=4_000), big("a", 2_000, 2), big("b", 2_000, 1, on="n2")), False),
        ((*b.nodes(2, cpu=4_000), big("a", 1_000, 5)), False),
        ((b.node("n1"), b.node("n2", ready=False), big("a", 100, 1)), False),
        ((b.node("n1"), b.node("n2", cordoned=True), big("a", 100, 1)), False),
        ((b.node("n1"), b.node("n2", pods=1), big("a", 0, 1), big("b", 0, 1, on="n2")), False),
    ],
    ids=["fits", "half taken", "each fits, not all", "not Ready", "cordoned", "no place for another pod"],
)
def test_room(parts: tuple[Any, ...], is_open: bool) -> None:
    assert room(*parts)[0].is_open is is_open


def test_a_pod_for_a_tainted_node_that_it_does_not_tolerate_has_no_place() -> None:
    tainted = b.node("n2", taints=(Taint("dedicated", "NoSchedule", "db"),))
    reading, pinned = room(b.node("n1"), tainted, big("a", 100, 1))
    assert reading.is_open, "no other node could ever take it: it waits for this one's return"
    assert [pod.name for pod in pinned] == ["a-5d8f-00000"]


@pytest.mark.parametrize("requests", [{"nvidia.com/gpu": 1}, {"cpu": 6_000}], ids=["device", "size"])
def test_what_no_other_node_could_hold_even_empty_waits_for_its_own(requests: dict[str, int]) -> None:
    """The only node with a device would otherwise never be maintained: its room is nowhere else, ever."""
    own = b.node("n1", allocatable={"cpu": 8_000, "memory": b.GIB, "pods": 9, "nvidia.com/gpu": 1})
    app = b.deployment("ml", on=("n1",), template=b.shape({"app": "ml"}, requests=requests))
    reading, pinned = room(own, b.node("n2", cpu=4_000), app)
    assert reading.is_open
    assert len(pinned) == 1
    second = replace(own, name="n2", uid="uid-n2", labels={**own.labels, b.HOSTNAME: "n2"})
    taken = b.deployment("other", on=("n2",), template=b.shape({"app": "other"}, requests=requests))
    closed, _ = room(own, second, app, taken)
    assert not closed.is_open, "a second such node is full: that may change, and the run waits for it"
    assert ("1 nvidia.com/gpu" if "nvidia.com/gpu" in requests else "6000m CPU") in closed.reason


@given(st.lists(st.integers(100, 3_000), min_size=1, max_size=8), st.integers(1, 4))
def test_whatever_has_a_place_fits_by_sums(sizes: list[int], others: int) -> None:
    apps = [big(f"a{i}", cpu, 1) for i, cpu in enumerate(sizes)]
    nodes = b.nodes(others + 1, cpu=4_000)
    reading, pinned = room(*nodes, *apps)
    if reading.is_open and not pinned:
        assert sum(sizes) <= 4_000 * others, "pods were given places that are not there"
    if sum(sizes) <= 4_000 * others - 3_000 * others:
        assert reading.is_open, "there is room on any node for any of them"
