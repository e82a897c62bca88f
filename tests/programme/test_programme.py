"""From what is due to windows with work in them: order, deadlines, notices, staging, and the page for the night."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from shipkeeper.app.platform_file import parse_platform
from shipkeeper.app.programme import Looked, programme
from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.evidence.program_page import markdown, mermaid, svg
from shipkeeper.knowledge.library import Knowledge, bundled
from shipkeeper.model.cluster import ClusterIdentity, Namespace
from shipkeeper.model.facts import ImageUse
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.program import Program
from shipkeeper.model.releases import FluxObject, ManifestObject, Release
from shipkeeper.model.time import parse_instant
from tests.builders import inventory, node
from tests.due.test_upkeep import SUPPORT

AT = parse_instant("2026-11-24T09:00:00+01:00")
KNOWN = Knowledge({"support": json.dumps(SUPPORT).encode()}, "test")
DEMO = Path(__file__).resolve().parents[2] / "src/shipkeeper/app/demo_platform"
PLATFORM = """
name: payments
zone: Europe/Stockholm
environments:
  - name: staging
    production: false
    follows: ""
    clusters: [{name: stage}]
    windows: [{name: early, rrule: FREQ=MONTHLY;BYDAY=1WE, start: 18:00, duration: 6h, zone: Europe/Stockholm}]
  - name: production
    follows: staging
    clusters: [{name: service, role: sc}, {name: work, role: wc}]
    windows: [{name: monthly, rrule: FREQ=MONTHLY;BYDAY=3TU, start: 22:00, duration: 7h, zone: Europe/Stockholm%s}]
people:
  - {name: on-call, roles: [on-call], contact: "tel:1"}
  - {name: platform lead, roles: [lead], contact: "tel:2"}
