"""What runs, against what is known of it: ends of life, hops, windows that suffice or do not."""

from __future__ import annotations

import json
from datetime import date
from xml.etree import ElementTree

import pytest

from shipkeeper.assessment.components import components
from shipkeeper.assessment.due import Question, Said
from shipkeeper.assessment.due import due as assess
from shipkeeper.assessment.due.calendar import calendar, often
from shipkeeper.assessment.due.lifelines import lifelines
from shipkeeper.assessment.due.products import tell
from shipkeeper.assessment.due.upkeep import upkeep
from shipkeeper.evidence.lifeline_svg import draw_lifelines
from shipkeeper.knowledge.library import Knowledge
from shipkeeper.model.book import ActionOpened
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.facts import ImageUse, NodeFacts, ProposedUpdate
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.operands import Backup, Certificate
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Component, Objectives, Platform, Scope
from shipkeeper.model.releases import Release
from shipkeeper.model.schedule import Need, Task
from shipkeeper.model.time import DAY, HOUR, iso, parse_instant
from tests.builders import inventory, node, nodes

AT = parse_instant("2026-11-24T09:00:00Z")
TODAY = date(2026, 11, 24)
SUPPORT = {
    "format": 1,
    "kind": "support",
    "issued": "2026-11-01",
    "sources": {"s": {"title": "a published table", "retrieved": "2026-11-01", "shelfDays": 365}},
    "products": [
        {
            "id": "keycloak",
            "source": "s",
            "cycles": [
                ["26.4", "2026-10-01", "", "2027-10-01", "26.4.5", "2026-11-01"],
                ["26.3", "2026-07-01", "", "2026-12-20", "26.3.9", "2026-10-01"],
                ["26.1", "2026-01-01", "", "2026-11-02", "26.1.5", "2026-04-01"],
            ],
        },
        {
            "id": "kubernetes",
            "source": "s",
            "cycles": [
                ["1.36", "2026-04-22", "", "2027-06-28", "1.36.4", "2026-11-01"],
                ["1.35", "2025-12-17", "", "2027-02-28", "1.35.8", "2026-11-01"],
                ["1.34", "2025-08-27", "", "2026-12-28", "1.34.11", "2026-10-27"],
            ],
        },
        {"id": "kyverno", "source": "s", "cycles": [["1.15", "2025-07-01", "", "2026-11-03", "1.15.3", "2026-01-01"]]},
    ],
}
KNOWN = Knowledge({"support": json.dumps(SUPPORT).encode()}, "test")
KEYCLOAK = Task(
    id="keycloak", product="keycloak", task="Keycloak upgrades", level="security component", cadence="Quarterly",
    needs_window="15–30 minutes", impact="Authentication unavailable",
)  # fmt: skip
KUBERNETES = Task(
    id="kubernetes", product="kubernetes", task="Kubernetes version upgrades", level="core", cadence="Quarterly",
    needs_window="Yes", impact="Rolling node reboots",
)  # fmt: skip
CHARTS = Task(
    id="helm-charts", task="Helm chart version updates", level="platform stack", cadence="As released",
    needs_window="None",
)  # fmt: skip


def windows(*days: str) -> list[PlanWindow]:
    return [PlanWindow(opens_at=f"{day}T21:00:00Z", closes_at=f"{day}T23:59:00Z", zone="UTC") for day in days]


def ask(inv, schedule=(), platform=None, agreed=(), **more):
    """Task id → its row, without the node OS that the builders' nodes have."""
    platform = platform or Platform()
    cared = upkeep(components(inv, KNOWN.products, platform.components), KNOWN, TODAY)
    items = assess(
        Question(platform=platform, schedule=schedule, now_ms=AT, inventory=inv, windows=agreed, upkeep=cared, **more)
    )
    return {item.id: item for item in items}


def kubelet(name: str, version: str):
    return node(name, info=NodeInfo(kubelet=version))


def running(*images: str, server: str = "v1.36.4", **more):
    uses = tuple(ImageUse(image, (), 1, ("keycloak",)) for image in images)
    return inventory(kubelet("n1", server), images=uses, identity=ClusterIdentity(server_version=server), **more)


@pytest.mark.requirement("R-B4")
def test_what_is_out_of_support_is_overdue_since_that_day_with_its_source() -> None:
    item = ask(running("quay.io/keycloak/keycloak:26.1.2"), [KEYCLOAK])["keycloak"]
    assert item.state == "overdue", "a version without security patches was not called overdue"
    assert item.needed_by == "2026-11-02"
    assert "support of Keycloak 26.1.2 ended on 2026-11-02" in item.reason
    assert (item.current, item.target) == ("26.1.2", "26.4.5")
    (need,) = [need for need in item.needs if need.kind == "end-of-life"]
    assert "a published table" in need.source
    assert "2026-11-01" in need.source


