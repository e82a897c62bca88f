"""What is due and what is planned, read back by another program's iCalendar reader."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import icalendar
import pytest
from click.testing import CliRunner

from shipkeeper.cli.main import main

DEMO = Path(__file__).resolve().parents[2] / "src/shipkeeper/app/demo_platform"
AT = "2026-11-24T09:00:00Z"
SOURCE = ["--from", str(DEMO / "platform.json.gz"), "--platform", str(DEMO / "shipkeeper.yaml"), "--at", AT]


def events(tmp_path, *words: str):
    told = CliRunner().invoke(main, [*words, *SOURCE, "--state", str(tmp_path), "-o", "ics"])
    assert told.exit_code == 0, told.output
    return icalendar.Calendar.from_ical(told.stdout_bytes).walk("VEVENT")


@pytest.mark.requirement("R-B1")
def test_due_dates_and_windows_are_entries_of_a_calendar(tmp_path) -> None:
    found = events(tmp_path, "due")
    windows = [event for event in found if str(event["SUMMARY"]) == "Maintenance window"]
    assert windows[0].decoded("DTSTART") == datetime.fromisoformat("2026-12-01T21:00:00+00:00")
    falco = [event for event in found if "Falco rule updates" in str(event["SUMMARY"])]
    assert all(isinstance(event.decoded("DTSTART"), date) for event in falco)
    assert len(falco) >= 11, "what recurs monthly is not in every month"
    overdue = [event for event in found if str(event["SUMMARY"]).startswith("Overdue: ")]
    assert {event.decoded("DTSTART") for event in overdue} == {date(2026, 11, 24)}
    uids = [str(event["UID"]) for event in found]
    assert len(uids) == len(set(uids)), "two entries would overwrite each other"
    assert uids == [str(event["UID"]) for event in events(tmp_path, "due")], "importing again would double entries"


def test_a_programme_s_windows_carry_their_work(tmp_path) -> None:
    found = events(tmp_path, "plan", "propose")
    assert found[0].decoded("DTSTART") == datetime.fromisoformat("2026-12-01T21:00:00+00:00")
    assert "1. " in str(found[0]["DESCRIPTION"])
    assert "People may notice" in str(found[0]["DESCRIPTION"])
