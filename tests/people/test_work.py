"""Who has carried out what: from runs and from records, and what one person alone knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from shipkeeper.assessment.hands import deeds_of_run
from shipkeeper.knowledge.schedule import default_schedule
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.run import Decided, RunEnded, RunStarted
from tests.evidence.sample_run import Timed, held_night, journal_of, night, sample_plan
from tests.people.desk import Desk


def by(name: str, approver: str = "", told: list[Timed] | None = None) -> list[Timed]:
    """The sample night, carried out and approved by others."""
    found: list[Timed] = []
    for at_ms, event in night() if told is None else told:
        if isinstance(event, RunStarted):
            event = replace(event, by=name)
        if isinstance(event, Decided):
            if not approver:
                continue
            event = replace(event, by=approver)
        found.append((at_ms, event))
    return found


def skill(desk: Desk, runbook: str) -> dict[str, object]:
    found = {item["runbook"]: item for item in desk.json("people")["items"]}
    return found[runbook]


@pytest.mark.requirement("R-K1")
def test_what_one_person_alone_has_done_is_named_until_a_second_has(desk: Desk) -> None:
    assert skill(desk, "node-os")["state"] == "nobody", "nobody at all is named too"
    desk.keep("run-1", by("ana@example.org"))
    found = skill(desk, "node-os")
    assert (found["state"], found["last"]) == ("one person", "2026-12-01")
    table = desk.run("people", "--exit-code")
    assert table.exit_code == 3
    assert "only on-call has done Node OS security updates" in table.stdout, "the API's name is the person's"
    desk.keep("run-2", by("ben@example.org"))
    assert skill(desk, "node-os")["state"] == "enough"
    assert desk.run("people", "--exit-code").exit_code == 0


@pytest.mark.requirement("R-K1")
@pytest.mark.parametrize(
    ("starter", "approver", "remark"),
    [
        ("system:serviceaccount:shipkeeper:runner", "ben@example.org", "no person"),
        ("somebody@example.org", "", "not in people: of the platform file"),
    ],
    ids=["a service account, approved by the lead", "somebody who is not on the team"],
)
def test_a_machine_an_approver_and_somebody_who_left_do_not_know_how(
    desk: Desk, starter: str, approver: str, remark: str
) -> None:
    desk.keep("run-1", by(starter, approver))
    found = skill(desk, "node-os")
    assert found["state"] == "nobody", "nobody on the team has carried it out"
    remarks = [hand["remark"] for hand in found["hands"]]
    assert remark in remarks
    assert not approver or "approved only" in remarks


def test_only_a_run_that_was_done_counts() -> None:
    zone = "Europe/Stockholm"
    assert deeds_of_run(journal_of(held_night()), zone) == (), "a night that was held taught nobody how it ends"
    whole = journal_of(night())
    (deed,) = deeds_of_run(whole, zone)
    assert deed.on == "2026-12-01", "the day is the one people know, in the platform's zone"
    again = journal_of([*night(), (whole[-1].at_ms, RunEnded(state="failed", reason="x", seconds=1))])
    assert deeds_of_run(again, zone) == ()


def test_a_drain_without_reboots_is_another_runbook(desk: Desk) -> None:
    plan = replace(sample_plan(), purpose="none").sealed()
    desk.keep("run-1", night(plan))
    assert skill(desk, "nodes/drain")["state"] == "one person"
    assert skill(desk, "node-os")["state"] == "nobody"


@pytest.mark.requirement("R-K1")
def test_work_by_other_means_counts_for_everybody_who_did_it_and_is_due_no_more(desk: Desk) -> None:
    desk.ok(
        "record", "keycloak", "--by", "on-call", "--by", "platform lead", "--on", "2026-11-20", "--change",
        "26.1  -> 26.4", "--environment", "staging", "--recorded-by", "security officer",
    )  # fmt: skip
    (made,) = desk.book.of_kind(WorkRecorded)
    assert made.by == ("on-call", "platform lead")
    assert (made.change, made.environment) == ("26.1 → 26.4", "staging")
    assert made.recorded_by == "security officer"
    assert skill(desk, "keycloak")["state"] == "enough"
    due = {item["id"]: item for item in desk.json("due", "--at", "2026-11-24T12:00:00Z")["items"]}
    assert due["keycloak"]["lastDone"].startswith("2026-11-20")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("keycloak",), "nobody is named"),
        (("keycloak", "--by", "on-cal"), "did you mean on-call?"),
        (("keycloack", "--by", "on-call"), "did you mean keycloak?"),
        (("provider-audit", "--by", "on-call"), "shipkeeper attest provider-audit"),
        (("keycloak", "--by", "on-call", "--on", "2199-01-01"), "still to come"),
        (("keycloak", "--by", "on-call", "--environment", "stage"), "environments: staging, production"),
        (("", "--by", "on-call"), "say what was done"),
    ],
)
def test_records_that_would_mislead_are_refused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    code, stderr = desk.refused("record", *words)
    assert (code, said in stderr) == (2, True), stderr


def test_a_runbook_of_the_team_s_own_is_recorded_and_said_to_be_one(desk: Desk) -> None:
    result = desk.run("record", "rotate-ca", "--by", "on-call", "--change", "a -> b")
    assert result.exit_code == 0
    assert "no task of the schedule" in result.stderr
    assert "No --environment" in result.stderr, "production would look for it in vain"
    assert skill(desk, "rotate-ca")["component"] == "rotate-ca"


def test_what_runs_by_itself_or_is_attested_is_nobody_s_runbook(desk: Desk) -> None:
    named = {item["runbook"] for item in desk.json("people")["items"]}
    rows = {task.id: task for task in default_schedule()}
    assert "trivy-db" in rows
    assert not named & {"trivy-db", "provider-audit", "laptop-hygiene"}
    assert "hsm-audit-log" in named


def test_a_component_of_the_platform_file_that_nobody_ever_upgraded_is_named(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path,
        team="name: payments\ncomponents: [{name: harbor}, {name: Keycloak}, {name: login, product: keycloak}]\n",
    )
    found = [item for item in desk.json("people")["items"] if item["component"].lower() in ("harbor", "keycloak")]
    assert [(item["runbook"], item["state"]) for item in found] == [("harbor", "nobody"), ("keycloak", "nobody")]
    assert "nobody is on record for" in desk.ok("people")
    assert "| harbor |" in desk.ok("people", "-o", "markdown")