@pytest.mark.requirement("R-B4")
def test_the_last_window_before_an_end_of_life_is_the_one() -> None:
    inv = running(server="v1.34.2")
    item = ask(inv, [KUBERNETES], agreed=windows("2026-12-01", "2027-01-05"))["kubernetes"]
    assert (item.state, item.windows_left, item.late) == ("due", 1, False)
    assert item.hops == ("1.35.8", "1.36.4"), "minors of Kubernetes were skipped"
    assert item.needed_by == "2026-12-28"


@pytest.mark.requirement("R-B4")
def test_what_no_window_reaches_in_time_is_called_late() -> None:
    item = ask(running(server="v1.34.2"), [KUBERNETES], agreed=windows("2027-01-05"))["kubernetes"]
    assert item.late, "it ends on 28 December and the next window opens on 5 January"
    assert "no window before 2026-12-28 for 1 hop that must be done: the next opens 5 Jan" in item.reason


def test_the_pace_counts_the_hops_to_a_line_that_lasts() -> None:
    """1.35 ends in February: who leaves 1.34 for it has to move again at once."""
    cared = upkeep(components(running(server="v1.34.2"), KNOWN.products), KNOWN, TODAY)
    assert (cared["kubernetes"].hops_needed, cared["kubernetes"].hops_lasting) == (1, 2)
    assert "1.35.8 ends soon after: plan 2 hops" in ask(running(server="v1.34.2"), [KUBERNETES])["kubernetes"].reason
    fresh = upkeep(components(running(server="v1.36.4"), KNOWN.products), KNOWN, TODAY)
    assert (fresh["kubernetes"].hops_needed, fresh["kubernetes"].target) == (0, "")


def test_an_end_that_was_only_expected_and_is_over_is_unknown_not_due() -> None:
    rule = {"newest": 1, "graceDays": 0, "text": "the newest minor only", "source": "s"}
    cycles = [[f"26.{minor}", f"2026-0{minor}-01", "", "", f"26.{minor}.1", f"2026-0{minor}-10"] for minor in (5, 3, 1)]
    row = {"id": "keycloak", "source": "s", "cycles": cycles, "policy": rule}
    known = Knowledge({"support": json.dumps(SUPPORT | {"products": [row]}).encode()}, "test")
    what = inventory(nodes=nodes(1), images=(ImageUse(image="quay.io/keycloak/keycloak:26.5.1", pods=2),))
    found = upkeep(components(what, known.products, ()), known, TODAY)["keycloak"]
    assert found.supports[0][1].state == "unknown", found
    told = tell([found], {}, None, "UTC", AT)
    assert told.state == "unknown", f"an upgrade to nowhere is asked for: {told.state}, {told.text}"


def test_the_oldest_part_of_a_product_decides() -> None:
    inv = running(server="v1.36.4")
    mixed = inventory(
        kubelet("a", "v1.36.4"), kubelet("b", "v1.34.2"), identity=ClusterIdentity(server_version="v1.36.4")
    )
    assert ask(inv, [KUBERNETES])["kubernetes"].current == "v1.36.4"
    item = ask(mixed, [KUBERNETES])["kubernetes"]
    assert item.current == "v1.34.2"
    assert "v1.34.2 kubelet on 1 node" in item.reason


def test_a_target_of_the_team_wins_and_a_policy_that_forbids_it_says_so() -> None:
    platform = Platform(components=(Component(name="keycloak", target="26.3.9"),))
    assert ask(running("keycloak/keycloak:26.1.2"), [KEYCLOAK], platform)["keycloak"].target == "26.3.9"
    back = Platform(components=(Component(name="keycloak", target="25.0.0"),))
    item = ask(running("keycloak/keycloak:26.1.2"), [KEYCLOAK], back)["keycloak"]
    assert "no way to 25.0.0 is known" in item.reason
    assert item.hops == ()


def test_a_component_without_a_row_gets_one_when_its_support_ends() -> None:
    inv = running("ghcr.io/kyverno/kyverno:v1.15.2")
    platform = Platform(scope=(Scope(component="policy", owner="security team", namespaces=("keycloak",)),))
    items = ask(inv, [CHARTS], platform)
    assert items["component-kyverno"].state == "overdue"
    assert items["component-kyverno"].owner == "security team"
    assert items["helm-charts"].state == "due"
    assert "1 component below wants an update" in items["helm-charts"].reason


def test_an_image_named_by_digest_only_leaves_the_version_unknown() -> None:
    item = ask(running("quay.io/keycloak/keycloak@sha256:" + "0" * 64), [KEYCLOAK])["keycloak"]
    assert item.state == "unknown", "not knowing the version was taken for being up to date"
    assert "named by its digest only" in item.reason


