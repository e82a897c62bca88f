"""Budgets that make a drain stand still, each in its own way, and those that don't."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.model.cluster import Autoscaler
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.labels import Selector
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import counting_once, with_status
from shipkeeper.semantics.ownership import by_uid
from tests.builders import NOW, App, budget, daemonset, deployment, inventory, nodes, owner, pod, selector
from tests.check.asking import ask, only, whole
from tests.semantics.budget_rule import status

BLOCKING = (
    "budget-blocks-always",
    "budget-sync-failed",
    "budget-unmanaged-pods",
    "budget-unhealthy-pods",
    "budget-two-on-pod",
    "budget-status-stale",
)


def cluster(app: App, rule: Budget, *more: Any) -> Inventory:
    """Three nodes, the app, and the budget with the status its controller would write."""
    written = with_status(rule, status(rule, app.pods, counting_once(by_uid(app.workloads)), NOW))
    return inventory(*nodes(3), app, written, *more)


def found(world: Inventory) -> dict[str, str]:
    return {item.rule: item.severity for item in whole(world).items if item.rule in BLOCKING}


@pytest.mark.requirement("R-D2")
@pytest.mark.parametrize(
    ("replicas", "rule", "words"),
    [
        (1, {"min_available": 1}, "allows 0 of 1: minAvailable: 1 keeps 1 of 1 replica"),
        (3, {"max_unavailable": 0}, "allows 0 of 3: maxUnavailable: 0 keeps 3 of 3 replicas"),
        (3, {"min_available": 5}, "allows 0 of 3"),
        (2, {"min_available": "51%"}, "minAvailable: 51% of 2 rounds up to 2"),
        (4, {"min_available": "100%"}, "keeps 4 of 4 replicas"),
        (2, {}, "it has neither minAvailable nor maxUnavailable"),
    ],
)
def test_budgets_that_never_allow(replicas: int, rule: dict[str, Any], words: str) -> None:
    app = deployment(on=["n1", "n2", "n3", "n1"][:replicas])
    world = cluster(app, budget(**rule))
    item = only(world, "budget-blocks-always")
    assert item.severity == "error"
    assert words in item.message
    assert "cannot be drained" in item.consequence
    assert item.nodes == tuple(sorted({pod.node for pod in app.pods}))
    assert item.object.name == "budget"
    assert found(world) == {"budget-blocks-always": "error"}, "one cause, and it was told more than once"


@pytest.mark.parametrize(
    ("replicas", "rule"),
    [
        (1, {"max_unavailable": 1}),
        (7, {"max_unavailable": "25%"}),
        (3, {"min_available": 2}),
        (3, {"min_available": 0}),
    ],
)
def test_budgets_that_allow_are_not_spoken_of(replicas: int, rule: dict[str, Any]) -> None:
    app = deployment(on=[f"n{i % 3 + 1}" for i in range(replicas)])
    assert found(cluster(app, budget(**rule))) == {}


def test_the_fix_for_a_single_replica_names_both_ways() -> None:
    item = only(cluster(deployment(), budget("ledger", "default", min_available=1)), "budget-blocks-always")
    assert item.fix.startswith("2 replicas, or maxUnavailable: 1")
    assert 'patch pdb ledger --type merge -p \'{"spec":{"minAvailable":null,"maxUnavailable":1}}\'' in item.fix


def test_what_is_left_of_a_workload_at_zero_is_not_mended_by_its_own_budget() -> None:
    item = only(cluster(deployment(replicas=0, on=["n1"]), budget(max_unavailable=1)), "budget-blocks-always")
    assert item.message == "allows 0 of 0: maxUnavailable: 1 expects 0 pods, for their owners want none"
    assert "patch pdb" not in item.fix, "the budget is that already"
    assert "kubectl -n default delete pod web-5d8f-00000" in item.fix


def test_the_fix_for_a_percentage_is_enough_replicas() -> None:
    item = only(cluster(deployment(on=["n1", "n2"]), budget(min_available="51%")), "budget-blocks-always")
    more = int(item.fix.split()[0])
    app = deployment(on=["n1"] * more)
    assert found(cluster(app, budget(min_available="51%"))) == {}, "the fix would not have helped"


def test_a_budget_whose_pods_are_on_other_nodes_does_not_matter() -> None:
    world = cluster(deployment(on=["n1"]), budget(min_available=1))
    assert ask(world, "budget-blocks-always", nodes=("n2",)) == []
    assert len(ask(world, "budget-blocks-always", nodes=("n1",))) == 1


def test_owner_without_scale() -> None:
    app = daemonset("web", "default", on=["n1", "n2"])
    pods = tuple(replace(item, owner=owner("VirtualMachineInstance", "vm")) for item in app.pods)
    rule = budget(max_unavailable=1, reason="SyncFailed", message="vm does not implement the scale subresource")
    item = only(inventory(*nodes(3), *pods, rule), "budget-sync-failed")
    assert "does not implement the scale subresource" in item.message
    assert "minAvailable" in item.fix


def test_owner_of_a_foreign_kind_whose_controller_is_content() -> None:
    pods = [
        pod(f"db-{i}", on=f"n{i}", owned_by=owner("Cluster", "db"), template=deployment().pods[0].shape) for i in (1, 2)
    ]
    rule = budget(max_unavailable=1, expected=2, desired=1, healthy=2, allowed=1)
    assert found(inventory(*nodes(3), *pods, rule)) == {}, "an operator with a scale subresource raised a false alarm"


def test_bare_pods_behind_a_percentage() -> None:
    template = deployment().pods[0].shape
    bare = [pod(f"p{i}", on="n1", template=template) for i in range(3)]
    item = only(inventory(*nodes(3), *bare, budget(max_unavailable=1)), "budget-unmanaged-pods")
    assert "3 bare pods only" in item.message
    assert "minAvailable: 2" in item.fix


def test_crash_looping_single_replica_is_the_trap() -> None:
    app = deployment(pod_fields={"ready": False, "waiting": "CrashLoopBackOff", "restarts": 30})
    item = only(cluster(app, budget(max_unavailable=1)), "budget-unhealthy-pods")
    assert item.severity == "error"
    assert "allows 0 now: 0 healthy, 0 needed" in item.message
    assert "AlwaysAllow" in item.fix


def test_always_allow_lets_the_unhealthy_go() -> None:
    app = deployment(pod_fields={"ready": False, "waiting": "CrashLoopBackOff"})
    assert found(cluster(app, budget(max_unavailable=1, unhealthy_policy="AlwaysAllow"))) == {}


def test_unhealthy_pods_use_up_the_budget_of_the_others() -> None:
    app = deployment(on=["n1", "n2", "n3"])
    broken = replace(app.pods[0], ready=False, waiting="ImagePullBackOff")
    world = cluster(App(app.workloads, (broken, *app.pods[1:])), budget(max_unavailable=1))
    item = only(world, "budget-unhealthy-pods")
    assert broken.name in item.message
    assert item.nodes == ("n1", "n2", "n3")
    assert any("ImagePullBackOff" in line for line in item.evidence)


def test_a_pod_that_is_just_starting_is_only_a_warning() -> None:
    app = deployment(on=["n1", "n2"])
    young = replace(app.pods[0], ready=False, created_ms=NOW - 20_000, ready_ms=NOW - 20_000)
    item = only(cluster(App(app.workloads, (young, app.pods[1])), budget(max_unavailable=1)), "budget-unhealthy-pods")
    assert item.severity == "warning"


def test_two_budgets_on_one_pod() -> None:
    app = deployment(on=["n1", "n2"])
    world = inventory(
        *nodes(3),
        app,
        budget("a", max_unavailable=1, allowed=1, expected=2, desired=1, healthy=2),
        budget("b", max_unavailable=1, allowed=1, expected=2, desired=1, healthy=2, selector=Selector()),
    )
    item = only(world, "budget-two-on-pod")
    assert "both cover 2 pods of Deployment default/web" in item.message
    assert "internal error" in item.consequence
    assert item.evidence == ("a: app=web", "b: every pod of the namespace")
    assert set(found(world)) == {"budget-two-on-pod"}


def test_stale_status_is_unknown() -> None:
    rule = budget(max_unavailable=1, generation=2, observed_generation=1, allowed=1, expected=1, healthy=1)
    item = only(inventory(*nodes(3), deployment(), rule), "budget-status-stale")
    assert item.severity == "unknown"


def test_a_budget_without_any_status_is_unknown() -> None:
    silent = budget(max_unavailable=1, generation=0, observed_generation=0, reason="")
    world = inventory(*nodes(3), deployment(on=["n1", "n2"]), silent)
    assert found(world) == {"budget-status-stale": "unknown"}, "a manifest without status was taken for a spent budget"


def test_a_budget_that_covers_nothing_is_a_note() -> None:
    item = only(inventory(*nodes(3), deployment(), budget(app="webb", max_unavailable=0)), "budget-selects-nothing")
    assert item.severity == "info"
    assert "app=webb" in item.message
    assert "maxUnavailable is 0" in item.message
    none = budget(selector=None)
    assert "no selector" in only(inventory(*nodes(3), deployment(), none), "budget-selects-nothing").message


@pytest.mark.parametrize(("keep", "minimum", "warned"), [(2, 2, True), (5, 2, True), (1, 2, False), ("50%", 2, False)])
def test_autoscaler_minimum_against_the_budget(keep: int | str, minimum: int, warned: bool) -> None:
    app = deployment(on=["n1", "n2", "n3", "n1", "n2", "n3"])
    scaler = Autoscaler("default", "web", ObjectRef("Deployment", "default", "web"), minimum, 10, 6)
    world = replace(cluster(app, budget(min_available=keep)), autoscalers=(scaler,))
    assert bool(ask(world, "budget-above-autoscaler-minimum")) is warned


def test_finished_pods_behind_a_budget_block_nothing() -> None:
    app = deployment(on=["n1"], replicas=1, pod_fields={"phase": "Succeeded", "ready": False})
    assert found(cluster(app, budget(min_available=1))) == {}


def test_selectors_of_other_namespaces_do_not_reach() -> None:
    other = budget("other", "elsewhere", selector=selector(app="web"), min_available=1)
    assert found(inventory(*nodes(3), deployment(), other)) == {}


def test_the_fix_for_an_operators_pod_is_the_operators_way() -> None:
    cluster_owner = owner("Cluster", "pg", "postgresql.cnpg.io/v1")
    primary = pod("pg-1", owned_by=cluster_owner, template=deployment().pods[0].shape)
    standby = pod("pg-2", on="n2", owned_by=cluster_owner)
    rule = budget("pg-primary", min_available=1, expected=1, desired=1, healthy=1)
    item = only(inventory(*nodes(3), primary, standby, rule), "budget-blocks-always")
    assert item.fix.startswith("switch over to a standby first: kubectl cnpg promote -n default pg pg-2; or ")
    assert "a second instance" in only(inventory(*nodes(3), primary, rule), "budget-blocks-always").fix
    other = replace(primary, owner=owner("Kafka", "events"))
    assert "operator of Kafka events" in only(inventory(*nodes(3), other, rule), "budget-blocks-always").fix
