"""Manifests that others wrote with a verdict in their names: the budget, replica and spread checks of Polaris.

Each is put on four nodes with all its pods Ready, because our rules look at what runs, not at manifests. Where we
are stricter, the reason stands beside the name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from shipkeeper.model.cluster import Autoscaler
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.semantics.budgets import counting_once, never_allows, with_status
from shipkeeper.semantics.ownership import by_uid
from shipkeeper.semantics.wire import READERS
from tests.builders import NOW, inventory, nodes, pod
from tests.check.asking import ask, whole
from tests.semantics.budget_rule import status

FOLDER = Path(os.environ.get("SHIPKEEPER_TEST_DATA", "")) / "fixtures"
FILES = sorted(FOLDER.glob("polaris-*.yaml")) if "SHIPKEEPER_TEST_DATA" in os.environ else []
RESOURCES = {
    "Deployment": "deployments",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
}
STRICTER = {
    "pdbMinAvailableGreaterThanHPAMinReplicas-success.equals": "at the minimum the budget keeps every pod",
    "pdbMinAvailableGreaterThanHPAMinReplicas-success.no-hpa": "one replica, and the budget wants five",
    "pdbMinAvailableGreaterThanHPAMinReplicas-success.no-min-replicas": "an absent minReplicas is 1, and 1 is below 2",
}

pytestmark = pytest.mark.skipif(
    not FILES, reason="SHIPKEEPER_TEST_DATA names no folder with fixtures/polaris-*.yaml: no golden manifests to read"
)


def load(path: Path) -> list[Any]:
    found = []
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if document:
            document.setdefault("metadata", {}).setdefault("namespace", "default")
            found.extend(READERS[RESOURCES[document["kind"]]].one(msgspec.json.encode(document)))
    return found


def running(objects: list[Any], replicas: int | None = None) -> Inventory:
    """The manifests' objects with Ready pods, and budgets as their controller would write them."""
    scalers = [item for item in objects if isinstance(item, Autoscaler)]
    workloads, pods = [], []
    for number, item in enumerate(item for item in objects if isinstance(item, Workload)):
        count = replicas or max([item.desired, *(scaler.maximum for scaler in scalers)])
        known = replace(item, uid=f"uid-{number}", desired=count, ready=count, updated=count, current=count)
        assert known.template is not None
        workloads.append(known)
        reference = OwnerRef("Deployment", known.name, known.uid)
        pods.extend(
            pod(f"{known.name}-{i}", known.namespace, on=f"n{i % 4 + 1}", owned_by=reference, template=known.template)
            for i in range(count)
        )
    budgets = []
    for item in objects:
        if isinstance(item, Budget):
            covered = [
                one for one in pods if one.namespace == item.namespace and item in _covering(objects, one.shape.labels)
            ]
            budgets.append(with_status(item, status(item, covered, counting_once(by_uid(workloads)), NOW)))
    return replace(inventory(*nodes(4), *workloads, *pods, *budgets), autoscalers=tuple(scalers))


def _covering(objects: list[Any], labels: dict[str, str]) -> list[Budget]:
    from shipkeeper.semantics.selectors import matches

    return [item for item in objects if isinstance(item, Budget) and matches(item.selector, labels)]


def files(check: str) -> list[Any]:
    return [pytest.param(path, id=path.stem.removeprefix("polaris-")) for path in FILES if f"-{check}-" in path.name]


def expected(path: Path) -> bool:
    return "-failure" in path.name


@pytest.mark.parametrize("path", files("deploymentMissingReplicas"))
def test_missing_replicas(path: Path) -> None:
    assert bool(ask(running(load(path)), "single-replica")) is expected(path)


@pytest.mark.parametrize("path", files("missingPodDisruptionBudget"))
def test_missing_budget(path: Path) -> None:
    assert bool(ask(running(load(path), replicas=3), "workload-without-budget")) is expected(path)


@pytest.mark.parametrize("path", files("pdbDisruptionsIsZero"))
def test_budget_that_never_allows(path: Path) -> None:
    (rule,) = load(path)
    if path.stem.endswith("success.none"):
        assert ask(running([rule]), "budget-selects-nothing"), "without a selector it covers nothing, so blocks nothing"
        return
    assert bool(never_allows(rule)) is expected(path)


@pytest.mark.parametrize("path", files("pdbMinAvailableGreaterThanHPAMinReplicas"))
def test_budget_against_the_autoscaler(path: Path) -> None:
    found = {item.rule for item in whole(running(load(path))).items}
    told = bool(found & {"budget-above-autoscaler-minimum", "budget-blocks-always"})
    name = path.stem.removeprefix("polaris-")
    assert told is (expected(path) or name in STRICTER), STRICTER.get(name, "")


@pytest.mark.parametrize("path", files("topologySpreadConstraint"))
def test_spread_is_judged_by_where_pods_are(path: Path) -> None:
    world = running(load(path), replicas=4)
    assert ask(world, "replicas-on-one-node") == [], "four nodes, four pods: nothing to complain of"