notices: {kubernetesMinor: %s}
done: {node-os: 2026-10-20}
"""


def platform(weeks: str = "2 weeks", more: str = ""):
    return parse_platform((PLATFORM % (more, weeks)).encode(), "p")


def cluster(name: str, *, keycloak: str = "26.1.2", server: str = "v1.34.2", **more) -> Looked:
    inv = inventory(
        node(f"{name}-1", info=NodeInfo(kubelet=server, boot_id="b", kernel="6.1")),
        identity=ClusterIdentity(name=name, uid=f"uid-{name}", server_version=server),
        images=(ImageUse(f"quay.io/keycloak/keycloak:{keycloak}", (), 1, ("keycloak",)),),
        namespaces=(Namespace("keycloak"),),
        **more,
    )
    return Looked(inv, cluster=name)


def plan(tmp_path, *clusters: Looked, said=None, **more) -> Program:
    return programme(said or platform(), clusters, State(tmp_path), AT, knowledge=KNOWN, **more)


def where(made: Program) -> dict[str, str]:
    """Work → the date of its window."""
    return {id: slot.window.opens_at[:10] for slot in made.slots if slot.window for id in slot.works}


@pytest.mark.requirement("R-C3")
def test_staging_comes_first_and_production_so_many_working_days_later(tmp_path) -> None:
    made = plan(tmp_path, cluster("stage"), cluster("service"))
    days = where(made)
    assert days["stage/keycloak-26.4.5"] == "2026-12-02"
    assert days["service/keycloak-26.4.5"] == "2026-12-15", "production did not wait for staging, or waited too long"
    assert "stage/keycloak-26.4.5" in made.work("service/keycloak-26.4.5").needs


@pytest.mark.requirement("R-F1")
def test_the_service_cluster_comes_before_the_workload_cluster(tmp_path) -> None:
    made = plan(tmp_path, cluster("work"), cluster("service"))
    (slot,) = [slot for slot in made.slots if "work/keycloak-26.4.5" in slot.works]
    assert slot.works.index("service/keycloak-26.4.5") < slot.works.index("work/keycloak-26.4.5")


@pytest.mark.requirement("R-C2")
def test_nothing_is_planned_whose_notice_would_come_too_late(tmp_path) -> None:
    soon = where(plan(tmp_path, cluster("service"), said=platform("2 weeks")))
    later = where(plan(tmp_path, cluster("service"), said=platform("4 weeks")))
    assert soon["service/kubernetes-1.35.8"] == "2026-12-15"
    assert later["service/kubernetes-1.35.8"] == "2027-01-19", "developers would be told three weeks before, not four"


@pytest.mark.requirement("R-C2")
def test_a_kubernetes_minor_waits_until_somebody_decides_the_weeks(tmp_path) -> None:
    made = plan(tmp_path, cluster("service"), said=platform('""'))
    assert "service/kubernetes-1.35.8" not in where(made)
    whys = {one.work: one.why for one in made.unplaced}
    assert "notices.kubernetesMinor" in whys["service/kubernetes-1.35.8"]


@pytest.mark.requirement("R-C8")
def test_a_window_holds_only_what_it_is_agreed_for(tmp_path) -> None:
    made = plan(tmp_path, cluster("service"), said=platform(more=", content: [os]"))
    assert where(made) == {"service/node-os": "2026-12-15"}
    assert all("not agreed for" in one.why for one in made.unplaced)


@pytest.mark.requirement("R-C1")
def test_what_is_carried_over_is_named_and_what_is_late_is_said(tmp_path) -> None:
    made = plan(tmp_path, cluster("service"), said=platform("4 weeks"))
    assert any("Kubernetes 1.35.8" in line and "needed by 2026-12-28" in line for line in made.late), made.late
    assert made.works == plan(tmp_path, cluster("service"), said=platform("4 weeks")).works


def test_the_same_question_gives_the_same_digest(tmp_path) -> None:
    one, two = (plan(tmp_path, cluster("stage"), cluster("service")) for _ in range(2))
    assert one.digest == two.digest
    assert one.digest != plan(tmp_path, cluster("stage")).digest


@pytest.mark.requirement("R-F4")
def test_what_flux_owns_is_changed_in_git(tmp_path) -> None:
    release = Release("keycloak", "kc", 3, "deployed", chart="keycloak", owner="flux-system/kc")
    flux = FluxObject("HelmRelease", "flux-system", "kc", chart="keycloak")
    made = plan(tmp_path, cluster("service", releases=(release,), flux=(flux,)), only=["keycloak"])
    (work,) = made.works
    assert "-n keycloak" in work.steps[0].manual[0], "the namespace that the inventory shows was not filled in"
    policy = inventory(
        node(),
        identity=ClusterIdentity(name="service", uid="uid-service", server_version="v1.36.4"),
        images=(ImageUse("ghcr.io/kyverno/kyverno:v1.15.1", (), 1, ("kyverno",)),),
        releases=(Release("kyverno", "kyverno", 3, "deployed", chart="kyverno", owner="flux-system/kyverno"),),
    )
    (work,) = plan(tmp_path, Looked(policy, cluster="service"), only=["kyverno"]).works
    typed = " ".join(line for step in work.steps for line in step.manual)
    assert "helm upgrade" not in typed, "a release that Flux owns would be upgraded beside it"
    assert "flux reconcile" in typed


@pytest.mark.requirement("R-C5")
def test_the_contingency_page_has_the_times_the_points_of_no_return_and_whom_to_call(tmp_path) -> None:
    made = plan(tmp_path, cluster("service"), only=["keycloak"])
    page = markdown(made).split("### If it goes wrong")[1]
    assert "| Tue 21:30 | Is the checklist done" in page
    latest = re.search(r"\| (\w+ \d\d:\d\d) \| Has Keycloak 26.4.5 in service begun\?", page)
    assert latest[1] == "Wed 03:39", "51 minutes before the reserve begins at 04:30"
    assert "Bring the operator to 26.4.5" in page, "the point of no return is not named"
    assert "tel:1" in page
    assert "tel:2" in page
    assert len(page.splitlines()) < 40, "it does not fit on one page"
    points = [point.at for point in made.contingency]
    assert points == sorted(points, key=parse_instant)


@pytest.mark.requirement("R-C4")
def test_impact_is_labelled_by_what_it_rests_on(tmp_path) -> None:
    made = plan(tmp_path, cluster("service"), only=["keycloak"])
    assert "Authentication unavailable during rollout (declared)" in markdown(made)


def test_what_was_not_read_is_said(tmp_path) -> None:
    from shipkeeper.model.inventory import Missing

    looked = cluster("service", missing=(Missing("secrets", "forbidden", "which charts are installed"),))
    assert any("service: secrets could not be read" in doubt for doubt in plan(tmp_path, looked).doubts)
    assert any("follows staging, which was not looked at" in doubt for doubt in plan(tmp_path, looked).doubts)


def test_the_charts_name_every_piece_of_work(tmp_path) -> None:
    made = plan(tmp_path, cluster("stage"), cluster("service"))
    drawn = svg(made)
    root = ElementTree.fromstring(drawn)
    text = " ".join(root.itertext())
    gantt = mermaid(made)
    for id in where(made):
        work = made.work(id)
        assert work.component in text
        assert work.component in gantt
    assert gantt.startswith("gantt\n")
    starts = re.findall(r":(\d{4}-\d\d-\d\dT\d\d:\d\d), (\d+)m", gantt)
    assert len(starts) == len(where(made))
    assert all(":" not in line.split(" :")[0].strip() for line in gantt.splitlines()[4:] if " :" in line)


def test_the_verb_on_the_demo_platform(tmp_path) -> None:
    words = ["plan", "propose", "--from", str(DEMO / "platform.json.gz"), "--platform", str(DEMO / "shipkeeper.yaml")]
    words += ["--state", str(tmp_path / "state"), "--at", "2026-11-24T09:00:00Z"]
    told = CliRunner().invoke(main, [*words, "--svg", str(tmp_path / "p.svg"), "--save", str(tmp_path / "p.json")])
    assert told.exit_code == 0, told.output
    assert "Tuesday 1 December 2026, 22:00 to 05:00 (production, window monthly)" in told.stdout
    assert "Node OS security updates" in told.stdout.split("Tuesday 5 January")[0], "monthly work missed its window"
    assert json.loads((tmp_path / "p.json").read_text())["kind"] == "Program"
    envelope = json.loads(CliRunner().invoke(main, [*words, "-o", "json"]).stdout)
    assert {"works", "slots", "unplaced", "late", "contingency", "doubts", "digest"} <= set(envelope)
    assert date.fromisoformat(envelope["createdAt"][:10]) == date(2026, 11, 24)
    nothing = CliRunner().invoke(main, ["plan", "propose"])
    assert nothing.exit_code == 2


@pytest.mark.requirement("R-B5")
def test_one_minor_of_kubernetes_a_window(tmp_path) -> None:
    days = where(plan(tmp_path, cluster("service")))
    assert days["service/kubernetes-1.35.8"] < days["service/kubernetes-1.36.4"], "two minors in one night"


@pytest.mark.requirement("R-B5")
def test_one_minor_of_the_network_a_window(tmp_path) -> None:
    """A way of five minors in one night would leave nobody time to see that the second still works."""
    inv = inventory(
        node("work-1", info=NodeInfo(kubelet="v1.36.4", boot_id="b", kernel="6.1")),
        identity=ClusterIdentity(name="work", uid="uid-work", server_version="v1.36.4"),
        images=(ImageUse("quay.io/cilium/cilium:v1.16.5", (), 1, ("kube-system",)),),
    )
    days = where(programme(platform(), [Looked(inv, cluster="work")], State(tmp_path), AT, knowledge=bundled()))
    hops = [day for id, day in days.items() if "/cilium-" in id]
    assert len(hops) >= 4, f"the way of Cilium is not planned: {days}"
    assert len(set(hops)) == len(hops), f"two minors of the network in one night: {days}"


@pytest.mark.requirement("R-C2")
def test_a_minor_that_takes_away_what_is_used_has_the_longer_notice(tmp_path) -> None:
    """Of all times that apply the longest wins: two weeks for a minor of Kubernetes, two months for what breaks."""
    going = ManifestObject("storage.k8s.io/v1beta1", "VolumeAttributesClass", "", "fast")
    release = Release("shop", "fast", 1, "deployed", chart="fast", objects=(going,))
    inv = cluster("service", server="v1.36.1", releases=(release,))
    said = platform("2 weeks")
    made = programme(said, [inv], State(tmp_path), AT, only=["kubernetes"], knowledge=bundled())
    hop = next(work for work in made.works if work.to_version.startswith("1.37"))
    assert hop.change == "kubernetes-minor"
    assert hop.also == ("major",), hop.change_why
    assert hop.not_before[:10] == "2027-01-24"
