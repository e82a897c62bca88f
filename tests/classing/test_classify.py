"""Classes relative to the scope: what decides, what is unknown, and what is critical."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.assessment.classing.classify import Change, classify, distance_of
from shipkeeper.assessment.classing.critical import judge_critical
from shipkeeper.assessment.classing.reach import Fence
from shipkeeper.assessment.classing.stored import Used
from shipkeeper.knowledge.exploited import Exploited
from shipkeeper.model.book import EmergencyDeclared, ExposureAnswered
from shipkeeper.model.change_class import Critical, Evidence, Gap
from shipkeeper.model.platform import Platform, Scope
from shipkeeper.model.refs import ObjectRef
from tests.classing.test_definitions import definition

GAP = Gap(source="changelog", text="CHANGELOG.md has no section for 2.0.0")
EVERYTHING = frozenset({"crds", "changelog", "manifests", "chart", "values"})


def found(weight="breaking", reach="developers", used="yes", source="crds", text="a field is gone") -> Evidence:
    return Evidence(source=source, kind="x", object="CRD things", text=text, weight=weight, reach=reach, used=used)


def change(distance="minor", *evidence: Evidence, **more) -> Change:
    return Change(
        **{"component": "x", "from_version": "1", "to_version": "2", "distance": distance, "evidence": evidence, **more}
    )


@pytest.mark.requirement("R-B2")
@pytest.mark.parametrize(
    ("made", "kind", "treated", "notice"),
    [
        (change("patch"), "minor", "minor", "minor"),
        (change("patch", found("security")), "security-patch", "security-patch", "minor"),
        (change("patch", found("security"), found()), "major", "major", "major"),
        (change("patch", found("security"), found(reach="platform")), "minor", "minor", "minor"),
        (change("minor"), "minor", "minor", "minor"),
        (change("minor", found("security")), "minor", "minor", "minor"),
        (change("minor", found()), "major", "major", "major"),
        (change("minor", found(reach="unknown")), "major", "major", "major"),
        (change("minor", found("risky")), "major", "major", "major"),
        (change("minor", found(reach="platform")), "minor", "minor", "minor"),
        (change("minor", found(used="no")), "minor", "minor", "minor"),
        (change("minor", found("note")), "minor", "minor", "minor"),
        (change("major"), "major", "major", "major"),
        (change("major", looked_at=EVERYTHING), "minor", "minor", "minor"),
        (change("major", found(reach="platform"), looked_at=EVERYTHING), "minor", "minor", "minor"),
        (change("major", found(reach="unknown"), looked_at=EVERYTHING), "major", "major", "major"),
        (change("major", looked_at=EVERYTHING, open_gaps=(GAP,)), "major", "major", "major"),
        (change("major", looked_at=frozenset({"chart", "values"})), "major", "major", "major"),
        (change("back"), "major", "major", "major"),
        (change("unknown"), "unknown", "major", "major"),
        (change("unknown", found()), "major", "major", "major"),
        (change("patch", open_gaps=(GAP,)), "unknown", "major", "major"),
        (change("minor", product="kubernetes"), "minor", "minor", "kubernetes-minor"),
        (change("minor", found(source="removed-apis"), product="kubernetes"), "major", "major", "kubernetes-minor"),
        (change("patch", product="kubernetes"), "minor", "minor", "minor"),
    ],
)
def test_the_class(made, kind, treated, notice):
    answer = classify(made)
    assert (answer.kind, answer.treated_as, answer.notice) == (kind, treated, notice)
    deciding = [reason for reason in answer.reasons if reason.decides]
    assert deciding, "a class without a reason"
    assert all(reason.speaks_for == treated for reason in deciding)


SOURCES = (
    "version", "crds", "values", "chart", "manifests", "changelog", "removed-apis", "vulnerabilities", "exposure",
    "scope",
)  # fmt: skip
evidences = st.builds(
    found,
    weight=st.sampled_from(["breaking", "risky", "security", "note"]),
    reach=st.sampled_from(["developers", "platform", "unknown"]),
    used=st.sampled_from(["yes", "no", "unknown"]),
    source=st.sampled_from(SOURCES),
)
changes = st.builds(
    lambda distance, items, gaps, seen: change(distance, *items, open_gaps=gaps, looked_at=seen),
    st.sampled_from(["same", "patch", "minor", "major", "back", "unknown"]),
    st.lists(evidences, max_size=5),
    st.lists(st.just(GAP), max_size=2).map(tuple),
    st.sampled_from([frozenset(), EVERYTHING]),
)
RANK = {"security-patch": 0, "minor": 1, "major": 2}


@pytest.mark.requirement("R-B2")
@given(changes, evidences)
def test_more_evidence_never_makes_a_class_milder(made, more):
    before, after = (
        classify(one)
        for one in (
            made,
            change(made.distance, *made.evidence, more, open_gaps=made.open_gaps, looked_at=made.looked_at),
        )
    )
    if more.weight == "security":
        return  # that a patch mends something is what makes it a security patch
    assert RANK[after.treated_as] >= RANK[before.treated_as]


@given(changes)
def test_what_is_not_known_is_never_milder_than_major(made):
    answer = classify(made)
    assert (answer.kind == "unknown") <= (answer.treated_as == "major")
    if made.open_gaps:
        assert answer.treated_as == "major"
    assert all(gap.effect for gap in answer.unknown), "a gap that does not say what it means"
    assert answer.reasons


@pytest.mark.parametrize(
    ("before", "after", "scheme", "distance"),
    [
        ("1.2.3", "1.2.4", "semver", "patch"), ("1.2.3", "1.3.0", "semver", "minor"),
        ("1.2.3", "2.0.0", "semver", "major"), ("0.5.1", "0.6.0", "semver", "major"),
        ("0.5.1", "0.5.2", "semver", "patch"), ("1.2.3", "1.2.3", "semver", "same"),
        ("1.3.0", "1.2.9", "semver", "back"), ("v1.33.4", "v1.34.1", "kubernetes", "minor"),
        ("26.1", "26.2", "keycloak", "minor"), ("2025.10.1", "2026.1.0", "calver", "minor"),
        ("x", "1.2.3", "semver", "unknown"), ("v2.29.0-ck8s1", "v2.30.0-ck8s1", "ck8s", "minor"),
    ],
)  # fmt: skip
def test_distance(before, after, scheme, distance):
    told, why = distance_of(before, after, scheme)
    assert told == distance
    assert bool(why) == (distance == "unknown")


PLATFORM = Platform(
    scope=(
        Scope(component="policies", namespaces=("kyverno",)),
        Scope(component="shop", inside=False, namespaces=("shop",)),
    )
)


@pytest.mark.requirement("R-B2")
def test_whom_a_change_reaches_follows_from_the_declared_scope():
    fence = Fence(PLATFORM, None)
    assert [fence.namespace(name).answer for name in ("kyverno", "kube-system", "shop", "nobody-claims-it")] == [
        "platform", "platform", "developers", "developers",
    ]  # fmt: skip
    assert Fence(Platform(), None).namespace("shop").answer == "unknown"
    crd = definition()
    hit = Used(answer="yes", objects=(ObjectRef("Thing", "kyverno", "a"), ObjectRef("Thing", "shop", "b")))
    assert fence.definition(crd, hit).answer == "developers"
    assert fence.definition(crd, Used(answer="unknown", why="?")).answer == "unknown"
    assert fence.definition(crd, Used(answer="no")).answer == "platform"
    assert fence.definition(definition(scope="Cluster"), Used(answer="unknown")).answer == "platform"


def flagged(**answers: str) -> dict[str, Exploited]:
    return {
        name.replace("_", "-"): Exploited(answer=answer, reason="no catalogue is loaded")  # type: ignore[arg-type]
        for name, answer in answers.items()
    }


def said(answer: str, id: str = "CVE-2026-1", component: str = "x") -> ExposureAnswered:
    return ExposureAnswered(vulnerability=id, component=component, answer=answer, by="lead", reason="we looked")


@pytest.mark.requirement("R-B3")
@pytest.mark.parametrize(
    ("known", "answers", "exposure", "answer", "due_now"),
    [
        ({}, (), "", "no", False),
        ({"CVE_2026_1": "no"}, (), "internet", "no", False),
        ({"CVE_2026_1": "unknown"}, (), "", "ask", False),
        ({"CVE_2026_1": "yes"}, (), "", "ask", True),
        ({"CVE_2026_1": "yes"}, (), "internal", "ask", True),
        ({"CVE_2026_1": "yes"}, (), "internet", "yes", True),
        ({"CVE_2026_1": "yes"}, (), "none", "no", False),
        ({"CVE_2026_1": "yes"}, (said("exposed"),), "none", "yes", True),
        ({"CVE_2026_1": "yes"}, (said("not-exposed"),), "internet", "no", False),
        ({"CVE_2026_1": "yes"}, (said("not-exposed"), said("exposed")), "", "yes", True),
        ({"CVE_2026_1": "yes"}, (said("exposed"), said("not-exposed")), "", "no", False),
        ({"CVE_2026_1": "yes"}, (said("not-exposed", component="another"),), "", "ask", True),
        ({"CVE_2026_1": "yes", "CVE_2026_2": "yes"}, (said("not-exposed"),), "", "ask", True),
    ],
)
def test_critical_is_exploited_and_usable_here(known, answers, exposure, answer, due_now):
    found = judge_critical("x", flagged(**known), answers, exposure)
    assert (found.answer, found.due_now) == (answer, due_now)
    assert bool(found.question) == (answer == "ask")
    assert found.reason


@pytest.mark.requirement("R-B3")
def test_a_critical_patch_is_an_emergency_once_two_people_said_so():
    known = flagged(CVE_2026_1="yes")
    one = EmergencyDeclared(id="e1", subject="CVE-2026-1", reason="it is used", by="lead", second="on-call")
    alone = EmergencyDeclared(id="e2", subject="CVE-2026-1", reason="it is used", by="lead", second="lead")
    assert judge_critical("x", known, (said("exposed"),), "", (one,)).emergency == "e1"
    assert judge_critical("x", known, (said("exposed"),), "", (alone,)).emergency == "", "one person is not two"
    assert judge_critical("x", known, (said("not-exposed"),), "", (one,)).emergency == ""
    critical = judge_critical("x", known, (said("exposed"),))
    assert classify(change("patch", critical=critical)).notice == "emergency"


@pytest.mark.requirement("R-COR23")
def test_severity_gives_no_class_and_is_never_critical():
    loud = found("security", text="CVE-2026-1 has severity CRITICAL, score 9.8")
    quiet = found("security", text="CVE-2026-1 has severity LOW, score 2.0")
    for one, other in (
        (change("patch", loud), change("patch", quiet)),
        (change("major", loud), change("major", quiet)),
    ):
        assert (classify(one).kind, classify(one).notice) == (classify(other).kind, classify(other).notice)
    assert classify(change("patch", loud)).critical == Critical(
        answer="no", reason="it mends no vulnerability that is known here"
    )
