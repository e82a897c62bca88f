"""What is due: computed from dates, journal and inventory; what is not known is said to be unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.assessment.due import NodeDone, facts_of
from shipkeeper.knowledge.schedule import default_schedule, merged_schedule
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform, Scope
from shipkeeper.model.run import RunStarted, StepOutcome
from shipkeeper.model.schedule import Task
from shipkeeper.model.time import DAY, parse_instant
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.ports.journal import Entry
from tests.builders import deployment, inventory, node, nodes, shape
from tests.due.asking import due

AT = parse_instant("2026-11-21T09:00:00+01:00")
STOCKHOLM = "Europe/Stockholm"
ACTIONS = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
KURED = "weave.works/kured-most-recent-reboot-needed"


def row(cadence: str, **more) -> Task:
    return Task(**{"id": "t", "task": "Work", "level": "core", "cadence": cadence, "needs_window": "None"} | more)


def one(task: Task, done: str = "", inv=None, facts=(), windows=(), at=AT):
    platform = Platform(zone=STOCKHOLM, done={task.id: done} if done else {})
    return due(platform, [task], facts, inv, at, windows)[0]


@pytest.mark.requirement("R-B1")
@pytest.mark.parametrize(
    ("cadence", "done", "state", "next_due"),
    [
        ("daily", "2026-11-20", "due", "2026-11-21"),
        ("daily", "2026-11-19", "overdue", "2026-11-20"),
        ("weekly", "2026-11-16", "ok", "2026-11-23"),
        ("weekly", "2026-11-15", "due", "2026-11-22"),
        ("weekly", "2026-11-13", "overdue", "2026-11-20"),
        ("monthly", "2026-11-04", "ok", "2026-12-04"),
        ("monthly", "2026-10-28", "due", "2026-11-28"),
        ("monthly", "2026-10-21", "due", "2026-11-21"),
        ("monthly", "2026-10-20", "overdue", "2026-11-20"),
        ("quarterly", "2026-09-02", "due", "2026-12-02"),
        ("quarterly", "2026-10-02", "ok", "2027-01-02"),
        ("yearly", "2025-12-01", "due", "2026-12-01"),
        ("yearly", "2026-01-20", "ok", "2027-01-20"),
        ("quarterly or weekly", "2026-11-13", "overdue", "2026-11-20"),
        ("monthly or on advisory", "2026-11-04", "ok", "2026-12-04"),
    ],
)
def test_dates_give_states(cadence, done, state, next_due):
    item = one(row(cadence), done)
    assert (item.state, item.next_due[:10]) == (state, next_due)
    assert item.last_done.startswith(done)


def test_overdue_says_since_when():
    assert "was due 10 days ago" in one(row("quarterly"), "2026-08-11").reason


@pytest.mark.requirement("R-B1")
@pytest.mark.parametrize(
    ("cadence", "state", "why"),
    [
        ("monthly", "unknown", "nobody has recorded"),
        ("daily (automatic)", "unknown", "whether it did is not recorded"),
        ("as released", "unknown", "newer release"),
        ("on advisory", "unknown", "advisory"),
        ("as needed", "ok", "when somebody needs it"),
        ("automatic", "ok", "by itself"),
    ],
)
def test_what_is_not_known_is_said(cadence, state, why):
    item = one(row(cadence))
    assert (item.state, item.last_done, item.next_due) == (state, "", "")
    assert why in item.reason


def _monthly_windows():
    days = ("2026-12-01", "2027-01-05", "2027-02-02")
    return [
        PlanWindow(opens_at=f"{day}T22:00:00+01:00", closes_at=f"{day}T23:00:00+01:00", zone=STOCKHOLM) for day in days
    ]


@pytest.mark.parametrize(
    ("done", "next_due", "state", "why"),
    [
        ("2026-11-03", "2026-12-01T22", "due", "in the window of Tue 1 Dec 22:00"),
        ("2026-11-20", "2026-12-20T00", "ok", "no agreed window is near its date"),
        ("2026-10-15", "2026-11-15T00", "overdue", "was due 6 days ago"),
    ],
)
def test_work_that_needs_a_window_is_due_in_the_one_that_fits(done, next_due, state, why):
    item = one(row("monthly", needs_window="yes"), done, windows=_monthly_windows())
    assert item.next_due.startswith(next_due)
    assert item.state == state
    assert why in item.reason


def test_monthly_work_in_monthly_windows_is_never_overdue_in_between():
    tied = row("monthly", needs_window="yes")
    done = "2026-12-01T22:30:00+01:00"
    for day in range(35):
        at = parse_instant(done) + day * DAY
        item = one(tied, done, windows=[w for w in _monthly_windows() if w.opens_ms >= at], at=at)
        assert item.state != "overdue", f"overdue {day} days after it was done, with the next window agreed"
        assert item.next_due.startswith("2027-01-05T22"), day


def test_work_without_a_window_keeps_its_date():
    assert one(row("quarterly"), "2026-09-30", windows=_monthly_windows()).next_due.startswith("2026-12-30")


def test_a_declared_component_counts_though_it_is_not_seen():
    task = row("quarterly", id="keycloak")
    assert one(task, "2026-09-02", inventory(node())).state == "due"
    assert one(task, "", inventory(node())).state == "ok"


def test_node_work_is_told_from_the_inventory():
    task = row("monthly", id="node-os", action="nodes")
    quiet = one(task, "2026-11-20", inventory(*nodes(3)))
    assert "reboot is unknown" in quiet.reason, "not knowing was taken for not wanting"
    assert "kernel 6.1.0-30 (3)" in quiet.reason
    wanting = inventory(node("n1", annotations={KURED: "2026-11-10T00:00:00Z"}), node("n2"))
    item = one(task, "2026-11-20", wanting)
    assert item.state == "due"
    assert "1 of 2 nodes want a reboot" in item.reason


def test_components_that_do_not_run_here_do_not_count_and_those_that_do_show_their_version():
    schedule = [
        task for task in default_schedule() if task.id in ("keycloak", "tracee-policies", "talos", "falco-rules")
    ]
    inv = inventory(
        node(), deployment("kc", on=("n1",), template=shape(images=("quay.io/keycloak/keycloak:26.4.2@sha256:00",)))
    )
    items = {item.id: item for item in due(Platform(zone=STOCKHOLM), schedule, (), inv, AT)}
    assert items["keycloak"].current == "26.4.2"
    assert items["falco-rules"].state == "ok"
    assert "no Falco runs" in items["falco-rules"].reason
    assert items["talos"].reason.endswith("no node here runs Talos")


def test_a_component_is_not_called_absent_when_only_some_namespaces_were_read():
    from shipkeeper.model.inventory import Missing

    partial = inventory(*nodes(1), missing=(Missing("other-namespaces", "not collected", "what runs there"),))
    task = next(task for task in default_schedule() if task.id == "trivy-db")
    item = one(task, inv=partial)
    assert item.state == "unknown", "a must-gather holds the platform's own namespaces: nothing is known of the others"
    assert "others were not" in item.reason
    assert one(task, inv=inventory(*nodes(1))).state == "ok"


def test_a_component_is_not_called_absent_when_pods_could_not_be_read():
    from shipkeeper.model.inventory import Missing

    inv = replace(inventory(node()), missing=(Missing("pods", "forbidden", "what runs"),))
    schedule = [task for task in default_schedule() if task.id == "falco-rules"]
    assert due(Platform(), schedule, (), inv, AT)[0].state == "unknown"


def _night(inv, names, start):
    """Entries of a run that rebooted these nodes, an hour apart."""
    plan = propose_nodes(inv, NodesRequest(names=tuple(names)), Platform(), start)
    cluster = ClusterIdentity(uid=inv.identity.uid)
    events = [(start, RunStarted(plan=plan, by="on-call", cluster=cluster))]
    for i, name in enumerate(names):
        at = start + i * 3_600_000
        events += [(at, StepOutcome(step=f"{name}/{action}", state="done")) for action in ACTIONS]
    return [Entry("run-7f3a", seq, at, event, "", "") for seq, (at, event) in enumerate(events, 1)]


@pytest.mark.requirement("R-B1")
def test_a_finished_run_marks_the_task_that_it_carries():
    inv = inventory(*nodes(3), node("cp1", control_plane=True))
    start = parse_instant("2026-11-10T22:00:00+01:00")
    facts = facts_of(_night(inv, ["n1", "n2", "n3"], start))
    assert [fact.node for fact in facts] == ["n1", "n2", "n3"]
    task = row("monthly", id="node-os", action="nodes")
    item = one(task, "2026-10-06", inv, facts)
    assert item.last_done.startswith("2026-11-10T22:00"), "the journal's date was not taken"
    assert "all 3 workers maintained, last by run-7f3a" in item.reason
    assert one(row("monthly", id="other"), "2026-10-28", inv, facts).last_done.startswith("2026-10-28")


def test_a_run_over_some_of_the_nodes_does_not_mark_the_whole():
    inv = inventory(*nodes(3))
    facts = facts_of(_night(inv, ["n1", "n2"], parse_instant("2026-11-10T22:00:00+01:00")))
    item = one(row("monthly", id="node-os", action="nodes"), "2026-10-06", inv, facts)
    assert item.last_done.startswith("2026-10-06")
    assert item.state == "overdue"
    assert "2 of 3 workers maintained" in item.reason


def test_another_machine_or_cluster_of_the_same_name_is_not_the_one_maintained():
    inv = inventory(*nodes(1))
    facts = facts_of(_night(inv, ["n1"], AT - DAY))
    task = row("monthly", id="node-os", action="nodes")
    assert one(task, inv=inv, facts=facts).state == "ok"
    replaced = inventory(node("n1", uid="uid-new"))
    assert one(task, inv=replaced, facts=facts).last_done == ""
    elsewhere = inventory(*nodes(1), identity=ClusterIdentity(uid="uid-other"))
    assert one(task, inv=elsewhere, facts=facts).last_done == ""


def test_a_node_that_did_not_serve_again_is_not_done():
    entries = _night(inventory(*nodes(1)), ["n1"], AT)
    stuck = [
        replace(entry, event=replace(entry.event, state="held"))
        if isinstance(entry.event, StepOutcome) and entry.event.step == "n1/serves"
        else entry
        for entry in entries
    ]
    assert facts_of(stuck) == ()
    drained = [e for e in entries if not isinstance(e.event, StepOutcome) or e.event.step != "n1/reboot"]
    assert facts_of(drained) == ()
    assert [f.run for f in facts_of(entries)] == ["run-7f3a"]


def test_owners_come_from_the_row_or_the_scope():
    platform = Platform(scope=(Scope(component="Keycloak", owner="security team"),))
    items = {item.id: item for item in due(platform, default_schedule(), (), None, AT)}
    assert items["keycloak"].owner == "security team"
    assert items["helm-charts"].owner == ""


@given(
    cadence=st.sampled_from(["daily", "weekly", "monthly", "quarterly", "yearly"]),
    done=st.integers(0, 800),
    later=st.integers(0, 400),
)
def test_time_only_makes_things_more_due(cadence, done, later):
    order = {state: i for i, state in enumerate(("ok", "due", "overdue"))}
    said = str(parse_day(AT - done * DAY))
    first, second = (one(row(cadence), said, at=AT + days * DAY) for days in (0, later))
    assert order[first.state] <= order[second.state], "waiting made a task less due"
    assert first.next_due == second.next_due


def parse_day(at_ms: int):
    from shipkeeper.model.time import moment

    return moment(at_ms, STOCKHOLM).date()


def test_every_default_row_has_a_known_state():
    facts = (NodeDone("n1", "u", AT, "run-1"),)
    for inv in (None, inventory(*nodes(2))):
        for item in due(Platform(), merged_schedule(()), facts, inv, AT):
            assert item.state in ("ok", "due", "overdue", "unknown")
