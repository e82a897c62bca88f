"""Maintenance windows: written by people in local time, kept as instants.

Decisions where the clock is turned, made so that a window never is wider than what was agreed under either reading:
an opening that happens twice means the later one, an end that happens twice means the earlier one. A written time
that does not exist that night is an error. A recurring window whose start does not exist opens when the clock has
jumped. A recurring window lasts its duration, whatever the clock does meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile

from dateutil.rrule import rrule, rrulestr
from msgspec.structs import replace

from shipkeeper.model.calendar import exists, local_instant
from shipkeeper.model.errors import BadInput
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import WindowRule
from shipkeeper.model.time import DAY, instant, iso, load_zone, moment, parse_duration

_EXPLICIT = re.compile(r"^(?P<start>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)/(?P<end>\S+?)(?:\s+(?P<zone>\S+))?$")
_TIME = re.compile(r"^\d{2}:\d{2}(?::\d{2})?$")
_DATE_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?$")
_FORM = 'write it like "2026-12-02T22:00/05:00 Europe/Stockholm"'
_LONG_AGO = date(2020, 1, 1)
LONGEST_MS = 14 * DAY
"""A window longer than this is taken for a slip of the pen."""


def parse_window(text: str, default_zone: str = "UTC") -> PlanWindow:
    """Read ``START/END ZONE``. END is a time of day (earlier than the start: the next day), a date and time, or a
    duration such as ``7h``. Without a zone, ``default_zone`` holds.

    Raises BadInput for a time that does not exist, an unknown zone, an end before its start.
    """
    match = _EXPLICIT.match(text.strip())
    if match is None:
        raise BadInput(f"the window {text!r} is not understood", hint=_FORM)
    zone_name = match["zone"] or default_zone
    zone = load_zone(zone_name)
    start = _naive(match["start"], text)
    opens_ms = _resolve(start, zone, zone_name, opening=True)
    end = match["end"]
    if _TIME.match(end):
        ends = datetime.combine(start.date(), _time(end, text))
        if ends <= start:
            ends += timedelta(days=1)
        closes_ms = _resolve(ends, zone, zone_name, opening=False)
    elif _DATE_TIME.match(end):
        closes_ms = _resolve(_naive(end, text), zone, zone_name, opening=False)
    else:
        try:
            closes_ms = opens_ms + parse_duration(end)
        except BadInput as error:
            raise BadInput(f"the window's end {end!r} is not understood", hint=_FORM) from error
    return _window(opens_ms, closes_ms, zone_name, text)


def next_window(rule: WindowRule, after_ms: int) -> PlanWindow:
    """The rule's first window that opens at or after ``after_ms``. Raises BadInput when there is none any more."""
    found = next(_openings(rule, after_ms), None)
    if found is None:
        raise BadInput(
            f"window {rule.name!r} does not open any more after {iso(after_ms, rule.zone)}",
            hint="its RRULE has ended: agree on new windows and extend UNTIL or COUNT",
        )
    return found


def _openings(rule: WindowRule, after_ms: int) -> Iterator[PlanWindow]:
    """The rule's windows that open at or after ``after_ms``, earliest first."""
    zone, length_ms = load_zone(rule.zone), parse_duration(rule.duration)
    # One day back: an opening that the clock's jump moved forward starts from an earlier written time.
    local = moment(after_ms, rule.zone).replace(tzinfo=None) - timedelta(days=1)
    for start in _starts(rule, local):
        opens_ms = local_instant(start, zone, later=True)
        if opens_ms >= after_ms:
            yield _window(opens_ms, opens_ms + length_ms, rule.zone, rule.name)


def open_or_next(rule: WindowRule, at_ms: int) -> PlanWindow:
    """The rule's window that is open then, else the next one. Raises BadInput when there is none any more."""
    return next_window(rule, at_ms - parse_duration(rule.duration) + 1)


def window_on(rule: WindowRule, day: date) -> PlanWindow | None:
    """The rule's window that opens on that local date, or None."""
    midnight = datetime.combine(day, time())
    for start in _starts(rule, midnight):
        if start.date() != day:
            return None
        opens_ms = local_instant(start, load_zone(rule.zone), later=True)
        return _window(opens_ms, opens_ms + parse_duration(rule.duration), rule.zone, rule.name)
    return None


def upcoming(rule: WindowRule, after_ms: int, until_ms: int) -> Iterator[PlanWindow]:
    """The rule's windows that close after ``after_ms`` and open before ``until_ms``, earliest first."""
    openings = _openings(rule, after_ms - parse_duration(rule.duration) + 1)
    return takewhile(lambda window: window.opens_ms < until_ms, openings)


def window_at(rule: WindowRule, opens_ms: int, closes_ms: int) -> PlanWindow | None:
    """The rule's window that holds all of that time, or None."""
    found = next(upcoming(rule, closes_ms - 1, opens_ms + 1), None)
    return found if found is not None and found.opens_ms <= opens_ms and closes_ms <= found.closes_ms else None


