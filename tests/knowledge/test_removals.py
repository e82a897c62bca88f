"""Removed APIs: what ships says what Kubernetes' own deprecation guide says, and can be made anew from its modules."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.knowledge.library import bundled
from shipkeeper.knowledge.removals import read_removals
from shipkeeper.model.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from knowledge_lib import lifecycle, modules, removals, support  # noqa: E402

KNOWN = bundled().removals

GUIDE = """
1.16 extensions/v1beta1 NetworkPolicy networking.k8s.io/v1
1.16 extensions/v1beta1 DaemonSet apps/v1
1.16 extensions/v1beta1 Deployment apps/v1
1.16 extensions/v1beta1 ReplicaSet apps/v1
1.16 extensions/v1beta1 PodSecurityPolicy -
1.16 apps/v1beta1 Deployment apps/v1
1.16 apps/v1beta1 StatefulSet apps/v1
1.16 apps/v1beta2 DaemonSet apps/v1
1.16 apps/v1beta2 Deployment apps/v1
1.16 apps/v1beta2 StatefulSet apps/v1
1.16 apps/v1beta2 ReplicaSet apps/v1
1.22 admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration admissionregistration.k8s.io/v1
1.22 admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration admissionregistration.k8s.io/v1
1.22 apiextensions.k8s.io/v1beta1 CustomResourceDefinition apiextensions.k8s.io/v1
1.22 apiregistration.k8s.io/v1beta1 APIService apiregistration.k8s.io/v1
1.22 authentication.k8s.io/v1beta1 TokenReview authentication.k8s.io/v1
1.22 authorization.k8s.io/v1beta1 LocalSubjectAccessReview authorization.k8s.io/v1
1.22 authorization.k8s.io/v1beta1 SelfSubjectAccessReview authorization.k8s.io/v1
1.22 authorization.k8s.io/v1beta1 SubjectAccessReview authorization.k8s.io/v1
1.22 authorization.k8s.io/v1beta1 SelfSubjectRulesReview authorization.k8s.io/v1
1.22 certificates.k8s.io/v1beta1 CertificateSigningRequest certificates.k8s.io/v1
1.22 coordination.k8s.io/v1beta1 Lease coordination.k8s.io/v1
1.22 extensions/v1beta1 Ingress networking.k8s.io/v1
1.22 networking.k8s.io/v1beta1 Ingress networking.k8s.io/v1
1.22 networking.k8s.io/v1beta1 IngressClass networking.k8s.io/v1
1.22 rbac.authorization.k8s.io/v1beta1 ClusterRole rbac.authorization.k8s.io/v1
1.22 rbac.authorization.k8s.io/v1beta1 ClusterRoleBinding rbac.authorization.k8s.io/v1
1.22 rbac.authorization.k8s.io/v1beta1 Role rbac.authorization.k8s.io/v1
1.22 rbac.authorization.k8s.io/v1beta1 RoleBinding rbac.authorization.k8s.io/v1
1.22 scheduling.k8s.io/v1beta1 PriorityClass scheduling.k8s.io/v1
1.22 storage.k8s.io/v1beta1 CSIDriver storage.k8s.io/v1
1.22 storage.k8s.io/v1beta1 CSINode storage.k8s.io/v1
1.22 storage.k8s.io/v1beta1 StorageClass storage.k8s.io/v1
1.22 storage.k8s.io/v1beta1 VolumeAttachment storage.k8s.io/v1
1.23 rbac.authorization.k8s.io/v1alpha1 ClusterRole rbac.authorization.k8s.io/v1
1.23 scheduling.k8s.io/v1alpha1 PriorityClass scheduling.k8s.io/v1
1.25 batch/v1beta1 CronJob batch/v1
1.25 discovery.k8s.io/v1beta1 EndpointSlice discovery.k8s.io/v1
1.25 events.k8s.io/v1beta1 Event events.k8s.io/v1
1.25 autoscaling/v2beta1 HorizontalPodAutoscaler autoscaling/v2
1.25 policy/v1beta1 PodDisruptionBudget policy/v1
1.25 policy/v1beta1 PodSecurityPolicy -
1.25 node.k8s.io/v1beta1 RuntimeClass node.k8s.io/v1
1.26 flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema flowcontrol.apiserver.k8s.io/v1
1.26 flowcontrol.apiserver.k8s.io/v1beta1 PriorityLevelConfiguration flowcontrol.apiserver.k8s.io/v1
1.26 autoscaling/v2beta2 HorizontalPodAutoscaler autoscaling/v2
1.27 storage.k8s.io/v1beta1 CSIStorageCapacity storage.k8s.io/v1
1.29 flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema flowcontrol.apiserver.k8s.io/v1
1.29 flowcontrol.apiserver.k8s.io/v1beta2 PriorityLevelConfiguration flowcontrol.apiserver.k8s.io/v1
1.32 flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema flowcontrol.apiserver.k8s.io/v1
1.32 flowcontrol.apiserver.k8s.io/v1beta3 PriorityLevelConfiguration flowcontrol.apiserver.k8s.io/v1
"""
"""Removed in, apiVersion, kind, what to use today: facts of the Deprecated API Migration Guide up to 1.32, and two of
the changelog of 1.23."""

OTHERS_SAY = {
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema"): ("1.29", "1.26"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration"): ("1.29", "1.26"),
    ("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy"): ("1.33", "1.32"),
    ("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicyBinding"): ("1.33", "1.32"),
    ("resource.k8s.io/v1beta1", "DeviceClass"): ("1.36", "1.38"),
    ("resource.k8s.io/v1beta1", "ResourceClaim"): ("1.36", "1.38"),
    ("resource.k8s.io/v1beta1", "ResourceClaimTemplate"): ("1.36", "1.38"),
    ("resource.k8s.io/v1beta1", "ResourceSlice"): ("1.36", "1.38"),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass"): ("", "1.37"),
}
"""Where the table of Pluto 5.24 says another minor than Kubernetes' own modules: (theirs, ours)."""

