"""Boxes before and after: computed where the cluster tells, a person's word where not, and nothing in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.cli.main import main
from shipkeeper.evidence.checklists import CATALOGUE, Seen, counts, read
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.inventory import Inventory, Missing
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.operands import Backup
from shipkeeper.model.plan import Plan
from shipkeeper.model.pods import Pod
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import HOUR, parse_instant
from shipkeeper.model.workloads import JobFacts
from tests.builders import budget, daemonset, deployment, inventory, job, node, pod
from tests.evidence.sample_run import NODES, RUN, night, sample_forecast, sample_plan

PLAN = sample_plan()
NOW_MS = parse_instant("2026-12-01T20:30:00Z")


def cluster(*more: Any, cordoned: str = "", booted: str = "1", kernel: str = "6.1.0-29", **fields: Any) -> Inventory:
    """Three workers with a well budgeted Deployment on the first two."""
    nodes = [
        node(
            name,
            cordoned=name == cordoned,
            info=NodeInfo(boot_id=f"boot-{name}-{booted}", kernel=kernel, kubelet="v1.34.4"),
        )
        for name in NODES
    ]
    web = deployment("web", "team-3", on=NODES[:2])
    guard = budget("web", "team-3", app="web", min_available=1, allowed=1, healthy=2, desired=1, expected=2)
    nightly = Backup("velero", "velero", "nightly-1", "Completed", completed=True, started_ms=NOW_MS - 20 * HOUR)
    fields = {"backups": (nightly,)} | fields
    return inventory(*nodes, web, guard, *more, identity=PLAN.cluster, taken_ms=NOW_MS, **fields)


def boxes(when: str, seen: Inventory | None, plan: Plan = PLAN, **more: Any) -> dict[str, ChecklistItem]:
    fields: dict[str, Any] = {"forecast": sample_forecast(plan)} | more
    return {item.id: item for item in read(when, Seen(seen, plan, "prod", NOW_MS, **fields))}


@pytest.mark.requirement("R-D1")
def test_a_well_cluster_leaves_only_people_s_boxes_open() -> None:
    found = boxes("before", cluster())
    wrong = {id: item.reading for id, item in found.items() if item.state in ("failed", "unknown")}
    assert not wrong
    assert found["pods-healthy"].reading == "2 of 2 pods running and ready"
    assert found["pods-healthy"].by == "shipkeeper"
    assert found["pods-healthy"].at == "2026-12-01T20:30:00Z", "a reading is as old as its inventory"
    people = {id for id, item in found.items() if item.state == "open"}
    assert {"users-told", "alerts-silenced", "changes-pending", "window-agreed", "go-live"} <= people
    assert found["backups-recent"].reading.startswith("velero backups made by hand: newest nightly-1 20h00m old")
    assert found["releases-well"].state == found["flux-well"].state == "not-applicable", "there are none here"
    assert all(not item.by and not item.at for id, item in found.items() if id in people)
    assert found["developers-told"].state == "not-applicable"
    assert all(item.how for item in found.values()), "every box says how a person does it by hand"


def sick_pod(**more: Any) -> Pod:
    return pod("sick", "team-9", on=NODES[0], ready=False, **more)


BAD: dict[str, tuple[Inventory, str, str]] = {
    "pods-healthy": (cluster(sick_pod(waiting="CrashLoopBackOff")), "failed", "team-9/sick (CrashLoopBackOff)"),
    "nodes-ready": (cluster(cordoned=NODES[1]), "failed", f"{NODES[1]} is cordoned"),
    "jobs-settled": (cluster(job("import", "team-9", on=[NODES[0]])), "open", "1 running: team-9/import"),
    "rollouts-settled": (cluster(deployment("api", "team-3", on=[NODES[2]], updated=0)), "failed", "team-3/api"),
    "budgets-allow": (
        cluster(
            deployment("db", "team-3", on=[NODES[0]]),
            budget("db", "team-3", app="db", min_available=1, allowed=0, healthy=1, desired=1, expected=1),
        ),
        "failed",
        "team-3/db allows 0",
    ),
    "everything-read": (cluster(missing=(Missing("secrets", "forbidden", "x"),)), "unknown", "secrets: forbidden"),
}


@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize("box", BAD)
def test_what_is_wrong_fails_its_box_and_only_that(box: str) -> None:
    seen, state, reading = BAD[box]
    found = boxes("before", seen)
    assert found[box].state == state
    assert reading in found[box].reading, "the object is named"
    others = {id for id, item in found.items() if item.state == "failed" and id != box}
    assert not others, f"{others} failed for no reason of their own"


def test_room_is_judged_with_a_node_out() -> None:
    tight = cluster(*(deployment(f"big-{n}", "team-3", on=[name], template=None) for n, name in enumerate(NODES)))
    assert boxes("before", tight)["room"].state == "done"
    full = inventory(
        *(node(name, cpu=250, info=NodeInfo(boot_id="b")) for name in NODES),
        *(deployment(f"app-{n}", "team-3", on=[name, name]) for n, name in enumerate(NODES)),
        identity=PLAN.cluster,
    )
    found = boxes("before", full)["room"]
    assert found.state == "failed"
    assert "short of cpu" in found.reading


def test_what_could_not_be_read_is_unknown_not_done() -> None:
    seen = cluster(missing=(Missing("poddisruptionbudgets", "forbidden", "whether a drain is held"),))
    found = boxes("before", seen)
    assert found["budgets-allow"].state == "unknown", "a box must not be ticked over what nobody could read"
    assert "forbidden" in found["budgets-allow"].reading
    assert boxes("after", seen)["budgets-whole"].state == "unknown"


@pytest.mark.parametrize(
    ("forecast", "state", "word"),
    [
        (None, "failed", "no forecast"),
        (sample_forecast(PLAN), "done", "fits"),
        (replace(sample_forecast(PLAN), verdict="does-not-fit"), "failed", "does not fit"),
        (replace(sample_forecast(PLAN), made_at="2026-11-29T20:00:00Z"), "failed", "older than 24 h"),
        (
            replace(sample_forecast(PLAN), doubts=("budgets could not be read",)),
            "unknown",
            "as far as is known: budgets",
        ),
        (replace(sample_forecast(PLAN), plan_digest="sha256:other"), "failed", "no forecast of this plan"),
    ],
)
def test_the_rehearsal_box(forecast: Any, state: str, word: str) -> None:
    found = boxes("before", cluster(), forecast=forecast)["rehearsed"]
    assert (found.state, word in found.reading) == (state, True), found.reading


def test_platform_tests_are_asked_for_on_sc_and_wc_only() -> None:
    assert boxes("before", cluster())["platform-tests"].state == "not-applicable"
    found = boxes("before", cluster(), role="wc")["platform-tests"]
    assert found.state == "open"
    assert found.how == "./bin/ck8s test wc"


def test_after_a_good_night_everything_computed_is_done() -> None:
    found = boxes("after", cluster(booted="2", kernel="6.1.0-30"), baseline=cluster())
    computed = {id: item.state for id, item in found.items() if item.by == "shipkeeper"}
    assert set(computed.values()) <= {"done", "not-applicable"}, computed
    assert found["kernels"].reading == "6.1.0-29 → 6.1.0-30"
    assert found["login-grafana"].state == "not-applicable"
    seen = boxes("after", cluster(deployment("grafana", "monitoring", on=[NODES[0]])))
    assert seen["login-grafana"].state == "open", "Grafana runs here: somebody has to log in"


def _after(box: str) -> tuple[Inventory, Inventory | None, str]:
    if box == "nodes-rebooted":
        return cluster(booted="1"), None, "not rebooted"
    if box == "cordons-lifted":
        return cluster(cordoned=NODES[2], booted="2"), None, NODES[2]
    if box == "workloads-well":
        worse = deployment("api", "team-3", on=[NODES[2]], replicas=2, ready=1)
        return cluster(worse, booted="2"), cluster(deployment("api", "team-3", on=NODES[:2])), "has 1 of 2"
    if box == "budgets-whole":
        weak = budget("db", "team-3", app="db", min_available=2, healthy=1, desired=2, expected=2)
        return cluster(weak, booted="2"), None, "1 of 2 healthy"
    gone = cluster(booted="2")
    return replace(gone, nodes=gone.nodes[:2]), cluster(), f"{NODES[2]} is gone"


@pytest.mark.parametrize(
    "box", ["nodes-rebooted", "cordons-lifted", "workloads-well", "budgets-whole", "nodes-as-before"]
)
def test_what_is_not_as_before_fails_its_box(box: str) -> None:
    now, baseline, word = _after(box)
    found = boxes("after", now, baseline=baseline)[box]
    assert found.state == "failed"
    assert word in found.reading


def test_a_workload_that_was_worse_before_does_not_fail() -> None:
    lame = deployment("api", "team-3", on=[NODES[2]], replicas=2, ready=1)
    assert boxes("after", cluster(lame, booted="2"), baseline=cluster(lame))["workloads-well"].state == "done"
    assert boxes("after", cluster(lame, booted="2"))["workloads-well"].state == "failed", "no reading from before"


def test_a_plan_without_reboots_asks_for_none() -> None:
    plan = replace(PLAN, purpose="none").sealed()
    found = boxes("after", cluster(), plan=plan)
    assert found["nodes-rebooted"].state == found["kernels"].state == "not-applicable"


def test_kernels_that_differ_or_did_not_change_are_for_a_person() -> None:
    assert boxes("after", cluster(booted="2"))["kernels"].state == "open"
    mixed = cluster(booted="2", kernel="6.1.0-30")
    odd = replace(mixed.nodes[0], info=replace(mixed.nodes[0].info, kernel="6.1.0-28"))
    assert "more than one" in boxes("after", replace(mixed, nodes=(odd, *mixed.nodes[1:])))["kernels"].reading


def test_finished_jobs_and_daemons_are_no_trouble() -> None:
    done = job("old", "team-9", on=[], facts=JobFacts(succeeded=1, finished="Complete"))
    found = boxes("before", cluster(done, daemonset("agent", on=NODES)))
    assert found["jobs-settled"].state == "done"
    failed = job("bad", "team-9", on=[], facts=JobFacts(failed=1, finished="Failed"))
    assert "1 failed: team-9/bad" in boxes("before", cluster(failed))["jobs-settled"].reading


def test_without_a_cluster_nothing_is_claimed() -> None:
    found = boxes("before", None)
    assert {
        item.state for id, item in found.items() if id not in ("rehearsed", "developers-told", "platform-tests")
    } == {"open"}
    assert sum(counts(found.values()).values()) == len(CATALOGUE["before"])


# --- the verb ------------------------------------------------------------------------------------


class Desk:
    """A person at a terminal: a state folder, a plan file, inventories."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.plan = folder / "night.plan"
        self.plan.write_bytes(msgspec.json.encode(PLAN))

    def save(self, name: str, seen: Inventory) -> str:
        inventory_file.save(seen, self.folder / name)
        return str(self.folder / name)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["checklist", *words, "--state", str(self.state)])

    def items(self, *words: str) -> dict[str, dict[str, str]]:
        result = self.run(*words, "-o", "json")
        assert result.exit_code == 0, result.stderr
        document = json.loads(result.stdout)
        assert document["kind"] == "Checklist"
        return {item["id"]: item for item in document["items"]}

    def night(self) -> None:
        journal = SqliteJournal(self.state / "journal.db")
        for at_ms, event in night(PLAN):
            journal.append(RUN, at_ms, [event])
        journal.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.requirement("R-D1")