def test_an_exploited_vulnerability_is_due_at_once() -> None:
    need = Need(kind="exploited", text="CVE-2026-0001 is exploited, and whether it can be used here is not answered")
    item = ask(running("keycloak/keycloak:26.4.5"), [KEYCLOAK], needs={"keycloak": [need]})["keycloak"]
    assert item.state == "overdue"
    assert "CVE-2026-0001" in item.reason


def test_a_patch_deadline_that_comes_first_binds() -> None:
    need = Need(kind="patch", text="3 fixable findings, high", by="2026-12-05")
    item = ask(running("keycloak/keycloak:26.3.9"), [KEYCLOAK], needs={"keycloak": [need]})["keycloak"]
    assert item.needed_by == "2026-12-05"
    assert item.reason.startswith("3 fixable findings")


@pytest.mark.requirement("R-B6")
def test_proposed_updates_and_releases_that_are_not_well_make_the_charts_due() -> None:
    inv = running(
        updates=(ProposedUpdate("kyverno", "3.2.0", "3.3.0", "renovate/kyverno"),),
        releases=(Release("falco", "falco", 3, "pending-upgrade", "falco"),),
    )
    item = ask(inv, [CHARTS])["helm-charts"]
    assert item.state == "due"
    assert "kyverno 3.2.0 → 3.3.0" in item.reason
    assert "falco/falco pending-upgrade" in item.reason


@pytest.mark.requirement("R-E4")
def test_reboots_updates_and_what_is_not_automatic_are_told_of_nodes() -> None:
    facts = tuple(
        NodeFacts(
            node=f"n{i}",
            reboot_required=i != 3,
            reboot_since_ms=AT - i * 10 * DAY,
            pending_security=4,
            automatic_security=i != 2,
        )
        for i in (1, 2, 3)
    )
    task = Task(id="node-os", task="Nodes", level="node OS", cadence="monthly", needs_window="yes", action="nodes")
    item = ask(inventory(*nodes(3), node_facts=facts), [task], Platform(done={"node-os": "2026-11-20"}))["node-os"]
    assert item.state == "due"
    for words in (
        "2 of 3 nodes want a reboot, oldest for 20 days",
        "12 security updates wait on 3 nodes",
        "automatic security updates are off on n2",
    ):
        assert words in item.reason, item.reason


def test_a_certificate_that_was_not_renewed_and_backups_that_are_too_old_get_rows() -> None:
    inv = running(
        certificates=(
            Certificate("ingress", "web", not_after_ms=AT + 5 * DAY),
            Certificate("x", "y", not_after_ms=AT + 60 * DAY),
        ),
        backups=(
            Backup("velero", "velero", "old", "Completed", True, AT - 40 * HOUR, AT - 39 * HOUR),
            Backup("velero", "velero", "bad", "Failed", False, AT - HOUR, AT - HOUR),
        ),
    )
    items = ask(inv, platform=Platform(objectives=Objectives(rpo="24h")))
    assert items["certificates"].state == "due"
    assert items["certificates"].needed_by == iso(AT + 5 * DAY)
    assert items["backups-velero"].state == "overdue", "a failed backup was counted"
    assert "old 40h00m old; bad after it: Failed; RPO 24h" in items["backups-velero"].reason
    assert ask(inv)["backups-velero"].state == "unknown", "without an RPO nobody can say whether it is young enough"


def test_actions_of_retrospectives_come_back() -> None:
    action = ActionOpened(
        id="act-1", text="Second replica of ledger", owner="team-bank", due_on="2026-11-20", by="lead", run="run-1"
    )
    item = ask(None, actions=[action])["act-1"]
    assert (item.state, item.owner) == ("overdue", "team-bank")
    assert "retrospective of run-1" in item.reason


@pytest.mark.requirement("R-A3")
def test_what_people_attested_counts_and_what_nobody_did_is_asked_for() -> None:
    task = Task(
        id="provider-audit", task="Provider audit", level="recurring", cadence="Yearly", needs_window="None",
        questions=("Is data encrypted at rest?",),
    )  # fmt: skip
    item = ask(None, [task])["provider-audit"]
    assert item.state == "unknown"
    assert "shipkeeper attest provider-audit" in item.reason
    assert item.questions == ("Is data encrypted at rest?",)
    said = [Said("provider-audit", "2026-03-01", "attested by auditor"), Said("other", "2026-04-01", "")]
    item = ask(None, [task], said=said)["provider-audit"]
    assert (item.state, item.last_done[:10], item.next_due[:10]) == ("ok", "2026-03-01", "2027-03-01")
    assert "attested by auditor" in item.reason