MISSED_BY_OTHERS = {
    ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicy"): "1.34",
    ("policy/v1beta1", "Eviction"): "1.25",
    ("authentication.k8s.io/v1beta1", "SelfSubjectReview"): "1.33",
    ("networking.k8s.io/v1alpha1", "IPAddress"): "1.33",
    ("networking.k8s.io/v1alpha1", "ServiceCIDR"): "1.33",
    ("flowcontrol.apiserver.k8s.io/v1alpha1", "FlowSchema"): "1.21",
}


@pytest.mark.requirement("R-B7")
@pytest.mark.parametrize("line", GUIDE.strip().splitlines())
def test_the_published_guide_is_ours(line):
    removed, api_version, kind, instead = line.split()
    row = KNOWN.find(api_version, kind)
    assert row is not None, f"{api_version} {kind} would pass unseen into {removed}"
    assert row.removed == removed
    found = KNOWN.replacement_of(api_version, kind)
    assert (found.api_version if found else "-") == instead


@pytest.mark.parametrize(("key", "minors"), OTHERS_SAY.items(), ids=lambda value: " ".join(value))
def test_where_another_table_differs_the_modules_are_believed(key, minors):
    row = KNOWN.find(*key)
    assert row is not None
    assert row.removed == minors[1] != minors[0]


@pytest.mark.parametrize(("key", "removed"), MISSED_BY_OTHERS.items())
def test_what_other_tables_miss_is_here(key, removed):
    row = KNOWN.find(*key)
    assert row is not None
    assert row.removed == removed


def test_a_kind_deleted_before_its_marker_counts_as_gone():
    row = KNOWN.find("resource.k8s.io/v1alpha3", "DeviceClass")
    assert row is not None
    assert (row.removed, row.basis) == ("1.34", "gone"), "its marker says 1.37, and 1.34 no longer has it"


def test_nothing_stable_is_ever_called_removed():
    stable = [row for row in KNOWN.rows if "alpha" not in row.version and "beta" not in row.version]
    assert not stable, f"Kubernetes 1 removes no stable version: {stable}"