def test_readings_and_ticks_stay_on_record(desk: Desk) -> None:
    before = desk.save("before.inv", cluster())
    assert desk.items("before", str(desk.plan), "--from", before)["nodes-ready"]["state"] == "done"
    ticked = desk.run("before", str(desk.plan), "--tick", "users-told", "--by", "ana@example.org", "--note", "mail")
    assert ticked.exit_code == 0, ticked.stderr
    standing = desk.items("before", str(desk.plan))
    assert standing["users-told"]["state"] == "done"
    assert (standing["users-told"]["by"], standing["users-told"]["reading"]) == ("ana@example.org", "mail")
    assert standing["nodes-ready"]["reading"], "what was read stays when nothing is read anew"
    again = desk.items("before", str(desk.plan), "--from", before)
    assert again["users-told"]["state"] == "done", "reading the cluster again does not undo a person's tick"


def test_after_a_run_the_list_compares_with_what_was_read_before(desk: Desk) -> None:
    api = deployment("api", "team-3", on=NODES[:2])
    desk.run("before", str(desk.plan), "--from", desk.save("before.inv", cluster(api)))
    desk.night()
    worse = deployment("api", "team-3", on=[NODES[2]], replicas=2, ready=1)
    found = desk.items("after", RUN, "--from", desk.save("after.inv", cluster(worse, booted="2", kernel="6.1.0-30")))
    assert found["workloads-well"]["state"] == "failed"
    assert "has 1 of 2 Ready" in found["workloads-well"]["reading"]
    better = desk.save("better.inv", cluster(api, booted="2", kernel="6.1.0-30"))
    assert desk.items("after", str(desk.plan), "--from", better)["workloads-well"]["state"] == "done"
    assert desk.items("after", RUN)["workloads-well"]["state"] == "done", "the plan's file and the run name one list"


