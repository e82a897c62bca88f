"""A human check is on record when somebody whose word counts has answered every question about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipkeeper.app.attestations import attested_facts, read_answers
from shipkeeper.knowledge.schedule import attestable, default_schedule, go_live_tests, merged_schedule
from shipkeeper.model.book import Attested
from shipkeeper.model.errors import Problems
from shipkeeper.model.schedule import Task
from tests.people.desk import Desk

AUDIT = next(task for task in default_schedule() if task.id == "provider-audit")
ANSWERS = [word for i in range(1, 7) for word in ("--answer", f"{i}=seen, see the file")]


@pytest.mark.requirement("R-A3")
@pytest.mark.parametrize(
    "aspect", ["technical", "organisational", "legal", "encrypted at rest", "ISO 27001", "jurisdiction"]
)
def test_the_provider_audit_asks_for_each_aspect_that_the_guide_names(aspect: str) -> None:
    assert any(aspect.lower() in question.lower() for question in AUDIT.questions)
    assert AUDIT.recurs == ("yearly",)


@pytest.mark.requirement("R-A3")
def test_the_other_human_checks_are_on_the_schedule_with_questions() -> None:
    rows = {task.id: task for task in default_schedule()}
    assert any("design principles" in question for question in rows["application-audit"].questions)
    assert any("full-disk encryption" in question.lower() for question in rows["laptop-hygiene"].questions)
    for name in ("provider-audit", "application-audit", "laptop-hygiene"):
        assert rows[name].attested_by, f"anybody at all could attest {name}"


@pytest.mark.requirement("R-A3")
def test_an_attestation_is_recorded_and_due_shows_it_as_last_done(desk: Desk) -> None:
    before = {item["id"]: item for item in desk.json("due", "--at", "2026-11-24T12:00:00Z")["items"]}
    assert before["provider-audit"]["state"] == "unknown", "a check that nobody recorded is not fine"
    desk.ok("attest", "provider-audit", "--by", "security officer", "--on", "2026-10-01", *ANSWERS)
    (said,) = desk.book.of_kind(Attested)
    assert (said.by, said.done_on) == ("security officer", "2026-10-01")
    assert set(said.answers) == set(AUDIT.questions), "an answer without its question says nothing in a year"
    assert said.identity, "who was logged in belongs to the record"
    after = {item["id"]: item for item in desk.json("due", "--at", "2026-11-24T12:00:00Z")["items"]}
    assert after["provider-audit"]["lastDone"].startswith("2026-10-01")
    assert after["provider-audit"]["nextDue"].startswith("2027-10-01")
    assert attested_facts(desk.book)["provider-audit"] == said


@pytest.mark.requirement("R-A3")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--by", "on-call", *ANSWERS), 4, "it takes the word of security or auditor"),
        (("--by", "on-call", *ANSWERS), 4, "ask security officer"),
        (("--by", "somebody", *ANSWERS), 2, "knows nobody called 'somebody'"),
        (ANSWERS, 2, "nobody is named"),
        (("--by", "security officer", *ANSWERS[:-2]), 2, "no answer to question 6"),
        (("--by", "security officer", *ANSWERS[:-2], "--answer", "6= "), 2, "there is no answer in '6= '"),
        (("--by", "security officer", *ANSWERS, "--answer", "9=yes"), 2, "there is no question 9"),
        (("--by", "security officer", *ANSWERS, "--answer", "1=no"), 2, "answered twice"),
        (("--by", "security officer", "--answer", "Technical=yes"), 2, "could be question 1, 2"),
        (("--by", "security officer", *ANSWERS, "--on", "2199-01-01"), 2, "still to come"),
        (("--by", "security officer", *ANSWERS, "--on", "20260101"), 2, "is not a date"),
        (("--by", "security officer", *ANSWERS, "--on", "2026-02-30"), 2, "is not a date"),
        (("--by", "security officer", *ANSWERS, "--environment", "prod"), 2, "environments: staging, production"),
    ],
)
def test_a_word_that_does_not_count_is_refused_and_leaves_nothing(
    desk: Desk, words: tuple[str, ...], code: int, said: str
) -> None:
    found, stderr = desk.refused("attest", "provider-audit", *words)
    assert said in stderr
    assert found == code


def test_every_missing_answer_is_told_at_once(desk: Desk) -> None:
    _, stderr = desk.refused("attest", "provider-audit", "--by", "security officer")
    assert [f"question {i}:" in stderr for i in range(1, 7)] == [True] * 6
    assert '--answer "3=…"' in stderr


def test_work_is_recorded_and_not_attested(desk: Desk) -> None:
    assert "shipkeeper record keycloak" in desk.refused("attest", "keycloak", "--by", "on-call")[1]
    assert "did you mean provider-audit?" in desk.refused("attest", "provideraudit", "--by", "on-call")[1]


def test_answers_are_found_by_number_or_by_words() -> None:
    words = ["1=a", "networks and storage=b=c", "ISO 27001 = d ", f"{AUDIT.questions[3]}=e"]
    assert list(read_answers(AUDIT, words).values()) == ["a", "b=c", "d", "e"]
    with pytest.raises(Problems) as caught:
        read_answers(AUDIT, ["0=x", "nonsense=y", "=z"])
    assert len(caught.value.problems) == 3


def test_without_people_in_the_platform_file_roles_cannot_be_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, team="")
    result = desk.run("attest", "provider-audit", "--by", "anybody", *ANSWERS)
    assert result.exit_code == 0, result.stderr
    assert "nobody could tell whether anybody has the role" in result.stderr


def test_the_list_shows_what_nobody_ever_attested(desk: Desk) -> None:
    desk.ok("attest", "provider-audit", "--by", "security officer", "--on", "2026-10-01", *ANSWERS)
    desk.ok("attest", "provider-audit", "--by", "security officer", "--on", "2025-10-01", *ANSWERS)
    items = {item["task"]: item for item in desk.json("attest", "--list")["items"]}
    assert items["provider-audit"]["last"]["doneOn"] == "2026-10-01", "an older one recorded later is not the newest"
    assert items["laptop-hygiene"]["last"] is None
    table = desk.ok("attest", "--list")
    assert "never" in table
    assert "Next: shipkeeper attest application-audit" in table
    assert "2026-10-01" in desk.ok("attest", "--list", "-o", "markdown")


def test_tests_before_going_live_are_attested_and_on_no_calendar() -> None:
    tests = {task.id for task in go_live_tests()}
    assert tests == {"load-test", "recovery-test", "redeploy-test"}
    assert not tests & {task.id for task in default_schedule()}
    assert tests <= {task.id for task in attestable(())}


def test_a_platform_may_put_such_a_test_on_its_calendar() -> None:
    own = Task(id="load-test", task="Yearly load test", level="recurring", cadence="yearly", needs_window="None")
    row = next(task for task in merged_schedule([own]) if task.id == "load-test")
    assert row.questions, "on the calendar it would be due and could not be attested"
    assert [task.task for task in attestable([own]) if task.id == "load-test"] == ["Yearly load test"]


def test_on_a_terminal_it_asks_for_what_was_not_given(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipkeeper.cli.attest._asks", lambda output: True)
    result = desk.run(
        "attest", "laptop-hygiene", "--answer", "2=yes", typed="platform lead\n12 of 12\nwithin the hour\n"
    )
    assert result.exit_code == 0, result.stderr
    assert "1/3 Full-disk encryption" in result.stderr
    assert "2/3" not in result.stderr, "what was answered is not asked again"
    (said,) = desk.book.of_kind(Attested)
    assert (said.by, sorted(said.answers.values())) == ("platform lead", ["12 of 12", "within the hour", "yes"])


def test_who_may_not_say_so_is_told_before_any_question(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shipkeeper.cli.attest._asks", lambda output: True)
    result = desk.run("attest", "laptop-hygiene", typed="on-call\n")
    assert result.exit_code == 4
    assert "1/3" not in result.stderr
