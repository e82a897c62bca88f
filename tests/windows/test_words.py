"""``shipkeeper windows``, as people type it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import icalendar
import pytest
import yaml
from click.testing import CliRunner, Result

from shipkeeper.app import windows as words
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.propose import save_plan
from shipkeeper.app.state import State
from shipkeeper.cli.main import main
from shipkeeper.model.book import EmergencyDeclared, Waived, WindowAgreed
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from tests.execution.stage import Stage
from tests.windows.test_calendar import FILE

PEOPLE = b"""
people:
  - {name: on-call, identity: platform-oncall}
  - {name: lead, identity: platform-lead}
  - {name: officer}
"""
STATE = ["--state", "state"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHIPKEEPER_STATE", raising=False)
    (tmp_path / "shipkeeper.yaml").write_bytes(FILE + PEOPLE)


@pytest.fixture
def plan() -> Plan:
    made = Stage().plan
    save_plan(made, "night.plan")
    return made


def call(*args: str) -> Result:
    sys.argv = ["shipkeeper", "windows", *args]
    return CliRunner().invoke(main, ["windows", *args], prog_name="shipkeeper")


def book() -> Logbook:
    return Logbook.of(State(Path("state")), Platform(name="payments"))


# --- agree ---------------------------------------------------------------------------------


@pytest.mark.requirement("R-C7")
def test_an_agreement_is_recorded_with_who_when_and_until_when() -> None:
    done = call("agree", "monthly", "--by", "shop team", "--by", "bank team", "--until", "2099-01-01", *STATE)
    assert done.exit_code == 0, done.output
    (made,) = book().of_kind(WindowAgreed)
    assert (made.environment, made.window, made.by, made.until) == (
        "production",
        "monthly",
        "shop team, bank team",
        "2099-01-01",
    )
    assert made.identity
    assert made.terms.startswith("sha256:")
    listed = json.loads(call("list", "-o", "json", *STATE).stdout)
    states = {w["agreement"]["source"] for w in listed["windows"] if w["window"] == "monthly"}
    assert states == {"logbook"}


def test_a_single_window_is_agreed_as_it_is_written() -> None:
    text = "2099-12-02T22:00/05:00 Europe/Stockholm"
    done = call("agree", text, "--by", "shop team", "--environment", "production", *STATE)
    assert done.exit_code == 0, done.output
    assert book().of_kind(WindowAgreed)[0].window == "2099-12-02T21:00:00Z/2099-12-03T04:00:00Z"
    unclear = call("agree", text, "--by", "shop team", *STATE)
    assert unclear.exit_code == 2
    assert "could be of staging or production" in unclear.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("weekly", "--by", "shop"), "there is no window called 'weekly'"),
        (("monthly", "--by", " "), "nobody is named"),
        (("monthly", "--by", "shop", "--environment", "prod"), "no environment called 'prod'"),
        (("early", "--by", "shop", "--environment", "production"), "production has no window called 'early'"),
        (("monthly", "--by", "shop", "--on", "2099-01-01"), "has not come yet"),
        (("monthly", "--by", "shop", "--on", "yesterday"), "is not a date"),
        (("monthly", "--by", "shop", "--on", "2026-01-02", "--until", "2026-01-01"), "is before"),
        (("2099-02-31T22:00/05:00", "--by", "shop", "--environment", "production"), "is not a date and time"),
    ],
)
def test_a_wrong_agreement_is_refused_and_nothing_is_kept(args: tuple[str, ...], told: str) -> None:
    done = call("agree", *args, *STATE)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not book().read()


# --- waive ---------------------------------------------------------------------------------


def test_a_waiver_is_for_one_plan_and_by_somebody_who_is_known(plan: Plan) -> None:
    done = call("waive", "staging-first", "night.plan", "--reason", "rebuilt", "--by", "lead", *STATE)
    assert done.exit_code == 0, done.output
    (made,) = book().of_kind(Waived)
    assert (made.rule, made.subject, made.reason, made.by) == ("staging-first", plan.digest, "rebuilt", "lead")
    stranger = call("waive", "staging-first", "night.plan", "--reason", "x", "--by", "led", *STATE)
    assert stranger.exit_code == 2
    assert "did you mean lead?" in stranger.stderr


@pytest.mark.parametrize(
    ("rule", "told"),
    [("not-frozen", "windows emergency"), ("node-serves", "there is no such gate"), ("window-agreed", "two people")],
)
def test_what_is_not_one_person_s_to_waive_is_not(plan: Plan, rule: str, told: str) -> None:
    done = call("waive", rule, "night.plan", "--reason", "x", "--by", "lead", *STATE)
    assert done.exit_code == 2
    assert told in done.stderr
    assert not book().read()


def test_a_waiver_without_a_reason_is_none(plan: Plan) -> None:
    assert call("waive", "staging-first", "night.plan", "--reason", " ", "--by", "lead", *STATE).exit_code == 2
    assert not book().read()


# --- emergency -----------------------------------------------------------------------------

EMERGENCY = ("emergency", "night.plan", "--reason", "exploited in the wild")


@pytest.mark.requirement("R-B3")
def test_two_people_declare_an_emergency_and_the_record_says_who_they_are(plan: Plan) -> None:
    done = call(*EMERGENCY, "--by", "on-call", "--second", "lead", *STATE)
    assert done.exit_code == 0, done.output
    assert "every gate of safety holds" in done.stderr
    (made,) = book().of_kind(EmergencyDeclared)
    assert (made.subject, made.by, made.second) == (plan.digest, "on-call", "lead")
    assert (made.identity, made.second_identity) == ("platform-oncall", "platform-lead")


@pytest.mark.requirement("R-B3")
@pytest.mark.parametrize(
    ("by", "second", "code", "told"),
    [
        ("lead", "lead", 4, "same person"),
        ("platform-lead", "lead", 4, "same person"),
        ("lead", "officer", 4, "who officer is, is not known"),
        ("lead", "anybody", 2, "knows nobody called 'anybody'"),
    ],
)
def test_one_person_and_an_unknown_second_declare_nothing(
    plan: Plan, by: str, second: str, code: int, told: str
) -> None:
    done = call(*EMERGENCY, "--by", by, "--second", second, *STATE)
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert not book().read()


def test_the_api_server_s_word_goes_over_the_file_s(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"theirs": "officer-user", "stolen": "platform-oncall"}
    monkeypatch.setattr(words, "who_am_i", lambda context, kubeconfig: names[context])
    done = call(*EMERGENCY, "--by", "lead", "--second", "officer", "--second-context", "theirs", *STATE)
    assert done.exit_code == 0, done.output
    assert book().of_kind(EmergencyDeclared)[0].second_identity == "officer-user"
    other = call(*EMERGENCY, "--by", "on-call", "--second", "lead", "--second-context", "stolen", *STATE)
    assert other.exit_code == 4
    assert "these credentials are not lead's" in other.stderr


# --- looking -------------------------------------------------------------------------------


def test_list_shows_both_environments_and_what_a_person_should_do(plan: Plan) -> None:
    done = call("list", "--at", "2026-11-21T10:00:00Z", "--plan", "night.plan", *STATE)
    assert done.exit_code == 0, done.output
    for text in ("STAGING", "PRODUCTION", "monthly 22:00–05:00", "freeze year-end", "holiday: Christmas Day"):
        assert text in done.stdout
    assert "windows agree monthly --environment production --by WHO" in done.stdout, "February is not agreed"
    markdown = call("list", "--at", "2026-11-21T10:00:00Z", "-o", "markdown", *STATE).stdout
    assert markdown.startswith("# Windows of payments")
    assert yaml.safe_load(call("list", "-o", "yaml", *STATE).stdout)["kind"] == "Calendar"


def test_export_is_a_calendar_file(tmp_path: Path) -> None:
    done = call("export", "--at", "2026-11-21T10:00:00Z", "--out", "maintenance.ics", *STATE)
    assert done.exit_code == 0, done.output
    read = icalendar.Calendar.from_ical((tmp_path / "maintenance.ics").read_bytes())
    assert len(list(read.walk("VEVENT"))) >= 24
    assert call("export", *STATE).stdout.startswith("BEGIN:VCALENDAR")


def test_utilisation_before_any_record_says_so() -> None:
    done = call("utilisation", *STATE)
    assert done.exit_code == 0, done.output
    assert "production/monthly  nothing is on record" in done.stdout
    found: dict[str, Any] = json.loads(call("utilisation", "-o", "json", *STATE).stdout)
    assert found["kind"] == "Utilisation"
    assert found["items"] == []


def test_without_environments_there_are_no_windows_to_list(tmp_path: Path) -> None:
    (tmp_path / "shipkeeper.yaml").write_text("name: x\n")
    done = call("list", *STATE)
    assert done.exit_code == 2
    assert "declares no environment" in done.stderr


# --- gates beforehand ----------------------------------------------------------------------


def test_the_gates_can_be_asked_days_before(plan: Plan) -> None:
    done = call("gates", "night.plan", *STATE)
    assert done.exit_code == 4, "a cluster that the file does not name is unknown, and that holds"
    assert "window-agreed" in done.stdout
    found = json.loads(call("gates", "night.plan", "-o", "json", *STATE).stdout)
    assert (found["kind"], found["planDigest"]) == ("Gates", plan.digest)
    assert [item["gate"] for item in found["items"]][:2] == ["window-agreed", "window-content"]
    assert {item["state"] for item in found["items"]} <= {"open", "closed", "unknown"}
    Path("shipkeeper.yaml").write_text("name: payments\n")
    assert call("gates", "night.plan", *STATE).exit_code == 0


def test_config_check_finds_a_part_of_a_country_that_there_is_not() -> None:
    Path("shipkeeper.yaml").write_bytes(FILE.replace(b"country: SE", b"country: DE-XX"))
    sys.argv = ["shipkeeper", "config", "check"]
    done = CliRunner().invoke(main, ["config", "check"], prog_name="shipkeeper")
    assert done.exit_code == 2
    assert "shipkeeper.yaml:4:10" in done.stderr
    assert "'DE-XX' is no part of a country" in done.stderr
