"""The way each policy leads, on the real releases; and the rule named where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.knowledge.paths import cite, installed_by, known_releases, path_policies, path_policy, policies_of
from shipkeeper.model.errors import BadInput, DoesNotFit, UsageProblem
from shipkeeper.model.paths import PathPolicy, Release, UpgradePath
from shipkeeper.model.version import Version, parse_version
from shipkeeper.semantics.paths import Known, find_path, judge_path

LISTS = {
    name: Known(found.releases)
    for name in ("kubespray", "ck8s-kubespray", "ck8s-apps")
    if (found := known_releases(name)) is not None
}


def path(component: str, policy: str, start: str, target: str, *, skip_late: bool = False) -> UpgradePath:
    rule = path_policy(policy)
    a, b = (parse_version(text, rule.scheme) for text in (start, target))
    return find_path(rule, a, b, LISTS[component], component=component, skip_late=skip_late)


def stops(*args: str, skip_late: bool = False) -> list[str]:
    return [stop.removeprefix("v") for stop in path(*args, skip_late=skip_late).stops]


def test_every_packaged_list_is_read() -> None:
    assert {name: len(known.all) for name, known in LISTS.items()} == {
        "kubespray": 83,
        "ck8s-kubespray": 44,
        "ck8s-apps": 103,
    }


@pytest.mark.requirement("R-B5")
def test_the_seeds_example_comes_out_exactly() -> None:
    found = stops("kubespray", "kubespray-patchwise", "2.13.3", "2.15.0")
    assert found == ["2.13.4", "2.14.0", "2.14.1", "2.14.2", "2.15.0"]


VECTORS = [
    ("kubespray", "kubespray-patchwise", "2.13.3", "2.15.0", True, "2.14.0 2.14.1 2.14.2 2.15.0"),
    ("kubespray", "kubespray-minorwise-latest", "2.13.3", "2.15.0", False, "2.14.2 2.15.0"),
    ("kubespray", "kubespray-upstream", "2.13.3", "2.15.0", False, "2.14.2 2.15.0"),
    ("kubespray", "kubespray-patchwise", "2.22.0", "2.24.0", False,
     "2.22.1 2.22.2 2.23.0 2.23.1 2.23.2 2.23.3 2.24.0"),
    ("kubespray", "kubespray-patchwise", "2.22.0", "2.24.0", True, "2.22.1 2.23.0 2.23.1 2.23.2 2.24.0"),
    ("kubespray", "kubespray-minorwise-latest", "2.22.0", "2.24.0", False, "2.23.3 2.24.0"),
    ("kubespray", "kubespray-upstream", "2.22.0", "2.24.0", True, "2.23.2 2.24.0"),
    ("kubespray", "kubespray-minorwise-latest", "2.24.1", "2.31.0", False,
     "2.25.1 2.26.1 2.27.1 2.28.1 2.29.1 2.30.0 2.31.0"),
    ("kubespray", "kubespray-patchwise", "2.12.5", "2.14.0", False,
     "2.12.6 2.12.7 2.12.8 2.12.9 2.12.10 2.13.0 2.13.1 2.13.2 2.13.3 2.13.4 2.14.0"),
    ("kubespray", "kubespray-patchwise", "2.10.0", "2.11.0", False, "2.10.3 2.10.4 2.11.0"),
    ("ck8s-kubespray", "ck8s-kubespray", "v2.29.0-ck8s1", "v2.31.0-ck8s1", False, "2.30.0-ck8s2 2.31.0-ck8s1"),
    ("ck8s-kubespray", "ck8s-kubespray", "v2.22.1-ck8s1", "v2.25.0-ck8s1", False,
     "2.23.0-ck8s3 2.24.1-ck8s4 2.25.0-ck8s1"),
    ("ck8s-kubespray", "ck8s-kubespray", "v2.17.0-ck8s1", "v2.19.0-ck8s1", False, "2.18.1-ck8s1 2.19.0-ck8s1"),
    ("ck8s-kubespray", "ck8s-kubespray", "v2.30.0-ck8s1", "v2.30.0-ck8s2", False, "2.30.0-ck8s2"),
    ("ck8s-apps", "ck8s-apps", "v0.47.3", "v0.50.1", False, "0.48.1 0.49.2 0.50.1"),
    ("ck8s-apps", "ck8s-apps", "v0.20.2", "v0.22.0", False, "0.21.2 0.22.0"),
]  # fmt: skip


@pytest.mark.requirement("R-B5")
@pytest.mark.parametrize(("component", "policy", "start", "target", "skip_late", "expected"), VECTORS)
def test_published_vectors_on_the_real_releases(
    component: str, policy: str, start: str, target: str, skip_late: bool, expected: str
) -> None:
    assert stops(component, policy, start, target, skip_late=skip_late) == expected.split()


def test_upstreams_own_examples_of_what_may_be() -> None:
    rule, known = path_policy("kubespray-upstream"), LISTS["kubespray"]
    start, allowed, straight = (
        parse_version("2.22.0", "kubespray"),
        [parse_version(text, "kubespray") for text in ("2.23.2", "2.24.0")],
        [parse_version("2.24.0", "kubespray")],
    )
    assert judge_path(rule, start, allowed, known) == ()
    assert [broken.rule for broken in judge_path(rule, start, straight, known)] == ["minor-skipped"]


def test_which_real_patches_are_late() -> None:
    late = {str(release.version) for release in LISTS["kubespray"].path if LISTS["kubespray"].late_after(release)}
    recent = {text for text in late if parse_version(text, "kubespray").minor >= 12}
    assert recent == {
        "v2.12.7", "v2.12.8", "v2.12.9", "v2.12.10", "v2.13.4", "v2.18.2", "v2.22.2", "v2.23.3", "v2.24.2", "v2.24.3",
        "v2.25.1", "v2.26.1", "v2.27.1",
    }  # fmt: skip
    known = LISTS["ck8s-kubespray"]
    assert {str(r.version) for r in known.path if known.late_after(r)} >= {
        "v2.20.0-ck8s4", "v2.20.0-ck8s5", "v2.23.0-ck8s3", "v2.24.1-ck8s3", "v2.24.1-ck8s4", "v2.26.0-ck8s5",
    }  # fmt: skip


@pytest.mark.requirement("R-COR21")
def test_the_rule_that_contradicts_its_own_example_is_said_so() -> None:
    taken = path("kubespray", "kubespray-patchwise", "2.13.3", "2.15.0")
    late, following = taken.hops[0], taken.hops[1]
    assert "2020-09-18" in late.may_skip
    assert "v2.14.0 (2020-09-08)" in late.may_skip
    assert {flag.code for flag in late.flags} == {"late-patch"}
    assert any(flag.code == "goes-back-in-time" for flag in following.flags), "v2.14.0 is ten days older than v2.13.4"
    assert len(taken.remarks) == 1
    assert "contradicts itself" in taken.remarks[0]
    [other] = taken.alternatives
    assert other.by == "skip-late"
    assert other.stops == ("v2.14.0", "v2.14.1", "v2.14.2", "v2.15.0")
    skipping = path("kubespray", "kubespray-patchwise", "2.13.3", "2.15.0", skip_late=True)
    assert [(item.version, "late" in item.why) for item in skipping.hops[0].skipped] == [("v2.13.4", True)]
    assert not any(hop.flags for hop in skipping.hops)
    assert not path("kubespray", "kubespray-patchwise", "2.14.0", "2.15.0").remarks, "no late patch: nothing to say"


def test_what_is_passed_over_and_what_would_do_as_well() -> None:
    minorwise = path("kubespray", "kubespray-minorwise-latest", "2.13.3", "2.15.0")
    assert [item.version for item in minorwise.hops[0].skipped] == ["v2.13.4", "v2.14.0", "v2.14.1"]
    assert minorwise.hops[0].alternatives == (), "the rule says the newest"
    upstream = path("kubespray", "kubespray-upstream", "2.13.3", "2.15.0")
    assert upstream.hops[0].alternatives == ("v2.14.0", "v2.14.1")
    assert upstream.hops[-1].alternatives == (), "the target was asked for"
    assert [hop.kind for hop in upstream.hops] == ["minor", "minor"]
    assert all(hop.why for hop in upstream.hops)


def test_no_hop_where_it_already_is() -> None:
    assert path("kubespray", "kubespray-patchwise", "v2.15.0", "2.15.0").hops == ()


@pytest.mark.requirement("R-B5")
@pytest.mark.parametrize(
    ("component", "policy", "start", "target", "code"),
    [
        ("kubespray", "kubespray-patchwise", "2.15.0", "2.13.3", "path-downgrade"),
        ("kubespray", "kubespray-patchwise", "2.10.1", "2.11.0", "path-unknown-version"),
        ("kubespray", "kubespray-upstream", "2.30.0", "2.99.0", "path-unknown-version"),
        ("ck8s-kubespray", "ck8s-kubespray", "v2.18.0-ck8s1", "v2.18.1-ck8s1-upcloud", "path-variant"),
        ("ck8s-apps", "ck8s-apps", "v0.21.1-upcloud", "v0.22.0", "path-variant"),
    ],
)
def test_no_path_names_the_rule(component: str, policy: str, start: str, target: str, code: str) -> None:
    with pytest.raises(DoesNotFit) as caught:
        path(component, policy, start, target)
    assert caught.value.code == code
    assert caught.value.why
    assert caught.value.hint


def test_a_missing_minor_ends_the_path() -> None:
    known = Known(release for release in LISTS["kubespray"].all if release.version.minor_key != (2, 14))
    start, target = parse_version("2.13.3", "kubespray"), parse_version("2.15.0", "kubespray")
    with pytest.raises(DoesNotFit, match=r"no release of 2\.14") as caught:
        find_path(path_policy("kubespray-patchwise"), start, target, known)
    assert caught.value.code == "path-minor-missing"
    loose = find_path(path_policy("minor-by-minor"), start, target, known)
    assert loose.stops == ("v2.15.0",), "a policy that does not count minors takes those that exist"


def test_kubernetes_counts_minors_without_a_list_and_says_what_it_does_not_know() -> None:
    rule = path_policy("kubernetes-minor")
    assert rule is path_policy("kubernetes"), "the alias is the same policy"
    a, b = parse_version("v1.33.4+rke2r1", "kubernetes"), parse_version("1.36", "kubernetes")
    known = Known([Release(parse_version("v1.34.2", "kubernetes")), Release(parse_version("v1.34.11", "kubernetes"))])
    found = find_path(rule, a, b, known)
    assert found.stops == ("v1.34.11", "v1.35", "1.36")
    assert found.hops[0].alternatives == ("v1.34.2",)
    assert [flag.code for flag in found.hops[0].flags] == ["distribution"], "rke2 builds its own v1.34.11"
    assert [flag.code for flag in found.hops[1].flags] == ["release-unknown"]


def test_talos_takes_its_own_newest_patch_first_and_says_what_it_tolerates() -> None:
    texts = ("v1.9.0", "v1.9.5", "v1.10.1", "v1.11.2", "v1.12.0", "v1.13.9")
    known = Known([Release(parse_version(text, "semver")) for text in texts])
    a, b = parse_version("v1.9.0", "semver"), parse_version("v1.13.9", "semver")
    found = find_path(path_policy("talos-minor"), a, b, known)
    assert found.stops == ("v1.9.5", "v1.10.1", "v1.11.2", "v1.12.0", "v1.13.9")
    [other] = found.alternatives
    assert other.stops == ("v1.9.5", "v1.11.2", "v1.13.9")
    assert "only tested between neighbouring minors" in other.why


def test_versions_of_distributions_without_an_order() -> None:
    a, b = (parse_version(text, "kubernetes") for text in ("v1.33.4-eks-036c24b", "v1.33.4-gke.1"))
    with pytest.raises(DoesNotFit) as caught:
        find_path(path_policy("kubernetes-minor"), a, b, Known(()))
    assert caught.value.code == "path-no-order"


def test_schemes_do_not_mix() -> None:
    a, b = parse_version("2.13.3", "kubespray"), parse_version("2.15.0", "semver")
    with pytest.raises(BadInput, match="no order between them"):
        find_path(path_policy("kubespray-patchwise"), a, b, LISTS["kubespray"])


def test_policies_are_cited_and_found() -> None:
    ids = [policy.id for policy in path_policies()]
    assert len(ids) == len(set(ids))
    for policy in path_policies():
        assert policy.rule.endswith(".")
        assert cite(policy), f"{policy.id} has no source"
        assert (policy.tolerance != "") == (policy.tolerates_minors > 1)
    assert policies_of("kubespray")[0].id == "kubespray-patchwise", "the seed's rule holds by default"
    with pytest.raises(UsageProblem, match="no path policy") as caught:
        path_policy("yolo")
    assert "kubespray-patchwise" in caught.value.hint


def test_what_kubespray_installs_is_kubernetes_four_minors_up() -> None:
    for tag, parts in installed_by("kubespray").items():
        minor = parse_version(tag, "kubespray").minor
        assert parts["kubernetes"].startswith(f"1.{minor + 4}."), f"{tag} installs Kubernetes {parts['kubernetes']}"


@st.composite
def two_real_releases(draw: st.DrawFn) -> tuple[PathPolicy, Known, Version, Version, bool]:
    component = draw(st.sampled_from(sorted(LISTS)))
    policy = draw(st.sampled_from(policies_of(component)))
    known = LISTS[component]
    picked = draw(st.tuples(*[st.integers(0, len(known.path) - 1)] * 2).filter(lambda it: it[0] < it[1]))
    start, target = (known.path[i].version for i in picked)
    return policy, known, start, target, draw(st.booleans())


@given(two_real_releases())
def test_a_path_is_always_one_its_own_policy_allows(
    case: tuple[PathPolicy, Known, Version, Version, bool],
) -> None:
    policy, known, start, target, skip_late = case
    found = find_path(policy, start, target, known, skip_late=skip_late)
    versions = [parse_version(stop, start.scheme) for stop in found.stops]
    assert versions[-1] == target
    assert all(a < b for a, b in zip([start, *versions], versions, strict=False)), "each hop goes forwards"
    assert judge_path(policy, start, versions, known, skip_late=skip_late) == ()
    assert all(not version.is_prerelease and not version.variant for version in versions)


@given(two_real_releases())
def test_leaving_out_late_patches_never_goes_back_in_time(
    case: tuple[PathPolicy, Known, Version, Version, bool],
) -> None:
    policy, known, start, target, _ = case
    late_ends = [known.late_after(release) for v in (start, target) if (release := known.get(v)) is not None]
    found = find_path(policy, start, target, known, skip_late=True)
    if not policy.may_skip_late or any(late_ends):
        return
    assert not [hop for hop in found.hops if any(flag.code == "goes-back-in-time" for flag in hop.flags)]


@given(two_real_releases(), st.data())
def test_dropping_a_minor_from_a_path_is_found(
    case: tuple[PathPolicy, Known, Version, Version, bool], data: st.DataObject
) -> None:
    policy, known, start, target, _ = case
    found = find_path(policy, start, target, known)
    versions = [parse_version(stop, start.scheme) for stop in found.stops]
    minors = sorted({version.minor_key for version in versions[:-1]} - {start.minor_key, target.minor_key})
    if not minors:
        return
    gone = data.draw(st.sampled_from(minors))
    broken = judge_path(policy, start, [version for version in versions if version.minor_key != gone], known)
    assert {"minor-skipped", "patch-skipped"} & {item.rule for item in broken}