def test_between_two_minors_is_what_the_second_no_longer_serves():
    found = KNOWN.removed_between("v1.24.9", "1.25")
    assert {row.removed for row in found} == {"1.25"}
    assert ("policy/v1beta1", "PodDisruptionBudget") in {(row.api_version, row.kind) for row in found}
    assert KNOWN.removed_between("1.25", "1.25") == ()
    with pytest.raises(ValueError, match="latest"):
        KNOWN.removed_between("latest", "1.25")


@given(st.integers(10, 45), st.integers(0, 12), st.integers(0, 12))
def test_a_way_loses_what_its_parts_lose(start, first, second):
    middle, end = start + first, start + first + second
    whole = KNOWN.removed_between(f"1.{start}", f"1.{end}")
    parts = (*KNOWN.removed_between(f"1.{start}", f"1.{middle}"), *KNOWN.removed_between(f"1.{middle}", f"1.{end}"))
    assert whole == parts


@given(st.sampled_from(KNOWN.rows), st.integers(16, 45))
def test_a_replacement_is_alive_where_it_is_advised(row, minor):
    found = KNOWN.replacement_of(row.api_version, row.kind, f"1.{minor}")
    if found is not None:
        gone = KNOWN.find(found.api_version, found.kind)
        assert gone is None or not KNOWN.is_removed_in(gone, f"1.{minor}"), "advice that breaks at the same upgrade"


def test_a_resource_is_found_by_the_name_metrics_use():
    for plural, kind in {
        "ingresses": "Ingress",
        "podsecuritypolicies": "PodSecurityPolicy",
        "cronjobs": "CronJob",
    }.items():
        assert any(row.kind == kind and row.plural == plural for row in KNOWN.rows), plural
    row = KNOWN.find_resource("policy", "v1beta1", "poddisruptionbudgets")
    assert row is not None
    assert row.kind == "PodDisruptionBudget"


def test_the_future_is_known_as_announced_only():
    assert KNOWN.knows("1.37")
    assert not KNOWN.knows("1.38")


REGISTER = """package {version}
const GroupName = "{group}"
var SchemeGroupVersion = schema.GroupVersion{{Group: GroupName, Version: "{version}"}}
func addKnownTypes(scheme *runtime.Scheme) error {{
\tscheme.AddKnownTypes(SchemeGroupVersion,
\t\t{kinds}
\t)
}}
"""
MARKED = """func (in *{kind}) APILifecycle{what}() (major, minor int) {{
\treturn {value}
}}
"""


def tag(folder: Path, minor: int, kinds: dict[tuple[str, str, str], dict[str, str]]) -> lifecycle.Tag:
    """A tag's folder as k8s.io/api lays it out."""
    for group, version in {key[:2] for key in kinds}:
        mine = {key[2]: marks for key, marks in kinds.items() if key[:2] == (group, version)}
        there = folder / str(minor) / group.partition(".")[0] / version
        there.mkdir(parents=True)
        names = "\n\t\t".join(f"&{kind}{{}},\n\t\t&{kind}List{{}}," for kind in mine)
        (there / "register.go").write_text(REGISTER.format(group=group, version=version, kinds=names))
        text = "".join(
            MARKED.format(kind=kind, what=what, value=value)
            for kind, marks in mine.items()
            for what, value in marks.items()
        )
        (there / "zz_generated.prerelease-lifecycle.go").write_text(text)
    return lifecycle.read_tag(minor, folder / str(minor))


