"""Lower bounds against nights that were really played: none claims that what happened is impossible."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.planning.bounds import all_bounds, rate_bounds
from shipkeeper.planning.load import measure_load
from shipkeeper.rehearsal.night import Night, play_night
from shipkeeper.rehearsal.variants import without_end
from shipkeeper.twin import Loaded, TwinSettings
from tests import builders as b
from tests.rehearsal.nights import plan_for, platform

SAID = platform(reboot="2m", readiness={"*": "10s"}, termination={"*": "2s"})
"""The same time whenever it is drawn: what a bound leaves out can only add to it."""


def wishes(inventory: Inventory, *names: str, action: str = "none", **more: object) -> Plan:
    driver = "" if action == "none" else "manual"
    return plan_for(inventory, *names, said=SAID, action=action, driver=driver, **more)


def play(plan: Plan, inventory: Inventory, seed: int = 1, **twin: int) -> Night:
    return play_night(without_end(plan), Loaded(inventory), seed, TwinSettings(**twin))


def load_of(plan: Plan, inventory: Inventory):
    names = [name for batch in plan.batches for name in batch]
    return measure_load(inventory, names, plan.drain_policy, plan.timings, inventory.taken_ms)


def cluster(places: list[list[int]], kinds: list[str], broken: int = 0) -> Inventory:
    """Workloads with pods on nodes n1… and as many spare nodes; of the first one so many pods are not Ready."""
    parts = []
    for i, (where, kind) in enumerate(zip(places, kinds, strict=True)):
        on = [f"n{j}" for j in where]
        if kind == "job":
            parts.append(b.job(f"a{i}", on=tuple(on)))
            continue
        make = b.statefulset if kind == "stateful" else b.deployment
        more = {"pod_management": "Parallel"} if kind == "stateful" else {}
        app = make(f"a{i}", on=tuple(on), **more)
        if i == 0 and broken:
            ready = max(0, len(on) - broken)
            sick = [replace(pod, ready=k < ready) for k, pod in enumerate(app.pods)]
            app = b.App(tuple(replace(w, ready=ready) for w in app.workloads), tuple(sick))
        parts.append(app)
    spare = [b.node(f"s{i}", pods=300) for i in range(1, 4)]
    return b.inventory(*b.nodes(4, zones=2, pods=300), *spare, *parts)


@settings(max_examples=60)
@given(
    places=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=12), min_size=1, max_size=4),
    kinds=st.lists(st.sampled_from(["deployment", "stateful"]), min_size=4, max_size=4),
    per_second=st.integers(1, 4),
    burst=st.integers(1, 6),
    most=st.integers(1, 4),
    broken=st.integers(0, 3),
    seed=st.integers(1, 5),
)
def test_no_night_beats_the_rate_of_the_controllers(places, kinds, per_second, burst, most, broken, seed) -> None:
    inventory = cluster(places, kinds[: len(places)], broken)
    names = ("n1", "n2", "n3", "n4")
    plan = wishes(inventory, *names, max_parallel=most, order="best")
    night = play(plan, inventory, seed, creates_per_second=per_second, create_burst=burst)
    assume(night.went_well)
    for bound in rate_bounds(load_of(plan, inventory), per_second, burst):
        assert bound.seconds * 1_000 <= night.duration_ms, f"{bound.binding}: {bound.seconds} s, it took less"


@settings(max_examples=40)
@given(
    places=st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=8), min_size=1, max_size=4),
    kinds=st.lists(st.sampled_from(["deployment", "stateful"]), min_size=4, max_size=4),
    most=st.integers(1, 4),
    order=st.sampled_from(["serial", "zones", "best"]),
    action=st.sampled_from(["reboot", "none"]),
)
def test_no_night_beats_any_bound(places, kinds, most, order, action) -> None:
    inventory = cluster(places, kinds[: len(places)])
    plan = wishes(inventory, "n1", "n2", "n3", "n4", max_parallel=most, order=order, action=action)
    night = play(plan, inventory)
    assume(night.went_well)
    for bound in all_bounds(plan, inventory).bounds:
        assert bound.seconds * 1_000 <= night.duration_ms, f"{bound.id} {bound.binding}: {bound.seconds} s"


def test_the_rate_binds_where_many_pods_move_at_once() -> None:
    """Two hundred pods on one node, which is only drained: nothing else takes as long."""
    inventory = cluster([[1] * 200], ["deployment"])
    plan = wishes(inventory, "n1")
    longest = all_bounds(plan, inventory).bounds[0]
    assert longest.id == "LB5"
    assert longest.seconds == pytest.approx((200 - 30) / 20 + 10)
    assert "the ReplicaSet controller makes 200 pods again" in longest.binding
    night = play(plan, inventory)
    assert night.went_well
    took = night.duration_ms / 1_000
    assert longest.seconds <= took <= longest.seconds + 6, "the bound is far from what happens"


def test_each_controller_has_a_client_of_its_own() -> None:
    inventory = cluster([[1] * 50, [1] * 50], ["deployment", "stateful"])
    plan = wishes(inventory, "n1")
    found = {bound.binding.split()[1]: bound.seconds for bound in rate_bounds(load_of(plan, inventory))}
    assert found == {"ReplicaSet": pytest.approx(20 / 20 + 10), "StatefulSet": pytest.approx(20 / 20 + 10)}


def test_pods_that_nobody_needs_again_are_not_counted() -> None:
    inventory = cluster([[1] * 40], ["deployment"], broken=40)
    plan = wishes(inventory, "n1")
    assert rate_bounds(load_of(plan, inventory)) == [], "what was not Ready before may stay away"
    foreign = b.inventory(*b.nodes(2), *(b.pod(f"p{i}", on="n1", owned_by=b.owner("Cluster", "pg")) for i in range(40)))
    assert rate_bounds(load_of(wishes(foreign, "n1"), foreign)) == []
