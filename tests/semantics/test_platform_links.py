"""What follows from reading several kinds together."""

from __future__ import annotations

from msgspec.structs import replace

from shipkeeper.model.facts import ImageUse
from shipkeeper.model.inventory import Missing
from shipkeeper.model.pods import PodShape
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.table import PodTable
from shipkeeper.model.workloads import Workload
from shipkeeper.semantics.platform_links import control_plane, linked
from tests.builders import inventory, pod

NO_SECRETS = (Missing("secrets", "not allowed", "what is installed", "releases"),)


def workload(name: str, chart: str = "", release: str = "monitoring", **more: object) -> Workload:
    labels = {"helm.sh/chart": chart, "app.kubernetes.io/version": "1.0"} if chart else {}
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "mon"}
    return replace(Workload("Deployment", "mon", name, labels=labels, annotations=annotations), **more)


def releases(*workloads: Workload, **more: object) -> dict[str, Release]:
    found = linked(replace(inventory(), workloads=workloads, missing=NO_SECRETS, **more))
    return {item.name: item for item in found.releases}


def test_a_release_without_a_record_is_told_by_what_helm_wrote_onto_its_workloads() -> None:
    found = releases(workload("a", "loki-6.6.2"), workload("b", "loki-6.6.2"))["monitoring"]
    assert (found.namespace, found.chart, found.chart_version, found.app_version) == ("mon", "loki", "6.6.2", "1.0")
    assert (found.storage, found.status, found.revision, found.whole) == ("labels-only", "unknown", 0, False)


def test_of_a_chart_of_charts_none_is_guessed() -> None:
    found = releases(workload("a", "grafana-8.1.0"), workload("b", "kube-state-metrics-5.2.1"))["monitoring"]
    assert (found.chart, found.chart_version, found.app_version) == ("", "", "")


def test_names_and_versions_of_charts_are_told_apart() -> None:
    for label, chart, version in (
        ("kube-prometheus-stack-61.3.2", "kube-prometheus-stack", "61.3.2"),
        ("app-2-v1.2.3-rc.1", "app-2", "v1.2.3-rc.1"),
        ("x-1.2.3_build.4", "x", "1.2.3+build.4"),
        ("no-version", "", ""),
    ):
        found = releases(workload("a", label))["monitoring"]
        assert (found.chart, found.chart_version) == (chart, version), label


def test_a_record_is_never_replaced_by_a_guess() -> None:
    record = Release("mon", "monitoring", 7, "failed", chart="loki", storage_namespace="mon")
    found = releases(workload("a", "loki-6.6.2"), releases=(record,))
    assert found["monitoring"].revision == 7
    assert len(found) == 1


def test_flux_is_found_as_owner_by_name_and_by_its_label() -> None:
    flux = FluxObject("HelmRelease", "flux-system", "loki", release_name="monitoring", storage_namespace="mon")
    record = Release("mon", "monitoring", 7, "deployed", storage_namespace="mon")
    assert releases(releases=(record,), flux=(flux,))["monitoring"].owner == "flux-system/loki"
    labels = {"helm.toolkit.fluxcd.io/name": "loki", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
    assert releases(workload("a", labels=labels), releases=(record,))["monitoring"].owner == "flux-system/loki"


def test_linking_twice_changes_nothing() -> None:
    once = linked(replace(inventory(pod("p")), workloads=(workload("a", "loki-6.6.2"),), missing=NO_SECRETS))
    assert linked(once) == once


def test_images_that_nothing_runs_yet_are_declared() -> None:
    cron = Workload("CronJob", "shop", "nightly", template=PodShape(images=("backup:1", "web:1")))
    owned = Workload(
        "ReplicaSet", "shop", "old", template=PodShape(images=("web:0",)), owner=OwnerRef("Deployment", "web", "u")
    )
    found = linked(
        replace(inventory(), workloads=(cron, owned), images=(ImageUse("web:1", ("sha256:a",), 2, ("bank",)),))
    )
    assert found.images == (
        ImageUse("backup:1", (), 0, ("shop",)),
        ImageUse("web:1", ("sha256:a",), 2, ("bank", "shop")),
    ), "an old ReplicaSet declares what is wanted no more"


def test_parts_of_the_control_plane_have_the_version_of_their_image() -> None:
    def static(name: str, image: str, namespace: str = "kube-system", mirror: bool = True) -> object:
        made = pod(f"{name}-n1", node="n1", namespace=namespace)
        return replace(made, mirror=mirror, ready=True, shape=PodShape(images=(image,)))

    table = PodTable.of(
        [
            static("kube-apiserver", "registry.k8s.io/kube-apiserver:v1.34.4"),
            static("etcd", "registry.k8s.io/etcd@sha256:ab"),
            static("kube-apiserver", "evil:v9", namespace="shop"),
            static("kube-scheduler", "x:v1", mirror=False),
            static("kube-vip", "kube-vip:v0.8"),
        ]
    )
    found = [(item.component, item.node, item.version, item.ready) for item in control_plane(table)]
    assert found == [("etcd", "n1", "", True), ("kube-apiserver", "n1", "v1.34.4", True)], "by digest only: unknown"
