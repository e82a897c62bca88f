"""Laws that hold in every world, after every event."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.inventory import Inventory
from shipkeeper.twin import Twin
from tests import builders as b
from tests.twin.play import figures, maintain, make, play, wait

ROOT = Path(__file__).resolve().parents[2]


@st.composite
def platforms(draw: st.DrawFn) -> Inventory:
    """Workloads of every kind with budgets, on nodes that are nearly full, or not."""
    count = draw(st.integers(2, 5))
    names = [f"n{i + 1}" for i in range(count)]
    parts: list[Any] = [*b.nodes(count, cpu=draw(st.sampled_from((2_000, 4_000))))]
    parts.append(b.daemonset("agent", on=names))
    for i in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from((b.deployment, b.statefulset)))
        places = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
        look = b.shape(
            {"app": f"app-{i}"}, cpu=draw(st.sampled_from((50, 300))), grace_ms=draw(st.sampled_from((0, 9_000)))
        )
        parts.append(kind(f"app-{i}", on=places, template=look))
        if draw(st.booleans()):
            rule = draw(st.sampled_from(({"max_unavailable": 1}, {"min_available": "50%"}, {"min_available": 1})))
            parts.append(b.budget(f"budget-{i}", app=f"app-{i}", **rule))
    return b.inventory(*parts)


class Auditor:
    """Looks at the world after every transition."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.before = [budget.allowed for budget in twin.disruption.budgets]
        self.transitions = 0
        twin.world.pods.on_change.append(self._transition)
        twin.disruption.on_change.append(self._budget)

    def _transition(self, row: int) -> None:
        self.transitions += 1
        assert (self.twin.world.occupancy.free >= 0).all(), "a node holds more than it has"

    def _budget(self, index: int) -> None:
        now = self.twin.disruption.budgets[index]
        assert now.allowed >= 0, f"{now.name} was overdrawn"
        if now.allowed == self.before[index] - 1 and now.disrupted:
            matched, healthy = self.twin.disruption.count(index)
            assert healthy <= matched
        self.before[index] = now.allowed


@given(platforms(), st.integers(0, 3))
def test_nothing_is_overdrawn_and_nobody_is_forgotten(inventory: Inventory, seed: int) -> None:
    twin = make(inventory, figures(readiness=8, termination=3, reboot=90), seed)
    owners = _count_by_owner(twin)
    auditor = Auditor(twin)
    finished = play(twin, lambda: maintain(twin, [node.name for node in inventory.nodes]))
    wait(twin, 700)
    assert auditor.transitions > 0 or not finished, "a night in which nothing happened proves nothing"
    assert _count_by_owner(twin) == owners, "every evicted pod is replaced, sooner or later"
    pods = twin.world.pods
    pending = {label for label, _ in twin.measure().pending}
    for row in range(len(pods.names)):
        if pods.alive[row] and not pods.ready[row]:
            assert pods.label(row) in pending or not finished, f"{pods.label(row)} is neither Ready nor told as pending"
    _recount(twin)


def _count_by_owner(twin: Twin) -> dict[int, int]:
    pods, counts = twin.world.pods, dict[int, int]()
    for row, group in enumerate(pods.group):
        owner = twin.world.base.groups[group].owner
        if pods.active(row):
            counts[owner] = counts.get(owner, 0) + 1
    return counts


def _recount(twin: Twin) -> None:
    """Indexes kept by events are what the columns say."""
    world, pods = twin.world, twin.world.pods
    free = world.base.allocatable.copy()
    staying = [dict[int, int]() for _ in world.base.groups]
    present = [dict[int, int]() for _ in world.base.groups]
    for row, group in enumerate(pods.group):
        node = pods.node[row]
        if pods.alive[row] and node >= 0 and not pods.finished(row):
            for line, amount in world.base.groups[group].requests:
                free[line, node] -= amount
            present[group][node] = present[group].get(node, 0) + 1
            if pods.deletion_ms[row] < 0:
                staying[group][node] = staying[group].get(node, 0) + 1
    assert np.array_equal(free, world.occupancy.free)
    assert staying == world.occupancy.staying
    assert present == world.occupancy.present
    for group, tallies in world.occupancy.tallies.items():
        for tally in tallies:
            kept = None if tally.stale else dict(tally.counts)
            tally.count(world.occupancy.staying)
            assert kept in (None, tally.counts), f"pods of class {group} were counted wrongly as they came and went"
    for index in range(len(twin.disruption.budgets)):
        matched = [
            row for row, group in enumerate(pods.group) if pods.alive[row] and index in world.base.groups[group].budgets
        ]
        healthy = sum(1 for row in matched if pods.ready[row] and pods.deletion_ms[row] < 0)
        assert twin.disruption.count(index) == (len(matched), healthy)


@given(platforms(), st.integers(0, 1_000))
def test_the_same_seed_is_the_same_night(inventory: Inventory, seed: int) -> None:
    names = [node.name for node in inventory.nodes[:2]]
    one, other = make(inventory, seed=seed), make(inventory, seed=seed)
    play(one, lambda: maintain(one, names))
    play(other, lambda: maintain(other, names))
    assert one.digest() == other.digest()
    assert one.measure() == other.measure()


_NIGHT = """
from tests import builders as b
from tests.twin.play import make, maintain, play
parts = [*b.nodes(6), b.daemonset("agent", on=[f"n{i}" for i in range(1, 7)])]
for i in range(12):
    look = b.shape({"app": f"app-{i}", "tier": "x"}, cpu=300)
    parts.append(b.deployment(f"app-{i}", on=[f"n{j % 6 + 1}" for j in range(i, i + 3)], template=look))
    parts.append(b.budget(f"budget-{i}", app=f"app-{i}", max_unavailable=1))
parts.append(b.statefulset("db", on=("n1", "n2", "n3")))
twin = make(b.inventory(*parts), seed=7)
assert play(twin, lambda: maintain(twin, ["n1", "n2", "n3"]))
print(twin.digest())
"""


def _digest(python: str, hash_seed: str, path: list[str]) -> str:
    env = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)]), "PATH": os.environ["PATH"]}
    done = subprocess.run([python, "-c", _NIGHT], capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    digests = {_digest(sys.executable, seed, [str(ROOT / "src")]) for seed in ("0", "1", "4242")}
    assert len(digests) == 1, "an order of sets or of hashed keys has leaked into a decision"


def test_different_seeds_are_different_nights() -> None:
    parts = [*b.nodes(6), *(b.deployment(f"app-{i}", on=("n1", "n2")) for i in range(6))]
    inventory = b.inventory(*parts)
    digests = set()
    for seed in range(5):
        twin = make(inventory, seed=seed)
        play(twin, lambda twin=twin: maintain(twin, ["n1"]))
        digests.add(twin.digest())
    assert len(digests) == 5
