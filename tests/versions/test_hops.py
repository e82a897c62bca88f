"""What each minor of Kubernetes asks for first and takes away; CRDs in the way; components that would go backwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.removed_apis import kept_objects, uses_by_api
from shipkeeper.knowledge.paths import (
    dropped_versions,
    installed_releases,
    known_releases,
    kubernetes_range,
    path_policy,
)
from shipkeeper.model.facts import ControlPlaneComponent, DeprecatedRequest, ImageUse
from shipkeeper.model.hops import ApiRemoval, ControlPlaneVersions, KubernetesRange
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.paths import UpgradePath
from shipkeeper.model.releases import Crd, CrdVersion, ManifestObject, Release
from shipkeeper.model.version import parse_version
from shipkeeper.semantics.paths import (
    Known,
    charts_of,
    crd_blockers,
    find_path,
    kubernetes_hops,
    versions_of,
    with_components,
)
from shipkeeper.semantics.skew import api_servers_problem, controller_problem, kubelet_problem, minor_of
from tests.builders import inventory, node


def component(name: str, version: str, on: str = "cp1") -> ControlPlaneComponent:
    return ControlPlaneComponent(component=name, node=on, version=version, image=f"registry.k8s.io/{name}:{version}")


def cluster(server: str, kubelets: dict[str, str], **more: object) -> ControlPlaneVersions:
    return ControlPlaneVersions(
        api_servers=(("cp1", server),),
        controllers=(("kube-controller-manager", "cp1", server), ("kube-scheduler", "cp1", server)),
        kubelets=tuple(kubelets.items()),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.requirement("R-B5")
def test_a_kubelet_three_minors_behind_has_to_move_before_the_api_server() -> None:
    now = cluster("v1.33.4", {"old": "v1.30.14", "recent": "v1.33.4", "middle": "v1.32.1"})
    first, second, third = kubernetes_hops(("v1.33.4", "v1.34.2", "v1.35.1", "1.36"), now)
    assert [(item.node, item.version, item.to) for item in first.first] == [("old", "v1.30.14", "v1.33.4")]
    assert "4 minors behind" in first.first[0].why
    assert first.kubelets_may_wait == ("old", "recent", "middle"), "the skew lets them stay over this hop"
    assert second.first == (), "1.32 under 1.35 is three minors: still allowed"
    assert [(item.node, item.to) for item in third.first] == [("middle", "v1.35.1")]
    assert "API servers" in first.order[0]
    assert first.kubectl == "1.33 to 1.35"


def test_kubelets_before_1_25_may_lag_two_only() -> None:
    [hop] = kubernetes_hops(("v1.26.0", "v1.27.0"), cluster("v1.26.0", {"n": "v1.24.9"}))
    assert [item.node for item in hop.first] == ["n"]


def test_a_controller_left_behind_moves_first_and_a_kubelet_ahead_is_a_problem_already() -> None:
    now = ControlPlaneVersions(
        api_servers=(("cp1", "v1.33.4"),),
        controllers=(("kube-scheduler", "cp1", "v1.32.0"), ("cloud-controller-manager", "cp1", "v1.33.0")),
        kubelets=(("ahead", "v1.34.0"),),
    )
    [hop] = kubernetes_hops(("v1.33.4", "v1.34.2"), now)
    assert [(item.component, item.to) for item in hop.first] == [("kube-scheduler", "v1.33.4")]
    assert hop.problems == ("ahead: kubelet 1.34 is newer than API server 1.33",)


def test_api_servers_two_minors_apart_are_said_and_the_last_one_moves_first() -> None:
    now = ControlPlaneVersions(api_servers=(("cp1", "v1.33.4"), ("cp2", "v1.32.0")))
    [hop] = kubernetes_hops(("v1.33.4", "v1.34.2"), now)
    assert [(item.component, item.node) for item in hop.first] == [("kube-apiserver", "cp2")]
    assert hop.problems == (), "one apart may be, now"


def test_a_patch_is_no_hop_of_kubernetes() -> None:
    assert kubernetes_hops(("v1.33.4", "v1.33.9"), cluster("v1.33.4", {})) == ()


@given(st.integers(26, 30), st.integers(1, 6), st.lists(st.integers(0, 3), max_size=5))
def test_after_what_moves_first_nothing_breaks_its_skew_on_any_hop(start: int, hops: int, lags: list[int]) -> None:
    stops = [f"v1.{start + i}.0" for i in range(hops + 1)]
    kubelets = {f"n{i}": f"v1.{start - lag}.0" for i, lag in enumerate(lags)}
    state = dict(kubelets)
    for hop in kubernetes_hops(stops, cluster(stops[0], kubelets)):
        for item in hop.first:
            if item.component == "kubelet":
                assert state[item.node] == item.version
                state[item.node] = item.to
        servers = [hop.from_version, hop.to_version]
        assert not api_servers_problem(servers)
        assert not controller_problem(hop.from_version, servers)
        for name, version in state.items():
            assert not kubelet_problem(version, servers), f"{name} on hop to {hop.to_version}"
        waiting = {name for name, version in state.items() if minor_of(version) != minor_of(hop.to_version)}
        assert set(hop.kubelets_may_wait) == waiting


REMOVALS = (
    ApiRemoval(group="policy", version="v1beta1", kind="PodDisruptionBudget", resource="poddisruptionbudgets",
               removed_in="1.25", replacement="policy/v1 PodDisruptionBudget"),
    ApiRemoval(group="batch", version="v1beta1", kind="CronJob", resource="cronjobs", removed_in="1.25"),
    ApiRemoval(group="autoscaling", version="v2beta2", kind="HorizontalPodAutoscaler", removed_in="1.26"),
)  # fmt: skip


@pytest.mark.requirement("R-B7")
def test_removed_apis_are_told_at_the_hop_that_removes_them_with_who_uses_them() -> None:
    release = Release(
        namespace="shop", name="web", revision=3, objects=(ManifestObject("batch/v1beta1", "CronJob", "shop", "sync"),)
    )
    found = inventory(node(), releases=(release,))
    requests = (
        DeprecatedRequest("policy", "v1beta1", "poddisruptionbudgets", "1.25"),
        DeprecatedRequest("flowcontrol.apiserver.k8s.io", "v1beta2", "flowschemas", "1.26"),
    )
    first, second = kubernetes_hops(
        ("v1.24.9", "v1.25.3", "v1.26.1"),
        cluster("v1.24.9", {}),
        removals=REMOVALS,
        uses=uses_by_api(kept_objects(found)),
        requests=requests,
    )
    assert [(item.api, item.kind, item.used, item.by) for item in first.removed] == [
        ("policy/v1beta1", "PodDisruptionBudget", "yes", ("requests for poddisruptionbudgets",)),
        ("batch/v1beta1", "CronJob", "yes", ("CronJob shop/sync of Helm release shop/web",)),
    ]
    assert first.removed[0].replacement == "policy/v1 PodDisruptionBudget"
    assert [(item.api, item.kind, item.used) for item in second.removed] == [
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "no"),
        ("flowcontrol.apiserver.k8s.io/v1beta2", "flowschemas", "yes"),
    ], "what the API server itself reports counts even where the table has nothing"


def test_a_removed_api_nobody_looked_for_is_unknown_not_unused() -> None:
    ends, now = ("v1.25.0", "v1.26.0"), cluster("v1.25.0", {})
    [hop] = kubernetes_hops(ends, now, removals=REMOVALS, uses=None)
    assert [item.used for item in hop.removed] == ["unknown"]
    [uncounted] = kubernetes_hops(ends, now, removals=REMOVALS, uses={}, requests=None)
    assert [item.used for item in uncounted.removed] == ["unknown"], "manifests never show that nobody uses it"


def test_charts_that_refuse_the_minor_reached_are_named() -> None:
    found = inventory(
        node(),
        releases=(
            Release(namespace="a", name="old", revision=1, chart="web", chart_version="1.0", kube_version="<1.30.0-0"),
            Release(namespace="a", name="new", revision=1, chart="web", chart_version="2.0", kube_version=">=1.25.0-0"),
            Release(namespace="a", name="odd", revision=1, chart="web", chart_version="3.0", kube_version="newest"),
            Release(namespace="a", name="free", revision=1, chart="web", chart_version="4.0"),
        ),
    )
    first, second = kubernetes_hops(("1.28.1", "1.29.3", "1.30"), cluster("v1.28.1", {}), charts=charts_of(found))
    assert {item.component: item.state for item in first.out_of_range} == {"a/odd": "unknown"}
    assert {item.component: item.state for item in second.out_of_range} == {"a/old": "too-old", "a/odd": "unknown"}
    assert "web 1.0" in second.out_of_range[0].text


def test_components_whose_range_ends_are_named_at_the_hop_where_it_does() -> None:
    ranges = (
        KubernetesRange(component="kyverno", version="1.12.5", lowest="1.26", highest="1.29"),
        KubernetesRange(component="new", version="9.0", lowest="1.31"),
        KubernetesRange(component="own-operator", version="0.3"),
    )
    first, second = kubernetes_hops(("v1.28.0", "v1.29.0", "v1.30.0"), cluster("v1.28.0", {}), ranges=ranges)
    assert {item.component: item.state for item in first.out_of_range} == {"new": "too-new", "own-operator": "unknown"}
    assert {item.component: item.state for item in second.out_of_range}["kyverno"] == "too-old"


def test_talos_and_kubespray_say_which_kubernetes_they_carry() -> None:
    talos = kubernetes_range("talos", parse_version("v1.13.9", "semver"))
    assert talos is not None
    assert (talos.lowest, talos.highest) == ("1.31", "1.36")
    kubespray = kubernetes_range("kubespray", parse_version("2.28.0", "kubespray"))
    assert kubespray is not None
    assert (kubespray.lowest, kubespray.highest) == ("1.30", "1.32")
    assert kubernetes_range("grafana", parse_version("1.0.0", "semver")) is None


def test_what_an_inventory_tells_and_what_it_does_not() -> None:
    silent = node("n2")
    found = inventory(
        node("n1", control_plane=True),
        node("n3", info=NodeInfo()),
        silent,
        control_plane=(component("kube-apiserver", "v1.34.4", "n1"), component("kube-scheduler", "v1.34.4", "n1")),
        images=(ImageUse("registry.k8s.io/kube-proxy:v1.33.1"), ImageUse("quay.io/x/kube-proxy-exporter:v1.0.0")),
    )
    state = versions_of(found)
    assert state.api_servers == (("n1", "v1.34.4"),)
    assert state.proxies == (("", "v1.33.1"),)
    assert dict(state.kubelets) == {"n1": "v1.34.4", "n2": "v1.34.4"}
    assert any("n3" in text for text in state.unknown)
    assert any("kube-controller-manager" in text for text in state.unknown)
    managed = versions_of(inventory(node()))
    assert managed.api_servers == (("", "v1.34.4"),), "a managed control plane shows its version only"


def crd(name: str, stored: tuple[str, ...], **versions: str) -> Crd:
    plural, _, group = name.partition(".")
    made = tuple(
        CrdVersion(key, served="served" in text, storage="storage" in text, deprecated="deprecated" in text)
        for key, text in versions.items()
    )
    return Crd(name=name, group=group, kind=plural.title(), plural=plural, versions=made, stored_versions=stored)


@pytest.mark.requirement("R-B5")
def test_a_stored_version_that_the_next_release_drops_blocks_the_hop() -> None:
    crds = (
        crd("helmreleases.helm.toolkit.fluxcd.io", ("v2beta1", "v2"), v2beta1="served deprecated", v2="served storage"),
        crd("kustomizations.kustomize.toolkit.fluxcd.io", ("v1",), v1="served storage"),
        crd("widgets.example.org", ("v1beta1", "v1"), v1beta1="served", v1="served storage"),
    )
    [blocker] = crd_blockers(crds, dropped_versions(), "flux", "2.6.4", "2.7.0")
    assert (blocker.crd, blocker.version, blocker.blocks) == ("helmreleases.helm.toolkit.fluxcd.io", "v2beta1", True)
    assert "flux migrate" in blocker.fix
    assert crd_blockers(crds, dropped_versions(), "flux", "2.7.0", "2.8.0") == ()


def kubespray_path(policy: str, start: str, target: str) -> UpgradePath:
    known = known_releases("kubespray")
    assert known is not None
    a, b = (parse_version(text, "kubespray") for text in (start, target))
    found = find_path(path_policy(policy), a, b, Known(known.releases), component="kubespray")
    return with_components(found, installed_releases("kubespray"))


@pytest.mark.requirement("R-COR21")
def test_leaving_a_late_patch_really_would_move_etcd_backwards() -> None:
    """v2.27.1 came out a month after v2.28.0, and carries a newer etcd and Calico than it."""
    found = kubespray_path("kubespray-minorwise-latest", "2.26.0", "2.28.0")
    assert found.stops == ("v2.27.1", "v2.28.0")
    back = {flag.text for flag in found.hops[1].flags if flag.code == "component-backwards"}
    assert "etcd would go back from 3.5.21 to 3.5.16" in back
    assert "calico would go back from 3.29.4 to 3.29.3" in back
    assert "goes-back-in-time" in {flag.code for flag in found.hops[1].flags}


def test_the_seeds_path_moves_kubernetes_two_minors_and_says_where() -> None:
    found = kubespray_path("kubespray-patchwise", "2.13.3", "2.15.0")
    assert [hop.to_version for hop in found.hops if any(f.code == "kubernetes-minor" for f in hop.flags)] == [
        "v2.14.0",
        "v2.15.0",
    ]
    moves = {move.name: (move.before, move.after) for move in found.hops[0].components}
    assert moves["kubernetes"] == ("1.17.9", "1.17.12")


def test_what_a_release_installs_is_unknown_where_it_is_not_known() -> None:
    known = Known(release for found in (known_releases("kubespray"),) if found for release in found.releases)
    a, b = (parse_version(text, "kubespray") for text in ("2.8.5", "2.9.0"))
    found = with_components(find_path(path_policy("kubespray-upstream"), a, b, known), installed_releases("kubespray"))
    assert "components-unknown" in {flag.code for flag in found.hops[0].flags}


def test_welkins_kubespray_tells_the_minor_of_kubernetes_only() -> None:
    installed = installed_releases("ck8s-kubespray")
    assert installed[parse_version("v2.30.0-ck8s2", "ck8s")] == {"kubernetes": "1.34"}
