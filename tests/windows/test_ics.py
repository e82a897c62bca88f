"""iCalendar: what another program reads is what was meant. The ``icalendar`` library is the oracle."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.evidence.calendar import Calendar
from shipkeeper.evidence.calendar_ics import calendar_ics
from shipkeeper.evidence.ics import WIDTH, Event, write_calendar
from shipkeeper.model.time import HOUR, parse_instant
from tests.windows.test_calendar import NOW, calendar

TEXT = st.text(max_size=120)
STAMP = parse_instant("2026-11-21T10:00:00Z")


def events_of(text: str) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def normal(text: str) -> str:
    """What RFC 5545 TEXT can carry: no control characters but line breaks, no space around."""
    lines = "\n".join(text.strip().splitlines())
    return "".join(c for c in lines if c == "\n" or c == "\t" or not (ord(c) < 32 or ord(c) == 127))


@pytest.mark.requirement("R-C1")
@given(TEXT, TEXT, st.lists(TEXT.filter(lambda t: bool(normal(t).strip())), max_size=3))
def test_any_text_comes_out_as_it_went_in(summary: str, description: str, categories: list[str]) -> None:
    event = Event(
        uid="u@shipkeeper",
        summary=summary,
        description=description,
        categories=tuple(categories),
        span_ms=(STAMP, STAMP + HOUR),
    )
    text = write_calendar([event], "c", STAMP)
    (found,) = events_of(text)
    assert str(found["SUMMARY"]) == normal(summary)
    assert str(found.get("DESCRIPTION", "")) == normal(description)
    if categories:
        assert [str(c) for c in found["CATEGORIES"].cats] == [normal(c) for c in categories]


@given(TEXT, TEXT)
def test_lines_end_with_crlf_and_are_folded_between_characters(summary: str, description: str) -> None:
    event = Event(uid="u", summary=summary * 3, description=description * 3, span_ms=(STAMP, STAMP + HOUR))
    data = write_calendar([event], "Wartung über Nacht", STAMP).encode()
    assert data.endswith(b"END:VCALENDAR\r\n")
    for line in data.split(b"\r\n"):
        assert len(line) <= WIDTH
        assert b"\n" not in line
        assert b"\r" not in line
        line.decode()  # no character is cut in two


@given(st.integers(0, 4_000_000_000_000), st.integers(1, 14 * 24 * HOUR))
def test_instants_are_the_same_instants(begins_ms: int, length_ms: int) -> None:
    begins_ms -= begins_ms % 1000
    length_ms = max(1000, length_ms - length_ms % 1000)
    text = write_calendar([Event(uid="u", summary="s", span_ms=(begins_ms, begins_ms + length_ms))], "c", STAMP)
    (found,) = events_of(text)
    assert found.start == datetime.fromtimestamp(begins_ms / 1000, UTC)
    assert found.end - found.start == timedelta(milliseconds=length_ms)


def test_whole_days_end_the_day_after_their_last() -> None:
    event = Event(uid="u", summary="s", days=(date(2026, 12, 18), date(2027, 1, 7)))
    text = write_calendar([event], "c", STAMP)
    assert "DTSTART;VALUE=DATE:20261218\r\nDTEND;VALUE=DATE:20270108\r\n" in text
    (found,) = events_of(text)
    assert (found.start, found.end) == (date(2026, 12, 18), date(2027, 1, 8))


def test_an_event_without_a_time_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="has no time"):
        write_calendar([Event(uid="u", summary="s")], "c", STAMP)


# --- the export ----------------------------------------------------------------------------


def exported(found: Calendar, stamp_ms: int = NOW) -> list[icalendar.Event]:
    return events_of(calendar_ics(found, stamp_ms))


@pytest.mark.requirement("R-C1", "R-C3")
def test_the_calendars_are_read_by_another_program_as_they_are() -> None:
    found = calendar()
    read = exported(found)
    by_name = {str(event["SUMMARY"]): event for event in read}
    night = by_name["Maintenance window: production monthly"]
    assert night.start == datetime(2026, 12, 1, 21, tzinfo=UTC), "22:00 in Stockholm in winter"
    assert night.end == datetime(2026, 12, 2, 4, tzinfo=UTC)
    assert str(night["STATUS"]) == "CONFIRMED"
    frozen = by_name["Maintenance window: production monthly (frozen: year-end)"]
    assert str(frozen["STATUS"]) == "TENTATIVE"
    freeze = by_name["Freeze: year-end (production)"]
    assert (freeze.start, freeze.end) == (date(2026, 12, 18), date(2027, 1, 8)), "all-day, the last day included"
    assert by_name["Holiday: Christmas Day (production)"].start == date(2026, 12, 25)
    assert len(read) == len(found.windows) + len(found.freezes) + len(found.holidays)


def test_importing_again_changes_entries_instead_of_doubling_them() -> None:
    first = {str(event["UID"]) for event in exported(calendar())}
    again = {str(event["UID"]) for event in exported(calendar(), NOW + HOUR)}
    assert first == again
    assert len(first) == len(exported(calendar())), "each has its own"
    later = {str(event["UID"]) for event in exported(calendar(each=6))}
    assert first <= later