def test_a_reading_during_the_run_does_not_become_the_one_from_before(desk: Desk) -> None:
    api = deployment("api", "team-3", on=NODES[:2])
    desk.run("before", str(desk.plan), "--from", desk.save("a.inv", cluster(api)))
    desk.night()
    lame = deployment("api", "team-3", on=[NODES[2]], replicas=2, ready=1)
    desk.run("before", str(desk.plan), "--from", desk.save("b.inv", cluster(lame)))
    found = desk.items("after", RUN, "--from", desk.save("c.inv", cluster(lame, booted="2")))
    assert found["workloads-well"]["state"] == "failed", (
        "the reading in the middle of the run replaced the one before it"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tick", "no-such-box", "--by", "ana"), "boxes: users-told"),
        (("--tick", "users-told"), "--by NAME"),
        (("--tick", "nodes-ready", "--by", "ana"), "is not changed by a tick"),
        (("--by", "ana"), "--tick ID"),
    ],
)
def test_ticks_that_mean_nothing_are_refused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    desk.run("before", str(desk.plan), "--from", desk.save("a.inv", cluster(cordoned=NODES[0])))
    result = desk.run("before", str(desk.plan), *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_another_cluster_s_inventory_is_refused(desk: Desk) -> None:
    other = replace(cluster(), identity=replace(PLAN.cluster, uid="another"))
    result = desk.run("before", str(desk.plan), "--from", desk.save("other.inv", other))
    assert result.exit_code == 4
    assert "another cluster" in result.stderr


@pytest.mark.parametrize("output", ["table", "markdown", "html", "yaml"])
def test_every_format_says_the_same(desk: Desk, output: str) -> None:
    desk.run("before", str(desk.plan), "--from", desk.save("a.inv", cluster(cordoned=NODES[0])))
    result = desk.run("before", str(desk.plan), "-o", output)
    assert result.exit_code == 0, result.stderr
    assert "is cordoned" in result.stdout
    assert "backups-recent" in result.stdout or "newest backup" in result.stdout


@pytest.mark.requirement("R-H1")
def test_a_pod_that_was_not_well_before_does_not_fail_the_box_and_is_named() -> None:
    lame = deployment("mailer", "team-3", on=[NODES[2]], pod_fields={"ready": False})
    found = boxes("after", cluster(lame, booted="2"), baseline=cluster(lame))["pods-healthy"]
    assert found.state == "done", "what was broken before would hold every night for ever"
    assert "as before" in found.reading, "what is not well has to be named all the same"
    assert boxes("after", cluster(lame, booted="2"))["pods-healthy"].state == "failed", "no reading from before"
