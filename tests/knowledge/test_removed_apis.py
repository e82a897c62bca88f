"""Which removed APIs are in use, whose they are, which hop takes them away, and what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.assessment.removed_apis import STATES, Kept, find_uses, kept_objects, removed_apis, uses_by_api
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.facts import DeprecatedRequest
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.releases import Crd, CrdVersion, FluxObject, ManifestObject, Release
from shipkeeper.semantics.paths.kubernetes import removed_between
from tests.builders import inventory as whole

REMOVALS = bundled().removals
BUDGET = ManifestObject("policy/v1beta1", "PodDisruptionBudget", "shop", "checkout")
POLICY = ManifestObject("policy/v1beta1", "PodSecurityPolicy", "", "restricted")
FLOW = ManifestObject("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", "", "shop")
MODERN = ManifestObject("apps/v1", "Deployment", "shop", "checkout")
SHOP = Release("shop", "checkout", 3, "deployed", "checkout", "1.4.0", objects=(BUDGET, MODERN), hooks=(POLICY,))
PLATFORM = FluxObject("Kustomization", "flux-system", "platform", objects=(FLOW,))
CLAIM = Crd(
    "claims.example.org", "example.org", "Claim", "claims",
    versions=(
        CrdVersion("v1alpha1", served=False), CrdVersion("v1beta1", deprecated=True), CrdVersion("v1", storage=True),
    ),
)  # fmt: skip


def inventory(**fields: object) -> Inventory:
    """A cluster with one release and one Kustomization, of which everything was read."""
    return replace(whole(), **{"releases": (SHOP,), "flux": (PLATFORM,), **fields})


def kept(api_version: str, kind: str = "Claim", name: str = "one") -> Kept:
    return Kept(ManifestObject(api_version, kind, "shop", name), "shop/checkout", "Helm release")


@pytest.mark.requirement("R-B7")
def test_each_use_names_its_owner_its_hop_and_what_to_write_instead():
    report = removed_apis(inventory(), REMOVALS, ("1.24", "1.25", "1.26"))
    assert report.unknown == ()
    assert "k8s.io/api" in report.source
    by_name = {use.name: use for use in report.uses}
    budget = by_name["checkout"]
    assert (budget.state, budget.removed_in, budget.hop) == ("removed", "1.25", "1.24 → 1.25")
    assert (budget.namespace, budget.owner, budget.told_by) == ("shop", "shop/checkout", "Helm release")
    assert budget.replacement == "policy/v1 PodDisruptionBudget"
    assert "now: it is served already" in budget.fix
    assert "mapkubeapis" in budget.fix, "after the hop Helm can no longer upgrade the release"
    assert by_name["restricted"].replacement == ""
    assert "there is no replacement" in by_name["restricted"].fix


def test_what_goes_later_than_the_goal_is_deprecated_and_comes_last():
    report = removed_apis(inventory(), REMOVALS, ("1.24", "1.25", "1.26"))
    assert [use.state for use in report.uses] == ["removed", "removed", "deprecated"]
    last = report.uses[-1]
    assert (last.name, last.removed_in, last.hop, last.owner) == ("shop", "1.29", "", "flux-system/platform")
    assert last.replacement == "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema", "v1 is not served in 1.26 yet"


def test_what_the_cluster_no_longer_serves_is_gone_already():
    report = removed_apis(inventory(), REMOVALS, ("1.30", "1.31"))
    assert {use.state for use in report.uses} == {"gone"}
    assert all("no longer served" in use.text for use in report.uses)


def test_the_replacement_may_come_only_on_the_way():
    found = find_uses(REMOVALS, ("1.20", "1.21", "1.22"), [kept("extensions/v1beta1", "Ingress")], (), ())
    assert "already" in found[0].fix
    later = find_uses(
        REMOVALS, ("1.22", "1.23", "1.24", "1.25"), [kept("autoscaling/v2beta1", "HorizontalPodAutoscaler")], (), ()
    )
    assert "once the API server is at 1.23" in later[0].fix


def test_clients_that_ask_are_uses_without_an_object():
    asked = (
        DeprecatedRequest("policy", "v1beta1", "poddisruptionbudgets", "1.25"),
        DeprecatedRequest("example.org", "v1beta1", "claims", ""),
        DeprecatedRequest("future.k8s.io", "v1beta1", "things", "1.99"),
    )
    found = find_uses(REMOVALS, ("1.24", "1.25"), (), asked, ())
    budget, future = found
    assert (budget.state, budget.hop, budget.kind) == ("removed", "1.24 → 1.25", "PodDisruptionBudget")
    assert budget.told_by == "requests"
    assert budget.name == ""
    assert "k8s.io/deprecated" in budget.fix
    assert (future.state, future.kind) == ("deprecated", "things")


@pytest.mark.parametrize(
    ("version", "state"), [("v1", None), ("v1beta1", "deprecated"), ("v1alpha1", "gone"), ("v0", "gone")]
)
def test_custom_objects_are_judged_by_their_crd(version, state):
    found = find_uses(REMOVALS, ("1.33", "1.34"), [kept(f"example.org/{version}")], (), (CLAIM,))
    assert [use.state for use in found] == ([state] if state else [])
    if state:
        assert found[0].replacement == "example.org/v1 Claim"
        assert found[0].removed_in == "", "when a CRD drops a version is its project's to say"


def test_a_custom_kind_without_a_crd_is_not_judged():
    assert find_uses(REMOVALS, ("1.33", "1.34"), [kept("nobody.example.org/v1beta1")], (), (CLAIM,)) == ()


@pytest.mark.requirement("R-B7")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"missing": (Missing("secrets", "forbidden", "x", "releases"),)}, "Helm releases were not read (forbidden)"),
        ({"missing": (Missing("metrics", "403", "x", "deprecated_requests"),)}, "requests for deprecated APIs"),
        ({"missing": (Missing("crds", "403", "x", "crds"),)}, "CRDs were not read"),
        ({"releases": (replace(SHOP, storage="labels-only", objects=()),)}, "shop/checkout"),
        ({"releases": (replace(SHOP, dropped=3),)}, "not every object is known"),
    ],
)
def test_what_was_not_looked_at_is_unknown_and_never_a_pass(fields, told):
    report = removed_apis(inventory(**fields), REMOVALS, ("1.24", "1.25"))
    assert any(told in line for line in report.unknown), "an empty list would read as: nothing is in use"


def test_beyond_the_newest_known_minor_only_announcements_are_known():
    report = removed_apis(inventory(), REMOVALS, ("1.37", "1.38"))
    assert any("announced" in line for line in report.unknown)
    report = removed_apis(inventory(), REMOVALS, ("main", "1.38"))
    assert any("cannot all be read" in line for line in report.unknown)


def test_the_hops_of_a_path_get_the_same_uses():
    uses = uses_by_api(kept_objects(inventory()))
    found = {
        row.kind: row for row in removed_between((1, 24), (1, 25), REMOVALS.announced(), uses, ()) if row.used == "yes"
    }
    assert set(found) == {"PodDisruptionBudget", "PodSecurityPolicy"}
    assert found["PodDisruptionBudget"].by == ("PodDisruptionBudget shop/checkout of Helm release shop/checkout",)
    assert found["PodDisruptionBudget"].replacement == "policy/v1 PodDisruptionBudget"


@given(st.lists(st.sampled_from(REMOVALS.rows), max_size=6), st.integers(16, 38), st.integers(0, 4))
def test_every_use_is_in_exactly_one_state_and_hops_are_on_the_way(rows, start, length):
    stops = tuple(f"1.{start + step}" for step in range(length + 1))
    objects = [kept(row.api_version, row.kind, str(number)) for number, row in enumerate(rows)]
    found = find_uses(REMOVALS, stops, objects, (), ())
    assert len(found) <= len(objects)
    for use in found:
        assert use.state in STATES
        assert bool(use.hop) == (use.state == "removed")
        if use.hop:
            before, after = use.hop.split(" → ")
            assert stops.index(after) == stops.index(before) + 1
            assert use.removed_in == after
    assert [STATES.index(use.state) for use in found] == sorted(STATES.index(use.state) for use in found)
