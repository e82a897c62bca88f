"""Loads and estimates are made by class of pod; they must say what one finds looking at every pod on its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.app.demo_platform import dump_path, platform_path
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.survey import load_inventory
from shipkeeper.model import table
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy
from shipkeeper.model.platform import ClusterConfig, TimingConfig
from shipkeeper.model.table import PodTable
from shipkeeper.planning.estimates import batch_times, make_times
from shipkeeper.planning.load import measure_load
from shipkeeper.planning.timings import derive_timings, measure_readiness
from tests import builders as b
from tests.planning import pod_by_pod

FOLDER = os.environ.get("SHIPKEEPER_TEST_DATA", "")
PLACES = ("n1", "n2", "n3", "elsewhere", "")
RULES: tuple[dict[str, Any], ...] = (
    {"max_unavailable": 0}, {"max_unavailable": 1}, {"min_available": "50%"}, {"min_available": 1}, {}
)  # fmt: skip
PHASES = ("Running",) * 8 + ("Pending", "Succeeded", "Failed", "Unknown")
"""Mostly the same, so that pods of a workload are alike and their classes have several."""
NAMESPACES = ("default",) * 6 + ("other",)
OWNERS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController", "Tenant", "Node", "")


def compare(inventory: Inventory, policy: DrainPolicy, cluster: ClusterConfig | None, *, most: int = 2) -> None:
    """Load, limits, sizes, samples, and the times of nodes alone and in batches: equal in every figure and word."""
    names = [node.name for node in inventory.nodes]
    now_ms = inventory.taken_ms
    timings = derive_timings(inventory, cluster)
    assert measure_readiness(inventory) == pod_by_pod.readiness_samples(inventory)
    load = measure_load(inventory, names, policy, timings, now_ms)
    told = pod_by_pod.load_of(inventory, names, policy, timings, now_ms)
    for name in names:
        assert load.nodes[name] == told.nodes[name], f"{name}: another drain than its pods make"
    assert load == told
    batches = [names[i : i + most] for i in range(0, len(names), most)]
    for reboots in (True, False):
        alone = {}
        for name in names:
            alone |= pod_by_pod.times_of(told, [name], timings, reboots=reboots)
        known = make_times(load, timings, reboots=reboots)
        assert known == alone
        together = {}
        for batch in batches:
            together |= pod_by_pod.times_of(told, batch, timings, reboots=reboots)
        assert batch_times(load, batches, known, timings, reboots=reboots) == together


@st.composite
def templates(draw: st.DrawFn) -> Any:
    """What pods of one workload share."""
    labels = {"app": draw(st.sampled_from(("web", "db"))), "tier": draw(st.sampled_from(("a", "b")))}
    volumes = draw(st.sampled_from(((), ("emptyDir",), ("configMap",))))
    return b.shape(labels, volumes=volumes, grace_ms=draw(st.sampled_from((0, 9_000, 30_000, 600_000))))


@st.composite
def pods(draw: st.DrawFn, look: Any, kind: str, name: str, number: int) -> Any:
    """One pod, usually an ordinary one; sometimes ending, ended, pending, mirrored, or with claims."""
    ready_after = draw(st.sampled_from((0, 5_000, 40_000, 2_400_000)))
    fields: dict[str, Any] = {
        "on": draw(st.sampled_from(PLACES)),
        "owned_by": b.owner(kind, name) if kind else None,
        "template": look,
        "phase": draw(st.sampled_from(PHASES)),
        "ready": draw(st.booleans()),
        "restarts": draw(st.sampled_from((0, 0, 3))),
        "ready_ms": b.NOW - 3_600_000 + ready_after,
        "mirror": kind == "Node" or draw(st.integers(0, 19)) == 0,
        "claims": draw(st.sampled_from(((), (), ("data",), ("data", "local"), ("gone",)))),
        "finalizers": draw(st.sampled_from(((), ("example.com/hold",)))),
    }
    if draw(st.integers(0, 7)) == 0:
        fields["deletion_ms"] = b.NOW + draw(st.sampled_from((-120_000, 0, 20_000)))
    return b.pod(f"{name}-{number}", draw(st.sampled_from(NAMESPACES)), **fields)


@st.composite
def clusters(draw: st.DrawFn) -> Inventory:
    """Every kind of owner, known and not, with budgets that overlap, on nodes that are listed and not."""
    parts: list[Any] = [*b.nodes(3)]
    for i in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(OWNERS))
        name, look = f"app-{i}", draw(templates())
        if kind in ("ReplicaSet", "StatefulSet", "DaemonSet", "Job") and draw(st.integers(0, 4)):
            management = draw(st.sampled_from(("Parallel", "OrderedReady"))) if kind == "StatefulSet" else ""
            above = b.owner("Deployment", name) if kind == "ReplicaSet" and draw(st.booleans()) else None
            size = draw(st.integers(0, 6))
            parts.append(b.workload(kind, name, "default", size, owner=above, pod_management=management))
            if above is not None and draw(st.booleans()):
                parts.append(b.workload("Deployment", name, "default", size))
        parts += [draw(pods(look, kind, name, number)) for number in range(draw(st.integers(1, 8)))]
    for i in range(draw(st.integers(0, 3))):
        rule = draw(st.sampled_from(RULES))
        chosen = draw(st.sampled_from((b.selector(app="web"), b.selector(app="db"), b.selector(), None)))
        parts.append(b.budget(f"budget-{i}", draw(st.sampled_from(("default", "other"))), selector=chosen, **rule))
    parts += [b.claim("data", volume="v-data"), b.volume("v-data"), b.claim("local", volume="v-local")]
    parts += [b.volume("v-local", on="n1"), b.claim("data", "other")]
    inventory = b.inventory(*parts)
    # A dump's pods come in the dump's order, not by name.
    shuffled = draw(st.permutations(list(inventory.pods)))
    return replace(inventory, pods=PodTable.of(shuffled))


POLICIES = st.builds(
    DrainPolicy,
    grace_period_seconds=st.sampled_from((None, 0, 5, 60)),
    delete_empty_dir_data=st.sampled_from(((), ("*",), ("default",), ("default/app-0-0", "default/app-1-1", "other"))),
    allow_unmanaged=st.sampled_from(((), ("*",), ("other",), ("default/app-0-0", "default/app-1-1"))),
)
DECLARED = st.sampled_from(
    (
        TimingConfig(),
        TimingConfig(termination={"*": "4s/20s", "ReplicaSet/default/app-0": "7s"}),
        TimingConfig(reboot="3m/4m", readiness={"*": "20s/1m", "DaemonSet/default/app-0": "2m"}, stable_ready="1m"),
    )
)


@given(inventory=clusters(), policy=POLICIES, timings=DECLARED)
def test_any_cluster_is_told_as_pod_by_pod(inventory: Inventory, policy: DrainPolicy, timings: TimingConfig) -> None:
    compare(inventory, policy, ClusterConfig(name="test", timings=timings))


@pytest.mark.parametrize(
    "policy", [DrainPolicy(), DrainPolicy(delete_empty_dir_data=("*",), grace_period_seconds=20)], ids=str
)
def test_the_demo_platform_is_told_as_pod_by_pod(policy: DrainPolicy) -> None:
    platform, _ = load_platform(str(platform_path()), Path.cwd())
    inventory = load_inventory(str(dump_path()))
    assert len(inventory.pods) > 300
    compare(inventory, policy, platform.environments[0].clusters[0], most=3)


@pytest.mark.skipif(not FOLDER, reason="SHIPKEEPER_TEST_DATA is not set: no real dumps to plan for")
@pytest.mark.parametrize("name", ["must-gather-aws.tar.xz", "must-gather-azure.tar.xz"])
def test_a_must_gather_is_told_as_pod_by_pod(name: str) -> None:
    inventory = load_inventory(str(Path(FOLDER) / "dumps" / name))
    compare(inventory, DrainPolicy(), None)
    compare(inventory, DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",)), None, most=6)


@given(inventory=clusters(), largest=st.sampled_from((1, 50, 2**62)))
def test_pods_of_a_class_are_alike_and_pods_of_two_are_not(inventory: Inventory, largest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # A small limit makes even these few numbers too large to be put together without numbering them anew.
        patch.setattr(table, "_LARGEST", largest)
        classes = inventory.pods.classes()
    alike: dict[Any, set[int]] = {}
    for row, number in enumerate(classes.of_row.tolist()):
        pod = inventory.pods.row(row)
        key = (pod.namespace, pod.owner, pod.phase, pod.mirror, msgspec.msgpack.encode(pod.shape))
        alike.setdefault(key, set()).add(number)
        assert classes.first[number] <= row, "a class begins before its first pod"
    assert all(len(numbers) == 1 for numbers in alike.values()), "pods that are alike were told apart"
    assert len(alike) == len(classes.first), "pods that differ were taken for one another"


@pytest.mark.parametrize("named", [0, 1, 2])
def test_a_pod_that_the_policy_names_goes_and_its_likes_stay(named: int) -> None:
    look = b.shape({"app": "web"}, volumes=("emptyDir",))
    web = b.deployment("web", on=("n1",) * 3, template=look)
    policy = DrainPolicy(delete_empty_dir_data=(f"default/{web.pods[named].name}",))
    inventory = b.inventory(*b.nodes(1), web)
    compare(inventory, policy, None)
    load = measure_load(inventory, ["n1"], policy, derive_timings(inventory), b.NOW).nodes["n1"]
    assert [move.pod for move in load.moves] == list(policy.delete_empty_dir_data), "leave for one is leave for one"
    assert len(load.blocked) == 2
