"""The same cluster in every layout and packing gives the same inventory."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.integrations.dumps import read_dump
from shipkeeper.model.inventory import Inventory
from shipkeeper.semantics.wire.unknowns import UNKNOWN_WITHOUT
from tests.dumps.cluster import (
    LAYOUTS,
    PACKINGS,
    SINGLE,
    TAKEN_MS,
    Objects,
    as_folder,
    cluster_info,
    dump_json,
    must_gather,
    one_list,
    small_cluster,
    support_bundle,
    tar_bytes,
)
from tests.wire.objects import encode, listing, pod

COUNTS = {
    "nodes": 3, "pods": 4, "workloads": 3, "budgets": 1, "claims": 1, "volumes": 1, "csiNodes": 1,
    "storageClasses": 1, "services": 1, "leases": 1, "namespaces": 2, "webhooks": 2, "images": 1,
}  # fmt: skip


def content(inventory: Inventory) -> dict[str, Any]:
    """Everything but where it came from and what it lacks."""
    skip = ("source", "missing", "pods", "skipped")
    return {name: getattr(inventory, name) for name in inventory.__struct_fields__ if name not in skip} | {
        "pods": list(inventory.pods)
    }


@pytest.fixture
def plain(tmp_path: Path) -> Inventory:
    path = tmp_path / "plain.json"
    path.write_bytes(one_list(small_cluster()))
    return read_dump(str(path))


@pytest.mark.requirement("R-A2")
def test_counts_are_of_distinct_objects(plain: Inventory) -> None:
    assert {name: count for name, count in plain.counts().items() if count} == COUNTS
    assert plain.identity.uid == "uid--kube-system"
    assert plain.identity.server_version == "v1.34.4"
    assert plain.drainers == ("MachineConfigPool", "kured")
    assert plain.taken_ms == TAKEN_MS
    assert "by its newest lease renewal" in plain.source, "a reader must see how the time is known"


def test_a_quiet_cluster_tells_the_time_by_its_kubelets(tmp_path: Path) -> None:
    """No leases, no events, nothing has changed for months: only the heartbeats are of today."""
    quiet = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                    "lastHeartbeatTime": "2026-11-24T18:00:00Z",
                }
            ]
        },
    }
    path = tmp_path / "nodes.json"
    path.write_bytes(encode(listing([quiet])))
    told = read_dump(str(path))
    assert "taken 2026-11-24T18:00:00Z by its newest node heartbeat" in told.source


@pytest.mark.requirement("R-A2")
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("packing", ["folder", *sorted(PACKINGS)])
def test_every_layout_in_every_packing(layout: str, packing: str, plain: Inventory, tmp_path: Path) -> None:
    files = LAYOUTS[layout](small_cluster())
    path = tmp_path / "the-name-tells-nothing"
    if packing == "folder":
        as_folder(files, path)
    else:
        path.write_bytes(PACKINGS[packing](files))
    inventory = read_dump(str(path))
    assert f"({layout}, taken " in inventory.source
    assert content(inventory) == content(plain)


@pytest.mark.parametrize("name", sorted(SINGLE))
@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_every_kind_of_single_file(name: str, pack: Callable[[bytes], bytes], plain: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(pack(SINGLE[name](small_cluster())))
    assert content(read_dump(str(path))) == content(plain)


def test_a_folder_of_what_kubectl_wrote(plain: Inventory, tmp_path: Path) -> None:
    objects = small_cluster()
    as_folder(
        {"a.json": one_list(objects[:5]), "sub/b.yaml": SINGLE["list.yaml"](objects[5:]), "notes.txt": b"x"}, tmp_path
    )
    assert content(read_dump(str(tmp_path))) == content(plain)


def test_what_kubectl_cluster_info_dump_prints(plain: Inventory, tmp_path: Path) -> None:
    logs = b"==== START logs for container web of pod shop/web ====\n{not json]\n==== END logs for container web ====\n"
    printed = b"".join(part + b"\n" + logs for part in (dump_json(listing([item])) for item in small_cluster()))
    path = tmp_path / "dump.txt"
    path.write_bytes(printed + dump_json({"serverVersion": {"gitVersion": "v1.34.4"}}))
    inventory = read_dump(str(path))
    assert content(inventory) == content(plain)
    assert inventory.is_missing("other-namespaces"), "it may have been told to leave namespaces out"


def test_order_of_reading_does_not_show(plain: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "reversed.json"
    path.write_bytes(one_list(small_cluster()[::-1]))
    assert content(read_dump(str(path))) == content(plain)


def test_an_object_seen_twice_counts_once(plain: Inventory, tmp_path: Path) -> None:
    objects = small_cluster()
    path = tmp_path / "twice.json"
    path.write_bytes(one_list(objects + objects))
    assert content(read_dump(str(path))) == content(plain)


def test_without_uids_names_tell_objects_apart(tmp_path: Path) -> None:
    def nameless(namespace: str) -> dict[str, Any]:
        item = pod("p", namespace)
        del item["metadata"]["uid"]
        return item

    path = tmp_path / "x.json"
    path.write_bytes(dump_json(listing([nameless("a"), nameless("b"), nameless("a")])))
    assert [item.namespace for item in read_dump(str(path)).pods] == ["a", "b"]


def test_in_a_must_gather_pods_come_from_their_own_files_only_where_a_list_is_missing(
    plain: Inventory, tmp_path: Path
) -> None:
    files = must_gather(small_cluster())
    without = {name: data for name, data in files.items() if not name.endswith("namespaces/shop/core/pods.yaml")}
    assert len(without) == len(files) - 1
    path = tmp_path / "mg.tar"
    path.write_bytes(tar_bytes(without))
    assert list(read_dump(str(path)).pods) == list(plain.pods)


def test_items_without_a_kind_are_what_their_place_says(plain: Inventory, tmp_path: Path) -> None:
    def strip(objects: Objects) -> list[dict[str, Any]]:
        return [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in objects]

    pods = [item for item in small_cluster() if item["kind"] == "Pod"]
    files = support_bundle(small_cluster())
    for namespace in ("shop", "kube-system"):
        inside = [item for item in pods if item["metadata"]["namespace"] == namespace]
        files[f"support-bundle-1/cluster-resources/pods/{namespace}.json"] = dump_json(strip(inside))
    assert list(read_dump(str(as_folder(files, tmp_path))).pods) == list(plain.pods)


class TestMissing:
    def test_everything_the_dump_is_silent_about(self, plain: Inventory) -> None:
        gone = {item.what for item in plain.missing}
        silent = {
            "statefulsets",
            "jobs",
            "cronjobs",
            "resourcequotas",
            "volumeattachments",
            "priorityclasses",
            "events",
        }
        assert silent <= gone
        assert not gone & {"pods", "nodes", "deployments", "poddisruptionbudgets", "validatingwebhookconfigurations"}
        for item in plain.missing:
            assert item.why
            assert item.unknown == UNKNOWN_WITHOUT.get(item.what, item.unknown)

    def test_an_empty_list_is_knowledge(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        empty = listing([], "StatefulSetList", "apps/v1")
        path.write_bytes(one_list(small_cluster()) + dump_json(empty))
        assert not read_dump(str(path)).is_missing("statefulsets"), "an empty list says that there are none"

    def test_an_empty_list_without_a_kind_counts_by_its_files_name(self, tmp_path: Path) -> None:
        files = {"all.json": one_list(small_cluster()), "jobs.json": dump_json(listing([]))}
        inventory = read_dump(str(as_folder(files, tmp_path)))
        assert not inventory.is_missing("jobs")
        [item] = [item for item in inventory.missing if item.what == "cronjobs"]
        assert "cronjobs.json" in item.why, "the person must see how to tell us"

    def test_a_must_gather_says_that_it_is_partial(self, tmp_path: Path) -> None:
        inventory = read_dump(str(as_folder(must_gather(small_cluster()), tmp_path)))
        [item] = [item for item in inventory.missing if item.what == "other-namespaces"]
        assert "besides the 2 in it" in item.unknown

    def test_a_bundles_own_errors_are_the_reason(self, tmp_path: Path) -> None:
        files = support_bundle([item for item in small_cluster() if item["kind"] != "Node"])
        files["support-bundle-1/cluster-resources/nodes-errors.json"] = dump_json(["nodes is forbidden: no rights"])
        inventory = read_dump(str(as_folder(files, tmp_path)))
        [item] = [item for item in inventory.missing if item.what == "nodes"]
        assert "nodes is forbidden" in item.why

    def test_a_namespace_without_a_list_of_pods_is_named(self, tmp_path: Path) -> None:
        files = support_bundle(small_cluster())
        del files["support-bundle-1/cluster-resources/pods/shop.json"]
        inventory = read_dump(str(as_folder(files, tmp_path)))
        assert any(item.what == "pods" and "shop" in item.why for item in inventory.missing)

    def test_without_a_version_file_the_version_is_unknown(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_bytes(dump_json(listing(small_cluster())))
        assert read_dump(str(path)).is_missing("serverVersion")


def test_unknown_kinds_are_counted_and_said(tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"password": "aGk="}}
    other = {"apiVersion": "example.com/v1", "kind": "Pod", "metadata": {"name": "not-ours"}}
    path = tmp_path / "x.json"
    path.write_bytes(dump_json(listing([*small_cluster(), secret, secret, other])))
    inventory = read_dump(str(path))
    assert inventory.skipped == {"Pod": 1, "Secret": 2}
    assert len(inventory.pods) == COUNTS["pods"]


def test_a_cluster_info_dump_says_that_it_may_be_partial(tmp_path: Path) -> None:
    files = cluster_info([item for item in small_cluster() if item["kind"] != "Namespace"])
    inventory = read_dump(str(as_folder(files, tmp_path)))
    [item] = [item for item in inventory.missing if item.what == "other-namespaces"]
    assert "besides the 2 in it" in item.unknown


def test_a_folder_without_dates_of_its_own_is_dated_by_its_files(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(dump_json(listing([{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}}])))
    inventory = read_dump(str(path))
    assert inventory.taken_ms == path.stat().st_mtime_ns // 1_000_000
    assert "by the date of its files" in inventory.source
