"""Staging before production: what counts as tried there, and how long people had to look."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shipkeeper.assessment.standing.past import NodeTurn, PastRun, past_run
from shipkeeper.assessment.standing.staging import (
    LONGEST_MS,
    Tried,
    last_done_here,
    staging_first,
    tried_by_hand,
    tried_by_runs,
)
from shipkeeper.assessment.standing.work import Work, work_of
from shipkeeper.knowledge.schedule import merged_schedule
from shipkeeper.model.book import WorkRecorded
from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import ClusterConfig, Environment
from shipkeeper.model.time import DAY, MINUTE, parse_instant
from shipkeeper.model.workdays import ClosedDays
from tests.execution.stage import RUN, Stage

ZONE = "Europe/Stockholm"
PRODUCTION = Environment(name="production", follows="staging", clusters=(ClusterConfig(name="p"),))
NIGHT = parse_instant("2026-12-01T22:00:00+01:00")
TUESDAY = parse_instant("2026-11-24T23:00:00+01:00")
WORK = Work(kind="nodes/reboot", tasks=("node-os",), content=("os",))


def gate(*tried: Tried, since_ms: int = 0, at_ms: int = NIGHT, closed: ClosedDays | None = None, **env: Any) -> Any:
    return staging_first(replace(PRODUCTION, **env), WORK, tried, since_ms, closed or ClosedDays(), ZONE, at_ms)


# --- the gate ------------------------------------------------------------------------------


@pytest.mark.requirement("R-C3")
def test_the_same_work_five_working_days_before_opens_it() -> None:
    reading = gate(Tried(TUESDAY, "run-s1"))
    assert reading.is_open
    assert "run-s1 on staging ended 2026-11-24T23:00:00+01:00: 5 working days before, 5 wanted" in reading.reading


@pytest.mark.requirement("R-C3")
def test_too_soon_says_from_when_it_may_be_done() -> None:
    reading = gate(Tried(TUESDAY + DAY, "run-s1"))
    assert reading.state == "closed"
    assert "4 working days before, 5 wanted; not before 2026-12-02T17:00:00+01:00" in reading.reason
    assert gate(Tried(TUESDAY + DAY, "run-s1"), at_ms=parse_instant("2026-12-02T17:00:00+01:00")).is_open


def test_what_people_know_of_holidays_stands_in_the_reading() -> None:
    closed = ClosedDays(unknown="national holidays of SE are not known")
    assert "national holidays of SE are not known" in gate(Tried(TUESDAY, "run-s1"), closed=closed).reading


def test_nothing_tried_there_closes_it() -> None:
    reading = gate()
    assert reading.state == "closed"
    assert "nothing of this kind has been finished on staging" in reading.reason
    assert "windows waive staging-first" in reading.fix
    assert "shipkeeper record node-os --environment staging --by WHO" in reading.fix


def test_what_was_tried_before_these_nodes_last_turn_is_used_up() -> None:
    reading = gate(Tried(TUESDAY, "run-s1"), since_ms=TUESDAY + DAY)
    assert reading.state == "closed"
    assert "is from before these nodes' last maintenance" in reading.reason


def test_longer_ago_than_a_quarter_is_another_change() -> None:
    assert gate(Tried(NIGHT - LONGEST_MS + MINUTE, "run-s1")).is_open
    reading = gate(Tried(NIGHT - LONGEST_MS - MINUTE, "run-s1"))
    assert reading.state == "closed"
    assert "more than 92 days ago" in reading.reason


def test_a_newer_trial_that_people_had_no_time_for_is_named() -> None:
    reading = gate(Tried(TUESDAY, "run-s1"), Tried(NIGHT - DAY, "run-s2"))
    assert reading.is_open
    assert "run-s2 ended there since" in reading.reading


def test_a_trial_in_the_future_counts_for_nothing() -> None:
    assert gate(Tried(NIGHT + DAY, "run-s1")).state == "closed"


@pytest.mark.requirement("R-C3")
@pytest.mark.parametrize(
    ("env", "state", "words"),
    [
        ({"follows": None}, "closed", "does not say which environment gets a change before production"),
        ({"follows": ""}, "open", "nothing goes before production"),
        ({"follows": None, "production": False}, "open", "is not production"),
        ({"follows": "staging", "production": False}, "closed", "nothing of this kind"),
    ],
    ids=["nobody said", "said: none", "not production", "a chain of three"],
)
def test_which_environment_goes_first_has_to_be_said(env: dict[str, Any], state: str, words: str) -> None:
    reading = gate(**env)
    assert reading.state == state
    assert words in reading.reason or words in reading.reading


@given(st.integers(0, 30), st.integers(0, 10))
def test_more_time_never_closes_it_within_the_quarter(days: int, skew: int) -> None:
    tried = Tried(TUESDAY, "run-s1")
    if gate(tried, at_ms=TUESDAY + days * DAY, skew=skew).is_open:
        assert gate(tried, at_ms=TUESDAY + (days + 1) * DAY, skew=skew).is_open


# --- what counts as tried ------------------------------------------------------------------


def finished(**changes: Any) -> PastRun:
    played = Stage(**changes)
    played.play()
    found = past_run(played.journal.read(RUN))
    assert found is not None
    return found


def test_a_finished_run_of_the_same_kind_counts() -> None:
    run = finished()
    assert run.state == "done"
    assert run.kind == "nodes/reboot"
    assert [turn.name for turn in run.nodes] == ["n1", "n2", "n3"]
    assert tried_by_runs([run], WORK) == (Tried(run.ended_ms, RUN),)
    assert not tried_by_runs([finished(action="none")], WORK), "draining is not rebooting"
    assert not tried_by_runs([run], replace(WORK, component="keycloak", what="26.1 → 26.4"))


def test_a_run_that_did_not_reach_its_end_proves_nothing() -> None:
    played = Stage()

    async def aborts(played: Stage) -> None:
        await played.kernel.sleep(3 * MINUTE)
        played.say("abort")

    assert played.play(aborts).state == "aborted"
    run = past_run(played.journal.read(RUN))
    assert run is not None
    assert not tried_by_runs([run], WORK)


def test_only_another_plan_s_turn_uses_a_trial_up() -> None:
    run = finished()
    assert last_done_here([run], run.plan) == 0, "going on with the same plan is the same maintenance"
    again = replace(run.plan, notes=("again",)).sealed()
    assert last_done_here([run], again) == max(turn.done_ms for turn in run.nodes)
    other = replace(again, nodes=tuple(replace(node, uid="other-" + node.uid) for node in again.nodes)).sealed()
    assert last_done_here([run], other) == 0, "other machines have not had their turn"
    nameless = replace(run, nodes=(NodeTurn("n1", "", 5),))
    assert last_done_here([nameless], again) == 0


def test_work_by_other_means_counts_once_its_day_is_over() -> None:
    record = WorkRecorded(
        runbook="node-os", component="nodes", by=("kim",), done_on="2026-11-24", environment="staging"
    )
    (tried,) = tried_by_hand([record], "staging", WORK, ZONE)
    assert tried.ended_ms == parse_instant("2026-11-25T00:00:00+01:00")
    assert gate(tried).is_open
    assert not tried_by_hand([record], "production", WORK, ZONE)
    assert not tried_by_hand([replace(record, runbook="keycloak")], "staging", WORK, ZONE)
    assert tried_by_hand([replace(record, runbook="nodes/reboot")], "staging", WORK, ZONE)


def test_a_component_s_change_is_recognised_by_what_changed() -> None:
    work = Work(kind="component/upgrade", component="kyverno", what="1.12.5 → 1.13.4")
    record = WorkRecorded(
        runbook="kyverno", component="kyverno", by=("kim",), done_on="2026-11-24", change="1.12.5->1.13.4"
    )
    assert work.is_like(record)
    assert not work.is_like(replace(record, change="1.12.5 → 1.13.3"))
    assert not work.is_like(replace(record, component="falco"))


def test_a_record_with_a_date_that_is_none_is_an_error_and_not_a_pass() -> None:
    record = WorkRecorded(runbook="node-os", component="nodes", by=("kim",), done_on="last week", environment="staging")
    with pytest.raises(BadInput, match="last week"):
        tried_by_hand([record], "staging", WORK, ZONE)


def test_the_schedule_says_whether_nodes_need_a_window() -> None:
    plan = Stage().plan
    work = work_of(plan, merged_schedule(()))
    assert work.needs_window
    assert work.tasks
    rows = tuple(replace(task, needs_window="no") for task in merged_schedule(()) if task.action == "nodes")
    assert not work_of(plan, rows).needs_window
    assert work_of(plan, ()).needs_window, "a schedule that says nothing does not say no"
