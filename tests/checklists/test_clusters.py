"""One list over a service and a workload cluster; and the gate that reads it before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import read_platform
from shipkeeper.app.standing import read_all
from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import Waived
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import NodeInfo
from shipkeeper.model.operands import Backup, Certificate
from shipkeeper.model.plan import Plan
from shipkeeper.model.run import StateChanged, StepOutcome
from shipkeeper.model.time import HOUR, parse_instant
from shipkeeper.ports.gates import GateReading
from tests import builders as b
from tests.evidence.sample_run import NODES, OPENS_MS, RUN, night, sample_plan

PLAN = sample_plan()
SC = ClusterIdentity(uid="uid-of-sc", server_version="v1.34.4", name="")
READ_MS = OPENS_MS - 2 * HOUR

FILE = """
name: payments
zone: Europe/Stockholm
environments:
  - name: production
    production: {production}
    follows: ""
    clusters:
      - {{name: service, role: {sc}, uid: uid-of-sc, context: prod-sc}}
      - {{name: work, role: {wc}, uid: 5b1c-kube-system, context: prod-wc}}
      - {{name: lab, role: single, uid: uid-of-lab}}
people: [{{name: on-call, roles: [on-call]}}, {{name: lead, roles: [lead]}}]
"""


def cluster(identity: ClusterIdentity, *more: Any, taken_ms: int = READ_MS, **fields: Any) -> Inventory:
    """A small cluster in which nothing is wrong, with a backup of this morning."""
    backup = Backup("velero", "velero", "nightly", "Completed", completed=True, started_ms=taken_ms - 12 * HOUR)
    names = NODES if identity == PLAN.cluster else ("sc-1", "sc-2")
    info = {name: NodeInfo(boot_id=f"boot-{name}-1", kernel="6.1.0-29", kubelet="v1.34.4") for name in names}
    nodes = [b.node(name, info=info[name]) for name in names]
    app = b.deployment("web", "team-3", on=names[:2])
    return b.inventory(*nodes, app, *more, identity=identity, taken_ms=taken_ms, **({"backups": (backup,)} | fields))


WORK, SERVICE = cluster(PLAN.cluster), cluster(SC)


class Team:
    """A plan for the workload cluster, and verbs about it."""

    def __init__(self, folder: Path, *, production: str = "true", roles: tuple[str, str] = ("sc", "wc")) -> None:
        self.folder, self.state = folder, State.open(folder / "state")
        self.file, self.plan = folder / "shipkeeper.yaml", folder / "night.plan"
        self.file.write_text(FILE.format(production=production, sc=roles[0], wc=roles[1]))
        self.plan.write_bytes(msgspec.json.encode(PLAN))

    def run(self, *words: str, when: str = "before") -> Result:
        known = ["--platform", str(self.file), "--state", str(self.state.folder)]
        return CliRunner().invoke(main, ["checklist", when, str(self.plan), *words, *known])

    def read(self, *inventories: Inventory, words: tuple[str, ...] = ()) -> dict[str, Any]:
        sources = []
        for i, inventory in enumerate(inventories):
            path = self.folder / f"{i}.inv"
            inventory_file.save(inventory, path)
            sources += ["--from", str(path)]
        result = self.run(*sources, *words, "-o", "json")
        assert result.exit_code == 0, result.stderr
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def gate(self, at_ms: int = OPENS_MS, plan: Plan = PLAN) -> GateReading:
        platform, _ = read_platform(self.file)
        return next(one for one in read_all(plan, platform, self.state, at_ms) if one.gate == "checklist-before")

    def tick_all(self) -> None:
        """A person sees to every box that waits for one."""
        for item in self.read()["items"]:
            if item["state"] in ("open", "unknown"):
                done = self.run("--tick", item["id"], "--cluster", item["cluster"], "--by", "on-call", "--note", "seen")
                assert done.exit_code == 0, done.stderr


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.mark.requirement("R-D1")
def test_a_service_and_a_workload_cluster_are_one_list_with_a_section_each(team: Team) -> None:
    found = team.read(WORK, SERVICE)
    assert [(one["name"], one["role"], one["planned"]) for one in found["clusters"]] == [
        ("work", "wc", True),
        ("service", "sc", False),
    ], "the plan's own cluster comes first"
    boxes = {(item["cluster"], item["id"]): item for item in found["items"]}
    for name in ("work", "service"):
        assert boxes[(name, "pods-healthy")]["state"] == "done"
        assert boxes[(name, "backups-recent")]["state"] == "done"
        assert boxes[(name, "platform-tests")]["state"] == "open"
    assert boxes[("work", "platform-tests")]["how"] == "./bin/ck8s test wc"
    assert boxes[("service", "platform-tests")]["how"] == "./bin/ck8s test sc"
    assert boxes[("service", "nodes-ready")]["how"] == "kubectl --context prod-sc get nodes", "to be pasted as it is"
    assert ("service", "users-told") not in boxes, "people are told once"
    assert not any(cluster == "lab" for cluster, _ in boxes), "a cluster of another kind is no part of it"
    table = team.run().stdout
    assert "work (workload cluster):" in table
    assert "service (service cluster):" in table
    assert "### service" in team.run("-o", "markdown").stdout
    assert "<h3>service</h3>" in team.run("-o", "html").stdout


@pytest.mark.requirement("R-D1")
def test_a_cluster_that_nobody_read_shows(team: Team) -> None:
    found = {(item["cluster"], item["id"]): item for item in team.read(WORK)["items"]}
    assert found[("service", "pods-healthy")]["state"] == "open"
    assert "no cluster was read" in found[("service", "pods-healthy")]["reading"]
    only = team.read(words=("--cluster", "service"))
    assert {item["cluster"] for item in only["items"]} == {"service"}


def test_clusters_of_one_kind_stand_alone(tmp_path: Path) -> None:
    team = Team(tmp_path, roles=("single", "single"))
    assert {item["cluster"] for item in team.read(WORK)["items"]} == {"work"}


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("--tick", "platform-tests", "--by", "on-call"), "say which with --cluster NAME", 2),
        (("--cluster", "elsewhere"), "production has no cluster called 'elsewhere'", 2),
        (("--tick", "users-told", "--cluster", "service", "--by", "on-call"), "is not asked of service", 2),
        (("--tick", "users-told", "--by", "somebody"), "knows nobody called 'somebody'", 2),
        (("--tick", "users-told", "--waive", "room", "--by", "on-call"), "give one of the two", 2),
        (("--waive", "users-told", "--by", "on-call"), "needs a reason", 2),
        (("--waive", "nodes-ready", "--cluster", "work", "--by", "on-call", "--note", "x"), "nothing to set aside", 2),
        (("--live", "--cluster", "lab"), "no context for lab", 2),
    ],
)
def test_words_that_mean_no_box_are_refused(team: Team, words: tuple[str, ...], said: str, code: int) -> None:
    team.read(WORK, SERVICE)
    result = team.run(*words)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_an_inventory_of_a_cluster_that_does_not_belong_is_refused(team: Team) -> None:
    for name, uid in (("lab", "uid-of-lab"), ("stranger", "uid-of-nobody")):
        path = team.folder / f"{name}.inv"
        inventory_file.save(replace(WORK, identity=ClusterIdentity(uid=uid)), path)
        result = team.run("--from", str(path))
        assert (result.exit_code, "another cluster" in result.stderr) == (4, True), f"{name}: {result.stderr}"
    twice = team.folder / "0.inv"
    inventory_file.save(WORK, twice)
    assert "give each cluster once" in team.run("--from", str(twice), "--from", str(twice)).stderr


def test_after_the_run_each_cluster_is_compared_with_its_own_reading(team: Team) -> None:
    lame = b.deployment("api", "team-3", on=["sc-1"], pod_fields={"ready": False})
    team.read(WORK, cluster(SC, lame))
    journal = SqliteJournal(team.state.journal_path)
    for at_ms, event in night(PLAN):
        journal.append(RUN, at_ms, [event])
    journal.close()
    inventory_file.save(cluster(SC, lame, taken_ms=OPENS_MS + 8 * HOUR), team.folder / "after.inv")
    result = team.run("--from", str(team.folder / "after.inv"), "-o", "json", when="after")
    found = {(item["cluster"], item["id"]): item for item in json.loads(result.stdout)["items"]}
    assert found[("service", "pods-healthy")]["state"] == "done", "what was broken there before is as before"
    assert "as before" in found[("service", "pods-healthy")]["reading"]
    assert ("service", "nodes-rebooted") not in found


# --- the gate --------------------------------------------------------------------------------------


@pytest.mark.requirement("R-D1")
def test_in_production_nothing_begins_before_every_cluster_is_read_and_every_box_ticked(team: Team) -> None:
    assert "nobody has read the checklist of work, service" in team.gate().reason
    team.read(WORK)
    assert "nobody has read the checklist of service" in team.gate().reason
    team.read(SERVICE)
    reading = team.gate()
    assert (reading.state, "nobody has seen to" in reading.reason) == ("closed", True)
    assert "--tick" in reading.fix
    team.tick_all()
    assert team.gate().state == "open", team.gate().reason


@pytest.mark.requirement("R-D1")
@pytest.mark.parametrize(
    ("sick", "words"),
    [
        (cluster(SC, b.pod("sick", "team-9", on="sc-1", ready=False)), "pods-healthy (service) failed"),
        (cluster(SC, backups=()), "backups-recent (service) unknown"),
    ],
    ids=["failed", "unknown"],
)
@pytest.mark.parametrize("production", ["true", "false"])
def test_a_failed_or_unknown_box_of_either_cluster_holds_everywhere(
    tmp_path: Path, sick: Inventory, words: str, production: str
) -> None:
    team = Team(tmp_path, production=production)
    team.read(WORK, sick)
    reading = team.gate()
    assert (reading.state, words in reading.reason) == ("closed", True), reading.reason


def test_outside_production_open_boxes_and_a_list_that_nobody_read_hold_nothing(tmp_path: Path) -> None:
    team = Team(tmp_path, production="false")
    assert team.gate().state == "open"
    assert "was not read" in team.gate().reading, "that nobody looked is on record"
    team.read(WORK, SERVICE)
    assert team.gate().state == "open", team.gate().reason


def test_without_a_platform_file_a_list_that_was_read_still_holds(tmp_path: Path) -> None:
    team = Team(tmp_path)
    team.file.write_text("name: payments\n")
    assert team.gate().state == "open"
    sick = replace(WORK, nodes=(replace(WORK.nodes[0], unschedulable=True), *WORK.nodes[1:]))
    team.read(sick)
    assert "nodes-ready failed" in team.gate().reason


def test_a_reading_of_yesterday_does_not_count(team: Team) -> None:
    team.read(WORK, SERVICE)
    team.tick_all()
    later = replace(
        PLAN, window=replace(PLAN.window, opens_at="2026-12-03T22:00:00+01:00", closes_at="2026-12-04T05:00:00+01:00")
    )
    assert team.gate().state == "open"
    assert PLAN.digest == later.digest, "only the gate's own look at the window is tested here"
    reading = team.gate(parse_instant("2026-12-03T21:00:00Z"), later)
    assert (reading.state, "before it begins" in reading.reason) == ("closed", True), reading


@pytest.mark.requirement("R-D1")
def test_a_box_is_set_aside_on_record_for_this_plan_only(team: Team) -> None:
    sick = cluster(SC, b.pod("sick", "team-9", on="sc-1", ready=False))
    team.read(WORK, sick)
    team.tick_all()
    words = ("--waive", "pods-healthy", "--cluster", "service", "--by", "lead", "--note", "team-9 knows, not ours")
    done = team.run(*words, "-o", "json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    (aside,) = document["waived"]
    assert (aside["id"], aside["cluster"], aside["by"]) == ("pods-healthy", "service", "lead")
    box = next(i for i in document["items"] if (i["id"], i["cluster"]) == ("pods-healthy", "service"))
    assert box["state"] == "failed", "what a cluster was seen to be is not changed by a waiver"
    assert "set aside by lead: team-9 knows" in team.run().stdout
    reading = team.gate()
    assert reading.state == "open", reading.reason
    assert "1 set aside" in reading.reading
    (record,) = Logbook.of(team.state, read_platform(team.file)[0]).of_kind(Waived)
    assert record.subject == f"{PLAN.digest} service/pods-healthy"
    known = ["--platform", str(team.file), "--state", str(team.state.folder)]
    whole = CliRunner().invoke(
        main, ["windows", "waive", "checklist-before", str(team.plan), "--reason", "x", "--by", "lead", *known]
    )
    assert whole.exit_code == 2, "a waiver of the whole list would cover what goes wrong tomorrow"
    assert "--waive BOX" in whole.stderr
    another = replace(PLAN, notes=("another",)).sealed()
    assert team.gate(plan=another).state == "closed", "a waiver of one plan opens another"


def test_a_look_in_the_middle_of_the_run_does_not_hold_it(team: Team) -> None:
    team.read(WORK, SERVICE)
    team.tick_all()
    journal = SqliteJournal(team.state.journal_path)
    told = night(PLAN)
    for at_ms, event in told[: len(told) // 2]:
        journal.append(RUN, at_ms, [event])
    team.read(replace(WORK, nodes=(replace(WORK.nodes[0], unschedulable=True), *WORK.nodes[1:])))
    reading = team.gate(OPENS_MS + HOUR)
    assert reading.state == "open", f"the run's own cordon closed its gate: {reading.reason}"
    for at_ms, event in told[len(told) // 2 :]:
        journal.append(RUN, at_ms, [event])
    journal.close()
    assert team.gate(OPENS_MS + HOUR).state == "closed", "a second run of the plan begins with a list of its own"


def test_the_agreement_is_the_gate_s_own_word(team: Team) -> None:
    box = next(item for item in team.read(WORK)["items"] if item["id"] == "window-agreed")
    assert (box["state"], box["by"]) == ("failed", "shipkeeper")
    assert "nobody agreed to it" in box["reading"]


def test_a_run_that_was_held_before_its_first_effect_has_not_begun(team: Team) -> None:
    journal = SqliteJournal(team.state.journal_path)
    journal.append(RUN, OPENS_MS, [night(PLAN)[0][1], StepOutcome(step="z1-worker-1/cordon", state="held")])
    journal.close()
    assert team.gate().state == "closed", "resuming a run that was held at this very gate would walk through it"


def test_a_cluster_too_big_to_reckon_in_passing_is_left_to_a_person(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shipkeeper.app.checklist_told.MOST_PODS", 1)
    boxes = {item["id"]: item for item in team.read(WORK)["items"] if item["cluster"] == "work"}
    assert boxes["sized"]["state"] == boxes["go-live"]["state"] == "open"
    assert "shipkeeper report readiness" in boxes["sized"]["reading"]


def test_what_is_read_after_a_run_was_held_at_its_gate_is_the_state_before_it(team: Team) -> None:
    lame = b.deployment("api", "team-3", on=NODES[:1], pod_fields={"ready": False})
    told = night(PLAN)
    journal = SqliteJournal(team.state.journal_path)
    journal.append("run-0", READ_MS, [told[0][1], StateChanged(state="held", reason="nobody has read the checklist")])
    team.read(cluster(PLAN.cluster, lame))
    for at_ms, event in told:
        journal.append(RUN, at_ms, [event])
    journal.close()
    inventory_file.save(cluster(PLAN.cluster, lame, taken_ms=OPENS_MS + 8 * HOUR), team.folder / "after.inv")
    result = team.run("--from", str(team.folder / "after.inv"), "-o", "json", when="after")
    box = next(item for item in json.loads(result.stdout)["items"] if item["id"] == "pods-healthy")
    assert box["state"] == "done", f"what was broken before the night is laid at its door: {box['reading']}"


def test_a_certificate_that_ends_before_the_window_after_this_one_fails(team: Team) -> None:
    team.file.write_text(
        team.file.read_text().replace(
            "    clusters:\n",
            "    windows: [{name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: UTC}]\n"
            "    clusters:\n",
        )
    )
    ends = {name: parse_instant(f"{name}T12:00:00Z") for name in ("2026-12-20", "2027-02-01")}
    both = tuple(Certificate("web", name, ready="True", not_after_ms=at) for name, at in ends.items())
    items = team.read(cluster(PLAN.cluster, certificates=both), words=("--cluster", "work"))["items"]
    box = next(item for item in items if item["id"] == "certificates-last")
    assert box["state"] == "failed"
    assert "web/2026-12-20" in box["reading"], "between two windows nobody is there to renew it"
    assert "web/2027-02-01" not in box["reading"]
