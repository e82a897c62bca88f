"""What scanners find becomes a need for a security patch: dated by severity, urgent only by exploitation."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from shipkeeper.app.due import list_due
from shipkeeper.app.inventory_file import save
from shipkeeper.assessment.vulnerabilities import needs_by_product, other_patches, patch_view
from shipkeeper.cli.main import main
from shipkeeper.knowledge.exploited import read_catalogue
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import ExposureAnswered
from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import ImageUse, Vulnerability, VulnerabilityReport
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.platform import Component, Platform, Scope
from shipkeeper.model.time import DAY, iso
from tests.builders import NOW, inventory

PLATFORM = Platform(
    scope=(
        Scope(component="identity", owner="platform-team", namespaces=("keycloak",)),
        Scope(component="shop", inside=False, owner="shop-team", namespaces=("shop",)),
    ),
    patch_deadlines={"critical": "7d", "high": "30d"},
)
CATALOGUE = json.dumps(
    {
        "dateReleased": iso(NOW)[:10],
        "count": 1,
        "vulnerabilities": [{"cveID": "CVE-2026-0001", "dateAdded": iso(NOW - 3 * DAY)[:10]}],
    }
).encode()


def finding(id: str = "CVE-2026-0001", severity: str = "CRITICAL", fixed: str = "2", days: int = 10) -> Vulnerability:
    return Vulnerability(id, severity, "openssl", "1", fixed, 9.8, NOW - days * DAY)


def report(*findings: Vulnerability, namespace: str = "keycloak", **more) -> VulnerabilityReport:
    return VulnerabilityReport(
        **{
            "namespace": namespace,
            "name": f"r-{namespace}",
            "kind": "StatefulSet",
            "workload": "app",
            "registry": "quay.io",
            "repository": "keycloak/keycloak",
            "tag": "26.1.0",
            "updated_ms": NOW,
            "findings": findings,
            **more,
        }
    )


def cluster(*reports: VulnerabilityReport) -> Inventory:
    images = (ImageUse(image="quay.io/keycloak/keycloak:26.1.0", namespaces=("keycloak",)),)
    return replace(inventory(), vulnerability_reports=reports, images=images)


def look(*reports: VulnerabilityReport, knowledge: Knowledge | None = None, answers=(), platform: Platform = PLATFORM):
    return patch_view(cluster(*reports), platform, knowledge or Knowledge(), answers, NOW)


@pytest.mark.requirement("R-B8")
def test_a_fixable_finding_raises_a_need_with_its_severitys_deadline():
    view = look(report(finding(severity="HIGH"), finding("CVE-2026-0002", "LOW"), finding("CVE-2026-0003", fixed="")))
    (need,) = view.needs
    assert (need.product, need.who, need.owner) == ("keycloak", "platform", "platform-team")
    assert need.fixable == {"high": 1, "low": 1}
    assert need.unfixable == 1
    assert need.needed_by == iso(NOW + 20 * DAY), "public for ten days, thirty are allowed"
    assert need.packages[0] == "openssl 1 → 2 (CVE-2026-0001, high)"
    assert [one.kind for one in needs_by_product(view)["keycloak"]] == ["patch"]


@pytest.mark.requirement("R-B8")
@pytest.mark.requirement("R-COR23")
def test_the_severity_critical_alone_is_not_urgent_but_dated():
    quiet = Knowledge(exploited=read_catalogue(CATALOGUE.replace(b"0001", b"9999"), "kev.json"))
    (need,) = look(report(finding(days=1)), knowledge=quiet).needs
    assert (need.critical.answer, need.critical.due_now) == ("no", False)
    assert need.needed_by == iso(NOW + 6 * DAY)
    listed = list_due(PLATFORM, cluster(report(finding(days=1))), (), NOW, knowledge=quiet)
    row = next(item for item in listed.items if item.product == "keycloak")
    assert [one.kind for one in row.needs if one.kind in ("patch", "exploited")] == ["patch"]
    (alone,) = other_patches(look(report(finding(days=1)), knowledge=quiet), NOW, ())
    assert alone.state == "due", "its date has not come"


@pytest.mark.requirement("R-B3")
@pytest.mark.requirement("R-B8")
def test_an_exploited_one_is_due_at_once_until_somebody_answers():
    known = Knowledge(exploited=read_catalogue(CATALOGUE, "kev.json"))
    quiet = finding(severity="LOW")
    listed = list_due(PLATFORM, cluster(report(quiet)), (), NOW, knowledge=known)
    row = next(item for item in listed.items if item.product == "keycloak")
    assert row.state == "overdue", "LOW by severity, exploited in the world, and nobody has said that it cannot be used"
    assert "exploited" in [one.kind for one in row.needs]
    answer = ExposureAnswered(
        vulnerability="CVE-2026-0001", component="keycloak", answer="not-exposed", by="lead", reason="switched off"
    )
    (need,) = look(report(quiet), knowledge=known, answers=(answer,)).needs
    assert not need.critical.due_now
    exposed = replace(PLATFORM, components=(Component(name="keycloak", exposure="internet"),))
    (need,) = look(report(quiet), knowledge=known, platform=exposed).needs
    assert need.critical.answer == "yes"


@pytest.mark.requirement("R-B8")
def test_who_has_to_act_follows_the_scope():
    view = look(report(finding()), report(finding(), namespace="shop", repository="shop/app", tag="1"))
    assert {need.who: need.owner for need in view.needs} == {"platform": "platform-team", "developers": "shop-team"}
    rows = other_patches(view, NOW, {"keycloak"})
    (row,) = rows
    assert row.task == "Security patches of application images of shop-team"
    assert "for the developers to act on" in row.reason
    assert [item.id for item in other_patches(view, NOW, ())] == [
        "patches-developers-shop-team",
        "patches-platform-platform-team",
    ]


def test_a_date_that_is_counted_from_the_scan_is_not_firm():
    one = replace(finding(), published_ms=0)
    (need,) = look(report(one)).needs
    assert (need.needed_by, need.firm) == (iso(NOW + 7 * DAY), False)


def test_what_was_not_scanned_or_read_is_unknown():
    none = patch_view(inventory(), PLATFORM, Knowledge(), (), NOW)
    assert none.needs == ()
    assert "nothing that was read scans images" in none.unknown[0]
    refused = replace(
        inventory(), missing=(Missing("vulnerabilityreports", "not allowed", "x", "vulnerability_reports"),)
    )
    assert "were not read (not allowed)" in patch_view(refused, PLATFORM, Knowledge(), (), NOW).unknown[0]
    old = look(report(finding(), updated_ms=NOW - 9 * DAY, repository="other/app"))
    assert any("the oldest 9 days" in line for line in old.unknown)
    assert any("no report is about quay.io/keycloak/keycloak:26.1.0" in line for line in old.unknown)
    assert any("no catalogue" in line for line in old.unknown)
    assert "no cluster was read" in patch_view(None, PLATFORM, Knowledge(), (), NOW).unknown[0]


def test_without_declared_deadlines_there_is_a_need_and_no_date():
    (need,) = look(report(finding()), platform=replace(PLATFORM, patch_deadlines={})).needs
    assert need.needed_by == ""
    assert "patchDeadlines declares none" in need.text


def test_a_deadline_that_is_none_is_an_error():
    with pytest.raises(BadInput):
        look(report(finding()), platform=replace(PLATFORM, patch_deadlines={"high": "soon"}))


def test_due_says_what_it_could_not_see(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(inventory(), tmp_path / "prod.inv")
    args = ["due", "--from", "prod.inv", "--state", str(tmp_path / "s"), "--at", iso(NOW), "-o", "json"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.stderr
    assert "unknown: there are no VulnerabilityReports" in result.stderr
    assert json.loads(result.stdout)["unknown"]