def rule_faults(rule: WindowRule) -> Iterator[tuple[str, BadInput]]:
    """(field, what is wrong) for everything that keeps a rule from giving windows."""
    looks: dict[str, Callable[[WindowRule], object]] = {
        "zone": lambda rule: load_zone(rule.zone),
        "start": lambda rule: check_start(rule.start),
        "duration": lambda rule: _check_length(rule.duration),
        "first": _first_day,
        "rrule": _check_occurs,
    }
    for field, look in looks.items():
        try:
            look(rule)
        except BadInput as error:
            yield field, error
            if field == "first":
                return  # from which day on the rule counts is not known
            if field == "start":
                rule = replace(rule, start="00:00")  # its days can be wrong as well, and are looked at with any time


def check_start(text: str) -> None:
    """Refuse what is no time of day. Raises BadInput."""
    _time(text, text)


def _check_length(duration: str) -> None:
    length = parse_duration(duration)
    if length <= 0:
        raise BadInput("a window's duration must be longer than nothing", hint="write it like 7h")
    if length > LONGEST_MS:
        raise BadInput("a window is not longer than 14 days", hint="write the duration like 7h")


def _check_occurs(rule: WindowRule) -> None:
    if next(iter(_recurrence(rule)), None) is None:
        raise BadInput(
            f"a window of {rule.rrule!r} never occurs" + (f" after {rule.first}" if rule.first else ""),
            why="whoever waits for it waits for ever",
            hint="is the day in that month, and UNTIL after the first window?",
        )


def _starts(rule: WindowRule, after: datetime) -> Iterator[datetime]:
    """Written local starts at or after a local time, in order, without those that are excepted."""
    starts: Iterator[datetime] = _recurrence(rule).xafter(after, inc=True)
    excepted = frozenset(rule.except_on)
    return (start for start in starts if start.date().isoformat() not in excepted)


def _recurrence(rule: WindowRule) -> rrule:
    """The recurrence in local time without zone, counted from ``first``."""
    text = rule.rrule.upper()
    counts = re.search(r"COUNT=|INTERVAL=(?!1(?:;|$))", text)
    if counts and not rule.first:
        raise BadInput(
            f"{rule.rrule!r} counts, and nothing says from which date",
            hint="add `first: 2026-01-06`, the date of the first window",
        )
    return _parsed(rule.rrule, datetime.combine(_first_day(rule), _time(rule.start, rule.start)))


def _first_day(rule: WindowRule) -> date:
    """The date from which on the rule counts."""
    try:
        return date.fromisoformat(rule.first) if rule.first else _LONG_AGO
    except ValueError as error:
        raise BadInput(f"{rule.first!r} is not a date", hint="write it like 2026-01-06") from error


def check_rrule(text: str) -> None:
    """Refuse what is no recurrence of windows. Raises BadInput."""
    _parsed(text, datetime.combine(_LONG_AGO, time()))


def _parsed(rule: str, anchor: datetime) -> rrule:
    text = rule.upper().removeprefix("RRULE:")
    if "DTSTART" in text:
        raise BadInput("an RRULE here has no DTSTART", hint="the start is in `start:`, the zone in `zone:`")
    if re.search(r"FREQ=(HOURLY|MINUTELY|SECONDLY)", text):
        raise BadInput("a window recurs daily at most", hint="for one each night: FREQ=DAILY")
    try:
        # dateutil wants UNTIL without a zone where the start has none; here it is local like the start.
        found = rrulestr(re.sub(r"(UNTIL=\d{8}T\d{6})Z", r"\1", text), dtstart=anchor)
        if not isinstance(found, rrule):
            raise TypeError("one rule, without dates of its own")
        return found
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{rule!r} is not an RRULE: {error}",
            hint="for the first Tuesday of each month: FREQ=MONTHLY;BYDAY=1TU",
        ) from error


def _naive(text: str, whole: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} in the window {whole!r} is not a date and time: {error}", hint=_FORM) from error


def _time(text: str, whole: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        within = f" in {whole!r}" if whole != text else ""
        raise BadInput(f"{text!r}{within} is not a time of day", hint="write it like 22:00") from error
    if found.tzinfo is not None:
        raise BadInput(f"{text!r} carries an offset", hint="name the zone instead, so that summer time is right")
    return found


def _resolve(local: datetime, zone: tzinfo, zone_name: str, *, opening: bool) -> int:
    """The instant of a written local time. Raises BadInput when the clock jumps over it."""
    first, second = (instant(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if not exists(local, zone):
        after = datetime.fromtimestamp(first / 1000, UTC).astimezone(zone).strftime("%H:%M")
        raise BadInput(
            f"{local:%H:%M} does not exist on {local:%Y-%m-%d} in {zone_name}: the clock is put forward",
            why="nobody could say when that is",
            hint=f"choose {after} or a time before the jump",
        )
    return max(first, second) if opening else min(first, second)


def _window(opens_ms: int, closes_ms: int, zone: str, text: str) -> PlanWindow:
    if closes_ms <= opens_ms:
        raise BadInput(f"the window {text!r} ends before it starts", hint=_FORM)
    if closes_ms - opens_ms > LONGEST_MS:
        raise BadInput(f"the window {text!r} is longer than 14 days", hint="is the end's date right?")
    return PlanWindow(opens_at=iso(opens_ms, zone), closes_at=iso(closes_ms, zone), zone=zone)