@pytest.mark.requirement("R-B1")
def test_the_calendar_has_what_recurs_windows_and_ends_of_life() -> None:
    platform = Platform(done={"keycloak": "2026-09-02"})
    agreed = windows("2026-12-01", "2027-01-05", "2027-02-02", "2027-03-02")
    items = list(
        ask(running("keycloak/keycloak:26.3.1", server="v1.34.2"), [KEYCLOAK, KUBERNETES], platform, agreed).values()
    )
    entries = calendar(items, agreed, "UTC", AT)
    days = [(entry.day, entry.kind, entry.text.split(":")[0]) for entry in entries]
    assert ("2026-12-01", "window", "window") in days
    assert ("2026-12-01", "due", "Keycloak upgrades") in days
    assert ("2027-03-02", "due", "Keycloak upgrades") in days, "the quarter after was not put into its window"
    assert ("2026-12-20", "needed", "Keycloak upgrades") in days
    assert ("2026-12-28", "needed", "Kubernetes version upgrades") in days
    assert days == sorted(days, key=lambda day: day[0])
    weekly = Task(id="w", task="Weekly look", level="recurring", cadence="Weekly", needs_window="None")
    rows = list(ask(None, [weekly], Platform(done={"w": "2026-11-20"})).values())
    assert calendar(rows, (), "UTC", AT) == ()
    assert [item.task for item in often(rows)] == ["Weekly look"]


@pytest.mark.requirement("R-B4")
def test_the_chart_tells_every_line_without_colour() -> None:
    inv = running("keycloak/keycloak:26.1.2", "ghcr.io/kyverno/kyverno:v9.9.9", server="v1.34.2")
    lines = lifelines(upkeep(components(inv, KNOWN.products), KNOWN, TODAY).values())
    assert [line.product for line in lines] == ["keycloak", "kubernetes", "kyverno"], "what ends first is not on top"
    drawn = draw_lifelines(lines, TODAY, [date(2026, 12, 1)], "prod")
    root = ElementTree.fromstring(drawn)
    text = " ".join(root.itertext())
    for words in ("Keycloak 26.1.2", "2 Nov 2026", "28 Dec 2026", "no date is known", "today", "1 out of support"):
        assert words in text, words
    described = root.find("{http://www.w3.org/2000/svg}desc").text
    assert "Keycloak 26.1.2: 26.1 ended on 2026-11-02." in described


def kubernetes_row(platform: str, inv, agreed=()):
    from shipkeeper.app.due import list_due
    from shipkeeper.app.platform_file import parse_platform

    text = f"""
zone: UTC
environments: [{{name: production, clusters: [{{name: test}}], windows: [{agreed}]}}]
{platform}"""
    found = list_due(parse_platform(text.encode(), "p"), inv, (), AT, knowledge=KNOWN)
    return next(item for item in found.items if item.id == "kubernetes")


WINDOW = "{name: w, rrule: FREQ=MONTHLY;BYDAY=3TU, start: 21:00, duration: 3h, zone: UTC}"


@pytest.mark.requirement("R-B7")
def test_removed_apis_in_use_are_named_before_the_minor_that_takes_them() -> None:
    from shipkeeper.model.releases import ManifestObject

    old = ManifestObject("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "", "old")
    inv = running(server="v1.31.2", releases=(Release("shop", "shop", 1, "deployed", "shop", objects=(old,)),))
    item = kubernetes_row("notices: {kubernetesMinor: 2 weeks}", inv, WINDOW)
    assert "removed APIs in use: FlowSchema flowcontrol.apiserver.k8s.io/v1beta3 of shop/shop" in item.reason, (
        item.reason
    )


@pytest.mark.requirement("R-B7")
def test_not_having_read_the_manifests_is_not_taken_for_no_removed_api() -> None:
    from shipkeeper.model.inventory import Missing

    inv = running(server="v1.34.2", missing=(Missing("secrets", "forbidden", "which charts", "releases"),))
    assert "whether removed APIs are in use is not known" in kubernetes_row("", inv, WINDOW).reason


@pytest.mark.requirement("R-C2")
@pytest.mark.parametrize(
    ("weeks", "words"),
    [
        ("2 weeks", "developers' notice (2 weeks) must leave by 2026-12-01 for 15 Dec"),
        (
            "4 weeks",
            "developers' notice (4 weeks) is too late for the window of 15 Dec: sent today it allows 22 Dec 2026",
        ),
        ('""', "nobody has decided how long before it developers are told"),
    ],
)
def test_the_notice_of_a_kubernetes_minor_has_a_date_of_its_own(weeks: str, words: str) -> None:
    item = kubernetes_row(f"notices: {{kubernetesMinor: {weeks}}}", running(server="v1.34.2"), WINDOW)
    assert words in item.reason, item.reason
