"""StatefulSets that make their pods one after another: one that is not Ready keeps the next ones away."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from tests.builders import NOW, App, inventory, nodes, statefulset
from tests.check.asking import ask, only

RULE = "statefulset-lower-not-ready"


def db(changed: dict[int, dict[str, Any] | None], **more: Any) -> App:
    """Three pods on n1, n2, n3; some changed, None: not there."""
    app = statefulset(on=["n1", "n2", "n3"], **more)
    kept = [
        replace(pod, **(changed.get(number) or {}))
        for number, pod in enumerate(app.pods)
        if changed.get(number, {}) is not None
    ]
    return App(app.workloads, tuple(kept))


def world(changed: dict[int, dict[str, Any] | None], **more: Any) -> Inventory:
    return inventory(*nodes(3), db(changed, **more))


def test_a_higher_pod_that_is_evicted_does_not_come_back() -> None:
    item = only(world({0: {"ready": False, "waiting": "CrashLoopBackOff"}}), RULE)
    assert item.severity == "warning"
    assert item.message == "db-0 is not Ready (CrashLoopBackOff), and the drain evicts db-1, db-2"
    assert item.consequence == "what is evicted is not made again until db-0 is Ready; until then 0 of 3 are Ready"
    assert item.nodes == ("n2", "n3"), "node n1 has no pod that stays away because of it"
    assert "describe pod db-0" in item.fix


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({0: None}, "db-0 is not there"),
        ({1: None}, "db-1 is not there"),
        ({1: {"deletion_ms": NOW + 1_000}}, "db-1 is ending"),
        ({1: {"phase": "Failed", "ready": False}}, "db-1 is not there"),
    ],
)
def test_missing_and_ending_pods_keep_the_next_away_too(changed: dict[int, Any], words: str) -> None:
    assert only(world(changed), RULE).message.startswith(words)


def test_no_finding_where_it_does_not_apply() -> None:
    broken = {0: {"ready": False}}
    assert ask(world({}), RULE) == [], "all are Ready"
    assert ask(world({2: {"ready": False}}), RULE) == [], "the highest keeps nobody away"
    assert ask(world(broken, pod_management="Parallel"), RULE) == [], "Parallel waits for nobody"
    assert ask(world(broken), RULE, nodes=("n1",)) == [], "no higher pod is evicted"
    later = statefulset(on=["n1", "n2"])
    names = {"db-0": "db-5", "db-1": "db-6"}
    moved = App(later.workloads, tuple(replace(pod, name=names[pod.name]) for pod in later.pods))
    assert ask(inventory(*nodes(3), moved), RULE) == [], "a set that begins with 5 lacks nothing before it"


def test_only_the_nodes_asked_for_count() -> None:
    item = ask(world({0: {"ready": False}}), RULE, nodes=("n2",))[0]
    assert "evicts db-1" in item.message
    assert item.consequence.endswith("until then 1 of 3 are Ready")
