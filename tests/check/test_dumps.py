"""What a check says of three real clusters, read by eye once and held since."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from shipkeeper.app.survey import load_inventory
from shipkeeper.assessment.check import Findings, Settings, check
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy

FOLDER = Path(os.environ.get("SHIPKEEPER_TEST_DATA", "")) / "dumps"
pytestmark = pytest.mark.skipif(
    "SHIPKEEPER_TEST_DATA" not in os.environ or not FOLDER.is_dir(),
    reason="SHIPKEEPER_TEST_DATA names no folder with dumps: no real clusters to check",
)
OPENSHIFT = ("must-gather-aws.tar.xz", "must-gather-azure.tar.xz")


@cache
def dump(name: str) -> Inventory:
    return load_inventory(str(FOLDER / name))


def findings(name: str, *, loose: bool = False) -> Findings:
    policy = DrainPolicy(delete_empty_dir_data=("*",), allow_unmanaged=("*",)) if loose else DrainPolicy()
    world = dump(name)
    return check(world, Settings(policy=policy), now_ms=world.taken_ms)


@pytest.mark.parametrize("name", OPENSHIFT)
def test_healthy_clusters_have_no_alarm_but_what_needs_a_decision(name: str) -> None:
    strict, loose = findings(name), findings(name, loose=True)
    assert {item.rule for item in strict.items if item.severity == "error"} == {"pod-empty-dir", "pod-unmanaged"}
    assert loose.count("error") == 0, "a healthy cluster raised a false alarm"
    assert strict.nodes.total == 6
    assert strict.count("warning") < 30, "more than anybody reads"


@pytest.mark.parametrize("name", OPENSHIFT)
def test_the_other_owner_of_reboots_is_named(name: str) -> None:
    by_rule = {item.message.split()[0]: item for item in findings(name).items if item.rule == "other-drainer"}
    assert by_rule["machine-config"].severity == "warning"
    assert "reboots these machines itself" in by_rule["machine-config"].consequence
    assert len(by_rule["machine-config"].nodes) == 6


@pytest.mark.parametrize("name", OPENSHIFT)
def test_control_plane_replicas_one_to_a_node(name: str) -> None:
    apart = {item.object.name for item in findings(name).items if item.rule == "anti-affinity-cannot-be-met"}
    assert {"etcd-quorum-guard", "oauth-openshift", "apiserver"} <= apart
    control_plane = [item for item in findings(name).items if item.rule == "control-plane-node"]
    assert len(control_plane[0].nodes) == 3


@pytest.mark.parametrize("name", OPENSHIFT)
def test_catalog_pods_have_no_controller(name: str) -> None:
    bare = [item for item in findings(name).items if item.rule == "pod-unmanaged"]
    assert {item.object.namespace for item in bare} == {"openshift-marketplace"}
    assert len(bare) == 4


@pytest.mark.parametrize("name", OPENSHIFT)
def test_what_a_must_gather_leaves_out_is_unknown(name: str) -> None:
    unknown = [item for item in findings(name).items if item.severity == "unknown"]
    assert [item.object.name for item in unknown] == ["other-namespaces"]
    assert findings(name).nodes.clean == 0, "nodes counted as clean although other namespaces were not read"


def test_a_cluster_of_one_node() -> None:
    found = findings("support-bundle-k3s.tar.gz")
    counts = Counter(item.rule for item in found.items)
    assert counts["no-other-node"] == 1
    assert counts["control-plane-node"] == 1
    assert counts["single-replica"] == 0, "a gap of seconds was promised on a cluster that is down as a whole"
    unread = {item.object.name for item in found.items if item.severity == "unknown"}
    assert {"apiservices", "validatingwebhookconfigurations"} <= unread
