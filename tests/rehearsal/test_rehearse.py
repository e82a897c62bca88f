"""Plans played for real: the executor unchanged, on the twin."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.rehearse import rehearse_plan
from shipkeeper.assessment.check import check
from shipkeeper.model.cluster import ApiService, Quota, Service, Webhook
from shipkeeper.model.errors import Refused, UsageProblem
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.plan import Plan
from shipkeeper.rehearsal.night import play_night
from shipkeeper.rehearsal.variants import in_batches, one_at_a_time, two_at_a_time, without_end
from shipkeeper.twin import Loaded, TwinSettings
from tests import builders as b
from tests.rehearsal.nights import plan_for, platform, small, window

ROOT = Path(__file__).resolve().parents[2]


def _rehearse(plan: Plan, inventory: Inventory, seeds: int = 6, compare: bool = False) -> Forecast:
    return rehearse_plan(plan, inventory, seeds, workers=1, compare=compare)


def test_a_night_that_fits() -> None:
    inventory = small()
    found = _rehearse(plan_for(inventory, window=window(2)), inventory)
    assert found.verdict == "fits", found.blocked
    assert [node.name for node in found.nodes] == ["n1", "n2", "n3"]
    for node in found.nodes:
        marks = [node.cordoned, node.drained, node.ready, node.serves, node.done]
        times = [mark.p50 for mark in marks if mark is not None]
        assert len(times) == 5
        assert times == sorted(times), f"{node.name}: a mark before its turn"
    felt = {item.name: item for item in found.workloads}
    assert felt["web"].downtime_seconds.p95 == 0, "two of three replicas always serve"
    assert felt["db"].downtime_seconds.p50 > 10, "a single replica is down while it moves"
    assert felt["db"].evictions == 1
    assert found.duration_seconds.p50 >= found.lower_bound_seconds.value * 0.9
    assert found.blocked == ()
    assert len(found.trace_digest) == 64


def test_every_figure_is_labelled() -> None:
    inventory = replace(small(), missing=(Missing("storageclasses", "forbidden", "where volumes may go"),))
    found = _rehearse(plan_for(inventory, said=platform(readiness={})), inventory, 2)
    labels = [*found.assumptions, *found.measurements]
    assert all(item.source for item in labels)
    assert any(item.what.startswith("reboot") and item.source == "declared" for item in found.assumptions)
    assert any(item.source.startswith("measured") and "readiness" in item.what for item in found.measurements)
    assert any(item.source == "unknown" and "storageclasses" in item.what for item in found.assumptions)


def test_too_long_for_the_window_says_by_how_much_and_what_is_left() -> None:
    inventory = small()
    plan = plan_for(inventory, window=window(0.25), reserve_ms=8 * 60_000)
    found = _rehearse(plan, inventory)
    assert found.verdict == "does-not-fit"
    assert found.duration_seconds.p95 > 8 * 60, "the whole length is told, not where the window would have cut it"
    assert found.deferred == ("n3",)


def test_a_budget_that_never_allows_blocks_and_is_named() -> None:
    inventory = b.inventory(*b.nodes(2), b.deployment("solo", on=("n1",)), b.budget(app="solo", min_available=1))
    found = _rehearse(plan_for(inventory, "n1", window=window(2)), inventory)
    assert found.verdict == "blocked"
    (item,) = found.blocked
    assert item.node == "n1"
    assert item.seeds == 6
    assert "solo" in item.pod
    assert item.rule == "budget-never-allows"
    assert "wants 1 healthy of 1" in item.reason


@pytest.mark.parametrize("gate", ["quota-for-pods", "webhooks-answer", "apis-answer"])
def test_replacements_that_would_not_be_let_in_block_before_the_night(gate: str) -> None:
    """The same gate, read from the twin: nobody learns of it at 2 AM."""
    answers = {"services": (Service("default", "policy", {"app": "policy"}),)}
    rules = (("CREATE", "", "pods"),)
    more: dict[str, Any] = {
        "quota-for-pods": {"quotas": (Quota("default", "team", hard={"pods": 1}, used={"pods": 2}),)},
        "webhooks-answer": answers
        | {"webhooks": (Webhook("policy", "p", "ValidatingWebhookConfiguration", True, ("default", "policy"), rules),)},
        "apis-answer": answers | {"api_services": (ApiService("v1.x", ("default", "policy"), True, "x"),)},
    }[gate]
    inventory = b.inventory(*b.nodes(3), b.deployment("policy", on=("n1",)), **more)
    found = _rehearse(plan_for(inventory, "n1", window=window(2)), inventory, 2)
    assert found.verdict == "blocked"
    (item,) = found.blocked
    assert (item.node, item.rule, item.seeds) == ("n1", gate, 2)
    errors = [finding.object.kind for finding in check(inventory, now_ms=b.NOW).items if finding.severity == "error"]
    assert errors, "what a run holds at is an error of check as well"


def test_a_ghost_domain_blocks_although_no_budget_does() -> None:
    look = b.shape({"app": "web"}, spread=(b.spread(b.ZONE),))
    inventory = b.inventory(*b.nodes(3), b.deployment("web", on=("n1", "n2", "n3"), template=look))
    found = _rehearse(plan_for(inventory, "n1", "n2", window=window(4)), inventory, 3)
    felt = {item.name: item for item in found.workloads}
    assert felt["web"].degraded_seconds.p50 > 120, "its third pod waits for the uncordon, as long as the node is away"


def test_a_local_volume_is_down_as_long_as_its_node() -> None:
    inventory = b.inventory(
        *b.nodes(2),
        b.statefulset("cache", on=("n1",), claims=True),
        b.claim("data-cache-0", volume="pv"),
        b.volume("pv", on="n1", source="local"),
    )
    found = _rehearse(plan_for(inventory, "n1", window=window(2)), inventory, 3)
    if found.verdict == "blocked":
        assert any("room" in item.rule or "fits" in item.reason or "nowhere" in item.reason for item in found.blocked)
    else:
        assert {item.name: item for item in found.workloads}["cache"].downtime_seconds.p50 > 120


def test_one_at_a_time_is_played_beside_a_parallel_plan() -> None:
    inventory = b.inventory(*b.nodes(6), *(b.deployment(f"a{i}", on=(f"n{i + 1}",)) for i in range(6)))
    plan = plan_for(inventory, max_parallel=3, window=window(6))
    assert max(len(batch) for batch in plan.batches) == 3
    found = _rehearse(plan, inventory, 3, compare=True)
    assert found.verdict == "fits"
    assert found.baseline_seconds.p50 > 2 * found.duration_seconds.p50, "six nodes in two batches against six turns"


def test_two_at_a_time_is_offered_only_where_it_is_as_safe() -> None:
    names = ("n1", "n2", "n3", "n4")
    web, half = b.deployment("web", on=names), b.budget(max_unavailable="50%")
    apart = b.inventory(*b.nodes(4), web, half)
    found = _rehearse(plan_for(apart, window=window(6)), apart, 4, compare=True)
    assert found.alternatives
    assert "as safe in all 4 seeds" in found.alternatives[0]
    assert "--max-parallel 2" in found.alternatives[0]
    bare = b.inventory(*b.nodes(4), web)
    assert two_at_a_time(plan_for(bare), bare) is not None
    assert _rehearse(plan_for(bare, window=window(6)), bare, 4, compare=True).alternatives == (), (
        "without a budget all four replicas sit on the second pair by the time that one leaves"
    )
    tight = b.inventory(*b.nodes(4), web, b.budget(max_unavailable=1))
    assert two_at_a_time(plan_for(tight), tight) is None, "a budget of one has pods on every node"
    assert _rehearse(plan_for(tight, window=window(6)), tight, 2, compare=True).alternatives == ()


def test_the_same_plan_inventory_and_seeds_give_the_same_forecast_however_it_is_played() -> None:
    inventory = small()
    plan = plan_for(inventory, window=window(2))
    one = _rehearse(plan, inventory, 4)
    assert replace(_rehearse(plan, inventory, 4), made_at=one.made_at) == one
    assert _rehearse(plan, inventory, 5).trace_digest != one.trace_digest
    loaded = Loaded(inventory)
    again = [play_night(without_end(plan), loaded, seed, TwinSettings()).digest for seed in (3, 1, 3)]
    assert again[0] == again[2], "a night depends on its seed, not on those played before it"


def test_a_night_that_is_over_leaves_no_twin_behind() -> None:
    inventory = small()
    plan, loaded = without_end(plan_for(inventory, window=window(2))), Loaded(inventory)
    play_night(plan, loaded, 0, TwinSettings())
    gc.collect()
    play_night(plan, loaded, 1, TwinSettings())
    kept = gc.collect()
    assert kept < 100, f"{kept} objects of a night lived on in circles: fifty nights would hold fifty twins for a while"


_NIGHT = """
from tests.rehearsal.nights import plan_for, small, window
from shipkeeper.app.rehearse import rehearse_plan
inventory = small()
print(rehearse_plan(plan_for(inventory, window=window(2)), inventory, 3, workers=1).trace_digest)
"""


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    digests = set()
    for hash_seed in ("0", "77"):
        env = {
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run([sys.executable, "-c", _NIGHT], capture_output=True, text=True, env=env, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipkeeper.app.rehearse._WORTH_A_POOL_S", 0.0)
    inventory = small()
    plan = plan_for(inventory, window=window(2))
    alone = rehearse_plan(plan, inventory, 5, workers=1, compare=False)
    shared = rehearse_plan(plan, inventory, 5, workers=2, compare=False)
    assert replace(shared, made_at=alone.made_at) == alone


def test_another_cluster_or_machine_is_refused() -> None:
    inventory = small()
    plan = plan_for(inventory)
    other = replace(inventory, identity=replace(inventory.identity, uid="uid-other"))
    with pytest.raises(Refused, match="another cluster"):
        rehearse_plan(plan, other, 1)
    replaced = replace(inventory, nodes=(replace(inventory.nodes[0], uid="new"), *inventory.nodes[1:]))
    with pytest.raises(Refused, match="n1"):
        rehearse_plan(plan, replaced, 1)
    with pytest.raises(UsageProblem):
        rehearse_plan(plan, inventory, 0)


def test_variants_are_sealed_and_keep_their_needs() -> None:
    inventory = b.inventory(*b.nodes(4), b.deployment("web", on=("n1",)))
    plan = plan_for(inventory, max_parallel=2)
    serial = one_at_a_time(plan)
    serial.verify()
    assert [len(batch) for batch in serial.batches] == [1, 1, 1, 1]
    firsts = [step.needs for step in serial.steps if step.action == "cordon"]
    names = [name for batch in serial.batches for name in batch]
    assert firsts == [(), *((f"{name}/settle",) for name in names[:-1])]
    assert in_batches(serial, plan.batches).batches == plan.batches
    endless = without_end(plan_for(inventory, window=window(1), confirm="each"))
    endless.verify()
    assert endless.drain_policy.confirm == "none"
    assert endless.window is not None
    assert endless.window.opens_ms == plan_for(inventory, window=window(1)).window.opens_ms  # type: ignore[union-attr]
