"""The platform out of dumps: the same in every layout, and honest about what a dump cannot tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shipkeeper.app.survey import load_inventory
from shipkeeper.integrations.dumps import read_dump
from shipkeeper.model.inventory import Inventory
from shipkeeper.semantics.wire import PLATFORM
from tests.dumps.cluster import (
    LAYOUTS,
    SINGLE,
    Objects,
    as_folder,
    dump_json,
    one_list,
    small_cluster,
    support_bundle,
    yaml_list,
)
from tests.platform_samples.backups import velero
from tests.platform_samples.helm import chart, record, release
from tests.platform_samples.objects import crd, custom_resources
from tests.wire.objects import listing

FIELDS = (*PLATFORM, "releases", "images")
CRDS = [
    crd("backups", "velero.io", "Backup", "v1"),
    crd("schedules", "velero.io", "Schedule", "v1"),
    crd("clusters", "postgresql.cnpg.io", "Cluster", "v1"),
]


def platform() -> Objects:
    """The small cluster with a platform on it, without CRDs."""
    old = [record(release(revision=number, status="superseded")) for number in (1, 2)]
    return [*small_cluster(), *custom_resources(), *old, record(release(revision=3)), *_bank()]


def _bank() -> Objects:
    body = release(name="bank", namespace="bank", chart=chart("bank", "9.0.0"))
    return [record(body, storage="configmap")]


def read(path: Path, objects: Objects) -> Inventory:
    path.write_bytes(one_list(objects))
    return read_dump(str(path))


@pytest.mark.requirement("R-A2")
@pytest.mark.parametrize("name", [*sorted(LAYOUTS), *sorted(SINGLE)])
def test_every_layout_tells_the_same(name: str, tmp_path: Path) -> None:
    plain = read(tmp_path / "plain.json", platform())
    assert [(item.name, item.revision, item.deployed_revision) for item in plain.releases] == [
        ("bank", 1, 1),
        ("shop", 3, 3),
    ]
    if name in LAYOUTS:
        found = read_dump(str(as_folder(LAYOUTS[name](platform()), tmp_path / "dump")))
    else:
        (tmp_path / name).write_bytes(SINGLE[name](platform()))
        found = read_dump(str(tmp_path / name))
    for field in FIELDS:
        if field == "releases" and name == "support bundle":
            assert found.missing_in("releases"), "a bundle holds no Secrets"
            continue
        assert getattr(found, field) == getattr(plain, field), f"{field} of a {name} differ"


@pytest.mark.requirement("R-A2")
def test_a_kind_without_its_crd_is_absent_and_one_with_it_is_unknown(tmp_path: Path) -> None:
    backups = [item for item in velero() if item["kind"] == "Backup"]
    found = read(tmp_path / "x.json", [*small_cluster(), *CRDS, *backups])
    assert {field for field in FIELDS if found.missing_in(field)} == {
        "backup_schedules", "database_clusters", "releases",
    }, "all CRDs are there: what has none is not installed"  # fmt: skip
    assert [item.what for item in found.missing_in("backup_schedules")] == ["schedules.velero.io"]
    assert len(found.backups) == 3


def test_without_crds_nothing_is_known_of_what_is_not_there(tmp_path: Path) -> None:
    found = read(tmp_path / "x.json", small_cluster())
    assert {field for field in FIELDS if found.missing_in(field)} == {*PLATFORM, "releases"}
    assert found.missing_in("deprecated_requests")


def test_a_must_gather_holds_some_crds_and_proves_nothing_by_it(tmp_path: Path) -> None:
    files = LAYOUTS["must-gather"]([*small_cluster(), *CRDS])
    found = read_dump(str(as_folder(files, tmp_path)))
    assert len(found.crds) == 3
    assert found.missing_in("certificates"), "that CRD may just not have been collected"
    assert found.missing_in("backups")


def test_an_empty_list_of_a_kind_is_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(one_list(small_cluster()))
    (tmp_path / "b.json").write_bytes(dump_json(listing([], "CertificateList", "cert-manager.io/v1")))
    assert not read_dump(str(tmp_path)).missing_in("certificates")


def test_a_record_whose_content_was_taken_out_is_told_by_its_labels(tmp_path: Path) -> None:
    emptied = record(release(revision=4, status="failed"))
    emptied["data"] = {"release": ""}
    found = read(tmp_path / "x.json", [*small_cluster(), record(release(revision=3)), emptied])
    [item] = found.releases
    assert (item.storage, item.revision, item.status, item.deployed_revision) == ("labels-only", 4, "failed", 3)
    [gap] = found.missing_in("releases")
    assert gap.what == "releases shop/shop"


def test_yaml_keeps_of_data_only_what_is_packed_as_a_release(tmp_path: Path) -> None:
    other = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"},
             "data": {"a": {"release": "x"}, "release": "cGxhaW4=", "b": ["release", "SDRzSUF"]}}  # fmt: skip
    path = tmp_path / "x.yaml"
    path.write_bytes(yaml_list([*small_cluster(), other, record(release()), other]))
    found = read_dump(str(path))
    [item] = found.releases
    assert item.chart == "shop"
    assert found.skipped["Secret"] == 2


def test_one_object_in_an_unknown_form_is_a_gap_and_not_the_end(tmp_path: Path) -> None:
    objects = velero()
    objects[0]["status"] = {"errors": "many"}
    found = read(tmp_path / "x.json", [*small_cluster(), *objects])
    gap = next(item for item in found.missing_in("backups") if "daily-1" in item.what)
    assert "$.items" in gap.why
    assert len(found.backups) == 2


HELM_FILE: list[dict[str, Any]] = [
    {
        "releaseName": "shop", "chart": "shop", "chartVersion": "1.4.2", "appVersion": "2.0", "namespace": "shop",
        "releaseHistory": [
            {"revision": "1", "date": "2026-01-01", "status": "superseded"},
            {"revision": "2", "date": "2026-02-01", "status": "deployed", "values": {"password": "canary-in-bundle"}},
            {"revision": "3", "date": "2026-03-01", "status": "pending-upgrade", "isPending": True},
        ],
    }
]  # fmt: skip


@pytest.mark.parametrize("content", [HELM_FILE, HELM_FILE[0]], ids=["list", "one"])
@pytest.mark.parametrize("place", ["helm/shop.json", "helm/shop/shop.json", "helm/helm.json"])
def test_a_support_bundle_s_helm_collector(content: Any, place: str, tmp_path: Path) -> None:
    files = support_bundle(small_cluster()) | {f"support-bundle-1/{place}": json.dumps(content).encode()}
    found = read_dump(str(as_folder(files, tmp_path)))
    [item] = found.releases
    assert (item.storage, item.revision, item.status, item.deployed_revision) == ("collected", 3, "pending-upgrade", 2)
    assert (item.chart_version, item.whole) == ("1.4.2", False)
    assert "canary-in-bundle" not in repr(found)


def test_a_survey_of_a_dump_links_what_belongs_together(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(one_list(platform()))
    found = load_inventory(str(path))
    assert {(item.name, item.owner) for item in found.releases} == {("bank", ""), ("shop", "shop/shop")}
    assert [item.node for item in found.node_facts] == ["n1", "n2", "n3"]
    assert [(item.component, item.image) for item in found.control_plane] == [("etcd", "registry.example/main:1")]