def test_the_union_over_tags_is_taken(tmp_path):
    """What is deleted has vanished from the newest tag; what its marker puts off may go earlier."""
    to = 'schema.GroupVersionKind{Group: "g.io", Version: "v1", Kind: "AList"}'
    old = {
        ("g.io", "v1beta1", "A"): {"Introduced": "1, 5", "Deprecated": "1, 18", "Removed": "1, 21", "Replacement": to}
    }
    alpha = {("g.io", "v1alpha1", "B"): {"Introduced": "1, 19", "Removed": "1, 25"}}
    tags = [
        tag(tmp_path, 19, {**old, ("g.io", "v1", "A"): {}, ("h", "v2alpha1", "C"): {}, ("h", "v1", "D"): {}}),
        tag(tmp_path, 20, {**old, **alpha, ("g.io", "v1", "A"): {}, ("h", "v2alpha1", "C"): {}}),
        tag(tmp_path, 21, {("g.io", "v1", "A"): {}, ("g.io", "v1beta1", "B"): {}}),
    ]
    rows = removals.build(tags, [], "2026-11-24")["rows"]
    assert rows == [
        ["g.io/v1alpha1", "B", "bs", "1.19", "", "1.21", "g.io/v1beta1", "B", "1.21", "gone"],
        ["g.io/v1beta1", "A", "as", "1.5", "1.18", "1.21", "g.io/v1", "A", "", "marker"],
        ["h/v2alpha1", "C", "cs", "", "", "1.21", "", "", "", "gone"],
    ], "a stable kind that vanishes (h/v1 D) was never served, and is no removal"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("Ingress", "ingresses"), ("NetworkPolicy", "networkpolicies"), ("Endpoints", "endpoints"),
        ("Gateway", "gateways"),
        ("ResourceClaimParameters", "resourceclaimparameters"), ("CronJob", "cronjobs"),
    ],
)  # fmt: skip
def test_plurals_are_those_of_kubernetes(kind, wanted):
    assert removals.plural(kind) == wanted


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rows": [["a/v1", "A", "as", "", "", "soon", "", "", "", "marker"]]}, "'soon'"),
        ({"rows": [["a/v1", "A"]]}, "rows[0]"),
        ({"source": "t"}, "source 't'"),
        ({"newest": ""}, "newest minor"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(change, told):
    good = {
        "format": 1, "kind": "removals", "issued": "2026-11-24", "source": "s", "newest": "1.37", "rows": [],
        "sources": {"s": {"title": "S", "retrieved": "2026-11-24"}},
    }  # fmt: skip
    read_removals(msgspec.json.encode(good), "r.json")
    with pytest.raises(BadInput) as caught:
        read_removals(msgspec.json.encode({**good, **change}), "r.json")
    assert told in str(caught.value)


def test_a_module_that_was_unpacked_by_half_is_fetched_again(tmp_path, monkeypatch):
    whole, half = (tmp_path / f"k8s.io/api@v0.{minor}.0" for minor in (30, 31))
    for folder in (whole, half):
        folder.mkdir(parents=True)
    marker = tmp_path / "cache/download/k8s.io/api/@v/v0.31.0.partial"
    marker.parent.mkdir(parents=True)
    marker.touch()
    asked = []

    def go(words, folder):
        asked.append(words[-1])
        return str(tmp_path) if words[0] == "env" else json.dumps({"Dir": "anew"})

    monkeypatch.setattr(modules, "_go", go)
    monkeypatch.setattr(modules.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(modules, "PAUSE_SECONDS", 0)
    assert list(modules.tags([30, 31])) == [(30, whole), (31, Path("anew"))], "APIs would be missing from the facts"
    assert asked == ["GOMODCACHE", "k8s.io/api@v0.31.0"]


@pytest.mark.slow
@pytest.mark.requirement("R-B7")
def test_what_ships_can_be_made_anew_from_the_modules():
    """Fetches twenty tags of k8s.io/api through the Go module proxy, into Go's own cache."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed; it fetches the modules")
    shipped = (ROOT / "src/shipkeeper/knowledge/data/removals.json").read_text()
    file = read_removals(shipped.encode(), "removals.json")
    newest = int(file.newest.partition(".")[2])
    try:
        tags = [lifecycle.read_tag(minor, folder) for minor, folder in modules.tags(range(19, newest + 1))]
        beside = [lifecycle.read_tag(newest, folder, "pkg/apis/*/*/register.go") for folder in modules.others(newest)]
    except modules.Unavailable as error:
        pytest.skip(str(error))
    assert support.write(removals.build(tags, beside, file.issued), "rows") == shipped
