"""Before a maintenance or going live: what is well, what is not, and what that means."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.readiness import look_at_readiness
from shipkeeper.app.state import State
from shipkeeper.app.survey import load_inventory
from shipkeeper.assessment.sizing import group_of, sizes
from shipkeeper.cli.main import main
from shipkeeper.evidence.html import readiness_html
from shipkeeper.evidence.readiness import Item, Readiness
from shipkeeper.evidence.readiness_markdown import readiness_markdown
from shipkeeper.knowledge.schedule import go_live_tests
from shipkeeper.model.book import Attested
from shipkeeper.model.cluster import Service
from shipkeeper.model.facts import ControlPlaneComponent
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.nodes import NodeCondition
from shipkeeper.model.operands import Backup, Certificate
from shipkeeper.model.platform import Objectives, Platform, Scope
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.time import DAY, HOUR
from tests import builders as b

DATA = os.environ.get("SHIPKEEPER_TEST_DATA", "")
OBJECTIVES = Objectives(
    rpo="24h", retention="7d", rto="4h", decided_by="data protection officer", why="risk assessment"
)
PLATFORM = Platform(
    name="payments", objectives=OBJECTIVES, scope=(Scope(component="shop", inside=False, namespaces=("team-3",)),)
)
BACKUP = Backup("velero", "velero", "nightly", "Completed", completed=True, started_ms=b.NOW - 3 * HOUR)
WELL = (
    *b.nodes(3),
    b.deployment("web", "team-3", on=("n1", "n2")),
    b.budget("web", "team-3", app="web", max_unavailable=1, allowed=1, healthy=2, desired=1, expected=2),
    b.daemonset("agent", on=("n1", "n2", "n3")),
)


def cluster(*more: Any, parts: tuple[Any, ...] = WELL, **fields: Any) -> Inventory:
    return b.inventory(*parts, *more, **({"backups": (BACKUP,)} | fields))


def attested(day: str = "2026-05-01") -> list[Attested]:
    return [
        Attested(task=task.id, by="lead", done_on=day, answers=dict.fromkeys(task.questions, "yes, 4 min"))
        for task in go_live_tests()
    ]


def look(inventory: Inventory, folder: Path, platform: Platform = PLATFORM, said: bool = True) -> Readiness:
    book = Logbook.of(State.open(folder), platform)
    if said:
        book.write(1, attested())
    return look_at_readiness(inventory, platform, book)


def item(found: Readiness, id: str) -> Item:
    return next(one for one in found.items if one.id == id)


@pytest.mark.requirement("R-D4")
def test_a_sound_environment_whose_tests_were_done_is_ready(tmp_path: Path) -> None:
    found = look(cluster(), tmp_path)
    assert (found.verdict, found.begin) == ("ready", ""), [one for one in found.items if one.state == "unmet"]
    test = item(found, "recovery-test")
    assert (test.by, test.at) == ("lead", "2026-05-01"), "whose word it is, and of when"
    assert any("measured RTO" in answer for answer in test.objects), "the figures that were measured"


SICK: dict[str, tuple[Inventory, str]] = {
    "machines": (
        cluster(
            parts=(b.node("n1", conditions=[NodeCondition("Ready", "True"), NodeCondition("DiskPressure", "True")]),)
        ),
        "n1: DiskPressure",
    ),
    "nodes": (cluster(parts=(*WELL, b.node("n4", ready=False))), "n4 is not Ready"),
    "control-plane": (
        cluster(control_plane=(ControlPlaneComponent("etcd", "cp1", "3.5", "etcd:3.5", ready=False),)),
        "etcd on cp1",
    ),
    "storage": (cluster(b.claim("data", phase="Lost")), "default/data is Lost"),
    "pods": (cluster(b.pod("mail", "ops", ready=False, waiting="CrashLoopBackOff")), "ops/mail (CrashLoopBackOff)"),
    "workloads": (cluster(b.deployment("api", "ops", on=("n3",), updated=0)), "ops/api"),
    "releases": (cluster(releases=(Release("ops", "harbor", 2, "pending-upgrade"),)), ""),
    "certificates": (cluster(certificates=(Certificate("ops", "tls", ready="False"),)), ""),
    "delivery": (cluster(flux=(FluxObject("HelmRelease", "ops", "harbor", ready="False"),)), ""),
}


@pytest.mark.requirement("R-D4")
@pytest.mark.parametrize("row", SICK)
def test_what_does_not_run_normally_stops_with_where_to_begin(tmp_path: Path, row: str) -> None:
    inventory, named = SICK[row]
    found = look(inventory, tmp_path)
    assert (found.verdict, found.begin) == ("not-normal", row)
    assert "stop here" in found.sentence
    wrong = item(found, row)
    assert wrong.consequence, "an unmet item names its consequence"
    assert wrong.how, "and how it is looked at by hand"
    assert not named or any(named in one for one in wrong.objects), wrong.objects


@pytest.mark.requirement("R-D4")
def test_the_lowest_row_is_where_to_begin_whatever_stands_above_it(tmp_path: Path) -> None:
    sick = cluster(
        b.pod("mail", "ops", ready=False),
        parts=(*WELL, b.node("n4", ready=False)),
        flux=(FluxObject("HelmRelease", "ops", "harbor", ready="False"),),
    )
    found = look(sick, tmp_path)
    assert found.begin == "nodes"
    assert "2 further rows above it may be its symptoms" in found.sentence


def test_what_is_outside_the_fence_is_named_and_does_not_stop_the_platform(tmp_path: Path) -> None:
    found = look(cluster(b.pod("mail", "team-3", ready=False)), tmp_path)
    assert item(found, "pods").state == "ok"
    assert "outside the fence, for their owners: team-3/mail" in item(found, "pods").reading
    unclaimed = look(cluster(b.pod("mail", "nobodys", ready=False)), tmp_path)
    assert unclaimed.begin == "pods", "what nobody claims is the platform team's until somebody does"


# --- sized -----------------------------------------------------------------------------------------


def pool(name: str, group: str, zone: str = "z1", cpu: int = 1000) -> Any:
    return b.node(name, zone, cpu=cpu, labels={"elastisys.io/node-group": group})


def app(name: str, *on: str, group: str = "", cpu: int = 600) -> Any:
    chosen = {"elastisys.io/node-group": group} if group else {}
    return b.deployment(name, "ops", on=on, template=b.shape({"app": name}, cpu=cpu, node_selector=chosen))


@pytest.mark.requirement("R-D4")
def test_capacity_is_judged_group_by_group() -> None:
    """By sums over all nodes there is room; in the small group there is none."""
    inventory = b.inventory(
        pool("a1", "a"), pool("a2", "a"), pool("a3", "a"), pool("b1", "b"), pool("b2", "b"),
        app("free", "a1"), app("tight", "b1", "b2", group="b"),
    )  # fmt: skip
    found = {size.name: size for size in sizes(inventory)}
    assert found["a"].state == "ok"
    assert (found["b"].state, found["b"].without, found["b"].pods) == ("unmet", "b1", 1)
    assert found["b"].lost == ("Deployment ops/tight",)
    assert found["b"].cpu == 60


def test_a_zone_is_judged_with_all_its_nodes_out() -> None:
    nodes = [pool("a1", "a", "z1"), pool("a2", "a", "z1"), pool("a3", "a", "z2")]
    inventory = b.inventory(*nodes, app("web", "a1", "a2"))
    found = {size.name: size for size in sizes(inventory) if size.kind == "zone"}
    assert found["z1"].state == "unmet", "one of two fits on the node that is left"
    assert found["z2"].state == "ok"
    assert all(size.state == "ok" for size in sizes(inventory) if size.kind == "group"), "one node out is borne"


def test_the_only_node_of_a_group_cannot_be_spared() -> None:
    inventory = b.inventory(pool("a1", "a"), pool("b1", "b"), app("here", "b1", group="b"))
    found = {size.name: size for size in sizes(inventory) if size.kind == "group"}
    assert (found["b"].state, found["a"].state) == ("unmet", "ok")


def test_a_volume_that_holds_a_pod_to_its_zone_is_told_and_is_no_lack_of_room() -> None:
    holder = b.statefulset("db", "ops", on=("a1",), claims=True)
    claim = b.claim("data-db-0", "ops", volume="v1")
    nodes = [pool("a1", "a", "z1"), pool("a3", "a", "z2")]
    inventory = b.inventory(*nodes, holder, claim, b.volume("v1", zone="z1"))
    zone = next(size for size in sizes(inventory) if size.name == "z1")
    assert (zone.state, zone.bound) == ("ok", ("StatefulSet ops/db",))
    assert "1 workload stays away with it" in zone.reading


def test_without_nodes_or_pods_it_is_not_known(tmp_path: Path) -> None:
    found = look(cluster(missing=(Missing("pods", "forbidden", "x"),)), tmp_path)
    assert {size.state for size in found.sizes} == {"unknown"}
    assert found.verdict in ("unknown", "not-ready")
    empty = look(b.inventory(), tmp_path)
    assert empty.verdict != "ready", "an empty source looks sound"


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        ({"elastisys.io/node-group": "worker-a", "pool": "x"}, "worker-a"),
        ({"node-role.kubernetes.io/infra": "", "node-role.kubernetes.io/worker": ""}, "infra, worker"),
        ({}, "workers"),
    ],
)
def test_which_group_a_node_is_of(labels: dict[str, str], group: str) -> None:
    assert group_of(b.node("n", labels=labels)) == group


# --- the go-live list ------------------------------------------------------------------------------

LIVE: dict[str, tuple[Inventory, str]] = {
    "replicas": (
        cluster(b.deployment("one", "ops", on=("n3",)), services=(Service("ops", "one", {"app": "one"}),)),
        "Deployment ops/one",
    ),
    "requests": (cluster(b.deployment("free", "ops", on=("n1", "n2"), template=b.shape(requests={}))), "ops"),
    "spread": (
        cluster(b.deployment("both", "ops", on=("n3", "n3"))),
        "Deployment ops/both: all 2 Ready replicas are on n3",
    ),
    "rolling-update": (
        cluster(b.deployment("old", "ops", on=("n1", "n2"), strategy="Recreate")),
        "Recreate ends every pod",
    ),
    "budgets": (
        cluster(
            b.deployment("stuck", "ops", on=("n1", "n2")),
            b.budget("stuck", "ops", app="stuck", min_available=2, allowed=0, healthy=2, desired=2, expected=2),
        ),
        "PodDisruptionBudget ops/stuck: allows 0",
    ),
    "ends": (cluster(b.deployment("slow", "ops", on=("n1", "n2"), template=b.shape(grace_ms=600_000))), "10m to end"),
    "backups": (cluster(backups=(replace(BACKUP, started_ms=b.NOW - 9 * DAY),)), "nightly 9d old"),
}


@pytest.mark.requirement("R-D4")
@pytest.mark.parametrize("row", LIVE)
def test_what_of_the_go_live_list_is_unmet_is_named_with_its_consequence(tmp_path: Path, row: str) -> None:
    inventory, named = LIVE[row]
    found = look(inventory, tmp_path)
    assert found.verdict == "not-ready", found.sentence
    assert [one.id for one in found.items if one.state == "unmet"] == [row], "and only that"
    wrong = item(found, row)
    assert any(named in one for one in wrong.objects), wrong.objects
    assert wrong.consequence
    assert wrong.how


@pytest.mark.requirement("R-D4")
def test_a_test_that_nobody_attested_is_unmet_and_says_how(tmp_path: Path) -> None:
    found = look(cluster(), tmp_path, said=False)
    assert found.verdict == "not-ready"
    unmet = {one.id: one.how for one in found.items if one.state == "unmet"}
    assert set(unmet) == {"load-test", "recovery-test", "redeploy-test"}
    assert unmet["load-test"] == "shipkeeper attest load-test --by NAME"


def test_objectives_without_who_and_why_are_not_declared(tmp_path: Path) -> None:
    found = look(cluster(), tmp_path, replace(PLATFORM, objectives=Objectives(rpo="24h", rto="4h")))
    assert item(found, "objectives").state == "unmet"
    assert "not declared: retention, who decided, why" in item(found, "objectives").reading


def test_what_could_not_be_read_is_never_a_pass(tmp_path: Path) -> None:
    found = look(cluster(missing=(Missing("poddisruptionbudgets", "forbidden", "x"),)), tmp_path)
    assert (item(found, "budgets").state, found.verdict) == ("unknown", "unknown")
    flux = look(cluster(missing=(Missing("flux", "forbidden", "x", "flux"),)), tmp_path)
    assert (item(flux, "delivery").state, flux.verdict) == ("unknown", "unknown")


# --- the verb --------------------------------------------------------------------------------------


@pytest.fixture
def call(tmp_path: Path) -> Any:
    (tmp_path / "shipkeeper.yaml").write_text("name: payments\n")
    known = ["--platform", str(tmp_path / "shipkeeper.yaml"), "--state", str(tmp_path / "state")]

    def run(inventory: Inventory | str, *words: str) -> Any:
        path = str(tmp_path / "x.inv") if isinstance(inventory, Inventory) else inventory
        if isinstance(inventory, Inventory):
            inventory_file.save(inventory, path)
        return CliRunner().invoke(main, ["report", "readiness", "--from", path, *words, *known])

    return run


@pytest.mark.requirement("R-D4")
def test_the_verb_says_so_in_every_format_and_by_exit_code(call: Any) -> None:
    sick = cluster(parts=(*WELL, b.node("n4<b>", ready=False)))
    document = json.loads(call(sick, "-o", "json").stdout)
    assert (document["kind"], document["verdict"], document["begin"]) == ("Readiness", "not-normal", "nodes")
    assert {"id", "section", "text", "state", "reading", "consequence", "how", "objects"} <= set(document["items"][0])
    for output in ("table", "markdown", "html"):
        result = call(sick, "-o", output)
        assert result.exit_code == 0, result.stderr
        assert "is not Ready" in result.stdout
    assert "<b>" not in call(sick, "-o", "html").stdout, "what a cluster calls its nodes is text"
    assert call(sick, "--exit-code").exit_code == 5
    assert "shipkeeper attest load-test --by NAME --platform" in call(cluster()).stdout, "to be pasted as it is"


@pytest.mark.requirement("R-D4")
@pytest.mark.skipif(not DATA, reason="SHIPKEEPER_TEST_DATA is not set: no real dumps to read")
@pytest.mark.parametrize("name", ["must-gather-aws.tar.xz", "must-gather-azure.tar.xz"])
def test_real_must_gathers_are_read_with_what_they_do_not_tell(name: str, tmp_path: Path) -> None:
    inventory = load_inventory(str(Path(DATA) / "dumps" / name))
    found = look(inventory, tmp_path, Platform())
    assert found.verdict == "not-ready"
    assert item(found, "nodes").reading == "6 of 6 nodes"
    assert item(found, "control-plane").state == "ok"
    assert item(found, "group-worker").state == "ok", "three workers at a sixth of their size bear the loss of one"
    assert item(found, "pods").state == "unknown", "a must-gather holds the platform's namespaces and no others"
    assert item(found, "releases").state == "unknown", "Helm's records lie in namespaces that it does not hold"
    singles = item(found, "replicas").objects
    assert any("openshift-image-registry/cluster-image-registry-operator" in one for one in singles), singles
    for text in (readiness_html(found, "UTC"), readiness_markdown(found)):
        assert "cluster-version-operator" in text
