"""Working days: the days on which people had office hours to find out what a change did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from shipkeeper.model.calendar import local_instant
from shipkeeper.model.time import load_zone, moment

OFFICE = (time(9), time(17))
"""Office hours, local. A working day counts once they have been lived through whole."""
WEEKEND = frozenset({5, 6})
"""Saturday and Sunday, as ``date.weekday`` numbers them."""
LONGEST_DAYS = 3_660
"""Further than this nobody looks for a working day."""


class ClosedDays(Struct, frozen=True):
    """Which days are no working days: the weekend, and single days by name.

    ``unknown`` says why national holidays are not among them; empty: they are.
    """

    days: Mapping[date, str] = {}
    weekend: frozenset[int] = WEEKEND
    unknown: str = ""

    def works(self, day: date) -> bool:
        """Whether people work on that day."""
        return day.weekday() not in self.weekend and day not in self.days

    def with_days(self, more: Mapping[date, str]) -> ClosedDays:
        """The same with further closed days."""
        return ClosedDays({**more, **self.days}, self.weekend, self.unknown)


def working_days_between(begins_ms: int, ends_ms: int, zone: str, closed: ClosedDays) -> int:
    """How many working days have their whole office hours between two instants. None when the second is earlier."""
    day, last = moment(begins_ms, zone).date(), moment(ends_ms, zone).date()
    count = 0
    while day <= last:
        opens, closes = office_hours(day, zone)
        if closed.works(day) and begins_ms <= opens and closes <= ends_ms:
            count += 1
        day += timedelta(days=1)
    return count


def after_working_days(begins_ms: int, count: int, zone: str, closed: ClosedDays) -> int | None:
    """The first instant with that many working days since ``begins_ms``. None: there are none within ten years."""
    if count <= 0:
        return begins_ms
    day = moment(begins_ms, zone).date()
    for _ in range(LONGEST_DAYS):
        opens, closes = office_hours(day, zone)
        if closed.works(day) and begins_ms <= opens:
            count -= 1
            if count == 0:
                return closes
        day += timedelta(days=1)
    return None


def office_hours(day: date, zone: str) -> tuple[int, int]:
    """The office hours of a local day, as instants."""
    where = load_zone(zone)
    begins, ends = (datetime.combine(day, hour) for hour in OFFICE)
    return local_instant(begins, where, later=False), local_instant(ends, where, later=True)
